/* render: a summary for people: figures, a histogram and a tornado drawn in a terminal. Text into a buffer. */
#ifndef STATS_RENDER_H
#define STATS_RENDER_H

#include "base/buf.h"
#include "stats/partial.h"
#include "stats/stats.h"

struct render_options {
	const double *percentile;  /* in (0, 1) */
	int npercentiles;
	const double *above;
	int nabove;
	double var_level;          /* 0: no VaR */
	double confidence;
	int bins, width, colour;
};

/* One target. 0 or -1 (memory). */
int render_target(struct buf *b, const struct stats *s, const double *sums, const struct partial_head *h, int target,
                  const struct render_options *o);

#endif
