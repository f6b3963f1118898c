/*
 * graph: which formula cell refers to which, as written: what depends on a cell, and which cells refer to each other in a circle.
 *
 * References are those of the text (names followed); what OFFSET and INDIRECT find at run time is not among them, and a branch that IF does not take is.
 */
#ifndef FORMULA_GRAPH_H
#define FORMULA_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "formula/eval.h"

#define GRAPH_EDGES ((size_t)1 << 24) /* references kept; beyond, `truncated` */

struct graph_cell {
	int sheet;
	int32_t row, col;
	const struct formula *f;
};

struct graph {
	struct graph_cell *cell;   /* formula cells: in order of sheet, row, column; then those that changes put into empty cells */
	size_t n;
	uint32_t *first, *to;      /* cell i refers to to[first[i]] .. to[first[i + 1] - 1] */
	uint32_t *rfirst, *rto;    /* and is referred to by these */
	uint32_t **node;           /* by sheet and its cell number: index + 1, 0: no formula */
	size_t nsheets;
	int truncated;
};

struct graph *graph_new(const struct model *m, struct err *e);
void graph_free(struct graph *g);

/* What depends on cell i, directly or not, in ascending order into out (room for n); returns how many. Itself only where it is in a circle. */
size_t graph_dependents(const struct graph *g, size_t i, uint32_t *out);
/* group[i]: number from 1 of the circle that cell i belongs to, 0 none. Tarjan 1972. Returns the number of circles, -1 without memory. */
int64_t graph_circles(const struct graph *g, uint32_t *group);

#endif
