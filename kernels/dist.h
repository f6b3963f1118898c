/*
 * dist: every distribution of dist.def: check, inverse, distribution function, density, mean, deviation.
 *
 * Scalar, deterministic, compiled by cc and NVRTC alike. Parameters are a flat array in the order of
 * dist.def, lists one after the other. u is a probability in [0, 1]; draws use [2^-53, 1 - 2^-53].
 *
 *   dist_check(id, p, n)        NULL, or the rule that is violated (a static string, "sd must be > 0")
 *   dist_inverse(id, p, n, u)   the value; NaN where dist_check would object
 *   dist_quantile(id, p, n, u)  the same without the check; dist_quantile2(id, p, n, u, 1 - u) from both tails
 *   dist_cdf(id, p, n, x, &q)   P(X <= x), and q = P(X > x) with its own relative precision
 *   dist_pdf(id, p, n, x)       density, or probability of x if discrete
 *   dist_mean, dist_sd          closed forms (sums for lists); NaN where there is none, infinity where it diverges
 *   dist_canon(id, p, n, out)   the distribution this one is a special case of (pert -> betageneral …) and its parameters
 *                               in out[4]; id itself where there is none. The inverses are the same to the bit.
 *   dist_find(name, len)        row of a name or alias, with or without "Risk", any case; -1 (not on the GPU)
 *   dist_info[id]               the row's texts (not on the GPU)
 *
 * By themselves, for worksheet functions; q variants take the upper tail where the probability is small there:
 *   dist_norm_… dist_t_… dist_f_… dist_chisq_… dist_beta_… dist_gamma_… dist_binom_… dist_pois_… dist_hyper_…
 *   dist_negbin_…: _pdf(x, …) _cdf(x, …) _sf(x, …) _inv(p, …) _isf(q, …)
 *
 * A discrete inverse is the smallest value whose distribution function is at least u. Binomial point probabilities by
 * deviances (Loader 2000); the others in kernels/special.h.
 */
#include "kernels/sample.h"
#include "kernels/special.h"

#if !defined(KERNELS_DIST_H) && KLANES == 1
#define KERNELS_DIST_H

enum dist_form { DIST_CLOSED, DIST_SMOOTH, DIST_PIECES, DIST_DISCRETE };

#ifndef KERNELS_DIST_ID
#define KERNELS_DIST_ID
enum dist_id {
#define D(ID, fn, name, aliases, min, max, params, form, manual) DIST_ID_##ID,
#include "kernels/dist.def"
#undef D
	DIST_COUNT
};
#endif

#define DI_UNUSED __attribute__((unused))
#define DI_CHECK(t) K_SCALAR_BIG const char *di_##t##_check(DI_UNUSED const double *p, DI_UNUSED int n)
#define DI_INV(t) K_SCALAR_BIG double di_##t##_inv(double u, DI_UNUSED const double *p, DI_UNUSED int n)
#define DI_CDF(t) K_SCALAR_BIG double di_##t##_cdf(double x, DI_UNUSED const double *p, DI_UNUSED int n, double *q)
#define DI_PDF(t) K_SCALAR_BIG double di_##t##_pdf(double x, DI_UNUSED const double *p, DI_UNUSED int n)
#define DI_MEAN(t) K_SCALAR_BIG double di_##t##_mean(DI_UNUSED const double *p, DI_UNUSED int n)
#define DI_SD(t) K_SCALAR_BIG double di_##t##_sd(DI_UNUSED const double *p, DI_UNUSED int n)
#define DI_RULE(cond, text) \
	do { \
		if (!(cond)) \
			return text; \
	} while (0)
#define DI_WHOLE(x) ((x) == ks_floor(x))

/* Both tails from one: P given. */
K_SCALAR double
di_both(double prob, double *q)
{
	*q = 1.0 - prob;
	return prob;
}

/* Q given. */
K_SCALAR double
di_upper(double tail, double *q)
{
	*q = tail;
	return 1.0 - tail;
}

/* --- families that others share ---------------------------------------------------------------------- */

K_SCALAR double dist_norm_pdf(double x, double m, double s) { return ks_norm_pdf((x - m) / s) / s; }
K_SCALAR double dist_norm_cdf(double x, double m, double s) { return ks_norm_cdf((x - m) / s); }
K_SCALAR double dist_norm_sf(double x, double m, double s) { return ks_norm_cdf((m - x) / s); }
K_SCALAR double dist_norm_inv(double p, double m, double s) { return m + s * ks_norm_inv(p); }
K_SCALAR double dist_norm_isf(double q, double m, double s) { return m - s * ks_norm_inv(q); }

/* gamma: shape a, scale s */
K_SCALAR_BIG double
dist_gamma_pdf(double x, double a, double s)
{
	x /= s;
	if (!(x >= 0.0))
		return x != x ? x : 0.0;
	if (x == 0.0)
		return a < 1.0 ? SF_INF : a == 1.0 ? 1.0 / s : 0.0;
	return sf_gamma_front(a, x) * (a / x) / s;
}

K_SCALAR_BIG double
dist_gamma_cdf(double x, double a, double s)
{
	double q;

	return sf_gamma_pq(a, x / s, &q);
}

K_SCALAR_BIG double
dist_gamma_sf(double x, double a, double s)
{
	double q;

	sf_gamma_pq(a, x / s, &q);
	return q;
}

K_SCALAR double dist_gamma_inv(double p, double a, double s) { return s * sf_gamma_inv(a, p, 1.0 - p); }
K_SCALAR double dist_gamma_isf(double q, double a, double s) { return s * sf_gamma_inv(a, 1.0 - q, q); }

K_SCALAR double dist_chisq_pdf(double x, double nu) { return dist_gamma_pdf(x, nu * 0.5, 2.0); }
K_SCALAR double dist_chisq_cdf(double x, double nu) { return dist_gamma_cdf(x, nu * 0.5, 2.0); }
K_SCALAR double dist_chisq_sf(double x, double nu) { return dist_gamma_sf(x, nu * 0.5, 2.0); }
K_SCALAR double dist_chisq_inv(double p, double nu) { return dist_gamma_inv(p, nu * 0.5, 2.0); }
K_SCALAR double dist_chisq_isf(double q, double nu) { return dist_gamma_isf(q, nu * 0.5, 2.0); }

/* beta on 0 to 1 */
K_SCALAR_BIG double
dist_beta_pdf(double x, double a, double b)
{
	if (!(x >= 0.0 && x <= 1.0))
		return x != x ? x : 0.0;
	if (x == 0.0)
		return a < 1.0 ? SF_INF : a == 1.0 ? b : 0.0;
	if (x == 1.0)
		return b < 1.0 ? SF_INF : b == 1.0 ? a : 0.0;
	return sf_beta_front(a, b, x, 1.0 - x) / (x * (1.0 - x));
}

K_SCALAR_BIG double
dist_beta_cdf(double x, double a, double b)
{
	double q;

	return sf_beta_pq(a, b, x, 1.0 - x, &q);
}

K_SCALAR_BIG double
dist_beta_sf(double x, double a, double b)
{
	double q;

	sf_beta_pq(a, b, x, 1.0 - x, &q);
	return q;
}

K_SCALAR double
dist_beta_inv(double p, double a, double b)
{
	double y;

	return sf_beta_inv(a, b, p, 1.0 - p, &y);
}

K_SCALAR double
dist_beta_isf(double q, double a, double b)
{
	double y;

	return sf_beta_inv(a, b, 1.0 - q, q, &y);
}

/* Student's t: the tail beyond |x| */
K_SCALAR_BIG double
dist_t_tail(double x, double nu)
{
	double z = x * x, q, s = nu + z;

	if (z == SF_INF)
		return 0.0;
	return 0.5 * sf_beta_pq(nu * 0.5, 0.5, nu / s, z / s, &q);
}

K_SCALAR_BIG double
dist_t_pdf(double x, double nu)
{
	return ks_exp(-sf_lbeta(nu * 0.5, 0.5) - (nu + 1.0) * 0.5 * ks_log1p(x * x / nu)) / ks_sqrt(nu);
}

K_SCALAR double
dist_t_cdf(double x, double nu)
{
	double t = dist_t_tail(x, nu);

	return x <= 0.0 ? t : 1.0 - t;
}

K_SCALAR double dist_t_sf(double x, double nu) { return dist_t_cdf(-x, nu); }

K_SCALAR_BIG double
dist_t_inv2(double p, double q, double nu)
{
	double small = p < q ? p : q, x, y, t;

	if (!(small >= 0.0) || !(nu > 0.0))
		return SF_NAN;
	if (small == 0.0)
		return p == 0.0 ? -SF_INF : SF_INF;
	x = sf_beta_inv(nu * 0.5, 0.5, 2.0 * small, p < q ? q - p : p - q, &y);
	t = ks_sqrt(nu * y / x);
	return p < q ? -t : t;
}

K_SCALAR double dist_t_inv(double p, double nu) { return dist_t_inv2(p, 1.0 - p, nu); }
K_SCALAR double dist_t_isf(double q, double nu) { return dist_t_inv2(1.0 - q, q, nu); }

/* F */
K_SCALAR_BIG double
dist_f_pdf(double x, double a, double b)
{
	double s = a * x + b;

	if (!(x >= 0.0))
		return x != x ? x : 0.0;
	if (x == 0.0)
		return a < 2.0 ? SF_INF : a == 2.0 ? 1.0 : 0.0;
	return sf_beta_front(a * 0.5, b * 0.5, a * x / s, b / s) / x;
}

K_SCALAR_BIG double
dist_f_pq(double x, double a, double b, double *q)
{
	double s = a * x + b;

	if (x <= 0.0)
		return di_both(0.0, q);
	if (s == SF_INF)
		return di_both(1.0, q);
	return sf_beta_pq(a * 0.5, b * 0.5, a * x / s, b / s, q);
}

K_SCALAR double
dist_f_cdf(double x, double a, double b)
{
	double q;

	return dist_f_pq(x, a, b, &q);
}

K_SCALAR double
dist_f_sf(double x, double a, double b)
{
	double q;

	dist_f_pq(x, a, b, &q);
	return q;
}

K_SCALAR_BIG double
dist_f_inv2(double p, double q, double a, double b)
{
	double y, x = sf_beta_inv(a * 0.5, b * 0.5, p, q, &y);

	return b / a * (x / y);
}

K_SCALAR double dist_f_inv(double p, double a, double b) { return dist_f_inv2(p, 1.0 - p, a, b); }
K_SCALAR double dist_f_isf(double q, double a, double b) { return dist_f_inv2(1.0 - q, q, a, b); }

/* Binomial probability of k in n for real arguments; pr + qr = 1. */
K_SCALAR_BIG double
dist_binom_raw(double k, double n, double pr, double qr)
{
	double e;

	if (!(k >= 0.0 && k <= n))
		return 0.0;
	if (pr == 0.0)
		return k == 0.0;
	if (qr == 0.0)
		return k == n;
	if (k == 0.0)
		return ks_exp(n * (pr < 0.5 ? ks_log1p(-pr) : ks_log(qr)));
	if (k == n)
		return ks_exp(n * (qr < 0.5 ? ks_log1p(-qr) : ks_log(pr)));
	e = sf_stirling(n) - sf_stirling(k) - sf_stirling(n - k) - sf_dev(k, n * pr) - sf_dev(n - k, n * qr);
	return ks_exp(e) * ks_sqrt(n / (k * (n - k)) * (0.5 / KC_PI));
}

K_SCALAR double dist_binom_pdf(double k, double n, double pr) { return dist_binom_raw(k, n, pr, 1.0 - pr); }

K_SCALAR_BIG double
dist_binom_pq(double x, double n, double pr, double *q)
{
	double k = ks_floor(x), up;

	if (k < 0.0)
		return di_both(0.0, q);
	if (k >= n || pr == 0.0)
		return di_both(1.0, q);
	if (pr == 1.0)
		return di_both(0.0, q);
	*q = sf_beta_pq(k + 1.0, n - k, pr, 1.0 - pr, &up);
	return up;
}

K_SCALAR double
dist_binom_cdf(double x, double n, double pr)
{
	double q;

	return dist_binom_pq(x, n, pr, &q);
}

K_SCALAR double
dist_binom_sf(double x, double n, double pr)
{
	double q;

	dist_binom_pq(x, n, pr, &q);
	return q;
}

K_SCALAR_BIG double
dist_pois_pdf(double k, double l)
{
	if (!(k >= 0.0))
		return 0.0;
	if (l == 0.0)
		return k == 0.0;
	if (k == 0.0)
		return ks_exp(-l);
	return ks_exp(-sf_stirling(k) - sf_dev(k, l)) / (KC_SQRT2PI * ks_sqrt(k));
}

K_SCALAR_BIG double
dist_pois_pq(double x, double l, double *q)
{
	double k = ks_floor(x), up;

	if (k < 0.0)
		return di_both(0.0, q);
	if (l == 0.0)
		return di_both(1.0, q);
	*q = sf_gamma_pq(k + 1.0, l, &up);
	return up;
}

K_SCALAR double
dist_pois_cdf(double x, double l)
{
	double q;

	return dist_pois_pq(x, l, &q);
}

K_SCALAR double
dist_pois_sf(double x, double l)
{
	double q;

	dist_pois_pq(x, l, &q);
	return q;
}

/* failures k before success number s */
K_SCALAR_BIG double
dist_negbin_pdf(double k, double s, double pr)
{
	if (!(k >= 0.0))
		return 0.0;
	return s / (s + k) * dist_binom_raw(s, s + k, pr, 1.0 - pr);
}

K_SCALAR_BIG double
dist_negbin_pq(double x, double s, double pr, double *q)
{
	double k = ks_floor(x);

	if (k < 0.0)
		return di_both(0.0, q);
	if (pr == 1.0)
		return di_both(1.0, q);
	return sf_beta_pq(s, k + 1.0, pr, 1.0 - pr, q);
}

K_SCALAR double
dist_negbin_cdf(double x, double s, double pr)
{
	double q;

	return dist_negbin_pq(x, s, pr, &q);
}

/* k marked in a draw of n from m, d of them marked */
K_SCALAR_BIG double
dist_hyper_pdf(double k, double n, double d, double m)
{
	double pr = n / m, qr = (m - n) / m;

	if (!(k >= 0.0 && k <= n && k <= d && n - k <= m - d))
		return 0.0;
	if (n == 0.0 || n == m)
		return 1.0;
	return dist_binom_raw(k, d, pr, qr) * dist_binom_raw(n - k, m - d, pr, qr) / dist_binom_raw(n, m, pr, qr);
}

K_SCALAR_BIG double
dist_hyper_pq(double x, double n, double d, double m, double *q)
{
	double k = ks_floor(x), lo = n - (m - d), hi = n < d ? n : d, term, sum, i;

	lo = lo > 0.0 ? lo : 0.0;
	if (k < lo)
		return di_both(0.0, q);
	if (k >= hi)
		return di_both(1.0, q);
	if (k <= n * d / m) {
		sum = term = dist_hyper_pdf(k, n, d, m);
		for (i = k; i > lo && term > sum * SF_EPS; i -= 1.0) {
			term *= i / (d - i + 1.0) * ((m - d - n + i) / (n - i + 1.0));
			sum += term;
		}
		return di_both(sum < 1.0 ? sum : 1.0, q);
	}
	sum = term = dist_hyper_pdf(k + 1.0, n, d, m);
	for (i = k + 1.0; i < hi && term > sum * SF_EPS; i += 1.0) {
		term *= (d - i) / (i + 1.0) * ((n - i) / (m - d - n + i + 1.0));
		sum += term;
	}
	return di_upper(sum < 1.0 ? sum : 1.0, q);
}

K_SCALAR double
dist_hyper_cdf(double x, double n, double d, double m)
{
	double q;

	return dist_hyper_pq(x, n, d, m, &q);
}

/* The smallest whole k in [lo, hi] with cdf(k) >= u, walking from a guess by mean, deviation and skewness. */
#define DI_SEARCH(t, lo_, hi_, mean_, sd_, skew_) \
	DI_INV(t) \
	{ \
		double lo = (lo_), hi = (hi_), z, k, step, q, prob; \
		if (!(u >= 0.0 && u <= 1.0)) \
			return SF_NAN; \
		if (u == 0.0) \
			return lo; \
		if (u == 1.0) \
			return hi; \
		z = ks_norm_inv(u); \
		k = ks_floor((mean_) + (sd_) * (z + (skew_) * (z * z - 1.0) / 6.0)); \
		k = k > lo ? k : lo; \
		k = k < hi ? k : hi; \
		step = 1.0; \
		prob = di_##t##_cdf(k, p, n, &q); \
		if (u > 0.5 ? q <= 1.0 - u : prob >= u) { /* down: keep hi good */ \
			hi = k; \
			while (k > lo) { \
				k = hi - step > lo ? hi - step : lo; \
				prob = di_##t##_cdf(k, p, n, &q); \
				if (!(u > 0.5 ? q <= 1.0 - u : prob >= u)) { \
					lo = k + 1.0; \
					break; \
				} \
				hi = k; \
				step *= 2.0; \
			} \
		} else { \
			lo = k + 1.0; \
			while (k < hi) { \
				k = lo - 1.0 + step < hi ? lo - 1.0 + step : hi; \
				if (k == hi && hi < SF_INF) \
					break; \
				prob = di_##t##_cdf(k, p, n, &q); \
				if (u > 0.5 ? q <= 1.0 - u : prob >= u) { \
					hi = k; \
					break; \
				} \
				lo = k + 1.0; \
				step *= 2.0; \
			} \
		} \
		while (lo < hi) { \
			k = ks_floor((lo + hi) * 0.5); \
			prob = di_##t##_cdf(k, p, n, &q); \
			if (u > 0.5 ? q <= 1.0 - u : prob >= u) \
				hi = k; \
			else \
				lo = k + 1.0; \
		} \
		return hi; \
	}

/* --- the rows ---------------------------------------------------------------------------------------- */

/* normal(mean, sd) */
DI_CHECK(normal) { DI_RULE(p[1] >= 0.0, "sd must be >= 0"); return (const char *)0; }
DI_INV(normal) { return ks_sample_normal(u, p[0], p[1]); }
DI_CDF(normal)
{
	double z = (x - p[0]) / p[1];

	if (p[1] == 0.0)
		return di_both(x >= p[0], q);
	*q = ks_norm_cdf(-z);
	return ks_norm_cdf(z);
}
DI_PDF(normal) { return dist_norm_pdf(x, p[0], p[1]); }
DI_MEAN(normal) { return p[0]; }
DI_SD(normal) { return p[1]; }

/* uniform(min, max) */
DI_CHECK(uniform) { DI_RULE(p[0] <= p[1], "min must be <= max"); return (const char *)0; }
DI_INV(uniform) { return ks_sample_uniform(u, p[0], p[1]); }
DI_CDF(uniform)
{
	double w = p[1] - p[0];

	if (x <= p[0])
		return di_both(x == p[0] && w == 0.0, q);
	if (x >= p[1])
		return di_both(1.0, q);
	*q = (p[1] - x) / w;
	return (x - p[0]) / w;
}
DI_PDF(uniform) { return x >= p[0] && x <= p[1] ? 1.0 / (p[1] - p[0]) : 0.0; }
DI_MEAN(uniform) { return 0.5 * p[0] + 0.5 * p[1]; }
DI_SD(uniform) { return (p[1] - p[0]) / ks_sqrt(12.0); }

/* triang(min, mode, max) */
DI_CHECK(triang)
{
	DI_RULE(p[0] <= p[1], "min must be <= mode");
	DI_RULE(p[1] <= p[2], "mode must be <= max");
	return (const char *)0;
}
DI_INV(triang) { return ks_sample_triang(u, p[0], p[1], p[2]); }
DI_CDF(triang)
{
	double w = p[2] - p[0];

	if (x <= p[0])
		return di_both(x == p[0] && w == 0.0, q);
	if (x >= p[2])
		return di_both(1.0, q);
	/* both tails as sums of what is positive */
	if (x < p[1]) {
		*q = (p[2] - p[1]) / w + (p[1] - x) * ((p[1] - p[0]) + (x - p[0])) / (w * (p[1] - p[0]));
		return (x - p[0]) * (x - p[0]) / (w * (p[1] - p[0]));
	}
	*q = (p[2] - x) * (p[2] - x) / (w * (p[2] - p[1]));
	return (p[1] - p[0]) / w + (x - p[1]) * ((p[2] - p[1]) + (p[2] - x)) / (w * (p[2] - p[1]));
}
DI_PDF(triang)
{
	double w = p[2] - p[0];

	if (!(x >= p[0] && x <= p[2]))
		return 0.0;
	if (x == p[1])
		return 2.0 / w;
	return x < p[1] ? 2.0 * (x - p[0]) / (w * (p[1] - p[0])) : 2.0 * (p[2] - x) / (w * (p[2] - p[1]));
}
DI_MEAN(triang) { return (p[0] + p[1] + p[2]) / 3.0; }
DI_SD(triang)
{
	double a = p[1] - p[0], b = p[2] - p[1];

	return ks_sqrt((a * a + a * b + b * b) / 18.0);
}

/* trigen(low, mode, high, low%, high%): the triangle of which low and high are percentiles */
DI_CHECK(trigen)
{
	DI_RULE(p[0] <= p[1], "low must be <= mode");
	DI_RULE(p[1] <= p[2], "mode must be <= high");
	DI_RULE(p[0] < p[2], "low must be < high");
	DI_RULE(p[3] >= 0.0 && p[4] <= 100.0, "percentages must be between 0 and 100");
	DI_RULE(p[3] < p[4], "low% must be < high%");
	return (const char *)0;
}

/* With r the mode's probability: mode - min = l / (1 - sqrt(p1 / r)), max - mode = h / (1 - sqrt(p2 / (1 - r))). */
K_SCALAR_BIG void
di_trigen_points(const double *p, double *t)
{
	double l = p[1] - p[0], h = p[2] - p[1], p1 = p[3] / 100.0, p2 = 1.0 - p[4] / 100.0;
	double a = p1, b = 1.0 - p2, left, right;
	int i;

	if (l == 0.0) {
		right = h / (1.0 - ks_sqrt(p2 / (1.0 - p1)));
		left = right * p1 / (1.0 - p1);
	} else if (h == 0.0) {
		left = l / (1.0 - ks_sqrt(p1 / (1.0 - p2)));
		right = left * p2 / (1.0 - p2);
	} else {
		left = right = 0.0;
		for (i = 0; i < 200; i++) {
			double r = 0.5 * (a + b);

			left = l / (1.0 - ks_sqrt(p1 / r));
			right = h / (1.0 - ks_sqrt(p2 / (1.0 - r)));
			if (r == a || r == b)
				break;
			if (left * (1.0 - r) > right * r)
				a = r;
			else
				b = r;
		}
	}
	t[0] = p[1] - left;
	t[1] = p[1];
	t[2] = p[1] + right;
}
DI_INV(trigen) { double t[3]; di_trigen_points(p, t); return di_triang_inv(u, t, 3); }
DI_CDF(trigen) { double t[3]; di_trigen_points(p, t); return di_triang_cdf(x, t, 3, q); }
DI_PDF(trigen) { double t[3]; di_trigen_points(p, t); return di_triang_pdf(x, t, 3); }
DI_MEAN(trigen) { double t[3]; di_trigen_points(p, t); return di_triang_mean(t, 3); }
DI_SD(trigen) { double t[3]; di_trigen_points(p, t); return di_triang_sd(t, 3); }

/* betageneral(a1, a2, min, max) */
DI_CHECK(betageneral)
{
	DI_RULE(p[0] > 0.0, "a1 must be > 0");
	DI_RULE(p[1] > 0.0, "a2 must be > 0");
	DI_RULE(p[2] <= p[3], "min must be <= max");
	return (const char *)0;
}
K_SCALAR_BIG double
di_betageneral_inv2(double u, double v, const double *p)
{
	double y, x = sf_beta_inv(p[0], p[1], u, v, &y), w = p[3] - p[2];

	return x < 0.5 ? p[2] + w * x : p[3] - w * y;
}
DI_INV(betageneral) { return di_betageneral_inv2(u, 1.0 - u, p); }
DI_CDF(betageneral)
{
	double w = p[3] - p[2];

	if (w == 0.0)
		return di_both(x >= p[2], q);
	return sf_beta_pq(p[0], p[1], (x - p[2]) / w, (p[3] - x) / w, q);
}
DI_PDF(betageneral)
{
	double w = p[3] - p[2], a = (x - p[2]) / w, b = (p[3] - x) / w;

	if (a > 0.0 && b > 0.0)
		return sf_beta_front(p[0], p[1], a, b) / (a * b) / w;
	return dist_beta_pdf(a, p[0], p[1]) / w;
}
DI_MEAN(betageneral) { return p[2] + (p[3] - p[2]) * (p[0] / (p[0] + p[1])); }
DI_SD(betageneral)
{
	double s = p[0] + p[1];

	return (p[3] - p[2]) * ks_sqrt(p[0] / s * (p[1] / s) / (s + 1.0));
}

/* beta(a1, a2) */
K_SCALAR void
di_beta_points(const double *p, double *t)
{
	t[0] = p[0];
	t[1] = p[1];
	t[2] = 0.0;
	t[3] = 1.0;
}
DI_CHECK(beta)
{
	DI_RULE(p[0] > 0.0, "a1 must be > 0");
	DI_RULE(p[1] > 0.0, "a2 must be > 0");
	return (const char *)0;
}
DI_INV(beta) { double t[4]; di_beta_points(p, t); return di_betageneral_inv(u, t, 4); }
DI_CDF(beta) { double t[4]; di_beta_points(p, t); return di_betageneral_cdf(x, t, 4, q); }
DI_PDF(beta) { return dist_beta_pdf(x, p[0], p[1]); }
DI_MEAN(beta) { return p[0] / (p[0] + p[1]); }
DI_SD(beta) { double t[4]; di_beta_points(p, t); return di_betageneral_sd(t, 4); }

/* pert(min, mode, max) */
K_SCALAR void
di_pert_points(const double *p, double *t)
{
	double w = p[2] - p[0];

	t[0] = w > 0.0 ? 1.0 + 4.0 * ((p[1] - p[0]) / w) : 3.0;
	t[1] = w > 0.0 ? 1.0 + 4.0 * ((p[2] - p[1]) / w) : 3.0;
	t[2] = p[0];
	t[3] = p[2];
}
DI_CHECK(pert) { return di_triang_check(p, n); }
DI_INV(pert) { double t[4]; di_pert_points(p, t); return di_betageneral_inv(u, t, 4); }
DI_CDF(pert) { double t[4]; di_pert_points(p, t); return di_betageneral_cdf(x, t, 4, q); }
DI_PDF(pert) { double t[4]; di_pert_points(p, t); return di_betageneral_pdf(x, t, 4); }
DI_MEAN(pert) { return (p[0] + 4.0 * p[1] + p[2]) / 6.0; }
DI_SD(pert) { double t[4]; di_pert_points(p, t); return di_betageneral_sd(t, 4); }

/* betasubj(min, mode, mean, max) */
K_SCALAR_BIG void
di_betasubj_points(const double *p, double *t)
{
	double mid = 0.5 * (p[0] + p[3]), w = p[3] - p[0];

	t[0] = 2.0 * (mid - p[1]) * (p[2] - p[0]) / ((p[2] - p[1]) * w);
	if (p[2] == p[1]) /* symmetric: any shape will do, a parabola here */
		t[0] = 2.0;
	t[1] = t[0] * (p[3] - p[2]) / (p[2] - p[0]);
	t[2] = p[0];
	t[3] = p[3];
}
DI_CHECK(betasubj)
{
	double t[4];

	DI_RULE(p[0] < p[3], "min must be < max");
	DI_RULE(p[1] > p[0] && p[1] < p[3], "mode must lie between min and max");
	DI_RULE(p[2] > p[0] && p[2] < p[3], "mean must lie between min and max");
	di_betasubj_points(p, t);
	DI_RULE(t[0] > 0.0 && t[1] > 0.0 && t[0] < 1e9 && t[1] < 1e9,
	        "mean must lie between mode and the middle of min and max");
	return (const char *)0;
}
DI_INV(betasubj) { double t[4]; di_betasubj_points(p, t); return di_betageneral_inv(u, t, 4); }
DI_CDF(betasubj) { double t[4]; di_betasubj_points(p, t); return di_betageneral_cdf(x, t, 4, q); }
DI_PDF(betasubj) { double t[4]; di_betasubj_points(p, t); return di_betageneral_pdf(x, t, 4); }
DI_MEAN(betasubj) { return p[2]; }
DI_SD(betasubj) { double t[4]; di_betasubj_points(p, t); return di_betageneral_sd(t, 4); }

/* lognorm2(mu, sigma) */
DI_CHECK(lognorm2) { DI_RULE(p[1] >= 0.0, "sigma must be >= 0"); return (const char *)0; }
DI_INV(lognorm2) { return ks_sample_lognorm2(u, p[0], p[1]); }
DI_CDF(lognorm2)
{
	double z;

	if (!(x > 0.0))
		return di_both(0.0, q);
	if (p[1] == 0.0)
		return di_both(ks_log(x) >= p[0], q);
	z = (ks_log(x) - p[0]) / p[1];
	*q = ks_norm_cdf(-z);
	return ks_norm_cdf(z);
}
DI_PDF(lognorm2) { return x > 0.0 ? dist_norm_pdf(ks_log(x), p[0], p[1]) / x : 0.0; }
DI_MEAN(lognorm2) { return ks_exp(p[0] + 0.5 * p[1] * p[1]); }
DI_SD(lognorm2) { double v = p[1] * p[1]; return ks_exp(p[0] + 0.5 * v) * ks_sqrt(ks_expm1(v)); }

/* lognorm(mean, sd) */
K_SCALAR_BIG void
di_lognorm_points(const double *p, double *t)
{
	double r = p[1] / p[0], v = ks_log1p(r * r);

	t[0] = ks_log(p[0]) - 0.5 * v;
	t[1] = ks_sqrt(v);
}
DI_CHECK(lognorm)
{
	DI_RULE(p[0] > 0.0, "mean must be > 0");
	DI_RULE(p[1] >= 0.0, "sd must be >= 0");
	return (const char *)0;
}
DI_INV(lognorm) { double t[2]; di_lognorm_points(p, t); return di_lognorm2_inv(u, t, 2); }
DI_CDF(lognorm) { double t[2]; di_lognorm_points(p, t); return di_lognorm2_cdf(x, t, 2, q); }
DI_PDF(lognorm) { double t[2]; di_lognorm_points(p, t); return di_lognorm2_pdf(x, t, 2); }
DI_MEAN(lognorm) { return p[0]; }
DI_SD(lognorm) { return p[1]; }

/* gamma(shape, scale) */
DI_CHECK(gamma)
{
	DI_RULE(p[0] > 0.0, "shape must be > 0");
	DI_RULE(p[1] > 0.0, "scale must be > 0");
	return (const char *)0;
}
DI_INV(gamma) { return dist_gamma_inv(u, p[0], p[1]); }
DI_CDF(gamma) { return sf_gamma_pq(p[0], x / p[1], q); }
DI_PDF(gamma) { return dist_gamma_pdf(x, p[0], p[1]); }
DI_MEAN(gamma) { return p[0] * p[1]; }
DI_SD(gamma) { return ks_sqrt(p[0]) * p[1]; }

/* erlang(m, scale) */
DI_CHECK(erlang)
{
	DI_RULE(p[0] >= 1.0 && DI_WHOLE(p[0]), "m must be a whole number >= 1");
	DI_RULE(p[1] > 0.0, "scale must be > 0");
	return (const char *)0;
}
DI_INV(erlang) { return di_gamma_inv(u, p, n); }
DI_CDF(erlang) { return di_gamma_cdf(x, p, n, q); }
DI_PDF(erlang) { return di_gamma_pdf(x, p, n); }
DI_MEAN(erlang) { return di_gamma_mean(p, n); }
DI_SD(erlang) { return di_gamma_sd(p, n); }

/* expon(mean) */
DI_CHECK(expon) { DI_RULE(p[0] > 0.0, "mean must be > 0"); return (const char *)0; }
DI_INV(expon) { return ks_sample_expon(u, p[0]); }
DI_CDF(expon)
{
	double z = x / p[0];

	if (!(z > 0.0))
		return di_both(0.0, q);
	*q = ks_exp(-z);
	return -ks_expm1(-z);
}
DI_PDF(expon) { return x >= 0.0 ? ks_exp(-x / p[0]) / p[0] : 0.0; }
DI_MEAN(expon) { return p[0]; }
DI_SD(expon) { return p[0]; }

/* weibull(shape, scale) */
DI_CHECK(weibull) { return di_gamma_check(p, n); }
DI_INV(weibull) { return ks_sample_weibull(u, p[0], p[1]); }
DI_CDF(weibull)
{
	double z;

	if (!(x > 0.0))
		return di_both(0.0, q);
	z = ks_pow(x / p[1], p[0]);
	*q = ks_exp(-z);
	return -ks_expm1(-z);
}
DI_PDF(weibull)
{
	double z = x / p[1];

	if (!(z >= 0.0))
		return 0.0;
	return p[0] / p[1] * ks_pow(z, p[0] - 1.0) * ks_exp(-ks_pow(z, p[0]));
}
DI_MEAN(weibull) { return p[1] * sf_gamma(1.0 + 1.0 / p[0]); }
DI_SD(weibull)
{
	double m = sf_gamma(1.0 + 1.0 / p[0]);

	return p[1] * ks_sqrt(sf_gamma(1.0 + 2.0 / p[0]) - m * m);
}

/* logistic(alpha, beta) */
DI_CHECK(logistic) { DI_RULE(p[1] > 0.0, "beta must be > 0"); return (const char *)0; }
DI_INV(logistic) { return ks_sample_logistic(u, p[0], p[1]); }
DI_CDF(logistic)
{
	double z = (x - p[0]) / p[1];

	*q = 1.0 / (1.0 + ks_exp(z));
	return 1.0 / (1.0 + ks_exp(-z));
}
DI_PDF(logistic)
{
	double e = ks_exp(-ks_abs(x - p[0]) / p[1]);

	return e / (p[1] * (1.0 + e) * (1.0 + e));
}
DI_MEAN(logistic) { return p[0]; }
DI_SD(logistic) { return p[1] * (KC_PI / ks_sqrt(3.0)); }

/* loglogistic(gamma, beta, alpha) */
DI_CHECK(loglogistic)
{
	DI_RULE(p[1] > 0.0, "beta must be > 0");
	DI_RULE(p[2] > 0.0, "alpha must be > 0");
	return (const char *)0;
}
DI_INV(loglogistic) { return ks_sample_loglogistic(u, p[0], p[1], p[2]); }
DI_CDF(loglogistic)
{
	double z = (x - p[0]) / p[1];

	if (!(z > 0.0))
		return di_both(0.0, q);
	*q = 1.0 / (1.0 + ks_pow(z, p[2]));
	return 1.0 / (1.0 + ks_pow(z, -p[2]));
}
DI_PDF(loglogistic)
{
	double z = (x - p[0]) / p[1], t = ks_pow(z, p[2]);

	return z > 0.0 ? p[2] / p[1] * (t / z) / ((1.0 + t) * (1.0 + t)) : 0.0;
}
DI_MEAN(loglogistic)
{
	double th = KC_PI / p[2];

	return p[2] > 1.0 ? p[0] + p[1] * (th / ks_sin(th)) : SF_NAN;
}
DI_SD(loglogistic)
{
	double th = KC_PI / p[2], s = th / ks_sin(th);

	return p[2] > 2.0 ? p[1] * ks_sqrt(2.0 * th / ks_sin(2.0 * th) - s * s) : p[2] > 1.0 ? SF_INF : SF_NAN;
}

/* extvalue(a, b), extvaluemin(a, b) */
DI_CHECK(extvalue) { DI_RULE(p[1] > 0.0, "b must be > 0"); return (const char *)0; }
DI_INV(extvalue) { return ks_sample_extvalue(u, p[0], p[1]); }
DI_CDF(extvalue)
{
	double e = ks_exp((p[0] - x) / p[1]);

	*q = -ks_expm1(-e);
	return ks_exp(-e);
}
DI_PDF(extvalue)
{
	double z = (p[0] - x) / p[1];

	return ks_exp(z - ks_exp(z)) / p[1];
}
DI_MEAN(extvalue) { return p[0] + p[1] * 0.57721566490153286061; }
DI_SD(extvalue) { return p[1] * (KC_PI / ks_sqrt(6.0)); }
DI_CHECK(extvaluemin) { return di_extvalue_check(p, n); }
DI_INV(extvaluemin) { return ks_sample_extvaluemin(u, p[0], p[1]); }
DI_CDF(extvaluemin)
{
	double e = ks_exp((x - p[0]) / p[1]);

	*q = ks_exp(-e);
	return -ks_expm1(-e);
}
DI_PDF(extvaluemin) { return di_extvalue_pdf(p[0] + (p[0] - x), p, n); }
DI_MEAN(extvaluemin) { return p[0] - p[1] * 0.57721566490153286061; }
DI_SD(extvaluemin) { return di_extvalue_sd(p, n); }

/* pareto(theta, a) */
DI_CHECK(pareto)
{
	DI_RULE(p[0] > 0.0, "theta must be > 0");
	DI_RULE(p[1] > 0.0, "a must be > 0");
	return (const char *)0;
}
DI_INV(pareto) { return ks_sample_pareto(u, p[0], p[1]); }
DI_CDF(pareto)
{
	if (!(x > p[1]))
		return di_both(0.0, q);
	*q = ks_pow(p[1] / x, p[0]);
	return -ks_expm1(-p[0] * ks_log1p((x - p[1]) / p[1]));
}
DI_PDF(pareto) { return x >= p[1] ? p[0] / x * ks_pow(p[1] / x, p[0]) : 0.0; }
DI_MEAN(pareto) { return p[0] > 1.0 ? p[0] * p[1] / (p[0] - 1.0) : SF_INF; }
DI_SD(pareto)
{
	double t = p[0];

	return t > 2.0 ? p[1] / (t - 1.0) * ks_sqrt(t / (t - 2.0)) : t > 1.0 ? SF_INF : SF_NAN;
}

/* pareto2(b, q) */
DI_CHECK(pareto2)
{
	DI_RULE(p[0] > 0.0, "b must be > 0");
	DI_RULE(p[1] > 0.0, "q must be > 0");
	return (const char *)0;
}
DI_INV(pareto2) { return ks_sample_pareto2(u, p[0], p[1]); }
DI_CDF(pareto2)
{
	if (!(x > 0.0))
		return di_both(0.0, q);
	*q = ks_pow(p[0] / (x + p[0]), p[1]);
	return -ks_expm1(-p[1] * ks_log1p(x / p[0]));
}
DI_PDF(pareto2) { return x >= 0.0 ? p[1] / (x + p[0]) * ks_pow(p[0] / (x + p[0]), p[1]) : 0.0; }
DI_MEAN(pareto2) { return p[1] > 1.0 ? p[0] / (p[1] - 1.0) : SF_INF; }
DI_SD(pareto2) { double t[2]; t[0] = p[1]; t[1] = p[0]; return di_pareto_sd(t, 2); }

/* student(nu) */
DI_CHECK(student) { DI_RULE(p[0] > 0.0, "nu must be > 0"); return (const char *)0; }
DI_INV(student) { return dist_t_inv(u, p[0]); }
DI_CDF(student)
{
	double t = dist_t_tail(x, p[0]);

	return x <= 0.0 ? di_both(t, q) : di_upper(t, q);
}
DI_PDF(student) { return dist_t_pdf(x, p[0]); }
DI_MEAN(student) { return p[0] > 1.0 ? 0.0 : SF_NAN; }
DI_SD(student) { return p[0] > 2.0 ? ks_sqrt(p[0] / (p[0] - 2.0)) : p[0] > 1.0 ? SF_INF : SF_NAN; }

/* chisq(nu) */
DI_CHECK(chisq) { return di_student_check(p, n); }
DI_INV(chisq) { return dist_chisq_inv(u, p[0]); }
DI_CDF(chisq) { return sf_gamma_pq(p[0] * 0.5, x / 2.0, q); }
DI_PDF(chisq) { return dist_chisq_pdf(x, p[0]); }
DI_MEAN(chisq) { return p[0]; }
DI_SD(chisq) { return ks_sqrt(2.0 * p[0]); }

/* f(nu1, nu2) */
DI_CHECK(f)
{
	DI_RULE(p[0] > 0.0, "nu1 must be > 0");
	DI_RULE(p[1] > 0.0, "nu2 must be > 0");
	return (const char *)0;
}
DI_INV(f) { return dist_f_inv(u, p[0], p[1]); }
DI_CDF(f) { return dist_f_pq(x, p[0], p[1], q); }
DI_PDF(f) { return dist_f_pdf(x, p[0], p[1]); }
DI_MEAN(f) { return p[1] > 2.0 ? p[1] / (p[1] - 2.0) : SF_INF; }
DI_SD(f)
{
	double a = p[0], b = p[1];

	if (b <= 4.0)
		return b > 2.0 ? SF_INF : SF_NAN;
	return b / (b - 2.0) * ks_sqrt(2.0 * (a + b - 2.0) / (a * (b - 4.0)));
}

/* invgauss(mu, lambda) */
DI_CHECK(invgauss)
{
	DI_RULE(p[0] > 0.0, "mu must be > 0");
	DI_RULE(p[1] > 0.0, "lambda must be > 0");
	return (const char *)0;
}
DI_PDF(invgauss)
{
	double d = (x - p[0]) / p[0];

	if (!(x > 0.0))
		return 0.0;
	return ks_sqrt(p[1] / (2.0 * KC_PI * x)) / x * ks_exp(-0.5 * p[1] * (d * d / x));
}
DI_CDF(invgauss)
{
	double r, a, b, e;

	if (!(x > 0.0))
		return di_both(0.0, q);
	r = ks_sqrt(p[1] / x);
	a = r * ((x - p[0]) / p[0]);
	b = r * ((x + p[0]) / p[0]);
	e = 0.5 * ks_exp(-0.5 * a * a);
	/* the second term of the textbook formula, without its overflow */
	if (a <= 0.0)
		return di_both(e * (sf_erfcx(-a * KC_SQRT1_2) + sf_erfcx(b * KC_SQRT1_2)), q);
	return di_upper(e * (sf_erfcx(a * KC_SQRT1_2) - sf_erfcx(b * KC_SQRT1_2)), q);
}
K_SCALAR_BIG double
di_invgauss_inv2(double u, double v, const double *p)
{
	double s2, x, z;
	int i;

	if (!(u >= 0.0 && v >= 0.0))
		return SF_NAN;
	if (u == 0.0 || v == 0.0)
		return u == 0.0 ? 0.0 : SF_INF;
	z = u < v ? ks_norm_inv(u) : -ks_norm_inv(v);
	s2 = ks_log1p(p[0] / p[1]);
	x = p[0] * ks_exp(ks_sqrt(s2) * z - 0.5 * s2);
	for (i = 0; i < 100; i++) {
		double qx, px = di_invgauss_cdf(x, p, 2, &qx), d = x * di_invgauss_pdf(x, p, 2), dy;

		if (u <= v)
			dy = px > 0.0 ? -ks_log(px / u) * px / d : 1.0;
		else
			dy = qx > 0.0 ? ks_log(qx / v) * qx / d : -1.0;
		if (!(dy < 1.0))
			dy = 1.0;
		if (dy < -1.0)
			dy = -1.0;
		x *= ks_exp(dy);
		if (ks_abs(dy) < 1e-10)
			break;
	}
	return x;
}
DI_INV(invgauss) { return di_invgauss_inv2(u, 1.0 - u, p); }
DI_MEAN(invgauss) { return p[0]; }
DI_SD(invgauss) { return p[0] * ks_sqrt(p[0] / p[1]); }

/* laplace(mu, sigma) */
DI_CHECK(laplace) { DI_RULE(p[1] > 0.0, "sigma must be > 0"); return (const char *)0; }
DI_INV(laplace) { return ks_sample_laplace(u, p[0], p[1]); }
DI_CDF(laplace)
{
	double t = 0.5 * ks_exp(-KC_SQRT2 * ks_abs(x - p[0]) / p[1]);

	return x <= p[0] ? di_both(t, q) : di_upper(t, q);
}
DI_PDF(laplace) { return KC_SQRT1_2 / p[1] * ks_exp(-KC_SQRT2 * ks_abs(x - p[0]) / p[1]); }
DI_MEAN(laplace) { return p[0]; }
DI_SD(laplace) { return p[1]; }

/* cauchy(gamma, beta) */
DI_CHECK(cauchy) { return di_logistic_check(p, n); }
DI_INV(cauchy) { return ks_sample_cauchy(u, p[0], p[1]); }
DI_CDF(cauchy)
{
	double z = (x - p[0]) / p[1];

	*q = ks_atan2(1.0, z) / KC_PI;
	return ks_atan2(1.0, -z) / KC_PI;
}
DI_PDF(cauchy)
{
	double z = (x - p[0]) / p[1];

	return 1.0 / (KC_PI * p[1] * (1.0 + z * z));
}
DI_MEAN(cauchy) { return SF_NAN; }
DI_SD(cauchy) { return SF_NAN; }

/* rayleigh(b) */
DI_CHECK(rayleigh) { DI_RULE(p[0] > 0.0, "b must be > 0"); return (const char *)0; }
DI_INV(rayleigh) { return ks_sample_rayleigh(u, p[0]); }
DI_CDF(rayleigh)
{
	double z = x / p[0];

	if (!(z > 0.0))
		return di_both(0.0, q);
	*q = ks_exp(-0.5 * z * z);
	return -ks_expm1(-0.5 * z * z);
}
DI_PDF(rayleigh)
{
	double z = x / p[0];

	return z > 0.0 ? z / p[0] * ks_exp(-0.5 * z * z) : 0.0;
}
DI_MEAN(rayleigh) { return p[0] * ks_sqrt(KC_PI / 2.0); }
DI_SD(rayleigh) { return p[0] * ks_sqrt(2.0 - KC_PI / 2.0); }

/* levy(a, c) */
DI_CHECK(levy) { DI_RULE(p[1] > 0.0, "c must be > 0"); return (const char *)0; }
DI_INV(levy) { return ks_sample_levy(u, p[0], p[1]); }
DI_CDF(levy)
{
	double z;

	if (!(x > p[0]))
		return di_both(0.0, q);
	z = ks_sqrt(0.5 * p[1] / (x - p[0]));
	*q = ks_erf(z);
	return ks_erfc(z);
}
DI_PDF(levy)
{
	double d = x - p[0];

	return d > 0.0 ? ks_sqrt(p[1] / (2.0 * KC_PI * d)) / d * ks_exp(-0.5 * p[1] / d) : 0.0;
}
DI_MEAN(levy) { return SF_INF; }
DI_SD(levy) { return SF_NAN; }

/* --- given by points --------------------------------------------------------------------------------- */

/* Pieces of cumul, cumuld, general and histogrm, knot i = 0 .. di_pieces_count: place x and height y. */
K_SCALAR int
di_list(int n)
{
	return (n - 2) / 2;
}

K_SCALAR const char *
di_points_check(const double *p, int n)
{
	int i, k = di_list(n);

	DI_RULE(n >= 4 && n % 2 == 0, "lists x and p must have the same length");
	DI_RULE(p[0] < p[1], "min must be < max");
	for (i = 0; i < k; i++) {
		DI_RULE(p[2 + i] >= p[0] && p[2 + i] <= p[1], "x must lie between min and max");
		DI_RULE(i == 0 || p[2 + i] > p[1 + i], "x must ascend");
		DI_RULE(p[2 + k + i] >= 0.0, "p must be >= 0");
	}
	return (const char *)0;
}

/* cumul(min, max, {x}, {p}): knots 0 .. k + 1 */
K_SCALAR double
di_cumul_x(const double *p, int k, int i)
{
	return i == 0 ? p[0] : i > k ? p[1] : p[1 + i];
}

K_SCALAR double
di_cumul_p(const double *p, int k, int i, int down)
{
	if (i == 0)
		return 0.0;
	if (i > k)
		return 1.0;
	return down ? 1.0 - p[1 + k + i] : p[1 + k + i];
}

K_SCALAR_BIG const char *
di_cumul_rule(const double *p, int n, int down)
{
	const char *r = di_points_check(p, n);
	int i, k = di_list(n);

	if (r)
		return r;
	for (i = 1; i <= k; i++) {
		DI_RULE(p[1 + k + i] <= 1.0, "p must be <= 1");
		DI_RULE(i == 1 || di_cumul_p(p, k, i, down) >= di_cumul_p(p, k, i - 1, down),
		        down ? "p must descend" : "p must ascend");
	}
	return (const char *)0;
}

K_SCALAR_BIG double
di_cumul_at(double u, const double *p, int n, int down)
{
	int i = 0, k = di_list(n);
	double a, b, x0, x1;

	while (i < k && di_cumul_p(p, k, i + 1, down) < u)
		i++;
	a = di_cumul_p(p, k, i, down);
	b = di_cumul_p(p, k, i + 1, down);
	x0 = di_cumul_x(p, k, i);
	x1 = di_cumul_x(p, k, i + 1);
	return b > a ? x0 + (x1 - x0) * ((u - a) / (b - a)) : x1;
}

K_SCALAR_BIG double
di_cumul_prob(double x, const double *p, int n, int down, double *dens)
{
	int i = 0, k = di_list(n);
	double a, b, x0, x1;

	*dens = 0.0;
	if (x <= p[0])
		return 0.0;
	if (x >= p[1])
		return 1.0;
	while (i < k && di_cumul_x(p, k, i + 1) <= x)
		i++;
	a = di_cumul_p(p, k, i, down);
	b = di_cumul_p(p, k, i + 1, down);
	x0 = di_cumul_x(p, k, i);
	x1 = di_cumul_x(p, k, i + 1);
	*dens = (b - a) / (x1 - x0);
	return a + (b - a) * ((x - x0) / (x1 - x0));
}

/* mean (about = 0, power 1) or mean square about a point */
K_SCALAR_BIG double
di_cumul_moment(const double *p, int n, int down, double about, int power)
{
	int i, k = di_list(n);
	double s = 0.0;

	for (i = 0; i <= k; i++) {
		double w = di_cumul_p(p, k, i + 1, down) - di_cumul_p(p, k, i, down);
		double a = di_cumul_x(p, k, i) - about, b = di_cumul_x(p, k, i + 1) - about;

		s += w * (power == 1 ? 0.5 * (a + b) : (a * a + a * b + b * b) / 3.0);
	}
	return s;
}

DI_CHECK(cumul) { return di_cumul_rule(p, n, 0); }
DI_INV(cumul) { return di_cumul_at(u, p, n, 0); }
DI_CDF(cumul) { double d; return di_both(di_cumul_prob(x, p, n, 0, &d), q); }
DI_PDF(cumul) { double d; di_cumul_prob(x, p, n, 0, &d); return d; }
DI_MEAN(cumul) { return di_cumul_moment(p, n, 0, 0.0, 1); }
DI_SD(cumul) { return ks_sqrt(di_cumul_moment(p, n, 0, di_cumul_mean(p, n), 2)); }
DI_CHECK(cumuld) { return di_cumul_rule(p, n, 1); }
DI_INV(cumuld) { return di_cumul_at(u, p, n, 1); }
DI_CDF(cumuld) { double d; return di_both(di_cumul_prob(x, p, n, 1, &d), q); }
DI_PDF(cumuld) { double d; di_cumul_prob(x, p, n, 1, &d); return d; }
DI_MEAN(cumuld) { return di_cumul_moment(p, n, 1, 0.0, 1); }
DI_SD(cumuld) { return ks_sqrt(di_cumul_moment(p, n, 1, di_cumuld_mean(p, n), 2)); }

/* general(min, max, {x}, {p}): density through (min, 0), (x, p) …, (max, 0) */
K_SCALAR double
di_general_y(const double *p, int k, int i)
{
	return i == 0 || i > k ? 0.0 : p[1 + k + i];
}

K_SCALAR double
di_general_piece(const double *p, int k, int i)
{
	return (di_cumul_x(p, k, i + 1) - di_cumul_x(p, k, i)) * 0.5 *
	       (di_general_y(p, k, i) + di_general_y(p, k, i + 1));
}

K_SCALAR_BIG double
di_general_area(const double *p, int n)
{
	int i, k = di_list(n);
	double s = 0.0;

	for (i = 0; i <= k; i++)
		s += di_general_piece(p, k, i);
	return s;
}

DI_CHECK(general)
{
	const char *r = di_points_check(p, n);

	if (r)
		return r;
	DI_RULE(di_general_area(p, n) > 0.0, "one p at least must be > 0");
	return (const char *)0;
}
/* The distance d at which a density y + slope d has mass t, the form without cancellation. */
K_SCALAR double
di_general_step(double t, double y, double slope)
{
	double e = y * y + 2.0 * slope * t, d = 2.0 * t / (y + ks_sqrt(e > 0.0 ? e : 0.0));

	return d > 0.0 ? d : 0.0;
}
DI_INV(general)
{
	int k = di_list(n), i = u <= 0.5 ? 0 : k;
	double t = (u <= 0.5 ? u : 1.0 - u) * di_general_area(p, n), b, y0, y1, w, d;

	/* from the nearer end */
	while (u <= 0.5 ? i < k : i > 0) {
		b = di_general_piece(p, k, i);
		if (b >= t)
			break;
		t -= b;
		i += u <= 0.5 ? 1 : -1;
	}
	y0 = di_general_y(p, k, i);
	y1 = di_general_y(p, k, i + 1);
	w = di_cumul_x(p, k, i + 1) - di_cumul_x(p, k, i);
	if (u <= 0.5) {
		d = di_general_step(t, y0, (y1 - y0) / w);
		return di_cumul_x(p, k, i) + (d < w ? d : w);
	}
	d = di_general_step(t, y1, (y0 - y1) / w);
	return di_cumul_x(p, k, i + 1) - (d < w ? d : w);
}
DI_CDF(general)
{
	int i, k = di_list(n);
	double s = 0.0, d;

	if (x <= p[0])
		return di_both(0.0, q);
	if (x >= p[1])
		return di_both(1.0, q);
	for (i = 0; i < k && di_cumul_x(p, k, i + 1) <= x; i++)
		s += di_general_piece(p, k, i);
	d = x - di_cumul_x(p, k, i);
	s += d * (di_general_y(p, k, i) +
	          0.5 * d * (di_general_y(p, k, i + 1) - di_general_y(p, k, i)) / (di_cumul_x(p, k, i + 1) - di_cumul_x(p, k, i)));
	return di_both(s / di_general_area(p, n), q);
}
DI_PDF(general)
{
	int i = 0, k = di_list(n);
	double x0, x1, y0, y1;

	if (!(x >= p[0] && x <= p[1]))
		return 0.0;
	while (i < k && di_cumul_x(p, k, i + 1) <= x)
		i++;
	x0 = di_cumul_x(p, k, i);
	x1 = di_cumul_x(p, k, i + 1);
	y0 = di_general_y(p, k, i);
	y1 = di_general_y(p, k, i + 1);
	/* from both ends: exact where the density falls to 0 */
	return (y0 * ((x1 - x) / (x1 - x0)) + y1 * ((x - x0) / (x1 - x0))) / di_general_area(p, n);
}
K_SCALAR_BIG double
di_general_moment(const double *p, int n, double about, int power)
{
	int i, k = di_list(n);
	double s = 0.0;

	for (i = 0; i <= k; i++) {
		double a = di_cumul_x(p, k, i) - about, b = di_cumul_x(p, k, i + 1) - about, w = b - a;
		double y0 = di_general_y(p, k, i), y1 = di_general_y(p, k, i + 1);

		if (power == 1)
			s += w * ((2.0 * a + b) * y0 + (a + 2.0 * b) * y1) / 6.0;
		else
			s += w * ((3.0 * a * a + 2.0 * a * b + b * b) * y0 + (a * a + 2.0 * a * b + 3.0 * b * b) * y1) / 12.0;
	}
	return s / di_general_area(p, n);
}
DI_MEAN(general) { return di_general_moment(p, n, 0.0, 1); }
DI_SD(general) { return ks_sqrt(di_general_moment(p, n, di_general_mean(p, n), 2)); }

/* histogrm(min, max, {p}) */
K_SCALAR_BIG double
di_weight(const double *w, int k)
{
	double s = 0.0;
	int i;

	for (i = 0; i < k; i++)
		s += w[i];
	return s;
}

DI_CHECK(histogrm)
{
	int i;

	DI_RULE(p[0] < p[1], "min must be < max");
	for (i = 2; i < n; i++)
		DI_RULE(p[i] >= 0.0, "p must be >= 0");
	DI_RULE(di_weight(p + 2, n - 2) > 0.0, "one p at least must be > 0");
	return (const char *)0;
}
DI_INV(histogrm)
{
	int i = 0, k = n - 2;
	double t = u * di_weight(p + 2, k), a = 0.0, b = p[2], w = (p[1] - p[0]) / k;

	while (i < k - 1 && b < t) {
		a = b;
		i++;
		b += p[2 + i];
	}
	return p[0] + w * (i + (b > a ? (t < b ? (t - a) / (b - a) : 1.0) : 1.0));
}
DI_CDF(histogrm)
{
	int i, k = n - 2;
	double t = (x - p[0]) / (p[1] - p[0]) * k, s = 0.0;

	if (t <= 0.0)
		return di_both(0.0, q);
	if (t >= k)
		return di_both(1.0, q);
	for (i = 0; i + 1 <= t; i++)
		s += p[2 + i];
	return di_both((s + (t - i) * p[2 + i]) / di_weight(p + 2, k), q);
}
DI_PDF(histogrm)
{
	int k = n - 2, i;
	double w = (p[1] - p[0]) / k, t = (x - p[0]) / w;

	if (!(t >= 0.0 && t <= k))
		return 0.0;
	i = (int)t;
	return p[2 + (i < k ? i : k - 1)] / (w * di_weight(p + 2, k));
}
DI_MEAN(histogrm)
{
	int i, k = n - 2;
	double w = (p[1] - p[0]) / k, s = 0.0;

	for (i = 0; i < k; i++)
		s += p[2 + i] * (i + 0.5);
	return p[0] + w * (s / di_weight(p + 2, k));
}
DI_SD(histogrm)
{
	int i, k = n - 2;
	double w = (p[1] - p[0]) / k, m = (di_histogrm_mean(p, n) - p[0]) / w, s = 0.0;

	for (i = 0; i < k; i++)
		s += p[2 + i] * ((i + 0.5 - m) * (i + 0.5 - m) + 1.0 / 12.0);
	return w * ks_sqrt(s / di_weight(p + 2, k));
}

/* --- discrete ---------------------------------------------------------------------------------------- */

/* Weight of the values <= v; w NULL: all 1. */
K_SCALAR_BIG double
di_mass(const double *x, const double *w, int k, double v)
{
	double s = 0.0;
	int i;

	for (i = 0; i < k; i++)
		if (x[i] <= v)
			s += w ? w[i] : 1.0;
	return s;
}

/* The smallest value v of x with mass(v)/total >= u; the values need not be sorted. */
K_SCALAR_BIG double
di_mass_inv(double u, const double *x, const double *w, int k)
{
	double total = w ? di_weight(w, k) : k, lo = -SF_INF, hi = SF_INF, v;
	int i, start = 0;

	for (;;) {
		/* a candidate strictly inside (lo, hi), from a different place each time */
		int found = -1;

		for (i = 0; i < k; i++) {
			int j = (start + i) % k;

			if (x[j] > lo && x[j] < hi && (!w || w[j] > 0.0)) {
				found = j;
				break;
			}
		}
		if (found < 0)
			break;
		v = x[found];
		if (di_mass(x, w, k, v) / total >= u)
			hi = v;
		else
			lo = v;
		start = (found + k / 2 + 1) % k;
	}
	return hi < SF_INF ? hi : lo;
}

DI_CHECK(discrete)
{
	int i, k = n / 2;

	DI_RULE(n >= 2 && n % 2 == 0, "lists x and p must have the same length");
	for (i = 0; i < k; i++)
		DI_RULE(p[k + i] >= 0.0, "p must be >= 0");
	DI_RULE(di_weight(p + k, k) > 0.0, "one p at least must be > 0");
	return (const char *)0;
}
DI_INV(discrete) { return di_mass_inv(u, p, p + n / 2, n / 2); }
DI_CDF(discrete) { return di_both(di_mass(p, p + n / 2, n / 2, x) / di_weight(p + n / 2, n / 2), q); }
DI_PDF(discrete)
{
	int i, k = n / 2;
	double s = 0.0;

	for (i = 0; i < k; i++)
		if (p[i] == x)
			s += p[k + i];
	return s / di_weight(p + k, k);
}
DI_MEAN(discrete)
{
	int i, k = n / 2;
	double s = 0.0;

	for (i = 0; i < k; i++)
		s += p[i] * p[k + i];
	return s / di_weight(p + k, k);
}
DI_SD(discrete)
{
	int i, k = n / 2;
	double s = 0.0, m = di_discrete_mean(p, n);

	for (i = 0; i < k; i++)
		s += p[k + i] * (p[i] - m) * (p[i] - m);
	return ks_sqrt(s / di_weight(p + k, k));
}

DI_CHECK(duniform) { return (const char *)0; }
DI_INV(duniform) { return di_mass_inv(u, p, (const double *)0, n); }
DI_CDF(duniform) { return di_both(di_mass(p, (const double *)0, n, x) / n, q); }
DI_PDF(duniform)
{
	int i, k = 0;

	for (i = 0; i < n; i++)
		k += p[i] == x;
	return (double)k / n;
}
DI_MEAN(duniform) { return di_weight(p, n) / n; }
DI_SD(duniform)
{
	int i;
	double s = 0.0, m = di_duniform_mean(p, n);

	for (i = 0; i < n; i++)
		s += (p[i] - m) * (p[i] - m);
	return ks_sqrt(s / n);
}

/* binomial(n, p) */
DI_CHECK(binomial)
{
	DI_RULE(p[0] >= 0.0 && DI_WHOLE(p[0]), "n must be a whole number >= 0");
	DI_RULE(p[1] >= 0.0 && p[1] <= 1.0, "p must be between 0 and 1");
	return (const char *)0;
}
DI_CDF(binomial) { return dist_binom_pq(x, p[0], p[1], q); }
DI_PDF(binomial) { return DI_WHOLE(x) ? dist_binom_pdf(x, p[0], p[1]) : 0.0; }
DI_MEAN(binomial) { return p[0] * p[1]; }
DI_SD(binomial) { return ks_sqrt(p[0] * p[1] * (1.0 - p[1])); }
DI_SEARCH(binomial, 0.0, p[0], p[0] * p[1], ks_sqrt(p[0] * p[1] * (1.0 - p[1])),
          p[0] * p[1] * (1.0 - p[1]) > 0.0 ? (1.0 - 2.0 * p[1]) / ks_sqrt(p[0] * p[1] * (1.0 - p[1])) : 0.0)

/* bernoulli(p) */
DI_CHECK(bernoulli) { DI_RULE(p[0] >= 0.0 && p[0] <= 1.0, "p must be between 0 and 1"); return (const char *)0; }
DI_INV(bernoulli) { return ks_sample_bernoulli(u, p[0]); }
DI_CDF(bernoulli) { return x < 0.0 ? di_both(0.0, q) : x < 1.0 ? di_upper(p[0], q) : di_both(1.0, q); }
DI_PDF(bernoulli) { return x == 1.0 ? p[0] : x == 0.0 ? 1.0 - p[0] : 0.0; }
DI_MEAN(bernoulli) { return p[0]; }
DI_SD(bernoulli) { return ks_sqrt(p[0] * (1.0 - p[0])); }

/* poisson(lambda) */
DI_CHECK(poisson) { DI_RULE(p[0] >= 0.0, "lambda must be >= 0"); return (const char *)0; }
DI_CDF(poisson) { return dist_pois_pq(x, p[0], q); }
DI_PDF(poisson) { return DI_WHOLE(x) ? dist_pois_pdf(x, p[0]) : 0.0; }
DI_MEAN(poisson) { return p[0]; }
DI_SD(poisson) { return ks_sqrt(p[0]); }
DI_SEARCH(poisson, 0.0, SF_INF, p[0], ks_sqrt(p[0]), p[0] > 0.0 ? 1.0 / ks_sqrt(p[0]) : 0.0)

/* negbin(s, p) */
DI_CHECK(negbin)
{
	DI_RULE(p[0] > 0.0, "s must be > 0");
	DI_RULE(p[1] > 0.0 && p[1] <= 1.0, "p must be > 0 and <= 1");
	return (const char *)0;
}
DI_CDF(negbin) { return dist_negbin_pq(x, p[0], p[1], q); }
DI_PDF(negbin) { return DI_WHOLE(x) ? dist_negbin_pdf(x, p[0], p[1]) : 0.0; }
DI_MEAN(negbin) { return p[0] * (1.0 - p[1]) / p[1]; }
DI_SD(negbin) { return ks_sqrt(p[0] * (1.0 - p[1])) / p[1]; }
DI_SEARCH(negbin, 0.0, SF_INF, p[0] * (1.0 - p[1]) / p[1], ks_sqrt(p[0] * (1.0 - p[1])) / p[1],
          p[1] < 1.0 ? (2.0 - p[1]) / ks_sqrt(p[0] * (1.0 - p[1])) : 0.0)

/* geomet(p) */
DI_CHECK(geomet) { DI_RULE(p[0] > 0.0 && p[0] <= 1.0, "p must be > 0 and <= 1"); return (const char *)0; }
DI_INV(geomet) { return ks_sample_geomet(u, p[0]); }
DI_CDF(geomet)
{
	double l = (ks_floor(x) + 1.0) * ks_log1p(-p[0]);

	if (x < 0.0)
		return di_both(0.0, q);
	*q = ks_exp(l);
	return -ks_expm1(l);
}
DI_PDF(geomet) { return x >= 0.0 && DI_WHOLE(x) ? p[0] * ks_pow(1.0 - p[0], x) : 0.0; }
DI_MEAN(geomet) { return (1.0 - p[0]) / p[0]; }
DI_SD(geomet) { return ks_sqrt(1.0 - p[0]) / p[0]; }

/* hypergeo(n, D, M) */
DI_CHECK(hypergeo)
{
	DI_RULE(p[2] >= 1.0 && DI_WHOLE(p[2]), "M must be a whole number >= 1");
	DI_RULE(p[0] >= 0.0 && p[0] <= p[2] && DI_WHOLE(p[0]), "n must be a whole number between 0 and M");
	DI_RULE(p[1] >= 0.0 && p[1] <= p[2] && DI_WHOLE(p[1]), "D must be a whole number between 0 and M");
	return (const char *)0;
}
DI_CDF(hypergeo) { return dist_hyper_pq(x, p[0], p[1], p[2], q); }
DI_PDF(hypergeo) { return DI_WHOLE(x) ? dist_hyper_pdf(x, p[0], p[1], p[2]) : 0.0; }
DI_MEAN(hypergeo) { return p[0] * (p[1] / p[2]); }
DI_SD(hypergeo)
{
	double r = p[1] / p[2];

	return p[2] > 1.0 ? ks_sqrt(p[0] * r * (1.0 - r) * ((p[2] - p[0]) / (p[2] - 1.0))) : 0.0;
}
DI_SEARCH(hypergeo, p[0] - (p[2] - p[1]) > 0.0 ? p[0] - (p[2] - p[1]) : 0.0, p[0] < p[1] ? p[0] : p[1],
          di_hypergeo_mean(p, 3), di_hypergeo_sd(p, 3), 0.0)

/* intuniform(min, max) */
DI_CHECK(intuniform)
{
	DI_RULE(DI_WHOLE(p[0]), "min must be a whole number");
	DI_RULE(DI_WHOLE(p[1]), "max must be a whole number");
	DI_RULE(p[0] <= p[1], "min must be <= max");
	return (const char *)0;
}
DI_INV(intuniform) { return ks_sample_intuniform(u, p[0], p[1]); }
DI_CDF(intuniform)
{
	double k = ks_floor(x) - p[0] + 1.0, m = p[1] - p[0] + 1.0;

	return k <= 0.0 ? di_both(0.0, q) : k >= m ? di_both(1.0, q) : di_both(k / m, q);
}
DI_PDF(intuniform) { return x >= p[0] && x <= p[1] && DI_WHOLE(x) ? 1.0 / (p[1] - p[0] + 1.0) : 0.0; }
DI_MEAN(intuniform) { return 0.5 * p[0] + 0.5 * p[1]; }
DI_SD(intuniform) { double m = p[1] - p[0] + 1.0; return ks_sqrt((m * m - 1.0) / 12.0); }

/* --- by number --------------------------------------------------------------------------------------- */

K_SCALAR_BIG const char *
dist_check(int id, const double *p, int n)
{
	int i;

	for (i = 0; i < n; i++)
		DI_RULE(ks_abs(p[i]) <= 1.7976931348623157e308, "parameters must be numbers");
	switch (id) {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	case DIST_ID_##ID: \
		if (n < (min) || ((max) >= 0 && n > (max))) \
			return "wrong number of parameters"; \
		return di_##fn##_check(p, n);
#include "kernels/dist.def"
#undef D
	default:
		return "unknown distribution";
	}
}

/* The same without a check of the parameters. */
K_SCALAR_BIG double
dist_quantile(int id, const double *p, int n, double u)
{
	switch (id) {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	case DIST_ID_##ID: \
		return di_##fn##_inv(u, p, n);
#include "kernels/dist.def"
#undef D
	default:
		return SF_NAN;
	}
}

K_SCALAR double
dist_inverse(int id, const double *p, int n, double u)
{
	return dist_check(id, p, n) ? SF_NAN : dist_quantile(id, p, n, u);
}

K_SCALAR_BIG double
dist_cdf(int id, const double *p, int n, double x, double *q)
{
	switch (id) {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	case DIST_ID_##ID: \
		return di_##fn##_cdf(x, p, n, q);
#include "kernels/dist.def"
#undef D
	default:
		*q = SF_NAN;
		return SF_NAN;
	}
}

K_SCALAR_BIG double
dist_pdf(int id, const double *p, int n, double x)
{
	switch (id) {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	case DIST_ID_##ID: \
		return di_##fn##_pdf(x, p, n);
#include "kernels/dist.def"
#undef D
	default:
		return SF_NAN;
	}
}

K_SCALAR_BIG double
dist_mean(int id, const double *p, int n)
{
	switch (id) {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	case DIST_ID_##ID: \
		return di_##fn##_mean(p, n);
#include "kernels/dist.def"
#undef D
	default:
		return SF_NAN;
	}
}

K_SCALAR_BIG double
dist_sd(int id, const double *p, int n)
{
	switch (id) {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	case DIST_ID_##ID: \
		return di_##fn##_sd(p, n);
#include "kernels/dist.def"
#undef D
	default:
		return SF_NAN;
	}
}

/* Parameters must have passed dist_check; n gets the new number of them. */
K_SCALAR_BIG int
dist_canon(int id, const double *p, int *n, double *out)
{
	switch (id) {
	case DIST_ID_TRIGEN:
		di_trigen_points(p, out);
		*n = 3;
		return DIST_ID_TRIANG;
	case DIST_ID_BETA:
		di_beta_points(p, out);
		*n = 4;
		return DIST_ID_BETAGENERAL;
	case DIST_ID_PERT:
		di_pert_points(p, out);
		*n = 4;
		return DIST_ID_BETAGENERAL;
	case DIST_ID_BETASUBJ:
		di_betasubj_points(p, out);
		*n = 4;
		return DIST_ID_BETAGENERAL;
	case DIST_ID_LOGNORM:
		di_lognorm_points(p, out);
		*n = 2;
		return DIST_ID_LOGNORM2;
	case DIST_ID_ERLANG:
		out[0] = p[0];
		out[1] = p[1];
		return DIST_ID_GAMMA;
	case DIST_ID_CHISQ:
		out[0] = p[0] * 0.5;
		out[1] = 2.0;
		*n = 2;
		return DIST_ID_GAMMA;
	default:
		return id;
	}
}

/* dist_quantile from both tails, p + q = 1: where the form is SMOOTH the smaller one counts. */
K_SCALAR_BIG double
dist_quantile2(int id, const double *par, int n, double p, double q)
{
	double t[4];
	int canon = dist_canon(id, par, &n, t);

	if (canon != id)
		par = t;
	id = canon;
	switch (id) {
	case DIST_ID_BETAGENERAL:
		return di_betageneral_inv2(p, q, par);
	case DIST_ID_GAMMA:
		return par[1] * sf_gamma_inv(par[0], p, q);
	case DIST_ID_STUDENT:
		return dist_t_inv2(p, q, par[0]);
	case DIST_ID_F:
		return dist_f_inv2(p, q, par[0], par[1]);
	case DIST_ID_INVGAUSS:
		return di_invgauss_inv2(p, q, par);
	default:
		return dist_quantile(id, par, n, p);
	}
}

#ifndef __CUDACC__
struct dist_info {
	const char *name, *aliases;
	int min, max;
	const char *params;
	enum dist_form form;
	const char *manual;
};

static const struct dist_info dist_info[] __attribute__((unused)) = {
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	{ name, aliases, min, max, params, DIST_##form, manual },
#include "kernels/dist.def"
#undef D
};

/* Length of the word at s if it equals name without regard to case, else 0. */
static inline size_t
dist_word(const char *s, const char *name, size_t len)
{
	size_t n = 0;

	while (s[n] && s[n] != ' ')
		n++;
	if (n != len)
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((s[i] | 32) != (name[i] | 32))
			return 0;
	return n;
}

static __attribute__((unused)) int
dist_find(const char *name, size_t len)
{
	for (int pass = 0; pass < 2; pass++) {
		for (int id = 0; id < DIST_COUNT; id++) {
			const char *s = dist_info[id].aliases;

			if (dist_word(dist_info[id].name, name, len))
				return id;
			while (*s) {
				if (dist_word(s, name, len))
					return id;
				while (*s && *s != ' ')
					s++;
				while (*s == ' ')
					s++;
			}
		}
		if (len <= 4 || !dist_word("risk", name, 4))
			break;
		name += 4;
		len -= 4;
	}
	return -1;
}
#endif

#endif
