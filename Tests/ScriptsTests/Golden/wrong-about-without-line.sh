#!/bin/sh
##~~ @syntax 2
##~~ Aligns reads.
