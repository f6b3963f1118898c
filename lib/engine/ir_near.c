/*
 * ir_near: where two values provably never nearly tie, so that operations on 15 digits are the plain ones.
 *
 * Near, as kernels/ops.h has it: a and b differ, and by at most 2^-40 of a. What is shown here leaves a margin of 2^-20, which no rounding of
 * the few operations looked through can use up; where results are subnormal, differences are still at least 2^-1074, and 2^-40 of a is less.
 * Ranges hold where there is no error; what an error lane computes is not seen.
 */
#include "engine/ir.h"

#include <math.h>

#define MARGIN 0x1p-20
#define DEPTH 8

static int
known(const struct ir_insn *i)
{
	return i->lo <= i->hi && i->lo > -INFINITY && i->hi < INFINITY;
}

static int
is_zero(const struct ir_insn *i)
{
	return i->op == IR_CONST && i->imm == 0;
}

/* The ranges lie apart. */
static int
apart(const struct ir_insn *a, double lo, double hi)
{
	double gap = a->lo > hi ? a->lo - hi : lo - a->hi, size = fmax(fabs(a->lo), fabs(a->hi));

	return known(a) && gap > size * MARGIN;
}

/* w <= max(a, 0). */
static int
not_above(const struct ir *ir, ir_ref w, ir_ref a, int depth)
{
	const struct ir_insn *i = &ir->insn[w];

	if (w == a)
		return 1;
	if (depth == 0)
		return 0;
	switch (i->op) {
	case IR_SUB:
	case IR_SUBSNAP:
		return ir->insn[i->arg[1]].lo >= 0 && known(&ir->insn[i->arg[1]]) && not_above(ir, i->arg[0], a, depth - 1);
	case IR_MAX: /* 0 is max(a, 0) at least */
		return (is_zero(&ir->insn[i->arg[0]]) && not_above(ir, i->arg[1], a, depth - 1)) ||
		       (is_zero(&ir->insn[i->arg[1]]) && not_above(ir, i->arg[0], a, depth - 1));
	case IR_MIN:
		return not_above(ir, i->arg[0], a, depth - 1) || not_above(ir, i->arg[1], a, depth - 1);
	default:
		return 0;
	}
}

/* k is no 1, by the margin. */
static int
not_one(const struct ir_insn *k, double sign)
{
	double lo = sign > 0 ? k->lo : -k->hi, hi = sign > 0 ? k->hi : -k->lo;

	return known(k) && (hi <= 1 - MARGIN || lo >= 1 + MARGIN);
}

/* b = x k: x is a and k no 1, or 0 <= x <= max(a, 0) and 0 <= k < 1. */
static int
is_share(const struct ir *ir, ir_ref a, ir_ref b, double sign)
{
	const struct ir_insn *i = &ir->insn[b];

	if (i->op != IR_MUL)
		return 0;
	for (int k = 0; k < 2; k++) {
		ir_ref x = i->arg[k];
		const struct ir_insn *share = &ir->insn[i->arg[1 - k]];

		if (x == a && not_one(share, sign))
			return 1;
		if (sign > 0 && ir->insn[x].lo >= 0 && known(&ir->insn[x]) && share->lo >= 0 && not_one(share, 1) && share->hi < 1 &&
		    not_above(ir, x, a, DEPTH))
			return 1;
	}
	return 0;
}

int
ir_never_near(const struct ir *ir, ir_ref a, ir_ref b, int sum)
{
	const struct ir_insn *p = &ir->insn[a], *q = &ir->insn[b];

	if (is_zero(p) || is_zero(q))
		return 1;
	if (known(q) && apart(p, sum ? -q->hi : q->lo, sum ? -q->lo : q->hi))
		return 1;
	return is_share(ir, a, b, sum ? -1 : 1) || is_share(ir, b, a, sum ? -1 : 1);
}
