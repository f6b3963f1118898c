/*
 * lower_fn: worksheet functions in lanes.
 *
 * Three ways, tried in this order: a handler here (functions that choose, aggregate, look up, or have lane
 * operations of their own); for every other numeric function (FNUM rows) a NUMCALL, which runs the function of
 * kernels/ lane by lane; else LV_UNSUPPORTED, and the caller makes a TREE. Sums run left to right, one addition
 * after the other, exactly as the functions in kernels/xl_math.h do.
 */
#include "engine/lower.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lower_fn.h"
#include "formula/numform.h"

/* --- LET --------------------------------------------------------------------------------------------- */

struct lower_env {
	const struct lower_env *outer;
	int slot;
	struct lval v;
};

struct lval
lower_variable(const struct lower_env *env, int slot)
{
	for (; env; env = env->outer)
		if (env->slot == slot)
			return env->v;
	return (struct lval){.kind = LV_UNSUPPORTED, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE};
}

const struct lower_env *
lower_bind(struct lower *L, const struct lower_env *outer, int slot, struct lval v)
{
	struct lower_env *e = arena_alloc(&L->arena, sizeof *e); /* a LAMBDA may outlive the LET it was made in */

	*e = (struct lower_env){outer, slot, v};
	return e;
}

static struct lval
fn_let(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_ctx inner = *c;

	for (int i = 0; i + 1 < n->nargs; i += 2) {
		struct lval v;

		if (n->args[i]->kind != N_NAME)
			return lower_unsupported(L, "LET without names");
		v = lower_node(L, &inner, n->args[i + 1]);
		if (v.kind == LV_UNSUPPORTED)
			return v;
		inner.env = lower_bind(L, inner.env, n->args[i]->u.name.slot, v);
	}
	return lower_node(L, &inner, n->args[n->nargs - 1]);
}

/* --- choosing ------------------------------------------------------------------------------------------ */

static struct lval
fn_if(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval cond, p, q, r;
	double k;

	p = lower_node(L, c, n->args[0]);
	if (c->array && (p.kind == LV_ARRAY || (p.kind == LV_REF && (p.area.row1 != p.area.row2 || p.area.col1 != p.area.col2)))) {
		struct lmat *m = lower_matrix(L, c, p), *out, *a = NULL, *b = NULL;
		struct lval yes, no = lower_boolean(ir_const(L->ir, 0), IR_NONE);

		yes = n->nargs > 1 ? lower_node(L, c, n->args[1]) : lower_boolean(ir_const(L->ir, 1), IR_NONE);
		if (n->nargs > 2)
			no = lower_node(L, c, n->args[2]);
		if (!m || !(a = lower_matrix(L, c, yes)) || !(b = lower_matrix(L, c, no)))
			return lower_unsupported(L, "IF over arrays");
		if ((a->rows != m->rows && a->rows != 1) || (a->cols != m->cols && a->cols != 1) ||
		    (b->rows != m->rows && b->rows != 1) || (b->cols != m->cols && b->cols != 1))
			return lower_unsupported(L, "IF over arrays of different shapes");
		out = lower_new_matrix(L, m->rows, m->cols);
		for (int32_t i = 0; i < m->rows; i++)
			for (int32_t j = 0; j < m->cols; j++) {
				struct lval x = a->v[(a->rows == 1 ? 0 : i) * a->cols + (a->cols == 1 ? 0 : j)];
				struct lval y = b->v[(b->rows == 1 ? 0 : i) * b->cols + (b->cols == 1 ? 0 : j)];

				cond = lower_bool(L, m->v[i * m->cols + j]);
				if (cond.kind != LV_SCALAR)
					return cond;
				r = lower_select(L, cond.num, x, y);
				if (r.kind != LV_SCALAR)
					return r;
				r.err = lower_err(L, cond.err, r.err);
				out->v[i * m->cols + j] = r;
			}
		return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = out};
	}
	cond = lower_bool(L, lower_scalar(L, c, p.kind == LV_MISSING ? lower_boolean(ir_const(L->ir, 0), IR_NONE) : p));
	if (cond.kind != LV_SCALAR)
		return cond;
	if (ir_is_const(L->ir, cond.num, &k) && cond.err == IR_NONE) { /* lazy: the other branch is never looked at */
		if (k == 0 && n->nargs < 3)
			return lower_boolean(ir_const(L->ir, 0), IR_NONE);
		r = lower_node(L, c, n->args[k != 0 ? 1 : 2]);
		return r.kind == LV_MISSING ? lower_number(ir_const(L->ir, 0), IR_NONE) : r;
	}
	p = lower_scalar_arg(L, c, n->args[1]);
	if (p.kind == LV_UNSUPPORTED)
		return p;
	q = n->nargs > 2 ? lower_scalar_arg(L, c, n->args[2]) : lower_boolean(ir_const(L->ir, 0), IR_NONE);
	if (p.mask == LM_BLANK && n->args[1]->kind == N_MISSING)
		p.mask = LM_NUM;
	if (q.kind == LV_SCALAR && q.mask == LM_BLANK && n->nargs > 2 && n->args[2]->kind == N_MISSING)
		q.mask = LM_NUM;
	r = lower_select(L, cond.num, p, q);
	if (r.kind == LV_SCALAR)
		r.err = lower_err(L, cond.err, r.err);
	return r;
}

/* Several tests at once, in array mode: the evaluator's. */
static int
many_tests(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval v;

	if (!c->array)
		return 0;
	v = lower_node(L, c, n);
	return v.kind == LV_ARRAY || (v.kind == LV_REF && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2));
}

static struct lval
fn_ifs(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval r = lower_error(L, XE_NA);

	if (n->nargs % 2)
		return lower_unsupported(L, "IFS");
	for (int i = n->nargs - 2; i >= 0; i -= 2) {
		struct lval cond, v;

		if (many_tests(L, c, n->args[i]))
			return lower_unsupported(L, "IFS over arrays");
		cond = lower_bool(L, lower_scalar_arg(L, c, n->args[i]));
		if (cond.kind != LV_SCALAR)
			return cond;
		v = lower_scalar_arg(L, c, n->args[i + 1]);
		r = lower_select(L, cond.num, v, r);
		if (r.kind != LV_SCALAR)
			return r;
		r.err = lower_err(L, cond.err, r.err);
	}
	return r;
}

static struct lval
fn_switch(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval x = lower_scalar_arg(L, c, n->args[0]);
	int pairs = (n->nargs - 1) / 2, has_default = (n->nargs - 1) % 2;
	struct lval r = many_tests(L, c, n->args[0]) ? lower_unsupported(L, "SWITCH over arrays")
	                : x.kind == LV_SCALAR && x.mask & LM_BLANK && x.mask != LM_BLANK ? lower_unsupported(L, "SWITCH of what may be empty")
	                : has_default ? lower_scalar_arg(L, c, n->args[n->nargs - 1]) : lower_error(L, XE_NA);

	if (x.kind == LV_SCALAR && x.mask == LM_BLANK) /* an empty cell is the number 0 here */
		x.mask = LM_NUM;
	for (int i = pairs - 1; i >= 0 && r.kind == LV_SCALAR; i--) {
		struct lval v = lower_scalar_arg(L, c, n->args[1 + 2 * i]), eq;

		if (v.kind == LV_SCALAR && v.mask & LM_BLANK && v.mask != LM_BLANK)
			return lower_unsupported(L, "SWITCH of what may be empty");
		if (v.kind == LV_SCALAR && v.mask == LM_BLANK)
			v.mask = LM_NUM;
		eq = lower_compare(L, '=', x, v);
		if (eq.kind != LV_SCALAR)
			return eq;
		r = lower_select(L, eq.num, lower_scalar_arg(L, c, n->args[2 + 2 * i]), r);
		if (r.kind == LV_SCALAR)
			r.err = lower_err(L, eq.err, r.err);
	}
	return r;
}

/* v[idx], idx from 1 (whole, within 1..n where err is 0). */
struct lval
lower_pick(struct lower *L, ir_ref idx, const struct lval *v, size_t n)
{
	ir_ref *num = arena_alloc(&L->arena, (n + 1) * sizeof *num), zero = ir_const(L->ir, 0);
	struct lval r = {.kind = LV_SCALAR, .err = IR_NONE, .typ = IR_NONE};
	int all_const = 1, any_err = 0, one_type = 1;
	double x;

	if (!n)
		return lower_error(L, XE_REF);
	if (ir_is_const(L->ir, idx, &x))
		return x >= 1 && x <= (double)n ? v[(size_t)x - 1] : lower_error(L, XE_REF);
	for (size_t i = 0; i < n; i++) {
		if (v[i].kind != LV_SCALAR)
			return lower_unsupported(L, L->why);
		r.mask |= v[i].mask;
		all_const &= ir_is_const(L->ir, v[i].num, NULL);
		any_err |= v[i].err != IR_NONE;
		one_type &= v[i].typ == IR_NONE && v[i].mask == v[0].mask;
	}
	for (int part = 0; part < 3; part++) { /* number, error, type */
		double *table = arena_alloc(&L->arena, n * sizeof *table), lo = INFINITY, hi = -INFINITY;
		int constant = 1, integer = 1;
		ir_ref out;

		if ((part == 1 && !any_err) || (part == 2 && one_type))
			continue;
		num[0] = idx;
		for (size_t i = 0; i < n; i++) {
			num[i + 1] = part == 0 ? v[i].num : part == 1 ? (v[i].err == IR_NONE ? zero : v[i].err)
			                                              : lower_type(L, v[i]);
			if (!ir_is_const(L->ir, num[i + 1], &table[i])) {
				constant = 0;
				continue;
			}
			lo = table[i] < lo ? table[i] : lo;
			hi = table[i] > hi ? table[i] : hi;
			integer &= table[i] == floor(table[i]);
		}
		if (constant) /* GATHER counts from 0 */
			out = ir_tabled(L->ir, IR_GATHER, ir_op2(L->ir, IR_SUB, idx, ir_const(L->ir, 1)),
			                ir_add_table(L->ir, table, n, NULL), lo, hi, integer);
		else
			out = ir_nary(L->ir, IR_PICK, num, n + 1, 0);
		if (part == 0)
			r.num = out;
		else if (part == 1)
			r.err = out;
		else
			r.typ = out;
	}
	(void)all_const;
	return r;
}

/* Whole-number index with its limits: truncated; outside 1..n the error `kind`. */
ir_ref
lower_index(struct lower *L, struct lval *idx, size_t n, int kind)
{
	ir_ref i = ir_op1(L->ir, IR_TRUNC, idx->num), zero = ir_const(L->ir, 0), bad;

	bad = ir_op2(L->ir, IR_OR, ir_op2(L->ir, IR_XLT, i, ir_const(L->ir, 1)),
	             ir_op2(L->ir, IR_XLT, ir_const(L->ir, (double)n), i));
	idx->err = lower_err(L, idx->err, ir_op3(L->ir, IR_SEL, bad, ir_const(L->ir, kind), zero));
	return i;
}

static struct lval
fn_choose(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval idx = lower_node(L, c, n->args[0]), v[256], r;
	ir_ref i;

	if (idx.kind == LV_REF && many_tests(L, c, n->args[0]))
		return lower_unsupported(L, "CHOOSE over a range");
	if (idx.kind == LV_ARRAY && (idx.mat->rows > 1 || idx.mat->cols > 1))
		return lower_choose_several(L, c, n, idx.mat);
	idx = idx.kind == LV_UNSUPPORTED ? idx : lower_num(L, lower_scalar(L, c, idx));
	if (idx.kind != LV_SCALAR)
		return idx;
	if (n->nargs > 256)
		return lower_unsupported(L, "CHOOSE of more than 255");
	i = lower_index(L, &idx, (size_t)n->nargs - 1, XE_VALUE);
	for (int k = 1; k < n->nargs; k++) {
		v[k - 1] = lower_scalar_arg(L, c, n->args[k]);
		if (v[k - 1].kind != LV_SCALAR)
			return v[k - 1];
	}
	r = lower_pick(L, i, v, (size_t)n->nargs - 1);
	if (r.kind == LV_SCALAR)
		r.err = lower_err(L, idx.err, r.err);
	return r;
}

static struct lval
fn_iferror(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval v = lower_scalar_arg(L, c, n->args[0]), w, r;
	int na_only = n->u.call.fn->name[2] == 'N';
	ir_ref bad;

	if (v.kind != LV_SCALAR || v.err == IR_NONE)
		return v;
	w = lower_scalar_arg(L, c, n->args[1]);
	if (w.kind != LV_SCALAR)
		return w;
	bad = na_only ? ir_op2(L->ir, IR_XEQ, v.err, ir_const(L->ir, XE_NA)) : ir_op1(L->ir, IR_NONZERO, v.err);
	if (!na_only) {
		struct lval clean = v;

		clean.err = IR_NONE;
		r = lower_select(L, bad, w, clean);
	} else {
		r = lower_select(L, bad, w, v);
	}
	return r;
}

static struct lval
fn_is(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const char *name = n->u.call.fn->name;
	struct lval v;
	ir_ref e, yes, ok, one = ir_const(L->ir, 1);

	v = lower_scalar_arg(L, c, n->args[0]);
	if (v.kind != LV_SCALAR)
		return v;
	e = v.err == IR_NONE ? ir_const(L->ir, 0) : v.err;
	ok = ir_op1(L->ir, IR_NOT, ir_op1(L->ir, IR_NONZERO, e));
	if (!strcmp(name, "ISERROR"))
		yes = ir_op1(L->ir, IR_NONZERO, e);
	else if (!strcmp(name, "ISNA"))
		yes = ir_op2(L->ir, IR_XEQ, e, ir_const(L->ir, XE_NA));
	else if (!strcmp(name, "ISERR"))
		yes = ir_op2(L->ir, IR_AND, ir_op1(L->ir, IR_NONZERO, e),
		             ir_op1(L->ir, IR_NOT, ir_op2(L->ir, IR_XEQ, e, ir_const(L->ir, XE_NA))));
	else if (!strcmp(name, "ISNUMBER"))
		yes = ir_op2(L->ir, IR_AND, ok, lower_is_type(L, v, LC_NUM));
	else if (!strcmp(name, "ISTEXT"))
		yes = ir_op2(L->ir, IR_AND, ok, lower_is_type(L, v, LC_TEXT));
	else if (!strcmp(name, "ISLOGICAL"))
		yes = ir_op2(L->ir, IR_AND, ok, lower_is_type(L, v, LC_BOOL));
	else if (!strcmp(name, "ISBLANK"))
		yes = ir_op2(L->ir, IR_AND, ok, lower_is_type(L, v, LC_BLANK));
	else /* ISNONTEXT */
		yes = ir_op2(L->ir, IR_OR, ir_op1(L->ir, IR_NOT, ok),
		             ir_op2(L->ir, IR_SUB, one, lower_is_type(L, v, LC_TEXT)));
	return lower_boolean(yes, IR_NONE);
}

/* --- numeric functions --------------------------------------------------------------------------------- */

/* NUMCALL */
static struct lval
lower_kernel(struct lower *L, const struct func *f, const struct lmat *args, int nargs)
{
	int max = f->max < 0 ? nargs : f->max;
	struct ir_arg_shape *shape = ARENA_NEW(&L->arena, struct ir_arg_shape, max + 1);
	struct ir_call call = {.fn = f, .arg = shape, .nargs = nargs, .max = max};
	size_t total = 1, at = 1;
	ir_ref *ops, guard = IR_NONE, r;

	for (int i = 0; i < nargs; i++)
		total += (size_t)args[i].rows * (size_t)args[i].cols;
	if (total > LOWER_LIST_LIMIT)
		return lower_unsupported(L, "more than 100,000 numbers in one call");
	ops = arena_alloc(&L->arena, total * sizeof *ops);
	if (f->flags & FN_LASTFIRST && nargs == f->max)
		guard = lower_err(L, guard, args[nargs - 1].v[0].err);
	for (int i = 0; i < nargs; i++) {
		size_t n = (size_t)args[i].rows * (size_t)args[i].cols;

		shape[i] = (struct ir_arg_shape){(uint32_t)at - 1, (uint32_t)n, args[i].rows, args[i].cols};
		for (size_t k = 0; k < n; k++) {
			guard = lower_err(L, guard, args[i].v[k].err);
			ops[at++] = args[i].v[k].num;
		}
	}
	ops[0] = guard;
	call.scratch = 2 * total + 16;
	r = ir_nary(L->ir, IR_NUMCALL, ops, total, ir_add_call(L->ir, &call));
	return lower_number(r, lower_err(L, guard, ir_result(L->ir, IR_RES2, r)));
}

static struct lval
call_numbers(struct lower *L, const struct func *f, const struct lval *a, int nargs)
{
	struct lmat m[32];
	struct lval r, copy[32];

	for (int i = 0; i < nargs; i++) {
		if (a[i].kind == LV_MISSING && f->flags & FN_EMPTYDEF)
			return lower_unsupported(L, "parameter left empty");
		if (a[i].kind == LV_MISSING && f->flags & FN_NOBOOL && i < f->min)
			return lower_error(L, XE_NA);
		if (a[i].kind == LV_MISSING) { /* left empty in the middle: 0 */
			copy[i] = lower_number(ir_const(L->ir, 0), IR_NONE);
		} else {
			if ((f->flags & FN_NOBOOL) && (a[i].mask & LM_BOOL) && func_arg_letter(f, i) != 'b')
				return lower_unsupported(L, "logical where a number must be");
			copy[i] = func_arg_letter(f, i) == 'b' ? lower_bool(L, a[i]) : lower_num(L, a[i]);
			if (copy[i].kind != LV_SCALAR)
				return copy[i];
		}
		m[i] = (struct lmat){1, 1, &copy[i]};
	}
	r = lower_scalar_fn(L, f, copy, nargs);
	return r.kind == LV_SCALAR ? r : lower_kernel(L, f, m, nargs);
}

/* FNUM functions all of whose parameters are scalars; arrays are stretched over. */
static struct lval
fnum_scalars(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const struct func *f = n->u.call.fn;
	struct lval a[32];
	struct lmat *m[32], *out;
	int32_t rows = 1, cols = 1;
	int any = 0;

	for (int i = 0; i < n->nargs; i++) {
		struct lval v = lower_node(L, c, n->args[i]);

		if (v.kind == LV_UNSUPPORTED)
			return v;
		L->many |= v.kind == LV_SCALAR ? v.many : 0;
		m[i] = NULL;
		if (v.kind == LV_REF && f->flags & FN_NOBOOL && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2)) {
			v = lower_error(L, XE_VALUE);
		} else if (v.kind == LV_REF && c->array && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2)) {
			m[i] = lower_matrix(L, c, v);
			if (!m[i])
				return lower_unsupported(L, L->why);
		} else if (v.kind == LV_ARRAY) {
			m[i] = v.mat;
		} else if (v.kind == LV_REF) {
			v = lower_scalar(L, c, v);
			if (v.kind != LV_SCALAR)
				return v;
		}
		if (m[i]) {
			any = 1;
			rows = m[i]->rows > rows ? m[i]->rows : rows;
			cols = m[i]->cols > cols ? m[i]->cols : cols;
		}
		a[i] = v;
	}
	if (!any)
		return call_numbers(L, f, a, n->nargs);
	if (lower_is_full(L))
		return lower_unsupported(L, LOWER_FULL);
	out = lower_new_matrix(L, rows, cols);
	for (int32_t r = 0; r < rows; r++)
		for (int32_t k = 0; k < cols; k++) {
			struct lval x[32], *to = &out->v[(int64_t)r * cols + k];
			int off = 0;

			for (int i = 0; i < n->nargs; i++) {
				int32_t mr, mk;

				x[i] = a[i];
				if (!m[i])
					continue;
				mr = m[i]->rows == 1 ? 0 : r;
				mk = m[i]->cols == 1 ? 0 : k;
				if (mr >= m[i]->rows || mk >= m[i]->cols)
					off = 1;
				else
					x[i] = m[i]->v[(int64_t)mr * m[i]->cols + mk];
			}
			*to = off ? lower_error(L, XE_NA) : call_numbers(L, f, x, n->nargs);
			if (to->kind != LV_SCALAR)
				return *to;
		}
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = out};
}

/* FNUM functions with lists or matrices. */
static struct lval
fnum_lists(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const struct func *f = n->u.call.fn;
	struct lmat *m;
	struct lower_ctx arr = *c;
	int pairs = 0, failing = -1;

	if (n->nargs > 255)
		return lower_unsupported(L, "more than 255 arguments");
	m = ARENA_NEW(&L->arena, struct lmat, n->nargs + 1);
	arr.array = 1;
	for (int i = 0; i < n->nargs; i++) {
		char letter = func_arg_letter(f, i);
		struct lmat *x;
		struct lower_list l = {.err = IR_NONE};
		struct lval v;

		switch (letter) {
		case 'L':
		case 'A':
			if (f->flags & FN_NOBOOL)
				return lower_unsupported(L, f->name);
			if (lower_list_arg(L, c, n->args[i], letter, &l) < 0)
				return lower_unsupported(L, L->why);
			if (!lower_list_is_fixed(&l))
				return lower_unsupported(L, "list with cells of changing type");
			m[i] = (struct lmat){(int32_t)l.n, 1, l.v};
			if (l.err != IR_NONE && (l.n == 0 || f->flags & FN_VALUEERR))
				return lower_unsupported(L, "list of errors");
			break;
		case 'P':
			pairs = 1;
			/* fallthrough */
		case 'M':
		case 'D':
			x = lower_matrix(L, &arr, lower_node(L, &arr, n->args[i]));
			if (!x)
				return lower_unsupported(L, L->why);
			for (int64_t k = 0; k < (int64_t)x->rows * x->cols; k++) {
				if (x->v[k].mask != LM_NUM)
					return lower_unsupported(L, "array with what is no number");
				if (letter == 'P' && x->v[k].err != IR_NONE) {
					if (failing >= 0 && failing != i) /* they count position by position, not argument by argument */
						return lower_unsupported(L, "errors in both of a pair");
					failing = i;
				}
			}
			m[i] = *x;
			break;
		case 'n':
			v = lower_node(L, c, n->args[i]);
			if (f->flags & FN_NOBOOL && (v.kind == LV_MISSING || (v.kind == LV_REF && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2))))
				return lower_unsupported(L, f->name);
			v = lower_scalar_arg(L, c, n->args[i]);
			if (f->flags & FN_NOBOOL && v.kind == LV_SCALAR && v.mask & LM_BOOL)
				return lower_unsupported(L, f->name);
			if (n->args[i]->kind == N_MISSING)
				v = lower_number(ir_const(L->ir, 0), IR_NONE);
			v = lower_num(L, v);
			if (v.kind != LV_SCALAR)
				return v;
			m[i] = (struct lmat){1, 1, arena_memdup(&L->arena, &v, sizeof v)};
			break;
		default:
			return lower_unsupported(L, f->name);
		}
	}
	if (pairs) {
		int64_t size = -1;

		for (int i = 0; i < n->nargs; i++) {
			int64_t k = (int64_t)m[i].rows * m[i].cols;

			if (func_arg_letter(f, i) != 'P')
				continue;
			if (size >= 0 && k != size)
				return lower_error(L, XE_NA);
			size = k;
		}
	}
	return lower_kernel(L, f, m, n->nargs);
}

/* --- the table of handlers -------------------------------------------------------------------------------- */

static struct lval
fn_n(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval v = lower_scalar_arg(L, c, n->args[0]);

	if (v.kind != LV_SCALAR || (v.mask & LM_TEXT))
		return lower_unsupported(L, "N of text");
	return lower_number(v.num, v.err);
}

static struct lval
fn_transpose(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_ctx arr = *c;
	struct lmat *m, *t;

	arr.array = 1;
	m = lower_matrix(L, &arr, lower_node(L, &arr, n->args[0]));
	if (!m)
		return lower_unsupported(L, L->why);
	t = lower_new_matrix(L, m->cols, m->rows);
	for (int32_t r = 0; r < m->rows; r++)
		for (int32_t k = 0; k < m->cols; k++)
			t->v[(int64_t)k * t->cols + r] = m->v[(int64_t)r * m->cols + k];
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = t};
}

static const struct {
	const char *name;
	lower_handler *fn;
} handlers[] = { /* in order: looked up by halving */
    {"AGGREGATE", lower_aggregate_fn}, {"AND", lower_and_fn}, {"AVERAGE", lower_average_fn},
    {"AVERAGEIF", lower_ifs_family}, {"AVERAGEIFS", lower_ifs_family}, {"BYCOL", lower_byline_fn},
    {"BYROW", lower_byline_fn}, {"CHOOSE", fn_choose}, {"CHOOSECOLS", lower_moving_fn},
    {"CHOOSEROWS", lower_moving_fn}, {"COUNT", lower_count_fn}, {"COUNTA", lower_count_fn},
    {"COUNTBLANK", lower_countblank_fn}, {"COUNTIF", lower_ifs_family}, {"COUNTIFS", lower_ifs_family},
    {"DROP", lower_moving_fn}, {"EXPAND", lower_moving_fn}, {"HLOOKUP", lower_vlookup}, {"HSTACK", lower_moving_fn},
    {"IF", fn_if}, {"IFERROR", fn_iferror}, {"IFNA", fn_iferror}, {"IFS", fn_ifs}, {"INDEX", lower_index_fn},
    {"ISBLANK", fn_is}, {"ISERR", fn_is}, {"ISERROR", fn_is}, {"ISLOGICAL", fn_is}, {"ISNA", fn_is},
    {"ISNONTEXT", fn_is}, {"ISNUMBER", fn_is}, {"ISTEXT", fn_is}, {"LAMBDA", lower_lambda_fn}, {"LET", fn_let},
    {"LOOKUP", lower_lookup_fn}, {"MAKEARRAY", lower_makearray_fn}, {"MAP", lower_map_fn}, {"MATCH", lower_match_fn},
    {"MAX", lower_minmax_fn}, {"MAXIFS", lower_ifs_family}, {"MIN", lower_minmax_fn}, {"MINIFS", lower_ifs_family},
    {"MMULT", lower_mmult_fn}, {"N", fn_n}, {"NOT", lower_not_fn}, {"OFFSET", lower_offset_fn}, {"OR", lower_and_fn},
    {"PRODUCT", lower_product_fn}, {"REDUCE", lower_reduce_fn}, {"SCAN", lower_reduce_fn},
    {"SUBTOTAL", lower_subtotal_fn}, {"SUM", lower_sum_fn}, {"SUMIF", lower_ifs_family}, {"SUMIFS", lower_ifs_family},
    {"SUMPRODUCT", lower_sumproduct_fn}, {"SUMSQ", lower_product_fn}, {"SWITCH", fn_switch},
    {"TAKE", lower_moving_fn}, {"TOCOL", lower_moving_fn}, {"TOROW", lower_moving_fn}, {"TRANSPOSE", fn_transpose},
    {"VLOOKUP", lower_vlookup}, {"VSTACK", lower_moving_fn}, {"WRAPCOLS", lower_moving_fn},
    {"WRAPROWS", lower_moving_fn}, {"XLOOKUP", lower_xlookup_fn}, {"XMATCH", lower_xmatch_fn}, {"XOR", lower_and_fn},
};

static lower_handler *
lower_find_handler(const char *name)
{
	size_t lo = 0, hi = sizeof handlers / sizeof handlers[0];

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int cmp = strcmp(handlers[mid].name, name);

		if (!cmp)
			return handlers[mid].fn;
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* Does the vector machine take this function (fully or for the usual arguments)? For sim-model and the manual. */
int
lower_has_lanes(const struct func *f)
{
	return f->num != NULL || numform_known(f->name) || (f->flags & FN_RANDOM) || lower_find_handler(f->name) != NULL;
}

struct lval
lower_call(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const struct func *f = n->u.call.fn;
	lower_handler *h;

	if (f->flags & FN_RANDOM)
		return lower_random(L, c, n);
	h = lower_find_handler(f->name);
	if (h)
		return h(L, c, n);
	if (numform_known(f->name))
		return lower_numform(L, c, n);
	if (f->num) {
		for (int i = 0; i < n->nargs; i++)
			if (func_arg_letter(f, i) != 'n' && func_arg_letter(f, i) != 'b')
				return fnum_lists(L, c, n);
		if (n->nargs <= 32)
			return fnum_scalars(L, c, n);
	}
	return lower_unsupported(L, f->name);
}
