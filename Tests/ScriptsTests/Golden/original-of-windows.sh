#!/bin/sh
##~~ About it.
##~~ a - b
