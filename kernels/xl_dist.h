/* xl_dist: distributions as worksheet functions: domains and truncation as Excel has them; figures from kernels/dist.h. */
#ifndef KERNELS_XL_DIST_H
#define KERNELS_XL_DIST_H

#include "kernels/dist.h"
#include "kernels/xl.h"

#define XA(i) XL_ARG(c, i)
#define XNUM(cond) \
	do { \
		if (!(cond)) \
			return XL_FAIL(c, XL_NUM); \
	} while (0)
#define XCUM(i) (XA(i) != 0)

/* --- normal ------------------------------------------------------------------------------------------- */

XL_FN
xl_norm_dist(struct xl_call *c)
{
	XNUM(XA(2) > 0);
	return XCUM(3) ? dist_norm_cdf(XA(0), XA(1), XA(2)) : dist_norm_pdf(XA(0), XA(1), XA(2));
}

XL_FN
xl_norm_inv(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(0) < 1 && XA(2) > 0);
	return dist_norm_inv(XA(0), XA(1), XA(2));
}

XL_FN xl_norm_s_dist(struct xl_call *c) { return XCUM(1) ? ks_norm_cdf(XA(0)) : ks_norm_pdf(XA(0)); }
XL_FN xl_normsdist(struct xl_call *c) { return ks_norm_cdf(XA(0)); }

XL_FN
xl_norm_s_inv(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(0) < 1);
	return ks_norm_inv(XA(0));
}

XL_FN xl_gauss(struct xl_call *c) { return ks_erf(XA(0) * 0.70710678118654752440) * 0.5; }
XL_FN xl_phi(struct xl_call *c) { return ks_norm_pdf(XA(0)); }

XL_FN
xl_lognorm_cdf(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(2) > 0);
	return dist_norm_cdf(ks_log(XA(0)), XA(1), XA(2));
}

XL_FN
xl_lognorm_dist(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(2) > 0);
	return XCUM(3) ? dist_norm_cdf(ks_log(XA(0)), XA(1), XA(2)) : dist_norm_pdf(ks_log(XA(0)), XA(1), XA(2)) / XA(0);
}

XL_FN
xl_lognorm_inv(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(0) < 1 && XA(2) > 0);
	return ks_exp(dist_norm_inv(XA(0), XA(1), XA(2)));
}

XL_FN
xl_confidence_norm(struct xl_call *c)
{
	double n = ks_trunc(XA(2));

	XNUM(XA(0) > 0 && XA(0) < 1 && XA(1) > 0 && n >= 1);
	return -ks_norm_inv(XA(0) / 2) * XA(1) / ks_sqrt(n);
}

XL_FN
xl_confidence_t(struct xl_call *c)
{
	double n = ks_trunc(XA(2));

	XNUM(XA(0) > 0 && XA(0) < 1 && XA(1) > 0 && n >= 1);
	if (n == 1)
		return XL_FAIL(c, XL_DIV0);
	return dist_t_isf(XA(0) / 2, n - 1) * XA(1) / ks_sqrt(n);
}

/* --- t, F, chi-square ------------------------------------------------------------------------------------ */

XL_FN
xl_t_dist(struct xl_call *c)
{
	double nu = ks_trunc(XA(1));

	if (nu < 1)
		return XL_FAIL(c, XCUM(2) || nu < 0 ? XL_NUM : XL_NUM);
	return XCUM(2) ? dist_t_cdf(XA(0), nu) : dist_t_pdf(XA(0), nu);
}

XL_FN
xl_t_dist_2t(struct xl_call *c)
{
	XNUM(XA(0) >= 0 && ks_trunc(XA(1)) >= 1);
	return 2 * dist_t_sf(XA(0), ks_trunc(XA(1)));
}

XL_FN
xl_t_dist_rt(struct xl_call *c)
{
	XNUM(ks_trunc(XA(1)) >= 1);
	return dist_t_sf(XA(0), ks_trunc(XA(1)));
}

XL_FN
xl_tdist(struct xl_call *c)
{
	double tails = ks_trunc(XA(2));

	XNUM(XA(0) >= 0 && ks_trunc(XA(1)) >= 1 && (tails == 1 || tails == 2));
	return tails * dist_t_sf(XA(0), ks_trunc(XA(1)));
}

XL_FN
xl_t_inv(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(0) < 1 && ks_trunc(XA(1)) >= 1);
	return dist_t_inv(XA(0), ks_trunc(XA(1)));
}

XL_FN
xl_t_inv_2t(struct xl_call *c)
{
	XNUM(XA(0) > 0 && XA(0) <= 1 && ks_trunc(XA(1)) >= 1);
	return XA(0) == 1 ? 0.0 : dist_t_isf(XA(0) / 2, ks_trunc(XA(1)));
}

XL_FN
xl_f_dist(struct xl_call *c)
{
	double a = ks_trunc(XA(1)), b = ks_trunc(XA(2));

	XNUM(XA(0) >= 0 && a >= 1 && b >= 1);
	return XCUM(3) ? dist_f_cdf(XA(0), a, b) : dist_f_pdf(XA(0), a, b);
}

XL_FN
xl_f_dist_rt(struct xl_call *c)
{
	double a = ks_trunc(XA(1)), b = ks_trunc(XA(2));

	XNUM(XA(0) >= 0 && a >= 1 && b >= 1);
	return dist_f_sf(XA(0), a, b);
}

XL_FN
xl_f_inv(struct xl_call *c)
{
	double a = ks_trunc(XA(1)), b = ks_trunc(XA(2));

	XNUM(XA(0) >= 0 && XA(0) < 1 && a >= 1 && b >= 1);
	return XA(0) == 0 ? 0.0 : dist_f_inv(XA(0), a, b);
}

XL_FN
xl_f_inv_rt(struct xl_call *c)
{
	double a = ks_trunc(XA(1)), b = ks_trunc(XA(2));

	XNUM(XA(0) > 0 && XA(0) <= 1 && a >= 1 && b >= 1);
	return XA(0) == 1 ? 0.0 : dist_f_isf(XA(0), a, b);
}

XL_FN
xl_chisq_dist(struct xl_call *c)
{
	double nu = ks_trunc(XA(1));

	XNUM(XA(0) >= 0 && nu >= 1 && nu <= 1e10);
	return XCUM(2) ? dist_chisq_cdf(XA(0), nu) : dist_chisq_pdf(XA(0), nu);
}

XL_FN
xl_chisq_dist_rt(struct xl_call *c)
{
	double nu = ks_trunc(XA(1));

	XNUM(XA(0) >= 0 && nu >= 1 && nu <= 1e10);
	return dist_chisq_sf(XA(0), nu);
}

XL_FN
xl_chisq_inv(struct xl_call *c)
{
	double nu = ks_trunc(XA(1));

	XNUM(XA(0) >= 0 && XA(0) < 1 && nu >= 1 && nu <= 1e10);
	return XA(0) == 0 ? 0.0 : dist_chisq_inv(XA(0), nu);
}

XL_FN
xl_chisq_inv_rt(struct xl_call *c)
{
	double nu = ks_trunc(XA(1));

	XNUM(XA(0) > 0 && XA(0) <= 1 && nu >= 1 && nu <= 1e10);
	return XA(0) == 1 ? 0.0 : dist_chisq_isf(XA(0), nu);
}

/* --- beta, gamma, exponential, Weibull ---------------------------------------------------------------------- */

XL_FN
xl_beta_dist(struct xl_call *c)
{
	double lo = XL_OPT(c, 4, 0), hi = XL_OPT(c, 5, 1), x;

	XNUM(XA(1) > 0 && XA(2) > 0 && XA(0) >= lo && XA(0) <= hi && lo != hi);
	x = (XA(0) - lo) / (hi - lo);
	return XCUM(3) ? dist_beta_cdf(x, XA(1), XA(2)) : dist_beta_pdf(x, XA(1), XA(2)) / (hi - lo);
}

XL_FN
xl_betadist(struct xl_call *c)
{
	double lo = XL_OPT(c, 3, 0), hi = XL_OPT(c, 4, 1);

	XNUM(XA(1) > 0 && XA(2) > 0 && XA(0) >= lo && XA(0) <= hi && lo != hi);
	return dist_beta_cdf((XA(0) - lo) / (hi - lo), XA(1), XA(2));
}

XL_FN
xl_beta_inv(struct xl_call *c)
{
	double lo = XL_OPT(c, 3, 0), hi = XL_OPT(c, 4, 1);

	XNUM(XA(1) > 0 && XA(2) > 0 && XA(0) > 0 && XA(0) < 1 && lo < hi);
	return lo + (hi - lo) * dist_beta_inv(XA(0), XA(1), XA(2));
}

XL_FN
xl_gamma_dist(struct xl_call *c)
{
	XNUM(XA(0) >= 0 && XA(1) > 0 && XA(2) > 0);
	return XCUM(3) ? dist_gamma_cdf(XA(0), XA(1), XA(2)) : dist_gamma_pdf(XA(0), XA(1), XA(2));
}

XL_FN
xl_gamma_inv(struct xl_call *c)
{
	XNUM(XA(0) >= 0 && XA(0) < 1 && XA(1) > 0 && XA(2) > 0);
	return XA(0) == 0 ? 0.0 : dist_gamma_inv(XA(0), XA(1), XA(2));
}

XL_FN
xl_gamma(struct xl_call *c)
{
	XNUM(!(XA(0) <= 0 && XA(0) == ks_floor(XA(0))));
	return sf_gamma(XA(0));
}

XL_FN
xl_gammaln(struct xl_call *c)
{
	XNUM(XA(0) > 0);
	return sf_lgamma(XA(0));
}

XL_FN
xl_expon_dist(struct xl_call *c)
{
	XNUM(XA(0) >= 0 && XA(1) > 0);
	return XCUM(2) ? -ks_expm1(-XA(0) * XA(1)) : XA(1) * ks_exp(-XA(0) * XA(1));
}

XL_FN
xl_weibull_dist(struct xl_call *c)
{
	double z;

	XNUM(XA(0) >= 0 && XA(1) > 0 && XA(2) > 0);
	z = ks_pow(XA(0) / XA(2), XA(1));
	if (XCUM(3))
		return -ks_expm1(-z);
	return XA(1) / ks_pow(XA(2), XA(1)) * ks_pow(XA(0), XA(1) - 1) * ks_exp(-z);
}

/* --- discrete ---------------------------------------------------------------------------------------------- */

XL_FN
xl_binom_dist(struct xl_call *c)
{
	double k = ks_trunc(XA(0)), n = ks_trunc(XA(1));

	XNUM(k >= 0 && k <= n && n < 0x1p31 && XA(2) >= 0 && XA(2) <= 1);
	return XCUM(3) ? dist_binom_cdf(k, n, XA(2)) : dist_binom_pdf(k, n, XA(2));
}

XL_FN
xl_binom_inv(struct xl_call *c)
{
	double n = ks_trunc(XA(0)), p[2];

	p[0] = n;
	p[1] = XA(1);
	XNUM(n >= 0 && XA(1) > 0 && XA(1) < 1 && XA(2) > 0 && XA(2) < 1);
	return n == 0 ? 0.0 : di_binomial_inv(XA(2), p, 2);
}

XL_FN
xl_binom_dist_range(struct xl_call *c)
{
	double n = ks_trunc(XA(0)), a = ks_trunc(XA(2)), b = c->arg[3].n ? ks_trunc(XA(3)) : a, s = 0;

	XNUM(n >= 0 && XA(1) >= 0 && XA(1) <= 1 && a >= 0 && a <= n && b >= a && b <= n);
	for (double k = a; k <= b; k++)
		s += dist_binom_pdf(k, n, XA(1));
	return s;
}

XL_FN
xl_poisson_dist(struct xl_call *c)
{
	double k = ks_trunc(XA(0));

	XNUM(XA(0) >= 0 && XA(1) >= 0);
	if (XA(1) == 0)
		return k == 0 || XCUM(2) ? 1.0 : 0.0;
	return XCUM(2) ? dist_pois_cdf(k, XA(1)) : dist_pois_pdf(k, XA(1));
}

K_SCALAR double
xl_hypergeometric(struct xl_call *c, int cumulative)
{
	double k = ks_trunc(XA(0)), n = ks_trunc(XA(1)), d = ks_trunc(XA(2)), m = ks_trunc(XA(3));

	XNUM(m >= 0 && n >= 0 && n <= m && d >= 0 && d <= m && k >= 0);
	if (cumulative && k >= (n < d ? n : d))
		return 1;
	XNUM(k <= n && k <= d && (cumulative || k >= n - m + d));
	if (n == 0 || d == 0)
		return 1;
	return cumulative ? dist_hyper_cdf(k, n, d, m) : dist_hyper_pdf(k, n, d, m);
}

XL_FN xl_hypgeom_dist(struct xl_call *c) { return xl_hypergeometric(c, XCUM(4)); }
XL_FN xl_hypgeomdist(struct xl_call *c) { return xl_hypergeometric(c, 0); }

K_SCALAR double
xl_negative_binomial(struct xl_call *c, int cumulative)
{
	double k = ks_trunc(XA(0)), s = ks_trunc(XA(1));

	XNUM(k >= 0 && s >= 1 && XA(2) > 0 && XA(2) < 1);
	return cumulative ? dist_negbin_cdf(k, s, XA(2)) : dist_negbin_pdf(k, s, XA(2));
}

XL_FN xl_negbinom_dist(struct xl_call *c) { return xl_negative_binomial(c, XCUM(3)); }
XL_FN xl_negbinomdist(struct xl_call *c) { return xl_negative_binomial(c, 0); }

/* --- tests ---------------------------------------------------------------------------------------------------- */

K_SCALAR void
xl_mean_var(const struct xl_arg *a, double *mean, double *var)
{
	double s = 0, q = 0;

	for (int i = 0; i < a->n; i++)
		s += a->x[i];
	*mean = s / a->n;
	for (int i = 0; i < a->n; i++)
		q += (a->x[i] - *mean) * (a->x[i] - *mean);
	*var = q / (a->n - 1);
}

XL_FN
xl_f_test(struct xl_call *c)
{
	double m, v1, v2, p;

	if (c->arg[0].n < 2 || c->arg[1].n < 2)
		return XL_FAIL(c, XL_DIV0);
	xl_mean_var(&c->arg[0], &m, &v1);
	xl_mean_var(&c->arg[1], &m, &v2);
	if (v1 == 0 || v2 == 0)
		return XL_FAIL(c, XL_DIV0);
	p = dist_f_sf(v1 / v2, c->arg[0].n - 1, c->arg[1].n - 1);
	return 2 * (p < 0.5 ? p : dist_f_cdf(v1 / v2, c->arg[0].n - 1, c->arg[1].n - 1));
}

XL_FN
xl_z_test(struct xl_call *c)
{
	double m, v, n = c->arg[0].n;

	if (n < 2)
		return XL_FAIL(c, n < 1 ? XL_NA : XL_DIV0);
	xl_mean_var(&c->arg[0], &m, &v);
	if (c->arg[2].n) {
		XNUM(XA(2) > 0);
		v = XA(2) * XA(2);
	}
	if (!(v > 0))
		return XL_FAIL(c, XL_DIV0);
	return ks_norm_cdf(-(m - XA(1)) / ks_sqrt(v / n));
}

XL_FN
xl_chisq_test(struct xl_call *c)
{
	const struct xl_arg *a = &c->arg[0], *e = &c->arg[1];
	double s = 0, nu;

	if (a->n != e->n || a->n < 2)
		return XL_FAIL(c, XL_NA);
	for (int i = 0; i < a->n; i++) {
		if (e->x[i] == 0)
			return XL_FAIL(c, XL_DIV0);
		s += (a->x[i] - e->x[i]) * (a->x[i] - e->x[i]) / e->x[i];
	}
	nu = a->rows > 1 && a->cols > 1 ? (double)(a->rows - 1) * (a->cols - 1) : a->n - 1;
	return dist_chisq_sf(s, nu);
}

/* kind 1 paired, 2 equal variances, 3 unequal */
XL_FN
xl_t_test(struct xl_call *c)
{
	const struct xl_arg *a = &c->arg[0], *b = &c->arg[1];
	double tails = ks_trunc(XA(2)), kind = ks_trunc(XA(3)), m1, m2, v1, v2, t, nu;

	XNUM((tails == 1 || tails == 2) && kind >= 1 && kind <= 3);
	if (kind == 1) {
		double s = 0, q = 0, m;

		if (a->n != b->n)
			return XL_FAIL(c, XL_NA);
		if (a->n < 2)
			return XL_FAIL(c, XL_DIV0);
		for (int i = 0; i < a->n; i++)
			s += a->x[i] - b->x[i];
		m = s / a->n;
		for (int i = 0; i < a->n; i++)
			q += (a->x[i] - b->x[i] - m) * (a->x[i] - b->x[i] - m);
		nu = a->n - 1;
		if (q == 0)
			return XL_FAIL(c, XL_DIV0);
		t = m / ks_sqrt(q / nu / a->n);
	} else {
		if (a->n < 2 || b->n < 2)
			return XL_FAIL(c, XL_DIV0);
		xl_mean_var(a, &m1, &v1);
		xl_mean_var(b, &m2, &v2);
		if (kind == 2) {
			nu = a->n + b->n - 2;
			t = (m1 - m2) / ks_sqrt(((a->n - 1) * v1 + (b->n - 1) * v2) / nu * (1.0 / a->n + 1.0 / b->n));
		} else {
			double p = v1 / a->n, q = v2 / b->n;

			nu = (p + q) * (p + q) / (p * p / (a->n - 1) + q * q / (b->n - 1));
			t = (m1 - m2) / ks_sqrt(p + q);
		}
		if (t != t)
			return XL_FAIL(c, XL_DIV0);
	}
	return tails * dist_t_sf(ks_abs(t), nu);
}

#undef XA
#undef XNUM
#undef XCUM
#endif
