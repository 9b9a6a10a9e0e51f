#!/bin/sh
##~~ @syntax 2
##~~ @access ada@example.org
