/*
 * sim: the front door. `sim VERB …` runs sim-VERB; `sim WORKBOOK …` is sim-engine and sim-aggregate in one process, with a
 * progress bar and a table; `sim help [VERB]` opens the manual.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/engine.h"
#include "common/summary.h"
#include "engine/sim.h"
#include "stats/render.h"

static const char usage[] =
    "usage: sim WORKBOOK [options]     simulate and show the result\n"
    "       sim VERB ...               run sim-VERB (sim help lists them)\n"
    "\n"
    "Monte Carlo for any workbook.\n"
    "\n" ENGINE_USAGE SUMMARY_USAGE
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

static int
help(char **argv)
{
	char folder[PATH_MAX], page[64];
	char *found[64];
	size_t n = 0;
	struct dirent *d;
	DIR *dir;

	if (argv[0]) {
		snprintf(page, sizeof page, "sim-%.50s", argv[0]);
		execlp("man", "man", page, (char *)NULL);
		cli_usage("no manual reader: man is not installed");
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
