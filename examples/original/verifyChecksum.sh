#!/bin/sh
##~~ Makes sure that a file arrived as it left: compares its checksum with the one that the sender tells.
##~~ The job fails if the two differ.
##~~ input - the file to check
##~~ sha256 - the expected sum: 64 hexadecimal digits, as sha256sum prints them
#
# It wants no output parameter: what it leaves in its working folder can be downloaded all the same.
set -eu
input=$1
# Upper case will do too.
expected=$(printf '%s' "$2" | tr 'A-F' 'a-f')

case $expected in
*[!0-9a-f]*)
    echo "sha256 may hold only the digits 0-9 and a-f; it was: $2" >&2
    exit 2
    ;;
esac
if [ "${#expected}" -ne 64 ]; then
    echo "sha256 has ${#expected} digits; 64 are expected." >&2
    exit 2
fi

actual=$(sha256sum < "$input")
actual=${actual%% *}
printf 'file      %s\nexpected  %s\nactual    %s\n' "${input##*/}" "$expected" "$actual" | tee report.txt

# The exit status decides: 0 is success, anything else is failure. The last lines of the log are in the mail about it, so
# say there what happened and what to do.
if [ "$actual" != "$expected" ]; then
    echo "The file is not the one that was sent. Upload it again, or ask the sender for the sum." >&2
    exit 1
fi
echo "The file is the one that was sent."
