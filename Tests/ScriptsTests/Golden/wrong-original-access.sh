#!/bin/sh
##~~ @access group:wetlab
