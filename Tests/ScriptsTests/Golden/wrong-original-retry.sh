#!/bin/sh
##~~ @retry 1
