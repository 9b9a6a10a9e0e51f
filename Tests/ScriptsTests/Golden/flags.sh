#!/bin/sh
##~~ @syntax 2
##~~ a [flag] - off
##~~ b [flag = yes] - on
##~~ c [flag = no] - off
##~~ @example a=yes b=no
