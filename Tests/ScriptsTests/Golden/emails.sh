#!/bin/sh
##~~ @syntax 2
##~~ a [email]
##~~ b? [email = lab@example.org] - who is told
