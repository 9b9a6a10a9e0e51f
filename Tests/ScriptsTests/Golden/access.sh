#!/bin/sh
##~~ @syntax 2
##~~ @access group:wetlab, group:guests user:ada@example.org
##~~ @access group:wetlab
##~~ k
