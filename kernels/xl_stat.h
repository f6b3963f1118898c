/*
 * xl_stat: worksheet functions of lists and pairs.
 *
 * Calling rules: xl.h. Orders that other backends mirror, all additions plain and left to right from s = 0:
 *   AVERAGE          sum / count
 *   DEVSQ VAR STDEV  mean = sum / count; s = s + (x - mean) * (x - mean); then / (n - 1) or / n; then sqrt
 *   MIN MAX          m = first; m = x < m ? x : m
 *   CORREL SLOPE …   means first, then sxy = sxy + dx * dy and sxx, syy likewise, in one pass
 *   order statistics a merge sort of a copy (values alone matter); interpolation lo + f * (hi - lo)
 */
#ifndef KERNELS_XL_STAT_H
#define KERNELS_XL_STAT_H

#include "kernels/xl_math.h"

/* --- helpers ------------------------------------------------------------------------------------------ */

/* Sort a[0..n) ascending; tmp holds n. Runs of eight by insertion, then merges. */
K_SCALAR_BIG void
xl_sort(double *a, int n, double *tmp)
{
	double *from = a, *to = tmp;

	for (int s = 0; s < n; s += 8) {
		int e = s + 8 < n ? s + 8 : n;

		for (int i = s + 1; i < e; i++) {
			double x = a[i];
			int j = i;

			for (; j > s && a[j - 1] > x; j--)
				a[j] = a[j - 1];
			a[j] = x;
		}
	}
	for (int w = 8; w < n; w = w > n / 2 ? n : 2 * w) {
		double *t;

		for (int s = 0; s < n; s += 2 * w) {
			int m = s + w < n ? s + w : n, e = n - s > 2 * w ? s + 2 * w : n;
			int i = s, j = m, k = s;

			while (i < m && j < e)
				to[k++] = from[j] < from[i] ? from[j++] : from[i++];
			while (i < m)
				to[k++] = from[i++];
			while (j < e)
				to[k++] = from[j++];
			if (e == n)
				break;
		}
		t = from;
		from = to;
		to = t;
	}
	if (from != a)
		for (int i = 0; i < n; i++)
			a[i] = from[i];
}

/* All numbers of arguments [first, last) into scratch, sorted; returns how many. */
K_SCALAR int
xl_sorted(struct xl_call *c, int first, int last)
{
	int n = 0;

	for (int a = first; a < last; a++)
		for (int i = 0; i < c->arg[a].n; i++)
			c->scratch[n++] = c->arg[a].x[i];
	xl_sort(c->scratch, n, c->scratch + n);
	return n;
}

/* Sum of squared deviations, and the mean. */
K_SCALAR double
xl_deviations(const struct xl_call *c, double *mean)
{
	double m = xl_total(c) / xl_count(c), s = 0;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			double d = c->arg[a].x[i] - m;

			s = s + d * d;
		}
	*mean = m;
	return s;
}

struct xl_pairs {
	double mx, my, sxx, syy, sxy;
	int n;
};

K_SCALAR struct xl_pairs
xl_pairs(const struct xl_arg *x, const struct xl_arg *y)
{
	struct xl_pairs p = {0, 0, 0, 0, 0, x->n};

	for (int i = 0; i < p.n; i++) {
		p.mx = p.mx + x->x[i];
		p.my = p.my + y->x[i];
	}
	p.mx /= p.n;
	p.my /= p.n;
	for (int i = 0; i < p.n; i++) {
		double dx = x->x[i] - p.mx, dy = y->x[i] - p.my;

		p.sxx = p.sxx + dx * dx;
		p.syy = p.syy + dy * dy;
		p.sxy = p.sxy + dx * dy;
	}
	return p;
}

/* --- averages and extremes ------------------------------------------------------------------------------ */

XL_FN
xl_average(struct xl_call *c)
{
	int n = xl_count(c);

	return n ? xl_total(c) / n : XL_FAIL(c, XL_DIV0);
}

#define XL_EXTREME(name, op)                                                                   \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double m = 0;                                                                  \
		int any = 0;                                                                   \
		for (int a = 0; a < c->nargs; a++)                                             \
			for (int i = 0; i < c->arg[a].n; i++) {                                \
				double x = c->arg[a].x[i];                                     \
				m = !any || x op m ? x : m;                                    \
				any = 1;                                                       \
			}                                                                      \
		return m;                                                                      \
	}
XL_EXTREME(min, <)
XL_EXTREME(max, >)

XL_FN
xl_geomean(struct xl_call *c)
{
	double s = 0;
	int n = xl_count(c);

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			if (!(c->arg[a].x[i] > 0))
				return XL_FAIL(c, XL_NUM);
			s = s + ks_log(c->arg[a].x[i]);
		}
	return n ? ks_exp(s / n) : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_harmean(struct xl_call *c)
{
	double s = 0;
	int n = xl_count(c);

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			if (!(c->arg[a].x[i] > 0))
				return XL_FAIL(c, XL_NUM);
			s = s + 1 / c->arg[a].x[i];
		}
	return n ? n / s : XL_FAIL(c, XL_NUM);
}

/* --- spread ------------------------------------------------------------------------------------------------ */

XL_FN
xl_devsq(struct xl_call *c)
{
	double m;

	return xl_count(c) ? xl_deviations(c, &m) : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_var_s(struct xl_call *c)
{
	double m;
	int n = xl_count(c);

	return n > 1 ? xl_deviations(c, &m) / (n - 1) : XL_FAIL(c, XL_DIV0);
}

XL_FN
xl_var_p(struct xl_call *c)
{
	double m;
	int n = xl_count(c);

	return n > 0 ? xl_deviations(c, &m) / n : XL_FAIL(c, XL_DIV0);
}

XL_FN xl_stdev_s(struct xl_call *c) { return ks_sqrt(xl_var_s(c)); }
XL_FN xl_stdev_p(struct xl_call *c) { return ks_sqrt(xl_var_p(c)); }

XL_FN
xl_avedev(struct xl_call *c)
{
	int n = xl_count(c);
	double m, s = 0;

	if (!n)
		return XL_FAIL(c, XL_NUM);
	m = xl_total(c) / n;
	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++)
			s = s + ks_abs(c->arg[a].x[i] - m);
	return s / n;
}

/* Sum of ((x - mean) / sd)^k. */
K_SCALAR double
xl_moment(const struct xl_call *c, double mean, double sd, int k)
{
	double s = 0;

	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			double z = (c->arg[a].x[i] - mean) / sd, z2 = z * z;

			s = s + (k == 3 ? z2 * z : z2 * z2);
		}
	return s;
}

XL_FN
xl_skew(struct xl_call *c)
{
	double n = xl_count(c), m, ss;

	if (n < 3)
		return XL_FAIL(c, XL_DIV0);
	ss = xl_deviations(c, &m);
	if (ss == 0)
		return XL_FAIL(c, XL_DIV0);
	return xl_moment(c, m, ks_sqrt(ss / (n - 1)), 3) * n / ((n - 1) * (n - 2));
}

XL_FN
xl_skew_p(struct xl_call *c)
{
	double n = xl_count(c), m, ss;

	if (n < 3)
		return XL_FAIL(c, XL_DIV0);
	ss = xl_deviations(c, &m);
	return ss == 0 ? XL_FAIL(c, XL_DIV0) : xl_moment(c, m, ks_sqrt(ss / n), 3) / n;
}

XL_FN
xl_kurt(struct xl_call *c)
{
	double n = xl_count(c), m, ss, k;

	if (n < 4)
		return XL_FAIL(c, XL_DIV0);
	ss = xl_deviations(c, &m);
	if (ss == 0)
		return XL_FAIL(c, XL_DIV0);
	k = xl_moment(c, m, ks_sqrt(ss / (n - 1)), 4);
	return k * n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) - 3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3));
}

/* --- order ---------------------------------------------------------------------------------------------------- */

/* Element at place pos (from 0) of n sorted numbers, between neighbours linearly. */
K_SCALAR double
xl_between(const double *s, int n, double pos)
{
	double k = ks_floor(pos), f = pos - k;
	int i = (int)k;

	if (f == 0 || i + 1 >= n)
		return s[i < n ? i : n - 1];
	return s[i] + f * (s[i + 1] - s[i]);
}

XL_FN
xl_median(struct xl_call *c)
{
	int n = xl_sorted(c, 0, c->nargs);

	if (!n)
		return XL_FAIL(c, XL_NUM);
	return n % 2 ? c->scratch[n / 2] : (c->scratch[n / 2 - 1] + c->scratch[n / 2]) / 2;
}

K_SCALAR double
xl_kth(struct xl_call *c, int from_top)
{
	double k = from_top ? ks_ceil(XL_ARG(c, 1)) : ks_floor(XL_ARG(c, 1)); /* towards the middle */
	int n = c->arg[0].n;

	if (!(XL_ARG(c, 1) >= 1) || k > n)
		return XL_FAIL(c, XL_NUM);
	xl_sorted(c, 0, 1);
	return c->scratch[from_top ? n - (int)k : (int)k - 1];
}

XL_FN xl_large(struct xl_call *c) { return xl_kth(c, 1); }
XL_FN xl_small(struct xl_call *c) { return xl_kth(c, 0); }

K_SCALAR double
xl_rank_of(struct xl_call *c, int average)
{
	double x = XL_ARG(c, 0), order = c->nargs > 2 ? XL_OPT(c, 2, 0.0) : 0.0;
	int before = 0, same = 0;

	for (int i = 0; i < c->arg[1].n; i++) {
		double y = c->arg[1].x[i];

		before += order != 0 ? y < x : y > x;
		same += y == x;
	}
	if (!same)
		return XL_FAIL(c, XL_NA);
	return before + 1 + (average ? (same - 1) / 2.0 : 0.0);
}

XL_FN xl_rank(struct xl_call *c) { return xl_rank_of(c, 0); }
XL_FN xl_rank_avg(struct xl_call *c) { return xl_rank_of(c, 1); }

K_SCALAR double
xl_quantile(struct xl_call *c, double p, int exclusive)
{
	int n = c->arg[0].n;
	double pos;

	if (!n || !(p >= 0) || p > 1)
		return XL_FAIL(c, XL_NUM);
	pos = exclusive ? p * (n + 1) - 1 : p * (n - 1);
	if (exclusive && (!(p > 0) || pos < 0 || pos > n - 1))
		return XL_FAIL(c, XL_NUM);
	xl_sorted(c, 0, 1);
	return xl_between(c->scratch, n, pos);
}

XL_FN xl_percentile_inc(struct xl_call *c) { return xl_quantile(c, XL_ARG(c, 1), 0); }
XL_FN xl_percentile_exc(struct xl_call *c) { return xl_quantile(c, XL_ARG(c, 1), 1); }
XL_FN xl_quartile_inc(struct xl_call *c) { return xl_quantile(c, ks_floor(XL_ARG(c, 1)) / 4, 0); }
XL_FN xl_quartile_exc(struct xl_call *c) { return xl_quantile(c, ks_floor(XL_ARG(c, 1)) / 4, 1); }

K_SCALAR double
xl_percentrank(struct xl_call *c, int exclusive)
{
	double x = XL_ARG(c, 1), digits = c->nargs > 2 ? ks_trunc(XL_OPT(c, 2, 3.0)) : 3.0, place;
	int n = c->arg[0].n, below = 0, same = 0;
	const double *s = c->scratch;

	if (!n || digits < 1)
		return XL_FAIL(c, XL_NUM);
	xl_sorted(c, 0, 1);
	for (int i = 0; i < n; i++) {
		below += s[i] < x;
		same += s[i] == x;
	}
	if (!same && (below == 0 || below == n))
		return XL_FAIL(c, XL_NA);
	place = same ? below : below - 1 + (x - s[below - 1]) / (s[below] - s[below - 1]);
	if (exclusive)
		place = (place + 1) / (n + 1);
	else
		place = n == 1 ? 1 : place / (n - 1);
	return xl_round_down(place, digits);
}

XL_FN xl_percentrank_inc(struct xl_call *c) { return xl_percentrank(c, 0); }
XL_FN xl_percentrank_exc(struct xl_call *c) { return xl_percentrank(c, 1); }

XL_FN
xl_trimmean(struct xl_call *c)
{
	double p = XL_ARG(c, 1), s = 0;
	int n = c->arg[0].n, cut;

	if (!n || !(p >= 0) || p >= 1)
		return XL_FAIL(c, XL_NUM);
	xl_sorted(c, 0, 1);
	cut = (int)(xl_floor15(n * p) / 2);
	for (int i = cut; i < n - cut; i++)
		s = s + c->scratch[i];
	return s / (n - 2 * cut);
}

/* The most frequent number; of several, the one that comes first. */
XL_FN
xl_mode(struct xl_call *c)
{
	int n = xl_sorted(c, 0, c->nargs), most = 1;
	const double *s = c->scratch;

	for (int i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && s[j] == s[i]; j++)
			;
		if (j - i > most)
			most = j - i;
	}
	if (most == 1)
		return XL_FAIL(c, XL_NA);
	for (int a = 0; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			double x = c->arg[a].x[i];
			int lo = 0, hi = n;

			while (lo < hi) {
				int m = (lo + hi) / 2;

				if (s[m] < x)
					lo = m + 1;
				else
					hi = m;
			}
			if (lo + most <= n && s[lo + most - 1] == x)
				return x;
		}
	return XL_FAIL(c, XL_NA);
}

/* --- pairs ----------------------------------------------------------------------------------------------------- */

XL_FN
xl_correl(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[0], &c->arg[1]);

	if (p.n < 1 || p.sxx == 0 || p.syy == 0)
		return XL_FAIL(c, XL_DIV0);
	return p.sxy / ks_sqrt(p.sxx * p.syy);
}

XL_FN
xl_rsq(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[0], &c->arg[1]);

	if (p.n < 1 || p.sxx == 0 || p.syy == 0)
		return XL_FAIL(c, XL_DIV0);
	return p.sxy * p.sxy / (p.sxx * p.syy);
}

XL_FN
xl_covariance_p(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[0], &c->arg[1]);

	return p.n ? p.sxy / p.n : XL_FAIL(c, XL_DIV0);
}

XL_FN
xl_covariance_s(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[0], &c->arg[1]);

	return p.n > 1 ? p.sxy / (p.n - 1) : XL_FAIL(c, XL_DIV0);
}

/* known y first, then known x */
XL_FN
xl_slope(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[1], &c->arg[0]);

	return p.n && p.sxx != 0 ? p.sxy / p.sxx : XL_FAIL(c, XL_DIV0);
}

XL_FN
xl_intercept(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[1], &c->arg[0]);

	return p.n && p.sxx != 0 ? p.my - p.sxy / p.sxx * p.mx : XL_FAIL(c, XL_DIV0);
}

XL_FN
xl_steyx(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[1], &c->arg[0]);
	double s;

	if (p.n < 3 || p.sxx == 0)
		return XL_FAIL(c, XL_DIV0);
	s = p.syy - p.sxy * p.sxy / p.sxx;
	return s > 0 ? ks_sqrt(s / (p.n - 2)) : 0.0;
}

XL_FN
xl_forecast(struct xl_call *c)
{
	struct xl_pairs p = xl_pairs(&c->arg[2], &c->arg[1]);
	double b;

	if (!p.n || p.sxx == 0)
		return XL_FAIL(c, XL_DIV0);
	b = p.sxy / p.sxx;
	return p.my - b * p.mx + b * XL_ARG(c, 0);
}

XL_FN
xl_prob(struct xl_call *c)
{
	double lo = XL_ARG(c, 2), hi = c->nargs > 3 ? XL_OPT(c, 3, lo) : lo, total = 0, s = 0;

	if (!c->arg[0].n)
		return XL_FAIL(c, XL_DIV0);
	for (int i = 0; i < c->arg[0].n; i++) {
		double x = c->arg[0].x[i], p = c->arg[1].x[i];

		if (!(p >= 0) || p > 1)
			return XL_FAIL(c, XL_NUM);
		total += p;
		if (x >= lo && x <= hi)
			s = s + p;
	}
	return ks_abs(total - 1) < 1e-9 ? s : XL_FAIL(c, XL_NUM);
}

/* --- transformations --------------------------------------------------------------------------------------------- */

XL_FN
xl_standardize(struct xl_call *c)
{
	double sd = XL_ARG(c, 2);

	return sd > 0 ? (XL_ARG(c, 0) - XL_ARG(c, 1)) / sd : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_fisher(struct xl_call *c)
{
	return ks_abs(XL_ARG(c, 0)) < 1 ? ks_atanh(XL_ARG(c, 0)) : XL_FAIL(c, XL_NUM);
}

XL_FN xl_fisherinv(struct xl_call *c) { return ks_tanh(XL_ARG(c, 0)); }

#endif
