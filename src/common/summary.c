/* summary: see summary.h. */
#include "common/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "workbook/workbook.h"

void
summary_options_init(struct summary_options *o)
{
	static const double usual[] = {0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99};

	memset(o, 0, sizeof *o);
	memcpy(o->percentile, usual, sizeof usual);
	o->npercentiles = sizeof usual / sizeof usual[0];
	o->confidence = 0.95;
	o->bins = 50;
	o->width = cli_width(1);
	o->format = isatty(1) ? CLI_TABLE : CLI_NDJSON;
}

static void
parse_percentiles(struct summary_options *o, const char *s)
{
	const char *all = s;

	o->npercentiles = 0;
	while (*s) {
		double x;
		size_t n = num_scan_double(s, &x);

		if (!n || !(x > 0 && x < 100) || (s[n] && s[n] != ',') || o->npercentiles == 64)
			cli_usage("-p: \"%s\" is not a list of up to 64 percentiles between 0 and 100", all);
		o->percentile[o->npercentiles++] = x / 100;
		s += n + (s[n] == ',');
	}
}

void
summary_option(struct summary_options *o, int c, char *arg)
{
	int64_t n;
	double x;

	switch (c) {
	case 'p':
		parse_percentiles(o, arg);
		break;
	case 'o':
		o->output = arg;
		if (o->format == CLI_TABLE)
			o->format = CLI_NDJSON;
		break;
	case SUMMARY_OPT_ABOVE:
		if (num_parse_double(arg, strlen(arg), &x) < 0 || o->nabove == 64)
			cli_usage("--above: \"%s\" is not a number", arg);
		o->above[o->nabove++] = x;
		break;
	case SUMMARY_OPT_VAR:
		if (num_parse_double(arg, strlen(arg), &x) < 0 || !(x > 0 && x < 100))
			cli_usage("--var: \"%s\" is not a percentage between 0 and 100", arg);
		o->var_level = x / 100;
		break;
	case SUMMARY_OPT_CONFIDENCE:
		if (num_parse_double(arg, strlen(arg), &x) < 0 || !(x > 0 && x < 100))
			cli_usage("--confidence: \"%s\" is not a percentage between 0 and 100", arg);
		o->confidence = x / 100;
		break;
	case SUMMARY_OPT_BINS:
		if (num_parse_int(arg, 1, 10000, &n) < 0)
			cli_usage("--bins: \"%s\" is not a number from 1 to 10000", arg);
		o->bins = (int)n;
		break;
	case SUMMARY_OPT_WIDTH:
		if (num_parse_int(arg, 20, 1000, &n) < 0)
			cli_usage("--width: \"%s\" is not a number from 20 to 1000", arg);
		o->width = (int)n;
		break;
	case SUMMARY_OPT_FORMAT:
		o->format = cli_format(arg, "table ndjson json csv");
		break;
	default:
		cli_usage_hint();
	}
}

/* --- JSON ------------------------------------------------------------------------------------------------------ */

/* Percentiles that are shown, value at risk among them. */
static int
all_percentiles(const struct summary_options *o, double p[65])
{
	memcpy(p, o->percentile, (size_t)o->npercentiles * sizeof *p);
	if (o->var_level > 0)
		p[o->npercentiles] = 1 - o->var_level;
	return o->npercentiles + (o->var_level > 0);
}

int
summary_edges(const struct summary_options *o, const struct stats *s, struct stats_edge **edge, size_t *n)
{
	double p[65];
	int np = all_percentiles(o, p), rc = 0;

	*edge = NULL;
	*n = 0;
	for (int t = 0; t < s->ntargets && !rc; t++)
		rc = stats_windows_choose(s, t, p, np, o->confidence, o->above, o->nabove, edge, n);
	return rc;
}

int
summary_exact(const struct summary_options *o, const struct stats *s, int *target, double *percentile)
{
	double p[65];
	int np = all_percentiles(o, p);

	for (int t = 0; t < s->ntargets; t++)
		for (int i = 0; i < np; i++) {
			struct stats_quantile q;

			stats_quantile(s, t, p[i], o->confidence, &q);
			if (s->col[t].n && !q.exact) {
				*target = t;
				*percentile = 100 * p[i];
				return 0;
			}
		}
	return 1;
}

/* Where a second pass has to look: sim-engine --refine reads it. */
static void
put_refine(struct buf *b, const struct summary_options *o, const struct stats *s, int t)
{
	struct stats_edge *edge = NULL;
	size_t n = 0;
	double p[65];
	int np = all_percentiles(o, p);

	if (s->windows || stats_windows_choose(s, t, p, np, o->confidence, o->above, o->nabove, &edge, &n) < 0) {
		free(edge);
		return;
	}
	buf_puts(b, ",\"refine\":[");
	for (size_t i = 0; i < n; i++) {
		buf_puts(b, i ? ",[" : "[");
		record_number(b, edge[i].lo);
		buf_putc(b, ',');
		record_number(b, edge[i].hi);
		buf_putc(b, ']');
	}
	buf_putc(b, ']');
	free(edge);
}

static void
put_target(struct buf *b, const struct summary_options *o, const struct stats *s, const double *sums,
           const struct partial_head *h, int t)
{
	const struct stats_column *c = &s->col[t];
	struct stats_moments m;
	struct stats_quantile q;
	double z = -stats_normal_quantile((1 - o->confidence) / 2), *count, all = 0;
	int64_t errors = 0;
	int first = 1;

	stats_moments(s, sums, t, &m);
	buf_putc(b, '{');
	record_str(b, "name", h->col[t].name);
	record_str(b, "cell", h->col[t].cell);
	record_int(b, "n", m.n);
	for (int k = 1; k < STATS_ERRORS; k++)
		errors += c->errors[k];
	record_int(b, "errors", errors);
	buf_puts(b, ",\"errors_by_kind\":{");
	for (int k = 1; k < STATS_ERRORS; k++)
		if (c->errors[k])
			record_int(b, xl_error_name((enum xl_error)k), c->errors[k]);
	buf_putc(b, '}');
	record_num(b, "mean", m.mean);
	record_num(b, "mean_error", m.mean_error);
	buf_puts(b, ",\"mean_interval\":[");
	record_number(b, m.mean - z * m.mean_error);
	buf_putc(b, ',');
	record_number(b, m.mean + z * m.mean_error);
	buf_putc(b, ']');
	record_num(b, "sd", m.sd);
	record_num(b, "skewness", m.skew);
	record_num(b, "kurtosis", m.kurt);
	record_num(b, "min", m.n ? c->min : NAN);
	record_num(b, "max", m.n ? c->max : NAN);
	buf_puts(b, ",\"percentiles\":[");
	for (int i = 0; i < o->npercentiles; i++) {
		stats_quantile(s, t, o->percentile[i], o->confidence, &q);
		buf_puts(b, i ? ",{" : "{");
		record_num(b, "p", 100 * o->percentile[i]);
		record_num(b, "x", q.x);
		record_num(b, "bound", q.bound);
		record_num(b, "lo", q.lo);
		record_num(b, "hi", q.hi);
		if (q.exact)
			record_bool(b, "exact", 1);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
	put_refine(b, o, s, t);
	if (o->nabove) {
		buf_puts(b, ",\"above\":[");
		for (int i = 0; i < o->nabove; i++) {
			buf_puts(b, i ? ",{" : "{");
			record_num(b, "x", o->above[i]);
			record_num(b, "prob", stats_above(s, t, o->above[i]));
			buf_putc(b, '}');
		}
		buf_putc(b, ']');
	}
	if (o->var_level > 0) {
		stats_quantile(s, t, 1 - o->var_level, o->confidence, &q);
		buf_puts(b, ",\"var\":{");
		record_num(b, "level", 100 * o->var_level);
		record_num(b, "var", q.x);
		record_num(b, "cvar", stats_tail_mean(s, t, 1 - o->var_level, 0));
		buf_putc(b, '}');
	}
	count = calloc((size_t)o->bins, sizeof *count);
	if (count && m.n && c->max > c->min) {
		stats_histogram(s, t, c->min, c->max, o->bins, count);
		buf_puts(b, ",\"histogram\":{");
		record_num(b, "from", c->min);
		record_num(b, "to", c->max);
		buf_puts(b, ",\"counts\":[");
		for (int i = 0; i < o->bins; i++) {
			if (i)
				buf_putc(b, ',');
			record_number(b, count[i]);
		}
		buf_puts(b, "]}");
	}
	free(count);
	for (int i = 0; i < s->ninputs; i++) {
		double r = stats_spearman(s, t, i);

		all += isnan(r) ? 0 : r * r;
	}
	buf_puts(b, ",\"drivers\":[");
	for (int i = 0; i < s->ninputs; i++) {
		double r = stats_spearman(s, t, i);

		buf_puts(b, first ? "{" : ",{");
		first = 0;
		record_str(b, "input", h->col[s->ntargets + i].name);
		record_num(b, "pearson", stats_pearson(s, sums, t, i));
		record_num(b, "rank", r);
		record_num(b, "variance_share", all > 0 && !isnan(r) ? r * r / all : NAN);
		buf_putc(b, '}');
	}
	buf_puts(b, "]}");
}

static void
put_json(struct buf *b, const struct summary_options *o, const struct stats *s, const double *sums, const struct partial_head *h)
{
	struct stats_range *r = NULL;
	struct stats_moments m;
	size_t n = 0;

	record_begin(b, "summary", h->job, h->attempt);
	record_int(b, "trials", s->trials);
	record_u64(b, "seed", h->seed);
	if (h->model)
		record_str(b, "model", h->model);
	record_str(b, "model_hash", h->model_hash);
	record_num(b, "confidence", 100 * o->confidence);
	if (stats_ranges(s, &r, &n) == 0) {
		record_bool(b, "degraded", n != 1 || r[0].first != 0);
		buf_puts(b, ",\"ranges\":[");
		for (size_t i = 0; i < n; i++)
			buf_printf(b, "%s[%lld,%lld]", i ? "," : "", (long long)r[i].first, (long long)r[i].last);
		buf_putc(b, ']');
	}
	free(r);
	buf_puts(b, ",\"targets\":[");
	for (int t = 0; t < s->ntargets; t++) {
		if (t)
			buf_putc(b, ',');
		put_target(b, o, s, sums, h, t);
	}
	buf_puts(b, "],\"inputs\":[");
	for (int i = s->ntargets; i < s->ncols; i++) {
		stats_moments(s, sums, i, &m);
		buf_puts(b, i > s->ntargets ? ",{" : "{");
		record_str(b, "name", h->col[i].name);
		record_str(b, "cell", h->col[i].cell);
		record_str(b, "distribution", h->col[i].text);
		record_num(b, "mean", m.mean);
		record_num(b, "sd", m.sd);
		record_num(b, "min", s->col[i].min);
		record_num(b, "max", s->col[i].max);
		buf_putc(b, '}');
	}
	buf_puts(b, "]");
	record_end(b);
}

static void
put_csv(struct buf *b, const struct summary_options *o, const struct stats *s, const double *sums, const struct partial_head *h,
        int header)
{
	if (header) {
		buf_puts(b, "target,trials,n,errors,mean,mean_error,sd,skewness,kurtosis,min,max");
		for (int i = 0; i < o->npercentiles; i++)
			buf_printf(b, ",p%g", 100 * o->percentile[i]);
		buf_putc(b, '\n');
	}
	for (int t = 0; t < s->ntargets; t++) {
		const struct stats_column *c = &s->col[t];
		struct stats_moments m;
		struct stats_quantile q;
		double v[7];
		char num[NUM_DOUBLE_MAX];
		int64_t errors = 0;

		stats_moments(s, sums, t, &m);
		for (int k = 1; k < STATS_ERRORS; k++)
			errors += c->errors[k];
		buf_putc(b, '"');
		for (const char *p = h->col[t].name ? h->col[t].name : ""; *p; p++)
			buf_printf(b, *p == '"' ? "\"\"" : "%c", *p);
		buf_printf(b, "\",%lld,%lld,%lld", (long long)s->trials, (long long)m.n, (long long)errors);
		memcpy(v, (double[]){m.mean, m.mean_error, m.sd, m.skew, m.kurt, c->min, c->max}, sizeof v);
		for (int i = 0; i < 7 + o->npercentiles; i++) {
			double x;

			if (i >= 7) {
				stats_quantile(s, t, o->percentile[i - 7], o->confidence, &q);
				x = q.x;
			} else {
				x = v[i];
			}
			buf_putc(b, ',');
			if (isfinite(x)) {
				num_format_double(x, num);
				buf_puts(b, num);
			}
		}
		buf_putc(b, '\n');
	}
}

void
summary_write(const struct summary_options *o, const struct stats *s, const struct partial_head *h, int more)
{
	struct render_options ro = {o->percentile, o->npercentiles, o->above, o->nabove, o->var_level, o->confidence,
	                            o->bins, o->width, !o->output && cli_colour(1)};
	struct buf b = BUF_INIT;
	double *sums = calloc(s->nsums + 1, sizeof *sums);
	struct err e = {0};

	if (!sums || stats_total(s, sums) < 0) {
		err_nomem(&e);
		cli_die(&e);
	}
	switch (o->format) {
	case CLI_TABLE:
		for (int t = 0; t < s->ntargets; t++) {
			if (t || more)
				buf_putc(&b, '\n');
			if (render_target(&b, s, sums, h, t, &ro) < 0) {
				err_nomem(&e);
				cli_die(&e);
			}
		}
		break;
	case CLI_CSV:
		put_csv(&b, o, s, sums, h, !more);
		break;
	default: /* JSON is the same object as NDJSON's one line */
		put_json(&b, o, s, sums, h);
	}
	if (o->output) {
		if (io_put_file(o->output, b.s, b.len, &e) < 0)
			cli_die(&e);
	} else {
		cli_out(b.s, b.len);
	}
	free(sums);
	buf_free(&b);
}
