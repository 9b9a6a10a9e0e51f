#!/bin/sh
##~~ @syntax 2
##~~ k
##~~ input - a file
##~~ inputReads
##~~ output - an output
##~~ outputTable
##~~ K2_x?
##~~ K3[int]
##~~ variable_with_a_long_name_of_sixty_four_letters_at_most_01234567
