/*
 * inventory: what is in a workbook, as sim-model lists it: sheets, names, random inputs, possible targets, functions, links to other workbooks,
 * volatile cells with what depends on them, circles of cells. One record each as NDJSON, headings and lines as a table.
 */
#ifndef MODEL_INVENTORY_H
#define MODEL_INVENTORY_H

#include "common/cli.h"
#include "formula/eval.h"

struct inventory {
	const struct model *m;
	struct eval *ev;
	enum cli_format format;  /* CLI_TABLE or CLI_NDJSON */
};

/* Calls of each function in formulas. */
struct function_tally {
	const char *name;        /* NULL ends the list */
	int64_t agree, differ;
};
#define INVENTORY_FUNCTIONS 4000
/* Count the calls of a tree in t (room for INVENTORY_FUNCTIONS + 1, zeroed). */
void inventory_count(const struct node *n, struct function_tally *t, int agree);

/* Ends the program where memory is out. */
void inventory_write(const struct inventory *v, struct buf *out);

#endif
