/*
 * fn_stat: counting, SUBTOTAL and AGGREGATE, frequencies: functions of lists that need to see more than numbers.
 *
 * SUBTOTAL and AGGREGATE leave out cells whose own formula calls either of them, and hidden rows where the code
 * asks for it (101 to 111; AGGREGATE options 1, 3, 5, 7), and always rows that a filter hides; then they call the numeric function of kernels/.
 */
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/xl_stat.h"

/* --- counting ---------------------------------------------------------------------------------------------- */

/* A number, or what a scalar argument (not a cell) counts as one. */
static int
counts_as_number(struct eval *ev, const struct value *v, int in_ref)
{
	double x;

	if (v->kind == V_NUM)
		return 1;
	if (in_ref)
		return 0;
	if (v->kind == V_BOOL || v->kind == V_MISSING)
		return 1;
	return v->kind == V_TEXT && value_to_num(v, ev->date1904, &x) == 0;
}

/* COUNT, or with `any` COUNTA. */
static void
count(struct eval *ev, const struct value *args, int nargs, int any, struct value *out)
{
	double n = 0;

	for (int i = 0; i < nargs; i++) {
		struct eval_walk w;
		struct value v;

		if (args[i].kind == V_MISSING) {
			n++;
			continue;
		}
		eval_walk_init(&w, args[i]);
		while (eval_walk_next(ev, &w, &v))
			n += any ? v.kind != V_BLANK : counts_as_number(ev, &v, w.in_ref);
	}
	*out = value_num(n);
}

void
fn_count(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	count(ev, args, nargs, 0, out);
}

void
fn_counta(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	count(ev, args, nargs, 1, out);
}

void
fn_countblank(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct eval_walk w;
	struct value v;
	double cells = 0, full = 0;

	(void)call;
	(void)nargs;
	if (args[0].kind == V_ERROR) {
		*out = args[0];
		return;
	}
	if (args[0].kind == V_REF) {
		for (int i = 0; i < args[0].u.ref->nareas; i++) {
			const struct area *a = &args[0].u.ref->area[i];

			cells += (double)(a->sheet2 - a->sheet1 + 1) * (a->row2 - a->row1 + 1) * (a->col2 - a->col1 + 1);
		}
	} else if (args[0].kind == V_ARRAY) {
		cells = (double)args[0].u.array->rows * args[0].u.array->cols;
	} else {
		cells = 1;
	}
	eval_walk_init(&w, args[0]);
	while (eval_walk_next(ev, &w, &v))
		full += v.kind != V_BLANK && !(v.kind == V_TEXT && v.u.text->nbytes == 0);
	*out = value_num(cells - full);
}

/* --- lists of numbers ------------------------------------------------------------------------------------------ */

struct list {
	double *x;
	size_t n, cap;
};

static void
list_add(struct eval *ev, struct list *l, double x)
{
	if (l->n == l->cap) {
		double *y = arena_alloc(&ev->tmp, (l->cap = l->cap ? 2 * l->cap : 64) * sizeof *y);

		for (size_t i = 0; i < l->n; i++)
			y[i] = l->x[i];
		l->x = y;
	}
	l->x[l->n++] = x;
}

/* Numbers of a reference or array; 0, or the first error's kind. */
static int
list_of(struct eval *ev, struct value from, struct list *l)
{
	struct eval_walk w;
	struct value v;

	eval_walk_init(&w, from);
	while (eval_walk_next(ev, &w, &v)) {
		if (v.kind == V_ERROR)
			return v.error;
		if (v.kind == V_NUM)
			list_add(ev, l, v.u.num);
	}
	return 0;
}

static struct value
call_number(struct eval *ev, xl_fn *fn, const struct list *l, const double *k)
{
	struct xl_arg arg[4] = {{l->x, (int)l->n, (int)l->n, 1}, {k, k != NULL, 1, 1}, {NULL, 0, 0, 0}, {NULL, 0, 0, 0}};
	struct xl_call c = {.arg = arg, .nargs = 1 + (k != NULL), .date1904 = ev->date1904};
	double v;

	c.scratch = arena_alloc(&ev->tmp, (2 * l->n + 18) * sizeof(double));
	v = fn(&c);
	if (!c.err && !(ks_abs(v) < XL_INF))
		c.err = XL_NUM;
	return c.err ? value_error(c.err) : value_num(v);
}

/* --- T.TEST --------------------------------------------------------------------------------------------------- */

/* Positions where both are numbers; 0, or the error kind. */
static int
pairs_of(struct eval *ev, struct value x, struct value y, struct list *l, struct list *k)
{
	const struct array *a = eval_to_array(ev, x), *b = eval_to_array(ev, y);
	int64_t n = (int64_t)a->rows * a->cols;

	if (n != (int64_t)b->rows * b->cols)
		return XE_NA;
	for (int64_t i = 0; i < n; i++) {
		if (a->v[i].kind == V_ERROR || b->v[i].kind == V_ERROR)
			return a->v[i].kind == V_ERROR ? a->v[i].error : b->v[i].error;
		if (a->v[i].kind == V_NUM && b->v[i].kind == V_NUM) {
			list_add(ev, l, a->v[i].u.num);
			list_add(ev, k, b->v[i].u.num);
		}
	}
	return 0;
}

void
fn_t_test(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double tails = args[2].u.num, kind = args[3].u.num;
	struct list l = {0}, k = {0};
	struct xl_arg arg[4] = {{NULL, 0, 0, 1}, {NULL, 0, 0, 1}, {&tails, 1, 1, 1}, {&kind, 1, 1, 1}};
	struct xl_call c = {.arg = arg, .nargs = 4, .date1904 = ev->date1904};
	int e;

	(void)call;
	(void)nargs;
	if (kind >= 1 && kind < 2) /* paired */
		e = pairs_of(ev, args[0], args[1], &l, &k);
	else if (!(e = list_of(ev, args[0], &l)))
		e = list_of(ev, args[1], &k);
	if (e) {
		*out = value_error(e);
		return;
	}
	arg[0] = (struct xl_arg){l.x, (int)l.n, (int)l.n, 1};
	arg[1] = (struct xl_arg){k.x, (int)k.n, (int)k.n, 1};
	tails = xl_t_test(&c);
	*out = c.err ? value_error(c.err) : value_num(tails);
}

/* --- SUBTOTAL, AGGREGATE --------------------------------------------------------------------------------------------- */

enum { SKIP_HIDDEN = 1, SKIP_ERRORS = 2, SKIP_NESTED = 4 };

static int
calls_subtotal(const struct node *n)
{
	if (!n)
		return 0;
	if (n->kind == N_CALL && n->u.call.fn &&
	    (n->u.call.fn->gen == fn_subtotal || n->u.call.fn->gen == fn_aggregate))
		return 1;
	for (int i = 0; i < n->nargs; i++)
		if (calls_subtotal(n->args[i]))
			return 1;
	return 0;
}

/* Whether the place of the walk is left out. */
static int
left_out(struct eval *ev, const struct eval_walk *w, int skip)
{
	const struct formula *f;

	if (!w->in_ref || w->from.kind != V_REF)
		return 0;
	if ((skip & SKIP_HIDDEN) && workbook_row_hidden(&ev->wb->sheets[w->sheet], w->row))
		return 1;
	if ((skip & (SKIP_NESTED | SKIP_HIDDEN)) && workbook_row_filtered(&ev->wb->sheets[w->sheet], w->row))
		return 1;
	if (!(skip & SKIP_NESTED))
		return 0;
	f = model_formula(ev->m, w->sheet, w->row, w->col);
	return f && calls_subtotal(f->root);
}

/* The xl_fn of codes 1, 4 to 13; NULL for COUNT and COUNTA. */
static xl_fn *
code_function(int code)
{
	static xl_fn *const fn[] = {NULL, xl_average, NULL, NULL, xl_max, xl_min, xl_product, xl_stdev_s, xl_stdev_p,
	                            xl_sum, xl_var_s, xl_var_p, xl_median, xl_mode};

	return fn[code];
}

struct collected {
	struct list numbers;
	double nfull;
	int error;
};

/* A cell holding SUBTOTAL must not be evaluated before it is known to be left out: it may refer to this very cell. */
static void
collect(struct eval *ev, struct value from, int skip, int counting, struct collected *t)
{
	struct eval_walk w;
	struct value v;

	eval_walk_init(&w, from);
	while (!t->error && eval_walk_next(ev, &w, &v)) {
		if (left_out(ev, &w, skip))
			continue;
		if (v.kind == V_ERROR && (skip & SKIP_ERRORS))
			continue;
		t->nfull += v.kind != V_BLANK;
		if (v.kind == V_NUM)
			list_add(ev, &t->numbers, v.u.num);
		else if (v.kind == V_ERROR && !counting)
			t->error = v.error;
	}
}

static struct value
collected_value(struct eval *ev, int code, struct collected *t)
{
	if (code == 3)
		return value_num(t->nfull);
	if (code == 2)
		return value_num((double)t->numbers.n);
	if (t->error)
		return value_error(t->error);
	return call_number(ev, code_function(code), &t->numbers, NULL);
}

void
fn_subtotal(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct collected t = {.error = 0};
	double code = ks_trunc(args[0].u.num);
	int skip = SKIP_NESTED;

	(void)call;
	if (code >= 101 && code <= 111) {
		skip |= SKIP_HIDDEN;
		code -= 100;
	}
	if (!(code >= 1 && code <= 11)) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (int i = 1; i < nargs; i++) {
		if (args[i].kind != V_REF && args[i].kind != V_ARRAY) {
			*out = args[i].kind == V_ERROR ? args[i] : value_error(XE_VALUE);
			return;
		}
		collect(ev, args[i], skip, code == 2 || code == 3, &t);
	}
	*out = collected_value(ev, (int)code, &t);
}

void
fn_aggregate(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	static xl_fn *const with_k[] = {xl_large, xl_small, xl_percentile_inc, xl_quartile_inc, xl_percentile_exc,
	                                xl_quartile_exc};
	static const int skips[] = {SKIP_NESTED, SKIP_NESTED | SKIP_HIDDEN, SKIP_NESTED | SKIP_ERRORS,
	                            SKIP_NESTED | SKIP_HIDDEN | SKIP_ERRORS, 0, SKIP_HIDDEN, SKIP_ERRORS,
	                            SKIP_HIDDEN | SKIP_ERRORS};
	struct collected t = {.error = 0};
	double code = ks_trunc(args[0].u.num), option = args[1].kind == V_NUM ? ks_trunc(args[1].u.num) : 0, k;
	int mode = ev->array_mode, skip, last = nargs;

	if (!(code >= 1 && code <= 19) || !(option >= 0 && option <= 7)) {
		*out = value_error(XE_VALUE);
		return;
	}
	skip = skips[(int)option];
	if (code >= 14) {
		struct value v;
		int e;

		if (nargs < 4) {
			*out = value_error(XE_VALUE);
			return;
		}
		last = 3;
		v = eval_scalar(ev, call->args[3]);
		e = v.kind == V_ERROR ? v.error : value_to_num(&v, ev->date1904, &k);
		if (e) {
			*out = value_error(e);
			return;
		}
	}
	ev->array_mode = 1;
	for (int i = 2; i < last; i++)
		collect(ev, eval_node(ev, call->args[i]), skip, code == 2 || code == 3, &t);
	ev->array_mode = mode;
	if (code < 14)
		*out = collected_value(ev, (int)code, &t);
	else
		*out = t.error ? value_error(t.error) : call_number(ev, with_k[(int)code - 14], &t.numbers, &k);
}

/* --- frequencies ---------------------------------------------------------------------------------------------------------- */

void
fn_frequency(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct list data = {NULL, 0, 0}, bins = {NULL, 0, 0};
	struct array *a;
	int e = list_of(ev, args[0], &data);

	(void)call;
	(void)nargs;
	if (!e)
		e = list_of(ev, args[1], &bins);
	if (e) {
		*out = value_error(e);
		return;
	}
	a = eval_new_array(ev, (int32_t)bins.n + 1, 1);
	for (size_t i = 0; i <= bins.n; i++)
		a->v[i] = value_num(0);
	for (size_t i = 0; i < data.n; i++) {
		size_t at = bins.n; /* the lowest bin that holds it, the first of equal ones */

		for (size_t b = 0; b < bins.n; b++)
			if (data.x[i] <= bins.x[b] && (at == bins.n || bins.x[b] < bins.x[at]))
				at = b;
		a->v[at].u.num += 1;
	}
	*out = eval_array_value(a);
}

/* All most frequent numbers, in order of appearance. */
void
fn_mode_mult(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct list l = {NULL, 0, 0}, modes = {NULL, 0, 0};
	struct array *a;
	double *s;
	size_t most = 1;

	(void)call;
	for (int i = 0; i < nargs; i++) {
		int e = list_of(ev, args[i], &l);

		if (e) {
			*out = value_error(e);
			return;
		}
	}
	s = arena_alloc(&ev->tmp, (2 * l.n + 1) * sizeof *s);
	for (size_t i = 0; i < l.n; i++)
		s[i] = l.x[i];
	xl_sort(s, (int)l.n, s + l.n);
	for (size_t i = 0, j; i < l.n; i = j) {
		for (j = i + 1; j < l.n && s[j] == s[i]; j++)
			;
		most = j - i > most ? j - i : most;
	}
	for (size_t i = 0; most > 1 && i < l.n; i++) {
		size_t same = 0;

		for (size_t j = 0; j < l.n; j++) {
			if (l.x[j] == l.x[i] && j < i) {
				same = 0;
				break;
			}
			same += l.x[j] == l.x[i];
		}
		if (same == most)
			list_add(ev, &modes, l.x[i]);
	}
	if (!modes.n) {
		*out = value_error(XE_NA);
		return;
	}
	a = eval_new_array(ev, (int32_t)modes.n, 1);
	for (size_t i = 0; i < modes.n; i++)
		a->v[i] = value_num(modes.x[i]);
	*out = eval_array_value(a);
}
