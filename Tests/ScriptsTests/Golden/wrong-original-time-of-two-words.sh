#!/bin/sh
##~~ @time 12 h
