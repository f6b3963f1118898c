/* model_private: what model.c and eval.c share. */
#ifndef FORMULA_MODEL_PRIVATE_H
#define FORMULA_MODEL_PRIVATE_H

#include <stdio.h>

#include "formula/eval.h"

struct parsed {
	const struct formula_text *key;
	struct formula *f;
};

struct model_place {
	int sheet;
	int32_t row, col;
};

struct model_private {
	size_t *base;           /* number of a sheet's first cell; cells are numbered through the workbook */
	size_t ncells;
	struct formula **formula; /* by cell number */
	struct parsed *parsed;  /* open hash by text */
	size_t nparsed_cap;
	int32_t *used;          /* by sheet: last row and last column that hold something, changes too */
	uint32_t *change_at;    /* open hash: index + 1 into model->changes */
	size_t change_cap;
	struct model_place *extra;    /* of the changes, those where the workbook has no cell; by sheet, row, column */
	size_t nextra;
};

#endif
