/*
 * alt: distributions by percentiles, RiskNormalAlt(5%, 10, 95%, 20): pairs of what is known and its value.
 *
 * Known may be a percentile (a number between 0 and 1) or a parameter by its name in quotes ("mu"). Every family here is
 * loc + scale * S(shape), S a standard distribution, so that each pair is linear in loc and scale once the shape is given:
 *   percentile p is x      loc + scale q(p; shape) = x
 *   "min", "max", "mean" … the same with what the standard distribution has for them
 * One unknown shape is the root of the determinant of these equations (the first, on a grid of 400, with a positive scale), by
 * halving; loc and scale then solve two of them.
 */
#ifndef FORMULA_ALT_H
#define FORMULA_ALT_H

#include <stddef.h>

/* Has this row of kernels/dist.def an Alt form? */
int alt_known(int dist);
/* What stands for a name of a parameter among the numbers of alt_solve(); 0 if the family has no such parameter. "5%" is 0.05. */
double alt_code(int dist, const char *name);
/* From n numbers (pairs) to a row of dist.def, its parameters (at most 3; room for 8) and what is to be added to each draw. NULL, or the rule that is broken. */
const char *alt_solve(int *dist, const double *pairs, int n, double *params, int *nparams, double *loc);
/* Row i for the manual: name and parameters; NULL beyond the last. */
const char *alt_names(size_t i, const char **params);

#endif
