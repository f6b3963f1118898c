/*
 * sim-aggregate: merges partial results from any number of engines, in any order, and shows the statistics. Refuses
 * gaps, overlaps, mixed models and seeds, and streams whose engine failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "common/cli.h"
#include "common/summary.h"
#include "record/record.h"
#include "stats/partial.h"

static const char usage[] =
    "usage: sim-aggregate [options] [FILE ...]\n"
    "\n"
    "Merge partial results (lines of sim-engine) from standard input or files; one summary per job.\n"
    "\n" SUMMARY_USAGE
    "      --exact            percentiles must be exact (of sim-engine --refine)\n"
    "      --allow-gaps       take what is there: missing trials, unfinished engines\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

/* What engines said beside their results. */
struct outcome {
	char failure[1024];  /* first error or failed end */
	int64_t started, finished;
};

static void
note(struct outcome *o, const char *message)
{
	if (!o->failure[0])
		snprintf(o->failure, sizeof o->failure, "%s", message ? message : "an engine failed");
}

static int
take_record(const struct record *r, struct partial_set *p, struct outcome *o, const char *where, struct err *e)
{
	const char *how;

	if (!strcmp(r->type, "partial"))
		return partial_add(p, r, where, e);
	if (!strcmp(r->type, "started")) {
		o->started++;
	} else if (!strcmp(r->type, "error")) {
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
read_lines(int fd, const char *name, struct partial_set *p, struct outcome *o, struct err *e)
{
	struct io_lines in;
	struct record r;
	char *line, where[600];
	size_t n;
	int rc;

	io_lines_init(&in, fd, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &n, e)) > 0) {
		if (!n)
			continue;
		snprintf(where, sizeof where, "%s, line %ld", name, in.lineno);
		if (record_parse(line, n, &r, e) < 0) {
			rc = err_prefix(e, "%s", where);
			break;
		}
		rc = take_record(&r, p, o, where, e);
		record_free(&r);
		if (rc < 0)
			break;
	}
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

int
main(int argc, char **argv)
{
	enum { OPT_GAPS = 1000, OPT_EXACT };
	static const struct option longs[] = {SUMMARY_LONG_OPTIONS{"allow-gaps", no_argument, 0, OPT_GAPS},
	                                      {"exact", no_argument, 0, OPT_EXACT},
	                                      {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'},
	                                      {0, 0, 0, 0}};
	struct summary_options so;
	struct partial_set *p = partial_set_new();
	struct outcome o = {0};
	struct err e = {0};
	const char *job;
	int c, allow = 0, exact = 0, shown = 0;

	cli_start("sim-aggregate");
	summary_options_init(&so);
	while ((c = getopt_long(argc, argv, SUMMARY_SHORT_OPTIONS "hV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_GAPS: allow = 1; break;
		case OPT_EXACT: exact = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		case '?': cli_usage_hint();
		default: summary_option(&so, c, optarg);
		}
	}
	if (!p) {
		err_nomem(&e);
		cli_die(&e);
	}
	if (optind == argc) {
		if (read_lines(0, "standard input", p, &o, &e) < 0)
			cli_die(&e);
	}
	for (int i = optind; i < argc; i++) {
		int is_stdin = !strcmp(argv[i], "-");
		int fd = is_stdin ? 0 : open(argv[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			err_sys(&e, ERR_NOINPUT, "cannot open %s", argv[i]);
			cli_die(&e);
		}
		if (read_lines(fd, is_stdin ? "standard input" : argv[i], p, &o, &e) < 0)
			cli_die(&e);
		if (!is_stdin)
			close(fd);
	}
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
		struct stats *s = partial_merge(p, job, allow, &h, &e);

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
	return o.failure[0] ? ERR_NO : 0;
}
