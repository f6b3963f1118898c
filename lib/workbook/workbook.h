/*
 * workbook: a spreadsheet file in memory: sheets of cells, names, tables, settings.
 *
 * Formulas are kept as text, with the sharing of the file (one text per shared group); parsing is
 * lib/formula's. Nothing here evaluates. Rows and columns count from 0. All strings are UTF-8 and
 * live in the workbook's arena until workbook_free(); a loaded workbook is read-only and may be
 * read by any number of threads.
 */
#ifndef WORKBOOK_WORKBOOK_H
#define WORKBOOK_WORKBOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define XL_MAX_ROWS 1048576
#define XL_MAX_COLS 16384

/* Error kinds, the order of Excel's ERROR.TYPE; part of the record format. */
enum xl_error {
	XE_NONE = 0,
	XE_NULL = 1,   /* #NULL! */
	XE_DIV0 = 2,   /* #DIV/0! */
	XE_VALUE = 3,  /* #VALUE! */
	XE_REF = 4,    /* #REF! */
	XE_NAME = 5,   /* #NAME? */
	XE_NUM = 6,    /* #NUM! */
	XE_NA = 7,     /* #N/A */
	XE_GETTING_DATA = 8,
	XE_SPILL = 9,  /* #SPILL! */
	XE_CONNECT = 10, XE_BLOCKED = 11, XE_UNKNOWN = 12, XE_FIELD = 13,
	XE_CALC = 14,  /* #CALC! */
	XE_COUNT
};

const char *xl_error_name(enum xl_error k);                    /* "#DIV/0!" */
enum xl_error xl_error_parse(const char *s, size_t n);         /* XE_NONE if it is none */

enum cell_kind { CELL_EMPTY, CELL_NUM, CELL_BOOL, CELL_TEXT, CELL_ERROR };

enum cell_flag {
	CELL_HAS_CACHED = 1,   /* a formula cell: the value is the one its maker cached */
	CELL_ARRAY_MASTER = 2, /* t="array": `array` gives the range */
	CELL_ARRAY_PART = 4,   /* inside an array range, not its master */
	CELL_DYNAMIC = 8,      /* cm= attribute: a dynamic-array formula */
	CELL_SHARED = 16,      /* formula text is the master's; see struct formula_text */
	CELL_DATATABLE = 32,   /* t="dataTable": what-if table, not recalculated */
	CELL_IS_DATE = 64,     /* its number format shows a date or time */
	CELL_RICH = 128        /* vm= attribute: a kind of value newer than the format (#SPILL!, #CALC! …), stored as #VALUE! */
};

struct cell_area {
	int32_t row1, col1, row2, col2; /* inclusive */
};

/* One formula text, used by one cell, or by all cells of a shared group. */
struct formula_text {
	const char *text;            /* without the leading "=" */
	int32_t base_row, base_col;  /* the cell the text was written for (a shared group's master) */
	int32_t nusers;
	void *user;                  /* lib/formula keeps the parsed tree here */
};

struct cell {
	int32_t row, col;
	uint8_t kind;                /* enum cell_kind of the literal or cached value */
	uint8_t flags;               /* enum cell_flag */
	uint8_t error;               /* enum xl_error when kind is CELL_ERROR */
	uint8_t boolean;
	int32_t style;               /* index into number formats: workbook_number_format() */
	union {
		double num;
		const char *text;
	} v;
	struct formula_text *formula; /* NULL: a literal */
	struct cell_area array;       /* of the array range, for master and parts */
};

enum sheet_state { SHEET_VISIBLE, SHEET_HIDDEN, SHEET_VERY_HIDDEN };

struct sheet {
	const char *name;
	int index;
	enum sheet_state state;
	int is_worksheet;            /* 0: chart or macro sheet, has no cells */
	struct cell *cells;          /* sorted by row, then column */
	size_t ncells;
	size_t *row_start;           /* row_start[r - row_min] .. [r - row_min + 1): cells of row r */
	int32_t row_min, row_max, col_min, col_max; /* used range; row_max < row_min when empty */
	struct cell_area *hidden_rows; /* runs of hidden rows (SUBTOTAL 101…); only rows matter */
	size_t nhidden_rows;
	struct cell_area *filters;     /* ranges with a filter set: while there is one, every hidden row of the sheet counts as filtered out */
	size_t nfilters;
	struct cell_area *merged;
	size_t nmerged;
};

struct defined_name {
	const char *name;
	int sheet;                   /* scope: sheet index, or -1 for the workbook */
	struct formula_text formula; /* refers-to, without "=" */
	int hidden;
};

struct table_column {
	const char *name;
};

struct table {
	const char *name;            /* displayName */
	int sheet;
	struct cell_area area;       /* with header and totals rows */
	int header_rows, totals_rows; /* 0 or 1 */
	struct table_column *columns;
	size_t ncolumns;
};

/* A name of another workbook: [n]!Name, [n]Sheet!Name. */
struct external_name {
	const char *name;
	int sheet;                   /* scope: index into the book's sheets, or -1 */
	const char *refers_to;       /* without "="; sheets are the book's own */
};

/* Cached cells of another workbook that formulas refer to as [n]Sheet!A1. */
struct external_book {
	const char *target;          /* as in the file; never opened */
	struct sheet *sheets;        /* same shape as a worksheet, literals only; is_worksheet 0: nothing was ever read from it */
	size_t nsheets;
	struct external_name *names;
	size_t nnames;
};

struct workbook {
	struct arena arena;
	const char *path;            /* as given, for messages */
	const char *application;     /* docProps/app.xml, "" if absent */
	struct sheet *sheets;
	size_t nsheets;
	struct defined_name *names;
	size_t nnames;
	struct table *tables;
	size_t ntables;
	struct external_book *externals; /* [1] is externals[0] */
	size_t nexternals;
	const char **number_formats; /* by cell style index */
	size_t nnumber_formats;
	int date1904;
	int iterate;                 /* calcPr iterate */
	int iterate_count;           /* 100 unless said */
	double iterate_delta;        /* 0.001 unless said */
	int full_precision;          /* 1 unless "precision as displayed" */
	int has_macros;              /* vbaProject present; never run */
	size_t nformula_cells;
	uint64_t content_hash[2];    /* of the file's bytes; names the model in records */
};

/*
 * Load path (.xlsx, .xlsm). Errors: 66 cannot be opened; 65 not a workbook we read, damaged,
 * encrypted, .xls, .xlsb, .ods: the message says which, and names part, sheet and cell where it can.
 * Limits: an entry may not inflate beyond 2 GiB nor the whole beyond 4 GiB.
 */
struct workbook *workbook_load(const char *path, struct err *e);
void workbook_free(struct workbook *wb);

/* NULL where the cell is empty and has no formula. O(log cells of the row). */
const struct cell *workbook_cell(const struct workbook *wb, int sheet, int32_t row, int32_t col);
const struct cell *sheet_cell(const struct sheet *s, int32_t row, int32_t col);

/* Sheet by name, without case; -1 if there is none. */
int workbook_sheet(const struct workbook *wb, const char *name, size_t n);

/* Name visible from `sheet` (its own scope first, then the workbook's); NULL if there is none. */
const struct defined_name *workbook_name(const struct workbook *wb, int sheet, const char *name, size_t n);
const struct table *workbook_table(const struct workbook *wb, const char *name, size_t n);

/* Format code such as "0.00%"; "General" for 0 and for what is out of range. */
const char *workbook_number_format(const struct workbook *wb, int style);
int workbook_row_hidden(const struct sheet *s, int32_t row);
int workbook_row_filtered(const struct sheet *s, int32_t row); /* hidden while a filter is set on the sheet */

/* "B4" or "$B$4" -> row, col. Returns its length, 0 if s does not start with a cell address. */
size_t a1_parse(const char *s, int32_t *row, int32_t *col);
#define A1_TEXT 16
void a1_format(int32_t row, int32_t col, char *out);       /* "B4" */
/* "Sheet!B4", the sheet quoted where it must be; out holds at least n bytes. */
void a1_format_full(const struct workbook *wb, int sheet, int32_t row, int32_t col, char *out, size_t n);

#endif
