// The door to libfcgi: nothing but its header.
#pragma once
#include <fcgiapp.h>
