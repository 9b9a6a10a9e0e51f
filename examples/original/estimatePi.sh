#!/bin/sh
##~~ Estimates pi by throwing darts at a square: slow on purpose, to watch a job while it runs and to cancel one.
##~~ rounds - how often to throw ten million darts: a whole number from 1 to 999; each takes a second or more
##~~ output - the estimate after each round, such as pi.tsv
set -eu
rounds=$1
output=$2

case $rounds in
[1-9] | [1-9][0-9] | [1-9][0-9][0-9]) ;;
*)
    printf 'rounds must be a whole number from 1 to 999, not: %s\n' "$rounds" >&2
    exit 2
    ;;
esac

# A cancelled job is asked to end (TERM) and has a few seconds for it. Here nothing is lost: each round is written as
# soon as it is done.
trap 'echo "Cancelled in round $round; the rounds before it are in the output."; exit 143' TERM

printf 'round\testimate\n' > "$output"
hits=0
round=1
while [ "$round" -le "$rounds" ]; do
    # One awk for each round, with a seed of its own, so that the rounds differ and a job can be repeated exactly.
    new=$(awk -v seed="$round" 'BEGIN {
        srand(seed)
        for (i = 0; i < 10000000; i++) { x = rand(); y = rand(); if (x * x + y * y < 1) hits++ }
        print hits
    }')
    hits=$((hits + new))
    estimate=$(awk -v hits="$hits" -v rounds="$round" 'BEGIN { printf "%.6f", 4 * hits / (rounds * 10000000) }')
    printf '%d\t%s\n' "$round" "$estimate" >> "$output"
    # What goes to standard output is in the log at once, and the job's page shows it.
    printf 'Round %d of %d: pi is about %s\n' "$round" "$rounds" "$estimate"
    round=$((round + 1))
done
