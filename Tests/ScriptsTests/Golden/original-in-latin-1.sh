#!/bin/sh
##~~ größe - in µm
