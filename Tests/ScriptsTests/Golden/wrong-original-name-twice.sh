#!/bin/sh
##~~ a - b
##~~ ä - c
##~~ a-d
