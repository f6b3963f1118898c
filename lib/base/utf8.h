/*
 * utf8: text as the worksheet functions see it: UTF-8 bytes, counted in UTF-16 units, compared without case by simple
 * (one to one) mappings for Latin, Greek, Cyrillic and Armenian. No locale is involved.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Code point at s (n bytes left, n > 0); *len its bytes. A byte that is no UTF-8 is itself, length 1. */
uint32_t utf8_decode(const char *s, size_t n, size_t *len);
/* Writes 1 to 4 bytes; returns how many. */
size_t utf8_encode(uint32_t cp, char *out);
int utf8_valid(const char *s, size_t n);

size_t utf8_units(const char *s, size_t n);                 /* length in UTF-16 units */
/* Byte offset of UTF-16 unit `unit`; n where the text is shorter. */
size_t utf8_offset(const char *s, size_t n, size_t unit);

uint32_t utf8_upper(uint32_t cp);
uint32_t utf8_lower(uint32_t cp);
/* Order without case; <0, 0, >0. */
int utf8_casecmp(const char *a, size_t na, const char *b, size_t nb);

#endif
