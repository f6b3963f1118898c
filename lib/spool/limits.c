/* limits: see limits.h. */
#include "spool/limits.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "spool/attempt.h"
#include "spool/catchup.h"
#include "spool/job.h"
#include "spool/launch.h"
#include "spool/remote.h"

/* How long past a limit a live keeper may be before it counts as stuck. */
#define STUCK_NS ((int64_t)5 * 1000000000)

static int
rolled_back(struct spool *sp)
{
	db_rollback(sp->db);
	return -1;
}

/* --- ending ---------------------------------------------------------------------------------------------------------- */

static int
note_request(struct spool *sp, const struct job *j, const char *request, const char *reason, const char *who, struct err *e)
{
	char text[300];

	if (j->request && !strcmp(j->request, request))
		return 0; /* it was said before */
	snprintf(text, sizeof text, "asked to end (%s): %s", request, reason ? reason : "no reason given");
	if (db_begin(sp->db, e) < 0)
		return -1;
	if (db_run(sp->db, e, "UPDATE job SET request=?,request_reason=?,request_who=? WHERE id=? AND state IN(2,3,4)", "sssi", request,
	           reason, who, j->id) < 0 ||
	    job_note_event(sp, j->id, j->attempt, "warning", text, who, e) < 0 || db_commit(sp->db, e) < 0)
		return rolled_back(sp);
	return 0;
}

static int
note_end(struct spool *sp, const struct job *j, const struct job_end *end, struct err *e)
{
	if (db_begin(sp->db, e) < 0)
		return -1;
	if (catchup_end(sp, j->id, j->attempt, end, e) < 0 || db_commit(sp->db, e) < 0)
		return rolled_back(sp);
	spool_wake(sp);
	return 0;
}

/* Ends an attempt that has no keeper: fenced off first, so that it is neither adopted nor, claimed a moment ago, begun after all.
 * 1 ended; 0 if it has a keeper or a result, or something of it cannot be killed: then it is not over. */
static int
end_unkept(struct spool *sp, const struct job *j, const char *reason, struct err *e)
{
	struct job_end end = {.outcome = "terminated", .reason = reason ? reason : "ended on request", .status = -1, .done = j->done};
	struct attempt_probe a;
	int fence = attempt_fence(sp, j->id, j->attempt, e), rc;

	if (fence < 0)
		return e->status == ERR_NO ? 0 : -1;
	rc = attempt_probe(sp, j->id, j->attempt, &a, e) < 0 ? -1 : attempt_kill(sp, j->id, j->attempt, &a, j->grace_ns, e);
	if (rc == 0)
		rc = attempt_write_result(sp, j->id, j->attempt, &end, 1, e) < 0 || note_end(sp, j, &end, e) < 0 ? -1 : 1;
	else if (rc > 0)
		rc = 0;
	close(fence);
	return rc;
}

int
limits_end_job(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e)
{
	struct attempt_probe p;
	struct job j;
	int rc = job_load(sp, id, &j, e);

	if (rc <= 0)
		return rc;
	rc = note_request(sp, &j, request, reason, who, e);
	/* A keeper that begins or ends at this moment has its lock and not yet, or no longer, its name: a second look is enough,
	 * and if not, recover_pass() tells it. */
	for (int i = 0; rc == 0 && i < 50; i++) {
		if (attempt_probe(sp, id, j.attempt, &p, e) < 0)
			rc = -1;
		else if (p.keeper_locked ? proc_signal(p.keeper, SIGTERM) == 0 : p.has_result)
			break; /* it ends the stage, and whoever records the end reads the request */
		else if (p.keeper_locked)
			nanosleep(&(struct timespec){0, 10000000}, NULL);
		else
			rc = end_unkept(sp, &j, reason, e);
	}
	job_free(&j);
	return rc < 0 ? -1 : 0;
}

static int
end_one(struct spool *sp, int64_t id, int64_t state, const char *request, const char *reason, const char *who, struct err *e)
{
	enum job_state to = !strcmp(request, "cancel") ? JOB_CANCELLED : JOB_FAILED;

	if (state == JOB_RUNNING || state == JOB_PAUSED || state == JOB_SUBMITTING)
		return limits_end_job(sp, id, request, reason, who, e);
	if (db_begin(sp->db, e) < 0)
		return -1;
	if ((to == JOB_FAILED && db_run(sp->db, e, "UPDATE job SET error=?1,last_error=?1 WHERE id=?2", "si", reason, id) < 0) ||
	    job_move(sp, id, (enum job_state)state, to, reason, who, e) < 0 || db_commit(sp->db, e) < 0)
		return rolled_back(sp);
	return 0;
}

/* (tx) Up to a few hundred children that wait: ended, from whatever they wait for. How many, or -1. */
static int
end_some_waiting(struct spool *sp, int64_t parent, const char *request, const char *reason, const char *who, struct err *e)
{
	enum job_state to = !strcmp(request, "cancel") ? JOB_CANCELLED : JOB_FAILED;
	int64_t id[400], state[400];
	struct db_stmt *st = db_query(sp->db, e, "SELECT id,state FROM job WHERE parent=? AND state<2 AND kind<2 LIMIT 400", "i", parent);
	int n = 0, rc = -1;

	while (st && (rc = db_step(st, e)) > 0) {
		id[n] = db_int(st, 0);
		state[n++] = db_int(st, 1);
	}
	db_done(st);
	for (int i = 0; i < n && rc == 0; i++) {
		rc = job_move(sp, id[i], (enum job_state)state[i], to, reason, who, e);
		if (rc < 0 && e->status == ERR_NO)
			rc = 0; /* one it depended on was ended just now, and it with it */
		else if (rc == 0 && to == JOB_FAILED)
			rc = db_run(sp->db, e, "UPDATE job SET error=?1,last_error=?1 WHERE id=?2", "si", reason, id[i]) < 0 ? -1 : 0;
	}
	return rc < 0 ? -1 : n;
}

static int
end_waiting(struct spool *sp, int64_t parent, const char *request, const char *reason, const char *who, struct err *e)
{
	int all = 0, n;

	do {
		if (db_begin(sp->db, e) < 0)
			return -1;
		n = end_some_waiting(sp, parent, request, reason, who, e);
		if (n < 0 || db_commit(sp->db, e) < 0)
			return rolled_back(sp);
		all += n;
	} while (n);
	return all;
}

/* The waiting children first, so that none starts while others end. */
static int
end_children(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e)
{
	int n = end_waiting(sp, id, request, reason, who, e), rc, failures = 0;
	int64_t child;

	if (n < 0)
		return -1;
	for (int64_t last = 0; (rc = db_get_int(sp->db, e, &child, "SELECT min(id) FROM job WHERE parent=? AND state<5 AND (kind=2 OR state>1) AND id>?",
	                                        "ii", id, last)) > 0;) {
		last = child;
		rc = limits_end_tree(sp, child, request, reason, who, e);
		if (rc < 0 && e->status == ERR_NO && failures++ < 100) /* it moved on meanwhile: look again */
			last = child - 1;
		else if (rc < 0)
			return -1;
		else
			n += rc;
	}
	return rc < 0 ? -1 : n;
}

int
limits_end_tree(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e)
{
	struct job j;
	int n, rc = job_load(sp, id, &j, e);

	if (rc <= 0)
		return rc;
	if (j.kind != JOB_PARENT) {
		rc = job_is_over(j.state) ? 0 : end_one(sp, id, j.state, request, reason, who, e) < 0 ? -1 : 1;
		job_free(&j);
		return rc;
	}
	job_free(&j);
	if (db_begin(sp->db, e) < 0)
		return -1;
	if (db_run(sp->db, e, "UPDATE job SET request=?,request_reason=?,request_who=? WHERE id=? AND state<5", "sssi", request, reason, who,
	           id) < 0 || db_commit(sp->db, e) < 0)
		return rolled_back(sp);
	n = end_children(sp, id, request, reason, who, e);
	if (n < 0)
		return -1;
	n += end_waiting(sp, id, request, reason, who, e); /* what was put back meanwhile */
	spool_wake(sp);
	return n;
}

/* --- the pass -------------------------------------------------------------------------------------------------------------- */

struct pass {
	struct spool *sp;
	int64_t next;
	spool_report report;
	void *ctx;
};

static void
due_at(struct pass *p, int64_t at)
{
	if (at && (!p->next || at < p->next))
		p->next = at;
}

static int
waiting_job(struct pass *p, const struct job *j, struct err *e)
{
	int64_t ttl = j->ttl_ns ? j->ttl_ns : JOB_QUEUE_DEFAULT_NS, now = spool_now(p->sp), left, deadline;
	char why[200] = "";
	int rc;

	if (launch_limits(p->sp, j, &left, &deadline, why, sizeof why, e) < 0)
		return -1;
	if (deadline && deadline + p->sp->offset <= now) {
		;
	} else if (j->started_at && left <= 0) { /* between two attempts */
		snprintf(why, sizeof why, "deadline: the limit in time was reached between attempts");
	} else if (j->state == JOB_QUEUED && j->queued_at + ttl <= now) {
		snprintf(why, sizeof why, "queue-ttl: stale, %.0f s in the queue", (double)(now - j->queued_at) / 1e9);
	} else {
		due_at(p, deadline ? deadline + p->sp->offset : 0);
		due_at(p, j->state == JOB_QUEUED ? j->queued_at + ttl : 0);
		return 0;
	}
	rc = end_one(p->sp, j->id, j->state, "deadline", why, "simspool", e);
	if (rc < 0 && e->status == ERR_NO)
		return 0; /* it has just moved on */
	if (rc == 0)
		p->report(p->ctx, j->id, "failed", why);
	return rc;
}

/* A stall may be one of the sim-run that should have told of progress: stopped, or slow. What the stage has written says. 1: it goes on. */
static int
goes_on(struct pass *p, const struct job *j, struct err *e)
{
	int64_t at = 0;
	int rc;

	if (db_begin(p->sp->db, e) < 0)
		return -1;
	if (catchup_events(p->sp, j->id, j->attempt, INT64_MAX, NULL, e) < 0 || db_commit(p->sp->db, e) < 0)
		return rolled_back(p->sp);
	rc = db_get_int(p->sp->db, e, &at, "SELECT progress_at FROM job WHERE id=?", "i", j->id);
	if (rc <= 0 || at <= j->progress_at)
		return rc < 0 ? -1 : 0;
	due_at(p, at + j->stall_ns);
	return 1;
}

/* Handed over and not begun for as long as it may wait in a queue: told to end. 1 told, 0 it may wait on, -1. */
static int
not_begun_in_time(struct pass *p, const struct job *j, struct err *e)
{
	int64_t ttl = j->ttl_ns ? j->ttl_ns : JOB_QUEUE_DEFAULT_NS, now = spool_now(p->sp);
	char why[200];

	if (j->request)
		return 0;
	if (now < j->queued_at + ttl) {
		due_at(p, j->queued_at + ttl);
		return 0;
	}
	snprintf(why, sizeof why, "queue-ttl: stale, %.0f s without a start elsewhere", (double)(now - j->queued_at) / 1e9);
	if (limits_end_job(p->sp, j->id, "deadline", why, "simspool", e) < 0)
		return -1;
	p->report(p->ctx, j->id, "failed", why);
	return 1;
}

static int
active_job(struct pass *p, const struct job *j, struct err *e)
{
	int64_t now = spool_now(p->sp), left, deadline, due = 0, late;
	char why[200] = "";
	struct attempt_probe a;
	struct remote_row away;
	int rc, stalled = 0, remote = remote_load(p->sp, j->id, j->attempt, &away, e);

	if (remote < 0 || launch_limits(p->sp, j, &left, &deadline, why, sizeof why, e) < 0 || attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0)
		return -1;
	if (j->state == JOB_SUBMITTING && (rc = not_begun_in_time(p, j, e)) != 0)
		return rc < 0 ? -1 : 0;
	if (j->state == JOB_SUBMITTING)
		left = LAUNCH_NO_LIMIT; /* its time runs from its start */
	if (deadline)
		due = deadline + p->sp->offset;
	if (!j->paused_at && left != LAUNCH_NO_LIMIT && (!due || now + left < due)) {
		due = now + left;
		snprintf(why, sizeof why, "deadline: the limit in time was reached");
	}
	if (!j->paused_at && j->stall_ns && !remote && (!due || j->progress_at + j->stall_ns < due)) {
		stalled = 1;
		due = j->progress_at + j->stall_ns;
		snprintf(why, sizeof why, "stalled: no progress for %.3g s", (double)j->stall_ns / 1e9);
	}
	late = j->grace_ns + STUCK_NS + (remote ? KEEPER_REMOTE_NS : 0);
	if (!due || now < due + (a.keeper_locked ? late : 0)) {
		due_at(p, due && now < due ? due : due ? due + late : 0);
		return 0;
	}
	if (a.has_result && !a.keeper_locked)
		return 0; /* recover_pass() records it */
	if (stalled && (rc = goes_on(p, j, e)) != 0)
		return rc < 0 ? -1 : 0;
	if (note_request(p->sp, j, "deadline", why, "simspool", e) < 0) /* first: its relay may be quicker to record the end */
		return -1;
	if (a.keeper_locked) { /* stuck, or stopped by somebody: it goes too */
		proc_signal(a.keeper, SIGKILL);
		for (int i = 0; i < 500 && a.keeper_locked; i++) {
			nanosleep(&(struct timespec){0, 10000000}, NULL);
			if (attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0)
				return -1;
		}
	}
	if (a.has_result)
		return 0;
	rc = end_unkept(p->sp, j, why, e);
	if (rc > 0)
		p->report(p->ctx, j->id, "killed", why);
	return rc < 0 ? -1 : 0;
}

static int
parent_job(struct pass *p, const struct job *j, struct err *e)
{
	int64_t now = spool_now(p->sp), left = 0, deadline = 0, def = 0, used;
	char why[200] = "";
	int rc;

	if (j->request) { /* who asked was killed in the middle of it */
		rc = limits_end_tree(p->sp, j->id, j->request, j->request_reason, j->request_who, e);
		return rc < 0 && e->status != ERR_NO ? -1 : 0;
	}
	if (launch_limits(p->sp, j, &left, &deadline, why, sizeof why, e) < 0)
		return -1;
	if (deadline && deadline + p->sp->offset <= now) {
		;
	} else if (j->timeout_ns && j->started_at && left <= 0) {
		snprintf(why, sizeof why, "deadline: the limit in time was reached");
	} else {
		due_at(p, deadline ? deadline + p->sp->offset : 0);
		due_at(p, j->timeout_ns && j->started_at ? now + left : 0);
		if (j->timeout_ns || deadline || !j->started_at || j->paused_at)
			return 0;
		if (launch_parent_default(p->sp, j, &def, e) < 0)
			return -1;
		used = now - j->started_at - j->paused_ns;
		if (!def || used < def) {
			due_at(p, def ? now + def - used : 0);
			return 0;
		}
		snprintf(why, sizeof why, "deadline: the default limit of %.0f s for its children was reached", (double)def / 1e9);
	}
	rc = limits_end_tree(p->sp, j->id, "deadline", why, "simspool", e);
	if (rc > 0)
		p->report(p->ctx, j->id, "failed", why);
	return rc < 0 ? -1 : 0;
}

static int
look_at(struct pass *p, int64_t id, struct err *e)
{
	struct job j;
	int rc = job_load(p->sp, id, &j, e);

	if (rc <= 0)
		return rc;
	if (job_is_over(j.state))
		rc = 0;
	else if (j.kind == JOB_PARENT)
		rc = parent_job(p, &j, e);
	else if (j.state == JOB_PENDING || j.state == JOB_QUEUED)
		rc = waiting_job(p, &j, e);
	else
		rc = active_job(p, &j, e);
	job_free(&j);
	return rc;
}

/* Read first, then looked at: each look may be a transaction. */
static int
look_at_all(struct pass *p, struct db_stmt *st, struct err *e)
{
	int64_t *id = NULL;
	size_t n = 0, cap = 0;
	int rc = -1;

	while (st && (rc = db_step(st, e)) > 0) {
		if (n == cap) {
			int64_t *more = realloc(id, (cap = 2 * cap + 64) * sizeof *id);

			if (!more) {
				rc = err_nomem(e);
				break;
			}
			id = more;
		}
		id[n++] = db_int(st, 0);
	}
	db_done(st);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = look_at(p, id[i], e) < 0 ? -1 : 0;
	free(id);
	return rc;
}

int
limits_pass(struct spool *sp, int all, int64_t *next, spool_report report, void *ctx, struct err *e)
{
	struct pass p = {sp, 0, report, ctx};

	/* those with limits of their own, and all that run or back off; the long tail of the queue only if its age is asked for */
	if (look_at_all(&p, db_query(sp->db, e, "SELECT id FROM job INDEXED BY job_limit WHERE state<5 AND (deadline_at>0 OR ttl_ns>0 OR kind=2)",
	                             ""), e) < 0 ||
	    look_at_all(&p, db_query(sp->db, e, "SELECT id FROM job WHERE state IN(2,3,4) AND kind<2", ""), e) < 0 ||
	    look_at_all(&p, db_query(sp->db, e, "SELECT id FROM job INDEXED BY job_ready WHERE state=1 AND waiting=1", ""), e) < 0)
		return -1;
	if (all && look_at_all(&p, db_query(sp->db, e, "SELECT id FROM job WHERE state=1 AND waiting=0 AND ttl_ns=0 AND queued_at<=?", "i",
	                                    spool_now(sp) - JOB_QUEUE_DEFAULT_NS), e) < 0)
		return -1;
	*next = p.next;
	return 0;
}
