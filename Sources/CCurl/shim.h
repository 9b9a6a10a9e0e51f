// The door to libcurl, for the SMTP module alone. Besides the header: curl_easy_setopt and curl_easy_getinfo are
// variadic, which Swift cannot call; here is one typed caller for each kind of value. No logic.
#pragma once
#include <curl/curl.h>

static inline CURLcode ccurl_set_long(CURL *curl, CURLoption option, long value) {
    return curl_easy_setopt(curl, option, value);
}
static inline CURLcode ccurl_set_size(CURL *curl, CURLoption option, curl_off_t value) {
    return curl_easy_setopt(curl, option, value);
}
// libcurl copies the text; NULL takes the option back.
static inline CURLcode ccurl_set_text(CURL *curl, CURLoption option, const char *value) {
    return curl_easy_setopt(curl, option, value);
}
// The list stays the caller's and has to outlive the transfer.
static inline CURLcode ccurl_set_list(CURL *curl, CURLoption option, struct curl_slist *value) {
    return curl_easy_setopt(curl, option, value);
}
// The buffer holds CURL_ERROR_SIZE bytes and has to outlive the transfer.
static inline CURLcode ccurl_set_error_buffer(CURL *curl, char *buffer) {
    return curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, buffer);
}
// Where the upload comes from.
static inline CURLcode ccurl_set_reader(CURL *curl, curl_read_callback reader, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_READFUNCTION, reader);
    return code ? code : curl_easy_setopt(curl, CURLOPT_READDATA, context);
}
// Where the lines go that the server answers.
static inline CURLcode ccurl_set_listener(CURL *curl, curl_write_callback listener, void *context) {
    CURLcode code = curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, listener);
    return code ? code : curl_easy_setopt(curl, CURLOPT_HEADERDATA, context);
}
// Where downloaded bytes go: libcurl would print them.
static inline CURLcode ccurl_set_writer(CURL *curl, curl_write_callback writer) {
    return curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, writer);
}
static inline CURLcode ccurl_get_long(CURL *curl, CURLINFO info, long *value) {
    return curl_easy_getinfo(curl, info, value);
}
