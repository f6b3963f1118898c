/*
 * profile: where the time of one simulation goes, on one core: sampling, model, statistics, in nanoseconds a trial; and by
 * operation. The programs' own code, run block by block here, because a clock inside the engine would cost what it measures.
 *
 *   profile [--ops] [-i …] [-t …] [--spec FILE] [-n N] [--isa NAME] WORKBOOK
 *
 * One line: name, formula cells, inputs, operations, ns a trial: sampling, model, statistics, all, the same per formula cell,
 * "hot". Hot is what the operations take when each is repeated on operands that are in the first-level cache: what
 * the arithmetic needs, without waiting for memory or for the loop over instructions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "common/cli.h"
#include "common/engine.h"

#define HOT_REPEATS 16
#define HOT_BLOCKS 20

static int64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Time of this thread alone: a busy machine does not count. A system call; read a few times a block. */
static int64_t
cpu_ns(void)
{
	return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Cheap; where others may have run in between, the median or the least of many is taken. */
static int64_t
wall_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
is_sampling(int op)
{
	return op == IR_UNIFORM || op == IR_SAMPLE || op == IR_INVTAB || op == IR_DISTCALL || op == IR_NORMINV;
}

struct profile {
	struct sim *s;
	struct vm_run *run;
	struct stats *stats;
	int64_t blocks;
	double total, vm, sampling, hot;    /* ns a trial */
	double op_ns[IR_NOPS];              /* hot, ns a trial */
	uint64_t op_count[IR_NOPS];
};

/* The whole thing as a run does it; and the machine alone. */
static void
time_whole(struct profile *p)
{
	int64_t start, all = 0, vm = 0;

	for (int64_t b = 1; b <= p->blocks; b++) {
		start = cpu_ns();
		vm_block(p->run, b * VM_BLOCK, 0, VM_BLOCK);
		vm += cpu_ns() - start;
		sim_column_lanes(p->s, p->run, stats_block_of(p->stats));
		stats_add_block(p->stats, b * VM_BLOCK, 0, VM_BLOCK);
		all += cpu_ns() - start;
	}
	p->total = (double)all / (double)(p->blocks * VM_BLOCK);
	p->vm = (double)vm / (double)(p->blocks * VM_BLOCK);
}

/* Share of sampling in one block: a clock at each change between sampling and model; the clock's own time is taken off. */
static double
share_of_block(struct profile *p, int64_t block, double own)
{
	const struct vm_insn *end = p->run->p->insn + p->run->p->n;
	int64_t part[2] = {0, 0}, changes[2] = {0, 0}, start;
	double share[2];
	int cls = 0;

	p->run->trial0 = block * VM_BLOCK;
	start = wall_ns();
	for (const struct vm_insn *i = p->run->p->insn; i < end; i++) {
		if (is_sampling(i->op) != cls) {
			int64_t t = wall_ns();

			part[cls] += t - start;
			changes[cls]++;
			start = t;
			cls = !cls;
		}
		i->fn(i, p->run);
	}
	part[cls] += wall_ns() - start;
	changes[cls]++;
	for (int k = 0; k < 2; k++) {
		share[k] = (double)part[k] - own * (double)changes[k];
		share[k] = share[k] > 0 ? share[k] : 0;
	}
	return share[1] / (share[0] + share[1] + 1e-9);
}

static void
time_sampling(struct profile *p)
{
	double share[501], own;
	int64_t clock = wall_ns();
	int n = p->blocks < 501 ? (int)p->blocks : 501;

	for (int k = 0; k < 1000; k++)
		(void)wall_ns();
	own = (double)(wall_ns() - clock) / 1001;
	for (int b = 0; b < n; b++)
		share[b] = share_of_block(p, b + 1, own);
	qsort(share, (size_t)n, sizeof share[0], by_value);
	p->sampling = p->vm * share[n / 2];
}

/* Each instruction repeated on the same registers, the least time of some blocks. What it overwrites is put back. */
static void
time_hot(struct profile *p)
{
	const struct vm_program *prog = p->run->p;
	double keep[VM_BLOCK], *least = malloc(prog->n * sizeof *least);
	int64_t blocks = p->blocks < HOT_BLOCKS ? p->blocks : HOT_BLOCKS;

	for (int64_t b = 1; least && b <= blocks; b++) {
		p->run->trial0 = b * VM_BLOCK;
		for (size_t k = 0; k < prog->n; k++) {
			const struct vm_insn *i = &prog->insn[k];
			int64_t start;
			double ns;

			i->fn(i, p->run);
			memcpy(keep, p->run->reg + i->dst, sizeof keep);
			start = wall_ns();
			for (int r = 0; r < HOT_REPEATS; r++)
				i->fn(i, p->run);
			ns = (double)(wall_ns() - start) / HOT_REPEATS / VM_BLOCK;
			memcpy(p->run->reg + i->dst, keep, sizeof keep);
			least[k] = b == 1 || ns < least[k] ? ns : least[k];
		}
	}
	for (size_t k = 0; least && k < prog->n; k++) {
		p->op_ns[prog->insn[k].op] += least[k];
		p->op_count[prog->insn[k].op]++;
		p->hot += least[k];
	}
	free(least);
}

static int
by_time(const void *a, const void *b, void *ctx)
{
	const double *ns = ((struct profile *)ctx)->op_ns;
	double x = ns[*(const int *)a], y = ns[*(const int *)b];

	return x < y ? 1 : x > y ? -1 : 0;
}

static void
print_ops(struct profile *p)
{
	int order[IR_NOPS];

	for (int k = 0; k < IR_NOPS; k++)
		order[k] = k;
	qsort_r(order, IR_NOPS, sizeof order[0], by_time, p);
	printf("%-10s %8s %12s %12s\n", "operation", "count", "ns a trial", "ns each");
	for (int k = 0; k < IR_NOPS && p->op_count[order[k]]; k++) {
		int op = order[k];

		printf("%-10s %8llu %12.2f %12.3f\n", ir_op_name((enum ir_op)op), (unsigned long long)p->op_count[op], p->op_ns[op],
		       p->op_ns[op] / (double)p->op_count[op]);
	}
}

static void
profile(struct profile *p, int ops)
{
	struct err e = {0};
	const struct sim *s = p->s;
	const char *name = strrchr(s->wb->path, '/');
	double cells = (double)s->lower->nformulas;

	p->run = vm_run_new(s->prog, 1, &e);
	p->stats = stats_new((int)s->ntargets, (int)s->ninputs, s->isa, &e);
	if (!p->run || !p->stats)
		cli_die(&e);
	vm_block(p->run, 0, 0, VM_BLOCK);
	sim_column_lanes(s, p->run, stats_block_of(p->stats));
	if (stats_pilot(p->stats, VM_BLOCK, &e) < 0)
		cli_die(&e);
	time_whole(p);
	time_sampling(p);
	time_hot(p);
	printf("%-18s %6zu %6zu %6zu %9.1f %9.1f %9.1f %9.1f %9.2f %9.1f\n", name ? name + 1 : s->wb->path, s->lower->nformulas,
	       s->ninputs_found, s->prog->n, p->sampling, p->vm - p->sampling, p->total - p->vm, p->total, p->total / cells, p->hot);
	if (ops)
		print_ops(p);
	vm_run_free(p->run);
	stats_free(p->stats);
}

int
main(int argc, char **argv)
{
	enum { OPT_OPS = 1000 };
	static const struct option longs[] = {ENGINE_LONG_OPTIONS{"ops", no_argument, 0, OPT_OPS}, {0, 0, 0, 0}};
	struct engine_options eo;
	struct profile p = {0};
	struct sim s;
	struct err e = {0};
	int c, ops = 0;

	cli_start("profile");
	engine_options_init(&eo);
	while ((c = getopt_long(argc, argv, ENGINE_SHORT_OPTIONS, longs, NULL)) != -1) {
		if (c == '?')
			return ERR_USAGE;
		if (c == OPT_OPS)
			ops = 1;
		else
			engine_option(&eo, c, optarg);
	}
	if (optind < argc)
		eo.spec.model = argv[optind];
	eo.spec.trials = eo.spec.trials ? eo.spec.trials : 100000;
	engine_options_finish(&eo);
	if (sim_open(&s, &eo.spec, eo.isa, &e) < 0)
		cli_die(&e);
	p.s = &s;
	p.blocks = eo.spec.trials / VM_BLOCK + 1;
	profile(&p, ops);
	sim_close(&s);
	engine_options_free(&eo);
	return 0;
}
