/*
 * copula: rank correlation between random inputs, as a Gaussian copula on their uniforms.
 *
 * Each input keeps the stream it has without correlation. For a group with rank-correlation matrix R, in a fixed order,
 *   C = 2 sin(pi R / 6)   (Spearman's coefficient to the normal one: Pearson 1907)
 *   C = L L'              (Cholesky)
 *   z_i = L_i1 q(u_1) + ... + L_ii q(u_i), added in this order;   u'_i = P(z_i), kept in [2^-53, 1 - 2^-53]
 * where q and P are the inverse and the normal distribution function of kernels/math.h. So draws stay addressed (any trial alone, any slice,
 * any machine: the same bits), whatever the marginal distribution, truncation or random parameters; the first input of
 * a group, and one that is correlated with nothing before it, draws as it does alone; an input of no group is not touched.
 *
 * Order: position in the matrix for RiskCorrmat (positions nobody draws for are left out); sheet, row and column for
 * what options and specs say.
 *
 * A matrix that is symmetric with 1 on its diagonal but not positive semidefinite is brought to the nearest that is by
 * dividing what is off the diagonal by the least 1 + s that will do (the shift of the eigenvalues by the smallest, then scaling back to 1,
 * as @RISK documents it), and a warning says so.
 */
#ifndef FORMULA_COPULA_H
#define FORMULA_COPULA_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "formula/eval.h"

#define COPULA_MAX 1000          /* inputs in one group */

struct copula_row {              /* u' of one stream */
	uint64_t stream;
	int n;
	const uint64_t *from;    /* streams of the group, in order, of weight not 0 */
	const double *weight;
};

struct copula {
	struct arena arena;
	struct copula_row **slot; /* open hash by stream; cap slots */
	size_t cap, nrows;
	const char **warning;    /* sentences: which matrix was adjusted, and how far */
	size_t nwarnings;
	int ninputs;             /* in groups */
};

/* Rank correlation of two draws, from an option or a spec. */
struct copula_pair {
	struct draw_site a, b;
	double rank;
	const char *from;        /* for messages */
};

/* Groups of the model: its RiskCorrmat properties, and pairs. Sets m->copula (NULL when there is none; freed with the
 * model). After all changes to the model, before any trial. 0 or -1 (65) naming cell or range. */
int copula_build(struct model *m, const struct copula_pair *pair, size_t npairs, struct err *e);
void copula_free(struct copula *c);

/* The n x n rank correlations of an area of constants; one triangle may be empty. *r: n * n, on arena. `what` names it in messages. */
int copula_matrix(struct eval *ev, const struct area *a, const char *what, struct arena *arena, double **r, int *n,
                  struct err *e);

/* NULL: this stream's uniform is its own. */
const struct copula_row *copula_find(const struct copula *c, uint64_t stream);
double copula_uniform(const struct copula_row *r, uint64_t seed, uint64_t trial);

#endif
