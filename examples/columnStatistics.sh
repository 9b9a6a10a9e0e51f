#!/bin/bash
##~~ @syntax 2
##~~ @title Statistics of a column
##~~ @about Describes one column of a CSV file: how many numbers, the smallest, the largest, mean, standard deviation, median.
##~~ @tags tables, statistics
##~~ @needs cpus=1 mem=512M time=1h
##~~ @example input=data/measurements.csv column=temperature output=summary.txt
##~~ input [file .csv max=1G] - its first line names the columns; fields in quotation marks are not understood
##~~ column [text 1..200] - the name of the column, as it stands in the first line
##~~ output [output .txt = summary.txt] - the summary
set -euo pipefail
input=$1
column=$2
output=$3

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

# Which column is it? The name is data like everything that a user types: it is compared, never used as a pattern.
place=$(COLUMN=$column awk -F, '
    { sub(/\r$/, "") }
    { for (i = 1; i <= NF; i++) if ($i == ENVIRON["COLUMN"]) { print i; exit } exit }' < "$input")
if [ -z "$place" ]; then
    printf 'There is no column "%s". The columns are:\n' "$column" >&2
    head -n 1 < "$input" | tr -d '\r' | tr ',' '\n' >&2
    exit 1
fi
printf 'Column "%s" is number %s.\n' "$column" "$place"

# A file that is no output: the trap removes it, however the script ends.
numbers=$(mktemp)
trap 'rm -f "$numbers"' EXIT

# An empty field is a missing value. Anything else must be a number: better no answer than a wrong one.
awk -F, -v place="$place" '
    NR == 1 { next }
    { value = $place; sub(/\r$/, "", value); gsub(/^[ \t]+|[ \t]+$/, "", value) }
    value == "" { missing++; next }
    value !~ /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/ {
        printf "Line %d: \"%s\" is no number.\n", NR, value > "/dev/stderr"
        exit 1
    }
    { print value }
    END { printf "%d lines without a value.\n", missing > "/dev/stderr" }
' < "$input" | sort -g > "$numbers"

[ -s "$numbers" ] || fail "The column holds no number."

# The numbers come in order, so the median is in the middle. Mean and deviation grow with each number (Welford), which
# stays exact where a sum of squares would not.
awk '
    { value[NR] = $1; step = $1 - mean; mean += step / NR; squares += step * ($1 - mean) }
    END {
        half = int((NR + 1) / 2)
        median = NR % 2 ? value[half] : (value[half] + value[half + 1]) / 2
        printf "numbers             %d\n", NR
        printf "smallest            %.6g\n", value[1]
        printf "largest             %.6g\n", value[NR]
        printf "mean                %.6g\n", mean
        printf "standard deviation  %s\n", (NR > 1 ? sprintf("%.6g", sqrt(squares / (NR - 1))) : "needs two numbers")
        printf "median              %.6g\n", median
    }
' < "$numbers" | tee "$output"
