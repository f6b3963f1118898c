/*
 * ast: a parsed formula. Trees are immutable, shared by all cells of a shared group, and relative:
 * a relative reference holds the distance from the cell that uses it, so that one tree serves every
 * copy. Resolve with node_area(node, home sheet, home row, home col).
 */
#ifndef FORMULA_AST_H
#define FORMULA_AST_H

#include "base/arena.h"
#include "base/err.h"
#include "formula/value.h"
#include "workbook/workbook.h"

enum node_kind {
	N_NUM, N_TEXT, N_BOOL, N_ERROR,
	N_MISSING,  /* an empty argument */
	N_ARRAY,    /* {1,2;3,4}: u.value is V_ARRAY; args: what stood there instead, for node_print() */
	N_AREA,     /* A1, A1:B2, A:A, 1:3, Sheet!A1, S1:S3!A1, [1]Sheet!A1 (external) */
	N_NAME,     /* a defined name (u.name.def), or a LET/LAMBDA variable (u.name.slot >= 0), or unknown */
	N_UNARY,    /* op: '-' '+' '%' '@' (implicit intersection) '#' (spill range) */
	N_BINARY,   /* op: + - * / ^ & = < > 'l' (<=) 'g' (>=) 'n' (<>) ':' (range) ' ' (intersect) ',' (union) */
	N_CALL,     /* u.call.fn, or NULL and its name: unknown function */
	N_FUNCTION, /* the name of a function as a value: SUM for LAMBDA(x, SUM(x)); u.call */
	N_INVOKE    /* args[0] is an expression giving a LAMBDA, the rest its arguments */
};

enum area_flag { /* set: the coordinate is an offset from the home cell */
	AREA_ROW1_REL = 1, AREA_COL1_REL = 2, AREA_ROW2_REL = 4, AREA_COL2_REL = 8,
	AREA_WHOLE_ROWS = 16, AREA_WHOLE_COLS = 32, /* 1:3, A:C */
	AREA_OWN_SHEET = 64, /* no sheet was written: the home cell's */
	AREA_EXTERNAL = 128  /* sheet1 is a sheet of workbook->externals[book] */
};

struct func;

struct node {
	uint8_t kind;      /* enum node_kind */
	uint8_t op;
	uint8_t parens;    /* was written in parentheses (matters for the final-subtraction snap) */
	uint16_t nargs;
	int32_t pos;       /* byte offset in the formula text, for messages */
	struct node **args;
	union {
		double num;
		int boolean;
		int error;
		struct value value;  /* N_TEXT, N_ARRAY */
		struct {
			int sheet1, sheet2;
			int32_t row1, col1, row2, col2;
			uint8_t flags;
			int16_t book;
		} area;
		struct {
			const char *name;
			const struct defined_name *def; /* NULL: a variable or unknown */
			int slot;                       /* variable: index in the environment chain; else -1 */
		} name;
		struct {
			const struct func *fn;
			const char *name;  /* as written, prefixes (_xlfn. _xlws. _xll. [1]!) removed, upper case */
			uint16_t draw;     /* ordinal among the random calls of the formula, in reading order */
		} call;
	} u;
};

enum formula_flag {
	FORMULA_VOLATILE = 1, /* NOW, TODAY, RAND, OFFSET, INDIRECT, INFO, CELL */
	FORMULA_RANDOM = 2,   /* draws: RAND, RANDBETWEEN, RANDARRAY, Risk… */
	FORMULA_DYNAMIC = 4,  /* references found only at run time: OFFSET, INDIRECT, INDEX(…):… */
	FORMULA_EXTERNAL = 8, /* refers to another workbook */
	FORMULA_UNKNOWN = 16, /* calls a function, or uses a name, that is not known */
	FORMULA_OUTPUT = 32   /* contains RiskOutput */
};

struct formula {
	const struct node *root;  /* NULL: it does not parse; `error` says why */
	const char *text;         /* as parsed, without "=" */
	const char *error;        /* "column 7: unexpected ')'" */
	unsigned flags;           /* enum formula_flag, of everything but what names refer to */
	uint16_t ndraws;
	int nslots;               /* variables */
};

/*
 * Parse text (no leading "=", though one is tolerated) as Excel's grammar (en-US separators).
 * home: the cell the text was written for. spec: names of distributions are tried first, so that
 * "normal(0,1)" means RiskNormal. Never fails: a formula that does not parse has root NULL.
 * Tables and structured references are resolved here, to areas ([#This Row] relative).
 */
struct formula *formula_parse(struct arena *a, const struct workbook *wb, int sheet, int32_t row,
                              int32_t col, const char *text, int spec);

/* The area a N_AREA node means in a given cell. 0, or XE_REF where it falls off the sheet. */
int node_area(const struct node *n, int sheet, int32_t row, int32_t col, struct area *out);

/* The tree back as text for a given cell ("SUM(B2:B9)*2"), for --explain and messages. */
struct buf;
int node_print(struct buf *b, const struct workbook *wb, const struct node *n, int sheet,
               int32_t row, int32_t col);

#endif
