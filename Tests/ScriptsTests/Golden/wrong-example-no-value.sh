#!/bin/sh
##~~ @syntax 2
##~~ @example k
