/* crew: see crew.h: what is left is taken, done, counted, and given back. */
#include "engine/crew.h"

#include <stdlib.h>

#include "base/io.h"
#include "base/num.h"
#include "record/record.h"

static int
add_number(struct buf *b, double x)
{
	char num[NUM_DOUBLE_MAX];

	num_format_double(x, num);
	return buf_puts(b, num);
}

/* One row of --samples: trial, targets, inputs. */
static int
add_row(const struct sim *s, const struct stats_block *b, int64_t trial, size_t lane, int ndjson, struct buf *out)
{
	size_t ncol = s->ntargets + s->ninputs;
	int rc = buf_printf(out, ndjson ? "{\"trial\":%lld" : "%lld", (long long)trial);

	for (size_t i = 0; i < ncol; i++) {
		int kind = i < s->ntargets && b->err[i] ? (int)b->err[i][lane] : 0;

		if (ndjson) {
			rc |= buf_puts(out, ",");
			rc |= record_quote(out, s->col[i].name);
			rc |= buf_puts(out, ":");
		} else {
			rc |= buf_putc(out, ',');
		}
		if (kind)
			rc |= ndjson ? buf_printf(out, "\"%s\"", xl_error_name((enum xl_error)kind))
			             : buf_puts(out, xl_error_name((enum xl_error)kind));
		else
			rc |= add_number(out, b->x[i][lane]);
	}
	return rc | buf_puts(out, ndjson ? "}\n" : "\n");
}

void
crew_fail(struct crew *c, const struct err *e)
{
	pthread_mutex_lock(&c->lock);
	if (!c->err.status)
		c->err = *e;
	atomic_store(&c->halt, 3);
	pthread_cond_broadcast(&c->turn);
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

void
crew_note(struct crew *c, const struct sim_note *n)
{
	struct sim_note *v;

	pthread_mutex_lock(&c->lock);
	v = realloc(c->note, (c->nnotes + 1) * sizeof *v);
	if (v) {
		c->note = v;
		c->note[c->nnotes++] = *n;
	}
	pthread_mutex_unlock(&c->lock);
}

void
crew_give_back(struct crew *c, int64_t first, int64_t last)
{
	struct crew_range *v;

	pthread_mutex_lock(&c->lock);
	v = realloc(c->again, (c->nagain + 1) * sizeof *v);
	if (!v)
		abort();
	c->again = v;
	c->again[c->nagain++] = (struct crew_range){first, last};
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

/* Up to a chunk of what was given back; with the lock held. */
static int
take_again(struct crew *c, int64_t *from, int64_t *to)
{
	struct crew_range *r;

	if (!c->nagain)
		return 0;
	r = &c->again[c->nagain - 1];
	*from = r->first;
	*to = r->first - r->first % c->chunk + c->chunk;
	if (*to >= r->last) {
		*to = r->last;
		c->nagain--;
	} else {
		r->first = *to;
	}
	return 1;
}

/* Chunks end at multiples of their size, whatever the first trial. */
static int
take_next(struct crew *c, int64_t *from, int64_t *to)
{
	int_fast64_t at = atomic_load(&c->next);

	do {
		if (at >= c->o->last)
			return 0;
		*to = at - at % c->chunk + c->chunk;
		if (*to > c->o->last)
			*to = c->o->last;
	} while (!atomic_compare_exchange_weak(&c->next, &at, *to));
	*from = at;
	return 1;
}

int
crew_take(struct crew *c, int64_t *from, int64_t *to)
{
	int got = 0;

	pthread_mutex_lock(&c->lock);
	while (!atomic_load(&c->halt) && !(got = take_again(c, from, to) || take_next(c, from, to)) && c->out)
		pthread_cond_wait(&c->more, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return got;
}

/* Rows leave in trial order: each chunk waits for its turn. */
static int
write_rows(struct worker *w, int64_t from, int64_t to)
{
	struct crew *c = w->crew;
	struct err e = {0};
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (c->write_turn != from && atomic_load(&c->halt) != 3)
		pthread_cond_wait(&c->turn, &c->lock);
	pthread_mutex_unlock(&c->lock);
	if (atomic_load(&c->halt) == 3)
		return -1;
	if (io_write_all(c->o->samples_fd, w->rows.s, w->rows.len) < 0)
		rc = err_sys(&e, ERR_IO, "cannot write the samples");
	buf_clear(&w->rows);
	pthread_mutex_lock(&c->lock);
	c->write_turn = to;
	pthread_cond_broadcast(&c->turn);
	pthread_mutex_unlock(&c->lock);
	if (rc)
		crew_fail(c, &e);
	return rc;
}

int
crew_run_chunk(struct worker *w, int64_t from, int64_t to)
{
	struct crew *c = w->crew;
	const struct sim *s = c->s;
	struct stats_block *b = stats_block_of(w->stats);
	struct err e = {0};
	int64_t at;

	for (at = from - from % VM_BLOCK; at < to; at += VM_BLOCK) {
		size_t lane0 = at < from ? (size_t)(from - at) : 0;
		size_t lane1 = to - at < VM_BLOCK ? (size_t)(to - at) : VM_BLOCK;

		if (!w->pilot && vm_block(w->run, at, lane0, lane1) < 0)
			break;
		w->pilot = 0;
		sim_column_lanes(s, w->run, b);
		if (stats_add_block(w->stats, at, lane0, lane1) < 0) {
			err_nomem(&e);
			crew_fail(c, &e);
			return -1;
		}
		if (c->o->samples_fd >= 0)
			for (size_t lane = lane0; lane < lane1; lane++)
				if (add_row(s, b, at + (int64_t)lane, lane, c->o->samples_ndjson, &w->rows) < 0) {
					err_nomem(&e);
					crew_fail(c, &e);
					return -1;
				}
	}
	at = at < from ? from : at < to ? at : to; /* done up to here */
	atomic_fetch_add(&c->done, at - from);
	if (w->run->fast)
		atomic_fetch_add(&c->compiled, at - from);
	pthread_mutex_lock(&c->lock); /* whole chunks find their siblings in the total */
	if (stats_hand_over(c->total, w->stats) < 0)
		err_nomem(&e);
	pthread_mutex_unlock(&c->lock);
	if (e.status) {
		crew_fail(c, &e);
		return -1;
	}
	return c->o->samples_fd >= 0 ? write_rows(w, from, to) : 0;
}
