/* job_move: a change of a job's state, and what follows from it: its slots, its dependents, its parent. */
#include "spool/job_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "spool/notify.h"
#include "spool/slots.h"

#define BIT(s) (1u << (s))
static const unsigned allowed[JOB_NSTATES] = {
    [JOB_PENDING] = BIT(JOB_QUEUED) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED),
    [JOB_QUEUED] = BIT(JOB_PENDING) | BIT(JOB_SUBMITTING) | BIT(JOB_RUNNING) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED),
    [JOB_SUBMITTING] = BIT(JOB_RUNNING) | BIT(JOB_QUEUED) | BIT(JOB_COMPLETED) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED),
    [JOB_RUNNING] = BIT(JOB_PAUSED) | BIT(JOB_QUEUED) | BIT(JOB_COMPLETED) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED),
    [JOB_PAUSED] = BIT(JOB_RUNNING) | BIT(JOB_QUEUED) | BIT(JOB_COMPLETED) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED),
    [JOB_COMPLETED] = 0,
    [JOB_FAILED] = BIT(JOB_QUEUED),
    [JOB_CANCELLED] = BIT(JOB_QUEUED),
};

static int settle_dependents(struct spool *sp, int64_t id, int completed, struct err *e);

static int
write_state(struct spool *sp, struct job *j, enum job_state to, const char *reason, struct err *e)
{
	int64_t now = spool_now(sp), real = clk_real_ns();
	enum job_state from = (enum job_state)j->state;
	int rc;

	if (to == JOB_QUEUED)
		rc = db_run(sp->db, e, "UPDATE job SET state=1,reason=?,queued_at=?,request=NULL,request_reason=NULL,request_who=NULL,"
		            "paused_at=0,ended=0,ended_at=0 WHERE id=?", "sii", reason, now, j->id);
	else if (to == JOB_RUNNING && from != JOB_PAUSED)
		rc = db_run(sp->db, e, "UPDATE job SET state=3,reason=?,waiting=CASE kind WHEN 2 THEN 3 ELSE 0 END,progress_at=?,"
		            "started_at=CASE started_at WHEN 0 THEN ? ELSE started_at END,"
		            "started=CASE started WHEN 0 THEN ? ELSE started END WHERE id=?", "siiii", reason, now, now, real, j->id);
	else if (to == JOB_PAUSED)
		rc = db_run(sp->db, e, "UPDATE job SET state=4,reason=?,paused_at=? WHERE id=?", "sii", reason, now, j->id);
	else if (to == JOB_RUNNING)
		rc = db_run(sp->db, e, "UPDATE job SET state=3,reason=?,paused_ns=paused_ns+(?-paused_at),"
		            "progress_at=progress_at+(?-paused_at),paused_at=0 WHERE id=?", "siii", reason, now, now, j->id);
	else if (job_is_over(to))
		rc = db_run(sp->db, e, "UPDATE job SET state=?,reason=?,waiting=CASE kind WHEN 2 THEN 3 ELSE 0 END,over=0,ended=?,ended_at=?,request=NULL WHERE id=?",
		            "isiii", (int64_t)to, reason, real, now, j->id);
	else
		rc = db_run(sp->db, e, "UPDATE job SET state=?,reason=? WHERE id=?", "isi", (int64_t)to, reason, j->id);
	return rc < 0 ? -1 : 0;
}

int
job_change(struct spool *sp, struct job *j, enum job_state to, const char *reason, const char *who, struct err *e)
{
	enum job_state from = (enum job_state)j->state;

	if (write_state(sp, j, to, reason, e) < 0)
		return -1;
	if (job_is_active(from) && !job_is_active(to) && *j->slots && slots_release(sp, j->id, e) < 0)
		return -1;
	if (job_state_event(sp, j, from, to, reason, who, e) < 0)
		return -1;
	j->state = to;
	if (!job_is_over(to))
		return 0;
	return notify_due(sp, j->id, e) < 0 ? -1 : settle_dependents(sp, j->id, to == JOB_COMPLETED, e);
}

int
job_move(struct spool *sp, int64_t id, enum job_state from, enum job_state to, const char *reason, const char *who, struct err *e)
{
	struct job j;
	int rc = job_load(sp, id, &j, e);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, ERR_NO, "there is no job %lld", (long long)id);
	if (j.state != from)
		rc = err_set(e, ERR_NO, "job %lld is %s, not %s", (long long)id, job_state_name((enum job_state)j.state), job_state_name(from));
	else if (j.kind != JOB_PARENT && !(allowed[from] & BIT(to)))
		rc = err_set(e, ERR_SOFTWARE, "job %lld: no way from %s to %s", (long long)id, job_state_name(from), job_state_name(to));
	else
		rc = job_change(sp, &j, to, reason, who, e);
	if (rc == 0 && j.parent)
		rc = job_settle_parent(sp, j.parent, e);
	job_free(&j);
	return rc;
}

/* R4. */
static int
settle_dependents(struct spool *sp, int64_t id, int completed, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT d.job,d.ok FROM dep d JOIN job j ON j.id=d.job WHERE d.on_job=? AND j.state=0",
	                              "i", id);
	int64_t *list = NULL;
	size_t n = 0;
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) > 0) {
		int64_t *more = realloc(list, (n + 1) * 2 * sizeof *list);

		if (!more) {
			rc = err_nomem(e);
			break;
		}
		list = more;
		list[2 * n] = db_int(st, 0);
		list[2 * n++ + 1] = db_int(st, 1);
	}
	db_done(st);
	for (size_t i = 0; i < n && rc >= 0; i++) {
		char why[100];
		int64_t open_deps = 0;

		if (list[2 * i + 1] && !completed) {
			snprintf(why, sizeof why, "dependency %lld did not complete", (long long)id);
			rc = db_run(sp->db, e, "UPDATE job SET error=? WHERE id=?", "si", why, list[2 * i]);
			if (rc >= 0)
				rc = job_move(sp, list[2 * i], JOB_PENDING, JOB_FAILED, why, "simspool", e);
			continue;
		}
		rc = db_get_int(sp->db, e, &open_deps, "SELECT count(*) FROM dep d JOIN job j ON j.id=d.on_job WHERE d.job=? AND j.state<5",
		                "i", list[2 * i]);
		if (rc >= 0 && !open_deps)
			rc = job_move(sp, list[2 * i], JOB_PENDING, JOB_QUEUED, NULL, "simspool", e);
	}
	free(list);
	return rc < 0 ? -1 : 0;
}

/* --- parents --------------------------------------------------------------------------------------------------------- */

static int
min_ok_met(const char *rule, int64_t ok, int64_t all)
{
	char *end;
	double x = rule ? strtod(rule, &end) : 0;

	if (!rule)
		return ok == all;
	if (*end == '%')
		x = x / 100 * (double)all;
	return ok > 0 && (double)ok >= x;
}

static int
has_child(struct spool *sp, int64_t parent, enum job_state s, struct err *e)
{
	int64_t x = 0;
	int rc = db_get_int(sp->db, e, &x, "SELECT 1 FROM job WHERE parent=? AND state=? LIMIT 1", "ii", parent, (int64_t)s);

	return rc;
}

static int
limit_passed(const struct spool *sp, const struct job *p)
{
	int64_t now = spool_now(sp);

	return (p->deadline_at && now >= p->deadline_at) ||
	       (p->timeout_ns && p->started_at && now >= p->started_at + p->paused_ns + p->timeout_ns);
}

static int
ended_state(struct spool *sp, const struct job *p, enum job_state *to, char *why, size_t n, int *degraded, struct err *e)
{
	int64_t count[JOB_NSTATES] = {0}, all;
	struct db_stmt *st = db_query(sp->db, e, "SELECT state,count(*) FROM job WHERE parent=? GROUP BY state", "i", p->id);
	int rc;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) > 0)
		count[db_int(st, 0) & 7] = db_int(st, 1);
	db_done(st);
	if (rc < 0)
		return -1;
	all = count[JOB_COMPLETED] + count[JOB_FAILED] + count[JOB_CANCELLED];
	*degraded = 0;
	why[0] = '\0';
	if (count[JOB_COMPLETED] == all) {
		*to = JOB_COMPLETED;
	} else if (p->request && !strcmp(p->request, "cancel")) {
		*to = JOB_CANCELLED;
		snprintf(why, n, "%s", p->request_reason ? p->request_reason : "cancelled");
	} else if (p->request) {
		*to = JOB_FAILED;
		snprintf(why, n, "%s", p->request_reason ? p->request_reason : p->request);
	} else if (count[JOB_CANCELLED] == all) {
		*to = JOB_CANCELLED;
	} else {
		*to = p->min_ok && min_ok_met(p->min_ok, count[JOB_COMPLETED], all) ? JOB_COMPLETED : JOB_FAILED;
		*degraded = *to == JOB_COMPLETED;
		if (*to == JOB_FAILED && limit_passed(sp, p))
			n -= (size_t)snprintf(why, n, "deadline: the limit in time was reached; ");
		snprintf(why + strlen(why), n, "%lld of %lld children completed, %lld failed, %lld cancelled%s%s", (long long)count[JOB_COMPLETED],
		         (long long)all, (long long)count[JOB_FAILED], (long long)count[JOB_CANCELLED],
		         p->min_ok ? "; --min-ok " : "", p->min_ok ? p->min_ok : "");
	}
	return 0;
}

/* Time in which nothing of a parent runs does not count against its default limit: paused_at, paused_ns. */
static int
note_idle(struct spool *sp, const struct job *p, int busy, struct err *e)
{
	int64_t now = spool_now(sp);
	int rc = 0;

	if (busy && p->paused_at)
		rc = db_run(sp->db, e, "UPDATE job SET paused_ns=paused_ns+(?-paused_at),paused_at=0 WHERE id=?", "ii", now, p->id);
	else if (!busy && !p->paused_at && p->started_at)
		rc = db_run(sp->db, e, "UPDATE job SET paused_at=? WHERE id=?", "ii", now, p->id);
	return rc < 0 ? -1 : 0;
}

static int
parent_state(struct spool *sp, const struct job *p, enum job_state *to, char *why, size_t n, int *degraded, struct err *e)
{
	int live[JOB_COMPLETED], any = 0;

	for (int s = 0; s < JOB_COMPLETED; s++) {
		live[s] = has_child(sp, p->id, (enum job_state)s, e);
		if (live[s] < 0)
			return -1;
		any |= live[s];
	}
	if (!any)
		return ended_state(sp, p, to, why, n, degraded, e);
	if (note_idle(sp, p, live[JOB_RUNNING] || live[JOB_SUBMITTING], e) < 0)
		return -1;
	if (live[JOB_RUNNING] || live[JOB_SUBMITTING])
		*to = JOB_RUNNING;
	else if (live[JOB_PAUSED])
		*to = JOB_PAUSED;
	else if (p->started_at && !job_is_over(p->state))
		*to = JOB_RUNNING;
	else
		*to = live[JOB_QUEUED] ? JOB_QUEUED : JOB_PENDING;
	return 0;
}

int
job_settle_parent(struct spool *sp, int64_t parent, struct err *e)
{
	enum job_state to = JOB_QUEUED;
	char why[300] = "";
	struct job p;
	int degraded = 0, rc = job_load(sp, parent, &p, e);

	if (rc <= 0)
		return rc;
	rc = parent_state(sp, &p, &to, why, sizeof why, &degraded, e);
	if (rc == 0 && to != p.state) {
		int64_t from = p.state;

		if (to == JOB_PAUSED || (from == JOB_PAUSED && to == JOB_RUNNING)) {
			/* a parent's own clock is note_idle's: the state alone changes here */
			rc = db_run(sp->db, e, "UPDATE job SET state=?,reason=NULL WHERE id=?", "ii", (int64_t)to, parent) < 0 ? -1 :
			     job_state_event(sp, &p, (enum job_state)from, to, NULL, "simspool", e);
		} else {
			rc = job_change(sp, &p, to, *why ? why : NULL, "simspool", e);
		}
		if (rc == 0 && job_is_over(to))
			rc = db_run(sp->db, e, "UPDATE job SET degraded=?,error=? WHERE id=?", "isi", (int64_t)degraded,
			            to == JOB_FAILED && *why ? why : NULL, parent) < 0 ? -1 : 0;
		if (rc == 0 && p.parent)
			rc = job_settle_parent(sp, p.parent, e);
	}
	job_free(&p);
	return rc;
}
