/* copula: see copula.h. */
#include "formula/copula.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "formula/eval_internal.h"
#include "formula/risk.h"
#include "kernels/math.h"
#include "kernels/philox.h"

#define PI 3.14159265358979323846
#define PIVOT_ZERO 1e-12 /* a pivot below is 0: the input is a combination of those before it */
#define RESIDUE_ZERO 1e-6 /* ... and then nothing may be left to explain: the square root of the same */

/* One group while it is built. */
struct group {
	struct draw_site *site;
	uint64_t *stream;
	int *at;             /* position in the matrix, from 0 */
	int n;
	double *rank;        /* full x full */
	int full;
	const char *key, *name; /* what makes it one; what a person calls it */
};

struct builder {
	struct model *m;
	struct eval *ev;
	struct copula *c;
	struct group *group;
	size_t ngroups;
	struct err *e;
};

static const char *
cell_text(struct builder *b, const struct draw_site *s)
{
	char text[600];

	a1_format_full(b->m->wb, s->sheet, s->row, s->col, text, sizeof text);
	return arena_strdup(&b->c->arena, text);
}

/* --- matrices ------------------------------------------------------------------------------------------------- */

/* One entry from both triangles, of which one may be empty. */
static int
entry(const struct value *v, int n, int i, int k, const char *what, double *out, struct err *e)
{
	const struct value *a = &v[i * n + k], *b = &v[k * n + i];

	if (a->kind == V_BLANK)
		a = b;
	if (b->kind == V_BLANK)
		b = a;
	if (a->kind != V_NUM || b->kind != V_NUM)
		return err_set(e, ERR_DATA, "correlation matrix %s: row %d, column %d is no number", what, i + 1, k + 1);
	if (fabs(a->u.num - b->u.num) > 1e-9)
		return err_set(e, ERR_DATA, "correlation matrix %s is not symmetric: row %d, column %d is %g, its mirror image %g",
		               what, i + 1, k + 1, a->u.num, b->u.num);
	if (i == k && a->u.num != 1)
		return err_set(e, ERR_DATA, "correlation matrix %s: the diagonal is 1, but row %d has %g", what, i + 1, a->u.num);
	if (!(fabs(a->u.num) <= 1))
		return err_set(e, ERR_DATA, "correlation matrix %s: %g in row %d, column %d is not between -1 and 1", what,
		               a->u.num, i + 1, k + 1);
	*out = a->u.num;
	return 0;
}

static int
matrix_of(const struct value *v, int rows, int cols, const char *what, struct arena *arena, double **r, int *n, struct err *e)
{
	if (rows != cols || rows < 1)
		return err_set(e, ERR_DATA, "correlation matrix %s is not square: %d x %d", what, rows, cols);
	if (rows > COPULA_MAX)
		return err_set(e, ERR_DATA, "correlation matrix %s: at most %d inputs", what, COPULA_MAX);
	*n = rows;
	*r = arena_alloc(arena, (size_t)rows * (size_t)rows * sizeof **r);
	for (int i = 0; i < rows; i++)
		for (int k = 0; k < rows; k++)
			if (entry(v, rows, i, k, what, &(*r)[i * rows + k], e) < 0)
				return -1;
	return 0;
}

int
copula_matrix(struct eval *ev, const struct area *a, const char *what, struct arena *arena, double **r, int *n, struct err *e)
{
	int64_t rows = (int64_t)a->row2 - a->row1 + 1, cols = (int64_t)a->col2 - a->col1 + 1;
	struct value *v;
	int rc;

	if (rows > COPULA_MAX || cols > COPULA_MAX)
		return err_set(e, ERR_DATA, "correlation matrix %s: at most %d inputs", what, COPULA_MAX);
	v = calloc((size_t)(rows * cols), sizeof *v);
	if (!v)
		return err_nomem(e);
	for (int64_t i = 0; i < rows * cols; i++) {
		int32_t row = a->row1 + (int32_t)(i / cols), col = a->col1 + (int32_t)(i % cols);

		if (eval_cell_tainted(ev, a->sheet1, row, col)) {
			free(v);
			return err_set(e, ERR_DATA, "correlation matrix %s depends on a draw", what);
		}
		v[i] = eval_cell(ev, a->sheet1, row, col);
	}
	rc = matrix_of(v, (int)rows, (int)cols, what, arena, r, n, e);
	free(v);
	return rc;
}

/* Lower triangle l of c with what is off the diagonal divided by 1 + s. 0, or -1: not positive semidefinite. */
static int
cholesky(const double *c, int n, double s, double *l)
{
	memset(l, 0, (size_t)n * (size_t)n * sizeof *l);
	for (int k = 0; k < n; k++) {
		double d = 1, root;

		for (int j = 0; j < k; j++)
			d -= l[k * n + j] * l[k * n + j];
		if (d < -PIVOT_ZERO)
			return -1;
		root = d > PIVOT_ZERO ? sqrt(d) : 0;
		l[k * n + k] = root;
		for (int i = k + 1; i < n; i++) {
			double x = c[i * n + k] / (1 + s);

			for (int j = 0; j < k; j++)
				x -= l[i * n + j] * l[k * n + j];
			if (root > 0)
				l[i * n + k] = x / root;
			else if (fabs(x) > RESIDUE_ZERO)
				return -1;
		}
	}
	return 0;
}

static double
pearson(double rank)
{
	if (rank == 0 || rank == 1 || rank == -1)
		return rank;
	return 2 * ks_sin(PI / 6 * rank);
}

static void
warn_adjusted(struct builder *b, const struct group *g, double s)
{
	struct copula *c = b->c;
	const char **v = arena_alloc(&c->arena, (c->nwarnings + 1) * sizeof *v);

	if (c->nwarnings)
		memcpy(v, c->warning, c->nwarnings * sizeof *v);
	v[c->nwarnings++] = arena_printf(&c->arena,
	    "correlation matrix %s contradicts itself (it is not positive definite): its coefficients were divided by %.6g to make it possible",
	    g->name, 1 + s);
	c->warning = v;
}

/* The least s that makes the matrix possible, by halving: the same on every machine. */
static double
adjust(const double *c, int n, double *l)
{
	double lo = 0, hi = n;

	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;

		if (cholesky(c, n, mid, l) == 0)
			hi = mid;
		else
			lo = mid;
	}
	cholesky(c, n, hi, l);
	return hi;
}

/* --- rows by stream --------------------------------------------------------------------------------------------- */

static size_t
slot_of(const struct copula *c, uint64_t stream)
{
	size_t k = (size_t)stream & (c->cap - 1);

	while (c->slot[k] && c->slot[k]->stream != stream)
		k = (k + 1) & (c->cap - 1);
	return k;
}

const struct copula_row *
copula_find(const struct copula *c, uint64_t stream)
{
	return c && c->cap ? c->slot[slot_of(c, stream)] : NULL;
}

static void
add_row(struct copula *c, struct copula_row *r)
{
	if (2 * (c->nrows + 1) > c->cap) {
		struct copula_row **old = c->slot;
		size_t n = c->cap;

		c->cap = n ? 2 * n : 64;
		c->slot = ARENA_NEW(&c->arena, struct copula_row *, c->cap);
		for (size_t i = 0; i < n; i++)
			if (old[i])
				c->slot[slot_of(c, old[i]->stream)] = old[i];
	}
	c->slot[slot_of(c, r->stream)] = r;
	c->nrows++;
}

/* Row i of the triangle, scaled to unit length (what rounding and adjustment left), without its zeros. */
static void
make_row(struct copula *c, const struct group *g, const double *l, int i)
{
	const double *w = l + (size_t)i * (size_t)g->n;
	struct copula_row *r = ARENA_NEW(&c->arena, struct copula_row, 1);
	uint64_t *from = arena_alloc(&c->arena, (size_t)(i + 1) * sizeof *from);
	double *weight = arena_alloc(&c->arena, (size_t)(i + 1) * sizeof *weight), length = 0;

	for (int k = 0; k <= i; k++)
		length += w[k] * w[k];
	length = sqrt(length);
	for (int k = 0; k <= i; k++)
		if (w[k] != 0) {
			from[r->n] = g->stream[k];
			weight[r->n++] = length > 0 && length != 1 ? w[k] / length : w[k];
		}
	*r = (struct copula_row){g->stream[i], r->n, from, weight};
	if (r->n > 1 || (r->n == 1 && from[0] != g->stream[i]))
		add_row(c, r);
}

static int
finish_group(struct builder *b, const struct group *g)
{
	size_t nn = (size_t)g->n * (size_t)g->n;
	double *c = malloc(nn * sizeof *c), *l = malloc(nn * sizeof *l);
	int rc = -1;

	if (!c || !l) {
		err_nomem(b->e);
		goto out;
	}
	for (int i = 0; i < g->n; i++)
		for (int k = 0; k < g->n; k++)
			c[i * g->n + k] = pearson(g->rank[g->at[i] * g->full + g->at[k]]);
	if (cholesky(c, g->n, 0, l) < 0)
		warn_adjusted(b, g, adjust(c, g->n, l));
	for (int i = 0; i < g->n; i++) {
		if (copula_find(b->c, g->stream[i])) {
			err_set(b->e, ERR_DATA, "cell %s is correlated twice", cell_text(b, &g->site[i]));
			goto out;
		}
		make_row(b->c, g, l, i);
	}
	b->c->ninputs += g->n;
	rc = 0;
out:
	free(c);
	free(l);
	return rc;
}

/* --- RiskCorrmat ------------------------------------------------------------------------------------------------- */

struct walk {
	struct builder *b;
	int sheet;
	int32_t row, col;
};

static const struct node *
property(const struct node *call, const char *name)
{
	for (int i = 0; i < call->nargs; i++)
		if (call->args[i] && call->args[i]->kind == N_CALL && call->args[i]->u.call.fn &&
		    !strcmp(call->args[i]->u.call.fn->name, name))
			return call->args[i];
	return NULL;
}

/* The matrix of a RiskCorrmat, and a text that is equal for equal matrices. */
static int
read_matrix(const struct walk *w, const struct node *n, const char *cell, struct group *g)
{
	struct builder *b = w->b;
	struct copula *c = b->c;
	int tainted = 0;
	struct value v = eval_tree(b->ev, n, w->sheet, w->row, w->col, 1, &tainted);
	struct buf t = BUF_INIT;

	if (v.kind == V_REF && v.u.ref->nareas == 1 && v.u.ref->area[0].sheet1 == v.u.ref->area[0].sheet2) {
		struct area a = v.u.ref->area[0];
		char text[600], to[40];

		a1_format_full(b->m->wb, a.sheet1, a.row1, a.col1, text, sizeof text);
		a1_format(a.row2, a.col2, to);
		g->name = g->key = arena_printf(&c->arena, "%s:%s", text, to);
		return copula_matrix(b->ev, &a, g->name, &c->arena, &g->rank, &g->full, b->e);
	}
	if (tainted)
		return err_set(b->e, ERR_DATA, "cell %s: the correlation matrix depends on a draw", cell);
	if (v.kind != V_ARRAY)
		return err_set(b->e, ERR_DATA, "cell %s: RiskCorrmat wants a range for its matrix", cell);
	if (node_print(&t, b->m->wb, n, w->sheet, w->row, w->col) == 0 && t.s)
		g->key = arena_strdup(&c->arena, t.s);
	buf_free(&t);
	g->name = arena_printf(&c->arena, "of cell %s", cell);
	return matrix_of(v.u.array->v, v.u.array->rows, v.u.array->cols, g->name, &c->arena, &g->rank, &g->full, b->e);
}

static struct group *
group_like(struct builder *b, const struct group *g)
{
	for (size_t i = 0; i < b->ngroups; i++)
		if (!strcmp(b->group[i].key, g->key))
			return &b->group[i];
	b->group = realloc(b->group, (b->ngroups + 1) * sizeof *b->group);
	if (!b->group)
		abort();
	b->group[b->ngroups] = *g;
	return &b->group[b->ngroups++];
}

/* In order of position; -1 where the position is taken. */
static int
add_member(struct builder *b, struct group *g, const struct draw_site *site, int at)
{
	struct arena *a = &b->c->arena;
	struct draw_site *s = arena_alloc(a, (size_t)(g->n + 1) * sizeof *s);
	uint64_t *t = arena_alloc(a, (size_t)(g->n + 1) * sizeof *t);
	int *p = arena_alloc(a, (size_t)(g->n + 1) * sizeof *p), i = 0, k = 0;

	for (; i < g->n && g->at[i] < at; i++) {
		s[i] = g->site[i];
		t[i] = g->stream[i];
		p[i] = g->at[i];
	}
	if (i < g->n && g->at[i] == at)
		return err_set(b->e, ERR_DATA, "cells %s and %s are both at position %d of correlation matrix %s", cell_text(b, &g->site[i]),
		               cell_text(b, site), at + 1, g->name);
	s[i] = *site;
	t[i] = draw_stream(b->m->wb, site);
	p[i] = at;
	for (k = i; k < g->n; k++) {
		s[k + 1] = g->site[k];
		t[k + 1] = g->stream[k];
		p[k + 1] = g->at[k];
	}
	g->site = s;
	g->stream = t;
	g->at = p;
	g->n++;
	return 0;
}

static int
add_call(const struct walk *w, const struct node *call, const struct node *prop)
{
	struct builder *b = w->b;
	struct draw_site site = {w->sheet, w->row, w->col, call->u.call.draw, 0};
	const char *cell = cell_text(b, &site);
	struct group g = {0};
	struct value v;

	if (prop->nargs < 2)
		return err_set(b->e, ERR_DATA, "cell %s: RiskCorrmat wants a matrix and a position", cell);
	if (read_matrix(w, prop->args[0], cell, &g) < 0)
		return err_prefix(b->e, "cell %s", cell);
	v = eval_value_scalar(b->ev, eval_tree(b->ev, prop->args[1], w->sheet, w->row, w->col, 0, NULL), w->sheet, w->row, w->col);
	if (v.kind != V_NUM || !(v.u.num >= 1 && v.u.num <= g.full) || v.u.num != floor(v.u.num))
		return err_set(b->e, ERR_DATA, "cell %s: the position in correlation matrix %s is a whole number from 1 to %d", cell,
		               g.name, g.full);
	if (prop->nargs > 2 && prop->args[2]->kind != N_MISSING) { /* an instance: a group of its own */
		struct value k = eval_value_scalar(b->ev, eval_tree(b->ev, prop->args[2], w->sheet, w->row, w->col, 0, NULL), w->sheet,
		                                   w->row, w->col);

		if (k.kind == V_TEXT)
			g.key = arena_printf(&b->c->arena, "%s\n%s", g.key, k.u.text->s);
		else if (k.kind == V_NUM)
			g.key = arena_printf(&b->c->arena, "%s\n%.17g", g.key, k.u.num);
	}
	return add_member(b, group_like(b, &g), &site, (int)v.u.num - 1);
}

static int
scan_tree(const struct walk *w, const struct node *n)
{
	if (n->kind == N_CALL && n->u.call.fn && (n->u.call.fn->flags & FN_DIST)) {
		const struct node *prop = property(n, "RISKCORRMAT");

		if (prop && add_call(w, n, prop) < 0)
			return -1;
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && scan_tree(w, n->args[i]) < 0)
			return -1;
	return 0;
}

static int
mentions(const struct node *n)
{
	if (n->kind == N_CALL && n->u.call.fn && (n->u.call.fn->flags & FN_DIST) && property(n, "RISKCORRMAT"))
		return 1;
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && mentions(n->args[i]))
			return 1;
	return 0;
}

static int
start(struct builder *b)
{
	if (!b->c && !(b->c = calloc(1, sizeof *b->c)))
		return err_nomem(b->e);
	if (!b->ev && !(b->ev = eval_new(b->m, b->e)))
		return -1;
	return 0;
}

static int
scan_cell(struct builder *b, int sheet, int32_t row, int32_t col, const struct formula *f)
{
	struct walk w = {b, sheet, row, col};

	if (!f || !f->root || !(f->flags & FORMULA_RANDOM) || !mentions(f->root))
		return 0;
	return start(b) < 0 ? -1 : scan_tree(&w, f->root);
}

static int
scan_model(struct builder *b)
{
	const struct model *m = b->m;

	for (size_t k = 0; k < m->wb->nsheets; k++)
		for (size_t i = 0; i < m->wb->sheets[k].ncells; i++) {
			const struct cell *c = &m->wb->sheets[k].cells[i];

			if (c->formula && !(c->flags & CELL_ARRAY_PART) && !model_changed(m, (int)k, c->row, c->col) &&
			    scan_cell(b, (int)k, c->row, c->col, model_formula(m, (int)k, c->row, c->col)) < 0)
				return -1;
		}
	for (size_t i = 0; i < m->nchanges; i++)
		if (scan_cell(b, m->changes[i].sheet, m->changes[i].row, m->changes[i].col, m->changes[i].formula) < 0)
			return -1;
	return 0;
}

/* --- pairs --------------------------------------------------------------------------------------------------------- */

static int
by_site(const void *a, const void *b)
{
	const struct draw_site *x = a, *y = b;

	if (x->sheet != y->sheet)
		return x->sheet < y->sheet ? -1 : 1;
	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->col != y->col)
		return x->col < y->col ? -1 : 1;
	return x->call < y->call ? -1 : x->call > y->call;
}

static int
index_of(const struct draw_site *v, int n, const struct draw_site *s)
{
	const struct draw_site *p = bsearch(s, v, (size_t)n, sizeof *v, by_site);

	return p ? (int)(p - v) : -1;
}

static int
root_of(const int *up, int i)
{
	while (up[i] != i)
		i = up[i];
	return i;
}

/* Inputs that are linked by pairs form a group; a pair that is not named is uncorrelated. */
static int
group_pairs(struct builder *b, const struct copula_pair *pair, size_t npairs)
{
	struct draw_site *v = calloc(2 * npairs + 1, sizeof *v);
	int *up = calloc(2 * npairs + 1, sizeof *up), n = 0, rc = -1;

	if (!v || !up) {
		err_nomem(b->e);
		goto out;
	}
	for (size_t i = 0; i < npairs; i++) {
		v[2 * i] = pair[i].a;
		v[2 * i + 1] = pair[i].b;
	}
	qsort(v, 2 * npairs, sizeof *v, by_site);
	for (size_t i = 0; i < 2 * npairs; i++)
		if (!n || by_site(&v[n - 1], &v[i]))
			v[n++] = v[i];
	for (int i = 0; i < n; i++)
		up[i] = i;
	for (size_t i = 0; i < npairs; i++) {
		int x = root_of(up, index_of(v, n, &pair[i].a)), y = root_of(up, index_of(v, n, &pair[i].b));

		up[x < y ? y : x] = x < y ? x : y;
	}
	for (int top = 0; top < n; top++) {
		struct group g = {.name = "of the spec", .key = arena_printf(&b->c->arena, "\npairs %d", top)};

		if (up[top] != top)
			continue;
		for (int i = 0; i < n; i++)
			if (root_of(up, i) == top && add_member(b, &g, &v[i], g.n) < 0)
				goto out;
		if (g.n > COPULA_MAX) {
			err_set(b->e, ERR_DATA, "at most %d inputs may be correlated with each other", COPULA_MAX);
			goto out;
		}
		g.full = g.n;
		g.rank = arena_alloc(&b->c->arena, (size_t)g.n * (size_t)g.n * sizeof *g.rank);
		for (int i = 0; i < g.n * g.n; i++)
			g.rank[i] = i % (g.n + 1) ? NAN : 1;
		for (size_t i = 0; i < npairs; i++) {
			int x = index_of(g.site, g.n, &pair[i].a), y = index_of(g.site, g.n, &pair[i].b);

			if (x < 0)
				continue;
			if (x == y) {
				err_set(b->e, ERR_DATA, "%s: cell %s with itself", pair[i].from, cell_text(b, &pair[i].a));
				goto out;
			}
			if (!isnan(g.rank[x * g.n + y]) && g.rank[x * g.n + y] != pair[i].rank) {
				err_set(b->e, ERR_DATA, "%s: cells %s and %s: %g was said before, now %g", pair[i].from,
				        cell_text(b, &pair[i].a), cell_text(b, &pair[i].b), g.rank[x * g.n + y], pair[i].rank);
				goto out;
			}
			g.rank[x * g.n + y] = g.rank[y * g.n + x] = pair[i].rank;
		}
		for (int i = 0; i < g.n * g.n; i++)
			if (isnan(g.rank[i]))
				g.rank[i] = 0;
		group_like(b, &g);
	}
	rc = 0;
out:
	free(v);
	free(up);
	return rc;
}

/* --- the whole ------------------------------------------------------------------------------------------------------- */

int
copula_build(struct model *m, const struct copula_pair *pair, size_t npairs, struct err *e)
{
	struct builder b = {.m = m, .e = e};
	int rc = scan_model(&b);

	if (!rc && npairs)
		rc = start(&b) < 0 || group_pairs(&b, pair, npairs) < 0 ? -1 : 0;
	for (size_t i = 0; !rc && i < b.ngroups; i++)
		rc = finish_group(&b, &b.group[i]);
	eval_free(b.ev);
	free(b.group);
	if (rc < 0) {
		copula_free(b.c);
		b.c = NULL;
	}
	copula_free(m->copula);
	m->copula = b.c;
	return rc;
}

void
copula_free(struct copula *c)
{
	if (!c)
		return;
	arena_free(&c->arena);
	free(c);
}

double
copula_uniform(const struct copula_row *r, uint64_t seed, uint64_t trial)
{
	double z = 0, u;

	if (r->n == 1) /* the very uniform of another, or its mirror image */
		return r->weight[0] > 0 ? philox_uniform(seed, r->from[0], trial) : 1 - philox_uniform(seed, r->from[0], trial);
	for (int k = 0; k < r->n; k++) {
		double t = ks_norm_inv(philox_uniform(seed, r->from[k], trial)) * r->weight[k];

		z = k ? z + t : t;
	}
	u = ks_norm_cdf(z);
	return u < RISK_U_MIN ? RISK_U_MIN : u > RISK_U_MAX ? RISK_U_MAX : u;
}
