/*
 * sim-remote: jobs on other machines. On the other side it is the keeper (--keep) and does what it is asked (there.h).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "remote/keep.h"
#include "remote/there.h"

static const char usage[] =
    "usage: sim-remote --keep FOLDER\n"
    "\n"
    "Jobs on other machines: run by sim-run --on, and by schedulers on the other side.\n"
    "\n"
    "      --keep FOLDER      look after the attempt in FOLDER, if nobody does: start its stage, enforce\n"
    "                         its limits, write its result\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

/* What a scheduler starts. */
static int
keep(const char *folder)
{
	struct err e = {0};
	char said[16];
	int status = remote_keep(folder, KEEP_TIED, getenv("SLURM_JOB_ID"), said, sizeof said, &e);

	if (e.status)
		cli_die(&e);
	return status;
}

/* What the near side asks for. */
static void
there(int argc, char **argv)
{
	struct err e = {0};
	int status = there_run(argc, argv, &e);

	if (status < 0)
		return;
	if (e.status)
		cli_warn("%s", e.msg);
	exit(status);
}

int
main(int argc, char **argv)
{
	enum { OPT_KEEP = 1000 };
	static const struct option longs[] = {{"keep", required_argument, 0, OPT_KEEP}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	int c;

	cli_start("sim-remote");
	there(argc - 1, argv + 1);
	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_KEEP: return keep(optarg);
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	cli_usage("an action is wanted");
}
