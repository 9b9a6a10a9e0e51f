#!/bin/sh
##~~ @syntax 2
##~~ k [choices "a,b"|c]
