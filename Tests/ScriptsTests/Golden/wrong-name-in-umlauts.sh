#!/bin/sh
##~~ @syntax 2
##~~ größe [int]
