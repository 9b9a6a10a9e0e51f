#!/bin/sh
##~~ @syntax 2
##~~ k [text ..100001]
