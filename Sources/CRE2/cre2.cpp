#include "cre2.h"

#include <new>
#include <re2/re2.h>

struct cre2_pattern {
    RE2 expression;
};

static RE2::Options options(size_t memory) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(static_cast<int64_t>(memory));
    return options;
}

cre2_pattern *cre2_compile(const char *pattern, size_t length, size_t memory) {
    return new (std::nothrow) cre2_pattern{RE2(re2::StringPiece(pattern, length), options(memory))};
}

const char *cre2_error(const cre2_pattern *pattern) {
    return pattern->expression.ok() ? nullptr : pattern->expression.error().c_str();
}

int cre2_size(const cre2_pattern *pattern) { return pattern->expression.ProgramSize(); }

int cre2_matches_whole(const cre2_pattern *pattern, const char *text, size_t length) {
    return RE2::FullMatch(re2::StringPiece(text, length), pattern->expression);
}

void cre2_free(cre2_pattern *pattern) { delete pattern; }
