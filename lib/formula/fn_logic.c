/* fn_logic: functions that choose, and what a value is. Rows: functions/logic.def, info.def. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "formula/eval_internal.h"
#include "formula/fn.h"

/* --- choosing ------------------------------------------------------------------------------------------------ */

static int
is_array_condition(const struct eval *ev, const struct value *v)
{
	const struct area *a;

	if (v->kind == V_ARRAY)
		return v->u.array->rows > 1 || v->u.array->cols > 1;
	if (v->kind != V_REF || !ev->array_mode || v->u.ref->nareas != 1)
		return 0;
	a = &v->u.ref->area[0];
	return a->row1 != a->row2 || a->col1 != a->col2;
}

static int
if_choice(struct value v)
{
	int b;

	return v.kind == V_ERROR || value_to_bool(&v, &b) ? -1 : b;
}

/* Element by element; both branches are evaluated. choose(v): 1 first, 0 second, -1 the value itself (an error). */
static void
lifted(struct eval *ev, struct array *cond, struct value yes, struct value no, int (*choose)(struct value), struct value *out)
{
	struct array *y = eval_to_array(ev, yes), *n = eval_to_array(ev, no), *r;
	int32_t rows = cond->rows, cols = cond->cols;

	rows = y->rows > rows ? y->rows : n->rows > rows ? n->rows : rows;
	cols = y->cols > cols ? y->cols : n->cols > cols ? n->cols : cols;
	r = eval_new_array(ev, rows, cols);
	for (int32_t i = 0; i < rows; i++)
		for (int32_t k = 0; k < cols; k++) {
			struct value c = value_stretched(cond, i, k);
			int which = choose(c);

			if (which < 0 && choose == if_choice && c.kind != V_ERROR)
				c = value_error(XE_VALUE);
			r->v[(int64_t)i * cols + k] = which > 0 ? value_stretched(y, i, k) : which == 0 ? value_stretched(n, i, k) : c;
		}
	*out = eval_array_value(r);
}

/* All arguments of a call, element by element: pick() chooses among scalars. */
static void
spread(struct eval *ev, const struct node *call, struct value (*pick)(const struct value *v, int n), struct value *out)
{
	struct array **a = arena_alloc(&ev->tmp, (size_t)call->nargs * sizeof *a), *r;
	struct value *v = arena_alloc(&ev->tmp, (size_t)call->nargs * sizeof *v), one;
	int32_t rows = 1, cols = 1;

	for (int i = 0; i < call->nargs; i++) {
		a[i] = eval_to_array(ev, eval_node(ev, call->args[i]));
		rows = a[i]->rows > rows ? a[i]->rows : rows;
		cols = a[i]->cols > cols ? a[i]->cols : cols;
	}
	r = eval_new_array(ev, rows, cols);
	for (int32_t i = 0; i < rows; i++)
		for (int32_t k = 0; k < cols; k++) {
			for (int q = 0; q < call->nargs; q++)
				v[q] = value_stretched(a[q], i, k);
			one = pick(v, call->nargs);
			r->v[(int64_t)i * cols + k] = one.kind == V_BLANK ? value_num(0) : one;
		}
	*out = eval_array_value(r);
}

static struct value
branch(struct eval *ev, const struct node *call, int i, struct value dflt)
{
	struct value v;

	if (i >= call->nargs)
		return dflt;
	v = eval_node(ev, call->args[i]);
	return v.kind == V_MISSING ? value_num(0) : v;
}

void
fn_if(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct value v = eval_node(ev, call->args[0]);
	int b, k;

	UNUSED(args);
	if (is_array_condition(ev, &v)) {
		lifted(ev, eval_to_array(ev, v), branch(ev, call, 1, value_bool(1)), branch(ev, call, 2, value_bool(0)),
		       if_choice, out);
		return;
	}
	v = eval_to_scalar(ev, v);
	k = value_to_bool(&v, &b);
	if (k)
		*out = value_error(k);
	else
		*out = b ? branch(ev, call, 1, value_bool(1)) : branch(ev, call, 2, value_bool(0));
	UNUSED(nargs);
}

static struct value
pick_ifs(const struct value *v, int n)
{
	for (int i = 0; i + 1 < n; i += 2) {
		int b, k = value_to_bool(&v[i], &b);

		if (k || b)
			return k ? value_error(k) : v[i + 1];
	}
	return value_error(XE_NA);
}

void
fn_ifs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(args);
	for (int i = 0; i + 1 < nargs; i += 2) {
		struct value v = eval_node(ev, call->args[i]);
		int b, k;

		if (is_array_condition(ev, &v)) {
			spread(ev, call, pick_ifs, out);
			return;
		}
		v = eval_to_scalar(ev, v);
		k = value_to_bool(&v, &b);
		if (k) {
			*out = value_error(k);
			return;
		}
		if (b) {
			*out = branch(ev, call, i + 1, value_num(0));
			return;
		}
	}
	*out = value_error(XE_NA);
}

/* An empty cell is the number 0 here, not "" nor FALSE. */
static int
switch_equal(struct value x, struct value v)
{
	if (x.kind == V_BLANK || x.kind == V_MISSING)
		x = value_num(0);
	if (v.kind == V_BLANK || v.kind == V_MISSING)
		v = value_num(0);
	return !value_compare(&x, &v);
}

static struct value
pick_switch(const struct value *v, int n)
{
	if (v[0].kind == V_ERROR)
		return v[0];
	for (int i = 1; i + 1 < n; i += 2) {
		if (v[i].kind == V_ERROR)
			return v[i];
		if (switch_equal(v[0], v[i]))
			return v[i + 1];
	}
	return (n - 1) % 2 ? v[n - 1] : value_error(XE_NA);
}

void
fn_switch(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct value x = eval_node(ev, call->args[0]);

	UNUSED(args);
	if (is_array_condition(ev, &x)) {
		spread(ev, call, pick_switch, out);
		return;
	}
	x = eval_to_scalar(ev, x);
	if (x.kind == V_ERROR) {
		*out = x;
		return;
	}
	for (int i = 1; i + 1 < nargs; i += 2) {
		struct value v = eval_scalar(ev, call->args[i]);

		if (v.kind == V_ERROR) {
			*out = v;
			return;
		}
		if (switch_equal(x, v)) {
			*out = branch(ev, call, i + 1, value_num(0));
			return;
		}
	}
	*out = (nargs - 1) % 2 ? branch(ev, call, nargs - 1, value_num(0)) : value_error(XE_NA);
}

void
fn_choose(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct value v = eval_node(ev, call->args[0]);
	double x;
	int k;

	UNUSED(args);
	if (is_array_condition(ev, &v)) { /* CHOOSE({1,2}, a, b): columns side by side */
		struct array *idx = eval_to_array(ev, v), *col[256], *r;
		int32_t rows = idx->rows;

		for (int i = 1; i < nargs; i++) {
			col[i] = eval_to_array(ev, eval_node(ev, call->args[i]));
			rows = col[i]->rows > rows ? col[i]->rows : rows;
		}
		r = eval_new_array(ev, rows, idx->cols);
		for (int32_t i = 0; i < rows; i++)
			for (int32_t j = 0; j < idx->cols; j++) {
				struct value e = value_stretched(idx, i, j);

				k = value_to_num(&e, ev->date1904, &x);
				r->v[(int64_t)i * idx->cols + j] = k ? value_error(k) : x < 1 || x >= nargs
				                                         ? value_error(XE_VALUE) : value_stretched(col[(int)x], i, j);
			}
		*out = eval_array_value(r);
		return;
	}
	v = eval_to_scalar(ev, v);
	k = value_to_num(&v, ev->date1904, &x);
	if (k)
		*out = value_error(k);
	else if (x < 1 || x >= nargs)
		*out = value_error(XE_VALUE);
	else
		*out = branch(ev, call, (int)x, value_num(0));
}

static int
error_choice(struct value v)
{
	return v.kind == V_ERROR ? 1 : -1;
}

static int
na_choice(struct value v)
{
	return v.kind == V_ERROR && v.error == XE_NA ? 1 : -1;
}

static void
if_error(struct eval *ev, const struct node *call, int (*choose)(struct value), struct value *out)
{
	struct value v = eval_node(ev, call->args[0]), s;

	if (is_array_condition(ev, &v)) {
		lifted(ev, eval_to_array(ev, v), branch(ev, call, 1, value_num(0)), value_num(0), choose, out);
		return;
	}
	s = eval_to_scalar(ev, v);
	if (choose(s) > 0)
		*out = branch(ev, call, 1, value_num(0));
	else
		*out = s.kind == V_BLANK || s.kind == V_MISSING ? (v.kind == V_REF ? v : value_num(0)) : s;
}

void
fn_iferror(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(args);
	UNUSED(nargs);
	if_error(ev, call, error_choice, out);
}

void
fn_ifna(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(args);
	UNUSED(nargs);
	if_error(ev, call, na_choice, out);
}

/* --- truth --------------------------------------------------------------------------------------------------- */

/* Counts TRUE and all logical values; text but "TRUE" and "FALSE" written in the formula, and blanks, are passed over. Error kind or 0. */
static int
count_truth(struct eval *ev, struct value *args, int nargs, int64_t *yes, int64_t *all)
{
	*yes = *all = 0;
	for (int i = 0; i < nargs; i++) {
		struct eval_walk w;
		struct value v;
		int b;

		if (args[i].kind == V_MISSING) {
			++*all;
			continue;
		}
		eval_walk_init(&w, args[i]);
		while (eval_walk_next(ev, &w, &v)) {
			int k;

			if (v.kind == V_ERROR)
				return v.error;
			if (w.in_ref && v.kind == V_TEXT)
				continue;
			k = value_to_bool(&v, &b);
			if (k)
				continue;
			*yes += b;
			++*all;
		}
	}
	return *all ? 0 : XE_VALUE;
}

void
fn_and(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int64_t yes, all;
	int k = count_truth(ev, args, nargs, &yes, &all);

	UNUSED(call);
	*out = k ? value_error(k) : value_bool(yes == all);
}

void
fn_or(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int64_t yes, all;
	int k = count_truth(ev, args, nargs, &yes, &all);

	UNUSED(call);
	*out = k ? value_error(k) : value_bool(yes > 0);
}

void
fn_xor(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int64_t yes, all;
	int k = count_truth(ev, args, nargs, &yes, &all);

	UNUSED(call);
	*out = k ? value_error(k) : value_bool(yes % 2 != 0);
}

#define CONSTANT(fn, v)                                                                                        \
	void fn(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)    \
	{                                                                                                      \
		UNUSED(ev);                                                                                    \
		UNUSED(call);                                                                                  \
		UNUSED(args);                                                                                  \
		UNUSED(nargs);                                                                                 \
		*out = (v);                                                                                    \
	}

CONSTANT(fn_not, value_bool(!args[0].boolean))
CONSTANT(fn_true, value_bool(1))
CONSTANT(fn_false, value_bool(0))
CONSTANT(fn_na, value_error(XE_NA))
CONSTANT(fn_isnumber, value_bool(args[0].kind == V_NUM))
CONSTANT(fn_istext, value_bool(args[0].kind == V_TEXT))
CONSTANT(fn_isnontext, value_bool(args[0].kind != V_TEXT))
CONSTANT(fn_isblank, value_bool(args[0].kind == V_BLANK))
CONSTANT(fn_iserror, value_bool(args[0].kind == V_ERROR))
CONSTANT(fn_iserr, value_bool(args[0].kind == V_ERROR && args[0].error != XE_NA))
CONSTANT(fn_isna, value_bool(args[0].kind == V_ERROR && args[0].error == XE_NA))
CONSTANT(fn_islogical, value_bool(args[0].kind == V_BOOL))
CONSTANT(fn_isref, value_bool(args[0].kind == V_REF))
CONSTANT(fn_error_type, args[0].kind != V_ERROR ? value_error(XE_NA) : value_num(args[0].error))

/* --- what a value is ---------------------------------------------------------------------------------------------- */

static void
parity(struct eval *ev, struct value *args, int odd, struct value *out)
{
	double x;
	int k = args[0].kind == V_BOOL ? XE_VALUE : value_to_num(&args[0], ev->date1904, &x);

	*out = k ? value_error(k) : value_bool((fmod(trunc(fabs(x)), 2) == 1) == odd);
}

void
fn_iseven(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	parity(ev, args, 0, out);
}

void
fn_isodd(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	parity(ev, args, 1, out);
}

void
fn_isformula(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct area *a;

	UNUSED(call);
	UNUSED(nargs);
	if (args[0].kind != V_REF) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
		return;
	}
	a = &args[0].u.ref->area[0];
	if (is_array_condition(ev, &args[0])) { /* of a range, cell by cell */
		struct array *r = eval_new_array(ev, eval_to_array(ev, args[0])->rows, eval_to_array(ev, args[0])->cols);

		for (int32_t i = 0; i < r->rows; i++)
			for (int32_t k = 0; k < r->cols; k++)
				r->v[(int64_t)i * r->cols + k] =
				    value_bool(model_formula(ev->m, a->sheet1, a->row1 + i, a->col1 + k) != NULL);
		*out = eval_array_value(r);
		return;
	}
	*out = value_bool(model_formula(ev->m, a->sheet1, a->row1, a->col1) != NULL);
}

static struct value
first_of(struct eval *ev, struct value v)
{
	if (v.kind == V_REF)
		return eval_get(ev, v.u.ref->area[0].sheet1, v.u.ref->area[0].row1, v.u.ref->area[0].col1);
	return v.kind == V_ARRAY ? v.u.array->v[0] : v;
}

void
fn_n(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct value v = first_of(ev, args[0]);

	UNUSED(call);
	UNUSED(nargs);
	*out = v.kind == V_NUM || v.kind == V_ERROR ? v : value_num(v.kind == V_BOOL ? v.boolean : 0);
}

void
fn_type(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct value v = args[0];

	UNUSED(call);
	UNUSED(nargs);
	if (v.kind == V_REF && (v.u.ref->area[0].row1 != v.u.ref->area[0].row2 || v.u.ref->area[0].col1 != v.u.ref->area[0].col2)) {
		*out = value_num(64);
		return;
	}
	if (v.kind == V_REF)
		v = first_of(ev, v);
	*out = value_num(v.kind == V_TEXT ? 2 : v.kind == V_BOOL ? 4 : v.kind == V_ERROR ? 16 : v.kind == V_ARRAY ? 64 :
	                 v.kind == V_LAMBDA ? 128 : 1);
}

