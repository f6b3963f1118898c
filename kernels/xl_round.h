/*
 * xl_round: what a worksheet takes a double to be: a decimal number of 15 significant digits.
 *
 * ROUND(2.15, 1) is 2.2 although the double is below 2.15, and 0.1 + 0.2 = 0.3 is TRUE. Nothing is converted to
 * text for that. Scaled by a power of ten (as a double-double, so exactly enough), a value is a tie, or a whole number,
 * on 15 digits just when it is within half a unit of the 15th digit of one; the unit is known from the tie.
 *
 *   xl_digits15    the 15 digits and the decimal exponent
 *   xl_compare15   order of two numbers, equal where their 15 digits are
 *   xl_value15     the double nearest to the 15 digits
 *   xl_round_digits, xl_round_up, xl_round_down   ROUND, ROUNDUP, ROUNDDOWN
 *   xl_floor15     whole part downwards; 7.9999999999999991 counts as 8
 *
 * Results of rounding are k / 10^n or k * 10^n with k whole, rounded once: the double nearest to the decimal.
 *
 * Lane forms for the usual case: K(fast_round)(x, n) equals xl_round_digits(x, n) wherever K(near_round)(x, n)
 * is false: |n| <= 22 and the scaled value is small and not near a tie. K(floor15)(x) is xl_floor15.
 */
#include "kernels/math.h"

#ifndef KERNELS_XL_ROUND_H
#define KERNELS_XL_ROUND_H
#include "kernels/xl_tables.h"

K_TABLE double xl_p10[23] = { XL_P10 };
K_TABLE double xl_p10_16[40][2] = { XL_P10_16 };

#define XL_INF ks_frombits(0x7ff0000000000000LL)

struct xl_dd {
	double hi, lo;
};

K_SCALAR struct xl_dd
xl_dd_sum(double a, double b)
{
	double s = a + b, t = s - a;

	struct xl_dd r = {s, (a - (s - t)) + (b - t)};

	return r;
}

K_SCALAR struct xl_dd
xl_dd_mul(struct xl_dd a, double b)
{
	double p = a.hi * b, e = ks_fma(a.hi, b, -p);
	double lo = ks_fma(a.lo, b, e), s = p + lo;
	struct xl_dd z = {s, (p - s) + lo};

	return z;
}

K_SCALAR struct xl_dd
xl_dd_div(struct xl_dd a, double b)
{
	double q = a.hi / b, r = ks_fma(-q, b, a.hi) + a.lo;
	double lo = r / b, s = q + lo;
	struct xl_dd z = {s, (q - s) + lo};

	return z;
}

/* floor(log10 |x|), or one less. x normal. */
K_SCALAR int
xl_exp10_guess(double x)
{
	int e2 = (int)(ks_shr(ks_bits(x), 52) & 0x7ff) - 1023;

	return (e2 * 315653) >> 20; /* log10(2) to 2^-20; tests/unit/test_xl_math tries every e2 */
}

/* x * 10^k for |k| <= 340, to about 2^-100; x and result normal. */
K_SCALAR struct xl_dd
xl_scale10(double x, int k)
{
	int j = (k + 320) >> 4, i;
	struct xl_dd r = {x, 0};

	if (k >= 0 && k <= 22)
		return xl_dd_mul(r, xl_p10[k]);
	if (k < 0 && k >= -22)
		return xl_dd_div(r, xl_p10[-k]);
	j = j < 1 ? 1 : j > 39 ? 39 : j;
	i = k - (j - 20) * 16;
	{
		double h = xl_p10_16[j][0], l = xl_p10_16[j][1];
		double p = x * h, e = ks_fma(x, h, -p), lo = ks_fma(x, l, e), s = p + lo;

		r.hi = s;
		r.lo = (p - s) + lo;
	}
	for (; i > 22; i -= 22)
		r = xl_dd_mul(r, xl_p10[22]);
	for (; i < -22; i += 22)
		r = xl_dd_div(r, xl_p10[22]);
	return i >= 0 ? xl_dd_mul(r, xl_p10[i]) : xl_dd_div(r, xl_p10[-i]);
}

/* |x| = d * 10^(e - 14), d whole, 10^14 <= d < 10^15; returns d, 0 for zero and subnormal numbers. x finite. */
K_SCALAR double
xl_digits15(double x, int *e)
{
	double a = ks_abs(x), d;
	int g;
	struct xl_dd y;

	*e = 0;
	if (!(a >= 0x1p-1022))
		return 0;
	g = xl_exp10_guess(a);
	y = xl_scale10(a, 14 - g);
	if (y.hi >= 1e15) {
		g++;
		y = xl_scale10(a, 14 - g);
	} else if (y.hi < 1e14) {
		g--;
		y = xl_scale10(a, 14 - g);
	}
	d = ks_floor(y.hi);
	if ((y.hi - d) + y.lo >= 0.5)
		d += 1;
	else if ((y.hi - d) + y.lo < -0.5)
		d -= 1;
	if (d >= 1e15) {
		d = 1e14;
		g++;
	}
	*e = g;
	return d;
}

K_SCALAR double
xl_value15(double x)
{
	int e;
	double d = xl_digits15(x, &e), v;

	if (!(ks_abs(x) < XL_INF))
		return x;
	if (e - 14 >= 0 && e - 14 <= 22)
		v = d * xl_p10[e - 14];
	else if (e - 14 < 0 && e - 14 >= -22)
		v = d / xl_p10[14 - e];
	else
		v = d == 0 ? 0 : xl_scale10(d, e - 14).hi;
	return ks_copysign(v, x);
}

K_SCALAR_BIG int
xl_same15(double a, double b)
{
	int ea, eb;

	return xl_digits15(a, &ea) == xl_digits15(b, &eb) && ea == eb;
}

/* <0, 0, >0; no NaN. */
K_SCALAR int
xl_compare15(double a, double b)
{
	double gap = ks_abs(a - b), size = ks_abs(a);

	if (a == b || (gap <= size * 0x1p-40 && xl_same15(a, b)))
		return 0;
	return a < b ? -1 : 1;
}

/* Half a unit of the 15th digit of m >= 1/2. */
K_SCALAR double
xl_half_unit15(double m)
{
	int e = xl_exp10_guess(m);

	if (e < 22 && e >= -1 && m >= xl_p10[e + 1])
		e++;
	return e > 14 ? 0.5 * xl_p10[e - 14 > 22 ? 22 : e - 14] : 0.5 / xl_p10[14 - e];
}

/* Scaled by 10^n; for n beyond 300 in the steps that do not overflow. */
K_SCALAR struct xl_dd
xl_scaled(double a, int n)
{
	return xl_scale10(a, n > 340 ? 340 : n < -340 ? -340 : n);
}

K_SCALAR double
xl_unscaled(double k, int n)
{
	if (n >= 0 && n <= 22)
		return k / xl_p10[n];
	if (n < 0 && n >= -22)
		return k * xl_p10[-n];
	return k == 0 ? 0 : xl_scale10(k, -n).hi;
}

/* mode 0: half away from zero; 1: away; -1: towards zero. */
K_SCALAR_BIG double
xl_round_mode(double x, int n, int mode)
{
	double a = ks_abs(x), k, t, d;
	struct xl_dd y;

	if (!(a >= 0x1p-1022) || !(a < XL_INF))
		return a < 1 ? 0.0 : x;
	if (n < -308)
		return mode > 0 ? x * XL_INF : 0.0;
	if (n > 14 - xl_exp10_guess(a)) /* the 15 digits end before */
		return x;
	y = xl_scaled(a, n);
	if (!(y.hi < 1e15))
		return x;
	k = ks_floor(y.hi);
	if ((y.hi - k) + y.lo < 0)
		k -= 1;
	if (mode == 0) {
		t = k + 0.5;
		d = (y.hi - t) + y.lo;
		if (d >= 0 || (t < 1e14 && -d <= xl_half_unit15(t)))
			k += 1;
	} else {
		double m = k + ((y.hi - k) + y.lo >= 0.5 ? 1.0 : 0.0);

		d = ks_abs((y.hi - m) + y.lo);
		if (m >= 1 && d <= xl_half_unit15(m))
			k = m;
		else if (mode > 0 && (y.hi - k) + y.lo > 0)
			k += 1;
	}
	return ks_copysign(xl_unscaled(k, n), x) + 0.0; /* no -0 */
}

K_SCALAR int
xl_whole_digits(double n)
{
	n = ks_trunc(n);
	return n > 1000 ? 1000 : n >= -1000 ? (int)n : -1000;
}

K_SCALAR double xl_round_digits(double x, double n) { return xl_round_mode(x, xl_whole_digits(n), 0); }
K_SCALAR double xl_round_up(double x, double n) { return xl_round_mode(x, xl_whole_digits(n), 1); }
K_SCALAR double xl_round_down(double x, double n) { return xl_round_mode(x, xl_whole_digits(n), -1); }

/* Whole part downwards on 15 digits. */
K_SCALAR double
xl_floor15(double x)
{
	double k = ks_floor(x), up = k + 1.0, m;

	if (k == x || !(ks_abs(x) < 1e15))
		return k;
	if (up - x > ks_abs(x) * 0x1p-40)
		return k;
	m = ks_abs(up);
	return m >= 1 && up - x <= xl_half_unit15(m) ? up : k;
}

K_SCALAR double xl_ceil15(double x) { return -xl_floor15(-x); }
#endif

#if (KLANES == 1 && !defined(KERNELS_XL_ROUND_S)) || (KLANES > 1 && !defined(KERNELS_XL_ROUND_V))
#if KLANES == 1
#define KERNELS_XL_ROUND_S
#else
#define KERNELS_XL_ROUND_V
#endif

/* |x| 10^n rounded once; p receives 10^|n|, up whether n >= 0. n of any size (clamped to 22). */
K_FN kd
K(round_scaled)(kd x, kd n, kd *p, km *up)
{
	kd whole = k_trunc(n), an = k_abs(whole);
	kd a = k_abs(x);

	an = k_sel(k_le(an, k_set(22.0)), an, k_set(22.0));
	*p = k_gather(xl_p10, k_small(an));
	*up = k_ge(whole, k_set(0.0));
	return k_sel(*up, a * *p, a / *p);
}

/* The scaled value is large, or near a tie. */
K_FN km
K(near_half)(kd y)
{
	kd off = k_abs((y - k_floor(y)) - 0.5);

	return k_mnot(k_mand(k_lt(y, k_set(0x1p43)), k_gt(off, y * 0x1p-45)));
}

K_FN km
K(near_round)(kd x, kd n)
{
	kd p;
	km up;

	return k_mor(K(near_half)(K(round_scaled)(x, n, &p, &up)), k_mnot(k_le(k_abs(n), k_set(22.0))));
}

/* xl_floor15 on lanes: where some lane is just below a whole number, the unit of that number decides. */
K_FN kd
K(floor15)(kd x)
{
	kd k = k_floor(x), up = k + 1.0, gap = up - x, ax = k_abs(x), m, half;
	km near = k_mand(k_mand(k_le(gap, ax * 0x1p-40), k_lt(ax, k_set(1e15))), k_ne(k, x));
	kl e;

	if (!k_any(near))
		return k;
	m = k_abs(k_sel(near, up, k_set(1.0)));
	near = k_mand(near, k_ge(m, k_set(1.0)));
	m = k_sel(near, m, k_set(1.0));
	/* decimal exponent of m from its binary one, as xl_exp10_guess; exact after one comparison */
	e = k_small(k_floor((k_double(k_shr(k_bits(m), 52)) - 1023.0) * 0x1.34413p-2));
	e = e + k_sell(k_ge(m, k_gather(xl_p10, e + 1)), k_setl(1), k_setl(0));
	half = k_set(0.5) / k_gather(xl_p10, k_setl(14) - e);
	return k_sel(k_mand(near, k_le(gap, half)), up, k);
}

K_FN kd
K(fast_round)(kd x, kd n)
{
	kd p, k;
	km up;

	k = k_floor(K(round_scaled)(x, n, &p, &up) + 0.5);
	return k_copysign(k_sel(up, k / p, k * p), x) + 0.0;
}

/* The same to n digits, the same for all lanes: a power of ten that is known, and no division for whole numbers. *near: where that is not it. */
K_FN kd
K(fast_round_const)(kd x, double n, km *near)
{
	double whole = ks_trunc(n), an = ks_abs(whole), p = xl_p10[an <= 22 ? (int)an : 22];
	kd a = k_abs(x), y = whole > 0 ? a * p : whole < 0 ? a / p : a, r = k_floor(y + 0.5);

	*near = an <= 22 ? K(near_half)(y) : k_eq(k_set(0.0), k_set(0.0));
	r = whole > 0 ? r / p : whole < 0 ? r * p : r;
	return k_copysign(r, x) + 0.0;
}
#endif
