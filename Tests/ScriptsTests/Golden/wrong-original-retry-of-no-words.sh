#!/bin/sh
##~~ @retry
