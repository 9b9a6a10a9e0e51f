#!/bin/sh
##~~ @syntax 2
##~~ k [int 1..9]
##~~ @example k=10
