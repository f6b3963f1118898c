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

static int
site_of(const struct model *m, const char *cell, const char *from, struct draw_site *out, struct err *e)
{
	const struct node *draw = NULL;
	const struct formula *f;
	struct area a;
	int n;

	if (model_find(m, cell, 0, &a, e) < 0)
		return err_prefix(e, "%s", from);
	if (a.row1 != a.row2 || a.col1 != a.col2)
		return err_set(e, ERR_DATA, "%s: %s is a range; a correlation is between cells", from, cell);
	f = model_formula(m, a.sheet1, a.row1, a.col1);
	n = f && f->root ? count_draws(f->root, &draw) : 0;
	if (n != 1)
		return err_set(e, ERR_DATA, n ? "%s: %s has several draws; a correlation is between cells with one each"
		                              : "%s: %s draws nothing: only random inputs are correlated", from, cell);
	*out = (struct draw_site){a.sheet1, a.row1, a.col1, draw->u.call.draw, 0};
	return 0;
}

/* The matrix in a range of the workbook. */
static int
read_range(const struct model *m, const struct spec_correlate *c, struct arena *arena, double **r, struct err *e)
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
	if (n != c->n)
		return err_set(e, ERR_DATA, "%s: %d inputs, but %s is %d x %d", c->from, c->n, c->range, n, n);
	return 0;
}

static int
add_correlate(struct pairs *p, const struct model *m, const struct spec_correlate *c, struct arena *arena, struct err *e)
{
	struct draw_site *site = arena_alloc(arena, (size_t)c->n * sizeof *site);
	double *range = NULL;

	for (int i = 0; i < c->n; i++)
		if (site_of(m, c->cell[i], c->from, &site[i], e) < 0)
			return -1;
	if (c->range && read_range(m, c, arena, &range, e) < 0)
		return -1;
	for (int i = 0; i < c->n; i++)
		for (int k = 0; k < i; k++)
			add_pair(p, site[i], site[k], range ? range[i * c->n + k] : c->matrix ? c->matrix[i * c->n + k] : c->rank,
			         c->from);
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
