#!/bin/sh
##~~ @needs gpus=1
