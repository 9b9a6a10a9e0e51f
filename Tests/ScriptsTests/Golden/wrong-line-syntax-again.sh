#!/bin/sh
##~~ @syntax 2
##~~ @syntax 2
