#!/bin/sh
##~~ @syntax 2 x
