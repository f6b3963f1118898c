/*
 * invtab: tables of inverse distribution functions for constant parameters.
 *
 * Every distribution then costs a few nanoseconds a draw, and every backend reads the same table, so the bits agree.
 * The layout and the evaluation are in kernels/invtab.h: K(invtab_eval)(tab->v, u).
 *
 * Smooth continuous inverses become polynomials of degree 7 on pieces of the binades of min(u, 1-u) down to
 * 2^-10, and of degree 15 in log min(u, 1-u) from there to 2^-53. Between the nodes the table is compared with the
 * exact inverse; what differs by more than 1e-13 of the distribution's scale (or of the value), or, where no value is
 * negative, by more than 1e-4 of a small value itself, is refined, and given up when that does not help: the caller then draws
 * with the exact inverse. Discrete distributions of up to a million values become
 * their cumulative probabilities with a guide; the draw is exact.
 */
#ifndef ENGINE_INVTAB_H
#define ENGINE_INVTAB_H

#include <stddef.h>

#include "base/err.h"

struct invtab {
	double *v;         /* for kernels/invtab.h; on a 64-byte boundary: keep it so when copying, it is faster */
	size_t n;          /* doubles in v */
	double max_error;  /* largest difference seen, in units of the scale; 0 for exact tables */
	double lo, hi;     /* range of what it can give */
};

typedef double invtab_fn(double p, double q, const void *ctx);

/* From any smooth inverse on (0, 1), given p and q = 1 - p, the smaller of them exact. NULL: e filled (65 no
 * table fits, 71 memory). */
struct invtab *invtab_build(invtab_fn *inv, const void *ctx, struct err *e);

/* From a row of kernels/dist.def with parameters that dist_check() accepts: forms SMOOTH, PIECES and DISCRETE. */
struct invtab *invtab_dist(int dist, const double *params, int n, struct err *e);

void invtab_free(struct invtab *t);

/* The value for u; the bits of every lane form. */
double invtab_value(const struct invtab *t, double u);

/* dist_quantile of kernels/dist.h compiled for this machine's instruction set: same bits, several times faster
 * where the portable build has no fused multiply-add. No check of the parameters. */
double invtab_quantile(int dist, const double *params, int n, double u);

#endif
