#!/bin/sh
##~~ @limits per-user=all
