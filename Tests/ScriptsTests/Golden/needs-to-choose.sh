#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=1..8=4 mem=8G..64G = 16G time=10m..2:00:00
##~~ k
