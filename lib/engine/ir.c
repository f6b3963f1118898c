/*
 * ir: building, merging, folding, listing. See ir.h for the invariants.
 *
 * Ranges hold for the lanes whose error lane is 0: every user of a value carries its error lane
 * along, so what a failed lane computes is never seen. Bounds come from monotone, correctly rounded
 * operations applied to bounds; approximated functions are widened by 1e-12.
 */
#include "engine/ir.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "engine/vm.h"

static const struct {
	const char *name;
	int nargs;
} ops[] = {
#define OP(ID, name, nargs, kind, doc) {#name, nargs},
#include "kernels/ops.def"
#undef OP
};

const char *
ir_op_name(enum ir_op op)
{
	return ops[op].name;
}

int
ir_op_arity(enum ir_op op)
{
	return ops[op].nargs;
}

struct ir *
ir_new(void)
{
	struct ir *ir = calloc(1, sizeof *ir);

	if (!ir)
		return NULL;
	ir->nbuckets = 1024;
	ir->bucket = malloc(ir->nbuckets * sizeof *ir->bucket);
	if (!ir->bucket) {
		free(ir);
		return NULL;
	}
	memset(ir->bucket, 0xff, ir->nbuckets * sizeof *ir->bucket);
	return ir;
}

void
ir_free(struct ir *ir)
{
	if (!ir)
		return;
	free(ir->insn);
	free(ir->list);
	free(ir->bucket);
	free(ir->stream);
	free(ir->table);
	free(ir->call);
	free(ir->dcall);
	free(ir->tree);
	arena_free(&ir->arena);
	free(ir);
}

/* Grow *p (of *cap elements of `size`) to hold n + 1; compile steps abort without memory (see arena.h). */
static void *
grown(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	while (*cap <= n)
		*cap *= 2;
	p = realloc(p, *cap * size);
	if (!p)
		abort();
	return p;
}

/* Both halves of the product: small whole numbers differ in their highest bits alone, and the bucket is taken from the lowest. */
static uint64_t
mix(uint64_t h, uint64_t x)
{
	__uint128_t m = (__uint128_t)(h ^ x ^ 0x632be59bd9b4e019u) * 0x9e3779b97f4a7c15u;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t
bits_of(double x)
{
	uint64_t u;

	memcpy(&u, &x, sizeof u);
	return u;
}

static int
is_nary(enum ir_op op)
{
	return ops[op].nargs < 0;
}

static uint64_t
insn_hash(const struct ir *ir, const struct ir_insn *i)
{
	uint64_t h = mix(i->op, i->aux);

	h = mix(h, bits_of(i->imm));
	if (is_nary(i->op))
		for (uint32_t k = 0; k < i->nargs; k++)
			h = mix(h, (uint64_t)ir->list[i->arg[0] + (int32_t)k]);
	else
		for (uint32_t k = 0; k < i->nargs; k++)
			h = mix(h, (uint64_t)i->arg[k]);
	return h;
}

static int
insn_equal(const struct ir *ir, const struct ir_insn *x, const struct ir_insn *y)
{
	if (x->op != y->op || x->nargs != y->nargs || x->aux != y->aux ||
	    bits_of(x->imm) != bits_of(y->imm))
		return 0;
	if (is_nary(x->op))
		return !memcmp(ir->list + x->arg[0], ir->list + y->arg[0], x->nargs * sizeof(ir_ref));
	for (uint32_t k = 0; k < x->nargs; k++)
		if (x->arg[k] != y->arg[k])
			return 0;
	return 1;
}

static void
rehash(struct ir *ir)
{
	ir->nbuckets *= 4;
	ir->bucket = realloc(ir->bucket, ir->nbuckets * sizeof *ir->bucket);
	if (!ir->bucket)
		abort();
	memset(ir->bucket, 0xff, ir->nbuckets * sizeof *ir->bucket);
	for (size_t i = 0; i < ir->n; i++) {
		size_t k = insn_hash(ir, &ir->insn[i]) & (ir->nbuckets - 1);

		ir->insn[i].hash_next = ir->bucket[k];
		ir->bucket[k] = (int32_t)i;
	}
}

/* An equal instruction, or a new one. *fresh tells which. */
static ir_ref
intern(struct ir *ir, const struct ir_insn *want, int *fresh)
{
	size_t k = insn_hash(ir, want) & (ir->nbuckets - 1);

	*fresh = 0;
	for (int32_t i = ir->bucket[k]; i >= 0; i = ir->insn[i].hash_next)
		if (insn_equal(ir, &ir->insn[i], want))
			return i;
	if (ir->n >= 2 * ir->nbuckets) {
		rehash(ir);
		k = insn_hash(ir, want) & (ir->nbuckets - 1);
	}
	ir->insn = grown(ir->insn, ir->n, &ir->cap, sizeof *ir->insn);
	ir->insn[ir->n] = *want;
	ir->insn[ir->n].check = IR_NONE;
	ir->insn[ir->n].hash_next = ir->bucket[k];
	ir->bucket[k] = (int32_t)ir->n;
	*fresh = 1;
	return (ir_ref)ir->n++;
}

ir_ref
ir_const(struct ir *ir, double x)
{
	struct ir_insn i = {.op = IR_CONST, .imm = x, .lo = x, .hi = x, .integer = x == floor(x)};
	int fresh;

	return intern(ir, &i, &fresh);
}

int
ir_is_const(const struct ir *ir, ir_ref r, double *x)
{
	if (r < 0 || ir->insn[r].op != IR_CONST)
		return 0;
	if (x)
		*x = ir->insn[r].imm;
	return 1;
}

double
ir_lo(const struct ir *ir, ir_ref r)
{
	return ir->insn[r].lo;
}

double
ir_hi(const struct ir *ir, ir_ref r)
{
	return ir->insn[r].hi;
}

static int
ir_finite(const struct ir *ir, ir_ref r)
{
	return ir->insn[r].lo >= -DBL_MAX && ir->insn[r].hi <= DBL_MAX;
}

void
ir_set_range(struct ir *ir, ir_ref r, double lo, double hi)
{
	struct ir_insn *i = &ir->insn[r];

	if (lo > i->lo)
		i->lo = lo;
	if (hi < i->hi)
		i->hi = hi;
}

/* --- ranges ------------------------------------------------------------------------------------ */

static void
unknown(struct ir_insn *i)
{
	i->lo = -INFINITY;
	i->hi = INFINITY;
}

static void
range(struct ir_insn *i, double lo, double hi)
{
	if (isnan(lo) || isnan(hi)) {
		unknown(i);
		return;
	}
	i->lo = lo;
	i->hi = hi;
}

static double
widen(double x, int up)
{
	double d = fabs(x) * 1e-12 + DBL_MIN;

	return up ? x + d : x - d;
}

/* f increasing on [a.lo, a.hi]; within [lo, hi] by definition. */
static void
increasing(struct ir_insn *i, const struct ir_insn *a, double lo, double hi)
{
	double l = vm_apply(i->op, a->lo, 0, 0), h = vm_apply(i->op, a->hi, 0, 0);

	l = isnan(l) || widen(l, 0) < lo ? lo : widen(l, 0);
	h = isnan(h) || widen(h, 1) > hi ? hi : widen(h, 1);
	range(i, l, h);
}

static void
range_mul(struct ir_insn *i, const struct ir_insn *a, const struct ir_insn *b)
{
	double p[4] = {a->lo * b->lo, a->lo * b->hi, a->hi * b->lo, a->hi * b->hi};
	double lo = INFINITY, hi = -INFINITY;

	for (int k = 0; k < 4; k++) {
		if (isnan(p[k])) { /* 0 times an unbounded operand */
			unknown(i);
			return;
		}
		lo = p[k] < lo ? p[k] : lo;
		hi = p[k] > hi ? p[k] : hi;
	}
	range(i, lo, hi);
}

static void
range_div(struct ir_insn *i, const struct ir_insn *a, const struct ir_insn *b)
{
	struct ir_insn inv = {.lo = 1 / b->hi, .hi = 1 / b->lo};

	if (!(b->lo > 0 || b->hi < 0)) {
		unknown(i);
		return;
	}
	range_mul(i, a, &inv);
	i->lo = widen(i->lo, 0); /* 1/b was rounded once more than a/b */
	i->hi = widen(i->hi, 1);
}

static void
set_range1(struct ir_insn *i, const struct ir_insn *a)
{
	double m;

	switch (i->op) {
	case IR_NEG:
		range(i, -a->hi, -a->lo);
		i->integer = a->integer;
		break;
	case IR_ABS:
		m = fabs(a->lo) > fabs(a->hi) ? fabs(a->lo) : fabs(a->hi);
		range(i, a->lo > 0 ? a->lo : a->hi < 0 ? -a->hi : 0, m);
		i->integer = a->integer;
		break;
	case IR_SQRT:
		increasing(i, a, 0, INFINITY);
		break;
	case IR_FLOOR:
	case IR_INT:
	case IR_CEIL:
	case IR_TRUNC:
		range(i, floor(a->lo), ceil(a->hi));
		i->integer = 1;
		break;
	case IR_SIGN:
		range(i, a->lo > 0 ? 1 : a->lo == 0 ? 0 : -1, a->hi < 0 ? -1 : a->hi == 0 ? 0 : 1);
		i->integer = 1;
		break;
	case IR_EXP:
		increasing(i, a, 0, INFINITY);
		break;
	case IR_LOG:
	case IR_LOG10:
		increasing(i, a, -INFINITY, INFINITY);
		break;
	case IR_SIN:
	case IR_COS:
		range(i, -1, 1);
		break;
	case IR_ATAN:
	case IR_ASIN:
		increasing(i, a, -1.5707963267949, 1.5707963267949);
		break;
	case IR_ACOS:
		range(i, 0, 3.1415926535898);
		break;
	case IR_TANH:
	case IR_ERF:
		increasing(i, a, -1, 1);
		break;
	case IR_ERFC:
		range(i, 0, 2);
		break;
	case IR_COSH:
		range(i, 1, INFINITY);
		break;
	case IR_NORMINV:
		increasing(i, a, -INFINITY, INFINITY);
		break;
	case IR_NORMCDF:
		increasing(i, a, 0, 1);
		break;
	case IR_NOT:
	case IR_NONZERO:
		range(i, 0, 1);
		i->integer = 1;
		break;
	case IR_FINCHK:
		range(i, 0, 6);
		i->integer = 1;
		break;
	case IR_POWC:
		if (a->lo >= 0) {
			struct ir_insn lo = *i;
			double l = vm_apply(IR_POW, a->lo, i->imm, 0), h = vm_apply(IR_POW, a->hi, i->imm, 0);

			(void)lo;
			if (i->imm < 0) {
				m = l;
				l = h;
				h = m;
			}
			range(i, isnan(l) ? 0 : widen(l, 0) < 0 ? 0 : widen(l, 0), isnan(h) ? INFINITY : widen(h, 1));
		} else if (i->imm == floor(i->imm) && i->imm > 0) {
			m = fabs(a->lo) > fabs(a->hi) ? fabs(a->lo) : fabs(a->hi);
			m = widen(vm_apply(IR_POW, m, i->imm, 0), 1);
			range(i, fmod(i->imm, 2) == 0 ? 0 : -m, m);
		} else {
			unknown(i);
		}
		break;
	default:
		unknown(i);
	}
}

static void
set_range2(struct ir_insn *i, const struct ir_insn *a, const struct ir_insn *b)
{
	switch (i->op) {
	case IR_ADD:
	case IR_ADDSNAP:
		range(i, a->lo + b->lo, a->hi + b->hi);
		i->integer = a->integer && b->integer;
		break;
	case IR_SUB:
	case IR_SUBSNAP:
		range(i, a->lo - b->hi, a->hi - b->lo);
		i->integer = a->integer && b->integer;
		break;
	case IR_MUL:
		range_mul(i, a, b);
		i->integer = a->integer && b->integer;
		break;
	case IR_DIV:
		range_div(i, a, b);
		break;
	case IR_MIN:
		range(i, a->lo < b->lo ? a->lo : b->lo, a->hi < b->hi ? a->hi : b->hi);
		i->integer = a->integer && b->integer;
		break;
	case IR_MAX:
		range(i, a->lo > b->lo ? a->lo : b->lo, a->hi > b->hi ? a->hi : b->hi);
		i->integer = a->integer && b->integer;
		break;
	case IR_POW:
		unknown(i);
		if (a->lo >= 0)
			i->lo = 0;
		break;
	case IR_ROUND:
	case IR_ROUNDUP:
	case IR_ROUNDDN:
		unknown(i);
		/* at most one unit of the last place kept; nothing is gained by rounding outward beyond it */
		if (b->lo == b->hi && b->lo >= 0 && a->lo >= -1e300 && a->hi <= 1e300)
			range(i, a->lo > 0 ? 0 : widen(floor(a->lo) - 1, 0), a->hi < 0 ? 0 : widen(ceil(a->hi) + 1, 1));
		i->integer = b->hi <= 0;
		break;
	case IR_MOD:
		unknown(i);
		if (b->lo > 0)
			range(i, 0, b->hi);
		i->integer = a->integer && b->integer;
		break;
	case IR_EQ: case IR_NE: case IR_LT: case IR_LE: case IR_GT: case IR_GE:
	case IR_XEQ: case IR_XLT: case IR_XLE: case IR_AND: case IR_OR: case IR_XOR:
		range(i, 0, 1);
		i->integer = 1;
		break;
	case IR_EOR:
		range(i, 0, a->hi > b->hi ? a->hi : b->hi);
		i->integer = 1;
		break;
	default:
		unknown(i);
	}
}

/* --- building ------------------------------------------------------------------------------------ */

/* Comparisons that the ranges decide, by a clear margin (they work on 15 digits). */
static int
decided(const struct ir_insn *i, const struct ir_insn *a, const struct ir_insn *b, double *out)
{
	double gap = 1e-13;
	int below = a->hi < b->lo && b->lo - a->hi > gap * (fabs(a->hi) + fabs(b->lo));
	int above = a->lo > b->hi && a->lo - b->hi > gap * (fabs(a->lo) + fabs(b->hi));

	if (i->op == IR_XEQ || i->op == IR_XLT || i->op == IR_XLE) {
		below = a->hi < b->lo;
		above = a->lo > b->hi;
	}
	if (!(below || above))
		return 0;
	switch (i->op) {
	case IR_EQ: case IR_XEQ:
		*out = 0;
		return 1;
	case IR_NE:
		*out = 1;
		return 1;
	case IR_LT: case IR_LE: case IR_XLT: case IR_XLE:
		*out = below;
		return 1;
	case IR_GT: case IR_GE:
		*out = above;
		return 1;
	}
	return 0;
}

ir_ref
ir_op1(struct ir *ir, enum ir_op op, ir_ref a)
{
	struct ir_insn i = {.op = (uint16_t)op, .nargs = 1, .arg = {a, IR_NONE, IR_NONE}};
	double x;
	ir_ref r;
	int fresh;

	if (ir_is_const(ir, a, &x)) {
		double y = vm_apply(op, x, 0, 0);

		if (!isnan(y))
			return ir_const(ir, y);
	}
	if ((op == IR_FLOOR || op == IR_INT || op == IR_CEIL || op == IR_TRUNC) && ir->insn[a].integer)
		return a;
	if (op == IR_ABS && ir->insn[a].lo > 0)
		return a;
	if (op == IR_NONZERO && ir->insn[a].integer && ir->insn[a].lo >= 0 && ir->insn[a].hi <= 1)
		return a;
	if (op == IR_NONZERO && (ir->insn[a].lo > 0 || ir->insn[a].hi < 0))
		return ir_const(ir, 1);
	if (op == IR_NOT && ir->insn[a].op == IR_NOT && ir->insn[ir->insn[a].arg[0]].integer &&
	    ir->insn[ir->insn[a].arg[0]].lo >= 0 && ir->insn[ir->insn[a].arg[0]].hi <= 1)
		return ir->insn[a].arg[0];
	r = intern(ir, &i, &fresh);
	if (fresh)
		set_range1(&ir->insn[r], &ir->insn[a]);
	return r;
}

static int
is_small_whole(const struct ir_insn *i)
{
	return i->integer && i->lo >= -DBL_MAX && i->hi <= DBL_MAX && fabs(i->lo) < 1e14 && fabs(i->hi) < 1e14;
}

/* Operations on 15 digits of which there is a plain form. */
static int
is_snapping(enum ir_op op)
{
	return op == IR_ADDSNAP || op == IR_SUBSNAP || (op >= IR_EQ && op <= IR_GE);
}

/* That form. */
static ir_ref
plain(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b)
{
	switch (op) {
	case IR_EQ:
		return ir_op2(ir, IR_XEQ, a, b);
	case IR_NE:
		return ir_op1(ir, IR_NOT, ir_op2(ir, IR_XEQ, a, b));
	case IR_LT:
		return ir_op2(ir, IR_XLT, a, b);
	case IR_LE:
		return ir_op2(ir, IR_XLE, a, b);
	case IR_GT:
		return ir_op2(ir, IR_XLT, b, a);
	case IR_GE:
		return ir_op2(ir, IR_XLE, b, a);
	case IR_ADDSNAP:
		return ir_op2(ir, IR_ADD, a, b);
	default:
		return ir_op2(ir, IR_SUB, a, b);
	}
}

ir_ref
ir_op2(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b)
{
	struct ir_insn i = {.op = (uint16_t)op, .nargs = 2, .arg = {a, b, IR_NONE}};
	double x = 0, y = 0, z;
	int ca = ir_is_const(ir, a, &x), cb = ir_is_const(ir, b, &y), fresh, frac_exp;
	ir_ref r;

	if (ca && cb) {
		z = vm_apply(op, x, y, 0);
		if (!isnan(z))
			return ir_const(ir, z);
	}
	switch (op) {
	case IR_MUL: /* the identities below hold for every bit pattern that is not a NaN */
		if (cb && y == 1)
			return a;
		if (ca && x == 1)
			return b;
		break;
	case IR_DIV:
		if (cb && y == 1)
			return a;
		/* dividing by a power of two is multiplying by its reciprocal, exactly */
		if (cb && fabs(y) >= 0x1p-500 && fabs(y) <= 0x1p500 && fabs(frexp(y, &frac_exp)) == 0.5)
			return ir_op2(ir, IR_MUL, a, ir_const(ir, 1 / y));
		break;
	case IR_SUB:
		if (cb && y == 0 && !signbit(y))
			return a;
		break;
	case IR_SUBSNAP:
	case IR_ADDSNAP:
		/* no near cancellation where the signs cannot meet */
		{
			const struct ir_insn *p = &ir->insn[a], *q = &ir->insn[b];
			int same = (p->lo >= 0 && q->lo >= 0) || (p->hi <= 0 && q->hi <= 0);
			int opposite = (p->lo >= 0 && q->hi <= 0) || (p->hi <= 0 && q->lo >= 0);

			if (op == IR_ADDSNAP && same)
				return ir_op2(ir, IR_ADD, a, b);
			if (op == IR_SUBSNAP && opposite)
				return ir_op2(ir, IR_SUB, a, b);
		}
		break;
	case IR_POW:
		if (cb)
			return ir_powc(ir, a, y);
		break;
	case IR_AND:
		if ((ca && x == 0) || (cb && y == 0))
			return ir_const(ir, 0);
		if (ca && x == 1)
			return b;
		if ((cb && y == 1) || a == b)
			return a;
		break;
	case IR_OR:
		if ((ca && x == 1) || (cb && y == 1))
			return ir_const(ir, 1);
		if (ca && x == 0)
			return b;
		if ((cb && y == 0) || a == b)
			return a;
		break;
	case IR_EOR:
		if (ca)
			return x != 0 ? a : b;
		if ((cb && y == 0) || a == b)
			return a;
		/* e or (e or f) */
		if (ir->insn[b].op == IR_EOR && ir->insn[b].arg[0] == a)
			return b;
		if (ir->insn[a].op == IR_EOR && (ir->insn[a].arg[0] == b || ir->insn[a].arg[1] == b))
			return a;
		break;
	case IR_MIN:
		if (ir->insn[a].hi <= ir->insn[b].lo)
			return a;
		if (ir->insn[b].hi < ir->insn[a].lo)
			return b;
		break;
	case IR_MAX:
		if (ir->insn[a].lo >= ir->insn[b].hi)
			return a;
		if (ir->insn[b].lo > ir->insn[a].hi)
			return b;
		break;
	default:
		break;
	}
	if (decided(&i, &ir->insn[a], &ir->insn[b], &z))
		return ir_const(ir, z);
	/* comparisons of whole numbers need no 15-digit rule: below 1e14 they tie only when equal */
	if (is_snapping(op) && ((is_small_whole(&ir->insn[a]) && is_small_whole(&ir->insn[b])) || ir_never_near(ir, a, b, op == IR_ADDSNAP)))
		return plain(ir, op, a, b);
	r = intern(ir, &i, &fresh);
	if (fresh)
		set_range2(&ir->insn[r], &ir->insn[a], &ir->insn[b]);
	return r;
}

ir_ref
ir_op3(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b, ir_ref c)
{
	struct ir_insn i = {.op = (uint16_t)op, .nargs = 3, .arg = {a, b, c}};
	double x;
	int fresh;
	ir_ref r;

	if (op == IR_SEL) {
		if (ir_is_const(ir, a, &x))
			return x != 0 ? b : c;
		if (b == c)
			return b;
		if (ir->insn[a].op == IR_NOT)
			return ir_op3(ir, IR_SEL, ir->insn[a].arg[0], c, b);
		if (ir_is_const(ir, b, &x) && x == 1 && ir_is_const(ir, c, &x) && x == 0 &&
		    ir->insn[a].integer && ir->insn[a].lo >= 0 && ir->insn[a].hi <= 1)
			return a;
	}
	r = intern(ir, &i, &fresh);
	if (fresh) {
		const struct ir_insn *p = &ir->insn[b], *q = &ir->insn[c];

		range(&ir->insn[r], p->lo < q->lo ? p->lo : q->lo, p->hi > q->hi ? p->hi : q->hi);
		ir->insn[r].integer = p->integer && q->integer;
	}
	return r;
}

ir_ref
ir_powc(struct ir *ir, ir_ref a, double exponent)
{
	struct ir_insn i = {.op = IR_POWC, .nargs = 1, .arg = {a, IR_NONE, IR_NONE}, .imm = exponent};
	double x;
	ir_ref r;
	int fresh;

	if (ir_is_const(ir, a, &x)) {
		x = vm_apply(IR_POW, x, exponent, 0);
		if (!isnan(x))
			return ir_const(ir, x);
	}
	if (exponent == 1)
		return a;
	if (exponent == 0) /* of a NaN too */
		return ir_const(ir, 1);
	r = intern(ir, &i, &fresh);
	if (fresh) {
		set_range1(&ir->insn[r], &ir->insn[a]);
		ir->insn[r].integer = ir->insn[a].integer && exponent >= 0 && exponent == floor(exponent);
	}
	return r;
}

int
ir_pow_chain(const struct ir *ir, const struct ir_insn *powc, struct ir_chain *c)
{
	const struct ir_insn *x = &ir->insn[powc->arg[0]];
	double size = fabs(powc->imm), frac = size - floor(size);

	if (!(size <= 64.5) || (frac != 0 && frac != 0.5))
		return 0;
	*c = (struct ir_chain){(int)size, frac == 0.5, powc->imm < 0,
	                       x->lo >= 0x1p-14 && x->lo <= x->hi && x->hi <= 0x1p14};
	return 1;
}

ir_ref
ir_finchk(struct ir *ir, ir_ref v)
{
	ir_ref check = ir->insn[v].check;

	if (check != IR_NONE)
		return check;
	if (ir_finite(ir, v))
		return ir_const(ir, 0);
	check = ir_op1(ir, IR_FINCHK, v);
	ir->insn[v].check = check;
	ir_set_range(ir, v, -DBL_MAX, DBL_MAX); /* where the check, and so the error lane, is 0 */
	return check;
}

ir_ref
ir_uniform(struct ir *ir, uint64_t stream)
{
	struct ir_insn i = {.op = IR_UNIFORM, .lo = 0x1p-53, .hi = 1 - 0x1p-53};
	int fresh;

	for (size_t k = 0; k < ir->nstreams; k++)
		if (ir->stream[k] == stream) {
			i.aux = (uint32_t)k;
			return intern(ir, &i, &fresh);
		}
	ir->stream = realloc(ir->stream, (ir->nstreams + 1) * sizeof *ir->stream);
	if (!ir->stream)
		abort();
	i.aux = (uint32_t)ir->nstreams;
	ir->stream[ir->nstreams++] = stream;
	return intern(ir, &i, &fresh);
}

ir_ref
ir_tabled(struct ir *ir, enum ir_op op, ir_ref a, uint32_t table, double lo, double hi, int integer)
{
	struct ir_insn i = {.op = (uint16_t)op, .nargs = 1, .arg = {a, IR_NONE, IR_NONE}, .aux = table,
	                    .lo = lo, .hi = hi, .integer = (uint8_t)integer};
	int fresh;

	return intern(ir, &i, &fresh);
}

ir_ref
ir_nary(struct ir *ir, enum ir_op op, const ir_ref *args, size_t n, uint32_t aux)
{
	struct ir_insn i = {.op = (uint16_t)op, .nargs = (uint32_t)n, .aux = aux,
	                    .arg = {(ir_ref)ir->nlist, IR_NONE, IR_NONE}, .lo = -INFINITY, .hi = INFINITY};
	ir_ref r;
	int fresh;

	ir->list = grown(ir->list, ir->nlist + n, &ir->list_cap, sizeof *ir->list);
	if (n) /* COUNT() of nothing: no list at all */
		memcpy(ir->list + ir->nlist, args, n * sizeof *args);
	r = intern(ir, &i, &fresh);
	if (!fresh)
		return r;
	ir->nlist += n;
	if (op == IR_PICK) {
		double lo = INFINITY, hi = -INFINITY;
		int integer = 1;

		for (size_t k = 1; k < n; k++) {
			const struct ir_insn *p = &ir->insn[args[k]];

			lo = p->lo < lo ? p->lo : lo;
			hi = p->hi > hi ? p->hi : hi;
			integer &= p->integer;
		}
		ir->insn[r].lo = lo;
		ir->insn[r].hi = hi;
		ir->insn[r].integer = (uint8_t)integer;
	} else if (op == IR_NUMCALL || op == IR_TREE) { /* their error lane covers what is not finite */
		ir->insn[r].lo = -DBL_MAX;
		ir->insn[r].hi = DBL_MAX;
	}
	return r;
}

ir_ref
ir_result(struct ir *ir, enum ir_op res, ir_ref call)
{
	struct ir_insn i = {.op = (uint16_t)res, .nargs = 1, .arg = {call, IR_NONE, IR_NONE}, .lo = 0,
	                    .hi = 32, .integer = 1};
	int fresh;

	return intern(ir, &i, &fresh);
}

#define APPEND(ir, field, count, item)                                                       \
	do {                                                                                 \
		(ir)->field = realloc((ir)->field, ((ir)->count + 1) * sizeof *(ir)->field); \
		if (!(ir)->field)                                                            \
			abort();                                                             \
		(ir)->field[(ir)->count] = (item);                                           \
	} while (0)

/* With room for 16: short ones are looked up in registers. */
static double *
copy_table(struct ir *ir, const double *v, size_t n)
{
	double *t = arena_zalloc(&ir->arena, (n > 16 ? n : 16) * sizeof *t);

	if (n)
		memcpy(t, v, n * sizeof *t);
	return t;
}

uint32_t
ir_add_table(struct ir *ir, const double *v, size_t n, void *user)
{
	struct ir_table t = {.n = n, .user = user};

	for (size_t k = 0; k < ir->ntables; k++)
		if (ir->table[k].n == n && ir->table[k].user == user &&
		    !memcmp(ir->table[k].v, v, n * sizeof *v))
			return (uint32_t)k;
	t.v = user ? v : copy_table(ir, v, n); /* a sampler's table stays where it is, aligned */
	APPEND(ir, table, ntables, t);
	return (uint32_t)ir->ntables++;
}

uint32_t
ir_add_call(struct ir *ir, const struct ir_call *c)
{
	for (size_t k = 0; k < ir->ncalls; k++) { /* equal shapes are one call: merging needs equal aux */
		const struct ir_call *d = &ir->call[k];

		if (d->fn == c->fn && d->nargs == c->nargs && d->max == c->max &&
		    !memcmp(d->arg, c->arg, (size_t)c->max * sizeof *c->arg))
			return (uint32_t)k;
	}
	APPEND(ir, call, ncalls, *c);
	ir->call[ir->ncalls].arg = arena_memdup(&ir->arena, c->arg, (size_t)c->max * sizeof *c->arg);
	return (uint32_t)ir->ncalls++;
}

uint32_t
ir_add_distcall(struct ir *ir, int dist, int nparams, int what)
{
	struct ir_distcall d = {dist, nparams, what};

	for (size_t k = 0; k < ir->ndcalls; k++)
		if (ir->dcall[k].dist == dist && ir->dcall[k].nparams == nparams && ir->dcall[k].what == what)
			return (uint32_t)k;
	APPEND(ir, dcall, ndcalls, d);
	return (uint32_t)ir->ndcalls++;
}

uint32_t
ir_add_tree(struct ir *ir, const struct ir_tree *t)
{
	APPEND(ir, tree, ntrees, *t);
	return (uint32_t)ir->ntrees++;
}

/* --- checking and listing ------------------------------------------------------------------------- */

static const ir_ref *
operands(const struct ir *ir, const struct ir_insn *i)
{
	return is_nary(i->op) ? ir->list + i->arg[0] : i->arg;
}

void
ir_mark(const struct ir *ir, const ir_ref *roots, size_t nroots, uint8_t *live)
{
	memset(live, 0, ir->n);
	for (size_t k = 0; k < nroots; k++)
		if (roots[k] >= 0)
			live[roots[k]] = 1;
	for (size_t k = ir->n; k-- > 0;) {
		const struct ir_insn *i = &ir->insn[k];

		if (!live[k])
			continue;
		for (uint32_t j = 0; j < i->nargs; j++)
			if (operands(ir, i)[j] >= 0)
				live[operands(ir, i)[j]] = 1;
	}
}

int
ir_verify(const struct ir *ir, struct err *e)
{
	for (size_t k = 0; k < ir->n; k++) {
		const struct ir_insn *i = &ir->insn[k];
		size_t limit = SIZE_MAX;

		if (i->op >= IR_NOPS)
			return err_set(e, ERR_SOFTWARE, "instruction %zu: unknown operation %u", k, i->op);
		if (!is_nary(i->op) && (int)i->nargs != ops[i->op].nargs)
			return err_set(e, ERR_SOFTWARE, "instruction %zu: %s has %u operands", k,
			               ops[i->op].name, i->nargs);
		for (uint32_t j = 0; j < i->nargs; j++) {
			ir_ref a = operands(ir, i)[j];

			if (a >= (ir_ref)k || a < (is_nary(i->op) && !j ? IR_NONE : 0))
				return err_set(e, ERR_SOFTWARE, "instruction %zu: operand %u is not before it", k, j);
		}
		switch (i->op) {
		case IR_UNIFORM: limit = ir->nstreams; break;
		case IR_INVTAB: case IR_SAMPLE: case IR_GATHER: case IR_COUNTLE: case IR_FINDEQ:
			limit = ir->ntables;
			break;
		case IR_NUMCALL: limit = ir->ncalls; break;
		case IR_DISTCALL: case IR_DISTPROB: limit = ir->ndcalls; break;
		case IR_TREE: limit = ir->ntrees; break;
		case IR_RES2: case IR_RES3:
			if (!is_nary(ir->insn[i->arg[0]].op))
				return err_set(e, ERR_SOFTWARE, "instruction %zu: second result of what is no call", k);
			break;
		case IR_CONST:
			if (isnan(i->imm))
				return err_set(e, ERR_SOFTWARE, "instruction %zu: constant is not a number", k);
			break;
		}
		if (i->aux >= limit)
			return err_set(e, ERR_SOFTWARE, "instruction %zu: number %u out of range", k, i->aux);
	}
	return 0;
}

int
ir_print(struct buf *b, const struct ir *ir, const ir_ref *roots, size_t nroots)
{
	uint8_t *live = malloc(ir->n + 1);
	char num[NUM_DOUBLE_MAX], lo[NUM_DOUBLE_MAX], hi[NUM_DOUBLE_MAX];
	int rc = 0;

	if (!live)
		return -1;
	ir_mark(ir, roots, nroots, live);
	for (size_t k = 0; k < ir->n; k++) {
		const struct ir_insn *i = &ir->insn[k];

		if (!live[k])
			continue;
		rc |= buf_printf(b, "%%%zu = %s", k, ops[i->op].name);
		if (i->op == IR_CONST || i->op == IR_POWC) {
			num_format_double(i->imm, num);
			rc |= buf_printf(b, " %s", num);
		}
		if (i->op == IR_UNIFORM)
			rc |= buf_printf(b, " stream %016llx", (unsigned long long)ir->stream[i->aux]);
		if (i->op == IR_NUMCALL)
			rc |= buf_printf(b, " %s", ir->call[i->aux].fn->name);
		if (i->op == IR_TREE)
			rc |= buf_printf(b, " #%u (%s)", i->aux, ir->tree[i->aux].why);
		if (i->op == IR_INVTAB || i->op == IR_SAMPLE || i->op == IR_GATHER || i->op == IR_COUNTLE ||
		    i->op == IR_FINDEQ)
			rc |= buf_printf(b, " table %u", i->aux);
		for (uint32_t j = 0; j < i->nargs; j++)
			rc |= buf_printf(b, operands(ir, i)[j] < 0 ? " -" : " %%%d", operands(ir, i)[j]);
		if (i->op != IR_CONST && i->lo <= i->hi && (i->lo > -INFINITY || i->hi < INFINITY)) {
			num_format_g(i->lo, 6, lo);
			num_format_g(i->hi, 6, hi);
			rc |= buf_printf(b, "  ; %s .. %s%s", lo, hi, i->integer ? " whole" : "");
		}
		rc |= buf_putc(b, '\n');
	}
	free(live);
	return rc < 0 ? -1 : 0;
}
