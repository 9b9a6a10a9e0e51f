#include "CLinux.h"
// A C target needs one file to compile; everything is inline in the header.
