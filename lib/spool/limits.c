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
#include "spool/job.h"
#include "spool/launch.h"

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

	snprintf(text, sizeof text, "asked to end (%s): %s", request, reason ? reason : "no reason given");
	if (db_begin(sp->db, e) < 0)
		return -1;
	if (db_run(sp->db, e, "UPDATE job SET request=?,request_reason=?,request_who=? WHERE id=? AND state IN(2,3,4)", "sssi", request,
	           reason, who, j->id) < 0 ||
	    job_note_event(sp, j->id, j->attempt, "warning", text, who, e) < 0 || db_commit(sp->db, e) < 0)
		return rolled_back(sp);
	return 0;
}

/* What a dead keeper can no longer record. */
static int
record_end(struct spool *sp, const struct job *j, const char *reason, struct err *e)
{
	struct job_end end = {.outcome = "terminated", .reason = reason, .status = -1, .done = j->done};

	if (db_begin(sp->db, e) < 0)
		return -1;
	if (job_take_end(sp, j->id, j->attempt, &end, e) < 0 || db_commit(sp->db, e) < 0)
		return rolled_back(sp);
	spool_wake(sp);
	return 0;
}

/* No keeper, no stage, no result: either its sim-run is about to start it, or is dead. Whoever takes the locks and leaves a
 * result has it: keeper_start() refuses an attempt that has one. 1 ended, 0 somebody else has it. */
static int
end_unstarted(struct spool *sp, const struct job *j, const char *reason, struct err *e)
{
	struct job_end end = {.outcome = "terminated", .reason = reason ? reason : "ended on request", .status = -1, .done = j->done};
	struct err busy = {0};
	int keeper_fd, stage_fd, rc = 0;

	if (attempt_make(sp, j->id, j->attempt, e) < 0)
		return -1;
	if (attempt_lock(sp, j->id, j->attempt, &keeper_fd, &stage_fd, &busy) < 0)
		return 0;
	if (!attempt_has_result(sp, j->id, j->attempt))
		rc = attempt_write_result(sp, j->id, j->attempt, &end, e) < 0 || record_end(sp, j, reason, e) < 0 ? -1 : 1;
	close(keeper_fd);
	close(stage_fd);
	return rc;
}

/* One look: 1 done, 0 look again, -1. */
static int
end_once(struct spool *sp, const struct job *j, const char *reason, struct err *e)
{
	struct attempt_probe p;

	if (attempt_probe(sp, j->id, j->attempt, &p, e) < 0)
		return -1;
	if (p.keeper_locked) /* it ends the stage, and whoever records the end reads the request */
		return proc_signal(p.keeper, SIGTERM) == 0;
	if (p.has_result)
		return 1;
	if (!p.starting)
		return end_unstarted(sp, j, reason, e);
	if (attempt_kill(sp, j->id, j->attempt, &p, j->grace_ns, e) < 0)
		return -1;
	return record_end(sp, j, reason, e) < 0 ? -1 : 1;
}

int
limits_end_job(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e)
{
	struct job j;
	int rc = job_load(sp, id, &j, e);

	if (rc <= 0)
		return rc;
	rc = note_request(sp, &j, request, reason, who, e);
	for (int i = 0; rc == 0 && i < 500; i++) { /* a keeper that is just beginning: its name is not yet in the lock file */
		rc = end_once(sp, &j, reason, e);
		if (rc == 0)
			nanosleep(&(struct timespec){0, 10000000}, NULL);
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

int
limits_end_tree(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e)
{
	struct job j;
	int64_t child;
	int n = 0, rc = job_load(sp, id, &j, e), failures = 0;

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
	/* one by one, the waiting ones first, so that none starts while others end */
	for (int64_t last = 0, pass = 0; pass < 2;) {
		rc = pass == 0 ? db_get_int(sp->db, e, &child, "SELECT min(id) FROM job WHERE parent=? AND state<2 AND id>?", "ii", id, last)
		               : db_get_int(sp->db, e, &child, "SELECT min(id) FROM job WHERE parent=? AND state IN(2,3,4) AND id>?", "ii", id, last);
		if (rc < 0)
			return -1;
		if (!rc) {
			pass++;
			last = 0;
			continue;
		}
		last = child;
		rc = limits_end_tree(sp, child, request, reason, who, e);
		if (rc < 0 && e->status == ERR_NO && failures++ < 100) { /* it moved on meanwhile: look again */
			last = child - 1;
			continue;
		}
		if (rc < 0)
			return -1;
		n += rc;
	}
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

static int
active_job(struct pass *p, const struct job *j, struct err *e)
{
	int64_t now = spool_now(p->sp), left, deadline, due = 0;
	char why[200] = "";
	struct attempt_probe a;
	int rc;

	if (launch_limits(p->sp, j, &left, &deadline, why, sizeof why, e) < 0 || attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0)
		return -1;
	if (deadline)
		due = deadline + p->sp->offset;
	if (!j->paused_at && left != LAUNCH_NO_LIMIT && (!due || now + left < due)) {
		due = now + left;
		snprintf(why, sizeof why, "deadline: the limit in time was reached");
	}
	if (!j->paused_at && j->stall_ns && (!due || j->progress_at + j->stall_ns < due)) {
		due = j->progress_at + j->stall_ns;
		snprintf(why, sizeof why, "stalled: no progress for %.3g s", (double)j->stall_ns / 1e9);
	}
	if (!due || now < due + (a.keeper_locked ? j->grace_ns + STUCK_NS : 0)) {
		due_at(p, due && now < due ? due : due ? due + j->grace_ns + STUCK_NS : 0);
		return 0;
	}
	if (a.has_result)
		return 0; /* recover_pass() records it */
	if (a.keeper_locked) { /* stuck, or stopped by somebody: it goes too */
		proc_signal(a.keeper, SIGKILL);
		for (int i = 0; i < 500 && a.keeper_locked; i++) {
			nanosleep(&(struct timespec){0, 10000000}, NULL);
			if (attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0)
				return -1;
		}
	}
	if (note_request(p->sp, j, "deadline", why, "simspool", e) < 0)
		return -1;
	rc = attempt_kill(p->sp, j->id, j->attempt, &a, j->grace_ns, e);
	if (rc < 0 || record_end(p->sp, j, why, e) < 0)
		return -1;
	p->report(p->ctx, j->id, "killed", why);
	return 0;
}

static int
parent_job(struct pass *p, const struct job *j, struct err *e)
{
	int64_t now = spool_now(p->sp), left = 0, deadline = 0, def = 0, used;
	char why[200] = "";
	int rc;

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

int
limits_pass(struct spool *sp, int all, int64_t *next, spool_report report, void *ctx, struct err *e)
{
	/* those with limits of their own, and all that run; the long tail of the queue has its oldest looked at alone */
	static const char *const which[] = {
	    "SELECT min(id) FROM job INDEXED BY job_limit WHERE state<5 AND (deadline_at>0 OR ttl_ns>0 OR kind=2) AND id>?",
	    "SELECT min(id) FROM job WHERE state IN(2,3,4) AND kind<2 AND id>?",
	    "SELECT min(id) FROM job INDEXED BY job_ready WHERE state=1 AND waiting=1 AND id>?"};
	struct pass p = {sp, 0, report, ctx};
	int64_t id, oldest = 0;
	int rc = 0;

	for (size_t i = 0; i < sizeof which / sizeof which[0]; i++)
		for (int64_t last = 0; ; last = id) {
			rc = db_get_int(sp->db, e, &id, which[i], "i", last);
			if (rc > 0)
				rc = look_at(&p, id, e) < 0 ? -1 : 1;
			if (rc < 0)
				return -1;
			if (!rc)
				break;
		}
	while (all) { /* the default age in the queue, a week: ids rise with age */
		rc = db_get_int(sp->db, e, &id, "SELECT min(id) FROM job WHERE state=1 AND waiting=0 AND ttl_ns=0", "");
		if (rc <= 0 || id == oldest)
			break;
		oldest = id;
		if (look_at(&p, id, e) < 0)
			return -1;
	}
	*next = p.next;
	return rc < 0 ? -1 : 0;
}
