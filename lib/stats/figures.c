/* figures: moments, quantiles, correlations from sums and counts. See stats.h. */
#include <math.h>
#include <stdlib.h>

#include "kernels/math.h"
#include "stats/stats.h"

double
stats_normal_quantile(double p)
{
	return ks_norm_inv(p);
}

void
stats_moments(const struct stats *s, const double *sums, int col, struct stats_moments *out)
{
	const double *t = sums + 4 * col;
	double n = (double)s->col[col].n, m, m2, m3, m4, var;

	*out = (struct stats_moments){s->col[col].n, NAN, NAN, NAN, NAN, NAN};
	if (n < 1)
		return;
	m = t[0] / n;
	out->mean = s->col[col].centre + m;
	m2 = t[1] / n - m * m;
	if (m2 < 0)
		m2 = 0;
	if (s->col[col].min == s->col[col].max) { /* a constant: nothing that rounding left behind */
		out->mean = s->col[col].min;
		m2 = 0;
	} else if (!(m2 < INFINITY) || (s->col[col].max - s->col[col].min) * (s->col[col].max - s->col[col].min) < 1e-290) {
		m2 = NAN; /* squares beyond the range of doubles: no deviation rather than a wrong one */
	}
	if (n < 2)
		return;
	var = m2 * n / (n - 1);
	out->sd = sqrt(var);
	out->mean_error = sqrt(var / n);
	if (!(m2 > 0))
		return;
	m3 = t[2] / n - 3 * m * t[1] / n + 2 * m * m * m;
	m4 = t[3] / n - 4 * m * t[2] / n + 6 * m * m * t[1] / n - 3 * m * m * m * m;
	out->skew = m3 / (m2 * sqrt(m2));
	out->kurt = m4 / (m2 * m2) - 3;
}

/* --- bins: lower tail from the far end, linear bins, upper tail ------------------------------------------------- */

static double
tail_edge(size_t k)
{
	/* inverse of tail_bin in stats.c: exponent and six bits */
	double e = (double)(k >> 6) + 14, f = 1 + (double)(k & 63) / 64;

	return ldexp(f, (int)e);
}

/* Edges of a bin. */
static void
stats_bin_edges(const struct stats *s, int target, size_t bin, double *lo, double *hi)
{
	const struct stats_column *c = &s->col[target];

	if (bin < STATS_TAIL) {
		size_t k = STATS_TAIL - 1 - bin;

		*lo = -tail_edge(k + 1);
		*hi = -tail_edge(k);
	} else if (bin < STATS_TAIL + STATS_LINEAR) {
		*lo = (double)(bin - STATS_TAIL) - STATS_LINEAR / 2;
		*hi = *lo + 1;
		if (c->whole)
			*hi = *lo;
	} else {
		size_t k = bin - STATS_TAIL - STATS_LINEAR;

		*lo = tail_edge(k);
		*hi = tail_edge(k + 1);
	}
	*lo = c->centre + *lo * c->width;
	*hi = c->centre + *hi * c->width;
	if (*lo < c->min)
		*lo = c->min;
	if (*hi > c->max)
		*hi = c->max;
	if (*lo > c->max)
		*lo = c->max;
	if (*hi < c->min)
		*hi = c->min;
}

static uint64_t
bin_count(const struct stats *s, int target, size_t bin)
{
	if (bin < STATS_TAIL)
		return s->tail[target] ? s->tail[target][STATS_TAIL - 1 - bin] : 0;
	if (bin < STATS_TAIL + STATS_LINEAR)
		return s->linear[target][bin - STATS_TAIL];
	return s->tail[target] ? s->tail[target][bin - STATS_LINEAR] : 0;
}

/* Bins without tails are not walked. */
static void
bin_limits(const struct stats *s, int target, size_t *from, size_t *to)
{
	*from = s->tail[target] ? 0 : STATS_TAIL;
	*to = s->tail[target] ? STATS_BINS : STATS_TAIL + STATS_LINEAR;
}

/* Value of order statistic r (a real number from 0 to n): interpolated inside its bin. */
static double
at_rank(const struct stats *s, int target, double r, double *width)
{
	const struct stats_column *c = &s->col[target];
	uint64_t below = 0;
	size_t from, to;
	double lo, hi;

	if (width)
		*width = 0;
	if (r <= 0)
		return c->min;
	bin_limits(s, target, &from, &to);
	for (size_t b = from; b < to; b++) {
		uint64_t k = bin_count(s, target, b);

		if (!k)
			continue;
		if ((double)(below + k) >= r) {
			stats_bin_edges(s, target, b, &lo, &hi);
			if (width)
				*width = hi - lo;
			return lo + (hi - lo) * ((r - (double)below) / (double)k);
		}
		below += k;
	}
	return c->max;
}

int
stats_rank_bin(const struct stats *s, int target, double r, double *lo, double *hi)
{
	uint64_t below = 0;
	size_t from, to;

	bin_limits(s, target, &from, &to);
	for (size_t b = from; b < to; b++) {
		below += bin_count(s, target, b);
		if ((double)below >= r) {
			stats_bin_edges(s, target, b, lo, hi);
			return 1;
		}
	}
	return 0;
}

void
stats_quantile(const struct stats *s, int target, double p, double confidence, struct stats_quantile *out)
{
	double n = (double)s->col[target].n, z, half;

	*out = (struct stats_quantile){NAN, NAN, NAN, NAN, 0};
	if (n < 1)
		return;
	z = -stats_normal_quantile((1 - confidence) / 2);
	half = z * sqrt(n * p * (1 - p));
	if (s->windows && stats_windows_quantile(s, target, p, half, out))
		return;
	out->x = at_rank(s, target, p * n, &out->bound);
	out->lo = at_rank(s, target, p * n - half, NULL);
	out->hi = p * n + half >= n ? s->col[target].max : at_rank(s, target, p * n + half, NULL);
}

double
stats_above(const struct stats *s, int target, double x)
{
	double n = (double)s->col[target].n, above = 0, lo, hi;
	int64_t counted;
	size_t from, to;

	if (n < 1)
		return NAN;
	if (s->windows && (counted = stats_windows_above(s, target, x)) >= 0)
		return (double)counted / n;
	bin_limits(s, target, &from, &to);
	for (size_t b = from; b < to; b++) {
		double k = (double)bin_count(s, target, b);

		if (k == 0)
			continue;
		stats_bin_edges(s, target, b, &lo, &hi);
		if (lo > x)
			above += k;
		else if (hi > x && hi > lo)
			above += k * (hi - x) / (hi - lo);
	}
	return above / n;
}

double
stats_tail_mean(const struct stats *s, int target, double p, int upper)
{
	double n = (double)s->col[target].n, want = upper ? (1 - p) * n : p * n, left = want, sum = 0, lo, hi;
	size_t from, to;

	if (n < 1 || want <= 0)
		return NAN;
	bin_limits(s, target, &from, &to);
	for (size_t i = 0; i < to - from && left > 0; i++) {
		size_t b = upper ? to - 1 - i : from + i;
		double k = (double)bin_count(s, target, b), take = k < left ? k : left;

		if (k == 0)
			continue;
		stats_bin_edges(s, target, b, &lo, &hi);
		/* a bin taken in part gives its outer part */
		if (take < k && upper)
			lo = hi - (hi - lo) * take / k;
		else if (take < k)
			hi = lo + (hi - lo) * take / k;
		sum += take * (lo + hi) / 2;
		left -= take;
	}
	return sum / want;
}

void
stats_histogram(const struct stats *s, int target, double x0, double x1, int n, double *counts)
{
	double w = (x1 - x0) / n, lo, hi;
	size_t from, to;

	for (int i = 0; i < n; i++)
		counts[i] = 0;
	if (!(w > 0))
		return;
	bin_limits(s, target, &from, &to);
	for (size_t b = from; b < to; b++) {
		double k = (double)bin_count(s, target, b), i0, i1;

		if (k == 0)
			continue;
		stats_bin_edges(s, target, b, &lo, &hi);
		i0 = floor((lo - x0) / w);
		i1 = floor((hi - x0) / w);
		if (hi <= lo || i0 == i1 || i1 - i0 > 1e6) {
			double i = floor(((lo + hi) / 2 - x0) / w);

			if (i == n && (lo + hi) / 2 <= x1)
				i = n - 1;
			if (i >= 0 && i < n)
				counts[(int)i] += k;
			continue;
		}
		for (double i = i0; i <= i1; i++) { /* a bin across an edge is shared out */
			double a = x0 + i * w > lo ? x0 + i * w : lo, c = x0 + (i + 1) * w < hi ? x0 + (i + 1) * w : hi;
			double j = i == n ? n - 1 : i;

			if (j >= 0 && j < n && c > a)
				counts[(int)j] += k * (c - a) / (hi - lo);
		}
	}
}

/* --- what drives a target ---------------------------------------------------------------------------------------- */

double
stats_pearson(const struct stats *s, const double *sums, int target, int input)
{
	int c = s->ntargets + input;
	double n = (double)s->trials, mt, mi, vt, vi, cov;

	if (n < 2 || s->col[target].n != s->trials)
		n = (double)s->col[target].n; /* errors count as the centre in the cross sum: near enough, and said so */
	if (n < 2)
		return NAN;
	mt = sums[4 * target] / n;
	mi = sums[4 * c] / n;
	vt = sums[4 * target + 1] / n - mt * mt;
	vi = sums[4 * c + 1] / n - mi * mi;
	cov = sums[4 * s->ncols + target * s->ninputs + input] / n - mt * mi;
	return vt > 0 && vi > 0 ? cov / sqrt(vt * vi) : NAN;
}

/* Middle ranks of classes; Spearman's coefficient is Pearson's of them, ties and all. */
double
stats_spearman(const struct stats *s, int target, int input)
{
	const uint64_t *t = s->rank + ((size_t)target * (size_t)s->ninputs + (size_t)input) * STATS_CLASSES * STATS_CLASSES;
	double row[STATS_CLASSES] = {0}, col[STATS_CLASSES] = {0}, rr[STATS_CLASSES], rc[STATS_CLASSES];
	double n = 0, below, vr = 0, vc = 0, cov = 0, mid;

	for (int i = 0; i < STATS_CLASSES; i++)
		for (int k = 0; k < STATS_CLASSES; k++) {
			row[i] += (double)t[i * STATS_CLASSES + k];
			col[k] += (double)t[i * STATS_CLASSES + k];
			n += (double)t[i * STATS_CLASSES + k];
		}
	if (n < 2)
		return NAN;
	mid = n / 2;
	below = 0;
	for (int i = 0; i < STATS_CLASSES; i++) {
		rr[i] = below + row[i] / 2 - mid;
		below += row[i];
		vr += row[i] * rr[i] * rr[i];
	}
	below = 0;
	for (int i = 0; i < STATS_CLASSES; i++) {
		rc[i] = below + col[i] / 2 - mid;
		below += col[i];
		vc += col[i] * rc[i] * rc[i];
	}
	for (int i = 0; i < STATS_CLASSES; i++)
		for (int k = 0; k < STATS_CLASSES; k++)
			cov += (double)t[i * STATS_CLASSES + k] * rr[i] * rc[k];
	return vr > 0 && vc > 0 ? cov / sqrt(vr * vc) : NAN;
}
