#!/bin/sh
##~~ @syntax 2
##~~ f [files 1..2]
##~~ @example f=a,b,c
