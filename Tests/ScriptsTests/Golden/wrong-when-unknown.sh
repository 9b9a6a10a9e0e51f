#!/bin/sh
##~~ @syntax 2
##~~ k when x=y
