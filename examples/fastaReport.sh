#!/bin/sh
##~~ @syntax 2
##~~ @title Report on DNA sequences
##~~ @about Measures the DNA sequences of a FASTA file and writes the reverse complement of each.
##~~ @tags genomics
##~~ @needs cpus=1 mem=512M time=1h
##~~ @output *.tsv - length and GC content of each sequence
##~~ @output *.fasta - the reverse complements
##~~ @example input=data/sequences.fasta output_table=report.tsv output_reverse=reverse.fasta
##~~ input [file .fa .fasta max=1G] - DNA: letters of the IUPAC code, upper or lower case
##~~ output_table [output .tsv = report.tsv] - length and GC content of each sequence
##~~ output_reverse [output .fasta = reverse.fasta] - the reverse complements
#
# A script may have several inputs and outputs. That two outputs have two names is seen to by the form.
set -eu
input=$1
output_table=$2
output_reverse=$3

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
