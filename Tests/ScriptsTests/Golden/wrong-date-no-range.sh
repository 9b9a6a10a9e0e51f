#!/bin/sh
##~~ @syntax 2
##~~ k [date 2026-02-29..]
