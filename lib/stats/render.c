/* render: see render.h. */
#include "stats/render.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "workbook/workbook.h"

static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/* A number for people: six significant digits, thousands separated. out >= 48 bytes. */
static void
render_number(double x, char *out)
{
	char s[64], *dot;
	size_t whole, k = 0;

	if (!isfinite(x)) {
		strcpy(out, isnan(x) ? "-" : x > 0 ? "inf" : "-inf");
		return;
	}
	if (x != 0 && (fabs(x) >= 1e15 || fabs(x) < 1e-4)) {
		num_format_g(x, 6, s);
		strcpy(out, s);
		return;
	}
	{
		int digits = x == 0 ? 0 : (int)floor(log10(fabs(x))) + 1;
		int decimals = digits >= 6 ? 0 : digits < 0 ? 6 - digits : 6 - (digits < 1 ? 1 : digits);
		char fmt[64];

		if (decimals > 9)
			decimals = 9;
		/* built from a whole number, so that no locale shows */
		snprintf(fmt, sizeof fmt, "%.0f", fabs(x) * pow(10, decimals));
		while ((int)strlen(fmt) <= decimals) {
			memmove(fmt + 1, fmt, strlen(fmt) + 1);
			fmt[0] = '0';
		}
		whole = strlen(fmt) - (size_t)decimals;
		snprintf(s, sizeof s, "%s%.*s%s%s", x < 0 ? "-" : "", (int)whole, fmt, decimals ? "." : "", fmt + whole);
	}
	dot = strchr(s, '.');
	if (dot) { /* zeros at the end say nothing */
		char *p = s + strlen(s);

		while (p > dot + 1 && p[-1] == '0')
			*--p = '\0';
		if (p == dot + 1)
			*dot = '\0';
		dot = strchr(s, '.');
	}
	whole = (dot ? (size_t)(dot - s) : strlen(s));
	for (size_t i = 0; s[i]; i++) {
		size_t left = whole - i;

		if (i && i < whole && left % 3 == 0 && s[i - 1] != '-')
			out[k++] = ',';
		out[k++] = s[i];
	}
	out[k] = '\0';
}

static int
paint(struct buf *b, const struct render_options *o, const char *code)
{
	return o->colour ? buf_printf(b, "\033[%sm", code) : 0;
}

static int
figure(struct buf *b, const char *label, double x)
{
	char num[48];

	render_number(x, num);
	return buf_printf(b, "  %-18s %16s", label, num);
}

static int
draw_histogram(struct buf *b, const struct stats *s, int target, const struct render_options *o)
{
	struct stats_quantile lo, hi;
	int n = o->width > 76 ? 64 : o->width > 24 ? o->width - 12 : 12, rows = 8, rc = 0;
	double *count, top = 0, x0, x1;
	char left[48], right[48], mid[48];

	if (o->bins > 0 && o->bins < n)
		n = o->bins;
	stats_quantile(s, target, 0.001, 0.95, &lo);
	stats_quantile(s, target, 0.999, 0.95, &hi);
	x0 = lo.x;
	x1 = hi.x;
	if (!(x1 > x0))
		return 0;
	if (s->col[target].whole && x1 - x0 + 1 <= n) { /* a bar a number */
		n = (int)(x1 - x0) + 1;
		x0 -= 0.5;
		x1 += 0.5;
	}
	count = calloc((size_t)n, sizeof *count);
	if (!count)
		return -1;
	stats_histogram(s, target, x0, x1, n, count);
	for (int i = 0; i < n; i++)
		top = count[i] > top ? count[i] : top;
	rc |= buf_putc(b, '\n');
	for (int r = rows - 1; r >= 0; r--) {
		rc |= buf_puts(b, "  ");
		rc |= paint(b, o, "36");
		for (int i = 0; i < n; i++) {
			double h = top > 0 ? count[i] / top * rows - r : 0;
			int e = h <= 0 ? 0 : h >= 1 ? 8 : (int)(h * 8 + 0.5);

			if (!e && r == 0 && count[i] > 0)
				e = 1;
			rc |= buf_puts(b, eighths[e]);
		}
		rc |= paint(b, o, "0");
		rc |= buf_putc(b, '\n');
	}
	free(count);
	rc |= buf_puts(b, "  ");
	for (int i = 0; i < n; i++)
		rc |= buf_puts(b, i == 0 ? "└" : i == n / 2 ? "┴" : i == n - 1 ? "┘" : "─");
	render_number(x0, left);
	render_number((x0 + x1) / 2, mid);
	render_number(x1, right);
	rc |= buf_printf(b, "\n  %-*s%s%*s\n", n / 2 - (int)strlen(mid) / 2, left, mid,
	                 n - n / 2 + (int)strlen(mid) / 2 - (int)strlen(mid), right);
	return rc;
}

struct driver {
	int input;
	double rank, pearson, share;
};

static int
by_share(const void *a, const void *b)
{
	const struct driver *x = a, *y = b;

	return x->share > y->share ? -1 : x->share < y->share;
}

static int
draw_tornado(struct buf *b, const struct stats *s, const double *sums, const struct partial_head *h, int target,
             const struct render_options *o)
{
	struct driver *d = calloc((size_t)s->ninputs + 1, sizeof *d);
	double all = 0;
	int n = 0, half = o->width > 96 ? 24 : 16, rc = 0;

	if (!d)
		return -1;
	for (int i = 0; i < s->ninputs; i++) {
		d[n].input = i;
		d[n].rank = stats_spearman(s, target, i);
		d[n].pearson = stats_pearson(s, sums, target, i);
		if (isnan(d[n].rank))
			continue;
		d[n].share = d[n].rank * d[n].rank;
		all += d[n].share;
		n++;
	}
	if (n)
		qsort(d, (size_t)n, sizeof *d, by_share);
	if (n && all > 0)
		rc |= buf_puts(b, "\n  What drives it           rank correlation, and share of the variance\n");
	for (int i = 0; i < n && i < 10 && all > 0; i++) {
		int len = (int)(fabs(d[i].rank) * half + 0.5);
		const char *name = h->col[s->ntargets + d[i].input].name;

		if (d[i].share / all < 0.0005)
			break;
		rc |= buf_printf(b, "  %-24.24s ", name ? name : "");
		rc |= paint(b, o, d[i].rank < 0 ? "31" : "32");
		for (int k = 0; k < 2 * half + 1; k++)
			rc |= buf_puts(b, k == half ? "│" : (d[i].rank < 0 ? k < half && k >= half - len : k > half && k <= half + len) ? "█" : " ");
		rc |= paint(b, o, "0");
		rc |= buf_printf(b, " %+6.3f %5.1f %%\n", d[i].rank, 100 * d[i].share / all);
	}
	free(d);
	return rc;
}

int
render_target(struct buf *b, const struct stats *s, const double *sums, const struct partial_head *h, int target,
              const struct render_options *o)
{
	const struct stats_column *c = &s->col[target];
	struct stats_moments m;
	struct stats_quantile q;
	double z = -stats_normal_quantile((1 - o->confidence) / 2);
	char lo[48], hi[48], num[48], bound[48];
	int rc = 0, errors = 0;

	stats_moments(s, sums, target, &m);
	rc |= paint(b, o, "1");
	rc |= buf_printf(b, "%s", h->col[target].name ? h->col[target].name : "target");
	rc |= paint(b, o, "0");
	if (h->col[target].cell && h->col[target].name && strcmp(h->col[target].cell, h->col[target].name))
		rc |= buf_printf(b, "  (%s)", h->col[target].cell);
	render_number((double)s->trials, num);
	rc |= buf_printf(b, "   %s trials, seed %llu\n", num, (unsigned long long)h->seed);
	for (int k = 1; k < STATS_ERRORS; k++)
		if (c->errors[k]) {
			render_number((double)c->errors[k], num);
			rc |= paint(b, o, "31");
			rc |= buf_printf(b, "  %s in %s trials (%.4g %%), left out of the figures\n",
			                 xl_error_name((enum xl_error)k), num, 100.0 * (double)c->errors[k] / (double)s->trials);
			rc |= paint(b, o, "0");
			errors = 1;
		}
	(void)errors;
	if (!m.n)
		return rc | buf_puts(b, "  no trial gave a number\n");
	render_number(m.mean - z * m.mean_error, lo);
	render_number(m.mean + z * m.mean_error, hi);
	rc |= figure(b, "mean", m.mean);
	rc |= buf_printf(b, "   %g %% between %s and %s\n", 100 * o->confidence, lo, hi);
	rc |= figure(b, "standard deviation", m.sd);
	rc |= buf_putc(b, '\n');
	rc |= figure(b, "skewness", m.skew);
	rc |= figure(b, "excess kurtosis", m.kurt);
	rc |= buf_putc(b, '\n');
	rc |= figure(b, "least", c->min);
	rc |= figure(b, "greatest", c->max);
	rc |= buf_putc(b, '\n');
	rc |= draw_histogram(b, s, target, o);
	rc |= buf_putc(b, '\n');
	for (int i = 0; i < o->npercentiles; i++) {
		char label[32];

		stats_quantile(s, target, o->percentile[i], o->confidence, &q);
		snprintf(label, sizeof label, "P%g", 100 * o->percentile[i]);
		render_number(q.lo, lo);
		render_number(q.hi, hi);
		render_number(q.bound, bound);
		rc |= figure(b, label, q.x);
		rc |= buf_printf(b, "   %s .. %s", lo, hi);
		if (q.exact)
			rc |= buf_puts(b, "  (exact)");
		else if (q.bound > 0)
			rc |= buf_printf(b, "  (bin %s)", bound);
		rc |= buf_putc(b, '\n');
	}
	for (int i = 0; i < o->nabove; i++) {
		char label[64];

		render_number(o->above[i], num);
		snprintf(label, sizeof label, "P(> %.40s)", num);
		rc |= buf_printf(b, "  %-18s %15.4f %%\n", label, 100 * stats_above(s, target, o->above[i]));
	}
	if (o->var_level > 0) {
		char label[64];

		stats_quantile(s, target, 1 - o->var_level, o->confidence, &q);
		snprintf(label, sizeof label, "VaR %g %%", 100 * o->var_level);
		rc |= figure(b, label, q.x);
		snprintf(label, sizeof label, "CVaR %g %%", 100 * o->var_level);
		rc |= buf_putc(b, '\n');
		rc |= figure(b, label, stats_tail_mean(s, target, 1 - o->var_level, 0));
		rc |= buf_putc(b, '\n');
	}
	rc |= draw_tornado(b, s, sums, h, target, o);
	return rc < 0 ? -1 : 0;
}
