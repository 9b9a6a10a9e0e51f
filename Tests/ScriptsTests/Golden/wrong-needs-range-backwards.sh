#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=8..1
