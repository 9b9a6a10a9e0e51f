#!/bin/sh
##~~ @syntax 2
##~~ k [choices 3.. a|b]
