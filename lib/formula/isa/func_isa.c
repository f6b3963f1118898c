/* func_isa: kernels/ for the scalar evaluator, compiled once per instruction set. See func_isa.h. */
#include "formula/isa/func_isa.h"

#include "formula/fn.h"
#include "kernels/dist.h"
#include "kernels/xl_ops.h"

#define PASTE2(name, isa) name##_##isa
#define PASTE(name, isa) PASTE2(name, isa)

#ifdef ISA_base
#define FNUM(NAME, MIN, MAX, ARGS, FLAGS, XLFN, SIG, DOC) {NAME, MIN, MAX, ARGS, FLAGS, XLFN, NULL, SIG, DOC, -1},
#define FGEN(NAME, MIN, MAX, ARGS, FLAGS, IMPL, SIG, DOC) {NAME, MIN, MAX, ARGS, FLAGS, NULL, IMPL, SIG, DOC, -1},
#define FALIAS(NAME, OF)
/* every distribution of kernels/dist.def, as Risk and its name; parameters and properties are lazy */
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	{"RISK" #ID, 1, -1, "x*", FN_RANDOM | FN_DIST | FN_VOLATILE, NULL, fn_risk_dist, "Risk" name "(" params ")", \
	 manual, DIST_ID_##ID},
const struct func func_rows[] = {
#include "formula/functions.def"
#include "kernels/dist.def"
};
const size_t func_nrows = sizeof func_rows / sizeof func_rows[0];
#undef FNUM
#undef FGEN
#undef FALIAS
#undef D
#endif

#define FNUM(NAME, MIN, MAX, ARGS, FLAGS, XLFN, SIG, DOC) XLFN,
#define FGEN(...) NULL,
#define FALIAS(NAME, OF)
#define D(...) NULL,
static xl_fn *const num[] = {
#include "formula/functions.def"
#include "kernels/dist.def"
};
#undef FNUM
#undef FGEN
#undef FALIAS
#undef D

static double
arith(int op, double a, double b, int snap, int *err)
{
	return xl_arith(op, a, b, snap, err);
}

static double
quantile(int dist, const double *params, int n, double p, double q)
{
	return dist_quantile2(dist, params, n, p, q);
}

static double
inverse(int dist, const double *params, int n, double u)
{
	return dist_inverse(dist, params, n, u);
}

static double
cdf(int dist, const double *params, int n, double x, double *q)
{
	return dist_cdf(dist, params, n, x, q);
}

static double
pdf(int dist, const double *params, int n, double x)
{
	return dist_pdf(dist, params, n, x);
}

const struct func_isa PASTE(func_isa, ISA) = {num, arith, quantile, inverse, cdf, pdf};
