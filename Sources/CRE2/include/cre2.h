// The door to RE2, which is C++: regular expressions in time linear in the text. No logic.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_pattern cre2_pattern;

// Compiles a pattern of RE2's syntax (github.com/google/re2/wiki/Syntax) over UTF-8. `memory`: bytes that compiled program
// and matching may use. NULL only when there is no memory; ask `cre2_error` whether it can be used.
cre2_pattern *cre2_compile(const char *pattern, size_t length, size_t memory);
// What is wrong with it; NULL: nothing. Valid as long as the pattern.
const char *cre2_error(const cre2_pattern *pattern);
// How many instructions it was compiled into: for each byte of a text, matching takes that many steps at most.
int cre2_size(const cre2_pattern *pattern);
// Whether all of the text matches. Any number of threads may ask at once.
int cre2_matches_whole(const cre2_pattern *pattern, const char *text, size_t length);
void cre2_free(cre2_pattern *pattern);

#ifdef __cplusplus
}
#endif
