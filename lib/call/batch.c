/* batch: see batch.h, whose numbers are cited. Here: options, places and limits, phases, the loop. */
#include "call/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/num.h"
#include "call/batch_internal.h"

#define SECOND_NS ((int64_t)1000000000)
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

struct host *
batch_host_of(struct batch *b, const struct request *r)
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

static int
enough(const struct batch_options *o, int64_t ok, int64_t calls)
{
	switch (o->least) {
	case BATCH_COUNT: return (double)ok >= o->least_value;
	case BATCH_PERCENT: return (double)ok * 100 >= o->least_value * (double)calls;
	default: return ok == calls;
	}
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
	if (in_begin_phase(b, in_phase_of(b, c->req)) < 0) {
		b->held = c;
		return -1;
	}
	return in_enqueue(b, c);
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
		if (call_fail(b, c, "batch", b->sum->reason, 0) < 0)
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
		rc = in_fill(b, readable);
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
