#!/bin/sh
##~~ @syntax 2
##~~ a [output]
##~~ b [output .csv .tsv = result.csv] - a table
