/*
 * eval: the scalar evaluator, the full-fidelity one.
 *
 * Evaluates any cell or tree on demand, one trial at a time, remembering each cell's value. It folds
 * what does not depend on a draw, verifies a workbook against its cached values, replays a trial,
 * and evaluates lane by lane what the vector machine cannot take.
 *
 * Invariants
 *  1. A cell's value is a function of (model, seed, trial) alone: draws are addressed (Philox), not consumed.
 *  2. A cell whose evaluation touched no draw ("untainted") keeps its value over all trials.
 *  3. Recursion is bounded: deep chains of cells are walked with a stack on the heap.
 *
 * One struct eval per thread; the model is read-only and shared.
 */
#ifndef FORMULA_EVAL_H
#define FORMULA_EVAL_H

#include "base/giveup.h"
#include "formula/ast.h"
#include "formula/func.h"
#include "formula/value.h"

/* --- model: a workbook with its formulas parsed and what the user changed ------------------------ */

struct copula;

struct model_change {          /* --set and -i: a cell's content replaced */
	int sheet;
	int32_t row, col;
	struct formula *formula; /* or NULL: `value` is the content */
	struct value value;
};

struct model {
	struct arena arena;
	const struct workbook *wb; /* borrowed */
	struct model_change *changes;
	size_t nchanges;
	int pin;                   /* --pin: cells that draw keep their cached values */
	int xlrisk;                /* dialect: LogNorm takes mu and sigma of ln X */
	uint64_t data_hash;        /* of the numbers that came from files (engine/datafile.h) */
	struct copula *copula;     /* correlated draws, formula/copula.h; NULL: none */
	/* … private: index of changes, parse cache */
	struct model_private *priv;
};

/* Parses every formula once (shared groups once). wb must outlive the model. */
struct model *model_new(const struct workbook *wb, struct err *e);
void model_free(struct model *m);

/* Replace a cell's content. Before any eval_new(). text is a formula without "=" (spec: distribution names are tried
 * first). 0 or -1 with the place in the message. */
int model_set_formula(struct model *m, int sheet, int32_t row, int32_t col, const char *text,
                      int spec, struct err *e);
/* The same for every cell of an area on one sheet: written for the first cell, its relative references move with the cell. */
int model_fill_formula(struct model *m, const struct area *a, const char *text, int spec, struct err *e);
int model_set_value(struct model *m, int sheet, int32_t row, int32_t col, struct value v);

/* "Sheet!B4", "B4" (on default_sheet), "Name" (a defined name for one cell or an area) -> area. 0 or -1 (65). */
int model_find(const struct model *m, const char *where, int default_sheet, struct area *out,
               struct err *e);

/* The content of a cell after changes: its formula (or NULL) and its literal or cached cell (or NULL). */
const struct formula *model_formula(const struct model *m, int sheet, int32_t row, int32_t col);
const struct model_change *model_changed(const struct model *m, int sheet, int32_t row, int32_t col); /* or NULL */
/* The last row and column of a sheet that hold something, changes too; -1 where nothing does. */
void model_used(const struct model *m, int sheet, int32_t *row, int32_t *col);
/* The first column from `col` on in which a row has a change where the workbook has no cell; INT32_MAX: none. */
int32_t model_extra(const struct model *m, int sheet, int32_t row, int32_t col);
const struct formula *model_name_formula(const struct model *m, const struct defined_name *d);
/* The first name or function in a tree that means nothing, as text. 1 if there is one. */
int formula_unknown(const struct node *n, char *out, size_t size);

/* --- evaluating ------------------------------------------------------------------------------------ */

/* One draw: which distribution, with which parameters, at which uniform. The engine may answer from a
 * table built for constant parameters; without a hook the exact inverse is used. */
struct draw_site {
	int sheet;
	int32_t row, col;
	uint32_t call;             /* ordinal of the call in the formula */
	uint32_t element;          /* within one call: RANDARRAY, lambdas; else 0 */
};
typedef double draw_hook(void *ctx, const struct draw_site *site, int dist, const double *params,
                         int nparams, double uniform);

struct eval; /* opaque to callers; functions use the part in eval_internal.h */

struct eval *eval_new(const struct model *m, struct err *e);
void eval_free(struct eval *ev);

/* Which trial draws are for. Invalidates tainted values. Before the first call, draws give their mean-less
 * static value: RAND 0.5 (median), a distribution its RiskStatic value or its mean. */
void eval_set_trial(struct eval *ev, uint64_t seed, int64_t trial);
void eval_set_draw_hook(struct eval *ev, draw_hook *hook, void *ctx);

/* Whom to ask whether values are still wanted; borrowed. Once the answer is yes, values mean nothing any more. */
void eval_set_giveup(struct eval *ev, const struct giveup *g);

/* Give a cell a value for this trial only (the vector machine's lanes); cleared by eval_set_trial. */
void eval_override(struct eval *ev, int sheet, int32_t row, int32_t col, struct value v);

/* The value of a cell: scalar kinds only. Valid until the next eval_set_trial (text: until then too). */
struct value eval_cell(struct eval *ev, int sheet, int32_t row, int32_t col);
/* Whether that value depends on a draw. Evaluates the cell if need be. */
int eval_cell_tainted(struct eval *ev, int sheet, int32_t row, int32_t col);

/* Whether it depends on the moment: a volatile function other than OFFSET and INDIRECT was called on the way. */
int eval_cell_momentary(struct eval *ev, int sheet, int32_t row, int32_t col);

/* A tree in the context of a home cell. array: evaluate in array mode (else implicit intersection).
 * *tainted (may be NULL) is set if a draw was touched. The value may be V_ARRAY or V_REF. */
struct value eval_tree(struct eval *ev, const struct node *n, int sheet, int32_t row, int32_t col,
                       int array, int *tainted);

/* Any value to one scalar, as a formula in that cell would. */
struct value eval_value_scalar(struct eval *ev, struct value v, int sheet, int32_t row, int32_t col);

/* Why a cell is an error: follows the precedents to where the error arises. 1 and a sentence in out, or 0. */
int eval_explain_error(struct eval *ev, int sheet, int32_t row, int32_t col, char *out, size_t size);

/* Text such as "Summary!B2*2" in the context of a sheet. */
struct value eval_text(struct eval *ev, const char *text, int sheet, struct err *e);

/* The cycle found by the last evaluation ("A1 -> B1 -> A1"), "" if none. Circular without iterate:
 * the value is XE_REF-like 0 and this message says which cells. */
const char *eval_cycle(const struct eval *ev);

/* 64-bit stream of a draw: frozen, part of the file format. FNV-1a 64 over the sheet's name in UTF-8, a
 * zero byte, then row, col, call, element as 32-bit little-endian, finished with the murmur3 64-bit mixer. */
uint64_t draw_stream(const struct workbook *wb, const struct draw_site *site);

#endif
