#!/bin/sh
##~~ @syntax 2
##~~ f [files]
##~~ @example f=
