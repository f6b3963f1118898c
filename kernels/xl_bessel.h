/*
 * xl_bessel: Bessel functions of whole order.
 *
 * Calling rules: xl.h. Sources (formulas of the NIST Digital Library of Mathematical Functions, numbers in brackets):
 *   J         |x| < 25: backward recurrence (10.6.1) from an order where J is nothing, normalised by
 *             J0 + 2 J2 + 2 J4 + … = 1 (10.12.4); beyond: Hankel's expansion (10.17.3) for orders 0 and 1, then
 *             forward recurrence while the order is below x, else backward and normalised by the larger of those two
 *   Y         x < 25: Neumann's series for orders 0 and 1 (10.8.3 rearranged) on the same J's; beyond: Hankel; then forward
 *   I         backward recurrence (10.29.1), normalised by I0 + 2 I1 + 2 I2 + … = e^x (10.35.5): all terms positive
 *   K         orders 0 and 1 by the trapezoidal rule on the integral (10.32.9), whose error falls exponentially; forward
 * Errors: a few units of 1e-16 of the value; of J and Y, of the amplitude, near their zeros.
 */
#ifndef KERNELS_XL_BESSEL_H
#define KERNELS_XL_BESSEL_H

#include "kernels/xl_math.h"

#define XB_EULER 0.57721566490153286061
#define XB_2_PI 0.63661977236758134308      /* 2 / pi */
#define XB_HANKEL 25.0
#define XB_MAX_X 134217728.0                /* as the trigonometric functions */
#define XB_MAX_N 1e6

/* Where a backward recurrence starts for |x| and order n: J there is below 1e-17 of its value at n. */
K_SCALAR double
xb_start(double x, double n)
{
	double m = ks_ceil(n > x ? n : x);

	return m + 40 + 2 * ks_ceil(ks_sqrt(m) * 3);
}

/* Hankel's P and Q for order nu = 0 or 1, x >= 25; the series is cut at its smallest term. */
K_SCALAR_BIG void
xb_hankel(double nu, double x, double *p, double *q)
{
	double mu = 4 * nu * nu, t = 1, last = 1;

	*p = 1;
	*q = 0;
	for (int k = 1; k < 60; k++) {
		double odd = 2.0 * k - 1;

		t = t * (mu - odd * odd) / (k * 8.0 * x);
		if (ks_abs(t) >= last || t == 0)
			break;
		last = ks_abs(t);
		if (k & 1)
			*q = *q + ((k & 2) ? -t : t);
		else
			*p = *p + ((k & 2) ? -t : t);
		if (last < 1e-18)
			break;
	}
}

/* J and Y of order 0 or 1 for x >= 25. The phase x - pi/4 (or 3 pi/4) is taken apart: sine and cosine of x itself. */
K_SCALAR_BIG void
xb_large(int order, double x, double *j, double *y)
{
	double p, q, s = ks_sin(x), c = ks_cos(x), a = ks_sqrt(1 / (x * 3.14159265358979323846)), cs, sn;

	xb_hankel(order, x, &p, &q);
	/* cos and sin of the phase, times sqrt 2 */
	cs = order ? s - c : c + s;
	sn = order ? -s - c : s - c;
	*j = a * (p * cs - q * sn);
	*y = a * (p * sn + q * cs);
}

struct xb_j {
	double j0, j1, jn;   /* orders 0, 1, n */
	double even, odd;    /* the sums of Neumann's series for Y0 and Y1 */
};

/* Backward recurrence for 0 < x, order n; not normalised beyond XB_HANKEL, where even and odd are not wanted. */
K_SCALAR_BIG struct xb_j
xb_backward(double x, double n)
{
	struct xb_j r = {0, 0, 0, 0, 0};
	double above = 0, here = 0x1p-500, sum = 0, k = xb_start(x, n);

	for (; k > 0; k -= 1) { /* here: order k */
		double below = 2 * k / x * here - above, h = ks_floor(k / 2), sign = ks_floor(h / 2) * 2 == h ? 1 : -1;

		if (k == n)
			r.jn = here;
		if (k == 1)
			r.j1 = here;
		if (h * 2 == k) {
			sum = sum + 2 * here;
			r.even = r.even + sign * here / h;
		} else if (k > 1) {
			r.odd = r.odd + sign * here * k / (h * (h + 1));
		}
		above = here;
		here = below;
		if (ks_abs(here) > 0x1p500) {
			here *= 0x1p-1000;
			above *= 0x1p-1000;
			sum *= 0x1p-1000;
			r.jn *= 0x1p-1000;
			r.j1 *= 0x1p-1000;
			r.even *= 0x1p-1000;
			r.odd *= 0x1p-1000;
		}
	}
	r.j0 = here;
	if (n == 0)
		r.jn = here;
	sum = sum + here;
	if (x < XB_HANKEL) {
		r.j0 /= sum;
		r.j1 /= sum;
		r.jn /= sum;
		r.even /= sum;
		r.odd /= sum;
	}
	return r;
}

/* (x/2)^n / n! times the series in s x^2/4, for small x. */
K_SCALAR_BIG double
xb_series(double x, double n, double s)
{
	double h = x / 2, q = s * h * h, t = 1, sum = 1, front = 1;

	for (double k = 1; k <= n && front != 0; k += 1)
		front = front * h / k;
	for (double k = 1; k < 60 && ks_abs(t) > 1e-18 * sum; k += 1) {
		t = t * q / (k * (k + n));
		sum = sum + t;
	}
	return front * sum;
}

K_SCALAR_BIG double
xb_jn(double x, double n)
{
	struct xb_j b;
	double j0, j1, y, next;

	if (x * x < 0.5 * (n + 1))
		return xb_series(x, n, -1);
	if (x < XB_HANKEL)
		return n > 2 * x + 2000 ? 0 : xb_backward(x, n).jn;
	xb_large(0, x, &j0, &y);
	xb_large(1, x, &j1, &y);
	if (n == 0)
		return j0;
	if (n < x) {
		for (double k = 1; k < n; k += 1) {
			next = 2 * k / x * j1 - j0;
			j0 = j1;
			j1 = next;
		}
		return j1;
	}
	if (n > 2 * x + 2000)
		return 0;
	b = xb_backward(x, n);
	return ks_abs(j0) > ks_abs(j1) ? b.jn / b.j0 * j0 : b.jn / b.j1 * j1;
}

K_SCALAR_BIG double
xb_yn(double x, double n)
{
	double y0, y1, j, next;

	if (x < XB_HANKEL) {
		struct xb_j b = xb_backward(x, 1);
		double l = ks_log(x / 2) + XB_EULER;

		y0 = XB_2_PI * (l * b.j0 - 2 * b.even);
		y1 = XB_2_PI * ((l - 1) * b.j1 - b.j0 / x - b.odd);
	} else {
		xb_large(0, x, &j, &y0);
		xb_large(1, x, &j, &y1);
	}
	if (n == 0)
		return y0;
	for (double k = 1; k < n && ks_abs(y1) < XL_INF; k += 1) {
		next = 2 * k / x * y1 - y0;
		y0 = y1;
		y1 = next;
	}
	return y1;
}

K_SCALAR_BIG double
xb_in(double x, double n)
{
	double above = 0, here = 0x1p-500, sum = 0, in = 0, k;

	if (x * x < 4 * (n + 1))
		return xb_series(x, n, 1);
	k = ks_ceil(ks_sqrt(90 * x + n * n)) + 40; /* I falls as e^(-k^2 / 2x) */
	for (; k > 0; k -= 1) {
		double below = 2 * k / x * here + above;

		if (k == n)
			in = here;
		sum = sum + 2 * here;
		above = here;
		here = below;
		if (here > 0x1p500) {
			here *= 0x1p-1000;
			above *= 0x1p-1000;
			sum *= 0x1p-1000;
			in *= 0x1p-1000;
		}
	}
	sum = sum + here;
	if (n == 0)
		in = here;
	if (x > 700) /* e^x overflows before I does */
		return in / sum * ks_exp(x - 600) * ks_exp(600.0);
	return in / sum * ks_exp(x);
}

/* e^-x times the integral of exp(-x (cosh t - 1)) cosh(order t). */
K_SCALAR_BIG double
xb_k01(double x, int order)
{
	double h = x < 1 ? 0.125 : 0.125 / ks_sqrt(x), s = 0.5;

	for (double k = 1;; k += 1) {
		double t = k * h, e = ks_sinh(t / 2), d = 2 * e * e, v = ks_exp(-x * d);

		if (order)
			v = v * (1 + d);
		if (v < 1e-18 * s)
			break;
		s = s + v;
	}
	return h * s * ks_exp(-x);
}

K_SCALAR_BIG double
xb_kn(double x, double n)
{
	double k0 = xb_k01(x, 0), k1 = xb_k01(x, 1), next;

	if (n == 0)
		return k0;
	for (double k = 1; k < n && k1 < XL_INF; k += 1) {
		next = 2 * k / x * k1 + k0;
		k0 = k1;
		k1 = next;
	}
	return k1;
}

/* The order, whole and not negative; -1 with the error set. */
K_SCALAR double
xb_order(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 1));

	if (n < 0 || n > XB_MAX_N || ks_abs(XL_ARG(c, 0)) > XB_MAX_X) {
		c->err = XL_NUM;
		return -1;
	}
	return n;
}

/* Odd orders are odd functions. */
#define XB_REAL_LINE(name, fn)                                                                 \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double x = XL_ARG(c, 0), n = xb_order(c), v;                                   \
		if (c->err)                                                                    \
			return 0;                                                              \
		if (x == 0)                                                                    \
			return n == 0;                                                         \
		v = fn(ks_abs(x), n);                                                          \
		return x < 0 && ks_floor(n / 2) * 2 != n ? -v : v;                             \
	}
XB_REAL_LINE(besselj, xb_jn)
XB_REAL_LINE(besseli, xb_in)

#define XB_POSITIVE(name, fn)                                                                  \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double x = XL_ARG(c, 0), n = xb_order(c);                                      \
		if (c->err || !(x > 0))                                                        \
			return XL_FAIL(c, XL_NUM);                                             \
		return fn(x, n);                                                               \
	}
XB_POSITIVE(bessely, xb_yn)
XB_POSITIVE(besselk, xb_kn)

#endif
