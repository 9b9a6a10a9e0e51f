#!/bin/sh
##~~ @syntax 2
##~~ k [text]
