/*
 * math: elementary functions on lanes, the same bits in every form (see lane.h).
 *
 *   K(exp) K(exp2) K(expm1) K(log) K(log2) K(log10) K(log1p)
 *   K(pow)(x, y)   K(powi)(x, n)   K(powc)(x, y) for an exponent that all lanes share
 *   K(sin) K(cos) K(tan)   K(asin) K(acos) K(atan) K(atan2)(y, x)
 *   K(sinh) K(cosh) K(tanh) K(asinh) K(acosh) K(atanh)
 *   K(erf) K(erfc) K(norm_pdf) K(norm_cdf) K(norm_inv)
 *
 * Special values are C's (Annex F), NaN where the function is undefined; what Excel calls #NUM! is the caller's
 * affair. Errors measured (tests/unit/test_kernels): log 0.51 ulp, sin and cos 0.63, exp 0.8 (1.0 where subnormal),
 * pow 1.2; the others below 1.7, and 2.8 for erfc, norm_cdf and norm_inv, relative in the tails too.
 *
 * pow: whole and half-whole exponents up to 64.5 in size go by a fixed chain of squarings and products that
 * carries its own rounding errors (one sqrt for the half, one division when negative); everything else by
 * exp(y log x) with the logarithm to about 2^-64. powi and powc give pow's bits; that is what a compiler
 * relies on when the exponent is a constant.
 *
 * sin, cos and tan reduce by pi/2 in three parts, good to |x| = 2^48; beyond, NaN (Excel ends at 2^27).
 *
 * Coefficients: tools/kernel_coeffs.py -> kernels/coeffs.h. The reductions: logarithm by a table of sixteen
 * reciprocals (an in-register permute on AVX-512) whose logarithms are short numbers to 2^-71; erfc through
 * (1+2x) exp(x^2) erfc(x) as a polynomial in (x-4)/(x+4) (after Shepherd and Laframboise 1981); the
 * inverse normal as (2u-1) f(-log(4u(1-u))) (the variable of Giles 2010), polynomial in the centre, two more pieces
 * in the tails, entered only where a lane needs them.
 */
#include "kernels/lane.h"

#ifndef KERNELS_MATH_H
#define KERNELS_MATH_H
#include "kernels/coeffs.h"
K_TABLE double k_log_c[16] = { KC_LOG_C };
K_TABLE double k_log_t[16] = { KC_LOG_T };
#endif

#if (KLANES == 1 && !defined(KERNELS_MATH_S)) || (KLANES > 1 && !defined(KERNELS_MATH_V))
#if KLANES > 1
#define KERNELS_MATH_V
#else
#define KERNELS_MATH_S
#endif

/* --- exponential ----------------------------------------------------------------------------------- */

/* exp(x + lo) = 2^n (1 + q): returns q, n as a double. */
K_FN kd
K(exp_red)(kd x, kd lo, kd *n)
{
	kd nd = k_fma(x, k_set(KC_LOG2E), k_set(K_MAGIC)) - K_MAGIC;
	kd a = k_fma(nd, k_set(-KC_LN2HI), x);
	kd b = k_fma(nd, k_set(KC_LN2LO), k_neg(lo));
	kd r = a - b;
	kd c = (a - r) - b;

	*n = nd;
	return r + k_fma(r * r, KC_EXP(r), c);
}

K_FN kd
K(exp)(kd x)
{
	kd n, r, q;

	x = k_min(k_max(x, k_set(-746.0)), k_set(710.0));
	n = k_fma(x, k_set(KC_LOG2E), k_set(K_MAGIC)) - K_MAGIC;
	r = k_fma(n, k_set(-KC_LN2LO), k_fma(n, k_set(-KC_LN2HI), x));
	q = k_fma(r * r, KC_EXP(r), r);
	return k_scale(q + 1.0, n);
}

K_FN kd
K(exp2)(kd x)
{
	kd n, r;

	x = k_min(k_max(x, k_set(-1080.0)), k_set(1025.0));
	n = k_rint(x);
	r = x - n;
	return k_scale(k_fma(r, KC_EXP2(r), k_set(1.0)), n);
}

K_FN kd
K(expm1)(kd x)
{
	kd xc = k_min(k_max(x, k_set(-60.0)), k_set(710.0));
	kd n, q = K(exp_red)(xc, k_set(0.0), &n);
	/* 2^-n; n = 1024 makes it 0, where it is beyond notice */
	kd t = k_frombits(k_shl(k_subl(k_setl(1023), k_small(n)), 52));
	kd y = k_scale((k_set(1.0) - t) + q, n);

	return k_sel(k_lt(k_abs(x), k_set(0x1p-60)), x, y);
}

/* --- logarithm ------------------------------------------------------------------------------------- */

/* x = 2^k m, r + e = m c - 1, T = -log c: what is left is log x = k ln2 + T + log1p(r + e). x is positive, normal
 * and finite. */
struct K(logred) {
	kd k, T, r, e, scale; /* scale: c 2^-k */
};

K_FN struct K(logred)
K(log_red)(kd x)
{
	struct K(logred) s;
	kl ix = k_bits(x);
	kl t = k_addl(ix, k_setl((1023LL << 52) - KC_LOG_OFF));
	kl eb = t & k_setl((int64_t)0xfff0000000000000ULL);
	kl i = k_shr(t, 48);
	kd m = k_frombits(k_addl(k_subl(ix, eb), k_setl(1023LL << 52)));
	kd c = k_lut16(k_log_c, i), p = m * c;

	s.T = k_lut16(k_log_t, i);
	s.e = k_fma(m, c, k_neg(p));
	s.r = p - 1.0;
	s.k = k_frombits(k_shr(t, 52) | k_setl(0x4330000000000000LL)) - (0x1p52 + 1023.0);
	s.scale = c * k_frombits(k_subl(k_setl(2046LL << 52), eb));
	return s;
}

K_FN kd
K(log_sum)(struct K(logred) s)
{
	kd r = s.r, r2 = r * r;
	kd w = k_fma(s.k, k_set(KC_LN2HI), s.T); /* exact: multiples of 2^-42 */
	kd hi = w + r;
	kd lo = ((w - hi) + r) + k_fma(s.k, k_set(KC_LN2LO), k_fma(k_neg(s.e), r, s.e));

	return hi + k_fma(r2, k_fma(r, KC_LOG(r), k_set(-0.5)), lo);
}

/* The same to about 2^-64 of itself. */
K_FN kd
K(log_sum2)(struct K(logred) s, kd *low)
{
	kd r = s.r, h2 = r * r, l2 = k_fma(r, r, k_neg(h2));
	kd w = k_fma(s.k, k_set(KC_LN2HI), s.T);
	kd a = w + r, alo = (w - a) + r;
	kd g = h2 * 0.5, b = a - g, blo = (a - b) - g;
	kd lo = (alo + blo) + k_fma(s.k, k_set(KC_LN2LO), k_fma(k_neg(s.e), r, s.e) - l2 * 0.5);
	kd hi;

	lo = k_fma(h2 * r, KC_LOG(r), lo);
	hi = b + lo;
	*low = (b - hi) + lo;
	return hi;
}

/* Lanes that are not positive, normal and finite; and what their logarithm is. */
K_FN km
K(log_odd)(kd x)
{
	return k_mnot(k_mand(k_ge(x, k_set(0x1p-1022)), k_lt(x, K_INF)));
}

K_FN kd
K(log_special)(kd x, kd y)
{
	y = k_sel(k_gt(x, k_set(0.0)), y, k_sel(k_eq(x, k_set(0.0)), k_neg(K_INF), K_NAN));
	return k_sel(k_lt(x, K_INF), y, x);
}

K_FN kd
K(log)(kd x)
{
	km odd = K(log_odd)(x);
	struct K(logred) s;

	if (k_any(odd)) {
		km tiny = k_lt(x, k_set(0x1p-1022));

		s = K(log_red)(k_sel(tiny, x * 0x1p54, x));
		s.k = k_sel(tiny, s.k - 54.0, s.k);
		return K(log_special)(x, K(log_sum)(s));
	}
	return K(log_sum)(K(log_red)(x));
}

/* log(x) * (mh + ml), nearly rounded once. */
K_FN kd
K(log_base)(kd x, double mh, double ml)
{
	km odd = K(log_odd)(x), tiny = k_lt(x, k_set(0x1p-1022));
	struct K(logred) s = K(log_red)(k_sel(tiny, x * 0x1p54, x));
	kd hi, lo, p, e;

	s.k = k_sel(tiny, s.k - 54.0, s.k);
	hi = K(log_sum2)(s, &lo);
	p = hi * mh;
	e = k_fma(hi, k_set(mh), k_neg(p));
	e = k_fma(lo, k_set(mh), k_fma(hi, k_set(ml), e));
	return k_sel(odd, K(log_special)(x, p + e), p + e);
}

K_FN kd
K(log2)(kd x)
{
	return K(log_base)(x, KC_LOG2E, KC_LOG2ELO);
}

K_FN kd
K(log10)(kd x)
{
	return K(log_base)(x, KC_INVLN10, KC_INVLN10LO);
}

K_FN kd
K(log1p)(kd x)
{
	kd one = k_set(1.0), u = one + x, bb = u - 1.0;
	kd lo = (one - (u - bb)) + (x - bb);
	km odd = K(log_odd)(u);
	struct K(logred) s = K(log_red)(k_sel(odd, one, u));
	kd y;

	s.e = k_fma(k_sel(odd, k_set(0.0), lo), s.scale, s.e);
	y = K(log_sum)(s);
	y = k_sel(odd, K(log_special)(u, y), y);
	return k_sel(k_lt(k_abs(x), k_set(0x1p-54)), x, y);
}

/* --- power ----------------------------------------------------------------------------------------- */

/* x^y where x is positive, normal and finite and |y log x| < 800. */
K_FN kd
K(pow_plain)(kd x, kd y)
{
	kd lo, hi = K(log_sum2)(K(log_red)(x), &lo), p = y * hi, n, q;

	q = K(exp_red)(p, k_fma(y, lo, k_fma(y, hi, k_neg(p))), &n);
	return k_scale(q + 1.0, n);
}

K_FN kd
K(pow_general)(kd x, kd y)
{
	kd ax = k_abs(x), zero = k_set(0.0);
	km tiny = k_lt(ax, k_set(0x1p-1022));
	struct K(logred) s = K(log_red)(k_sel(tiny, ax * 0x1p54, ax));
	kd hi, lo, p, e, n, q, z;

	s.k = k_sel(tiny, s.k - 54.0, s.k);
	hi = K(log_sum2)(s, &lo);
	p = y * hi;
	e = k_fma(y, lo, k_fma(y, hi, k_neg(p)));
	e = k_sel(k_lt(k_abs(p), k_set(800.0)), e, zero);
	p = k_min(k_max(p, k_set(-800.0)), k_set(800.0));
	q = K(exp_red)(p, e, &n);
	z = k_scale(q + 1.0, n);
	if (k_any(k_mor(k_mnot(k_gt(x, zero)), k_mnot(k_lt(x, K_INF))))) {
		kd half = y * 0.5;
		km whole = k_eq(k_rint(y), y), odd = k_mand(whole, k_ne(k_rint(half), half));
		km up = k_gt(y, zero);
		km neg = k_lt(k_copysign(k_set(1.0), x), zero);
		km edge = k_mor(k_eq(ax, zero), k_eq(ax, K_INF));

		z = k_sel(k_eq(ax, zero), k_sel(up, zero, K_INF), z);
		z = k_sel(k_eq(ax, K_INF), k_sel(up, K_INF, zero), z);
		z = k_sel(k_mand(neg, odd), k_neg(z), z);
		z = k_sel(k_mand(k_mand(neg, k_mnot(whole)), k_mnot(edge)), K_NAN, z);
		z = k_sel(k_eq(x, x), z, x);
	}
	z = k_sel(k_eq(y, y), z, y);
	/* 1^NaN = 1, (±1)^±inf = 1 */
	return k_sel(k_mand(k_eq(ax, k_set(1.0)), k_mor(k_gt(x, zero), k_eq(k_abs(y), K_INF))), k_set(1.0), z);
}

/* Steps of the chain: numbers as h + *l. The low parts do not touch the high ones until the end. */

/* x^2 */
K_FN kd
K(pow_square)(kd x, kd *l)
{
	kd h = x * x;

	*l = k_fma(x, x, k_neg(h));
	return h;
}

/* (h + *l)(b + bl) */
K_FN kd
K(pow_mul)(kd h, kd *l, kd b, kd bl)
{
	kd p = h * b, e = k_fma(h, b, k_neg(p));

	*l = k_fma(h, bl, k_fma(*l, b, e));
	return p;
}

/* x (b + bl) */
K_FN kd
K(pow_first)(kd x, kd *l, kd b, kd bl)
{
	kd p = x * b;

	*l = k_fma(x, bl, k_fma(x, b, k_neg(p)));
	return p;
}

/* times sqrt(x) */
K_FN kd
K(pow_half)(kd h, kd *l, kd x)
{
	kd s = k_sqrt(x), p = h * s;

	*l = k_fma(*l, s, k_fma(h, s, k_neg(p)));
	return p;
}

K_FN kd
K(pow_invert)(kd h, kd *l)
{
	kd q = k_set(1.0) / h;
	kd rem = k_fma(k_neg(q), *l, k_fma(k_neg(q), h, k_set(1.0)));

	*l = q * rem;
	return q;
}

/* The end. Where x lies within 2^-14 .. 2^14 nothing is 0 or infinite, and it is h + l. */
K_FN kd
K(pow_close)(kd h, kd l)
{
	kd a = k_abs(h);

	return k_sel(k_mand(k_lt(a, K_INF), k_gt(a, k_set(0.0))), h + l, h);
}

K_FN kd
K(pow_chain)(kd x, kd y, kd whole, km half)
{
	kd r = k_set(1.0), rl = k_set(0.0), b = x, bl = k_set(0.0), h, l;
	kl n = k_small(whole);
	km neg = k_lt(y, k_set(0.0));
	int i;

	for (i = 0; i < 7; i++) {
		kd tr = r, tl = rl;
		km skip = k_eql(n & k_setl((int64_t)1 << i), k_setl(0));

		tr = K(pow_mul)(tr, &tl, b, bl);
		r = k_sel(skip, r, tr);
		rl = k_sel(skip, rl, tl);
		b = K(pow_mul)(b, &bl, b, bl);
	}
	if (k_any(half)) {
		l = rl;
		h = K(pow_half)(r, &l, x);
		r = k_sel(half, h, r);
		rl = k_sel(half, l, rl);
	}
	if (k_any(neg)) {
		l = rl;
		h = K(pow_invert)(r, &l);
		r = k_sel(neg, h, r);
		rl = k_sel(neg, l, rl);
	}
	return K(pow_close)(r, rl);
}

K_FN kd
K(pow)(kd x, kd y)
{
	kd ay = k_abs(y), whole = k_floor(ay), frac = ay - whole;
	km half = k_eq(frac, k_set(0.5));
	km chain = k_mand(k_le(ay, k_set(64.5)), k_mor(half, k_eq(frac, k_set(0.0))));
	kd z = x;

	if (!k_all(chain))
		z = K(pow_general)(x, y);
	if (k_any(chain))
		z = k_sel(chain, K(pow_chain)(x, k_sel(chain, y, k_set(1.0)), k_sel(chain, whole, k_set(1.0)),
		                              k_mand(half, chain)), z);
	return z;
}

/* pow(x, y), fast where all x lie within 2^-60 .. 2^60 and y is small and no chain's, as in draws. */
K_FN kd
K(pow_middle)(kd x, kd y)
{
	kd ay = k_abs(y), frac = ay - k_floor(ay);
	km plain = k_mand(k_le(ay, k_set(19.0)), k_mand(k_ne(frac, k_set(0.0)), k_ne(frac, k_set(0.5))));

	plain = k_mand(plain, k_mand(k_ge(x, k_set(0x1p-60)), k_le(x, k_set(0x1p60))));
	return k_all(plain) ? K(pow_plain)(x, y) : K(pow)(x, y);
}

/* pow(x, ±(n + 1/2 if half)) for 0 <= n <= 64, the same for all lanes. */
K_FN kd
K(powi_half)(kd x, int n, int half, int neg)
{
	kd r = k_set(1.0), rl = k_set(0.0), b = x, bl = k_set(0.0);
	int first = 1;

	for (; n; n >>= 1) {
		if (n & 1) {
			r = first ? b : K(pow_mul)(r, &rl, b, bl);
			rl = first ? bl : rl;
			first = 0;
		}
		if (n > 1)
			b = K(pow_mul)(b, &bl, b, bl);
	}
	if (half)
		r = K(pow_half)(r, &rl, x);
	if (neg)
		r = K(pow_invert)(r, &rl);
	return K(pow_close)(r, rl);
}

/* x^n for |n| <= 64: the bits of pow(x, n). */
K_FN kd
K(powi)(kd x, int n)
{
	return K(powi_half)(x, n < 0 ? -n : n, 0, n < 0);
}

/* pow(x, y) where every lane has the same exponent. */
K_FN kd
K(powc)(kd x, double y)
{
	double ay = y < 0 ? -y : y;

	if (ay <= 64.5) {
		int n = (int)ay;
		double frac = ay - n;

		if (frac == 0 || frac == 0.5)
			return K(powi_half)(x, n, frac == 0.5, y < 0);
	}
	return K(pow_general)(x, k_set(y));
}

/* --- trigonometry ---------------------------------------------------------------------------------- */

/* x = q pi/2 + r + lo; returns r, quadrant in the low bits of *q. */
K_FN kd
K(trig_red)(kd x, kd *lo, kl *q)
{
	kd t = k_fma(x, k_set(KC_2OPI), k_set(K_MAGIC)), n = t - K_MAGIC;
	kd a = k_fma(n, k_set(-KC_PIO2_1), x);
	kd p = n * KC_PIO2_2, pl = k_fma(n, k_set(KC_PIO2_2), k_neg(p));
	kd s = a - p, bb = s - a;
	kd e = (a - (s - bb)) - (p + bb);
	kd r;

	e = e - k_fma(n, k_set(KC_PIO2_3), pl);
	r = s + e;
	*lo = (s - r) + e;
	*q = k_bits(t);
	return r;
}

K_FN kd
K(sin_poly)(kd r, kd lo)
{
	kd z = r * r;

	return r + k_fma(z * r, KC_SIN(z), k_fma(z * -0.5, lo, lo));
}

K_FN kd
K(cos_poly)(kd r, kd lo)
{
	kd z = r * r, hz = z * 0.5, w = k_set(1.0) - hz;

	return w + (((k_set(1.0) - w) - hz) + k_fma(z * z, KC_COS(z), k_neg(r * lo)));
}

K_FN kd
K(trig_end)(kd x, kd y)
{
	return k_sel(k_le(k_abs(x), k_set(0x1p48)), y, K_NAN);
}

K_FN kd
K(sin)(kd x)
{
	kl q;
	kd lo, r = K(trig_red)(x, &lo, &q);
	kd y = k_sel(k_eql(q & k_setl(1), k_setl(0)), K(sin_poly)(r, lo), K(cos_poly)(r, lo));

	y = k_frombits(k_bits(y) ^ k_shl(q & k_setl(2), 62));
	y = k_sel(k_lt(k_abs(x), k_set(0x1p-28)), x, y);
	return K(trig_end)(x, y);
}

K_FN kd
K(cos)(kd x)
{
	kl q;
	kd lo, r = K(trig_red)(x, &lo, &q);
	kd y = k_sel(k_eql(q & k_setl(1), k_setl(0)), K(cos_poly)(r, lo), K(sin_poly)(r, lo));

	y = k_frombits(k_bits(y) ^ k_shl(k_addl(q, k_setl(1)) & k_setl(2), 62));
	return K(trig_end)(x, y);
}

K_FN kd
K(tan)(kd x)
{
	kl q;
	kd lo, r = K(trig_red)(x, &lo, &q);
	kd s = K(sin_poly)(r, lo), c = K(cos_poly)(r, lo);
	km even = k_eql(q & k_setl(1), k_setl(0));
	kd y = k_sel(even, s, k_neg(c)) / k_sel(even, c, s);

	y = k_sel(k_lt(k_abs(x), k_set(0x1p-28)), x, y);
	return K(trig_end)(x, y);
}

/* --- inverse trigonometry -------------------------------------------------------------------------- */

/* asin(s) - s = *p, and the low part of s, for s = |x| up to 1/2, else s = sqrt((1-|x|)/2). */
K_FN kd
K(asin_red)(kd x, km *big, kd *p, kd *c)
{
	kd a = k_abs(x);
	kd z, s;

	*big = k_gt(a, k_set(0.5));
	z = k_sel(*big, (k_set(1.0) - a) * 0.5, a * a);
	s = k_sel(*big, k_sqrt(z), a);
	*c = k_sel(*big, k_fma(k_neg(s), s, z) / k_fma(s, k_set(2.0), k_set(1e-300)), k_set(0.0));
	*p = s * z * KC_ASIN(z);
	return s;
}

K_FN kd
K(asin)(kd x)
{
	km big;
	kd p, c, s = K(asin_red)(x, &big, &p, &c);
	kd hi = k_set(KC_PIO2_1) - s * 2.0;
	kd e = (k_set(KC_PIO2_1) - hi) - s * 2.0;
	kd y = k_sel(big, hi + (e + k_fma(c + p, k_set(-2.0), k_set(KC_PIO2_2))), s + p);

	return k_copysign(y, x);
}

K_FN kd
K(acos)(kd x)
{
	km big, neg = k_lt(x, k_set(0.0));
	kd p, c, s = K(asin_red)(x, &big, &p, &c);
	/* big: 2 asin(s), or pi less that; small: pi/2 less asin(x) */
	kd base = k_sel(big, k_sel(neg, k_set(KC_PI), k_set(0.0)), k_set(KC_PIO2_1));
	kd blo = k_sel(big, k_sel(neg, k_set(KC_PILO), k_set(0.0)), k_set(KC_PIO2_2));
	kd f = k_sel(big, k_sel(neg, k_set(-2.0), k_set(2.0)), k_sel(neg, k_set(1.0), k_set(-1.0)));
	kd t = s * f;
	kd hi = base + t;
	kd bb = hi - base;
	kd e = (base - (hi - bb)) + (t - bb);

	return hi + (e + k_fma(c + p, f, blo));
}

/* atan(y/x) for y, x >= 0, as a sum. */
K_FN kd
K(atan_ratio)(kd y, kd x, kd *lo)
{
	km mid = k_gt(y, x * 0.4142135623730951), big = k_gt(y, x * 2.414213562373095);
	kd num = k_sel(big, k_neg(x), k_sel(mid, y - x, y));
	kd den = k_sel(big, y, k_sel(mid, y + x, x));
	kd base = k_sel(big, k_set(KC_PIO2_1), k_sel(mid, k_set(KC_PIO4), k_set(0.0)));
	kd blo = k_sel(big, k_set(KC_PIO2_2), k_sel(mid, k_set(KC_PIO4LO), k_set(0.0)));
	kd t = k_sel(k_eq(num, k_set(0.0)), k_set(0.0), num / den);
	kd z = t * t, hi = base + t;

	*lo = ((base - hi) + t) + k_fma(t * z, KC_ATAN(z), blo);
	return hi;
}

K_FN kd
K(atan)(kd x)
{
	kd lo, hi = K(atan_ratio)(k_abs(x), k_set(1.0), &lo);
	kd y = k_copysign(hi + lo, x);

	return k_sel(k_eq(x, x), y, x);
}

K_FN kd
K(atan2)(kd y, kd x)
{
	kd ay = k_abs(y), ax = k_abs(x), one = k_set(1.0);
	km both = k_mand(k_eq(ay, K_INF), k_eq(ax, K_INF));
	kd top, f, lo, hi, t;

	ay = k_sel(both, one, ay);
	ax = k_sel(both, one, ax);
	top = k_max(ay, ax);
	f = k_sel(k_gt(top, k_set(0x1p1000)), k_set(0x1p-60), k_sel(k_lt(top, k_set(0x1p-900)), k_set(0x1p100), one));
	hi = K(atan_ratio)(ay * f, ax * f, &lo);
	t = k_set(KC_PI) - hi;
	t = t + ((((k_set(KC_PI) - t) - hi) - lo) + KC_PILO);
	t = k_sel(k_lt(k_copysign(one, x), k_set(0.0)), t, hi + lo);
	t = k_copysign(t, y);
	return k_sel(k_mand(k_eq(x, x), k_eq(y, y)), t, x + y);
}

/* --- hyperbolic ------------------------------------------------------------------------------------ */

K_FN kd
K(sinh)(kd x)
{
	kd a = k_abs(x), z = x * x;
	kd n, q = K(exp_red)(k_min(a, k_set(712.0)), k_set(0.0), &n);
	kd e = k_scale(q + 1.0, n - 1.0); /* exp(a)/2 */
	kd y = k_sel(k_lt(a, k_set(1.0)), k_fma(z * a, KC_SINH(z), a), e - k_set(0.25) / e);

	return k_copysign(y, x);
}

K_FN kd
K(cosh)(kd x)
{
	kd a = k_abs(x);
	kd n, q = K(exp_red)(k_min(a, k_set(712.0)), k_set(0.0), &n);
	kd e = k_scale(q + 1.0, n - 1.0);

	return e + k_set(0.25) / e;
}

K_FN kd
K(tanh)(kd x)
{
	kd a = k_min(k_abs(x), k_set(22.0));
	kd t = K(expm1)(a * 2.0);

	return k_copysign(t / (t + 2.0), x);
}

K_FN kd
K(asinh)(kd x)
{
	kd a = k_abs(x), one = k_set(1.0);
	km big = k_gt(a, k_set(0x1p500));
	kd as = k_sel(big, one, a), z = as * as;
	kd t = k_sel(big, a, as + z / (k_sqrt(z + 1.0) + 1.0));

	return k_copysign(K(log1p)(t) + k_sel(big, k_set(KC_LN2), k_set(0.0)), x);
}

K_FN kd
K(acosh)(kd x)
{
	km big = k_gt(x, k_set(0x1p500));
	kd t = k_sel(big, k_set(1.0), x) - 1.0;
	kd y = K(log1p)(k_sel(big, x, t + k_sqrt(k_fma(t, t, t * 2.0))));

	y = y + k_sel(big, k_set(KC_LN2), k_set(0.0));
	return k_sel(k_ge(x, k_set(1.0)), y, K_NAN);
}

K_FN kd
K(atanh)(kd x)
{
	kd a = k_abs(x);

	return k_copysign(K(log1p)(a * 2.0 / (k_set(1.0) - a)) * 0.5, x);
}

/* --- error function and the normal distribution ---------------------------------------------------- */

/* erfc(a) for 0 <= a <= 28, where a^2 = h + l. */
K_FN kd
K(erfc_core)(kd a, kd h, kd l)
{
	kd t = (a - KC_ERFCX_A) / (a + KC_ERFCX_A);
	kd g = KC_ERFCX(t) / k_fma(a, k_set(2.0), k_set(1.0));
	kd n, q = K(exp_red)(k_neg(h), k_neg(l), &n);

	return k_scale(k_fma(g, q, g), n);
}

K_FN kd
K(erfc)(kd x)
{
	kd a = k_min(k_abs(x), k_set(28.0)), h = a * a;
	kd y = K(erfc_core)(a, h, k_fma(a, a, k_neg(h)));

	return k_sel(k_lt(x, k_set(0.0)), k_set(2.0) - y, y);
}

K_FN kd
K(erf)(kd x)
{
	kd a = k_abs(x), z = x * x;
	kd y = k_copysign(k_set(1.0) - K(erfc)(a), x);

	return k_sel(k_lt(a, k_set(1.0)), x * KC_ERF(z), y);
}

K_FN kd
K(norm_pdf)(kd x)
{
	kd a = k_min(k_abs(x), k_set(40.0)), h = a * a, l = k_fma(a, a, k_neg(h));
	kd n, q = K(exp_red)(h * -0.5, l * -0.5, &n);

	return k_scale(k_fma(q, k_set(KC_INVSQRT2PI), k_set(KC_INVSQRT2PI)), n);
}

K_FN kd
K(norm_cdf)(kd x)
{
	kd a = k_min(k_abs(x), k_set(39.5)), h = a * a, l = k_fma(a, a, k_neg(h));
	kd y = K(erfc_core)(a * KC_SQRT1_2, h * 0.5, l * 0.5) * 0.5;

	return k_sel(k_gt(x, k_set(0.0)), k_set(1.0) - y, y);
}

/* Far from the centre: |z| from the smaller tail. */
K_BIG kd
K(norm_inv_tail)(kd u)
{
	kd zero = k_set(0.0), one = k_set(1.0);
	kd p = k_min(u, one - u);
	kd s = k_sqrt(k_neg(K(log)(p * 4.0 * (one - p))));
	kd tm = (s - 4.0) / (s + 4.0), f = KC_NI_MID(tm), z;
	km far = k_mnot(k_lt(s, k_set(6.08)));

	if (k_any(far)) { /* never where u is a draw */
		kd tf = (s - 10.0) / (s + 10.0);

		f = k_sel(far, KC_NI_FAR(tf), f);
	}
	z = k_copysign(f * k_fma(p, k_set(-2.0), one), u - 0.5);
	z = k_sel(k_le(u, zero), k_sel(k_eq(u, zero), k_neg(K_INF), K_NAN), z);
	return k_sel(k_ge(u, one), k_sel(k_eq(u, one), K_INF, K_NAN), z);
}

K_FN km
K(norm_inv_in_tail)(kd u)
{
	return k_mnot(k_lt(k_abs(k_fma(u, k_set(2.0), k_set(-1.0))), k_set(0.9966)));
}

K_FN kd
K(norm_inv_centre)(kd u)
{
	kd x = k_fma(u, k_set(2.0), k_set(-1.0));
	struct K(logred) s = K(log_red)(k_fma(k_neg(u), u, u) * 4.0);
	kd r = s.r + s.e;
	kd q = k_fma(r * r, k_fma(r, KC_LOG(r), k_set(-0.5)), k_fma(s.k, k_set(KC_LN2LO), r));
	kd v = k_set(-2.5) - (k_fma(s.k, k_set(KC_LN2HI), s.T) + q);

	return x * KC_NI(v);
}

/* z with norm_cdf(z) = u; ∓infinity at 0 and 1. */
K_FN kd
K(norm_inv)(kd u)
{
	km tail = K(norm_inv_in_tail)(u);
	kd z = K(norm_inv_centre)(u);

	if (k_any(tail))
		z = k_sel(tail, K(norm_inv_tail)(u), z);
	return z;
}

#endif
