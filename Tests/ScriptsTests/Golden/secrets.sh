#!/bin/sh
##~~ @syntax 2
##~~ a [secret] - a password
##~~ b? [secret 8.. /[!-~]+/]
##~~ c [secret ..64]
