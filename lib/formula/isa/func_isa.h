/*
 * func_isa: the numeric functions, operators and exact inverses, compiled once per instruction set.
 *
 * kernels/ is the same text in every form, so the bits are the same; what differs is the price of a fused multiply-add: one
 * instruction with FMA, a call of libm without. Ask func_isa() of func.h for the set of a machine.
 */
#ifndef FORMULA_ISA_FUNC_ISA_H
#define FORMULA_ISA_FUNC_ISA_H

#include "formula/func.h"

struct func_isa {
	xl_fn *const *num; /* by row of the table; NULL where the function is not numeric */
	double (*arith)(int op, double a, double b, int snap, int *err);                  /* xl_arith */
	double (*quantile)(int dist, const double *params, int n, double p, double q);    /* dist_quantile2 */
	double (*inverse)(int dist, const double *params, int n, double u);               /* dist_inverse */
	double (*cdf)(int dist, const double *params, int n, double x, double *q);        /* dist_cdf */
	double (*pdf)(int dist, const double *params, int n, double x);                   /* dist_pdf */
};

extern const struct func_isa func_isa_base, func_isa_avx2, func_isa_avx512;

/* The table itself, made where the portable forms are. */
extern const struct func func_rows[];
extern const size_t func_nrows;

#endif
