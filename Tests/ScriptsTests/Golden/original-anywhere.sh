#!/bin/sh
##~~two words - b
# ##~~ ignored - because the line begins otherwise
 ##~~ ignored - too
set -e
##~~	x	-	in tabs
##~~# größe - in µm
exit 0
##~~ Takes an hour.
##~~ @unknown - passed over
