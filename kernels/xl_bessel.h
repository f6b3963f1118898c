/*
 * xl_bessel: Bessel functions of whole order, to the digits that Excel gives.
 *
 * Calling rules: xl.h. Excel's functions are approximations, good to about 1e-8; what a workbook cached agrees with these to 1e-12:
 *   orders 0 and 1   I and K: Abramowitz and Stegun, Handbook of Mathematical Functions, 9.8.1 to 9.8.8; J and Y: quotients of
 *                    polynomials in x^2 below 8, beyond it modulus and phase in 8 / x (Hart and others, Computer Approximations,
 *                    6.8), with 2 / pi and the phases cut to nine decimals
 *   higher orders    forward recurrence where it is stable (A&S 9.1.27, 9.6.26), else backward (Miller), from an order that
 *                    is sqrt(40 n) beyond n, normalised by J0 + 2 J2 + 2 J4 + … = 1, or by I0
 *   J from 8 on      what workbooks cached shows slips in Excel's coefficients that its Y has not: J1 has the term of z^4 a second
 *                    time as that of z^6, and those after it one place on (1e-5 away at 8, 1e-9 at 32); J0 has two figures exchanged
 */
#ifndef KERNELS_XL_BESSEL_H
#define KERNELS_XL_BESSEL_H

#include "kernels/xl_math.h"

#define XB_2_PI 0.636619772
#define XB_MAX_X 134217728.0                /* as the trigonometric functions */
#define XB_MAX_N 1e6
#define XB_BIG 1e10
#define XB_REACH 40.0

#define XB_POLY(name, ...)                                                                     \
	K_SCALAR double                                                                        \
	name(double y)                                                                         \
	{                                                                                      \
		const double c[] = {__VA_ARGS__};                                              \
		int n = (int)(sizeof c / sizeof c[0]) - 1;                                     \
		double v = c[n];                                                               \
		while (n-- > 0)                                                                \
			v = c[n] + y * v;                                                      \
		return v;                                                                      \
	}
XB_POLY(xb_j0_num, 57568490574.0, -13362590354.0, 651619640.7, -11214424.18, 77392.33017, -184.9052456)
XB_POLY(xb_j0_den, 57568490411.0, 1029532985.0, 9494680.718, 59272.64853, 267.8532712, 1.0)
XB_POLY(xb_j1_num, 72362614232.0, -7895059235.0, 242396853.1, -2972611.439, 15704.48260, -30.16036606)
XB_POLY(xb_j1_den, 144725228442.0, 2300535178.0, 18583304.74, 99447.43394, 376.9991397, 1.0)
XB_POLY(xb_y0_num, -2957821389.0, 7062834065.0, -512359803.6, 10879881.29, -86327.92757, 228.4622733)
XB_POLY(xb_y0_den, 40076544269.0, 745249964.8, 7189466.438, 47447.26470, 226.1030244, 1.0)
XB_POLY(xb_y1_num, -0.4900604943e13, 0.1275274390e13, -0.5153438139e11, 0.7349264551e9, -0.4237922726e7, 0.8511937935e4)
XB_POLY(xb_y1_den, 0.2499580570e14, 0.4244419664e12, 0.3733650367e10, 0.2245904002e8, 0.1020426050e6, 0.3549632885e3, 1.0)
XB_POLY(xb_p0, 1.0, -0.1098628627e-2, 0.2734510407e-4, -0.2073370639e-5, 0.2093887211e-6)
XB_POLY(xb_p0_excel, 1.0, -0.1098628267e-2, 0.2734510407e-4, -0.2073370639e-5, 0.2093887211e-6)
XB_POLY(xb_q0, -0.1562499995e-1, 0.1430488765e-3, -0.6911147651e-5, 0.7621095161e-6, -0.934945152e-7)
XB_POLY(xb_q0_excel, -0.1562499995e-1, 0.1430488765e-3, -0.6911147651e-5, 0.7621095161e-6, -0.934935152e-7)
XB_POLY(xb_p1, 1.0, 0.183105e-2, -0.3516396496e-4, 0.2457520174e-5, -0.240337019e-6)
XB_POLY(xb_p1_excel, 1.0, 0.183105e-2, -0.3516396496e-4, -0.3516396496e-4, 0.2457520174e-5, -0.240337019e-6)
XB_POLY(xb_q1, 0.04687499995, -0.2002690873e-3, 0.8449199096e-5, -0.88228987e-6, 0.105787412e-6)
XB_POLY(xb_i0_small, 1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813)
XB_POLY(xb_i0_large, 0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377)
XB_POLY(xb_i1_small, 0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411)
XB_POLY(xb_i1_large, 0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059)
XB_POLY(xb_k0_small, -0.57721566, 0.42278420, 0.23069756, 0.03488590, 0.00262698, 0.00010750, 0.00000740)
XB_POLY(xb_k0_large, 1.25331414, -0.07832358, 0.02189568, -0.01062446, 0.00587872, -0.00251540, 0.00053208)
XB_POLY(xb_k1_small, 1.0, 0.15443144, -0.67278579, -0.18156897, -0.01919402, -0.00110404, -0.00004686)
XB_POLY(xb_k1_large, 1.25331414, 0.23498619, -0.03655620, 0.01504268, -0.00780353, 0.00325614, -0.00068245)

/* J (y 0) or Y of order 0 or 1, x >= 8. */
K_SCALAR_BIG double
xb_large(double x, int order, int y)
{
	double z = 8 / x, q = z * z, phase = x - (order ? 2.356194491 : 0.785398164), a = ks_sqrt(XB_2_PI / x);
	double p, r;

	if (y) {
		p = order ? xb_p1(q) : xb_p0(q);
		r = order ? xb_q1(q) : xb_q0(q);
		return a * (ks_sin(phase) * p + z * ks_cos(phase) * r);
	}
	p = order ? xb_p1_excel(q) : xb_p0_excel(q);
	r = order ? xb_q1(q) : xb_q0_excel(q);
	return a * (ks_cos(phase) * p - z * ks_sin(phase) * r);
}

/* x > 0, order 0 or 1, as the three below */
K_SCALAR_BIG double
xb_j01(double x, int order)
{
	double y = x * x;

	if (x >= 8)
		return xb_large(x, order, 0);
	return order ? x * xb_j1_num(y) / xb_j1_den(y) : xb_j0_num(y) / xb_j0_den(y);
}

K_SCALAR_BIG double
xb_y01(double x, int order)
{
	double y = x * x;

	if (x >= 8)
		return xb_large(x, order, 1);
	if (order)
		return x * xb_y1_num(y) / xb_y1_den(y) + XB_2_PI * (xb_j01(x, 1) * ks_log(x) - 1 / x);
	return xb_y0_num(y) / xb_y0_den(y) + XB_2_PI * xb_j01(x, 0) * ks_log(x);
}

K_SCALAR_BIG double
xb_i01(double x, int order)
{
	double t = x / 3.75;

	if (x < 3.75)
		return order ? x * xb_i1_small(t * t) : xb_i0_small(t * t);
	return ks_exp(x) / ks_sqrt(x) * (order ? xb_i1_large(1 / t) : xb_i0_large(1 / t));
}

K_SCALAR_BIG double
xb_k01(double x, int order)
{
	double y = x * x / 4;

	if (x > 2)
		return ks_exp(-x) / ks_sqrt(x) * (order ? xb_k1_large(2 / x) : xb_k0_large(2 / x));
	if (order)
		return ks_log(x / 2) * xb_i01(x, 1) + xb_k1_small(y) / x;
	return xb_k0_small(y) - ks_log(x / 2) * xb_i01(x, 0);
}

/* Forward from orders 0 and 1; sign -1 for J and Y, 1 for K. */
K_SCALAR_BIG double
xb_forward(double x, double n, double b0, double b1, double sign)
{
	for (double k = 1; k < n && ks_abs(b1) < XL_INF; k += 1) {
		double next = k * (2 / x) * b1 + sign * b0;

		b0 = b1;
		b1 = next;
	}
	return b1;
}

/* Backward from order m to 0: the value at order n; at order 0 in *zero, the sum of the even orders above in *even. */
K_SCALAR_BIG double
xb_backward(double x, double n, double m, double sign, double *zero, double *even)
{
	double above = 0, here = 1, value = 0, sum = 0;
	int odd = 0;

	for (double k = m; k > 0; k -= 1) {
		double below = k * (2 / x) * here + sign * above;

		above = here;
		here = below;
		if (ks_abs(here) > XB_BIG) {
			here *= 1 / XB_BIG;
			above *= 1 / XB_BIG;
			value *= 1 / XB_BIG;
			sum *= 1 / XB_BIG;
		}
		if (odd)
			sum = sum + here;
		odd = !odd;
		if (k == n)
			value = above;
	}
	*zero = here;
	*even = sum - here; /* order 0 was added once */
	return value;
}

K_SCALAR_BIG double
xb_jn(double x, double n)
{
	double zero, even, v;

	if (n < 2)
		return xb_j01(x, n > 0);
	if (x > n)
		return xb_forward(x, n, xb_j01(x, 0), xb_j01(x, 1), -1);
	v = xb_backward(x, n, 2 * ks_floor((n + ks_floor(ks_sqrt(XB_REACH * n))) / 2), -1, &zero, &even);
	return v / (zero + 2 * even);
}

K_SCALAR_BIG double
xb_in(double x, double n)
{
	double zero, even, v, m = 2 * (n + ks_floor(ks_sqrt(XB_REACH * n))), wide = 2 * (n + ks_ceil(ks_sqrt(20 * x)));

	if (n < 2)
		return xb_i01(x, n > 0);
	v = xb_backward(x, n, m > wide ? m : wide, 1, &zero, &even); /* large arguments need more than sqrt(40 n) */
	return v * (xb_i01(x, 0) / zero);
}

K_SCALAR_BIG double
xb_yn(double x, double n)
{
	return n < 2 ? xb_y01(x, n > 0) : xb_forward(x, n, xb_y01(x, 0), xb_y01(x, 1), -1);
}

K_SCALAR_BIG double
xb_kn(double x, double n)
{
	return n < 2 ? xb_k01(x, n > 0) : xb_forward(x, n, xb_k01(x, 0), xb_k01(x, 1), 1);
}

/* The order, whole and not negative; -1 with the error set. */
K_SCALAR double
xb_order(struct xl_call *c)
{
	double n = ks_trunc(XL_ARG(c, 1)), x = XL_ARG(c, 0);

	if (n < 0 || (n > XB_MAX_N && x != 0) || ks_abs(x) > XB_MAX_X) {
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
		if (x == 0 && n > 0)                                                           \
			return 0;                                                              \
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
