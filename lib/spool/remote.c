/* remote: see remote.h. */
#include "spool/remote.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"

#define SECOND ((int64_t)1000000000)

int
remote_begin(struct spool *sp, int64_t job, int64_t attempt, const char *on, struct err *e)
{
	return db_run(sp->db, e, "INSERT INTO remote(job,attempt,host_name) VALUES(?,?,?)", "iis", job, attempt, on) < 0 ? -1 : 0;
}

static void
copy(char *out, size_t n, const char *s)
{
	snprintf(out, n, "%s", s ? s : "");
}

int
remote_load(struct spool *sp, int64_t job, int64_t attempt, struct remote_row *r, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT host_name,id,state,node,note,gone FROM remote WHERE job=? AND attempt=?", "ii", job,
	                              attempt);
	int rc = st ? db_step(st, e) : -1;

	memset(r, 0, sizeof *r);
	if (rc > 0) {
		copy(r->on, sizeof r->on, db_text(st, 0));
		copy(r->id, sizeof r->id, db_text(st, 1));
		copy(r->state, sizeof r->state, db_text(st, 2));
		copy(r->host, sizeof r->host, db_text(st, 3));
		copy(r->note, sizeof r->note, db_text(st, 4));
		r->gone = db_int(st, 5);
	}
	db_done(st);
	return rc;
}

int
remote_take(struct spool *sp, const struct job *j, const struct record *r, struct err *e)
{
	const char *state = record_get_str(r, "state"), *trouble = record_get_str(r, "trouble");

	if (db_run(sp->db, e, "UPDATE remote SET id=coalesce(?,id),state=?,node=coalesce(?,node),note=coalesce(?,?) WHERE job=? AND attempt=?",
	           "sssssii", record_get_str(r, "id"), state, record_get_str(r, "host"), trouble, record_get_str(r, "reason"), j->id,
	           j->attempt) < 0 ||
	    db_run(sp->db, e, "UPDATE job SET error=?1,last_error=coalesce(?1,last_error) WHERE id=?2", "si", trouble, j->id) < 0)
		return -1;
	if (state && !strcmp(state, "running") && j->state == JOB_SUBMITTING)
		return job_move(sp, j->id, JOB_SUBMITTING, JOB_RUNNING, NULL, "simspool", e);
	return 0;
}

int
remote_ended(struct spool *sp, int64_t job, int64_t attempt, int gone, struct err *e)
{
	return db_run(sp->db, e, "UPDATE remote SET gone=max(gone,?),next_at=? WHERE job=? AND attempt=?", "iiii", (int64_t)gone, spool_now(sp),
	              job, attempt) < 0 ? -1 : 0;
}

int
remote_may_run(struct spool *sp, int64_t job, int64_t but, struct err *e)
{
	int64_t x = 0;

	return db_get_int(sp->db, e, &x, "SELECT 1 FROM remote INDEXED BY remote_left WHERE gone<2 AND job=? AND gone=0 AND attempt<>? LIMIT 1", "ii",
	                  job, but);
}

/* --- what is over here ----------------------------------------------------------------------------------------------------- */

#define ORPHANS " FROM remote r INDEXED BY remote_left JOIN job j ON j.id=r.job WHERE r.gone<2 AND NOT (j.attempt=r.attempt AND j.state IN(2,3,4))"

int
remote_next(struct spool *sp, int64_t *at, struct err *e)
{
	*at = 0;
	return db_get_int(sp->db, e, at, "SELECT min(r.next_at)" ORPHANS, "") < 0 ? -1 : 0;
}

int
remote_orphan(struct spool *sp, int64_t hold_ns, struct orphan *o, struct err *e)
{
	struct db_stmt *st;
	int64_t now = spool_now(sp), at = 0;
	int rc;

	if (remote_next(sp, &at, e) < 0)
		return -1;
	if (!at || at > now)
		return 0;
	if (db_begin(sp->db, e) < 0)
		return -1;
	st = db_query(sp->db, e, "SELECT r.job,r.attempt,r.tries,r.host_name" ORPHANS " AND r.next_at<=? ORDER BY r.next_at LIMIT 1", "i", now);
	rc = st ? db_step(st, e) : -1;
	if (rc > 0) {
		*o = (struct orphan){.job = db_int(st, 0), .attempt = db_int(st, 1), .tries = db_int(st, 2)};
		copy(o->on, sizeof o->on, db_text(st, 3));
	}
	db_done(st);
	if (rc > 0 && db_run(sp->db, e, "UPDATE remote SET next_at=?,tries=tries+1 WHERE job=? AND attempt=?", "iii", now + hold_ns, o->job,
	                     o->attempt) < 0)
		rc = -1;
	if (rc <= 0 || db_commit(sp->db, e) < 0) {
		db_rollback(sp->db);
		return rc < 0 ? -1 : 0;
	}
	return rc;
}

/* After 1, 2, 4 … seconds, at most five minutes. */
static int64_t
again_at(const struct spool *sp, int64_t tries)
{
	int64_t wait = SECOND;

	while (tries-- > 0 && wait < 300 * SECOND)
		wait *= 2;
	return spool_now(sp) + (wait < 300 * SECOND ? wait : 300 * SECOND);
}

static int
note_look(struct spool *sp, const struct orphan *o, int gone, const char *note, struct err *e)
{
	struct remote_row was;
	char text[500];

	if (remote_load(sp, o->job, o->attempt, &was, e) < 0)
		return -1;
	if (db_run(sp->db, e, "UPDATE remote SET gone=max(gone,?),note=?,next_at=? WHERE job=? AND attempt=?", "isiii", (int64_t)gone, note,
	           again_at(sp, o->tries), o->job, o->attempt) < 0)
		return -1;
	if (gone == REMOTE_MAY_RUN && was.gone == REMOTE_MAY_RUN && note && strcmp(note, was.note)) {
		snprintf(text, sizeof text, "attempt %lld may still run on %s: %s", (long long)o->attempt, o->on, note);
		return job_note_event(sp, o->job, o->attempt, "warning", text, "simspool", e);
	}
	if (gone == REMOTE_MAY_RUN || was.gone > REMOTE_MAY_RUN)
		return 0;
	/* certain now: its slots are free, and what waited for it may begin */
	if (db_run(sp->db, e, "DELETE FROM hold WHERE job=? AND attempt=?", "ii", o->job, o->attempt) < 0 ||
	    db_run(sp->db, e, "UPDATE job SET waiting=CASE WHEN ready_at>? THEN 1 ELSE 0 END WHERE id=? AND state=1 AND waiting=4", "ii",
	           spool_now(sp), o->job) < 0)
		return -1;
	snprintf(text, sizeof text, "nothing of attempt %lld runs on %s any more", (long long)o->attempt, o->on);
	return job_note_event(sp, o->job, o->attempt, "warning", text, "simspool", e);
}

int
remote_looked(struct spool *sp, const struct orphan *o, int gone, const char *note, struct err *e)
{
	if (db_begin(sp->db, e) < 0)
		return -1;
	if (note_look(sp, o, gone, note, e) < 0 || db_commit(sp->db, e) < 0) {
		db_rollback(sp->db);
		return -1;
	}
	spool_wake(sp);
	return 0;
}
