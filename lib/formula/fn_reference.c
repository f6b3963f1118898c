/* fn_reference: references, and what stands where: INDEX, OFFSET, INDIRECT, TRIMRANGE, ADDRESS, ROW … Rows: functions/lookup.def. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "formula/vector.h"

/* --- a part of a range ----------------------------------------------------------------------------------------------------- */

void
fn_index(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double row = trunc(fn_number(args, nargs, 1, 0)), col = trunc(fn_number(args, nargs, 2, 0)), area = fn_number(args, nargs, 3, 1);
	int32_t rows, cols;
	struct area a = {0};
	struct array *arr = NULL, *r;

	UNUSED(call);
	if (args[0].kind == V_ERROR) {
		*out = args[0];
		return;
	}
	if (args[0].kind == V_REF) {
		if (area < 1 || area > args[0].u.ref->nareas) {
			*out = value_error(XE_REF);
			return;
		}
		a = args[0].u.ref->area[(int)area - 1];
		rows = a.row2 - a.row1 + 1;
		cols = a.col2 - a.col1 + 1;
	} else {
		if (area < 1 || area >= 2) {
			*out = value_error(area < 1 ? XE_VALUE : XE_REF);
			return;
		}
		arr = eval_to_array(ev, args[0]);
		rows = arr->rows;
		cols = arr->cols;
	}
	if (nargs == 2 && !arr && rows > 1 && cols > 1) { /* a range wants both */
		*out = value_error(XE_REF);
		return;
	}
	if (nargs == 2 && rows == 1) { /* one row: the single index counts columns */
		col = row;
		row = cols == 1 ? row : 1;
		if (cols == 1)
			col = 1;
	}
	if (row < 0 || col < 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	if (row > rows || col > cols) {
		*out = value_error(XE_REF);
		return;
	}
	if (!arr) {
		if (row > 0)
			a.row1 = a.row2 = a.row1 + (int32_t)row - 1;
		if (col > 0)
			a.col1 = a.col2 = a.col1 + (int32_t)col - 1;
		*out = eval_ref(ev, a.sheet1, a.row1, a.col1, a.row2, a.col2);
		return;
	}
	if ((row > 0 || rows == 1) && (col > 0 || cols == 1)) {
		*out = arr->v[(row > 0 ? (int64_t)row - 1 : 0) * cols + (col > 0 ? (int64_t)col - 1 : 0)];
		return;
	}
	r = eval_new_array(ev, row > 0 ? 1 : rows, col > 0 ? 1 : cols);
	for (int32_t i = 0; i < r->rows; i++)
		for (int32_t k = 0; k < r->cols; k++)
			r->v[(int64_t)i * r->cols + k] =
			    arr->v[(int64_t)(row > 0 ? (int32_t)row - 1 : i) * cols + (col > 0 ? (int32_t)col - 1 : k)];
	*out = eval_array_value(r);
}

void
fn_offset(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct area *a;
	double r1, c1, h, w;

	UNUSED(call);
	if (args[0].kind != V_REF || args[0].u.ref->nareas != 1) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
		return;
	}
	a = &args[0].u.ref->area[0];
	r1 = a->row1 + trunc(fn_number(args, nargs, 1, 0));
	c1 = a->col1 + trunc(fn_number(args, nargs, 2, 0));
	h = nargs > 3 && args[3].kind == V_NUM && !(call->args[3]->kind == N_MISSING) ? trunc(args[3].u.num) : a->row2 - a->row1 + 1;
	w = nargs > 4 && args[4].kind == V_NUM && !(call->args[4]->kind == N_MISSING) ? trunc(args[4].u.num) : a->col2 - a->col1 + 1;
	if (h == 0 && nargs > 3 && args[3].u.num != 0) /* 0.9 rows are one */
		h = args[3].u.num < 0 ? -1 : 1;
	if (w == 0 && nargs > 4 && args[4].u.num != 0)
		w = args[4].u.num < 0 ? -1 : 1;
	if (h < 0)
		r1 += h + 1, h = -h;
	if (w < 0)
		c1 += w + 1, w = -w;
	if (h == 0 || w == 0 || r1 < 0 || c1 < 0 || r1 + h > XL_MAX_ROWS || c1 + w > XL_MAX_COLS) {
		*out = value_error(XE_REF);
		return;
	}
	*out = eval_ref(ev, a->sheet1, (int32_t)r1, (int32_t)c1, (int32_t)(r1 + h) - 1, (int32_t)(c1 + w) - 1);
}

/* --- TRIMRANGE ------------------------------------------------------------------------------------------------ */

static int
empty_line(const struct vector *t, int across, int32_t line, int32_t from, int32_t to)
{
	for (int32_t k = from; k <= to; k++) {
		struct value v = across ? vector_cell(t, line, k) : vector_cell(t, k, line);

		if (v.kind != V_BLANK)
			return 0;
	}
	return 1;
}

/* Edges of what is not empty: box = first and last row, first and last column. 0 if all is empty. */
static int
trim_edges(const struct vector *t, int32_t *box)
{
	for (int across = 1; across >= 0; across--) {
		int32_t *b = across ? box : box + 2, *o = across ? box + 2 : box;

		while (b[0] <= b[1] && empty_line(t, across, b[1], o[0], o[1]))
			b[1]--;
		if (b[0] > b[1])
			return 0;
		while (empty_line(t, across, b[0], o[0], o[1]))
			b[0]++;
	}
	return 1;
}

/* rows, cols: bit 1 the leading edge, bit 2 the trailing one. */
static void
trim_range(struct eval *ev, struct value v, int rows, int cols, struct value *out)
{
	struct vector t;
	int32_t nrows, ncols, box[4], k[4];
	struct array *a;
	int e = vector_table(ev, v, &t, &nrows, &ncols);

	if (e) {
		*out = value_error(e);
		return;
	}
	k[0] = k[2] = box[0] = box[2] = 0;
	k[1] = box[1] = nrows - 1;
	k[3] = box[3] = ncols - 1;
	if (t.is_ref && !(t.area.sheet1 & 0x40000000)) { /* nothing stands beyond the used range */
		int32_t row, col;

		model_used(ev->m, t.area.sheet1, &row, &col);
		box[1] = row - t.area.row1 < box[1] ? row - t.area.row1 : box[1];
		box[3] = col - t.area.col1 < box[3] ? col - t.area.col1 : box[3];
	}
	if (box[1] < 0 || box[3] < 0 || !trim_edges(&t, box)) {
		*out = value_error(XE_REF);
		return;
	}
	k[0] = rows & 1 ? box[0] : k[0];
	k[1] = rows & 2 ? box[1] : k[1];
	k[2] = cols & 1 ? box[2] : k[2];
	k[3] = cols & 2 ? box[3] : k[3];
	if (t.is_ref) {
		*out = eval_ref(ev, t.area.sheet1, t.area.row1 + k[0], t.area.col1 + k[2], t.area.row1 + k[1], t.area.col1 + k[3]);
		return;
	}
	a = eval_new_array(ev, k[1] - k[0] + 1, k[3] - k[2] + 1);
	for (int32_t r = 0; r < a->rows; r++)
		for (int32_t c = 0; c < a->cols; c++)
			a->v[(int64_t)r * a->cols + c] = vector_cell(&t, k[0] + r, k[2] + c);
	*out = eval_array_value(a);
}

void
fn_trimrange(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double rows = nargs > 1 && call->args[1]->kind != N_MISSING ? trunc(fn_number(args, nargs, 1, 3)) : 3;
	double cols = nargs > 2 && call->args[2]->kind != N_MISSING ? trunc(fn_number(args, nargs, 2, 3)) : 3;

	if (rows < 0 || rows > 3 || cols < 0 || cols > 3)
		*out = value_error(XE_VALUE);
	else
		trim_range(ev, args[0], (int)rows, (int)cols, out);
}

void
fn_tro_all(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	trim_range(ev, args[0], 3, 3, out);
}

void
fn_tro_leading(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	trim_range(ev, args[0], 1, 1, out);
}

void
fn_tro_trailing(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	trim_range(ev, args[0], 2, 2, out);
}

/* "R2C3", "R[-1]C" */
static const char *
r1c1_part(const char *s, char letter, int32_t home, int32_t *out)
{
	int relative, neg = 0;
	int64_t k = 0;

	if ((*s | 32) != letter)
		return NULL;
	s++;
	relative = *s == '[' || *s < '0' || *s > '9';
	if (*s == '[') {
		s++;
		if (*s == '-')
			neg = 1, s++;
	}
	while (*s >= '0' && *s <= '9' && k < 10000000)
		k = k * 10 + (*s++ - '0');
	if (relative && *s == ']')
		s++;
	*out = (int32_t)(relative ? home + (neg ? -k : k) : k - 1);
	return s;
}

/* A sheet's name that a formula must quote because it begins with a digit goes unquoted here: "2024!A1". */
static struct formula *
parse_indirect(struct eval *ev, const char *s)
{
	struct formula *f = formula_parse(&ev->tmp, ev->wb, ev->sheet, ev->row, ev->col, s, 0);
	const char *p = s;
	struct buf b = BUF_INIT;

	while ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || *p == '_' || *p == '.' || *p & 0x80)
		p++;
	if (f->root || p == s || *p != '!')
		return f;
	buf_printf(&b, "'%.*s'%s", (int)(p - s), s, p);
	f = formula_parse(&ev->tmp, ev->wb, ev->sheet, ev->row, ev->col, b.s, 0);
	buf_free(&b);
	return f;
}

void
fn_indirect(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const char *s = args[0].u.text->s;
	struct formula *f;

	UNUSED(call);
	if (nargs > 1 && args[1].kind == V_BOOL && !args[1].boolean) {
		const char *bang = strrchr(s, '!'), *p = bang ? bang + 1 : s;
		int sheet = ev->sheet;
		int32_t row, col;

		if (bang) {
			size_t n = (size_t)(bang - s);

			if (n > 1 && *s == '\'')
				s++, n -= 2;
			sheet = workbook_sheet(ev->wb, s, n);
		}
		p = r1c1_part(p, 'r', ev->row, &row);
		if (p)
			p = r1c1_part(p, 'c', ev->col, &col);
		if (!p || *p || sheet < 0 || row < 0 || col < 0 || row >= XL_MAX_ROWS || col >= XL_MAX_COLS)
			*out = value_error(XE_REF);
		else
			*out = eval_ref(ev, sheet, row, col, row, col);
		return;
	}
	f = parse_indirect(ev, s);
	if (!f->root || (f->root->kind != N_AREA && f->root->kind != N_NAME && !(f->root->kind == N_BINARY &&
	    (f->root->op == ':' || f->root->op == ',' || f->root->op == ' ')))) {
		*out = value_error(XE_REF);
		return;
	}
	*out = eval_node(ev, f->root);
	if (out->kind != V_REF)
		*out = value_error(XE_REF);
}

static void
position(struct eval *ev, const struct node *call, struct value *args, int nargs, int column, struct value *out)
{
	const struct area *a;
	struct array *arr;
	int32_t n;

	UNUSED(call);
	if (nargs < 1 || args[0].kind == V_MISSING) {
		*out = value_num(column ? ev->col + 1 : ev->row + 1);
		return;
	}
	if (args[0].kind != V_REF) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
		return;
	}
	a = &args[0].u.ref->area[0];
	n = column ? a->col2 - a->col1 + 1 : a->row2 - a->row1 + 1;
	if (n == 1 || (n > 100000 && !ev->array_mode)) {
		*out = value_num(column ? a->col1 + 1 : a->row1 + 1);
		return;
	}
	arr = eval_new_array(ev, column ? 1 : n, column ? n : 1);
	for (int32_t i = 0; i < n; i++)
		arr->v[i] = value_num((column ? a->col1 : a->row1) + 1 + i);
	*out = eval_array_value(arr);
}

void
fn_row(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	position(ev, call, args, nargs, 0, out);
}

void
fn_column(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	position(ev, call, args, nargs, 1, out);
}

static void
extent(struct eval *ev, struct value v, int columns, struct value *out)
{
	const struct array *a;

	if (v.kind == V_ERROR) {
		*out = v;
	} else if (v.kind == V_REF && v.u.ref->nareas > 1) {
		*out = value_error(XE_REF);
	} else if (v.kind == V_REF) {
		const struct area *r = &v.u.ref->area[0];

		*out = value_num(columns ? r->col2 - r->col1 + 1 : r->row2 - r->row1 + 1);
	} else {
		a = eval_to_array(ev, v);
		*out = value_num(columns ? a->cols : a->rows);
	}
}

void
fn_rows(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	extent(ev, args[0], 0, out);
}

void
fn_columns(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	extent(ev, args[0], 1, out);
}

void
fn_address(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double row = trunc(fn_number(args, nargs, 0, 0)), col = trunc(fn_number(args, nargs, 1, 0)), kind = fn_number(args, nargs, 2, 1);
	int a1 = nargs < 4 || args[3].kind != V_BOOL || call->args[3]->kind == N_MISSING || args[3].boolean;
	struct buf b = BUF_INIT;
	char cell[A1_TEXT];
	size_t n;

	if (nargs > 2 && call->args[2]->kind == N_MISSING)
		kind = 1;
	if (row < 1 || col < 1 || row > XL_MAX_ROWS || col > XL_MAX_COLS || kind < 1 || kind > 4) {
		*out = value_error(XE_VALUE);
		return;
	}
	if (nargs > 4 && args[4].kind == V_TEXT && args[4].u.text->nbytes) {
		const char *s = args[4].u.text->s;
		int plain = !(s[0] >= '0' && s[0] <= '9');

		for (const char *p = s; *p; p++)
			plain &= (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
			         *p == '.' || *p == '[' || *p == ']' || (unsigned char)*p >= 0x80;
		buf_printf(&b, plain ? "%s!" : "'%s'!", s);
	}
	a1_format((int32_t)row - 1, (int32_t)col - 1, cell);
	n = strcspn(cell, "0123456789");
	if (a1)
		buf_printf(&b, "%s%.*s%s%s", kind == 1 || kind == 3 ? "$" : "", (int)n, cell, kind <= 2 ? "$" : "", cell + n);
	else
		buf_printf(&b, kind == 1 ? "R%.0fC%.0f" : kind == 2 ? "R%.0fC[%.0f]" : kind == 3 ? "R[%.0f]C%.0f" : "R[%.0f]C[%.0f]",
		           row, col);
	*out = value_textz(&ev->tmp, b.s);
	buf_free(&b);
}

void
fn_areas(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	UNUSED(nargs);
	*out = args[0].kind == V_REF ? value_num(args[0].u.ref->nareas) : args[0].kind == V_ERROR ? args[0] : value_error(XE_VALUE);
}

void
fn_transpose(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array *a = eval_to_array(ev, args[0]), *t = eval_new_array(ev, a->cols, a->rows);

	UNUSED(call);
	UNUSED(nargs);
	for (int32_t r = 0; r < a->rows; r++)
		for (int32_t c = 0; c < a->cols; c++)
			t->v[(int64_t)c * t->cols + r] = a->v[(int64_t)r * a->cols + c];
	*out = eval_array_value(t);
}

void
fn_formulatext(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct formula *f;
	const struct area *a;
	struct buf b = BUF_INIT;

	UNUSED(call);
	UNUSED(nargs);
	if (args[0].kind != V_REF) {
		*out = args[0].kind == V_ERROR ? args[0] : value_error(XE_NA);
		return;
	}
	a = &args[0].u.ref->area[0];
	f = model_formula(ev->m, a->sheet1, a->row1, a->col1);
	if (!f || !f->root) {
		*out = value_error(XE_NA);
		return;
	}
	buf_putc(&b, '=');
	node_print(&b, ev->wb, f->root, a->sheet1, a->row1, a->col1);
	*out = value_textz(&ev->tmp, b.s);
	buf_free(&b);
}

void
fn_sheet(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int k = ev->sheet;

	UNUSED(call);
	if (nargs > 0 && args[0].kind == V_REF)
		k = args[0].u.ref->area[0].sheet1;
	else if (nargs > 0 && args[0].kind == V_TEXT)
		k = workbook_sheet(ev->wb, args[0].u.text->s, args[0].u.text->nbytes);
	else if (nargs > 0 && args[0].kind == V_ERROR) {
		*out = args[0];
		return;
	} else if (nargs > 0) {
		k = -1; /* no reference */
	}
	*out = k < 0 ? value_error(XE_NA) : value_num(k + 1);
}

void
fn_sheets(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	if (nargs > 0 && args[0].kind == V_REF)
		*out = value_num(args[0].u.ref->area[0].sheet2 - args[0].u.ref->area[0].sheet1 + 1);
	else
		*out = value_num((double)ev->wb->nsheets);
}

void
fn_hyperlink(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	*out = nargs > 1 && args[1].kind != V_MISSING ? args[1] : args[0];
	if (out->kind == V_BLANK)
		*out = value_num(0);
}

void
fn_getpivotdata(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	UNUSED(args);
	UNUSED(nargs);
	*out = value_error(XE_REF);
}
