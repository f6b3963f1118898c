/*
 * windows: exact order statistics by a second pass.
 *
 * The histogram of a first pass tells in which bin an asked percentile lies. The second pass evaluates every trial again
 * (draws are addressed: the same numbers) and keeps, for each target, only the values inside a few closed windows, and counts what is below each:
 * then the order statistic of any rank that falls into a window is known exactly, whatever the split, because counts and sorted values are.
 * Memory: the trials inside the windows, as different values with counts; a window with more than STATS_WINDOW_MAX different values is given up.
 *
 * The exact percentile p of n numbers is the one of rank ceil(p n); its interval is from rank floor(p n - h) to ceil(p n + h), where h is the
 * normal half-width of the binomial count.
 */
#ifndef STATS_WINDOWS_H
#define STATS_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct stats;
struct stats_quantile;

#define STATS_WINDOW_MAX ((size_t)1 << 24)
#define STATS_WINDOWS 1024 /* of one target */

struct stats_value {
	double x;
	int64_t n;
};

struct stats_window {
	double lo, hi;          /* both belong to it */
	int64_t below;          /* numbers < lo */
	struct stats_value *v;  /* numbers in it; ascending and merged up to `sorted` */
	size_t n, cap, sorted;
	int gave_up;
};

struct stats_windows {          /* of one target: ascending, disjoint */
	struct stats_window *w;
	int n;
};

struct stats_edge {             /* a window asked for */
	int target;
	double lo, hi;
};

/* The windows that the percentiles (p in (0, 1)) and their intervals, and the probabilities above x, need: where the histogram does
 * not tell exactly. Appends to *out (realloc'd), *n. 0 or -1 (memory). */
int stats_windows_choose(const struct stats *s, int target, const double *p, int np, double confidence, const double *above,
                         int nabove, struct stats_edge **out, size_t *n);
/* Watch these windows from now on; before the first block. Overlapping ones are joined. */
int stats_windows_set(struct stats *s, const struct stats_edge *edge, size_t n, struct err *e);

/* Lanes of a block; err NULL: never an error. 0 or -1 (memory). */
int stats_windows_add(struct stats *s, int target, const double *x, const double *err, size_t lane0, size_t lane1);
int stats_windows_put(struct stats *s, int target, int window, double x, int64_t n);
int stats_windows_like(struct stats *to, const struct stats *from); /* the same windows, empty */
/* Refused where only one of them has windows, or others. */
int stats_windows_merge(struct stats *to, const struct stats *from, struct err *e);
/* Sort and merge what was collected; before reading v. */
void stats_windows_sort(struct stats_window *w);
void stats_windows_free(struct stats *s);

/* How many numbers are above x; -1 where no window tells. */
int64_t stats_windows_above(const struct stats *s, int target, double x);
/* All three figures of a quantile exactly; 0 where no window has them. */
int stats_windows_quantile(const struct stats *s, int target, double p, double half, struct stats_quantile *q);

#endif
