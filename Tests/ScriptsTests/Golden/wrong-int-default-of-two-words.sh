#!/bin/sh
##~~ @syntax 2
##~~ k [int = 1 2]
