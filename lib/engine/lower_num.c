/*
 * lower_num: numeric functions of scalars that have lane operations of their own. Each does what its function in kernels/xl_math.h or
 * kernels/xl_dist.h does, operation by operation: the bits are the same. The other numeric functions run as NUMCALL.
 */
#include <string.h>

#include "engine/lower_fn.h"
#include "kernels/xl_math.h"

enum domain { ALL, NONNEG, POSITIVE, UNIT, TRIG, PROB };

/* 0/1 lane: x lies outside the domain; IR_NONE: it never does. */
static ir_ref
outside(struct lower *L, ir_ref x, enum domain d)
{
	struct ir *ir = L->ir;
	ir_ref zero = ir_const(ir, 0), one = ir_const(ir, 1);

	switch (d) {
	case NONNEG:
		return ir_op2(ir, IR_XLT, x, zero);
	case POSITIVE:
		return ir_op2(ir, IR_XLE, x, zero);
	case UNIT:
		return ir_op2(ir, IR_XLT, one, ir_op1(ir, IR_ABS, x));
	case TRIG:
		return ir_op2(ir, IR_XLE, ir_const(ir, XL_TRIG_MAX), ir_op1(ir, IR_ABS, x));
	case PROB:
		return ir_op2(ir, IR_OR, ir_op2(ir, IR_XLE, x, zero), ir_op2(ir, IR_XLE, one, x));
	default:
		return IR_NONE;
	}
}

static ir_ref
num_error_where(struct lower *L, ir_ref bad)
{
	return bad == IR_NONE ? IR_NONE : ir_op3(L->ir, IR_SEL, bad, ir_const(L->ir, XE_NUM), ir_const(L->ir, 0));
}

/* The result v with the errors of the arguments, of the domain, of overflow. */
static struct lval
result(struct lower *L, ir_ref v, ir_ref err, ir_ref bad)
{
	err = lower_err(L, err, num_error_where(L, bad));
	return lower_number(v, lower_err(L, err, ir_finchk(L->ir, v)));
}

static struct lval
unary(struct lower *L, const char *name, struct lval x)
{
	static const struct {
		const char *name;
		enum ir_op op;
		enum domain domain;
	} map[] = {{"ABS", IR_ABS, ALL},     {"SQRT", IR_SQRT, NONNEG},  {"EXP", IR_EXP, ALL},     {"LN", IR_LOG, POSITIVE},
	           {"INT", IR_INT, ALL},     {"SIGN", IR_SIGN, ALL},     {"LOG10", IR_LOG10, POSITIVE}, {"LOG", IR_LOG10, POSITIVE},
	           {"SIN", IR_SIN, TRIG},    {"COS", IR_COS, TRIG},      {"TAN", IR_TAN, TRIG},    {"ASIN", IR_ASIN, UNIT},
	           {"ACOS", IR_ACOS, UNIT},  {"ATAN", IR_ATAN, ALL},     {"SINH", IR_SINH, ALL},   {"COSH", IR_COSH, ALL},
	           {"TANH", IR_TANH, ALL},   {"ERF", IR_ERF, ALL},       {"ERF.PRECISE", IR_ERF, ALL},
	           {"NORM.S.INV", IR_NORMINV, PROB}, {"NORMSDIST", IR_NORMCDF, ALL}};
	struct ir *ir = L->ir;
	ir_ref v;
	size_t i = 0;

	while (i < sizeof map / sizeof map[0] && strcmp(map[i].name, name))
		i++;
	if (i == sizeof map / sizeof map[0])
		return lower_unsupported(L, name);
	v = ir_op1(ir, map[i].op, x.num);
	if (map[i].op == IR_EXP && ir_lo(ir, x.num) < -708) { /* what is below the least normal number is 0 */
		ir_ref tiny = ir_op2(ir, IR_XLT, v, ir_const(ir, 0x1p-1022));

		v = ir_op3(ir, IR_SEL, tiny, ir_const(ir, 0), v);
	}
	return result(L, v, x.err, outside(L, x.num, map[i].domain));
}

/* mean + sd z, or e to that. */
static struct lval
normal_inverse(struct lower *L, const struct lval *a, int lognormal)
{
	struct ir *ir = L->ir;
	ir_ref bad = ir_op2(ir, IR_OR, outside(L, a[0].num, PROB), outside(L, a[2].num, POSITIVE));
	ir_ref v = ir_op2(ir, IR_ADD, a[1].num, ir_op2(ir, IR_MUL, a[2].num, ir_op1(ir, IR_NORMINV, a[0].num)));

	if (lognormal)
		v = ir_op1(ir, IR_EXP, v);
	return result(L, v, lower_err(L, lower_err(L, a[0].err, a[1].err), a[2].err), bad);
}

static struct lval
binary(struct lower *L, const char *name, const struct lval *a)
{
	static const struct {
		const char *name;
		enum ir_op op;
	} map[] = {{"ROUND", IR_ROUND}, {"ROUNDUP", IR_ROUNDUP}, {"ROUNDDOWN", IR_ROUNDDN}, {"TRUNC", IR_ROUNDDN}};
	struct ir *ir = L->ir;
	ir_ref err = lower_err(L, a[0].err, a[1].err);
	double k;

	for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
		if (!strcmp(map[i].name, name))
			return result(L, ir_op2(ir, map[i].op, a[0].num, a[1].num), err, IR_NONE);
	if (!strcmp(name, "POWER"))
		return lower_add(L, a[0], a[1], '^', 0);
	if (!strcmp(name, "MOD") && ir_is_const(ir, a[1].num, &k) && k != 0)
		return result(L, ir_op2(ir, IR_MOD, a[0].num, a[1].num), err, IR_NONE);
	if (!strcmp(name, "NORM.S.DIST") && ir_is_const(ir, a[1].num, &k) && k != 0)
		return result(L, ir_op1(ir, IR_NORMCDF, a[0].num), err, IR_NONE);
	return lower_unsupported(L, name);
}

struct lval
lower_scalar_fn(struct lower *L, const struct func *f, const struct lval *a, int nargs)
{
	struct lval two[2];

	if (nargs == 1 && !strcmp(f->name, "TRUNC")) {
		two[0] = a[0];
		two[1] = lower_number(ir_const(L->ir, 0), IR_NONE);
		return binary(L, f->name, two);
	}
	if (nargs == 1)
		return unary(L, f->name, a[0]);
	if (nargs == 2)
		return binary(L, f->name, a);
	if (nargs == 3 && !strcmp(f->name, "NORM.INV"))
		return normal_inverse(L, a, 0);
	if (nargs == 3 && !strcmp(f->name, "LOGNORM.INV"))
		return normal_inverse(L, a, 1);
	return lower_unsupported(L, f->name);
}
