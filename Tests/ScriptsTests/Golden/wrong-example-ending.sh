#!/bin/sh
##~~ @syntax 2
##~~ f [file .csv]
##~~ @example f=a.txt
