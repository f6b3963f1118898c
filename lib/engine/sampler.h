/*
 * sampler: from a uniform to a draw, when the distribution's parameters are constants.
 *
 * Three ways, chosen by the distribution alone, so that every backend and the scalar evaluator agree to the bit:
 * a closed form made of lane operations; a piecewise polynomial table of the inverse (checked when it is built);
 * a table of cumulative probabilities for discrete ones.
 */
#ifndef ENGINE_SAMPLER_H
#define ENGINE_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "formula/eval.h"

enum sampler_kind { SAMPLER_EXACT, SAMPLER_TABLE, SAMPLER_DISCRETE };

struct invtab;

struct sampler {
	enum sampler_kind kind;
	int dist;                 /* row of kernels/dist.def */
	int nparams;
	double *params;
	struct invtab *tab;       /* SAMPLER_TABLE */
	double *cum;              /* SAMPLER_DISCRETE: cumulative probabilities … */
	double *x;                /* … and values, both ncum long */
	size_t ncum;
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
