/*
 * Decimal rounding and comparison (kernels/xl_round.h) against the C library's decimal conversion, scalar against
 * lanes; exact remainder against fmod; sorting. The functions themselves: test_eval, tests/golden/formulas-*.tsv.
 */
#include <stdint.h>
#include <stdlib.h>

#include "kernels/xl_money.h"
#include "kernels/xl_stat.h"
#include "tests/unit/random.h"
#include "tests/unit/tap.h"

/* Round the 15 decimal digits that printf gives, half away from zero. */
static double
round_by_text(double x, int n)
{
	char b[40], digits[32];
	int neg, k = 0, e, keep;
	long long m = 0;
	const char *p;
	char o[64];

	snprintf(b, sizeof b, "%.14e", x);
	neg = *b == '-';
	for (p = b + neg; *p != 'e'; p++)
		if (*p != '.')
			digits[k++] = *p;
	e = atoi(p + 1);
	keep = e + 1 + n;
	if (keep >= 15)
		return x;
	if (keep < 0)
		return 0;
	for (int j = 0; j < keep; j++)
		m = 10 * m + (digits[j] - '0');
	m += digits[keep] >= '5';
	snprintf(o, sizeof o, "%lldE%d", m, -n);
	return m ? (neg ? -strtod(o, NULL) : strtod(o, NULL)) : 0;
}

/* Numbers as they occur: few decimals, computed ones, ties. */
static double
specimen(int kind)
{
	static const double p10[] = {1, 10, 100, 1e3, 1e4, 1e5};

	switch (kind) {
	case 0:
		return (random_unit() - 0.5) * 1e6;
	case 1:
		return (double)((long)(random_bits() % 2000000) - 1000000) / p10[random_bits() % 6];
	case 2:
		return ((double)(random_bits() % 100000) / 10 + 0.05) * p10[random_bits() % 6] / 1e3;
	default:
		return 1.1 * (double)(random_bits() % 1000) + 0.3 * (double)(random_bits() % 1000);
	}
}

static void
test_rounding(void)
{
	long bad = 0, lanes = 0, value = 0, near = 0, n = 400000;

	for (long i = 0; i < n; i++) {
		double x = specimen((int)(i & 3)), got, want;
		int d = (int)(random_bits() % 9) - 2, k;
		char b[40];

		got = xl_round_digits(x, d);
		want = round_by_text(x, d);
		if (got != want && bad++ < 3)
			printf("# ROUND(%.17g,%d): %.17g, by text %.17g\n", x, d, got, want);
		if (ks_near_round(x, d))
			near++;
		else if (ks_fast_round(x, d) != got && lanes++ < 3)
			printf("# fast ROUND(%.17g,%d): %.17g, not %.17g\n", x, d, ks_fast_round(x, d), got);
		snprintf(b, sizeof b, "%.14e", x);
		if (x != 0 && xl_value15(x) != strtod(b, NULL))
			value++;
		(void)xl_digits15(x, &k);
	}
	ok(!bad, "ROUND is the text's rounding, %ld numbers, %ld differ", n, bad);
	ok(!lanes, "the lane form agrees wherever it says it does, %ld differ", lanes);
	ok(!value, "the double nearest to 15 digits, %ld differ", value);
	ok(near < n / 2, "the lane form serves most numbers: %ld of %ld do not", near, n);
}

static void
test_floor(void)
{
	long bad = 0, up = 0;

	for (long i = 0; i < 400000; i++) {
		double x = i & 1 ? specimen((int)(i >> 1 & 3)) : ks_rint(specimen(0)) * (1 - 0x1p-53 * (double)(random_bits() % 60));
		double y = xl_floor15(x);

		bad += ks_floor15(x) != y;
		up += y > x;
	}
	ok(!bad, "whole part: lane form as the scalar one, %ld differ", bad);
	ok(up > 1000, "%ld were taken up", up);
}

static void
test_exponents(void)
{
	long bad = 0;

	for (int e = -1022; e <= 1023; e++) {
		double x = ldexp(1.0, e);
		int d, want;
		char b[40];

		snprintf(b, sizeof b, "%.14e", x);
		want = atoi(strchr(b, 'e') + 1);
		xl_digits15(x, &d);
		bad += d != want || xl_exp10_guess(x) > want || xl_exp10_guess(x) < want - 1;
	}
	ok(!bad, "decimal exponent of every power of two, %ld differ", bad);
}

static void
test_compare(void)
{
	ok(xl_compare15(0.1 + 0.2, 0.3) == 0, "0.1+0.2 = 0.3");
	ok(xl_compare15((43.1 - 43.2) + 1, 0.9) != 0, "(43.1-43.2)+1 <> 0.9: they differ in the 15th digit");
	ok(xl_compare15(1, 1 + 1e-14) < 0, "1 < 1.00000000000001");
	ok(xl_compare15(1, 1 + 2e-16) == 0, "1 = 1 + 2^-52");
	ok(xl_compare15(9.99999999999999999e22, 1e23) == 0, "across a power of ten");
	ok(xl_compare15(-2, 3) < 0 && xl_compare15(3, -2) > 0 && xl_compare15(0, 1e-300) < 0, "plain order");
	ok(xl_floor15(7.9999999999999991) == 8 && xl_floor15(7.99999999999999) == 7, "whole on 15 digits");
	ok(xl_floor15(-1e-20) == -1 && xl_ceil15(1e-20) == 1, "tiny numbers are not zero");
}

static void
test_mod(void)
{
	long bad = 0;

	for (int i = 0; i < 300000; i++) {
		double a = ldexp(random_unit(), (int)(random_bits() % 400) - 200), b = ldexp(random_unit(), (int)(random_bits() % 400) - 200);

		bad += b > 0 && xl_mod_exact(a, b) != fmod(a, b);
	}
	ok(!bad, "exact remainder, %ld differ from fmod", bad);
	is_double(xl_mod_exact(-3, 2), 1, 0, "MOD(-3,2)");
	is_double(xl_mod_exact(3, -2), -1, 0, "MOD(3,-2)");
	is_double(xl_mod_exact(5, 0x1p-1070), fmod(5, 0x1p-1070), 0, "subnormal divisor");
}

static int
ascending(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void
test_sort(void)
{
	double a[777], b[777], tmp[777];
	long bad = 0;

	for (int n = 0; n < 777; n += 1 + n / 9) {
		for (int i = 0; i < n; i++)
			a[i] = b[i] = (double)(random_bits() % 100);
		xl_sort(a, n, tmp);
		qsort(b, (size_t)n, sizeof *b, ascending);
		bad += memcmp(a, b, (size_t)n * sizeof *a) != 0;
	}
	ok(!bad, "sorted at every length");
}

int
main(void)
{
	test_rounding();
	test_floor();
	test_exponents();
	test_compare();
	test_mod();
	test_sort();
	return done();
}
