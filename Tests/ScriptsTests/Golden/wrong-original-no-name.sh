#!/bin/sh
##~~ - x
