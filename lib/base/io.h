/*
 * io: descriptors, with EINTR and short counts handled here and nowhere else.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Write all n bytes. 0, or -1 with errno set. */
int io_write_all(int fd, const void *p, size_t n);

/* Read until end of file or n bytes; returns the count, or -1 with errno set. */
ssize_t io_read_full(int fd, void *p, size_t n);

/* Read a whole file ("-" is standard input) of at most `limit` bytes into b. */
int io_read_file(const char *path, size_t limit, struct buf *b, struct err *e);

/* What was created, renamed or removed in a folder is on the disk. 0, or -1 with errno set. */
int io_sync_folder(const char *path);

/* At most n bytes of a file from an offset, added to b. */
int io_read_at(const char *path, int64_t offset, size_t n, struct buf *b, struct err *e);

/* Lines from a descriptor. A line longer than `limit` is an error (65), never cut in silence. */
struct io_lines {
	int fd;
	size_t limit;
	struct buf b;
	size_t at;      /* start of the next line in b */
	long lineno;    /* of the line last returned, from 1 */
	int eof;
};
void io_lines_init(struct io_lines *r, int fd, size_t limit);
/* 1 and *line (NUL-terminated, without the newline, valid until the next call), 0 at the end, -1. */
int io_lines_next(struct io_lines *r, char **line, size_t *n, struct err *e);
void io_lines_free(struct io_lines *r);

/*
 * A file that appears whole or not at all: bytes go to a temporary name beside `path`; commit
 * syncs, renames and syncs the folder. After abort, or a crash, `path` is what it was. A link is followed, not replaced;
 * what is no file (a device, a pipe) is written to as it is.
 */
struct io_atomic {
	int fd;          /* write here */
	int mode;        /* permissions; 0: what the umask leaves of 666 */
	char *path, *tmp;
};
int io_atomic_open(struct io_atomic *f, const char *path, struct err *e);
int io_atomic_commit(struct io_atomic *f, struct err *e);
void io_atomic_abort(struct io_atomic *f);
/* All of it at once. */
int io_put_file(const char *path, const void *p, size_t n, struct err *e);

#endif
