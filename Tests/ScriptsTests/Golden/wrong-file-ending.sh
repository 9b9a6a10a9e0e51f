#!/bin/sh
##~~ @syntax 2
##~~ k [file .f*]
