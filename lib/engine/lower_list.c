/*
 * lower_list: lists of numbers in lanes, and the functions of them: SUM, AVERAGE, COUNT, MIN, AND, SUMPRODUCT …
 *
 * Sums run left to right, one addition after the other, exactly as the functions in kernels/xl_math.h do. A list may hold
 * elements that are there in some trials only (cells that are sometimes text): `present` says in which.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"
#include "formula/eval_internal.h"

static int
list_add(struct lower *L, struct lower_list *l, struct lval v, ir_ref present)
{
	if (l->n == LOWER_LIST_LIMIT) {
		L->why = "list of more than 100,000 numbers";
		return -1;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct lval *p = arena_alloc(&L->arena, cap * sizeof *p);
		ir_ref *q = arena_alloc(&L->arena, cap * sizeof *q);

		if (l->n) {
			memcpy(p, l->v, l->n * sizeof *p);
			memcpy(q, l->present, l->n * sizeof *q);
		}
		l->v = p;
		l->present = q;
		l->cap = cap;
	}
	l->v[l->n] = v;
	l->present[l->n++] = present;
	l->err = lower_err(L, l->err, v.err);
	return 0;
}

/* One element that stands in a reference or array: letter L skips what is no number, A counts it. */
static int
list_element(struct lower *L, struct lower_list *l, struct lval v, int letter)
{
	double k;

	if (v.err != IR_NONE && ir_is_const(L->ir, v.err, &k) && k != 0)
		return list_add(L, l, lower_number(ir_const(L->ir, 0), v.err), IR_NONE);
	if (letter == 'A') {
		if (v.mask == LM_BLANK)
			return 0;
		if (v.mask & (LM_TEXT | LM_BLANK)) {
			if (v.mask != LM_TEXT) {
				L->why = "list with cells of changing type";
				return -1;
			}
			return list_add(L, l, lower_number(ir_const(L->ir, 0), v.err), IR_NONE);
		}
		return list_add(L, l, lower_number(v.num, v.err), IR_NONE);
	}
	if (!(v.mask & LM_NUM)) {
		l->err = lower_err(L, l->err, v.err);
		return 0;
	}
	if (v.mask == LM_NUM)
		return list_add(L, l, lower_number(v.num, v.err), IR_NONE);
	return list_add(L, l, lower_number(v.num, v.err), lower_is_type(L, v, LC_NUM));
}

static int
list_matrix(struct lower *L, const struct lower_ctx *c, struct lval v, int letter, struct lower_list *l)
{
	struct lmat *m = lower_matrix(L, c, v);

	if (!m)
		return -1;
	for (int64_t i = 0; i < (int64_t)m->rows * m->cols; i++)
		if (list_element(L, l, m->v[i], letter) < 0)
			return -1;
	return 0;
}

/* A reference over several sheets, as it is written in the formula. */
static int
is_3d(const struct lower_ctx *c, const struct node *n, struct area *a)
{
	return n->kind == N_AREA && !(n->u.area.flags & AREA_EXTERNAL) && !node_area(n, c->sheet, c->row, c->col, a) &&
	       a->sheet1 != a->sheet2;
}

static struct lval
on_sheet(struct area a, int sheet)
{
	a.sheet1 = a.sheet2 = sheet;
	return (struct lval){.kind = LV_REF, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .area = a};
}

int
lower_list_arg(struct lower *L, const struct lower_ctx *c, const struct node *arg, int letter, struct lower_list *l)
{
	struct lval v, x;
	struct lmat *m;
	struct area a;
	ir_ref err;

	if (is_3d(c, arg, &a)) {
		for (int s = a.sheet1; s <= a.sheet2; s++)
			if (list_matrix(L, c, on_sheet(a, s), letter, l) < 0)
				return -1;
		return 0;
	}
	if (letter == 'L' && lower_list_elements(L, c, arg, &m, &err) == 0) {
		l->err = lower_err(L, l->err, err);
		return list_matrix(L, c, (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = m}, letter, l);
	}
	L->list_node = arg;
	v = lower_node(L, c, arg);
	if (v.kind == LV_UNSUPPORTED)
		return -1;
	if (v.kind == LV_MISSING)
		return list_add(L, l, lower_number(ir_const(L->ir, 0), IR_NONE), IR_NONE);
	if (v.kind == LV_SCALAR && v.many) {
		L->why = "range or array chosen at run time";
		return -1;
	}
	if (v.kind == LV_SCALAR) {
		x = lower_num(L, v);
		return x.kind == LV_SCALAR ? list_add(L, l, x, IR_NONE) : -1;
	}
	return list_matrix(L, c, v, letter, l);
}

static int
list_args(struct lower *L, const struct lower_ctx *c, const struct node *n, int letter, struct lower_list *l)
{
	*l = (struct lower_list){.err = IR_NONE};
	for (int i = 0; i < n->nargs; i++)
		if (lower_list_arg(L, c, n->args[i], letter, l) < 0)
			return -1;
	return 0;
}

int
lower_list_is_fixed(const struct lower_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->present[i] != IR_NONE)
			return 0;
	return 1;
}

static ir_ref
list_sum(struct lower *L, const struct lower_list *l)
{
	ir_ref zero = ir_const(L->ir, 0), s = zero;

	for (size_t i = 0; i < l->n; i++) {
		ir_ref x = l->v[i].num;

		if (l->present[i] != IR_NONE)
			x = ir_op3(L->ir, IR_SEL, l->present[i], x, zero);
		s = i ? ir_op2(L->ir, IR_ADD, s, x) : ir_op2(L->ir, IR_ADD, zero, x);
	}
	return s;
}

static ir_ref
list_count(struct lower *L, const struct lower_list *l)
{
	ir_ref s = ir_const(L->ir, 0);
	double fixed = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->present[i] == IR_NONE)
			fixed++;
		else
			s = ir_op2(L->ir, IR_ADD, s, l->present[i]);
	return ir_op2(L->ir, IR_ADD, s, ir_const(L->ir, fixed));
}

static struct lval
sum_of(struct lower *L, const struct lower_list *l)
{
	ir_ref s = list_sum(L, l);

	return lower_number(s, lower_err(L, l->err, ir_finchk(L->ir, s)));
}

static struct lval
average_of(struct lower *L, const struct lower_list *l)
{
	ir_ref s = list_sum(L, l), k = list_count(L, l), v, bad, zero = ir_const(L->ir, 0);

	bad = ir_op3(L->ir, IR_SEL, ir_op2(L->ir, IR_XEQ, k, zero), ir_const(L->ir, XE_DIV0), zero);
	if (!l->n)
		return lower_number(zero, lower_err(L, l->err, bad));
	v = ir_op2(L->ir, IR_DIV, s, k);
	return lower_number(v, lower_err(L, lower_err(L, l->err, bad), ir_finchk(L->ir, v)));
}

/* 0 where no element is there. */
static ir_ref
zero_if_none(struct lower *L, const struct lower_list *l, ir_ref s)
{
	ir_ref zero = ir_const(L->ir, 0);

	return lower_list_is_fixed(l) ? s : ir_op3(L->ir, IR_SEL, ir_op2(L->ir, IR_XEQ, list_count(L, l), zero), zero, s);
}

static struct lval
product_of(struct lower *L, const struct lower_list *l, int squares)
{
	ir_ref s = ir_const(L->ir, squares ? 0 : 1), neutral = s;

	if (!l->n)
		return lower_number(ir_const(L->ir, 0), l->err);
	for (size_t i = 0; i < l->n; i++) {
		ir_ref x = l->v[i].num;

		if (l->present[i] != IR_NONE)
			x = ir_op3(L->ir, IR_SEL, l->present[i], x, neutral);
		s = squares ? ir_op2(L->ir, IR_ADD, s, ir_op2(L->ir, IR_MUL, x, x)) : ir_op2(L->ir, IR_MUL, s, x);
	}
	s = zero_if_none(L, l, s);
	return lower_number(s, lower_err(L, l->err, ir_finchk(L->ir, s)));
}

static struct lval
extreme_of(struct lower *L, const struct lower_list *l, enum ir_op op)
{
	ir_ref s = IR_NONE, none = ir_const(L->ir, op == IR_MIN ? INFINITY : -INFINITY);

	if (!l->n)
		return lower_number(ir_const(L->ir, 0), l->err);
	for (size_t i = 0; i < l->n; i++) {
		ir_ref x = l->v[i].num;

		if (l->present[i] != IR_NONE)
			x = ir_op3(L->ir, IR_SEL, l->present[i], x, none);
		s = s == IR_NONE ? x : ir_op2(L->ir, op, s, x);
	}
	if (!lower_list_is_fixed(l)) {
		s = zero_if_none(L, l, s);
		ir_set_range(L->ir, s, -1.7976931348623157e308, 1.7976931348623157e308);
	}
	return lower_number(s, l->err);
}

struct lval
lower_sum_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_list l;

	return list_args(L, c, n, 'L', &l) < 0 ? lower_unsupported(L, L->why) : sum_of(L, &l);
}

struct lval
lower_average_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_list l;

	return list_args(L, c, n, 'L', &l) < 0 ? lower_unsupported(L, L->why) : average_of(L, &l);
}

struct lval
lower_product_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_list l;

	if (list_args(L, c, n, 'L', &l) < 0)
		return lower_unsupported(L, L->why);
	return product_of(L, &l, n->u.call.fn->name[0] == 'S');
}

struct lval
lower_minmax_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_list l;

	if (list_args(L, c, n, 'L', &l) < 0)
		return lower_unsupported(L, L->why);
	return extreme_of(L, &l, n->u.call.fn->name[1] == 'I' ? IR_MIN : IR_MAX);
}

/* 1 where the element counts: for COUNT a number, for COUNTA what is not empty, errors too. */
static ir_ref
counts(struct lower *L, struct lval x, int all)
{
	ir_ref bad = x.err == IR_NONE ? ir_const(L->ir, 0) : ir_op1(L->ir, IR_NONZERO, x.err);

	if (all)
		return ir_op2(L->ir, IR_OR, ir_op1(L->ir, IR_NOT, lower_is_type(L, x, LC_BLANK)), bad);
	return ir_op2(L->ir, IR_AND, lower_is_type(L, x, LC_NUM), ir_op1(L->ir, IR_NOT, bad));
}

struct lval
lower_count_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	ir_ref s = ir_const(L->ir, 0);
	int all = n->u.call.fn->name[5] == 'A'; /* COUNTA */
	struct area a;

	for (int i = 0; i < n->nargs; i++) {
		int cube = is_3d(c, n->args[i], &a), last = cube ? a.sheet2 : 0;

		for (int sheet = cube ? a.sheet1 : 0; sheet <= last; sheet++) {
			struct lval v = cube ? on_sheet(a, sheet) : lower_node(L, c, n->args[i]);
			struct lmat *m;

			if (v.kind == LV_SCALAR && !all)
				return lower_unsupported(L, "COUNT of a single value");
			if (v.kind == LV_MISSING) { /* left empty, it counts */
				s = ir_op2(L->ir, IR_ADD, s, ir_const(L->ir, 1));
				continue;
			}
			m = lower_matrix(L, c, v);
			if (!m)
				return lower_unsupported(L, L->why);
			for (int64_t k = 0; k < (int64_t)m->rows * m->cols; k++)
				s = ir_op2(L->ir, IR_ADD, s, counts(L, m->v[k], all));
		}
	}
	return lower_number(s, IR_NONE);
}

/* Logical functions over lists: text and blanks in references do not count; none left is #VALUE!. */
struct lval
lower_and_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	char first = n->u.call.fn->name[0];
	enum ir_op op = first == 'A' ? IR_AND : first == 'O' ? IR_OR : IR_XOR;
	ir_ref s = IR_NONE, err = IR_NONE;

	for (int i = 0; i < n->nargs; i++) {
		struct lval v = lower_node(L, c, n->args[i]), b;
		struct lmat *m;

		if (v.kind == LV_UNSUPPORTED)
			return v;
		if (v.kind == LV_SCALAR && v.many)
			return lower_unsupported(L, "range or array chosen at run time");
		if (v.kind == LV_SCALAR && v.mask & LM_TEXT)
			return lower_unsupported(L, "logical list with text");
		if (v.kind == LV_SCALAR || v.kind == LV_MISSING) {
			b = v.kind == LV_MISSING ? lower_boolean(ir_const(L->ir, 0), IR_NONE) : lower_bool(L, v);
			if (b.kind != LV_SCALAR)
				return b;
			err = lower_err(L, err, b.err);
			s = s == IR_NONE ? b.num : ir_op2(L->ir, op, s, b.num);
			continue;
		}
		m = lower_matrix(L, c, v);
		if (!m)
			return lower_unsupported(L, L->why);
		for (int64_t k = 0; k < (int64_t)m->rows * m->cols; k++) {
			struct lval x = m->v[k];

			err = lower_err(L, err, x.err);
			if (x.mask == LM_TEXT || x.mask == LM_BLANK)
				continue;
			if (x.mask & (LM_TEXT | LM_BLANK))
				return lower_unsupported(L, "logical list with cells of changing type");
			x.num = ir_op1(L->ir, IR_NONZERO, x.num);
			s = s == IR_NONE ? x.num : ir_op2(L->ir, op, s, x.num);
		}
	}
	if (s == IR_NONE)
		return lower_number(ir_const(L->ir, 0), lower_err(L, err, ir_const(L->ir, XE_VALUE)));
	return lower_boolean(s, err);
}

struct lval
lower_not_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval b = lower_bool(L, lower_scalar_arg(L, c, n->args[0]));

	if (b.kind != LV_SCALAR)
		return b;
	return lower_boolean(ir_op1(L->ir, IR_NOT, b.num), b.err);
}

/* Arguments in array mode; what is no number counts 0; products left to right, then sums. */
struct lval
lower_sumproduct_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lower_ctx arr = *c;
	struct lmat *m[32] = {0};
	ir_ref s = ir_const(L->ir, 0), err = IR_NONE;

	arr.array = 1;
	if (n->nargs > 32)
		return lower_unsupported(L, "SUMPRODUCT of more than 32 arrays");
	for (int i = 0; i < n->nargs; i++) {
		m[i] = lower_matrix(L, &arr, lower_node(L, &arr, n->args[i]));
		if (!m[i])
			return lower_unsupported(L, L->why);
		if (m[i]->rows != m[0]->rows || m[i]->cols != m[0]->cols)
			return lower_error(L, XE_VALUE);
	}
	for (int i = 0; i < n->nargs; i++) /* errors argument by argument */
		for (int64_t k = 0; k < (int64_t)m[0]->rows * m[0]->cols; k++)
			err = lower_err(L, err, m[i]->v[k].err);
	for (int64_t k = 0; k < (int64_t)m[0]->rows * m[0]->cols; k++) {
		ir_ref p = IR_NONE;

		for (int i = 0; i < n->nargs; i++) {
			struct lval x = m[i]->v[k];
			ir_ref num = x.num;

			if (!(x.mask & LM_NUM))
				num = ir_const(L->ir, 0);
			else if (x.mask != LM_NUM)
				num = ir_op3(L->ir, IR_SEL, lower_is_type(L, x, LC_NUM), num, ir_const(L->ir, 0));
			p = p == IR_NONE ? num : ir_op2(L->ir, IR_MUL, p, num);
		}
		s = ir_op2(L->ir, IR_ADD, s, p);
	}
	return lower_number(s, lower_err(L, err, ir_finchk(L->ir, s)));
}
