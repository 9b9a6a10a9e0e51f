#!/bin/sh
##~~ @syntax 2
##~~ k [int]
##~~ K [int]
