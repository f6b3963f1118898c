/* partial: see partial.h. */
#include "stats/partial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- writing ------------------------------------------------------------------------------------------------- */

struct writer {
	int fd;
	const struct partial_head *h;
	struct buf b;
	int64_t lines;
	struct err *e;
	int failed;
};

static void
begin(struct writer *w, const char *part)
{
	buf_clear(&w->b);
	w->failed |= record_begin(&w->b, "partial", w->h->job, w->h->attempt);
	w->failed |= record_str(&w->b, "part", part);
	w->failed |= record_str(&w->b, "run", w->h->run);
}

static void
end(struct writer *w)
{
	w->failed |= record_end(&w->b);
	w->lines++;
	if (w->failed) {
		err_nomem(w->e);
		return;
	}
	if (record_emit(w->fd, &w->b, w->e) < 0)
		w->failed = -1;
}

static void
open_array(struct writer *w, const char *key)
{
	w->failed |= buf_printf(&w->b, ",\"%s\":[", key);
}

static void
item(struct writer *w, double x)
{
	if (w->b.s[w->b.len - 1] != '[')
		w->failed |= buf_putc(&w->b, ',');
	if (isinf(x))
		w->failed |= buf_puts(&w->b, x > 0 ? "\"inf\"" : "\"-inf\"");
	else
		w->failed |= record_number(&w->b, x);
}

static void
close_array(struct writer *w)
{
	w->failed |= buf_putc(&w->b, ']');
}

#define ROOM 3800 /* a line is closed beyond this many bytes */

static void
write_column(struct writer *w, const struct stats *s, int i)
{
	const struct stats_column *c = &s->col[i];

	begin(w, "column");
	record_int(&w->b, "column", i);
	{ /* names are for people: one longer than a line holds is cut */
		char name[1200];

		snprintf(name, sizeof name, "%s", w->h->col[i].name ? w->h->col[i].name : "");
		w->failed |= record_str(&w->b, "name", name);
	}
	if (w->h->col[i].cell)
		w->failed |= record_str(&w->b, "cell", w->h->col[i].cell);
	if (w->h->col[i].text && strlen(w->h->col[i].text) < 500)
		w->failed |= record_str(&w->b, "text", w->h->col[i].text);
	open_array(w, "scale");
	item(w, c->centre);
	item(w, c->width);
	item(w, c->whole);
	close_array(w);
	record_int(&w->b, "n", c->n);
	open_array(w, "range");
	item(w, c->min);
	item(w, c->max);
	close_array(w);
	open_array(w, "errors");
	for (int k = 0; k < STATS_ERRORS; k++)
		item(w, (double)c->errors[k]);
	close_array(w);
	if (i < s->ntargets) {
		open_array(w, "edges");
		for (int k = 0; k + 1 < STATS_CLASSES; k++)
			item(w, c->edge[k]);
		close_array(w);
	}
	end(w);
}

static void
write_nodes(struct writer *w, const struct stats *s)
{
	for (size_t i = 0; i < s->nnodes && !w->failed; i++)
		for (size_t at = 0; at < s->nsums && !w->failed;) {
			begin(w, "node");
			record_int(&w->b, "level", s->node[i].level);
			record_int(&w->b, "index", s->node[i].index);
			record_int(&w->b, "at", (int64_t)at);
			open_array(w, "sums");
			for (; at < s->nsums && w->b.len < ROOM; at++)
				item(w, s->node[i].sum[at]);
			close_array(w);
			end(w);
		}
}

static void
write_rows(struct writer *w, const struct stats *s)
{
	for (size_t i = 0; i < s->nrows && !w->failed; i++)
		for (int at = 0; at < s->ncols && !w->failed;) {
			begin(w, "row");
			record_int(&w->b, "trial", s->row[i].trial);
			record_int(&w->b, "at", at);
			open_array(w, "d");
			for (; at < s->ncols && w->b.len < ROOM; at++)
				item(w, s->row[i].d[at]);
			close_array(w);
			end(w);
		}
}

/* Counts that are not 0 as pairs of place and count. */
static void
write_counts(struct writer *w, const char *part, int target, int which, const uint64_t *v, size_t n)
{
	for (size_t at = 0; at < n && !w->failed;) {
		while (at < n && !v[at])
			at++;
		if (at == n)
			return;
		begin(w, part);
		record_int(&w->b, "target", target);
		record_int(&w->b, "which", which);
		open_array(w, "counts");
		for (; at < n && w->b.len < ROOM; at++)
			if (v[at]) {
				item(w, (double)at);
				item(w, (double)v[at]);
			}
		close_array(w);
		end(w);
	}
}

/* What a refining pass found: each window, then its numbers as pairs of value and count. */
static void
write_windows(struct writer *w, const struct stats *s, int target)
{
	for (int i = 0; i < s->windows[target].n && !w->failed; i++) {
		struct stats_window *v = &s->windows[target].w[i];

		stats_windows_sort(v);
		begin(w, "window");
		record_int(&w->b, "target", target);
		record_int(&w->b, "which", i);
		open_array(w, "edges");
		item(w, v->lo);
		item(w, v->hi);
		close_array(w);
		record_int(&w->b, "below", v->below);
		record_bool(&w->b, "gave_up", v->gave_up);
		end(w);
		for (size_t at = 0; at < v->n && !w->failed;) {
			begin(w, "values");
			record_int(&w->b, "target", target);
			record_int(&w->b, "which", i);
			open_array(w, "counts");
			for (; at < v->n && w->b.len < ROOM; at++) {
				item(w, v->v[at].x);
				item(w, (double)v->v[at].n);
			}
			close_array(w);
			end(w);
		}
	}
}

int
partial_write(int fd, const struct partial_head *h, const struct stats *s, struct err *e)
{
	struct writer w = {.fd = fd, .h = h, .e = e};

	begin(&w, "head");
	if (h->model && strlen(h->model) < 2000)
		w.failed |= record_str(&w.b, "model", h->model);
	w.failed |= record_str(&w.b, "model_hash", h->model_hash);
	w.failed |= record_u64(&w.b, "seed", h->seed);
	w.failed |= record_int(&w.b, "trials", s->trials);
	w.failed |= record_int(&w.b, "of", h->trials);
	w.failed |= record_int(&w.b, "targets", s->ntargets);
	w.failed |= record_int(&w.b, "inputs", s->ninputs);
	end(&w);
	for (int i = 0; i < s->ncols && !w.failed; i++)
		write_column(&w, s, i);
	stats_in_order(s); /* the same lines for every number of threads */
	write_nodes(&w, s);
	write_rows(&w, s);
	for (int t = 0; t < s->ntargets && !w.failed; t++) {
		write_counts(&w, "hist", t, 0, s->linear[t], STATS_LINEAR);
		if (s->tail[t])
			write_counts(&w, "hist", t, 1, s->tail[t], 2 * STATS_TAIL);
		for (int i = 0; i < s->ninputs && !w.failed; i++)
			write_counts(&w, "rank", t, i,
			             s->rank + ((size_t)t * (size_t)s->ninputs + (size_t)i) * STATS_CLASSES * STATS_CLASSES,
			             STATS_CLASSES * STATS_CLASSES);
	}
	if (s->windows) {
		begin(&w, "refined");
		end(&w);
	}
	for (int t = 0; s->windows && t < s->ntargets && !w.failed; t++)
		write_windows(&w, s, t);
	begin(&w, "end");
	record_int(&w.b, "lines", w.lines + 1);
	end(&w);
	buf_free(&w.b);
	return w.failed ? -1 : 0;
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

struct run {
	struct partial_head h;
	struct stats *s;
	int64_t lines, want;   /* want: from the end line, 0 while it is missing */
	double *sum;           /* node in hand … */
	int level;
	int64_t index;
	size_t got;
	double *d;             /* … and row */
	int64_t trial;
	int dgot;
	uint8_t *columns;
};

struct partial_set {
	struct run *run;
	size_t n;
};

struct partial_set *
partial_set_new(void)
{
	return calloc(1, sizeof(struct partial_set));
}

void
partial_head_free(struct partial_head *h, int ncols)
{
	for (int i = 0; h->col && i < ncols; i++) {
		free(h->col[i].name);
		free(h->col[i].cell);
		free(h->col[i].text);
	}
	free(h->col);
	free(h->run);
	free(h->job);
	free(h->model);
	free(h->model_hash);
}

void
partial_set_free(struct partial_set *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		partial_head_free(&p->run[i].h, p->run[i].s ? p->run[i].s->ncols : 0);
		stats_free(p->run[i].s);
		free(p->run[i].sum);
		free(p->run[i].d);
		free(p->run[i].columns);
	}
	free(p->run);
	free(p);
}

static double
number(const struct json *j)
{
	const char *t = json_text(j);

	if (t)
		return !strcmp(t, "inf") ? INFINITY : !strcmp(t, "-inf") ? -INFINITY : NAN;
	return json_number(j);
}

static int
bad(struct err *e, const char *where, const char *what)
{
	return err_set(e, ERR_DATA, "%s: partial: %s", where, what);
}

static char *
copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int
read_head(struct run *r, const struct record *rec, const char *where, struct err *e)
{
	int64_t targets = record_get_int(rec, "targets", -1), inputs = record_get_int(rec, "inputs", -1);

	if (r->s)
		return bad(e, where, "two heads of one run");
	if (targets < 1 || targets > 100000 || inputs < 0 || inputs > 100000 || record_get_u64(rec, "seed", &r->h.seed) < 0 ||
	    !record_get_str(rec, "model_hash"))
		return bad(e, where, "head with a field missing or out of range");
	r->h.model = copy(record_get_str(rec, "model"));
	r->h.model_hash = copy(record_get_str(rec, "model_hash"));
	r->h.trials = record_get_int(rec, "of", 0);
	r->s = stats_new((int)targets, (int)inputs, isa_best(), e);
	if (!r->s)
		return -1;
	r->s->trials = record_get_int(rec, "trials", 0);
	r->s->piloted = 1;
	r->h.col = calloc((size_t)r->s->ncols + 1, sizeof *r->h.col);
	r->sum = calloc(r->s->nsums + 1, sizeof *r->sum);
	r->d = calloc((size_t)r->s->ncols + 1, sizeof *r->d);
	r->columns = calloc((size_t)r->s->ncols + 1, 1);
	return r->h.col && r->sum && r->d && r->columns ? 0 : err_nomem(e);
}

/* n numbers of an array into v; -1 if it is none or has another length. */
static int
numbers(const struct record *rec, const char *key, double *v, size_t n)
{
	const struct json *a = json_member(rec->root, key);

	if (!a || json_kind(a) != JSON_T_ARRAY || json_count(a) != n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		v[i] = number(json_element(a, i));
		if (isnan(v[i]))
			return -1;
	}
	return 0;
}

static int
read_column(struct run *r, const struct record *rec, const char *where, struct err *e)
{
	int64_t i = record_get_int(rec, "column", -1);
	struct stats_column *c;
	double scale[3], range[2], errors[STATS_ERRORS];

	if (i < 0 || i >= r->s->ncols || r->columns[i])
		return bad(e, where, "column number out of range or given twice");
	c = &r->s->col[i];
	if (numbers(rec, "scale", scale, 3) < 0 || numbers(rec, "range", range, 2) < 0 ||
	    numbers(rec, "errors", errors, STATS_ERRORS) < 0 || !(scale[1] > 0) ||
	    (i < r->s->ntargets && numbers(rec, "edges", c->edge, STATS_CLASSES - 1) < 0))
		return bad(e, where, "column with a field missing or malformed");
	c->centre = scale[0];
	c->width = scale[1];
	c->whole = scale[2] != 0;
	c->n = record_get_int(rec, "n", 0);
	c->min = range[0];
	c->max = range[1];
	for (int k = 0; k < STATS_ERRORS; k++)
		c->errors[k] = (int64_t)errors[k];
	r->h.col[i].name = copy(record_get_str(rec, "name"));
	r->h.col[i].cell = copy(record_get_str(rec, "cell"));
	r->h.col[i].text = copy(record_get_str(rec, "text"));
	r->columns[i] = 1;
	return 0;
}

/* Part of a long list of numbers that begins at `at`: the next ones. Returns how many, -1 if malformed. */
static int64_t
read_piece(const struct record *rec, const char *key, size_t at, double *v, size_t n)
{
	const struct json *a = json_member(rec->root, key);

	if (!a || json_kind(a) != JSON_T_ARRAY || record_get_int(rec, "at", -1) != (int64_t)at || json_count(a) > n - at)
		return -1;
	for (size_t i = 0; i < json_count(a); i++) {
		v[at + i] = number(json_element(a, i));
		if (isnan(v[at + i])) /* a sum that overflowed: null */
			v[at + i] = NAN;
	}
	return (int64_t)json_count(a);
}

static int
read_node(struct run *r, const struct record *rec, const char *where, struct err *e)
{
	int64_t level = record_get_int(rec, "level", -1), index = record_get_int(rec, "index", -1), k;

	if (level < 0 || level > 50 || index < 0)
		return bad(e, where, "node out of range");
	if (r->got && (r->level != level || r->index != index))
		return bad(e, where, "node cut short");
	r->level = (int)level;
	r->index = index;
	k = read_piece(rec, "sums", r->got, r->sum, r->s->nsums);
	if (k < 0)
		return bad(e, where, "node malformed");
	r->got += (size_t)k;
	if (r->got < r->s->nsums)
		return 0;
	r->got = 0;
	return stats_put_node(r->s, r->level, r->index, r->sum) < 0 ? err_nomem(e) : 0;
}

static int
read_row(struct run *r, const struct record *rec, const char *where, struct err *e)
{
	int64_t trial = record_get_int(rec, "trial", -1), k;

	if (trial < 0 || (r->dgot && r->trial != trial))
		return bad(e, where, "row malformed");
	r->trial = trial;
	k = read_piece(rec, "d", (size_t)r->dgot, r->d, (size_t)r->s->ncols);
	if (k < 0)
		return bad(e, where, "row malformed");
	r->dgot += (int)k;
	if (r->dgot < r->s->ncols)
		return 0;
	r->dgot = 0;
	return stats_put_row(r->s, trial, r->d) < 0 ? err_nomem(e) : 0;
}

static int
read_counts(struct run *r, const struct record *rec, int rank, const char *where, struct err *e)
{
	const struct json *a = json_member(rec->root, "counts");
	int64_t t = record_get_int(rec, "target", -1), w = record_get_int(rec, "which", -1);
	size_t n = rank ? STATS_CLASSES * STATS_CLASSES : w ? 2 * STATS_TAIL : STATS_LINEAR;
	uint64_t *v;

	if (t < 0 || t >= r->s->ntargets || w < 0 || w >= (rank ? r->s->ninputs : 2) || !a || json_kind(a) != JSON_T_ARRAY ||
	    json_count(a) % 2)
		return bad(e, where, "counts malformed");
	if (!rank && w && !r->s->tail[t] && !(r->s->tail[t] = calloc(2 * STATS_TAIL, sizeof **r->s->tail)))
		return err_nomem(e);
	v = rank ? r->s->rank + ((size_t)t * (size_t)r->s->ninputs + (size_t)w) * n : w ? r->s->tail[t] : r->s->linear[t];
	for (size_t i = 0; i + 1 < json_count(a); i += 2) {
		double at = number(json_element(a, i)), k = number(json_element(a, i + 1));

		if (!(at >= 0 && at < (double)n) || !(k >= 0))
			return bad(e, where, "counts out of range");
		v[(size_t)at] += (uint64_t)k;
	}
	return 0;
}

static int
read_window(struct run *r, const struct record *rec, const char *where, struct err *e)
{
	int64_t t = record_get_int(rec, "target", -1), w = record_get_int(rec, "which", -1);
	const struct json *up = json_member(rec->root, "gave_up");
	struct stats_edge edge = {.target = (int)t};
	double v[2];

	if (t < 0 || t >= r->s->ntargets || !r->s->windows || w != r->s->windows[t].n || w >= 3 * STATS_WINDOWS ||
	    numbers(rec, "edges", v, 2) < 0 || (w && !(v[0] > r->s->windows[t].w[w - 1].hi)) || !(v[0] <= v[1]))
		return bad(e, where, "window malformed");
	edge.lo = v[0];
	edge.hi = v[1];
	if (stats_windows_set(r->s, &edge, 1, e) < 0)
		return -1;
	r->s->windows[t].w[w].below = record_get_int(rec, "below", 0);
	r->s->windows[t].w[w].gave_up = up && json_kind(up) == JSON_T_BOOL && json_truth(up);
	return 0;
}

static int
read_values(struct run *r, const struct record *rec, const char *where, struct err *e)
{
	const struct json *a = json_member(rec->root, "counts");
	int64_t t = record_get_int(rec, "target", -1), w = record_get_int(rec, "which", -1);

	if (t < 0 || t >= r->s->ntargets || !r->s->windows || w < 0 || w >= r->s->windows[t].n || !a ||
	    json_kind(a) != JSON_T_ARRAY || json_count(a) % 2)
		return bad(e, where, "values malformed");
	for (size_t i = 0; i + 1 < json_count(a); i += 2) {
		double x = number(json_element(a, i)), k = number(json_element(a, i + 1));

		if (!(x >= r->s->windows[t].w[w].lo && x <= r->s->windows[t].w[w].hi) || !(k >= 1))
			return bad(e, where, "values out of range");
		if (stats_windows_put(r->s, (int)t, (int)w, x, (int64_t)k) < 0)
			return err_nomem(e);
	}
	return 0;
}

static struct run *
find_run(struct partial_set *p, const struct record *rec)
{
	const char *id = record_get_str(rec, "run");
	struct run *v;

	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->run[i].h.run, id))
			return &p->run[i];
	v = realloc(p->run, (p->n + 1) * sizeof *v);
	if (!v)
		return NULL;
	p->run = v;
	memset(&v[p->n], 0, sizeof *v);
	v[p->n].h.run = strdup(id);
	v[p->n].h.job = copy(rec->job);
	v[p->n].h.attempt = rec->attempt;
	return &v[p->n++];
}

int
partial_add(struct partial_set *p, const struct record *rec, const char *where, struct err *e)
{
	const char *part = record_get_str(rec, "part");
	struct run *r = find_run(p, rec);

	if (!r)
		return err_nomem(e);
	r->lines++;
	if (strcmp(part, "head") && !r->s)
		return bad(e, where, "a part before its head");
	if (!strcmp(part, "head"))
		return read_head(r, rec, where, e);
	if (!strcmp(part, "column"))
		return read_column(r, rec, where, e);
	if (!strcmp(part, "node"))
		return read_node(r, rec, where, e);
	if (!strcmp(part, "row"))
		return read_row(r, rec, where, e);
	if (!strcmp(part, "hist") || !strcmp(part, "rank"))
		return read_counts(r, rec, part[0] == 'r', where, e);
	if (!strcmp(part, "refined"))
		return stats_windows_set(r->s, NULL, 0, e);
	if (!strcmp(part, "window"))
		return read_window(r, rec, where, e);
	if (!strcmp(part, "values"))
		return read_values(r, rec, where, e);
	if (!strcmp(part, "end")) {
		r->want = record_get_int(rec, "lines", 0);
		return r->want > 0 ? 0 : bad(e, where, "end without a number of lines");
	}
	return bad(e, where, "unknown part");
}

/* --- merging ------------------------------------------------------------------------------------------------------ */

static int
same_job(const char *a, const char *b)
{
	return (!a && !b) || (a && b && !strcmp(a, b));
}

int
partial_job(const struct partial_set *p, size_t i, const char **job)
{
	for (size_t k = 0; k < p->n; k++) {
		size_t j = 0;

		while (j < k && !same_job(p->run[j].h.job, p->run[k].h.job))
			j++;
		if (j < k)
			continue;
		if (i-- == 0) {
			*job = p->run[k].h.job;
			return 1;
		}
	}
	return 0;
}

static int
check_run(const struct run *r, struct err *e)
{
	int missing = !r->s || !r->want || r->lines != r->want || r->got || r->dgot;

	for (int i = 0; !missing && i < r->s->ncols; i++)
		missing |= !r->columns[i];
	if (!missing)
		return 0;
	return err_set(e, ERR_DATA, "partial result of run %.8s is incomplete: %lld lines%s%lld", r->h.run, (long long)r->lines,
	               r->want ? " of " : ", no end line; expected ", (long long)r->want);
}

static int
check_overlap(const struct stats *a, const struct stats *b, struct err *e)
{
	struct stats_range *x = NULL, *y = NULL;
	size_t nx, ny;
	int rc = 0;

	if (stats_ranges(a, &x, &nx) < 0 || stats_ranges(b, &y, &ny) < 0)
		rc = err_nomem(e);
	for (size_t i = 0; !rc && i < nx; i++)
		for (size_t k = 0; !rc && k < ny; k++) {
			int64_t lo = x[i].first > y[k].first ? x[i].first : y[k].first;
			int64_t hi = x[i].last < y[k].last ? x[i].last : y[k].last;

			if (lo < hi)
				rc = err_set(e, ERR_DATA, "trials %lld..%lld are there twice", (long long)lo, (long long)hi);
		}
	free(x);
	free(y);
	return rc;
}

static int
check_gaps(const struct stats *s, struct err *e)
{
	struct stats_range *r = NULL;
	size_t n;
	int rc = 0;

	if (stats_ranges(s, &r, &n) < 0)
		rc = err_nomem(e);
	else if (n && r[0].first > 0)
		rc = err_set(e, ERR_DATA, "trials 0..%lld are missing (--allow-gaps takes what is there)", (long long)r[0].first);
	else if (n > 1)
		rc = err_set(e, ERR_DATA, "trials %lld..%lld are missing (--allow-gaps takes what is there)",
		             (long long)r[0].last, (long long)r[1].first);
	free(r);
	return rc;
}

struct stats *
partial_merge(struct partial_set *p, const char *job, int allow_gaps, const struct partial_head **head, struct err *e)
{
	struct stats *total = NULL;
	const struct run *first = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct run *r = &p->run[i];

		if (!same_job(r->h.job, job))
			continue;
		if (check_run(r, e) < 0)
			goto fail;
		if (!first) {
			first = r;
			total = stats_like(r->s, e);
			if (!total)
				return NULL;
		} else if (strcmp(first->h.model_hash, r->h.model_hash)) {
			err_set(e, ERR_DATA, "parts of different models: run %.8s and run %.8s", first->h.run, r->h.run);
			goto fail;
		} else if (first->h.seed != r->h.seed) {
			err_set(e, ERR_DATA, "parts with different seeds: %llu and %llu", (unsigned long long)first->h.seed,
			        (unsigned long long)r->h.seed);
			goto fail;
		}
		if (check_overlap(total, r->s, e) < 0 || stats_merge_into(total, r->s, e) < 0)
			goto fail;
	}
	if (!total) {
		err_set(e, ERR_NOINPUT, "no partial results");
		return NULL;
	}
	if (!allow_gaps && check_gaps(total, e) < 0)
		goto fail;
	*head = &first->h;
	return total;
fail:
	stats_free(total);
	return NULL;
}
