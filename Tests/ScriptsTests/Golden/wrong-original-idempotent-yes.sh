#!/bin/sh
##~~ @idempotent yes
