#!/bin/sh
##~~ @syntax 2
##~~ a [lines] - any
##~~ b [lines 1..96 /[A-Z][0-9]+/] - sample names
##~~ c? [lines ..5 = "one line"]
