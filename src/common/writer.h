/*
 * writer: lines to a descriptor by a thread of their own, so that a reader that is slow does not hold up whoever makes them.
 * Lines leave in order; each, or several together that fit RECORD_PIPE_MAX bytes, in one write(2). Beyond `limit` bytes that
 * nobody has read, writer_put() waits.
 */
#ifndef COMMON_WRITER_H
#define COMMON_WRITER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct writer;

struct writer *writer_start(int fd, size_t limit, struct err *e);
/* Takes a line, with its newline; b is then clear. -1 (74) once a write has failed; *broken: the reader has left (EPIPE). */
int writer_put(struct writer *w, struct buf *b, int *broken, struct err *e);
/* Waits until all is written, and ends the thread. 0 or -1, as above. w is gone. */
int writer_finish(struct writer *w, int *broken, struct err *e);

#endif
