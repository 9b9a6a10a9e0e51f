#!/bin/sh
##~~ @syntax 2
##~~ mode
##~~ x when mode=c
