/*
 * sim_gpu: GPUs as members of a crew. Each has a thread, which takes ranges of trials, launches them, checks some of
 * them against the CPU, and keeps the statistics to itself until the run has ended: what a device did is withdrawn whole when one
 * of its numbers turns out wrong.
 *
 * Invariants
 *  1. The device's first task is compared with the CPU's, lanes and statistics, before anything of it counts.
 *  2. A range that a device has taken is delivered, or given back to the crew, or, when the run ends at a deadline
 *     with the device hanging, left undone and not counted.
 *  3. Every failure becomes a note; the run fails where --device gpu was asked for, else the CPU goes on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clk.h"
#include "base/num.h"
#include "engine/crew.h"
#include "engine/gpu.h"

#define HANG_SECONDS 30.0       /* a launch that takes so long, being made for a fraction of a second, hangs */
#define LAST_WAIT_SECONDS 1.0   /* for a launch in flight when the run ends */
#define AUTO_SECONDS 1.0        /* of CPU work: less is done before a device is ready */
#define TEST_AUTO "SIM_TEST_GPU_AUTO" /* in the environment: any run is long enough, and the CPU begins when the devices have opened */

struct flight {
	int active;
	int64_t first, last;    /* trials */
	int64_t start_ns;
};

struct gpu_worker {
	struct worker w;        /* what this thread does itself, on the CPU */
	struct stats *stats;    /* what the device does */
	int ordinal;
	struct gpu *gpu;
	struct flight flight[GPU_SLOTS];
	struct crew_range *range; /* delivered */
	size_t nranges;
	int64_t trials;
	int64_t want;           /* tasks a launch */
	uint64_t pick;          /* which leaf is checked: a xorshift of the seed and the device */
	int wrong, lost, ended; /* ended: the run, as the CPU compared */
	int opened;             /* or failed to; under the crew's lock */
	char name[160];
};

/* --- ranges ------------------------------------------------------------------------------------------------------ */

static void
tell(struct gpu_worker *g, int is_error, const struct err *e)
{
	struct sim_note n = {.is_error = is_error, .trial = -1};

	snprintf(n.message, sizeof n.message, "%s", e->msg);
	crew_note(g->w.crew, &n);
}

static int
keep_range(struct gpu_worker *g, int64_t first, int64_t last)
{
	struct crew_range *v;

	if (g->nranges && g->range[g->nranges - 1].last == first) {
		g->range[g->nranges - 1].last = last;
		return 0;
	}
	if (!(v = realloc(g->range, (g->nranges + 1) * sizeof *v)))
		return -1;
	g->range = v;
	g->range[g->nranges++] = (struct crew_range){first, last};
	return 0;
}

/* Whole chunks from `next` on, up to `want` of them. 0: what comes next is no whole chunk, or nothing. */
static int
take_tasks(struct gpu_worker *g, struct flight *f)
{
	struct crew *c = g->w.crew;
	int_fast64_t at = atomic_load(&c->next);
	int64_t n;

	do {
		n = (c->o->last - at) / c->chunk;
		if (at >= c->o->last || at % c->chunk || !n)
			return 0;
		n = n < g->want ? n : g->want;
	} while (!atomic_compare_exchange_weak(&c->next, &at, at + n * c->chunk));
	f->first = at;
	f->last = at + n * c->chunk;
	return 1;
}

static void
hold(struct crew *c, int delta)
{
	pthread_mutex_lock(&c->lock);
	c->out += delta;
	pthread_cond_broadcast(&c->more);
	pthread_mutex_unlock(&c->lock);
}

/* --- checking ------------------------------------------------------------------------------------------------------ */

static int
differ(struct gpu_worker *g, int64_t trial, size_t root, double gpu, double cpu, struct err *e)
{
	const struct sim *s = g->w.crew->s;
	struct sim_note n = {.is_error = 1, .trial = trial, .cell = s->col[root / 2].cell};
	char x[NUM_DOUBLE_MAX], y[NUM_DOUBLE_MAX];

	num_format_double(gpu, x);
	num_format_double(cpu, y);
	err_set(e, ERR_SOFTWARE, "%s differs from the CPU: trial %lld, %s%s: %s instead of %s", g->name, (long long)trial,
	        s->col[root / 2].cell, root % 2 ? root / 2 < s->ntargets ? " (error kind)" : " (uniform)" : "", x, y);
	snprintf(n.message, sizeof n.message, "%s", e->msg);
	crew_note(g->w.crew, &n);
	return -1;
}

/* A batch that the CPU has no time left to repeat counts as not delivered. */
static int
not_compared(struct gpu_worker *g, struct err *e)
{
	g->ended = 1;
	return err_set(e, ERR_UNAVAILABLE, "the run ended before the work of %s was compared: it is not counted", g->name);
}

/* The lanes of leaf number k of the dump against the CPU's. */
static int
check_leaf(struct gpu_worker *g, const struct gpu_batch *b, int64_t k, struct err *e)
{
	struct vm_run *run = g->w.run;
	int64_t trial0 = (b->dump0 + k) * VM_BLOCK;

	if (vm_block(run, trial0, 0, VM_BLOCK) < 0)
		return not_compared(g, e);
	for (size_t r = 0; r < run->p->nroots; r++) {
		const double *x = gpu_lanes(g->gpu, b, k, r), *y = vm_root(run, r);

		for (int i = 0; x && y && i < VM_BLOCK; i++)
			if (memcmp(&x[i], &y[i], sizeof *x) && (x[i] == x[i] || y[i] == y[i]))
				return differ(g, trial0 + i, r, x[i], y[i], e);
	}
	return 0;
}

/* All that the batch says against the CPU's own statistics of the same trials. */
static int
check_whole(struct gpu_worker *g, const struct gpu_batch *b, struct err *e)
{
	const struct crew *c = g->w.crew;
	struct stats *mine = stats_like(c->total, e), *its = mine ? stats_like(c->total, e) : NULL;
	int64_t leaves = b->s.nnodes << b->s.level, leaf0 = b->s.node0 << b->s.level;
	const char *what;
	int rc = -1;

	if (!its || stats_put_batch(its, &b->s) < 0)
		goto out;
	for (int64_t k = 0; k < leaves; k++) {
		if (vm_block(g->w.run, (leaf0 + k) * VM_BLOCK, 0, VM_BLOCK) < 0) {
			not_compared(g, e);
			goto out;
		}
		sim_column_lanes(c->s, g->w.run, stats_block_of(mine));
		if (stats_add_block(mine, (leaf0 + k) * VM_BLOCK, 0, VM_BLOCK) < 0)
			goto out;
	}
	what = stats_differ(its, mine);
	if (what) {
		err_set(e, ERR_SOFTWARE, "%s differs from the CPU: %s of trials %lld to %lld", g->name, what,
		        (long long)(leaf0 * VM_BLOCK), (long long)((leaf0 + leaves) * VM_BLOCK));
		tell(g, 1, e);
		goto out;
	}
	rc = 0;
out:
	stats_free(mine);
	stats_free(its);
	return rc;
}

static int
check(struct gpu_worker *g, const struct gpu_batch *b, int whole, struct err *e)
{
	for (int64_t k = 0; k < b->ndump; k++)
		if (check_leaf(g, b, k, e) < 0)
			return -1;
	return whole ? check_whole(g, b, e) : 0;
}

/* --- launches ----------------------------------------------------------------------------------------------------- */

static int64_t
tasks_of(const struct gpu_worker *g, const struct flight *f)
{
	return (f->last - f->first) / g->w.crew->chunk;
}

static int
launch(struct gpu_worker *g, int slot, struct err *e)
{
	const struct crew *c = g->w.crew;
	struct flight *f = &g->flight[slot];
	int64_t leaf0 = f->first / VM_BLOCK, leaves = (f->last - f->first) / VM_BLOCK, dump0 = leaf0, n = 0;

	if (!g->trials || c->o->validate == SIM_VALIDATE_ALL) {
		n = leaves < gpu_dump_max(g->gpu) ? leaves : gpu_dump_max(g->gpu);
	} else if (c->o->validate == SIM_VALIDATE_SAMPLE) {
		g->pick ^= g->pick << 13;
		g->pick ^= g->pick >> 7;
		g->pick ^= g->pick << 17;
		dump0 = leaf0 + (int64_t)(g->pick % (uint64_t)leaves);
		n = 1;
	}
	f->start_ns = clk_boot_ns();
	if (gpu_launch(g->gpu, slot, f->first / c->chunk, tasks_of(g, f), dump0, n, e) < 0)
		return -1;
	f->active = 1;
	return 0;
}

static int
wait_for(struct gpu_worker *g, int slot, struct gpu_batch *b, struct err *e)
{
	const struct crew *c = g->w.crew;
	const struct timespec nap = {0, 300000};
	int64_t ended = 0;
	int rc;

	while (!(rc = gpu_poll(g->gpu, slot, b, e))) {
		int64_t now = clk_boot_ns();

		if (atomic_load(&c->halt) && !ended)
			ended = now;
		if (ended && (double)(now - ended) * 1e-9 > LAST_WAIT_SECONDS) {
			g->lost = 1;
			return err_set(e, ERR_UNAVAILABLE, "%s did not end its work in time: %lld trials are not counted", g->name,
			               (long long)(g->flight[slot].last - g->flight[slot].first));
		}
		if ((double)(now - g->flight[slot].start_ns) * 1e-9 > HANG_SECONDS) {
			g->lost = 1;
			return err_set(e, ERR_UNAVAILABLE, "%s hangs: no answer for %.0f seconds", g->name, HANG_SECONDS);
		}
		nanosleep(&nap, NULL);
	}
	return rc;
}

/* The size of the launches to come, from the time this one took: two are in flight. */
static void
adapt(struct gpu_worker *g, const struct flight *f)
{
	double took = clk_since_s(f->start_ns), per = took / (double)tasks_of(g, f);
	int64_t unit = gpu_tasks_unit(g->gpu), most = gpu_tasks_max(g->gpu), want;

	if (g->w.crew->o->validate == SIM_VALIDATE_ALL) {
		g->want = 1;
		return;
	}
	want = (int64_t)(GPU_LAUNCH_SECONDS / (per > 1e-9 ? per : 1e-9));
	if (want > 4 * g->want && want > unit)
		want = 4 * g->want > unit ? 4 * g->want : unit;
	want = want > unit ? want - want % unit : unit;
	g->want = want < 1 ? 1 : want > most ? most : want;
}

static int
deliver(struct gpu_worker *g, int slot, struct err *e)
{
	struct crew *c = g->w.crew;
	struct flight *f = &g->flight[slot];
	struct gpu_batch b;

	if (wait_for(g, slot, &b, e) < 0)
		return -1;
	if (check(g, &b, !g->trials || c->o->validate == SIM_VALIDATE_ALL, e) < 0) {
		g->wrong = !g->ended;
		return -1;
	}
	if (stats_put_batch(g->stats, &b.s) < 0 || keep_range(g, f->first, f->last) < 0)
		return err_nomem(e);
	adapt(g, f);
	g->trials += f->last - f->first;
	atomic_fetch_add(&c->done, f->last - f->first);
	f->active = 0;
	hold(c, -1);
	return 0;
}

/* Launch what there is to take in this slot. 1: launched, 0: nothing to take. */
static int
refill(struct gpu_worker *g, int slot, struct err *e)
{
	struct crew *c = g->w.crew;
	struct flight *f = &g->flight[slot];

	if (atomic_load(&c->halt))
		return 0;
	hold(c, 1); /* before it is taken, so that nobody goes home */
	if (!take_tasks(g, f)) {
		hold(c, -1);
		return 0;
	}
	if (launch(g, slot, e) < 0) {
		crew_give_back(c, f->first, f->last);
		hold(c, -1);
		return -1;
	}
	return 1;
}

/* --- the thread ------------------------------------------------------------------------------------------------------ */

static void
give_all_back(struct gpu_worker *g)
{
	struct crew *c = g->w.crew;

	for (int k = 0; k < GPU_SLOTS; k++)
		if (g->flight[k].active) {
			g->flight[k].active = 0;
			if (!(g->lost && atomic_load(&c->halt)))
				crew_give_back(c, g->flight[k].first, g->flight[k].last);
			hold(c, -1);
		}
	if (!g->wrong)
		return;
	hold(c, 1);
	for (size_t k = 0; k < g->nranges; k++)
		crew_give_back(c, g->range[k].first, g->range[k].last);
	hold(c, -1);
	atomic_fetch_sub(&c->done, g->trials);
	g->trials = 0;
	g->nranges = 0;
}

/* Two launches in flight, the older one delivered while the younger one runs; the first one goes alone. */
static int
run_device(struct gpu_worker *g, struct err *e)
{
	int64_t from, to;
	int slot = 0, got;

	for (;;) {
		if (g->flight[slot].active && deliver(g, slot, e) < 0)
			return -1;
		got = refill(g, slot, e);
		if (got < 0)
			return -1;
		if (!g->trials && got) /* nothing else before the first is known to be right */
			continue;
		slot ^= 1;
		if (got || g->flight[slot].active)
			continue;
		if (!crew_take(g->w.crew, &from, &to)) /* the ends of the range, and what others gave back */
			return 0;
		if (crew_run_chunk(&g->w, from, to) < 0)
			return 0;
	}
}

/* It never came to work: the CPU does, unless the GPU was asked for. */
static void
not_opened(struct gpu_worker *g, const struct err *e)
{
	struct crew *c = g->w.crew;
	struct err say;

	if (atomic_load(&c->halt) || c->cancel) /* nobody waits for it any more */
		return;
	if (c->o->device == SIM_GPU) {
		crew_fail(c, e);
		return;
	}
	err_set(&say, e->status, "%s is not used, the CPU does the work: %s", g->name, e->msg);
	tell(g, 0, &say);
}

static void
fail_device(struct gpu_worker *g, const struct err *e)
{
	struct crew *c = g->w.crew;
	int ended = atomic_load(&c->halt);
	struct err say;

	if (!g->wrong) /* differ() and check_whole() have told */
		tell(g, !g->ended, e);
	give_all_back(g);
	if (ended)
		return;
	if (c->o->device == SIM_GPU) {
		crew_fail(c, e);
		return;
	}
	err_set(&say, ERR_UNAVAILABLE, "the CPU does the work of %s%s", g->name, g->wrong ? ", all of it again" : "");
	tell(g, 0, &say);
}

static void
note_opened(struct gpu_worker *g)
{
	struct crew *c = g->w.crew;

	pthread_mutex_lock(&c->lock);
	g->opened = 1;
	pthread_cond_broadcast(&c->idle);
	pthread_mutex_unlock(&c->lock);
}

static void
wait_opened(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	for (int k = 0; k < c->ngpus; k++)
		while (!c->gpu[k].opened)
			pthread_cond_wait(&c->idle, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

static void *
gpu_main(void *arg)
{
	struct gpu_worker *g = arg;
	struct crew *c = g->w.crew;
	struct err e = {0};
	int level = 0;

	while ((int64_t)VM_BLOCK << level < c->chunk)
		level++;
	g->gpu = gpu_open(c->s->prog, c->total, c->o->seed, g->ordinal, level, 1 << level, &c->cancel, &e);
	if (!g->gpu)
		not_opened(g, &e);
	note_opened(g);
	if (g->gpu) {
		snprintf(g->name, sizeof g->name, "GPU %d (%s)", g->ordinal, gpu_name(g->gpu));
		if (run_device(g, &e) < 0)
			fail_device(g, &e);
		gpu_close(g->gpu, g->lost);
	}
	pthread_mutex_lock(&c->lock);
	atomic_fetch_sub(&c->running, 1);
	pthread_cond_broadcast(&c->idle);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- for sim.c -------------------------------------------------------------------------------------------------------- */

/* Which devices, if any: -1 with the reason where the GPU was asked for and cannot be had. */
static int
choose(struct crew *c, int *first, int *n, struct err *e)
{
	double seconds = (double)(c->o->last - c->o->first) / VM_BLOCK * c->block_s / (c->o->threads > 0 ? c->o->threads : 1);
	struct err why = {0};
	const char *reason = c->s->prog->has_trees ? "some of its formulas run lane by lane on the scalar evaluator"
	                     : c->o->samples_fd >= 0 ? "every trial is to be written out"
	                     : c->o->refine ? "exact percentiles are computed on the CPU" : NULL;
	int have;

	*n = 0;
	if (c->o->device == SIM_CPU || (c->o->device == SIM_AUTO && (reason || (seconds < AUTO_SECONDS && !getenv(TEST_AUTO)))))
		return 0;
	if (reason) {
		struct sim_note note = {.trial = -1};

		snprintf(note.message, sizeof note.message, "the CPU does the work: %s", reason);
		crew_note(c, &note);
		return 0;
	}
	have = gpu_count(&why);
	if (have > SIM_GPUS)
		have = SIM_GPUS;
	if (!have || c->o->ordinal >= have) {
		if (c->o->device == SIM_AUTO)
			return 0;
		return err_set(e, ERR_UNAVAILABLE, "--device gpu: %s", have ? "there is no GPU of that number" : why.msg);
	}
	*first = c->o->ordinal < 0 ? 0 : c->o->ordinal;
	*n = c->o->ordinal < 0 ? have : 1;
	return 0;
}

int
crew_gpu_start(struct crew *c, struct err *e)
{
	int first = 0, n = 0;

	if (choose(c, &first, &n, e) < 0)
		return -1;
	if (!n)
		return 0;
	c->gpu = calloc((size_t)n, sizeof *c->gpu);
	if (!c->gpu)
		return err_nomem(e);
	for (int k = 0; k < n; k++) {
		struct gpu_worker *g = &c->gpu[c->ngpus];

		*g = (struct gpu_worker){.w = {.crew = c}, .ordinal = first + k, .want = 1,
		                         .pick = c->o->seed * 0x9e3779b97f4a7c15u + (uint64_t)k + 88172645463325252u};
		snprintf(g->name, sizeof g->name, "GPU %d", g->ordinal);
		g->w.run = vm_run_new(c->s->prog, c->o->seed, e);
		g->w.stats = g->w.run ? stats_like(c->total, e) : NULL;
		g->stats = g->w.stats ? stats_like(c->total, e) : NULL;
		c->ngpus++;
		if (!g->stats)
			return -1;
		vm_run_giveup(g->w.run, &c->giveup);
		atomic_fetch_add(&c->running, 1);
		if (pthread_create(&g->w.thread, NULL, gpu_main, g)) {
			atomic_fetch_sub(&c->running, 1);
			return err_set(e, ERR_OS, "cannot start a thread for the GPU");
		}
		g->w.started = 1;
	}
	if (getenv(TEST_AUTO))
		wait_opened(c);
	return 0;
}

int
crew_gpu_finish(struct crew *c, struct sim_result *r, struct err *e)
{
	int rc = 0;

	for (int k = 0; k < c->ngpus; k++) {
		struct gpu_worker *g = &c->gpu[k];

		if (g->w.started)
			pthread_join(g->w.thread, NULL);
		if (g->trials && !g->wrong && r->nshares < SIM_GPUS) {
			snprintf(r->share[r->nshares].device, sizeof r->share->device, "%s", g->name);
			r->share[r->nshares++].trials = g->trials;
		}
		if (g->stats && !rc)
			rc = stats_merge_into(c->total, g->w.stats, e);
		if (g->stats && !rc && !g->wrong)
			rc = stats_merge_into(c->total, g->stats, e);
		vm_run_free(g->w.run);
		stats_free(g->w.stats);
		stats_free(g->stats);
		free(g->range);
	}
	free(c->gpu);
	c->gpu = NULL;
	c->ngpus = 0;
	return rc;
}
