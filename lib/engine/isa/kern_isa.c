/* kern_isa: vector forms of kernels/ by name. See kern_isa.h. */
#include "engine/isa/kern_isa.h"

#define LANE_VECTOR
#include "kernels/distlane.h"
#include "kernels/invtab.h"
#include "kernels/math.h"
#include "kernels/philox.h"
#include "kernels/sample.h"

#define UNARY(F) \
	F(exp) F(exp2) F(expm1) F(log) F(log2) F(log10) F(log1p) F(sin) F(cos) F(tan) F(asin) F(acos) F(atan) \
	F(sinh) F(cosh) F(tanh) F(asinh) F(acosh) F(atanh) F(erf) F(erfc) F(norm_pdf) F(norm_cdf) F(norm_inv) \
	F(sqrt) F(abs) F(neg) F(floor) F(ceil) F(trunc) F(rint)
#define BINARY(F) F(pow) F(atan2) F(min) F(max) F(copysign)
#define SAMPLE2(F) \
	F(uniform) F(normal) F(lognorm2) F(weibull) F(logistic) F(extvalue) F(extvaluemin) F(pareto) F(pareto2) \
	F(laplace) F(cauchy) F(levy) F(intuniform)
#define SAMPLE1(F) F(expon) F(rayleigh) F(geomet) F(bernoulli)
#define SAMPLE3(F) F(triang) F(loglogistic)

#define RUN1(f) \
	static void run_##f(double *y, const double *x, size_t n) \
	{ \
		for (size_t i = 0; i < n; i += KLANES) \
			k_store(y + i, K(f)(k_load(x + i))); \
	}
#define RUN2(f) \
	static void run_##f(double *z, const double *x, const double *y, size_t n) \
	{ \
		for (size_t i = 0; i < n; i += KLANES) \
			k_store(z + i, K(f)(k_load(x + i), k_load(y + i))); \
	}
/* the first operand is u, the parameters are functions of the second, as tests/unit/test_kernels.c has them */
#define RUNS1(f) \
	static void run_sample_##f(double *z, const double *x, const double *y, size_t n) \
	{ \
		for (size_t i = 0; i < n; i += KLANES) \
			k_store(z + i, K(sample_##f)(k_load(x + i), k_load(y + i))); \
	}
#define RUNS2(f) \
	static void run_sample_##f(double *z, const double *x, const double *y, size_t n) \
	{ \
		for (size_t i = 0; i < n; i += KLANES) \
			k_store(z + i, K(sample_##f)(k_load(x + i), k_load(y + i), k_load(y + i) * 3.0)); \
	}
#define RUNS3(f) \
	static void run_sample_##f(double *z, const double *x, const double *y, size_t n) \
	{ \
		for (size_t i = 0; i < n; i += KLANES) \
			k_store(z + i, K(sample_##f)(k_load(x + i), k_load(y + i), k_load(y + i) * 3.0, \
			                             k_load(y + i) * 7.0)); \
	}
UNARY(RUN1)
BINARY(RUN2)
SAMPLE1(RUNS1)
SAMPLE2(RUNS2)
SAMPLE3(RUNS3)

static void
run_powc(double *z, const double *x, double e, size_t n)
{
	for (size_t i = 0; i < n; i += KLANES)
		k_store(z + i, K(powc)(k_load(x + i), e));
}

static void
run_dist(int id, double *y, double *bad, const double *u, const double *p, int np, size_t n)
{
	for (size_t i = 0; i < n; i += KLANES) {
		kd par[3];
		km b;

		for (int k = 0; k < 3; k++)
			par[k] = k < np ? k_load(p + (size_t)k * n + i) : k_set(0.0);
		k_store(y + i, K(dist_lanes)(id, k_load(u + i), par, &b));
		k_store(bad + i, k_sel(b, k_set(1.0), k_set(0.0)));
	}
}

static void
run_invtab(double *y, const double *table, const double *u, size_t n)
{
	for (size_t i = 0; i < n; i += KLANES)
		k_store(y + i, K(invtab_eval)(table, k_load(u + i)));
}

#define ROW(f) { #f, run_##f },
#define ROWS(f) { "sample_" #f, run_sample_##f },
static const struct kern_unary unary[] = { UNARY(ROW) { NULL, NULL } };
static const struct kern_binary binary[] = { BINARY(ROW) SAMPLE1(ROWS) SAMPLE2(ROWS) SAMPLE3(ROWS) { NULL, NULL } };

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
#define STRING2(a) #a
#define STRING(a) STRING2(a)

const struct kern_isa PASTE(kern_isa_, ISA) = {
	STRING(ISA), KLANES, unary, binary, run_powc, kv_philox_fill, run_dist, run_invtab,
};
