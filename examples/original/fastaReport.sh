#!/bin/sh
##~~ Measures the DNA sequences of a FASTA file and writes the reverse complement of each.
##~~ input - a FASTA file of DNA: letters of the IUPAC code, upper or lower case
##~~ output_table - length and GC content of each sequence, such as report.tsv
##~~ output_reverse - the reverse complements, such as reverse.fasta
#
# A script may have several inputs and outputs: every name that begins with "input" or "output" is a file.
set -eu
input=$1
output_table=$2
output_reverse=$3

if [ "$output_table" = "$output_reverse" ]; then
    echo "Both outputs have the same name; one would overwrite the other." >&2
    exit 2
fi

# Paths go into awk by its environment, because `-v` would change a backslash in them.
TABLE=$output_table REVERSE=$output_reverse awk '
    BEGIN {
        table = ENVIRON["TABLE"]; reverse = ENVIRON["REVERSE"]
        from = "ACGTURYSWKMBDHVNacgturyswkmbdhvn"; to = "TGCAAYRSWMKVHDBNtgcaayrswmkvhdbn"
        for (i = 1; i <= length(from); i++) complement[substr(from, i, 1)] = substr(to, i, 1)
        print "name\tlength\tgc_percent" > table
    }
    { sub(/\r$/, "") }
    /^>/ {
        finish()
        name = substr($0, 2); sequence = ""; count++
        next
    }
    NF == 0 { next }
    count == 0 { stop("the file does not begin with a line such as >name") }
    /[^ACGTURYSWKMBDHVNacgturyswkmbdhvn]/ { stop("this is no DNA: " substr($0, 1, 60)) }
    { sequence = sequence $0 }
    END {
        if (failed) exit 1
        if (count == 0) stop("there is no sequence in the file")
        finish()
        printf "%d sequences done.\n", count
    }

    function stop(reason) {
        printf "Line %d: %s\n", NR, reason > "/dev/stderr"
        failed = 1
        exit 1
    }

    # Only A, C, G and T count: an N says nothing about the content of G and C.
    function finish(    known, strong, bases, line, i) {
        if (count == 0) return
        bases = sequence; strong = gsub(/[GCgc]/, "", bases)
        known = strong + gsub(/[ATUatu]/, "", bases)
        printf "%s\t%d\t%s\n", name, length(sequence), known ? sprintf("%.1f", 100 * strong / known) : "unknown" > table
        printf ">%s reverse complement\n", name > reverse
        line = ""
        for (i = length(sequence); i >= 1; i--) {
            line = line complement[substr(sequence, i, 1)]
            if (length(line) == 60) { print line > reverse; line = "" }
        }
        if (line != "") print line > reverse
        printf "%s: %d bases\n", name, length(sequence)
    }
' < "$input"
