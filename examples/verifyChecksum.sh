#!/bin/sh
##~~ @syntax 2
##~~ @title Verify a checksum
##~~ @about Makes sure that a file arrived as it left: compares its checksum with the one that the sender tells.
##~~ @about The job fails if the two differ.
##~~ @tags files
##~~ @needs cpus=1 mem=256M time=1h
##~~ @example input=data/lighthouse.txt sha256=55c7145335bff22b347f5f86b41c0a61823eb50e95fcfb5d3c74d8440d3f07a9
##~~ @output report.txt - both sums
##~~ input [file] - the file to check
##~~ sha256 [text 64..64 /[0-9A-Fa-f]*/] - the expected sum, as sha256sum prints it
#
# It wants no output parameter: what it leaves in its working folder can be downloaded all the same.
set -eu
input=$1
# Upper case will do too.
expected=$(printf '%s' "$2" | tr 'A-F' 'a-f')

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
