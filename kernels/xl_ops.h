/*
 * xl_ops: the arithmetic operators of a worksheet, for the scalar evaluator; the vector machine and the GPU use
 * the same through kernels/ops.h.
 *
 * The last + or - of a formula snaps to 0 where it nearly cancels: 0.5-0.4-0.1 is 0, (0.5-0.4-0.1) is not. The threshold is
 * a result below 2^-50 of the left operand: a few units in the last place, what decimal fractions leave behind.
 */
#ifndef KERNELS_XL_OPS_H
#define KERNELS_XL_OPS_H

#include "kernels/math.h"
#include "kernels/xl_round.h"

#define XL_SNAP 0x1p-50

K_SCALAR double
xl_add_snap(double a, double b)
{
	double s = a + b;

	return ks_abs(s) < ks_abs(a) * XL_SNAP ? 0 : s;
}

K_SCALAR double
xl_sub_snap(double a, double b)
{
	double s = a - b;

	return ks_abs(s) < ks_abs(a) * XL_SNAP ? 0 : s;
}

/* a op b; *err: 0 or the error kind (2 #DIV/0!, 6 #NUM!). op: + - * / ^. */
K_SCALAR double
xl_arith(int op, double a, double b, int snap, int *err)
{
	double r;

	*err = 0;
	switch (op) {
	case '+':
		r = snap ? xl_add_snap(a, b) : a + b;
		break;
	case '-':
		r = snap ? xl_sub_snap(a, b) : a - b;
		break;
	case '*':
		r = a * b;
		break;
	case '/':
		if (b == 0) {
			*err = 2;
			return 0;
		}
		r = a / b;
		break;
	default:
		if (a == 0 && b <= 0) {
			*err = b < 0 ? 2 : 6;
			return 0;
		}
		r = ks_pow(a, b);
		break;
	}
	if (!(ks_abs(r) <= 0x1.fffffffffffffp+1023)) {
		*err = 6;
		return 0;
	}
	return r;
}

#endif
