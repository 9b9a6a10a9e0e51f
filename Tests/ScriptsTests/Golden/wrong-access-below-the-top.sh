#!/bin/sh
##~~ @syntax 2
##~~ k
echo
##~~ @access group:wetlab
