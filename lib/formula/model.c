/*
 * model: a workbook with its formulas parsed and the user's changes. Every formula text is parsed once; the cells of a
 * shared group share the tree. See eval.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "formula/copula.h"
#include "formula/model_private.h"

/* --- formulas by text ------------------------------------------------------------------------------------ */

static size_t
pointer_slot(const struct model_private *p, const void *key)
{
	size_t k = (size_t)(((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u) & (p->nparsed_cap - 1);

	while (p->parsed[k].key && p->parsed[k].key != key)
		k = (k + 1) & (p->nparsed_cap - 1);
	return k;
}

static struct formula *
parse_once(struct model *m, const struct formula_text *t, int sheet)
{
	struct model_private *p = m->priv;
	size_t k = pointer_slot(p, t);

	if (!p->parsed[k].key) {
		p->parsed[k].key = t;
		p->parsed[k].f = formula_parse(&m->arena, m->wb, sheet, t->base_row, t->base_col, t->text, 0);
	}
	return p->parsed[k].f;
}

static uint64_t
cell_hash(int sheet, int32_t row, int32_t col)
{
	uint64_t h = ((uint64_t)(uint32_t)sheet << 40) ^ ((uint64_t)(uint32_t)row << 16) ^ (uint32_t)col;

	h *= 0x9e3779b97f4a7c15u;
	return h ^ (h >> 31);
}

const struct model_change *
model_changed(const struct model *m, int sheet, int32_t row, int32_t col)
{
	const struct model_private *p = m->priv;

	if (!m->nchanges)
		return NULL;
	for (size_t k = cell_hash(sheet, row, col) & (p->change_cap - 1); p->change_at[k]; k = (k + 1) & (p->change_cap - 1)) {
		const struct model_change *c = &m->changes[p->change_at[k] - 1];

		if (c->sheet == sheet && c->row == row && c->col == col)
			return c;
	}
	return NULL;
}

void
model_used(const struct model *m, int sheet, int32_t *row, int32_t *col)
{
	*row = m->priv->used[2 * sheet];
	*col = m->priv->used[2 * sheet + 1];
}

/* The place of the first one at or behind this. */
static size_t
find_extra(const struct model_private *p, int sheet, int32_t row, int32_t col)
{
	size_t lo = 0, hi = p->nextra;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct model_place *x = &p->extra[mid];

		if (x->sheet != sheet ? x->sheet < sheet : x->row != row ? x->row < row : x->col < col)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int32_t
model_extra(const struct model *m, int sheet, int32_t row, int32_t col)
{
	const struct model_private *p = m->priv;
	size_t i;

	if (!p->nextra)
		return INT32_MAX;
	i = find_extra(p, sheet, row, col);
	return i < p->nextra && p->extra[i].sheet == sheet && p->extra[i].row == row ? p->extra[i].col : INT32_MAX;
}

static void
add_extra(struct model *m, int sheet, int32_t row, int32_t col)
{
	struct model_private *p = m->priv;
	size_t i = find_extra(p, sheet, row, col);

	if (workbook_cell(m->wb, sheet, row, col))
		return;
	p->extra = realloc(p->extra, (p->nextra + 1) * sizeof *p->extra);
	if (!p->extra)
		abort();
	memmove(p->extra + i + 1, p->extra + i, (p->nextra++ - i) * sizeof *p->extra);
	p->extra[i] = (struct model_place){sheet, row, col};
}

static struct model_change *
change(struct model *m, int sheet, int32_t row, int32_t col)
{
	struct model_private *p = m->priv;
	struct model_change *c = (struct model_change *)(uintptr_t)model_changed(m, sheet, row, col);
	size_t k;

	if (c)
		return c;
	m->changes = realloc(m->changes, (m->nchanges + 1) * sizeof *m->changes);
	if (!m->changes)
		abort();
	m->changes[m->nchanges++] = (struct model_change){.sheet = sheet, .row = row, .col = col};
	add_extra(m, sheet, row, col);
	p->used[2 * sheet] = row > p->used[2 * sheet] ? row : p->used[2 * sheet];
	p->used[2 * sheet + 1] = col > p->used[2 * sheet + 1] ? col : p->used[2 * sheet + 1];
	if (2 * m->nchanges > p->change_cap) {
		p->change_cap = p->change_cap ? 2 * p->change_cap : 64;
		free(p->change_at);
		p->change_at = calloc(p->change_cap, sizeof *p->change_at);
		if (!p->change_at)
			abort();
		for (size_t i = 0; i + 1 < m->nchanges; i++) {
			k = cell_hash(m->changes[i].sheet, m->changes[i].row, m->changes[i].col) & (p->change_cap - 1);
			while (p->change_at[k])
				k = (k + 1) & (p->change_cap - 1);
			p->change_at[k] = (uint32_t)i + 1;
		}
	}
	k = cell_hash(sheet, row, col) & (p->change_cap - 1);
	while (p->change_at[k])
		k = (k + 1) & (p->change_cap - 1);
	p->change_at[k] = (uint32_t)m->nchanges;
	return &m->changes[m->nchanges - 1];
}

/* --- making ------------------------------------------------------------------------------------------------ */

struct model *
model_new(const struct workbook *wb, struct err *e)
{
	struct model *m = calloc(1, sizeof *m);
	struct model_private *p = calloc(1, sizeof *p);
	size_t ntexts = wb->nnames;

	if (!m || !p) {
		free(m);
		free(p);
		err_nomem(e);
		return NULL;
	}
	m->wb = wb;
	m->priv = p;
	p->base = ARENA_NEW(&m->arena, size_t, wb->nsheets + 1);
	p->used = ARENA_NEW(&m->arena, int32_t, 2 * wb->nsheets + 1);
	for (size_t i = 0; i < wb->nsheets; i++) {
		p->base[i + 1] = p->base[i] + wb->sheets[i].ncells;
		p->used[2 * i] = wb->sheets[i].row_max;
		p->used[2 * i + 1] = wb->sheets[i].col_max;
	}
	p->ncells = p->base[wb->nsheets];
	ntexts += wb->nformula_cells;
	p->nparsed_cap = 64;
	while (p->nparsed_cap < 2 * (ntexts + 1))
		p->nparsed_cap *= 2;
	p->parsed = calloc(p->nparsed_cap, sizeof *p->parsed);
	p->formula = calloc(p->ncells + 1, sizeof *p->formula);
	if (!p->parsed || !p->formula) {
		err_nomem(e);
		model_free(m);
		return NULL;
	}
	for (size_t i = 0; i < wb->nsheets; i++)
		for (size_t k = 0; k < wb->sheets[i].ncells; k++)
			if (wb->sheets[i].cells[k].formula)
				p->formula[p->base[i] + k] = parse_once(m, wb->sheets[i].cells[k].formula, (int)i);
	for (size_t i = 0; i < wb->nnames; i++)
		parse_once(m, &wb->names[i].formula, wb->names[i].sheet < 0 ? 0 : wb->names[i].sheet);
	return m;
}

void
model_free(struct model *m)
{
	if (!m)
		return;
	free(m->priv->parsed);
	free(m->priv->formula);
	free(m->priv->change_at);
	free(m->priv->extra);
	free(m->priv);
	free(m->changes);
	copula_free(m->copula);
	arena_free(&m->arena);
	free(m);
}

int
model_fill_formula(struct model *m, const struct area *a, const char *text, int spec, struct err *e)
{
	struct formula *f = formula_parse(&m->arena, m->wb, a->sheet1, a->row1, a->col1, text, spec);

	if (!f->root)
		return err_set(e, ERR_DATA, "%s", f->error);
	if (f->flags & FORMULA_UNKNOWN) {
		char what[200];

		formula_unknown(f->root, what, sizeof what);
		return err_set(e, ERR_DATA, "unknown name or function %s", what);
	}
	for (int32_t r = a->row1; r <= a->row2; r++)
		for (int32_t k = a->col1; k <= a->col2; k++)
			change(m, a->sheet1, r, k)->formula = f;
	return 0;
}

int
model_set_formula(struct model *m, int sheet, int32_t row, int32_t col, const char *text, int spec, struct err *e)
{
	struct area one = {sheet, sheet, row, col, row, col};

	return model_fill_formula(m, &one, text, spec, e);
}

int
model_set_value(struct model *m, int sheet, int32_t row, int32_t col, struct value v)
{
	struct model_change *c = change(m, sheet, row, col);

	c->formula = NULL;
	c->value = v;
	return 0;
}

const struct formula *
model_formula(const struct model *m, int sheet, int32_t row, int32_t col)
{
	const struct model_change *c = model_changed(m, sheet, row, col);
	const struct cell *cell;

	if (c)
		return c->formula;
	cell = workbook_cell(m->wb, sheet, row, col);
	if (!cell || !cell->formula)
		return NULL;
	return m->priv->formula[m->priv->base[sheet] + (size_t)(cell - m->wb->sheets[sheet].cells)];
}

const struct formula *
model_name_formula(const struct model *m, const struct defined_name *d)
{
	return m->priv->parsed[pointer_slot(m->priv, &d->formula)].f;
}

/* First name or function in the tree that means nothing. */
int
formula_unknown(const struct node *n, char *out, size_t size)
{
	if (n->kind == N_CALL && !n->u.call.fn) {
		snprintf(out, size, "%s()", n->u.call.name);
		return 1;
	}
	if (n->kind == N_NAME && !n->u.name.def && n->u.name.slot < 0) {
		snprintf(out, size, "%s", n->u.name.name);
		return 1;
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && formula_unknown(n->args[i], out, size))
			return 1;
	return 0;
}

/* --- addresses given by people ------------------------------------------------------------------------------- */

int
model_find(const struct model *m, const char *where, int default_sheet, struct area *out, struct err *e)
{
	struct arena a = ARENA_INIT;
	struct formula *f = formula_parse(&a, m->wb, default_sheet, 0, 0, where, 0);
	const struct node *n = f->root;
	const char *bang = strrchr(where, '!');
	int rc = -1;

	if (n && n->kind == N_NAME && n->u.name.def) {
		const struct formula *nf = model_name_formula(m, n->u.name.def);

		n = nf ? nf->root : NULL;
	}
	if (n && n->kind == N_AREA && !(n->u.area.flags & AREA_EXTERNAL) && !node_area(n, default_sheet, 0, 0, out)) {
		rc = out->sheet1 == out->sheet2 ? 0 : err_set(e, ERR_DATA, "\"%s\" spans several sheets", where);
	} else if (bang && n && n->kind == N_ERROR) {
		size_t len = (size_t)(bang - where);
		const char *s = where;

		if (len > 1 && s[0] == '\'' && s[len - 1] == '\'')
			s++, len -= 2;
		err_set(e, ERR_DATA, workbook_sheet(m->wb, s, len) < 0 ? "no sheet \"%.*s\"" : "\"%.*s\" is no cell", (int)len, s);
	} else if (f->root && f->root->kind == N_NAME && !f->root->u.name.def) {
		err_set(e, ERR_DATA, "\"%s\" is neither a cell nor a defined name", where);
	} else {
		err_set(e, ERR_DATA, "\"%s\" is not a cell, a range or a defined name", where);
	}
	arena_free(&a);
	return rc;
}

uint64_t
draw_stream(const struct workbook *wb, const struct draw_site *site)
{
	const char *name = wb->sheets[site->sheet].name;
	uint32_t words[4] = {(uint32_t)site->row, (uint32_t)site->col, site->call, site->element};
	uint64_t h = 0xcbf29ce484222325u;

	for (const char *s = name;; s++) {
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
		if (!*s)
			break;
	}
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 32; k += 8)
			h = (h ^ (words[i] >> k & 0xff)) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}
