/*
 * risk: a distribution call taken apart: parameters and nested properties. Shared by the scalar evaluator and lib/engine.
 */
#ifndef FORMULA_RISK_H
#define FORMULA_RISK_H

#include "formula/ast.h"
#include "formula/eval.h"

#define RISK_PARAMS_MAX 262144

struct risk_call {
	int dist;                         /* row of kernels/dist.def */
	const struct node *param[16];     /* positional arguments; lists stand as one */
	int nparams;
	const struct node *lo, *hi;       /* RiskTruncate bounds; NULL: open */
	const struct node *plo, *phi;     /* RiskTruncateP */
	const struct node *shift, *stat, *name;
	int shift_first;                  /* RiskTruncate2: bounds are of the shifted value */
	int alt;                          /* RiskNormalAlt …: parameters are pairs for alt_solve() */
};

/* RiskMean …: what rows of statistics functions call. */
func_impl fn_risk_statistic;
/* RiskNormalAlt …: by percentiles. */
int risk_is_alt(const struct node *call);
/* NULL, or why the call makes no sense (too many parameters …). */
const char *risk_parse(const struct model *m, const struct node *call, struct risk_call *r);

/* Uniform within truncated bounds: u' = a + u (b - a), kept inside (0, 1). a and b: probabilities of the bounds. */
#define RISK_U_MIN 0x1p-53
#define RISK_U_MAX (1 - 0x1p-53)

/* Less than this between the bounds is refused: the uniforms of 2^-53 that are left would be too few to draw from. */
#define RISK_MASS_MIN 0x1p-30

/* A draw between bounds stays between them, although the probabilities of the bounds are rounded: bounds to clamp it to, lo and hi
 * as given (infinite where there is none). Whole-valued distributions have whole ones; lists have none. */
void risk_clamp(int dist, double *lo, double *hi);

/* Probability below a lower bound (exclusive: what is at the bound may be drawn), and up to an upper bound. */
double risk_below(int dist, const double *p, int n, double x);
double risk_upto(int dist, const double *p, int n, double x);

#endif
