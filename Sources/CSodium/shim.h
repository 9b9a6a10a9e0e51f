// The door to libsodium: nothing but its header.
#pragma once
#include <sodium.h>
