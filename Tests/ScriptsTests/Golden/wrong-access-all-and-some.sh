#!/bin/sh
##~~ @syntax 2
##~~ @access group:wetlab
##~~ @access all
