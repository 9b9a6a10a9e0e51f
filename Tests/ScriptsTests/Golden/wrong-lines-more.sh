#!/bin/sh
##~~ @syntax 2
##~~ k [lines abc]
