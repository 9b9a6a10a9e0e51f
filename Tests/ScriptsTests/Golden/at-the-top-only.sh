#!/bin/sh
##~~ @syntax 2
##~~ a [int]
##~~ b?
# a comment

##~~ c [flag] - still at the top
set -eu
##~~ not read any more
