/* batch_call: one call: its attempts, what they are worth, its end. Numbers are those of batch.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "call/batch_internal.h"

#define MS ((int64_t)1000000)
/* libcurl's own clock ends an attempt at the deadline and knows in which phase it was; ours is there for the case that it
 * does not. */
#define DEADLINE_SLACK_NS (20 * MS)
#define LEAST_RESERVE_NS (100 * MS)

/* --- an attempt begins ------------------------------------------------------------------------------------------------------ */

static int
open_body_file(struct call *c, struct verdict *v)
{
	const char *path = c->req->body_file;
	struct stat st;

	if (!path)
		return 0;
	if (c->body_fd < 0)
		c->body_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->body_fd >= 0 && fstat(c->body_fd, &st) == 0 && S_ISREG(st.st_mode)) {
		c->nbody = st.st_size;
		return 0;
	}
	v->kind = "local";
	snprintf(v->reason, sizeof v->reason, "cannot read the body from %.300s: %s", path,
	         c->body_fd < 0 ? strerror(errno) : "not a file");
	return -1;
}

static void
follow(struct host *h, struct call *c)
{
	c->state = CALL_FOLLOWING;
	c->queue_next = h->followers;
	h->followers = c;
}

static void
unfollow(struct host *h, const struct call *c)
{
	for (struct call **p = &h->followers; *p; p = &(*p)->queue_next)
		if (*p == c) {
			*p = c->queue_next;
			return;
		}
}

int
call_launch(struct batch *b, struct call *c)
{
	const struct batch_options *o = b->o;
	const struct request *r = c->req;
	struct verdict v = {.ok = 0};
	struct err e = {0};
	int64_t now = clk_boot_ns();
	struct http_ask ask = {.url = r->url, .method = r->method, .headers = r->headers, .nheaders = r->nheaders,
	                       .body = r->body, .nbody = (int64_t)r->nbody, .body_fd = -1, .max_bytes = o->max_body,
	                       .redirects = r->redirects >= 0 ? r->redirects : o->redirects,
	                       .sink = body_sink, .sink_ctx = &c->body, .until_ns = c->end_ns};

	if (b->stop_ns) {
		v.kind = "batch";
		snprintf(v.reason, sizeof v.reason, "%s", b->sum->reason);
		return call_finish(b, c, &v, 0);
	}
	if (c->host->name == NAME_ASKED && c->host->leader != c) { /* 5 */
		follow(c->host, c);
		return due_set(&b->due, &c->due, c->end_ns) < 0 ? err_nomem(b->e) : 0;
	}
	c->tries++;
	c->try_ns = now;
	if (open_body_file(c, &v) < 0)
		return call_finish(b, c, &v, 1);
	if (r->body_file) {
		ask.body_fd = c->body_fd;
		ask.nbody = c->nbody;
	}
	if (o->attempt_ns > 0 && now + o->attempt_ns < ask.until_ns)
		ask.until_ns = now + o->attempt_ns;
	c->x = http_start(b->http, &ask, c, &e);
	if (!c->x) {
		v.kind = "local";
		snprintf(v.reason, sizeof v.reason, "%.500s", e.msg);
		return call_finish(b, c, &v, 1);
	}
	c->state = CALL_RUNNING;
	if (c->host->name == NAME_UNKNOWN) {
		c->host->name = NAME_ASKED;
		c->host->leader = c;
	}
	return due_set(&b->due, &c->due, c->end_ns + DEADLINE_SLACK_NS) < 0 ? err_nomem(b->e) : 0;
}

/* --- names ---------------------------------------------------------------------------------------------------------------------- */

int
call_named(struct batch *b, struct host *h)
{
	struct call *list = h->followers, *next;
	int rc = 0;

	h->followers = NULL;
	for (; list; list = next) {
		next = list->queue_next;
		if (!rc)
			rc = call_launch(b, list);
		else
			follow(h, list); /* for the sweep at the end */
	}
	return rc;
}

/* The leader has ended, or is given up. Where it learnt that the name has no address, so have its followers. */
static int
leader_gone(struct batch *b, struct call *c, enum http_error error)
{
	struct host *h = c->host;
	struct call *list, *next;
	int rc = 0;

	if (error == HTTP_RESOLVE && h->name == NAME_KNOWN)
		h->name = NAME_UNKNOWN;
	if (h->leader != c)
		return 0;
	h->leader = NULL;
	if (h->name == NAME_KNOWN)
		return 0;
	h->name = error == HTTP_OK ? NAME_KNOWN : NAME_UNKNOWN;
	if (error != HTTP_RESOLVE)
		return call_named(b, h); /* the first of them asks again */
	list = h->followers;
	h->followers = NULL;
	for (; list; list = next) {
		next = list->queue_next;
		if (rc) {
			follow(h, list);
			continue;
		}
		list->tries++;
		list->try_ns = c->try_ns;
		list->last = c->last;
		rc = call_ended(b, list);
	}
	return rc;
}

/* --- what an attempt was worth ----------------------------------------------------------------------------------------------------- */

static void
fail(struct verdict *v, const char *kind, int again, const char *reason)
{
	v->kind = kind;
	v->again = again;
	snprintf(v->reason, sizeof v->reason, "%.599s", reason);
}

static void
judge_body(struct call *c, struct verdict *v)
{
	const char *p = NULL;
	size_t n = 0;
	struct err e = {0};

	if (expect_content_type(c->req->expect, c->last.content_type, &e) < 0)
		fail(v, "invalid", 1, e.msg);
	else if (expect_wants_json(c->req->expect) &&
	         (body_view(&c->body, JSON_MAX, &p, &n, &e) < 0 || expect_body(c->req->expect, p, n, &e) < 0))
		fail(v, "invalid", e.status == ERR_DATA, e.msg);
	else if (body_commit(&c->body, &e) < 0)
		fail(v, "local", 0, e.msg);
	else
		v->ok = 1;
}

static void
judge(struct batch *b, struct call *c, struct verdict *v)
{
	const struct http_answer *a = &c->last;
	char text[sizeof v->reason];

	if (a->error != HTTP_OK) {
		int sink = a->error == HTTP_LOCAL && c->body.err.status;

		if (sink && c->body.err.status == ERR_DATA)
			fail(v, "too_large", 0, c->body.err.msg);
		else
			fail(v, http_error_name(a->error), retry_error_passes(a->error), sink ? c->body.err.msg : a->reason);
	} else if (!expect_status(c->req->expect, a->status)) {
		snprintf(text, sizeof text, "status %ld", a->status);
		fail(v, "status", a->status > 0 && a->status < 1000 && b->o->retry.status[a->status], text);
	} else {
		judge_body(c, v);
		if (!v->ok && !strcmp(v->kind, "invalid"))
			v->again = v->again && b->o->retry.invalid;
	}
}

/* 8: what is said of a failure goes to lines, and stays in last_error. */
static int
redact_reason(struct batch *b, struct call *c, struct verdict *v)
{
	buf_clear(&b->text);
	if (buf_puts(&b->text, v->reason) < 0 || request_redact(c->req, &b->text) < 0)
		return err_nomem(b->e);
	snprintf(v->reason, sizeof v->reason, "%s", b->text.s);
	return 0;
}

/* How long to wait for the next attempt; -1: there is none, and the reason says why where it is not plain. */
static int64_t
next_wait(struct batch *b, struct call *c, struct verdict *v, int64_t now)
{
	const struct retry_rules *r = &b->o->retry;
	int most = c->req->retries >= 0 ? c->req->retries : r->max;
	int64_t left = c->end_ns - now, wait, reserve = 2 * c->longest_ns, asked = -1;
	size_t n = strlen(v->reason);

	if (!v->again || b->stop_ns)
		return -1;
	if (!c->req->repeatable && c->last.sent) { /* 2 */
		snprintf(v->reason + n, sizeof v->reason - n, "; %s without an idempotency key is not repeated", c->req->method);
		return -1;
	}
	if (c->tries > most)
		return -1;
	if (b->sum->retries >= r->floor + (int64_t)(r->share * (double)b->begun)) {
		snprintf(v->reason + n, sizeof v->reason - n, "; the batch's budget for retries is spent");
		return -1;
	}
	if (c->last.error == HTTP_CLOSED && c->last.reused && c->tries == 1)
		return 0; /* the server had closed an idle connection: nobody is overloaded */
	wait = retry_backoff_ns(r, c->tries - 1);
	if (c->last.error == HTTP_OK && c->last.retry_after[0])
		asked = retry_after_ns(c->last.retry_after, clk_real_ns());
	if (asked >= 0) /* jitter on top: others were told the same */
		wait = asked < INT64_MAX / 8 ? asked + wait / 2 : asked;
	if (reserve < LEAST_RESERVE_NS)
		reserve = LEAST_RESERVE_NS;
	if (reserve > left / 2)
		reserve = left / 2;
	return wait > left - reserve ? left - reserve : wait; /* one last attempt fits in what is left */
}

static void
note_failure(struct batch *b, struct call *c, const struct verdict *v)
{
	snprintf(c->why, sizeof c->why, "%s", v->reason);
	snprintf(b->last_error, sizeof b->last_error, "%.250s: %.330s", c->id, v->reason);
}

static int
sleep_until_next(struct batch *b, struct call *c, const struct verdict *v, int64_t now, int64_t wait)
{
	b->sum->retries++;
	b->in_phase.retries++;
	note_failure(b, c, v);
	if (out_retry(b, c, v, wait) < 0)
		return -1;
	body_reset(&c->body);
	c->state = CALL_SLEEPING;
	return due_set(&b->due, &c->due, now + wait) < 0 ? err_nomem(b->e) : 0;
}

/* The deadline has been reached. Where it is the batch's, the call has no result that a restart should keep. */
static int
expire(struct batch *b, struct call *c, const char *last)
{
	int cut = b->o->until_ns && c->end_ns >= b->o->until_ns;
	struct verdict v = {.kind = cut ? "batch" : "deadline"};
	size_t n;

	if (cut)
		snprintf(v.reason, sizeof v.reason, "the deadline of the batch");
	else
		snprintf(v.reason, sizeof v.reason, "no result within %.6g s", (double)(c->end_ns - c->start_ns) / 1e9);
	n = strlen(v.reason);
	if (c->state == CALL_FOLLOWING)
		snprintf(v.reason + n, sizeof v.reason - n, ": looking up the name");
	else if (*last)
		snprintf(v.reason + n, sizeof v.reason - n, "; last: %.500s", last);
	return call_finish(b, c, &v, !cut);
}

int
call_ended(struct batch *b, struct call *c)
{
	struct verdict v = {.ok = 0};
	int64_t now, wait;
	int asked_name;

	if (c->x) {
		c->last = *http_answer(c->x);
		http_release(c->x);
		c->x = NULL;
	}
	asked_name = c->state == CALL_RUNNING;
	judge(b, c, &v);
	if (!v.ok && redact_reason(b, c, &v) < 0)
		return -1;
	if (asked_name && leader_gone(b, c, c->last.error) < 0)
		return -1;
	now = clk_boot_ns();
	if (now - c->try_ns > c->longest_ns)
		c->longest_ns = now - c->try_ns;
	if (v.ok)
		return call_finish(b, c, &v, 1);
	if (now >= c->end_ns - MS)
		return expire(b, c, v.reason);
	wait = next_wait(b, c, &v, now);
	return wait < 0 ? call_finish(b, c, &v, 1) : sleep_until_next(b, c, &v, now, wait);
}

int
call_due(struct batch *b, struct call *c, int64_t now)
{
	struct verdict v = {.ok = 0};
	int64_t when;

	if (now < c->end_ns && c->state == CALL_SLEEPING && !b->stop_ns) {
		if (!batch_take_turn(b, c->host, now, &when))
			return due_set(&b->due, &c->due, when < c->end_ns ? when : c->end_ns) < 0 ? err_nomem(b->e) : 0;
		return call_launch(b, c);
	}
	if (now < c->end_ns && c->state != CALL_SLEEPING)
		return due_set(&b->due, &c->due, c->end_ns) < 0 ? err_nomem(b->e) : 0;
	if (now < c->end_ns) { /* the batch is ending: no more attempts */
		fail(&v, "batch", 0, c->why);
		return call_finish(b, c, &v, 0);
	}
	if (c->x) { /* libcurl did not end it */
		http_cancel(c->x);
		c->x = NULL;
		memset(&c->last, 0, sizeof c->last);
	}
	if (c->state == CALL_FOLLOWING)
		unfollow(c->host, c);
	else if (c->state == CALL_RUNNING && leader_gone(b, c, HTTP_TIMEOUT) < 0)
		return -1;
	return expire(b, c, c->why);
}

/* --- its end --------------------------------------------------------------------------------------------------------------------- */

void
call_free(struct batch *b, struct call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		b->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		b->last = c->prev;
	due_drop(&b->due, &c->due);
	if (c->x)
		http_cancel(c->x);
	if (c->body_fd >= 0)
		close(c->body_fd);
	b->unwritten--;
	body_free(&c->body);
	buf_free(&c->line);
	request_free(c->req);
	free(c->path);
	free(c->id);
	free(c);
}

int
call_done_line(struct batch *b, struct call *c)
{
	c->state = CALL_DONE;
	if (!b->o->input_order) {
		int rc = out_send(b, &c->line);

		call_free(b, c);
		return rc;
	}
	b->held_bytes += c->line.len;
	while (b->first && b->first->state == CALL_DONE) {
		b->held_bytes -= b->first->line.len;
		if (out_send(b, &b->first->line) < 0)
			return -1;
		call_free(b, b->first);
	}
	return 0;
}

static void
give_back_place(struct batch *b, struct call *c)
{
	if (!c->start_ns)
		return;
	b->active--;
	c->host->active--;
	batch_host_ready(b, c->host);
}

int
call_finish(struct batch *b, struct call *c, const struct verdict *v, int keep)
{
	struct journal_entry *entry;

	b->finished++;
	if (v->ok) {
		b->sum->ok++;
		b->in_phase.ok++;
		b->last_error[0] = '\0';
	} else {
		b->sum->failed++;
		b->in_phase.failed++;
		note_failure(b, c, v);
		if (out_error(b, c, v) < 0)
			return -1;
	}
	if (out_result(b, c, v) < 0)
		return -1;
	if (keep && c->req) {
		if (journal_result(b->journal, &c->line, b->e) < 0)
			return -1;
		entry = journal_entry(b->journal, c->id);
		if (entry)
			entry->has_result = 1;
	}
	due_drop(&b->due, &c->due);
	give_back_place(b, c);
	if (c->x) {
		http_cancel(c->x);
		c->x = NULL;
	}
	body_free(&c->body);
	return call_done_line(b, c);
}

int
call_fail(struct batch *b, struct call *c, const char *kind, const char *reason, int keep)
{
	struct verdict v = {.kind = kind};

	snprintf(v.reason, sizeof v.reason, "%.599s", reason);
	return call_finish(b, c, &v, keep);
}
