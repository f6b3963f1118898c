/* stats: accumulating and merging; figures from the sums and counts are in figures.c. See stats.h. */
#include "stats/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/bins.h"

_Static_assert(STATS_LINEAR == BINS_LINEAR && STATS_TAIL == BINS_TAIL && STATS_CLASSES == BINS_CLASSES, "kernels/bins.h");

/* The forms of isa/leaf.c. */
static const struct leaf_fns {
	void (*leaf)(const double *, const double *, double, double *, double *, double *);
	int (*bins)(const double *, double, int, int64_t *);
	void (*equal_classes)(const double *, uint8_t *);
	void (*classes)(const double *, const double *, uint8_t *);
	void (*pairs)(const uint8_t *, const uint8_t *, size_t, uint64_t *);
	void (*dots)(const double *, int, const double *, int, double *);
} leaf_fns[] = {
#define FORM(isa) {stats_leaf_##isa, stats_bins_##isa, stats_equal_classes_##isa, stats_classes_##isa, stats_pairs_##isa, stats_dots_##isa}
    [ISA_BASE] = FORM(base),
#if defined(__x86_64__)
    [ISA_AVX2] = FORM(avx2),
    [ISA_AVX512] = FORM(avx512),
#endif
#undef FORM
};

/* --- life ------------------------------------------------------------------------------------------------------ */

struct stats *
stats_new(int ntargets, int ninputs, enum isa isa, struct err *e)
{
	struct stats *s = calloc(1, sizeof *s);
	int n = ntargets + ninputs;

	if (!s)
		goto nomem;
	s->ntargets = ntargets;
	s->ninputs = ninputs;
	s->ncols = n;
	s->nsums = (size_t)n * 4 + (size_t)ntargets * (size_t)ninputs;
	s->isa = isa;
	s->col = calloc((size_t)n + 1, sizeof *s->col);
	s->linear = calloc((size_t)ntargets + 1, sizeof *s->linear);
	s->tail = calloc((size_t)ntargets + 1, sizeof *s->tail);
	s->rank = calloc((size_t)ntargets * (size_t)ninputs * STATS_CLASSES * STATS_CLASSES + 1, sizeof *s->rank);
	s->block = calloc(1, sizeof *s->block);
	if (!s->col || !s->linear || !s->tail || !s->rank || !s->block)
		goto nomem;
	for (int i = 0; i < ntargets; i++)
		if (!(s->linear[i] = calloc(STATS_LINEAR, sizeof **s->linear)))
			goto nomem;
	for (int i = 0; i < n; i++) {
		s->col[i].min = INFINITY;
		s->col[i].max = -INFINITY;
	}
	s->block->x = calloc((size_t)n + 1, sizeof *s->block->x);
	s->block->err = calloc((size_t)ntargets + 1, sizeof *s->block->err);
	s->block->u = calloc((size_t)ninputs + 1, sizeof *s->block->u);
	s->block->scratch = calloc((size_t)(n + 1) * STATS_LEAF + s->nsums, sizeof(double));
	if (!s->block->x || !s->block->err || !s->block->u || !s->block->scratch)
		goto nomem;
	return s;
nomem:
	stats_free(s);
	err_nomem(e);
	return NULL;
}

struct stats *
stats_like(const struct stats *s, struct err *e)
{
	struct stats *t = stats_new(s->ntargets, s->ninputs, s->isa, e);

	if (!t)
		return NULL;
	t->piloted = s->piloted;
	for (int i = 0; i < s->ncols; i++) {
		t->col[i].centre = s->col[i].centre;
		t->col[i].width = s->col[i].width;
		t->col[i].whole = s->col[i].whole;
		memcpy(t->col[i].edge, s->col[i].edge, sizeof t->col[i].edge);
	}
	if (stats_windows_like(t, s) < 0) {
		stats_free(t);
		err_nomem(e);
		return NULL;
	}
	return t;
}

void
stats_free(struct stats *s)
{
	if (!s)
		return;
	stats_windows_free(s);
	for (size_t i = 0; i < s->nnodes; i++)
		free(s->node[i].sum);
	for (size_t i = 0; i < s->nrows; i++)
		free(s->row[i].d);
	for (int i = 0; i < s->ntargets; i++) {
		if (s->linear)
			free(s->linear[i]);
		if (s->tail)
			free(s->tail[i]);
	}
	if (s->block) {
		free(s->block->x);
		free(s->block->err);
		free(s->block->u);
		free(s->block->scratch);
	}
	free(s->block);
	free(s->node);
	free(s->row);
	free(s->linear);
	free(s->tail);
	free(s->rank);
	free(s->waiting);
	free(s->col);
	free(s);
}

struct stats_block *
stats_block_of(struct stats *s)
{
	return s->block;
}

/* --- pilot ----------------------------------------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
pilot_column(struct stats_column *c, double *v, size_t n)
{
	double spread;

	if (n)
		qsort(v, n, sizeof *v, by_value);
	c->centre = n ? v[n / 2] : 0;
	spread = n ? v[n * 3 / 4] - v[n / 4] : 0;
	if (spread <= 0 && n)
		spread = (v[n - 1] - v[0]) / 4;
	if (!(spread > fabs(c->centre) * 1e-13))
		spread = fabs(c->centre);
	if (!(spread > 0) || !isfinite(spread))
		spread = 1;
	c->width = 12 * spread / (STATS_LINEAR / 2); /* linear bins reach 12 interquartile ranges: about 16 deviations */
	if (c->width < DBL_MIN * 4)
		c->width = DBL_MIN * 4;
	if (c->whole) {
		c->centre = floor(c->centre);
		if (c->width < 1)
			c->width = 1;
		else
			c->whole = 0; /* too wide for a bin a number */
	}
	for (int k = 0; k + 1 < STATS_CLASSES; k++)
		c->edge[k] = n ? v[(size_t)(k + 1) * n / STATS_CLASSES] : 0;
}

int
stats_pilot(struct stats *s, size_t n, struct err *e)
{
	double *v = malloc((n + 1) * sizeof *v);

	if (!v)
		return err_nomem(e);
	for (int i = 0; i < s->ncols; i++) {
		const double *err = i < s->ntargets ? s->block->err[i] : NULL;
		size_t k = 0;

		for (size_t j = 0; j < n; j++)
			if (!(err && err[j] != 0) && isfinite(s->block->x[i][j]))
				v[k++] = s->block->x[i][j];
		pilot_column(&s->col[i], v, k);
	}
	free(v);
	s->piloted = 1;
	return 0;
}

static int
stats_same_pilot(const struct stats *a, const struct stats *b)
{
	if (a->ntargets != b->ntargets || a->ninputs != b->ninputs)
		return 0;
	for (int i = 0; i < a->ncols; i++)
		if (a->col[i].centre != b->col[i].centre || a->col[i].width != b->col[i].width ||
		    a->col[i].whole != b->col[i].whole ||
		    (i < a->ntargets && memcmp(a->col[i].edge, b->col[i].edge, sizeof a->col[i].edge)))
			return 0;
	return 1;
}

/* --- nodes ------------------------------------------------------------------------------------------------------ */

static struct stats_node *
find_node(struct stats *s, int level, int64_t index)
{
	for (size_t i = s->nnodes; i-- > 0;)
		if (s->node[i].level == level && s->node[i].index == index)
			return &s->node[i];
	return NULL;
}

/* Takes sum. While its sibling is there, both become their parent. */
static int
add_node(struct stats *s, int level, int64_t index, double *sum)
{
	struct stats_node *sib;

	while (level < 50 && (sib = find_node(s, level, index ^ 1))) {
		const double *left = index & 1 ? sib->sum : sum, *right = index & 1 ? sum : sib->sum;

		for (size_t k = 0; k < s->nsums; k++)
			sum[k] = left[k] + right[k];
		free(sib->sum);
		*sib = s->node[--s->nnodes];
		level++;
		index >>= 1;
	}
	if (s->nnodes == s->node_cap) {
		size_t cap = s->node_cap ? 2 * s->node_cap : 64;
		struct stats_node *v = realloc(s->node, cap * sizeof *v);

		if (!v) {
			free(sum);
			return -1;
		}
		s->node = v;
		s->node_cap = cap;
	}
	s->node[s->nnodes++] = (struct stats_node){level, index, sum};
	return 0;
}

int
stats_put_node(struct stats *s, int level, int64_t index, const double *sum)
{
	double *copy = malloc(s->nsums * sizeof *copy);

	if (!copy)
		return -1;
	memcpy(copy, sum, s->nsums * sizeof *copy);
	return add_node(s, level, index, copy);
}

/* Sums of a whole leaf of differences (already masked): the same order as when it was computed in one piece. */
static void
leaf_sums(const struct stats *s, const double *d, double *sum)
{
	const struct leaf_fns *f = &leaf_fns[s->isa];
	double again[STATS_LEAF], range[2];

	for (int i = 0; i < s->ncols; i++)
		f->leaf(d + (size_t)i * STATS_LEAF, NULL, 0, again, sum + 4 * i, range);
	f->dots(d, s->ntargets, d + (size_t)s->ntargets * STATS_LEAF, s->ninputs, sum + 4 * s->ncols);
}

/* --- rows ----------------------------------------------------------------------------------------------------------- */

static int
by_trial(const void *a, const void *b)
{
	const struct stats_row *x = a, *y = b;

	return x->trial < y->trial ? -1 : x->trial > y->trial;
}

int
stats_put_row(struct stats *s, int64_t trial, const double *d)
{
	double *copy = malloc((size_t)s->ncols * sizeof *copy);

	if (!copy)
		return -1;
	memcpy(copy, d, (size_t)s->ncols * sizeof *copy);
	if (s->nrows == s->row_cap) {
		size_t cap = s->row_cap ? 2 * s->row_cap : 256;
		struct stats_row *v = realloc(s->row, cap * sizeof *v);

		if (!v) {
			free(copy);
			return -1;
		}
		s->row = v;
		s->row_cap = cap;
	}
	s->row[s->nrows++] = (struct stats_row){trial, copy};
	return 0;
}

/* Leaves of which all rows have arrived become nodes. */
static int
complete_leaves(struct stats *s)
{
	double *d = s->block->scratch;
	size_t kept = 0;

	if (s->nrows)
		qsort(s->row, s->nrows, sizeof *s->row, by_trial);
	for (size_t i = 0; i < s->nrows;) {
		int64_t leaf = s->row[i].trial / STATS_LEAF;
		size_t k = i;

		while (k < s->nrows && s->row[k].trial / STATS_LEAF == leaf)
			k++;
		if (k - i == STATS_LEAF) {
			double *sum = malloc(s->nsums * sizeof *sum);

			if (!sum)
				return -1;
			for (size_t j = 0; j < STATS_LEAF; j++) {
				for (int c = 0; c < s->ncols; c++)
					d[(size_t)c * STATS_LEAF + j] = s->row[i + j].d[c];
				free(s->row[i + j].d);
			}
			leaf_sums(s, d, sum);
			if (add_node(s, 0, leaf, sum) < 0)
				return -1;
		} else {
			for (size_t j = i; j < k; j++)
				s->row[kept++] = s->row[j];
		}
		i = k;
	}
	s->nrows = kept;
	return 0;
}

/* --- adding ----------------------------------------------------------------------------------------------------------- */

static uint64_t *
tail_of(struct stats *s, int target)
{
	if (!s->tail[target])
		s->tail[target] = calloc(2 * STATS_TAIL, sizeof **s->tail);
	if (!s->tail[target])
		abort();
	return s->tail[target];
}

static void
count_tail(struct stats *s, int target, double d)
{
	int64_t place = bins_place(d, s->col[target].width, s->col[target].whole);

	tail_of(s, target)[place - BINS_LINEAR]++;
}

/* Ranks are counted in batches, pair by pair: the tables of all pairs together are larger than any cache, and one trial touches
 * them all. What waits: by column, RANK_BATCH leaves of classes, NO_CLASS where there is none. */
#define RANK_BATCH 16
#define NO_CLASS STATS_CLASSES

static void
settle_ranks(const struct stats *s, uint64_t *rank)
{
	size_t n = (size_t)s->nwaiting * STATS_LEAF, stride = RANK_BATCH * STATS_LEAF;

	for (int t = 0; t < s->ntargets && n; t++)
		for (int i = 0; i < s->ninputs; i++, rank += STATS_CLASSES * STATS_CLASSES)
			leaf_fns[s->isa].pairs(s->waiting + (size_t)(s->ntargets + i) * stride, s->waiting + (size_t)t * stride, n, rank);
}

static int
count_ranks(struct stats *s, size_t lane0, size_t lane1)
{
	const struct stats_block *b = s->block;
	const struct leaf_fns *f = &leaf_fns[s->isa];
	size_t stride = RANK_BATCH * STATS_LEAF, at;

	if (!s->waiting && !(s->waiting = malloc(((size_t)s->ncols + 1) * stride)))
		return -1;
	if (s->nwaiting == RANK_BATCH) {
		settle_ranks(s, s->rank);
		s->nwaiting = 0;
	}
	at = (size_t)s->nwaiting * STATS_LEAF;
	for (int t = 0; t < s->ntargets; t++) {
		uint8_t *ct = s->waiting + (size_t)t * stride + at;

		f->classes(s->col[t].edge, b->x[t], ct);
		for (size_t k = 0; k < STATS_LEAF; k++)
			if (k < lane0 || k >= lane1 || (b->err[t] && b->err[t][k] != 0))
				ct[k] = NO_CLASS;
	}
	for (int i = 0; i < s->ninputs; i++)
		f->equal_classes(b->u[i], s->waiting + (size_t)(s->ntargets + i) * stride + at);
	s->nwaiting++;
	return 0;
}

static void
count_errors(struct stats_column *c, const double *err, size_t lane0, size_t lane1)
{
	int64_t bad = 0;

	for (size_t k = lane0; err && k < lane1; k++)
		if (err[k] != 0) {
			c->errors[(int)err[k] & (STATS_ERRORS - 1)]++;
			bad++;
		}
	c->n += (int64_t)(lane1 - lane0) - bad;
}

static void
count_values(struct stats *s, int target, const double *d, const double *err, size_t lane0, size_t lane1)
{
	int64_t bin[STATS_LEAF];
	uint64_t *linear = s->linear[target];
	int beyond = leaf_fns[s->isa].bins(d, s->col[target].width, s->col[target].whole, bin);

	if (!beyond && !err && lane0 == 0 && lane1 == STATS_LEAF) {
		for (size_t k = 0; k < STATS_LEAF; k++)
			linear[bin[k]]++;
		return;
	}
	for (size_t k = lane0; k < lane1; k++) {
		if (err && err[k] != 0)
			continue;
		if (bin[k] >= 0)
			linear[bin[k]]++;
		else
			count_tail(s, target, d[k]);
	}
}

/* A piece of a leaf has a range of its own lanes only. */
static void
widen_range(struct stats_column *c, const double *x, const double *err, size_t lane0, size_t lane1)
{
	for (size_t k = lane0; k < lane1; k++) {
		if (err && err[k] != 0)
			continue;
		c->min = x[k] < c->min ? x[k] + 0.0 : c->min;
		c->max = x[k] > c->max ? x[k] + 0.0 : c->max;
	}
}

int
stats_add_block(struct stats *s, int64_t trial0, size_t lane0, size_t lane1)
{
	const struct stats_block *b = s->block;
	const struct leaf_fns *f = &leaf_fns[s->isa];
	double *d = b->scratch;
	int64_t leaf = trial0 / STATS_LEAF;
	int whole_leaf = lane0 == 0 && lane1 == STATS_LEAF;
	double *sum = NULL, ignored[4], range[2];

	if (whole_leaf && !(sum = malloc(s->nsums * sizeof *sum)))
		return -1;
	for (int i = 0; i < s->ncols; i++) {
		struct stats_column *c = &s->col[i];
		const double *x = b->x[i], *err = i < s->ntargets ? b->err[i] : NULL;
		double *di = d + (size_t)i * STATS_LEAF;

		range[0] = c->min;
		range[1] = c->max;
		f->leaf(x, err, c->centre, di, sum ? sum + 4 * i : ignored, range);
		if (whole_leaf) {
			c->min = range[0];
			c->max = range[1];
		} else {
			widen_range(c, x, err, lane0, lane1);
		}
		count_errors(c, err, lane0, lane1);
		if (i < s->ntargets)
			count_values(s, i, di, err, lane0, lane1);
		if (i < s->ntargets && s->windows && stats_windows_add(s, i, x, err, lane0, lane1) < 0) {
			free(sum);
			return -1;
		}
	}
	s->trials += (int64_t)(lane1 - lane0);
	if ((leaf < STATS_RANK_DENSE || leaf % STATS_RANK_STEP == 0) && count_ranks(s, lane0, lane1) < 0) {
		free(sum);
		return -1;
	}
	if (sum) {
		f->dots(d, s->ntargets, d + (size_t)s->ntargets * STATS_LEAF, s->ninputs, sum + 4 * s->ncols);
		return add_node(s, 0, leaf, sum);
	}
	for (size_t k = lane0; k < lane1; k++) {
		double *one = d + (size_t)s->ncols * STATS_LEAF; /* room for nsums >= ncols doubles */

		for (int i = 0; i < s->ncols; i++)
			one[i] = d[(size_t)i * STATS_LEAF + k];
		if (stats_put_row(s, trial0 + (int64_t)k, one) < 0)
			return -1;
	}
	return 0;
}

int
stats_merge_into(struct stats *to, const struct stats *from, struct err *e)
{
	size_t nrank = (size_t)to->ntargets * (size_t)to->ninputs * STATS_CLASSES * STATS_CLASSES;

	if (!stats_same_pilot(to, from))
		return err_set(e, ERR_DATA, "parts of different models or seeds cannot be merged");
	if (stats_windows_merge(to, from, e) < 0)
		return -1;
	for (int i = 0; i < to->ncols; i++) {
		struct stats_column *a = &to->col[i];
		const struct stats_column *b = &from->col[i];

		a->n += b->n;
		for (int k = 0; k < STATS_ERRORS; k++)
			a->errors[k] += b->errors[k];
		a->min = b->min < a->min ? b->min : a->min;
		a->max = b->max > a->max ? b->max : a->max;
	}
	for (int t = 0; t < to->ntargets; t++) {
		for (size_t k = 0; k < STATS_LINEAR; k++)
			to->linear[t][k] += from->linear[t][k];
		if (from->tail[t]) {
			uint64_t *tail = tail_of(to, t);

			for (size_t k = 0; k < 2 * STATS_TAIL; k++)
				tail[k] += from->tail[t][k];
		}
	}
	for (size_t k = 0; k < nrank; k++)
		to->rank[k] += from->rank[k];
	settle_ranks(from, to->rank);
	to->trials += from->trials;
	for (size_t i = 0; i < from->nnodes; i++)
		if (stats_put_node(to, from->node[i].level, from->node[i].index, from->node[i].sum) < 0)
			return err_nomem(e);
	for (size_t i = 0; i < from->nrows; i++)
		if (stats_put_row(to, from->row[i].trial, from->row[i].d) < 0)
			return err_nomem(e);
	return complete_leaves(to) < 0 ? err_nomem(e) : 0;
}

void
stats_settle(struct stats *s)
{
	settle_ranks(s, s->rank);
	s->nwaiting = 0;
}

int
stats_hand_over(struct stats *to, struct stats *from)
{
	int rc = 0;

	stats_settle(from);
	for (size_t i = 0; i < from->nnodes; i++) {
		if (!rc)
			rc = add_node(to, from->node[i].level, from->node[i].index, from->node[i].sum);
		else
			free(from->node[i].sum);
	}
	from->nnodes = 0;
	for (size_t i = 0; i < from->nrows; i++) {
		if (!rc)
			rc = stats_put_row(to, from->row[i].trial, from->row[i].d);
		free(from->row[i].d);
	}
	from->nrows = 0;
	return rc;
}

/* --- what is there ----------------------------------------------------------------------------------------------------------- */

struct piece {
	int64_t first, last;
	const double *sum;  /* a node */
	size_t row, nrows;  /* or rows */
};

static int
by_first(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int
by_place(const void *a, const void *b)
{
	const struct stats_node *x = a, *y = b;
	int64_t p = x->index << x->level, q = y->index << y->level;

	return p < q ? -1 : p > q;
}

void
stats_in_order(const struct stats *s)
{
	if (s->nnodes)
		qsort(s->node, s->nnodes, sizeof *s->node, by_place);
	if (s->nrows)
		qsort(s->row, s->nrows, sizeof *s->row, by_trial);
}

/* Nodes and runs of rows of one leaf, in order. */
static struct piece *
pieces_of(const struct stats *s, size_t *n)
{
	struct piece *p = malloc((s->nnodes + s->nrows + 1) * sizeof *p);

	*n = 0;
	if (!p)
		return NULL;
	stats_in_order(s);
	for (size_t i = 0; i < s->nnodes; i++) {
		int64_t size = (int64_t)STATS_LEAF << s->node[i].level;

		p[(*n)++] = (struct piece){s->node[i].index * size, (s->node[i].index + 1) * size, s->node[i].sum, 0, 0};
	}
	for (size_t i = 0; i < s->nrows;) {
		size_t k = i + 1;

		while (k < s->nrows && s->row[k].trial == s->row[k - 1].trial + 1 &&
		       s->row[k].trial / STATS_LEAF == s->row[i].trial / STATS_LEAF)
			k++;
		p[(*n)++] = (struct piece){s->row[i].trial, s->row[k - 1].trial + 1, NULL, i, k - i};
		i = k;
	}
	if (*n)
		qsort(p, *n, sizeof *p, by_first);
	return p;
}

int
stats_ranges(const struct stats *s, struct stats_range **out, size_t *n)
{
	size_t np;
	struct piece *p = pieces_of(s, &np);
	struct stats_range *r = malloc((np + 1) * sizeof *r);

	*n = 0;
	*out = r;
	if (!p || !r) {
		free(p);
		return -1;
	}
	for (size_t i = 0; i < np; i++) {
		if (*n && r[*n - 1].last == p[i].first)
			r[*n - 1].last = p[i].last;
		else
			r[(*n)++] = (struct stats_range){p[i].first, p[i].last};
	}
	free(p);
	return 0;
}

int
stats_total(const struct stats *s, double *sums)
{
	size_t np;
	struct piece *p = pieces_of(s, &np);
	double *part = calloc(s->nsums + 1, sizeof *part);

	if (!p || !part) {
		free(p);
		free(part);
		return -1;
	}
	memset(sums, 0, s->nsums * sizeof *sums);
	for (size_t i = 0; i < np; i++) {
		const double *add = p[i].sum;

		if (!add) { /* rows of an incomplete leaf: one after the other */
			memset(part, 0, s->nsums * sizeof *part);
			for (size_t k = p[i].row; k < p[i].row + p[i].nrows; k++) {
				const double *d = s->row[k].d;

				for (int c = 0; c < s->ncols; c++) {
					double q = d[c] * d[c];

					part[4 * c] += d[c];
					part[4 * c + 1] += q;
					part[4 * c + 2] += q * d[c];
					part[4 * c + 3] += q * q;
				}
				for (int t = 0; t < s->ntargets; t++)
					for (int j = 0; j < s->ninputs; j++)
						part[4 * s->ncols + t * s->ninputs + j] += d[t] * d[s->ntargets + j];
			}
			add = part;
		}
		for (size_t k = 0; k < s->nsums; k++)
			sums[k] += add[k];
	}
	free(p);
	free(part);
	return 0;
}
