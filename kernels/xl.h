/*
 * xl: what a numeric worksheet function looks like to every backend.
 *
 * A numeric function takes numbers and gives a number or an error. It is written once, here in
 * kernels/ (xl_math.h, xl_stat.h, xl_money.h, xl_dist.h, xl_date.h; xl_calendar.h serves two), as scalar C that cc and NVRTC
 * both compile, and is named by one row of lib/formula/functions/NAME.def. The scalar evaluator, the vector
 * machine (lane by lane, or through a lane operation of its own where that pays) and the GPU all
 * call this text, hence the same bits everywhere.
 *
 * Arguments arrive coerced: a scalar has n = 1; an omitted optional one n = 0; a list or matrix is
 * row-major with its shape. Errors in arguments never reach the function. Only + - * / sqrt fma
 * floor ceil trunc rint fabs and the functions of kernels/ may be used. No memory is allocated; where a
 * function must reorder its input it may write into `scratch`.
 */
#ifndef KERNELS_XL_H
#define KERNELS_XL_H

#ifdef __CUDACC__
#define XL_FN static __device__ __noinline__ double
#else
#define XL_FN static __attribute__((unused)) double
#endif

struct xl_arg {
	const double *x;
	int n;          /* rows * cols; 0: omitted, or an empty list */
	int rows, cols;
};

struct xl_call {
	const struct xl_arg *arg;
	int nargs;      /* given; arg[] has room up to the function's maximum, n = 0 beyond */
	double *scratch; /* twice the sum of all arg n, plus 16, doubles */
	int err;        /* out: 0, or the error kind (XE_… numbers: 1 NULL 2 DIV0 3 VALUE 4 REF 5 NAME 6 NUM 7 NA) */
	int date1904;   /* the workbook's date system */
};

typedef double xl_fn(struct xl_call *c);

/* Set the error and return a value for `return`. */
#define XL_FAIL(c, kind) ((c)->err = (kind), 0.0)
#define XL_NULL 1
#define XL_DIV0 2
#define XL_VALUE 3
#define XL_REF 4
#define XL_NAME 5
#define XL_NUM 6
#define XL_NA 7

/* Scalar argument i, or dflt where it is omitted. */
#define XL_ARG(c, i) ((c)->arg[i].x[0])
#define XL_OPT(c, i, dflt) ((c)->arg[i].n ? (c)->arg[i].x[0] : (dflt))

#endif
