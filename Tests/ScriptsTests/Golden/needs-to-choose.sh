#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=1..16 = 4 mem=8G..64G time=1h..2d=12h
##~~ threads [use cpus]
