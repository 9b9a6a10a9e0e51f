#!/bin/sh
##~~ @syntax 2
##~~ g [choice from genomes.list = mm39] - a genome
##~~ h? [choices ..2 from genomes.list] - more of them
