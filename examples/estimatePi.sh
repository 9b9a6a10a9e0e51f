#!/bin/sh
##~~ @syntax 2
##~~ @title Estimate pi
##~~ @about Estimates pi by throwing darts at a square: slow on purpose, to watch a job while it runs and to cancel one.
##~~ @tags mathematics
##~~ @needs cpus=1 mem=256M time=2h
##~~ @example rounds=20 output=pi.tsv
##~~ rounds [int 1..999 = 100] - how often to throw ten million darts; each round takes a second or more
##~~ output [output .tsv = pi.tsv] - the estimate after each round
set -eu
rounds=$1
output=$2

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
