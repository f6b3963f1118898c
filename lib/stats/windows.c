/* windows: see windows.h. */
#include "stats/windows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/stats.h"

static int
by_value(const void *a, const void *b)
{
	double x = ((const struct stats_value *)a)->x, y = ((const struct stats_value *)b)->x;

	return x < y ? -1 : x > y;
}

void
stats_windows_sort(struct stats_window *w)
{
	size_t k = 0;

	if (w->sorted == w->n)
		return;
	qsort(w->v, w->n, sizeof *w->v, by_value);
	for (size_t i = 0; i < w->n; i++) {
		if (k && w->v[k - 1].x == w->v[i].x)
			w->v[k - 1].n += w->v[i].n;
		else
			w->v[k++] = w->v[i];
	}
	w->n = w->sorted = k;
}

/* Room for one more: equal numbers are merged before memory grows. */
static int
make_room(struct stats_window *w)
{
	struct stats_value *v;
	size_t cap;

	if (w->n < w->cap)
		return 0;
	stats_windows_sort(w);
	if (w->n >= STATS_WINDOW_MAX) {
		w->gave_up = 1;
		w->n = w->sorted = 0;
		return 0;
	}
	if (w->cap && w->n < w->cap / 2)
		return 0;
	cap = w->cap ? 2 * w->cap : 256;
	v = realloc(w->v, cap * sizeof *v);
	if (!v)
		return -1;
	w->v = v;
	w->cap = cap;
	return 0;
}

static int
put(struct stats_window *w, double x, int64_t n)
{
	if (w->gave_up)
		return 0;
	if (make_room(w) < 0)
		return -1;
	if (!w->gave_up)
		w->v[w->n++] = (struct stats_value){x == 0 ? 0 : x, n}; /* -0 is 0 */
	return 0;
}

int
stats_windows_put(struct stats *s, int target, int window, double x, int64_t n)
{
	return put(&s->windows[target].w[window], x, n);
}

int
stats_windows_add(struct stats *s, int target, const double *x, const double *err, size_t lane0, size_t lane1)
{
	struct stats_windows *ws = &s->windows[target];

	for (int i = 0; i < ws->n; i++) {
		struct stats_window *w = &ws->w[i];
		double lo = w->lo, hi = w->hi;
		int64_t below = 0, upto = 0;

		if (err) {
			for (size_t k = lane0; k < lane1; k++) {
				below += (x[k] < lo) & (err[k] == 0);
				upto += (x[k] <= hi) & (err[k] == 0);
			}
		} else {
			for (size_t k = lane0; k < lane1; k++) {
				below += x[k] < lo;
				upto += x[k] <= hi;
			}
		}
		w->below += below;
		for (size_t k = lane0; upto > below && k < lane1; k++)
			if (x[k] >= lo && x[k] <= hi && !(err && err[k] != 0) && put(w, x[k], 1) < 0)
				return -1;
	}
	return 0;
}

/* --- which -------------------------------------------------------------------------------------------------- */

static int
add_edge(struct stats_edge **v, size_t *n, int target, double lo, double hi)
{
	struct stats_edge *grown = realloc(*v, (*n + 1) * sizeof *grown);

	if (!grown)
		return -1;
	*v = grown;
	grown[(*n)++] = (struct stats_edge){target, lo, hi};
	return 0;
}

/* A bin and half of its neighbours: which of two bins a number on their edge was counted in is a matter of rounding. */
static int
edge_of_rank(const struct stats *s, int target, double r, struct stats_edge **v, size_t *n)
{
	double lo, hi, half;

	if (r < 1 || r > (double)s->col[target].n || !stats_rank_bin(s, target, r, &lo, &hi) || !(hi > lo))
		return 0;
	half = (hi - lo) / 2;
	return add_edge(v, n, target, lo - half, hi + half);
}

/* p n rounded up, where rounding of p itself does not count. */
static double
rank_of(double p, double n)
{
	double r = p * n, whole = floor(r + 0.5);

	return fabs(r - whole) <= r * 1e-15 ? whole : ceil(r);
}

static double
half_width(double p, double n, double confidence)
{
	return -stats_normal_quantile((1 - confidence) / 2) * sqrt(n * p * (1 - p));
}

int
stats_windows_choose(const struct stats *s, int target, const double *p, int np, double confidence, const double *above, int nabove,
                     struct stats_edge **out, size_t *n)
{
	double total = (double)s->col[target].n;
	int rc = 0;

	for (int i = 0; i < np && !rc; i++) {
		double half = half_width(p[i], total, confidence);

		rc |= edge_of_rank(s, target, rank_of(p[i], total), out, n);
		rc |= edge_of_rank(s, target, floor(p[i] * total - half), out, n);
		rc |= edge_of_rank(s, target, ceil(p[i] * total + half), out, n);
	}
	for (int i = 0; i < nabove && !rc; i++)
		rc = add_edge(out, n, target, above[i], above[i]);
	return rc;
}

static int
by_edge(const void *a, const void *b)
{
	const struct stats_edge *x = a, *y = b;

	if (x->target != y->target)
		return x->target < y->target ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

int
stats_windows_set(struct stats *s, const struct stats_edge *edge, size_t n, struct err *e)
{
	struct stats_edge *v = calloc(n + 1, sizeof *v);

	if (!v || (!s->windows && !(s->windows = calloc((size_t)s->ntargets + 1, sizeof *s->windows)))) {
		free(v);
		return err_nomem(e);
	}
	if (n)
		memcpy(v, edge, n * sizeof *v);
	qsort(v, n, sizeof *v, by_edge);
	for (size_t i = 0; i < n; i++) {
		struct stats_windows *ws = &s->windows[v[i].target];
		struct stats_window *grown;

		if (ws->n && v[i].lo <= ws->w[ws->n - 1].hi) {
			if (v[i].hi > ws->w[ws->n - 1].hi)
				ws->w[ws->n - 1].hi = v[i].hi;
			continue;
		}
		grown = realloc(ws->w, (size_t)(ws->n + 1) * sizeof *grown);
		if (!grown) {
			free(v);
			return err_nomem(e);
		}
		ws->w = grown;
		ws->w[ws->n++] = (struct stats_window){.lo = v[i].lo, .hi = v[i].hi};
	}
	free(v);
	return 0;
}

/* --- merging --------------------------------------------------------------------------------------------------- */

int
stats_windows_like(struct stats *to, const struct stats *from)
{
	struct err ignored;
	struct stats_edge *v = NULL;
	size_t n = 0;
	int rc = 0;

	if (!from->windows)
		return 0;
	for (int t = 0; t < from->ntargets; t++)
		for (int i = 0; i < from->windows[t].n && !rc; i++)
			rc = add_edge(&v, &n, t, from->windows[t].w[i].lo, from->windows[t].w[i].hi);
	if (!rc)
		rc = stats_windows_set(to, v, n, &ignored);
	free(v);
	return rc;
}

int
stats_windows_merge(struct stats *to, const struct stats *from, struct err *e)
{
	if (!to->windows && !from->windows)
		return 0;
	if (!to->windows || !from->windows)
		return err_set(e, ERR_DATA, "some parts were made with --refine and some without");
	for (int t = 0; t < to->ntargets; t++) {
		if (to->windows[t].n != from->windows[t].n)
			return err_set(e, ERR_DATA, "parts were refined from different summaries");
		for (int i = 0; i < to->windows[t].n; i++) {
			struct stats_window *a = &to->windows[t].w[i];
			const struct stats_window *b = &from->windows[t].w[i];

			if (a->lo != b->lo || a->hi != b->hi)
				return err_set(e, ERR_DATA, "parts were refined from different summaries");
			a->below += b->below;
			if (b->gave_up) {
				a->gave_up = 1;
				a->n = a->sorted = 0;
			}
			for (size_t k = 0; k < b->n; k++)
				if (put(a, b->v[k].x, b->v[k].n) < 0)
					return err_nomem(e);
		}
	}
	return 0;
}

void
stats_windows_free(struct stats *s)
{
	for (int t = 0; s->windows && t < s->ntargets; t++) {
		for (int i = 0; i < s->windows[t].n; i++)
			free(s->windows[t].w[i].v);
		free(s->windows[t].w);
	}
	free(s->windows);
	s->windows = NULL;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

/* The number of rank r (from 1) among the target's; 0 where no window has it. */
static int
stats_windows_rank(const struct stats *s, int target, int64_t r, double *x)
{
	for (int i = 0; s->windows && i < s->windows[target].n; i++) {
		struct stats_window *w = &s->windows[target].w[i];
		int64_t at = w->below;

		if (w->gave_up || r <= at)
			continue;
		stats_windows_sort(w);
		for (size_t k = 0; k < w->n; k++) {
			at += w->v[k].n;
			if (r <= at) {
				*x = w->v[k].x;
				return 1;
			}
		}
	}
	return 0;
}

int64_t
stats_windows_above(const struct stats *s, int target, double x)
{
	for (int i = 0; s->windows && i < s->windows[target].n; i++) {
		struct stats_window *w = &s->windows[target].w[i];
		int64_t upto = w->below;

		if (w->gave_up || !(w->lo <= x && x <= w->hi))
			continue;
		for (size_t k = 0; k < w->n; k++)
			upto += w->v[k].x <= x ? w->v[k].n : 0;
		return s->col[target].n - upto;
	}
	return -1;
}

/* A rank's number: from a window, from a bin that holds one number only, or an end. */
static int
exact_rank(const struct stats *s, int target, double r, double *x)
{
	const struct stats_column *c = &s->col[target];
	double hi;

	if (r <= 1) {
		*x = c->min;
		return 1;
	}
	if (r >= (double)c->n) {
		*x = c->max;
		return 1;
	}
	if (stats_windows_rank(s, target, (int64_t)r, x))
		return 1;
	return stats_rank_bin(s, target, r, x, &hi) && !(hi > *x);
}

int
stats_windows_quantile(const struct stats *s, int target, double p, double half, struct stats_quantile *q)
{
	double n = (double)s->col[target].n;

	if (!exact_rank(s, target, rank_of(p, n), &q->x) || !exact_rank(s, target, floor(p * n - half), &q->lo) ||
	    !exact_rank(s, target, ceil(p * n + half), &q->hi))
		return 0;
	q->bound = 0;
	q->exact = 1;
	return 1;
}
