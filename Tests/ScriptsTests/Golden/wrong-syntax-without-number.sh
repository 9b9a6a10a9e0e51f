#!/bin/sh
##~~ @syntax
