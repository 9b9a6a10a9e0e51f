#!/bin/sh
##~~ @syntax 2
##~~ @needs mem=1G..2G = 4G
