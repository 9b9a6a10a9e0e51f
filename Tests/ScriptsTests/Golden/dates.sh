#!/bin/sh
##~~ @syntax 2
##~~ a [date]
##~~ b [date 2020-01-01..today = today] - until now
##~~ c? [date 2024-02-29..]
##~~ d [date ..2030-12-31 = 2026-03-01]
##~~ e [date today..]
