#!/bin/sh
##~~ @syntax 2
##~~ @access group:wetlab, group:dry.lab user:Ada@Example.org
##~~ @access user:bob@example.org
