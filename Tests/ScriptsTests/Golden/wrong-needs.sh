#!/bin/sh
##~~ @syntax 2
##~~ @needs cpus=two
