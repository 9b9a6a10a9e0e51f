#!/bin/sh
##~~ Keeps the lines of a text file that hold a certain text, and numbers them.
##~~ input - the text file to search
##~~ param - the text to look for; upper and lower case count as the same
##~~ output - the file that gets the lines, such as found.txt
#
# The smallest useful script: a file goes in, a value decides, a file comes out. The values arrive in the order of the
# lines above: $1 is the full path of the input, $2 the text, $3 the full path of the output.
set -eu
input=$1
param=$2
output=$3

if [ -z "$param" ]; then
    echo "param is empty: say what to look for." >&2
    exit 2
fi

# awk would take backslashes in `-v wanted=...` for escapes; from its environment it takes the text as it is.
WANTED=$param awk '
    index(tolower($0), tolower(ENVIRON["WANTED"])) { printf "%d: %s\n", NR, $0; found++ }
    END { printf "%d of %d lines hold the text.\n", found, NR > "/dev/stderr" }
' < "$input" > "$output"
