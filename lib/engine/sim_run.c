/*
 * sim_run: a run: the pilot, then the crew (crew.h) until nothing is left, a stop or the deadline.
 *
 * The pilot (trials 0..255, one block) is computed first in every run whatever its slice: it fixes the
 * centres and widths of the statistics, so they are the same in every slice.
 */
#include "engine/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/io.h"
#include "engine/crew.h"

#define CHUNK_MAX ((int64_t)65536)
#define CHUNK_ROWS ((int64_t)4096) /* with --samples: a chunk's rows are kept until their turn */
#define CHUNK_SECONDS 0.05 /* a stop or a deadline is honoured within about this … */
#define PATIENCE_NS ((int64_t)250000000) /* … or, where blocks take longer, after this, and the blocks in hand are not counted */

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

	if (w->pilot && crew_run_chunk(w, c->o->first, w->pilot) < 0)
		atomic_store(&c->halt, 3);
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
	struct sim_progress p = {atomic_load(&c->done), c->o->last - c->o->first, clk_since_s(start)};

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

/* Called from inside of a block. */
static int
left(void *ctx)
{
	return atomic_load(&((struct crew *)ctx)->leave);
}

static void
look_at_end(struct crew *c, int64_t now)
{
	int none = 0;

	if (c->o->stop && *c->o->stop)
		atomic_compare_exchange_strong(&c->halt, &none, 1);
	none = 0;
	if (c->o->deadline_ns && now >= c->o->deadline_ns)
		atomic_compare_exchange_strong(&c->halt, &none, 2);
	if (atomic_load(&c->halt) && !c->halted_ns)
		c->halted_ns = now;
	if (c->halted_ns && now - c->halted_ns > PATIENCE_NS)
		atomic_store(&c->leave, 1);
}

/* The same for the thread that would look itself. */
static int
left_alone(void *ctx)
{
	look_at_end(ctx, clk_boot_ns());
	return left(ctx);
}

/* The compiled tier: at once, or in the background where so much is to be done that it pays. */
static void
start_jit(struct crew *c, int nthreads)
{
	double left = (double)(c->o->last - c->o->first) / VM_BLOCK * c->block_s / nthreads;
	const struct vm_program *p = c->s->prog;
	struct err e = {0};

	if (c->o->jit == JIT_ON) {
		struct giveup alone = {left_alone, c};

		if (!(c->jit_now = jit_new(p, 0, &alone, &e)) && !atomic_load(&c->halt))
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
		look_at_end(c, now);
		if (now - reported >= 1000000000 && atomic_load(&c->running) > 0) {
			reported = now;
			report(c, start);
		}
	}
	pass_notes(c);
}

/* The pilot block, timed: it also tells how large a chunk may be. 1: the run ended before it did. */
static int
run_pilot(struct crew *c, struct vm_run *run, struct stats *total, struct err *e)
{
	struct stats_block *b = stats_block_of(total);
	struct giveup alone = {left_alone, c};
	int64_t start = clk_boot_ns();

	vm_run_giveup(run, &alone);
	if (vm_block(run, 0, 0, VM_BLOCK) < 0)
		return 1;
	vm_run_giveup(run, NULL);
	c->block_s = clk_since_s(start);
	if (c->block_s < 1e-3) { /* again, with everything in its cache */
		start = clk_boot_ns();
		vm_block(run, 0, 0, VM_BLOCK);
		c->block_s = clk_since_s(start);
	}
	sim_column_lanes(c->s, run, b);
	if (stats_pilot(total, VM_BLOCK, e) < 0)
		return -1;
	c->chunk = c->o->samples_fd >= 0 ? CHUNK_ROWS : CHUNK_MAX;
	while (c->chunk > VM_BLOCK && (double)(c->chunk / VM_BLOCK) * c->block_s > CHUNK_SECONDS)
		c->chunk /= 2;
	return 0;
}

/* A block that takes long is not computed twice: the thread that has it counts it. */
static void
keep_pilot(struct crew *c, struct worker *w)
{
	int64_t from, to;

	if (c->chunk > VM_BLOCK || c->o->first >= VM_BLOCK || c->o->device == SIM_GPU || c->jit_now || !crew_take(c, &from, &to))
		return;
	w->pilot = to;
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

static void
tell_result(struct crew *c, struct sim_result *r, int64_t last, int64_t start)
{
	r->first = c->o->first;
	r->last = last;
	r->stopped = atomic_load(&c->halt) == 1;
	r->trials = atomic_load(&c->done);
	r->timed_out = atomic_load(&c->halt) == 2 && r->trials < c->o->last - c->o->first;
	r->compiled = atomic_load(&c->compiled);
	r->seconds = clk_since_s(start);
	r->stats = c->total;
	c->total = NULL;
}

int
sim_run(struct sim *s, const struct sim_run_options *o, struct sim_result *r, struct err *e)
{
	struct crew c = {.s = s, .o = o, .giveup = {left, &c}};
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
	if (!c.total || !w[0].run || (rc = run_pilot(&c, w[0].run, c.total, e)) < 0)
		goto out;
	if (rc == 1) {
		tell_result(&c, r, o->first, start);
		rc = 0;
		goto out;
	}
	rc = -1;
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
		vm_run_giveup(w[i].run, &c.giveup);
		if (!(w[i].stats = stats_like(c.total, e)))
			goto stop;
	}
	start_jit(&c, nthreads);
	keep_pilot(&c, &w[0]);
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
	tell_result(&c, r, atomic_load(&c.next), start);
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
