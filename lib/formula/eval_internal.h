/*
 * eval_internal: what implementations of worksheet functions (fn_*.c) may use of the evaluator.
 */
#ifndef FORMULA_EVAL_INTERNAL_H
#define FORMULA_EVAL_INTERNAL_H

#include "formula/criteria.h"
#include "formula/eval.h"

struct eval_private;

struct eval {
	const struct model *m;
	const struct workbook *wb;
	const struct func_isa *isa; /* the numeric functions in the form for this machine */
	struct arena tmp;     /* values of the running trial; reset by eval_set_trial */
	struct arena keep;    /* values of untainted cells */
	int date1904;
	int sheet;            /* home: the cell being evaluated */
	int32_t row, col;
	int array_mode;       /* inside an array formula or an array argument */
	int tainted;          /* a draw was touched since this was last cleared */
	int moment;           /* a volatile function (NOW, CELL …) was called since this was last cleared */
	uint64_t seed;
	int64_t trial;        /* < 0: no trial, static values */
	struct eval_private *p;
};

/* A point to go back to: what has been put into tmp since is given back when all that is wanted of it is `left`, unless that points there, or
 * the value of a cell does. */
struct eval_spot {
	struct arena_mark mark;
	size_t pins;
};
struct eval_spot eval_spot(const struct eval *ev);
void eval_go_back(struct eval *ev, const struct eval_spot *s, const struct value *left);

/* Evaluate a tree in the running context. May give V_REF or V_ARRAY. */
struct value eval_node(struct eval *ev, const struct node *n);
/* The same, then to one scalar: a one-cell reference is read, a larger one intersected implicitly (or its first
 * element in array mode), an array gives its first element. */
struct value eval_scalar(struct eval *ev, const struct node *n);
/* Any value to one scalar, as above. */
struct value eval_to_scalar(struct eval *ev, struct value v);
/* Reference, array or scalar to an array; whole columns are cut to the used range. Never NULL; an
 * area over several sheets or several areas gives #VALUE! as 1 x 1. */
struct array *eval_to_array(struct eval *ev, struct value v);
struct array *eval_new_array(struct eval *ev, int32_t rows, int32_t cols); /* in tmp, all blank */
struct value eval_array_value(struct array *a); /* 1 x 1 stays an array */

/* Read one cell (absolute). Scalar kinds only. */
struct value eval_get(struct eval *ev, int sheet, int32_t row, int32_t col);

/* Walk the non-empty cells of a reference or the elements of an array or one scalar, in order (areas, sheets,
 * rows, columns). in_ref tells whether the element stands in a cell or array (skipping rules) or was
 * written as a scalar argument. Blank elements of arrays and empty cells are not visited. */
struct eval_walk {
	struct value from;
	int in_ref;
	/* position of the element last returned */
	int sheet;
	int32_t row, col;
	/* private */
	int area, sheet_at;
	size_t cell;
	int32_t r, c;
	int state;
};
void eval_walk_init(struct eval_walk *w, struct value from);
int eval_walk_next(struct eval *ev, struct eval_walk *w, struct value *out); /* 1, or 0 at the end */

/* Make a one-area reference value. */
struct value eval_ref(struct eval *ev, int sheet, int32_t row1, int32_t col1, int32_t row2, int32_t col2);

/* The last + or - of a formula: snaps to 0 where it nearly cancels. */
struct value eval_last_operation(struct eval *ev, const struct node *n);

/* Whether a LAMBDA may be given n arguments; a function by its name only if it needs as many. */
int eval_lambda_takes(struct value lambda, int n);
/* Call a LAMBDA value. */
struct value eval_invoke(struct eval *ev, struct value lambda, struct value *args, int nargs);

/* The uniform in (0,1) of this random call (element: 0, 1, … within it); taints. With no trial: 0.5. */
double eval_uniform(struct eval *ev, const struct node *call, uint32_t element);
/* The value of a distribution at a uniform; the engine may answer from a table. Parameters have been checked. */
double eval_draw(struct eval *ev, const struct node *call, uint32_t element, int dist, const double *params, int n,
                 double u);

#endif
