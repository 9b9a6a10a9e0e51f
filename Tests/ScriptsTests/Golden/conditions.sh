#!/bin/sh
##~~ @syntax 2
##~~ mode [choice fast|exact|"c d"]
##~~ keep [flag]
##~~ sets? [choices x|y]
##~~ rounds [int 1..100 = 10] when mode=exact|"c d" - how often
##~~ where [text 1..100] when keep - a name
##~~ why? when keep=no
##~~ z [float] when sets=x|y - either
##~~ deep [int] when mode=fast - and so on
