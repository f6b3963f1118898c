/*
 * sim-recover: makes the spool say what is so, after any crash: results recorded, stages adopted, lost attempts retried or failed,
 * slots freed, leftovers removed. Safe at any time, any number of times, beside everything else.
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/orphans.h"
#include "common/spool.h"
#include "spool/recover.h"

static const char usage[] =
    "usage: sim-recover [options]\n"
    "\n"
    "Reconcile the spool with what is so after a crash; print one line per action.\n"
    "\n"
    "      --check            also verify the database, every checksum and every folder\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "      --format F         ndjson or table (default: table on a terminal)\n"
    "  -q, --quiet            problems only\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "Status 1: something could not be mended, and was named.\n";

int
main(int argc, char **argv)
{
	enum { OPT_CHECK = 1000, OPT_SPOOL, OPT_FORMAT };
	static const struct option longs[] = {{"check", no_argument, 0, OPT_CHECK}, {"spool", required_argument, 0, OPT_SPOOL},
	                                      {"format", required_argument, 0, OPT_FORMAT}, {"quiet", no_argument, 0, 'q'},
	                                      {"help", no_argument, 0, 'h'}, {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	struct cli_actions o = {.table = isatty(1)};
	const char *path = NULL;
	char relay[PATH_MAX];
	struct spool sp;
	struct err e = {0};
	int c, problems, check = 0;

	cli_start("sim-recover");
	while ((c = getopt_long(argc, argv, "qhV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_CHECK: check = 1; break;
		case OPT_SPOOL: path = optarg; break;
		case OPT_FORMAT: o.table = cli_format(optarg, "table ndjson") == CLI_TABLE; break;
		case 'q': o.quiet = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	if (optind < argc)
		cli_usage("no operand is wanted");
	cli_spool_open(&sp, path, SPOOL_WRITE, "sim-recover");
	problems = recover_pass(&sp, cli_sibling("sim-run", relay, sizeof relay), 1 + check, cli_action, &o, &e);
	if (problems < 0)
		cli_die(&e);
	cli_orphans(&sp, &o);
	spool_close(&sp);
	return problems ? ERR_NO : 0;
}
