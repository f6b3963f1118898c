/* sim: see sim.h. Opening and replaying; the run itself is in sim_run.c. */
#include "engine/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/num.h"
#include "record/record.h"

/* --- opening ---------------------------------------------------------------------------------------------- */

struct targets {
	struct area *where;
	const char **name;
	size_t n, cap;
};

static void
add_target(struct targets *t, struct area a, const char *name)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		t->where = realloc(t->where, t->cap * sizeof *t->where);
		t->name = realloc(t->name, t->cap * sizeof *t->name);
		if (!t->where || !t->name)
			abort();
	}
	t->where[t->n] = a;
	t->name[t->n++] = name;
}

static const char *
cell_name(struct sim *s, int sheet, int32_t row, int32_t col)
{
	char text[512];

	a1_format_full(s->wb, sheet, row, col, text, sizeof text);
	return arena_strdup(&s->arena, text);
}

/* The text in RiskOutput("…"), or NULL. */
static const char *
text_in_output(const struct node *n)
{
	const char *name = NULL;

	if (n->kind == N_CALL && n->u.call.fn && !strcmp(n->u.call.fn->name, "RISKOUTPUT"))
		return n->nargs && n->args[0]->kind == N_TEXT ? n->args[0]->u.value.u.text->s : NULL;
	for (int i = 0; i < n->nargs && !name; i++)
		if (n->args[i])
			name = text_in_output(n->args[i]);
	return name;
}

/* What the workbook calls an output, unless another is called so already: then its cell. */
static const char *
output_name(struct sim *s, const struct targets *t, const struct formula *f, const char *cell)
{
	const char *name = f->root ? text_in_output(f->root) : NULL;

	for (size_t i = 0; name && i < t->n; i++)
		if (!strcmp(t->name[i], name))
			name = NULL;
	return name && *name ? arena_strdup(&s->arena, name) : cell;
}

#define TARGET_LIMIT 1024

static int
find_targets(struct sim *s, const struct spec *spec, struct targets *t, struct err *e)
{
	for (size_t i = 0; i < spec->ntarget; i++) {
		struct area a;

		if (model_find(s->model, spec->target[i].cell, 0, &a, e) < 0)
			return err_prefix(e, "%s", spec->target[i].from);
		if ((int64_t)(a.row2 - a.row1 + 1) * (a.col2 - a.col1 + 1) > TARGET_LIMIT)
			return err_set(e, ERR_DATA, "%s: %s has more than %d cells", spec->target[i].from,
			               spec->target[i].cell, TARGET_LIMIT);
		for (int32_t r = a.row1; r <= a.row2; r++)
			for (int32_t c = a.col1; c <= a.col2; c++) {
				struct area one = {a.sheet1, a.sheet1, r, c, r, c};
				int single = a.row1 == a.row2 && a.col1 == a.col2;

				add_target(t, one, single && spec->target[i].name
				                       ? arena_strdup(&s->arena, spec->target[i].name)
				                       : cell_name(s, a.sheet1, r, c));
			}
	}
	if (t->n)
		return 0;
	for (size_t k = 0; k < s->wb->nsheets; k++) { /* no target named: the cells marked RiskOutput */
		const struct sheet *sh = &s->wb->sheets[k];

		for (size_t i = 0; i < sh->ncells; i++) {
			const struct cell *c = &sh->cells[i];
			const struct formula *f = c->formula ? model_formula(s->model, (int)k, c->row, c->col) : NULL;
			struct area one = {(int)k, (int)k, c->row, c->col, c->row, c->col};

			if (f && (f->flags & FORMULA_OUTPUT))
				add_target(t, one, output_name(s, t, f, cell_name(s, (int)k, c->row, c->col)));
		}
	}
	if (!t->n)
		return err_set(e, ERR_USAGE, "no target: name a cell with -t, or mark one with RiskOutput() in the "
		               "workbook (sim-model %s lists candidates)", s->wb->path);
	return 0;
}

/* A target must be able to give a number: say at once what stands in its way. */
static int
check_target(struct sim *s, const struct lower_target *t, struct err *e)
{
	struct value v;

	if (!lower_is_const(s->lower, t->v, &v)) {
		if (t->v.mask && !(t->v.mask & ~(LM_TEXT | LM_DYNTEXT)))
			return err_set(e, ERR_DATA, "target %s is always text, not a number", t->label);
		return 0;
	}
	if (v.kind == V_ERROR) {
		char why[600];

		if (eval_explain_error(s->lower->ev, t->where.sheet1, t->where.row1, t->where.col1, why, sizeof why))
			return err_set(e, ERR_DATA, "target %s is always %s: %s", t->label,
			               xl_error_name(v.error), why);
		return err_set(e, ERR_DATA, "target %s is always %s", t->label, xl_error_name(v.error));
	}
	if (v.kind == V_TEXT)
		return err_set(e, ERR_DATA, "target %s holds text (\"%.40s\"), not a number", t->label, v.u.text->s);
	if (v.kind == V_BLANK)
		return err_set(e, ERR_DATA, "target %s is empty", t->label);
	return 0;
}

static int
area_holds(const struct area *a, const struct draw_site *d)
{
	return a->sheet1 == d->sheet && a->row1 <= d->row && d->row <= a->row2 && a->col1 <= d->col && d->col <= a->col2;
}

/* The name given to an input; in a range the cell's address stands behind it. */
static const char *
name_in_area(struct sim *s, const struct area *a, const struct draw_site *d, const char *name)
{
	char cell[32];

	if (a->row1 == a->row2 && a->col1 == a->col2)
		return arena_strdup(&s->arena, name);
	a1_format(d->row, d->col, cell);
	return arena_printf(&s->arena, "%s %s", name, cell);
}

static void
name_columns(struct sim *s, const struct spec *spec)
{
	struct lower *L = s->lower;

	s->ntargets = L->ntarget;
	s->ninputs_found = L->ndraw;
	s->ninputs = L->ndraw > SIM_MAX_INPUTS ? SIM_MAX_INPUTS : L->ndraw;
	s->col = ARENA_NEW(&s->arena, struct sim_column, s->ntargets + s->ninputs + 1);
	for (size_t i = 0; i < s->ntargets; i++) {
		const struct area *a = &L->target[i].where;

		s->col[i] = (struct sim_column){L->target[i].label, cell_name(s, a->sheet1, a->row1, a->col1), NULL, 1};
	}
	for (size_t i = 0; i < s->ninputs; i++) {
		const struct lower_draw *d = &L->draw[i];
		const char *cell = cell_name(s, d->site.sheet, d->site.row, d->site.col);
		const char *name = d->label ? d->label : cell;

		for (size_t k = 0; k < spec->ninput; k++) { /* named in the spec */
			struct area a;

			if (spec->input[k].name && !model_find(s->model, spec->input[k].cell, 0, &a, NULL) &&
			    area_holds(&a, &d->site))
				name = name_in_area(s, &a, &d->site, spec->input[k].name);
		}
		for (size_t k = 0; k < i; k++) /* several draws in one cell */
			if (!strcmp(s->col[s->ntargets + k].name, name))
				name = arena_printf(&s->arena, "%s#%u", name, d->site.call + 1 + d->site.element);
		s->col[s->ntargets + i] = (struct sim_column){name, cell, d->text, 0};
	}
}

static uint64_t
hash_text(uint64_t h, const char *t)
{
	for (; t && *t; t++)
		h = (h ^ (unsigned char)*t) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

static uint64_t
hash_correlate(uint64_t h, const struct spec_correlate *c)
{
	char num[NUM_DOUBLE_MAX];

	for (int i = 0; i < c->n; i++)
		h = hash_text(h, c->cell[i]);
	for (int i = 0; c->matrix && i < c->n * c->n; i++) {
		num_format_double(c->matrix[i], num);
		h = hash_text(h, num);
	}
	if (!c->matrix && !c->range) {
		num_format_double(c->rank, num);
		h = hash_text(h, num);
	}
	return hash_text(h, c->range);
}

static void
hash_model(struct sim *s, const struct spec *spec)
{
	for (int k = 0; k < 2; k++) {
		uint64_t h = s->wb->content_hash[k] + (uint64_t)k;

		for (size_t i = 0; i < spec->nset; i++)
			h = hash_text(hash_text(h, spec->set[i].cell), spec->set[i].content);
		for (size_t i = 0; i < spec->ninput; i++)
			h = hash_text(hash_text(h, spec->input[i].cell), spec->input[i].formula);
		h ^= s->model->data_hash;
		for (size_t i = 0; i < spec->ncorrelate; i++)
			h = hash_correlate(h, &spec->correlate[i]);
		for (size_t i = 0; i < s->ntargets; i++)
			h = hash_text(h, s->col[i].cell);
		h = (h ^ (uint64_t)spec->xlrisk) * 0x9e3779b97f4a7c15u;
		s->hash[k] = h ^ h >> 31;
	}
}

/* Targets that may be text in some trials: a note each. */
static void
note_texts(struct sim *s)
{
	struct note *all = ARENA_NEW(&s->arena, struct note, s->nnotes + s->lower->ntarget);
	size_t n = s->nnotes, texts = 0;

	if (n)
		memcpy(all, s->note, n * sizeof *all);
	for (size_t i = 0; i < s->lower->ntarget && texts < NOTES_MAX; i++) {
		const struct lower_target *t = &s->lower->target[i];
		const char *cell = cell_name(s, t->where.sheet1, t->where.row1, t->where.col1);

		if (t->v.mask & (LM_TEXT | LM_DYNTEXT)) {
			all[n++] = (struct note){cell, "this target may be text: in trials where it is, it counts as #VALUE!"};
			texts++;
		}
	}
	s->note = all;
	s->nnotes = n;
}

/* Roots: per target value, error, type; per tracked input value, uniform. */
static ir_ref *
roots_of(struct sim *s, size_t *n)
{
	struct lower *L = s->lower;
	ir_ref *r = ARENA_NEW(&s->arena, ir_ref, 3 * s->ntargets + 2 * s->ninputs + 1);

	*n = 0;
	for (size_t i = 0; i < s->ntargets; i++) {
		const struct lval *v = &L->target[i].v;
		ir_ref err = v->err;

		/* text, where it can occur, is counted as #VALUE!: it is no number */
		if (v->mask & LM_TEXT)
			err = lower_err(L, err, ir_op3(L->ir, IR_SEL, lower_is_type(L, *v, LC_TEXT),
			                               ir_const(L->ir, XE_VALUE), ir_const(L->ir, 0)));
		r[(*n)++] = v->num;
		r[(*n)++] = err;
	}
	for (size_t i = 0; i < s->ninputs; i++) {
		r[(*n)++] = L->draw[i].x;
		r[(*n)++] = L->draw[i].u;
	}
	return r;
}

int
sim_open(struct sim *s, struct spec *spec, enum isa isa, struct err *e)
{
	struct targets t = {0};
	int64_t start = clk_boot_ns();
	ir_ref *roots;
	size_t nroots;

	memset(s, 0, sizeof *s);
	s->isa = isa;
	if (!spec->model)
		return err_set(e, ERR_USAGE, "no workbook is named");
	s->wb = workbook_load(spec->model, e);
	if (!s->wb)
		return -1;
	s->model = model_new(s->wb, e);
	if (!s->model)
		goto fail;
	s->model->xlrisk = spec->xlrisk;
	s->load_s = clk_since_s(start);
	start = clk_boot_ns();
	if (spec_apply(spec, s->model, e) < 0 || find_targets(s, spec, &t, e) < 0)
		goto fail;
	s->lower = lower_new(s->model, e);
	if (!s->lower || lower_targets(s->lower, t.where, t.name, t.n, e) < 0)
		goto fail;
	for (size_t i = 0; i < s->lower->ntarget; i++)
		if (check_target(s, &s->lower->target[i], e) < 0)
			goto fail;
	if (*eval_cycle(s->lower->ev)) {
		err_set(e, ERR_DATA, "circular reference, and the workbook does not ask for iteration: %s",
		        eval_cycle(s->lower->ev));
		goto fail;
	}
	s->nnotes = notes_collect(s->model, &s->arena, &s->note);
	note_texts(s);
	name_columns(s, spec);
	hash_model(s, spec);
	roots = roots_of(s, &nroots);
	s->prog = vm_compile(s->lower->ir, s->lower, roots, nroots, isa, e);
	if (!s->prog)
		goto fail;
	s->compile_s = clk_since_s(start);
	free(t.where);
	free(t.name);
	return 0;
fail:
	if (e && e->status && !strstr(e->msg, spec->model))
		err_prefix(e, "%s", spec->model);
	free(t.where);
	free(t.name);
	sim_close(s);
	return -1;
}

void
sim_close(struct sim *s)
{
	vm_free(s->prog);
	lower_free(s->lower);
	model_free(s->model);
	workbook_free(s->wb);
	arena_free(&s->arena);
	memset(s, 0, sizeof *s);
}

void
sim_column_lanes(const struct sim *s, const struct vm_run *run, struct stats_block *b)
{
	size_t k = 0;

	for (size_t i = 0; i < s->ntargets; i++, k += 2) {
		b->x[i] = vm_root(run, k);
		b->err[i] = vm_root(run, k + 1);
	}
	for (size_t i = 0; i < s->ninputs; i++, k += 2) {
		b->x[s->ntargets + i] = vm_root(run, k);
		b->u[i] = vm_root(run, k + 1);
	}
}

/* --- one trial ------------------------------------------------------------------------------------------------ */

/* In a workbook with circular references what a cell gives depends, within the tolerance of the iteration, on where the iteration
 * enters. A run enters each of these cells by itself and hands the values to the others: so does this. */
static struct value
replayed(struct eval *ev, uint64_t seed, int64_t trial, const struct lower_cell *order, size_t i, const struct value *v)
{
	eval_set_trial(ev, seed, trial);
	for (size_t k = 0; k < i && !order[i].cyclic; k++)
		eval_override(ev, order[k].sheet, order[k].row, order[k].col, v[k]);
	return eval_cell(ev, order[i].sheet, order[i].row, order[i].col);
}

int
sim_replay(struct sim *s, uint64_t seed, int64_t trial, sim_cell_fn *fn, void *ctx, struct err *e)
{
	struct eval *ev = eval_new(s->model, e);
	struct sampler_hook_ctx hook = {s->lower->samplers, s->wb};
	struct lower *L = s->lower;
	struct value *v = ARENA_NEW(&s->arena, struct value, L->norder + 1);
	int circular = 0;

	if (!ev)
		return -1;
	for (size_t i = 0; i < L->norder; i++)
		circular |= L->order[i].cyclic;
	eval_set_draw_hook(ev, sampler_hook, &hook);
	eval_set_trial(ev, seed, trial);
	for (size_t i = 0; i < L->norder; i++) {
		const struct lower_cell *c = &L->order[i];

		v[i] = circular ? replayed(ev, seed, trial, L->order, i, v) : eval_cell(ev, c->sheet, c->row, c->col);
		fn(ctx, c->sheet, c->row, c->col, model_formula(s->model, c->sheet, c->row, c->col), v[i]);
		if (circular && v[i].kind == V_TEXT)
			v[i] = value_text(&s->arena, v[i].u.text->s, v[i].u.text->nbytes);
	}
	eval_free(ev);
	return 0;
}
