#!/bin/sh
##~~ @syntax 2
##~~ @title Align reads
##~~ @about Maps reads to a reference genome - quickly.
##~~ @about Second paragraph, in µm.
##~~ @tags genomics, alignment,, genomics
##~~ @needs cpus=8 mem=32G time=12:00:00
##~~ @limits per-user=2 total=4 retry=1
##~~ @idempotent
##~~ @output *.bam - aligned reads
##~~ @output log? - what happened - in detail
##~~ reads [files 1..10 .fq] - the reads
##~~ k [int]
##~~ keep [flag]
##~~ sets [choices a|b|c]
##~~ note?
##~~ @example reads=demo/1.fq k=31 keep=yes sets=a,c note="two words"
