/*
 * stats: statistics of trials that merge exactly: whatever the split into slices, chunks and threads, and in
 * whatever order the parts are merged, every figure has the same bits.
 *
 * How: counts (trials, errors, histogram, rank tables) are integers. Sums of powers about a fixed centre are formed in
 * leaves of 256 trials aligned to the trial index, in one fixed order (eight strided sums, then a tree over them), and
 * above the leaves along the binary tree aligned to the trial index. A part that begins or ends inside a leaf keeps
 * those trials as rows until the rest of the leaf arrives. Centre, scale and rank classes come from the pilot, trials 0 to 255,
 * which every run computes whatever its slice.
 *
 * Columns: targets first, then inputs. Not thread-safe; one struct per thread, merged under the caller's lock.
 */
#ifndef STATS_STATS_H
#define STATS_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "stats/windows.h"

#define STATS_LEAF 256
#define STATS_ERRORS 16       /* error kinds 0..15, numbered as enum xl_error */
#define STATS_LINEAR 32768    /* linear bins of a histogram */
#define STATS_TAIL 65536      /* logarithmic bins on each side of them */
#define STATS_BINS (STATS_LINEAR + 2 * STATS_TAIL)
#define STATS_CLASSES 32      /* rank classes of inputs and targets */
#define STATS_RANK_DENSE 256  /* leaves 0..255 count for ranks, then every STATS_RANK_STEP-th */
#define STATS_RANK_STEP 16

struct stats_column {
	double centre, width;     /* of the power sums; a linear bin's width */
	int whole;                /* gives whole numbers only: bins of width 1 are exact */
	double edge[STATS_CLASSES - 1]; /* targets: upper edges of the rank classes */
	int64_t n;                /* trials with a number */
	int64_t errors[STATS_ERRORS];
	double min, max;
};

/* Sums of one node: for each column S1 S2 S3 S4 of (x - centre), then for each target and input the
 * cross sum; doubles, ncols * 4 + ntargets * ninputs of them. */
struct stats_node {
	int level;                /* covers STATS_LEAF << level trials */
	int64_t index;            /* from index * (STATS_LEAF << level) */
	double *sum;
};

struct stats_row {                /* one trial of an incomplete leaf */
	int64_t trial;
	double *d;                /* x - centre by column; 0 where it is an error */
};

struct stats {
	int ntargets, ninputs, ncols;
	size_t nsums;
	enum isa isa;
	int piloted;
	struct stats_column *col;
	int64_t trials;           /* added */
	struct stats_node *node;  /* by level and index, no two siblings */
	size_t nnodes, node_cap;
	struct stats_row *row;
	size_t nrows, row_cap;
	uint64_t **linear;        /* by target: STATS_LINEAR counts */
	uint64_t **tail;          /* by target: 2 * STATS_TAIL counts, NULL while there are none */
	uint64_t *rank;           /* [target][input][input class][target class] */
	uint8_t *waiting;         /* classes of the last leaves, not yet counted in rank: stats_hand_over() counts them */
	int nwaiting;
	struct stats_block *block;
	struct stats_windows *windows; /* by target; NULL: no second pass */
};

struct stats_block {              /* where the lanes of a block are; set before stats_pilot and stats_add_block */
	const double **x;         /* by column */
	const double **err;       /* by target; NULL: never an error */
	const double **u;         /* by input: the uniform behind it */
	double *scratch;
};

struct stats *stats_new(int ntargets, int ninputs, enum isa isa, struct err *e);
struct stats *stats_like(const struct stats *s, struct err *e); /* empty, same pilot */
void stats_free(struct stats *s);
struct stats_block *stats_block_of(struct stats *s);

/* From n lanes of the pilot block. Set col[i].whole before it. */
int stats_pilot(struct stats *s, size_t n, struct err *e);

/* Lanes [lane0, lane1) of the leaf that starts at trial0 (a multiple of STATS_LEAF). */
int stats_add_block(struct stats *s, int64_t trial0, size_t lane0, size_t lane1);

/* Add what `from` holds. They must share the pilot and not overlap. */
int stats_merge_into(struct stats *to, const struct stats *from, struct err *e);
/* Move nodes and rows only, leaving counts where they are: between chunks, so that nodes find their siblings early. What stats_add_block()
 * was given is in the counts only after this, or after a merge into others. */
int stats_hand_over(struct stats *to, struct stats *from);
/* Count what waits to be counted: rank is whole after it. */
void stats_settle(struct stats *s);

/* Nodes and rows by their trials, whoever computed them and when. */
void stats_in_order(const struct stats *s);

/* Put a node or row in, merging siblings; for readers of partial results. sum and d are copied. */
int stats_put_node(struct stats *s, int level, int64_t index, const double *sum);
int stats_put_row(struct stats *s, int64_t trial, const double *d);

/* Covered trials as ranges, in order, joined where they touch. The caller frees *out. */
struct stats_range {
	int64_t first, last;
};
int stats_ranges(const struct stats *s, struct stats_range **out, size_t *n);

/* --- results -------------------------------------------------------------------------------------------- */

struct stats_moments {
	int64_t n;
	double mean, sd, skew, kurt;  /* sd with n - 1; kurt: excess; NaN where undefined */
	double mean_error;            /* standard error of the mean */
};
/* All sums folded in order. sums: s->nsums doubles. */
int stats_total(const struct stats *s, double *sums);
void stats_moments(const struct stats *s, const double *sums, int col, struct stats_moments *out);

/* Quantile p in (0, 1) of a target, its bound (half-width of what is not known: the bin) and, at `confidence`, the interval of
 * order statistics. Source of the interval: binomial order statistics, normal approximation. */
struct stats_quantile {
	double x, bound, lo, hi;
	int exact;                /* x, lo, hi are order statistics themselves (stats/windows.h) */
};
void stats_quantile(const struct stats *s, int target, double p, double confidence, struct stats_quantile *out);
/* Edges of the bin that holds the number of rank r (from 1); 0 if there is none. */
int stats_rank_bin(const struct stats *s, int target, double r, double *lo, double *hi);
/* P(target > x), interpolated inside a bin. */
double stats_above(const struct stats *s, int target, double x);
/* Mean of the values at or beyond quantile p, in the upper (upper != 0) or lower tail: CVaR; by bin middles. */
double stats_tail_mean(const struct stats *s, int target, double p, int upper);
/* n counts over equal classes from lo to hi. */
void stats_histogram(const struct stats *s, int target, double lo, double hi, int n, double *counts);

double stats_pearson(const struct stats *s, const double *sums, int target, int input);
double stats_spearman(const struct stats *s, int target, int input); /* from 32 x 32 classes */

/* Inverse of the standard normal distribution, for intervals. */
double stats_normal_quantile(double p);

/* --- per instruction set ---------------------------------------------------------------------------------- */
/* A whole leaf, in isa/leaf.c. leaf: x - c where err is 0, power sums, the differences themselves in d, and range[0], range[1] widened to the least
 * and the greatest x. bins: linear bins of d, -1 beyond them; whether any is. classes: rank classes. pairs: counts of n pairs of classes.
 * dots: products of na leaves a with nb leaves b that lie one behind the other, out[a * nb + b]. */
#define STATS_ISA(isa)                                                                                        \
	void stats_leaf_##isa(const double *x, const double *err, double c, double *d, double *sum4, double *range); \
	int stats_bins_##isa(const double *d, double width, int whole, int64_t *bin);                         \
	void stats_equal_classes_##isa(const double *u, uint8_t *out);                                        \
	void stats_classes_##isa(const double *edge, const double *x, uint8_t *out);                          \
	void stats_pairs_##isa(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *rank);                 \
	void stats_dots_##isa(const double *a, int na, const double *b, int nb, double *out);
STATS_ISA(base)
STATS_ISA(avx2)
STATS_ISA(avx512)
#undef STATS_ISA

#endif
