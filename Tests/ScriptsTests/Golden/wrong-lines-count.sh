#!/bin/sh
##~~ @syntax 2
##~~ k [lines ..100001]
