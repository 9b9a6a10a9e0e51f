#!/bin/sh
##~~ @syntax 2
##~~ k [choice from latin-1.list]
