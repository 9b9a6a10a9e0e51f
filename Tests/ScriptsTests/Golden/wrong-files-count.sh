#!/bin/sh
##~~ @syntax 2
##~~ k [files 0..2]
