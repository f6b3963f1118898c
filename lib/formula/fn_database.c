/*
 * fn_database: DSUM and its kin: a column of the records of a table that meet criteria.
 *
 * The table's first row names its columns; so does the criteria's. A record meets the criteria where it meets every cell
 * of at least one of their rows.
 *  1. An empty cell is no condition. A text without an operator is met by texts that begin with it.
 *  2. A column of criteria whose name is no column of the table holds formulas: each is evaluated as if copied down along
 *     the records, written for the first.
 */
#include <string.h>

#include "base/utf8.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/xl_stat.h"

enum { COMPUTED = -1 };

struct condition {
	int32_t column;            /* of the table, or COMPUTED */
	int prefix;                /* a text that begins so */
	struct criterion crit;
	struct value v;            /* COMPUTED: the value, */
	const struct node *tree;   /* or the formula, and its cell */
	int sheet;
	int32_t row, col;
};

struct database {
	const struct array *table, *criteria;
	struct condition *cond;    /* of each row of criteria but the first, its columns in turn; column -2: none */
	int32_t rows;              /* of conditions */
};

static const struct value *
cell(const struct array *a, int32_t r, int32_t c)
{
	return &a->v[(int64_t)r * a->cols + c];
}

/* The column of the table with that name, or -1. */
static int32_t
column_named(struct eval *ev, const struct array *table, const struct value *name)
{
	const struct text *want, *have;

	if (name->kind == V_BLANK || name->kind == V_ERROR || value_to_text(&ev->tmp, name, &want))
		return -1;
	for (int32_t c = 0; c < table->cols; c++)
		if (cell(table, 0, c)->kind != V_BLANK && !value_to_text(&ev->tmp, cell(table, 0, c), &have) &&
		    !utf8_casecmp(want->s, want->nbytes, have->s, have->nbytes))
			return c;
	return -1;
}

/* The formula of a cell of the criteria, where they are a range. */
static void
find_tree(struct eval *ev, struct value criteria, int32_t r, int32_t c, struct condition *k)
{
	const struct area *a;
	const struct formula *f;

	if (criteria.kind != V_REF)
		return;
	a = &criteria.u.ref->area[0];
	k->sheet = a->sheet1;
	k->row = a->row1 + r;
	k->col = a->col1 + c;
	f = model_formula(ev->m, k->sheet, k->row, k->col);
	k->tree = f ? f->root : NULL;
}

static void
parse_condition(struct eval *ev, struct database *d, struct value criteria, int32_t r, int32_t c, struct condition *k)
{
	const struct value *v = cell(d->criteria, r, c);

	k->column = column_named(ev, d->table, cell(d->criteria, 0, c));
	if (v->kind == V_BLANK || (v->kind == V_TEXT && !v->u.text->nbytes)) {
		k->column = -2;
		return;
	}
	if (k->column == COMPUTED) {
		k->v = *v;
		find_tree(ev, criteria, r, c, k);
		return;
	}
	criterion_parse(v, ev->date1904, &k->crit);
	k->prefix = v->kind == V_TEXT && k->crit.kind == V_TEXT && k->crit.op == '=' && *v->u.text->s != '=';
	if (k->prefix) {
		char *pattern = arena_alloc(&ev->tmp, k->crit.ntext + 2);

		memcpy(pattern, k->crit.text, k->crit.ntext);
		memcpy(pattern + k->crit.ntext, "*", 2);
		k->crit.text = pattern;
	}
}

static int
computed(struct eval *ev, const struct condition *k, int32_t record)
{
	struct value v = k->v;
	int yes;

	if (k->tree) {
		int sheet = ev->sheet;
		int32_t row = ev->row, col = ev->col;

		ev->sheet = k->sheet;
		ev->row = k->row + record;
		ev->col = k->col;
		v = eval_scalar(ev, k->tree);
		ev->sheet = sheet;
		ev->row = row;
		ev->col = col;
	}
	return v.kind != V_TEXT && !value_to_bool(&v, &yes) && yes;
}

static int
met(struct eval *ev, const struct database *d, const struct condition *k, int32_t record)
{
	const struct value *v;

	if (k->column == -2)
		return 1;
	if (k->column == COMPUTED)
		return computed(ev, k, record);
	v = cell(d->table, record + 1, k->column);
	if (k->prefix)
		return v->kind == V_TEXT && wildcard_match(k->crit.text, k->crit.ntext + 1, v->u.text->s, v->u.text->nbytes);
	return criterion_match(&k->crit, v);
}

static int
record_meets(struct eval *ev, const struct database *d, int32_t record)
{
	for (int32_t r = 0; r < d->rows; r++) {
		int32_t c = 0;

		while (c < d->criteria->cols && met(ev, d, &d->cond[(int64_t)r * d->criteria->cols + c], record))
			c++;
		if (c == d->criteria->cols)
			return 1;
	}
	return 0;
}

/* 0, or the error kind. */
static int
open_database(struct eval *ev, struct value *args, struct database *d)
{
	if (args[0].kind == V_ERROR || args[2].kind == V_ERROR)
		return args[0].kind == V_ERROR ? args[0].error : args[2].error;
	d->table = eval_to_array(ev, args[0]);
	d->criteria = eval_to_array(ev, args[2]);
	d->rows = d->criteria->rows - 1;
	if (d->rows < 1 || d->table->rows < 2 || (args[2].kind == V_REF && args[2].u.ref->nareas != 1))
		return XE_VALUE;
	d->cond = arena_zalloc(&ev->tmp, (size_t)d->rows * (size_t)d->criteria->cols * sizeof *d->cond);
	for (int32_t r = 0; r < d->rows; r++)
		for (int32_t c = 0; c < d->criteria->cols; c++)
			parse_condition(ev, d, args[2], r + 1, c, &d->cond[(int64_t)r * d->criteria->cols + c]);
	return 0;
}

/* The column a field means: by name, or by number from 1. -1: none was given; -2: there is none such. */
static int32_t
field_column(struct eval *ev, const struct array *table, const struct value *field)
{
	int32_t c;
	double k;

	if (field->kind == V_MISSING || field->kind == V_BLANK)
		return -1;
	if (field->kind == V_TEXT) {
		c = column_named(ev, table, field);
		return c < 0 ? -2 : c;
	}
	if (value_to_num(field, ev->date1904, &k) || ks_trunc(k) < 1 || ks_trunc(k) > table->cols)
		return -2;
	return (int32_t)k - 1;
}

enum db_mode { DB_NUMBERS, DB_COUNT, DB_COUNTA, DB_GET };

struct db_result {
	double *x;
	int n;                     /* numbers */
	int nfull, nrecords, error;
	struct value first;
};

static void
take(const struct value *v, enum db_mode mode, struct db_result *t)
{
	if (!t->nrecords++)
		t->first = *v;
	t->nfull += v->kind != V_BLANK;
	if (v->kind == V_NUM)
		t->x[t->n++] = v->u.num;
	else if (v->kind == V_ERROR && mode == DB_NUMBERS && !t->error)
		t->error = v->error;
}

static struct value
number_of(struct eval *ev, xl_fn *fn, struct db_result *t)
{
	struct xl_arg arg[2] = {{t->x, t->n, t->n, 1}, {NULL, 0, 0, 0}};
	struct xl_call c = {.arg = arg, .nargs = 1, .date1904 = ev->date1904};
	double v;

	c.scratch = arena_alloc(&ev->tmp, (2 * (size_t)t->n + 18) * sizeof(double));
	v = fn(&c);
	if (!c.err && !(ks_abs(v) < XL_INF))
		c.err = XL_NUM;
	return c.err ? value_error(c.err) : value_num(v);
}

static const struct db_function {
	const char *name;
	enum db_mode mode;
	xl_fn *fn;
} functions[] = {
    {"DSUM", DB_NUMBERS, xl_sum}, {"DAVERAGE", DB_NUMBERS, xl_average}, {"DMAX", DB_NUMBERS, xl_max},
    {"DMIN", DB_NUMBERS, xl_min}, {"DPRODUCT", DB_NUMBERS, xl_product}, {"DSTDEV", DB_NUMBERS, xl_stdev_s},
    {"DSTDEVP", DB_NUMBERS, xl_stdev_p}, {"DVAR", DB_NUMBERS, xl_var_s}, {"DVARP", DB_NUMBERS, xl_var_p},
    {"DCOUNT", DB_COUNT, NULL}, {"DCOUNTA", DB_COUNTA, NULL}, {"DGET", DB_GET, NULL},
};

static struct value
result(struct eval *ev, const struct db_function *f, struct db_result *t, int counts_records)
{
	switch (f->mode) {
	case DB_COUNT:
		return value_num(counts_records ? t->nrecords : t->n);
	case DB_COUNTA:
		return value_num(counts_records ? t->nrecords : t->nfull);
	case DB_GET:
		return t->nrecords == 1 ? t->first : value_error(t->nrecords ? XE_NUM : XE_VALUE);
	default:
		return t->error ? value_error(t->error) : number_of(ev, f->fn, t);
	}
}

void
fn_database(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct db_function *f = functions;
	struct db_result t = {0};
	struct database d = {0};
	int32_t column;
	int e = open_database(ev, args, &d);

	(void)nargs;
	while (strcmp(f->name, call->u.call.fn->name))
		f++;
	column = e ? -2 : field_column(ev, d.table, &args[1]);
	if (column == -2 || (column < 0 && f->mode != DB_COUNT && f->mode != DB_COUNTA)) {
		*out = value_error(e ? e : XE_VALUE);
		return;
	}
	t.x = arena_alloc(&ev->tmp, (size_t)d.table->rows * sizeof *t.x);
	for (int32_t r = 0; r + 1 < d.table->rows; r++)
		if (record_meets(ev, &d, r))
			take(cell(d.table, r + 1, column < 0 ? 0 : column), f->mode, &t);
	*out = result(ev, f, &t, column < 0);
}
