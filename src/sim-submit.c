/*
 * sim-submit: accepts work durably: a workbook, a command, task lines, the drop folder. A line is printed for a job only when it
 * is on the disk. The workbook is checked by sim-engine --dry-run before anything is accepted, so bad input is refused here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/engine.h"
#include "common/spool.h"
#include "record/record.h"
#include "submit/scan.h"
#include "submit/submit.h"

static const char usage[] =
    "usage: sim-submit [options] WORKBOOK|URL [engine options]\n"
    "       sim-submit [options] -- COMMAND [ARGUMENT ...]\n"
    "       sim-submit [options] - [-- COMMAND ...]     task lines on standard input\n"
    "       sim-submit [options] --scan                 take in the spool's new/ folder\n"
    "\n"
    "Accept work into the spool; print one job line for each, once it is durable.\n"
    "\n"
    "      --name NAME        a name for people\n"
    "      --key KEY          the same key is the same job, whoever submits it and however often\n"
    "      --priority N       higher runs first (default 0)\n"
    "      --slot NAME[=N]    units of a slot that it needs (repeatable): gpu, cpu=4\n"
    "      --chunks N|auto    split the trials into N children (default auto: 4 million each)\n"
    "      --batch            several targets, --spec files or scenarios: a child of one parent for each\n"
    "      --scenarios FILE   CSV: a column for each cell, a row for each scenario; implies --batch\n"
    "      --after JOB        start when this job is over (repeatable)\n"
    "      --after-ok JOB     start when this job has completed (repeatable)\n"
    "      --retries N        try again so often after a failure (default: 2 for workbooks, 0 for commands)\n"
    "      --backoff TIME     before the first retry, doubling (default 1s)\n"
    "      --retry-on LIST    any, lost, signal, stalled or exit statuses (default: all but bad input)\n"
    "      --timeout TIME     from its first start, pauses apart, all retries included (default 24h)\n"
    "      --deadline WHEN    2h from now, or a time such as 2026-11-21T18:00:00Z\n"
    "      --stall TIME       end it when it shows no progress for so long\n"
    "      --queue-ttl TIME   fail it when it is queued for so long (default 7d)\n"
    "      --grace TIME       from TERM to KILL (default 10s)\n"
    "      --min-ok N|P%      children that must complete for the parent to (default: all)\n"
    "      --env NAME[=VALUE] pass a variable on (repeatable); its value is never shown\n"
    "      --folder DIR       working folder of a command (default: this one)\n"
    "      --result FILE      the command promises to leave this file\n"
    "      --send FILE        a file or folder that the command needs where it runs elsewhere (repeatable)\n"
    "      --notify URL       post the job's record there when it is over; tried again for an hour\n"
    "      --hold             hold it until sim-ctl release\n"
    "      --settle TIME      --scan: how long a file must lie unchanged (default 2s)\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -q, --quiet            print ids only\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "Engine options: those of sim-engine(1), such as -i, -t, -n.\n";

enum {
	OPT_NAME = 2000, OPT_KEY, OPT_PRIORITY, OPT_SLOT, OPT_CHUNKS, OPT_BATCH, OPT_SCENARIOS, OPT_AFTER, OPT_AFTER_OK, OPT_RETRIES,
	OPT_BACKOFF, OPT_RETRY_ON, OPT_TIMEOUT, OPT_DEADLINE, OPT_STALL, OPT_TTL, OPT_GRACE, OPT_MIN_OK, OPT_ENV, OPT_FOLDER, OPT_RESULT,
	OPT_SEND, OPT_HOLD, OPT_NOTIFY, OPT_SETTLE, OPT_SPOOL, OPT_SCAN
};

static const struct option longs[] = {
    {"name", required_argument, 0, OPT_NAME}, {"key", required_argument, 0, OPT_KEY},
    {"priority", required_argument, 0, OPT_PRIORITY}, {"slot", required_argument, 0, OPT_SLOT},
    {"chunks", required_argument, 0, OPT_CHUNKS}, {"batch", no_argument, 0, OPT_BATCH},
    {"scenarios", required_argument, 0, OPT_SCENARIOS}, {"after", required_argument, 0, OPT_AFTER},
    {"after-ok", required_argument, 0, OPT_AFTER_OK}, {"retries", required_argument, 0, OPT_RETRIES},
    {"backoff", required_argument, 0, OPT_BACKOFF}, {"retry-on", required_argument, 0, OPT_RETRY_ON},
    {"timeout", required_argument, 0, OPT_TIMEOUT}, {"deadline", required_argument, 0, OPT_DEADLINE},
    {"stall", required_argument, 0, OPT_STALL}, {"queue-ttl", required_argument, 0, OPT_TTL},
    {"grace", required_argument, 0, OPT_GRACE}, {"min-ok", required_argument, 0, OPT_MIN_OK},
    {"env", required_argument, 0, OPT_ENV}, {"folder", required_argument, 0, OPT_FOLDER},
    {"result", required_argument, 0, OPT_RESULT}, {"send", required_argument, 0, OPT_SEND},
    {"hold", no_argument, 0, OPT_HOLD}, {"notify", required_argument, 0, OPT_NOTIFY},
    {"settle", required_argument, 0, OPT_SETTLE}, {"spool", required_argument, 0, OPT_SPOOL},
    {"scan", no_argument, 0, OPT_SCAN}, {"quiet", no_argument, 0, 'q'}, {"help", no_argument, 0, 'h'},
    {"version", no_argument, 0, 'V'},
    /* the engine's, after ours: of two with one name the first is found */
    ENGINE_LONG_OPTIONS{0, 0, 0, 0}};

/* --- options --------------------------------------------------------------------------------------------------------- */

/* "2h" from now, or a time of day of the calendar; as real time. */
static int64_t
parse_deadline(const char *arg)
{
	struct tm tm = {0}, made;
	int64_t ns;
	int used = 0;

	if (num_parse_duration(arg, &ns) == 0 && ns > 0)
		return clk_real_ns() + ns;
	if (clk_parse(arg, &ns) == 0)
		return ns;
	if (sscanf(arg, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) == 6 && !arg[used]) {
		tm.tm_year -= 1900;
		tm.tm_mon -= 1;
		tm.tm_isdst = -1;
		made = tm;
		ns = (int64_t)mktime(&made) * 1000000000;
		if (made.tm_mon == tm.tm_mon && made.tm_mday == tm.tm_mday && made.tm_hour == tm.tm_hour && made.tm_min == tm.tm_min)
			return ns; /* the local time; mktime() takes a 31 November for 1 December */
	}
	cli_usage("--deadline: \"%s\" is neither a time such as 2h nor one such as 2026-11-21T18:00:00Z", arg);
}

/* What sim-call would refuse each time: better now than when the job is over. */
static void
check_notify(const char *url)
{
	size_t scheme = !strncmp(url, "http://", 7) ? 7 : !strncmp(url, "https://", 8) ? 8 : 0;
	const char *host = url + scheme;
	size_t n = strcspn(host, "/?#");

	if (!scheme || !n || *host == ':')
		cli_usage("--notify: an http or https URL is wanted");
	if (memchr(host, '@', n))
		cli_usage("--notify: user name and password do not belong into a URL");
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			cli_usage("--notify: the URL has a blank or a control character in it");
}

static void
check_min_ok(const char *arg)
{
	double x;
	size_t n = num_scan_double(arg, &x);

	if (!n || (arg[n] && strcmp(arg + n, "%")) || x < 0 || (arg[n] && x > 100))
		cli_usage("--min-ok: \"%s\" is neither a number nor a share such as 90%%", arg);
}

static void
check_retry_on(const char *arg)
{
	char one[32];

	if (!*arg)
		cli_usage("--retry-on: a list of any, lost, signal, stalled, 1 to 255 is wanted");
	for (const char *p = arg; *p;) {
		size_t k = strcspn(p, ",");
		int64_t status;

		snprintf(one, sizeof one, "%.*s", (int)k, p);
		if (strcmp(one, "any") && strcmp(one, "lost") && strcmp(one, "signal") && strcmp(one, "stalled") &&
		    num_parse_int(one, 1, 255, &status) < 0)
			cli_usage("--retry-on: \"%s\" is none of any, lost, signal, stalled, 1 to 255", one);
		p += k + (p[k] == ',');
	}
}

static void
add_env(struct submission *s, char *arg)
{
	char *eq = strchr(arg, '=');
	const char *value = eq ? strdup(eq + 1) : getenv(arg);
	char name[200];

	snprintf(name, sizeof name, "%.*s", (int)(eq ? eq - arg : (long)strlen(arg)), arg);
	if (!*name || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") != strlen(name))
		cli_usage("--env: that is no name of a variable"); /* its text may hold a secret */
	if (!value)
		cli_usage("--env: %s is not set", name);
	if (eq)
		memset(eq + 1, '*', strlen(eq + 1)); /* out of this program's own command line, which others may see */
	submission_env(s, name, value);
}

/* 1 if it was one of ours. */
static int
own_option(struct submission *s, int c, char *arg)
{
	struct err e = {0};

	switch (c) {
	case OPT_NAME: s->name = arg; break;
	case OPT_KEY:
		if (!*arg)
			cli_usage("--key: it is empty");
		s->key = arg;
		break;
	case OPT_PRIORITY:
		if (num_parse_int(arg, -1000000, 1000000, &s->priority) < 0)
			cli_usage("--priority: \"%s\" is not a whole number", arg);
		break;
	case OPT_SLOT:
		if (!*arg)
			cli_usage("--slot: NAME or NAME=N is wanted");
		if (slots_add(&s->slots, arg, &e) < 0)
			cli_die(&e);
		break;
	case OPT_CHUNKS:
		s->chunks = 0;
		if (strcmp(arg, "auto") && num_parse_int(arg, 1, 1000000, &s->chunks) < 0)
			cli_usage("--chunks: \"%s\" is neither auto nor a number from 1", arg);
		break;
	case OPT_BATCH: s->batch = 1; break;
	case OPT_SCENARIOS: s->batch = 1; s->scenarios = arg; break;
	case OPT_AFTER: case OPT_AFTER_OK: submission_dep(s, arg, c == OPT_AFTER_OK); break;
	case OPT_RETRIES:
		if (num_parse_int(arg, 0, 1000000, &s->retries) < 0)
			cli_usage("--retries: \"%s\" is not a number", arg);
		break;
	case OPT_BACKOFF: s->backoff_ns = !strcmp(arg, "0") ? 0 : cli_duration("--backoff", arg); break;
	case OPT_RETRY_ON: check_retry_on(arg); s->retry_on = arg; break;
	case OPT_TIMEOUT: s->timeout_ns = cli_duration("--timeout", arg); break;
	case OPT_DEADLINE: s->deadline_real = parse_deadline(arg); break;
	case OPT_STALL: s->stall_ns = cli_duration("--stall", arg); break;
	case OPT_TTL: s->ttl_ns = cli_duration("--queue-ttl", arg); break;
	case OPT_GRACE: s->grace_ns = !strcmp(arg, "0") ? 0 : cli_duration("--grace", arg); break;
	case OPT_MIN_OK: check_min_ok(arg); s->min_ok = arg; break;
	case OPT_ENV: add_env(s, arg); break;
	case OPT_FOLDER: s->folder = arg; break;
	case OPT_RESULT:
		if (!*arg)
			cli_usage("--result: a file is wanted");
		s->result = arg;
		break;
	case OPT_SEND: submission_send(s, arg); break;
	case OPT_HOLD: s->hold = 1; break;
	case OPT_NOTIFY:
		check_notify(arg);
		s->notify = arg;
		break;
	default: return 0;
	}
	return 1;
}

/* An option of the engine, kept for its dry run. */
static void
engine_word(struct submission *s, int c, const char *arg)
{
	const char *name = NULL;

	for (const struct option *o = longs; o->name; o++)
		if (o->val == c)
			name = o->name;
	if (c == 'j') { /* threads of the engine are processors it holds */
		char slot[64];
		struct err e = {0};

		snprintf(slot, sizeof slot, "cpu=%s", arg);
		if (slots_add(&s->slots, slot, &e) < 0)
			cli_die(&e);
		return;
	}
	if (!strcmp(name, "samples"))
		cli_usage("--samples: a job of the spool writes no samples; use sim-engine");
	submission_engine_word(s, name, arg);
}

int
main(int argc, char **argv)
{
	static struct submission s;
	struct scan_options so = {.settle_ns = (int64_t)2 * 1000000000};
	const char *spool = NULL, *workbook = NULL;
	int c, scan = 0, lines = 0, settle_said = 0;

	cli_start("sim-submit");
	submission_init(&s);
	/* "+": a command's own options stay its own; operands before "--" are gathered in a loop */
	while (optind < argc) {
		c = getopt_long(argc, argv, "+" ENGINE_SHORT_OPTIONS "qhV", longs, NULL);
		if (c == -1) {
			if (optind > 1 && !strcmp(argv[optind - 1], "--"))
				break;
			if (optind == argc)
				break;
			if (workbook || lines)
				cli_usage("one workbook is wanted; a command follows --");
			if (!strcmp(argv[optind], "-"))
				lines = 1;
			else
				workbook = argv[optind];
			optind++;
			continue;
		}
		if (own_option(&s, c, optarg))
			continue;
		switch (c) {
		case OPT_SETTLE: settle_said = 1; so.settle_ns = !strcmp(optarg, "0") ? 0 : cli_duration("--settle", optarg); break;
		case OPT_SPOOL: spool = optarg; break;
		case OPT_SCAN: scan = 1; break;
		case 'q': s.quiet = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		case '?': cli_usage_hint();
		default: engine_word(&s, c, optarg);
		}
	}
	s.command = argv + optind;
	if (scan + lines + (workbook != NULL) > 1 || ((workbook || scan) && *s.command))
		cli_usage("a workbook, a command, - or --scan: one of them");
	if ((workbook || scan) && (s.nsend || s.result || s.folder))
		cli_usage("%s is for commands", s.nsend ? "--send" : s.result ? "--result" : "--folder");
	if (settle_said && !scan)
		cli_usage("--settle is for --scan");
	if (s.min_ok && *s.command && !lines)
		cli_usage("--min-ok is for what has children: a command has none");
	if (*s.command && !lines && !**s.command)
		cli_usage("the command is an empty text");
	if (s.key && (lines || scan))
		cli_usage("--key is for one job%s", lines ? ": a line has its own \"key\"" : "");
	if (*s.command && !lines && (s.nwords || s.chunks || s.batch || s.scenarios))
		cli_usage("%s is for workbooks", s.nwords ? s.word[0] : s.batch ? "--batch" : s.scenarios ? "--scenarios" : "--chunks");
	if (lines && s.nwords)
		cli_usage("%s does not go with task lines: a line has its own fields, sim-spec(5)", s.word[0]);
	cli_spool_open(&s.sp, spool, SPOOL_CREATE, "sim-submit");
	submission_finish(&s);
	if (scan)
		return scan_folder(&s, &so);
	if (workbook && (!strncmp(workbook, "https://", 8) || !strncmp(workbook, "http://", 7)))
		submit_url(&s, workbook);
	else if (workbook)
		submit_workbook(&s, workbook);
	else if (*s.command && !lines)
		submit_command(&s);
	else if (lines || !isatty(0))
		submit_lines(&s);
	else
		cli_usage("a workbook, a command after --, or task lines are wanted");
	spool_close(&s.sp);
	return 0;
}
