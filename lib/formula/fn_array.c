/* fn_array: functions that make and reshape arrays, and that take LAMBDAs. Rows: functions/array.def. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formula/eval_internal.h"
#include "formula/fn.h"

#define CELLS_MAX 10000000.0

/* A scalar option that came as 'r'; 1 and *out where it is there. */
static int
option(struct eval *ev, const struct value *args, int nargs, int i, double *out)
{
	struct value v;

	if (i >= nargs || args[i].kind == V_MISSING)
		return 0;
	v = eval_to_scalar(ev, args[i]);
	if (v.kind == V_BLANK)
		return 0;
	if (value_to_num(&v, ev->date1904, out))
		*out = NAN;
	*out = trunc(*out);
	return 1;
}

/* The first option from `i` on that is an error is the result: 1. */
static int
bad_option(struct eval *ev, const struct value *args, int nargs, int i, struct value *out)
{
	for (; i < nargs; i++) {
		struct value v = args[i].kind == V_MISSING ? args[i] : eval_to_scalar(ev, args[i]);

		if (v.kind == V_ERROR) {
			*out = v;
			return 1;
		}
	}
	return 0;
}

static struct value *
at(struct array *a, int32_t r, int32_t c)
{
	return &a->v[(int64_t)r * a->cols + c];
}

static void
done(struct array *a, struct value *out)
{
	*out = eval_array_value(a);
}

/* Error in the first element of a 1 x 1 array is the result. */
static int
is_error(const struct array *a, struct value *out)
{
	if (a->rows != 1 || a->cols != 1 || a->v[0].kind != V_ERROR)
		return 0;
	*out = a->v[0];
	return 1;
}

void
fn_sequence(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double rows = trunc(fn_number(args, nargs, 0, 1)), cols = trunc(fn_number(args, nargs, 1, 1));
	double start = fn_number(args, nargs, 2, 1), step = fn_number(args, nargs, 3, 1);
	struct array *a;

	/* a parameter left empty in the middle means its default */
	if (call->args[0]->kind == N_MISSING)
		rows = 1;
	if (nargs > 1 && call->args[1]->kind == N_MISSING)
		cols = 1;
	if (nargs > 2 && call->args[2]->kind == N_MISSING)
		start = 1;
	if (nargs > 3 && call->args[3]->kind == N_MISSING)
		step = 1;
	if (rows < 1 || cols < 1 || rows * cols > CELLS_MAX) {
		*out = value_error(rows < 0 || cols < 0 ? XE_VALUE : XE_CALC);
		return;
	}
	a = eval_new_array(ev, (int32_t)rows, (int32_t)cols);
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++)
		a->v[i] = value_num(start + (double)i * step);
	done(a, out);
}

/* --- sorting: numbers, texts, logicals, errors, blanks last ------------------------------------------------------- */

struct sort_key {
	const struct array *by[16];
	int order[16];
	int nby, across;
	int32_t column[16];
};

static int
sort_rank(const struct value *v)
{
	return v->kind == V_BLANK ? 4 : v->kind == V_ERROR ? 3 : v->kind == V_BOOL ? 2 : v->kind == V_TEXT ? 1 : 0;
}

static int
compare_values(const struct value *a, const struct value *b, int order)
{
	int x = sort_rank(a), y = sort_rank(b), c;

	if (x == 4 || y == 4)
		return x == y ? 0 : x == 4 ? 1 : -1;
	c = x != y ? x - y : x == 3 ? a->error - b->error : value_compare(a, b);
	return order < 0 ? -c : c;
}

static int
compare_lines(const struct sort_key *k, int32_t i, int32_t j)
{
	for (int q = 0; q < k->nby; q++) {
		const struct array *b = k->by[q];
		int64_t x = k->across ? (int64_t)k->column[q] * b->cols + i : (int64_t)i * b->cols + k->column[q];
		int64_t y = k->across ? (int64_t)k->column[q] * b->cols + j : (int64_t)j * b->cols + k->column[q];
		int c = compare_values(&b->v[x], &b->v[y], k->order[q]);

		if (c)
			return c;
	}
	return 0;
}

/* Merge sort of line numbers: stable. */
static void
sort_lines(const struct sort_key *k, int32_t *v, int32_t *tmp, int32_t n)
{
	int32_t half = n / 2, i = 0, j = half, q = 0;

	if (n < 2)
		return;
	sort_lines(k, v, tmp, half);
	sort_lines(k, v + half, tmp, n - half);
	while (i < half && j < n)
		tmp[q++] = compare_lines(k, v[j], v[i]) < 0 ? v[j++] : v[i++];
	while (i < half)
		tmp[q++] = v[i++];
	while (j < n)
		tmp[q++] = v[j++];
	memcpy(v, tmp, (size_t)n * sizeof *v);
}

static struct array *
picked_lines(struct eval *ev, struct array *a, int across, const int32_t *line, int32_t n)
{
	struct array *r = across ? eval_new_array(ev, a->rows, n) : eval_new_array(ev, n, a->cols);

	for (int32_t i = 0; i < n; i++)
		for (int32_t k = 0; k < (across ? a->rows : a->cols); k++)
			*(across ? at(r, k, i) : at(r, i, k)) = *(across ? at(a, k, line[i]) : at(a, line[i], k));
	return r;
}

static void
sorted(struct eval *ev, struct array *a, const struct sort_key *k, struct value *out)
{
	int32_t n = k->across ? a->cols : a->rows;
	int32_t *line = arena_alloc(&ev->tmp, 2 * (size_t)n * sizeof *line);

	for (int32_t i = 0; i < n; i++)
		line[i] = i;
	sort_lines(k, line, line + n, n);
	done(picked_lines(ev, a, k->across, line, n), out);
}

void
fn_sort(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = args[0].u.array = eval_to_array(ev, args[0]), *idx;
	struct sort_key k = {.across = nargs > 3 && args[3].kind == V_BOOL && args[3].boolean};
	double order = fn_number(args, nargs, 2, 1);

	if (nargs > 2 && call->args[2]->kind == N_MISSING)
		order = 1;
	if (is_error(a, out))
		return;
	if (nargs > 1 && args[1].kind != V_MISSING)
		idx = eval_to_array(ev, args[1]);
	else
		idx = NULL;
	k.nby = idx ? idx->rows * idx->cols : 1;
	if (k.nby > 16 || (order != 1 && order != -1)) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (int i = 0; i < k.nby; i++) {
		double x = 1;

		if (idx && value_to_num(&idx->v[i], ev->date1904, &x))
			x = 0;
		if (x < 1 || x > (k.across ? a->rows : a->cols)) {
			*out = value_error(XE_VALUE);
			return;
		}
		k.by[i] = a;
		k.column[i] = (int32_t)x - 1;
		k.order[i] = (int)order;
	}
	sorted(ev, a, &k, out);
}

void
fn_sortby(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]);
	struct sort_key k = {0};

	UNUSED(call);
	for (int i = 1; i < nargs && k.nby < 16; i += 2) {
		struct array *by = eval_to_array(ev, args[i]);
		double order = 1;

		if (i + 1 < nargs && args[i + 1].kind != V_MISSING) {
			struct value v = eval_to_scalar(ev, args[i + 1]);

			if (v.kind != V_BLANK && value_to_num(&v, ev->date1904, &order))
				order = 0;
		}
		k.across = by->rows == 1 && by->cols > 1;
		if ((k.across ? by->cols != a->cols : by->rows != a->rows) || (order != 1 && order != -1)) {
			*out = value_error(XE_VALUE);
			return;
		}
		k.by[k.nby] = by;
		k.order[k.nby++] = (int)order;
	}
	sorted(ev, a, &k, out);
}

void
fn_filter(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *cond = eval_to_array(ev, args[1]);
	int across = cond->rows == 1 && cond->cols == a->cols && !(cond->cols == 1 && a->rows == 1);
	int32_t total = cond->rows * cond->cols, n = 0, *line = arena_alloc(&ev->tmp, (size_t)total * sizeof *line);

	UNUSED(call);
	if (is_error(a, out) || is_error(cond, out))
		return;
	if (!across && (cond->cols != 1 || cond->rows != a->rows)) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (int32_t i = 0; i < total; i++) {
		int b, k = value_to_bool(&cond->v[i], &b);

		if (k) {
			*out = value_error(k);
			return;
		}
		if (b)
			line[n++] = i;
	}
	if (n)
		done(picked_lines(ev, a, across, line, n), out);
	else
		*out = nargs > 2 && args[2].kind != V_MISSING ? args[2] : value_error(XE_CALC);
}

void
fn_unique(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]);
	int across = nargs > 1 && args[1].kind == V_BOOL && args[1].boolean;
	int once = nargs > 2 && args[2].kind == V_BOOL && args[2].boolean;
	struct sort_key k = {.across = across};
	int32_t n = across ? a->cols : a->rows, m = 0, *line = arena_alloc(&ev->tmp, (size_t)n * sizeof *line);
	int32_t *count = arena_zalloc(&ev->tmp, (size_t)n * sizeof *count);

	UNUSED(call);
	UNUSED(k);
	if (is_error(a, out))
		return;
	for (int32_t i = 0; i < n; i++) {
		int32_t j;

		for (j = 0; j < m; j++) {
			int32_t len = across ? a->rows : a->cols, q;

			for (q = 0; q < len; q++)
				if (compare_values(across ? at(a, q, line[j]) : at(a, line[j], q),
				                   across ? at(a, q, i) : at(a, i, q), 1))
					break;
			if (q == len)
				break;
		}
		if (j == m)
			line[m++] = i;
		count[j]++;
	}
	if (once) {
		int32_t kept = 0;

		for (int32_t j = 0; j < m; j++)
			if (count[j] == 1)
				line[kept++] = line[j];
		m = kept;
	}
	if (!m)
		*out = value_error(XE_CALC);
	else
		done(picked_lines(ev, a, across, line, m), out);
}

/* --- lambdas --------------------------------------------------------------------------------------------------------- */

/* An argument for a LAMBDA, elements of references as references, so that ROW() and the like see them. */
static struct value
element(struct eval *ev, struct value from, struct array *a, int32_t r, int32_t c)
{
	if (from.kind == V_REF && from.u.ref->nareas == 1) {
		const struct area *x = &from.u.ref->area[0];

		return eval_ref(ev, x->sheet1, x->row1 + r, x->col1 + c, x->row1 + r, x->col1 + c);
	}
	return *at(a, r, c);
}

static struct value
scalar_result(struct eval *ev, struct value v)
{
	if (v.kind == V_ARRAY && (v.u.array->rows > 1 || v.u.array->cols > 1))
		return value_error(XE_CALC);
	v = eval_to_scalar(ev, v);
	return v.kind == V_LAMBDA ? value_error(XE_CALC) : v.kind == V_BLANK || v.kind == V_MISSING ? value_num(0) : v;
}

void
fn_map(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a[16], *r;
	struct value v[16], f = args[nargs - 1];
	int32_t rows = 1, cols = 1;

	UNUSED(call);
	if (f.kind != V_LAMBDA || nargs > 16) {
		*out = f.kind == V_ERROR ? f : value_error(XE_VALUE);
		return;
	}
	for (int i = 0; i + 1 < nargs; i++) {
		a[i] = eval_to_array(ev, args[i]);
		rows = a[i]->rows > rows ? a[i]->rows : rows;
		cols = a[i]->cols > cols ? a[i]->cols : cols;
	}
	r = eval_new_array(ev, rows, cols);
	for (int32_t y = 0; y < rows; y++)
		for (int32_t x = 0; x < cols; x++) {
			int off = 0;

			for (int i = 0; i + 1 < nargs; i++) {
				if (y >= a[i]->rows || x >= a[i]->cols)
					off = 1;
				else
					v[i] = element(ev, args[i], a[i], y, x);
			}
			*at(r, y, x) = off ? value_error(XE_NA) : scalar_result(ev, eval_invoke(ev, f, v, nargs - 1));
		}
	done(r, out);
}

static void
accumulate(struct eval *ev, struct value *args, int keep, struct value *out)
{
	struct array *a = eval_to_array(ev, args[1]), *r = keep ? eval_new_array(ev, a->rows, a->cols) : NULL;
	struct value acc = args[0].kind == V_MISSING ? value_blank() : args[0], v[2];

	if (acc.kind == V_REF && !(ev->array_mode && eval_to_array(ev, acc)->rows * eval_to_array(ev, acc)->cols > 1))
		acc = eval_to_scalar(ev, acc);
	if (args[2].kind != V_LAMBDA) {
		*out = args[2].kind == V_ERROR ? args[2] : value_error(XE_VALUE);
		return;
	}
	for (int32_t y = 0; y < a->rows; y++)
		for (int32_t x = 0; x < a->cols; x++) {
			v[0] = acc;
			v[1] = element(ev, args[1], a, y, x);
			acc = args[0].kind == V_MISSING && !y && !x ? *at(a, y, x) : eval_invoke(ev, args[2], v, 2);
			if (keep) {
				acc = scalar_result(ev, acc);
				*at(r, y, x) = acc;
			}
		}
	*out = keep ? eval_array_value(r) : acc;
}

void
fn_reduce(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	accumulate(ev, args, 0, out);
}

void
fn_scan(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	accumulate(ev, args, 1, out);
}

static void
by_line(struct eval *ev, struct value *args, int across, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *r, *line;

	if (args[1].kind != V_LAMBDA) {
		*out = args[1].kind == V_ERROR ? args[1] : value_error(XE_VALUE);
		return;
	}
	r = across ? eval_new_array(ev, 1, a->cols) : eval_new_array(ev, a->rows, 1);
	for (int32_t i = 0; i < (across ? a->cols : a->rows); i++) {
		struct value v;

		if (args[0].kind == V_REF && args[0].u.ref->nareas == 1) {
			const struct area *x = &args[0].u.ref->area[0];

			v = across ? eval_ref(ev, x->sheet1, x->row1, x->col1 + i, x->row2, x->col1 + i)
			           : eval_ref(ev, x->sheet1, x->row1 + i, x->col1, x->row1 + i, x->col2);
		} else {
			line = across ? eval_new_array(ev, a->rows, 1) : eval_new_array(ev, 1, a->cols);
			for (int32_t k = 0; k < (across ? a->rows : a->cols); k++)
				line->v[k] = across ? *at(a, k, i) : *at(a, i, k);
			v = eval_array_value(line);
		}
		r->v[i] = scalar_result(ev, eval_invoke(ev, args[1], &v, 1));
	}
	done(r, out);
}

void
fn_byrow(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	by_line(ev, args, 0, out);
}

void
fn_bycol(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	by_line(ev, args, 1, out);
}

void
fn_makearray(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double rows = trunc(fn_number(args, nargs, 0, 0)), cols = trunc(fn_number(args, nargs, 1, 0));
	struct array *r;

	UNUSED(call);
	if (args[2].kind != V_LAMBDA || rows < 1 || cols < 1 || rows * cols > CELLS_MAX) {
		*out = args[2].kind == V_ERROR ? args[2] : value_error(XE_VALUE);
		return;
	}
	r = eval_new_array(ev, (int32_t)rows, (int32_t)cols);
	for (int32_t y = 0; y < r->rows; y++)
		for (int32_t x = 0; x < r->cols; x++) {
			struct value v[2] = {value_num(y + 1), value_num(x + 1)};

			*at(r, y, x) = scalar_result(ev, eval_invoke(ev, args[2], v, 2));
		}
	done(r, out);
}

void
fn_isomitted(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(args);
	UNUSED(nargs);
	*out = value_bool(eval_node(ev, call->args[0]).kind == V_MISSING);
}

/* --- cutting and joining ------------------------------------------------------------------------------------------------ */

/* n lines of `all`, from the start (n > 0) or the end; drop: what is left. *from and *count; 0 or an error kind. */
static int
span(double n, int32_t all, int drop, int given, int32_t *from, int32_t *count)
{
	*from = 0;
	*count = all;
	if (!given)
		return 0;
	if (isnan(n))
		return XE_VALUE;
	if (drop) {
		if (fabs(n) >= all)
			return XE_CALC;
		*count = all - (int32_t)fabs(n);
		*from = n > 0 ? (int32_t)n : 0;
	} else {
		if (n == 0)
			return XE_CALC;
		*count = fabs(n) > all ? all : (int32_t)fabs(n);
		*from = n < 0 ? all - *count : 0;
	}
	return 0;
}

static void
cut(struct eval *ev, struct value *args, int nargs, int drop, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *r;
	double n = 0, m = 0;
	int gn = option(ev, args, nargs, 1, &n), gm = option(ev, args, nargs, 2, &m), k;
	int32_t r0, rn, c0, cn;

	if (is_error(a, out) || bad_option(ev, args, nargs, 1, out))
		return;
	k = span(n, a->rows, drop, gn, &r0, &rn);
	if (!k)
		k = span(m, a->cols, drop, gm, &c0, &cn);
	if (k) {
		*out = value_error(k);
		return;
	}
	r = eval_new_array(ev, rn, cn);
	for (int32_t y = 0; y < rn; y++)
		for (int32_t x = 0; x < cn; x++)
			*at(r, y, x) = *at(a, r0 + y, c0 + x);
	done(r, out);
}

void
fn_take(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	cut(ev, args, nargs, 0, out);
}

void
fn_drop(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	cut(ev, args, nargs, 1, out);
}

static void
chosen(struct eval *ev, struct value *args, int nargs, int across, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]);
	int32_t all = across ? a->cols : a->rows, *line = NULL, n = 0, cap = 0;

	if (is_error(a, out))
		return;
	for (int i = 1; i < nargs; i++) {
		struct array *idx = eval_to_array(ev, args[i]);

		for (int32_t k = 0; k < idx->rows * idx->cols; k++) {
			double x;
			int e = value_to_num(&idx->v[k], ev->date1904, &x);

			x = e ? 0 : trunc(x);
			if (e || x == 0 || fabs(x) > all) {
				*out = value_error(e ? e : XE_VALUE);
				return;
			}
			if (n == cap) {
				int32_t *grown = arena_alloc(&ev->tmp, 2 * (size_t)(cap + 16) * sizeof *grown);

				if (n)
					memcpy(grown, line, (size_t)n * sizeof *line);
				line = grown;
				cap = 2 * (cap + 16);
			}
			line[n++] = (int32_t)(x < 0 ? all + x : x - 1);
		}
	}
	done(picked_lines(ev, a, across, line, n), out);
}

void
fn_chooserows(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	chosen(ev, args, nargs, 0, out);
}

void
fn_choosecols(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	chosen(ev, args, nargs, 1, out);
}

static void
stack(struct eval *ev, struct value *args, int nargs, int across, struct value *out)
{
	struct array *r, *a;
	int32_t len = 0, width = 0, at_line = 0;

	for (int i = 0; i < nargs; i++) {
		a = eval_to_array(ev, args[i]);
		len += across ? a->cols : a->rows;
		if ((across ? a->rows : a->cols) > width)
			width = across ? a->rows : a->cols;
	}
	r = across ? eval_new_array(ev, width, len) : eval_new_array(ev, len, width);
	for (int i = 0; i < nargs; i++) {
		int32_t n;

		a = eval_to_array(ev, args[i]);
		n = across ? a->cols : a->rows;
		for (int32_t k = 0; k < n; k++, at_line++)
			for (int32_t q = 0; q < width; q++)
				*(across ? at(r, q, at_line) : at(r, at_line, q)) =
				    q < (across ? a->rows : a->cols) ? *(across ? at(a, q, k) : at(a, k, q)) : value_error(XE_NA);
	}
	done(r, out);
}

void
fn_vstack(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	stack(ev, args, nargs, 0, out);
}

void
fn_hstack(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	stack(ev, args, nargs, 1, out);
}

/* ignore: 1 blanks, 2 errors, 3 both */
static void
to_line(struct eval *ev, struct value *args, int nargs, int row, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *r;
	int ignore = (int)fn_number(args, nargs, 1, 0), by_column = nargs > 2 && args[2].kind == V_BOOL && args[2].boolean;
	int32_t n = a->rows * a->cols, m = 0;
	struct value *v = arena_alloc(&ev->tmp, (size_t)n * sizeof *v);

	if (ignore < 0 || ignore > 3) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (int32_t i = 0; i < n; i++) {
		struct value e = by_column ? *at(a, i % a->rows, i / a->rows) : a->v[i];

		if (((ignore & 1) && e.kind == V_BLANK) || ((ignore & 2) && e.kind == V_ERROR))
			continue;
		v[m++] = e;
	}
	if (!m) {
		*out = value_error(XE_CALC);
		return;
	}
	r = row ? eval_new_array(ev, 1, m) : eval_new_array(ev, m, 1);
	memcpy(r->v, v, (size_t)m * sizeof *v);
	done(r, out);
}

void
fn_torow(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	to_line(ev, args, nargs, 1, out);
}

void
fn_tocol(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	to_line(ev, args, nargs, 0, out);
}

static void
wrapped(struct eval *ev, struct value *args, int nargs, int rows, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *r;
	double len = trunc(fn_number(args, nargs, 1, 0));
	int32_t n = a->rows * a->cols, lines;
	struct value pad = nargs > 2 && args[2].kind != V_MISSING ? eval_to_scalar(ev, args[2]) : value_error(XE_NA);

	if (is_error(a, out))
		return;
	if (a->rows > 1 && a->cols > 1) {
		*out = value_error(XE_VALUE);
		return;
	}
	if (len < 1) {
		*out = value_error(XE_NUM);
		return;
	}
	if (len > n)
		len = n;
	lines = (int32_t)ceil(n / len);
	r = rows ? eval_new_array(ev, lines, (int32_t)len) : eval_new_array(ev, (int32_t)len, lines);
	for (int32_t i = 0; i < lines * (int32_t)len; i++)
		*(rows ? &r->v[i] : at(r, i % (int32_t)len, i / (int32_t)len)) = i < n ? a->v[i] : pad;
	done(r, out);
}

void
fn_wraprows(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	wrapped(ev, args, nargs, 1, out);
}

void
fn_wrapcols(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	wrapped(ev, args, nargs, 0, out);
}

void
fn_expand(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *r;
	double n = a->rows, m = a->cols;
	struct value pad = nargs > 3 && args[3].kind != V_MISSING ? eval_to_scalar(ev, args[3]) : value_error(XE_NA);

	UNUSED(call);
	if (bad_option(ev, args, nargs < 3 ? nargs : 3, 1, out))
		return;
	if (!option(ev, args, nargs, 1, &n) && nargs > 1 && args[1].kind != V_MISSING)
		n = 0; /* an empty cell */
	if (!option(ev, args, nargs, 2, &m) && nargs > 2 && args[2].kind != V_MISSING)
		m = 0;
	if (!(n >= a->rows && m >= a->cols && n * m <= CELLS_MAX)) {
		*out = value_error(XE_VALUE);
		return;
	}
	r = eval_new_array(ev, (int32_t)n, (int32_t)m);
	for (int32_t y = 0; y < r->rows; y++)
		for (int32_t x = 0; x < r->cols; x++)
			*at(r, y, x) = y < a->rows && x < a->cols ? *at(a, y, x) : pad;
	done(r, out);
}

void
fn_anchorarray(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct cell *c;

	UNUSED(call);
	UNUSED(nargs);
	*out = value_error(XE_REF);
	if (args[0].kind != V_REF)
		return;
	c = workbook_cell(ev->wb, args[0].u.ref->area[0].sheet1, args[0].u.ref->area[0].row1, args[0].u.ref->area[0].col1);
	if (c && (c->flags & CELL_ARRAY_MASTER))
		*out = eval_ref(ev, args[0].u.ref->area[0].sheet1, c->array.row1, c->array.col1, c->array.row2, c->array.col2);
}

void
fn_single(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int mode = ev->array_mode;

	UNUSED(call);
	UNUSED(nargs);
	ev->array_mode = 0;
	*out = eval_to_scalar(ev, args[0]);
	ev->array_mode = mode;
}
