#!/bin/sh
##~~ @syntax 2
##~~ k [float 1..2 3]
