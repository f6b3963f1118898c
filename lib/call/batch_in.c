/* batch_in: the input of a batch: lines to calls, those that the journal knows to their old results. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "call/batch_internal.h"
#include "record/record.h"

#define READ_SIZE 65536

static void
append_call(struct batch *b, struct call *c)
{
	c->prev = b->last;
	if (b->last)
		b->last->next = c;
	else
		b->first = c;
	b->last = c;
	b->unwritten++;
	b->sum->calls++;
}

static struct call *
new_call(struct batch *b)
{
	struct call *c = calloc(1, sizeof *c);

	if (!c) {
		err_nomem(b->e);
		return NULL;
	}
	c->body_fd = -1;
	return c;
}

/* A file name that is different for different ids, and no path: all but letters, digits, - and _ as %XX; a long one is cut and
 * told apart by a hash after "~", which no short one has. */
static char *
body_path(const char *folder, const char *id)
{
	struct buf b = BUF_INIT;
	uint64_t h = 0xcbf29ce484222325u;
	size_t start;
	int rc = buf_printf(&b, "%s/", folder);

	start = b.len;
	for (const unsigned char *p = (const unsigned char *)id; *p && !rc; p++) {
		h = (h ^ *p) * 0x100000001b3u;
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_')
			rc = buf_putc(&b, (char)*p);
		else
			rc = buf_printf(&b, "%%%02X", *p);
	}
	if (!rc && b.len - start > 200) {
		b.len = start + 180;
		rc = buf_printf(&b, "~%016llx", (unsigned long long)h);
	}
	if (rc || buf_puts(&b, ".body") < 0) {
		buf_free(&b);
		return NULL;
	}
	return b.s;
}

static int
prepare_body(struct batch *b, struct call *c)
{
	const struct batch_options *o = b->o;

	c->body = (struct body){.inline_max = o->inline_max, .discard = o->discard && !c->req->output, .always_file = c->req->output != NULL};
	if (c->body.discard && expect_wants_json(c->req->expect))
		c->body.inline_max = JSON_MAX;
	if (!c->req->output && !o->body_dir)
		return 0;
	c->path = c->req->output ? strdup(c->req->output) : body_path(o->body_dir, c->id);
	c->body.path = c->path;
	return c->path ? 0 : err_nomem(b->e);
}

static int
restore(struct batch *b, struct call *c, const struct journal_entry *x)
{
	struct verdict v = {.ok = x->ok};

	if (out_restored(b, x, &c->line) < 0)
		return -1;
	b->finished++;
	b->sum->restored++;
	if (v.ok) {
		b->sum->ok++;
		b->in_phase.ok++;
	} else {
		b->sum->failed++;
		b->in_phase.failed++;
	}
	return call_done_line(b, c);
}

/* What the journal and the ids so far say of a call. 1: it is to be made; 0: it has its result; -1. */
static int
look_up(struct batch *b, struct call *c)
{
	struct journal_entry *x = journal_entry(b->journal, c->id);
	int seen;

	if (!x)
		return err_nomem(b->e);
	seen = x->seen;
	x->seen = 1;
	if (seen)
		return call_fail(b, c, "request", "this id was there before", 0);
	if (!c->req)
		return 1;
	if (!x->has_result && !x->began)
		return 1;
	if (x->print != c->req->print)
		return call_fail(b, c, "request", "the request is another than the one with this id in the state file", 0);
	if (x->has_result && (x->ok || !b->o->retry_failed || !c->req->repeatable))
		return restore(b, c, x);
	if (x->began && !c->req->repeatable)
		return call_fail(b, c, "unknown", "it was sent before the restart, may not be repeated, and nobody knows what became of it", 1);
	return 1;
}

int
in_enqueue(struct batch *b, struct call *c)
{
	int rc;

	b->phase_calls++;
	append_call(b, c);
	rc = look_up(b, c);
	if (rc <= 0)
		return rc;
	if (prepare_body(b, c) < 0)
		return -1;
	c->host = batch_host_of(b, c->req);
	if (!c->host)
		return err_nomem(b->e);
	c->state = CALL_WAITING;
	*c->host->tail = c;
	c->host->tail = &c->queue_next;
	batch_host_ready(b, c->host);
	return 0;
}

const char *
in_phase_of(const struct batch *b, const struct request *r)
{
	return r->phase ? r->phase : b->o->phase ? b->o->phase : "";
}

int
in_begin_phase(struct batch *b, const char *name)
{
	snprintf(b->phase, sizeof b->phase, "%s", name);
	b->in_phase = (struct counts){0};
	b->phase_calls = 0;
	b->phase_open = 1;
	b->phase_start_ns = clk_boot_ns();
	return *name ? out_phase(b) : 0;
}

/* A line that is no request: it fails, and the batch goes on. */
static int
take_bad_line(struct batch *b, char *id, const struct err *e)
{
	struct call *c = new_call(b);
	char name[40], why[600];
	int rc;

	snprintf(name, sizeof name, "%lld", (long long)b->lineno);
	snprintf(why, sizeof why, "line %s: %.500s", name, e->msg);
	if (!c || !(c->id = id ? id : strdup(name))) {
		free(c);
		return err_nomem(b->e);
	}
	if (!b->phase_open && in_begin_phase(b, b->o->phase ? b->o->phase : "") < 0) {
		free(c->id);
		free(c);
		return -1;
	}
	b->phase_calls++;
	append_call(b, c);
	rc = look_up(b, c);
	return rc > 0 ? call_fail(b, c, "request", why, 0) : rc;
}

static int
take_line(struct batch *b, const char *line, size_t n)
{
	struct err e = {0};
	char *id;
	struct call *c;
	struct request *r = request_parse(line, n, b->lineno, &id, &e);

	if (!r)
		return take_bad_line(b, id, &e);
	c = new_call(b);
	if (!c || !(c->id = strdup(r->id))) {
		request_free(r);
		free(c);
		return err_nomem(b->e);
	}
	c->req = r;
	if (b->phase_open && strcmp(b->phase, in_phase_of(b, r))) { /* 7 */
		b->held = c;
		return 0;
	}
	if (!b->phase_open && in_begin_phase(b, in_phase_of(b, r)) < 0) {
		b->held = c;
		return -1;
	}
	return in_enqueue(b, c);
}

static int
is_blank(const char *s, size_t n)
{
	while (n && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++, n--;
	return !n;
}

/* The next line that has been read, or NULL. */
static char *
buffered_line(struct batch *b, size_t *n)
{
	char *s = b->in.s ? b->in.s + b->in_at : NULL, *end;

	if (!s || b->in_at == b->in.len)
		return NULL;
	end = memchr(s, '\n', b->in.len - b->in_at);
	if (!end && !b->in_eof)
		return NULL;
	*n = end ? (size_t)(end - s) : b->in.len - b->in_at;
	b->in_at += *n + (end != NULL);
	b->lineno++;
	return s;
}

static int
read_some(struct batch *b)
{
	ssize_t k;

	if (b->in_at) {
		memmove(b->in.s, b->in.s + b->in_at, b->in.len - b->in_at);
		b->in.len -= b->in_at;
		b->in_at = 0;
	}
	if (b->in.len > RECORD_LINE_MAX)
		return err_set(b->e, ERR_DATA, "line %lld: longer than %zu bytes", (long long)b->lineno + 1, RECORD_LINE_MAX);
	if (buf_reserve(&b->in, READ_SIZE) < 0)
		return err_nomem(b->e);
	do
		k = read(b->o->input_fd, b->in.s + b->in.len, READ_SIZE);
	while (k < 0 && errno == EINTR);
	if (k < 0 && errno != EAGAIN)
		return err_sys(b->e, ERR_IO, "cannot read the requests");
	if (k == 0)
		b->in_eof = 1;
	if (k > 0) {
		b->in.len += (size_t)k;
		b->in.s[b->in.len] = '\0';
	}
	return 0;
}

int64_t
in_window(const struct batch *b)
{
	int64_t least = b->o->input_order ? 256 : 4096;

	return 4 * (int64_t)b->o->jobs > least ? 4 * (int64_t)b->o->jobs : least;
}

/* Reads as far ahead as is useful. `readable`: a read would not block. */
int
in_fill(struct batch *b, int readable)
{
	char *line;
	size_t n;

	while (!b->stop_ns && !b->held && b->unwritten < in_window(b)) {
		line = buffered_line(b, &n);
		if (line) {
			if (!is_blank(line, n) && take_line(b, line, n) < 0)
				return -1;
			continue;
		}
		if (b->in_eof || (!readable && !b->in_file))
			break;
		if (read_some(b) < 0)
			return -1;
		readable = 0;
	}
	if (!b->in_file) /* a pipe at its end is readable for ever */
		http_watch(b->http, b->o->input_fd, !b->in_eof && !b->stop_ns && !b->held && b->unwritten < in_window(b));
	return 0;
}
