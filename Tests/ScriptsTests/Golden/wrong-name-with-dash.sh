#!/bin/sh
##~~ @syntax 2
##~~ k-mer - length
