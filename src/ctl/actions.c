/* actions: see actions.h. */
#include "ctl/actions.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "spool/attempt.h"
#include "spool/catchup.h"
#include "spool/claim.h"
#include "spool/limits.h"
#include "spool/remote.h"

/* --- helpers ------------------------------------------------------------------------------------------------------------ */

/* 1: refused, with the reason in the answer. */
static int __attribute__((format(printf, 2, 3)))
refuse(struct ctl *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->answer, sizeof c->answer, fmt, ap);
	va_end(ap);
	return 1;
}

static int
said(struct ctl *c, const char *text)
{
	snprintf(c->answer, sizeof c->answer, "%s", text);
	return 0;
}

static int
rolled_back(struct ctl *c)
{
	db_rollback(c->sp.db);
	return -1;
}

/* One change in a transaction of its own. */
static int
move(struct ctl *c, const struct job *j, enum job_state to, struct err *e)
{
	if (db_begin(c->sp.db, e) < 0)
		return -1;
	if (job_move(&c->sp, j->id, (enum job_state)j->state, to, c->reason, c->sp.who, e) < 0 || db_commit(c->sp.db, e) < 0)
		return rolled_back(c);
	return 0;
}

static int
is_live(const struct job *j)
{
	return j->state == JOB_RUNNING || j->state == JOB_PAUSED || j->state == JOB_SUBMITTING;
}

int64_t *
action_ids(struct db_stmt *st, size_t *n, struct err *e)
{
	size_t cap = 64;
	int64_t *ids;
	int rc;

	*n = 0;
	if (!st)
		return NULL;
	ids = malloc(cap * sizeof *ids);
	if (!ids) {
		err_nomem(e);
		goto bad;
	}
	while ((rc = db_step(st, e)) > 0) {
		if (*n == cap) {
			int64_t *more = realloc(ids, 2 * cap * sizeof *ids);

			if (!more) {
				err_nomem(e);
				goto bad;
			}
			ids = more;
			cap *= 2;
		}
		ids[(*n)++] = db_int(st, 0);
	}
	if (rc < 0)
		goto bad;
	db_done(st);
	return ids;
bad:
	db_done(st);
	free(ids);
	return NULL;
}

/* The same for every child that takes it; refused only if none did. */
static int
each_child(struct ctl *c, const struct job *p, action_fn act, struct err *e)
{
	size_t n, done = 0, refused = 0;
	int64_t *ids = action_ids(db_query(c->sp.db, e, "SELECT id FROM job WHERE parent=? ORDER BY id", "i", p->id), &n, e);
	int rc = ids ? 0 : -1;

	c->many++;
	for (size_t i = 0; i < n && rc >= 0; i++) {
		struct job j;

		rc = job_load(&c->sp, ids[i], &j, e);
		if (rc <= 0)
			continue; /* removed meanwhile */
		rc = act(c, &j, e);
		job_free(&j);
		done += rc == 0;
		refused += rc > 0;
	}
	c->many--;
	free(ids);
	if (rc < 0)
		return -1;
	if (!done)
		return refused ? 1 : refuse(c, "job %lld has no children", (long long)p->id);
	snprintf(c->answer, sizeof c->answer, "done for %zu of %zu children", done, done + refused);
	return 0;
}

/* --- pause, resume -------------------------------------------------------------------------------------------------------- */

static int
signal_keeper(struct ctl *c, const struct job *j, int sig, struct err *e)
{
	struct attempt_probe p;
	char cookie[ATTEMPT_COOKIE];
	struct proc_set set = {.cookie = cookie};
	struct remote_row away;
	int elsewhere;

	if (attempt_probe(&c->sp, j->id, j->attempt, &p, e) < 0)
		return -1;
	if (p.keeper_locked && proc_signal(p.keeper, sig) == 0)
		return 0;
	elsewhere = remote_load(&c->sp, j->id, j->attempt, &away, e);
	if (elsewhere) /* no keeper: whoever attaches reads the row */
		return elsewhere < 0 ? -1 : proc_signal(p.stage, sig == SIGUSR1 ? SIGTSTP : SIGCONT), 0;
	/* no keeper: the processes themselves; whoever adopts them reads the row */
	attempt_cookie(&c->sp, j->id, j->attempt, cookie);
	set.group = proc_alive(p.stage) ? p.stage.pid : 0;
	return proc_set_signal(&set, sig == SIGUSR1 ? SIGSTOP : SIGCONT, e) < 0 ? -1 : 0;
}

static int
pause_job(struct ctl *c, const struct job *j, struct err *e)
{
	if (j->state == JOB_PAUSED)
		return refuse(c, "job %lld is paused already", (long long)j->id);
	if (j->state == JOB_QUEUED || j->state == JOB_PENDING)
		return refuse(c, "job %lld does not run yet: use hold to keep it from starting", (long long)j->id);
	if (j->state == JOB_SUBMITTING)
		return refuse(c, "job %lld has not begun elsewhere: cancel takes it back", (long long)j->id);
	if (j->state != JOB_RUNNING)
		return refuse(c, "job %lld is %s: only what runs can be paused", (long long)j->id, job_state_name((enum job_state)j->state));
	if (c->dry_run)
		return said(c, "would be paused");
	if (j->kind == JOB_PARENT)
		return each_child(c, j, pause_job, e);
	if (move(c, j, JOB_PAUSED, e) < 0 || signal_keeper(c, j, SIGUSR1, e) < 0)
		return -1;
	return said(c, "paused");
}

static int
resume_job(struct ctl *c, const struct job *j, struct err *e)
{
	if (j->kind == JOB_PARENT && !job_is_over(j->state))
		return c->dry_run ? said(c, "would be resumed") : each_child(c, j, resume_job, e);
	if (j->state == JOB_QUEUED && j->waiting == JOB_HELD)
		return refuse(c, "job %lld is held, not paused: use release", (long long)j->id);
	if (job_is_over(j->state))
		return refuse(c, "job %lld is %s: use retry to run it again", (long long)j->id, job_state_name((enum job_state)j->state));
	if (j->state != JOB_PAUSED)
		return refuse(c, "job %lld is %s, not paused", (long long)j->id, job_state_name((enum job_state)j->state));
	if (c->dry_run)
		return said(c, "would be resumed");
	if (move(c, j, JOB_RUNNING, e) < 0 || signal_keeper(c, j, SIGUSR2, e) < 0)
		return -1;
	return said(c, "running again");
}

/* --- cancel, fail ------------------------------------------------------------------------------------------------------------ */

/* Until it is over, or the limit: the stage's grace is its keeper's affair. */
static int
wait_over(struct ctl *c, int64_t id, struct err *e)
{
	int64_t state = 0;

	while (db_get_int(c->sp.db, e, &state, "SELECT state FROM job WHERE id=?", "i", id) > 0) {
		struct attempt_probe p;
		struct job j;

		if (job_is_over(state))
			return 0;
		if (job_load(&c->sp, id, &j, e) <= 0)
			return -1;
		/* nobody may be there to record what its keeper found: then this program is */
		if (j.kind != JOB_PARENT && is_live(&j) && attempt_probe(&c->sp, id, j.attempt, &p, e) == 0 && p.has_result && !p.keeper_locked) {
			struct job_end x;

			if (attempt_read_result(&c->sp, id, j.attempt, &x, e) > 0) {
				if (db_begin(c->sp.db, e) < 0 || catchup_end(&c->sp, id, j.attempt, &x, e) < 0 || db_commit(c->sp.db, e) < 0)
					db_rollback(c->sp.db);
				attempt_free_end(&x);
			}
		}
		job_free(&j);
		if (clk_boot_ns() > c->until)
			return 1;
		poll(NULL, 0, 10);
	}
	return -1;
}

static int
end_job(struct ctl *c, const struct job *j, const char *request, struct err *e)
{
	const char *verb = !strcmp(request, "cancel") ? "cancelled" : "failed";
	int rc;

	if (job_is_over(j->state))
		return refuse(c, "job %lld is %s already", (long long)j->id, job_state_name((enum job_state)j->state));
	if (c->dry_run) {
		snprintf(c->answer, sizeof c->answer, "would be %s", verb);
		return 0;
	}
	for (int i = 0; i < 5; i++) { /* it may move on between the look and the change */
		rc = limits_end_tree(&c->sp, j->id, request, c->reason, c->sp.who, e);
		if (rc >= 0 || e->status != ERR_NO)
			break;
	}
	return rc < 0 ? -1 : ACTION_ASKED;
}

int
action_wait(struct ctl *c, int64_t id, struct err *e)
{
	int rc = wait_over(c, id, e);

	if (rc < 0)
		return -1;
	return said(c, rc ? "asked to end; it has not yet" : !strcmp(c->action->name, "cancel") ? "cancelled" : "failed");
}

static int
cancel_job(struct ctl *c, const struct job *j, struct err *e)
{
	return end_job(c, j, "cancel", e);
}

static int
fail_job(struct ctl *c, const struct job *j, struct err *e)
{
	return end_job(c, j, "fail", e);
}

/* --- retry, force-start --------------------------------------------------------------------------------------------------------- */

static int
requeue(struct ctl *c, const struct job *j, struct err *e)
{
	char path[4096];

	if (c->from_scratch) {
		spool_path(&c->sp, path, sizeof path, "jobs/%lld/checkpoint", (long long)j->id);
		if (spool_remove_tree(path, e) < 0)
			return -1;
	}
	if (db_begin(c->sp.db, e) < 0)
		return -1;
	if (db_run(c->sp.db, e, "UPDATE job SET retried=0,waiting=0,started=0,started_at=0,paused_ns=0,paused_at=0,error=NULL,degraded=0,"
	           "deadline_at=CASE WHEN deadline_at<? THEN 0 ELSE deadline_at END,done=CASE ? WHEN 1 THEN 0 ELSE done END WHERE id=?", "iii",
	           spool_now(&c->sp), (int64_t)c->from_scratch, j->id) < 0)
		return rolled_back(c);
	if (j->state == JOB_COMPLETED) { /* a finished child, from scratch */
		if (db_run(c->sp.db, e, "UPDATE job SET state=7 WHERE id=?", "i", j->id) < 0 ||
		    job_move(&c->sp, j->id, JOB_CANCELLED, JOB_QUEUED, c->reason, c->sp.who, e) < 0)
			return rolled_back(c);
	} else if (job_move(&c->sp, j->id, (enum job_state)j->state, JOB_QUEUED, c->reason, c->sp.who, e) < 0) {
		return rolled_back(c);
	}
	return db_commit(c->sp.db, e) < 0 ? rolled_back(c) : 0;
}

static int
retry_child(struct ctl *c, const struct job *j, struct err *e)
{
	if (j->kind == JOB_PARENT)
		return each_child(c, j, retry_child, e);
	if (j->state == JOB_FAILED || j->state == JOB_CANCELLED || (j->state == JOB_COMPLETED && c->from_scratch))
		return requeue(c, j, e);
	return refuse(c, "child %lld is %s", (long long)j->id, job_state_name((enum job_state)j->state));
}

static int
retry_job(struct ctl *c, const struct job *j, struct err *e)
{
	if (j->state == JOB_PAUSED)
		return refuse(c, "job %lld is paused: use resume", (long long)j->id);
	if (!job_is_over(j->state))
		return refuse(c, "job %lld is %s: it has not failed", (long long)j->id, job_state_name((enum job_state)j->state));
	if (j->state == JOB_COMPLETED && !j->degraded)
		return refuse(c, "job %lld has completed: submit it again if it is wanted again", (long long)j->id);
	if (c->dry_run)
		return said(c, "would be queued again");
	if (j->kind == JOB_PARENT) {
		if (db_begin(c->sp.db, e) < 0)
			return -1;
		if (db_run(c->sp.db, e, "UPDATE job SET request=NULL,started=0,started_at=0,paused_ns=0,paused_at=0,error=NULL,degraded=0,"
		           "deadline_at=CASE WHEN deadline_at<? THEN 0 ELSE deadline_at END WHERE id=?", "ii", spool_now(&c->sp), j->id) < 0 ||
		    db_commit(c->sp.db, e) < 0)
			return rolled_back(c);
		return each_child(c, j, retry_child, e);
	}
	return requeue(c, j, e) < 0 ? -1 : said(c, "queued again");
}

static int
force_one(struct ctl *c, const struct job *j, struct err *e)
{
	int64_t position = 0;
	struct job now;

	if (j->kind == JOB_PARENT)
		return each_child(c, j, force_one, e);
	if (j->state == JOB_RUNNING || j->state == JOB_SUBMITTING)
		return refuse(c, j->state == JOB_SUBMITTING ? "job %lld is on its way elsewhere already" : "job %lld runs already", (long long)j->id);
	if (j->state == JOB_PAUSED)
		return refuse(c, "job %lld is paused: use resume", (long long)j->id);
	if (j->state == JOB_COMPLETED)
		return refuse(c, "job %lld has completed: submit it again if it is wanted again", (long long)j->id);
	if (c->dry_run)
		return said(c, "would go ahead of the queue");
	if (job_is_over(j->state) && requeue(c, j, e) < 0)
		return -1;
	if (db_begin(c->sp.db, e) < 0)
		return -1;
	if ((j->state == JOB_PENDING && (db_run(c->sp.db, e, "DELETE FROM dep WHERE job=?", "i", j->id) < 0 ||
	                                 job_move(&c->sp, j->id, JOB_PENDING, JOB_QUEUED, "forced: dependencies dropped", c->sp.who, e) < 0)) ||
	    db_run(c->sp.db, e, "UPDATE job SET priority=?,waiting=0,over=? WHERE id=? AND state=1", "iii", JOB_PRIORITY_FORCED,
	           (int64_t)c->over_limit, j->id) < 0 ||
	    job_note_event(&c->sp, j->id, j->attempt, "warning", c->over_limit ? "forced to the front, past its limits" : "forced to the front",
	                   c->sp.who, e) < 0 || db_commit(c->sp.db, e) < 0)
		return rolled_back(c);
	if (c->many)
		return 0;
	if (job_load(&c->sp, j->id, &now, e) <= 0 || claim_position(&c->sp, &now, &position, e) < 0)
		return -1;
	job_free(&now);
	if (!position)
		return said(c, "started");
	snprintf(c->answer, sizeof c->answer, "number %lld in the queue", (long long)position);
	return 0;
}

/* --- hold, release, priority, note -------------------------------------------------------------------------------------------- */

static int
set_waiting(struct ctl *c, const struct job *j, enum job_waiting w, const char *text, struct err *e)
{
	if (c->dry_run) {
		snprintf(c->answer, sizeof c->answer, "would be %s", text);
		return 0;
	}
	if (db_begin(c->sp.db, e) < 0)
		return -1;
	if (db_run(c->sp.db, e, "UPDATE job SET waiting=? WHERE id=? AND state<2", "ii", (int64_t)w, j->id) < 0 ||
	    job_note_event(&c->sp, j->id, j->attempt, "warning", text, c->sp.who, e) < 0 || db_commit(c->sp.db, e) < 0)
		return rolled_back(c);
	return said(c, text);
}

static int
hold_job(struct ctl *c, const struct job *j, struct err *e)
{
	if (j->kind == JOB_PARENT)
		return each_child(c, j, hold_job, e);
	if (j->state != JOB_QUEUED && j->state != JOB_PENDING)
		return refuse(c, "job %lld is %s: %s", (long long)j->id, job_state_name((enum job_state)j->state),
		              j->state == JOB_SUBMITTING ? "cancel takes it back" : is_live(j) ? "use pause" : "it will not start by itself");
	if (j->waiting == JOB_HELD)
		return refuse(c, "job %lld is held already", (long long)j->id);
	return set_waiting(c, j, JOB_HELD, "held", e);
}

static int
release_job(struct ctl *c, const struct job *j, struct err *e)
{
	if (j->kind == JOB_PARENT)
		return each_child(c, j, release_job, e);
	if (j->waiting != JOB_HELD || (j->state != JOB_QUEUED && j->state != JOB_PENDING))
		return refuse(c, "job %lld is not held%s", (long long)j->id, j->state == JOB_PAUSED ? ": use resume" : "");
	return set_waiting(c, j, JOB_READY, "released", e);
}

/* What waits elsewhere: its sim-remote looks at this file. */
static int
tell_priority(struct ctl *c, int64_t id, int64_t n, struct err *e)
{
	char path[4096], text[32];
	struct job j;
	int rc = job_load(&c->sp, id, &j, e);

	if (rc <= 0)
		return rc;
	snprintf(text, sizeof text, "%lld\n", (long long)n);
	attempt_path(&c->sp, id, j.attempt, "priority", path, sizeof path);
	job_free(&j);
	return io_put_file(path, text, strlen(text), e);
}

/* (tx) Before the rows are committed: what is noted here has reached them. */
static int
tell_priorities(struct ctl *c, int64_t top, int64_t n, struct err *e)
{
	int64_t id = 0;
	int rc;

	while ((rc = db_get_int(c->sp.db, e, &id, "WITH RECURSIVE t(id) AS (SELECT ?1 UNION ALL SELECT job.id FROM job JOIN t ON "
	                        "job.parent=t.id) SELECT min(t.id) FROM t JOIN job j ON j.id=t.id WHERE j.state=2 AND t.id>?2", "ii", top, id)) > 0)
		if (tell_priority(c, id, n, e) < 0)
			return -1;
	return rc;
}

static int
priority_job(struct ctl *c, const struct job *j, struct err *e)
{
	char text[80];
	int64_t n;

	if (num_parse_int(c->argument, -1000000, 1000000, &n) < 0)
		cli_usage("priority: \"%s\" is not a whole number", c->argument);
	if (job_is_over(j->state))
		return refuse(c, "job %lld is %s", (long long)j->id, job_state_name((enum job_state)j->state));
	if (c->dry_run)
		return said(c, "would get this priority");
	snprintf(text, sizeof text, "priority %lld", (long long)n);
	if (db_begin(c->sp.db, e) < 0)
		return -1;
	if (db_run(c->sp.db, e, "WITH RECURSIVE t(id) AS (SELECT ?1 UNION ALL SELECT job.id FROM job JOIN t ON job.parent=t.id) "
	           "UPDATE job SET priority=?2 WHERE id IN (SELECT id FROM t) AND state<5", "ii", j->id, n) < 0 ||
	    job_note_event(&c->sp, j->id, j->attempt, "warning", text, c->sp.who, e) < 0 || tell_priorities(c, j->id, n, e) < 0 ||
	    db_commit(c->sp.db, e) < 0)
		return rolled_back(c);
	return said(c, text);
}

static int
note_job(struct ctl *c, const struct job *j, struct err *e)
{
	if (c->dry_run)
		return said(c, "would be noted");
	if (db_begin(c->sp.db, e) < 0)
		return -1;
	if (db_run(c->sp.db, e, "UPDATE job SET note=? WHERE id=?", "si", c->argument, j->id) < 0 ||
	    job_note_event(&c->sp, j->id, j->attempt, "warning", c->argument, c->sp.who, e) < 0 || db_commit(c->sp.db, e) < 0)
		return rolled_back(c);
	return said(c, "noted");
}

/* --- the table ------------------------------------------------------------------------------------------------------- */

static const struct action actions[] = {{"pause", pause_job, 0}, {"resume", resume_job, 0}, {"cancel", cancel_job, 0}, {"retry", retry_job, 0},
               {"force-start", force_one, 0}, {"fail", fail_job, 0}, {"hold", hold_job, 0}, {"release", release_job, 0},
               {"priority", priority_job, 1}, {"note", note_job, 1}};

const struct action *
action_find(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	return NULL;
}
