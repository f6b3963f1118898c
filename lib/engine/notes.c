/* notes: see notes.h. */
#include "engine/notes.h"

#include <string.h>

#include "formula/copula.h"
#include "formula/risk.h"

struct notes {
	struct arena *arena;
	struct note *v;
	size_t n;
};

static void
add(struct notes *t, const char *cell, const char *message)
{
	struct note *v = arena_alloc(t->arena, (t->n + 1) * sizeof *v);

	if (t->n)
		memcpy(v, t->v, t->n * sizeof *v);
	v[t->n++] = (struct note){cell, message};
	t->v = v;
}

/* The first statistics function in a tree, as written; NULL if there is none. */
static const char *
statistic_in(const struct node *n)
{
	const char *name = n->kind == N_CALL && n->u.call.fn && n->u.call.fn->gen == fn_risk_statistic ? n->u.call.name : NULL;

	for (int i = 0; i < n->nargs && !name; i++)
		name = n->args[i] ? statistic_in(n->args[i]) : NULL;
	return name;
}

static void
look_at_cell(struct notes *t, const struct model *m, int sheet, int32_t row, int32_t col, const struct formula *f, size_t *found)
{
	const char *name = f && f->root ? statistic_in(f->root) : NULL;
	char cell[600];

	if (!name || (*found)++ >= NOTES_MAX)
		return;
	a1_format_full(m->wb, sheet, row, col, cell, sizeof cell);
	add(t, arena_strdup(t->arena, cell),
	    arena_printf(t->arena, "%s is a statistic of the finished simulation: it is #N/A while trials are computed; the summary has it", name));
}

size_t
notes_collect(const struct model *m, struct arena *arena, struct note **out)
{
	struct notes t = {.arena = arena};
	size_t found = 0;

	for (size_t i = 0; m->copula && i < m->copula->nwarnings; i++)
		add(&t, NULL, m->copula->warning[i]);
	for (size_t k = 0; k < m->wb->nsheets; k++)
		for (size_t i = 0; i < m->wb->sheets[k].ncells; i++) {
			const struct cell *c = &m->wb->sheets[k].cells[i];

			if (c->formula && !model_changed(m, (int)k, c->row, c->col))
				look_at_cell(&t, m, (int)k, c->row, c->col, model_formula(m, (int)k, c->row, c->col), &found);
		}
	for (size_t i = 0; i < m->nchanges; i++)
		look_at_cell(&t, m, m->changes[i].sheet, m->changes[i].row, m->changes[i].col, m->changes[i].formula, &found);
	if (found > NOTES_MAX)
		add(&t, NULL, arena_printf(arena, "%zu more cells with statistics of the finished simulation, #N/A while it runs", found - NOTES_MAX));
	*out = t.v;
	return t.n;
}
