#!/bin/sh
##~~ @needs cpus=0
