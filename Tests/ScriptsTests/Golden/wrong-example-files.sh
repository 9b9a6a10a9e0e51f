#!/bin/sh
##~~ @syntax 2
##~~ f [file]
##~~ @example f=nowhere.txt
