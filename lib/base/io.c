/* io: see io.h. Never retries close(); a failed fsync is final. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
io_write_all(int fd, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		ssize_t k = write(fd, s, n);

		if (k < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

ssize_t
io_read_full(int fd, void *p, size_t n)
{
	char *s = p;
	size_t got = 0;

	while (got < n) {
		ssize_t k = read(fd, s + got, n - got);

		if (k < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (!k)
			break;
		got += (size_t)k;
	}
	return (ssize_t)got;
}

int
io_read_file(const char *path, size_t limit, struct buf *b, struct err *e)
{
	int is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? 0 : open(path, O_RDONLY | O_CLOEXEC);
	int rc = -1;

	if (fd < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", path);
	for (;;) {
		ssize_t k;

		if (buf_reserve(b, 65536) < 0) {
			err_nomem(e);
			break;
		}
		k = io_read_full(fd, b->s + b->len, 65536);
		if (k < 0) {
			err_sys(e, ERR_IO, "cannot read %s", path);
			break;
		}
		b->len += (size_t)k;
		b->s[b->len] = '\0';
		if (b->len > limit) {
			err_set(e, ERR_DATA, "cannot read %s: larger than the limit of %zu bytes", path,
			        limit);
			break;
		}
		if (k < 65536) {
			rc = 0;
			break;
		}
	}
	if (!is_stdin)
		close(fd);
	return rc;
}

int
io_read_at(const char *path, int64_t offset, size_t n, struct buf *b, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	ssize_t k;

	if (fd < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", path);
	if (buf_reserve(b, n + 1) < 0)
		rc = err_nomem(e);
	else if (lseek(fd, offset, SEEK_SET) < 0 || (k = io_read_full(fd, b->s + b->len, n)) < 0)
		rc = err_sys(e, ERR_IO, "cannot read %s", path);
	else
		b->s[b->len += (size_t)k] = '\0';
	close(fd);
	return rc;
}

void
io_lines_init(struct io_lines *r, int fd, size_t limit)
{
	*r = (struct io_lines){.fd = fd, .limit = limit};
}

int
io_lines_next(struct io_lines *r, char **line, size_t *n, struct err *e)
{
	size_t seen = 0;

	for (;;) {
		char *nl = r->b.s ? memchr(r->b.s + r->at + seen, '\n', r->b.len - r->at - seen) : NULL;
		ssize_t k;

		if (nl || (r->eof && r->b.len > r->at)) {
			size_t end = nl ? (size_t)(nl - r->b.s) : r->b.len;

			*line = r->b.s + r->at;
			*n = end - r->at;
			r->b.s[end] = '\0';
			r->at = nl ? end + 1 : end;
			r->lineno++;
			if (*n > r->limit)
				return err_set(e, ERR_DATA, "line %ld: longer than %zu bytes", r->lineno,
				               r->limit);
			return 1;
		}
		if (r->eof)
			return 0;
		seen = r->b.len - r->at;
		if (seen > r->limit)
			return err_set(e, ERR_DATA, "line %ld: longer than %zu bytes", r->lineno + 1,
			               r->limit);
		if (r->at) {
			memmove(r->b.s, r->b.s + r->at, seen);
			r->b.len = seen;
			r->at = 0;
		}
		if (buf_reserve(&r->b, 65536) < 0)
			return err_nomem(e);
		do
			k = read(r->fd, r->b.s + r->b.len, 65536);
		while (k < 0 && errno == EINTR);
		if (k < 0)
			return err_sys(e, ERR_IO, "cannot read line %ld", r->lineno + 1);
		if (!k)
			r->eof = 1;
		r->b.len += (size_t)k;
		r->b.s[r->b.len] = '\0';
	}
}

void
io_lines_free(struct io_lines *r)
{
	buf_free(&r->b);
}

/* What cannot be replaced by a file without harm: 1 and f writes to it as it is, 0, or -1. */
static int
open_special(struct io_atomic *f, const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return 0;
	f->fd = open(path, O_WRONLY | O_CLOEXEC);
	if (f->fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot open %s", path);
	return 1;
}

int
io_atomic_open(struct io_atomic *f, const char *path, struct err *e)
{
	char *real = NULL;
	size_t n;
	int special;

	*f = (struct io_atomic){.fd = -1};
	special = open_special(f, path, e);
	if (special < 0)
		return -1;
	real = special ? NULL : realpath(path, NULL); /* a link stays one; NULL: not there yet */
	f->path = real ? real : strdup(path);
	if (special) {
		if (f->path)
			return 0;
		io_atomic_abort(f);
		return err_nomem(e);
	}
	n = (f->path ? strlen(f->path) : 0) + 32;
	f->tmp = malloc(n);
	if (!f->path || !f->tmp) {
		io_atomic_abort(f);
		return err_nomem(e);
	}
	snprintf(f->tmp, n, "%s.XXXXXX.tmp", f->path);
	f->fd = mkostemps(f->tmp, 4, O_CLOEXEC);
	if (f->fd < 0) {
		err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
		free(f->tmp);
		f->tmp = NULL;
		io_atomic_abort(f);
		return -1;
	}
	return 0;
}

int
io_sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int
sync_folder_of(const char *path)
{
	char *copy = strdup(path), *slash;
	int rc;

	if (!copy)
		return -1;
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	rc = io_sync_folder(slash ? copy : ".");
	free(copy);
	return rc;
}

int
io_atomic_commit(struct io_atomic *f, struct err *e)
{
	mode_t mask;
	int rc = 0;

	if (!f->tmp) { /* a device or pipe */
		if (close(f->fd) < 0)
			rc = err_sys(e, ERR_IO, "cannot write %s", f->path);
		f->fd = -1;
		io_atomic_abort(f);
		return rc;
	}
	mask = umask(0);
	umask(mask);
	if (fchmod(f->fd, f->mode ? (mode_t)f->mode : 0666 & ~mask) < 0 || fsync(f->fd) < 0)
		rc = err_sys(e, ERR_IO, "cannot write %s", f->path);
	if (close(f->fd) < 0 && !rc)
		rc = err_sys(e, ERR_IO, "cannot write %s", f->path);
	f->fd = -1;
	if (!rc && rename(f->tmp, f->path) < 0)
		rc = err_sys(e, ERR_CANTCREAT, "cannot rename %s to %s", f->tmp, f->path);
	if (!rc) {
		free(f->tmp);
		f->tmp = NULL;
		if (sync_folder_of(f->path) < 0)
			rc = err_sys(e, ERR_IO, "cannot sync the folder of %s", f->path);
	}
	io_atomic_abort(f);
	return rc;
}

void
io_atomic_abort(struct io_atomic *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->tmp)
		unlink(f->tmp);
	free(f->tmp);
	free(f->path);
	*f = (struct io_atomic){.fd = -1};
}

int
io_put_file(const char *path, const void *p, size_t n, struct err *e)
{
	struct io_atomic f;

	if (io_atomic_open(&f, path, e) < 0)
		return -1;
	if (io_write_all(f.fd, p, n) < 0) {
		err_sys(e, ERR_IO, "cannot write %s", path);
		io_atomic_abort(&f);
		return -1;
	}
	return io_atomic_commit(&f, e);
}
