#!/bin/sh
##~~ @syntax 2
##~~ threads [use cpus] - filled in by the machine
##~~ memory [use mem]
##~~ seconds [use time]
##~~ @needs cpus=4
##~~ @time 90m
