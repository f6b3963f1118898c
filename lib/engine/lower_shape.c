/*
 * lower_shape: functions of arrays whose shape is fixed: those that only move elements (TAKE, VSTACK, TOCOL …), MMULT, and SUBTOTAL and AGGREGATE, which
 * choose cells that are known when the model is compiled and hand them to another function.
 *
 * A function that moves elements is asked by a stand-in: the scalar evaluator runs it once on the numbers 1, 2, 3 … in place of the elements, and what it
 * gives says which element went where.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"

#define ELEMENTS_LIMIT 100000
#define OWN_SLOT (1 << 20) /* variable of a call made here */

static struct lval
array_of(struct lmat *m)
{
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = m};
}

/* --- moving elements ----------------------------------------------------------------------------------------------- */

/* The array argument's elements join `all`; a node with their numbers (from 1) stands in for it. */
static struct node *
stand_in(struct lower *L, const struct lmat *m, struct lmat *all)
{
	struct node *n = ARENA_NEW(&L->arena, struct node, 1);
	struct array *a = ARENA_NEW(&L->arena, struct array, 1);
	int64_t size = (int64_t)m->rows * m->cols;

	a->rows = m->rows;
	a->cols = m->cols;
	a->v = arena_alloc(&L->arena, (size_t)size * sizeof *a->v);
	for (int64_t i = 0; i < size; i++) {
		a->v[i] = m->v[i].mask == LM_BLANK && m->v[i].err == IR_NONE ? value_blank() : value_num((double)(all->cols + 1));
		all->v[all->cols++] = m->v[i];
	}
	n->kind = N_ARRAY;
	n->u.value = (struct value){.kind = V_ARRAY, .u.array = a};
	return n;
}

static struct node *
literal(struct lower *L, struct value v)
{
	struct node *n = ARENA_NEW(&L->arena, struct node, 1);
	struct array *a;

	if (v.kind == V_MISSING) {
		n->kind = N_MISSING;
		return n;
	}
	a = ARENA_NEW(&L->arena, struct array, 1);
	a->rows = a->cols = 1;
	a->v = arena_memdup(&L->arena, &v, sizeof v);
	n->kind = v.kind == V_NUM ? N_NUM : N_ARRAY;
	if (v.kind == V_NUM)
		n->u.num = v.u.num;
	else
		n->u.value = (struct value){.kind = V_ARRAY, .u.array = a};
	return n;
}

/* Constant arguments as literals. NULL: not constant. */
static struct node *
constant_arg(struct lower *L, const struct lower_ctx *c, const struct node *arg)
{
	struct lval v = lower_node(L, c, arg);
	struct lmat *m;
	struct array *a;
	struct node *n;
	struct value one;

	if (v.kind == LV_MISSING || v.kind == LV_SCALAR)
		return lower_is_const(L, v, &one) ? literal(L, one) : NULL;
	m = v.kind == LV_UNSUPPORTED ? NULL : lower_matrix(L, c, v);
	if (!m)
		return NULL;
	a = ARENA_NEW(&L->arena, struct array, 1);
	a->rows = m->rows;
	a->cols = m->cols;
	a->v = arena_alloc(&L->arena, (size_t)m->rows * (size_t)m->cols * sizeof *a->v);
	for (int64_t i = 0; i < (int64_t)m->rows * m->cols; i++)
		if (!lower_is_const(L, m->v[i], &a->v[i]))
			return NULL;
	n = ARENA_NEW(&L->arena, struct node, 1);
	n->kind = N_ARRAY;
	n->u.value = (struct value){.kind = V_ARRAY, .u.array = a};
	return n;
}

/* Elements by the numbers that came out; what is no number is a constant of the function's own (#N/A where it pads). */
static struct lval
moved(struct lower *L, struct value v, const struct lmat *all)
{
	struct array one = {1, 1, &v};
	const struct array *a = v.kind == V_ARRAY ? v.u.array : &one;
	struct lmat *m = lower_new_matrix(L, a->rows, a->cols);

	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++) {
		const struct value *e = &a->v[i];

		if (e->kind == V_NUM && e->u.num >= 1 && e->u.num <= all->cols)
			m->v[i] = all->v[(int64_t)e->u.num - 1];
		else
			m->v[i] = lower_from_value(L, e);
		if (m->v[i].kind != LV_SCALAR)
			return lower_unsupported(L, "array of changing shape");
	}
	return v.kind == V_ARRAY ? array_of(m) : m->v[0];
}

struct lval
lower_moving_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const char *name = n->u.call.fn->name;
	int stacks = !strcmp(name, "VSTACK") || !strcmp(name, "HSTACK"), lines = !strcmp(name, "TOCOL") || !strcmp(name, "TOROW");
	struct lower_ctx arr = *c;
	struct lmat *m[64], all = {1, 0, NULL};
	struct node call = *n, *arg[64];
	int64_t total = 0;

	arr.array = 1;
	if (n->nargs > 64)
		return lower_unsupported(L, n->u.call.fn->name);
	for (int i = 0; i < n->nargs; i++) {
		if (i && !stacks) {
			if (!(arg[i] = constant_arg(L, c, n->args[i])))
				return lower_unsupported(L, "array whose shape depends on a draw");
			continue;
		}
		m[i] = lower_matrix(L, &arr, lower_node(L, &arr, n->args[i]));
		if (!m[i])
			return lower_unsupported(L, L->why);
		total += (int64_t)m[i]->rows * m[i]->cols;
		for (int64_t k = 0; k < (int64_t)m[i]->rows * m[i]->cols; k++)
			if (((m[i]->v[k].mask & LM_BLANK) && m[i]->v[k].mask != LM_BLANK) || (lines && n->nargs > 1 && m[i]->v[k].err != IR_NONE) ||
			    (m[i]->rows * m[i]->cols == 1 && m[i]->v[k].err != IR_NONE))
				return lower_unsupported(L, "array whose shape depends on a draw");
	}
	if (total > ELEMENTS_LIMIT)
		return lower_unsupported(L, "array of more than 100,000 elements");
	all.v = arena_alloc(&L->arena, (size_t)(total + 1) * sizeof *all.v);
	for (int i = 0; i < n->nargs; i++)
		if (!i || stacks)
			arg[i] = stand_in(L, m[i], &all);
	call.args = arg;
	return moved(L, eval_tree(L->ev, &call, c->sheet, c->row, c->col, c->array, NULL), &all);
}

/* --- CHOOSE({1,2,3}, a, b, c) ---------------------------------------------------------------------------------------- */

struct lval
lower_choose_several(struct lower *L, const struct lower_ctx *c, const struct node *n, const struct lmat *idx)
{
	struct lmat *m[256], *out;
	int32_t rows = idx->rows;

	for (int i = 1; i < n->nargs && i < 256; i++) {
		if (!(m[i] = lower_matrix(L, c, lower_node(L, c, n->args[i]))))
			return lower_unsupported(L, L->why);
		rows = m[i]->rows > rows ? m[i]->rows : rows;
	}
	if (n->nargs > 256 || rows > 10000)
		return lower_unsupported(L, "CHOOSE of several");
	out = lower_new_matrix(L, rows, idx->cols);
	for (int32_t i = 0; i < rows; i++)
		for (int32_t j = 0; j < idx->cols; j++) {
			struct lval e, *to = &out->v[(int64_t)i * idx->cols + j];
			const struct lmat *a;
			double x;

			if (i >= idx->rows && idx->rows > 1)
				return lower_unsupported(L, "CHOOSE of several");
			e = lower_num(L, idx->v[(int64_t)(idx->rows == 1 ? 0 : i) * idx->cols + j]);
			if (e.kind != LV_SCALAR || e.err != IR_NONE || !ir_is_const(L->ir, e.num, &x))
				return lower_unsupported(L, "CHOOSE of several by a draw");
			if (x < 1 || x >= n->nargs) {
				*to = lower_error(L, XE_VALUE);
				continue;
			}
			a = m[(int)x];
			if ((i >= a->rows && a->rows > 1) || (j >= a->cols && a->cols > 1))
				*to = lower_error(L, XE_NA);
			else
				*to = a->v[(int64_t)(a->rows == 1 ? 0 : i) * a->cols + (a->cols == 1 ? 0 : j)];
		}
	return array_of(out);
}

/* --- MMULT -------------------------------------------------------------------------------------------------------------- */

struct lval
lower_mmult_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_ctx arr = *c;
	struct lmat *m[2], *out;
	ir_ref err = IR_NONE;

	arr.array = 1;
	for (int i = 0; i < 2; i++) {
		m[i] = lower_matrix(L, &arr, lower_node(L, &arr, n->args[i]));
		if (!m[i])
			return lower_unsupported(L, L->why);
		for (int64_t k = 0; k < (int64_t)m[i]->rows * m[i]->cols; k++) {
			if (m[i]->v[k].mask != LM_NUM)
				return lower_unsupported(L, "array with what is no number");
			err = lower_err(L, err, m[i]->v[k].err);
		}
	}
	if (m[0]->cols != m[1]->rows)
		return lower_error(L, XE_VALUE);
	if ((int64_t)m[0]->rows * m[0]->cols * m[1]->cols > ELEMENTS_LIMIT)
		return lower_unsupported(L, "MMULT of more than 100,000 products");
	out = lower_new_matrix(L, m[0]->rows, m[1]->cols);
	for (int32_t i = 0; i < out->rows; i++)
		for (int32_t j = 0; j < out->cols; j++) {
			ir_ref s = ir_const(L->ir, 0);

			for (int32_t k = 0; k < m[0]->cols; k++)
				s = ir_op2(L->ir, IR_ADD, s,
				           ir_op2(L->ir, IR_MUL, m[0]->v[(int64_t)i * m[0]->cols + k].num, m[1]->v[(int64_t)k * m[1]->cols + j].num));
			out->v[(int64_t)i * out->cols + j] = lower_number(s, lower_err(L, err, ir_finchk(L->ir, s)));
		}
	return array_of(out);
}

/* --- SUBTOTAL, AGGREGATE ------------------------------------------------------------------------------------------------- */

enum { SKIP_HIDDEN = 1, SKIP_ERRORS = 2, SKIP_NESTED = 4 };

static int
calls_subtotal(const struct node *n)
{
	if (n->kind == N_CALL && n->u.call.fn && (!strcmp(n->u.call.fn->name, "SUBTOTAL") || !strcmp(n->u.call.fn->name, "AGGREGATE")))
		return 1;
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && calls_subtotal(n->args[i]))
			return 1;
	return 0;
}

static int
left_out(const struct model *m, int sheet, int32_t row, int32_t col, int skip)
{
	const struct sheet *s = &m->wb->sheets[sheet];
	const struct formula *f;

	if ((skip & SKIP_HIDDEN) && workbook_row_hidden(s, row))
		return 1;
	if ((skip & (SKIP_NESTED | SKIP_HIDDEN)) && workbook_row_filtered(s, row))
		return 1;
	f = skip & SKIP_NESTED ? model_formula(m, sheet, row, col) : NULL;
	return f && f->root && calls_subtotal(f->root);
}

struct kept {
	struct lval *v;
	int32_t n, cap;
};

/* An element; where errors are skipped, one that may be an error is a number only where it is none, and else an empty cell. */
static void
keep(struct lower *L, struct kept *k, struct lval v, int skip)
{
	double e;

	if ((skip & SKIP_ERRORS) && v.err != IR_NONE) {
		if (ir_is_const(L->ir, v.err, &e)) {
			if (e != 0)
				return;
		} else {
			v.typ = ir_op3(L->ir, IR_SEL, ir_op1(L->ir, IR_NONZERO, v.err), ir_const(L->ir, LC_BLANK), lower_type(L, v));
			v.mask |= LM_BLANK;
		}
		v.err = IR_NONE;
	}
	if (k->n == k->cap) {
		struct lval *grown = arena_alloc(&L->arena, (size_t)(k->cap = k->cap ? 2 * k->cap : 64) * sizeof *grown);

		if (k->n)
			memcpy(grown, k->v, (size_t)k->n * sizeof *grown);
		k->v = grown;
	}
	k->v[k->n++] = v;
}

/* -1: not in lanes. */
static int
collect(struct lower *L, const struct lower_ctx *c, struct lval v, int skip, struct kept *k)
{
	struct area a = v.area;
	struct lmat *m;

	if (v.kind == LV_REF) { /* a cell that is left out may refer to this one: it is not looked at */
		const struct sheet *s = &L->m->wb->sheets[a.sheet1];

		a.row2 = a.row2 > s->row_max && !L->m->nchanges ? s->row_max : a.row2;
		if ((int64_t)(a.row2 - a.row1 + 1) * (a.col2 - a.col1 + 1) > ELEMENTS_LIMIT)
			return -1;
		for (int32_t r = a.row1; r <= a.row2; r++)
			for (int32_t q = a.col1; q <= a.col2; q++) {
				struct lval x;

				if (left_out(L->m, a.sheet1, r, q, skip))
					continue;
				x = lower_cell(L, a.sheet1, r, q);
				if (x.kind != LV_SCALAR)
					return -1;
				keep(L, k, x, skip);
			}
		return 0;
	}
	m = v.kind == LV_ARRAY ? lower_matrix(L, c, v) : NULL;
	for (int64_t i = 0; m && i < (int64_t)m->rows * m->cols; i++)
		keep(L, k, m->v[i], skip);
	return m ? 0 : -1;
}

/* The function of a code on what was kept, and k. */
static struct lval
call_on(struct lower *L, const struct lower_ctx *c, const char *name, const struct kept *k, const struct node *second)
{
	struct node call = {.kind = N_CALL}, list = {.kind = N_NAME};
	struct node *args[2] = {&list, (struct node *)(uintptr_t)second};
	struct lmat m = {k->n, 1, k->v};
	struct lower_ctx inner = *c;

	list.u.name.name = "";
	list.u.name.slot = OWN_SLOT;
	call.u.call.fn = func_find(name, strlen(name));
	call.u.call.name = name;
	call.args = args;
	call.nargs = second ? 2 : 1;
	inner.env = lower_bind(L, c->env, OWN_SLOT, array_of(arena_memdup(&L->arena, &m, sizeof m)));
	return lower_call(L, &inner, &call);
}

static const char *const code_name[] = {NULL, "AVERAGE", "COUNT", "COUNTA", "MAX", "MIN", "PRODUCT", "STDEV.S", "STDEV.P", "SUM", "VAR.S", "VAR.P",
                                        "MEDIAN", "MODE.SNGL", "LARGE", "SMALL", "PERCENTILE.INC", "QUARTILE.INC", "PERCENTILE.EXC", "QUARTILE.EXC"};

static int
constant(struct lower *L, const struct lower_ctx *c, const struct node *n, double *x)
{
	struct lval v = lower_num(L, lower_scalar_arg(L, c, n));

	if (v.kind != LV_SCALAR || v.err != IR_NONE || !ir_is_const(L->ir, v.num, x))
		return 0;
	*x = trunc(*x);
	return 1;
}

struct lval
lower_subtotal_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct kept k = {0};
	int skip = SKIP_NESTED;
	double code;

	if (!constant(L, c, n->args[0], &code))
		return lower_unsupported(L, "SUBTOTAL by a draw");
	if (code >= 101 && code <= 111) {
		skip |= SKIP_HIDDEN;
		code -= 100;
	}
	if (!(code >= 1 && code <= 11))
		return lower_error(L, XE_VALUE);
	for (int i = 1; i < n->nargs; i++)
		if (collect(L, c, lower_node(L, c, n->args[i]), skip, &k) < 0)
			return lower_unsupported(L, "SUBTOTAL");
	return k.n ? call_on(L, c, code_name[(int)code], &k, NULL) : lower_unsupported(L, "SUBTOTAL of nothing");
}

struct lval
lower_aggregate_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	static const int skips[] = {SKIP_NESTED, SKIP_NESTED | SKIP_HIDDEN, SKIP_NESTED | SKIP_ERRORS, SKIP_NESTED | SKIP_HIDDEN | SKIP_ERRORS, 0,
	                            SKIP_HIDDEN, SKIP_ERRORS, SKIP_HIDDEN | SKIP_ERRORS};
	struct lower_ctx arr = *c;
	struct kept k = {0};
	double code, option = 0;
	struct lval v;
	int last = n->nargs;

	if (!constant(L, c, n->args[0], &code) || (n->args[1]->kind != N_MISSING && !constant(L, c, n->args[1], &option)))
		return lower_unsupported(L, "AGGREGATE by a draw");
	if (!(code >= 1 && code <= 19) || !(option >= 0 && option <= 7) || (code >= 14 && n->nargs < 4))
		return lower_error(L, XE_VALUE);
	if (code >= 14) {
		last = 3;
		v = lower_num(L, lower_scalar_arg(L, c, n->args[3]));
		if (v.kind != LV_SCALAR || v.err != IR_NONE)
			return lower_unsupported(L, "AGGREGATE");
	}
	arr.array = 1;
	for (int i = 2; i < last; i++)
		if (collect(L, &arr, lower_node(L, &arr, n->args[i]), skips[(int)option], &k) < 0)
			return lower_unsupported(L, "AGGREGATE");
	return k.n ? call_on(L, c, code_name[(int)code], &k, code >= 14 ? n->args[3] : NULL) : lower_unsupported(L, "AGGREGATE of nothing");
}
