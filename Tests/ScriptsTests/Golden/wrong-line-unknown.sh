#!/bin/sh
##~~ @syntax 2
##~~ @titel x
