/*
 * body: where the body of an answer goes: memory as long as it is small, then a file beside its final name, which appears
 * whole or not at all.
 */
#ifndef CALL_BODY_H
#define CALL_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"

struct body {
	struct buf mem;
	struct io_atomic file;
	size_t inline_max;   /* beyond it: the file */
	const char *path;    /* borrowed; NULL: no file, and larger is an error */
	int always_file;     /* even where it is small */
	int discard;         /* keep the first inline_max bytes only */
	int in_file;
	int64_t nbytes;
	struct err err;      /* why body_sink() refused */
	void *map;
	size_t nmap;
};

/* Zero-initialised but for inline_max, path, always_file, discard. */
int body_sink(void *body, const void *p, size_t n);    /* http_ask.sink */
void body_reset(struct body *b);                       /* for the next attempt: drops everything */
/* The whole body, mapped if it is in a file; valid until reset. -1 if larger than `limit`, or with 74. */
int body_view(struct body *b, size_t limit, const char **p, size_t *n, struct err *e);
int body_commit(struct body *b, struct err *e);        /* the file gets its name */
void body_free(struct body *b);

#endif
