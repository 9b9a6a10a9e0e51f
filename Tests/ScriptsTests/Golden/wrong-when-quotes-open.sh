#!/bin/sh
##~~ @syntax 2
##~~ mode [choice a|b]
##~~ x when mode="a
