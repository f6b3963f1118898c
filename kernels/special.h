/*
 * special: gamma and beta functions, scalar, the same bits on every machine and on the GPU.
 *
 *   sf_log1pmx(t)           log(1+t) - t, without cancellation near 0
 *   sf_stirling(x)          log Gamma(x) - ((x-1/2) log x - x + log(2 pi)/2), x > 0
 *   sf_dev(x, m)            x log(x/m) + m - x: the deviance, >= 0 (Loader 2000)
 *   sf_gamma sf_lgamma      Gamma and log |Gamma|; NaN at the poles
 *   sf_lbeta(a, b)          log B(a, b), a, b > 0
 *   sf_lchoose(n, k)        log of the binomial coefficient, real arguments
 *   sf_erfcx(x)             exp(x^2) erfc(x), x >= 0
 *   sf_gamma_pq(a, x, &q)   regularised incomplete gamma P, and Q
 *   sf_gamma_inv(a, p, q)   x with P(a, x) = p; q = 1 - p, and the smaller of the two is what is matched
 *   sf_beta_pq(a, b, x, y, &q)       regularised incomplete beta I_x(a,b) with y = 1 - x, and 1 - I
 *   sf_beta_inv(a, b, p, q, &y)      x with I_x(a,b) = p, and y = 1 - x, both to full relative precision
 *
 * Incomplete functions: power series left of the mean, continued fractions right of it (beta: DiDonato and Morris); their
 * leading factors by Stirling remainders and deviances, so that large parameters keep about 14 digits. Iterations
 * grow like the square root of the parameter; the gamma functions beyond 20000 take Temme's uniform expansion. Inverses: Halley on the logarithm of the smaller
 * tail against log x (gamma) or log odds (beta), where both tails are concave, so that it cannot run away.
 */
#include "kernels/math.h"

#if !defined(KERNELS_SPECIAL_H) && KLANES == 1
#define KERNELS_SPECIAL_H

#define SF_EPS 0x1p-53
#define SF_NAN (ks_frombits(0x7ff8000000000000LL))
#define SF_INF (ks_frombits(0x7ff0000000000000LL))
#define SF_MAXIT 200000

K_SCALAR_BIG double
sf_log1pmx(double t)
{
	if (t > -0.4 && t < 0.7) {
		double r = t / (2.0 + t), z = r * r;

		return r * (2.0 * z * KC_LOG1PMX(z) - t);
	}
	return ks_log1p(t) - t;
}

K_SCALAR_BIG double
sf_stirling(double x)
{
	double t;

	if (x > 16.0) {
		double z = 1.0 / (x * x);

		return KC_STIRL_16(z) / x;
	}
	if (x >= 4.0) {
		t = (x - 8.0) / (x + 8.0);
		return KC_STIRL_4(t);
	}
	if (x >= 1.0) {
		t = (x - 2.0) / (x + 2.0);
		return KC_STIRL_1(t);
	}
	t = (x - 1.0) / (x + 3.0); /* of x + 1 */
	return KC_STIRL_1(t) + ((x + 0.5) * (ks_log1p(x) - ks_log(x)) - 1.0);
}

K_SCALAR_BIG double
sf_dev(double x, double m)
{
	if (x == 0.0)
		return m;
	if (m < 0.6 * x || m > 1.7 * x)
		return x * ks_log(x / m) + (m - x);
	return -x * sf_log1pmx((m - x) / x);
}

/* sin(pi x), exact zeros at whole numbers. */
K_SCALAR_BIG double
sf_sinpi(double x)
{
	double n = ks_rint(x), r = (x - n) * KC_PI, half = n * 0.5;
	double s = ks_sin(r);

	return ks_rint(half) == half ? s : -s;
}

K_SCALAR_BIG double
sf_lgamma(double x)
{
	double t;

	if (!(x > 0.0)) {
		if (x == ks_floor(x) || x != x)
			return x == -SF_INF || x != x ? SF_NAN : SF_INF;
		return ks_log(KC_PI / ks_abs(x * sf_sinpi(x))) - sf_lgamma(-x);
	}
	if (x > 4.5) {
		double l = ks_log(x);

		if (x > 1e300)
			return x * (l - 1.0);
		return (x - 0.5) * (l - 1.0) + ((KC_HALFLN2PI - 0.5) + sf_stirling(x));
	}
	if (x > 2.5) {
		double f = 1.0;

		while (x > 2.5) {
			x -= 1.0;
			f *= x;
		}
		t = x - 2.0;
		return t * (1.0 + t) * KC_LGAMMA2(t) + ks_log(f);
	}
	if (x >= 1.5) {
		t = x - 2.0;
		return t * (1.0 + t) * KC_LGAMMA2(t);
	}
	if (x >= 0.5) {
		t = x - 1.0; /* of x + 1 */
		return t * (1.0 + t) * KC_LGAMMA2(t) - ks_log1p(t);
	}
	/* of x + 2; log1p keeps the digits of a small x */
	return x * (1.0 + x) * KC_LGAMMA2(x) - ks_log1p(x) - ks_log(x);
}

K_SCALAR_BIG double
sf_gamma(double x)
{
	double f = 1.0, p, t;

	if (x != x)
		return x;
	if (x == ks_floor(x)) {
		if (x <= 0.0)
			return SF_NAN;
		if (x <= 23.0) {
			for (t = 2.0; t < x; t += 1.0)
				f *= t;
			return f;
		}
	}
	if (x < 0.5) {
		if (x < -184.0)
			return sf_sinpi(x) < 0.0 ? -0.0 : 0.0;
		if (x > -20.0) { /* upward: Gamma(x) = Gamma(x + n) / (x ... (x + n - 1)) */
			while (x < 1.0) {
				f *= x;
				x += 1.0;
			}
			t = x - 1.5;
			return KC_GAMMA15(t) / f;
		}
		/* reflection, in two factors that stay in range */
		t = 1.0 - x;
		p = ks_pow(t, (t - 0.5) * 0.5);
		return KC_PI / (sf_sinpi(x) * p * ks_exp(-t) * KC_SQRT2PI * ks_exp(sf_stirling(t))) / p;
	}
	if (x > 171.7)
		return SF_INF;
	if (x < 12.0) {
		while (x > 2.0) {
			x -= 1.0;
			f *= x;
		}
		if (x < 1.0) {
			f = 1.0 / x;
			x += 1.0;
		}
		t = x - 1.5;
		return f * KC_GAMMA15(t);
	}
	p = ks_pow(x, (x - 0.5) * 0.5);
	return p * ks_exp(-x) * p * (KC_SQRT2PI * ks_exp(sf_stirling(x)));
}

K_SCALAR_BIG double
sf_lbeta(double a, double b)
{
	double t;

	if (a > b) {
		t = a;
		a = b;
		b = t;
	}
	if (a >= 4.0)
		return KC_HALFLN2PI - 0.5 * ks_log(b) + (sf_stirling(a) + sf_stirling(b) - sf_stirling(a + b)) -
		       (a - 0.5) * ks_log1p(b / a) - b * ks_log1p(a / b);
	if (b >= 8.0) /* log Gamma(b) - log Gamma(a + b), no cancellation */
		return sf_lgamma(a) + (sf_stirling(b) - sf_stirling(a + b)) + a * (1.0 - ks_log(b)) -
		       (a + b - 0.5) * ks_log1p(a / b);
	return sf_lgamma(a) + (sf_lgamma(b) - sf_lgamma(a + b));
}

K_SCALAR_BIG double
sf_lchoose(double n, double k)
{
	return -ks_log1p(n) - sf_lbeta(n - k + 1.0, k + 1.0);
}

K_SCALAR_BIG double
sf_erfcx(double x)
{
	double t, z;

	if (x < 28.0) {
		t = (x - KC_ERFCX_A) / (x + KC_ERFCX_A);
		return KC_ERFCX(t) / ks_fma(x, 2.0, 1.0);
	}
	z = 0.5 / (x * x);
	return KC_INVSQRTPI / x * (1.0 - z * (1.0 - 3.0 * z * (1.0 - 5.0 * z * (1.0 - 7.0 * z * (1.0 - 9.0 * z)))));
}

/* --- incomplete gamma ------------------------------------------------------------------------------ */

/* What of x^a e^-x / Gamma(a + 1) depends on a alone; see sf_gamma_front2. */
K_SCALAR_BIG double
sf_gamma_const(double a)
{
	double t = a - 0.5;

	if (a < 1.0)
		return 1.0 / KC_GAMMA15(t);
	return ks_exp(-sf_stirling(a)) / (KC_SQRT2PI * ks_sqrt(a));
}

K_SCALAR_BIG double
sf_gamma_front2(double a, double x, double c)
{
	if (a < 1.0)
		return c * ks_pow(x, a) * ks_exp(-x);
	return c * ks_exp(-sf_dev(a, x));
}

/* x^a e^-x / Gamma(a + 1) */
K_SCALAR double
sf_gamma_front(double a, double x)
{
	return sf_gamma_front2(a, x, sf_gamma_const(a));
}

/*
 * P and Q for a > SF_LARGE, from the uniform expansion: with eta^2/2 = x/a - 1 - log(x/a) and z = |eta| sqrt(a), the smaller tail is
 * exp(-z^2/2) (erfcx(z / sqrt 2) / 2 +- sum c_k(eta) a^-k / sqrt(2 pi a)). Where the tail is above 1e-320, |eta| is below 0.4, and
 * the series have more terms than needed.
 */
#define SF_LARGE 2e4

K_SCALAR_BIG double
sf_gamma_large(double a, double x, double *q)
{
	double dev = sf_dev(a, x), eta, s, tail;

	if (!(dev < 745.0)) {
		*q = x < a ? 1.0 : 0.0;
		return 1.0 - *q;
	}
	eta = ks_sqrt(2.0 * dev / a);
	eta = x < a ? -eta : eta;
	s = KC_TEMME_0(eta) + (KC_TEMME_1(eta) + (KC_TEMME_2(eta) + KC_TEMME_3(eta) / a) / a) / a;
	s /= KC_SQRT2PI * ks_sqrt(a);
	tail = ks_exp(-dev) * (0.5 * sf_erfcx(ks_sqrt(dev)) + (x < a ? -s : s));
	if (x < a) {
		*q = 1.0 - tail;
		return tail;
	}
	*q = tail;
	return 1.0 - tail;
}

/* P and Q for 0 < x < infinity, d = sf_gamma_front(a, x). Convergents of the fraction by their recurrence: no
 * division on the way. */
K_SCALAR_BIG double
sf_gamma_sum(double a, double x, double d, double *q)
{
	double p;
	int i;

	if (a > SF_LARGE)
		return sf_gamma_large(a, x, q);
	if (x < a + 1.0) {
		double term = 1.0, sum = 1.0, n = a;

		for (i = 0; i < SF_MAXIT && term > sum * SF_EPS; i++) {
			n += 1.0;
			term *= x / n;
			sum += term;
		}
		p = d * sum;
		p = p < 1.0 ? p : 1.0;
		*q = 1.0 - p;
		return p;
	} else {
		double b = x + 1.0 - a, a0 = 0.0, b0 = 1.0, a1 = 1.0, b1 = b;

		for (i = 1; i < SF_MAXIT; i++) {
			double c = i * (a - i), a2, b2, gap;

			b += 2.0;
			a2 = ks_fma(b, a1, c * a0);
			b2 = ks_fma(b, b1, c * b0);
			gap = a2 * b1 - a1 * b2;
			a0 = a1;
			b0 = b1;
			a1 = a2;
			b1 = b2;
			if (ks_abs(gap) <= ks_abs(a2 * b0) * SF_EPS)
				break;
			if (ks_abs(b1) > 1e120) {
				a0 *= 1e-120;
				b0 *= 1e-120;
				a1 *= 1e-120;
				b1 *= 1e-120;
			}
		}
		p = d * a * (a1 / b1);
		*q = p < 1.0 ? p : 1.0;
		return 1.0 - *q;
	}
}

K_SCALAR_BIG double
sf_gamma_pq(double a, double x, double *q)
{
	if (!(a > 0.0) || x != x) {
		*q = SF_NAN;
		return SF_NAN;
	}
	if (x <= 0.0) {
		*q = 1.0;
		return 0.0;
	}
	if (x == SF_INF) {
		*q = 0.0;
		return 1.0;
	}
	return sf_gamma_sum(a, x, sf_gamma_front(a, x), q);
}

/* Newton's step, corrected by the ratio of second to first derivative (Halley). */
K_SCALAR double
sf_halley(double step, double ratio)
{
	double d = ks_fma(0.5 * step, ratio, 1.0);

	return step / (d > 0.5 ? d : 0.5);
}

K_SCALAR_BIG double
sf_gamma_inv(double a, double p, double q)
{
	double x, z, tol, c;
	int i;

	if (!(a > 0.0) || !(p >= 0.0) || !(q >= 0.0))
		return SF_NAN;
	if (p == 0.0)
		return 0.0;
	if (q == 0.0)
		return SF_INF;
	z = p < q ? ks_norm_inv(p) : -ks_norm_inv(q);
	x = 1.0 - 1.0 / (9.0 * a) + z / (3.0 * ks_sqrt(a)); /* Wilson and Hilferty */
	if (a >= 0.5 && x > 0.25) {
		x = a * x * x * x;
	} else {
		/* left tail: P ~ x^a / Gamma(a+1) */
		x = ks_exp((ks_log(p) + sf_lgamma(a + 1.0)) / a);
		if (q < p && x > 0.7 * (a + 1.0)) {
			z = -ks_log(q);
			x = z + (a - 1.0) * ks_log(z > 1.0 ? z : 1.0);
			x = x > 0.2 ? x : 0.2;
		}
	}
	if (x < 1e-307) /* below it there is nothing but the leading term */
		return x;
	tol = a < 1e8 ? 2e-6 / ks_sqrt(ks_sqrt(1.0 + a)) : 1e-4 / ks_sqrt(a); /* relative to x; the next error is its cube in deviations */
	c = sf_gamma_const(a);
	for (i = 0; i < 100; i++) {
		double qx, front = sf_gamma_front2(a, x, c), px = sf_gamma_sum(a, x, front, &qx), dy;

		front *= a;
		if (p <= q)
			dy = px > 0.0 ? sf_halley(-ks_log(px / p) * px / front, a - x - front / px) : 1.0;
		else
			dy = qx > 0.0 ? sf_halley(ks_log(qx / q) * qx / front, a - x + front / qx) : -1.0;
		if (!(dy < 1.0))
			dy = 1.0;
		if (dy < -1.0 && p > q)
			dy = -1.0;
		x = x * ks_exp(dy);
		if (ks_abs(dy) < tol)
			break;
	}
	return x;
}

/* --- incomplete beta ------------------------------------------------------------------------------- */

/* What of x^a y^b / B(a, b) depends on a and b alone; see sf_beta_front2. */
K_SCALAR_BIG double
sf_beta_const(double a, double b)
{
	double n = a + b;

	return ks_exp(sf_stirling(n) - sf_stirling(a) - sf_stirling(b)) * ks_sqrt(a / n * b * (0.5 / KC_PI));
}

K_SCALAR double
sf_beta_front2(double a, double b, double x, double y, double c)
{
	double n = a + b;

	return c * ks_exp(-sf_dev(a, n * x) - sf_dev(b, n * y));
}

/* x^a y^b / B(a, b) */
K_SCALAR double
sf_beta_front(double a, double b, double x, double y)
{
	return sf_beta_front2(a, b, x, y, sf_beta_const(a, b));
}

/* The continued fraction of DiDonato and Morris (1992), for x not beyond the mean: lambda, how far it is from
 * the mean, enters by itself, so that nothing cancels however large a and b are. Convergents by their recurrence. */
K_SCALAR_BIG double
sf_beta_fraction(double a, double b, double x, double y)
{
	double lambda = a > b ? ks_fma(a + b, y, -b) : ks_fma(-(a + b), x, a);
	double a0 = 0.0, b0 = 1.0, a1 = 1.0, b1 = a / (a + 1.0) * (lambda + 1.0), n;
	int i;

	for (i = 1; i < SF_MAXIT; i++) {
		double w, s, al, be, t, a2, b2, gap;

		n = i;
		s = a + 2.0 * n - 1.0;
		w = n * (b - n) * x / s;
		al = (a + n - 1.0) / s * (a + b + n - 1.0) * x * w;
		be = n + w + (a + n) / (s + 2.0) * (lambda + 1.0 + n * (1.0 + y));
		a2 = ks_fma(be, a1, al * a0);
		b2 = ks_fma(be, b1, al * b0);
		gap = a2 * b1 - a1 * b2;
		t = a2 * b1;
		a0 = a1;
		b0 = b1;
		a1 = a2;
		b1 = b2;
		if (ks_abs(gap) <= ks_abs(t) * SF_EPS)
			break;
		if (!(ks_abs(b1) < 1e120 && ks_abs(b1) > 1e-120)) {
			t = 1.0 / b1;
			a0 *= t;
			b0 *= t;
			a1 *= t;
			b1 = 1.0;
		}
	}
	return a1 / b1;
}

/* I and 1 - I for 0 < x < 1, front = sf_beta_front(a, b, x, y). */
K_SCALAR_BIG double
sf_beta_sum(double a, double b, double x, double y, double front, double *q)
{
	double p;

	if (a > b ? y * (a + b) >= b : x * (a + b) <= a) {
		p = front * sf_beta_fraction(a, b, x, y);
		p = p < 1.0 ? p : 1.0;
		*q = 1.0 - p;
		return p;
	}
	p = front * sf_beta_fraction(b, a, y, x);
	*q = p < 1.0 ? p : 1.0;
	return 1.0 - *q;
}

K_SCALAR_BIG double
sf_beta_pq(double a, double b, double x, double y, double *q)
{
	if (!(a > 0.0 && b > 0.0) || x != x || y != y) {
		*q = SF_NAN;
		return SF_NAN;
	}
	if (x <= 0.0) {
		*q = 1.0;
		return 0.0;
	}
	if (y <= 0.0) {
		*q = 0.0;
		return 1.0;
	}
	return sf_beta_sum(a, b, x, y, sf_beta_front(a, b, x, y), q);
}

K_SCALAR_BIG double
sf_beta_inv(double a, double b, double p, double q, double *y)
{
	double odds, x, z, tol, c;
	int i;

	if (!(a > 0.0 && b > 0.0) || !(p >= 0.0 && q >= 0.0)) {
		*y = SF_NAN;
		return SF_NAN;
	}
	if (p == 0.0 || q == 0.0) {
		*y = p == 0.0;
		return q == 0.0;
	}
	z = p < q ? ks_norm_inv(p) : -ks_norm_inv(q);
	z *= ks_sqrt(1.0 / a + 1.0 / b);
	if (a > 1.0 && b > 1.0)
		z += 0.5 / b - 0.5 / a;
	odds = a / b * ks_exp(z < -600.0 ? -600.0 : z > 600.0 ? 600.0 : z);
	tol = 2e-6 / ks_sqrt(ks_sqrt(1.0 + a * b / (a + b)));
	c = sf_beta_const(a, b);
	for (i = 0; i < 100; i++) {
		double qx, px, dw;

		x = odds / (1.0 + odds);
		*y = 1.0 / (1.0 + odds);
		z = sf_beta_front2(a, b, x, *y, c); /* also the density against the log odds */
		px = sf_beta_sum(a, b, x, *y, z, &qx);
		if (p <= q)
			dw = px > 0.0 ? sf_halley(-ks_log(px / p) * px / z, a * *y - b * x - z / px) :
			                0.5 * ks_log(a / b / odds);
		else
			dw = qx > 0.0 ? sf_halley(ks_log(qx / q) * qx / z, a * *y - b * x + z / qx) :
			                0.5 * ks_log(a / b / odds);
		if (!(dw < 40.0))
			dw = 40.0;
		if (dw < -700.0)
			dw = -700.0;
		odds *= ks_exp(dw);
		if (odds < 1e-300)
			odds = 1e-300;
		if (odds > 1e300)
			odds = 1e300;
		if (ks_abs(dw) < tol)
			break;
	}
	if (odds <= 1e-300 || odds >= 1e300) { /* beyond what a double can say */
		*y = odds <= 1e-300;
		return odds >= 1e300;
	}
	*y = 1.0 / (1.0 + odds);
	return odds / (1.0 + odds);
}

#endif
