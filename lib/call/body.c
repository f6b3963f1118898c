/* body: see body.h. */
#include "call/body.h"

#include <string.h>
#include <sys/mman.h>

static int
to_file(struct body *b)
{
	if (!b->path)
		return err_set(&b->err, ERR_DATA, "larger than %zu bytes, and no folder was given for bodies", b->inline_max);
	if (io_atomic_open(&b->file, b->path, &b->err) < 0)
		return -1;
	b->in_file = 1;
	if (b->mem.len && io_write_all(b->file.fd, b->mem.s, b->mem.len) < 0)
		return err_sys(&b->err, ERR_IO, "cannot write %s", b->path);
	return 0;
}

int
body_sink(void *ctx, const void *p, size_t n)
{
	struct body *b = ctx;
	size_t room = b->inline_max > b->mem.len ? b->inline_max - b->mem.len : 0;

	b->nbytes += (int64_t)n;
	if (!b->in_file && (b->discard || (n <= room && !b->always_file))) {
		if (buf_add(&b->mem, p, n < room ? n : room) < 0)
			return err_nomem(&b->err);
		return 0;
	}
	if (!b->in_file && to_file(b) < 0)
		return -1;
	if (io_write_all(b->file.fd, p, n) < 0)
		return err_sys(&b->err, ERR_IO, "cannot write %s", b->path);
	return 0;
}

static void
unmap(struct body *b)
{
	if (b->map)
		munmap(b->map, b->nmap);
	b->map = NULL;
}

void
body_reset(struct body *b)
{
	unmap(b);
	if (b->in_file)
		io_atomic_abort(&b->file);
	b->in_file = 0;
	b->nbytes = 0;
	b->err = (struct err){0};
	buf_clear(&b->mem);
}

int
body_view(struct body *b, size_t limit, const char **p, size_t *n, struct err *e)
{
	*n = (size_t)b->nbytes;
	if (b->nbytes > (int64_t)limit || (b->discard && *n > b->mem.len))
		return err_set(e, ERR_DATA, "the body of %lld bytes is too large to be checked", (long long)b->nbytes);
	if (!b->in_file) {
		*p = b->mem.s ? b->mem.s : "";
		return 0;
	}
	if (!b->map && *n) {
		b->map = mmap(NULL, *n, PROT_READ, MAP_SHARED, b->file.fd, 0);
		b->nmap = *n;
		if (b->map == MAP_FAILED) {
			b->map = NULL;
			return err_sys(e, ERR_IO, "cannot map %s", b->path);
		}
	}
	*p = b->map ? b->map : "";
	return 0;
}

int
body_commit(struct body *b, struct err *e)
{
	unmap(b);
	if (!b->in_file && !b->always_file)
		return 0;
	if (!b->in_file && to_file(b) < 0) { /* an empty one */
		*e = b->err;
		return -1;
	}
	b->in_file = 0;
	return io_atomic_commit(&b->file, e);
}

void
body_free(struct body *b)
{
	body_reset(b);
	buf_free(&b->mem);
}
