#!/bin/sh
##~~ @syntax 2
##~~ a [text]
##~~ b? [text 1..32 /[A-Za-z0-9_]+/ = sample_1] - a name
##~~ c [text /a\/b|c]d/ = "c]d"]
##~~ d [text = "ä ] [ = | / \" \\"]
##~~ e? [text ..9 = ""]
##~~ f [text 3..3]
