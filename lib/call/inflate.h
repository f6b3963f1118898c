/*
 * inflate: a body that came compressed (Content-Encoding: gzip or deflate, RFC 1950 to 1952), unpacked piece by piece. The one
 * file that includes zlib.
 *
 * Why not libcurl's: it takes a stream that ends too soon for a whole one, and half an answer must not be an answer. Here
 * inflate_whole() says whether the end was seen, its checksum right.
 */
#ifndef CALL_INFLATE_H
#define CALL_INFLATE_H

#include <stddef.h>

#include "base/err.h"

#define INFLATE_ASKED "gzip, deflate" /* what may be asked for */

struct inflate;

/* `coding`: the value of Content-Encoding. 0 with *z NULL: the body comes as it is (identity). -1 with 65 (a coding that is not
 * unpacked here) or 71. */
int inflate_new(struct inflate **z, const char *coding, struct err *e);
/* Gives what is unpacked to `sink`, at most 64 KiB at a time. 0; 1: the sink did not return 0; -1 with 65: this is not packed so. */
int inflate_feed(struct inflate *z, const void *p, size_t n, int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e);
int inflate_whole(const struct inflate *z); /* the end was there, or nothing at all */
void inflate_free(struct inflate *z);

#endif
