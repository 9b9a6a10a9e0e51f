#!/bin/bash
##~~ @syntax 2
##~~ @title Word frequencies
##~~ @about Counts how often each word occurs in a text and lists the most frequent ones.
##~~ @tags text, counting
##~~ @needs cpus=1 mem=512M time=1h
##~~ @example input=data/lighthouse.txt most=20 output=words.tsv
##~~ input [file .txt .md max=1G] - a plain text file in UTF-8
##~~ most [int 1..9999 = 100] - how many words to list
##~~ output [output .tsv .txt = words.tsv] - the table: how often, a tab, the word
#
# A pipeline fails in bash with `pipefail` when any of its parts fails. In plain sh only the last part counts, so an
# unreadable input would look like a success.
set -euo pipefail
input=$1
most=$2
output=$3

# That `most` is a number from 1 to 9999 is proved before the script runs.

# `sed` and `grep` read letters of all languages because LANG is C.UTF-8. The last awk reads its input to the end, as
# `head` would not: `sort` would be cut short, and pipefail would take that for a failure.
sed 's/.*/\L&/' < "$input" |
    { grep -oE '[[:alpha:]]+' || true; } |
    sort | uniq -c | sort -k1,1nr -k2 |
    awk -v most="$most" 'NR <= most { print $1 "\t" $2 } END { print NR, "different words." > "/dev/stderr" }' \
        > "$output"
