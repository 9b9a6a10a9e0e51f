#!/usr/bin/env nosuchprogram
##~~ a - b
