/* fn_lookup: finding: VLOOKUP, LOOKUP, MATCH, XLOOKUP and the like. Rows: functions/lookup.def. How a value is found: vector.h. */
#include <math.h>

#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "formula/vector.h"

static struct value
sought(struct value v)
{
	return v.kind == V_BLANK || v.kind == V_MISSING ? value_num(0) : v;
}

/* --- VLOOKUP and the like ------------------------------------------------------------------------------------------ */

static void
table_lookup(struct eval *ev, struct value *args, int nargs, int across, struct value *out)
{
	struct vector t;
	int32_t rows, cols, at, limit;
	struct value x = sought(args[0]);
	int approx = nargs > 3 && args[3].kind != V_MISSING ? args[3].boolean : 1;
	int k = vector_table(ev, args[1], &t, &rows, &cols);
	double col = args[2].kind == V_NUM ? trunc(args[2].u.num) : 0;
	int64_t i;

	if (!k && args[1].kind == V_TEXT)
		k = XE_VALUE; /* "Nothing" is no table; a number is one cell */
	limit = across ? rows : cols;
	if (k) {
		*out = value_error(k);
		return;
	}
	at = (int32_t)col - 1;
	vector_set(&t, across, 0, rows, cols);
	i = approx ? vector_ascending(&t, &x) : vector_exact(&t, &x, 1, 0);
	if (i < 0) /* before the column is looked at */
		*out = value_error(XE_NA);
	else if (col < 1 || col > limit)
		*out = value_error(col < 1 ? XE_VALUE : XE_REF);
	else
		*out = across ? vector_cell(&t, at, (int32_t)i) : vector_cell(&t, (int32_t)i, at);
}

void
fn_vlookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	table_lookup(ev, args, nargs, 0, out);
}

void
fn_hlookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	table_lookup(ev, args, nargs, 1, out);
}

void
fn_lookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t, r;
	int32_t rows, cols, rrows, rcols;
	struct value x = sought(args[0]);
	int64_t i;
	int k = vector_table(ev, args[1], &t, &rows, &cols), across;

	UNUSED(call);
	if (k) {
		*out = value_error(k);
		return;
	}
	across = cols > rows;
	vector_set(&t, across, 0, rows, cols);
	i = vector_ascending(&t, &x);
	if (i < 0) {
		*out = value_error(XE_NA);
		return;
	}
	if (nargs < 3 || args[2].kind == V_MISSING) {
		*out = across ? vector_cell(&t, rows - 1, (int32_t)i) : vector_cell(&t, (int32_t)i, cols - 1);
		return;
	}
	k = vector_table(ev, args[2], &r, &rrows, &rcols);
	if (k) {
		*out = value_error(k);
		return;
	}
	across = rcols > rrows;
	if (rrows > 1 && rcols > 1)
		*out = value_error(XE_NA); /* results come from one row or column */
	else if (!r.is_ref && i >= (across ? rcols : rrows))
		*out = value_error(XE_NA);
	else
		*out = across ? vector_cell(&r, 0, (int32_t)i) : vector_cell(&r, (int32_t)i, 0);
}

/* Options of XLOOKUP and XMATCH: match 0 exact, -1 next smaller, 1 next larger, 2 wildcards, 3 a regular expression; search 1, -1, 2, -2
 * (bisection). 0 or XE_VALUE. */
static int
xoptions(const struct value *args, int nargs, int at, double *match, double *search)
{
	*match = trunc(fn_number(args, nargs, at, 0));
	*search = trunc(fn_number(args, nargs, at + 1, 1));
	return *match < -1 || *match > 3 || *search < -2 || *search > 2 || *search == 0 ||
	               (*match >= 2 && fabs(*search) == 2) ? XE_VALUE : 0;
}

void
fn_xlookup(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t, r;
	int32_t rows, cols, rrows, rcols;
	struct value x = args[0].kind == V_MISSING ? value_blank() : args[0];
	double match, search;
	int across, k = vector_table(ev, args[1], &t, &rows, &cols);
	int64_t i;

	UNUSED(call);
	if (!k)
		k = vector_table(ev, args[2], &r, &rrows, &rcols);
	if (!k)
		k = xoptions(args, nargs, 4, &match, &search);
	if (k) {
		*out = value_error(k);
		return;
	}
	if (rows > 1 && cols > 1) {
		*out = value_error(XE_VALUE);
		return;
	}
	across = cols > rows || (rows == 1 && cols == 1 && rcols == 1 && rrows > 1 ? 0 : cols > rows);
	vector_set(&t, across, 0, rows, cols);
	if (across ? rcols != cols : rrows != rows) {
		*out = value_error(XE_VALUE);
		return;
	}
	i = vector_find(&t, &x, match, search);
	if (i < 0) {
		*out = nargs > 3 && args[3].kind != V_MISSING ? args[3] : value_error(XE_NA);
		return;
	}
	if (r.is_ref) {
		struct area a = r.area;

		if (across)
			a.col1 = a.col2 = a.col1 + (int32_t)i;
		else
			a.row1 = a.row2 = a.row1 + (int32_t)i;
		*out = eval_ref(ev, a.sheet1, a.row1, a.col1, a.row2, a.col2);
	} else {
		struct array *a = eval_new_array(ev, across ? rrows : 1, across ? 1 : rcols);

		for (int32_t q = 0; q < a->rows * a->cols; q++)
			a->v[q] = across ? vector_cell(&r, q, (int32_t)i) : vector_cell(&r, (int32_t)i, q);
		*out = a->rows * a->cols == 1 ? a->v[0] : eval_array_value(a);
	}
}

void
fn_match(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t;
	int32_t rows, cols;
	struct value x = sought(args[0]);
	double type = nargs > 2 ? fn_number(args, nargs, 2, 0) : 1;
	int k = vector_table(ev, args[1], &t, &rows, &cols);
	int64_t i;

	UNUSED(call);
	if (k || (rows > 1 && cols > 1)) {
		*out = value_error(k ? k : XE_NA);
		return;
	}
	vector_set(&t, cols > rows, 0, rows, cols);
	i = type == 0 ? vector_exact(&t, &x, 1, 0) : type < 0 ? vector_descending(&t, &x) : vector_ascending(&t, &x);
	*out = i < 0 ? value_error(XE_NA) : value_num((double)i + 1);
}

void
fn_xmatch(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct vector t;
	int32_t rows, cols;
	struct value x = args[0].kind == V_MISSING ? value_blank() : args[0];
	double match, search;
	int k = vector_table(ev, args[1], &t, &rows, &cols);
	int64_t i;

	UNUSED(call);
	if (!k)
		k = xoptions(args, nargs, 2, &match, &search);
	if (k || (rows > 1 && cols > 1)) {
		*out = value_error(k ? k : XE_VALUE);
		return;
	}
	vector_set(&t, cols > rows, 0, rows, cols);
	i = vector_find(&t, &x, match, search);
	*out = i < 0 ? value_error(XE_NA) : value_num((double)i + 1);
}
