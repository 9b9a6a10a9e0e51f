#!/bin/sh
##~~ @syntax 2
##~~ k [int 9..1]
