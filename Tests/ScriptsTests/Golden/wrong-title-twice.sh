#!/bin/sh
##~~ @syntax 2
##~~ @title a
##~~ @title b
