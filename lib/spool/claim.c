/* claim: see claim.h. */
#include "spool/claim.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "spool/remote.h"
#include "spool/slots.h"

int64_t
claim_places(const struct job *j, const char *on)
{
	int64_t cpu = j->over || on ? 0 : slots_want(j->slots, "cpu");

	return cpu > 1 ? cpu : 1;
}

int
claim_end_backoffs(struct spool *sp, struct err *e)
{
	int64_t at = 0;
	int rc = claim_next_ready(sp, &at, e);

	if (rc < 0 || !at || at > spool_now(sp))
		return rc < 0 ? -1 : 0;
	return db_run(sp->db, e, "UPDATE job INDEXED BY job_ready SET waiting=0 WHERE state=1 AND waiting=1 AND ready_at<=?", "i", spool_now(sp));
}

int
claim_next_ready(struct spool *sp, int64_t *at, struct err *e)
{
	*at = 0;
	return db_get_int(sp->db, e, at, "SELECT min(ready_at) FROM job INDEXED BY job_ready WHERE state=1 AND waiting=1", "") < 0 ? -1 : 0;
}

struct candidate {
	int64_t id, priority, turn;
};

static int
better(const struct candidate *a, const struct candidate *b)
{
	if (!b->id)
		return 1;
	if (a->priority != b->priority)
		return a->priority > b->priority;
	return a->turn != b->turn ? a->turn < b->turn : a->id < b->id;
}

static int
read_candidate(struct db_stmt *st, struct candidate *c, struct err *e)
{
	int rc = st ? db_step(st, e) : -1;

	if (rc > 0)
		*c = (struct candidate){db_int(st, 0), db_int(st, 1), db_int(st, 2)};
	db_done(st);
	return rc;
}

static int
head_of_wanted(struct spool *sp, const char *slots, struct candidate *c, struct err *e)
{
	int rc;

	while ((rc = read_candidate(db_query(sp->db, e, "SELECT id,priority,turn FROM temp.ready WHERE slots=? ORDER BY priority DESC,turn,id LIMIT 1",
	                                     "s", slots), c, e)) > 0) {
		int64_t ready = 0;

		rc = db_get_int(sp->db, e, &ready, "SELECT 1 FROM job WHERE id=? AND state=1 AND waiting=0 AND slots=? AND priority=? AND turn=?", "isii",
		                c->id, slots, c->priority, c->turn);
		if (rc)
			return rc;
		if (db_run(sp->db, e, "DELETE FROM temp.ready WHERE slots=? AND priority=? AND turn=? AND id=?", "siii", slots, c->priority, c->turn,
		           c->id) < 0)
			return -1;
	}
	return rc;
}

static int
head_of(struct spool *sp, const char *slots, int only, struct candidate *c, struct err *e)
{
	if (only)
		return head_of_wanted(sp, slots, c, e);
	return read_candidate(db_query(sp->db, e, "SELECT id,priority,turn FROM job INDEXED BY job_queue WHERE state=1 AND waiting=0 AND slots=? "
	                               "ORDER BY priority DESC,turn,id LIMIT 1", "s", slots), c, e);
}

/* The next different set of slots in the queue, or in what is wanted of it, after `slots`; "" first. 1, 0 at the end, -1. */
static int
next_slots(struct spool *sp, char *slots, size_t n, int first, int only, struct err *e)
{
	struct db_stmt *st = only && first ? db_query(sp->db, e, "SELECT slots FROM temp.ready ORDER BY slots LIMIT 1", "")
	                     : only ? db_query(sp->db, e, "SELECT slots FROM temp.ready WHERE slots>? ORDER BY slots LIMIT 1", "s", slots)
	                     : first ? db_query(sp->db, e, "SELECT slots FROM job INDEXED BY job_queue WHERE state=1 AND waiting=0 AND slots>='' "
	                                       "ORDER BY slots LIMIT 1", "")
	                     : db_query(sp->db, e, "SELECT slots FROM job INDEXED BY job_queue WHERE state=1 AND waiting=0 AND slots>? "
	                                       "ORDER BY slots LIMIT 1", "s", slots);
	int rc = st ? db_step(st, e) : -1;

	if (rc > 0)
		snprintf(slots, n, "%s", db_text(st, 0));
	db_done(st);
	return rc;
}

/* Past slot limits and places. */
static int
head_of_forced(struct spool *sp, int only, int64_t *id, struct err *e)
{
	if (only)
		return db_get_int(sp->db, e, id, "SELECT id FROM job INDEXED BY job_over WHERE state=1 AND over=1 AND waiting=0 AND "
		                  "+id IN (SELECT id FROM temp.wanted) LIMIT 1", ""); /* from the few that are forced */
	return db_get_int(sp->db, e, id, "SELECT id FROM job INDEXED BY job_over WHERE state=1 AND over=1 AND waiting=0 LIMIT 1", "");
}

static int
choose(struct spool *sp, int64_t places, int64_t all, int only, const struct claim_at *at, struct candidate *best, struct err *e)
{
	char slots[600], here[600], why[200];
	int rc, first = 1;

	while ((rc = next_slots(sp, slots, sizeof slots, first, only, e)) > 0) {
		struct candidate c = {0, 0, 0};
		int64_t cpu = at->on ? 1 : slots_want(slots, "cpu");

		first = 0;
		snprintf(here, sizeof here, "%s", slots);
		if (at->on)
			slots_elsewhere(slots, at->cpu, at->gpu, here, sizeof here);
		if (cpu > places && !(places == all && cpu > all)) /* one that wants more than there are runs alone */
			continue;
		if (*here && (rc = slots_fit(sp, here, why, sizeof why, e)) <= 0) {
			if (rc < 0)
				return -1;
			continue;
		}
		rc = head_of(sp, slots, only, &c, e);
		if (rc < 0)
			return -1;
		if (rc > 0 && better(&c, best))
			*best = c;
	}
	return rc;
}

static int
take(struct spool *sp, const char *worker, const struct claim_at *at, struct claim *c, struct err *e)
{
	const char *on = at->on;
	struct job *j = &c->job;
	int64_t n = j->attempt + 1;
	char slots[600];

	if (db_run(sp->db, e, "UPDATE job SET attempt=?,status=-1,signal=0 WHERE id=?", "ii", n, j->id) < 0)
		return -1;
	if (db_run(sp->db, e, "INSERT INTO attempt(job,n,worker,boot,started,started_at) VALUES(?,?,?,?,?,?)", "iissii", j->id, n, worker,
	           sp->boot, clk_real_ns(), spool_now(sp)) < 0)
		return -1;
	j->attempt = n;
	snprintf(slots, sizeof slots, "%s", j->slots);
	if (on) {
		slots_elsewhere(j->slots, at->cpu, at->gpu, slots, sizeof slots);
		if (remote_begin(sp, j->id, n, on, e) < 0)
			return -1;
	}
	if (*slots && !j->over && slots_take(sp, slots, j->id, n, &c->units, e) < 0)
		return -1;
	if (db_run(sp->db, e, "UPDATE spool SET value=? WHERE name='vtime' AND value<?", "ii", j->turn, j->turn) < 0)
		return -1;
	if (job_move(sp, j->id, JOB_QUEUED, on ? JOB_SUBMITTING : JOB_RUNNING, NULL, worker, e) < 0)
		return -1;
	j->state = on ? JOB_SUBMITTING : JOB_RUNNING;
	j->waiting = JOB_READY;
	j->status = -1;
	j->signal = 0;
	if (!on && !j->started_at) {
		j->started_at = spool_now(sp);
		j->started = clk_real_ns();
	}
	return 0;
}

int
claim_next(struct spool *sp, const char *worker, int64_t places, int64_t all, int only, const struct claim_at *at, struct claim *c, struct err *e)
{
	struct candidate best = {0, 0, 0};
	int rc;

	memset(c, 0, sizeof *c);
	if (claim_end_backoffs(sp, e) < 0 || head_of_forced(sp, only, &best.id, e) < 0)
		return -1;
	if (!best.id && places > 0 && choose(sp, places, all, only, at, &best, e) < 0)
		return -1;
	if (!best.id)
		return 0;
	rc = remote_may_run(sp, best.id, 0, e);
	if (rc > 0) /* never two attempts of one job at a time */
		return db_run(sp->db, e, "UPDATE job SET waiting=? WHERE id=?", "ii", (int64_t)JOB_BY_REMOTE, best.id) < 0 ? -1 : 3;
	if (rc == 0)
		rc = job_load(sp, best.id, &c->job, e);
	if (rc <= 0)
		return rc;
	if (!job_intact(&c->job)) {
		if (job_move(sp, best.id, JOB_QUEUED, JOB_FAILED, "its row in spool.db is damaged (checksum)", "simspool", e) < 0)
			return -1;
		return 2;
	}
	rc = take(sp, worker, at, c, e);
	if (rc < 0) {
		job_free(&c->job);
		buf_free(&c->units);
	}
	return rc < 0 ? -1 : 1;
}

/* --- what is wanted ------------------------------------------------------------------------------------------------- */

int
claim_wanted_init(struct spool *sp, struct err *e)
{
	return db_script(sp->db, "CREATE TEMP TABLE wanted(id INTEGER PRIMARY KEY, top INTEGER);"
	                 "CREATE TEMP TABLE ready(slots TEXT, priority INTEGER, turn INTEGER, id INTEGER, PRIMARY KEY(slots, priority DESC, turn, id))"
	                 " WITHOUT ROWID;", e);
}

int
claim_want(struct spool *sp, int64_t id, struct err *e)
{
	return db_run(sp->db, e, "INSERT OR IGNORE INTO temp.wanted WITH RECURSIVE t(id,top) AS (SELECT ?,1 UNION ALL SELECT job.id,0 FROM job "
	              "JOIN t ON job.parent=t.id) SELECT id,top FROM t", "i", id) < 0 ? -1 : 0;
}

int
claim_refresh(struct spool *sp, struct err *e)
{
	return db_run(sp->db, e, "INSERT OR IGNORE INTO temp.ready SELECT j.slots,j.priority,j.turn,j.id FROM temp.wanted w CROSS JOIN job j "
	              "WHERE j.id=w.id AND j.state=1 AND j.waiting=0", "");
}

/* --- in words ------------------------------------------------------------------------------------------------------- */

/* What is ahead of it among those that want the same slots: three ranges of the index, read no further than the job itself. */
static int
ahead(struct spool *sp, const char *slots, const struct job *j, int64_t *n, struct err *e)
{
	int64_t k = 0;

	if (db_get_int(sp->db, e, &k, "SELECT count(*) FROM job INDEXED BY job_queue WHERE state=1 AND waiting=0 AND slots=? AND priority>?", "si",
	               slots, j->priority) < 0)
		return -1;
	*n += k;
	if (db_get_int(sp->db, e, &k, "SELECT count(*) FROM job INDEXED BY job_queue WHERE state=1 AND waiting=0 AND slots=? AND priority=? AND "
	               "turn<?", "sii", slots, j->priority, j->turn) < 0)
		return -1;
	*n += k;
	if (db_get_int(sp->db, e, &k, "SELECT count(*) FROM job INDEXED BY job_queue WHERE state=1 AND waiting=0 AND slots=? AND priority=? AND "
	               "turn=? AND id<?", "siii", slots, j->priority, j->turn, j->id) < 0)
		return -1;
	*n += k;
	return 0;
}

int
claim_position(struct spool *sp, const struct job *j, int64_t *position, struct err *e)
{
	char slots[600];
	int64_t n = 0;
	int rc, first = 1;

	*position = 0;
	if (j->state != JOB_QUEUED || j->waiting)
		return 0;
	while ((rc = next_slots(sp, slots, sizeof slots, first, 0, e)) > 0) {
		first = 0;
		if (ahead(sp, slots, j, &n, e) < 0)
			return -1;
	}
	*position = n + 1;
	return rc;
}

static int
why_pending(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT d.on_job,d.ok,j.state FROM dep d JOIN job j ON j.id=d.on_job WHERE d.job=? AND "
	                              "j.state<5 ORDER BY 1 LIMIT 1", "i", j->id);
	int rc = st ? db_step(st, e) : -1;

	if (rc > 0)
		snprintf(why, n, "waits for job %lld (%s) to %s", (long long)db_int(st, 0), job_state_name((enum job_state)db_int(st, 2)),
		         db_int(st, 1) ? "complete" : "end");
	else if (rc == 0)
		snprintf(why, n, "waits to be queued");
	db_done(st);
	return rc < 0 ? -1 : 0;
}

static int
why_remote(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT attempt,host_name,note FROM remote WHERE job=? AND gone=0 ORDER BY attempt LIMIT 1", "i", j->id);
	int rc = st ? db_step(st, e) : -1;

	if (rc > 0)
		snprintf(why, n, "waits until it is certain that attempt %lld has ended on %s%s%s", (long long)db_int(st, 0), db_text(st, 1),
		         db_text(st, 2) ? ": " : "", db_text(st, 2) ? db_text(st, 2) : "");
	else if (rc == 0)
		snprintf(why, n, "will be queued in a moment");
	db_done(st);
	return rc < 0 ? -1 : 0;
}

static int
why_submitting(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e)
{
	struct remote_row r;
	int rc = remote_load(sp, j->id, j->attempt, &r, e);

	if (rc <= 0)
		return rc;
	if (!strcmp(r.state, "waiting"))
		snprintf(why, n, "waits on %s as %s%s%s", r.on, r.id, *r.note ? ": " : "", r.note);
	else
		snprintf(why, n, "is being handed to %s%s%s", r.on, *r.note ? ": " : "", r.note);
	return 0;
}

/* How it stands with the GPUs and processors that are counted for hosts (struct claim_at). */
static int
add_elsewhere(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT name,capacity,(SELECT count(*) FROM hold WHERE slot=name) FROM slot WHERE name LIKE '%@%' ORDER BY 1", "");
	size_t used = strlen(why), before = used;
	int rc = st ? 0 : -1;

	while (st && (rc = db_step(st, e)) > 0) {
		char name[8];

		snprintf(name, sizeof name, "%.*s", (int)strcspn(db_text(st, 0), "@"), db_text(st, 0));
		if (slots_want(j->slots, name) && used < n)
			used += (size_t)snprintf(why + used, n - used, "%s%s: %lld of %lld held", used == before ? "; " : ", ", db_text(st, 0),
			                         (long long)db_int(st, 2), (long long)db_int(st, 1));
	}
	db_done(st);
	return rc;
}

static int
why_queued(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e)
{
	int64_t workers = 0, places = 0, running = 0, position;
	int rc;

	if (j->waiting == JOB_HELD) {
		snprintf(why, n, "held (sim-ctl release lets it go)");
		return 0;
	}
	if (j->waiting == JOB_BY_REMOTE)
		return why_remote(sp, j, why, n, e);
	if (j->waiting == JOB_BACKOFF) {
		int64_t left = j->ready_at - spool_now(sp);

		snprintf(why, n, "backs off for %.0f s more before retry %lld of %lld", left > 0 ? (double)left / 1e9 : 0.0,
		         (long long)j->retried, (long long)j->retries);
		return 0;
	}
	if (db_get_int(sp->db, e, &workers, "SELECT count(*) FROM worker WHERE ended_at IS NULL AND boot=?", "s", sp->boot) < 0)
		return -1;
	if (!workers) {
		snprintf(why, n, "no sim-run is running on this spool");
		return 0;
	}
	if (*j->slots && !j->over && (rc = slots_fit(sp, j->slots, why, n, e)) <= 0)
		return rc < 0 ? -1 : add_elsewhere(sp, j, why, n, e);
	if (db_get_int(sp->db, e, &places, "SELECT sum(places) FROM worker WHERE ended_at IS NULL AND boot=?", "s", sp->boot) < 0 ||
	    db_get_int(sp->db, e, &running, "SELECT count(*) FROM job WHERE state IN(2,3,4) AND kind<2", "") < 0 ||
	    claim_position(sp, j, &position, e) < 0)
		return -1;
	snprintf(why, n, "number %lld in the queue; %lld of %lld places are taken", (long long)position, (long long)running,
	         (long long)places);
	return 0;
}

int
claim_why_not(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e)
{
	why[0] = '\0';
	switch (j->state) {
	case JOB_PENDING: return why_pending(sp, j, why, n, e);
	case JOB_QUEUED: return j->kind == JOB_PARENT ? 0 : why_queued(sp, j, why, n, e);
	case JOB_SUBMITTING: return why_submitting(sp, j, why, n, e);
	case JOB_PAUSED: snprintf(why, n, "paused%s%s (sim-ctl resume goes on)", j->reason ? ": " : "", j->reason ? j->reason : ""); return 0;
	default: return 0;
	}
}
