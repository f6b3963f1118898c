/*
 * num: numbers to text and back, in one place, whatever the locale says.
 *
 * The C library's strtod and printf follow LC_NUMERIC; no program here calls setlocale for it, and
 * these functions use an explicit "C" locale all the same, so a caller in a larger program is safe.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/* Parse all of s[0..n) as a decimal floating-point number ("1", "-2.5e3", ".5"); no blanks, no hex,
 * no inf/nan. Returns 0, or -1 if it is none or is out of range. */
int num_parse_double(const char *s, size_t n, double *out);

/* Longest prefix of the NUL-terminated s that is such a number; returns its length, 0 if none. */
size_t num_scan_double(const char *s, double *out);

/* Whole numbers with bounds; "1e6" and "2.5e3" are accepted where the value is whole.
 * Returns 0, or -1 if s is not a whole number within [lo, hi]. */
int num_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out);
int num_parse_u64(const char *s, uint64_t *out); /* decimal or 0x… */

/* A span of time: "90", "90s", "1.5h", "10min", "2d", "250ms" -> nanoseconds. 0 or -1. */
int num_parse_duration(const char *s, int64_t *ns);

/* Shortest text that reads back as the same double ("0.1", "1e+300", "-0"); inf, -inf and nan are
 * written so. out must hold NUM_DOUBLE_MAX bytes. Returns the length. */
#define NUM_DOUBLE_MAX 32
size_t num_format_double(double x, char *out);

/* %.{digits}g in the C locale, for people. */
size_t num_format_g(double x, int digits, char *out);

#endif
