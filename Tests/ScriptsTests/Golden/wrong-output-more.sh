#!/bin/sh
##~~ @syntax 2
##~~ k [output csv]
