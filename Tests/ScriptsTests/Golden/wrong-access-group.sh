#!/bin/sh
##~~ @syntax 2
##~~ @access group:wet/lab
