#!/bin/sh
##~~ @syntax 3
