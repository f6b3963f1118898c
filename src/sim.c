/*
 * sim: the front door. `sim VERB …` runs sim-VERB; `sim WORKBOOK …` is sim-engine and sim-aggregate in one process, with a
 * progress bar and a table; `sim help [VERB]` opens the manual.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/engine.h"
#include "common/limit.h"
#include "common/summary.h"
#include "engine/sim.h"
#include "stats/partial.h"

static const char usage[] =
    "usage: sim WORKBOOK [options]     simulate and show the result\n"
    "       sim VERB ...               run sim-VERB (sim help lists them)\n"
    "\n"
    "Monte Carlo for any workbook.\n"
    "\n" ENGINE_USAGE SUMMARY_USAGE
    "      --exact            exact percentiles, by a second pass over the same trials\n"
    "  -q, --quiet            no progress on the terminal\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "Example: sim plan.xlsx -i 'Inputs!B4 ~ normal(100,15)' -t 'Summary!B12' -n 1e6\n";

static volatile sig_atomic_t stop_flag;

static void
on_stop(int sig)
{
	stop_flag = sig;
}

/* --- verbs ------------------------------------------------------------------------------------------------- */

/* Folder of this very program, so that a build tree runs its own siblings. */
static int
own_folder(char *out, size_t n)
{
	ssize_t k = readlink("/proc/self/exe", out, n - 1);
	char *slash;

	if (k < 0)
		return -1;
	out[k] = '\0';
	slash = strrchr(out, '/');
	if (!slash)
		return -1;
	*slash = '\0';
	return 0;
}

static int
is_verb(const char *s)
{
	if (!*s || !strcmp(s, "help"))
		return 0;
	for (; *s; s++)
		if (*s < 'a' || *s > 'z')
			return 0;
	return 1;
}

static void __attribute__((noreturn))
run_verb(char **argv)
{
	char folder[PATH_MAX], path[PATH_MAX + 64], name[64];
	struct err e;

	snprintf(name, sizeof name, "sim-%.50s", argv[0]);
	argv[0] = name;
	if (own_folder(folder, sizeof folder) == 0) {
		snprintf(path, sizeof path, "%s/%s", folder, name);
		execv(path, argv);
	}
	execvp(name, argv);
	if (errno == ENOENT)
		cli_usage("\"%s\" is neither a verb nor a file; sim help lists the verbs", name + 4);
	err_sys(&e, ERR_OS, "cannot run %s", name);
	cli_die(&e);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By man(1), which also says whether there is such a page; returns where there is none. */
static void
show_page(const char *page)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		execlp("man", "man", "-w", page, (char *)NULL);
		_exit(127);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		execlp("man", "man", page, (char *)NULL);
}

static int
help(char **argv)
{
	char folder[PATH_MAX], page[64];
	char *found[64];
	size_t n = 0;
	struct dirent *d;
	DIR *dir;

	if (argv[0]) {
		if (!is_verb(argv[0]))
			cli_usage("help: \"%s\" is no verb", argv[0]);
		snprintf(page, sizeof page, "sim-%.50s", argv[0]);
		show_page(page);
		argv[1] = (char *)(uintptr_t)"--help"; /* no manual here, or nobody to show it */
		argv[2] = NULL;
		run_verb(argv);
	}
	fputs(usage, stdout);
	fputs("\nVerbs (sim help VERB opens its manual):\n", stdout);
	if (own_folder(folder, sizeof folder) < 0 || !(dir = opendir(folder)))
		return 0;
	while ((d = readdir(dir)) && n < 64)
		if (!strncmp(d->d_name, "sim-", 4) && is_verb(d->d_name + 4))
			found[n++] = strdup(d->d_name + 4);
	closedir(dir);
	qsort(found, n, sizeof found[0], by_name);
	for (size_t i = 0; i < n; i++) {
		printf("  %s\n", found[i]);
		free(found[i]);
	}
	return 0;
}

/* --- a workbook -------------------------------------------------------------------------------------------------- */

static void
on_progress(void *ctx, const struct sim_progress *p)
{
	if (*(int *)ctx)
		cli_progress_bar(p->done, p->total, p->seconds, "trials");
}

/* Second pass for exact percentiles: the same trials, now with windows where the percentiles are. r holds the better
 * result after it. */
static void
refine(struct sim *s, const struct summary_options *so, struct sim_run_options ro, struct sim_result *r)
{
	struct stats_edge *edge;
	struct sim_result again;
	struct err e = {0};
	double percentile;
	int target;

	if (summary_edges(so, r->stats, &edge, &ro.nrefine) < 0) {
		err_nomem(&e);
		cli_die(&e);
	}
	ro.first = r->first;
	ro.last = r->last;
	ro.samples_fd = -1;
	ro.refine = edge;
	if (!ro.nrefine) { /* the histogram tells all exactly */
		if (stats_windows_set(r->stats, NULL, 0, &e) < 0)
			cli_die(&e);
		free(edge);
		return;
	}
	if (sim_run(s, &ro, &again, &e) < 0)
		cli_die(&e);
	free(edge);
	if (again.trials != r->trials) {
		cli_warn("the second pass was ended early: percentiles are not exact");
		r->timed_out |= again.timed_out;
		r->stopped |= again.stopped;
		stats_free(again.stats);
		return;
	}
	stats_free(r->stats);
	*r = again;
	if (!summary_exact(so, r->stats, &target, &percentile))
		cli_warn("target %s, percentile %g: more than %zu different numbers around it, it is not exact",
		         s->col[target].name, percentile, STATS_WINDOW_MAX);
}

static void
on_note(void *ctx, const struct sim_note *n)
{
	(void)ctx;
	cli_warn("%s", n->message);
}

static void
limit_is_over(void *ctx)
{
	(void)ctx;
	if (limit_can_write(2))
		cli_warn("the limit in time was reached before the first trial");
}

static int
simulate(struct engine_options *eo, const struct summary_options *so, int quiet, int exact)
{
	int bar = !quiet && isatty(2);
	struct sim_run_options ro = {.progress = on_progress, .ctx = &bar, .stop = &stop_flag, .samples_fd = -1,
	                             .jit = eo->jit, .device = eo->device, .ordinal = eo->ordinal, .validate = eo->validate,
	                             .note = quiet ? NULL : on_note};
	struct sigaction sa = {.sa_handler = on_stop};
	struct io_atomic samples = {.fd = -1};
	struct partial_head h;
	struct sim_result r;
	struct sim s;
	struct err e = {0};

	if (sim_open(&s, &eo->spec, eo->isa, &e) < 0)
		cli_die(&e);
	limit_end();
	sigaction(SIGTERM, &sa, NULL); /* not before: reading and compiling look at no flag, and have nothing to write */
	sigaction(SIGINT, &sa, NULL);
	if (s.lower->ir->ntrees && !quiet)
		cli_warn("%zu formulas have no lanes and run one trial at a time: slower, the same numbers (sim-engine names them)",
		         s.lower->ir->ntrees);
	for (size_t i = 0; i < s.nnotes; i++)
		cli_warn("%s%s%s", s.note[i].cell ? s.note[i].cell : "", s.note[i].cell ? ": " : "", s.note[i].message);
	if (!s.ninputs_found && !s.lower->ir->ntrees) /* what has no lanes may draw inside */
		cli_warn("nothing random: no input with -i, no RAND() and no Risk function leads to the target");
	ro.seed = eo->spec.seed;
	ro.first = eo->spec.first;
	ro.last = eo->spec.last;
	ro.threads = eo->threads;
	ro.samples_ndjson = eo->samples_ndjson;
	ro.deadline_ns = engine_deadline(eo);
	if (eo->samples) {
		if (io_atomic_open(&samples, eo->samples, &e) < 0)
			cli_die(&e);
		ro.samples_fd = samples.fd;
	}
	if (sim_run(&s, &ro, &r, &e) < 0) {
		io_atomic_abort(&samples);
		cli_die(&e);
	}
	if (exact && r.trials && !r.timed_out && !r.stopped)
		refine(&s, so, ro, &r);
	if (bar)
		cli_progress_done();
	if (eo->samples && io_atomic_commit(&samples, &e) < 0)
		cli_die(&e);
	if (r.trials) {
		engine_partial_head(&s, eo, NULL, 0, "sim", &h);
		summary_write(so, r.stats, &h, 0);
		partial_head_free(&h, r.stats->ncols);
	}
	if (r.timed_out || r.stopped)
		cli_warn("%s after %lld of %lld trials", r.timed_out ? "the limit in time was reached" : "stopped",
		         (long long)r.trials, (long long)(ro.last - ro.first));
	stats_free(r.stats);
	sim_close(&s);
	if (r.stopped)
		cli_reraise(stop_flag);
	return r.timed_out ? ERR_DEADLINE : 0;
}

int
main(int argc, char **argv)
{
	enum { OPT_EXACT = 400 };
	static const struct option longs[] = {ENGINE_LONG_OPTIONS SUMMARY_LONG_OPTIONS{"quiet", no_argument, 0, 'q'},
	                                      {"exact", no_argument, 0, OPT_EXACT},
	                                      {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'},
	                                      {0, 0, 0, 0}};
	struct engine_options eo;
	struct summary_options so;
	int c, quiet = 0, exact = 0, rc;

	cli_start("sim");
	if (argc > 1 && !strcmp(argv[1], "help"))
		return help((char *[]){argv[2], NULL, NULL});
	if (argc > 1 && is_verb(argv[1]) && access(argv[1], F_OK) < 0)
		run_verb(argv + 1);
	engine_options_init(&eo);
	summary_options_init(&so);
	while ((c = getopt_long(argc, argv, ENGINE_SHORT_OPTIONS SUMMARY_SHORT_OPTIONS "qhV", longs, NULL)) != -1) {
		switch (c) {
		case 'q': quiet = 1; break;
		case OPT_EXACT: exact = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		case '?': cli_usage_hint();
		default:
			if (c == 'p' || c == 'o' || c >= SUMMARY_OPT_ABOVE)
				summary_option(&so, c, optarg);
			else
				engine_option(&eo, c, optarg);
		}
	}
	limit_start(engine_deadline(&eo), limit_is_over, NULL);
	engine_read_specs(&eo);
	if (optind < argc)
		eo.spec.model = argv[optind++];
	if (optind < argc)
		cli_usage("one workbook is wanted");
	if (!eo.spec.model)
		cli_usage("a workbook is wanted");
	engine_options_finish(&eo);
	rc = simulate(&eo, &so, quiet, exact);
	engine_options_free(&eo);
	return rc;
}
