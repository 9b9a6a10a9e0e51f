#!/bin/sh
##~~ @syntax 2
##~~ a [float]
##~~ b [float 0..1 = 0.05] - a rate
##~~ c? [float -1.5e3..] - at least
##~~ d [float ..9.75]
##~~ e [float 1e-300..1e300]
