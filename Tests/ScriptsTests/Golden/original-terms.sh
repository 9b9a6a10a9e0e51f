#!/bin/sh
##~~ @needs cpus=2 mem=512M
##~~ @time 7d
##~~ @limits per-user=1 total=3
##~~ @retry 2
##~~ @idempotent
##~~ input - a file
