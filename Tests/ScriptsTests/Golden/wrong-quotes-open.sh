#!/bin/sh
##~~ @syntax 2
##~~ k [text = "a]
