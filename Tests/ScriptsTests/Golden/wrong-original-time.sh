#!/bin/sh
##~~ @needs time=soon
