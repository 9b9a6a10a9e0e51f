#!/bin/sh
##~~ @syntax 2
##~~ @tags
