/*
 * regex: Perl-compatible regular expressions on UTF-8 (PCRE2, the one file that includes its header).
 *
 * Work is bounded: a pattern that backtracks beyond a million steps is an error, not a hang. Not shared between threads.
 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include <stddef.h>

#include "base/buf.h"

struct regex;

/* NULL where the pattern is wrong. */
struct regex *regex_new(const char *pattern, size_t npattern, int no_case);
void regex_free(struct regex *r);

/* First match in s[from..n). Returns the number of groups and the whole (1 and more), 0 where there is none, -1 on an error. */
int regex_match(struct regex *r, const char *s, size_t n, size_t from);
/* Group i of the last match, 0 the whole: bytes [*at, *end). -1 where the group took no part. */
int regex_group(const struct regex *r, int i, size_t *at, size_t *end);

/* s with the first match from `from` on replaced, or all where all; $1, ${name} in the replacement are groups. Appends to out.
 * 0, or -1 on an error (of the replacement too). */
int regex_replace(struct regex *r, const char *s, size_t n, size_t from, const char *replacement, size_t nreplacement, int all,
                  struct buf *out);

#endif
