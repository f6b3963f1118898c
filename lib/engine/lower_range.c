/*
 * lower_range: ranges whose extent depends on a draw, as lists of numbers: FILTER(range, condition), OFFSET(cell, rows, cols, height, width),
 * A1:INDEX(range, n). Every cell that may belong to the range is an element that is empty where it does not: functions of numbers skip it.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"

#define EXTENT_LIMIT 4096

/* The element where `present` is not 0, else an empty cell. */
static struct lval
where(struct lower *L, ir_ref present, struct lval v)
{
	struct ir *ir = L->ir;
	double x;

	if (ir_is_const(ir, present, &x) && x != 0)
		return v;
	v.typ = ir_op3(ir, IR_SEL, present, lower_type(L, v), ir_const(ir, LC_BLANK));
	v.mask |= LM_BLANK;
	if (v.err != IR_NONE)
		v.err = ir_op3(ir, IR_SEL, present, v.err, ir_const(ir, 0));
	return v;
}

/* --- FILTER -------------------------------------------------------------------------------------------------------- */

static int
filtered(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lmat **out, ir_ref *err)
{
	struct lower_ctx arr = *c;
	struct lmat *m, *cond;
	ir_ref *yes, any = ir_const(L->ir, 0);
	int across;
	int64_t total;

	arr.array = 1;
	m = lower_matrix(L, &arr, lower_node(L, &arr, n->args[0]));
	cond = m && n->nargs == 2 ? lower_matrix(L, &arr, lower_node(L, &arr, n->args[1])) : NULL;
	if (!cond || (int64_t)m->rows * m->cols > EXTENT_LIMIT || m->rows * m->cols == 1)
		return -1;
	across = cond->rows == 1 && cond->cols == m->cols;
	if (!across && (cond->cols != 1 || cond->rows != m->rows))
		return -1;
	total = (int64_t)cond->rows * cond->cols;
	yes = arena_alloc(&L->arena, (size_t)total * sizeof *yes);
	for (int64_t i = 0; i < total; i++) {
		struct lval b = lower_bool(L, cond->v[i]);

		if (b.kind != LV_SCALAR)
			return -1;
		*err = lower_err(L, *err, b.err);
		yes[i] = b.num;
		any = ir_op2(L->ir, IR_OR, any, b.num);
	}
	*err = lower_err(L, *err, ir_op3(L->ir, IR_SEL, any, ir_const(L->ir, 0), ir_const(L->ir, XE_CALC)));
	*out = lower_new_matrix(L, m->rows, m->cols);
	for (int32_t r = 0; r < m->rows; r++)
		for (int32_t k = 0; k < m->cols; k++)
			(*out)->v[(int64_t)r * m->cols + k] = where(L, yes[across ? k : r], m->v[(int64_t)r * m->cols + k]);
	return 0;
}

/* --- areas that end at a draw ------------------------------------------------------------------------------------------- */

/* Cells from (row, col), h lanes high and w wide, at most `rows` by `cols`. */
static int
extent(struct lower *L, int sheet, int64_t row, int64_t col, int64_t rows, int64_t cols, ir_ref h, ir_ref w, struct lmat **out)
{
	if (row < 0 || col < 0 || rows < 1 || cols < 1 || rows > EXTENT_LIMIT || cols > EXTENT_LIMIT || rows * cols > EXTENT_LIMIT ||
	    row + rows > XL_MAX_ROWS || col + cols > XL_MAX_COLS)
		return -1;
	*out = lower_new_matrix(L, (int32_t)rows, (int32_t)cols);
	for (int32_t r = 0; r < rows; r++)
		for (int32_t k = 0; k < cols; k++) {
			struct lval v = lower_cell(L, sheet, (int32_t)row + r, (int32_t)col + k);

			if (v.kind != LV_SCALAR)
				return -1;
			(*out)->v[(int64_t)r * cols + k] =
			    where(L, ir_op2(L->ir, IR_AND, ir_op2(L->ir, IR_XLT, ir_const(L->ir, r), h), ir_op2(L->ir, IR_XLT, ir_const(L->ir, k), w)), v);
		}
	return 0;
}

/* Number of an optional argument, truncated; -1: not in lanes. */
static int
number_arg(struct lower *L, const struct lower_ctx *c, const struct node *n, int i, double dflt, ir_ref *out, ir_ref *err)
{
	struct lval v = lower_number(ir_const(L->ir, dflt), IR_NONE);

	if (i < n->nargs && n->args[i]->kind != N_MISSING)
		v = lower_num(L, lower_scalar_arg(L, c, n->args[i]));
	else if (i < 3)
		v = lower_number(ir_const(L->ir, 0), IR_NONE);
	if (v.kind != LV_SCALAR)
		return -1;
	*err = lower_err(L, *err, v.err);
	*out = ir_op1(L->ir, IR_TRUNC, v.num);
	return 0;
}

static int
offset(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lmat **out, ir_ref *err)
{
	struct lval base = lower_node(L, c, n->args[0]);
	struct ir *ir = L->ir;
	ir_ref at[4], bad = ir_const(ir, 0);
	double x[2];

	if (base.kind != LV_REF)
		return -1;
	for (int i = 0; i < 4; i++) {
		double size = i == 2 ? base.area.row2 - base.area.row1 + 1 : i == 3 ? base.area.col2 - base.area.col1 + 1 : 0;

		if (number_arg(L, c, n, i + 1, size, &at[i], err) < 0 || (i < 2 && !ir_is_const(ir, at[i], &x[i])) ||
		    (i >= 2 && !(ir_lo(ir, at[i]) >= 0 && ir_hi(ir, at[i]) <= EXTENT_LIMIT)))
			return -1;
	}
	for (int i = 2; i < 4; i++)
		bad = ir_op2(ir, IR_OR, bad, ir_op2(ir, IR_XEQ, at[i], ir_const(ir, 0)));
	*err = lower_err(L, *err, ir_op3(ir, IR_SEL, bad, ir_const(ir, XE_REF), ir_const(ir, 0)));
	return extent(L, base.area.sheet1, (int64_t)(base.area.row1 + x[0]), (int64_t)(base.area.col1 + x[1]), (int64_t)ir_hi(ir, at[2]),
	              (int64_t)ir_hi(ir, at[3]), at[2], at[3], out);
}

/* cell:INDEX(area, row, column) where the area begins at the cell or beyond it. */
static int
up_to_index(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lmat **out, ir_ref *err)
{
	const struct node *right = n->args[1];
	struct lval from = lower_node(L, c, n->args[0]), area, at[2];
	struct ir *ir = L->ir;
	ir_ref k[2];
	int64_t first[2], size[2];

	if (right->kind != N_CALL || !right->u.call.fn || strcmp(right->u.call.fn->name, "INDEX") || right->nargs < 2 || right->nargs > 3)
		return -1;
	area = lower_node(L, c, right->args[0]);
	if (from.kind != LV_REF || area.kind != LV_REF || from.area.row1 != from.area.row2 || from.area.col1 != from.area.col2 ||
	    from.area.sheet1 != area.area.sheet1 || area.area.row1 < from.area.row1 || area.area.col1 < from.area.col1)
		return -1;
	size[0] = area.area.row2 - area.area.row1 + 1;
	size[1] = area.area.col2 - area.area.col1 + 1;
	for (int i = 0; i < 2; i++) {
		at[i] = lower_number(ir_const(ir, size[i] == 1), IR_NONE);
		if (i + 1 < right->nargs && right->args[i + 1]->kind != N_MISSING)
			at[i] = lower_num(L, lower_scalar_arg(L, c, right->args[i + 1]));
		if (at[i].kind != LV_SCALAR)
			return -1;
	}
	if (right->nargs == 2 && size[0] == 1 && size[1] > 1) { /* one row: the single index counts columns */
		at[1] = at[0];
		at[0] = lower_number(ir_const(ir, 1), IR_NONE);
	}
	for (int i = 0; i < 2; i++) {
		k[i] = lower_whole_index(L, &at[i], (int32_t)size[i]);
		*err = lower_err(L, *err, at[i].err);
		if (!(ir_lo(ir, k[i]) >= 1)) /* 0: the whole line */
			return -1;
		if (ir_hi(ir, k[i]) < (double)size[i])
			size[i] = (int64_t)ir_hi(ir, k[i]);
		first[i] = i ? area.area.col1 - from.area.col1 : area.area.row1 - from.area.row1;
		k[i] = ir_op2(ir, IR_ADD, k[i], ir_const(ir, (double)first[i]));
	}
	return extent(L, from.area.sheet1, from.area.row1, from.area.col1, first[0] + size[0], first[1] + size[1], k[0], k[1], out);
}

int
lower_list_elements(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lmat **out, ir_ref *err)
{
	const char *name = n->kind == N_CALL && n->u.call.fn ? n->u.call.fn->name : "";

	*err = IR_NONE;
	if (!strcmp(name, "FILTER"))
		return filtered(L, c, n, out, err);
	if (!strcmp(name, "OFFSET") && n->nargs > 3)
		return offset(L, c, n, out, err);
	if (n->kind == N_BINARY && n->op == ':')
		return up_to_index(L, c, n, out, err);
	return -1;
}
