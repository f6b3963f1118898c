/* inventory: see inventory.h. */
#include "model/inventory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lower_fn.h"
#include "formula/graph.h"
#include "record/record.h"

#define SHOWN 40        /* lines of one kind in a table */
#define LISTED 8        /* cells named in one line of a table */

struct writer {
	const struct inventory *v;
	const struct model *m;
	const struct workbook *wb;
	struct buf *b;
	struct graph *g;
	int table, shown;   /* shown: lines under the running heading */
	char name[700];
};

static const char *
address(struct writer *w, int sheet, int32_t row, int32_t col)
{
	a1_format_full(w->wb, sheet, row, col, w->name, sizeof w->name);
	return w->name;
}

/* The text nearest to the left in the row, else above: what a person calls the cell. */
static const char *
label_of(const struct workbook *wb, int sheet, int32_t row, int32_t col)
{
	for (int32_t c = col - 1; c >= 0 && c >= col - 6; c--) {
		const struct cell *x = workbook_cell(wb, sheet, row, c);

		if (x && x->kind == CELL_TEXT && !x->formula)
			return x->v.text;
	}
	for (int32_t r = row - 1; r >= 0 && r >= row - 6; r--) {
		const struct cell *x = workbook_cell(wb, sheet, r, col);

		if (x && x->kind == CELL_TEXT && !x->formula)
			return x->v.text;
	}
	return "";
}

/* The formula as it stands in this cell: the text of a shared one is its master's. */
static void
formula_text(struct writer *w, const struct graph_cell *c, struct buf *out)
{
	buf_clear(out);
	if (node_print(out, w->wb, c->f->root, c->sheet, c->row, c->col) < 0 || !out->s)
		buf_puts(out, c->f->text ? c->f->text : "");
}

/* --- lines ----------------------------------------------------------------------------------------------------- */

static void
heading(struct writer *w, const char *text)
{
	w->shown = 0;
	if (w->table)
		buf_printf(w->b, "%s\n", text);
}

/* In a table only the first few of a kind: 0 where this one is left out. */
static int
room(struct writer *w)
{
	return w->shown++ < SHOWN || !w->table;
}

static void
more(struct writer *w)
{
	if (w->table && w->shown > SHOWN)
		buf_printf(w->b, "  and %d more\n", w->shown - SHOWN);
}

static void
put_line(struct writer *w, const char *kind, const char *name, const char *detail, const struct value *v)
{
	if (!w->table) {
		buf_puts(w->b, "{\"v\":1");
		record_str(w->b, "type", kind);
		record_str(w->b, "name", name);
		if (detail && *detail)
			record_str(w->b, "detail", detail);
		if (v)
			cli_record_value(w->b, "value", v);
		record_end(w->b);
		return;
	}
	buf_printf(w->b, "  %-28s %s", name, detail ? detail : "");
	if (v) {
		buf_puts(w->b, detail && *detail ? "  " : "");
		cli_put_value(w->b, v);
	}
	buf_putc(w->b, '\n');
}

/* ,"key":["A1","B2"] of cells of the graph; in a table the first of them in words. */
static void
put_cells(struct writer *w, const char *key, const uint32_t *cell, size_t n)
{
	if (!w->table) {
		buf_printf(w->b, ",\"%s\":[", key);
		for (size_t i = 0; i < n; i++) {
			const struct graph_cell *c = &w->g->cell[cell[i]];

			if (i)
				buf_putc(w->b, ',');
			record_quote(w->b, address(w, c->sheet, c->row, c->col));
		}
		buf_putc(w->b, ']');
		return;
	}
	for (size_t i = 0; i < n && i < LISTED; i++) {
		const struct graph_cell *c = &w->g->cell[cell[i]];

		buf_printf(w->b, "%s%s", i ? ", " : "", address(w, c->sheet, c->row, c->col));
	}
	if (n > LISTED)
		buf_printf(w->b, " and %zu more", n - LISTED);
}

/* --- what is there ----------------------------------------------------------------------------------------------- */

static void
put_sheets(struct writer *w)
{
	char detail[200];

	heading(w, "Sheets");
	for (size_t k = 0; k < w->wb->nsheets; k++) {
		const struct sheet *s = &w->wb->sheets[k];
		int64_t formulas = 0;

		for (size_t i = 0; i < s->ncells; i++)
			formulas += s->cells[i].formula != NULL;
		snprintf(detail, sizeof detail, "%zu cells, %lld formulas%s%s", s->ncells, (long long)formulas,
		         s->state ? ", hidden" : "", s->is_worksheet ? "" : ", no worksheet");
		put_line(w, "sheet", s->name, detail, NULL);
	}
}

static void
put_names(struct writer *w)
{
	if (w->wb->nnames)
		heading(w, "Names");
	for (size_t i = 0; i < w->wb->nnames; i++)
		if (!w->wb->names[i].hidden)
			put_line(w, "name", w->wb->names[i].name, w->wb->names[i].formula.text, NULL);
}

static void
put_inputs(struct writer *w)
{
	struct buf text = BUF_INIT;
	char detail[400];

	heading(w, "Random inputs");
	for (size_t i = 0; i < w->g->n; i++) {
		const struct graph_cell *c = &w->g->cell[i];

		if (!(c->f->flags & FORMULA_RANDOM))
			continue;
		formula_text(w, c, &text);
		snprintf(detail, sizeof detail, "%.60s  =%.200s", label_of(w->wb, c->sheet, c->row, c->col), text.s);
		put_line(w, "input", address(w, c->sheet, c->row, c->col), detail, NULL);
	}
	buf_free(&text);
}

static void
put_targets(struct writer *w)
{
	char detail[200];

	heading(w, "Possible targets (formulas that nothing else uses)");
	for (size_t i = 0; i < w->g->n; i++) {
		const struct graph_cell *c = &w->g->cell[i];
		int output = (c->f->flags & FORMULA_OUTPUT) != 0;
		struct value v;

		if (w->g->rfirst[i] != w->g->rfirst[i + 1] && !output)
			continue;
		v = eval_cell(w->v->ev, c->sheet, c->row, c->col);
		if (v.kind != V_NUM || !room(w))
			continue;
		snprintf(detail, sizeof detail, "%.60s%s%s", label_of(w->wb, c->sheet, c->row, c->col),
		         eval_cell_tainted(w->v->ev, c->sheet, c->row, c->col) ? " (random)" : "", output ? " (RiskOutput)" : "");
		put_line(w, "target", address(w, c->sheet, c->row, c->col), detail, &v);
	}
	more(w);
}

void
inventory_count(const struct node *n, struct function_tally *t, int agree)
{
	if (n->kind == N_CALL) {
		const char *name = n->u.call.fn ? n->u.call.fn->name : n->u.call.name;
		int k = 0;

		while (k < INVENTORY_FUNCTIONS && t[k].name && strcmp(t[k].name, name))
			k++;
		if (k < INVENTORY_FUNCTIONS) {
			t[k].name = name;
			if (agree)
				t[k].agree++;
			else
				t[k].differ++;
		}
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			inventory_count(n->args[i], t, agree);
}

static void
put_functions(struct writer *w)
{
	struct function_tally *t = calloc(INVENTORY_FUNCTIONS + 1, sizeof *t);
	char detail[100];

	if (!t)
		abort();
	for (size_t i = 0; i < w->g->n; i++)
		inventory_count(w->g->cell[i].f->root, t, 1);
	heading(w, "Functions");
	for (size_t i = 0; t[i].name; i++) {
		const struct func *f = func_find(t[i].name, strlen(t[i].name));

		snprintf(detail, sizeof detail, "%lld calls, %s", (long long)t[i].agree,
		         !f ? "not supported" : lower_has_lanes(f) ? "scalar, vector" : "scalar");
		put_line(w, "function", t[i].name, detail, NULL);
	}
	free(t);
}

/* --- other workbooks ------------------------------------------------------------------------------------------------ */

/* Books that a tree refers to: a bit each, those from 63 on sharing one. */
static uint64_t
books_of(const struct model *m, const struct node *n, int depth)
{
	uint64_t set = 0;

	if (n->kind == N_AREA && (n->u.area.flags & AREA_EXTERNAL))
		set |= (uint64_t)1 << (n->u.area.book < 0 ? 0 : n->u.area.book > 63 ? 63 : n->u.area.book);
	if (n->kind == N_NAME && n->u.name.def && depth < 16) {
		const struct formula *f = model_name_formula(m, n->u.name.def);

		if (f && f->root)
			set |= books_of(m, f->root, depth + 1);
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			set |= books_of(m, n->args[i], depth);
	return set;
}

static void
put_external_cell(struct writer *w, const struct graph_cell *c, uint64_t books, struct buf *text)
{
	struct value v = eval_cell(w->v->ev, c->sheet, c->row, c->col);

	formula_text(w, c, text);
	if (w->table) {
		char detail[300];

		snprintf(detail, sizeof detail, "=%.200s", text->s);
		put_line(w, "external", address(w, c->sheet, c->row, c->col), detail, &v);
		return;
	}
	buf_puts(w->b, "{\"v\":1");
	record_str(w->b, "type", "external");
	record_str(w->b, "name", address(w, c->sheet, c->row, c->col));
	record_str(w->b, "formula", text->s);
	buf_puts(w->b, ",\"links\":[");
	for (size_t k = 0, n = 0; k < w->wb->nexternals; k++)
		if (books >> (k > 63 ? 63 : k) & 1) {
			if (n++)
				buf_putc(w->b, ',');
			record_quote(w->b, w->wb->externals[k].target ? w->wb->externals[k].target : "");
		}
	buf_putc(w->b, ']');
	cli_record_value(w->b, "value", &v);
	record_end(w->b);
}

static void
put_externals(struct writer *w)
{
	uint64_t *books = calloc(w->g->n + 1, sizeof *books);
	struct buf text = BUF_INIT;
	char detail[200];

	if (!books)
		abort();
	for (size_t i = 0; i < w->g->n; i++)
		books[i] = books_of(w->m, w->g->cell[i].f->root, 0);
	if (w->wb->nexternals)
		heading(w, "Links to other workbooks (never opened: the values kept in this one are used)");
	for (size_t k = 0; k < w->wb->nexternals; k++) {
		int64_t n = 0;

		for (size_t i = 0; i < w->g->n; i++)
			n += books[i] >> (k > 63 ? 63 : k) & 1;
		snprintf(detail, sizeof detail, "[%zu], %lld cells use it", k + 1, (long long)n);
		put_line(w, "link", w->wb->externals[k].target ? w->wb->externals[k].target : "", detail, NULL);
	}
	w->shown = 0;
	for (size_t i = 0; i < w->g->n; i++)
		if (books[i] && room(w))
			put_external_cell(w, &w->g->cell[i], books[i], &text);
	more(w);
	free(books);
	buf_free(&text);
}

/* --- volatile cells --------------------------------------------------------------------------------------------------- */

static void
volatile_functions(const struct node *n, struct buf *out)
{
	if (n->kind == N_CALL && n->u.call.fn && (n->u.call.fn->flags & FN_VOLATILE))
		buf_printf(out, "%s%s", out->len ? " " : "", n->u.call.fn->name);
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			volatile_functions(n->args[i], out);
}

static void
put_volatiles(struct writer *w)
{
	uint32_t *dep = calloc(w->g->n + 1, sizeof *dep);
	struct buf names = BUF_INIT;
	int headed = 0;

	if (!dep)
		abort();
	for (size_t i = 0; i < w->g->n; i++) {
		const struct graph_cell *c = &w->g->cell[i];
		size_t n;

		if (!(c->f->flags & FORMULA_VOLATILE))
			continue;
		if (!headed++)
			heading(w, "Volatile cells, and what depends on them");
		if (!room(w))
			continue;
		buf_clear(&names);
		volatile_functions(c->f->root, &names);
		n = graph_dependents(w->g, i, dep);
		if (w->table) {
			buf_printf(w->b, "  %-28s %s", address(w, c->sheet, c->row, c->col), names.len ? names.s : "");
			buf_printf(w->b, n ? "  -> %zu: " : "  -> nothing", n);
		} else {
			buf_puts(w->b, "{\"v\":1");
			record_str(w->b, "type", "volatile");
			record_str(w->b, "name", address(w, c->sheet, c->row, c->col));
			record_str(w->b, "functions", names.len ? names.s : "");
			record_bool(w->b, "random", (c->f->flags & FORMULA_RANDOM) != 0);
			record_int(w->b, "count", (int64_t)n);
		}
		put_cells(w, "dependents", dep, n);
		if (w->table)
			buf_putc(w->b, '\n');
		else
			record_end(w->b);
	}
	more(w);
	free(dep);
	buf_free(&names);
}

/* --- circles ----------------------------------------------------------------------------------------------------------- */

static void
put_circle(struct writer *w, const uint32_t *member, size_t n)
{
	if (w->table) {
		buf_printf(w->b, "  %zu cell%s: ", n, n > 1 ? "s" : "");
	} else {
		const struct graph_cell *c = &w->g->cell[member[0]];

		buf_puts(w->b, "{\"v\":1");
		record_str(w->b, "type", "circle");
		record_str(w->b, "name", address(w, c->sheet, c->row, c->col));
		record_bool(w->b, "iterated", w->wb->iterate);
		record_int(w->b, "count", (int64_t)n);
	}
	put_cells(w, "cells", member, n);
	if (w->table)
		buf_putc(w->b, '\n');
	else
		record_end(w->b);
}

static void
put_circles(struct writer *w)
{
	uint32_t *group = calloc(w->g->n + 1, sizeof *group), *member = calloc(w->g->n + 1, sizeof *member), *start;
	int64_t n = group ? graph_circles(w->g, group) : -1;

	start = n >= 0 ? calloc((size_t)n + 2, sizeof *start) : NULL;
	if (!group || !member || !start)
		abort();
	if (n)
		heading(w, w->wb->iterate ? "Circles of references (the workbook asks for iteration)"
		                          : "Circles of references (the workbook does not ask for iteration)");
	for (size_t i = 0; i < w->g->n; i++) /* members by group, in order */
		start[group[i] + 1] += group[i] > 0;
	for (int64_t k = 1; k <= n; k++)
		start[k + 1] += start[k];
	for (size_t i = 0; i < w->g->n; i++)
		if (group[i])
			member[start[group[i]]++] = (uint32_t)i;
	for (int64_t k = 1; k <= n; k++) {
		uint32_t from = k > 1 ? start[k - 1] : 0;

		if (room(w))
			put_circle(w, member + from, start[k] - from);
	}
	more(w);
	free(group);
	free(member);
	free(start);
}

/* --- the whole ------------------------------------------------------------------------------------------------------------- */

static void
put_total(struct writer *w)
{
	int64_t formulas = 0, broken = 0, by[5] = {0};
	static const unsigned flag[5] = {FORMULA_RANDOM, FORMULA_VOLATILE, FORMULA_EXTERNAL, FORMULA_UNKNOWN, FORMULA_DYNAMIC};
	char detail[400];

	for (size_t k = 0; k < w->wb->nsheets; k++)
		for (size_t i = 0; i < w->wb->sheets[k].ncells; i++) {
			const struct cell *c = &w->wb->sheets[k].cells[i];
			const struct formula *f = model_formula(w->m, (int)k, c->row, c->col);

			if (!f)
				continue;
			formulas++;
			broken += !f->root;
			for (int j = 0; j < 5; j++)
				by[j] += (f->flags & flag[j]) != 0;
		}
	snprintf(detail, sizeof detail,
	         "%lld formulas; %lld draw, %lld volatile, %lld to other workbooks, %lld with unknown names, %lld that do not parse",
	         (long long)formulas, (long long)by[0], (long long)by[1], (long long)by[2], (long long)by[3], (long long)broken);
	heading(w, "In all");
	put_line(w, "model", w->wb->path, detail, NULL);
	if (w->g->truncated)
		put_line(w, "note", "references", "too many to follow: dependents and circles are not complete", NULL);
}

void
inventory_write(const struct inventory *v, struct buf *out)
{
	struct writer w = {.v = v, .m = v->m, .wb = v->m->wb, .b = out, .table = v->format != CLI_NDJSON};
	struct err e = {0};

	if (!(w.g = graph_new(v->m, &e)))
		cli_die(&e);
	put_sheets(&w);
	put_names(&w);
	put_inputs(&w);
	put_targets(&w);
	put_functions(&w);
	put_externals(&w);
	put_volatiles(&w);
	put_circles(&w);
	put_total(&w);
	if (*eval_cycle(v->ev)) {
		heading(&w, "Circular references (not iterated: the workbook does not ask for it)");
		put_line(&w, "cycle", eval_cycle(v->ev), "", NULL);
	}
	graph_free(w.g);
}
