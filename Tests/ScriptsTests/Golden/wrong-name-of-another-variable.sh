#!/bin/sh
##~~ @syntax 2
##~~ a [file]
##~~ A_names
