// The door to libcurl, for the SMTP module alone.
#pragma once
#include <curl/curl.h>
