/*
 * eval: cells, operators, calls. See eval.h for the contract; worksheet functions are in fn_*.c.
 *
 * Each formula cell has a memo: its value, whether a draw was touched (tainted), and for which epoch (trial) it holds.
 * Circular references: a cell met again while it is being evaluated gives its last value (0 at first); when the outermost
 * such cell is done, the cells in between are evaluated again until they stand still, as Excel iterates. Without the
 * workbook's iterative setting the value is 0 and eval_cycle() names the cells.
 */
#include "formula/copula.h"
#include "formula/eval_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formula/fn.h"
#include "formula/isa/func_isa.h"
#include "formula/model_private.h"
#include "kernels/dist.h"
#include "kernels/philox.h"
#include "kernels/xl_ops.h"

#define DEEP 200           /* cells on the C stack before the rest is walked with a stack on the heap */
#define NODE_DEPTH 3000    /* recursion of LAMBDA */
#define ASK_EVERY 256      /* nodes, whether values are still wanted */
#define EXTERNAL_SHEET 0x40000000

enum memo_state { NEW, RUNNING, DONE, AGAIN }; /* AGAIN: of the last round of an iteration, where the next begins */

struct memo {
	uint8_t state;
	uint8_t tainted;
	uint8_t moment;       /* a volatile function was called on the way */
	uint8_t provisional;  /* inside a cycle that is still being iterated: whoever reads it is inside too */
	uint32_t epoch;       /* of a tainted value */
	size_t low;           /* provisional: the frame that the cycle goes back to */
	struct value v;
	struct array *array;  /* of an array formula's master */
};

struct binding {
	const struct binding *outer;
	int slot;
	struct value v;
};

struct closure {
	const struct node *params; /* the LAMBDA call: all arguments but the last are names; or N_FUNCTION */
	const struct binding *env;
	int sheet;
	int32_t row, col;
};

struct frame {             /* a cell being evaluated */
	size_t id;
	int sheet;
	int32_t row, col;
};

struct eval_private {
	struct memo *memo;      /* by cell number, then by change */
	size_t nmemo;
	uint32_t epoch;
	draw_hook *hook;
	void *hook_ctx;
	struct frame *stack;
	size_t depth, stack_cap;
	size_t cycle_low;       /* lowest frame met again, SIZE_MAX if none */
	double change;          /* largest in the round of an iteration */
	size_t *provisional;
	size_t nprovisional, provisional_cap;
	char cycle[512];
	const struct binding *env;
	int node_depth;
	const struct giveup *giveup;
	uint32_t nodes;         /* evaluated; to ask now and then */
	int given_up;
	uint32_t invocation;    /* LAMBDA calls and lifted elements within the running cell: tell draws apart */
	uint32_t lift;
	int want_refs;          /* the call about to be evaluated may give an array of references */
	size_t pins;            /* tainted memos that point into tmp */
	uint8_t *walked;        /* of the walk with a heap stack */
};

/* --- life ------------------------------------------------------------------------------------------------ */

struct eval *
eval_new(const struct model *m, struct err *e)
{
	struct eval *ev = calloc(1, sizeof *ev);
	struct eval_private *p = calloc(1, sizeof *p);

	if (!ev || !p) {
		free(ev);
		free(p);
		err_nomem(e);
		return NULL;
	}
	ev->m = m;
	ev->wb = m->wb;
	ev->date1904 = m->wb->date1904;
	ev->trial = -1;
	ev->isa = func_isa(isa_best());
	ev->p = p;
	p->nmemo = m->priv->ncells + m->nchanges;
	p->memo = calloc(p->nmemo + 1, sizeof *p->memo);
	p->cycle_low = SIZE_MAX;
	p->epoch = 1;
	if (!p->memo) {
		eval_free(ev);
		err_nomem(e);
		return NULL;
	}
	return ev;
}

void
eval_free(struct eval *ev)
{
	if (!ev)
		return;
	free(ev->p->memo);
	free(ev->p->stack);
	free(ev->p->provisional);
	free(ev->p->walked);
	free(ev->p);
	arena_free(&ev->tmp);
	arena_free(&ev->keep);
	free(ev);
}

void
eval_set_trial(struct eval *ev, uint64_t seed, int64_t trial)
{
	static const struct arena_mark start;

	ev->seed = seed;
	ev->trial = trial;
	ev->p->epoch++;
	ev->p->pins = 0;
	arena_rewind(&ev->tmp, start);
}

void
eval_set_draw_hook(struct eval *ev, draw_hook *hook, void *ctx)
{
	ev->p->hook = hook;
	ev->p->hook_ctx = ctx;
}

void
eval_set_giveup(struct eval *ev, const struct giveup *g)
{
	ev->p->giveup = g;
}

static int
given_up(struct eval_private *p)
{
	if (++p->nodes % ASK_EVERY == 0 && giveup(p->giveup))
		p->given_up = 1;
	return p->given_up;
}

struct eval_spot
eval_spot(const struct eval *ev)
{
	return (struct eval_spot){arena_mark(&ev->tmp), ev->p->pins};
}

void
eval_go_back(struct eval *ev, const struct eval_spot *s, const struct value *left)
{
	if (ev->p->pins == s->pins && left->kind != V_TEXT && left->kind != V_ARRAY && left->kind != V_REF && left->kind != V_LAMBDA)
		arena_rewind(&ev->tmp, s->mark);
}

const char *
eval_cycle(const struct eval *ev)
{
	return ev->p->cycle;
}

/* --- values -------------------------------------------------------------------------------------------------- */

static struct array *
array_in(struct arena *a, int32_t rows, int32_t cols)
{
	struct array *arr = arena_alloc(a, sizeof *arr);

	arr->rows = rows;
	arr->cols = cols;
	arr->v = arena_zalloc(a, (size_t)rows * (size_t)cols * sizeof *arr->v);
	return arr;
}

struct array *
eval_new_array(struct eval *ev, int32_t rows, int32_t cols)
{
	return array_in(&ev->tmp, rows, cols);
}

struct value
eval_array_value(struct array *a)
{
	struct value v = {.kind = V_ARRAY};

	v.u.array = a;
	return v;
}

struct value
eval_ref(struct eval *ev, int sheet, int32_t row1, int32_t col1, int32_t row2, int32_t col2)
{
	struct ref *r = arena_alloc(&ev->tmp, sizeof *r + sizeof r->area[0]);
	struct value v = {.kind = V_REF};

	r->nareas = 1;
	r->area[0] = (struct area){sheet, sheet, row1, col1, row2, col2};
	v.u.ref = r;
	return v;
}

static struct value
area_value(struct eval *ev, struct area a)
{
	struct value v = eval_ref(ev, a.sheet1, a.row1, a.col1, a.row2, a.col2);

	((struct ref *)(uintptr_t)v.u.ref)->area[0].sheet2 = a.sheet2;
	return v;
}

/* A copy that lives as long as arena a. */
static struct value
copied(struct arena *a, struct value v)
{
	if (v.kind == V_TEXT)
		return value_text(a, v.u.text->s, v.u.text->nbytes);
	return v;
}

static struct array *
copied_array(struct arena *a, const struct array *from)
{
	struct array *to = array_in(a, from->rows, from->cols);

	for (int64_t i = 0; i < (int64_t)from->rows * from->cols; i++)
		to->v[i] = copied(a, from->v[i]);
	return to;
}

/* Numbers are finite; a cell never holds a reference, a lambda or nothing. */
static struct value
cell_value(struct value v)
{
	if (v.kind == V_NUM && !isfinite(v.u.num))
		return value_error(XE_NUM);
	if (v.kind == V_BLANK || v.kind == V_MISSING)
		return value_num(0);
	if (v.kind == V_LAMBDA)
		return value_error(XE_CALC);
	return v;
}

/* --- cells ---------------------------------------------------------------------------------------------------- */

static struct value
literal(struct arena *keep, const struct cell *c)
{
	switch (c->kind) {
	case CELL_NUM:
		return value_num(c->v.num);
	case CELL_BOOL:
		return value_bool(c->boolean);
	case CELL_ERROR:
		return value_error(c->error);
	case CELL_TEXT:
		return value_textz(keep, c->v.text);
	default:
		return value_blank();
	}
}

static struct value
external_cell(struct eval *ev, int sheet, int32_t row, int32_t col)
{
	size_t book = (size_t)(sheet & ~EXTERNAL_SHEET) >> 12, k = (size_t)sheet & 0xfff;
	const struct cell *c;

	if (book >= ev->wb->nexternals || k >= ev->wb->externals[book].nsheets ||
	    !ev->wb->externals[book].sheets[k].is_worksheet)
		return value_error(XE_REF);
	c = sheet_cell(&ev->wb->externals[book].sheets[k], row, col);
	return c ? literal(&ev->tmp, c) : value_blank();
}

/* What a cell is made of: its number (SIZE_MAX: an empty cell), formula, literal, array area. */
struct content {
	size_t id;
	const struct formula *f;
	const struct cell *cell;
	const struct model_change *change;
};

static struct content
content_of(const struct eval *ev, int sheet, int32_t row, int32_t col)
{
	const struct model_private *mp = ev->m->priv;
	struct content c = {SIZE_MAX, NULL, NULL, NULL};

	if (ev->m->nchanges && (c.change = model_changed(ev->m, sheet, row, col))) {
		c.id = mp->ncells + (size_t)(c.change - ev->m->changes);
		c.f = c.change->formula;
		return c;
	}
	c.cell = workbook_cell(ev->wb, sheet, row, col);
	if (!c.cell)
		return c;
	c.id = mp->base[sheet] + (size_t)(c.cell - ev->wb->sheets[sheet].cells);
	c.f = mp->formula[c.id];
	if (c.f && ev->m->pin && (c.f->flags & FORMULA_RANDOM))
		c.f = NULL; /* held at its cached value */
	return c;
}

static int
memo_holds(const struct eval *ev, const struct memo *m)
{
	return m->state == DONE && (!m->tainted || m->epoch == ev->p->epoch);
}

static void
note_cycle(struct eval *ev, size_t from)
{
	struct eval_private *p = ev->p;
	size_t n = 0;

	if (p->cycle[0])
		return;
	for (size_t i = from; i <= p->depth; i++) {
		const struct frame *f = &p->stack[i < p->depth ? i : from];
		char a1[128];

		a1_format_full(ev->wb, f->sheet, f->row, f->col, a1, sizeof a1);
		if (n + strlen(a1) + 8 > sizeof p->cycle) {
			snprintf(p->cycle + n, sizeof p->cycle - n, "...");
			return;
		}
		n += (size_t)snprintf(p->cycle + n, sizeof p->cycle - n, "%s%s", n ? " -> " : "", a1);
	}
}

static struct value met_again(struct eval *ev, struct memo *m, size_t id);
static struct value array_part(struct eval *ev, const struct cell *cell, int sheet, int32_t row, int32_t col);
static void walk_first(struct eval *ev, size_t id, int sheet, int32_t row, int32_t col);

/* A dynamic array has grown beyond the range in the file, and something stands in the way. */
static int
blocked(const struct eval *ev, const struct cell *c, const struct array *a, int sheet)
{
	int32_t rows = c->array.row2 - c->array.row1 + 1, cols = c->array.col2 - c->array.col1 + 1;

	for (int32_t r = 0; r < a->rows && c->row + r < XL_MAX_ROWS; r++)
		for (int32_t k = r < rows ? cols : 0; k < a->cols && c->col + k < XL_MAX_COLS; k++) {
			const struct cell *x = workbook_cell(ev->wb, sheet, c->row + r, c->col + k);

			if (x && (x->formula || x->kind != CELL_EMPTY))
				return 1;
		}
	return 0;
}

/* Evaluate the formula of a cell in its own context. */
static struct value
run_formula(struct eval *ev, const struct content *c, struct memo *m, int sheet, int32_t row, int32_t col)
{
	struct eval_private *p = ev->p;
	int old_sheet = ev->sheet, old_mode = ev->array_mode, old_nodes = p->node_depth;
	int32_t old_row = ev->row, old_col = ev->col;
	const struct binding *old_env = p->env;
	uint32_t old_inv = p->invocation, old_lift = p->lift;
	const struct node *n = c->f->root;
	struct value v;

	ev->sheet = sheet;
	ev->row = row;
	ev->col = col;
	p->env = NULL;
	p->invocation = p->lift = 0;
	p->node_depth = 0;
	ev->array_mode = !c->change && (c->cell->flags & CELL_ARRAY_MASTER);
	if (!n) {
		v = value_error(XE_NAME);
	} else if (ev->array_mode) {
		struct array *a;

		v = eval_node(ev, n);
		if (v.kind == V_LAMBDA)
			v = value_error(XE_CALC);
		a = eval_to_array(ev, v);
		for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++)
			a->v[i] = cell_value(a->v[i]);
		if (c->cell->flags & CELL_DYNAMIC && blocked(ev, c->cell, a, sheet)) {
			a = eval_new_array(ev, 1, 1);
			a->v[0] = value_error(XE_SPILL);
		}
		m->array = a;
		v = a->v[0];
	} else {
		if (n->kind == N_BINARY && (n->op == '+' || n->op == '-') && !n->parens)
			v = eval_last_operation(ev, n);
		else
			v = eval_node(ev, n);
		v = eval_to_scalar(ev, v);
	}
	ev->sheet = old_sheet;
	ev->row = old_row;
	ev->col = old_col;
	ev->array_mode = old_mode;
	p->env = old_env;
	p->invocation = old_inv;
	p->lift = old_lift;
	p->node_depth = old_nodes;
	return cell_value(v);
}

static double
change_between(struct value a, struct value b)
{
	if (a.kind == V_NUM && b.kind == V_NUM)
		return fabs(a.u.num - b.u.num);
	return a.kind == b.kind && a.kind != V_TEXT ? 0 : INFINITY;
}

static void
add_provisional(struct eval_private *p, size_t id)
{
	if (p->nprovisional == p->provisional_cap) {
		p->provisional_cap = p->provisional_cap ? 2 * p->provisional_cap : 64;
		p->provisional = realloc(p->provisional, p->provisional_cap * sizeof *p->provisional);
		if (!p->provisional)
			abort();
	}
	p->provisional[p->nprovisional++] = id;
	p->memo[id].provisional = 1;
	p->memo[id].low = p->cycle_low;
}

/* The cells completed since `from` are to be evaluated once more (again), or their cycle is done: what touched one has touched all. */
static void
release_provisional(struct eval *ev, size_t from, int again)
{
	struct eval_private *p = ev->p;

	for (size_t i = from; i < p->nprovisional; i++) {
		struct memo *m = &p->memo[p->provisional[i]];

		m->provisional = 0;
		if (again)
			m->state = AGAIN;
		m->tainted |= (uint8_t)ev->tainted;
		m->moment |= (uint8_t)ev->moment;
	}
	p->nprovisional = from;
}

/* Iterate the cells completed since `from` until all of them stand still. */
static struct value
iterate(struct eval *ev, const struct content *c, struct memo *m, struct value v, size_t from, int sheet, int32_t row,
        int32_t col)
{
	struct eval_private *p = ev->p;
	double change = p->change;

	for (int k = 1; ev->wb->iterate && k < ev->wb->iterate_count; k++) {
		struct value old = v;

		m->v = v;
		release_provisional(ev, from, 1);
		p->cycle_low = SIZE_MAX;
		p->change = 0;
		v = run_formula(ev, c, m, sheet, row, col);
		if (change_between(old, v) <= ev->wb->iterate_delta && p->change <= ev->wb->iterate_delta)
			break;
	}
	p->change = change > p->change ? change : p->change;
	return v;
}

/* Where a cell stands, by its number. */
static struct frame
place_of(const struct eval *ev, size_t id)
{
	const struct model_private *mp = ev->m->priv;
	const struct cell *cell;
	int sheet = 0;

	if (id >= mp->ncells) {
		const struct model_change *x = &ev->m->changes[id - mp->ncells];

		return (struct frame){id, x->sheet, x->row, x->col};
	}
	while (mp->base[sheet + 1] <= id)
		sheet++;
	cell = &ev->wb->sheets[sheet].cells[id - mp->base[sheet]];
	return (struct frame){id, sheet, cell->row, cell->col};
}

/*
 * A circle is iterated from its first cell, whichever was asked for, so that its values do not depend on what is looked at, and
 * lanes and evaluator agree. 1 where that gave this cell its value.
 */
static int
from_first_cell(struct eval *ev, struct memo *m, size_t id, size_t from)
{
	struct eval_private *p = ev->p;
	struct frame own = p->stack[p->depth - 1], f;
	size_t first = id;

	for (size_t i = from; i < p->nprovisional; i++)
		first = p->provisional[i] < first ? p->provisional[i] : first;
	if (first == id || !ev->wb->iterate)
		return 0;
	for (size_t i = from; i < p->nprovisional; i++) {
		p->memo[p->provisional[i]].state = NEW;
		p->memo[p->provisional[i]].provisional = 0;
	}
	p->nprovisional = from;
	p->cycle_low = SIZE_MAX;
	m->state = NEW;
	p->depth--;
	f = place_of(ev, first);
	eval_get(ev, f.sheet, f.row, f.col);
	p->stack[p->depth++] = own;
	p->cycle_low = SIZE_MAX;
	if (m->state == DONE)
		return 1;
	m->state = RUNNING; /* from there the way does not lead here */
	p->cycle_low = p->depth - 1;
	return 0;
}

static struct value
formula_cell(struct eval *ev, const struct content *c, int sheet, int32_t row, int32_t col)
{
	struct eval_private *p = ev->p;
	struct memo *m = &p->memo[c->id];
	struct eval_spot spot = eval_spot(ev);
	size_t old_low = p->cycle_low, from = p->nprovisional, at = p->depth;
	int old_taint = ev->tainted, old_moment = ev->moment;
	int again = m->state == AGAIN && m->epoch == p->epoch;
	struct value v, before = again ? m->v : value_num(0);

	if (p->depth == p->stack_cap) {
		p->stack_cap = p->stack_cap ? 2 * p->stack_cap : 256;
		p->stack = realloc(p->stack, p->stack_cap * sizeof *p->stack);
		if (!p->stack)
			abort();
	}
	p->stack[p->depth++] = (struct frame){c->id, sheet, row, col};
	m->v = before; /* where an iteration starts, in every trial: not at the value of the trial before */
	m->state = RUNNING;
	ev->tainted = ev->moment = 0;
	p->cycle_low = SIZE_MAX;
	v = run_formula(ev, c, m, sheet, row, col);
	if (p->cycle_low == at && from_first_cell(ev, m, c->id, from))
		v = m->v;
	else if (p->cycle_low == at)
		v = iterate(ev, c, m, v, from, sheet, row, col);
	p->depth--;
	if (p->cycle_low < at && p->cycle_low != SIZE_MAX) {
		add_provisional(p, c->id); /* part of a cycle that goes on further out */
		if (old_low < p->cycle_low)
			p->cycle_low = old_low;
	} else {
		p->cycle_low = old_low;
		release_provisional(ev, from, 0);
	}
	m->tainted = (uint8_t)ev->tainted;
	m->moment = (uint8_t)ev->moment;
	m->epoch = p->epoch;
	m->state = DONE;
	if (!m->tainted) {
		v = copied(&ev->keep, v);
		if (m->array)
			m->array = copied_array(&ev->keep, m->array);
	} else if (v.kind == V_TEXT || m->array) {
		p->pins++;
	}
	eval_go_back(ev, &spot, m->tainted ? &v : &(struct value){.kind = V_BLANK});
	if (again && change_between(before, v) > p->change)
		p->change = change_between(before, v);
	m->v = v;
	ev->tainted |= old_taint;
	ev->moment |= old_moment;
	return v;
}

/* The cell is being evaluated further out. */
static struct value
met_again(struct eval *ev, struct memo *m, size_t id)
{
	struct eval_private *p = ev->p;
	size_t at = p->depth;

	while (at-- > 0 && p->stack[at].id != id)
		;
	if (at < p->cycle_low)
		p->cycle_low = at;
	if (!ev->wb->iterate)
		note_cycle(ev, at);
	return m->v;
}

struct value
eval_get(struct eval *ev, int sheet, int32_t row, int32_t col)
{
	struct content c;
	struct memo *m;

	if (sheet & EXTERNAL_SHEET)
		return external_cell(ev, sheet, row, col);
	c = content_of(ev, sheet, row, col);
	if (c.id == SIZE_MAX)
		return value_blank();
	m = &ev->p->memo[c.id];
	if (memo_holds(ev, m)) {
		ev->tainted |= m->tainted;
		ev->moment |= m->moment;
		if (m->provisional && m->low < ev->p->cycle_low)
			ev->p->cycle_low = m->low;
		return m->v;
	}
	if (!c.f && c.cell && (c.cell->flags & CELL_ARRAY_PART))
		return array_part(ev, c.cell, sheet, row, col);
	if (!c.f) {
		m->v = c.change ? c.change->value : literal(&ev->keep, c.cell);
		m->state = DONE;
		m->tainted = m->moment = 0;
		return m->v;
	}
	if (m->state == RUNNING)
		return met_again(ev, m, c.id);
	if (ev->p->depth >= DEEP && ev->p->depth % DEEP == 0) {
		walk_first(ev, c.id, sheet, row, col);
		if (memo_holds(ev, m)) {
			ev->tainted |= m->tainted;
			ev->moment |= m->moment;
			return m->v;
		}
	}
	return formula_cell(ev, &c, sheet, row, col);
}

static struct value
array_part(struct eval *ev, const struct cell *cell, int sheet, int32_t row, int32_t col)
{
	struct content c = content_of(ev, sheet, cell->array.row1, cell->array.col1);
	int32_t r = row - cell->array.row1, k = col - cell->array.col1;
	const struct array *a;
	struct value v;

	if (!c.f) /* the master was replaced, or is held */
		return literal(&ev->tmp, cell);
	v = eval_get(ev, sheet, cell->array.row1, cell->array.col1);
	a = ev->p->memo[c.id].array;
	if (!a)
		return v;
	if (a->rows == 1)
		r = 0;
	if (a->cols == 1)
		k = 0;
	return r < a->rows && k < a->cols ? a->v[(int64_t)r * a->cols + k] : value_error(XE_NA);
}

/* --- deep chains ----------------------------------------------------------------------------------------------- */

struct walk_stack {
	struct frame *v;
	size_t n, cap;
};

static void
push_cell(struct eval *ev, struct walk_stack *s, int sheet, int32_t row, int32_t col)
{
	struct content c = content_of(ev, sheet, row, col);

	if (c.id == SIZE_MAX || !c.f || ev->p->memo[c.id].state == RUNNING || memo_holds(ev, &ev->p->memo[c.id]) ||
	    ev->p->walked[c.id])
		return;
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 1024;
		s->v = realloc(s->v, s->cap * sizeof *s->v);
		if (!s->v)
			abort();
	}
	s->v[s->n++] = (struct frame){c.id, sheet, row, col};
}

static void
push_area(struct eval *ev, struct walk_stack *s, const struct area *a)
{
	for (int k = a->sheet1; k <= a->sheet2; k++) {
		const struct sheet *sh;
		int32_t r1, r2;

		if (k < 0 || (size_t)k >= ev->wb->nsheets)
			continue;
		sh = &ev->wb->sheets[k];
		r1 = a->row1 > sh->row_min ? a->row1 : sh->row_min;
		r2 = a->row2 < sh->row_max ? a->row2 : sh->row_max;
		for (int32_t r = r1; r <= r2; r++)
			for (size_t i = sh->row_start[r - sh->row_min]; i < sh->row_start[r - sh->row_min + 1]; i++)
				if (sh->cells[i].formula && sh->cells[i].col >= a->col1 && sh->cells[i].col <= a->col2)
					push_cell(ev, s, k, r, sh->cells[i].col);
	}
}

static void
push_precedents(struct eval *ev, struct walk_stack *s, const struct node *n, const struct frame *f, int depth)
{
	struct area a;

	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			push_precedents(ev, s, n->args[i], f, depth);
	if (n->kind == N_AREA && !(n->u.area.flags & AREA_EXTERNAL) && !node_area(n, f->sheet, f->row, f->col, &a))
		push_area(ev, s, &a);
	if (n->kind == N_NAME && n->u.name.def && depth < 16) {
		const struct formula *nf = model_name_formula(ev->m, n->u.name.def);

		if (nf && nf->root)
			push_precedents(ev, s, nf->root, f, depth + 1);
	}
}

/* Evaluate what a cell refers to, deepest first, without recursion from cell to cell. */
static void
walk_first(struct eval *ev, size_t id, int sheet, int32_t row, int32_t col)
{
	struct eval_private *p = ev->p;
	struct walk_stack s = {0};
	int outer = !p->walked, old_taint = ev->tainted;

	if (!outer) /* already inside a walk: its order makes this shallow but for references found at run time */
		return;
	p->walked = calloc(p->nmemo + 1, 1);
	if (!p->walked)
		abort();
	push_cell(ev, &s, sheet, row, col);
	while (s.n) {
		struct frame f = s.v[s.n - 1];
		struct content c = content_of(ev, f.sheet, f.row, f.col);

		if (memo_holds(ev, &p->memo[f.id]) || p->memo[f.id].state == RUNNING) {
			s.n--;
		} else if (p->walked[f.id]) {
			s.n--;
			if (f.id != id)
				formula_cell(ev, &c, f.sheet, f.row, f.col);
		} else {
			p->walked[f.id] = 1;
			if (c.f && c.f->root)
				push_precedents(ev, &s, c.f->root, &f, 0);
		}
	}
	free(s.v);
	free(p->walked);
	p->walked = NULL;
	ev->tainted = old_taint;
}

/* --- reading ranges ----------------------------------------------------------------------------------------------- */

static const struct sheet *
sheet_of(const struct eval *ev, int sheet)
{
	if (sheet & EXTERNAL_SHEET) {
		size_t book = (size_t)(sheet & ~EXTERNAL_SHEET) >> 12, k = (size_t)sheet & 0xfff;

		return book < ev->wb->nexternals && k < ev->wb->externals[book].nsheets ? &ev->wb->externals[book].sheets[k]
		                                                                        : NULL;
	}
	return sheet >= 0 && (size_t)sheet < ev->wb->nsheets ? &ev->wb->sheets[sheet] : NULL;
}

/* Rows and columns that may hold something: the used range and the changed cells. */
static void
clip(const struct eval *ev, const struct area *a, int sheet, struct area *out)
{
	const struct sheet *s = sheet_of(ev, sheet);
	int32_t row2 = s ? s->row_max : -1, col2 = s ? s->col_max : -1;

	if (sheet >= 0 && (size_t)sheet < ev->wb->nsheets)
		model_used(ev->m, sheet, &row2, &col2);
	*out = *a;
	out->row2 = a->row2 < row2 ? a->row2 : row2;
	out->col2 = a->col2 < col2 ? a->col2 : col2;
}

struct array *
eval_to_array(struct eval *ev, struct value v)
{
	struct array *a;
	struct area whole, cut;

	if (v.kind == V_ARRAY)
		return v.u.array;
	if (v.kind == V_REF && v.u.ref->nareas == 1 && v.u.ref->area[0].sheet1 == v.u.ref->area[0].sheet2) {
		whole = v.u.ref->area[0];
		clip(ev, &whole, whole.sheet1, &cut);
		/* only whole rows and columns are cut: other shapes are part of the meaning */
		if (whole.row2 < XL_MAX_ROWS - 1)
			cut.row2 = whole.row2;
		if (whole.col2 < XL_MAX_COLS - 1 || (int64_t)(cut.row2 - whole.row1 + 1) * XL_MAX_COLS <= 65536)
			cut.col2 = whole.col2;
		if (cut.row2 < cut.row1)
			cut.row2 = cut.row1;
		if (cut.col2 < cut.col1)
			cut.col2 = cut.col1;
		a = eval_new_array(ev, cut.row2 - cut.row1 + 1, cut.col2 - cut.col1 + 1);
		for (int32_t r = 0; r < a->rows; r++)
			for (int32_t k = 0; k < a->cols; k++)
				a->v[(int64_t)r * a->cols + k] = eval_get(ev, whole.sheet1, cut.row1 + r, cut.col1 + k);
		return a;
	}
	a = eval_new_array(ev, 1, 1);
	a->v[0] = v.kind == V_REF ? value_error(XE_VALUE) : v.kind == V_MISSING ? value_blank() : v;
	return a;
}

void
eval_walk_init(struct eval_walk *w, struct value from)
{
	memset(w, 0, sizeof *w);
	w->from = from;
	w->in_ref = from.kind == V_REF || from.kind == V_ARRAY;
	w->sheet_at = -1;
}

/* The next column of the walk's row that may hold something: a cell of the workbook, or a change where it has none. */
static int32_t
next_column(const struct eval *ev, struct eval_walk *w, const struct sheet *s)
{
	int32_t stored = INT32_MAX, extra = model_extra(ev->m, w->sheet_at, w->r, w->c);

	if (s && w->r >= s->row_min && w->r <= s->row_max) {
		size_t hi = s->row_start[w->r - s->row_min + 1];

		if (!w->cell)
			w->cell = s->row_start[w->r - s->row_min] + 1;
		while (w->cell - 1 < hi && s->cells[w->cell - 1].col < w->c)
			w->cell++;
		if (w->cell - 1 < hi)
			stored = s->cells[w->cell - 1].col;
	}
	return stored < extra ? stored : extra;
}

static int
walk_ref(struct eval *ev, struct eval_walk *w, struct value *out)
{
	const struct ref *ref = w->from.u.ref;
	int32_t col;

	for (; w->area < ref->nareas; w->area++, w->sheet_at = -1) {
		const struct area *a = &ref->area[w->area];

		if (w->sheet_at < 0) {
			w->sheet_at = a->sheet1;
			w->state = 0;
		}
		for (; w->sheet_at <= a->sheet2; w->sheet_at++, w->state = 0) {
			const struct sheet *s = sheet_of(ev, w->sheet_at);
			struct area cut;

			clip(ev, a, w->sheet_at, &cut);
			if (!w->state) {
				w->r = s && s->row_min > cut.row1 && !ev->m->nchanges ? s->row_min : cut.row1;
				w->c = cut.col1;
				w->cell = 0;
				w->state = 1;
			}
			for (; w->r <= cut.row2; w->r++, w->c = cut.col1, w->cell = 0)
				while ((col = next_column(ev, w, s)) <= cut.col2) {
					w->c = col + 1;
					*out = eval_get(ev, w->sheet_at, w->r, col);
					if (out->kind == V_BLANK)
						continue;
					w->sheet = w->sheet_at;
					w->row = w->r;
					w->col = col;
					return 1;
				}
		}
	}
	return 0;
}

int
eval_walk_next(struct eval *ev, struct eval_walk *w, struct value *out)
{
	if (w->from.kind == V_REF)
		return walk_ref(ev, w, out);
	if (w->from.kind == V_ARRAY) {
		const struct array *a = w->from.u.array;

		while (w->cell < (size_t)a->rows * (size_t)a->cols) {
			*out = a->v[w->cell];
			w->row = (int32_t)(w->cell / (size_t)a->cols);
			w->col = (int32_t)(w->cell % (size_t)a->cols);
			w->cell++;
			if (out->kind != V_BLANK)
				return 1;
		}
		return 0;
	}
	if (w->state)
		return 0;
	w->state = 1;
	*out = w->from;
	return 1;
}

/* --- one scalar --------------------------------------------------------------------------------------------------- */

struct value
eval_to_scalar(struct eval *ev, struct value v)
{
	const struct area *a;

	if (v.kind == V_ARRAY)
		return v.u.array->v[0];
	if (v.kind != V_REF)
		return v;
	if (v.u.ref->nareas != 1)
		return value_error(XE_VALUE);
	a = &v.u.ref->area[0];
	if (a->sheet1 != a->sheet2)
		return value_error(XE_VALUE);
	if ((a->row1 == a->row2 && a->col1 == a->col2) || ev->array_mode)
		return eval_get(ev, a->sheet1, a->row1, a->col1);
	if (a->col1 == a->col2 && ev->row >= a->row1 && ev->row <= a->row2) /* implicit intersection */
		return eval_get(ev, a->sheet1, ev->row, a->col1);
	if (a->row1 == a->row2 && ev->col >= a->col1 && ev->col <= a->col2)
		return eval_get(ev, a->sheet1, a->row1, ev->col);
	return value_error(XE_VALUE);
}

struct value
eval_scalar(struct eval *ev, const struct node *n)
{
	return eval_to_scalar(ev, eval_node(ev, n));
}

/* --- operators ------------------------------------------------------------------------------------------------------ */

static int
several_cells(const struct value *ref)
{
	const struct area *a = &ref->u.ref->area[0];

	return a->row1 != a->row2 || a->col1 != a->col2;
}

static int
is_many(const struct eval *ev, const struct value *v)
{
	if (v->kind == V_ARRAY)
		return 1;
	return v->kind == V_REF && ev->array_mode && v->u.ref->nareas == 1 && several_cells(v);
}

static struct value
scalar_unary(struct eval *ev, int op, struct value v)
{
	double x;
	int k = value_to_num(&v, ev->date1904, &x);

	if (op == '+')
		return v.kind == V_MISSING ? value_num(0) : v;
	if (k)
		return value_error(k);
	return value_num(op == '-' ? -x : x / 100);
}

static struct value
scalar_binary(struct eval *ev, int op, struct value a, struct value b, int snap)
{
	const struct text *s, *t;
	double x, y;
	int k;

	switch (op) {
	case '+': case '-': case '*': case '/': case '^':
		k = value_to_num(&a, ev->date1904, &x);
		if (!k)
			k = b.kind == V_ERROR ? b.error : value_to_num(&b, ev->date1904, &y);
		if (k)
			return value_error(k);
		x = op == '^' ? ev->isa->arith(op, x, y, snap, &k) : xl_arith(op, x, y, snap, &k);
		return k ? value_error(k) : value_num(x);
	case '&': {
		char *out;

		k = value_to_text(&ev->tmp, &a, &s);
		if (!k)
			k = value_to_text(&ev->tmp, &b, &t);
		if (k)
			return value_error(k);
		if ((uint64_t)s->nbytes + t->nbytes > 131068)
			return value_error(XE_VALUE);
		out = arena_alloc(&ev->tmp, (size_t)s->nbytes + t->nbytes + 1);
		memcpy(out, s->s, s->nbytes);
		memcpy(out + s->nbytes, t->s, t->nbytes);
		return value_text(&ev->tmp, out, (size_t)s->nbytes + t->nbytes);
	}
	default:
		if (a.kind == V_ERROR)
			return a;
		if (b.kind == V_ERROR)
			return b;
		k = value_compare(&a, &b);
		return value_bool(op == '=' ? k == 0 : op == 'n' ? k != 0 : op == '<' ? k < 0 : op == 'l' ? k <= 0 :
		                  op == '>' ? k > 0 : k >= 0);
	}
}

static struct value
binary_values(struct eval *ev, int op, struct value a, struct value b, int snap)
{
	struct array *x = NULL, *y = NULL, *out;
	int32_t rows = 1, cols = 1;

	if (a.kind == V_LAMBDA || b.kind == V_LAMBDA)
		return value_error(XE_VALUE);
	if (is_many(ev, &a))
		x = eval_to_array(ev, a);
	else
		a = eval_to_scalar(ev, a);
	if (is_many(ev, &b))
		y = eval_to_array(ev, b);
	else
		b = eval_to_scalar(ev, b);
	if (!x && !y)
		return scalar_binary(ev, op, a, b, snap);
	if (x)
		rows = x->rows, cols = x->cols;
	if (y) {
		rows = y->rows > rows ? y->rows : rows;
		cols = y->cols > cols ? y->cols : cols;
	}
	out = eval_new_array(ev, rows, cols);
	for (int32_t r = 0; r < rows; r++)
		for (int32_t c = 0; c < cols; c++)
			out->v[(int64_t)r * cols + c] =
			    scalar_binary(ev, op, x ? value_stretched(x, r, c) : a, y ? value_stretched(y, r, c) : b, snap);
	return eval_array_value(out);
}

struct value
eval_last_operation(struct eval *ev, const struct node *n)
{
	struct value a = eval_node(ev, n->args[0]);

	return binary_values(ev, n->op, a, eval_node(ev, n->args[1]), 1);
}

/* What two areas have in common; 0 if nothing. */
static int
overlap(const struct area *x, const struct area *y, struct area *r)
{
	*r = *x;
	r->row1 = x->row1 > y->row1 ? x->row1 : y->row1;
	r->col1 = x->col1 > y->col1 ? x->col1 : y->col1;
	r->row2 = x->row2 < y->row2 ? x->row2 : y->row2;
	r->col2 = x->col2 < y->col2 ? x->col2 : y->col2;
	return x->sheet1 == y->sheet1 && r->row1 <= r->row2 && r->col1 <= r->col2;
}

/* Each area of one with each of the other. */
static struct value
intersection(struct eval *ev, const struct ref *a, const struct ref *b)
{
	struct ref *u = arena_alloc(&ev->tmp, sizeof *u + (size_t)a->nareas * (size_t)b->nareas * sizeof u->area[0]);
	struct value v = {.kind = V_REF};

	u->nareas = 0;
	for (int i = 0; i < a->nareas; i++)
		for (int k = 0; k < b->nareas; k++)
			u->nareas += overlap(&a->area[i], &b->area[k], &u->area[u->nareas]);
	v.u.ref = u;
	return u->nareas ? v : value_error(XE_NULL);
}

static struct value
range_operator(struct eval *ev, int op, struct value a, struct value b)
{
	const struct area *x, *y;
	struct area r;

	if (a.kind == V_ERROR)
		return a;
	if (b.kind == V_ERROR)
		return b;
	if (a.kind != V_REF || b.kind != V_REF)
		return value_error(XE_VALUE);
	if (op == ',') {
		int n = a.u.ref->nareas + b.u.ref->nareas;
		struct ref *u = arena_alloc(&ev->tmp, sizeof *u + (size_t)n * sizeof u->area[0]);
		struct value v = {.kind = V_REF};

		u->nareas = n;
		memcpy(u->area, a.u.ref->area, (size_t)a.u.ref->nareas * sizeof u->area[0]);
		memcpy(u->area + a.u.ref->nareas, b.u.ref->area, (size_t)b.u.ref->nareas * sizeof u->area[0]);
		v.u.ref = u;
		return v;
	}
	if (op == ' ')
		return intersection(ev, a.u.ref, b.u.ref);
	x = &a.u.ref->area[0];
	y = &b.u.ref->area[0];
	if (x->sheet1 != y->sheet1)
		return value_error(XE_VALUE);
	r = *x;
	r.row1 = x->row1 < y->row1 ? x->row1 : y->row1;
	r.col1 = x->col1 < y->col1 ? x->col1 : y->col1;
	r.row2 = x->row2 > y->row2 ? x->row2 : y->row2;
	r.col2 = x->col2 > y->col2 ? x->col2 : y->col2;
	return area_value(ev, r);
}

static struct value
unary_node(struct eval *ev, const struct node *n)
{
	struct value v = eval_node(ev, n->args[0]);
	struct array *a, *out;

	if (n->op == '@') {
		int mode = ev->array_mode;

		ev->array_mode = 0;
		v = v.kind == V_LAMBDA ? value_error(XE_VALUE) : eval_to_scalar(ev, v);
		ev->array_mode = mode;
		return v;
	}
	if (n->op == '#') { /* the range that a dynamic array formula fills */
		const struct cell *cell;

		if (v.kind != V_REF)
			return value_error(XE_REF);
		cell = workbook_cell(ev->wb, v.u.ref->area[0].sheet1, v.u.ref->area[0].row1, v.u.ref->area[0].col1);
		if (!cell || !(cell->flags & CELL_ARRAY_MASTER))
			return value_error(XE_REF);
		return eval_ref(ev, v.u.ref->area[0].sheet1, cell->array.row1, cell->array.col1, cell->array.row2,
		                cell->array.col2);
	}
	if (v.kind == V_LAMBDA)
		return value_error(XE_VALUE);
	if (!is_many(ev, &v))
		return scalar_unary(ev, n->op, eval_to_scalar(ev, v));
	a = eval_to_array(ev, v);
	out = eval_new_array(ev, a->rows, a->cols);
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++)
		out->v[i] = scalar_unary(ev, n->op, a->v[i]);
	return eval_array_value(out);
}

/* --- calls ------------------------------------------------------------------------------------------------------------ */

struct packed {
	struct xl_arg *arg;
	double *x;
	size_t n, cap;
	int err;
};

static void
pack_number(struct eval *ev, struct packed *p, double x)
{
	if (p->n == p->cap) {
		double *grown = arena_alloc(&ev->tmp, 2 * (p->cap + 32) * sizeof *grown);

		if (p->n)
			memcpy(grown, p->x, p->n * sizeof *grown);
		p->x = grown;
		p->cap = 2 * (p->cap + 32);
	}
	p->x[p->n++] = x;
}

/* Letters L and A: a list; 'G' an 'L' of a function with FN_NOBOOL. */
static void
pack_list(struct eval *ev, struct packed *p, struct value v, char letter)
{
	struct eval_walk w;
	struct value e;
	double x;
	int k;

	if (letter == 'G' && v.kind == V_REF && v.u.ref->nareas == 1 && several_cells(&v))
		v = eval_array_value(eval_to_array(ev, v)); /* with its empty cells */
	if (letter == 'G' && v.kind == V_ARRAY)
		for (int64_t i = 0; i < (int64_t)v.u.array->rows * v.u.array->cols; i++)
			if (v.u.array->v[i].kind == V_BLANK)
				pack_number(ev, p, 0);
	eval_walk_init(&w, v);
	while (eval_walk_next(ev, &w, &e)) {
		if (e.kind == V_ERROR) {
			p->err = p->err ? p->err : e.error;
			return;
		}
		if (!w.in_ref || letter == 'G') {
			k = letter == 'G' && e.kind == V_BOOL ? XE_VALUE : value_to_num(&e, ev->date1904, &x);
			if (k) {
				p->err = p->err ? p->err : k;
				return;
			}
			pack_number(ev, p, x);
		} else if (e.kind == V_NUM) {
			pack_number(ev, p, e.u.num);
		} else if (letter == 'A' && e.kind == V_BOOL) {
			pack_number(ev, p, e.boolean);
		} else if (letter == 'A' && e.kind == V_TEXT) {
			pack_number(ev, p, 0);
		}
	}
}

/* A numeric function of arguments of which the scalar ones are scalars by now. */
static struct value
num_of(struct eval *ev, const struct func *f, struct value *v, int n)
{
	int max = f->max < 0 ? n : f->max;
	struct packed p = {.arg = arena_zalloc(&ev->tmp, (size_t)(max + 1) * sizeof *p.arg)};
	size_t *start = arena_alloc(&ev->tmp, (size_t)(n + 1) * sizeof *start);
	struct array **pair = NULL;
	struct xl_call xc = {.nargs = n, .date1904 = ev->date1904};
	double x;

	for (int i = 0; i < n && !p.err; i++) {
		char letter = func_arg_letter(f, i);
		struct array *a;
		int k;

		start[i] = p.n;
		switch (letter) {
		case 'L':
		case 'A':
			if (v[i].kind == V_MISSING && f->flags & FN_NOBOOL)
				p.err = XE_NA;
			else if (v[i].kind == V_MISSING)
				pack_number(ev, &p, 0);
			else
				pack_list(ev, &p, v[i], f->flags & FN_NOBOOL ? 'G' : letter);
			if (p.err && f->flags & FN_VALUEERR)
				p.err = XE_VALUE;
			p.arg[i].n = (int)(p.n - start[i]);
			p.arg[i].rows = p.arg[i].n;
			p.arg[i].cols = 1;
			break;
		case 'M':
		case 'D':
			a = eval_to_array(ev, v[i]);
			for (int64_t j = 0; j < (int64_t)a->rows * a->cols && !p.err; j++) {
				if (a->v[j].kind == V_ERROR)
					p.err = a->v[j].error;
				else if (a->v[j].kind == V_TEXT && letter == 'M' && f->flags & FN_NOBOOL &&
				         !value_to_num(&a->v[j], ev->date1904, &x))
					pack_number(ev, &p, x);
				else if (a->v[j].kind != V_NUM && (a->v[j].kind != V_BLANK || letter == 'D'))
					p.err = letter == 'D' ? XE_NUM : XE_VALUE;
				else
					pack_number(ev, &p, a->v[j].kind == V_NUM ? a->v[j].u.num : 0);
			}
			p.arg[i].n = a->rows * a->cols;
			p.arg[i].rows = a->rows;
			p.arg[i].cols = a->cols;
			break;
		case 'P':
			if (!pair)
				pair = arena_zalloc(&ev->tmp, (size_t)n * sizeof *pair);
			pair[i] = eval_to_array(ev, v[i]);
			break;
		default:
			if (v[i].kind == V_MISSING && f->flags & FN_EMPTYDEF)
				break;
			if (v[i].kind == V_MISSING) {
				pack_number(ev, &p, 0);
			} else {
				k = value_to_num(&v[i], ev->date1904, &x);
				if (k)
					p.err = k;
				else
					pack_number(ev, &p, x);
			}
			p.arg[i].n = p.arg[i].rows = p.arg[i].cols = 1;
		}
	}
	if (pair && !p.err) {
		struct array *first = NULL;

		for (int i = 0; i < n && !p.err; i++) {
			first = first ? first : pair[i];
			if (pair[i] && (int64_t)pair[i]->rows * pair[i]->cols != (int64_t)first->rows * first->cols)
				p.err = XE_NA;
		}
		for (int64_t j = 0; !p.err && j < (int64_t)first->rows * first->cols; j++) /* errors, position by position */
			for (int i = 0; i < n && !p.err; i++)
				if (pair[i] && pair[i]->v[j].kind == V_ERROR)
					p.err = pair[i]->v[j].error;
		for (int i = 0; i < n && !p.err; i++) {
			if (!pair[i])
				continue;
			start[i] = p.n;
			for (int64_t j = 0; j < (int64_t)first->rows * first->cols; j++) {
				int all = 1;

				for (int q = 0; q < n; q++)
					all &= !pair[q] || pair[q]->v[j].kind == V_NUM;
				if (all)
					pack_number(ev, &p, pair[i]->v[j].u.num);
			}
			p.arg[i].n = p.arg[i].rows = (int)(p.n - start[i]);
			p.arg[i].cols = 1;
		}
	}
	if (p.err)
		return value_error(p.err);
	for (int i = 0; i < n; i++)
		p.arg[i].x = p.x ? p.x + start[i] : NULL;
	xc.arg = p.arg;
	xc.scratch = arena_alloc(&ev->tmp, (2 * p.n + 32) * sizeof(double));
	x = ev->isa->num[f - func_rows](&xc);
	if (xc.err)
		return value_error(xc.err);
	return isfinite(x) ? value_num(x) : value_error(XE_NUM);
}

static struct value
call_num(struct eval *ev, const struct func *f, struct value *v, int n)
{
	struct eval_spot spot = eval_spot(ev);
	struct value out = num_of(ev, f, v, n);

	eval_go_back(ev, &spot, &out);
	return out;
}

/* Letters as sets of bits: asked for every argument of every call. */
#define LETTER(c) (1u << ((c) - 'a'))
#define LETTERS_SCALAR (LETTER('n') | LETTER('t') | LETTER('b') | LETTER('v') | LETTER('e'))
#define LETTERS_NO_ERROR (LETTERS_SCALAR & ~LETTER('e'))

static int
letter_in(unsigned set, char letter)
{
	return letter >= 'a' && set >> (letter - 'a') & 1;
}

/* Scalar letters coerced as the table says; 1 and *out where an error is the result already. */
static int
coerce(struct eval *ev, const struct func *f, struct value *v, int n, struct value *out)
{
	for (int q = 0; q < n; q++) {
		int i = !(f->flags & FN_LASTFIRST) || n < f->max ? q : q ? q - 1 : n - 1;
		char letter = func_arg_letter(f, i);
		const struct text *t;
		double x;
		int k = 0, b;

		if (letter_in(LETTERS_NO_ERROR, letter) && v[i].kind == V_ERROR) {
			*out = v[i];
			return 1;
		}
		switch (letter) {
		case 'n':
			k = value_to_num(&v[i], ev->date1904, &x);
			if (f->flags & FN_NOBOOL && v[i].kind == V_BOOL)
				k = XE_VALUE;
			else if (f->flags & FN_NOBOOL && v[i].kind == V_MISSING && i < f->min)
				k = XE_NA;
			if (!k && !(v[i].kind == V_MISSING && f->flags & FN_EMPTYDEF))
				v[i] = value_num(x);
			break;
		case 't':
			k = f->flags & FN_NOBOOL && v[i].kind == V_BOOL ? XE_VALUE : value_to_text(&ev->tmp, &v[i], &t);
			if (!k) {
				v[i].kind = V_TEXT;
				v[i].u.text = t;
			}
			break;
		case 'b':
			k = value_to_bool(&v[i], &b);
			if (!k)
				v[i] = value_bool(b);
			break;
		default:
			break;
		}
		if (k) {
			*out = value_error(k);
			return 1;
		}
	}
	return 0;
}

static struct value
call_scalars(struct eval *ev, const struct node *n, struct value *v)
{
	const struct func *f = n->u.call.fn;
	struct value out = value_blank();

	if (coerce(ev, f, v, n->nargs, &out))
		return out;
	if (f->num)
		return call_num(ev, f, v, n->nargs);
	f->gen(ev, n, v, n->nargs, &out);
	if (out.kind == V_NUM && !isfinite(out.u.num))
		return value_error(XE_NUM);
	return out;
}

/* An array of references, as INDIRECT and OFFSET give where one of their parameters is an array. */
static int
holds_references(const struct value *v)
{
	if (v->kind == V_ARRAY)
		for (int64_t i = 0; i < (int64_t)v->u.array->rows * v->u.array->cols; i++)
			if (v->u.array->v[i].kind == V_REF)
				return 1;
	return 0;
}

static struct value
call_node(struct eval *ev, const struct node *n)
{
	const struct func *f = n->u.call.fn;
	struct value few[8] = {{0}}, *v = few, *w, out = value_blank();
	struct array **lift = NULL, *result;
	int32_t rows = 1, cols = 1;
	int max, want_refs = ev->p->want_refs;

	ev->p->want_refs = 0;
	if (!f)
		return value_error(XE_NAME);
	if (f->flags & FN_VOLATILE && !(f->flags & FN_DYNAMIC))
		ev->moment = 1;
	max = f->max > n->nargs ? f->max : n->nargs;
	if (max > 8)
		v = arena_zalloc(&ev->tmp, (size_t)max * sizeof *v);
	for (int i = n->nargs; i < max; i++)
		v[i].kind = V_MISSING;
	for (int i = 0; i < n->nargs; i++) {
		char letter = func_arg_letter(f, i);
		int mode = ev->array_mode;

		if (letter == 'x') {
			v[i].kind = V_MISSING;
			continue;
		}
		if (letter == 'a' || letter == 'M' || letter == 'D' || letter == 'P')
			ev->array_mode = 1;
		ev->p->want_refs = f->flags & FN_REFLIFT && letter == 'r' && n->args[i]->kind == N_CALL;
		v[i] = eval_node(ev, n->args[i]);
		ev->p->want_refs = 0;
		ev->array_mode = mode;
		if (v[i].kind == V_LAMBDA && letter != 'r' && letter != 'v' && letter != 'e')
			return value_error(XE_VALUE);
		if (!letter_in(LETTERS_SCALAR, letter) && !(f->flags & FN_REFLIFT && holds_references(&v[i])))
			continue;
		if (f->flags & FN_NOBOOL && v[i].kind == V_REF && several_cells(&v[i])) {
			v[i] = value_error(XE_VALUE);
		} else if (is_many(ev, &v[i])) {
			if (!lift)
				lift = arena_zalloc(&ev->tmp, (size_t)max * sizeof *lift);
			lift[i] = eval_to_array(ev, v[i]);
			rows = lift[i]->rows > rows ? lift[i]->rows : rows;
			cols = lift[i]->cols > cols ? lift[i]->cols : cols;
		} else if (v[i].kind == V_REF) {
			v[i] = eval_to_scalar(ev, v[i]);
		}
	}
	if (!lift)
		return call_scalars(ev, n, v);
	result = eval_new_array(ev, rows, cols);
	w = arena_alloc(&ev->tmp, (size_t)max * sizeof *w); /* not on the stack: calls nest deep */
	for (int32_t r = 0; r < rows; r++)
		for (int32_t c = 0; c < cols; c++) {
			struct eval_spot spot = eval_spot(ev);

			ev->p->lift = (uint32_t)(r * cols + c);
			for (int i = 0; i < max; i++)
				w[i] = i < n->nargs && lift[i] ? value_stretched(lift[i], r, c) : v[i];
			out = call_scalars(ev, n, w);
			if (!want_refs || out.kind != V_REF)
				out = eval_to_scalar(ev, out);
			eval_go_back(ev, &spot, &out);
			result->v[(int64_t)r * cols + c] = out;
		}
	ev->p->lift = 0;
	return eval_array_value(result);
}

/* --- variables and lambdas ----------------------------------------------------------------------------------------------- */

static void
bind(struct eval *ev, int slot, struct value v)
{
	struct binding *b = arena_alloc(&ev->tmp, sizeof *b);

	*b = (struct binding){ev->p->env, slot, v};
	ev->p->env = b;
}

void
fn_let(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct binding *old = ev->p->env;

	(void)args;
	if (nargs % 2 == 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (int i = 0; i + 1 < nargs; i += 2) {
		if (call->args[i]->kind != N_NAME) {
			*out = value_error(XE_NAME);
			ev->p->env = old;
			return;
		}
		bind(ev, call->args[i]->u.name.slot, eval_node(ev, call->args[i + 1]));
	}
	*out = eval_node(ev, call->args[nargs - 1]);
	ev->p->env = old;
}

void
fn_lambda(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct closure *c = arena_alloc(&ev->tmp, sizeof *c);

	(void)args;
	(void)nargs;
	*c = (struct closure){call, ev->p->env, ev->sheet, ev->row, ev->col};
	*out = (struct value){.kind = V_LAMBDA};
	out->u.lambda = c;
}

/* Call a function by its name as a value: the arguments become variables of a call made for them. */
static struct value
invoke_function(struct eval *ev, const struct node *f, struct value *args, int nargs)
{
	const struct binding *old = ev->p->env;
	const struct func *fn = f->u.call.fn;
	struct node *call = arena_zalloc(&ev->tmp, sizeof *call), *name;
	struct value v;

	if (nargs < fn->min || (fn->max >= 0 && nargs > fn->max))
		return value_error(XE_VALUE);
	*call = *f;
	call->kind = N_CALL;
	call->nargs = (uint16_t)nargs;
	call->args = arena_alloc(&ev->tmp, ((size_t)nargs + 1) * sizeof *call->args);
	ev->p->env = NULL;
	for (int i = 0; i < nargs; i++) {
		call->args[i] = name = arena_zalloc(&ev->tmp, sizeof *name);
		name->kind = N_NAME;
		name->u.name.name = "";
		name->u.name.slot = i;
		bind(ev, i, args[i]);
	}
	ev->p->invocation++;
	v = eval_node(ev, call);
	ev->p->env = old;
	return v;
}

int
eval_lambda_takes(struct value lambda, int n)
{
	const struct node *p = lambda.kind == V_LAMBDA ? lambda.u.lambda->params : NULL;

	return p && (p->kind == N_FUNCTION ? p->u.call.fn->min >= n : p->nargs - 1 >= n);
}

static struct value
invoke(struct eval *ev, struct value lambda, struct value *args, int nargs)
{
	struct eval_private *p = ev->p;
	const struct binding *old = p->env;
	const struct closure *c;
	struct value v;
	int nparams;

	if (lambda.kind == V_ERROR)
		return lambda;
	if (lambda.kind != V_LAMBDA)
		return value_error(XE_VALUE);
	c = lambda.u.lambda;
	if (c->params->kind == N_FUNCTION)
		return p->node_depth > NODE_DEPTH ? value_error(XE_NUM) : invoke_function(ev, c->params, args, nargs);
	nparams = c->params->nargs - 1;
	if (nargs > nparams || p->node_depth > NODE_DEPTH)
		return value_error(nargs > nparams ? XE_VALUE : XE_NUM);
	p->env = c->env;
	for (int i = 0; i < nparams; i++) {
		if (i >= nargs && c->params->args[i]->op != '?') {
			p->env = old;
			return value_error(XE_VALUE);
		}
		bind(ev, c->params->args[i]->u.name.slot, i < nargs ? args[i] : (struct value){.kind = V_MISSING});
	}
	p->invocation++;
	v = eval_node(ev, c->params->args[nparams]);
	p->env = old;
	return v;
}

struct value
eval_invoke(struct eval *ev, struct value lambda, struct value *args, int nargs)
{
	struct eval_spot spot = eval_spot(ev);
	struct value v = invoke(ev, lambda, args, nargs);

	eval_go_back(ev, &spot, &v);
	return v;
}

static struct value
invoke_node(struct eval *ev, const struct node *n)
{
	struct value f = eval_node(ev, n->args[0]);
	struct value *v = arena_alloc(&ev->tmp, (size_t)n->nargs * sizeof *v);

	if (f.kind == V_REF)
		f = eval_to_scalar(ev, f);
	for (int i = 1; i < n->nargs; i++)
		v[i - 1] = eval_node(ev, n->args[i]);
	return f.kind == V_LAMBDA || f.kind == V_ERROR ? eval_invoke(ev, f, v, n->nargs - 1) : value_error(XE_REF);
}

static struct value
name_node(struct eval *ev, const struct node *n)
{
	const struct formula *f;
	struct value v;

	if (!n->u.name.def) {
		for (const struct binding *b = ev->p->env; b && n->u.name.slot >= 0; b = b->outer)
			if (b->slot == n->u.name.slot)
				return b->v;
		return value_error(XE_NAME);
	}
	f = model_name_formula(ev->m, n->u.name.def);
	if (!f || !f->root)
		return value_error(XE_NAME);
	if (ev->p->node_depth > NODE_DEPTH)
		return value_error(XE_NUM);
	{
		const struct binding *old = ev->p->env;

		ev->p->env = NULL;
		v = eval_node(ev, f->root);
		ev->p->env = old;
	}
	return v;
}

static struct value
area_node(struct eval *ev, const struct node *n)
{
	struct area a;
	int k = node_area(n, ev->sheet, ev->row, ev->col, &a);

	if (k)
		return value_error(k);
	if (n->u.area.flags & AREA_EXTERNAL) {
		a.sheet1 = a.sheet2 = EXTERNAL_SHEET | n->u.area.book << 12 | n->u.area.sheet1;
	}
	return area_value(ev, a);
}

struct value
eval_node(struct eval *ev, const struct node *n)
{
	struct value v;

	switch (n->kind) {
	case N_NUM:
		return value_num(n->u.num);
	case N_BOOL:
		return value_bool(n->u.boolean);
	case N_ERROR:
		return value_error(n->u.error);
	case N_TEXT:
	case N_ARRAY:
		return n->u.value;
	case N_MISSING:
		return (struct value){.kind = V_MISSING};
	case N_AREA:
		return area_node(ev, n);
	default:
		break;
	}
	if (given_up(ev->p))
		return value_error(XE_NA);
	ev->p->node_depth++;
	switch (n->kind) {
	case N_NAME:
		v = name_node(ev, n);
		break;
	case N_UNARY:
		v = unary_node(ev, n);
		break;
	case N_BINARY:
		v = eval_node(ev, n->args[0]);
		if (n->op == ':' || n->op == ' ' || n->op == ',')
			v = range_operator(ev, n->op, v, eval_node(ev, n->args[1]));
		else
			v = binary_values(ev, n->op, v, eval_node(ev, n->args[1]), 0);
		break;
	case N_CALL:
		v = call_node(ev, n);
		break;
	case N_FUNCTION:
		fn_lambda(ev, n, NULL, 0, &v);
		break;
	default:
		v = invoke_node(ev, n);
	}
	ev->p->node_depth--;
	return v;
}

/* --- draws -------------------------------------------------------------------------------------------------------------- */

static struct draw_site
site_of(const struct eval *ev, const struct node *call, uint32_t element)
{
	return (struct draw_site){ev->sheet, ev->row, ev->col, call->u.call.draw,
	                          element + ev->p->lift + (ev->p->invocation << 16)};
}

double
eval_uniform(struct eval *ev, const struct node *call, uint32_t element)
{
	struct draw_site site = site_of(ev, call, element);
	const struct copula_row *row;
	uint64_t stream;

	ev->tainted = 1;
	if (ev->trial < 0)
		return 0.5;
	stream = draw_stream(ev->wb, &site);
	row = copula_find(ev->m->copula, stream);
	return row ? copula_uniform(row, ev->seed, (uint64_t)ev->trial) : philox_uniform(ev->seed, stream, (uint64_t)ev->trial);
}

double
eval_draw(struct eval *ev, const struct node *call, uint32_t element, int dist, const double *params, int n, double u)
{
	struct draw_site site = site_of(ev, call, element);

	if (ev->p->hook && ev->trial >= 0)
		return ev->p->hook(ev->p->hook_ctx, &site, dist, params, n, u);
	return ev->isa->inverse(dist, params, n, u);
}

/* --- from outside ----------------------------------------------------------------------------------------------------------- */

void
eval_override(struct eval *ev, int sheet, int32_t row, int32_t col, struct value v)
{
	struct content c = content_of(ev, sheet, row, col);
	struct memo *m;

	if (c.id == SIZE_MAX)
		return;
	m = &ev->p->memo[c.id];
	m->v = v;
	m->state = DONE;
	m->tainted = 1;
	m->epoch = ev->p->epoch;
}

struct value
eval_cell(struct eval *ev, int sheet, int32_t row, int32_t col)
{
	return eval_get(ev, sheet, row, col);
}

int
eval_cell_tainted(struct eval *ev, int sheet, int32_t row, int32_t col)
{
	int old = ev->tainted, t;

	ev->tainted = 0;
	eval_get(ev, sheet, row, col);
	t = ev->tainted;
	ev->tainted = old;
	return t;
}

int
eval_cell_momentary(struct eval *ev, int sheet, int32_t row, int32_t col)
{
	int old = ev->moment, t;

	ev->moment = 0;
	eval_get(ev, sheet, row, col);
	t = ev->moment;
	ev->moment = old;
	return t;
}

struct value
eval_tree(struct eval *ev, const struct node *n, int sheet, int32_t row, int32_t col, int array, int *tainted)
{
	int old_sheet = ev->sheet, old_mode = ev->array_mode, old_taint = ev->tainted;
	int32_t old_row = ev->row, old_col = ev->col;
	const struct binding *old_env = ev->p->env;
	struct value v;

	ev->sheet = sheet;
	ev->row = row;
	ev->col = col;
	ev->array_mode = array;
	ev->tainted = 0;
	ev->p->env = NULL;
	ev->p->invocation = ev->p->lift = 0;
	v = eval_node(ev, n);
	if (tainted)
		*tainted = ev->tainted;
	ev->sheet = old_sheet;
	ev->row = old_row;
	ev->col = old_col;
	ev->array_mode = old_mode;
	ev->tainted = old_taint | ev->tainted;
	ev->p->env = old_env;
	return v;
}

struct value
eval_value_scalar(struct eval *ev, struct value v, int sheet, int32_t row, int32_t col)
{
	int old_sheet = ev->sheet;
	int32_t old_row = ev->row, old_col = ev->col;

	ev->sheet = sheet;
	ev->row = row;
	ev->col = col;
	v = eval_to_scalar(ev, v);
	ev->sheet = old_sheet;
	ev->row = old_row;
	ev->col = old_col;
	return v;
}

struct value
eval_text(struct eval *ev, const char *text, int sheet, struct err *e)
{
	struct formula *f = formula_parse(&ev->keep, ev->wb, sheet, 0, 0, text, 0);

	if (!f->root) {
		err_set(e, ERR_DATA, "\"%s\": %s", text, f->error);
		return value_error(XE_NAME);
	}
	if (f->root->kind == N_BINARY && (f->root->op == '+' || f->root->op == '-') && !f->root->parens) {
		ev->sheet = sheet;
		ev->row = ev->col = 0;
		ev->array_mode = 0;
		return eval_last_operation(ev, f->root);
	}
	return eval_tree(ev, f->root, sheet, 0, 0, 0, NULL);
}

/* Follow an error to where it arises: the first precedent that has the same error, again and again. */
static int
error_precedent(struct eval *ev, const struct node *n, const struct frame *f, int error, struct frame *out)
{
	struct area a;

	if (n->kind == N_AREA && !(n->u.area.flags & AREA_EXTERNAL) && !node_area(n, f->sheet, f->row, f->col, &a)) {
		struct eval_walk w;
		struct value v;

		eval_walk_init(&w, area_value(ev, a));
		while (eval_walk_next(ev, &w, &v))
			if (v.kind == V_ERROR && v.error == error && (w.sheet != f->sheet || w.row != f->row || w.col != f->col)) {
				*out = (struct frame){0, w.sheet, w.row, w.col};
				return 1;
			}
	}
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && error_precedent(ev, n->args[i], f, error, out))
			return 1;
	return 0;
}

int
eval_explain_error(struct eval *ev, int sheet, int32_t row, int32_t col, char *out, size_t size)
{
	struct frame f = {0, sheet, row, col}, next;
	struct value v = eval_get(ev, sheet, row, col);
	const struct formula *fo = NULL;
	char a1[300], what[200];

	if (v.kind != V_ERROR)
		return 0;
	for (int steps = 0; steps < 1000; steps++) {
		fo = model_formula(ev->m, f.sheet, f.row, f.col);
		if (!fo || !fo->root || !error_precedent(ev, fo->root, &f, v.error, &next))
			break;
		f = next;
	}
	a1_format_full(ev->wb, f.sheet, f.row, f.col, a1, sizeof a1);
	if (!fo)
		snprintf(out, size, "cell %s holds %s", a1, xl_error_name(v.error));
	else if (!fo->root)
		snprintf(out, size, "cell %s: %s: =%.100s", a1, fo->error, fo->text);
	else if (v.error == XE_NAME && formula_unknown(fo->root, what, sizeof what))
		snprintf(out, size, "cell %s: unknown name or function %s", a1, what);
	else
		snprintf(out, size, "it arises in cell %s: =%.150s", a1, fo->text);
	return 1;
}
