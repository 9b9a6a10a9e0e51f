#!/bin/sh
##~~ @syntax 2
echo
##~~ @access group:x
