/* batch: see batch.h. */
#include "stats/batch.h"

#include <stdlib.h>
#include <string.h>

static int
put_counts(struct stats *s, int t, const uint64_t *bin)
{
	const uint64_t *tail = bin + STATS_LINEAR;
	uint64_t any = 0;

	for (size_t k = 0; k < STATS_LINEAR; k++)
		s->linear[t][k] += bin[k];
	for (size_t k = 0; k < 2 * STATS_TAIL; k++)
		any |= tail[k];
	if (!any)
		return 0;
	if (!s->tail[t] && !(s->tail[t] = calloc(2 * STATS_TAIL, sizeof **s->tail)))
		return -1;
	for (size_t k = 0; k < 2 * STATS_TAIL; k++)
		s->tail[t][k] += tail[k];
	return 0;
}

int
stats_put_batch(struct stats *s, const struct stats_batch *b)
{
	int64_t trials = b->nnodes * ((int64_t)STATS_LEAF << b->level);
	size_t nrank = (size_t)s->ntargets * (size_t)s->ninputs * STATS_CLASSES * STATS_CLASSES;

	for (int i = 0; i < s->ncols; i++) {
		struct stats_column *c = &s->col[i];

		c->n += trials;
		for (int k = 0; i < s->ntargets && k < STATS_ERRORS; k++) {
			c->errors[k] += (int64_t)b->errors[i * STATS_ERRORS + k];
			c->n -= (int64_t)b->errors[i * STATS_ERRORS + k];
		}
		for (int64_t n = 0; n < b->nnodes; n++) {
			const double *r = &b->range[(n * s->ncols + i) * 2];

			c->min = r[0] < c->min ? r[0] + 0.0 : c->min; /* never -0 */
			c->max = r[1] > c->max ? r[1] + 0.0 : c->max;
		}
	}
	for (int t = 0; t < s->ntargets; t++)
		if (put_counts(s, t, b->bin + (size_t)t * STATS_BINS) < 0)
			return -1;
	for (size_t k = 0; k < nrank; k++)
		s->rank[k] += b->rank[k];
	for (int64_t n = 0; n < b->nnodes; n++)
		if (stats_put_node(s, b->level, b->node0 + n, b->sums + (size_t)n * s->nsums) < 0)
			return -1;
	s->trials += trials;
	return 0;
}

static int
same_tail(const uint64_t *a, const uint64_t *b)
{
	for (size_t k = 0; k < 2 * STATS_TAIL; k++)
		if ((a ? a[k] : 0) != (b ? b[k] : 0))
			return 0;
	return 1;
}

static int
same_nodes(const struct stats *a, const struct stats *b)
{
	if (a->nnodes != b->nnodes)
		return 0;
	for (size_t i = 0; i < a->nnodes; i++) {
		size_t k = 0;

		while (k < b->nnodes && (b->node[k].level != a->node[i].level || b->node[k].index != a->node[i].index))
			k++;
		if (k == b->nnodes || memcmp(a->node[i].sum, b->node[k].sum, a->nsums * sizeof(double)))
			return 0;
	}
	return 1;
}

const char *
stats_differ(struct stats *a, struct stats *b)
{
	size_t nrank = (size_t)a->ntargets * (size_t)a->ninputs * STATS_CLASSES * STATS_CLASSES;

	stats_settle(a);
	stats_settle(b);
	if (a->trials != b->trials)
		return "number of trials";
	for (int i = 0; i < a->ncols; i++) {
		if (a->col[i].n != b->col[i].n || memcmp(a->col[i].errors, b->col[i].errors, sizeof a->col[i].errors))
			return "counts of errors";
		if (a->col[i].min != b->col[i].min || a->col[i].max != b->col[i].max)
			return "least and greatest values";
	}
	if (!same_nodes(a, b))
		return "sums";
	for (int t = 0; t < a->ntargets; t++)
		if (memcmp(a->linear[t], b->linear[t], STATS_LINEAR * sizeof **a->linear) || !same_tail(a->tail[t], b->tail[t]))
			return "histograms";
	return memcmp(a->rank, b->rank, nrank * sizeof *a->rank) ? "rank counts" : NULL;
}
