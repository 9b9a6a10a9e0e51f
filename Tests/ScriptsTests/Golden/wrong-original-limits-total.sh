#!/bin/sh
##~~ @limits total=0
