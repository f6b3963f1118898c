/*
 * sim-engine: the simulation stage. A workbook and a spec (or one task line on standard input) in; event lines
 * and partial results out. Knows nothing of the spool.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/engine.h"
#include "common/limit.h"
#include "engine/gen.h"
#include "engine/sim.h"
#include "record/record.h"
#include "stats/partial.h"

static const char usage[] =
    "usage: sim-engine [options] WORKBOOK | sim-engine [options] - < TASK\n"
    "\n"
    "Simulate a workbook; write event lines and partial results (NDJSON) for sim-aggregate.\n"
    "\n" ENGINE_USAGE
    "      --refine FILE      second pass over the trials of a summary in FILE: exact percentiles\n"
    "      --trial K          replay trial K, showing every cell that depends on a draw\n"
    "      --dry-run          compile and check everything, run nothing; print the task as one line\n"
    "      --emit WHAT        write the generated source, c or cuda, and end\n"
    "      --devices          list the devices that could compute, and why not\n"
    "  -q, --quiet            no progress on the terminal\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "Without WORKBOOK, or with -, one task line is read from standard input. See sim-engine(1).\n";

static volatile sig_atomic_t stop_flag;

static void
on_stop(int sig)
{
	(void)sig;
	stop_flag = 1;
}

/* --- the task line --------------------------------------------------------------------------------------- */

struct task {
	char *job;
	int64_t attempt;
};

static void
read_task(struct engine_options *o, struct task *t)
{
	struct io_lines in;
	struct err e = {0};
	char *line;
	size_t n;
	int rc;

	io_lines_init(&in, 0, RECORD_LINE_MAX);
	do
		rc = io_lines_next(&in, &line, &n, &e);
	while (rc > 0 && n == 0);
	if (rc == 0)
		err_set(&e, ERR_NOINPUT, "no task line on standard input");
	if (rc > 0) {
		struct record r;
		const char *spec;

		if (record_parse(line, n, &r, &e) < 0) {
			err_prefix(&e, "standard input, line %ld", in.lineno);
			cli_die(&e);
		}
		if (strcmp(r.type, "task")) {
			err_set(&e, ERR_DATA, "standard input, line %ld: a task record is wanted, this is \"%s\"",
			        in.lineno, r.type);
			cli_die(&e);
		}
		t->job = r.job ? strdup(r.job) : NULL;
		t->attempt = r.attempt;
		spec = record_get_str(&r, "spec");
		if (spec_parse(&o->spec, line, n, "standard input, line 1", NULL, &e) < 0 ||
		    (spec && spec_load(&o->spec, spec, &e) < 0))
			rc = -1;
		record_free(&r);
	}
	io_lines_free(&in);
	if (rc <= 0)
		cli_die(&e);
}

/* --- records ------------------------------------------------------------------------------------------------ */

#define LIMIT_REACHED "the limit in time was reached"

struct out {
	const struct task *task;
	struct buf line;
	int bar;            /* progress bar on the terminal */
	int records;        /* progress records on standard output */
	struct err err;
	char run[40];
	const char *refine; /* summary to refine, or NULL */
};

static void
put(struct out *o)
{
	if (record_emit(1, &o->line, &o->err) < 0)
		cli_die(&o->err);
}

static void
put_started(struct out *o, const struct sim *s, const struct engine_options *eo)
{
	struct buf *b = &o->line;
	char hash[40];

	record_begin(b, "started", o->task->job, o->task->attempt);
	record_str(b, "program", "sim-engine " SIM_VERSION);
	record_str(b, "model", s->wb->path);
	snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)s->hash[0], (unsigned long long)s->hash[1]);
	record_str(b, "model_hash", hash);
	record_u64(b, "seed", eo->spec.seed);
	record_int(b, "first", eo->spec.first);
	record_int(b, "last", eo->spec.last);
	record_str(b, "device", "cpu");
	record_str(b, "isa", isa_name(s->isa));
	record_int(b, "threads", eo->threads);
	record_int(b, "targets", (int64_t)s->ntargets);
	record_int(b, "inputs", (int64_t)s->ninputs_found);
	record_int(b, "formulas", (int64_t)s->lower->nformulas);
	record_int(b, "operations", (int64_t)s->prog->n);
	record_num(b, "load_s", s->load_s);
	record_num(b, "compile_s", s->compile_s);
	record_str(b, "run", o->run);
	record_end(b);
	put(o);
}

static void
put_warnings(struct out *o, const struct sim *s)
{
	char where[600];

	for (size_t i = 0; i < s->lower->ir->ntrees; i++) {
		const struct ir_tree *t = &s->lower->ir->tree[i];

		if (i == 20) {
			record_begin(&o->line, "warning", o->task->job, o->task->attempt);
			snprintf(where, sizeof where, "%zu more formulas run lane by lane", s->lower->ir->ntrees - i);
			record_str(&o->line, "message", where);
			record_end(&o->line);
			put(o);
			break;
		}
		a1_format_full(s->wb, t->sheet, t->row, t->col, where, sizeof where);
		record_begin(&o->line, "warning", o->task->job, o->task->attempt);
		record_str(&o->line, "cell", where);
		record_str(&o->line, "message", "runs lane by lane on the scalar evaluator (slower, the same numbers)");
		record_str(&o->line, "reason", t->why);
		record_end(&o->line);
		put(o);
	}
	for (size_t i = 0; i < s->nnotes; i++) {
		record_begin(&o->line, "warning", o->task->job, o->task->attempt);
		if (s->note[i].cell)
			record_str(&o->line, "cell", s->note[i].cell);
		record_str(&o->line, "message", s->note[i].message);
		record_end(&o->line);
		put(o);
	}
	if (s->ninputs < s->ninputs_found) {
		snprintf(where, sizeof where, "%zu random inputs; statistics of their own for the first %zu",
		         s->ninputs_found, s->ninputs);
		record_begin(&o->line, "warning", o->task->job, o->task->attempt);
		record_str(&o->line, "message", where);
		record_end(&o->line);
		put(o);
	}
}

static void
on_note(void *ctx, const struct sim_note *n)
{
	struct out *o = ctx;

	record_begin(&o->line, n->is_error ? "error" : "warning", o->task->job, o->task->attempt);
	record_str(&o->line, "message", n->message);
	if (n->is_error)
		record_bool(&o->line, "continues", 1);
	if (n->trial >= 0)
		record_int(&o->line, "trial", n->trial);
	if (n->cell)
		record_str(&o->line, "cell", n->cell);
	record_end(&o->line);
	put(o);
}

static void
on_progress(void *ctx, const struct sim_progress *p)
{
	struct out *o = ctx;

	if (o->bar)
		cli_progress_bar(p->done, p->total, p->seconds, "trials");
	if (!o->records)
		return;
	record_begin(&o->line, "progress", o->task->job, o->task->attempt);
	record_str(&o->line, "phase", "trials");
	record_int(&o->line, "done", p->done);
	record_int(&o->line, "total", p->total);
	record_str(&o->line, "unit", "trials");
	record_num(&o->line, "rate", p->seconds > 0 ? (double)p->done / p->seconds : 0);
	record_end(&o->line);
	put(o);
}

/* Who computed what: [{"device":…,"trials":…}, …]. */
static void
put_shares(struct buf *b, const struct sim_result *r)
{
	int64_t cpu = r->trials;

	buf_puts(b, ",\"shares\":[");
	for (int k = 0; k < r->nshares; k++) {
		buf_puts(b, "{");
		record_str(b, "device", r->share[k].device);
		record_int(b, "trials", r->share[k].trials);
		buf_puts(b, "},");
		cpu -= r->share[k].trials;
	}
	buf_puts(b, "{");
	record_str(b, "device", "cpu");
	record_int(b, "trials", cpu);
	buf_puts(b, "}]");
}

static void
put_finished(struct out *o, const char *outcome, const char *reason, int status, const struct sim_result *r)
{
	struct buf *b = &o->line;

	record_begin(b, "finished", o->task->job, o->task->attempt);
	record_str(b, "outcome", outcome);
	if (reason)
		record_str(b, "reason", reason);
	record_int(b, "status", status);
	record_int(b, "trials", r->trials);
	record_int(b, "compiled", r->compiled);
	put_shares(b, r);
	record_num(b, "seconds", r->seconds);
	record_str(b, "run", o->run);
	record_end(b);
	put(o);
}

/* A failure of the model or the run: an error record for the pipeline, one line for the person, the status. */
static void __attribute__((noreturn))
fail(struct out *o, const struct err *e)
{
	static const struct sim_result none;

	record_begin(&o->line, "error", o->task->job, o->task->attempt);
	record_str(&o->line, "message", e->msg);
	record_int(&o->line, "status", e->status);
	record_end(&o->line);
	put(o);
	put_finished(o, "failed", e->msg, e->status, &none);
	cli_die(e);
}

/* From a thread of its own, with lines of its own. */
static void
limit_is_over(void *ctx)
{
	static const struct sim_result none;
	struct out o = *(const struct out *)ctx;

	o.line = (struct buf)BUF_INIT;
	if (limit_can_write(1))
		put_finished(&o, "deadline", LIMIT_REACHED, ERR_DEADLINE, &none);
	if (limit_can_write(2))
		cli_warn("%s before the first trial", LIMIT_REACHED);
}

/* --- one trial ------------------------------------------------------------------------------------------------- */

struct replay {
	struct out *o;
	const struct sim *s;
};

static void
put_cell(void *ctx, int sheet, int32_t row, int32_t col, const struct formula *f, struct value v)
{
	struct replay *r = ctx;
	struct buf *b = &r->o->line;
	char cell[600];

	a1_format_full(r->s->wb, sheet, row, col, cell, sizeof cell);
	record_begin(b, "cell", r->o->task->job, r->o->task->attempt);
	record_str(b, "cell", cell);
	cli_record_value(b, "value", &v);
	if (f && f->text)
		record_str(b, "formula", f->text);
	record_end(b);
	put(r->o);
}

static int
replay(struct out *o, struct sim *s, const struct engine_options *eo, int64_t trial)
{
	struct replay r = {o, s};
	struct err e = {0};

	if (sim_replay(s, eo->spec.seed, trial, put_cell, &r, &e) < 0)
		fail(o, &e);
	return 0;
}

/* --- the task, checked -------------------------------------------------------------------------------------------- */

/* What sim-submit keeps: every choice made, so that whoever runs it computes the same. */
static int
put_task(struct out *o, const struct sim *s, const struct engine_options *eo)
{
	struct buf spec = BUF_INIT, files = BUF_INIT, *b = &o->line;
	char hash[40];

	buf_putc(&files, '[');
	spec_write(&spec, &eo->spec, &files);
	buf_putc(&files, ']');
	if (!spec.s || spec.len < 3)
		cli_die(&(struct err){.status = ERR_OS, .msg = "out of memory"});
	spec.s[spec.len - 1] = '\0'; /* its newline */
	record_begin(b, "task", o->task->job, o->task->attempt);
	record_str(b, "model", s->wb->path);
	snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)s->hash[0], (unsigned long long)s->hash[1]);
	record_str(b, "model_hash", hash);
	record_int(b, "operations", (int64_t)s->prog->n);
	record_raw(b, "check", spec.s);
	if (files.len > 2)
		record_raw(b, "files", files.s);
	record_end(b);
	put(o);
	buf_free(&spec);
	buf_free(&files);
	return 0;
}

static void
emit_source(struct out *o, const struct sim *s, enum gen_dialect dialect)
{
	struct gen g;
	struct err e = {0};

	if (gen_source(&g, s->prog->ir, s->prog->root, s->prog->nroots, dialect, &e) < 0)
		fail(o, &e);
	if (io_write_all(1, g.src, g.nbytes) < 0) {
		err_sys(&e, ERR_IO, "cannot write the source");
		cli_die(&e);
	}
	gen_free(&g);
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static int
run(struct out *o, struct sim *s, struct engine_options *eo)
{
	struct sim_run_options ro = {.seed = eo->spec.seed, .first = eo->spec.first, .last = eo->spec.last,
	                             .threads = eo->threads, .stop = &stop_flag, .progress = on_progress, .ctx = o,
	                             .jit = eo->jit, .device = eo->device, .ordinal = eo->ordinal, .validate = eo->validate,
	                             .note = on_note,
	                             .samples_fd = -1, .samples_ndjson = eo->samples_ndjson};
	struct io_atomic samples = {.fd = -1};
	struct stats_edge *edge = NULL;
	struct sim_result r;
	struct err e = {0};
	int status = 0;

	if (o->refine && engine_read_refine(s, eo->spec.seed, o->refine, &edge, &ro.nrefine, &e) < 0)
		fail(o, &e);
	ro.refine = edge;
	ro.deadline_ns = engine_deadline(eo);
	limit_end(); /* before there is a file that it would leave behind */
	if (eo->samples) {
		if (io_atomic_open(&samples, eo->samples, &e) < 0)
			fail(o, &e);
		ro.samples_fd = samples.fd;
	}
	if (sim_run(s, &ro, &r, &e) < 0) {
		io_atomic_abort(&samples);
		fail(o, &e);
	}
	if (o->bar)
		cli_progress_done();
	if (eo->samples && io_atomic_commit(&samples, &e) < 0)
		fail(o, &e);
	if (r.trials) {
		struct partial_head h;

		engine_partial_head(s, eo, o->task->job, o->task->attempt, o->run, &h);
		if (partial_write(1, &h, r.stats, &e) < 0)
			cli_die(&e);
		partial_head_free(&h, r.stats->ncols);
	}
	if (r.timed_out)
		status = ERR_DEADLINE;
	put_finished(o, r.timed_out ? "deadline" : r.stopped && r.trials < ro.last - ro.first ? "stopped" : "completed",
	             r.timed_out ? LIMIT_REACHED : r.stopped ? "a signal asked for it" : NULL,
	             status, &r);
	stats_free(r.stats);
	free(edge);
	return r.stopped && r.trials < ro.last - ro.first ? -1 : status;
}

int
main(int argc, char **argv)
{
	enum { OPT_TRIAL = 1000, OPT_DEVICES, OPT_EMIT, OPT_REFINE, OPT_DRY_RUN };
	static const struct option longs[] = {ENGINE_LONG_OPTIONS{"trial", required_argument, 0, OPT_TRIAL},
	                                      {"devices", no_argument, 0, OPT_DEVICES},
	                                      {"emit", required_argument, 0, OPT_EMIT},
	                                      {"dry-run", no_argument, 0, OPT_DRY_RUN},
	                                      {"refine", required_argument, 0, OPT_REFINE},
	                                      {"quiet", no_argument, 0, 'q'},
	                                      {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'},
	                                      {0, 0, 0, 0}};
	struct engine_options eo;
	struct task task = {0};
	struct out o = {.task = &task};
	struct sim s;
	struct err e = {0};
	struct sigaction sa = {.sa_handler = on_stop};
	int64_t trial = -1;
	const char *emit = NULL;
	int c, quiet = 0, dry_run = 0, rc;

	cli_start("sim-engine");
	engine_options_init(&eo);
	while ((c = getopt_long(argc, argv, ENGINE_SHORT_OPTIONS "qhV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_TRIAL:
			if (num_parse_int(optarg, 0, INT64_MAX, &trial) < 0)
				cli_usage("--trial: \"%s\" is not a whole number from 0", optarg);
			break;
		case OPT_REFINE:
			o.refine = optarg;
			break;
		case OPT_DRY_RUN:
			dry_run = 1;
			break;
		case OPT_EMIT:
			if (strcmp(optarg, "c") && strcmp(optarg, "cuda"))
				cli_usage("--emit: \"%s\" is neither c nor cuda", optarg);
			emit = optarg;
			break;
		case OPT_DEVICES:
			return engine_list_devices(1);
		case 'q':
			quiet = 1;
			break;
		case 'h':
			return cli_help(usage);
		case 'V':
			return cli_version();
		case '?':
			cli_usage_hint();
		default:
			engine_option(&eo, c, optarg);
		}
	}
	if (argc - optind > 1)
		cli_usage("one workbook is wanted, not %d", argc - optind);
	o.records = 1;
	engine_run_id(o.run);
	limit_start(engine_deadline(&eo), limit_is_over, &o);
	engine_read_specs(&eo);
	if (optind < argc && strcmp(argv[optind], "-"))
		eo.spec.model = argv[optind];
	else if (!eo.spec.model && (optind < argc || !isatty(0)))
		read_task(&eo, &task);
	engine_options_finish(&eo);
	o.bar = !quiet && isatty(2);
	if (sim_open(&s, &eo.spec, eo.isa, &e) < 0)
		fail(&o, &e);
	sigaction(SIGTERM, &sa, NULL); /* not before: reading and compiling look at no flag, and have nothing to write */
	sigaction(SIGINT, &sa, NULL);
	if (emit) {
		emit_source(&o, &s, !strcmp(emit, "cuda") ? GEN_CUDA : GEN_VECTOR);
		rc = 0;
	} else if (trial >= 0) {
		rc = replay(&o, &s, &eo, trial);
	} else if (dry_run) {
		rc = put_task(&o, &s, &eo);
	} else {
		put_started(&o, &s, &eo);
		put_warnings(&o, &s);
		rc = run(&o, &s, &eo);
	}
	sim_close(&s);
	engine_options_free(&eo);
	free(task.job);
	buf_free(&o.line);
	if (rc < 0) /* stopped by a signal, its work written: end as the signal would have */
		cli_reraise(SIGTERM);
	return rc;
}
