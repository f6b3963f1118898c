/*
 * vector: a row or column of a reference or an array, read where it is looked at, and how the functions of lookup find a value in it.
 * Private to lib/formula.
 *
 * The approximate match is the binary search of Excel, also where the vector is not sorted: cells of another type than
 * the value are stepped over, and a value that is equal ends it. MATCH(x, v, -1) goes through the vector one by one.
 */
#ifndef FORMULA_VECTOR_H
#define FORMULA_VECTOR_H

#include <stdint.h>

#include "formula/value.h"

struct eval;

struct vector {
	struct eval *ev;
	const struct array *arr;
	struct area area;
	int is_ref, across;      /* across: runs along a row */
	int32_t fixed;           /* the row (across) or column of a table it is */
	int64_t n;               /* elements up to the end of the used range */
	int64_t full;            /* all of them */
};

/* The table that a value is, and its shape; 0 or an error kind. */
int vector_table(struct eval *ev, struct value v, struct vector *t, int32_t *rows, int32_t *cols);
struct value vector_cell(const struct vector *t, int32_t r, int32_t c);
/* Makes it column (across: row) number `fixed` of the table; whole columns end with the used range. */
void vector_set(struct vector *t, int across, int32_t fixed, int32_t rows, int32_t cols);

/* Each gives a position from 0, or -1. */

/* The first that equals x (backwards: the last). */
int64_t vector_exact(const struct vector *t, const struct value *x, int wildcards, int backwards);
/* By bisection, up to the last of the values that equal the one that was hit; without a hit, the last that was found below x. */
int64_t vector_ascending(const struct vector *t, const struct value *x);
/* One by one, until a value equals x or is below it. */
int64_t vector_descending(const struct vector *t, const struct value *x);
/* As XLOOKUP and XMATCH do: match 0 exact, -1 next smaller, 1 next larger, 2 wildcards, 3 a regular expression; search 1, -1
 * (backwards), 2, -2 (bisection). An empty cell is sought beyond the used range too. */
int64_t vector_find(const struct vector *t, const struct value *x, double match, double search);

#endif
