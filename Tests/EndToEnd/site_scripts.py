"""Scripts that the tests offer on their sites."""

SCRIPTS = {
    # Gives back, byte for byte, what it was given.
    "echo.sh": """#!/bin/sh
##~~ Writes its arguments into a file.
##~~ first - any text
##~~ second - any text
set -eu
printf '%s\\0' "$@" > arguments
""",
    "count.sh": """#!/bin/sh
##~~ Counts the lines of two files.
##~~ input_one - the first file
##~~ input_two - the second file
##~~ output_counts - where the counts go
set -eu
echo "counting"
cat "$1" "$2" | wc -l > "$3"
""",
    # Runs until the file `go` appears in its folder.
    "wait.sh": """#!/bin/sh
##~~ Waits to be told.
##~~ status - what to exit with
echo waiting
while [ ! -e go ]; do sleep 0.05; done
echo "x" >> ran
exit "$1"
""",
    "stubborn.sh": """#!/bin/sh
##~~ Does not want to end, nor do its children.
trap '' TERM
setsid sh -c 'trap "" TERM; while :; do sleep 0.05; done' < /dev/null > /dev/null 2>&1 &
touch up
while :; do sleep 0.05; done
""",
    "polite.sh": """#!/bin/sh
##~~ Ends when it is asked to.
trap 'echo "asked to end"; exit 0' TERM
touch up
while :; do sleep 0.05; done
""",
    "environment.sh": """#!/bin/sh
##~~ Tells what it sees.
/usr/bin/env -0 > environment
pwd > folder
readlink /proc/self/fd/0 > input
umask > mask
ls -l /proc/self/fd > descriptors
""",
    "signal.sh": "#!/bin/sh\n##~~ Dies.\nkill -SEGV $$\nsleep 10\n",
    "nothing.sh": "#!/no/such/interpreter\n##~~ Cannot be started.\n",
    "loud.sh": "#!/usr/bin/perl\n##~~ Says too much.\nprintf \"line %07d %s\\n\", $_, 'x' x 46 for 0..99999;\n",
    "plain.sh": "#!/bin/sh\necho plain\n",
}
