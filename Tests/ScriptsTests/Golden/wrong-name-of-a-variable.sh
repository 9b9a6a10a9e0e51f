#!/bin/sh
##~~ @syntax 2
##~~ job [int]
