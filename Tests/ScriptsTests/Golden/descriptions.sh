#!/bin/sh
##~~ @syntax 2
##~~ a - b - c
##~~ b [int] - [int]
##~~ c - when x=y
##~~ d [text]
##~~ e -
##~~ f	-	in tabs
##~~ g? - "quoted" ? /slashes/
