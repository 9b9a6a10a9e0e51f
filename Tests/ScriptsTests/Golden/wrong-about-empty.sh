#!/bin/sh
##~~ @syntax 2
##~~ @about
