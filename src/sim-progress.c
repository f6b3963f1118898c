/*
 * sim-progress: what the spool's jobs do: state, measured progress, counters, errors, and why a job is not running. Reads only.
 *
 * --follow: the snapshot and the number of the last event are read in one view of the database; every event after that number
 * follows, in order. So nothing is missed and nothing comes twice, however late the reader is; and no view is held while waiting.
 */
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
#include "progress/rows.h"
#include "progress/view.h"
#include "spool/attempt.h"
#include "spool/job.h"
#include "spool/remote.h"

static const char usage[] =
    "usage: sim-progress [options] [JOB ...]\n"
    "\n"
    "Show jobs of the spool: all (a table shows the live ones and the latest), or those named by id, key or name.\n"
    "\n"
    "      --state STATE      jobs in this state\n"
    "      --name NAME        jobs of this name\n"
    "      --key KEY          the job of this key\n"
    "  -a, --all              in a table, too: every job\n"
    "      --tree             children too\n"
    "  -f, --follow           a snapshot, then every event after it; ends when the jobs named are over\n"
    "      --watch            the table, drawn again as it changes\n"
    "      --wait             wait until the jobs named are over; the status says how they ended\n"
    "      --timeout TIME     --wait and --follow no longer than this (default for --wait: the jobs' own limits)\n"
    "      --output           what the job's last attempt wrote to standard output\n"
    "      --log              what it wrote to standard error\n"
    "      --history          every event of the jobs\n"
    "      --format F         table or ndjson (default: table on a terminal)\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "Status: 0; 1 a job waited for did not complete; 66 no such job; 124 the limit in time came first.\n";

/* --- which jobs ------------------------------------------------------------------------------------------------------------------- */

static void
put_selected(struct view *v, const char *where)
{
	struct buf sql = BUF_INIT;
	struct err e = {0};
	struct db_stmt *st;
	int state = v->state ? job_state_parse(v->state) : -1, rc;

	buf_printf(&sql, "%s WHERE %s%s", job_columns(), v->tree ? "parent IS NULL AND " : "", where);
	st = db_query_text(v->sp.db, &e, sql.s, "iss", (int64_t)state, v->name, v->key);
	if (!st)
		cli_die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		struct job j;

		if (job_read(st, &j) < 0)
			abort();
		rows_job(v, &j, 0);
		job_free(&j);
	}
	db_done(st);
	buf_free(&sql);
	if (rc < 0)
		cli_die(&e);
}

static void
snapshot(struct view *v)
{
	static const char filter[] = "(?1<0 OR state=?1) AND (?2 IS NULL OR name=?2) AND (?3 IS NULL OR key=?3)";
	char where[400];
	struct err e = {0};
	int64_t n = 0;

	if (v->nids) {
		v->detail = 1;
		if (v->table)
				rows_columns(v);
		for (size_t i = 0; i < v->nids; i++) {
			struct job j;

			if (job_load(&v->sp, v->id[i], &j, &e) <= 0)
				cli_die(&e);
			rows_job(v, &j, 0);
			job_free(&j);
		}
		return;
	}
	if (db_get_int(v->sp.db, &e, &n, "SELECT count(*) FROM (SELECT 1 FROM job WHERE parent IS NULL LIMIT 501)", "") < 0)
		cli_die(&e);
	v->detail = n <= 500; /* reasons and places in the queue are looked up one by one */
	if (v->table)
		rows_head(v);
	if (!v->table || v->all || v->state || v->name || v->key) {
		snprintf(where, sizeof where, "%s AND (parent IS NULL OR ?2 IS NOT NULL OR ?3 IS NOT NULL) ORDER BY id", filter);
		put_selected(v, where);
		return;
	}
	v->detail = 1;
	/* each part by the index on (state, parent), whose entries are in the order of ids: no part reads more than it shows */
	put_selected(v, "parent IS NULL AND state IN(2,3,4) AND ?1<9 AND ?2 IS NULL AND ?3 IS NULL ORDER BY id");
	put_selected(v, "id IN (SELECT id FROM (SELECT id FROM job INDEXED BY job_state WHERE state=0 AND parent IS NULL ORDER BY id LIMIT 20) "
	             "UNION ALL SELECT id FROM (SELECT id FROM job INDEXED BY job_state WHERE state=1 AND parent IS NULL ORDER BY id LIMIT 20)) "
	             "AND ?1<9 AND ?2 IS NULL AND ?3 IS NULL ORDER BY id LIMIT 20");
	put_selected(v, "id IN (SELECT id FROM (SELECT id FROM (SELECT id FROM job INDEXED BY job_state WHERE state=5 AND parent IS NULL ORDER BY id "
	             "DESC LIMIT 20) UNION ALL SELECT id FROM (SELECT id FROM job INDEXED BY job_state WHERE state=6 AND parent IS NULL ORDER BY "
	             "id DESC LIMIT 20) UNION ALL SELECT id FROM (SELECT id FROM job INDEXED BY job_state WHERE state=7 AND parent IS NULL "
	             "ORDER BY id DESC LIMIT 20)) ORDER BY id DESC LIMIT 20) AND ?1<9 AND ?2 IS NULL AND ?3 IS NULL ORDER BY id");
}

static void
flush(struct view *v)
{
	cli_out(v->out.s ? v->out.s : "", v->out.len);
	buf_clear(&v->out);
}

/* One consistent view; over before anything is written. Returns the number of the last event in it. */
static int64_t
show(struct view *v)
{
	struct err e = {0};
	int64_t seq = 0;

	if (db_begin_read(v->sp.db, &e) < 0 || db_get_int(v->sp.db, &e, &seq, "SELECT max(seq) FROM event", "") < 0)
		cli_die(&e);
	snapshot(v);
	db_rollback(v->sp.db);
	return seq;
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------------ */

/* 1 all named are over; *bad: one did not complete. */
static int
all_over(struct view *v, int *bad)
{
	struct err e = {0};
	int64_t state;

	*bad = 0;
	for (size_t i = 0; i < v->nids; i++) {
		if (db_get_int(v->sp.db, &e, &state, "SELECT state FROM job WHERE id=?", "i", v->id[i]) <= 0)
			cli_die(&e);
		if (!job_is_over(state))
			return 0;
		*bad |= state != JOB_COMPLETED;
	}
	return v->nids > 0;
}

static int
out_of_time(const struct view *v)
{
	return v->end && clk_boot_ns() >= v->end;
}

/* Until something changes, half a second, or the limit. */
static void
wait_change(struct view *v, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left = v->end ? (v->end - clk_boot_ns()) / 1000000 + 1 : 500;

	poll(&p, 1, left < 0 ? 0 : left < 500 ? (int)left : 500);
	spool_watched(fd);
}

/* The longest the jobs' own limits let them live: no wait is without an end. */
static void
default_end(struct view *v)
{
	int64_t most = 0;
	struct err e = {0};

	for (size_t i = 0; i < v->nids; i++) {
		struct job j;
		int64_t x;

		if (job_load(&v->sp, v->id[i], &j, &e) <= 0)
			cli_die(&e);
		x = (j.started_at ? 0 : j.ttl_ns ? j.ttl_ns : JOB_QUEUE_DEFAULT_NS) + (j.timeout_ns ? j.timeout_ns : JOB_TIMEOUT_DEFAULT_NS) + j.grace_ns;
		if (j.deadline_at && j.deadline_at - spool_now(&v->sp) + j.grace_ns < x)
			x = j.deadline_at - spool_now(&v->sp) + j.grace_ns;
		x += (int64_t)60 * 1000000000;
		most = x > most ? x : most;
		job_free(&j);
	}
	v->end = clk_boot_ns() + most;
}

static int
wait_for(struct view *v)
{
	int fd = spool_watch(&v->sp), bad;

	if (!v->end)
		default_end(v);
	while (!all_over(v, &bad)) {
		if (out_of_time(v)) {
			show(v);
			flush(v);
			return ERR_DEADLINE;
		}
		wait_change(v, fd);
	}
	show(v);
	flush(v);
	return bad ? ERR_NO : 0;
}

static int
is_wanted(struct view *v, int64_t job)
{
	struct err e = {0};

	if (!v->nids)
		return 1;
	for (int depth = 0; job && depth < 8; depth++) {
		int64_t up = 0;

		for (size_t i = 0; i < v->nids; i++)
			if (v->id[i] == job)
				return 1;
		if (db_get_int(v->sp.db, &e, &up, "SELECT parent FROM job WHERE id=?", "i", job) < 0)
			cli_die(&e);
		job = up;
	}
	return 0;
}

/* Events after *seq into the buffer, a bounded number at a time; 1 if there may be more. */
static int
more_events(struct view *v, int64_t *seq)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e, "SELECT seq,job,line FROM event WHERE seq>? ORDER BY seq LIMIT 1000", "i", *seq);
	int rc, n = 0;

	if (!st)
		cli_die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		*seq = db_int(st, 0);
		n++;
		if (is_wanted(v, db_int(st, 1)))
			buf_puts(&v->out, db_text(st, 2));
	}
	db_done(st);
	if (rc < 0)
		cli_die(&e);
	return n == 1000;
}

static int
follow(struct view *v)
{
	int fd = spool_watch(&v->sp), bad = 0, over;
	int64_t seq;

	v->table = 0;
	seq = show(v);
	flush(v);
	for (;;) {
		over = all_over(v, &bad); /* before the events are read: none of theirs is missed */
		while (more_events(v, &seq))
			flush(v);
		flush(v);
		if (over)
			return v->wait && bad ? ERR_NO : 0;
		if (out_of_time(v))
			return ERR_DEADLINE;
		wait_change(v, fd);
	}
}

static int
watch(struct view *v)
{
	int fd = spool_watch(&v->sp), bad;

	v->table = 1;
	for (;;) {
		int over = all_over(v, &bad);

		buf_puts(&v->out, isatty(1) ? "\033[H\033[J" : "");
		show(v);
		flush(v);
		if (over)
			return bad ? ERR_NO : 0;
		if (out_of_time(v))
			return ERR_DEADLINE;
		poll(NULL, 0, 200); /* no more than five a second */
		wait_change(v, fd);
	}
}

/* --- files and history -------------------------------------------------------------------------------------------------------------------- */

/* What sim-remote said in between is no output of the job. */
static void
without_remote(struct buf *b)
{
	static const char head[] = "{\"v\":1,\"type\":\"remote\",";
	size_t to = 0;

	for (size_t at = 0; at < b->len;) {
		const char *nl = memchr(b->s + at, '\n', b->len - at);
		size_t n = nl ? (size_t)(nl - b->s) + 1 - at : b->len - at;

		if (n < sizeof head || memcmp(b->s + at, head, sizeof head - 1)) {
			memmove(b->s + to, b->s + at, n);
			to += n;
		}
		at += n;
	}
	b->len = to;
}

static void
cat_file(struct view *v, int64_t id, const char *name)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	struct remote_row away;
	struct err e = {0};
	struct job j;

	if (job_load(&v->sp, id, &j, &e) <= 0)
		cli_die(&e);
	attempt_path(&v->sp, id, j.attempt, name, path, sizeof path);
	if (j.attempt && access(path, F_OK) == 0) {
		if (io_read_file(path, (size_t)1 << 40, &b, &e) < 0)
			cli_die(&e);
		if (remote_load(&v->sp, id, j.attempt, &away, &e) > 0)
			without_remote(&b);
		cli_out(b.s ? b.s : "", b.len);
	}
	buf_free(&b);
	job_free(&j);
}

static int
history(struct view *v)
{
	int64_t seq = 0;

	while (more_events(v, &seq))
		flush(v);
	flush(v);
	return 0;
}

static void
add_id(void *view, int64_t id)
{
	struct view *v = view;

	v->id = realloc(v->id, (v->nids + 1) * sizeof *v->id);
	if (!v->id)
		abort();
	v->id[v->nids++] = id;
}

int
main(int argc, char **argv)
{
	enum { OPT_STATE = 1000, OPT_NAME, OPT_KEY, OPT_TREE, OPT_WATCH, OPT_WAIT, OPT_TIMEOUT, OPT_OUTPUT, OPT_LOG, OPT_HISTORY, OPT_FORMAT,
	       OPT_SPOOL };
	static const struct option longs[] = {{"state", required_argument, 0, OPT_STATE}, {"name", required_argument, 0, OPT_NAME},
	                                      {"key", required_argument, 0, OPT_KEY}, {"all", no_argument, 0, 'a'},
	                                      {"tree", no_argument, 0, OPT_TREE}, {"follow", no_argument, 0, 'f'},
	                                      {"watch", no_argument, 0, OPT_WATCH}, {"wait", no_argument, 0, OPT_WAIT},
	                                      {"timeout", required_argument, 0, OPT_TIMEOUT}, {"output", no_argument, 0, OPT_OUTPUT},
	                                      {"log", no_argument, 0, OPT_LOG}, {"history", no_argument, 0, OPT_HISTORY},
	                                      {"format", required_argument, 0, OPT_FORMAT}, {"spool", required_argument, 0, OPT_SPOOL},
	                                      {"help", no_argument, 0, 'h'}, {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	static struct view v;
	const char *spool = NULL, *file = NULL;
	int c, past = 0, rc = 0;

	cli_start("sim-progress");
	v.table = isatty(1);
	while ((c = getopt_long(argc, argv, "afhV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_STATE:
			if (job_state_parse(optarg) < 0)
				cli_usage("--state: \"%s\" is none of pending, queued, submitting, running, paused, completed, failed, cancelled", optarg);
			v.state = optarg;
			break;
		case OPT_NAME: v.name = optarg; break;
		case OPT_KEY: v.key = optarg; break;
		case 'a': v.all = 1; break;
		case OPT_TREE: v.tree = 1; break;
		case 'f': v.follow = 1; break;
		case OPT_WATCH: v.watch = 1; break;
		case OPT_WAIT: v.wait = 1; break;
		case OPT_TIMEOUT: v.end = clk_boot_ns() + cli_duration("--timeout", optarg); break;
		case OPT_OUTPUT: file = "events.ndjson"; break;
		case OPT_LOG: file = "log"; break;
		case OPT_HISTORY: past = 1; break;
		case OPT_FORMAT: v.table = cli_format(optarg, "table ndjson") == CLI_TABLE; break;
		case OPT_SPOOL: spool = optarg; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	cli_spool_open(&v.sp, spool, SPOOL_READ, "sim-progress");
	for (int i = optind; i < argc; i++) {
		if (!strcmp(argv[i], "-"))
			cli_job_lines(add_id, &v);
		else
			add_id(&v, cli_job_operand(&v.sp, argv[i]));
	}
	if (v.key)
		add_id(&v, cli_job_operand(&v.sp, v.key));
	if ((v.wait && !v.nids) || (file && v.nids != 1))
		cli_usage(file ? "--output and --log: one job is wanted" : "--wait: a job is wanted");
	if (file)
		cat_file(&v, v.id[0], file);
	else if (past)
		rc = history(&v);
	else if (v.follow)
		rc = follow(&v);
	else if (v.watch)
		rc = watch(&v);
	else if (v.wait)
		rc = wait_for(&v);
	else {
		show(&v);
		flush(&v);
	}
	buf_free(&v.out);
	spool_close(&v.sp);
	return rc;
}
