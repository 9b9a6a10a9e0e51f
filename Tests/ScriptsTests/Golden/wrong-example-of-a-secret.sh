#!/bin/sh
##~~ @syntax 2
##~~ s [secret]
##~~ @example s=x
