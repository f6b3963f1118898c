/*
 * lower_lookup: MATCH, VLOOKUP, XLOOKUP and their kin in lanes.
 *
 * A lookup in constants is a search in a table (COUNTLE for the approximate match of sorted numbers, FINDEQ for the exact one)
 * followed by a GATHER; among random cells it is a chain of comparisons and a PICK. Approximate matches among random or unsorted
 * values are Excel's bisection step by step with a PICK a step (ascending), or its walk from the first one on (descending). XLOOKUP's next smaller
 * and larger among random numbers look at each.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"
#include "kernels/xl_round.h"

#define CHAIN_LIMIT 4096

static int
is_number(struct lower *L, struct lval v, double *x)
{
	return v.mask == LM_NUM && v.typ == IR_NONE && v.err == IR_NONE && ir_is_const(L->ir, v.num, x);
}

static int
has_wildcard(const char *s)
{
	return strpbrk(s, "*?~") != NULL;
}

/* 1-based position of the first element equal to x, 0 where there is none; error lanes of the elements do not match. */
static ir_ref
find_equal(struct lower *L, struct lval x, const struct lval *v, size_t n)
{
	double *table = arena_alloc(&L->arena, (n + 1) * sizeof *table);
	struct ir *ir = L->ir;
	int numbers = 1, texts = 1;
	ir_ref pos;

	for (size_t i = 0; i < n; i++) {
		double k;

		numbers &= is_number(L, v[i], &table[i]);
		texts &= v[i].mask == LM_TEXT && v[i].typ == IR_NONE && v[i].err == IR_NONE &&
		         ir_is_const(ir, v[i].num, &k);
	}
	if (numbers && x.mask == LM_NUM)
		return ir_tabled(ir, IR_FINDEQ, x.num, ir_add_table(ir, table, n, NULL), 0, (double)n, 1);
	if (x.mask & (LM_TEXT | LM_BLANK)) {
		if (x.mask & LM_DYNTEXT)
			return IR_NONE;
		for (size_t i = 0; i < L->ntext; i++)
			if (has_wildcard(L->text[i]))
				return IR_NONE;
	}
	(void)texts;
	if (n > CHAIN_LIMIT)
		return IR_NONE;
	pos = ir_const(ir, 0);
	for (size_t i = n; i-- > 0;) {
		struct lval eq, y = v[i];
		ir_ref yes;

		if (y.mask == LM_BLANK)
			continue;
		eq = lower_compare(L, '=', (struct lval){.kind = LV_SCALAR, .mask = x.mask, .num = x.num, .err = IR_NONE, .typ = x.typ}, y);
		if (eq.kind != LV_SCALAR)
			return IR_NONE;
		yes = eq.num;
		if (y.err != IR_NONE)
			yes = ir_op2(ir, IR_AND, yes, ir_op1(ir, IR_NOT, ir_op1(ir, IR_NONZERO, y.err)));
		pos = ir_op3(ir, IR_SEL, yes, ir_const(ir, (double)i + 1), pos);
	}
	return pos;
}

/* Entries of the sorted table that are <= x on 15 digits. */
static double
count_upto(const double *table, size_t n, double x)
{
	size_t k = 0;

	while (k < n && xl_compare15(table[k], x) <= 0)
		k++;
	return (double)k;
}

/* How many of the sorted constants are <= x (ascending), or >= x (descending); IR_NONE if they are not sorted numbers. */
static ir_ref
find_sorted(struct lower *L, struct lval x, const struct lval *v, size_t n, int ascending)
{
	double *table = arena_alloc(&L->arena, (n + 1) * sizeof *table);
	struct ir *ir = L->ir;
	ir_ref key = x.num;

	if (x.mask != LM_NUM)
		return IR_NONE;
	for (size_t i = 0; i < n; i++) {
		if (!is_number(L, v[i], &table[i]))
			return IR_NONE;
		if (!ascending)
			table[i] = -table[i];
		if (i && table[i] < table[i - 1])
			return IR_NONE;
	}
	if (!ascending) {
		/* the last of a run of equal ones for ascending, the first for descending: equal runs are left out */
		for (size_t i = 1; i < n; i++)
			if (table[i] == table[i - 1])
				return IR_NONE;
		key = ir_op1(ir, IR_NEG, key);
	}
	return ir_tabled(ir, IR_COUNTLE, key, ir_add_table(ir, table, n, NULL), count_upto(table, n, ir_lo(ir, key)),
	                 count_upto(table, n, ir_hi(ir, key)), 1);
}

/* The one type that a value always has; 0 if it may be of several. */
static int
only_type(struct lval v)
{
	return v.typ == IR_NONE && (v.mask == LM_NUM || v.mask == LM_TEXT || v.mask == LM_BOOL) ? v.mask : 0;
}

/* Where the run of equal elements ends that one at `found` (from 1) belongs to, in the lanes of `hit`; elsewhere `found`. */
static ir_ref
run_end(struct lower *L, const struct lval *v, size_t n, int type, ir_ref hit, ir_ref found)
{
	struct lval *last = arena_alloc(&L->arena, n * sizeof *last), end;
	struct ir *ir = L->ir;
	int runs = 0;

	for (size_t i = n; i-- > 0;) {
		struct lval eq;

		last[i] = lower_number(ir_const(ir, (double)i + 1), IR_NONE);
		if (i + 1 == n || v[i].err != IR_NONE || v[i].mask != type || v[i + 1].err != IR_NONE || v[i + 1].mask != type)
			continue;
		eq = lower_compare(L, '=', v[i], v[i + 1]);
		if (eq.kind != LV_SCALAR)
			return IR_NONE;
		last[i].num = ir_op3(ir, IR_SEL, eq.num, last[i + 1].num, last[i].num);
		runs = 1;
	}
	if (!runs)
		return found;
	end = lower_pick(L, ir_op2(ir, IR_MAX, found, ir_const(ir, 1)), last, n);
	if (end.kind != LV_SCALAR)
		return IR_NONE;
	found = ir_op3(ir, IR_SEL, hit, end.num, found);
	ir_set_range(ir, found, 0, (double)n);
	return found;
}

/* The binary search of vector_ascending() in formula/vector.c, step by step: positions from 0 in lanes. What is of another type, or empty, is stepped
 * over; where that may change from trial to trial: IR_NONE. Gives the position from 1, 0 where there is none. */
static ir_ref
find_halving(struct lower *L, struct lval x, const struct lval *v, size_t n)
{
	double *next = arena_alloc(&L->arena, (n + 1) * sizeof *next);
	struct ir *ir = L->ir;
	ir_ref zero = ir_const(ir, 0), one = ir_const(ir, 1), lo = zero, hi = ir_const(ir, (double)n - 1), found = zero, hit = zero;
	int type = only_type(x), all = 1;
	uint32_t table;

	if (!type || !n || n > CHAIN_LIMIT)
		return IR_NONE;
	next[n] = (double)n;
	for (size_t i = n; i-- > 0;) { /* the first of the value's type from here on */
		double k;

		if (v[i].err != IR_NONE && !(ir_is_const(ir, v[i].err, &k) && k != 0))
			return IR_NONE;
		if (v[i].err == IR_NONE && v[i].mask != LM_BLANK && !only_type(v[i]))
			return IR_NONE;
		next[i] = v[i].err == IR_NONE && v[i].mask == type ? (double)i : next[i + 1];
		all &= next[i] == (double)i;
	}
	table = ir_add_table(ir, next, n, NULL);
	for (size_t left = n; left; left /= 2) {
		ir_ref mid = ir_op2(ir, IR_ADD, lo, ir_op1(ir, IR_FLOOR, ir_op2(ir, IR_MUL, ir_op2(ir, IR_SUB, hi, lo), ir_const(ir, 0.5))));
		ir_ref active = ir_op2(ir, IR_XLE, lo, hi), at, upto;
		struct lval e, le, eq, key = {.kind = LV_SCALAR, .mask = x.mask, .num = x.num, .err = IR_NONE, .typ = IR_NONE};

		/* done lanes look at element 0 */
		mid = ir_op3(ir, IR_SEL, active, mid, zero);
		at = all ? mid : ir_tabled(ir, IR_GATHER, mid, table, 0, (double)n, 1);
		e = lower_pick(L, ir_op2(ir, IR_ADD, at, one), v, n);
		if (e.kind != LV_SCALAR)
			return IR_NONE;
		e.err = e.typ = IR_NONE; /* an element that is looked at is of the type */
		e.mask = (uint8_t)type;
		le = lower_compare(L, 'l', e, key);
		eq = lower_compare(L, '=', e, key);
		if (le.kind != LV_SCALAR || eq.kind != LV_SCALAR)
			return IR_NONE;
		upto = ir_op2(ir, IR_AND, active, ir_op2(ir, IR_AND, ir_op2(ir, IR_XLE, at, hi), le.num));
		found = ir_op3(ir, IR_SEL, upto, ir_op2(ir, IR_ADD, at, one), found);
		lo = ir_op3(ir, IR_SEL, upto, ir_op2(ir, IR_ADD, at, one), lo);
		hi = ir_op3(ir, IR_SEL, upto, hi, ir_op2(ir, IR_SUB, mid, one));
		eq.num = ir_op2(ir, IR_AND, upto, eq.num);
		lo = ir_op3(ir, IR_SEL, eq.num, ir_const(ir, (double)n), lo); /* an equal one ends it */
		hit = ir_op2(ir, IR_OR, hit, eq.num);
		ir_set_range(ir, found, 0, (double)n);
	}
	return run_end(L, v, n, type, hit, found);
}

/* XLOOKUP's next smaller (dir < 0) or next larger item, in any order: the first that is equal, else the first of the nearest. Numbers only. Position
 * from 1, 0 where there is none. */
static ir_ref
find_nearest(struct lower *L, struct lval x, const struct lval *v, size_t n, int dir)
{
	struct ir *ir = L->ir;
	ir_ref zero = ir_const(ir, 0), same = zero, near = zero, best = zero;

	if (x.mask != LM_NUM || x.typ != IR_NONE || n > 256)
		return IR_NONE;
	for (size_t i = 0; i < n; i++) {
		ir_ref here = ir_const(ir, (double)i + 1), eq, side, better;

		if (v[i].mask == LM_BLANK && v[i].err == IR_NONE)
			continue;
		if (v[i].mask != LM_NUM || v[i].typ != IR_NONE || v[i].err != IR_NONE)
			return IR_NONE;
		eq = ir_op2(ir, IR_EQ, v[i].num, x.num);
		side = dir < 0 ? ir_op2(ir, IR_LT, v[i].num, x.num) : ir_op2(ir, IR_GT, v[i].num, x.num);
		better = dir < 0 ? ir_op2(ir, IR_GT, v[i].num, best) : ir_op2(ir, IR_LT, v[i].num, best);
		better = ir_op2(ir, IR_AND, side, ir_op2(ir, IR_OR, ir_op2(ir, IR_XEQ, near, zero), better));
		same = ir_op3(ir, IR_SEL, ir_op2(ir, IR_AND, eq, ir_op2(ir, IR_XEQ, same, zero)), here, same);
		near = ir_op3(ir, IR_SEL, better, here, near);
		best = ir_op3(ir, IR_SEL, better, v[i].num, best);
	}
	near = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XEQ, same, zero), near, same);
	ir_set_range(ir, near, 0, (double)n);
	return near;
}

/* The same from the last element on: search mode -1. */
static const struct lval *
reversed(struct lower *L, const struct lval *v, size_t n)
{
	struct lval *r = arena_alloc(&L->arena, (n + 1) * sizeof *r);

	for (size_t i = 0; i < n; i++)
		r[i] = v[n - 1 - i];
	return r;
}

/* XLOOKUP and XMATCH: match 0, -1, 1; search 1, -1. Position from 1, 0 where there is none; LV_UNSUPPORTED for the rest. */
static struct lval
xposition(struct lower *L, struct lval x, const struct lval *v, size_t n, double mode, double search)
{
	struct ir *ir = L->ir;
	ir_ref pos;

	if (x.kind != LV_SCALAR)
		return x;
	if (!(mode == 0 || mode == -1 || mode == 1) || !(search == 1 || search == -1) || x.mask == LM_BLANK)
		return lower_unsupported(L, "XLOOKUP by wildcards or bisection");
	if (search < 0)
		v = reversed(L, v, n);
	pos = mode == 0 ? find_equal(L, x, v, n) : find_nearest(L, x, v, n, mode < 0 ? -1 : 1);
	if (pos == IR_NONE)
		return lower_unsupported(L, "lookup among what is not only numbers");
	if (search < 0)
		pos = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XEQ, pos, ir_const(ir, 0)), pos, ir_op2(ir, IR_SUB, ir_const(ir, (double)n + 1), pos));
	ir_set_range(ir, pos, 0, (double)n);
	return lower_number(pos, x.err);
}

/* vector_descending() in formula/vector.c: one by one until x or what is below it. IR_NONE: not among plain numbers (and what is surely none). */
static ir_ref
find_descending(struct lower *L, struct lval x, const struct lval *v, size_t n)
{
	struct ir *ir = L->ir;
	ir_ref pos = ir_const(ir, 0), on = ir_const(ir, 1);

	if (x.mask != LM_NUM || x.typ != IR_NONE || n > CHAIN_LIMIT)
		return IR_NONE;
	for (size_t i = 0; i < n; i++) {
		if (v[i].err != IR_NONE || v[i].typ != IR_NONE || (v[i].mask != LM_NUM && (v[i].mask & LM_NUM)))
			return IR_NONE;
		if (v[i].mask != LM_NUM)
			continue;
		pos = ir_op3(ir, IR_SEL, ir_op2(ir, IR_AND, on, ir_op2(ir, IR_GE, v[i].num, x.num)), ir_const(ir, (double)i + 1), pos);
		on = ir_op2(ir, IR_AND, on, ir_op2(ir, IR_GT, v[i].num, x.num));
	}
	ir_set_range(ir, pos, 0, (double)n);
	return pos;
}

/* Position (from 1) and #N/A where there is none. type: 0 exact, 1 next below in ascending, -1 next above in descending. */
static struct lval
match(struct lower *L, struct lval x, const struct lval *v, size_t n, int type)
{
	ir_ref pos, zero = ir_const(L->ir, 0), bad;

	if (x.kind != LV_SCALAR)
		return x;
	if (x.mask == LM_BLANK)
		x.mask = LM_NUM;
	pos = type ? find_sorted(L, x, v, n, type > 0) : find_equal(L, x, v, n);
	if (pos == IR_NONE && type > 0)
		pos = find_halving(L, x, v, n);
	if (pos == IR_NONE && type < 0)
		pos = find_descending(L, x, v, n);
	if (pos == IR_NONE)
		return lower_unsupported(L, "lookup among texts, or among cells of changing type");
	bad = ir_op3(L->ir, IR_SEL, ir_op2(L->ir, IR_XEQ, pos, zero), ir_const(L->ir, XE_NA), zero);
	return lower_number(pos, lower_err(L, x.err, bad));
}

/* A position as a value of its own: where there is none the error counts, and 1 stands in, so that INDEX sees no 0. */
static struct lval
position(struct lower *L, struct lval pos)
{
	if (pos.kind == LV_SCALAR && ir_lo(L->ir, pos.num) < 1)
		pos.num = ir_op2(L->ir, IR_MAX, pos.num, ir_const(L->ir, 1));
	return pos;
}

static struct lmat *
matrix_arg(struct lower *L, const struct lower_ctx *c, const struct node *arg)
{
	struct lower_ctx arr = *c;

	arr.array = 1;
	return lower_matrix(L, &arr, lower_node(L, &arr, arg));
}

/* A constant option; `dflt` where it is omitted. 0 if it is not constant. */
static int
option(struct lower *L, const struct lower_ctx *c, const struct node *n, int i, double dflt, double *out)
{
	struct lval v;

	*out = dflt;
	if (i >= n->nargs)
		return 1;
	if (n->args[i]->kind == N_MISSING) {
		*out = 0;
		return 1;
	}
	v = lower_num(L, lower_scalar_arg(L, c, n->args[i]));
	return v.kind == LV_SCALAR && v.err == IR_NONE && ir_is_const(L->ir, v.num, out);
}

struct lval
lower_match_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval x = lower_scalar_arg(L, c, n->args[0]);
	struct lmat *m = matrix_arg(L, c, n->args[1]);
	double type;

	if (!m || !option(L, c, n, 2, 1, &type))
		return lower_unsupported(L, "MATCH");
	if (m->rows != 1 && m->cols != 1)
		return lower_error(L, XE_NA);
	return position(L, match(L, x, m->v, (size_t)m->rows * (size_t)m->cols, type > 0 ? 1 : type < 0 ? -1 : 0));
}

struct lval
lower_xmatch_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval x = lower_scalar_arg(L, c, n->args[0]), pos;
	struct lmat *m = matrix_arg(L, c, n->args[1]);
	double mode, search;

	if (!m || !option(L, c, n, 2, 0, &mode) || !option(L, c, n, 3, 1, &search))
		return lower_unsupported(L, "XMATCH");
	if (m->rows != 1 && m->cols != 1)
		return lower_error(L, XE_VALUE);
	pos = xposition(L, x, m->v, (size_t)m->rows * (size_t)m->cols, trunc(mode), trunc(search));
	if (pos.kind != LV_SCALAR)
		return pos;
	pos.err = lower_err(L, pos.err, ir_op3(L->ir, IR_SEL, ir_op2(L->ir, IR_XEQ, pos.num, ir_const(L->ir, 0)), ir_const(L->ir, XE_NA),
	                                       ir_const(L->ir, 0)));
	return position(L, pos);
}

struct lval
lower_picked(struct lower *L, struct lval pos, const struct lval *v, size_t n)
{
	struct lval r = lower_pick(L, pos.num, v, n);

	if (r.kind == LV_SCALAR)
		r.err = lower_err(L, pos.err, r.err);
	return r;
}

struct lval
lower_vlookup(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	int across = n->u.call.fn->name[0] == 'H';
	struct lval x = lower_scalar_arg(L, c, n->args[0]), *key, *val, pos;
	struct lmat *m = matrix_arg(L, c, n->args[1]);
	double k, approx = 1;
	size_t len, width;

	if (!m || n->args[1]->kind == N_TEXT || !option(L, c, n, 2, 1, &k))
		return lower_unsupported(L, "VLOOKUP");
	if (n->nargs > 3) {
		struct lval b = n->args[3]->kind == N_MISSING ? lower_boolean(ir_const(L->ir, 0), IR_NONE)
		                                              : lower_bool(L, lower_scalar_arg(L, c, n->args[3]));

		if (b.kind != LV_SCALAR || b.err != IR_NONE || !ir_is_const(L->ir, b.num, &approx))
			return lower_unsupported(L, "VLOOKUP");
	}
	len = (size_t)(across ? m->cols : m->rows);
	width = (size_t)(across ? m->rows : m->cols);
	k = trunc(k);
	key = arena_alloc(&L->arena, len * sizeof *key);
	val = arena_alloc(&L->arena, len * sizeof *val);
	for (size_t i = 0; i < len; i++) {
		key[i] = across ? m->v[i] : m->v[i * width];
		if (k < 1 || k > (double)width) /* an error only where something is found */
			val[i] = lower_error(L, k < 1 ? XE_VALUE : XE_REF);
		else
			val[i] = across ? m->v[((size_t)k - 1) * len + i] : m->v[i * width + (size_t)k - 1];
	}
	pos = match(L, x, key, len, approx != 0);
	return pos.kind == LV_SCALAR ? lower_picked(L, pos, val, len) : pos;
}

struct lval
lower_lookup_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval x = lower_scalar_arg(L, c, n->args[0]), *key, *val, pos;
	struct lmat *m = matrix_arg(L, c, n->args[1]), *r = m;
	size_t len;

	if (!m || (n->nargs > 2 && !(r = matrix_arg(L, c, n->args[2]))))
		return lower_unsupported(L, "LOOKUP");
	if (n->nargs > 2 && ((m->rows != 1 && m->cols != 1) || (r->rows != 1 && r->cols != 1)))
		return lower_unsupported(L, "LOOKUP of tables");
	len = (size_t)(m->cols > m->rows ? m->cols : m->rows);
	key = arena_alloc(&L->arena, len * sizeof *key);
	val = arena_alloc(&L->arena, len * sizeof *val);
	for (size_t i = 0; i < len; i++) {
		key[i] = m->cols > m->rows ? m->v[i] : m->v[i * (size_t)m->cols];
		if (r != m && i >= (size_t)r->rows * (size_t)r->cols)
			return lower_unsupported(L, "LOOKUP with a short result");
		val[i] = r != m ? r->v[i]
		         : m->cols > m->rows ? m->v[(size_t)(m->rows - 1) * (size_t)m->cols + i]
		                             : m->v[i * (size_t)m->cols + (size_t)m->cols - 1];
	}
	pos = match(L, x, key, len, 1);
	return pos.kind == LV_SCALAR ? lower_picked(L, pos, val, len) : pos;
}

struct lval
lower_xlookup_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval x = lower_scalar_arg(L, c, n->args[0]), pos, r, other;
	struct lmat *m = matrix_arg(L, c, n->args[1]), *v = m ? matrix_arg(L, c, n->args[2]) : NULL;
	double mode, search;
	size_t len;

	if (!m || !v || !option(L, c, n, 4, 0, &mode) || !option(L, c, n, 5, 1, &search))
		return lower_unsupported(L, "XLOOKUP");
	if ((m->rows != 1 && m->cols != 1) || v->rows != m->rows || v->cols != m->cols)
		return lower_unsupported(L, "XLOOKUP of a row or column of results");
	len = (size_t)m->rows * (size_t)m->cols;
	pos = xposition(L, x, m->v, len, trunc(mode), trunc(search));
	if (pos.kind != LV_SCALAR)
		return pos;
	r = lower_pick(L, ir_op2(L->ir, IR_MAX, pos.num, ir_const(L->ir, 1)), v->v, len);
	if (r.kind != LV_SCALAR)
		return r;
	other = n->nargs < 4 || n->args[3]->kind == N_MISSING ? lower_error(L, XE_NA) : lower_scalar_arg(L, c, n->args[3]);
	r = lower_select(L, ir_op2(L->ir, IR_XEQ, pos.num, ir_const(L->ir, 0)), other, r);
	if (r.kind == LV_SCALAR)
		r.err = lower_err(L, x.err, r.err);
	return r;
}
