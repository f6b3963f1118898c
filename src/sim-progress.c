/*
 * sim-progress: what the spool's jobs do: state, measured progress, counters, errors, and why a job is not running. Reads only.
 *
 * --follow: the snapshot and the number of the last event are read in one view of the database; every event after that number
 * follows, in order. So nothing is missed and nothing comes twice, however late the reader is; and no view is held while waiting.
 */
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"
#include "spool/attempt.h"
#include "spool/claim.h"
#include "spool/launch.h"
#include "spool/notify.h"
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

struct view {
	struct spool sp;
	int table, tree, all, follow, watch, wait, detail;
	const char *state, *name, *key;
	int64_t *id;           /* named jobs */
	size_t nids;
	int64_t end;           /* CLOCK_BOOTTIME; 0: none */
	struct buf out;
};

static void
die(const struct err *e)
{
	cli_die(e);
}

/* --- one job's figures ---------------------------------------------------------------------------------------------------- */

struct figures {
	int64_t done, total, children, states[JOB_NSTATES], retries, limit_ns, elapsed_ns, idle_ns, position;
	const char *unit;
	double rate, eta_s;
	char why[300], worker[64];
	struct remote_row away;  /* where it runs, or ran: sim-run --on; on "": here */
};

/* A parent's are its children's, added up from their rows: of those done in full their whole, of the others what was measured. */
static void
child_sums(struct view *v, const struct job *j, struct figures *f)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e,
	    "WITH RECURSIVE t(id) AS (SELECT id FROM job WHERE parent=?1 UNION ALL SELECT job.id FROM job JOIN t ON job.parent=t.id) "
	    "SELECT state,count(*),sum(done),sum(total),sum(retried),sum(CASE state WHEN 3 THEN rate ELSE 0 END) FROM job "
	    "WHERE id IN (SELECT id FROM t) AND kind<2 GROUP BY state", "i", j->id);
	double rate = 0;
	int rc;

	if (!st)
		die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		f->states[db_int(st, 0) & 7] = db_int(st, 1);
		f->children += db_int(st, 1);
		f->done += db_int(st, 2);
		f->total += db_int(st, 3);
		f->retries += db_int(st, 4);
		rate += db_double(st, 5);
	}
	db_done(st);
	if (rc < 0)
		die(&e);
	f->rate = rate;
	f->unit = j->unit;
	if (!f->total) { /* children that measure nothing are counted themselves */
		f->total = f->children;
		f->done = f->states[JOB_COMPLETED] + f->states[JOB_FAILED] + f->states[JOB_CANCELLED];
		f->unit = "jobs";
	}
}

static void
attempt_worker(struct view *v, const struct job *j, struct figures *f)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e, "SELECT worker FROM attempt WHERE job=? AND n=?", "ii", j->id, j->attempt);

	if (!st)
		die(&e);
	if (db_step(st, &e) > 0 && db_text(st, 0))
		snprintf(f->worker, sizeof f->worker, "%s", db_text(st, 0));
	db_done(st);
}

static void
limits_of(struct view *v, const struct job *j, struct figures *f)
{
	int64_t left = 0, deadline = 0, now = clk_boot_ns();
	struct err e = {0};
	char why[200];

	if (launch_limits(&v->sp, j, &left, &deadline, why, sizeof why, &e) < 0)
		die(&e);
	if (left == LAUNCH_NO_LIMIT)
		left = 0;
	if (!left && j->kind == JOB_PARENT && j->started_at && launch_parent_default(&v->sp, j, &left, &e) < 0)
		die(&e);
	f->limit_ns = left < 0 ? 1 : left;
	if (deadline && (!f->limit_ns || deadline - now < f->limit_ns))
		f->limit_ns = deadline - now > 1 ? deadline - now : 1;
}

static void
figures_of(struct view *v, const struct job *j, struct figures *f)
{
	int64_t now = spool_now(&v->sp);
	struct err e = {0};

	memset(f, 0, sizeof *f);
	f->done = j->done;
	f->total = j->total;
	f->unit = j->unit;
	f->rate = j->state == JOB_RUNNING ? j->rate : 0;
	f->retries = j->retried;
	if (j->kind == JOB_PARENT) {
		f->done = f->total = 0;
		child_sums(v, j, f);
	}
	if (j->started_at)
		f->elapsed_ns = (j->ended_at ? j->ended_at : now) - j->started_at - j->paused_ns - (j->paused_at && !j->ended_at ? now - j->paused_at : 0);
	if (f->rate <= 0 && j->state == JOB_RUNNING && f->done && f->elapsed_ns > 0)
		f->rate = (double)f->done / ((double)f->elapsed_ns / 1e9);
	f->eta_s = f->rate > 0 && f->total > f->done && j->state == JOB_RUNNING ? (double)(f->total - f->done) / f->rate : NAN;
	if (j->state == JOB_RUNNING && j->progress_at && j->kind != JOB_PARENT)
		f->idle_ns = now - j->progress_at;
	if (!v->detail)
		return;
	if (claim_why_not(&v->sp, j, f->why, sizeof f->why, &e) < 0 || claim_position(&v->sp, j, &f->position, &e) < 0)
		die(&e);
	if (!job_is_over(j->state))
		limits_of(v, j, f);
	if (!j->attempt || j->kind == JOB_PARENT)
		return;
	attempt_worker(v, j, f);
	if (remote_load(&v->sp, j->id, j->attempt, &f->away, &e) < 0)
		die(&e);
}

/* In tenths, rounded down: 100 % is said of nothing that is not done. */
static double
percent(const struct job *j, const struct figures *f)
{
	if (j->state == JOB_COMPLETED && !j->degraded)
		return 100;
	return f->total > 0 ? floor(1000.0 * (double)f->done / (double)f->total) / 10 : NAN;
}

/* --- records -------------------------------------------------------------------------------------------------------------------- */

static void
put_children(struct buf *b, const struct figures *f)
{
	buf_puts(b, ",\"children\":{");
	record_int(b, "all", f->children);
	for (int s = 0; s < JOB_NSTATES; s++)
		if (f->states[s])
			record_int(b, job_state_name((enum job_state)s), f->states[s]);
	buf_putc(b, '}');
}

static void
put_away(struct buf *b, const struct job *j, const struct remote_row *a)
{
	static const char *const sure[] = {"may run", "cannot run", "gone"};

	buf_puts(b, ",\"remote\":{\"on\":");
	record_quote(b, a->on);
	if (*a->id)
		record_str(b, "id", a->id);
	if (*a->state)
		record_str(b, "state", a->state);
	if (*a->host)
		record_str(b, "host", a->host);
	if (*a->note)
		record_str(b, "note", a->note);
	if (job_is_over(j->state) || j->state == JOB_QUEUED)
		record_str(b, "certain", sure[a->gone < 0 || a->gone > 2 ? 0 : a->gone]);
	buf_putc(b, '}');
}

static void
put_record(struct view *v, const struct job *j)
{
	static const char *const kind[] = {"command", "engine", "parent"};
	struct buf *b = &v->out;
	struct err e = {0};
	struct figures f;
	char text[300];

	figures_of(v, j, &f);
	job_record(&v->sp, b, j);
	record_str(b, "kind", kind[j->kind % 3]);
	if (j->who)
		record_str(b, "by", j->who);
	if (j->priority)
		record_int(b, "priority", j->priority);
	if (*j->slots)
		record_str(b, "slots", j->slots);
	if (f.total || f.done) {
		record_int(b, "done", f.done);
		record_int(b, "total", f.total);
		if (f.unit)
			record_str(b, "unit", f.unit);
	}
	record_num(b, "percent", percent(j, &f));
	if (f.rate > 0)
		record_num(b, "rate", f.rate);
	if (isfinite(f.eta_s))
		record_num(b, "eta_s", floor(f.eta_s * 10) / 10);
	if (j->phase)
		record_str(b, "phase", j->phase);
	if (j->counters)
		record_raw(b, "counters", j->counters);
	if (f.elapsed_ns)
		record_num(b, "elapsed_s", floor((double)f.elapsed_ns / 1e8) / 10);
	if (f.idle_ns)
		record_num(b, "since_event_s", floor((double)f.idle_ns / 1e8) / 10);
	record_int(b, "retries", f.retries);
	if (j->error)
		record_str(b, "error", j->error);
	if (j->last_error)
		record_str(b, "last_error", j->last_error);
	if (*f.worker)
		record_str(b, "worker", f.worker);
	if (*f.away.on)
		put_away(b, j, &f.away);
	if (f.position)
		record_int(b, "position", f.position);
	if (*f.why)
		record_str(b, "why", f.why);
	if (f.limit_ns)
		record_num(b, "limit_s", floor((double)f.limit_ns / 1e8) / 10);
	if (j->note)
		record_str(b, "note", j->note);
	if (f.children)
		put_children(b, &f);
	if (v->detail && notify_state(&v->sp, j->id, text, sizeof text, &e) > 0)
		record_str(b, "notify", text);
	record_end(b);
}

/* In a few words: "on slurm 17 (n3)". */
static void
away_text(const struct job *j, const struct remote_row *a, char *out, size_t n)
{
	if (job_is_over(j->state) && a->gone == REMOTE_MAY_RUN)
		snprintf(out, n, "may still run on %s%s%s", a->on, *a->note ? ": " : "", a->note);
	else if (j->state == JOB_RUNNING || j->state == JOB_PAUSED)
		snprintf(out, n, "on %s%s%s%s%s%s", a->on, *a->id ? " " : "", a->id, *a->host ? " (" : "", a->host, *a->host ? ")" : "");
	else
		*out = '\0';
}

/* --- the table -------------------------------------------------------------------------------------------------------------------- */

static void
span_text(double s, char out[32])
{
	if (!isfinite(s) || s < 0)
		snprintf(out, 32, "-");
	else if (s < 100)
		snprintf(out, 32, "%.0fs", s);
	else if (s < 6000)
		snprintf(out, 32, "%.0fmin", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 32, "%.0fh", s / 3600);
	else
		snprintf(out, 32, "%.0fd", s / 86400);
}

static void
bar(double pct, char out[64])
{
	int full = isfinite(pct) ? (int)(pct / 10) : 0, n = 0;

	for (int i = 0; i < 10; i++)
		n += snprintf(out + n, 64 - (size_t)n, "%s", i < full ? "█" : "░");
}

static void
put_row(struct view *v, const struct job *j, int depth)
{
	struct figures f;
	char away[800] = "", id[40], pct[16] = "", cells[64] = "          ", eta[32], took[32], rate[32] = "", tries[24] = "";
	const char *text;

	figures_of(v, j, &f);
	snprintf(id, sizeof id, "%*s%lld", 2 * depth, "", (long long)j->id);
	if (isfinite(percent(j, &f))) {
		snprintf(pct, sizeof pct, "%5.1f %%", percent(j, &f));
		bar(percent(j, &f), cells);
	}
	span_text(f.eta_s, eta);
	span_text(f.elapsed_ns ? (double)f.elapsed_ns / 1e9 : NAN, took);
	if (f.rate > 0)
		snprintf(rate, sizeof rate, "%.3g/s", f.rate);
	if (f.retries)
		snprintf(tries, sizeof tries, " %lld retried", (long long)f.retries);
	if (*f.away.on)
		away_text(j, &f.away, away, sizeof away);
	text = *f.why ? f.why : *away && !j->error ? away : j->error ? j->error : j->reason ? j->reason : j->last_error ? j->last_error : "";
	buf_printf(&v->out, "%-8s %-10s %s %7s %9s %6s %6s  %s%s%s%s%s\n", id, job_state_name((enum job_state)j->state), cells, pct, rate, took,
	           eta, j->name ? j->name : "", tries, j->degraded ? " degraded" : "", *text ? (j->name || *tries ? "  " : "") : "", text);
}

static void
put_job(struct view *v, const struct job *j, int depth)
{
	struct err e = {0};
	int64_t child, last = -1, last_id = 0;
	int rc;

	if (v->table)
		put_row(v, j, depth);
	else
		put_record(v, j);
	if (!v->tree || j->kind != JOB_PARENT || depth > 4)
		return;
	(void)last;
	while ((rc = db_get_int(v->sp.db, &e, &child, "SELECT min(id) FROM job WHERE parent=? AND id>?", "ii", j->id, last_id)) > 0) {
		struct job c;

		last_id = child;
		if (job_load(&v->sp, child, &c, &e) <= 0)
			die(&e);
		put_job(v, &c, depth + 1);
		job_free(&c);
	}
	if (rc < 0)
		die(&e);
}

static void
put_head(struct view *v)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e, "SELECT state,count(*) FROM job WHERE parent IS NULL GROUP BY state", "");
	int rc;
	const char *sep = "";

	if (!st)
		die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		buf_printf(&v->out, "%s%lld %s", sep, (long long)db_int(st, 1), job_state_name((enum job_state)db_int(st, 0)));
		sep = ", ";
	}
	db_done(st);
	if (rc < 0)
		die(&e);
	buf_printf(&v->out, "%s\n", *sep ? "" : "no jobs");
	if (*sep)
		buf_printf(&v->out, "%-8s %-10s %-10s %7s %9s %6s %6s  %s\n", "job", "state", "", "done", "rate", "took", "left", "name");
}

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
		die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		struct job j;

		if (job_read(st, &j) < 0)
			abort();
		put_job(v, &j, 0);
		job_free(&j);
	}
	db_done(st);
	buf_free(&sql);
	if (rc < 0)
		die(&e);
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
			buf_printf(&v->out, "%-8s %-10s %-10s %7s %9s %6s %6s  %s\n", "job", "state", "", "done", "rate", "took", "left", "name");
		for (size_t i = 0; i < v->nids; i++) {
			struct job j;

			if (job_load(&v->sp, v->id[i], &j, &e) <= 0)
				die(&e);
			put_job(v, &j, 0);
			job_free(&j);
		}
		return;
	}
	if (db_get_int(v->sp.db, &e, &n, "SELECT count(*) FROM (SELECT 1 FROM job WHERE parent IS NULL LIMIT 501)", "") < 0)
		die(&e);
	v->detail = n <= 500; /* reasons and places in the queue are looked up one by one */
	if (v->table)
		put_head(v);
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
		die(&e);
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
			die(&e);
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
			die(&e);
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
			die(&e);
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
		die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		*seq = db_int(st, 0);
		n++;
		if (is_wanted(v, db_int(st, 1)))
			buf_puts(&v->out, db_text(st, 2));
	}
	db_done(st);
	if (rc < 0)
		die(&e);
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
		die(&e);
	attempt_path(&v->sp, id, j.attempt, name, path, sizeof path);
	if (j.attempt && access(path, F_OK) == 0) {
		if (io_read_file(path, (size_t)1 << 40, &b, &e) < 0)
			die(&e);
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
add_id(struct view *v, int64_t id)
{
	v->id = realloc(v->id, (v->nids + 1) * sizeof *v->id);
	if (!v->id)
		abort();
	v->id[v->nids++] = id;
}

/* "-": job lines on standard input name the jobs. */
static void
read_ids(struct view *v)
{
	struct io_lines in;
	struct err e = {0};
	char *line;
	size_t n;
	int rc;

	io_lines_init(&in, 0, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &n, &e)) > 0) {
		int64_t id = n ? cli_job_line(line, n) : 0;

		if (n && !id) {
			err_set(&e, ERR_DATA, "standard input, line %ld: neither a job record nor a job's id", in.lineno);
			die(&e);
		}
		if (n)
			add_id(v, id);
	}
	if (rc < 0)
		die(&e);
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
			read_ids(&v);
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
