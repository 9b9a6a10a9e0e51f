#!/bin/sh
##~~ @syntax 2
##~~ @access group:Wet
