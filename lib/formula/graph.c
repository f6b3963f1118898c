/* graph: see graph.h. */
#include "formula/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define NAME_DEPTH 16

/* --- cells --------------------------------------------------------------------------------------------------- */

static int
add_cell(struct graph *g, size_t *cap, int sheet, int32_t row, int32_t col, const struct formula *f)
{
	if (g->n == *cap) {
		struct graph_cell *v = realloc(g->cell, (*cap = *cap ? 2 * *cap : 256) * sizeof *v);

		if (!v)
			return -1;
		g->cell = v;
	}
	g->cell[g->n++] = (struct graph_cell){sheet, row, col, f};
	return 0;
}

static int
collect_cells(struct graph *g, const struct model *m)
{
	const struct workbook *wb = m->wb;
	size_t cap = 0;

	for (size_t k = 0; k < wb->nsheets; k++) {
		g->node[k] = calloc(wb->sheets[k].ncells + 1, sizeof **g->node);
		if (!g->node[k])
			return -1;
		for (size_t i = 0; i < wb->sheets[k].ncells; i++) {
			const struct cell *c = &wb->sheets[k].cells[i];
			const struct formula *f = m->nchanges || c->formula ? model_formula(m, (int)k, c->row, c->col) : NULL;

			if (!f || !f->root)
				continue;
			if (add_cell(g, &cap, (int)k, c->row, c->col, f) < 0)
				return -1;
			g->node[k][i] = (uint32_t)g->n;
		}
	}
	for (size_t i = 0; i < m->nchanges; i++) {
		const struct model_change *c = &m->changes[i];

		if (c->formula && c->formula->root && !workbook_cell(wb, c->sheet, c->row, c->col) &&
		    add_cell(g, &cap, c->sheet, c->row, c->col, c->formula) < 0)
			return -1;
	}
	return 0;
}

/* --- references ------------------------------------------------------------------------------------------------- */

struct edges {
	struct graph *g;
	const struct model *m;
	size_t n, cap, nextra;    /* nextra: cells at the end that stand in no sheet */
	int failed;
};

static void
add_edge(struct edges *e, uint32_t to)
{
	struct graph *g = e->g;

	if (e->n == GRAPH_EDGES) {
		g->truncated = 1;
		return;
	}
	if (e->n == e->cap) {
		uint32_t *v = realloc(g->to, (e->cap = e->cap ? 2 * e->cap : 1024) * sizeof *v);

		if (!v) {
			e->failed = 1;
			return;
		}
		g->to = v;
	}
	g->to[e->n++] = to;
}

static void
add_area(struct edges *e, const struct area *a)
{
	struct graph *g = e->g;

	for (int k = a->sheet1; k <= a->sheet2; k++) {
		const struct sheet *s = &e->m->wb->sheets[k];
		int32_t r1 = a->row1 > s->row_min ? a->row1 : s->row_min, r2 = a->row2 < s->row_max ? a->row2 : s->row_max;

		for (int32_t r = r1; r <= r2 && !e->failed && !g->truncated; r++)
			for (size_t i = s->row_start[r - s->row_min]; i < s->row_start[r - s->row_min + 1]; i++)
				if (g->node[k][i] && s->cells[i].col >= a->col1 && s->cells[i].col <= a->col2)
					add_edge(e, g->node[k][i] - 1);
	}
	for (size_t i = g->n - e->nextra; i < g->n; i++)
		if (g->cell[i].sheet >= a->sheet1 && g->cell[i].sheet <= a->sheet2 && g->cell[i].row >= a->row1 &&
		    g->cell[i].row <= a->row2 && g->cell[i].col >= a->col1 && g->cell[i].col <= a->col2)
			add_edge(e, (uint32_t)i);
}

static void
add_tree(struct edges *e, const struct graph_cell *c, const struct node *n, int depth)
{
	struct area a;

	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			add_tree(e, c, n->args[i], depth);
	if (n->kind == N_AREA && !(n->u.area.flags & AREA_EXTERNAL) && !node_area(n, c->sheet, c->row, c->col, &a))
		add_area(e, &a);
	if (n->kind == N_NAME && n->u.name.def && depth < NAME_DEPTH) {
		const struct formula *f = model_name_formula(e->m, n->u.name.def);

		if (f && f->root)
			add_tree(e, c, f->root, depth + 1);
	}
}

/* The other direction, by counting. */
static int
turn_round(struct graph *g)
{
	size_t n = g->first[g->n];

	g->rfirst = calloc(g->n + 2, sizeof *g->rfirst);
	g->rto = malloc((n + 1) * sizeof *g->rto);
	if (!g->rfirst || !g->rto)
		return -1;
	for (size_t k = 0; k < n; k++)
		g->rfirst[g->to[k] + 2]++;
	for (size_t i = 0; i < g->n; i++)
		g->rfirst[i + 2] += g->rfirst[i + 1];
	for (size_t i = 0; i < g->n; i++)
		for (uint32_t k = g->first[i]; k < g->first[i + 1]; k++)
			g->rto[g->rfirst[g->to[k] + 1]++] = (uint32_t)i;
	return 0;
}

struct graph *
graph_new(const struct model *m, struct err *e)
{
	struct graph *g = calloc(1, sizeof *g);
	struct edges ed = {.g = g, .m = m};

	if (!g)
		goto fail;
	g->nsheets = m->wb->nsheets;
	g->node = calloc(g->nsheets + 1, sizeof *g->node);
	if (!g->node || collect_cells(g, m) < 0 || !(g->first = calloc(g->n + 1, sizeof *g->first)))
		goto fail;
	for (size_t i = g->n; i > 0 && !workbook_cell(m->wb, g->cell[i - 1].sheet, g->cell[i - 1].row, g->cell[i - 1].col); i--)
		ed.nextra++;
	for (size_t i = 0; i < g->n; i++) {
		g->first[i] = (uint32_t)ed.n;
		add_tree(&ed, &g->cell[i], g->cell[i].f->root, 0);
	}
	g->first[g->n] = (uint32_t)ed.n;
	if (ed.failed || turn_round(g) < 0)
		goto fail;
	return g;
fail:
	graph_free(g);
	err_nomem(e);
	return NULL;
}

void
graph_free(struct graph *g)
{
	if (!g)
		return;
	for (size_t k = 0; g->node && k < g->nsheets; k++)
		free(g->node[k]);
	free(g->node);
	free(g->cell);
	free(g->first);
	free(g->to);
	free(g->rfirst);
	free(g->rto);
	free(g);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

static int
ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t
graph_dependents(const struct graph *g, size_t i, uint32_t *out)
{
	uint8_t *seen = calloc(g->n + 1, 1);
	size_t n = 0, next = 0;
	uint32_t at = (uint32_t)i;

	if (!seen)
		abort(); /* as the arena does: see arena.h */
	for (;;) {
		for (uint32_t k = g->rfirst[at]; k < g->rfirst[at + 1]; k++)
			if (!seen[g->rto[k]]) {
				seen[g->rto[k]] = 1;
				out[n++] = g->rto[k];
			}
		if (next == n)
			break;
		at = out[next++];
	}
	free(seen);
	if (n)
		qsort(out, n, sizeof *out, ascending);
	return n;
}

struct tarjan {
	uint32_t *index, *low, *stack, *frame, *edge; /* frame and edge: the walk's own stack */
	uint8_t *on;
	uint32_t next, depth, top;
};

static void
enter(struct tarjan *t, const struct graph *g, uint32_t v)
{
	t->index[v] = t->low[v] = ++t->next;
	t->stack[t->top++] = v;
	t->on[v] = 1;
	t->frame[t->depth] = v;
	t->edge[t->depth++] = g->first[v];
}

static int
refers_to_itself(const struct graph *g, uint32_t v)
{
	for (uint32_t k = g->first[v]; k < g->first[v + 1]; k++)
		if (g->to[k] == v)
			return 1;
	return 0;
}

/* v is done: the cells above it on the stack are one component if nothing below is reached from them. */
static uint32_t
leave(struct tarjan *t, const struct graph *g, uint32_t v, uint32_t *group, uint32_t ngroups)
{
	uint32_t w, count = 0;

	if (t->low[v] != t->index[v])
		return ngroups;
	if (t->stack[t->top - 1] != v || refers_to_itself(g, v))
		ngroups++;
	else
		count = 1; /* alone */
	do {
		w = t->stack[--t->top];
		t->on[w] = 0;
		group[w] = count ? 0 : ngroups;
	} while (w != v);
	return ngroups;
}

static uint32_t
walk_from(struct tarjan *t, const struct graph *g, uint32_t start, uint32_t *group, uint32_t ngroups)
{
	enter(t, g, start);
	while (t->depth) {
		uint32_t v = t->frame[t->depth - 1];

		if (t->edge[t->depth - 1] < g->first[v + 1]) {
			uint32_t w = g->to[t->edge[t->depth - 1]++];

			if (!t->index[w])
				enter(t, g, w);
			else if (t->on[w] && t->index[w] < t->low[v])
				t->low[v] = t->index[w];
			continue;
		}
		t->depth--;
		if (t->depth && t->low[v] < t->low[t->frame[t->depth - 1]])
			t->low[t->frame[t->depth - 1]] = t->low[v];
		ngroups = leave(t, g, v, group, ngroups);
	}
	return ngroups;
}

int64_t
graph_circles(const struct graph *g, uint32_t *group)
{
	struct arena a = ARENA_INIT;
	struct tarjan t = {ARENA_NEW(&a, uint32_t, g->n + 1), ARENA_NEW(&a, uint32_t, g->n + 1), ARENA_NEW(&a, uint32_t, g->n + 1),
	                   ARENA_NEW(&a, uint32_t, g->n + 1), ARENA_NEW(&a, uint32_t, g->n + 1), ARENA_NEW(&a, uint8_t, g->n + 1), 0, 0, 0};
	uint32_t n = 0;

	for (uint32_t i = 0; i < g->n; i++)
		if (!t.index[i])
			n = walk_from(&t, g, i, group, n);
	arena_free(&a);
	return n;
}
