#!/bin/sh
##~~ @limits requeue=no
