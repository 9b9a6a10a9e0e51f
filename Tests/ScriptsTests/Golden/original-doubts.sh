#!/bin/sh
##~~ Computes the SHA-256 sum.
##~~ k [int 1..9] - x
##~~ a [b] - c
##~~ @title X
##~~ @syntax 2
