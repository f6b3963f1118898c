/*
 * lower: cells, references, operators. Functions are in lower_fn.c and lower_lookup.c, draws in
 * lower_draw.c. See lower.h.
 */
#include "engine/lower.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/lower_fn.h"
#include "engine/vm.h"
#include "formula/eval_internal.h"

#define STACK_BYTES ((size_t)4 << 30) /* address space only; pages come as they are touched */
#define MATRIX_LIMIT ((int64_t)1 << 20)
#define LANES_LIMIT ((size_t)8 << 20) /* instructions; a few hundred bytes each while the model is compiled. What comes after is left to the scalar evaluator */
#define ARRAY_KEY (1 << 20) /* added to the sheet: the matrix of an array formula, kept under its master's cell */

int
lower_is_full(const struct lower *L)
{
	return L->ir->n > LANES_LIMIT;
}

/* --- small values ---------------------------------------------------------------------------------- */

struct lval
lower_unsupported(struct lower *L, const char *why)
{
	L->why = why;
	return (struct lval){.kind = LV_UNSUPPORTED, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE};
}

static struct lval
scalar(int mask, ir_ref num, ir_ref err)
{
	return (struct lval){.kind = LV_SCALAR, .mask = (uint8_t)mask, .num = num, .err = err, .typ = IR_NONE};
}

struct lval
lower_number(ir_ref num, ir_ref err)
{
	return scalar(LM_NUM, num, err);
}

struct lval
lower_boolean(ir_ref num, ir_ref err)
{
	return scalar(LM_BOOL, num, err);
}

struct lval
lower_error(struct lower *L, int kind)
{
	return scalar(LM_NUM, ir_const(L->ir, 0), ir_const(L->ir, kind));
}

static struct lval
missing(void)
{
	return (struct lval){.kind = LV_MISSING, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE};
}

static struct lval
area_value(struct area a)
{
	return (struct lval){.kind = LV_REF, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .area = a};
}

static struct lval
matrix_value(struct lmat *m)
{
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = m};
}

ir_ref
lower_err(struct lower *L, ir_ref a, ir_ref b)
{
	double x;

	if (a == IR_NONE || (ir_is_const(L->ir, a, &x) && x == 0))
		return b != IR_NONE && ir_is_const(L->ir, b, &x) && x == 0 ? IR_NONE : b;
	if (b == IR_NONE)
		return a;
	return ir_op2(L->ir, IR_EOR, a, b);
}

static int
lower_text_id(struct lower *L, const char *s, size_t n)
{
	for (size_t i = 0; i < L->ntext; i++)
		if (strlen(L->text[i]) == n && !memcmp(L->text[i], s, n))
			return (int)i;
	if (L->ntext == L->text_cap) {
		L->text_cap = L->text_cap ? L->text_cap * 2 : 64;
		L->text = realloc(L->text, L->text_cap * sizeof *L->text);
		if (!L->text)
			abort();
	}
	L->text[L->ntext] = arena_strndup(&L->arena, s, n);
	return (int)L->ntext++;
}

/* First pool entry that is the same text but for case. */
static int
text_class(struct lower *L, int id)
{
	for (int i = 0; i < id; i++)
		if (!text_compare(L->text[i], strlen(L->text[i]), L->text[id], strlen(L->text[id])))
			return i;
	return id;
}

struct lmat *
lower_new_matrix(struct lower *L, int32_t rows, int32_t cols)
{
	struct lmat *m = arena_zalloc(&L->arena, sizeof *m);

	m->rows = rows;
	m->cols = cols;
	m->v = arena_alloc(&L->arena, (size_t)rows * (size_t)cols * sizeof *m->v);
	return m;
}

struct lval
lower_from_value(struct lower *L, const struct value *v)
{
	struct lmat *m;

	switch (v->kind) {
	case V_BLANK:
		return scalar(LM_BLANK, ir_const(L->ir, 0), IR_NONE);
	case V_NUM:
		return scalar(LM_NUM, ir_const(L->ir, v->u.num), IR_NONE);
	case V_BOOL:
		return scalar(LM_BOOL, ir_const(L->ir, v->boolean), IR_NONE);
	case V_TEXT:
		return scalar(LM_TEXT, ir_const(L->ir, lower_text_id(L, v->u.text->s, v->u.text->nbytes)),
		              IR_NONE);
	case V_ERROR:
		return lower_error(L, v->error);
	case V_MISSING:
		return missing();
	case V_ARRAY:
		m = lower_new_matrix(L, v->u.array->rows, v->u.array->cols);
		for (int64_t i = 0; i < (int64_t)m->rows * m->cols; i++)
			m->v[i] = lower_from_value(L, &v->u.array->v[i]);
		return matrix_value(m);
	case V_REF:
		if (v->u.ref->nareas == 1 && v->u.ref->area[0].sheet1 == v->u.ref->area[0].sheet2)
			return area_value(v->u.ref->area[0]);
		return lower_unsupported(L, "reference to several areas");
	default:
		return lower_unsupported(L, "LAMBDA value");
	}
}

int
lower_is_const(struct lower *L, struct lval v, struct value *out)
{
	double x, k = 0;

	if (v.kind == LV_MISSING) {
		*out = (struct value){.kind = V_MISSING};
		return 1;
	}
	if (v.kind != LV_SCALAR || (v.err != IR_NONE && !ir_is_const(L->ir, v.err, &k)))
		return 0;
	if (k != 0) {
		*out = value_error((int)k);
		return 1;
	}
	if (v.typ != IR_NONE || !ir_is_const(L->ir, v.num, &x))
		return 0;
	switch (v.mask) {
	case LM_NUM:
		*out = value_num(x);
		return 1;
	case LM_BOOL:
		*out = value_bool(x != 0);
		return 1;
	case LM_BLANK:
		*out = value_blank();
		return 1;
	case LM_TEXT:
		*out = value_textz(&L->arena, L->text[(int)x]);
		return 1;
	}
	return 0;
}

static int
mask_code(int mask)
{
	switch (mask & (LM_NUM | LM_TEXT | LM_BOOL | LM_BLANK)) {
	case LM_NUM: return LC_NUM;
	case LM_TEXT: return LC_TEXT;
	case LM_BOOL: return LC_BOOL;
	case LM_BLANK: return LC_BLANK;
	}
	return -1;
}

ir_ref
lower_type(struct lower *L, struct lval v)
{
	return v.typ != IR_NONE ? v.typ : ir_const(L->ir, mask_code(v.mask));
}

ir_ref
lower_is_type(struct lower *L, struct lval v, int code)
{
	static const int bit[] = {LM_NUM, LM_TEXT, LM_BOOL, LM_BLANK};

	if (!(v.mask & bit[code]))
		return ir_const(L->ir, 0);
	return ir_op2(L->ir, IR_XEQ, lower_type(L, v), ir_const(L->ir, code));
}

/* --- coercion --------------------------------------------------------------------------------------- */

struct lval
lower_num(struct lower *L, struct lval v)
{
	struct value c;
	double x;
	ir_ref err;
	int k;

	if (v.kind != LV_SCALAR)
		return v.kind == LV_UNSUPPORTED ? v : lower_unsupported(L, "array where a number is wanted");
	if (!(v.mask & LM_TEXT))
		return lower_number(v.num, v.err);
	if (v.mask & LM_DYNTEXT)
		return lower_unsupported(L, "text made from random numbers used as a number");
	if (lower_is_const(L, v, &c)) {
		k = value_to_num(&c, L->m->wb->date1904, &x);
		return k ? lower_error(L, k) : lower_number(ir_const(L->ir, x), IR_NONE);
	}
	/* one of several texts: those that read as numbers are rare; none may */
	for (size_t i = 0; i < L->ntext; i++)
		if (!value_parse_number(L->text[i], strlen(L->text[i]), L->m->wb->date1904, &x))
			return lower_unsupported(L, "text that may read as a number");
	err = ir_op3(L->ir, IR_SEL, lower_is_type(L, v, LC_TEXT), ir_const(L->ir, XE_VALUE), ir_const(L->ir, 0));
	return lower_number(v.num, lower_err(L, v.err, err));
}

struct lval
lower_bool(struct lower *L, struct lval v)
{
	struct value c;
	int b, k;

	if (v.kind == LV_SCALAR && (v.mask & LM_TEXT)) {
		if (!lower_is_const(L, v, &c))
			return lower_unsupported(L, "text used as a condition");
		k = value_to_bool(&c, &b);
		return k ? lower_error(L, k) : lower_boolean(ir_const(L->ir, b), IR_NONE);
	}
	v = lower_num(L, v);
	if (v.kind == LV_SCALAR)
		v = lower_boolean(ir_op1(L->ir, IR_NONZERO, v.num), v.err);
	return v;
}

struct lval
lower_select(struct lower *L, ir_ref cond, struct lval p, struct lval q)
{
	ir_ref zero = ir_const(L->ir, 0), pe, qe;
	struct lval r;
	double k;

	if (p.kind != LV_SCALAR)
		return p.kind == LV_UNSUPPORTED ? p : lower_unsupported(L, "choice between arrays");
	if (q.kind != LV_SCALAR)
		return q.kind == LV_UNSUPPORTED ? q : lower_unsupported(L, "choice between arrays");
	if (ir_is_const(L->ir, cond, &k))
		return k != 0 ? p : q;
	pe = p.err == IR_NONE ? zero : p.err;
	qe = q.err == IR_NONE ? zero : q.err;
	/* a branch that is certainly an error has no type of its own */
	if (ir_is_const(L->ir, pe, &k) && k != 0)
		p.mask = q.mask, p.typ = q.typ, p.num = q.num;
	else if (ir_is_const(L->ir, qe, &k) && k != 0)
		q.mask = p.mask, q.typ = p.typ, q.num = p.num;
	r = scalar(p.mask | q.mask, ir_op3(L->ir, IR_SEL, cond, p.num, q.num),
	           ir_op3(L->ir, IR_SEL, cond, pe, qe));
	if (p.typ != IR_NONE || q.typ != IR_NONE || mask_code(r.mask) < 0)
		r.typ = ir_op3(L->ir, IR_SEL, cond, lower_type(L, p), lower_type(L, q));
	if (ir_is_const(L->ir, r.err, &k) && k == 0)
		r.err = IR_NONE;
	return r;
}

/* --- operators --------------------------------------------------------------------------------------- */

/* Numbers in, number out: the value and the error of `op` alone. Semantics: kernels/xl_ops.h. */
static struct lval
arith(struct lower *L, int op, ir_ref a, ir_ref b, int snap)
{
	struct ir *ir = L->ir;
	ir_ref v, bad = IR_NONE, zero = ir_const(ir, 0);
	double y;

	switch (op) {
	case '+':
		v = ir_op2(ir, snap ? IR_ADDSNAP : IR_ADD, a, b);
		break;
	case '-':
		v = ir_op2(ir, snap ? IR_SUBSNAP : IR_SUB, a, b);
		break;
	case '*':
		v = ir_op2(ir, IR_MUL, a, b);
		break;
	case '/':
		bad = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XEQ, b, zero), ir_const(ir, XE_DIV0), zero);
		v = ir_is_const(ir, b, &y) && y == 0 ? zero : ir_op2(ir, IR_DIV, a, b);
		break;
	default: /* '^' */
		v = ir_op2(ir, IR_POW, a, b);
		/* 0^0 #NUM!; 0^-y #DIV/0!; (-x)^fraction #NUM! (the result is a NaN, so FINCHK finds it) */
		if (ir_lo(ir, a) <= 0 && ir_hi(ir, a) >= 0 && ir_lo(ir, b) <= 0) {
			ir_ref kind = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XLT, b, zero), ir_const(ir, XE_DIV0),
			                     ir_op3(ir, IR_SEL, ir_op2(ir, IR_XEQ, b, zero),
			                            ir_const(ir, XE_NUM), zero));

			bad = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XEQ, a, zero), kind, zero);
		}
		break;
	}
	return lower_number(v, lower_err(L, bad, ir_finchk(ir, v)));
}

struct lval
lower_add(struct lower *L, struct lval p, struct lval q, int op, int snap)
{
	struct lval r;

	p = lower_num(L, p);
	if (p.kind != LV_SCALAR)
		return p;
	q = lower_num(L, q);
	if (q.kind != LV_SCALAR)
		return q;
	r = arith(L, op, p.num, q.num, snap);
	r.err = lower_err(L, lower_err(L, p.err, q.err), r.err);
	return r;
}

/* Text operand as its class (equality) or rank (order). */
static ir_ref
text_key(struct lower *L, struct lval v, int order)
{
	double x;

	if (!order && ir_is_const(L->ir, v.num, &x) && v.typ == IR_NONE)
		return ir_const(L->ir, text_class(L, (int)x));
	return ir_tabled(L->ir, IR_GATHER, v.num, order ? L->rank_table : L->class_table, -1, 1e9, 1);
}

/* An empty cell beside another value: "", FALSE or 0 after that one's type, which may change. */
static struct lval
blank_as(struct lower *L, struct lval v, const struct lval *other)
{
	ir_ref empty;
	struct lval r;

	if (v.mask != LM_BLANK)
		return v;
	empty = ir_const(L->ir, lower_text_id(L, "", 0));
	if (other->mask == LM_TEXT)
		return scalar(LM_TEXT, empty, v.err);
	if (other->typ != IR_NONE && other->mask & LM_TEXT && !(other->mask & LM_BLANK)) {
		r = scalar(other->mask & ~LM_DYNTEXT, ir_op3(L->ir, IR_SEL, lower_is_type(L, *other, LC_TEXT), empty, v.num), v.err);
		r.typ = other->typ;
		return r;
	}
	return scalar(other->mask == LM_BOOL ? LM_BOOL : LM_NUM, v.num, v.err);
}

struct lval
lower_compare(struct lower *L, int op, struct lval p, struct lval q)
{
	static const struct {
		int op;
		enum ir_op num, exact;
		int swap, negate;
	} map[] = {{'=', IR_EQ, IR_XEQ, 0, 0}, {'n', IR_NE, IR_XEQ, 0, 1}, {'<', IR_LT, IR_XLT, 0, 0},
	           {'l', IR_LE, IR_XLE, 0, 0}, {'>', IR_GT, IR_XLT, 1, 0}, {'g', IR_GE, IR_XLE, 1, 0}};
	struct ir *ir = L->ir;
	struct value cp, cq;
	ir_ref err, num, txt, tp, tq, same;
	int k = 0, order = op != '=' && op != 'n', types;

	if (p.kind != LV_SCALAR || q.kind != LV_SCALAR)
		return lower_unsupported(L, "comparison of arrays");
	while (map[k].op != op)
		k++;
	if (p.mask == LM_BLANK && q.mask == LM_BLANK)
		p.mask = q.mask = LM_NUM;
	p = blank_as(L, p, &q);
	q = blank_as(L, q, &p);
	err = lower_err(L, p.err, q.err);
	if (lower_is_const(L, p, &cp) && lower_is_const(L, q, &cq) && cp.kind != V_ERROR && cq.kind != V_ERROR) {
		int r = value_compare(&cp, &cq);
		int yes = op == '=' ? r == 0 : op == 'n' ? r != 0 : op == '<' ? r < 0 : op == 'l' ? r <= 0 :
		          op == '>' ? r > 0 : r >= 0;

		return lower_boolean(ir_const(ir, yes), err);
	}
	types = (p.mask | q.mask) & ~LM_DYNTEXT;
	if ((p.mask & LM_BLANK) || (q.mask & LM_BLANK))
		return lower_unsupported(L, "comparison with what may be an empty cell");
	if (order && ((p.mask | q.mask) & LM_DYNTEXT) && (p.mask & q.mask & LM_TEXT))
		return lower_unsupported(L, "order of text made from random numbers");
	if (((p.mask & q.mask) & LM_DYNTEXT))
		return lower_unsupported(L, "comparison of text made from random numbers");
	num = p.mask & q.mask & (LM_NUM | LM_BOOL)
	          ? (types == LM_BOOL
	                 ? (map[k].swap ? ir_op2(ir, map[k].exact, q.num, p.num)
	                                : ir_op2(ir, map[k].exact, p.num, q.num))
	                 : ir_op2(ir, map[k].num, p.num, q.num))
	          : IR_NONE;
	if (num != IR_NONE && types == LM_BOOL && map[k].negate)
		num = ir_op1(ir, IR_NOT, num);
	if (types == LM_NUM || types == LM_BOOL)
		return lower_boolean(num, err);
	txt = IR_NONE;
	if (p.mask & q.mask & LM_TEXT) {
		ir_ref a = text_key(L, p, order), b = text_key(L, q, order);

		txt = map[k].swap ? ir_op2(ir, map[k].exact, b, a) : ir_op2(ir, map[k].exact, a, b);
		if (map[k].negate)
			txt = ir_op1(ir, IR_NOT, txt);
	}
	tp = lower_type(L, p);
	tq = lower_type(L, q);
	same = ir_op2(ir, IR_XEQ, tp, tq);
	if (num == IR_NONE)
		num = txt;
	else if (txt != IR_NONE)
		num = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XEQ, tp, ir_const(ir, LC_TEXT)), txt, num);
	/* types differ: number < text < logical decides */
	{
		ir_ref lt = ir_op2(ir, IR_XLT, tp, tq);
		ir_ref differ = op == '=' ? ir_const(ir, 0) : op == 'n' ? ir_const(ir, 1) :
		                op == '<' || op == 'l' ? lt : ir_op1(ir, IR_NOT, lt);

		num = num == IR_NONE ? differ : ir_op3(ir, IR_SEL, same, num, differ);
	}
	return lower_boolean(num, err);
}

static struct lval
unary(struct lower *L, int op, struct lval v)
{
	v = lower_num(L, v);
	if (v.kind != LV_SCALAR)
		return v;
	if (op == '-')
		return lower_number(ir_op1(L->ir, IR_NEG, v.num), v.err);
	if (op == '%') /* as xl_ops.h: division by 100 */
		return lower_number(ir_op2(L->ir, IR_DIV, v.num, ir_const(L->ir, 100)), v.err);
	return v;
}

static struct lval
binary(struct lower *L, int op, struct lval p, struct lval q, int snap)
{
	struct value cp, cq;

	switch (op) {
	case '+': case '-': case '*': case '/': case '^':
		return lower_add(L, p, q, op, snap);
	case '&':
		if (lower_is_const(L, p, &cp) && lower_is_const(L, q, &cq)) {
			const struct text *a, *b;
			char *s;

			if (cp.kind == V_ERROR)
				return p;
			if (cq.kind == V_ERROR)
				return q;
			if (value_to_text(&L->arena, &cp, &a) || value_to_text(&L->arena, &cq, &b))
				return lower_unsupported(L, "text operator");
			s = arena_alloc(&L->arena, a->nbytes + b->nbytes + 1);
			memcpy(s, a->s, a->nbytes);
			memcpy(s + a->nbytes, b->s, b->nbytes);
			return scalar(LM_TEXT, ir_const(L->ir, lower_text_id(L, s, a->nbytes + b->nbytes)),
			              IR_NONE);
		}
		return lower_unsupported(L, "text made from random numbers");
	default:
		return lower_compare(L, op, p, q);
	}
}

/* --- references ---------------------------------------------------------------------------------------- */

struct lval
lower_scalar(struct lower *L, const struct lower_ctx *c, struct lval v)
{
	struct area *a = &v.area;

	if (v.kind == LV_ARRAY)
		return v.mat->v[0];
	v.many = 0;
	if (v.kind != LV_REF)
		return v;
	if (a->row1 == a->row2 && a->col1 == a->col2)
		return lower_cell(L, a->sheet1, a->row1, a->col1);
	if (c->array)
		return lower_cell(L, a->sheet1, a->row1, a->col1);
	if (a->col1 == a->col2 && c->row >= a->row1 && c->row <= a->row2)
		return lower_cell(L, a->sheet1, c->row, a->col1);
	if (a->row1 == a->row2 && c->col >= a->col1 && c->col <= a->col2)
		return lower_cell(L, a->sheet1, a->row1, c->col);
	return lower_error(L, XE_VALUE);
}

/* A one-cell reference is its cell; a larger one stays, for lifting; else as it is. */
static struct lval
operand(struct lower *L, const struct lower_ctx *c, struct lval v)
{
	struct lmat *m;

	if (v.kind == LV_MISSING)
		return scalar(LM_BLANK, ir_const(L->ir, 0), IR_NONE);
	if (v.kind == LV_REF && c->array && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2)) {
		m = lower_matrix(L, c, v);
		return m ? matrix_value(m) : lower_unsupported(L, L->why);
	}
	return v.kind == LV_REF ? lower_scalar(L, c, v) : v;
}

/* Whole rows and columns end with the used range. */
static struct area
lower_used(const struct lower *L, struct area a)
{
	const struct sheet *s = &L->m->wb->sheets[a.sheet1];

	if (a.row2 == XL_MAX_ROWS - 1)
		a.row2 = s->row_max > a.row1 ? s->row_max : a.row1;
	if (a.col2 == XL_MAX_COLS - 1)
		a.col2 = s->col_max > a.col1 ? s->col_max : a.col1;
	return a;
}

struct lmat *
lower_matrix(struct lower *L, const struct lower_ctx *c, struct lval v)
{
	struct area a = v.area;
	struct lmat *m;

	(void)c;
	if (v.kind == LV_ARRAY)
		return v.mat;
	if (v.kind == LV_SCALAR) {
		if (v.many) {
			L->why = "range or array chosen at run time";
			return NULL;
		}
		m = lower_new_matrix(L, 1, 1);
		m->v[0] = v;
		return m;
	}
	if (v.kind == LV_MISSING) {
		m = lower_new_matrix(L, 1, 1);
		m->v[0] = scalar(LM_BLANK, ir_const(L->ir, 0), IR_NONE);
		return m;
	}
	if (v.kind != LV_REF)
		return NULL;
	a = lower_used(L, a);
	if ((int64_t)(a.row2 - a.row1 + 1) * (a.col2 - a.col1 + 1) > MATRIX_LIMIT) {
		L->why = "range of more than a million cells";
		return NULL;
	}
	m = lower_new_matrix(L, a.row2 - a.row1 + 1, a.col2 - a.col1 + 1);
	for (int32_t r = a.row1; r <= a.row2; r++)
		for (int32_t k = a.col1; k <= a.col2; k++) {
			struct lval e = lower_cell(L, a.sheet1, r, k);

			if (e.kind != LV_SCALAR)
				return NULL;
			m->v[(int64_t)(r - a.row1) * m->cols + (k - a.col1)] = e;
		}
	return m;
}

struct lval
lower_scalar_arg(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval v, r;

	L->scalar_node = n;
	v = lower_node(L, c, n);
	if (v.kind == LV_MISSING)
		return scalar(LM_BLANK, ir_const(L->ir, 0), IR_NONE);
	r = lower_scalar(L, c, v);
	if (v.kind == LV_REF && (v.area.row1 != v.area.row2 || v.area.col1 != v.area.col2))
		L->many |= LX_RANGE;
	else if (v.kind == LV_REF)
		L->many |= r.kind == LV_SCALAR && r.mask == LM_NUM ? 0 : LX_CELL;
	else
		L->many |= v.kind == LV_ARRAY ? LX_ARRAY : v.many;
	return r;
}

/* Elementwise with Excel's stretching: a 1-row or 1-column operand repeats, what does not reach is #N/A. */
static struct lval
lift(struct lower *L, const struct node *n, struct lval p, struct lval q, int snap)
{
	struct lmat *a = p.kind == LV_ARRAY ? p.mat : NULL, *b = q.kind == LV_ARRAY ? q.mat : NULL, *m;
	int32_t rows = 1, cols = 1;

	if (a)
		rows = a->rows, cols = a->cols;
	if (b) {
		rows = b->rows > rows ? b->rows : rows;
		cols = b->cols > cols ? b->cols : cols;
	}
	if (lower_is_full(L))
		return lower_unsupported(L, LOWER_FULL);
	m = lower_new_matrix(L, rows, cols);
	for (int32_t r = 0; r < rows; r++)
		for (int32_t k = 0; k < cols; k++) {
			struct lval x = p, y = q, *out = &m->v[(int64_t)r * cols + k];
			int out_of = 0;

			if (a) {
				int32_t ar = a->rows == 1 ? 0 : r, ac = a->cols == 1 ? 0 : k;

				if (ar >= a->rows || ac >= a->cols)
					out_of = 1;
				else
					x = a->v[(int64_t)ar * a->cols + ac];
			}
			if (b) {
				int32_t br = b->rows == 1 ? 0 : r, bc = b->cols == 1 ? 0 : k;

				if (br >= b->rows || bc >= b->cols)
					out_of = 1;
				else
					y = b->v[(int64_t)br * b->cols + bc];
			}
			*out = out_of ? lower_error(L, XE_NA)
			       : n->kind == N_UNARY ? unary(L, n->op, x) : binary(L, n->op, x, y, snap);
			if (out->kind != LV_SCALAR)
				return *out;
		}
	return matrix_value(m);
}

/* --- trees ---------------------------------------------------------------------------------------------- */

static struct lval
lower_operator(struct lower *L, const struct lower_ctx *c, const struct node *n, int snap)
{
	struct lval p, q = {0}, r;
	unsigned many;

	if (n->kind == N_BINARY && (n->op == ':' || n->op == ' ' || n->op == ','))
		return lower_unsupported(L, "reference operator");
	if (n->kind == N_UNARY && (n->op == '#'))
		return lower_unsupported(L, "spilled range");
	L->scalar_node = n->args[0];
	p = lower_node(L, c, n->args[0]);
	if (n->kind == N_UNARY && n->op == '@') {
		struct lower_ctx plain = *c;

		plain.array = 0;
		return lower_scalar(L, &plain, p);
	}
	p = operand(L, c, p);
	if (p.kind == LV_UNSUPPORTED)
		return p;
	if (n->kind == N_BINARY) {
		L->scalar_node = n->args[1];
		q = operand(L, c, lower_node(L, c, n->args[1]));
		if (q.kind == LV_UNSUPPORTED)
			return q;
	}
	many = (p.many | q.many) & lower_lifting(c);
	if (p.kind == LV_ARRAY || q.kind == LV_ARRAY)
		return many ? lower_unsupported(L, "range or array chosen at run time") : lift(L, n, p, q, snap);
	r = n->kind == N_UNARY ? unary(L, n->op, p) : binary(L, n->op, p, q, snap);
	r.many = (uint8_t)many;
	return r;
}

/* Variables and references found at run time keep a subtree from being evaluated by itself. */
static int
has_variables(const struct node *n)
{
	if (n->kind == N_NAME && !n->u.name.def && n->u.name.slot >= 0)
		return 1;
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && has_variables(n->args[i]))
			return 1;
	return 0;
}

/* A subtree that touches no draw is a constant (or a reference whose cells are looked at later). */
static int
try_const(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lval *out)
{
	static const struct value nothing;
	struct eval_spot spot;
	struct value v;
	int tainted = 0;

	if (has_variables(n))
		return 0;
	spot = eval_spot(L->ev);
	v = eval_tree(L->ev, n, c->sheet, c->row, c->col, c->array, &tainted);
	if (!tainted)
		*out = lower_from_value(L, &v);
	eval_go_back(L->ev, &spot, &nothing);
	return !tainted && out->kind != LV_UNSUPPORTED;
}

/* IF and its kin give one of their arguments as it is. */
static int
chooses(const struct func *f)
{
	static const char *const name[] = {"IF", "IFS", "SWITCH", "CHOOSE", "IFERROR", "IFNA", "LET"};

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (!strcmp(f->name, name[i]))
			return 1;
	return 0;
}

/* A call in lanes, told what its scalar may stand for. */
static struct lval
call_lanes(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const struct func *f = n->u.call.fn;
	unsigned outer = L->many, many;
	struct lval v;

	L->many = 0;
	v = lower_call(L, c, n);
	many = chooses(f) ? L->many : (L->many & lower_lifting(c)) | (f->flags & FN_NAREF ? LX_CELL : 0);
	L->many = outer;
	if (v.kind == LV_SCALAR)
		v.many |= (uint8_t)(v.mask == LM_NUM ? many & ~(unsigned)LX_CELL : many);
	return v;
}

/* What the value of a subtree may be that runs on the scalar evaluator. */
static unsigned
tree_many(const struct node *n)
{
	unsigned many = 0;

	switch (n->kind) {
	case N_NUM:
	case N_TEXT:
	case N_BOOL:
	case N_ERROR:
	case N_MISSING:
		return 0;
	case N_AREA:
		return LX_RANGE;
	case N_UNARY:
	case N_BINARY:
		if (strchr("@#: ,", n->op))
			return n->op == '@' ? 0 : LX_RANGE;
		break;
	case N_CALL:
		if (!n->u.call.fn)
			return 0;
		if (n->u.call.fn->flags & FN_ARRAY)
			return LX_ARRAY;
		if (n->u.call.fn->flags & FN_NAREF || chooses(n->u.call.fn))
			many = n->u.call.fn->flags & FN_NAREF && !chooses(n->u.call.fn) ? LX_RANGE : 0;
		break;
	default:
		return LX_RANGE | LX_ARRAY;
	}
	for (int i = 0; i < n->nargs; i++) {
		int hands_on = n->kind != N_CALL || chooses(n->u.call.fn) || strchr("ntbvex", func_arg_letter(n->u.call.fn, i));

		if (n->args[i] && hands_on)
			many |= n->kind == N_CALL && chooses(n->u.call.fn) ? tree_many(n->args[i]) : tree_many(n->args[i]) & LX_ARRAY;
	}
	return many;
}

struct lval
lower_node(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct lval v;
	struct value cv;
	const struct formula *f;
	struct area a;
	int k;

	switch (n->kind) {
	case N_NUM:
		return scalar(LM_NUM, ir_const(L->ir, n->u.num), IR_NONE);
	case N_BOOL:
		return scalar(LM_BOOL, ir_const(L->ir, n->u.boolean), IR_NONE);
	case N_ERROR:
		return lower_error(L, n->u.error);
	case N_MISSING:
		return missing();
	case N_TEXT:
	case N_ARRAY:
		cv = n->u.value;
		return lower_from_value(L, &cv);
	case N_AREA:
		if (n->u.area.flags & AREA_EXTERNAL)
			return try_const(L, c, n, &v) ? v : lower_unsupported(L, "reference to another workbook");
		k = node_area(n, c->sheet, c->row, c->col, &a);
		if (k)
			return lower_error(L, k);
		if (a.sheet1 != a.sheet2)
			return lower_unsupported(L, "3-D reference");
		return area_value(a);
	case N_NAME:
		if (!n->u.name.def) {
			v = n->u.name.slot >= 0 ? lower_variable(c->env, n->u.name.slot)
			                        : lower_error(L, XE_NAME);
			return v.kind == LV_UNSUPPORTED ? lower_unsupported(L, "variable without a value") : v;
		}
		f = model_name_formula(L->m, n->u.name.def);
		if (!f || !f->root)
			return lower_error(L, XE_NAME);
		if (try_const(L, c, n, &v))
			return v;
		return lower_node(L, c, f->root);
	case N_UNARY:
	case N_BINARY:
		v = lower_operator(L, c, n, 0);
		if (v.kind != LV_UNSUPPORTED)
			return v;
		return try_const(L, c, n, &v) ? v : lower_tree(L, c, n);
	case N_CALL:
		if (!n->u.call.fn)
			return lower_error(L, XE_NAME);
		if (!(n->u.call.fn->flags & FN_RANDOM) && try_const(L, c, n, &v))
			return v;
		v = call_lanes(L, c, n);
		return v.kind != LV_UNSUPPORTED ? v : lower_tree(L, c, n);
	case N_FUNCTION:
		return lower_lambda_fn(L, c, n);
	case N_INVOKE:
		if (try_const(L, c, n, &v))
			return v;
		v = lower_invoke_node(L, c, n);
		return v.kind != LV_UNSUPPORTED ? v : lower_tree(L, c, n);
	default:
		return try_const(L, c, n, &v) ? v : lower_tree(L, c, n);
	}
}

/* The cell of an array formula that other cells take their values from: it must be evaluated, to have them. */
static int
fills_others(const struct lower *L, int sheet, int32_t row, int32_t col)
{
	const struct cell *c = workbook_cell(L->m->wb, sheet, row, col);

	return c && c->flags & CELL_ARRAY_MASTER && (c->array.row1 != c->array.row2 || c->array.col1 != c->array.col2);
}

/* Precedents that are lanes already are handed over; what is not is evaluated again from its draws. */
static void
collect_inputs(struct lower *L, const struct lower_ctx *c, const struct node *n, struct ir_tree *t,
               ir_ref **ops, size_t *nops, size_t *budget)
{
	struct area a;

	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			collect_inputs(L, c, n->args[i], t, ops, nops, budget);
	if (n->kind == N_NAME && n->u.name.def) {
		const struct formula *f = model_name_formula(L->m, n->u.name.def);

		if (f && f->root && L->depth < 64) {
			L->depth++;
			collect_inputs(L, c, f->root, t, ops, nops, budget);
			L->depth--;
		}
	}
	if (n->kind != N_AREA || (n->u.area.flags & AREA_EXTERNAL) ||
	    node_area(n, c->sheet, c->row, c->col, &a) || a.sheet1 != a.sheet2)
		return;
	if ((int64_t)(a.row2 - a.row1 + 1) * (a.col2 - a.col1 + 1) > (int64_t)*budget)
		return;
	*budget -= (size_t)((a.row2 - a.row1 + 1) * (a.col2 - a.col1 + 1));
	for (int32_t r = a.row1; r <= a.row2; r++)
		for (int32_t k = a.col1; k <= a.col2; k++) {
			struct ir_tree_input *in;
			struct lval v;

			if (!eval_cell_tainted(L->ev, a.sheet1, r, k) || fills_others(L, a.sheet1, r, k))
				continue;
			v = lower_cell(L, a.sheet1, r, k);
			if (v.kind != LV_SCALAR || (v.mask & LM_DYNTEXT))
				continue;
			t->input = realloc(t->input, (t->ninputs + 1) * sizeof *t->input);
			*ops = realloc(*ops, (*nops + 3) * sizeof **ops);
			if (!t->input || !*ops)
				abort();
			in = &t->input[t->ninputs++];
			*in = (struct ir_tree_input){.sheet = a.sheet1, .row = r, .col = k,
			                             .type = mask_code(v.mask)};
			(*ops)[(*nops)++] = v.num;
			in->value = (uint32_t)*nops;
			if (v.err != IR_NONE) {
				(*ops)[(*nops)++] = v.err;
				in->err = (uint32_t)*nops;
			}
			if (v.typ != IR_NONE) {
				(*ops)[(*nops)++] = v.typ;
				in->typ = (uint32_t)*nops;
			}
		}
}

/* Functions of which the result is never text, though they have no lanes. */
static int
never_text(const struct node *n)
{
	if (n->kind == N_CALL && n->u.call.fn)
		return n->u.call.fn->num != NULL || func_never_text(n->u.call.fn);
	if (n->kind == N_BINARY)
		return n->op != '&' && n->op != ':' && n->op != ' ' && n->op != ',';
	return n->kind == N_UNARY && n->op != '@' && n->op != '#';
}

static struct lval
tree_result(struct lower *L, struct ir_tree *t, const ir_ref *ops, size_t nops, int maytext)
{
	ir_ref call;
	struct lval v;

	t->input = t->ninputs ? memcpy(arena_alloc(&L->arena, t->ninputs * sizeof *t->input), t->input,
	                               t->ninputs * sizeof *t->input)
	                      : NULL;
	call = ir_nary(L->ir, IR_TREE, ops, nops, ir_add_tree(L->ir, t));
	v = scalar(LM_NUM | LM_BOOL | (maytext ? LM_TEXT | LM_DYNTEXT : 0), call,
	           ir_result(L->ir, IR_RES2, call));
	v.typ = ir_result(L->ir, IR_RES3, call);
	return v;
}

struct lval
lower_tree(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct ir_tree t = {.node = n, .sheet = c->sheet, .row = c->row, .col = c->col,
	                    .array = c->array, .why = L->why ? L->why : "no lanes"};
	struct ir_tree_input *grown;
	ir_ref *ops = NULL;
	size_t nops = 0, budget = 65536;
	struct lval v;

	if (has_variables(n))
		return lower_unsupported(L, t.why);
	if (c->array) /* the shape is not known here: the whole cell goes */
		return lower_unsupported(L, t.why);
	collect_inputs(L, c, n, &t, &ops, &nops, &budget);
	grown = t.input;
	v = tree_result(L, &t, ops, nops, !never_text(n));
	v.many = (uint8_t)tree_many(n);
	free(grown);
	free(ops);
	return v;
}

/* --- cells ------------------------------------------------------------------------------------------------ */

static uint64_t
cell_hash(int sheet, int32_t row, int32_t col)
{
	uint64_t h = ((uint64_t)(uint32_t)sheet << 40) ^ ((uint64_t)(uint32_t)row << 16) ^ (uint32_t)col;

	h *= 0x9e3779b97f4a7c15u;
	return h ^ (h >> 31);
}

static size_t
cell_slot(const struct lower *L, int sheet, int32_t row, int32_t col)
{
	size_t k = cell_hash(sheet, row, col) & (L->cell_cap - 1);

	while (L->cell[k].state && (L->cell[k].sheet != sheet || L->cell[k].row != row || L->cell[k].col != col))
		k = (k + 1) & (L->cell_cap - 1);
	return k;
}

static size_t
cell_enter(struct lower *L, int sheet, int32_t row, int32_t col)
{
	size_t k;

	if (2 * (L->ncell + 1) > L->cell_cap) {
		struct lower_cell *old = L->cell;
		size_t n = L->cell_cap;

		L->cell_cap = n ? 2 * n : 4096;
		L->cell = calloc(L->cell_cap, sizeof *L->cell);
		if (!L->cell)
			abort();
		for (size_t i = 0; i < n; i++)
			if (old[i].state)
				L->cell[cell_slot(L, old[i].sheet, old[i].row, old[i].col)] = old[i];
		free(old);
	}
	k = cell_slot(L, sheet, row, col);
	if (!L->cell[k].state) {
		L->cell[k] = (struct lower_cell){.sheet = sheet, .row = row, .col = col, .state = 1};
		L->ncell++;
	}
	return k;
}

/* The whole cell on the scalar evaluator, without inputs. */
static struct lval
whole_cell(struct lower *L, const struct lower_ctx *c, const struct formula *f)
{
	struct ir_tree t = {.sheet = c->sheet, .row = c->row, .col = c->col, .why = L->why ? L->why : "no lanes"};
	struct ir_tree_input *grown;
	ir_ref *ops = NULL;
	size_t nops = 0, budget = 65536;
	struct lval v;

	if (f && f->root && !L->in_cycle)
		collect_inputs(L, c, f->root, &t, &ops, &nops, &budget);
	grown = t.input;
	v = tree_result(L, &t, ops, nops, !(f && f->root) || !never_text(f->root));
	free(grown);
	free(ops);
	return v;
}

/* An element of an array formula: the master is lowered as a matrix. */
static struct lval
array_element(struct lower *L, const struct cell *cell, int sheet, int32_t row, int32_t col)
{
	struct lower_ctx c = {.sheet = sheet, .row = cell->array.row1, .col = cell->array.col1, .array = 1};
	const struct formula *f = model_formula(L->m, sheet, cell->array.row1, cell->array.col1);
	size_t at = cell_enter(L, sheet + ARRAY_KEY, cell->array.row1, cell->array.col1);
	struct lval v;
	struct lmat *m;
	int32_t r = row - cell->array.row1, k = col - cell->array.col1;

	if (!f || !f->root)
		return lower_unsupported(L, "array formula without a master");
	if (L->cell[at].state == 2) {
		v = L->cell[at].v;
	} else {
		v = lower_node(L, &c, f->root);
		if (v.kind == LV_REF) {
			m = lower_matrix(L, &c, v);
			v = m ? matrix_value(m) : lower_unsupported(L, L->why);
		}
		if (v.kind == LV_SCALAR && v.many)
			v = lower_unsupported(L, "range or array chosen at run time");
		at = cell_slot(L, sheet + ARRAY_KEY, cell->array.row1, cell->array.col1);
		L->cell[at].state = 2;
		L->cell[at].v = v;
	}
	if (v.kind == LV_SCALAR)
		return v;
	m = lower_matrix(L, &c, v);
	if (!m)
		return lower_unsupported(L, "array formula");
	if (m->rows == 1)
		r = 0;
	if (m->cols == 1)
		k = 0;
	if (r >= m->rows || k >= m->cols)
		return lower_error(L, XE_NA);
	return m->v[(int64_t)r * m->cols + k];
}

static struct lval
lower_formula(struct lower *L, const struct lower_ctx *c, const struct formula *f)
{
	const struct node *n = f->root;
	struct lval v;

	/* the snap to zero applies to the last operation of a formula, unless it stands in parentheses */
	if (n->kind == N_BINARY && (n->op == '+' || n->op == '-') && !n->parens)
		v = lower_operator(L, c, n, 1);
	else
		L->scalar_node = n, v = lower_node(L, c, n);
	v = lower_scalar(L, c, v);
	if (v.kind == LV_MISSING || (v.kind == LV_SCALAR && v.mask == LM_BLANK))
		v = lower_number(ir_const(L->ir, 0), v.err);
	if (v.kind == LV_SCALAR && (v.mask & LM_BLANK)) { /* an empty cell read by a formula is 0 */
		v.mask = (uint8_t)((v.mask & ~LM_BLANK) | LM_NUM);
		v.typ = v.mask == LM_NUM ? IR_NONE
		                         : ir_op3(L->ir, IR_SEL, ir_op2(L->ir, IR_XEQ, v.typ, ir_const(L->ir, LC_BLANK)),
		                                  ir_const(L->ir, LC_NUM), v.typ);
	}
	return v;
}

static void
add_order(struct lower *L, const struct lower_cell *c)
{
	if (L->norder == L->order_cap) {
		L->order_cap = L->order_cap ? 2 * L->order_cap : 256;
		L->order = realloc(L->order, L->order_cap * sizeof *L->order);
		if (!L->order)
			abort();
	}
	L->order[L->norder++] = *c;
}

/* The cell on the way whose cycle this one is part of may be further out: its depth, 0 where the cycle is closed. When the outermost
 * one is done, all that was done since `from` is closed. */
static void
close_cycle(struct lower *L, size_t from)
{
	for (size_t i = from; i < L->norder; i++)
		L->cell[cell_slot(L, L->order[i].sheet, L->order[i].row, L->order[i].col)].open = 0;
}

/* A draw by itself is small, and an input that people ask for. */
static int
is_draw(const struct formula *f)
{
	return f && f->root && f->root->kind == N_CALL && f->root->u.call.fn && f->root->u.call.fn->flags & FN_RANDOM;
}

static struct lval
lower_tainted(struct lower *L, const struct lower_ctx *c, int depth, int *cyclic)
{
	const struct formula *f = model_formula(L->m, c->sheet, c->row, c->col);
	const struct cell *cell = workbook_cell(L->m->wb, c->sheet, c->row, c->col);
	struct lval v;

	L->nformulas++;
	if (lower_is_full(L) && !is_draw(f))
		v = lower_unsupported(L, LOWER_FULL);
	else if (cell && (cell->flags & (CELL_ARRAY_MASTER | CELL_ARRAY_PART)) && !model_changed(L->m, c->sheet, c->row, c->col))
		v = array_element(L, cell, c->sheet, c->row, c->col);
	else if (f && f->root)
		v = lower_formula(L, c, f);
	else
		v = lower_unsupported(L, "formula that does not parse");
	*cyclic = L->low <= depth;
	if (v.kind != LV_SCALAR || *cyclic) {
		if (*cyclic)
			L->why = "circular reference";
		L->in_cycle += *cyclic;
		v = whole_cell(L, c, f);
		L->in_cycle -= *cyclic;
	}
	return v;
}

struct lval
lower_cell(struct lower *L, int sheet, int32_t row, int32_t col)
{
	size_t k = cell_enter(L, sheet, row, col), from = L->norder;
	struct lower_ctx c = {.sheet = sheet, .row = row, .col = col};
	struct value cv;
	struct lval v;
	int tainted, cyclic = 0, depth, low = L->low, open;

	open = L->cell[k].state == 2 ? L->cell[k].open : L->cell[k].depth;
	if (open && open < L->low) /* part of a cycle with what is on the way */
		L->low = open;
	if (L->cell[k].state == 2)
		return L->cell[k].v;
	if (L->cell[k].depth)
		return lower_unsupported(L, "circular reference");
	L->cell[k].depth = depth = ++L->ndeep;
	L->low = INT_MAX;
	cv = eval_cell(L->ev, sheet, row, col);
	tainted = eval_cell_tainted(L->ev, sheet, row, col);
	v = tainted ? lower_tainted(L, &c, depth, &cyclic) : lower_from_value(L, &cv);
	if (cyclic && L->low == depth)
		close_cycle(L, from);
	open = cyclic && L->low < depth ? L->low : 0;
	L->low = open && open < low ? open : low;
	L->ndeep--;
	k = cell_slot(L, sheet, row, col);
	L->cell[k].state = 2;
	L->cell[k].depth = 0;
	L->cell[k].open = open;
	L->cell[k].cyclic = (uint8_t)cyclic;
	L->cell[k].v = v;
	if (tainted)
		add_order(L, &L->cell[k]);
	return v;
}

/* --- the whole --------------------------------------------------------------------------------------------- */

struct lower *
lower_new(const struct model *m, struct err *e)
{
	struct lower *L = calloc(1, sizeof *L);
	double *text_tables;

	if (!L) {
		err_nomem(e);
		return NULL;
	}
	L->m = m;
	L->low = INT_MAX;
	L->ev = eval_new(m, e);
	L->ir = ir_new();
	L->samplers = sampler_set_new();
	if (!L->ev || !L->ir || !L->samplers) {
		lower_free(L);
		return NULL;
	}
	L->ir->date1904 = m->wb->date1904;
	text_tables = ARENA_NEW(&L->arena, double, 2); /* filled by fill_text_tables when the pool is complete */
	L->class_table = ir_add_table(L->ir, text_tables, 1, &L->class_table);
	L->rank_table = ir_add_table(L->ir, text_tables + 1, 1, &L->rank_table);
	return L;
}

void
lower_free(struct lower *L)
{
	if (!L)
		return;
	eval_free(L->ev);
	ir_free(L->ir);
	sampler_set_free(L->samplers);
	free(L->cell);
	free(L->order);
	free(L->text);
	free(L->draw);
	free(L->target);
	arena_free(&L->arena);
	free(L);
}

struct job {
	struct lower *L;
	const struct area *where;
	const char *const *label;
	size_t n;
};

static void *
lower_on_stack(void *arg)
{
	struct job *j = arg;
	struct lower *L = j->L;

	for (size_t i = 0; i < j->n; i++) {
		struct lower_target *t = &L->target[i];

		t->where = j->where[i];
		t->label = arena_strdup(&L->arena, j->label[i]);
		t->v = lower_cell(L, t->where.sheet1, t->where.row1, t->where.col1);
	}
	return NULL;
}

static int
by_text(const void *a, const void *b)
{
	const char *s = *(const char *const *)a, *t = *(const char *const *)b;

	return text_compare(s, strlen(s), t, strlen(t));
}

static void
fill_text_tables(struct lower *L)
{
	size_t n = L->ntext ? L->ntext : 1;
	double *cls = ARENA_NEW(&L->ir->arena, double, n), *rank = ARENA_NEW(&L->ir->arena, double, n);
	const char **sorted = arena_alloc(&L->arena, n * sizeof *sorted);

	if (L->ntext) {
		memcpy(sorted, L->text, L->ntext * sizeof *sorted);
		qsort(sorted, L->ntext, sizeof *sorted, by_text);
	}
	for (size_t i = 0; i < L->ntext; i++) {
		size_t lo = 0, hi = L->ntext;

		while (lo < hi) { /* first of the sorted that is not below: equal texts share a rank */
			size_t mid = (lo + hi) / 2;

			if (by_text(&sorted[mid], &L->text[i]) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		rank[i] = (double)lo;
		cls[i] = (double)text_class(L, (int)i);
	}
	L->ir->table[L->class_table].v = cls;
	L->ir->table[L->class_table].n = n;
	L->ir->table[L->rank_table].v = rank;
	L->ir->table[L->rank_table].n = n;
}

int
lower_targets(struct lower *L, const struct area *where, const char *const *label, size_t n, struct err *e)
{
	struct job j = {L, where, label, n};
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	L->target = calloc(n ? n : 1, sizeof *L->target);
	if (!L->target)
		return err_nomem(e);
	L->ntarget = n;
	/* formulas may depend on each other a million deep: the stack is address space, not memory */
	pthread_attr_init(&attr);
	for (size_t size = STACK_BYTES;; size /= 2) {
		rc = pthread_attr_setstacksize(&attr, size) ? -1 : pthread_create(&thread, &attr, lower_on_stack, &j);
		if (!rc || size < ((size_t)1 << 20))
			break;
	}
	pthread_attr_destroy(&attr);
	if (rc)
		return err_set(e, ERR_OS, "cannot start the thread that compiles the model");
	pthread_join(thread, NULL);
	if (L->bad.status) {
		*e = L->bad;
		return -1;
	}
	fill_text_tables(L);
	return ir_verify(L->ir, e);
}
