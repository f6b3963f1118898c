/* workbook: looking things up in a loaded workbook, addresses, error names. Reading is in xlsx.c. */
#include "workbook/workbook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const char *const error_names[XE_COUNT] = {
    [XE_NULL] = "#NULL!",   [XE_DIV0] = "#DIV/0!",     [XE_VALUE] = "#VALUE!",     [XE_REF] = "#REF!",
    [XE_NAME] = "#NAME?",   [XE_NUM] = "#NUM!",        [XE_NA] = "#N/A",           [XE_GETTING_DATA] = "#GETTING_DATA",
    [XE_SPILL] = "#SPILL!", [XE_CONNECT] = "#CONNECT!", [XE_BLOCKED] = "#BLOCKED!", [XE_UNKNOWN] = "#UNKNOWN!",
    [XE_FIELD] = "#FIELD!", [XE_CALC] = "#CALC!"};

const char *
xl_error_name(enum xl_error k)
{
	return k > XE_NONE && k < XE_COUNT ? error_names[k] : "";
}

enum xl_error
xl_error_parse(const char *s, size_t n)
{
	for (int k = 1; k < XE_COUNT; k++)
		if (strlen(error_names[k]) == n && !strncasecmp(s, error_names[k], n))
			return (enum xl_error)k;
	return XE_NONE;
}

const struct cell *
sheet_cell(const struct sheet *s, int32_t row, int32_t col)
{
	size_t lo, hi;

	if (row < s->row_min || row > s->row_max)
		return NULL;
	lo = s->row_start[row - s->row_min];
	hi = s->row_start[row - s->row_min + 1];
	/* rows are mostly dense: try where the cell would be */
	if (hi > lo) {
		size_t guess = lo + (size_t)(col - s->cells[lo].col);

		if (col >= s->cells[lo].col && guess < hi && s->cells[guess].col == col)
			return &s->cells[guess];
	}
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->cells[mid].col == col)
			return &s->cells[mid];
		if (s->cells[mid].col < col)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct cell *
workbook_cell(const struct workbook *wb, int sheet, int32_t row, int32_t col)
{
	if (sheet < 0 || (size_t)sheet >= wb->nsheets)
		return NULL;
	return sheet_cell(&wb->sheets[sheet], row, col);
}

static int
same_name(const char *a, const char *b, size_t nb)
{
	return !utf8_casecmp(a, strlen(a), b, nb);
}

int
workbook_sheet(const struct workbook *wb, const char *name, size_t n)
{
	for (size_t i = 0; i < wb->nsheets; i++)
		if (same_name(wb->sheets[i].name, name, n))
			return (int)i;
	return -1;
}

const struct defined_name *
workbook_name(const struct workbook *wb, int sheet, const char *name, size_t n)
{
	const struct defined_name *global = NULL;

	for (size_t i = 0; i < wb->nnames; i++) {
		if (wb->names[i].sheet != sheet && wb->names[i].sheet != -1)
			continue;
		if (!same_name(wb->names[i].name, name, n))
			continue;
		if (wb->names[i].sheet == sheet)
			return &wb->names[i];
		global = &wb->names[i];
	}
	return global;
}

const struct table *
workbook_table(const struct workbook *wb, const char *name, size_t n)
{
	for (size_t i = 0; i < wb->ntables; i++)
		if (same_name(wb->tables[i].name, name, n))
			return &wb->tables[i];
	return NULL;
}

const char *
workbook_number_format(const struct workbook *wb, int style)
{
	if (style < 0 || (size_t)style >= wb->nnumber_formats || !wb->number_formats[style])
		return "General";
	return wb->number_formats[style];
}

int
workbook_row_hidden(const struct sheet *s, int32_t row)
{
	for (size_t i = 0; i < s->nhidden_rows; i++)
		if (row >= s->hidden_rows[i].row1 && row <= s->hidden_rows[i].row2)
			return 1;
	return 0;
}

int
workbook_row_filtered(const struct sheet *s, int32_t row)
{
	return s->nfilters && workbook_row_hidden(s, row);
}

size_t
a1_parse(const char *s, int32_t *row, int32_t *col)
{
	const char *p = s;
	int64_t c = 0, r = 0;
	int letters = 0, digits = 0;

	if (*p == '$')
		p++;
	for (; (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z'); p++, letters++) {
		if (letters == 3)
			return 0;
		c = c * 26 + ((*p | 32) - 'a' + 1);
	}
	if (!letters || c > XL_MAX_COLS)
		return 0;
	if (*p == '$')
		p++;
	if (*p < '1' || *p > '9')
		return 0;
	for (; *p >= '0' && *p <= '9'; p++, digits++) {
		if (digits == 7)
			return 0;
		r = r * 10 + (*p - '0');
	}
	if (r > XL_MAX_ROWS)
		return 0;
	*row = (int32_t)r - 1;
	*col = (int32_t)c - 1;
	return (size_t)(p - s);
}

void
a1_format(int32_t row, int32_t col, char *out)
{
	char letters[8];
	int n = 0, k = 0;

	for (int32_t c = col + 1; c > 0 && n < 7; c = (c - 1) / 26)
		letters[n++] = (char)('A' + (c - 1) % 26);
	while (n > 0)
		out[k++] = letters[--n];
	snprintf(out + k, (size_t)(A1_TEXT - k), "%d", row + 1);
}

static int
needs_quotes(const char *name)
{
	int32_t row, col;

	if (!*name || (*name >= '0' && *name <= '9') || a1_parse(name, &row, &col))
		return 1;
	for (const char *p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
		      *p == '.' || (unsigned char)*p >= 0x80))
			return 1;
	return 0;
}

void
a1_format_full(const struct workbook *wb, int sheet, int32_t row, int32_t col, char *out, size_t n)
{
	const char *name = sheet >= 0 && (size_t)sheet < wb->nsheets ? wb->sheets[sheet].name : "?";
	char a1[A1_TEXT];
	size_t k = 0;

	a1_format(row, col, a1);
	if (!needs_quotes(name)) {
		snprintf(out, n, "%s!%s", name, a1);
		return;
	}
	if (k + 1 < n)
		out[k++] = '\'';
	for (const char *p = name; *p && k + 2 < n; p++) {
		if (*p == '\'')
			out[k++] = '\'';
		out[k++] = *p;
	}
	snprintf(out + k, n - k, "'!%s", a1);
}
