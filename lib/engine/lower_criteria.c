/*
 * lower_criteria: SUMIF, COUNTIFS and their kin in lanes: each cell of the range gives a lane "meets the criterion", as
 * lib/formula/criteria.c decides it.
 *
 * The criterion is constant, or a number that depends on a draw: alone, or behind an operator (">"&B5). The number's way
 * through text keeps 15 digits, and comparisons look at no more, so the lanes compare the number itself.
 */
#include <math.h>
#include <string.h>

#include "engine/lower_fn.h"
#include "formula/criteria.h"

struct lane_criterion {
	struct criterion k;
	ir_ref num; /* IR_NONE: k.num is the number */
};

static int
operator_of(const struct value *v)
{
	static const struct {
		const char *text;
		char op;
	} map[] = {{"=", '='}, {"<>", 'n'}, {"<", '<'}, {"<=", 'l'}, {">", '>'}, {">=", 'g'}};

	for (size_t i = 0; v->kind == V_TEXT && i < sizeof map / sizeof map[0]; i++)
		if (v->u.text->nbytes == strlen(map[i].text) && !memcmp(v->u.text->s, map[i].text, v->u.text->nbytes))
			return map[i].op;
	return 0;
}

/* A number that depends on a draw and is never anything else. */
static int
is_number_lane(struct lval v)
{
	return v.kind == LV_SCALAR && v.mask == LM_NUM && v.err == IR_NONE;
}

/* A criterion that stands as a value. 0, or -1: not in lanes. */
static int
value_criterion(struct lower *L, struct lval x, struct lane_criterion *out)
{
	struct value cv;

	memset(out, 0, sizeof *out);
	out->num = IR_NONE;
	if (lower_is_const(L, x, &cv)) {
		criterion_parse(arena_memdup(&L->arena, &cv, sizeof cv), L->m->wb->date1904, &out->k);
		return 0;
	}
	out->k.kind = V_NUM;
	out->k.op = '=';
	out->num = x.num;
	return is_number_lane(x) ? 0 : -1;
}

/* 0, or -1: not in lanes. */
static int
lower_criterion(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lane_criterion *out)
{
	struct lval x, y;
	struct value cv;

	memset(out, 0, sizeof *out);
	out->num = IR_NONE;
	out->k.kind = V_NUM;
	if (n->kind == N_BINARY && n->op == '&') {
		x = lower_scalar_arg(L, c, n->args[0]);
		if (lower_is_const(L, x, &cv) && (out->k.op = (char)operator_of(&cv)) != 0) {
			y = lower_scalar_arg(L, c, n->args[1]);
			out->num = y.num;
			if (is_number_lane(y) && !ir_is_const(L->ir, y.num, NULL))
				return 0;
		}
	}
	return value_criterion(L, lower_scalar_arg(L, c, n), out);
}

static ir_ref
number_meets(struct lower *L, const struct lane_criterion *c, ir_ref x)
{
	static const struct {
		char op;
		enum ir_op ir;
	} map[] = {{'=', IR_EQ}, {'n', IR_NE}, {'<', IR_LT}, {'l', IR_LE}, {'>', IR_GT}, {'g', IR_GE}};
	int i = 0;

	if (c->k.kind != V_NUM) /* a number is not text, logical or blank */
		return ir_const(L->ir, c->k.op == 'n');
	while (map[i].op != c->k.op)
		i++;
	return ir_op2(L->ir, map[i].ir, x, c->num == IR_NONE ? ir_const(L->ir, c->k.num) : c->num);
}

static ir_ref
text_meets(struct lower *L, const struct lane_criterion *c, struct lval x)
{
	struct value v = value_text(&L->arena, c->k.text ? c->k.text : "", c->k.ntext);
	double d;

	x.mask = LM_TEXT;
	x.typ = x.err = IR_NONE;
	switch (c->k.kind) {
	case V_NUM: /* text that reads as a number would count */
		for (size_t i = 0; i < L->ntext; i++)
			if (!value_parse_number(L->text[i], strlen(L->text[i]), L->m->wb->date1904, &d))
				return IR_NONE;
		return ir_const(L->ir, c->k.op == 'n');
	case V_BLANK: /* "" meets an empty text; "=" and "<>" look at the cell */
		if (c->k.op == '=' && c->k.was_empty)
			return lower_compare(L, '=', x, lower_from_value(L, &v)).num;
		return ir_const(L->ir, c->k.op == 'n');
	case V_TEXT:
		return c->k.wildcard ? IR_NONE : lower_compare(L, c->k.op, x, lower_from_value(L, &v)).num;
	default:
		return ir_const(L->ir, c->k.op == 'n');
	}
}

static ir_ref
bool_meets(struct lower *L, const struct lane_criterion *c, ir_ref x)
{
	struct value no = value_bool(0), yes = value_bool(1);

	if (c->num != IR_NONE)
		return ir_const(L->ir, c->k.op == 'n');
	return ir_op3(L->ir, IR_SEL, x, ir_const(L->ir, criterion_match(&c->k, &yes)),
	              ir_const(L->ir, criterion_match(&c->k, &no)));
}

static ir_ref
blank_meets(struct lower *L, const struct lane_criterion *c)
{
	struct value v = value_blank();

	return ir_const(L->ir, c->num != IR_NONE ? c->k.op == 'n' : criterion_match(&c->k, &v));
}

/* Lane: does the element meet the criterion? IR_NONE: not in lanes. */
static ir_ref
meets(struct lower *L, const struct lane_criterion *c, struct lval x)
{
	static const int bit[] = {LM_NUM, LM_TEXT, LM_BOOL, LM_BLANK};
	struct value v;
	ir_ref yes = IR_NONE, e;

	if (c->num == IR_NONE && lower_is_const(L, x, &v))
		return ir_const(L->ir, criterion_match(&c->k, &v));
	if (x.kind != LV_SCALAR || (x.mask & LM_DYNTEXT))
		return IR_NONE;
	for (int code = LC_NUM; code <= LC_BLANK; code++) {
		ir_ref y;

		if (!(x.mask & bit[code]))
			continue;
		y = code == LC_NUM    ? number_meets(L, c, x.num)
		    : code == LC_TEXT ? text_meets(L, c, x)
		    : code == LC_BOOL ? bool_meets(L, c, x.num)
		                      : blank_meets(L, c);
		if (y == IR_NONE)
			return IR_NONE;
		yes = yes == IR_NONE ? y : ir_op3(L->ir, IR_SEL, lower_is_type(L, x, code), y, yes);
	}
	if (x.err != IR_NONE) { /* an error meets only "<>", and a criterion that is this error */
		e = ir_op1(L->ir, IR_NONZERO, x.err);
		if (c->k.kind == V_ERROR)
			return IR_NONE;
		yes = ir_op3(L->ir, IR_SEL, e, ir_const(L->ir, c->k.op == 'n'), yes);
	}
	return yes;
}

/* A reference stretched from its corner to rows x cols (SUMIF's short sum range). */
static struct lval
stretched(struct lval v, int32_t rows, int32_t cols)
{
	if (v.kind == LV_REF) {
		v.area.row2 = v.area.row1 + rows - 1;
		v.area.col2 = v.area.col1 + cols - 1;
	}
	return v;
}

#define PAIRS 64

struct ifs {
	enum { IFS_COUNT, IFS_SUM, IFS_AVERAGE, IFS_MIN, IFS_MAX } what;
	int single;                     /* SUMIF, COUNTIF, AVERAGEIF: range, criterion[, values] */
	int npairs;
	struct lmat *range[PAIRS], *values;
	struct lane_criterion crit[PAIRS];
	struct lmat *each[PAIRS];       /* in an array formula a criterion may be an array: one result for each */
};

static void
name_ifs(const char *name, struct ifs *f)
{
	f->what = !strncmp(name, "COUNT", 5)     ? IFS_COUNT
	          : !strncmp(name, "AVERAGE", 7) ? IFS_AVERAGE
	          : !strncmp(name, "MIN", 3)     ? IFS_MIN
	          : !strncmp(name, "MAX", 3)     ? IFS_MAX
	                                         : IFS_SUM;
	f->single = name[strlen(name) - 1] == 'F';
}

static int
is_many(struct lval v)
{
	return v.kind == LV_ARRAY ||
	       (v.kind == LV_REF && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2));
}

/* 0, or -1 and L->why. */
static int
read_criterion(struct lower *L, const struct lower_ctx *c, const struct node *n, struct ifs *f)
{
	if (c->array) {
		struct lval v = lower_node(L, c, n);

		if (is_many(v)) {
			f->each[f->npairs] = lower_matrix(L, c, v);
			return f->each[f->npairs] ? 0 : -1;
		}
	}
	L->why = "criterion that depends on a draw and is no number";
	return lower_criterion(L, c, n, &f->crit[f->npairs]);
}

/* Ranges and criteria; *bad: of different shapes. 0, or -1 and L->why. */
static int
read_pairs(struct lower *L, const struct lower_ctx *c, const struct node *n, struct ifs *f, int *bad)
{
	int first = f->single || f->what == IFS_COUNT ? 0 : 1;

	L->why = "criteria over what is no range";
	*bad = 0;
	for (int i = first; i + 1 < n->nargs && f->npairs < PAIRS && !(f->single && f->npairs); i += 2, f->npairs++) {
		struct lval r = lower_node(L, c, n->args[i]);

		if (r.kind != LV_REF) {
			L->why = "criteria over what is no range";
			return -1;
		}
		f->range[f->npairs] = lower_matrix(L, c, r);
		if (!f->range[f->npairs] || read_criterion(L, c, n->args[i + 1], f) < 0)
			return -1;
		*bad |= f->range[f->npairs]->rows != f->range[0]->rows || f->range[f->npairs]->cols != f->range[0]->cols;
	}
	return f->npairs ? 0 : -1;
}

static int
read_values(struct lower *L, const struct lower_ctx *c, const struct node *n, struct ifs *f, int *bad)
{
	struct lval r;

	if (f->what == IFS_COUNT) {
		f->values = f->range[0];
		return 0;
	}
	r = lower_node(L, c, n->args[f->single && n->nargs > 2 ? 2 : 0]);
	if (r.kind != LV_REF) {
		L->why = "criteria over what is no range";
		return -1;
	}
	f->values = lower_matrix(L, c, f->single ? stretched(r, f->range[0]->rows, f->range[0]->cols) : r);
	if (!f->values)
		return -1;
	*bad |= f->values->rows != f->range[0]->rows || f->values->cols != f->range[0]->cols;
	return 0;
}

/* Lane: does row i of all ranges meet all criteria? */
static ir_ref
all_met(struct lower *L, const struct ifs *f, int64_t i)
{
	ir_ref yes = ir_const(L->ir, 1);

	for (int j = 0; j < f->npairs; j++) {
		ir_ref m = meets(L, &f->crit[j], f->range[j]->v[i]);

		if (m == IR_NONE)
			return IR_NONE;
		yes = ir_op2(L->ir, IR_AND, yes, m);
	}
	return yes;
}

/* What is made of the sum or extreme s of k values. */
static struct lval
ifs_result(struct lower *L, const struct ifs *f, ir_ref s, ir_ref k, ir_ref err)
{
	ir_ref zero = ir_const(L->ir, 0), none = ir_op2(L->ir, IR_XEQ, k, zero);

	switch (f->what) {
	case IFS_COUNT:
		return lower_number(k, IR_NONE);
	case IFS_MIN:
	case IFS_MAX:
		s = ir_op3(L->ir, IR_SEL, none, zero, s);
		ir_set_range(L->ir, s, -1.7976931348623157e308, 1.7976931348623157e308);
		return lower_number(s, err);
	case IFS_AVERAGE:
		err = lower_err(L, err, ir_op3(L->ir, IR_SEL, none, ir_const(L->ir, XE_DIV0), zero));
		s = ir_op2(L->ir, IR_DIV, s, k);
		break;
	default:
		break;
	}
	return lower_number(s, lower_err(L, err, ir_finchk(L->ir, s)));
}

static struct lval
ifs_value(struct lower *L, const struct ifs *f)
{
	ir_ref zero = ir_const(L->ir, 0), k = zero, err = IR_NONE, s = zero;
	int min = f->what == IFS_MIN, max = f->what == IFS_MAX;

	if (min || max)
		s = ir_const(L->ir, min ? INFINITY : -INFINITY);
	for (int64_t i = 0; i < (int64_t)f->range[0]->rows * f->range[0]->cols; i++) {
		struct lval x = f->values->v[i];
		ir_ref yes = all_met(L, f, i);
		double d;

		if (yes == IR_NONE)
			return lower_unsupported(L, "criterion with wildcards or an error, or over texts built from draws");
		if (ir_is_const(L->ir, yes, &d) && d == 0)
			continue;
		if (f->what != IFS_COUNT) {
			if (x.err != IR_NONE)
				err = lower_err(L, err, ir_op3(L->ir, IR_SEL, yes, x.err, zero));
			yes = ir_op2(L->ir, IR_AND, yes, lower_is_type(L, x, LC_NUM));
		}
		k = ir_op2(L->ir, IR_ADD, k, yes);
		if (min || max)
			s = ir_op2(L->ir, min ? IR_MIN : IR_MAX, s, ir_op3(L->ir, IR_SEL, yes, x.num, s));
		else if (f->what != IFS_COUNT)
			s = ir_op2(L->ir, IR_ADD, s, ir_op3(L->ir, IR_SEL, yes, x.num, zero));
	}
	return ifs_result(L, f, s, k, err);
}

/* One result for each element of the criteria that are arrays, all of one shape. */
static struct lval
ifs_values(struct lower *L, struct ifs *f)
{
	struct lmat *shape = NULL, *out;

	for (int j = 0; j < f->npairs; j++) {
		if (!f->each[j])
			continue;
		if (shape && (shape->rows != f->each[j]->rows || shape->cols != f->each[j]->cols))
			return lower_unsupported(L, "criteria that are arrays of different shapes");
		shape = f->each[j];
	}
	if (!shape)
		return ifs_value(L, f);
	out = lower_new_matrix(L, shape->rows, shape->cols);
	for (int64_t i = 0; i < (int64_t)shape->rows * shape->cols; i++) {
		for (int j = 0; j < f->npairs; j++)
			if (f->each[j] && value_criterion(L, f->each[j]->v[i], &f->crit[j]) < 0)
				return lower_unsupported(L, "criterion that depends on a draw and is no number");
		out->v[i] = ifs_value(L, f);
		if (out->v[i].kind != LV_SCALAR)
			return out->v[i];
	}
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = out};
}

struct lval
lower_ifs_family(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct ifs *f = arena_zalloc(&L->arena, sizeof *f);
	int bad_pairs, bad = 0;

	name_ifs(n->u.call.fn->name, f);
	if (read_pairs(L, c, n, f, &bad_pairs) < 0)
		return lower_unsupported(L, L->why);
	if (bad_pairs)
		return lower_error(L, XE_VALUE);
	if (read_values(L, c, n, f, &bad) < 0)
		return lower_unsupported(L, L->why);
	return bad ? lower_error(L, XE_VALUE) : ifs_values(L, f);
}

/* Cells that are empty or hold an empty text. */
struct lval
lower_countblank_fn(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lane_criterion empty = {.k = {.op = '=', .kind = V_BLANK, .was_empty = 1}, .num = IR_NONE};
	struct lval v = lower_node(L, c, n->args[0]);
	struct lmat *m;
	ir_ref s = ir_const(L->ir, 0);

	if (v.kind == LV_REF && (v.area.row2 == XL_MAX_ROWS - 1 || v.area.col2 == XL_MAX_COLS - 1))
		return lower_unsupported(L, "COUNTBLANK of whole columns");
	m = lower_matrix(L, c, v);
	if (!m)
		return lower_unsupported(L, L->why);
	for (int64_t i = 0; i < (int64_t)m->rows * m->cols; i++) {
		ir_ref yes = meets(L, &empty, m->v[i]);

		if (yes == IR_NONE)
			return lower_unsupported(L, "COUNTBLANK over texts built from draws");
		s = ir_op2(L->ir, IR_ADD, s, yes);
	}
	return lower_number(s, IR_NONE);
}
