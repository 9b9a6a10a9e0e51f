#!/bin/sh
##~~ @needs mem=4GB
