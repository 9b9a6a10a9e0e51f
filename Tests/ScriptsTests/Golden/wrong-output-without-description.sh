#!/bin/sh
##~~ @syntax 2
##~~ @output *.bam
