/*
 * fn_lookup: finding and addressing. Rows: functions/lookup.def.
 *
 * The approximate match is the binary search of Excel, also where the vector is not sorted: cells of another type than
 * the value are stepped over, and a value that is equal ends it. MATCH(x, v, -1) goes through the vector one by one.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/regex.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"

/* --- vectors: a row or column of a reference or an array, read where it is looked at ------------------------- */

struct vector {
	struct eval *ev;
	const struct array *arr;
	struct area area;
	int is_ref, across;      /* across: runs along a row */
	int32_t fixed;           /* the row (across) or column of a table it is */
	int64_t n;               /* elements up to the end of the used range */
	int64_t full;            /* all of them */
};

/* Table shape of a value; 0 or an error kind. */
static int
table_of(struct eval *ev, struct value v, struct vector *t, int32_t *rows, int32_t *cols)
{
	memset(t, 0, sizeof *t);
	t->ev = ev;
	if (v.kind == V_ERROR)
		return v.error;
	if (v.kind == V_REF) {
		if (v.u.ref->nareas != 1 || v.u.ref->area[0].sheet1 != v.u.ref->area[0].sheet2)
			return XE_VALUE;
		t->is_ref = 1;
		t->area = v.u.ref->area[0];
		*rows = t->area.row2 - t->area.row1 + 1;
		*cols = t->area.col2 - t->area.col1 + 1;
		return 0;
	}
	t->arr = eval_to_array(ev, v);
	*rows = t->arr->rows;
	*cols = t->arr->cols;
	return 0;
}

static struct value
table_get(const struct vector *t, int32_t r, int32_t c)
{
	if (t->is_ref)
		return eval_get(t->ev, t->area.sheet1, t->area.row1 + r, t->area.col1 + c);
	return t->arr->v[(int64_t)r * t->arr->cols + c];
}

static struct value
vector_get(const struct vector *t, int64_t i)
{
	return t->across ? table_get(t, t->fixed, (int32_t)i) : table_get(t, (int32_t)i, t->fixed);
}

/* Column or row number `fixed` of a table; whole columns end with the used range. */
static void
set_vector(struct vector *t, int across, int32_t fixed, int32_t rows, int32_t cols)
{
	t->across = across;
	t->fixed = fixed;
	t->n = t->full = across ? cols : rows;
	if (t->is_ref && !(t->area.sheet1 & 0x40000000)) {
		int32_t row, col;
		int64_t used;

		model_used(t->ev->m, t->area.sheet1, &row, &col);
		used = across ? (int64_t)col - t->area.col1 + 1 : (int64_t)row - t->area.row1 + 1;
		if (used < t->n)
			t->n = used < 0 ? 0 : used;
	}
}

static int
same_type(const struct value *a, const struct value *b)
{
	return a->kind == b->kind;
}

static int
has_wildcard(const struct value *v)
{
	return v->kind == V_TEXT && strpbrk(v->u.text->s, "*?~") != NULL;
}

static int
equals(const struct value *x, const struct value *v, int wild)
{
	if (x->kind != v->kind)
		return 0;
	if (x->kind == V_BLANK)
		return 1;
	if (wild)
		return wildcard_match(x->u.text->s, x->u.text->nbytes, v->u.text->s, v->u.text->nbytes);
	return v->kind != V_ERROR && !value_compare(x, v);
}

static int64_t
find_exact(const struct vector *t, const struct value *x, int wildcards, int backwards)
{
	int wild = wildcards && has_wildcard(x);

	/* XLOOKUP of an empty cell finds an empty cell */

	for (int64_t k = 0; k < t->n; k++) {
		int64_t i = backwards ? t->n - 1 - k : k;
		struct value v = vector_get(t, i);

		if (equals(x, &v, wild))
			return i;
	}
	return -1;
}

/* By bisection, up to the last of the values that equal the one that was hit; without a hit, the last that was found below x. */
static int64_t
find_ascending(const struct vector *t, const struct value *x)
{
	int64_t lo = 0, hi = t->n - 1, found = -1;

	while (lo <= hi) {
		int64_t mid = lo + (hi - lo) / 2, at = mid;
		struct value v = vector_get(t, at);
		int cmp;

		while (!same_type(&v, x) && at < hi) /* step over what cannot be compared */
			v = vector_get(t, ++at);
		cmp = same_type(&v, x) ? value_compare(&v, x) : 1;
		if (cmp > 0) {
			hi = mid - 1;
			continue;
		}
		found = at;
		lo = at + 1;
		if (cmp)
			continue;
		while (found + 1 < t->n && (v = vector_get(t, found + 1), same_type(&v, x)) && !value_compare(&v, x))
			found++;
		return found;
	}
	return found;
}

/* One by one, until a value equals x or is below it. */
static int64_t
find_descending(const struct vector *t, const struct value *x)
{
	int64_t found = -1;

	for (int64_t i = 0; i < t->n; i++) {
		struct value v = vector_get(t, i);
		int cmp;

		if (!same_type(&v, x))
			continue;
		cmp = value_compare(&v, x);
		if (cmp >= 0)
			found = i;
		if (cmp <= 0)
			break;
	}
	return found;
}

/* --- XLOOKUP and XMATCH: one order over all types, empty cells beyond its end -------------------------------- */

/* <0, 0, >0 of element a and value b in the order number < text < FALSE < TRUE < error < empty; descending: empty elements come below all. */
static int
total_order(const struct value *a, const struct value *b, int descending)
{
	int rb = b->kind == V_BLANK ? 2 : b->kind == V_ERROR;
	int ra = a->kind == V_BLANK ? (descending && rb < 2 ? -1 : 2) : a->kind == V_ERROR;

	return ra != rb ? ra - rb : ra ? 0 : value_compare(a, b);
}

/* Next smaller (dir < 0) or next larger item without any order. */
static int64_t
find_next(const struct vector *t, const struct value *x, int dir, int backwards)
{
	struct value best = {0};
	int64_t found = -1;

	for (int64_t k = 0; k < t->n; k++) {
		int64_t i = backwards ? t->n - 1 - k : k;
		struct value v = vector_get(t, i);
		int cmp;

		if (v.kind == V_ERROR || (v.kind == V_BLANK && x->kind != V_BLANK))
			continue;
		cmp = total_order(&v, x, 0);
		if (!cmp)
			return i;
		if ((cmp > 0) != (dir > 0))
			continue;
		if (found < 0 || (dir > 0 ? value_compare(&v, &best) < 0 : value_compare(&v, &best) > 0)) {
			found = i;
			best = v;
		}
	}
	return found;
}

/* Bisection. Ascending: the first element >= x; descending: the last one >= x (n and -1 where there is none). An element that is
 * equal ends it, also where the vector is not sorted. */
static int64_t
find_bound(const struct vector *t, const struct value *x, int descending)
{
	int64_t lo = 0, hi = t->n, step = descending ? 1 : -1;

	while (lo < hi) {
		int64_t mid = lo + (hi - lo - 1) / 2;
		struct value v = vector_get(t, mid);
		int cmp = total_order(&v, x, descending);

		if (!cmp) {
			while (mid + step >= 0 && mid + step < t->n &&
			       (v = vector_get(t, mid + step), !total_order(&v, x, descending)))
				mid += step;
			return mid;
		}
		if (descending ? cmp > 0 : cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return descending ? lo - 1 : lo;
}

/* match: 0 exact, -1 next smaller, 1 next larger. */
static int64_t
find_ordered(const struct vector *t, const struct value *x, double match, int descending)
{
	int64_t i = find_bound(t, x, descending);
	struct value v;

	if (i >= 0 && i < t->n) {
		v = vector_get(t, i);
		if (!total_order(&v, x, descending))
			return i;
	}
	if (match == 0)
		return -1;
	if (match < 0)
		i += descending ? 1 : -1;
	if (i < 0 || i >= t->n)
		return -1;
	v = vector_get(t, i);
	return v.kind == V_BLANK ? -1 : i;
}

static struct value
sought(struct value v)
{
	return v.kind == V_BLANK || v.kind == V_MISSING ? value_num(0) : v;
}

/* --- VLOOKUP and the like ------------------------------------------------------------------------------------------ */

static void
table_lookup(struct eval *ev, struct value *args, int nargs, int across, struct value *out)
{
	struct vector t;
	int32_t rows, cols, at, limit;
	struct value x = sought(args[0]);
	int approx = nargs > 3 && args[3].kind != V_MISSING ? args[3].boolean : 1;
	int k = table_of(ev, args[1], &t, &rows, &cols);
	double col = args[2].kind == V_NUM ? trunc(args[2].u.num) : 0;
	int64_t i;

	if (!k && args[1].kind == V_TEXT)
		k = XE_VALUE; /* "Nothing" is no table; a number is one cell */
	limit = across ? rows : cols;
	if (k) {
		*out = value_error(k);
		return;
	}
	at = (int32_t)col - 1;
	set_vector(&t, across, 0, rows, cols);
	i = approx ? find_ascending(&t, &x) : find_exact(&t, &x, 1, 0);
	if (i < 0) /* before the column is looked at */
		*out = value_error(XE_NA);
	else if (col < 1 || col > limit)
		*out = value_error(col < 1 ? XE_VALUE : XE_REF);
	else
		*out = across ? table_get(&t, at, (int32_t)i) : table_get(&t, (int32_t)i, at);
}

void
fn_vlookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	table_lookup(ev, args, nargs, 0, out);
}

void
fn_hlookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	table_lookup(ev, args, nargs, 1, out);
}

void
fn_lookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t, r;
	int32_t rows, cols, rrows, rcols;
	struct value x = sought(args[0]);
	int64_t i;
	int k = table_of(ev, args[1], &t, &rows, &cols), across;

	UNUSED(call);
	if (k) {
		*out = value_error(k);
		return;
	}
	across = cols > rows;
	set_vector(&t, across, 0, rows, cols);
	i = find_ascending(&t, &x);
	if (i < 0) {
		*out = value_error(XE_NA);
		return;
	}
	if (nargs < 3 || args[2].kind == V_MISSING) {
		*out = across ? table_get(&t, rows - 1, (int32_t)i) : table_get(&t, (int32_t)i, cols - 1);
		return;
	}
	k = table_of(ev, args[2], &r, &rrows, &rcols);
	if (k) {
		*out = value_error(k);
		return;
	}
	across = rcols > rrows;
	if (rrows > 1 && rcols > 1)
		*out = value_error(XE_NA); /* results come from one row or column */
	else if (!r.is_ref && i >= (across ? rcols : rrows))
		*out = value_error(XE_NA);
	else
		*out = across ? table_get(&r, 0, (int32_t)i) : table_get(&r, (int32_t)i, 0);
}

/* Options of XLOOKUP and XMATCH: match 0 exact, -1 next smaller, 1 next larger, 2 wildcards, 3 a regular expression; search 1, -1, 2, -2
 * (bisection). 0 or XE_VALUE. */
static int
xoptions(const struct value *args, int nargs, int at, double *match, double *search)
{
	*match = trunc(fn_number(args, nargs, at, 0));
	*search = trunc(fn_number(args, nargs, at + 1, 1));
	return *match < -1 || *match > 3 || *search < -2 || *search > 2 || *search == 0 ||
	               (*match >= 2 && fabs(*search) == 2) ? XE_VALUE : 0;
}

/* The first text that a regular expression matches somewhere; -1, also where the expression is wrong. */
static int64_t
find_regex(const struct vector *t, const struct value *x, int backwards)
{
	struct regex *r = x->kind == V_TEXT ? regex_new(x->u.text->s, x->u.text->nbytes, 0) : NULL;
	int64_t found = -1;

	for (int64_t k = 0; r && found < 0 && k < t->n; k++) {
		int64_t i = backwards ? t->n - 1 - k : k;
		struct value v = vector_get(t, i);

		if (v.kind == V_TEXT && regex_match(r, v.u.text->s, v.u.text->nbytes, 0) > 0)
			found = i;
	}
	regex_free(r);
	return found;
}

/* Position or -1. An empty cell is sought beyond the used range too. */
static int64_t
xfind(const struct vector *t, const struct value *x, double match, double search)
{
	int64_t i;

	if (match == 3)
		i = find_regex(t, x, search < 0);
	else if (fabs(search) == 2)
		i = find_ordered(t, x, match, search < 0);
	else if (match == 0 || match == 2)
		i = find_exact(t, x, match == 2, search < 0);
	else
		i = find_next(t, x, match > 0 ? 1 : -1, search < 0);
	return i < 0 && x->kind == V_BLANK && t->n < t->full ? t->n : i;
}

void
fn_xlookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t, r;
	int32_t rows, cols, rrows, rcols;
	struct value x = args[0].kind == V_MISSING ? value_blank() : args[0];
	double match, search;
	int across, k = table_of(ev, args[1], &t, &rows, &cols);
	int64_t i;

	UNUSED(call);
	if (!k)
		k = table_of(ev, args[2], &r, &rrows, &rcols);
	if (!k)
		k = xoptions(args, nargs, 4, &match, &search);
	if (k) {
		*out = value_error(k);
		return;
	}
	if (rows > 1 && cols > 1) {
		*out = value_error(XE_VALUE);
		return;
	}
	across = cols > rows || (rows == 1 && cols == 1 && rcols == 1 && rrows > 1 ? 0 : cols > rows);
	set_vector(&t, across, 0, rows, cols);
	if (across ? rcols != cols : rrows != rows) {
		*out = value_error(XE_VALUE);
		return;
	}
	i = xfind(&t, &x, match, search);
	if (i < 0) {
		*out = nargs > 3 && args[3].kind != V_MISSING ? args[3] : value_error(XE_NA);
		return;
	}
	if (r.is_ref) {
		struct area a = r.area;

		if (across)
			a.col1 = a.col2 = a.col1 + (int32_t)i;
		else
			a.row1 = a.row2 = a.row1 + (int32_t)i;
		*out = eval_ref(ev, a.sheet1, a.row1, a.col1, a.row2, a.col2);
	} else {
		struct array *a = eval_new_array(ev, across ? rrows : 1, across ? 1 : rcols);

		for (int32_t q = 0; q < a->rows * a->cols; q++)
			a->v[q] = across ? table_get(&r, q, (int32_t)i) : table_get(&r, (int32_t)i, q);
		*out = a->rows * a->cols == 1 ? a->v[0] : eval_array_value(a);
	}
}

void
fn_match(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t;
	int32_t rows, cols;
	struct value x = sought(args[0]);
	double type = nargs > 2 ? fn_number(args, nargs, 2, 0) : 1;
	int k = table_of(ev, args[1], &t, &rows, &cols);
	int64_t i;

	UNUSED(call);
	if (k || (rows > 1 && cols > 1)) {
		*out = value_error(k ? k : XE_NA);
		return;
	}
	set_vector(&t, cols > rows, 0, rows, cols);
	i = type == 0 ? find_exact(&t, &x, 1, 0) : type < 0 ? find_descending(&t, &x) : find_ascending(&t, &x);
	*out = i < 0 ? value_error(XE_NA) : value_num((double)i + 1);
}

void
fn_xmatch(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t;
	int32_t rows, cols;
	struct value x = args[0].kind == V_MISSING ? value_blank() : args[0];
	double match, search;
	int k = table_of(ev, args[1], &t, &rows, &cols);
	int64_t i;

	UNUSED(call);
	if (!k)
		k = xoptions(args, nargs, 2, &match, &search);
	if (k || (rows > 1 && cols > 1)) {
		*out = value_error(k ? k : XE_VALUE);
		return;
	}
	set_vector(&t, cols > rows, 0, rows, cols);
	i = xfind(&t, &x, match, search);
	*out = i < 0 ? value_error(XE_NA) : value_num((double)i + 1);
}

/* --- references ----------------------------------------------------------------------------------------------------- */

void
fn_index(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double row = trunc(fn_number(args, nargs, 1, 0)), col = trunc(fn_number(args, nargs, 2, 0)), area = fn_number(args, nargs, 3, 1);
	int32_t rows, cols;
	struct area a = {0};
	struct array *arr = NULL, *r;

	UNUSED(call);
	if (args[0].kind == V_ERROR) {
		*out = args[0];
		return;
	}
	if (args[0].kind == V_REF) {
		if (area < 1 || area > args[0].u.ref->nareas) {
			*out = value_error(XE_REF);
			return;
		}
		a = args[0].u.ref->area[(int)area - 1];
		rows = a.row2 - a.row1 + 1;
		cols = a.col2 - a.col1 + 1;
	} else {
		if (area < 1 || area >= 2) {
			*out = value_error(area < 1 ? XE_VALUE : XE_REF);
			return;
		}
		arr = eval_to_array(ev, args[0]);
		rows = arr->rows;
		cols = arr->cols;
	}
	if (nargs == 2 && !arr && rows > 1 && cols > 1) { /* a range wants both */
		*out = value_error(XE_REF);
		return;
	}
	if (nargs == 2 && rows == 1) { /* one row: the single index counts columns */
		col = row;
		row = cols == 1 ? row : 1;
		if (cols == 1)
			col = 1;
	}
	if (row < 0 || col < 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	if (row > rows || col > cols) {
		*out = value_error(XE_REF);
		return;
	}
	if (!arr) {
		if (row > 0)
			a.row1 = a.row2 = a.row1 + (int32_t)row - 1;
		if (col > 0)
			a.col1 = a.col2 = a.col1 + (int32_t)col - 1;
		*out = eval_ref(ev, a.sheet1, a.row1, a.col1, a.row2, a.col2);
		return;
	}
	if ((row > 0 || rows == 1) && (col > 0 || cols == 1)) {
		*out = arr->v[(row > 0 ? (int64_t)row - 1 : 0) * cols + (col > 0 ? (int64_t)col - 1 : 0)];
		return;
	}
	r = eval_new_array(ev, row > 0 ? 1 : rows, col > 0 ? 1 : cols);
	for (int32_t i = 0; i < r->rows; i++)
		for (int32_t k = 0; k < r->cols; k++)
			r->v[(int64_t)i * r->cols + k] =
			    arr->v[(int64_t)(row > 0 ? (int32_t)row - 1 : i) * cols + (col > 0 ? (int32_t)col - 1 : k)];
	*out = eval_array_value(r);
}

void
fn_offset(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct area *a;
	double r1, c1, h, w;

	UNUSED(call);
	if (args[0].kind != V_REF || args[0].u.ref->nareas != 1) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
		return;
	}
	a = &args[0].u.ref->area[0];
	r1 = a->row1 + trunc(fn_number(args, nargs, 1, 0));
	c1 = a->col1 + trunc(fn_number(args, nargs, 2, 0));
	h = nargs > 3 && args[3].kind == V_NUM && !(call->args[3]->kind == N_MISSING) ? trunc(args[3].u.num) : a->row2 - a->row1 + 1;
	w = nargs > 4 && args[4].kind == V_NUM && !(call->args[4]->kind == N_MISSING) ? trunc(args[4].u.num) : a->col2 - a->col1 + 1;
	if (h == 0 && nargs > 3 && args[3].u.num != 0) /* 0.9 rows are one */
		h = args[3].u.num < 0 ? -1 : 1;
	if (w == 0 && nargs > 4 && args[4].u.num != 0)
		w = args[4].u.num < 0 ? -1 : 1;
	if (h < 0)
		r1 += h + 1, h = -h;
	if (w < 0)
		c1 += w + 1, w = -w;
	if (h == 0 || w == 0 || r1 < 0 || c1 < 0 || r1 + h > XL_MAX_ROWS || c1 + w > XL_MAX_COLS) {
		*out = value_error(XE_REF);
		return;
	}
	*out = eval_ref(ev, a->sheet1, (int32_t)r1, (int32_t)c1, (int32_t)(r1 + h) - 1, (int32_t)(c1 + w) - 1);
}

/* --- TRIMRANGE ------------------------------------------------------------------------------------------------ */

static int
empty_line(const struct vector *t, int across, int32_t line, int32_t from, int32_t to)
{
	for (int32_t k = from; k <= to; k++) {
		struct value v = across ? table_get(t, line, k) : table_get(t, k, line);

		if (v.kind != V_BLANK)
			return 0;
	}
	return 1;
}

/* Edges of what is not empty: box = first and last row, first and last column. 0 if all is empty. */
static int
trim_edges(const struct vector *t, int32_t *box)
{
	for (int across = 1; across >= 0; across--) {
		int32_t *b = across ? box : box + 2, *o = across ? box + 2 : box;

		while (b[0] <= b[1] && empty_line(t, across, b[1], o[0], o[1]))
			b[1]--;
		if (b[0] > b[1])
			return 0;
		while (empty_line(t, across, b[0], o[0], o[1]))
			b[0]++;
	}
	return 1;
}

/* rows, cols: bit 1 the leading edge, bit 2 the trailing one. */
static void
trim_range(struct eval *ev, struct value v, int rows, int cols, struct value *out)
{
	struct vector t;
	int32_t nrows, ncols, box[4], k[4];
	struct array *a;
	int e = table_of(ev, v, &t, &nrows, &ncols);

	if (e) {
		*out = value_error(e);
		return;
	}
	k[0] = k[2] = box[0] = box[2] = 0;
	k[1] = box[1] = nrows - 1;
	k[3] = box[3] = ncols - 1;
	if (t.is_ref && !(t.area.sheet1 & 0x40000000)) { /* nothing stands beyond the used range */
		int32_t row, col;

		model_used(ev->m, t.area.sheet1, &row, &col);
		box[1] = row - t.area.row1 < box[1] ? row - t.area.row1 : box[1];
		box[3] = col - t.area.col1 < box[3] ? col - t.area.col1 : box[3];
	}
	if (box[1] < 0 || box[3] < 0 || !trim_edges(&t, box)) {
		*out = value_error(XE_REF);
		return;
	}
	k[0] = rows & 1 ? box[0] : k[0];
	k[1] = rows & 2 ? box[1] : k[1];
	k[2] = cols & 1 ? box[2] : k[2];
	k[3] = cols & 2 ? box[3] : k[3];
	if (t.is_ref) {
		*out = eval_ref(ev, t.area.sheet1, t.area.row1 + k[0], t.area.col1 + k[2], t.area.row1 + k[1], t.area.col1 + k[3]);
		return;
	}
	a = eval_new_array(ev, k[1] - k[0] + 1, k[3] - k[2] + 1);
	for (int32_t r = 0; r < a->rows; r++)
		for (int32_t c = 0; c < a->cols; c++)
			a->v[(int64_t)r * a->cols + c] = table_get(&t, k[0] + r, k[2] + c);
	*out = eval_array_value(a);
}

void
fn_trimrange(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double rows = nargs > 1 && call->args[1]->kind != N_MISSING ? trunc(fn_number(args, nargs, 1, 3)) : 3;
	double cols = nargs > 2 && call->args[2]->kind != N_MISSING ? trunc(fn_number(args, nargs, 2, 3)) : 3;

	if (rows < 0 || rows > 3 || cols < 0 || cols > 3)
		*out = value_error(XE_VALUE);
	else
		trim_range(ev, args[0], (int)rows, (int)cols, out);
}

void
fn_tro_all(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	trim_range(ev, args[0], 3, 3, out);
}

void
fn_tro_leading(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	trim_range(ev, args[0], 1, 1, out);
}

void
fn_tro_trailing(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	trim_range(ev, args[0], 2, 2, out);
}

/* "R2C3", "R[-1]C" */
static const char *
r1c1_part(const char *s, char letter, int32_t home, int32_t *out)
{
	int relative, neg = 0;
	int64_t k = 0;

	if ((*s | 32) != letter)
		return NULL;
	s++;
	relative = *s == '[' || *s < '0' || *s > '9';
	if (*s == '[') {
		s++;
		if (*s == '-')
			neg = 1, s++;
	}
	while (*s >= '0' && *s <= '9' && k < 10000000)
		k = k * 10 + (*s++ - '0');
	if (relative && *s == ']')
		s++;
	*out = (int32_t)(relative ? home + (neg ? -k : k) : k - 1);
	return s;
}

/* A sheet's name that a formula must quote because it begins with a digit goes unquoted here: "2024!A1". */
static struct formula *
parse_indirect(struct eval *ev, const char *s)
{
	struct formula *f = formula_parse(&ev->tmp, ev->wb, ev->sheet, ev->row, ev->col, s, 0);
	const char *p = s;
	struct buf b = BUF_INIT;

	while ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || *p == '_' || *p == '.' || *p & 0x80)
		p++;
	if (f->root || p == s || *p != '!')
		return f;
	buf_printf(&b, "'%.*s'%s", (int)(p - s), s, p);
	f = formula_parse(&ev->tmp, ev->wb, ev->sheet, ev->row, ev->col, b.s, 0);
	buf_free(&b);
	return f;
}

void
fn_indirect(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const char *s = args[0].u.text->s;
	struct formula *f;

	UNUSED(call);
	if (nargs > 1 && args[1].kind == V_BOOL && !args[1].boolean) {
		const char *bang = strrchr(s, '!'), *p = bang ? bang + 1 : s;
		int sheet = ev->sheet;
		int32_t row, col;

		if (bang) {
			size_t n = (size_t)(bang - s);

			if (n > 1 && *s == '\'')
				s++, n -= 2;
			sheet = workbook_sheet(ev->wb, s, n);
		}
		p = r1c1_part(p, 'r', ev->row, &row);
		if (p)
			p = r1c1_part(p, 'c', ev->col, &col);
		if (!p || *p || sheet < 0 || row < 0 || col < 0 || row >= XL_MAX_ROWS || col >= XL_MAX_COLS)
			*out = value_error(XE_REF);
		else
			*out = eval_ref(ev, sheet, row, col, row, col);
		return;
	}
	f = parse_indirect(ev, s);
	if (!f->root || (f->root->kind != N_AREA && f->root->kind != N_NAME && !(f->root->kind == N_BINARY &&
	    (f->root->op == ':' || f->root->op == ',' || f->root->op == ' ')))) {
		*out = value_error(XE_REF);
		return;
	}
	*out = eval_node(ev, f->root);
	if (out->kind != V_REF)
		*out = value_error(XE_REF);
}

static void
position(struct eval *ev, const struct node *call, struct value *args, int nargs, int column, struct value *out)
{
	const struct area *a;
	struct array *arr;
	int32_t n;

	UNUSED(call);
	if (nargs < 1 || args[0].kind == V_MISSING) {
		*out = value_num(column ? ev->col + 1 : ev->row + 1);
		return;
	}
	if (args[0].kind != V_REF) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
		return;
	}
	a = &args[0].u.ref->area[0];
	n = column ? a->col2 - a->col1 + 1 : a->row2 - a->row1 + 1;
	if (n == 1 || (n > 100000 && !ev->array_mode)) {
		*out = value_num(column ? a->col1 + 1 : a->row1 + 1);
		return;
	}
	arr = eval_new_array(ev, column ? 1 : n, column ? n : 1);
	for (int32_t i = 0; i < n; i++)
		arr->v[i] = value_num((column ? a->col1 : a->row1) + 1 + i);
	*out = eval_array_value(arr);
}

void
fn_row(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	position(ev, call, args, nargs, 0, out);
}

void
fn_column(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	position(ev, call, args, nargs, 1, out);
}

static void
extent(struct eval *ev, struct value v, int columns, struct value *out)
{
	const struct array *a;

	if (v.kind == V_ERROR) {
		*out = v;
	} else if (v.kind == V_REF && v.u.ref->nareas > 1) {
		*out = value_error(XE_REF);
	} else if (v.kind == V_REF) {
		const struct area *r = &v.u.ref->area[0];

		*out = value_num(columns ? r->col2 - r->col1 + 1 : r->row2 - r->row1 + 1);
	} else {
		a = eval_to_array(ev, v);
		*out = value_num(columns ? a->cols : a->rows);
	}
}

void
fn_rows(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	extent(ev, args[0], 0, out);
}

void
fn_columns(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	extent(ev, args[0], 1, out);
}

void
fn_address(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double row = trunc(fn_number(args, nargs, 0, 0)), col = trunc(fn_number(args, nargs, 1, 0)), kind = fn_number(args, nargs, 2, 1);
	int a1 = nargs < 4 || args[3].kind != V_BOOL || call->args[3]->kind == N_MISSING || args[3].boolean;
	struct buf b = BUF_INIT;
	char cell[A1_TEXT];
	size_t n;

	if (nargs > 2 && call->args[2]->kind == N_MISSING)
		kind = 1;
	if (row < 1 || col < 1 || row > XL_MAX_ROWS || col > XL_MAX_COLS || kind < 1 || kind > 4) {
		*out = value_error(XE_VALUE);
		return;
	}
	if (nargs > 4 && args[4].kind == V_TEXT && args[4].u.text->nbytes) {
		const char *s = args[4].u.text->s;
		int plain = !(s[0] >= '0' && s[0] <= '9');

		for (const char *p = s; *p; p++)
			plain &= (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
			         *p == '.' || *p == '[' || *p == ']' || (unsigned char)*p >= 0x80;
		buf_printf(&b, plain ? "%s!" : "'%s'!", s);
	}
	a1_format((int32_t)row - 1, (int32_t)col - 1, cell);
	n = strcspn(cell, "0123456789");
	if (a1)
		buf_printf(&b, "%s%.*s%s%s", kind == 1 || kind == 3 ? "$" : "", (int)n, cell, kind <= 2 ? "$" : "", cell + n);
	else
		buf_printf(&b, kind == 1 ? "R%.0fC%.0f" : kind == 2 ? "R%.0fC[%.0f]" : kind == 3 ? "R[%.0f]C%.0f" : "R[%.0f]C[%.0f]",
		           row, col);
	*out = value_textz(&ev->tmp, b.s);
	buf_free(&b);
}

void
fn_areas(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	UNUSED(nargs);
	*out = args[0].kind == V_REF ? value_num(args[0].u.ref->nareas) : args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
}

void
fn_transpose(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *t = eval_new_array(ev, a->cols, a->rows);

	UNUSED(call);
	UNUSED(nargs);
	for (int32_t r = 0; r < a->rows; r++)
		for (int32_t c = 0; c < a->cols; c++)
			t->v[(int64_t)c * t->cols + r] = a->v[(int64_t)r * a->cols + c];
	*out = eval_array_value(t);
}

void
fn_formulatext(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct formula *f;
	const struct area *a;
	struct buf b = BUF_INIT;

	UNUSED(call);
	UNUSED(nargs);
	if (args[0].kind != V_REF) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_NA);
		return;
	}
	a = &args[0].u.ref->area[0];
	f = model_formula(ev->m, a->sheet1, a->row1, a->col1);
	if (!f || !f->root) {
		*out = value_error(XE_NA);
		return;
	}
	buf_putc(&b, '=');
	node_print(&b, ev->wb, f->root, a->sheet1, a->row1, a->col1);
	*out = value_textz(&ev->tmp, b.s);
	buf_free(&b);
}

void
fn_sheet(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int k = ev->sheet;

	UNUSED(call);
	if (nargs > 0 && args[0].kind == V_REF)
		k = args[0].u.ref->area[0].sheet1;
	else if (nargs > 0 && args[0].kind == V_TEXT)
		k = workbook_sheet(ev->wb, args[0].u.text->s, args[0].u.text->nbytes);
	else if (nargs > 0 && args[0].kind == V_ERROR) {
		*out = args[0];
		return;
	} else if (nargs > 0) {
		k = -1; /* no reference */
	}
	*out = k < 0 ? value_error(XE_NA) : value_num(k + 1);
}

void
fn_sheets(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	if (nargs > 0 && args[0].kind == V_REF)
		*out = value_num(args[0].u.ref->area[0].sheet2 - args[0].u.ref->area[0].sheet1 + 1);
	else
		*out = value_num((double)ev->wb->nsheets);
}

void
fn_hyperlink(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	*out = nargs > 1 && args[1].kind != V_MISSING ? args[1] : args[0];
	if (out->kind == V_BLANK)
		*out = value_num(0);
}

void
fn_getpivotdata(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	UNUSED(args);
	UNUSED(nargs);
	*out = value_error(XE_REF);
}
