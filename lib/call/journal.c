/* journal: see journal.h. An open-addressing table of ids; results stay in the file. */
#include "call/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "record/json.h"
#include "record/record.h"

#define LINE_HEAD "{\"v\":1,\"type\":\"" /* of each line that was ever written to one */

struct slot {
	char *id;
	struct journal_entry entry;
};

struct journal {
	char *path;
	int fd, dirty;
	int64_t size;
	struct slot *slots;
	size_t nslots, used;
	struct buf line;
};

static size_t
hash(const char *id)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static struct slot *
place(struct slot *slots, size_t n, const char *id)
{
	size_t i = hash(id) & (n - 1);

	while (slots[i].id && strcmp(slots[i].id, id))
		i = (i + 1) & (n - 1);
	return &slots[i];
}

static int
grow(struct journal *j)
{
	size_t n = j->nslots ? 2 * j->nslots : 1024;
	struct slot *more = calloc(n, sizeof *more);

	if (!more)
		return -1;
	for (size_t i = 0; i < j->nslots; i++)
		if (j->slots[i].id)
			*place(more, n, j->slots[i].id) = j->slots[i];
	free(j->slots);
	j->slots = more;
	j->nslots = n;
	return 0;
}

struct journal_entry *
journal_entry(struct journal *j, const char *id)
{
	struct slot *s;

	if (4 * (j->used + 1) > 3 * j->nslots && grow(j) < 0)
		return NULL;
	s = place(j->slots, j->nslots, id);
	if (!s->id) {
		s->id = strdup(id);
		if (!s->id)
			return NULL;
		j->used++;
	}
	return &s->entry;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int
take_line(struct journal *j, const char *line, size_t n, int64_t offset, struct err *e)
{
	struct json *o = json_parse_text(line, n, e);
	const char *type = o ? json_text(json_member(o, "type")) : NULL, *id = o ? json_text(json_member(o, "id")) : NULL;
	const char *print = o ? json_text(json_member(o, "request")) : NULL;
	struct journal_entry *x;
	int rc = 0;

	if (!o)
		return -1;
	if (!type || !id || !print || (strcmp(type, "began") && strcmp(type, "result"))) {
		rc = err_set(e, ERR_DATA, "this is no line of a journal of sim-call");
	} else if (!(x = journal_entry(j, id))) {
		rc = err_nomem(e);
	} else {
		num_parse_u64(print, &x->print);
		if (!strcmp(type, "began")) {
			x->began = 1;
			x->has_result = 0;
		} else {
			x->has_result = 1;
			x->began = 0;
			x->ok = json_truth(json_member(o, "ok"));
			x->offset = offset;
			x->length = n;
		}
	}
	json_free(o);
	return rc;
}

/* A sealed line ends in a newline: whatever follows the last one was being written when the process died. */
static int
load(struct journal *j, struct err *e)
{
	struct io_lines in;
	int64_t at = 0;
	char *line;
	size_t n;
	int rc;
	struct stat st;

	if (fstat(j->fd, &st) < 0)
		return err_sys(e, ERR_IO, "cannot read %s", j->path);
	io_lines_init(&in, j->fd, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &n, e)) > 0) {
		if (at + (int64_t)n + 1 > st.st_size) { /* torn */
			if (strncmp(line, LINE_HEAD, n < sizeof LINE_HEAD - 1 ? n : sizeof LINE_HEAD - 1))
				rc = err_set(e, ERR_DATA, "%s, line %ld: this is no line of a journal of sim-call", j->path, in.lineno);
			break;
		}
		if (n && take_line(j, line, n, at, e) < 0) {
			err_prefix(e, "%s, line %ld", j->path, in.lineno);
			rc = -1;
			break;
		}
		at += (int64_t)n + 1;
	}
	io_lines_free(&in);
	if (rc < 0)
		return -1;
	if (at < st.st_size && ftruncate(j->fd, at) < 0)
		return err_sys(e, ERR_IO, "cannot cut the torn end off %s", j->path);
	j->size = at;
	return lseek(j->fd, at, SEEK_SET) < 0 ? err_sys(e, ERR_IO, "cannot seek in %s", j->path) : 0;
}

struct journal *
journal_open(const char *path, struct err *e)
{
	struct journal *j = calloc(1, sizeof *j);
	struct stat st;

	if (!j) {
		err_nomem(e);
		return NULL;
	}
	j->fd = -1;
	if (!path)
		return j;
	j->path = strdup(path);
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (j->fd < 0)
		err_sys(e, ERR_CANTCREAT, "cannot open %s", path);
	else if (fstat(j->fd, &st) < 0 || !S_ISREG(st.st_mode)) /* a pipe would keep us waiting for its first line */
		err_set(e, ERR_CANTCREAT, "%s is no regular file", path);
	else if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
		err_set(e, ERR_TEMPFAIL, "%s is in use by another process", path);
	else if (j->path && load(j, e) == 0)
		return j;
	journal_close(j);
	return NULL;
}

void
journal_close(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->nslots; i++)
		free(j->slots[i].id);
	free(j->slots);
	buf_free(&j->line);
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j);
}

int
journal_is_file(const struct journal *j)
{
	return j->fd >= 0;
}

int
journal_read(struct journal *j, const struct journal_entry *x, struct buf *b, struct err *e)
{
	size_t done = 0;

	if (buf_reserve(b, x->length + 1) < 0)
		return err_nomem(e);
	while (done < x->length) {
		ssize_t k = pread(j->fd, b->s + b->len + done, x->length - done, x->offset + (int64_t)done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_sys(e, ERR_IO, "cannot read %s", j->path);
		done += (size_t)k;
	}
	b->len += done;
	b->s[b->len] = '\0';
	return buf_putc(b, '\n') < 0 ? err_nomem(e) : 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int
append(struct journal *j, const char *s, size_t n, struct err *e)
{
	if (io_write_all(j->fd, s, n) < 0) {
		err_sys(e, ERR_IO, "cannot write %s", j->path);
		if (ftruncate(j->fd, j->size) == 0) /* half a line would hide the next */
			lseek(j->fd, j->size, SEEK_SET);
		return -1;
	}
	j->size += (int64_t)n;
	j->dirty = 1;
	return 0;
}

int
journal_began(struct journal *j, const char *id, uint64_t print, struct err *e)
{
	struct journal_entry *x = journal_entry(j, id);
	struct buf *b = &j->line;

	if (!x)
		return err_nomem(e);
	x->began = 1;
	x->print = print;
	if (j->fd < 0)
		return 0;
	buf_clear(b);
	if (record_begin(b, "began", NULL, 0) | record_str(b, "id", id) | record_u64(b, "request", print) | record_end(b))
		return err_nomem(e);
	return append(j, b->s, b->len, e);
}

int
journal_result(struct journal *j, const struct buf *line, struct err *e)
{
	return j->fd < 0 ? 0 : append(j, line->s, line->len, e);
}

int
journal_sync(struct journal *j, struct err *e)
{
	if (j->fd < 0 || !j->dirty)
		return 0;
	j->dirty = 0;
	return fdatasync(j->fd) < 0 ? err_sys(e, ERR_IO, "cannot sync %s", j->path) : 0;
}
