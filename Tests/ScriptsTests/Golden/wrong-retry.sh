#!/bin/sh
##~~ @syntax 2
##~~ @retry 1
##~~ k
