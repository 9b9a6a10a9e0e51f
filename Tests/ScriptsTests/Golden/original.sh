#!/bin/sh
##~~ Aligns reads to a genome.
##~~ inputReads - the reads, in FASTQ
##~~ threads - how many - at most 4
##~~ outputAlignment - where the alignment goes
##~~ limit -
##~~ 
##~~ Takes an hour.
