/* sha256: FIPS 180-4, to name contents. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SHA256_TEXT 65 /* 64 hexadecimal digits and a NUL */

struct sha256 {
	uint32_t h[8];
	uint64_t nbytes;
	unsigned char block[64];
};

void sha256_init(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *p, size_t n);
void sha256_text(struct sha256 *s, char out[SHA256_TEXT]);

/* Of all that can be read from fd, from where it stands; *nbytes may be NULL. 0, or -1 with errno set. */
int sha256_fd(int fd, char out[SHA256_TEXT], int64_t *nbytes);
/* Of a regular file. 66 if it cannot be read. */
int sha256_file(const char *path, char out[SHA256_TEXT], int64_t *nbytes, struct err *e);
/* 64 lower-case hexadecimal digits and nothing else. */
int sha256_is_text(const char *s);

#endif
