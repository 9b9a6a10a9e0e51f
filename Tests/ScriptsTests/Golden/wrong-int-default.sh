#!/bin/sh
##~~ @syntax 2
##~~ k [int 1..99 = 100]
