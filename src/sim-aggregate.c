/*
 * sim-aggregate: merges partial results from any number of engines, in any order, and shows the statistics. Refuses
 * gaps, overlaps, mixed models and seeds, and streams whose engine failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "common/cli.h"
#include "common/spool.h"
#include "common/summary.h"
#include "record/record.h"
#include "spool/attempt.h"
#include "stats/partial.h"

static const char usage[] =
    "usage: sim-aggregate [options] [FILE | JOB ...]\n"
    "\n"
    "Merge partial results (lines of sim-engine or sim-run) from standard input, files, or jobs of the spool;\n"
    "one summary per job. A job that is not over is waited for.\n"
    "\n" SUMMARY_USAGE
    "      --exact            percentiles must be exact (of sim-engine --refine)\n"
    "      --allow-gaps       take what is there: missing trials, unfinished engines\n"
    "      --job JOB          a job of the spool, by id, key or name (a number that is no file is one too)\n"
    "      --timeout TIME     wait no longer than this for a job (default: its own limits)\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

/* What was said beside results: of engines run by hand, and of jobs. */
struct outcome {
	char failure[1024];  /* first error or failed end */
	int64_t started, finished;
	int degraded;        /* a job completed by --min-ok: its gaps were allowed when it was submitted */
};

static void
note(struct outcome *o, const char *message)
{
	if (!o->failure[0])
		snprintf(o->failure, sizeof o->failure, "%s", message ? message : "an engine failed");
}

/* A job's own record decides: what one of its attempts said may have been mended by the next. */
static void
take_job(const struct record *r, struct outcome *o)
{
	const char *state = record_get_str(r, "state"), *reason = record_get_str(r, "reason");
	char text[600];

	if (json_truth(json_member(r->root, "degraded")))
		o->degraded = 1;
	if (record_get_str(r, "parent") || !state || (strcmp(state, "failed") && strcmp(state, "cancelled")))
		return;
	snprintf(text, sizeof text, "job %s %s%s%s", r->job ? r->job : "", state, reason ? ": " : "", reason ? reason : "");
	note(o, text);
}

static int
take_record(const struct record *r, struct partial_set *p, struct outcome *o, const char *where, struct err *e)
{
	const char *how;

	if (!strcmp(r->type, "partial")) {
		struct record mine = *r;
		const char *parent = record_get_str(r, "parent");

		if (parent) /* a chunk's belong to the whole */
			mine.job = parent;
		return partial_add(p, &mine, where, e);
	}
	if (!strcmp(r->type, "job"))
		take_job(r, o);
	if (r->job)
		return 0;
	if (!strcmp(r->type, "started")) {
		o->started++;
	} else if (!strcmp(r->type, "error") && !record_get_bool(r, "continues")) {
		note(o, record_get_str(r, "message"));
	} else if (!strcmp(r->type, "finished")) {
		o->finished++;
		how = record_get_str(r, "outcome");
		if (!how || strcmp(how, "completed"))
			note(o, record_get_str(r, "reason"));
	}
	return 0;
}

static int
read_lines(int fd, const char *name, const char *job, struct partial_set *p, struct outcome *o, struct err *e)
{
	struct io_lines in;
	struct record r;
	char *line, where[600];
	size_t n;
	long plain = 0, records = 0;
	int rc;

	io_lines_init(&in, fd, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &n, e)) > 0) {
		if (!n)
			continue;
		snprintf(where, sizeof where, "%s, line %ld", name, in.lineno);
		if (line[0] != '{') { /* a plain line of a stage */
			plain = plain ? plain : in.lineno;
			continue;
		}
		records++;
		if (record_parse(line, n, &r, e) < 0) {
			rc = err_prefix(e, "%s", where);
			break;
		}
		if (job)
			r.job = job;
		rc = take_record(&r, p, o, where, e);
		record_free(&r);
		if (rc < 0)
			break;
	}
	if (!rc && plain && !records) /* nor is there anything else */
		rc = err_set(e, ERR_DATA, "%s, line %ld: not a record", name, plain);
	if (rc < 0 && !strstr(e->msg, name))
		err_prefix(e, "%s", name);
	io_lines_free(&in);
	return rc;
}

static void
check_exact(const struct summary_options *so, const struct stats *s, const struct partial_head *h)
{
	struct err e;
	double percentile;
	int target;

	if (summary_exact(so, s, &target, &percentile))
		return;
	err_set(&e, ERR_NO, "target %s, percentile %g is not exact: give the summary of these options to sim-engine --refine, and its lines to "
	        "sim-aggregate --exact", h->col[target].name, percentile);
	cli_die(&e);
}

/* --- jobs of the spool -------------------------------------------------------------------------------------------- */

struct job_input {
	struct spool sp;
	const char *path;
	int open;
	int64_t end;         /* CLOCK_BOOTTIME at which waiting ends; 0: by the job's own limits */
};

/* Every state ends within the job's own limits, which others enforce; this only waits for it to be written. */
static void
wait_for(struct job_input *in, int64_t id, struct job *j)
{
	struct err e = {0};
	int fd = spool_watch(&in->sp);

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (job_load(&in->sp, id, j, &e) <= 0)
			cli_die(&e);
		if (job_is_over(j->state))
			break;
		if (in->end && clk_boot_ns() >= in->end) {
			err_set(&e, ERR_DEADLINE, "job %lld is still %s when the limit in time is reached", (long long)id,
			        job_state_name((enum job_state)j->state));
			cli_die(&e);
		}
		job_free(j);
		poll(&p, 1, 500);
		spool_watched(fd);
	}
	if (fd >= 0)
		close(fd);
}

static void
read_one_job(struct job_input *in, const struct job *j, int64_t whole, struct partial_set *p, struct outcome *o)
{
	char path[PATH_MAX], id[24];
	struct err e = {0};
	int fd;

	if (j->state != JOB_COMPLETED)
		return;
	attempt_path(&in->sp, j->id, j->attempt, "events.ndjson", path, sizeof path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(&e, ERR_NOINPUT, "job %lld: cannot open %s", (long long)j->id, path);
		cli_die(&e);
	}
	snprintf(id, sizeof id, "%lld", (long long)whole);
	if (read_lines(fd, path, id, p, o, &e) < 0)
		cli_die(&e);
	close(fd);
}

/* Chunks are read as their parent's; the members of a batch are jobs of their own. */
static void
read_job(struct job_input *in, int64_t id, int64_t whole, struct partial_set *p, struct outcome *o)
{
	struct err e = {0};
	int64_t child, last = 0;
	struct job j;
	int rc;

	wait_for(in, id, &j);
	if (j.degraded)
		o->degraded = 1;
	if (id == whole && j.state != JOB_COMPLETED && !j.parent) {
		char text[600];

		snprintf(text, sizeof text, "job %lld %s%s%s", (long long)id, job_state_name((enum job_state)j.state), j.reason ? ": " : "",
		         j.reason ? j.reason : "");
		note(o, text);
	}
	if (j.kind != JOB_PARENT)
		read_one_job(in, &j, whole, p, o);
	while (j.kind == JOB_PARENT &&
	       (rc = db_get_int(in->sp.db, &e, &child, "SELECT min(id) FROM job WHERE parent=? AND id>?", "ii", id, last)) > 0) {
		struct job c;

		last = child;
		if (job_load(&in->sp, child, &c, &e) <= 0)
			cli_die(&e);
		read_job(in, child, c.task && strstr(c.task, "\"slice\"") ? id : child, p, o);
		job_free(&c);
	}
	job_free(&j);
}

static void
read_job_operand(struct job_input *in, const char *arg, struct partial_set *p, struct outcome *o)
{
	int64_t id;

	if (!in->open)
		cli_spool_open(&in->sp, in->path, SPOOL_READ, "sim-aggregate");
	in->open = 1;
	id = cli_job_operand(&in->sp, arg);
	read_job(in, id, id, p, o);
}

int
main(int argc, char **argv)
{
	enum { OPT_GAPS = 1000, OPT_EXACT, OPT_JOB, OPT_TIMEOUT, OPT_SPOOL };
	static const struct option longs[] = {SUMMARY_LONG_OPTIONS{"allow-gaps", no_argument, 0, OPT_GAPS},
	                                      {"exact", no_argument, 0, OPT_EXACT},
	                                      {"job", required_argument, 0, OPT_JOB},
	                                      {"timeout", required_argument, 0, OPT_TIMEOUT},
	                                      {"spool", required_argument, 0, OPT_SPOOL},
	                                      {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'},
	                                      {0, 0, 0, 0}};
	struct summary_options so;
	struct partial_set *p;
	struct outcome o = {0};
	struct err e = {0};
	const char *job;
	struct job_input in = {.path = NULL};
	const char *jobs[256];
	int c, allow = 0, exact = 0, shown = 0, njobs = 0;

	cli_start("sim-aggregate");
	summary_options_init(&so);
	while ((c = getopt_long(argc, argv, SUMMARY_SHORT_OPTIONS "hV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_GAPS: allow = 1; break;
		case OPT_EXACT: exact = 1; break;
		case OPT_JOB:
			if (njobs == 256)
				cli_usage("--job: no more than 256");
			jobs[njobs++] = optarg;
			break;
		case OPT_TIMEOUT: in.end = clk_boot_ns() + cli_duration("--timeout", optarg); break;
		case OPT_SPOOL: in.path = optarg; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		case '?': cli_usage_hint();
		default: summary_option(&so, c, optarg);
		}
	}
	p = partial_set_new();
	if (!p) {
		err_nomem(&e);
		cli_die(&e);
	}
	for (int i = 0; i < njobs; i++)
		read_job_operand(&in, jobs[i], p, &o);
	if (optind == argc && !njobs) {
		if (read_lines(0, "standard input", NULL, p, &o, &e) < 0)
			cli_die(&e);
	}
	for (int i = optind; i < argc; i++) {
		int is_stdin = !strcmp(argv[i], "-"), fd;

		if (job_id_parse(argv[i]) && access(argv[i], F_OK) < 0) {
			read_job_operand(&in, argv[i], p, &o);
			continue;
		}
		fd = is_stdin ? 0 : open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			err_sys(&e, ERR_NOINPUT, "cannot open %s", argv[i]);
			cli_die(&e);
		}
		if (read_lines(fd, is_stdin ? "standard input" : argv[i], NULL, p, &o, &e) < 0)
			cli_die(&e);
		if (!is_stdin)
			close(fd);
	}
	if (o.degraded && !allow)
		cli_warn("children are missing; the job's --min-ok allowed it");
	if (!allow && o.failure[0]) {
		err_set(&e, ERR_NO, "%s", o.failure);
		cli_die(&e);
	}
	if (!allow && o.started > o.finished) {
		err_set(&e, ERR_NO, "%lld of %lld engines never finished (--allow-gaps takes what is there)",
		        (long long)(o.started - o.finished), (long long)o.started);
		cli_die(&e);
	}
	for (size_t i = 0; partial_job(p, i, &job); i++) {
		const struct partial_head *h;
		struct stats *s = partial_merge(p, job, allow || o.degraded, &h, &e);

		if (!s)
			cli_die(&e);
		if (exact)
			check_exact(&so, s, h);
		summary_write(&so, s, h, shown++);
		stats_free(s);
	}
	if (!shown) {
		err_set(&e, ERR_NOINPUT, "no partial results in the input");
		cli_die(&e);
	}
	partial_set_free(p);
	if (in.open)
		spool_close(&in.sp);
	return o.failure[0] ? ERR_NO : 0;
}
