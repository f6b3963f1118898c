/*
 * fn_criteria: COUNTIF(S), SUMIF(S), AVERAGEIF(S), MAXIFS, MINIFS.
 *
 * Invariants
 *  1. A range is walked sparsely: only its non-empty cells are visited, so whole columns cost what they hold.
 *  2. Values are taken in row-major order of the value range, added one after the other.
 *  3. An error in a value that meets the criteria is the result, the first in that order; other errors are not seen.
 */
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/xl_math.h"

/* A rectangle of cells, or an array. */
struct grid {
	const struct array *a;  /* or NULL: an area */
	struct area area;
	int32_t rows, cols;
};

/* 0, or the error kind. */
static int
grid_of(struct eval *ev, struct value v, struct grid *g)
{
	g->a = NULL;
	if (v.kind == V_ERROR)
		return v.error;
	if (v.kind == V_REF) {
		if (v.u.ref->nareas != 1 || v.u.ref->area[0].sheet1 != v.u.ref->area[0].sheet2)
			return XE_VALUE;
		g->area = v.u.ref->area[0];
		g->rows = g->area.row2 - g->area.row1 + 1;
		g->cols = g->area.col2 - g->area.col1 + 1;
		return 0;
	}
	g->a = v.kind == V_ARRAY ? v.u.array : eval_to_array(ev, v);
	g->rows = g->a->rows;
	g->cols = g->a->cols;
	return 0;
}

static struct value
grid_get(struct eval *ev, const struct grid *g, int32_t r, int32_t c)
{
	if (r >= g->rows || c >= g->cols)
		return value_blank();
	if (g->a)
		return g->a->v[(int64_t)r * g->cols + c];
	return eval_get(ev, g->area.sheet1, g->area.row1 + r, g->area.col1 + c);
}

struct conditions {
	int n;
	struct grid *range;
	struct criterion *crit;
	char *takes_blank;      /* met by an empty cell */
};

static int
conditions_meet(struct eval *ev, const struct conditions *k, int32_t r, int32_t c, int except)
{
	for (int i = 0; i < k->n; i++) {
		struct value v;

		if (i == except)
			continue;
		v = grid_get(ev, &k->range[i], r, c);
		if (!criterion_match(&k->crit[i], &v))
			return 0;
	}
	return 1;
}

/* args[0 .. 2n): range, criterion, range, criterion … 0, or the error kind. */
static int
conditions_parse(struct eval *ev, struct value *args, int n, struct conditions *k)
{
	k->n = n;
	k->range = arena_alloc(&ev->tmp, (size_t)n * sizeof *k->range);
	k->crit = arena_alloc(&ev->tmp, (size_t)n * sizeof *k->crit);
	k->takes_blank = arena_alloc(&ev->tmp, (size_t)n);
	for (int i = 0; i < n; i++) {
		struct value blank = value_blank(), *crit = &args[2 * i + 1];
		int e = grid_of(ev, args[2 * i], &k->range[i]);

		if (e)
			return e;
		if (k->range[i].rows != k->range[0].rows || k->range[i].cols != k->range[0].cols)
			return XE_VALUE;
		criterion_parse(crit->kind == V_MISSING ? &blank : crit, ev->date1904, &k->crit[i]);
		k->takes_blank[i] = (char)(criterion_match(&k->crit[i], &blank) != 0);
	}
	return 0;
}

/* --- walking a grid: its non-empty elements with their place ----------------------------------------------- */

struct grid_walk {
	const struct grid *g;
	struct eval_walk w;
	int64_t at;
};

static void
grid_walk_init(struct eval *ev, struct grid_walk *w, const struct grid *g)
{
	w->g = g;
	w->at = 0;
	if (!g->a)
		eval_walk_init(&w->w, eval_ref(ev, g->area.sheet1, g->area.row1, g->area.col1, g->area.row2, g->area.col2));
}

static int
grid_walk_next(struct eval *ev, struct grid_walk *w, int32_t *r, int32_t *c, struct value *v)
{
	const struct grid *g = w->g;

	if (g->a) {
		if (w->at >= (int64_t)g->rows * g->cols)
			return 0;
		*r = (int32_t)(w->at / g->cols);
		*c = (int32_t)(w->at % g->cols);
		*v = g->a->v[w->at++];
		return 1;
	}
	if (!eval_walk_next(ev, &w->w, v))
		return 0;
	*r = w->w.row - g->area.row1;
	*c = w->w.col - g->area.col1;
	return 1;
}

/* --- counting ------------------------------------------------------------------------------------------------- */

/* How many positions meet all conditions. */
static double
conditions_count(struct eval *ev, const struct conditions *k)
{
	struct grid_walk w;
	struct value v;
	int32_t r, c, rows = 0, cols = 0;
	int driver = -1;
	double n = 0;

	for (int i = 0; i < k->n && driver < 0; i++)
		if (!k->takes_blank[i])
			driver = i;
	if (driver >= 0) {
		grid_walk_init(ev, &w, &k->range[driver]);
		while (grid_walk_next(ev, &w, &r, &c, &v))
			n += criterion_match(&k->crit[driver], &v) && conditions_meet(ev, k, r, c, driver);
		return n;
	}
	/* All are met by empty cells: look at the rectangle that holds something, count the rest. */
	for (int i = 0; i < k->n; i++) {
		grid_walk_init(ev, &w, &k->range[i]);
		while (grid_walk_next(ev, &w, &r, &c, &v)) {
			rows = r >= rows ? r + 1 : rows;
			cols = c >= cols ? c + 1 : cols;
		}
	}
	for (r = 0; r < rows; r++)
		for (c = 0; c < cols; c++)
			n += conditions_meet(ev, k, r, c, -1);
	return n + (double)k->range[0].rows * k->range[0].cols - (double)rows * cols;
}

void
fn_countifs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct conditions k;
	int e;

	(void)call;
	if (nargs % 2) {
		*out = value_error(XE_VALUE);
		return;
	}
	e = conditions_parse(ev, args, nargs / 2, &k);
	*out = e ? value_error(e) : value_num(conditions_count(ev, &k));
}

/* --- sums, means, extremes ---------------------------------------------------------------------------------------- */

struct tally {
	double n, sum, min, max;
	int error;
};

static struct tally
conditions_tally(struct eval *ev, const struct conditions *k, const struct grid *values)
{
	struct tally t = {0, 0, 0, 0, 0};
	struct grid_walk w;
	struct value v;
	int32_t r, c;

	grid_walk_init(ev, &w, values);
	while (grid_walk_next(ev, &w, &r, &c, &v)) {
		if (v.kind != V_NUM && v.kind != V_ERROR)
			continue;
		if (!conditions_meet(ev, k, r, c, -1))
			continue;
		if (v.kind == V_ERROR) {
			t.error = v.error;
			return t;
		}
		t.sum = t.sum + v.u.num;
		t.min = t.n == 0 || v.u.num < t.min ? v.u.num : t.min;
		t.max = t.n == 0 || v.u.num > t.max ? v.u.num : t.max;
		t.n++;
	}
	return t;
}

static struct value
tally_value(const struct tally *t, char what)
{
	if (t->error)
		return value_error(t->error);
	switch (what) {
	case 's':
		return ks_abs(t->sum) < XL_INF ? value_num(t->sum) : value_error(XE_NUM);
	case 'a':
		return t->n == 0 ? value_error(XE_DIV0) : value_num(t->sum / t->n);
	case 'n':
		return value_num(t->min);
	default:
		return value_num(t->max);
	}
}

/* range, criterion[, values]; the values stretch from their corner over the range's shape. */
static void
one_condition(struct eval *ev, struct value *args, int nargs, char what, struct value *out)
{
	struct conditions k;
	struct grid values;
	struct tally t;
	int e = conditions_parse(ev, args, 1, &k);

	if (!e && nargs > 2 && args[2].kind != V_MISSING) {
		e = grid_of(ev, args[2], &values);
		if (!e && !values.a) {
			int32_t rows = XL_MAX_ROWS - values.area.row1, cols = XL_MAX_COLS - values.area.col1;

			values.rows = k.range[0].rows < rows ? k.range[0].rows : rows;
			values.cols = k.range[0].cols < cols ? k.range[0].cols : cols;
			values.area.row2 = values.area.row1 + values.rows - 1;
			values.area.col2 = values.area.col1 + values.cols - 1;
		}
	} else if (!e) {
		values = k.range[0];
	}
	if (e) {
		*out = value_error(e);
		return;
	}
	t = conditions_tally(ev, &k, &values);
	*out = tally_value(&t, what);
}

void
fn_sumif(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	one_condition(ev, args, nargs, 's', out);
}

void
fn_averageif(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	one_condition(ev, args, nargs, 'a', out);
}

/* values, range, criterion, range, criterion … */
static void
many_conditions(struct eval *ev, struct value *args, int nargs, char what, struct value *out)
{
	struct conditions k;
	struct grid values;
	struct tally t;
	int e = nargs % 2 ? grid_of(ev, args[0], &values) : XE_VALUE;

	if (!e)
		e = conditions_parse(ev, args + 1, nargs / 2, &k);
	if (!e && (values.rows != k.range[0].rows || values.cols != k.range[0].cols))
		e = XE_VALUE;
	if (e) {
		*out = value_error(e);
		return;
	}
	t = conditions_tally(ev, &k, &values);
	*out = tally_value(&t, what);
}

void
fn_sumifs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	many_conditions(ev, args, nargs, 's', out);
}

void
fn_averageifs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	many_conditions(ev, args, nargs, 'a', out);
}

void
fn_minifs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	many_conditions(ev, args, nargs, 'n', out);
}

void
fn_maxifs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	many_conditions(ev, args, nargs, 'x', out);
}
