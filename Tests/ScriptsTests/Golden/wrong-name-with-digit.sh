#!/bin/sh
##~~ @syntax 2
##~~ 1k [int]
