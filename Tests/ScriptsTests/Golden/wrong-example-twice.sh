#!/bin/sh
##~~ @syntax 2
##~~ k [int]
##~~ @example k=1 k=2
