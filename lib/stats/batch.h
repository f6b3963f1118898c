/*
 * batch: results that a device has reduced itself: whole nodes and counts, put into a struct stats in one go.
 */
#ifndef STATS_BATCH_H
#define STATS_BATCH_H

#include <stdint.h>

#include "stats/stats.h"

struct stats_batch {
	int64_t node0, nnodes;    /* nodes of `level`, from node0 on */
	int level;
	const double *sums;       /* by node: nsums */
	const double *range;      /* by node and column: least, greatest; the wrong way round where there was no number */
	const uint64_t *bin;      /* by target: STATS_LINEAR, then 2 STATS_TAIL */
	const uint64_t *rank;     /* as stats->rank */
	const uint64_t *errors;   /* by target: STATS_ERRORS */
};

int stats_put_batch(struct stats *s, const struct stats_batch *b);
/* The same nodes, counts and ranges, bit for bit. Rows are not looked at. NULL, or what differs. */
const char *stats_differ(struct stats *a, struct stats *b);

#endif
