/*
 * fn_group: GROUPBY and PIVOTBY. Rows: functions/array.def.
 *
 * Records are grouped by their fields, field after field, into a tree that is written out as lines: one for each group of
 * the last field, and totals where they are wanted. A line is labels and the records it stands for; GROUPBY has lines of
 * rows and one column line that stands for all, PIVOTBY both. A cell is the function of the values of the records that
 * its row line and its column line have in common.
 *  1. Groups are compared as Excel compares: without case; the label is that of the first record.
 *  2. Lines are sorted among those of one parent: by the columns that the order names, a value column by the group's
 *     own value; then by label.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/math.h"

#define MAX_FIELDS 16

struct line {
	const struct value *label[MAX_FIELDS]; /* NULL: empty */
	const char *total;         /* instead of the first label */
	int32_t *record;
	int32_t n, parent;         /* line of the enclosing group, or -1 */
	int depth;                 /* labels */
};

struct lines {
	struct line *v;
	int32_t n, cap;
};

struct grouping {
	struct eval *ev;
	const struct array *field;    /* of this axis */
	const struct array *value;
	int32_t first;                /* record 0 is this row: 1 after headers */
	int nfields, totals, top, table;
	int order[MAX_FIELDS], norder;
	struct value function;
	int32_t *all, nall;           /* records that are not filtered out */
};

/* --- calling the function ------------------------------------------------------------------------------------------ */

static struct value
column_of(struct grouping *g, const int32_t *record, int32_t n, int32_t col)
{
	struct array *a = eval_new_array(g->ev, n, 1);

	for (int32_t i = 0; i < n; i++)
		a->v[i] = g->value->v[(int64_t)(record[i] + g->first) * g->value->cols + col];
	return eval_array_value(a);
}

static struct value
scalar(struct eval *ev, struct value v)
{
	if (v.kind == V_ARRAY && (v.u.array->rows > 1 || v.u.array->cols > 1))
		return value_error(XE_CALC);
	v = eval_to_scalar(ev, v);
	return v.kind == V_LAMBDA ? value_error(XE_CALC) : v;
}

/* The value of column col over some records; `whole`: what the function may compare with. */
static struct value
aggregate(struct grouping *g, const int32_t *record, int32_t n, const int32_t *whole, int32_t nwhole, int32_t col)
{
	struct value args[2];
	int two = eval_lambda_takes(g->function, 2);

	if (!n)
		return value_text(&g->ev->tmp, "", 0);
	args[0] = column_of(g, record, n, col);
	if (two)
		args[1] = column_of(g, whole, nwhole, col);
	return scalar(g->ev, eval_invoke(g->ev, g->function, args, two ? 2 : 1));
}

/* --- grouping ---------------------------------------------------------------------------------------------------------- */

static const struct value *
field_at(const struct grouping *g, int32_t record, int field)
{
	return &g->field->v[(int64_t)(record + g->first) * g->field->cols + field];
}

/* Numbers, texts, logicals, errors, blanks. */
static int
rank(const struct value *v)
{
	return v->kind == V_BLANK ? 4 : v->kind == V_ERROR ? 3 : v->kind == V_BOOL ? 2 : v->kind == V_TEXT ? 1 : 0;
}

static int
compare(const struct value *a, const struct value *b)
{
	int x = rank(a), y = rank(b);

	if (x != y)
		return x - y;
	return x == 4 ? 0 : x == 3 ? a->error - b->error : value_compare(a, b);
}

struct group {
	int32_t *record, n;
	const struct value *label;
	struct value key[MAX_FIELDS];
};

/* The records of one parent, by one field: groups in order of first appearance. */
static int32_t
split(struct grouping *g, const int32_t *record, int32_t n, int field, struct group *out)
{
	int32_t ngroups = 0, *of = arena_alloc(&g->ev->tmp, (size_t)n * sizeof *of);

	for (int32_t i = 0; i < n; i++) {
		const struct value *v = field_at(g, record[i], field);
		int32_t k = ngroups;

		while (k-- > 0 && compare(out[k].label, v))
			;
		if (k < 0) {
			k = ngroups++;
			out[k] = (struct group){.label = v};
		}
		out[k].n++;
		of[i] = k;
	}
	for (int32_t k = 0; k < ngroups; k++) {
		out[k].record = arena_alloc(&g->ev->tmp, (size_t)out[k].n * sizeof *out[k].record);
		out[k].n = 0;
	}
	for (int32_t i = 0; i < n; i++)
		out[of[i]].record[out[of[i]].n++] = record[i];
	return ngroups;
}

/* Invariant 2. Insertion from the left keeps the order of equals. */
static void
sort_groups(struct grouping *g, struct group *v, int32_t n, int field)
{
	for (int q = 0; q < g->norder; q++) {
		int col = abs(g->order[q]) - 1 - g->nfields;

		for (int32_t k = 0; col >= 0 && k < n; k++)
			v[k].key[q] = aggregate(g, v[k].record, v[k].n, g->all, g->nall, col);
	}
	for (int32_t i = 1; i < n; i++) {
		struct group x = v[i];
		int32_t j = i;

		for (; j > 0; j--) {
			const struct group *y = &v[j - 1];
			int c = 0;

			for (int q = 0; q < g->norder && !c; q++) {
				int col = abs(g->order[q]) - 1;

				c = col >= g->nfields ? compare(&y->key[q], &x.key[q]) : col == field ? compare(y->label, x.label) : 0;
				c = g->order[q] < 0 ? -c : c;
			}
			if (!c)
				c = compare(y->label, x.label);
			if (c <= 0)
				break;
			v[j] = *y;
		}
		v[j] = x;
	}
}

static struct line *
add_line(struct grouping *g, struct lines *l, const struct line *like)
{
	if (l->n == l->cap) {
		struct line *grown = arena_alloc(&g->ev->tmp, (size_t)(l->cap = 2 * l->cap + 16) * sizeof *grown);

		if (l->n)
			memcpy(grown, l->v, (size_t)l->n * sizeof *grown);
		l->v = grown;
	}
	l->v[l->n] = *like;
	return &l->v[l->n++];
}

/* Write out the groups of `field` within a parent. */
static void
walk_groups(struct grouping *g, struct lines *l, const struct line *parent, int field)
{
	struct group *v = arena_alloc(&g->ev->tmp, (size_t)parent->n * sizeof *v);
	int32_t n = split(g, parent->record, parent->n, field, v);
	int last = field + 1 == g->nfields;

	sort_groups(g, v, n, field);
	for (int32_t k = 0; k < n; k++) {
		struct line x = *parent;
		int subtotal = !last && g->totals > field + 1;

		x.label[field] = v[k].label;
		x.depth = field + 1;
		x.record = v[k].record;
		x.n = v[k].n;
		if (last || (subtotal && g->top))
			add_line(g, l, &x);
		if (!last)
			walk_groups(g, l, &x, field + 1);
		if (subtotal && !g->top)
			add_line(g, l, &x);
	}
}

static void
make_lines(struct grouping *g, struct lines *l)
{
	struct line all = {.record = g->all, .n = g->nall, .total = g->totals > 1 ? "Grand Total" : "Total"}, start = all;

	start.total = NULL;
	if (g->totals && g->top)
		add_line(g, l, &all);
	if (g->nfields && g->nall)
		walk_groups(g, l, &start, 0);
	if ((g->totals && !g->top) || !g->nfields)
		add_line(g, l, &all);
}

/* --- arguments ------------------------------------------------------------------------------------------------------------ */

/* Argument i as a whole number; dflt where it is left out. */
static double
option(struct eval *ev, const struct value *args, int nargs, int i, double dflt)
{
	struct value v;
	double x;

	if (i >= nargs || args[i].kind == V_MISSING)
		return dflt;
	v = eval_to_scalar(ev, args[i]);
	return v.kind == V_BLANK ? dflt : value_to_num(&v, ev->date1904, &x) ? 99 : ks_trunc(x);
}

/* 0, or the error kind. */
static int
read_order(struct grouping *g, const struct value *args, int nargs, int i)
{
	const struct array *a;
	double x;

	if (i >= nargs || args[i].kind == V_MISSING)
		return 0;
	a = eval_to_array(g->ev, args[i]);
	for (int64_t k = 0; k < (int64_t)a->rows * a->cols; k++) {
		if (value_to_num(&a->v[k], g->ev->date1904, &x) || g->norder == MAX_FIELDS)
			return XE_VALUE;
		x = ks_trunc(x);
		if (x == 0 || ks_abs(x) > g->nfields + g->value->cols)
			return XE_VALUE;
		g->order[g->norder++] = (int)x;
	}
	return 0;
}

static int
set_totals(struct grouping *g, double depth)
{
	g->totals = (int)ks_abs(depth);
	g->top = depth < 0;
	return g->totals > g->nfields ? XE_VALUE : 0;
}

/* The records that the filter keeps. */
static int
keep_records(struct grouping *g, const struct value *args, int nargs, int i)
{
	const struct array *f = i < nargs && args[i].kind != V_MISSING ? eval_to_array(g->ev, args[i]) : NULL;
	int32_t n = g->value->rows - g->first;
	int yes;

	int32_t nf = !f ? 0 : f->rows == 1 ? f->cols : f->rows, step = f && f->rows > 1 ? f->cols : 1; /* of a table the first column */

	if (f && nf != g->value->rows && nf != n)
		return XE_VALUE;
	g->all = arena_alloc(&g->ev->tmp, ((size_t)n + 1) * sizeof *g->all);
	for (int32_t k = 0; k < n; k++) {
		if (f) {
			int e = value_to_bool(&f->v[(int64_t)(k + (nf > n)) * step], &yes);

			if (e)
				return e;
		}
		if (!f || yes)
			g->all[g->nall++] = k;
	}
	return g->nall ? 0 : XE_CALC;
}

/* 0 no headers, 1 there are and are not shown, 2 they are made, 3 they are shown. */
static int
headers(const struct grouping *g, double given)
{
	const struct array *v = g->value;

	if (given >= 0)
		return (int)given;
	return v->rows > 1 && v->v[0].kind == V_TEXT && v->v[v->cols].kind == V_NUM;
}

/* --- GROUPBY ----------------------------------------------------------------------------------------------------------------- */

static void
put_labels(struct grouping *g, const struct line *l, struct value *v, int64_t step)
{
	struct value none = value_text(&g->ev->tmp, "", 0);

	for (int f = 0; f < g->nfields; f++)
		v[f * step] = f < l->depth && l->label[f] ? *l->label[f] : none;
	if (l->total && g->nfields)
		*v = value_textz(&g->ev->tmp, l->total);
}

static void
header_row(struct grouping *g, int made, struct value *v)
{
	int32_t nv = g->value->cols;

	for (int32_t c = 0; c < g->nfields + nv; c++) {
		const struct array *from = c < g->nfields ? g->field : g->value;
		int32_t k = c < g->nfields ? c : c - g->nfields;

		v[c] = made ? value_textz(&g->ev->tmp, arena_printf(&g->ev->tmp, c < g->nfields ? "Row Field %d" : "Value %d", k + 1))
		            : from->v[k];
	}
}

/* Fields and values of one height, a LAMBDA. 0, or the error kind. */
static int
open_grouping(struct eval *ev, struct grouping *g, struct value field, struct value values, struct value function)
{
	if (field.kind == V_ERROR || values.kind == V_ERROR || function.kind == V_ERROR)
		return field.kind == V_ERROR ? field.error : values.kind == V_ERROR ? values.error : function.error;
	g->ev = ev;
	g->field = eval_to_array(ev, field);
	g->value = eval_to_array(ev, values);
	g->nfields = g->field->cols;
	g->function = function;
	if (function.kind != V_LAMBDA || g->field->cols > MAX_FIELDS || g->field->rows != g->value->rows)
		return XE_VALUE;
	return 0;
}

/* By table instead of hierarchy: all fields are one, compared together. */
static int
compare_lines(struct grouping *g, const struct line *a, const struct line *b)
{
	int c = 0;

	for (int q = 0; q < g->norder && !c; q++) {
		int col = abs(g->order[q]) - 1;

		if (col < g->nfields) {
			c = compare(a->label[col], b->label[col]);
		} else {
			struct value x = aggregate(g, a->record, a->n, g->all, g->nall, col - g->nfields);
			struct value y = aggregate(g, b->record, b->n, g->all, g->nall, col - g->nfields);

			c = compare(&x, &y);
		}
		c = g->order[q] < 0 ? -c : c;
	}
	return c;
}

static void
sort_table(struct grouping *g, struct lines *l)
{
	for (int32_t i = 1; i < l->n; i++) {
		struct line x = l->v[i];
		int32_t j = i;

		for (; j > 0 && !x.total && !l->v[j - 1].total && compare_lines(g, &l->v[j - 1], &x) > 0; j--)
			l->v[j] = l->v[j - 1];
		l->v[j] = x;
	}
}

void
fn_groupby(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double head = option(ev, args, nargs, 3, -1), depth = option(ev, args, nargs, 4, 1), table = option(ev, args, nargs, 7, 0);
	struct grouping g = {0};
	struct lines l = {0};
	struct array *a;
	int e = open_grouping(ev, &g, args[0], args[1], args[2]), shown;

	(void)call;
	if (!e && (head > 3 || head < -1 || (table != 0 && table != 1) || (table == 1 && ks_abs(depth) > 1)))
		e = XE_VALUE;
	if (!e) {
		int h = headers(&g, head);

		g.first = h == 1 || h == 3;
		shown = h >= 2;
		e = set_totals(&g, depth);
	}
	if (!e)
		e = read_order(&g, args, nargs, 5);
	if (!e)
		e = keep_records(&g, args, nargs, 6);
	if (e) {
		*out = value_error(e);
		return;
	}
	if (table == 1) {
		int norder = g.norder;

		g.norder = 0; /* by label first; then the whole table */
		make_lines(&g, &l);
		g.norder = norder;
		sort_table(&g, &l);
	} else {
		make_lines(&g, &l);
	}
	a = eval_new_array(ev, l.n + shown, g.nfields + g.value->cols);
	if (shown)
		header_row(&g, head == 2, a->v);
	for (int32_t i = 0; i < l.n; i++) {
		struct value *row = &a->v[(int64_t)(i + shown) * a->cols];

		put_labels(&g, &l.v[i], row, 1);
		for (int32_t c = 0; c < g.value->cols; c++)
			row[g.nfields + c] = aggregate(&g, l.v[i].record, l.v[i].n, g.all, g.nall, c);
	}
	*out = eval_array_value(a);
}

/* --- PIVOTBY -------------------------------------------------------------------------------------------------------------------- */

/* Records of b that a has too; both ascend. */
static int32_t
common(const struct line *a, const struct line *b, int32_t *out)
{
	int32_t n = 0;

	for (int32_t i = 0, j = 0; i < a->n && j < b->n;) {
		if (a->record[i] == b->record[j]) {
			out[n++] = a->record[i];
			i++;
			j++;
		} else if (a->record[i] < b->record[j]) {
			i++;
		} else {
			j++;
		}
	}
	return n;
}

/* What a value stands relative to: 0 its column, 1 its row, 2 all, 3 the column above its own, 4 the row above its own. */
static struct line
relative_to(const struct grouping *r, const struct grouping *c, const struct line *row, const struct line *col, int relative, int32_t *room)
{
	const struct grouping *g = relative == 3 ? c : r;
	const struct line *line = relative == 3 ? col : row, *other = relative == 3 ? row : col;
	struct line w = {.record = r->all, .n = r->nall};

	if (relative < 3)
		return relative == 0 ? *col : relative == 1 ? *row : w;
	w.record = room;
	w.n = 0;
	for (int32_t k = 0; k < other->n; k++) {
		int same = 1;

		for (int f = 0; f + 1 < line->depth && !line->total; f++)
			same &= !line->label[f] || !compare(field_at(g, other->record[k], f), line->label[f]);
		if (same)
			room[w.n++] = other->record[k];
	}
	return w;
}

/* Names above a pivot: those of the column's fields in one, then under them those of the row's fields and of the values. */
static void
pivot_names(struct grouping *r, struct grouping *c, int32_t ncols, struct array *a)
{
	struct buf b = BUF_INIT;
	const struct text *t;

	for (int f = 0; f < c->nfields; f++)
		if (!value_to_text(&r->ev->tmp, &c->field->v[f], &t))
			buf_printf(&b, "%s%s", f ? ", " : "", t->s);
	a->v[r->nfields] = value_textz(&r->ev->tmp, b.s ? b.s : "");
	buf_free(&b);
	header_row(r, 0, &a->v[(int64_t)(c->nfields + 1) * a->cols]);
	for (int32_t j = 1; j < ncols; j++)
		for (int32_t k = 0; k < r->value->cols; k++)
			a->v[(int64_t)(c->nfields + 1) * a->cols + r->nfields + j * r->value->cols + k] = r->value->v[k];
}

/* top: rows above the column's labels; under: those between them and the values. */
static void
fill_pivot(struct grouping *r, struct grouping *c, const struct lines *rows, const struct lines *cols, int relative, int top, int under,
           struct array *a)
{
	int32_t *both = arena_alloc(&r->ev->tmp, ((size_t)r->nall + 1) * sizeof *both), nv = r->value->cols;
	int32_t *room = arena_alloc(&r->ev->tmp, ((size_t)r->nall + 1) * sizeof *room);

	for (int32_t j = 0; j < cols->n; j++)
		for (int32_t k = 0; k < nv; k++)
			put_labels(c, &cols->v[j], &a->v[(int64_t)top * a->cols + r->nfields + j * nv + k], a->cols);
	for (int32_t i = 0; i < rows->n; i++) {
		struct value *row = &a->v[(int64_t)(i + top + c->nfields + under) * a->cols];

		put_labels(r, &rows->v[i], row, 1);
		for (int32_t j = 0; j < cols->n; j++) {
			int32_t n = common(&rows->v[i], &cols->v[j], both);
			struct line whole = relative_to(r, c, &rows->v[i], &cols->v[j], relative, room);

			for (int32_t k = 0; k < nv; k++)
				row[r->nfields + j * nv + k] = aggregate(r, both, n, whole.record, whole.n, k);
		}
	}
}

void
fn_pivotby(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double head = option(ev, args, nargs, 4, -1), relative = option(ev, args, nargs, 10, 0);
	struct grouping r = {0}, c = {0};
	struct lines rows = {0}, cols = {0};
	struct value none = value_text(&ev->tmp, "", 0);
	struct array *a;
	int e = open_grouping(ev, &r, args[0], args[2], args[3]), named;

	(void)call;
	if (!e)
		e = open_grouping(ev, &c, args[1], args[2], args[3]);
	named = head == 3;
	if (!e && (head == 2 || head > 3 || head < -1 || relative < 0 || relative > 4)) /* names are not made up */
		e = XE_VALUE;
	if (!e) {
		r.first = c.first = named || headers(&r, head) == 1;
		e = set_totals(&r, option(ev, args, nargs, 5, 1));
	}
	if (!e)
		e = set_totals(&c, option(ev, args, nargs, 7, 1));
	if (!e)
		e = read_order(&r, args, nargs, 6);
	if (!e)
		e = read_order(&c, args, nargs, 8);
	if (!e)
		e = keep_records(&r, args, nargs, 9);
	if (e) {
		*out = value_error(e);
		return;
	}
	c.all = r.all;
	c.nall = r.nall;
	make_lines(&r, &rows);
	make_lines(&c, &cols);
	a = eval_new_array(ev, rows.n + c.nfields + 2 * named, r.nfields + cols.n * r.value->cols);
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++)
		a->v[i] = none;
	if (named)
		pivot_names(&r, &c, cols.n, a);
	fill_pivot(&r, &c, &rows, &cols, (int)relative, named, named, a);
	*out = eval_array_value(a);
}
