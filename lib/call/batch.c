/* batch: see batch.h, whose numbers are cited. Here: options, input, places and limits, the loop. */
#include "call/batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/num.h"
#include "call/batch_internal.h"
#include "record/record.h"

#define SECOND_NS ((int64_t)1000000000)
#define READ_SIZE 65536
#define HELD_MAX ((size_t)64 << 20)        /* lines that wait for their turn: beyond it only the first in turn begins */
#define RATE_SLACK_NS 5000000              /* attempts may bunch this much: timers are no finer than a millisecond */
#define DRAIN_NS SECOND_NS                 /* what runs gets this long when the end is asked for */

void
batch_defaults(struct batch_options *o)
{
	*o = (struct batch_options){.total = -1, .jobs = 64, .call_ns = 60 * SECOND_NS, .inline_max = 256 * 1024,
	                            .max_body = (int64_t)1 << 30, .interval_ns = SECOND_NS};
	retry_defaults(&o->retry);
}

int
batch_parse_least(struct batch_options *o, const char *s, struct err *e)
{
	size_t n = strlen(s);
	int64_t v;

	if (!strcmp(s, "all")) {
		o->least = BATCH_ALL;
	} else if (n && s[n - 1] == '%' && num_parse_double(s, n - 1, &o->least_value) == 0 && o->least_value >= 0 && o->least_value <= 100) {
		o->least = BATCH_PERCENT;
	} else if (num_parse_int(s, 0, INT64_MAX / 2, &v) == 0) {
		o->least = BATCH_COUNT;
		o->least_value = (double)v;
	} else {
		return err_set(e, ERR_USAGE, "\"%.60s\": how many must succeed is N, P%% or all", s);
	}
	return 0;
}

/* --- limits ---------------------------------------------------------------------------------------------------------------- */

/* One rate: attempts are due every 1/rate; *next is when the coming one is. 1, or 0 with *when. */
static int
gate(int64_t *next, double rate, int64_t now, int64_t *when)
{
	if (rate <= 0 || *next <= now + RATE_SLACK_NS)
		return 1;
	if (*next - RATE_SLACK_NS < *when)
		*when = *next - RATE_SLACK_NS;
	return 0;
}

static void
pass_gate(int64_t *next, double rate, int64_t now)
{
	if (rate > 0)
		*next = (*next > now - RATE_SLACK_NS ? *next : now - RATE_SLACK_NS) + (int64_t)(1e9 / rate);
}

/* May an attempt begin now, by the limits of attempts a second? 1: it is counted; 0: ask again at *when. */
int
batch_take_turn(struct batch *b, struct host *h, int64_t now, int64_t *when)
{
	*when = INT64_MAX;
	if (!gate(&b->next_ns, b->o->rate, now, when) || !gate(&h->next_ns, b->o->host_rate, now, when))
		return 0;
	pass_gate(&b->next_ns, b->o->rate, now);
	pass_gate(&h->next_ns, b->o->host_rate, now);
	return 1;
}

/* --- hosts ------------------------------------------------------------------------------------------------------------------ */

static struct host *
host_of(struct batch *b, const struct request *r)
{
	size_t i = 5381;
	struct host *h;

	for (const char *p = r->origin; *p; p++)
		i = i * 33 + (unsigned char)*p;
	i &= sizeof b->buckets / sizeof b->buckets[0] - 1;
	for (h = b->buckets[i]; h; h = h->chain)
		if (!strcmp(h->origin, r->origin))
			return h;
	h = calloc(1, sizeof *h);
	if (h && !(h->origin = strdup(r->origin))) {
		free(h);
		h = NULL;
	}
	if (!h)
		return NULL;
	h->tail = &h->first;
	h->name = r->literal ? NAME_KNOWN : NAME_UNKNOWN;
	h->chain = b->buckets[i];
	b->buckets[i] = h;
	return h;
}

void
batch_host_ready(struct batch *b, struct host *h)
{
	if (h->ready || !h->first || (b->o->per_host > 0 && h->active >= b->o->per_host))
		return;
	h->ready = 1;
	h->ready_next = NULL;
	*b->ready_tail = h;
	b->ready_tail = &h->ready_next;
}

static struct host *
next_ready(struct batch *b)
{
	struct host *h = b->ready;

	b->ready = h->ready_next;
	if (!b->ready)
		b->ready_tail = &b->ready;
	h->ready = 0;
	return h;
}

/* libcurl says that a name has an address; nothing may be begun from there. */
static void
on_named(void *ctx, void *user)
{
	struct batch *b = ctx;
	struct host *h = ((struct call *)user)->host;

	if (h->name != NAME_ASKED || h->leader != user)
		return;
	h->name = NAME_KNOWN;
	h->named_next = b->named;
	b->named = h;
}

/* --- input ------------------------------------------------------------------------------------------------------------------- */

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
fail_line(struct batch *b, struct call *c, const char *kind, const char *reason, int keep)
{
	struct verdict v = {.kind = kind};

	snprintf(v.reason, sizeof v.reason, "%.599s", reason);
	return call_finish(b, c, &v, keep);
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
		return fail_line(b, c, "request", "this id was there before", 0);
	if (!c->req)
		return 1;
	if (!x->has_result && !x->began)
		return 1;
	if (x->print != c->req->print)
		return fail_line(b, c, "request", "the request is another than the one with this id in the state file", 0);
	if (x->has_result && (x->ok || !b->o->retry_failed || !c->req->repeatable))
		return restore(b, c, x);
	if (x->began && !c->req->repeatable)
		return fail_line(b, c, "unknown", "it was sent before the restart, may not be repeated, and nobody knows what became of it", 1);
	return 1;
}

static int
enqueue(struct batch *b, struct call *c)
{
	int rc;

	b->phase_calls++;
	append_call(b, c);
	rc = look_up(b, c);
	if (rc <= 0)
		return rc;
	if (prepare_body(b, c) < 0)
		return -1;
	c->host = host_of(b, c->req);
	if (!c->host)
		return err_nomem(b->e);
	c->state = CALL_WAITING;
	*c->host->tail = c;
	c->host->tail = &c->queue_next;
	batch_host_ready(b, c->host);
	return 0;
}

static const char *
phase_of(const struct batch *b, const struct request *r)
{
	return r->phase ? r->phase : b->o->phase ? b->o->phase : "";
}

static int
begin_phase(struct batch *b, const char *name)
{
	snprintf(b->phase, sizeof b->phase, "%s", name);
	b->in_phase = (struct counts){0};
	b->phase_calls = 0;
	b->phase_open = 1;
	b->phase_start_ns = clk_boot_ns();
	return *name ? out_phase(b) : 0;
}

static int
enough(const struct batch_options *o, int64_t ok, int64_t calls)
{
	switch (o->least) {
	case BATCH_COUNT: return (double)ok >= o->least_value;
	case BATCH_PERCENT: return (double)ok * 100 >= o->least_value * (double)calls;
	default: return ok == calls;
	}
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
	if (!b->phase_open && begin_phase(b, b->o->phase ? b->o->phase : "") < 0) {
		free(c->id);
		free(c);
		return -1;
	}
	b->phase_calls++;
	append_call(b, c);
	rc = look_up(b, c);
	return rc > 0 ? fail_line(b, c, "request", why, 0) : rc;
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
	if (b->phase_open && strcmp(b->phase, phase_of(b, r))) { /* 7 */
		b->held = c;
		return 0;
	}
	if (!b->phase_open && begin_phase(b, phase_of(b, r)) < 0) {
		b->held = c;
		return -1;
	}
	return enqueue(b, c);
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

static int64_t
window(const struct batch *b)
{
	int64_t least = b->o->input_order ? 256 : 4096;

	return 4 * (int64_t)b->o->jobs > least ? 4 * (int64_t)b->o->jobs : least;
}

/* Reads as far ahead as is useful. `readable`: a read would not block. */
static int
fill(struct batch *b, int readable)
{
	char *line;
	size_t n;

	while (!b->stop_ns && !b->held && b->unwritten < window(b)) {
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
	if (!b->in_eof && !b->in_file)
		http_watch(b->http, b->o->input_fd, !b->stop_ns && !b->held && b->unwritten < window(b));
	return 0;
}

/* --- places ------------------------------------------------------------------------------------------------------------------ */

static int
give_place(struct batch *b, struct host *h, int64_t now)
{
	struct call *c = h->first;

	h->first = c->queue_next;
	if (!h->first)
		h->tail = &h->first;
	c->start_ns = now; /* 1 */
	c->end_ns = now + (c->req->deadline_ns ? c->req->deadline_ns : b->o->call_ns);
	if (b->o->until_ns && c->end_ns > b->o->until_ns)
		c->end_ns = b->o->until_ns;
	b->active++;
	b->begun++;
	h->active++;
	c->state = CALL_LAUNCHED;
	c->queue_next = NULL;
	*b->launch_tail = c;
	b->launch_tail = &c->queue_next;
	if (!c->req->repeatable && journal_is_file(b->journal)) /* 2 */
		return journal_began(b->journal, c->id, c->req->print, b->e) < 0 ? -1 : 1;
	return 0;
}

/* Begins as many calls as the limits allow; *when: a limit of attempts a second says when to look again. */
static int
admit(struct batch *b, int64_t now, int64_t *when)
{
	struct host *later = NULL, *h;
	int sync = 0, rc = 0;
	int64_t wait;
	struct call *c;

	*when = INT64_MAX;
	while (!b->stop_ns && rc >= 0 && b->ready && b->active < b->o->jobs) {
		h = next_ready(b);
		if (b->held_bytes > HELD_MAX && h->first != b->first) {
			h->ready_next = later;
			later = h;
			continue;
		}
		if (!batch_take_turn(b, h, now, &wait)) {
			if (wait < *when)
				*when = wait;
			h->ready_next = later;
			later = h;
			continue;
		}
		rc = give_place(b, h, now);
		sync |= rc > 0;
		batch_host_ready(b, h);
	}
	while ((h = later)) {
		later = h->ready_next;
		batch_host_ready(b, h);
	}
	if (rc >= 0 && sync)
		rc = journal_sync(b->journal, b->e);
	while (rc >= 0 && (c = b->launch)) {
		b->launch = c->queue_next;
		if (!b->launch)
			b->launch_tail = &b->launch;
		c->queue_next = NULL;
		rc = call_launch(b, c);
	}
	return rc < 0 ? -1 : 0;
}

/* --- phases and the end -------------------------------------------------------------------------------------------------------- */

static int
next_phase(struct batch *b)
{
	struct call *c = b->held;

	b->held = NULL;
	if (out_beat(b) < 0) {
		b->held = c;
		return -1;
	}
	if (b->o->least == BATCH_PERCENT && !enough(b->o, b->in_phase.ok, b->phase_calls)) {
		snprintf(b->sum->reason, sizeof b->sum->reason, "phase %.200s: %lld of %lld calls succeeded", b->phase,
		         (long long)b->in_phase.ok, (long long)b->phase_calls);
		b->held = c; /* not begun: it has no result */
		b->stop_ns = clk_boot_ns();
		b->cut = BATCH_FAILED;
		return 0;
	}
	if (begin_phase(b, phase_of(b, c->req)) < 0) {
		b->held = c;
		return -1;
	}
	return enqueue(b, c);
}

/* No more attempts; calls that have not begun have no result. */
static int
wind_up(struct batch *b, enum batch_outcome why, const char *reason, int64_t now)
{
	b->stop_ns = now;
	b->cut = why;
	snprintf(b->sum->reason, sizeof b->sum->reason, "%s", reason);
	for (struct call *c = b->first; c; c = c->next)
		if (c->state == CALL_SLEEPING && due_set(&b->due, &c->due, now) < 0)
			return err_nomem(b->e);
	return 0;
}

/* Ends what still runs. Its result is none that a restart keeps. */
static int
cut_off(struct batch *b)
{
	struct call *c, *next;

	for (c = b->first; c; c = next) {
		next = c->next;
		if (c->state == CALL_DONE || !c->start_ns)
			continue;
		if (fail_line(b, c, "batch", b->sum->reason, 0) < 0)
			return -1;
		next = b->o->input_order ? b->first : next;
	}
	for (c = b->first; c; c = c->next) /* those behind calls that have not begun */
		if (c->state == CALL_DONE && out_send(b, &c->line) < 0)
			return -1;
	return 0;
}

static void
conclude(struct batch *b)
{
	struct batch_summary *s = b->sum;
	int all = b->in_eof && !b->held && s->ok + s->failed == s->calls;

	s->outcome = b->stop_ns ? b->cut : BATCH_COMPLETED;
	if (s->outcome == BATCH_DEADLINE && (all || b->o->least == BATCH_COUNT) && enough(b->o, s->ok, s->calls))
		s->outcome = BATCH_COMPLETED;
	if (s->outcome == BATCH_COMPLETED && !enough(b->o, s->ok, s->calls)) {
		s->outcome = BATCH_FAILED;
		snprintf(s->reason, sizeof s->reason, "%lld of %lld calls succeeded", (long long)s->ok, (long long)s->calls);
		if (b->last_error[0])
			snprintf(s->reason + strlen(s->reason), sizeof s->reason - strlen(s->reason), "; the last failure: %.400s", b->last_error);
	}
	if (s->outcome == BATCH_COMPLETED) {
		s->reason[0] = '\0';
		s->degraded = s->ok < s->calls || !all;
	}
}

/* --- the loop -------------------------------------------------------------------------------------------------------------------- */

static int
handle_events(struct batch *b)
{
	struct host *h;
	struct due_entry *d;
	int64_t now;
	void *user;

	while ((h = b->named)) {
		b->named = h->named_next;
		if (call_named(b, h) < 0)
			return -1;
	}
	while (http_next(b->http, &user))
		if (call_ended(b, user) < 0)
			return -1;
	now = clk_boot_ns();
	while ((d = due_first(&b->due)) && d->at_ns <= now)
		if (call_due(b, (struct call *)d, now) < 0)
			return -1;
	return 0;
}

static int
keep_time(struct batch *b, int64_t now)
{
	if (!b->stop_ns && b->o->stop && *b->o->stop && wind_up(b, BATCH_STOPPED, "stopped by a signal", now) < 0)
		return -1;
	if (!b->stop_ns && b->o->until_ns && now >= b->o->until_ns && wind_up(b, BATCH_DEADLINE, "the deadline of the batch", now) < 0)
		return -1;
	if (now - b->sync_ns >= SECOND_NS) {
		b->sync_ns = now;
		if (journal_sync(b->journal, b->e) < 0)
			return -1;
	}
	if (b->phase_open && now - b->beat_ns >= b->o->interval_ns && (b->finished != b->beat_finished || b->sum->retries != b->beat_retries))
		return out_beat(b);
	return 0;
}

static int64_t
wake_at(const struct batch *b, int64_t now, int64_t when)
{
	const struct due_entry *d = due_first(&b->due);
	int64_t at = now + b->o->interval_ns;

	if (d && d->at_ns < at)
		at = d->at_ns;
	if (when < at)
		at = when;
	if (!b->stop_ns && b->o->until_ns && b->o->until_ns < at)
		at = b->o->until_ns;
	return at;
}

static int
loop(struct batch *b)
{
	int readable = 1, rc = 0;
	int64_t when, now;

	b->in_file = http_watch(b->http, b->o->input_fd, 1);
	readable = b->in_file;
	while (!rc) {
		rc = fill(b, readable);
		if (!rc)
			rc = admit(b, clk_boot_ns(), &when);
		if (!rc)
			rc = keep_time(b, now = clk_boot_ns());
		if (rc)
			break;
		if (b->held && !b->active && b->unwritten == 0 && !b->stop_ns) {
			rc = next_phase(b);
			continue;
		}
		if (b->stop_ns && (!b->active || b->cut == BATCH_DEADLINE || now >= b->stop_ns + DRAIN_NS))
			break;
		if (b->in_eof && !b->held && b->in_at == b->in.len && !b->unwritten)
			break;
		http_step(b->http, wake_at(b, now, when));
		readable = http_watched(b->http);
		rc = handle_events(b);
	}
	if (!rc && b->stop_ns)
		rc = cut_off(b);
	return rc;
}

static int
set_up(struct batch *b, struct http_options *ho)
{
	const struct batch_options *o = b->o;

	ho->on_named = on_named;
	ho->ctx = b;
	if (!ho->max_connections)
		ho->max_connections = o->jobs + 16;
	if (o->nhead && buf_add(&b->in, o->head, o->nhead) < 0)
		return err_nomem(b->e);
	b->journal = journal_open(o->state, b->e);
	if (!b->journal)
		return -1;
	b->http = http_new(ho, b->e);
	return b->http ? 0 : -1;
}

static void
tear_down(struct batch *b)
{
	while (b->first)
		call_free(b, b->first);
	if (b->held) {
		request_free(b->held->req);
		free(b->held->id);
		free(b->held);
	}
	for (size_t i = 0; i < sizeof b->buckets / sizeof b->buckets[0]; i++)
		while (b->buckets[i]) {
			struct host *h = b->buckets[i];

			b->buckets[i] = h->chain;
			free(h->origin);
			free(h);
		}
	http_free(b->http);
	journal_close(b->journal);
	due_free(&b->due);
	buf_free(&b->in);
	buf_free(&b->out);
	buf_free(&b->text);
	free(b);
}

int
batch_run(const struct batch_options *given, struct batch_summary *s, struct err *e)
{
	struct batch_options o = *given;
	struct batch *b = calloc(1, sizeof *b);
	int rc;

	memset(s, 0, sizeof *s);
	if (!b)
		return err_nomem(e);
	if (o.interval_ns <= 0)
		o.interval_ns = SECOND_NS;
	b->o = &o;
	b->sum = s;
	b->e = e;
	b->ready_tail = &b->ready;
	b->launch_tail = &b->launch;
	b->beat_ns = b->sync_ns = clk_boot_ns();
	rc = set_up(b, &o.http);
	if (!rc)
		rc = loop(b);
	if (!rc)
		rc = journal_sync(b->journal, e);
	if (!rc)
		conclude(b);
	if (!rc && b->phase_open)
		rc = out_beat(b);
	tear_down(b);
	return rc;
}
