/*
 * numform: a call whose texts and lists are constant, as a call of numbers alone.
 *
 * CONVERT(B4,"m","ft") is arithmetic once the units are looked up; the vector machine runs that. The form is a call of a row of
 * functions/hidden.def whose kernel the function itself uses, hence the same bits.
 */
#ifndef FORMULA_NUMFORM_H
#define FORMULA_NUMFORM_H

#include "formula/ast.h"
#include "formula/eval.h"

/* args[i]: the value of argument i where it depends on no draw, V_LAMBDA where it does, V_MISSING where it is left out or empty.
 * A tree in arena a that shares the call's other arguments; NULL where the call has no such form. */
const struct node *numform(struct eval *ev, struct arena *a, const struct node *call, const struct value *args);
/* Does the function have such a form at all? */
int numform_known(const char *name);

/* --- private to lib/formula: what the forms are made of ------------------------------------------------------ */

/* The seven terms of xl_convert after x. 0, or -1 where there are no such units of one kind. */
int numform_convert(const char *from, const char *to, double *k);
int numform_datedif_unit(const char *text); /* -1: none */
/* Number 1..7, 11..17, or seven characters 0 and 1 from Monday on. 0 or an error kind. */
int numform_weekend(struct value v, int date1904, unsigned *mask);
/* Numbers of a range, array or scalar, in the evaluator's temporary arena. 0 or an error kind. */
int numform_holidays(struct eval *ev, struct value v, double **out, int *n);

#endif
