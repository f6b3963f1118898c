/*
 * What is said never to nearly tie (ir_near.c): the shapes that are seen through, those that must not be, and of the first that no two values
 * with such ranges come near, down to subnormal ones.
 */
#include <float.h>

#include "engine/ir.h"
#include "kernels/ops.h"
#include "tests/unit/random.h"
#include "tests/unit/tap.h"

static struct ir *ir;
static uint64_t streams;

static ir_ref
between(double lo, double hi)
{
	ir_ref x = ir_uniform(ir, ++streams);

	x = ir_op2(ir, IR_ADD, ir_op2(ir, IR_MUL, x, ir_const(ir, hi - lo)), ir_const(ir, lo));
	ir_set_range(ir, x, lo, hi);
	return x;
}

static void
stays(enum ir_op op, ir_ref a, ir_ref b, const char *what)
{
	ir_ref r = ir_op2(ir, op, a, b);

	ok(ir->insn[r].op == op, "%s stays %s (%s)", what, ir_op_name(op), ir_op_name((enum ir_op)ir->insn[r].op));
}

static void
becomes(enum ir_op op, ir_ref a, ir_ref b, enum ir_op want, const char *what)
{
	ir_ref r = ir_op2(ir, op, a, b);

	ok(ir->insn[r].op == want, "%s becomes %s (%s)", what, ir_op_name(want), ir_op_name((enum ir_op)ir->insn[r].op));
}

static void
test_shapes(void)
{
	ir_ref x = between(-1000, 1500), y = between(-1000, 1000), share = between(0.2, 0.6), wide = between(0.5, 1.5), cost = between(5, 50);
	ir_ref left = ir_op2(ir, IR_MAX, ir_const(ir, 0), ir_op2(ir, IR_SUBSNAP, x, cost));
	ir_ref more = ir_op2(ir, IR_MAX, ir_const(ir, 0), ir_op2(ir, IR_ADD, x, cost));
	ir_ref wild = ir_tabled(ir, IR_GATHER, x, ir_add_table(ir, (double[]){1, 2}, 2, NULL), -INFINITY, INFINITY, 0); /* nothing known */

	becomes(IR_SUBSNAP, x, ir_op2(ir, IR_MUL, x, share), IR_SUB, "x - x share");
	becomes(IR_SUBSNAP, ir_op2(ir, IR_MUL, share, x), x, IR_SUB, "x share - x");
	becomes(IR_SUBSNAP, x, ir_op2(ir, IR_MUL, left, share), IR_SUB, "x - max(0, x - cost) share");
	becomes(IR_GT, x, ir_op2(ir, IR_MUL, x, share), IR_XLT, "x > x share");
	becomes(IR_GT, x, ir_const(ir, 0), IR_XLT, "x > 0");
	becomes(IR_GE, wild, ir_const(ir, 0), IR_XLE, "anything >= 0");
	becomes(IR_EQ, x, ir_const(ir, 0), IR_XEQ, "x = 0");
	becomes(IR_NE, x, ir_const(ir, 0), IR_NOT, "x <> 0");
	becomes(IR_SUBSNAP, between(10, 20), between(3, 9), IR_SUB, "ranges apart");
	becomes(IR_ADDSNAP, between(10, 20), between(-9, -3), IR_ADD, "ranges apart in a sum");
	becomes(IR_ADDSNAP, x, ir_op2(ir, IR_MUL, x, share), IR_ADD, "x + x share");
	stays(IR_SUBSNAP, x, y, "x - y");
	stays(IR_SUBSNAP, x, ir_op2(ir, IR_MUL, x, wide), "x - x wide");
	stays(IR_SUBSNAP, x, ir_op2(ir, IR_MUL, y, share), "x - y share");
	stays(IR_SUBSNAP, x, ir_op2(ir, IR_MUL, more, share), "x - max(0, x + cost) share");
	stays(IR_SUBSNAP, x, left, "x - max(0, x - cost)");
	stays(IR_SUBSNAP, x, ir_op2(ir, IR_MUL, x, wild), "x - x anything");
	stays(IR_ADDSNAP, x, ir_op2(ir, IR_MUL, x, between(-2, -0.5)), "x + x k, k about -1");
	stays(IR_SUBSNAP, between(10, 20), between(3, 10), "ranges that touch");
	stays(IR_LT, wild, x, "anything < x");
}

/* Any double, all exponents alike; near the ends of what is normal more often. */
static double
random_double(void)
{
	double x = 1 + random_unit();
	int e = (int)(random_unit() * 2098) - 1074;

	if (random_unit() < 0.3)
		e = -1074 + (int)(random_unit() * 70);
	return ldexp(random_unit() < 0.5 ? -x : x, e);
}

static void
test_values(void)
{
	int near = 0, n = 4000000;

	for (int k = 0; k < n; k++) {
		double x = random_double(), cost = fabs(random_double()), share = k % 3 ? random_unit() * (1 - 0x1p-20) : 1 - 0x1p-20;
		double left = ks_max(0, x - cost), more = share == 0 ? 2 : (1 + 0x1p-20) / (k % 5 ? 1 : share);

		near += ks_near_diff(x, x * share) + ks_near_diff(x * share, x) + ks_near_diff(x, left * share) + ks_near_diff(left * share, x);
		near += fabs(x * more) <= DBL_MAX ? ks_near_diff(x, x * more) + ks_near_diff(x * more, x) : 0;
		near += ks_near_diff(x, 0) + ks_near_diff(0, x) + ks_near_sum(x, x * share);
	}
	ok(!near, "of %d values none comes near (%d do)", n, near);
}

int
main(void)
{
	ir = ir_new();
	if (!ir)
		return 70;
	test_shapes();
	test_values();
	ir_free(ir);
	return done();
}
