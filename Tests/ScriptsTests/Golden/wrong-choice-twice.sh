#!/bin/sh
##~~ @syntax 2
##~~ k [choice a|a]
