#!/bin/sh
##~~ a[2J - c
