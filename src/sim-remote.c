/*
 * sim-remote: jobs on other machines. On the other side it is the keeper (--keep) and does what it is asked (there.h).
 */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"
#include "remote/executor.h"
#include "remote/handover.h"
#include "remote/hosts.h"
#include "remote/keep.h"
#include "remote/site.h"
#include "remote/there.h"
#include "spool/remote.h"

static const char usage[] =
    "usage: sim-remote --keep FOLDER\n"
    "       sim-remote --on WHERE --check\n"
    "\n"
    "Jobs on other machines: run by sim-run --on, and by schedulers on the other side.\n"
    "\n"
    "      --keep FOLDER      look after the attempt in FOLDER, if nobody does: start its stage, enforce\n"
    "                         its limits, write its result\n"
    "      --on WHERE         slurm[:PARTITION], ssh:HOST, pueue[:HOST][/GROUP], or a name in sim-hosts(5)\n"
    "      --check            is WHERE usable: reached, its folder writable, the programs there (sent if they\n"
    "                         are not), its scheduler answering\n"
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
	char self[PATH_MAX], version[200] = "";
	const struct executor *x;
	struct buf b = BUF_INIT;
	struct err e = {0};
	struct host h;
	struct site s = {.quit = 0};
	int rc;

	if (!on)
		cli_usage("--check wants --on WHERE");
	if (host_find(&h, on, &e) < 0 || site_open(&s, &h, "check", cli_sibling("sim-remote", self, sizeof self), 0, &e) < 0)
		cli_die(&e);
	x = executor_of(host_kind_name(h.kind));
	if (x && x->check && x->check(&s, version, sizeof version, clk_boot_ns() + (int64_t)30 * 1000000000, &e) < 0) {
		if (e.status == REMOTE_NO_COMMAND)
			e.status = ERR_UNAVAILABLE;
		cli_die(&e);
	}
	rc = record_begin(&b, "host", NULL, 0) | record_str(&b, "on", on) | record_str(&b, "kind", host_kind_name(h.kind)) |
	     record_str(&b, "host", s.name) | record_str(&b, "folder", s.base) | record_str(&b, "program", s.program) |
	     record_str(&b, "version", version) |
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

/* --- on the near side: what sim-run, sim-recover and sim-reap start --------------------------------------------------------------- */

static struct handover handed;

static void
hear(int sig)
{
	if (sig == SIGTERM)
		handed.term = 1;
	else
		handed.pause = sig == SIGTSTP;
}

/* A keeper's word may be older than this program: heard before anything unblocks it. */
static void
hear_from_the_beginning(const char *action)
{
	if (!action || (strcmp(action, "--stage") && strcmp(action, "--attach")))
		return;
	signal(SIGTERM, hear);
	signal(SIGTSTP, hear);
	signal(SIGCONT, hear);
}

static void
hear_in_turn(void)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGTSTP);
	sigaddset(&s, SIGCONT);
	sigprocmask(SIG_BLOCK, &s, NULL);
}

static int64_t
number(const char *option, const char *arg)
{
	int64_t x;

	if (num_parse_int(arg, -((int64_t)1 << 62), (int64_t)1 << 62, &x) < 0)
		cli_usage("%s: \"%s\" is no number", option, arg);
	return x;
}

static int
near(const char *action)
{
	struct handover *h = &handed;
	struct buf task = BUF_INIT;
	struct err e = {0};
	char self[PATH_MAX];
	int rc;

	h->self = cli_sibling("sim-remote", self, sizeof self);
	h->out_fd = 1;
	h->log_fd = 2;
	if (!h->on || !h->spool_id || !h->attempt)
		cli_usage("--%s wants --on, --id and --attempt", action);
	unsetenv("SIM_COOKIE"); /* what is started from here does not die with this attempt */
	if (!strcmp(action, "stage"))
		rc = io_read_file("-", (size_t)64 << 20, &task, &e) < 0 ? -1 : handover_stage(h, task.s ? task.s : "", task.len, &e);
	else if (!strcmp(action, "attach"))
		rc = handover_attach(h, &e);
	else
		rc = handover_forget(h, clk_boot_ns() + (int64_t)30 * 1000000000, &e);
	buf_free(&task);
	if (rc < 0 || (e.status && !strcmp(action, "forget")))
		cli_warn("%s", e.msg[0] ? e.msg : "it could not be told");
	if (strcmp(action, "forget"))
		return rc < 0 ? e.status ? e.status : ERR_TEMPFAIL : 0;
	return rc == REMOTE_GONE ? 0 : rc == REMOTE_FENCED ? 1 : ERR_TEMPFAIL;
}

int
main(int argc, char **argv)
{
	enum { OPT_KEEP = 1000, OPT_ON, OPT_CHECK, OPT_STAGE, OPT_ATTACH, OPT_FORGET, OPT_ID, OPT_ATTEMPT, OPT_CPUS, OPT_GPUS, OPT_PRIORITY, OPT_LIMIT };
	static const struct option longs[] = {{"keep", required_argument, 0, OPT_KEEP}, {"on", required_argument, 0, OPT_ON},
	                                      {"check", no_argument, 0, OPT_CHECK}, {"stage", no_argument, 0, OPT_STAGE},
	                                      {"attach", no_argument, 0, OPT_ATTACH}, {"forget", no_argument, 0, OPT_FORGET},
	                                      {"id", required_argument, 0, OPT_ID}, {"attempt", required_argument, 0, OPT_ATTEMPT},
	                                      {"cpus", required_argument, 0, OPT_CPUS}, {"gpus", required_argument, 0, OPT_GPUS},
	                                      {"priority", required_argument, 0, OPT_PRIORITY}, {"limit", required_argument, 0, OPT_LIMIT}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	const char *on = NULL, *action = NULL;
	int c, checking = 0;

	hear_from_the_beginning(argc > 1 ? argv[1] : NULL);
	cli_start("sim-remote");
	there(argc - 1, argv + 1);
	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_KEEP: return keep(optarg);
		case OPT_ON:
			if (on)
				cli_usage("--on: one place");
			handed.on = on = optarg;
			break;
		case OPT_STAGE: action = "stage"; break;
		case OPT_ATTACH: action = "attach"; break;
		case OPT_FORGET: action = "forget"; break;
		case OPT_ID: handed.spool_id = optarg; break;
		case OPT_ATTEMPT: handed.attempt = optarg; break;
		case OPT_CPUS: handed.cpus = number("--cpus", optarg); break;
		case OPT_GPUS: handed.gpus = number("--gpus", optarg); break;
		case OPT_PRIORITY: handed.priority = number("--priority", optarg); break;
		case OPT_LIMIT: handed.limit_ns = number("--limit", optarg); break;
		case OPT_CHECK: checking = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	if (optind < argc)
		cli_usage("\"%s\" is one word too many", argv[optind]);
	if (action) {
		hear_in_turn();
		return near(action);
	}
	if (checking)
		return check(on);
	cli_usage("an action is wanted");
}
