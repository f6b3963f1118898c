/*
 * lower_lambda: LAMBDA and what calls it (MAP, REDUCE, SCAN, BYROW, BYCOL, MAKEARRAY), unrolled: every call lowers the body again with its
 * arguments bound, so shapes must be fixed. The results are those of fn_array.c, call by call.
 *
 * A formula that draws is left to the scalar evaluator: draws inside and after a call are told apart by the number of calls made.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"

#define CALLS_LIMIT 20000 /* of one function */
#define DEPTH_LIMIT 200
#define IR_LIMIT ((size_t)4 << 20)
#define NAMES_DEEP 16

struct lower_lambda {
	const struct node *node;       /* the call of LAMBDA, or the bare name of a function */
	const struct lower_env *env;
	int sheet;
	int32_t row, col;
};

static struct lval
array_of(struct lmat *m)
{
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = m};
}

static int
draws(const struct model *m, const struct node *n, int depth)
{
	if ((n->kind == N_CALL || n->kind == N_FUNCTION) && n->u.call.fn && (n->u.call.fn->flags & FN_RANDOM))
		return 1;
	if (n->kind == N_NAME && n->u.name.def && depth < NAMES_DEEP) {
		const struct formula *f = model_name_formula(m, n->u.name.def);

		if (f && f->root && draws(m, f->root, depth + 1))
			return 1;
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && draws(m, n->args[i], depth))
			return 1;
	return 0;
}

struct lval
lower_lambda_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const struct formula *f = model_formula(L->m, c->sheet, c->row, c->col);
	struct lower_lambda *l;

	if (!f || !f->root || draws(L->m, f->root, 0))
		return lower_unsupported(L, "LAMBDA in a formula that draws");
	l = ARENA_NEW(&L->arena, struct lower_lambda, 1);
	*l = (struct lower_lambda){n, c->env, c->sheet, c->row, c->col};
	return (struct lval){.kind = LV_LAMBDA, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .lambda = l};
}

/* A function by its bare name: a call made for the arguments, which become variables. */
static struct lval
invoke_function(struct lower *L, struct lower_ctx *c, const struct node *f, const struct lval *args, int nargs)
{
	struct node *call = ARENA_NEW(&L->arena, struct node, 1);

	if (nargs < f->u.call.fn->min || (f->u.call.fn->max >= 0 && nargs > f->u.call.fn->max))
		return lower_error(L, XE_VALUE);
	*call = *f;
	call->kind = N_CALL;
	call->nargs = (uint16_t)nargs;
	call->args = arena_alloc(&L->arena, ((size_t)nargs + 1) * sizeof *call->args);
	c->env = NULL;
	for (int i = 0; i < nargs; i++) {
		struct node *name = ARENA_NEW(&L->arena, struct node, 1);

		name->kind = N_NAME;
		name->u.name.name = "";
		name->u.name.slot = i;
		call->args[i] = name;
		c->env = lower_bind(L, c->env, i, args[i]);
	}
	return lower_call(L, c, call);
}

struct lval
lower_invoke(struct lower *L, const struct lower_ctx *c, struct lval f, const struct lval *args, int nargs)
{
	const struct lower_lambda *l = f.lambda;
	struct lower_ctx inner = {.sheet = c->sheet, .row = c->row, .col = c->col, .array = c->array};
	const struct node *n;
	struct lval v;
	int nparams;

	if (f.kind != LV_LAMBDA)
		return f.kind == LV_SCALAR && f.err != IR_NONE ? f : lower_unsupported(L, "call of what is no LAMBDA");
	if (L->depth >= DEPTH_LIMIT || L->ir->n > IR_LIMIT)
		return lower_unsupported(L, "LAMBDA called too deep, or too often to be unrolled");
	n = l->node;
	L->depth++;
	if (n->kind == N_FUNCTION) {
		v = invoke_function(L, &inner, n, args, nargs);
	} else {
		nparams = n->nargs - 1;
		inner.env = l->env;
		v = nargs > nparams ? lower_error(L, XE_VALUE) : (struct lval){.kind = LV_MISSING};
		for (int i = 0; i < nparams && v.kind == LV_MISSING; i++) {
			if (i >= nargs && n->args[i]->op != '?')
				v = lower_error(L, XE_VALUE);
			else
				inner.env = lower_bind(L, inner.env, n->args[i]->u.name.slot,
				                       i < nargs ? args[i] : (struct lval){.kind = LV_MISSING, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE});
		}
		if (v.kind == LV_MISSING)
			v = lower_node(L, &inner, n->args[nparams]);
	}
	L->depth--;
	return v;
}

struct lval
lower_invoke_node(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval f = lower_node(L, c, n->args[0]), *v = arena_alloc(&L->arena, (size_t)n->nargs * sizeof *v);

	if (f.kind != LV_LAMBDA)
		return lower_unsupported(L, "call of what is no LAMBDA");
	for (int i = 1; i < n->nargs; i++) {
		v[i - 1] = lower_node(L, c, n->args[i]);
		if (v[i - 1].kind == LV_UNSUPPORTED)
			return v[i - 1];
	}
	return lower_invoke(L, c, f, v, n->nargs - 1);
}

/* --- callers ---------------------------------------------------------------------------------------------------- */

/* As an element of a result: one value; an empty one is 0, an array #CALC!. */
static struct lval
element_result(struct lower *L, const struct lower_ctx *c, struct lval v)
{
	if (v.kind == LV_ARRAY && (v.mat->rows > 1 || v.mat->cols > 1))
		return lower_error(L, XE_CALC);
	if (v.kind == LV_LAMBDA)
		return lower_error(L, XE_CALC);
	v = lower_scalar(L, c, v);
	if (v.kind == LV_MISSING || (v.kind == LV_SCALAR && v.mask == LM_BLANK))
		return lower_number(ir_const(L->ir, 0), v.kind == LV_SCALAR ? v.err : IR_NONE);
	if (v.kind == LV_SCALAR && (v.mask & LM_BLANK))
		return lower_unsupported(L, "what may be an empty cell");
	return v;
}

/* Element of an argument: of a reference, a reference. */
static struct lval
element(struct lval from, const struct lmat *m, int32_t r, int32_t k)
{
	if (from.kind == LV_REF) {
		from.area.row1 = from.area.row2 = from.area.row1 + r;
		from.area.col1 = from.area.col2 = from.area.col1 + k;
		return from;
	}
	return m->v[(int64_t)r * m->cols + k];
}

static struct lmat *
argument(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lval *v)
{
	struct lmat *m;

	*v = lower_node(L, c, n);
	m = v->kind == LV_UNSUPPORTED || v->kind == LV_LAMBDA ? NULL : lower_matrix(L, c, *v);
	if (m && (int64_t)m->rows * m->cols > CALLS_LIMIT) {
		L->why = "LAMBDA over more than 20,000 elements";
		return NULL;
	}
	return m;
}

struct lval
lower_map_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lmat *m[16], *out;
	struct lval v[16], arg[16], f;
	int32_t rows = 1, cols = 1;
	int last = n->nargs - 1;

	if (n->nargs > 16)
		return lower_unsupported(L, "MAP of more than 15 arrays");
	for (int i = 0; i < last; i++) {
		if (!(m[i] = argument(L, c, n->args[i], &arg[i])))
			return lower_unsupported(L, L->why);
		rows = m[i]->rows > rows ? m[i]->rows : rows;
		cols = m[i]->cols > cols ? m[i]->cols : cols;
	}
	f = lower_node(L, c, n->args[last]);
	if (f.kind != LV_LAMBDA)
		return lower_unsupported(L, "MAP without a LAMBDA");
	out = lower_new_matrix(L, rows, cols);
	for (int32_t r = 0; r < rows; r++)
		for (int32_t k = 0; k < cols; k++) {
			struct lval *to = &out->v[(int64_t)r * cols + k];
			int off = 0;

			for (int i = 0; i < last; i++) {
				if (r >= m[i]->rows || k >= m[i]->cols)
					off = 1;
				else
					v[i] = element(arg[i], m[i], r, k);
			}
			*to = off ? lower_error(L, XE_NA) : element_result(L, c, lower_invoke(L, c, f, v, last));
			if (to->kind != LV_SCALAR)
				return lower_unsupported(L, L->why);
		}
	return array_of(out);
}

/* REDUCE and SCAN. */
struct lval
lower_reduce_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	int keep = n->u.call.fn->name[0] == 'S', none = n->args[0]->kind == N_MISSING;
	struct lval acc = lower_node(L, c, n->args[0]), arg, f, v[2];
	struct lmat *m = argument(L, c, n->args[1], &arg), *out;

	f = lower_node(L, c, n->args[2]);
	if (acc.kind == LV_REF)
		acc = lower_scalar(L, c, acc);
	if (!m || f.kind != LV_LAMBDA || acc.kind == LV_UNSUPPORTED || acc.kind == LV_LAMBDA)
		return lower_unsupported(L, m ? "REDUCE without a LAMBDA" : L->why);
	out = lower_new_matrix(L, m->rows, m->cols);
	for (int32_t i = 0; i < m->rows * m->cols; i++) {
		v[0] = acc;
		v[1] = element(arg, m, i / m->cols, i % m->cols);
		acc = none && !i ? m->v[0] : lower_invoke(L, c, f, v, 2);
		if (keep)
			acc = element_result(L, c, acc);
		if (acc.kind == LV_UNSUPPORTED || acc.kind == LV_LAMBDA || (keep && acc.kind != LV_SCALAR))
			return lower_unsupported(L, L->why);
		if (keep)
			out->v[i] = acc;
	}
	return keep ? array_of(out) : acc;
}

/* BYROW and BYCOL. */
struct lval
lower_byline_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	int across = n->u.call.fn->name[2] == 'C';
	struct lval arg, f, v;
	struct lmat *m = argument(L, c, n->args[0], &arg), *out, *line;
	int32_t lines, len;

	f = lower_node(L, c, n->args[1]);
	if (!m || f.kind != LV_LAMBDA)
		return lower_unsupported(L, m ? "BYROW without a LAMBDA" : L->why);
	lines = across ? m->cols : m->rows;
	len = across ? m->rows : m->cols;
	out = across ? lower_new_matrix(L, 1, lines) : lower_new_matrix(L, lines, 1);
	for (int32_t i = 0; i < lines; i++) {
		if (arg.kind == LV_REF) {
			v = arg;
			if (across)
				v.area.col1 = v.area.col2 = arg.area.col1 + i;
			else
				v.area.row1 = v.area.row2 = arg.area.row1 + i;
		} else {
			line = across ? lower_new_matrix(L, len, 1) : lower_new_matrix(L, 1, len);
			for (int32_t k = 0; k < len; k++)
				line->v[k] = across ? m->v[(int64_t)k * m->cols + i] : m->v[(int64_t)i * m->cols + k];
			v = array_of(line);
		}
		out->v[i] = element_result(L, c, lower_invoke(L, c, f, &v, 1));
		if (out->v[i].kind != LV_SCALAR)
			return lower_unsupported(L, L->why);
	}
	return array_of(out);
}

struct lval
lower_makearray_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	double size[2];
	struct lval f, v[2];
	struct lmat *out;

	for (int i = 0; i < 2; i++) {
		v[i] = lower_num(L, lower_scalar_arg(L, c, n->args[i]));
		if (v[i].kind != LV_SCALAR || v[i].err != IR_NONE || !ir_is_const(L->ir, v[i].num, &size[i]))
			return lower_unsupported(L, "MAKEARRAY of a random shape");
		size[i] = trunc(size[i]);
	}
	f = lower_node(L, c, n->args[2]);
	if (f.kind != LV_LAMBDA || !(size[0] >= 1 && size[1] >= 1 && size[0] * size[1] <= CALLS_LIMIT))
		return lower_unsupported(L, "MAKEARRAY");
	out = lower_new_matrix(L, (int32_t)size[0], (int32_t)size[1]);
	for (int32_t i = 0; i < out->rows * out->cols; i++) {
		v[0] = lower_number(ir_const(L->ir, i / out->cols + 1), IR_NONE);
		v[1] = lower_number(ir_const(L->ir, i % out->cols + 1), IR_NONE);
		out->v[i] = element_result(L, c, lower_invoke(L, c, f, v, 2));
		if (out->v[i].kind != LV_SCALAR)
			return lower_unsupported(L, L->why);
	}
	return array_of(out);
}
