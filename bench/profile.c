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

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
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
		start = now_ns();
		vm_block(p->run, b * VM_BLOCK, 0, VM_BLOCK);
		vm += now_ns() - start;
		sim_column_lanes(p->s, p->run, stats_block_of(p->stats));
		stats_add_block(p->stats, b * VM_BLOCK, 0, VM_BLOCK);
		all += now_ns() - start;
	}
	p->total = (double)all / (double)(p->blocks * VM_BLOCK);
	p->vm = (double)vm / (double)(p->blocks * VM_BLOCK);
}

/* Share of sampling in the machine's time: a clock at each change between sampling and model. The clock's own time is
 * measured and taken off. */
static void
time_sampling(struct profile *p)
{
	const struct vm_insn *i = p->run->p->insn, *end = i + p->run->p->n;
	int64_t part[2] = {0, 0}, changes[2] = {0, 0}, clock = now_ns(), start;
	double own, share[2];

	for (int k = 0; k < 1000; k++)
		(void)now_ns();
	own = (double)(now_ns() - clock) / 1001;
	for (int64_t b = 1; b <= p->blocks; b++) {
		int cls = 0;

		p->run->trial0 = b * VM_BLOCK;
		start = now_ns();
		for (i = p->run->p->insn; i < end; i++) {
			int is = is_sampling(i->op);

			if (is != cls) {
				int64_t t = now_ns();

				part[cls] += t - start;
				changes[cls]++;
				start = t;
				cls = is;
			}
			i->fn(i, p->run);
		}
		part[cls] += now_ns() - start;
		changes[cls]++;
	}
	for (int k = 0; k < 2; k++) {
		share[k] = (double)part[k] - own * (double)changes[k];
		share[k] = share[k] > 0 ? share[k] : 0;
	}
	p->sampling = p->vm * share[1] / (share[0] + share[1]);
}

/* Each instruction repeated on the same registers. What it overwrites is put back. */
static void
time_hot(struct profile *p)
{
	double keep[VM_BLOCK];
	int64_t blocks = p->blocks < 20 ? p->blocks : 20;

	for (int64_t b = 1; b <= blocks; b++) {
		p->run->trial0 = b * VM_BLOCK;
		for (const struct vm_insn *i = p->run->p->insn; i < p->run->p->insn + p->run->p->n; i++) {
			int64_t start;
			double ns;

			i->fn(i, p->run);
			memcpy(keep, p->run->reg + i->dst, sizeof keep);
			start = now_ns();
			for (int k = 0; k < HOT_REPEATS; k++)
				i->fn(i, p->run);
			ns = (double)(now_ns() - start) / HOT_REPEATS / VM_BLOCK / (double)blocks;
			memcpy(p->run->reg + i->dst, keep, sizeof keep);
			p->op_ns[i->op] += ns;
			p->op_count[i->op] += b == 1;
			p->hot += ns;
		}
	}
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
