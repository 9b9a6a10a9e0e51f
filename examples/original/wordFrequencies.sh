#!/bin/bash
##~~ Counts how often each word occurs in a text and lists the most frequent ones.
##~~ input - a plain text file in UTF-8
##~~ most - how many words to list: a whole number from 1 to 9999
##~~ output - the table, such as words.tsv: how often, a tab, the word
#
# A pipeline fails in bash with `pipefail` when any of its parts fails. In plain sh only the last part counts, so an
# unreadable input would look like a success.
set -euo pipefail
input=$1
most=$2
output=$3

# Prove that a number is one before using it as one. Only then is it safe in arithmetic.
case $most in
[1-9] | [1-9][0-9] | [1-9][0-9][0-9] | [1-9][0-9][0-9][0-9]) ;;
*)
    printf 'most must be a whole number from 1 to 9999, not: %s\n' "$most" >&2
    exit 2
    ;;
esac

# `sed` and `grep` read letters of all languages because LANG is C.UTF-8. The last awk reads its input to the end, as
# `head` would not: `sort` would be cut short, and pipefail would take that for a failure.
sed 's/.*/\L&/' < "$input" |
    { grep -oE '[[:alpha:]]+' || true; } |
    sort | uniq -c | sort -k1,1nr -k2 |
    awk -v most="$most" 'NR <= most { print $1 "\t" $2 } END { print NR, "different words." > "/dev/stderr" }' \
        > "$output"
