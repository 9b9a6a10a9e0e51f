#!/bin/sh
##~~ @retry 101
