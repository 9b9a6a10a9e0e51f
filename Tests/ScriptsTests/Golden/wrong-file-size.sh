#!/bin/sh
##~~ @syntax 2
##~~ k [file max=two]
