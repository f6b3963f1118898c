/*
 * sim: see sim.h.
 *
 * The pilot (trials 0..255, one block) is computed first in every run whatever its slice: it fixes the
 * centres and widths of the statistics, so they are the same in every slice.
 */
#include "engine/sim.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "engine/crew.h"
#include "record/record.h"

#define CHUNK_MAX ((int64_t)65536)
#define CHUNK_ROWS ((int64_t)4096) /* with --samples: a chunk's rows are kept until their turn */
#define CHUNK_SECONDS 0.05 /* a stop or a deadline is honoured within about this */

/* --- opening ---------------------------------------------------------------------------------------------- */

static double
seconds_since(int64_t start_ns)
{
	return (double)(clk_boot_ns() - start_ns) * 1e-9;
}

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

	if (!lower_is_const(s->lower, t->v, &v))
		return 0;
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
sim_open(struct sim *s, const struct spec *spec, enum isa isa, struct err *e)
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
	s->load_s = seconds_since(start);
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
	name_columns(s, spec);
	hash_model(s, spec);
	roots = roots_of(s, &nroots);
	s->prog = vm_compile(s->lower->ir, s->lower, roots, nroots, isa, e);
	if (!s->prog)
		goto fail;
	s->compile_s = seconds_since(start);
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

/* --- running ------------------------------------------------------------------------------------------------ */

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

static int
add_number(struct buf *b, double x)
{
	char num[NUM_DOUBLE_MAX];

	num_format_double(x, num);
	return buf_puts(b, num);
}

/* One row of --samples: trial, targets, inputs. */
static int
add_row(const struct sim *s, const struct stats_block *b, int64_t trial, size_t lane, int ndjson, struct buf *out)
{
	size_t ncol = s->ntargets + s->ninputs;
	int rc = buf_printf(out, ndjson ? "{\"trial\":%lld" : "%lld", (long long)trial);

	for (size_t i = 0; i < ncol; i++) {
		int kind = i < s->ntargets && b->err[i] ? (int)b->err[i][lane] : 0;

		if (ndjson) {
			rc |= buf_puts(out, ",");
			rc |= record_quote(out, s->col[i].name);
			rc |= buf_puts(out, ":");
		} else {
			rc |= buf_putc(out, ',');
		}
		if (kind)
			rc |= ndjson ? buf_printf(out, "\"%s\"", xl_error_name((enum xl_error)kind))
			             : buf_puts(out, xl_error_name((enum xl_error)kind));
		else
			rc |= add_number(out, b->x[i][lane]);
	}
	return rc | buf_puts(out, ndjson ? "}\n" : "\n");
}

void
crew_fail(struct crew *c, const struct err *e)
{
	pthread_mutex_lock(&c->lock);
	if (!c->err.status)
		c->err = *e;
	atomic_store(&c->halt, 3);
	pthread_cond_broadcast(&c->turn);
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

void
crew_note(struct crew *c, const struct sim_note *n)
{
	struct sim_note *v;

	pthread_mutex_lock(&c->lock);
	v = realloc(c->note, (c->nnotes + 1) * sizeof *v);
	if (v) {
		c->note = v;
		c->note[c->nnotes++] = *n;
	}
	pthread_mutex_unlock(&c->lock);
}

void
crew_give_back(struct crew *c, int64_t first, int64_t last)
{
	struct crew_range *v;

	pthread_mutex_lock(&c->lock);
	v = realloc(c->again, (c->nagain + 1) * sizeof *v);
	if (!v)
		abort();
	c->again = v;
	c->again[c->nagain++] = (struct crew_range){first, last};
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

/* Up to a chunk of what was given back; with the lock held. */
static int
take_again(struct crew *c, int64_t *from, int64_t *to)
{
	struct crew_range *r;

	if (!c->nagain)
		return 0;
	r = &c->again[c->nagain - 1];
	*from = r->first;
	*to = r->first - r->first % c->chunk + c->chunk;
	if (*to >= r->last) {
		*to = r->last;
		c->nagain--;
	} else {
		r->first = *to;
	}
	return 1;
}

/* Chunks end at multiples of their size, whatever the first trial. */
static int
take_next(struct crew *c, int64_t *from, int64_t *to)
{
	int_fast64_t at = atomic_load(&c->next);

	do {
		if (at >= c->o->last)
			return 0;
		*to = at - at % c->chunk + c->chunk;
		if (*to > c->o->last)
			*to = c->o->last;
	} while (!atomic_compare_exchange_weak(&c->next, &at, *to));
	*from = at;
	return 1;
}

int
crew_take(struct crew *c, int64_t *from, int64_t *to)
{
	int got = 0;

	pthread_mutex_lock(&c->lock);
	while (!atomic_load(&c->halt) && !(got = take_again(c, from, to) || take_next(c, from, to)) && c->out)
		pthread_cond_wait(&c->more, &c->lock);
	pthread_mutex_unlock(&c->lock);
	return got;
}

/* Rows leave in trial order: each chunk waits for its turn. */
static int
write_rows(struct worker *w, int64_t from, int64_t to)
{
	struct crew *c = w->crew;
	struct err e = {0};
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (c->write_turn != from && atomic_load(&c->halt) != 3)
		pthread_cond_wait(&c->turn, &c->lock);
	pthread_mutex_unlock(&c->lock);
	if (atomic_load(&c->halt) == 3)
		return -1;
	if (io_write_all(c->o->samples_fd, w->rows.s, w->rows.len) < 0)
		rc = err_sys(&e, ERR_IO, "cannot write the samples");
	buf_clear(&w->rows);
	pthread_mutex_lock(&c->lock);
	c->write_turn = to;
	pthread_cond_broadcast(&c->turn);
	pthread_mutex_unlock(&c->lock);
	if (rc)
		crew_fail(c, &e);
	return rc;
}

int
crew_run_chunk(struct worker *w, int64_t from, int64_t to)
{
	struct crew *c = w->crew;
	const struct sim *s = c->s;
	struct stats_block *b = stats_block_of(w->stats);
	struct err e = {0};

	for (int64_t at = from - from % VM_BLOCK; at < to; at += VM_BLOCK) {
		size_t lane0 = at < from ? (size_t)(from - at) : 0;
		size_t lane1 = to - at < VM_BLOCK ? (size_t)(to - at) : VM_BLOCK;

		vm_block(w->run, at, lane0, lane1);
		sim_column_lanes(s, w->run, b);
		if (stats_add_block(w->stats, at, lane0, lane1) < 0) {
			err_nomem(&e);
			crew_fail(c, &e);
			return -1;
		}
		if (c->o->samples_fd >= 0)
			for (size_t lane = lane0; lane < lane1; lane++)
				if (add_row(s, b, at + (int64_t)lane, lane, c->o->samples_ndjson, &w->rows) < 0) {
					err_nomem(&e);
					crew_fail(c, &e);
					return -1;
				}
	}
	atomic_fetch_add(&c->done, to - from);
	if (w->run->fast)
		atomic_fetch_add(&c->compiled, to - from);
	pthread_mutex_lock(&c->lock); /* whole chunks find their siblings in the total */
	if (stats_hand_over(c->total, w->stats) < 0)
		err_nomem(&e);
	pthread_mutex_unlock(&c->lock);
	if (e.status) {
		crew_fail(c, &e);
		return -1;
	}
	return c->o->samples_fd >= 0 ? write_rows(w, from, to) : 0;
}

/* Between chunks: the compiled program, once it is there. Without memory for it the vector machine goes on. */
static void
upgrade(struct worker *w)
{
	const struct jit *j = w->crew->jit_now ? w->crew->jit_now : jit_ready(w->crew->jit, NULL, NULL);

	if (j && !w->run->fast && (w->crew->jit_now || jit_gain(j) >= JIT_GAIN_MIN))
		jit_attach(j, w->run, NULL);
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct crew *c = w->crew;

	int64_t from, to;

	while (crew_take(c, &from, &to)) {
		upgrade(w);
		if (crew_run_chunk(w, from, to) < 0)
			break;
	}
	pthread_mutex_lock(&c->lock);
	if (stats_merge_into(c->total, w->stats, &c->err) < 0)
		atomic_store(&c->halt, 3);
	atomic_fetch_sub(&c->running, 1);
	pthread_cond_broadcast(&c->idle);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void
report(const struct crew *c, int64_t start)
{
	struct sim_progress p = {atomic_load(&c->done), c->o->last - c->o->first, seconds_since(start)};

	if (c->o->progress)
		c->o->progress(c->o->ctx, &p);
}

static void
note_jit(struct crew *c, const struct err *e)
{
	struct sim_note n = {.trial = -1};

	snprintf(n.message, sizeof n.message, "not compiled, the vector machine does the work: %s", e->msg);
	crew_note(c, &n);
}

/* What the threads have to say, from the thread that asked for the run. */
static void
pass_notes(struct crew *c)
{
	struct sim_note *v;
	size_t n;

	pthread_mutex_lock(&c->lock);
	v = c->note;
	n = c->nnotes;
	c->note = NULL;
	c->nnotes = 0;
	pthread_mutex_unlock(&c->lock);
	for (size_t k = 0; k < n && c->o->note; k++)
		c->o->note(c->o->ctx, &v[k]);
	free(v);
}

/* The compiled tier: at once, or in the background where so much is to be done that it pays. */
static void
start_jit(struct crew *c, int nthreads)
{
	double left = (double)(c->o->last - c->o->first) / VM_BLOCK * c->block_s / nthreads;
	const struct vm_program *p = c->s->prog;
	struct err e = {0};

	if (c->o->jit == JIT_ON) {
		if (!(c->jit_now = jit_new(p, 0, c->o->stop, &e)))
			note_jit(c, &e);
	} else if (c->o->jit == JIT_AUTO && !p->has_trees && left > 0.05) {
		c->jit = jit_start(p, !jit_pays(left, p->n));
	}
}

/* Twenty milliseconds, or until a thread ends. */
static void
nap(struct crew *c)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += 20000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_mutex_lock(&c->lock);
	if (atomic_load(&c->running) > 0)
		pthread_cond_timedwait(&c->idle, &c->lock, &ts);
	if (atomic_load(&c->halt) || (atomic_load(&c->next) >= c->o->last && !c->out && !c->nagain))
		c->cancel = 1;
	if (atomic_load(&c->halt))
		pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

/* Wait for the threads, reporting once a second; honours the stop flag and the deadline. */
static void
watch(struct crew *c, int64_t start)
{
	int64_t reported = start, now;

	while (atomic_load(&c->running) > 0) {
		struct err e;
		int failed;

		nap(c);
		now = clk_boot_ns();
		jit_ready(c->jit, &failed, &e);
		if (failed)
			note_jit(c, &e);
		pass_notes(c);
		if (c->o->stop && *c->o->stop && !atomic_load(&c->halt))
			atomic_store(&c->halt, 1);
		if (c->o->deadline_ns && now >= c->o->deadline_ns && !atomic_load(&c->halt))
			atomic_store(&c->halt, 2);
		if (now - reported >= 1000000000 && atomic_load(&c->running) > 0) {
			reported = now;
			report(c, start);
		}
	}
	pass_notes(c);
}

/* The pilot block, timed: it also tells how large a chunk may be. */
static int
run_pilot(struct crew *c, struct vm_run *run, struct stats *total, struct err *e)
{
	struct stats_block *b = stats_block_of(total);
	int64_t start = clk_boot_ns();

	vm_block(run, 0, 0, VM_BLOCK);
	c->block_s = seconds_since(start);
	if (c->block_s < 1e-3) { /* again, with everything in its cache */
		start = clk_boot_ns();
		vm_block(run, 0, 0, VM_BLOCK);
		c->block_s = seconds_since(start);
	}
	sim_column_lanes(c->s, run, b);
	if (stats_pilot(total, VM_BLOCK, e) < 0)
		return -1;
	c->chunk = c->o->samples_fd >= 0 ? CHUNK_ROWS : CHUNK_MAX;
	while (c->chunk > VM_BLOCK && (double)(c->chunk / VM_BLOCK) * c->block_s > CHUNK_SECONDS)
		c->chunk /= 2;
	return 0;
}

static int
write_header(const struct sim *s, const struct sim_run_options *o, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = buf_puts(&b, "trial");

	for (size_t i = 0; i < s->ntargets + s->ninputs; i++) {
		const char *p = s->col[i].name;

		rc |= buf_putc(&b, ',');
		if (!strpbrk(p, ",\"\n")) {
			rc |= buf_puts(&b, p);
			continue;
		}
		rc |= buf_putc(&b, '"');
		for (; *p; p++) {
			rc |= *p == '"' ? buf_putc(&b, '"') : 0;
			rc |= buf_putc(&b, *p);
		}
		rc |= buf_putc(&b, '"');
	}
	rc |= buf_putc(&b, '\n');
	if (rc < 0)
		err_nomem(e);
	else if (io_write_all(o->samples_fd, b.s, b.len) < 0)
		rc = err_sys(e, ERR_IO, "cannot write the samples");
	buf_free(&b);
	return rc;
}

int
sim_run(struct sim *s, const struct sim_run_options *o, struct sim_result *r, struct err *e)
{
	struct crew c = {.s = s, .o = o};
	int nthreads = o->threads < 1 ? 1 : o->threads > 1024 ? 1024 : o->threads;
	struct worker *w = calloc((size_t)nthreads, sizeof *w);
	int64_t start = clk_boot_ns();
	int rc = -1, nstarted = 0, nthreads_wanted;

	memset(r, 0, sizeof *r);
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.turn, NULL);
	pthread_cond_init(&c.idle, NULL);
	pthread_cond_init(&c.more, NULL);
	if (!w) {
		err_nomem(e);
		goto out;
	}
	c.total = stats_new((int)s->ntargets, (int)s->ninputs, s->isa, e);
	w[0].run = vm_run_new(s->prog, o->seed, e);
	for (size_t i = 0; c.total && i < s->ntargets; i++)
		c.total->col[i].whole = s->lower->ir->insn[s->lower->target[i].v.num].integer;
	if (!c.total || !w[0].run || run_pilot(&c, w[0].run, c.total, e) < 0)
		goto out;
	if (o->refine && stats_windows_set(c.total, o->refine, o->nrefine, e) < 0)
		goto out;
	if (o->samples_fd >= 0 && !o->samples_ndjson && write_header(s, o, e) < 0)
		goto out;
	atomic_store(&c.next, o->first);
	c.write_turn = o->first;
	if ((o->last - o->first) / c.chunk + 2 < nthreads) /* not more threads than chunks */
		nthreads = (int)((o->last - o->first) / c.chunk + 2);
	nthreads_wanted = nthreads;
	for (int i = 0; i < nthreads; i++) {
		w[i].crew = &c;
		if (!w[i].run && !(w[i].run = vm_run_new(s->prog, o->seed, e)))
			goto stop;
		if (!(w[i].stats = stats_like(c.total, e)))
			goto stop;
	}
	start_jit(&c, nthreads);
	atomic_store(&c.running, nthreads);
	if (crew_gpu_start(&c, e) < 0)
		goto stop;
	if (c.ngpus && o->device == SIM_GPU) { /* the device alone */
		atomic_fetch_sub(&c.running, nthreads);
		nthreads_wanted = 0;
	}
	for (; nstarted < nthreads_wanted; nstarted++)
		if (pthread_create(&w[nstarted].thread, NULL, work, &w[nstarted])) {
			err_set(&c.err, ERR_OS, "cannot start thread %d of %d", nstarted + 1, nthreads);
			atomic_store(&c.halt, 3);
			atomic_fetch_sub(&c.running, nthreads - nstarted);
			break;
		}
	watch(&c, start);
	for (int i = 0; i < nstarted; i++)
		pthread_join(w[i].thread, NULL);
	if (crew_gpu_finish(&c, r, &c.err) < 0 || c.err.status) {
		if (e)
			*e = c.err;
		goto out;
	}
	report(&c, start);
	r->first = o->first;
	r->last = atomic_load(&c.next);
	r->stopped = atomic_load(&c.halt) == 1;
	r->trials = atomic_load(&c.done);
	r->timed_out = atomic_load(&c.halt) == 2 && r->trials < o->last - o->first;
	r->compiled = atomic_load(&c.compiled);
	r->seconds = seconds_since(start);
	r->stats = c.total;
	c.total = NULL;
	rc = 0;
	goto out;
stop:
	atomic_store(&c.halt, 3);
	crew_gpu_finish(&c, r, NULL);
out:
	for (int i = 0; w && i < nthreads; i++) {
		vm_run_free(w[i].run);
		stats_free(w[i].stats);
		buf_free(&w[i].rows);
	}
	free(w);
	free(c.again);
	free(c.note);
	jit_finish(c.jit);
	jit_free(c.jit_now);
	stats_free(c.total);
	pthread_mutex_destroy(&c.lock);
	pthread_cond_destroy(&c.turn);
	pthread_cond_destroy(&c.idle);
	pthread_cond_destroy(&c.more);
	return rc;
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
