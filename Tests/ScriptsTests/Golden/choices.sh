#!/bin/sh
##~~ @syntax 2
##~~ c [choice fast|exact="Slow, exact"|"two words"|a/b = exact] - one
##~~ q [choice "a b"="x | y ] \" \\"]
##~~ d [choices 1..2 a|b="B"|c = c,a] - two at most
##~~ e? [choices a|b]
