/*
 * xl_math: worksheet functions of arithmetic, rounding, powers, trigonometry, counting, bits and sums.
 *
 * Calling rules: xl.h. Orders that other backends mirror:
 *   SUM, SUMSQ            s = 0; s = s + x (x * x) over the arguments left to right, plain additions
 *   PRODUCT               s = 1; s = s * x; 0 where there is no number
 *   SUMX2MY2 SUMX2PY2     s = s + (x*x - y*y), s + (x*x + y*y)
 *   SUMXMY2               s = s + (x-y)*(x-y)
 * Whole numbers are decided on 15 digits (xl_round.h) by INT, TRUNC, ROUND…, CEILING…, FLOOR…; MROUND and QUOTIENT
 * work on the plain quotient, as the original does (MROUND(6.05,0.1) is 6).
 * A result that is not finite is #NUM! by the caller.
 */
#ifndef KERNELS_XL_MATH_H
#define KERNELS_XL_MATH_H

#include "kernels/math.h"
#include "kernels/xl.h"
#include "kernels/xl_round.h"

K_TABLE double xl_factorials[171] = { XL_FACTORIALS };

#define XL_PI 3.14159265358979323846
#define XL_TRIG_MAX 134217728.0 /* 2^27: beyond, #NUM! */

/* --- helpers ---------------------------------------------------------------------------------------- */

/* Remainder with the sign of b, exact; b not 0. */
K_SCALAR_BIG double
xl_mod_exact(double a, double b)
{
	double x = ks_abs(a), y = ks_abs(b), q, r;

	if (!(y > 0) || !(x < XL_INF))
		return a * 0.0 / b * 0.0;
	if (!(y < XL_INF)) {
		r = x;
	} else {
		r = x;
		while (r >= y) { /* each pass removes 52 bits of the quotient or ends */
			double s = y, t;
			int e = xl_exp10_guess(r), k = 0;

			(void)e;
			q = r / s;
			if (!(q < 0x1p52)) {
				/* bring y near r by a power of two */
				int64_t er = ks_shr(ks_bits(r), 52), es = ks_shr(ks_bits(s), 52);

				if (es == 0) { /* subnormal divisor: scale both */
					return xl_mod_exact(a * 0x1p60, b * 0x1p60) * 0x1p-60;
				}
				k = (int)(er - es) - 50;
				s = ks_frombits(ks_bits(s) + ks_shl(k, 52));
				q = r / s;
			}
			q = ks_floor(q);
			t = ks_fma(-q, s, r);
			if (t < 0)
				t += s;
			else if (t >= s)
				t -= s;
			r = t;
		}
	}
	if (r == 0)
		return 0.0;
	if (a < 0)
		r = -r;
	return (r < 0) != (b < 0) ? r + b : r;
}

/* Power with the worksheet's errors, as POWER and ^. */
K_SCALAR double
xl_power(struct xl_call *c, double x, double y)
{
	if (x == 0) {
		if (y == 0)
			return XL_FAIL(c, XL_NUM);
		return y < 0 ? XL_FAIL(c, XL_DIV0) : 0.0;
	}
	if (x < 0 && ks_floor(y) != y)
		return XL_FAIL(c, XL_NUM);
	return ks_pow(x, y);
}

K_SCALAR double
xl_gcd2(double a, double b)
{
	while (b != 0) {
		double t = xl_mod_exact(a, b);

		a = b;
		b = t;
	}
	return a;
}

/* n choose k: products n/k shaped so that each prefix is whole, with carried rounding errors. */
K_SCALAR_BIG double
xl_choose(double n, double k)
{
	struct xl_dd r = {1, 0};
	double i;

	if (k > n - k)
		k = n - k;
	for (i = 1; i <= k; i += 1) {
		r = xl_dd_div(xl_dd_mul(r, n - k + i), i);
		if (!(r.hi < XL_INF))
			return XL_INF;
	}
	return r.hi < 0x1p53 ? ks_rint(r.hi + r.lo) : r.hi;
}

K_SCALAR double
xl_total(const struct xl_call *c)
{
	double s = 0;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++)
			s = s + c->arg[a].x[i];
	return s;
}

K_SCALAR int
xl_count(const struct xl_call *c)
{
	int n = 0;

	for (int a = 0; a < c->nargs; a++)
		n += c->arg[a].n;
	return n;
}

/* --- signs and rounding -------------------------------------------------------------------------------- */

XL_FN xl_abs(struct xl_call *c) { return ks_abs(XL_ARG(c, 0)); }
XL_FN xl_sign(struct xl_call *c) { return (XL_ARG(c, 0) > 0) - (XL_ARG(c, 0) < 0); }
XL_FN xl_int(struct xl_call *c) { return xl_floor15(XL_ARG(c, 0)) + 0.0; }
XL_FN xl_trunc(struct xl_call *c) { return xl_round_down(XL_ARG(c, 0), XL_OPT(c, 1, 0)); }
XL_FN xl_round(struct xl_call *c) { return xl_round_digits(XL_ARG(c, 0), XL_ARG(c, 1)); }
XL_FN xl_roundup(struct xl_call *c) { return xl_round_up(XL_ARG(c, 0), XL_ARG(c, 1)); }
XL_FN xl_rounddown(struct xl_call *c) { return xl_round_down(XL_ARG(c, 0), XL_ARG(c, 1)); }

/* k * step, on the decimals of step: 3 * 0.1 gives 0.3. */
K_SCALAR double
xl_steps(double k, double step)
{
	double v = k * step;

	return ks_abs(v) < 1e15 && ks_floor(v) != v ? xl_value15(v) : v + 0.0;
}

XL_FN
xl_mround(struct xl_call *c)
{
	double x = XL_ARG(c, 0), s = XL_ARG(c, 1);

	if (x == 0 || s == 0)
		return 0;
	if ((x > 0) != (s > 0))
		return XL_FAIL(c, XL_NUM);
	return xl_steps(ks_floor(x / s + 0.5), s);
}

XL_FN
xl_ceiling(struct xl_call *c)
{
	double x = XL_ARG(c, 0), s = XL_OPT(c, 1, x < 0 ? -1.0 : 1.0);

	if (x == 0 || s == 0)
		return 0;
	if (x > 0 && s < 0)
		return XL_FAIL(c, XL_NUM);
	return xl_steps(xl_ceil15(x / s), s);
}

XL_FN
xl_floor(struct xl_call *c)
{
	double x = XL_ARG(c, 0), s = XL_OPT(c, 1, x < 0 ? -1.0 : 1.0);

	if (x == 0)
		return 0;
	if (s == 0)
		return XL_FAIL(c, XL_DIV0);
	if (x > 0 && s < 0)
		return XL_FAIL(c, XL_NUM);
	return xl_steps(xl_floor15(x / s), s);
}

XL_FN
xl_ceiling_math(struct xl_call *c)
{
	double x = XL_ARG(c, 0), s = ks_abs(XL_OPT(c, 1, 1.0));

	if (x == 0 || s == 0)
		return 0;
	if (x < 0 && c->nargs > 2 && XL_OPT(c, 2, 0.0) != 0)
		return xl_steps(xl_floor15(x / s), s);
	return xl_steps(xl_ceil15(x / s), s);
}

XL_FN
xl_floor_math(struct xl_call *c)
{
	double x = XL_ARG(c, 0), s = ks_abs(XL_OPT(c, 1, 1.0));

	if (x == 0 || s == 0)
		return 0;
	if (x < 0 && c->nargs > 2 && XL_OPT(c, 2, 0.0) != 0)
		return xl_steps(xl_ceil15(x / s), s);
	return xl_steps(xl_floor15(x / s), s);
}

/* The next even, or odd, whole number away from zero. */
K_SCALAR double
xl_parity(double x, double odd)
{
	double a = ks_abs(x), k = xl_ceil15((a - odd) / 2);

	return ks_copysign((k < 0 ? 0 : k) * 2 + odd, x) + 0.0;
}

XL_FN xl_even(struct xl_call *c) { return xl_parity(XL_ARG(c, 0), 0); }
XL_FN xl_odd(struct xl_call *c) { return xl_parity(XL_ARG(c, 0), 1); }

XL_FN
xl_mod(struct xl_call *c)
{
	if (XL_ARG(c, 1) == 0)
		return XL_FAIL(c, XL_DIV0);
	return xl_mod_exact(XL_ARG(c, 0), XL_ARG(c, 1));
}

XL_FN
xl_quotient(struct xl_call *c)
{
	if (XL_ARG(c, 1) == 0)
		return XL_FAIL(c, XL_DIV0);
	return ks_trunc(XL_ARG(c, 0) / XL_ARG(c, 1)) + 0.0;
}

/* --- powers and logarithms ------------------------------------------------------------------------------ */

XL_FN xl_power_fn(struct xl_call *c) { return xl_power(c, XL_ARG(c, 0), XL_ARG(c, 1)); }

XL_FN
xl_sqrt(struct xl_call *c)
{
	return XL_ARG(c, 0) < 0 ? XL_FAIL(c, XL_NUM) : ks_sqrt(XL_ARG(c, 0));
}

XL_FN
xl_sqrtpi(struct xl_call *c)
{
	return XL_ARG(c, 0) < 0 ? XL_FAIL(c, XL_NUM) : ks_sqrt(XL_ARG(c, 0) * XL_PI);
}

/* Results below the smallest normal number are 0. */
K_SCALAR double xl_flush(double v) { return ks_abs(v) < 0x1p-1022 ? 0.0 : v; }

XL_FN xl_exp(struct xl_call *c) { return xl_flush(ks_exp(XL_ARG(c, 0))); }

XL_FN
xl_ln(struct xl_call *c)
{
	return XL_ARG(c, 0) > 0 ? ks_log(XL_ARG(c, 0)) : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_log10(struct xl_call *c)
{
	return XL_ARG(c, 0) > 0 ? ks_log10(XL_ARG(c, 0)) : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_log(struct xl_call *c)
{
	double x = XL_ARG(c, 0), b = XL_OPT(c, 1, 10.0), r, k;

	if (!(x > 0) || !(b > 0))
		return XL_FAIL(c, XL_NUM);
	if (b == 1)
		return XL_FAIL(c, XL_DIV0);
	if (b == 10)
		return ks_log10(x);
	if (b == 2)
		return ks_log2(x);
	r = ks_log(x) / ks_log(b);
	k = ks_rint(r);
	return ks_abs(r - k) < 1e-12 * ks_abs(r) && ks_pow(b, k) == x ? k : r;
}

XL_FN
xl_pi(struct xl_call *c)
{
	(void)c;
	return XL_PI;
}

/* --- trigonometry ---------------------------------------------------------------------------------------- */

XL_FN xl_degrees(struct xl_call *c) { return XL_ARG(c, 0) / XL_PI * 180.0; }
XL_FN xl_radians(struct xl_call *c) { return XL_ARG(c, 0) / 180.0 * XL_PI; }

#define XL_TRIG(name, expr)                                                                    \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double x = XL_ARG(c, 0);                                                       \
		if (!(ks_abs(x) < XL_TRIG_MAX))                                                \
			return XL_FAIL(c, XL_NUM);                                             \
		return (expr);                                                                 \
	}
#define XL_UNARY(name, fine, expr)                                                             \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double x = XL_ARG(c, 0);                                                       \
		return (fine) ? (expr) : XL_FAIL(c, XL_NUM);                                   \
	}

XL_TRIG(sin, ks_sin(x))
XL_TRIG(cos, ks_cos(x))
XL_TRIG(tan, ks_tan(x))
XL_TRIG(sec, 1 / ks_cos(x))
XL_TRIG(csc, x == 0 ? XL_FAIL(c, XL_DIV0) : 1 / ks_sin(x))
XL_TRIG(cot, x == 0 ? XL_FAIL(c, XL_DIV0) : 1 / ks_tan(x))
XL_UNARY(sech, 1, 1 / ks_cosh(x))
XL_UNARY(csch, 1, x == 0 ? XL_FAIL(c, XL_DIV0) : 1 / ks_sinh(x))
XL_UNARY(coth, 1, x == 0 ? XL_FAIL(c, XL_DIV0) : 1 / ks_tanh(x))
XL_UNARY(asin, ks_abs(x) <= 1, ks_asin(x))
XL_UNARY(acos, ks_abs(x) <= 1, ks_acos(x))
XL_UNARY(atan, 1, ks_atan(x))
XL_UNARY(acot, 1, ks_atan2(1, x))
XL_UNARY(sinh, 1, ks_sinh(x))
XL_UNARY(cosh, 1, ks_cosh(x))
XL_UNARY(tanh, 1, ks_tanh(x))
XL_UNARY(asinh, 1, ks_asinh(x))
XL_UNARY(acosh, x >= 1, ks_acosh(x))
XL_UNARY(atanh, ks_abs(x) < 1, ks_atanh(x))
XL_UNARY(acoth, ks_abs(x) > 1, ks_atanh(1 / x))

XL_FN
xl_atan2(struct xl_call *c)
{
	double x = XL_ARG(c, 0), y = XL_ARG(c, 1);

	return x == 0 && y == 0 ? XL_FAIL(c, XL_DIV0) : ks_atan2(y, x);
}

/* --- sums -------------------------------------------------------------------------------------------------- */

XL_FN xl_sum(struct xl_call *c) { return xl_total(c); }

XL_FN
xl_percentof(struct xl_call *c)
{
	double part = 0, all = 0;

	for (int i = 0; i < c->arg[0].n; i++)
		part = part + c->arg[0].x[i];
	for (int i = 0; i < c->arg[1].n; i++)
		all = all + c->arg[1].x[i];
	return all == 0 ? XL_FAIL(c, XL_DIV0) : part / all;
}


XL_FN
xl_product(struct xl_call *c)
{
	double s = 1;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++)
			s = s * c->arg[a].x[i];
	return xl_count(c) ? s : 0.0;
}

XL_FN
xl_sumsq(struct xl_call *c)
{
	double s = 0;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++)
			s = s + c->arg[a].x[i] * c->arg[a].x[i];
	return s;
}

#define XL_PAIR_SUM(name, expr)                                                                \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double s = 0;                                                                  \
		if (!c->arg[0].n)                                                              \
			return XL_FAIL(c, XL_DIV0);                                            \
		for (int i = 0; i < c->arg[0].n; i++) {                                        \
			double x = c->arg[0].x[i], y = c->arg[1].x[i];                         \
			s = s + (expr);                                                        \
		}                                                                              \
		return s;                                                                      \
	}
XL_PAIR_SUM(sumx2my2, x * x - y * y)
XL_PAIR_SUM(sumx2py2, x * x + y * y)
XL_PAIR_SUM(sumxmy2, (x - y) * (x - y))

XL_FN
xl_seriessum(struct xl_call *c)
{
	double x = XL_ARG(c, 0), n = XL_ARG(c, 1), m = XL_ARG(c, 2), s = 0;

	for (int i = 0; i < c->arg[3].n; i++) {
		double e = n + i * m, p = e == 0 && x != 0 ? 1 : xl_power(c, x, e);

		if (c->err)
			return 0;
		s = s + c->arg[3].x[i] * p;
	}
	return s;
}

/* --- whole numbers ------------------------------------------------------------------------------------------ */

XL_FN
xl_gcd(struct xl_call *c)
{
	double g = 0;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			double x = ks_trunc(c->arg[a].x[i]);

			if (c->arg[a].x[i] < 0 || x >= 0x1p53)
				return XL_FAIL(c, XL_NUM);
			g = xl_gcd2(g, x);
		}
	return xl_count(c) ? g : XL_FAIL(c, XL_VALUE);
}

XL_FN
xl_lcm(struct xl_call *c)
{
	double l = 1;
	int zero = 0;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			double x = ks_trunc(c->arg[a].x[i]);

			if (c->arg[a].x[i] < 0 || x >= 0x1p53)
				return XL_FAIL(c, XL_NUM);
			if (x == 0) {
				zero = 1;
				continue;
			}
			l = l / xl_gcd2(l, x) * x;
			if (!(l < 0x1p53))
				return XL_FAIL(c, XL_NUM);
		}
	if (!xl_count(c))
		return XL_FAIL(c, XL_VALUE);
	return zero ? 0 : l;
}

XL_FN
xl_fact(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 0));

	return n >= 0 && n <= 170 ? xl_factorials[(int)n] : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_factdouble(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 0));
	struct xl_dd r = {1, 0};

	if (XL_ARG(c, 0) < -1 || n > 300)
		return XL_FAIL(c, XL_NUM);
	for (; n > 1; n -= 2)
		r = xl_dd_mul(r, n);
	return r.hi;
}

XL_FN
xl_combin(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 0)), k = ks_trunc(XL_ARG(c, 1));

	return n < 0 || k < 0 || n < k ? XL_FAIL(c, XL_NUM) : xl_choose(n, k);
}

XL_FN
xl_combina(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 0)), k = ks_trunc(XL_ARG(c, 1));

	if (n < 0 || k < 0 || (n == 0 && k > 0))
		return XL_FAIL(c, XL_NUM);
	return n == 0 ? 1 : xl_choose(n + k - 1, k);
}

XL_FN
xl_permut(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 0)), k = ks_trunc(XL_ARG(c, 1)), i;
	struct xl_dd r = {1, 0};

	if (n < 0 || k < 0 || n < k)
		return XL_FAIL(c, XL_NUM);
	if (k > 1000)
		return XL_FAIL(c, XL_NUM);
	for (i = n - k + 1; i <= n; i += 1) {
		r = xl_dd_mul(r, i);
		if (!(r.hi < XL_INF))
			return XL_FAIL(c, XL_NUM);
	}
	return r.hi;
}

XL_FN
xl_permutationa(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 0)), k = ks_trunc(XL_ARG(c, 1));

	if (n < 0 || k < 0)
		return XL_FAIL(c, XL_NUM);
	return ks_pow(n, k);
}

XL_FN
xl_multinomial(struct xl_call *c)
{
	double total = 0;
	struct xl_dd r = {1, 0};

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			double x = ks_trunc(c->arg[a].x[i]);

			if (x < 0)
				return XL_FAIL(c, XL_NUM);
			total += x;
			r = xl_dd_mul(r, xl_choose(total, x));
			if (!(r.hi < XL_INF))
				return XL_FAIL(c, XL_NUM);
		}
	return r.hi;
}

/* --- bits ----------------------------------------------------------------------------------------------------- */

K_SCALAR int
xl_bits_fine(double x)
{
	return x >= 0 && x < 0x1p48 && ks_floor(x) == x;
}

#define XL_BITS(name, op)                                                                      \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double x = XL_ARG(c, 0), y = XL_ARG(c, 1);                                     \
		if (!xl_bits_fine(x) || !xl_bits_fine(y))                                      \
			return XL_FAIL(c, XL_NUM);                                             \
		return (double)((int64_t)x op (int64_t)y);                                     \
	}
XL_BITS(bitand, &)
XL_BITS(bitor, |)
XL_BITS(bitxor, ^)

K_SCALAR double
xl_shift(struct xl_call *c, double x, double by)
{
	by = ks_trunc(by);
	if (!xl_bits_fine(x) || !(ks_abs(by) <= 53))
		return XL_FAIL(c, XL_NUM);
	x = ks_floor(by >= 0 ? x * (double)((int64_t)1 << (int)by) : x / (double)((int64_t)1 << (int)-by));
	return x < 0x1p48 ? x : XL_FAIL(c, XL_NUM);
}

XL_FN xl_bitlshift(struct xl_call *c) { return xl_shift(c, XL_ARG(c, 0), XL_ARG(c, 1)); }
XL_FN xl_bitrshift(struct xl_call *c) { return xl_shift(c, XL_ARG(c, 0), -XL_ARG(c, 1)); }

/* --- steps and the error function ---------------------------------------------------------------------------- */

XL_FN xl_delta(struct xl_call *c) { return XL_ARG(c, 0) == XL_OPT(c, 1, 0.0); }
XL_FN xl_gestep(struct xl_call *c) { return XL_ARG(c, 0) >= XL_OPT(c, 1, 0.0); }
XL_FN xl_erfc(struct xl_call *c) { return xl_flush(ks_erfc(XL_ARG(c, 0))); }

/* erf of one limit; between two, by complements where both are on one side so that no digits cancel. */
XL_FN
xl_erf(struct xl_call *c)
{
	double a = XL_ARG(c, 0), b;

	if (c->nargs < 2 || !c->arg[1].n)
		return ks_erf(a);
	b = XL_ARG(c, 1);
	if (a > 0.5 && b > 0.5)
		return ks_erfc(a) - ks_erfc(b);
	if (a < -0.5 && b < -0.5)
		return ks_erfc(-b) - ks_erfc(-a);
	return ks_erf(b) - ks_erf(a);
}

/* x, prefix, mode, a, b, c, d, prefix: mode 0 one unit, 1 (x + a) b / c - d, 2 x a; CONVERT between units. */
XL_FN
xl_convert(struct xl_call *c)
{
	double x = XL_ARG(c, 0) * XL_ARG(c, 1);

	if (XL_ARG(c, 2) == 1)
		x = (x + XL_ARG(c, 3)) * XL_ARG(c, 4) / XL_ARG(c, 5) - XL_ARG(c, 6);
	else if (XL_ARG(c, 2) == 2)
		x = x * XL_ARG(c, 3);
	return x / XL_ARG(c, 7);
}

/* 1 where the whole part is odd. */
XL_FN
xl_is_odd(struct xl_call *c)
{
	double t = ks_trunc(ks_abs(XL_ARG(c, 0)));

	return t - 2 * ks_floor(t / 2);
}

#endif
