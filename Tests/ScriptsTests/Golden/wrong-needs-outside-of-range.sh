#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=1..8 = 9
