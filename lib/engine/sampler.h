/*
 * sampler: from a uniform to a draw, when the distribution's parameters are constants.
 *
 * Three ways, chosen by the distribution and its parameters alone, so that every backend and the scalar evaluator agree
 * to the bit: a closed form on lanes; a table of the inverse (piecewise polynomials, checked when they are built, or
 * cumulative probabilities); the exact inverse where no table serves.
 */
#ifndef ENGINE_SAMPLER_H
#define ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "formula/eval.h"

enum sampler_kind {
	SAMPLER_CLOSED, /* K(sample_…) of kernels/sample.h */
	SAMPLER_TABLE,  /* kernels/invtab.h */
	SAMPLER_EXACT   /* dist_inverse, lane by lane */
};

struct invtab;

struct sampler {
	enum sampler_kind kind;
	int dist;                 /* row of kernels/dist.def; canonical: lognorm is lognorm2, pert is betageneral … */
	int nparams;
	double *params;
	int whole;                /* gives whole numbers only */
	int asked_dist, asked_n;  /* as asked for */
	double *asked;
	struct invtab *tab;       /* SAMPLER_TABLE */
	double lo, hi;            /* range of what it gives for u in [2^-53, 1 - 2^-53] */
};

struct sampler_set;               /* samplers by distribution and parameters; streams that use them */

struct sampler_set *sampler_set_new(void);
void sampler_set_free(struct sampler_set *s);
/* NULL with the rule that is violated in *e (65). Equal requests give the same sampler. */
const struct sampler *sampler_get(struct sampler_set *s, int dist, const double *params, int nparams,
                                  struct err *e);
/* The draw of this stream is answered by this sampler (sampler_hook). */
void sampler_bind(struct sampler_set *s, uint64_t stream, const struct sampler *sampler);
/* Scalar; the same bits as the lanes. */
double sampler_eval(const struct sampler *s, double u);

/* A draw_hook for the scalar evaluator; ctx is struct sampler_hook_ctx. */
struct sampler_hook_ctx {
	const struct sampler_set *set;
	const struct workbook *wb;
};
double sampler_hook(void *ctx, const struct draw_site *site, int dist, const double *params,
                    int nparams, double uniform);

#endif
