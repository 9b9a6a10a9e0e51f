#!/bin/sh
##~~ @syntax 2
##~~ k [integer]
