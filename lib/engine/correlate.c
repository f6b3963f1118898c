/* correlate: see correlate.h. */
#include "engine/correlate.h"

#include <stdlib.h>
#include <string.h>

#include "formula/copula.h"

struct pairs {
	struct copula_pair *v;
	size_t n, cap;
};

static void
add_pair(struct pairs *p, struct draw_site a, struct draw_site b, double rank, const char *from)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->v = realloc(p->v, p->cap * sizeof *p->v);
		if (!p->v)
			abort(); /* as the arena does: see arena.h */
	}
	p->v[p->n++] = (struct copula_pair){a, b, rank, from};
}

/* Draws of a tree: how many, and the first. */
static int
count_draws(const struct node *n, const struct node **first)
{
	int k = 0;

	if (n->kind == N_CALL && n->u.call.fn && (n->u.call.fn->flags & FN_RANDOM)) {
		if (!*first)
			*first = n;
		k = strcmp(n->u.call.fn->name, "RANDARRAY") ? 1 : 2;
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			k += count_draws(n->args[i], first);
	return k;
}

struct sites {
	struct draw_site *v;
	int n;
};

static int
add_site(struct sites *t, const struct model *m, int sheet, int32_t row, int32_t col, const char *from, struct err *e)
{
	const struct formula *f = model_formula(m, sheet, row, col);
	const struct node *draw = NULL;
	int n = f && f->root ? count_draws(f->root, &draw) : 0;
	char cell[600];

	a1_format_full(m->wb, sheet, row, col, cell, sizeof cell);
	if (n != 1)
		return err_set(e, ERR_DATA, n ? "%s: %s has several draws; a correlation is between cells with one each"
		                              : "%s: %s draws nothing: only random inputs are correlated", from, cell);
	if (t->n == COPULA_MAX)
		return err_set(e, ERR_DATA, "%s: at most %d inputs may be correlated with each other", from, COPULA_MAX);
	t->v[t->n++] = (struct draw_site){sheet, row, col, draw->u.call.draw, 0};
	return 0;
}

/* The cells of a cell, range or name. */
static int
add_sites(struct sites *t, const struct model *m, const char *where, const char *from, struct err *e)
{
	struct area a;

	if (model_find(m, where, 0, &a, e) < 0)
		return err_prefix(e, "%s", from);
	for (int32_t r = a.row1; r <= a.row2; r++)
		for (int32_t c = a.col1; c <= a.col2; c++)
			if (add_site(t, m, a.sheet1, r, c, from, e) < 0)
				return -1;
	return 0;
}

/* The matrix in a range of the workbook. */
static int
read_range(const struct model *m, const struct spec_correlate *c, int inputs, struct arena *arena, double **r, struct err *e)
{
	struct eval *ev;
	struct area a;
	int n, rc;

	if (model_find(m, c->range, 0, &a, e) < 0)
		return err_prefix(e, "%s", c->from);
	if (!(ev = eval_new(m, e)))
		return -1;
	rc = copula_matrix(ev, &a, c->range, arena, r, &n, e);
	eval_free(ev);
	if (rc < 0)
		return err_prefix(e, "%s", c->from);
	if (n != inputs)
		return err_set(e, ERR_DATA, "%s: %d inputs, but %s is %d x %d", c->from, inputs, c->range, n, n);
	return 0;
}

static int
add_correlate(struct pairs *p, const struct model *m, const struct spec_correlate *c, struct arena *arena, struct err *e)
{
	struct sites t = {arena_alloc(arena, COPULA_MAX * sizeof *t.v), 0};
	const double *matrix = c->matrix;
	double *range = NULL;

	for (int i = 0; i < c->n; i++)
		if (add_sites(&t, m, c->cell[i], c->from, e) < 0)
			return -1;
	if (c->range && read_range(m, c, t.n, arena, &range, e) < 0)
		return -1;
	if (c->range)
		matrix = range;
	else if (matrix && t.n != c->n)
		return err_set(e, ERR_DATA, "%s: %d inputs, but the matrix is %d x %d", c->from, t.n, c->n, c->n);
	for (int i = 0; i < t.n; i++)
		for (int k = 0; k < i; k++)
			add_pair(p, t.v[i], t.v[k], matrix ? matrix[i * t.n + k] : c->rank, c->from);
	return 0;
}

int
correlate_model(const struct spec *s, struct model *m, struct err *e)
{
	struct arena arena = ARENA_INIT;
	struct pairs p = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < s->ncorrelate; i++)
		rc = add_correlate(&p, m, &s->correlate[i], &arena, e);
	if (!rc)
		rc = copula_build(m, p.v, p.n, e);
	free(p.v);
	arena_free(&arena);
	return rc;
}
