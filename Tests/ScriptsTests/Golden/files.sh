#!/bin/sh
##~~ @syntax 2
##~~ reference [file .fa .fasta max=2G] - the reference
##~~ one [file]
##~~ two? [file max=10M .CSV .tar.gz]
##~~ reads [files 2..10 .fq .fq.gz max=20G] - reads
##~~ some? [files]
##~~ inputByName - a file
##~~ @example reference=demo/genome.fa reads=demo/1.fq,demo/2.FQ.GZ
