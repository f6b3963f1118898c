/*
 * lower_index: INDEX and OFFSET with places that depend on a draw, in lanes: a PICK among the cells that may be meant.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"

#define CELLS_LIMIT 4096

/* One index of INDEX: truncated; errors as fn_index() has them, negative first. */
ir_ref
lower_whole_index(struct lower *L, struct lval *v, int32_t n)
{
	struct ir *ir = L->ir;
	ir_ref i = ir_op1(ir, IR_TRUNC, v->num), zero = ir_const(ir, 0), kind;

	kind = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XLT, ir_const(ir, n), i), ir_const(ir, XE_REF), zero);
	v->err = lower_err(L, v->err, ir_op3(ir, IR_SEL, ir_op2(ir, IR_XLT, i, zero), ir_const(ir, XE_VALUE), kind));
	return i;
}

/* Index 0 is the whole line: for one value, in an ordinary formula, the place in its own row or column, if there is one (`own`, from 1). */
static ir_ref
zero_index(struct lower *L, struct lval *v, ir_ref i, int32_t n, int64_t own)
{
	struct ir *ir = L->ir;
	ir_ref is_zero = ir_op2(ir, IR_XEQ, i, ir_const(ir, 0));

	if (n == 1)
		own = 1;
	if (own < 1 || own > n)
		v->err = lower_err(L, v->err, ir_op3(ir, IR_SEL, is_zero, ir_const(ir, XE_VALUE), ir_const(ir, 0)));
	return ir_op3(ir, IR_SEL, is_zero, ir_const(ir, own >= 1 && own <= n ? (double)own : 1), i);
}

/* A whole row or column at an index that is never 0, for a list. */
static struct lval
index_line(struct lower *L, const struct lmat *m, struct lval at, ir_ref i, int across)
{
	int32_t n = across ? m->cols : m->rows, lines = across ? m->rows : m->cols;
	struct lmat *out = across ? lower_new_matrix(L, 1, n) : lower_new_matrix(L, n, 1);
	struct lval *v = arena_alloc(&L->arena, (size_t)lines * sizeof *v);

	for (int32_t k = 0; k < n; k++) {
		for (int32_t q = 0; q < lines; q++)
			v[q] = across ? m->v[(int64_t)q * m->cols + k] : m->v[(int64_t)k * m->cols + q];
		out->v[k] = lower_picked(L, lower_number(i, at.err), v, (size_t)lines);
		if (out->v[k].kind != LV_SCALAR)
			return out->v[k];
	}
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = out};
}

static int
surely_zero(struct lower *L, ir_ref i)
{
	double x;

	return ir_is_const(L->ir, i, &x) && x == 0;
}

/* INDEX(range, row[, column]) with an index that depends on a draw. */
struct lval
lower_index_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	int one = L->scalar_node == n && !c->array, list = L->list_node == n;
	struct lower_ctx arr = *c;
	struct lval from, row = lower_number(ir_const(L->ir, 0), IR_NONE), col = row, pos;
	struct lmat *m;
	ir_ref i, j;

	arr.array = 1;
	from = lower_node(L, &arr, n->args[0]);
	m = from.kind == LV_UNSUPPORTED ? NULL : lower_matrix(L, &arr, from);
	if (!m || n->nargs > 3)
		return lower_unsupported(L, "INDEX");
	for (int k = 1; k < n->nargs; k++) {
		struct lval v = n->args[k]->kind == N_MISSING ? lower_number(ir_const(L->ir, 0), IR_NONE)
		                                              : lower_num(L, lower_scalar_arg(L, c, n->args[k]));

		if (v.kind != LV_SCALAR)
			return v;
		*(k == 1 ? &row : &col) = v;
	}
	if (n->nargs == 2 && from.kind == LV_REF && m->rows > 1 && m->cols > 1) /* a range wants both */
		return lower_number(ir_const(L->ir, 0), lower_err(L, row.err, ir_const(L->ir, XE_REF)));
	if (n->nargs == 2 && m->rows == 1) { /* one row: the single index counts columns */
		struct lval k = row;

		row = m->cols == 1 ? row : lower_number(ir_const(L->ir, 1), IR_NONE);
		col = m->cols == 1 ? lower_number(ir_const(L->ir, 1), IR_NONE) : k;
	}
	i = lower_whole_index(L, &row, m->rows);
	j = lower_whole_index(L, &col, m->cols);
	pos = lower_number(IR_NONE, lower_err(L, row.err, col.err));
	if (list && surely_zero(L, j) && m->cols > 1 && ir_lo(L->ir, i) >= 1)
		return index_line(L, m, pos, i, 1);
	if (list && surely_zero(L, i) && m->rows > 1 && ir_lo(L->ir, j) >= 1)
		return index_line(L, m, pos, j, 0);
	if ((ir_lo(L->ir, i) < 1 && m->rows > 1) || (ir_lo(L->ir, j) < 1 && m->cols > 1)) {
		if (!one || (from.kind != LV_REF && from.kind != LV_ARRAY) || (ir_lo(L->ir, i) < 1 && ir_lo(L->ir, j) < 1 && m->rows > 1 && m->cols > 1))
			return lower_unsupported(L, "INDEX that may be 0");
	}
	if (ir_lo(L->ir, i) < 1)
		i = zero_index(L, &row, i, m->rows, from.kind == LV_REF ? (int64_t)c->row - from.area.row1 + 1 : 1);
	if (ir_lo(L->ir, j) < 1)
		j = zero_index(L, &col, j, m->cols, from.kind == LV_REF ? (int64_t)c->col - from.area.col1 + 1 : 1);
	i = ir_op2(L->ir, IR_SUB, i, ir_const(L->ir, 1));
	pos = lower_number(ir_op2(L->ir, IR_ADD, ir_op2(L->ir, IR_MUL, i, ir_const(L->ir, m->cols)), j), lower_err(L, row.err, col.err));
	return lower_picked(L, pos, m->v, (size_t)m->rows * (size_t)m->cols);
}

/* OFFSET(cell, rows, cols) of one cell: a PICK among the cells within the proven range of the offsets. */
struct lval
lower_offset_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval base = lower_node(L, c, n->args[0]), off[2], *v, pos;
	double lo[2], hi[2];
	size_t rows, cols;
	ir_ref at[2];

	if (base.kind != LV_REF || base.area.row1 != base.area.row2 || base.area.col1 != base.area.col2 || n->nargs != 3)
		return lower_unsupported(L, "OFFSET of a range by a draw");
	for (int i = 0; i < 2; i++) {
		off[i] = n->args[1 + i]->kind == N_MISSING ? lower_number(ir_const(L->ir, 0), IR_NONE)
		                                           : lower_num(L, lower_scalar_arg(L, c, n->args[1 + i]));
		if (off[i].kind != LV_SCALAR)
			return off[i];
		at[i] = ir_op1(L->ir, IR_TRUNC, off[i].num);
		lo[i] = ir_lo(L->ir, at[i]);
		hi[i] = ir_hi(L->ir, at[i]);
		if (!(hi[i] - lo[i] < CELLS_LIMIT))
			return lower_unsupported(L, "OFFSET by an unbounded draw");
	}
	rows = (size_t)(hi[0] - lo[0]) + 1;
	cols = (size_t)(hi[1] - lo[1]) + 1;
	if (rows * cols > CELLS_LIMIT)
		return lower_unsupported(L, "OFFSET over more than 4096 cells");
	v = arena_alloc(&L->arena, rows * cols * sizeof *v);
	for (size_t r = 0; r < rows; r++)
		for (size_t k = 0; k < cols; k++) {
			double row = base.area.row1 + lo[0] + (double)r, col = base.area.col1 + lo[1] + (double)k;

			v[r * cols + k] = row < 0 || col < 0 || row >= XL_MAX_ROWS || col >= XL_MAX_COLS
			                      ? lower_error(L, XE_REF)
			                      : lower_cell(L, base.area.sheet1, (int32_t)row, (int32_t)col);
		}
	pos.num = ir_op2(L->ir, IR_SUB, at[0], ir_const(L->ir, lo[0]));
	pos.num = ir_op2(L->ir, IR_ADD, ir_op2(L->ir, IR_MUL, pos.num, ir_const(L->ir, (double)cols)),
	                 ir_op2(L->ir, IR_SUB, at[1], ir_const(L->ir, lo[1] - 1)));
	pos = lower_number(pos.num, lower_err(L, off[0].err, off[1].err));
	return lower_picked(L, pos, v, rows * cols);
}
