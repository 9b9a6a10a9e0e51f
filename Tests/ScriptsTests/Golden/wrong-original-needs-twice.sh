#!/bin/sh
##~~ @needs cpus=1
##~~ @needs cpus=2
