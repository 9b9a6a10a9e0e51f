#!/bin/sh
##~~ @syntax 2
##~~ k [secret = x]
