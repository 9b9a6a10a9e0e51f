#!/bin/sh
##~~ @needs
