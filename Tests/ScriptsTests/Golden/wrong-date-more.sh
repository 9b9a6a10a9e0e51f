#!/bin/sh
##~~ @syntax 2
##~~ k [date /x/]
