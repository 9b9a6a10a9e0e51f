#!/bin/sh
##~~ @syntax 2
##~~ @access all
##~~ k
