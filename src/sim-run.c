/*
 * sim-run: claims jobs of the spool, starts a keeper for each, records what happened, passes results on.
 *
 * One loop: take what keepers say, record it and claim anew in one transaction, start keepers, wait. It may be killed at any
 * instruction: the keepers go on, and what they find is recorded by a relay, the next sim-run or sim-recover.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/orphans.h"
#include "common/spool.h"
#include "record/record.h"
#include "remote/site.h"
#include "remote/wrap.h"
#include "spool/attempt.h"
#include "spool/catchup.h"
#include "spool/claim.h"
#include "spool/keeper.h"
#include "spool/launch.h"
#include "spool/limits.h"
#include "spool/notify.h"
#include "spool/recover.h"
#include "spool/remote.h"
#include "spool/slots.h"

static const char usage[] =
    "usage: sim-run [options] [JOB ...]\n"
    "\n"
    "Run jobs of the spool: those named, those whose lines come on standard input, or all that are queued.\n"
    "\n"
    "  -j, --jobs N           places: jobs at a time (default: processors)\n"
    "  -a, --all              drain the queue; do not read standard input\n"
    "      --once             run one job, then end\n"
    "      --limit N          run N jobs, then end\n"
    "  -w, --wait             stay, and run jobs as they come; do not read standard input\n"
    "      --on WHERE         run them elsewhere: slurm[:PARTITION], ssh:HOST, pueue[:HOST][/GROUP], or a name\n"
    "                         in sim-hosts(5) (default -j: 64)\n"
    "      --slot NAME[=N]    set how many units the spool has of a slot (repeatable)\n"
    "      --drain            on SIGTERM finish what runs (the default); a second one hands it back\n"
    "      --hand-back        on SIGTERM hand back at once what runs\n"
    "      --format F         ndjson or table (default: table on a terminal)\n"
    "  -q, --quiet            results only, no events\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

struct running {
	int64_t job, attempt, places;
	pid_t keeper;        /* 0: adopted, looked after by a keeper that is not ours */
	int ended;           /* its keeper said so */
};

#define MAX_CLAIMS 64
#define PLACES_ELSEWHERE 64  /* jobs handed over at a time: each is a small process here */

struct runner {
	struct spool sp;
	char id[32];
	int lock_fd, ctl[2], sig_fd, watch_fd;
	int64_t places, used;
	struct running *run;
	size_t n, cap;
	int only, wait, stdin_open, quiet, table;
	int drain;           /* 1: claim no more; 2: hand back */
	int64_t limit, claimed;  /* jobs to run in all, 0: no limit */
	const char *on;      /* where jobs run; NULL: here */
	struct host host;    /* of it */
	int connected;           /* it began the shared connection to it */
	int hand_back_first, failed, stdout_gone, last_signal;
	struct io_lines in;
	char engine[PATH_MAX], self[PATH_MAX];
	size_t slice;        /* most bytes written to stdout at a time */
	struct buf said;     /* what keepers said, not yet stored */
	int64_t broken[MAX_CLAIMS]; /* damaged rows met when claiming */
	int nbroken;
	int moved;           /* rows were changed in claiming, without a claim */
	struct buf events;   /* stored in this transaction, to be shown after it */
	int64_t next_due, next_look;
	int64_t wanted_next; /* all that is wanted is looked at no earlier than this: no more than a twentieth of the time */
	int wanted_changed;  /* and shall be, for something changed */
};

/* --- output ----------------------------------------------------------------------------------------------------------- */

static void on_signals(struct runner *r);

/* Waits for a slow reader; who hears SIGTERM twice waits no longer. One PIPE_BUF at a time: what poll() promises does not block. */
static void
put(struct runner *r, const char *s, size_t n)
{
	while (n && !r->stdout_gone) {
		struct pollfd p[2] = {{.fd = 1, .events = POLLOUT}, {.fd = r->sig_fd, .events = POLLIN}};
		ssize_t k;

		poll(p, 2, -1);
		if (p[1].revents)
			on_signals(r);
		if (!p[0].revents) {
			r->stdout_gone = r->drain > 1;
			continue;
		}
		k = write(1, s, n < r->slice ? n : r->slice);
		if (k < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k < 0) { /* the reader is gone: the jobs are not */
			r->stdout_gone = 1;
			return;
		}
		s += k;
		n -= (size_t)k;
	}
}

static void
put_event(struct runner *r, const char *s, size_t n)
{
	if (!r->quiet && !r->table)
		put(r, s, n);
}

static void
put_state(struct runner *r, const struct job *j)
{
	struct buf b = BUF_INIT;

	if (r->quiet)
		return;
	if (r->table) {
		buf_printf(&b, "%lld  %-9s  %s%s%s\n", (long long)j->id, job_state_name((enum job_state)j->state), j->name ? j->name : "",
		           j->reason ? "  " : "", j->reason ? j->reason : "");
	} else {
		job_record(&r->sp, &b, j);
		record_end(&b);
	}
	put(r, b.s, b.len);
	buf_free(&b);
}

/* A stage's result lines: everything it wrote that is no event. A child's lines say whose they are. */
static void
put_output_line(struct runner *r, const struct job *j, char *line, size_t n)
{
	static const char *const events[] = {"progress", "phase", "counters", "retry", "warning", "error", "checkpoint", "started", "finished",
	                                     "result", "remote"};
	struct record rec;
	int event = 0, is_record = 0;

	if (n && line[0] == '{' && memmem(line, n < 80 ? n : 80, "\"partial\"", 9)) {
		is_record = 1;
	} else if (n && line[0] == '{' && record_parse(line, n, &rec, NULL) == 0) {
		is_record = 1;
		for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
			event |= !strcmp(rec.type, events[i]);
		record_free(&rec);
	}
	if (event || (r->table && is_record))
		return;
	line[n] = '\n';
	if (is_record && j->parent && j->task && strstr(j->task, "\"slice\"") && !memmem(line, n < 200 ? n : 200, "\"parent\"", 8)) {
		char head[64];
		int k = snprintf(head, sizeof head, "{\"parent\":\"%lld\",", (long long)j->parent);

		put(r, head, (size_t)k);
		put(r, line + 1, n);
		return;
	}
	put(r, line, n + 1);
}

static void
put_output(struct runner *r, const struct job *j)
{
	char path[PATH_MAX], *line;
	struct io_lines in;
	struct err e = {0};
	struct stat st;
	size_t n;
	int fd, rc;

	attempt_path(&r->sp, j->id, j->attempt, "events.ndjson", path, sizeof path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		io_lines_init(&in, fd, (size_t)1 << 30);
		while ((rc = io_lines_next(&in, &line, &n, &e)) > 0)
			put_output_line(r, j, line, n);
		if (rc < 0)
			cli_warn("job %lld: %s", (long long)j->id, e.msg);
		io_lines_free(&in);
	}
	close(fd);
}

/* What is shown of a job that is over; attempt: unless it was another that ended it, run by somebody else (0: any). */
static void
show_end(struct runner *r, int64_t id, int64_t attempt)
{
	struct err e = {0};
	struct job j;

	if (job_load(&r->sp, id, &j, &e) <= 0)
		return;
	if (attempt && j.attempt != attempt) {
		job_free(&j);
		return;
	}
	if (j.state == JOB_COMPLETED && j.kind != JOB_PARENT)
		put_output(r, &j);
	if (job_is_over(j.state))
		put_state(r, &j);
	if (job_is_over(j.state) && j.state != JOB_COMPLETED && !j.parent)
		r->failed = 1;
	if (j.parent && !r->only) {
		struct job p;

		if (job_load(&r->sp, j.parent, &p, &e) > 0) {
			if (job_is_over(p.state)) {
				put_state(r, &p);
				r->failed |= p.state != JOB_COMPLETED;
			}
			job_free(&p);
		}
	}
	job_free(&j);
}

/* --- the running ones ---------------------------------------------------------------------------------------------------- */

static struct running *
find(struct runner *r, int64_t job, int64_t attempt)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->run[i].job == job && r->run[i].attempt == attempt)
			return &r->run[i];
	return NULL;
}

static void
drop(struct runner *r, struct running *x)
{
	r->used -= x->places;
	*x = r->run[--r->n];
}

static void
add(struct runner *r, const struct job *j, pid_t keeper)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->run = realloc(r->run, r->cap * sizeof *r->run);
		if (!r->run)
			abort();
	}
	r->run[r->n++] = (struct running){j->id, j->attempt, claim_places(j, r->on), keeper, 0};
	r->used += claim_places(j, r->on);
}

/* What limits and recovery did in passing. */
static void
report(void *ctx, int64_t job, const char *action, const char *reason)
{
	struct runner *r = ctx;

	if (!strcmp(action, "problem"))
		cli_warn("job %lld: %s", (long long)job, reason);
	else if (job && !r->only && (!strcmp(action, "failed") || !strcmp(action, "killed")))
		show_end(r, job, 0);
}

static void __attribute__((noreturn))
die(struct runner *r, struct err *e)
{
	db_rollback(r->sp.db);
	cli_die(e); /* the keepers go on; whoever opens the spool next finds what they did */
}

/* --- what keepers say ---------------------------------------------------------------------------------------------------- */

static void
hear(struct runner *r)
{
	char b[65536];
	ssize_t k;

	while ((k = read(r->ctl[0], b, sizeof b)) > 0)
		buf_add(&r->said, b, (size_t)k);
}

/* (tx) One line: stored; shown once committed. */
static int
take_line(struct runner *r, char *line, size_t n, struct err *e)
{
	long long job, attempt, offset;
	int used = 0, rc;
	char *text;

	line[n] = '\0';
	if (sscanf(line, "%lld %lld %lld %n", &job, &attempt, &offset, &used) < 3 || !used)
		return 0;
	text = line + used;
	if (!strcmp(text, "end")) {
		struct running *x = find(r, job, attempt);

		if (x)
			x->ended = 1;
		return 0;
	}
	if (!strcmp(text, "touch"))
		return job_touch(&r->sp, job, attempt, e);
	if (!strcmp(text, "sync"))
		rc = catchup_events(&r->sp, job, attempt, offset, &r->events, e);
	else
		rc = catchup_line(&r->sp, job, attempt, offset, text, n - (size_t)used, &r->events, e);
	return rc < 0 ? -1 : 0;
}

static int
take_said(struct runner *r, struct err *e)
{
	size_t at = 0;
	char *nl;

	while (at < r->said.len && (nl = memchr(r->said.s + at, '\n', r->said.len - at))) {
		if (take_line(r, r->said.s + at, (size_t)(nl - r->said.s) - at, e) < 0)
			return -1;
		at = (size_t)(nl - r->said.s) + 1;
	}
	if (at)
		memmove(r->said.s, r->said.s + at, r->said.len - at);
	r->said.len -= at;
	return 0;
}

/* After the commit: stage events go on to the next program. */
static void
show_events(struct runner *r)
{
	if (r->events.len)
		put_event(r, r->events.s, r->events.len);
	buf_clear(&r->events);
}

static int
said_anything(const struct runner *r)
{
	return r->said.len && memchr(r->said.s, '\n', r->said.len);
}

/* --- one transaction ------------------------------------------------------------------------------------------------------ */

static int
record_ends(struct runner *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct job_end end;
		int rc;

		if (r->run[i].ended != 1)
			continue;
		rc = attempt_read_result(&r->sp, r->run[i].job, r->run[i].attempt, &end, e);
		if (rc == 0) /* never without its file: the keeper is gone and recover_job() looks closer */
			continue;
		if (rc < 0)
			end = (struct job_end){.outcome = strdup("failed"), .reason = strdup(e->msg), .status = -1};
		rc = job_take_end(&r->sp, r->run[i].job, r->run[i].attempt, &end, e);
		attempt_free_end(&end);
		if (rc < 0)
			return -1;
		r->run[i].ended = 2;
	}
	return 0;
}

static int
claim_some(struct runner *r, struct claim *c, struct err *e)
{
	int n = 0, rc = 1;
	int64_t used = r->used;

	for (size_t i = 0; i < r->n; i++)
		used -= r->run[i].ended == 2 ? r->run[i].places : 0;
	while (n < MAX_CLAIMS && rc > 0 && !r->drain && !(r->limit && r->claimed >= r->limit)) {
		rc = claim_next(&r->sp, r->id, r->places - used, r->places, r->only, r->on, &c[n], e);
		if (rc < 0)
			return -1;
		if (rc == 2 && r->nbroken < MAX_CLAIMS)
			r->broken[r->nbroken++] = c[n].job.id;
		r->moved |= rc == 3;
		if (rc == 2)
			job_free(&c[n].job);
		if (rc == 1) {
			used += claim_places(&c[n++].job, r->on);
			r->claimed++;
		}
	}
	return n;
}

static void
start(struct runner *r, struct claim *c)
{
	struct job_end end = {.outcome = "failed", .status = -1, .gone = REMOTE_GONE};
	struct launch l;
	struct err e = {0};
	pid_t pid = -1;
	int made = attempt_make(&r->sp, c->job.id, c->job.attempt, &e);

	if (made == 0 && launch_prepare(&r->sp, &c->job, c->units.s ? c->units.s : "", r->engine, r->self, &l, &e) == 0) {
		if (!r->on || wrap_launch(&r->sp, &c->job, r->on, r->self, &l, &e) == 0)
			pid = keeper_start(&r->sp, &l.task, r->ctl[1], &e);
		launch_free(&l);
	}
	if (pid > 0) {
		add(r, &c->job, pid);
		return;
	}
	if (e.status == ERR_NO) /* ended while it was on its way here; whoever did it records it */
		return;
	if (e.status != ERR_DATA) { /* no descriptors, no memory, no room: it is not the job's fault */
		end.outcome = "never-started";
		cli_warn("job %lld is put back: %s", (long long)c->job.id, e.msg);
	}
	end.reason = e.msg;
	end.status = e.status;
	if (db_begin(r->sp.db, &e) < 0 || job_take_end(&r->sp, c->job.id, c->job.attempt, &end, &e) < 0 || db_commit(r->sp.db, &e) < 0)
		die(r, &e);
	show_end(r, c->job.id, c->job.attempt);
}

static void
show_ended(struct runner *r)
{
	for (size_t i = 0; i < r->n;) {
		int64_t id = r->run[i].job, attempt = r->run[i].attempt;

		if (r->run[i].ended != 2) {
			i++;
			continue;
		}
		drop(r, &r->run[i]); /* bury() reaps its keeper */
		if (!r->only)
			show_end(r, id, attempt);
	}
}

/* Webhooks are sim-reap's: one pass of it, which nobody waits for. */
static void
send_notices(struct runner *r)
{
	char reap[PATH_MAX];
	const char *const argv[] = {"sim-reap", "--notify", "--quiet", "--spool", r->sp.root, NULL};
	struct err e = {0};

	if (notify_waits(&r->sp, &e) <= 0)
		return;
	cli_start_apart(cli_sibling("sim-reap", reap, sizeof reap), argv);
}

/* 1 if anything changed. */
static int
step(struct runner *r)
{
	static struct claim c[MAX_CLAIMS];
	struct err e = {0};
	int n, ended = 0, said, moved, woken;

	hear(r);
	said = said_anything(r);
	for (size_t i = 0; i < r->n; i++)
		ended |= r->run[i].ended == 1;
	if (!said && !ended && (r->drain || r->used >= r->places) && !r->next_look)
		return 0;
	r->next_look = 0;
	if (db_begin(r->sp.db, &e) < 0 || take_said(r, &e) < 0 || record_ends(r, &e) < 0 || (woken = claim_end_backoffs(&r->sp, &e)) < 0 ||
	    (n = claim_some(r, c, &e)) < 0)
		die(r, &e);
	for (size_t i = 0; i < r->n; i++)
		ended |= r->run[i].ended == 2;
	moved = r->moved | (woken > 0);
	r->moved = 0;
	if (!said && !ended && !n && !r->nbroken && !moved) {
		db_rollback(r->sp.db);
		return 0;
	}
	if (db_commit(r->sp.db, &e) < 0)
		die(r, &e);
	for (int i = 0; i < n; i++) /* first of all: every instruction between here and the keeper is one a crash could hit */
		start(r, &c[i]);
	show_events(r);
	for (int i = 0; i < n; i++) {
		put_state(r, &c[i].job);
		job_free(&c[i].job);
		buf_free(&c[i].units);
	}
	show_ended(r);
	while (r->nbroken)
		show_end(r, r->broken[--r->nbroken], 0);
	if (ended)
		send_notices(r);
	spool_wake(&r->sp);
	return 1;
}

/* Keepers that ended without a word. */
static void
bury(struct runner *r)
{
	struct err e = {0};
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < r->n; i++)
			if (r->run[i].keeper == pid) {
				r->run[i].keeper = 0;
				hear(r);
				r->next_look = 1;
			}
	if (said_anything(r)) { /* its last words first */
		r->next_look = 1;
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct job j;
		struct running x = r->run[i];

		if (x.keeper || x.ended)
			continue;
		if (recover_job(&r->sp, x.job, x.attempt, r->self, report, r, &e) < 0 || job_load(&r->sp, x.job, &j, &e) < 0)
			die(r, &e);
		if (j.attempt != x.attempt || (j.state != JOB_RUNNING && j.state != JOB_PAUSED && j.state != JOB_SUBMITTING)) {
			drop(r, &r->run[i--]);
			r->next_look = 1;
			if (!r->only)
				show_end(r, x.job, x.attempt);
		}
		job_free(&j);
	}
}

/* --- wanted jobs ----------------------------------------------------------------------------------------------------------- */

static void
want(struct runner *r, int64_t id)
{
	struct err e = {0};

	r->only = r->wanted_changed = 1;
	if (claim_want(&r->sp, id, &e) < 0)
		cli_die(&e);
	r->next_look = 1;
}

static void
read_wanted(struct runner *r)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	struct err e = {0};
	char *line;
	size_t n;
	int rc = 1;

	while (rc > 0 && (r->in.at < r->in.b.len || poll(&p, 1, 0) > 0)) {
		int64_t id;

		if (r->in.at < r->in.b.len && !memchr(r->in.b.s + r->in.at, '\n', r->in.b.len - r->in.at) && poll(&p, 1, 0) <= 0)
			return; /* the rest of this line is still to come */
		rc = io_lines_next(&r->in, &line, &n, &e);
		if (rc < 0)
			cli_die(&e);
		if (rc == 0) {
			r->stdin_open = 0;
			return;
		}
		if (!n)
			continue;
		id = cli_job_line(line, n);
		if (!id) {
			err_set(&e, ERR_DATA, "standard input, line %ld: neither a job record nor a job's id", r->in.lineno);
			cli_die(&e);
		}
		want(r, id);
	}
}

/* Wanted jobs that are over, or are no more, whoever ran them: shown once, and forgotten. */
static int
forget_ended(struct runner *r, struct err *e)
{
	int64_t id[256], top[256], state[256];
	int n, rc;

	do {
		struct db_stmt *st = db_query(r->sp.db, e, "SELECT w.id,w.top,coalesce(j.state,-1) s FROM temp.wanted w LEFT JOIN job j ON j.id=w.id "
		                              "WHERE s<0 OR s>=5 LIMIT 256", "");

		rc = st ? 1 : -1;
		for (n = 0; rc > 0 && n < 256 && (rc = db_step(st, e)) > 0; n++) {
			id[n] = db_int(st, 0);
			top[n] = db_int(st, 1);
			state[n] = db_int(st, 2);
		}
		db_done(st);
		for (int i = 0; i < n && rc >= 0; i++) {
			rc = db_run(r->sp.db, e, "DELETE FROM temp.wanted WHERE id=?", "i", id[i]);
			show_end(r, id[i], 0);
			r->failed |= top[i] && state[i] != JOB_COMPLETED;
		}
	} while (rc >= 0 && n == 256);
	return rc < 0 ? -1 : 0;
}

static void
look_at_wanted(struct runner *r)
{
	int64_t began = spool_now(&r->sp);
	struct err e = {0};
	int more;

	if (!r->only || began < r->wanted_next)
		return;
	if (forget_ended(r, &e) < 0 || (more = claim_refresh(&r->sp, &e)) < 0)
		cli_die(&e);
	r->wanted_changed = 0;
	r->next_look |= more > 0;
	r->wanted_next = spool_now(&r->sp) + 20 * (spool_now(&r->sp) - began);
}

/* 1: nothing more is wanted. */
static int
all_settled(struct runner *r)
{
	struct err e = {0};
	int64_t live = 0;

	if (db_get_int(r->sp.db, &e, &live, "SELECT 1 FROM temp.wanted LIMIT 1", "") < 0)
		cli_die(&e);
	return !live;
}

/* --- the loop ------------------------------------------------------------------------------------------------------------- */

static void
hand_back(struct runner *r)
{
	struct err e = {0};

	for (size_t i = 0; i < r->n; i++)
		if (limits_end_job(&r->sp, r->run[i].job, "hand-back", "its sim-run was stopped", r->id, &e) < 0)
			cli_warn("%s", e.msg);
}

static void
on_signals(struct runner *r)
{
	struct signalfd_siginfo si;

	while (read(r->sig_fd, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		r->last_signal = (int)si.ssi_signo;
		if (r->drain == 0 && !r->hand_back_first) {
			r->drain = 1;
			if (r->n)
				cli_warn("finishing %zu running jobs; once more hands them back", r->n);
		} else if (r->drain < 2) {
			r->drain = 2;
			hand_back(r);
		}
	}
}

/* Every so often, and when something is due: limits of all jobs, dead keepers of other runners. */
static void
look_after(struct runner *r)
{
	int64_t now = spool_now(&r->sp), every = (int64_t)5 * 1000000000;
	struct err e = {0};

	if (r->next_due && now < r->next_due)
		return;
	if (recover_pass(&r->sp, r->self, 0, report, r, &e) < 0 || limits_pass(&r->sp, 0, &r->next_due, report, r, &e) < 0 ||
	    cli_orphans_apart(&r->sp, &e) < 0)
		die(r, &e);
	if (r->on && site_hold(&r->host) > 0)
		r->connected = 1; /* one connection for all attempts; where it cannot be, each makes its own */
	if (!r->next_due || r->next_due > now + every)
		r->next_due = now + every;
	r->next_look = 1;
}

static int
wait_ms(struct runner *r)
{
	int64_t now = spool_now(&r->sp), at = r->next_due, ready = 0;
	struct err e = {0};

	if (claim_next_ready(&r->sp, &ready, &e) < 0)
		cli_die(&e);
	if (ready && ready < at)
		at = ready;
	for (size_t i = 0; i < r->n; i++)
		if (!r->run[i].keeper && at > now + 500000000)
			at = now + 500000000; /* adopted: nobody tells us */
	if (r->only && at > now + 1000000000)
		at = now + 1000000000;
	if (r->only && r->wanted_changed && at > r->wanted_next)
		at = r->wanted_next;
	if (ready && ready <= now)
		r->next_look = 1;
	return at <= now ? 1 : (int)((at - now + 999999) / 1000000);
}

static int
finished(struct runner *r)
{
	struct err e = {0};
	int64_t ready = 0;

	if (r->n)
		return 0;
	if (r->drain || (r->limit && r->claimed >= r->limit))
		return 1;
	if (r->wait)
		return 0;
	if (r->only)
		return all_settled(r) && !r->stdin_open;
	if (r->stdin_open)
		return 0;
	if (claim_next_ready(&r->sp, &ready, &e) < 0)
		cli_die(&e);
	return !ready || r->limit == 1;
}

static int
somebody_wrote(struct runner *r)
{
	struct err e = {0};
	int rc = db_changed(r->sp.db, &e);

	if (rc < 0)
		die(r, &e);
	return rc;
}

static void
loop(struct runner *r)
{
	for (;;) {
		struct pollfd p[4] = {{.fd = r->ctl[0], .events = POLLIN}, {.fd = r->sig_fd, .events = POLLIN},
		                      {.fd = r->watch_fd, .events = POLLIN}, {.fd = r->stdin_open ? 0 : -1, .events = POLLIN}};
		int changed;

		look_after(r);
		if (r->stdin_open)
			read_wanted(r);
		/* with standard input open, nothing is claimed until it has said what is wanted */
		if (r->stdin_open && !r->only) {
			changed = 0;
			r->next_look = 0;
		} else {
			changed = step(r);
		}
		bury(r);
		r->wanted_changed |= changed || r->next_look;
		look_at_wanted(r);
		if (changed || r->next_look)
			continue;
		if (finished(r))
			return;
		poll(p, 4, wait_ms(r));
		if (p[2].revents) {
			spool_watched(r->watch_fd);
			r->next_look |= somebody_wrote(r); /* and not just this one */
		}
		on_signals(r);
	}
}

/* --- beginning and end ------------------------------------------------------------------------------------------------------ */

static void
register_worker(struct runner *r)
{
	char path[PATH_MAX];
	unsigned char raw[6];
	struct err e = {0};

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		memcpy(raw, &(int64_t){clk_real_ns()}, sizeof raw);
	snprintf(r->id, sizeof r->id, "run-%02x%02x%02x%02x%02x%02x", raw[0], raw[1], raw[2], raw[3], raw[4], raw[5]);
	spool_path(&r->sp, path, sizeof path, "workers/%s", r->id);
	r->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (r->lock_fd < 0 || flock(r->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		err_sys(&e, ERR_CANTCREAT, "cannot lock %s", path);
		cli_die(&e);
	}
	if (db_begin(r->sp.db, &e) < 0 ||
	    db_run(r->sp.db, &e, "INSERT INTO worker VALUES(?,?,?,?,?,NULL)", "sisii", r->id, (int64_t)getpid(), r->sp.boot, r->places,
	           spool_now(&r->sp)) < 0 || db_commit(r->sp.db, &e) < 0)
		die(r, &e);
}

static void
unregister_worker(struct runner *r)
{
	char path[PATH_MAX];
	struct err e = {0};

	if (db_begin(r->sp.db, &e) < 0 || db_run(r->sp.db, &e, "DELETE FROM worker WHERE id=?", "s", r->id) < 0 || db_commit(r->sp.db, &e) < 0)
		db_rollback(r->sp.db);
	spool_path(&r->sp, path, sizeof path, "workers/%s", r->id);
	unlink(path);
}

static void
prepare(struct runner *r)
{
	struct err e = {0};
	struct stat st;
	sigset_t s;

	r->slice = fstat(1, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)1 << 30 : PIPE_BUF;
	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGHUP);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGPIPE, SIG_IGN);
	r->sig_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->sig_fd < 0 || pipe2(r->ctl, O_CLOEXEC | O_NONBLOCK) < 0) {
		err_sys(&e, ERR_OS, "cannot make pipes");
		cli_die(&e);
	}
	fcntl(r->ctl[1], F_SETPIPE_SZ, 1 << 20);
	r->watch_fd = spool_watch(&r->sp);
	cli_sibling("sim-engine", r->engine, sizeof r->engine);
	cli_sibling("sim-run", r->self, sizeof r->self);
	if (claim_wanted_init(&r->sp, &e) < 0)
		cli_die(&e);
	io_lines_init(&r->in, 0, RECORD_LINE_MAX);
	r->next_look = 1;
}

/* A keeper's own link to the spool, when its sim-run is dead: the same lines, recorded. */
static int
relay(struct runner *r)
{
	struct err e = {0};
	char *line;
	size_t n;
	long long job = 0, attempt = 0;
	int rc;

	prepare(r);
	while ((rc = io_lines_next(&r->in, &line, &n, &e)) > 0) {
		if (sscanf(line, "%lld %lld", &job, &attempt) != 2)
			continue;
		if (db_begin(r->sp.db, &e) < 0 || take_line(r, line, n, &e) < 0 || db_commit(r->sp.db, &e) < 0)
			die(r, &e);
		buf_clear(&r->events);
		spool_wake(&r->sp);
	}
	/* its keeper has let go: what is to be recorded is, whether it said "end" or was killed */
	for (int i = 0; i < 100 && job; i++) {
		struct attempt_probe p;

		if (attempt_probe(&r->sp, job, attempt, &p, &e) < 0 || !p.keeper_locked)
			break;
		poll(NULL, 0, 10);
	}
	if (job && recover_job(&r->sp, job, attempt, r->self, report, r, &e) < 0)
		cli_die(&e);
	return 0;
}

static int
takes_stdin(void)
{
	struct stat st;

	return fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

static void
set_slot(struct runner *r, const char *arg)
{
	char name[64];
	size_t k = strcspn(arg, "=");
	int64_t n = 1;
	struct buf b = BUF_INIT;
	struct err e = {0};

	snprintf(name, sizeof name, "%.*s", (int)k, arg);
	if (arg[k] && num_parse_int(arg + k + 1, 0, 100000, &n) < 0)
		cli_usage("--slot: \"%s\" is not NAME or NAME=N", arg);
	if (slots_add(&b, name, &e) < 0)
		cli_die(&e);
	buf_free(&b);
	if (db_begin(r->sp.db, &e) < 0 || slots_set_capacity(&r->sp, name, n, &e) < 0 || db_commit(r->sp.db, &e) < 0)
		die(r, &e);
}

/* A mistake in it is said at once; whether it can be reached, with each job. */
static void
know_host(struct runner *r)
{
	struct err e = {0};

	if (strlen(r->on) >= REMOTE_ON)
		cli_usage("--on: too long");
	if (host_find(&r->host, r->on, &e) < 0)
		cli_die(&e);
}

int
main(int argc, char **argv)
{
	enum { OPT_ONCE = 1000, OPT_LIMIT, OPT_SLOT, OPT_DRAIN, OPT_HAND_BACK, OPT_FORMAT, OPT_SPOOL, OPT_RELAY, OPT_ON };
	static const struct option longs[] = {{"jobs", required_argument, 0, 'j'}, {"all", no_argument, 0, 'a'},
	                                      {"once", no_argument, 0, OPT_ONCE}, {"limit", required_argument, 0, OPT_LIMIT}, {"wait", no_argument, 0, 'w'},
	                                      {"slot", required_argument, 0, OPT_SLOT}, {"drain", no_argument, 0, OPT_DRAIN},
	                                      {"hand-back", no_argument, 0, OPT_HAND_BACK},
	                                      {"format", required_argument, 0, OPT_FORMAT},
	                                      {"quiet", no_argument, 0, 'q'}, {"spool", required_argument, 0, OPT_SPOOL},
	                                      {"relay", no_argument, 0, OPT_RELAY}, {"on", required_argument, 0, OPT_ON}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	static struct runner r;
	const char *spool = NULL, *slot[64];
	int c, all = 0, is_relay = 0, nslots = 0;

	cli_start("sim-run");
	r.table = isatty(1);
	while ((c = getopt_long(argc, argv, "j:awqhV", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (num_parse_int(optarg, 1, 4096, &r.places) < 0)
				cli_usage("-j: \"%s\" is not a number of jobs from 1 to 4096", optarg);
			break;
		case 'a': all = 1; break;
		case 'w': r.wait = 1; break;
		case 'q': r.quiet = 1; break;
		case OPT_ONCE: r.limit = 1; break;
		case OPT_LIMIT:
			if (num_parse_int(optarg, 1, INT64_MAX, &r.limit) < 0)
				cli_usage("--limit: \"%s\" is not a number of jobs from 1", optarg);
			break;
		case OPT_SLOT:
			if (nslots == 64)
				cli_usage("--slot: no more than 64");
			slot[nslots++] = optarg;
			break;
		case OPT_DRAIN: r.hand_back_first = 0; break;
		case OPT_HAND_BACK: r.hand_back_first = 1; break;
		case OPT_FORMAT: r.table = cli_format(optarg, "table ndjson") == CLI_TABLE; break;
		case OPT_SPOOL: spool = optarg; break;
		case OPT_RELAY: is_relay = 1; break;
		case OPT_ON: r.on = optarg; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	cli_spool_open(&r.sp, spool, is_relay ? SPOOL_WRITE : SPOOL_CREATE, "sim-run");
	if (is_relay)
		return relay(&r);
	if (!r.places)
		r.places = r.on ? PLACES_ELSEWHERE : proc_processors();
	if (r.on)
		know_host(&r);
	for (int i = 0; i < nslots; i++)
		set_slot(&r, slot[i]);
	prepare(&r);
	register_worker(&r);
	for (int i = optind; i < argc; i++)
		want(&r, cli_job_operand(&r.sp, argv[i]));
	r.stdin_open = !all && !r.wait && optind == argc && takes_stdin();
	loop(&r);
	unregister_worker(&r);
	if (r.on) {
		if (r.connected)
			site_let_go(&r.host);
		host_free(&r.host);
	}
	db_checkpoint(r.sp.db);
	spool_wake(&r.sp);
	spool_close(&r.sp);
	if (r.last_signal && r.drain)
		cli_reraise(r.last_signal);
	return r.failed ? ERR_NO : 0;
}
