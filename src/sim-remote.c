/*
 * sim-remote: jobs on other machines. On the other side it is the keeper (--keep) and does what it is asked (there.h).
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"
#include "remote/hosts.h"
#include "remote/keep.h"
#include "remote/site.h"
#include "remote/there.h"

static const char usage[] =
    "usage: sim-remote --keep FOLDER\n"
    "       sim-remote --on WHERE --check\n"
    "\n"
    "Jobs on other machines: run by sim-run --on, and by schedulers on the other side.\n"
    "\n"
    "      --keep FOLDER      look after the attempt in FOLDER, if nobody does: start its stage, enforce\n"
    "                         its limits, write its result\n"
    "      --on WHERE         slurm[:PARTITION], ssh:HOST, pueue[:HOST][/GROUP], or a name in sim-hosts(5)\n"
    "      --check            is WHERE usable: reached, its folder writable, the programs there (sent if they are not)\n"
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

/* One line: how it stands with a place where jobs may run. */
static int
check(const char *on)
{
	char self[PATH_MAX];
	struct buf b = BUF_INIT;
	struct err e = {0};
	struct host h;
	struct site s;
	int rc;

	if (!on)
		cli_usage("--check wants --on WHERE");
	if (host_find(&h, on, &e) < 0 || site_open(&s, &h, "check", cli_sibling("sim-remote", self, sizeof self), 0, &e) < 0)
		cli_die(&e);
	rc = record_begin(&b, "host", NULL, 0) | record_str(&b, "on", on) | record_str(&b, "kind", host_kind_name(h.kind)) |
	     record_str(&b, "host", s.name) | record_str(&b, "folder", s.base) | record_str(&b, "program", s.program) |
	     record_num(&b, "clock", (double)s.clock_ns / 1e9) | record_end(&b);
	if (rc == 0)
		cli_out(b.s, b.len);
	buf_free(&b);
	host_free(&h);
	return 0;
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
	enum { OPT_KEEP = 1000, OPT_ON, OPT_CHECK };
	static const struct option longs[] = {{"keep", required_argument, 0, OPT_KEEP}, {"on", required_argument, 0, OPT_ON},
	                                      {"check", no_argument, 0, OPT_CHECK}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	const char *on = NULL;
	int c, checking = 0;

	cli_start("sim-remote");
	there(argc - 1, argv + 1);
	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_KEEP: return keep(optarg);
		case OPT_ON: on = optarg; break;
		case OPT_CHECK: checking = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	if (checking)
		return check(on);
	cli_usage("an action is wanted");
}
