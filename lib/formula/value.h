/*
 * value: what an Excel expression can be.
 *
 * Values are small and copied; what they point to lives in the arena of the evaluator that made
 * them (or in the workbook). Numbers are finite: a result that is not becomes XE_NUM.
 */
#ifndef FORMULA_VALUE_H
#define FORMULA_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "workbook/workbook.h"

enum value_kind {
	V_BLANK,   /* an empty cell */
	V_NUM,
	V_BOOL,
	V_TEXT,
	V_ERROR,
	V_MISSING, /* an argument left empty, as in IF(a,,b) */
	V_ARRAY,
	V_REF,     /* one or more areas */
	V_LAMBDA
};

struct text {
	uint32_t nbytes;
	char s[]; /* UTF-8, NUL-terminated */
};

struct area {
	int sheet1, sheet2; /* 3-D when they differ; inclusive */
	int32_t row1, col1, row2, col2; /* inclusive, absolute, row1 <= row2; whole rows/columns reach the limit */
};

struct ref {
	int nareas;
	struct area area[];
};

struct value;
struct closure; /* a LAMBDA with its captured variables; eval.c's own */

struct array {
	int32_t rows, cols; /* both >= 1 */
	struct value *v;    /* row-major; scalar kinds only (BLANK NUM BOOL TEXT ERROR) */
};

struct value {
	uint8_t kind;  /* enum value_kind */
	uint8_t error; /* enum xl_error when V_ERROR */
	uint8_t boolean;
	union {
		double num;
		const struct text *text;
		struct array *array;
		const struct ref *ref;
		const struct closure *lambda;
	} u;
};

static inline struct value
value_num(double x)
{
	struct value v = {.kind = V_NUM};

	v.u.num = x;
	return v;
}

static inline struct value
value_bool(int b)
{
	return (struct value){.kind = V_BOOL, .boolean = b != 0};
}

static inline struct value
value_error(int k)
{
	return (struct value){.kind = V_ERROR, .error = (uint8_t)k};
}

/* Element (r, c) of an array that is stretched: one row or column repeats; beyond it #N/A. */
static inline struct value
value_stretched(const struct array *a, int32_t r, int32_t c)
{
	if (a->rows == 1)
		r = 0;
	if (a->cols == 1)
		c = 0;
	return r < a->rows && c < a->cols ? a->v[(int64_t)r * a->cols + c] : value_error(XE_NA);
}

static inline struct value
value_blank(void)
{
	return (struct value){.kind = V_BLANK};
}

struct value value_text(struct arena *a, const char *s, size_t nbytes);
struct value value_textz(struct arena *a, const char *s);

/* --- coercions of scalars; return 0 or the error kind ------------------------------------------ */
/* To number as an operator does: blank 0, TRUE 1, text by value_parse_number else #VALUE!. */
int value_to_num(const struct value *v, int date1904, double *out);
/* To logical: numbers are != 0, text "TRUE"/"FALSE" only. */
int value_to_bool(const struct value *v, int *out);
/* To text: numbers in General format (15 digits at most, as Excel's & does). */
int value_to_text(struct arena *a, const struct value *v, const struct text **out);

/* Text as a user would type a number into a cell (en-US): "1,234.5", "12%", "$3", "1/2/2024", "12:30",
 * "1e3", "(5)", blanks around. 0, or -1 if it is none. */
int value_parse_number(const char *s, size_t n, int date1904, double *out);

/* Number in General format, as & and TEXT(x,"General") give it: 15 significant digits, E notation
 * from 1E+21 and where a fraction needs more than 21 places, as Excel; out >= 32 bytes. Returns the length. */
size_t value_format_general(double x, char *out);

/* Excel's order: number < text < FALSE < TRUE; text without case; blank equals 0, "" and FALSE. Numbers are
 * compared on 15 significant digits (kernels/xl_math.h xl_compare15). Returns <0, 0, >0. No errors in. */
int value_compare(const struct value *a, const struct value *b);
/* Without case, in the order of a dictionary: symbols, digits, letters; accents, hyphens and apostrophes come second. */
int text_compare(const char *a, size_t na, const char *b, size_t nb);

#endif
