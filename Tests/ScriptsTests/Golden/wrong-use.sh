#!/bin/sh
##~~ @syntax 2
##~~ k [use disk]
