#!/bin/sh
##~~ @access group:x
