/* Elementary functions: accuracy against mpmath, exact cases, and the same bits in every form. */
#include "tests/unit/random.h"
#include "tests/unit/tap.h"

#include <stdlib.h>

#include "engine/isa/kern_isa.h"
#include "kernels/math.h"
#include "kernels/sample.h"

#define UNARY(F) \
	F(exp) F(exp2) F(expm1) F(log) F(log2) F(log10) F(log1p) F(sin) F(cos) F(tan) F(asin) F(acos) F(atan) \
	F(sinh) F(cosh) F(tanh) F(asinh) F(acosh) F(atanh) F(erf) F(erfc) F(norm_pdf) F(norm_cdf) F(norm_inv) \
	F(sqrt) F(abs) F(neg) F(floor) F(ceil) F(trunc) F(rint)
#define BINARY(F) F(pow) F(atan2) F(min) F(max) F(copysign)

struct scalar1 {
	const char *name;
	double (*f)(double);
};
struct scalar2 {
	const char *name;
	double (*f)(double, double);
};

#define WRAP1(n) static double s_##n(double x) { return ks_##n(x); }
#define WRAP2(n) static double s_##n(double x, double y) { return ks_##n(x, y); }
#define SAMPLE1(n) static double s_sample_##n(double u, double y) { return ks_sample_##n(u, y); }
#define SAMPLE2(n) static double s_sample_##n(double u, double y) { return ks_sample_##n(u, y, y * 3.0); }
#define SAMPLE3(n) static double s_sample_##n(double u, double y) { return ks_sample_##n(u, y, y * 3.0, y * 7.0); }
#define SAMPLES1(F) F(expon) F(rayleigh) F(geomet) F(bernoulli)
#define SAMPLES2(F) \
	F(uniform) F(normal) F(lognorm2) F(weibull) F(logistic) F(extvalue) F(extvaluemin) F(pareto) F(pareto2) \
	F(laplace) F(cauchy) F(levy) F(intuniform)
#define SAMPLES3(F) F(triang) F(loglogistic)
UNARY(WRAP1)
BINARY(WRAP2)
SAMPLES1(SAMPLE1)
SAMPLES2(SAMPLE2)
SAMPLES3(SAMPLE3)
#define ROW(n) { #n, s_##n },
#define ROWS(n) { "sample_" #n, s_sample_##n },
static const struct scalar1 scalar1[] = { UNARY(ROW) { NULL, NULL } };
static const struct scalar2 scalar2[] = { BINARY(ROW) SAMPLES1(ROWS) SAMPLES2(ROWS) SAMPLES3(ROWS) { NULL, NULL } };

/* --- accuracy ---------------------------------------------------------------------------------------- */

static double
limit(const char *name)
{
	if (!strcmp(name, "erfc") || !strcmp(name, "norm_cdf") || !strcmp(name, "norm_inv"))
		return 4;
	if (!strcmp(name, "log") || !strcmp(name, "log2") || !strcmp(name, "log10"))
		return 0.52;
	if (!strcmp(name, "sin") || !strcmp(name, "cos"))
		return 0.8;
	if (!strcmp(name, "exp") || !strcmp(name, "exp2"))
		return 1.01; /* 0.5 and a half more where the result is subnormal */
	return strcmp(name, "pow") ? 2 : 1.3;
}

static double
ulps(double got, double hi, double lo)
{
	double u = nextafter(fabs(hi), INFINITY) - fabs(hi);
	double e = fabs((got - hi) - lo) / u;

	return e == e ? e : INFINITY;
}

static void
accuracy(void)
{
	FILE *f = fopen("tests/golden/kernels.txt", "r");
	char line[256], last[32] = "", name[32];
	double a[4], worst = 0, where = 0;
	int n = 0;

	if (!ok(f != NULL, "tests/golden/kernels.txt opens"))
		return;
	for (;;) {
		char *p = fgets(line, sizeof line, f), *tok;
		double got = NAN;
		int k = 0;

		if (p) {
			tok = strtok(line, " ");
			snprintf(name, sizeof name, "%s", tok);
			while (k < 4 && (tok = strtok(NULL, " \n")))
				a[k++] = strtod(tok, NULL);
		}
		if (!p || strcmp(name, last)) {
			if (n)
				ok(worst <= limit(last), "%s: %d values, worst %.3f ulp at %a, allowed %.2f", last, n,
				   worst, where, limit(last));
			if (!p)
				break;
			snprintf(last, sizeof last, "%s", name);
			worst = 0;
			n = 0;
		}
		for (const struct scalar1 *s = scalar1; k == 3 && s->name; s++)
			if (!strcmp(s->name, name))
				got = s->f(a[0]);
		for (const struct scalar2 *s = scalar2; k == 4 && s->name; s++)
			if (!strcmp(s->name, name))
				got = s->f(a[0], a[1]);
		got = ulps(got, a[k - 2], a[k - 1]);
		if (!(got <= worst)) {
			worst = got;
			where = a[0];
		}
		n++;
	}
	fclose(f);
}

/* --- what must come out exactly ---------------------------------------------------------------------- */

static int
same(double a, double b)
{
	return (a != a && b != b) || ks_bits(a) == ks_bits(b);
}

static void
exact(double got, double want, const char *what)
{
	ok(same(got, want), "%s: got %a, want %a", what, got, want);
}

static void
exact_cases(void)
{
	int bad10 = 0, badlog10 = 0, badlog2 = 0, badexp2 = 0;
	double p = 1;

	exact(ks_exp(0.0), 1, "exp(0)");
	exact(ks_exp(-0.0), 1, "exp(-0)");
	exact(ks_exp(-INFINITY), 0, "exp(-inf)");
	exact(ks_exp(INFINITY), INFINITY, "exp(inf)");
	exact(ks_exp(710), INFINITY, "exp(710)");
	exact(ks_exp(-746), 0, "exp(-746)");
	exact(ks_expm1(-0.0), -0.0, "expm1(-0)");
	exact(ks_expm1(-INFINITY), -1, "expm1(-inf)");
	exact(ks_expm1(INFINITY), INFINITY, "expm1(inf)");
	exact(ks_log(1.0), 0, "log(1)");
	exact(ks_log(0.0), -INFINITY, "log(0)");
	exact(ks_log(-0.0), -INFINITY, "log(-0)");
	exact(ks_log(-1.0), NAN, "log(-1)");
	exact(ks_log(INFINITY), INFINITY, "log(inf)");
	exact(ks_log1p(-0.0), -0.0, "log1p(-0)");
	exact(ks_log1p(-1.0), -INFINITY, "log1p(-1)");
	exact(ks_log1p(-2.0), NAN, "log1p(-2)");
	exact(ks_log1p(INFINITY), INFINITY, "log1p(inf)");
	for (int n = 0; n <= 22; n++, p *= 10)
		bad10 += ks_pow(10, n) != p || (n && ks_pow(10, -n) != 1 / p);
	ok(!bad10, "10^n and 10^-n exact to n = 22 (%d wrong)", bad10);
	for (int n = -307; n <= 308; n++) {
		char text[16];

		snprintf(text, sizeof text, "1e%d", n);
		badlog10 += ks_log10(strtod(text, NULL)) != n;
	}
	ok(!badlog10, "log10(10^n) = n (%d wrong)", badlog10);
	for (int n = -1074; n < 1024; n++) {
		badlog2 += ks_log2(ldexp(1, n)) != n;
		badexp2 += ks_exp2(n) != ldexp(1, n) || ks_pow(2, n) != ldexp(1, n);
	}
	ok(!badlog2 && !badexp2, "log2(2^n), exp2(n), pow(2, n) exact (%d, %d wrong)", badlog2, badexp2);
	exact(ks_sin(-0.0), -0.0, "sin(-0)");
	exact(ks_sin(INFINITY), NAN, "sin(inf)");
	exact(ks_cos(0.0), 1, "cos(0)");
	exact(ks_tan(-0.0), -0.0, "tan(-0)");
	exact(ks_asin(1.0), 0x1.921fb54442d18p0, "asin(1)");
	exact(ks_asin(1.0000001), NAN, "asin beyond 1");
	exact(ks_acos(1.0), 0, "acos(1)");
	exact(ks_acos(-1.0), 0x1.921fb54442d18p1, "acos(-1)");
	exact(ks_atan(INFINITY), 0x1.921fb54442d18p0, "atan(inf)");
	exact(ks_atan2(0.0, -1.0), 0x1.921fb54442d18p1, "atan2(0, -1)");
	exact(ks_atan2(-0.0, -1.0), -0x1.921fb54442d18p1, "atan2(-0, -1)");
	exact(ks_atan2(0.0, 0.0), 0, "atan2(0, 0)");
	exact(ks_atan2(INFINITY, INFINITY), 0x1.921fb54442d18p-1, "atan2(inf, inf)");
	exact(ks_atan2(1.0, 0.0), 0x1.921fb54442d18p0, "atan2(1, 0)");
	exact(ks_atan2(1e308, 1e308), 0x1.921fb54442d18p-1, "atan2(huge, huge)");
	exact(ks_sinh(-0.0), -0.0, "sinh(-0)");
	exact(ks_sinh(710.5), INFINITY, "sinh overflows");
	exact(ks_cosh(0.0), 1, "cosh(0)");
	exact(ks_tanh(INFINITY), 1, "tanh(inf)");
	exact(ks_tanh(-0.0), -0.0, "tanh(-0)");
	exact(ks_asinh(-INFINITY), -INFINITY, "asinh(-inf)");
	exact(ks_acosh(1.0), 0, "acosh(1)");
	exact(ks_acosh(0.999), NAN, "acosh below 1");
	exact(ks_acosh(-3.0), NAN, "acosh(-3)");
	exact(ks_atanh(1.0), INFINITY, "atanh(1)");
	exact(ks_atanh(-1.5), NAN, "atanh beyond 1");
	exact(ks_erf(-0.0), -0.0, "erf(-0)");
	exact(ks_erf(INFINITY), 1, "erf(inf)");
	exact(ks_erfc(0.0), 1, "erfc(0)");
	exact(ks_erfc(-INFINITY), 2, "erfc(-inf)");
	exact(ks_erfc(INFINITY), 0, "erfc(inf)");
	exact(ks_norm_cdf(0.0), 0.5, "norm_cdf(0)");
	exact(ks_norm_cdf(-INFINITY), 0, "norm_cdf(-inf)");
	exact(ks_norm_cdf(INFINITY), 1, "norm_cdf(inf)");
	exact(ks_norm_inv(0.5), 0, "norm_inv(1/2)");
	exact(ks_norm_inv(0.0), -INFINITY, "norm_inv(0)");
	exact(ks_norm_inv(1.0), INFINITY, "norm_inv(1)");
	exact(ks_norm_inv(-0.1), NAN, "norm_inv(-0.1)");
	exact(ks_norm_inv(1.1), NAN, "norm_inv(1.1)");
	/* pow: the table of C, Annex F */
	exact(ks_pow(NAN, 0.0), 1, "pow(NaN, 0)");
	exact(ks_pow(1.0, NAN), 1, "pow(1, NaN)");
	exact(ks_pow(2.0, NAN), NAN, "pow(2, NaN)");
	exact(ks_pow(0.0, -3.0), INFINITY, "pow(0, -3)");
	exact(ks_pow(-0.0, -3.0), -INFINITY, "pow(-0, -3)");
	exact(ks_pow(-0.0, 3.0), -0.0, "pow(-0, 3)");
	exact(ks_pow(-0.0, 1.0), -0.0, "pow(-0, 1)");
	exact(ks_pow(0.0, 2.3), 0, "pow(0, 2.3)");
	exact(ks_pow(-8.0, 1.0 / 3), NAN, "pow(-8, 1/3)");
	exact(ks_pow(-2.0, 0.5), NAN, "pow(-2, 1/2)");
	exact(ks_pow(-2.0, 101.0), -0x1p101, "pow(-2, 101)");
	exact(ks_pow(-2.0, 100.0), 0x1p100, "pow(-2, 100)");
	exact(ks_pow(-1.0, INFINITY), 1, "pow(-1, inf)");
	exact(ks_pow(0.5, INFINITY), 0, "pow(1/2, inf)");
	exact(ks_pow(0.5, -INFINITY), INFINITY, "pow(1/2, -inf)");
	exact(ks_pow(INFINITY, -2.3), 0, "pow(inf, -2.3)");
	exact(ks_pow(-INFINITY, 65.0), -INFINITY, "pow(-inf, 65)");
	exact(ks_pow(1e200, 1e200), INFINITY, "pow overflows");
	exact(ks_pow(1e200, -1e200), 0, "pow underflows");
	exact(ks_pow(10, 2), 100, "10^2");
	exact(ks_pow(4, 0.5), 2, "4^(1/2)");
	exact(ks_pow(4, -1.5), 0.125, "4^(-3/2)");
	exact(ks_pow(1e10, 31), INFINITY, "1e10^31");
	exact(ks_min(1, NAN), 1, "min(1, NaN)");
	exact(ks_min(NAN, 1), NAN, "min(NaN, 1)");
	exact(ks_max(0.0, -0.0), 0, "max(0, -0)");
	exact(ks_max(-0.0, 0.0), -0.0, "max(-0, 0): the first");
}

static void
powers(void)
{
	int bad = 0;

	for (int h = -129; h <= 129; h++) {
		double y = h / 2.0;

		for (double x = 0.37; x < 30; x *= 1.7) {
			bad += !same(ks_pow(x, y), ks_powc(x, y));
			if (h % 2 == 0)
				bad += !same(ks_pow(-x, y), ks_powi(-x, h / 2));
		}
	}
	ok(!bad, "pow, powi and powc agree to the bit (%d do not)", bad);
	bad = 0;
	for (int i = 0; i < 1000; i++) {
		double x = 0.1 + i * 0.013;

		bad += !same(ks_pow(x, 2.3), ks_powc(x, 2.3)) + !same(ks_pow(x, -70), ks_powc(x, -70));
		bad += ks_pow(x, 2) != x * x;
	}
	ok(!bad, "so do they off the chain; x^2 is x * x (%d do not)", bad);
}

/* --- the same bits everywhere ------------------------------------------------------------------------ */

enum { N = 32768 };
static double x[N], y[N], u[N], z[N];

static void
inputs(void)
{
	static const double odd[] = {
		0.0, -0.0, 1, -1, 0.5, -0.5, 2, 10, 1e308, -1e308, INFINITY, -INFINITY, NAN, 0x1p-1074, -0x1p-1074,
		0x1p-1022, 0x0.fffffffffffffp-1022, 0x1.fffffffffffffp-1, 0x1.0000000000001p0, 0x1p-53, 709.78,
		709.79, -745.1, -745.2, 710.5, 1e-300, 0x1p52, 0x1p53, 0x1p27, 64, 64.5, 65, 1.5, 2.5, 0.9966,
		0.0017, 28, 39, 0x1.921fb54442d18p0, 3,
	};
	size_t k = sizeof odd / sizeof *odd, i = 0;

	for (size_t a = 0; a < k; a++)
		for (size_t b = 0; b < k; b++, i++) {
			x[i] = odd[a];
			y[i] = odd[b];
		}
	for (; i < N; i++) {
		uint64_t r = random_bits(), q = random_bits();

		if (i % 4 == 0) { /* any bits at all */
			x[i] = ks_frombits((int64_t)r);
			y[i] = ks_frombits((int64_t)q);
		} else if (i % 4 == 1) { /* whole and half exponents */
			x[i] = (double)(r >> 40) * 0x1p-20;
			y[i] = (double)((int)(q % 280) - 140) / 2;
		} else {
			x[i] = ((double)(r >> 11) * 0x1p-53 - 0.5) * (i % 4 == 2 ? 4 : 1500);
			y[i] = ((double)(q >> 11) * 0x1p-53 - 0.5) * (i % 8 < 4 ? 4 : 600);
		}
	}
	for (i = 0; i < N; i++) { /* draws: most in the middle, some far out */
		uint64_t r = random_bits();

		u[i] = ((double)(r >> 12) + 0.5) * 0x1p-52;
		if (i % 8 == 0)
			u[i] = ldexp(u[i], -(int)(i / 8 % 60));
		if (i % 8 == 1 && u[i] < 1)
			u[i] = 1 - ldexp(u[i], -(int)(i / 8 % 53));
	}
}

static void
same_bits(const struct kern_isa *isa)
{
	for (int i = 0; isa->unary[i].name; i++) {
		int bad = 0, at = -1;

		for (int pass = 0; pass < 2; pass++) {
			const double *in = pass ? u : x;

			isa->unary[i].run(z, in, N);
			for (int k = 0; k < N; k++)
				if (!same(z[k], scalar1[i].f(in[k]))) {
					bad++;
					at = k;
				}
		}
		ok(!bad && !strcmp(isa->unary[i].name, scalar1[i].name), "%s: %s has the scalar bits (%d differ, at %d)",
		   isa->name, isa->unary[i].name, bad, at);
	}
	for (int i = 0; isa->binary[i].name; i++) {
		int bad = 0, at = 0;
		const double *in = strncmp(isa->binary[i].name, "sample_", 7) ? x : u;

		isa->binary[i].run(z, in, y, N);
		for (int k = 0; k < N; k++)
			if (!same(z[k], scalar2[i].f(in[k], y[k]))) {
				bad++;
				at = k;
			}
		ok(!bad && !strcmp(isa->binary[i].name, scalar2[i].name),
		   "%s: %s has the scalar bits (%d differ, at %.17g, %.17g)", isa->name, isa->binary[i].name, bad,
		   bad ? in[at] : 0, bad ? y[at] : 0);
	}
	{
		static const double e[] = { 0, 1, 2, 3, 7, 10, 30, 64, -1, -2, -10, 0.5, 1.5, -0.5, -2.5, 64.5,
			                    65, 2.3, -7.77 };
		int bad = 0;

		for (size_t k = 0; k < sizeof e / sizeof *e; k++) {
			isa->powc(z, x, e[k], N);
			for (int j = 0; j < N; j++)
				bad += !same(z[j], ks_pow(x[j], e[k]));
		}
		ok(!bad, "%s: powc has the bits of pow (%d differ)", isa->name, bad);
	}
}

int
main(void)
{
	accuracy();
	exact_cases();
	powers();
	inputs();
	for (int i = 0; kern_isa_at(i); i++)
		same_bits(kern_isa_at(i));
	return done();
}
