/*
 * sim-ctl: what an operator does to jobs: pause, resume, cancel, retry, force-start, fail, hold, release, priority, note. Each refusal says
 * why and what to do instead; each action is in the job's history with who, when and why.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "common/cli.h"
#include "common/spool.h"
#include "ctl/actions.h"
#include "record/record.h"

static const char usage[] =
    "usage: sim-ctl ACTION [options] JOB ...\n"
    "\n"
    "Actions:\n"
    "  pause                  stop a running job and all it started; its time stands still\n"
    "  resume                 go on with a paused one\n"
    "  cancel                 end it, or take it out of the queue\n"
    "  retry                  queue a failed or cancelled one again\n"
    "  force-start            put it ahead of the whole queue\n"
    "  fail                   mark it failed, ending it if it runs\n"
    "  hold, release          keep a queued one from starting; let it go\n"
    "  priority N             change its priority\n"
    "  note TEXT              write a line into its history\n"
    "\n"
    "      --reason TEXT      why, for the history (wanted by fail)\n"
    "      --from-scratch     retry: without its checkpoint, finished children too\n"
    "      --over-limit       force-start: past slot limits and places\n"
    "      --state STATE      all jobs in this state\n"
    "      --name NAME        all jobs of this name\n"
    "  -n, --dry-run          say what would be done\n"
    "      --timeout TIME     cancel and fail: wait no longer for its end (default 60s)\n"
    "      --format F         ndjson or table (default: table on a terminal)\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "JOB is an id, a key, a name, or - for job lines on standard input. Status 1: something was refused.\n";

/* --- operands ------------------------------------------------------------------------------------------------------------------ */

static void
answer(struct ctl *c, const char *action, int64_t id, int rc)
{
	struct buf b = BUF_INIT;
	struct err e = {0};
	char text[24];
	struct job j;

	if (job_load(&c->sp, id, &j, &e) <= 0)
		cli_die(&e);
	snprintf(text, sizeof text, "%lld", (long long)id);
	if (c->table) {
		buf_printf(&b, "%s  %s%s\n", text, rc ? "refused: " : "", c->answer);
		cli_plain(&b, 0);
	} else {
		record_begin(&b, "job", text, j.attempt);
		record_str(&b, "state", job_state_name((enum job_state)j.state));
		record_str(&b, "action", action);
		record_bool(&b, "done", !rc);
		record_str(&b, rc ? "refused" : "answer", c->answer);
		record_end(&b);
	}
	cli_out(b.s, b.len);
	if (rc && !c->table)
		fprintf(stderr, "sim-ctl: %s\n", c->answer);
	buf_free(&b);
	job_free(&j);
}

static void
keep_asked(struct ctl *c, int64_t id)
{
	if (!(c->nasked & (c->nasked + 1))) { /* 0, 1, 3, 7 …: room for as many again, and one */
		int64_t *v = realloc(c->asked, (2 * c->nasked + 1) * sizeof *v);
		struct err e = {0};

		if (!v) {
			err_nomem(&e);
			cli_die(&e);
		}
		c->asked = v;
	}
	c->asked[c->nasked++] = id;
}

static void
act_on(void *ctl, int64_t id)
{
	struct ctl *c = ctl;
	struct err e = {0};
	struct job j;
	int rc;

	if (job_load(&c->sp, id, &j, &e) <= 0)
		cli_die(&e);
	c->answer[0] = '\0';
	rc = c->action->act(c, &j, &e);
	job_free(&j);
	if (rc < 0 && e.status == ERR_NO) { /* it moved on meanwhile */
		snprintf(c->answer, sizeof c->answer, "%s", e.msg);
		rc = 1;
	}
	if (rc < 0)
		cli_die(&e);
	spool_wake(&c->sp);
	if (rc == ACTION_ASKED) {
		keep_asked(c, id);
		return;
	}
	c->refused |= rc > 0;
	answer(c, c->action->name, id, rc);
}

/* All were asked before one is waited for: their graces pass at the same time. */
static void
wait_for_asked(struct ctl *c)
{
	struct err e = {0};

	c->until = clk_boot_ns() + c->timeout_ns;
	for (size_t i = 0; i < c->nasked; i++) {
		if (action_wait(c, c->asked[i], &e) < 0)
			cli_die(&e);
		answer(c, c->action->name, c->asked[i], 0);
	}
	free(c->asked);
}

static void
act_on_all(struct ctl *c, const char *state, const char *name)
{
	int s = state ? job_state_parse(state) : -1;
	int64_t *ids;
	struct err e = {0};
	size_t n;

	if (state && s < 0)
		cli_usage("--state: \"%s\" is none of pending, queued, submitting, running, paused, completed, failed, cancelled", state);
	ids = action_ids(db_query(c->sp.db, &e, "SELECT id FROM job WHERE parent IS NULL AND (?1<0 OR state=?1) AND (?2 IS NULL OR name=?2) ORDER BY id",
	                        "is", (int64_t)s, name), &n, &e);
	if (!ids)
		cli_die(&e);
	for (size_t i = 0; i < n; i++)
		act_on(c, ids[i]);
	free(ids);
}

int
main(int argc, char **argv)
{
	enum { OPT_REASON = 1000, OPT_SCRATCH, OPT_OVER, OPT_STATE, OPT_NAME, OPT_TIMEOUT, OPT_FORMAT, OPT_SPOOL };
	static const struct option longs[] = {{"reason", required_argument, 0, OPT_REASON}, {"from-scratch", no_argument, 0, OPT_SCRATCH},
	                                      {"over-limit", no_argument, 0, OPT_OVER}, {"state", required_argument, 0, OPT_STATE},
	                                      {"name", required_argument, 0, OPT_NAME}, {"dry-run", no_argument, 0, 'n'},
	                                      {"timeout", required_argument, 0, OPT_TIMEOUT}, {"format", required_argument, 0, OPT_FORMAT},
	                                      {"spool", required_argument, 0, OPT_SPOOL}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	struct ctl ctl = {.table = isatty(1), .timeout_ns = (int64_t)60 * 1000000000};
	const char *spool = NULL, *state = NULL, *name = NULL;
	int c, at;

	cli_start("sim-ctl");
	while ((c = getopt_long(argc, argv, "nhV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_REASON: ctl.reason = optarg; break;
		case OPT_SCRATCH: ctl.from_scratch = 1; break;
		case OPT_OVER: ctl.over_limit = 1; break;
		case OPT_STATE: state = optarg; break;
		case OPT_NAME: name = optarg; break;
		case 'n': ctl.dry_run = 1; break;
		case OPT_TIMEOUT: ctl.timeout_ns = cli_duration("--timeout", optarg); break;
		case OPT_FORMAT: ctl.table = cli_format(optarg, "table ndjson") == CLI_TABLE; break;
		case OPT_SPOOL: spool = optarg; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	if (optind == argc)
		cli_usage("an action is wanted");
	ctl.action = action_find(argv[optind]);
	if (!ctl.action)
		cli_usage("\"%s\" is no action", argv[optind]);
	at = optind + 1;
	if (ctl.action->argument && at == argc)
		cli_usage("%s: its argument is missing", argv[optind]);
	if (ctl.action->argument)
		ctl.argument = argv[at++];
	if (!strcmp(ctl.action->name, "fail") && !ctl.reason)
		cli_usage("fail: --reason is wanted");
	if (at == argc && !state && !name)
		cli_usage("%s: a job is wanted", argv[optind]);
	cli_spool_open(&ctl.sp, spool, SPOOL_WRITE, "sim-ctl");
	if (state || name)
		act_on_all(&ctl, state, name);
	for (; at < argc; at++) {
		if (!strcmp(argv[at], "-"))
			cli_job_lines(act_on, &ctl);
		else
			act_on(&ctl, cli_job_operand(&ctl.sp, argv[at]));
	}
	wait_for_asked(&ctl);
	spool_close(&ctl.sp);
	return ctl.refused ? ERR_NO : 0;
}
