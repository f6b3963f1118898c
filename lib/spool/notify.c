/* notify: see notify.h. */
#include "spool/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "spool/job.h"

int
notify_add(struct spool *sp, int64_t job, const char *url, struct err *e)
{
	return db_run(sp->db, e, "INSERT INTO notify(job,url) VALUES(?,?)", "is", job, url) < 0 ? -1 : 0;
}

int
notify_due(struct spool *sp, int64_t job, struct err *e)
{
	int64_t now = spool_now(sp);

	return db_run(sp->db, e, "UPDATE notify SET next_at=?,until_at=?,tries=0,outcome=NULL WHERE job=?", "iii", now, now + NOTIFY_LIMIT_NS,
	              job) < 0 ? -1 : 0;
}

int
notify_next(struct spool *sp, int64_t *at, struct err *e)
{
	*at = 0;
	return db_get_int(sp->db, e, at, "SELECT min(next_at) FROM notify WHERE next_at>0", "") < 0 ? -1 : 0;
}

int
notify_waits(struct spool *sp, struct err *e)
{
	int64_t at;

	return notify_next(sp, &at, e) < 0 ? -1 : at && at <= spool_now(sp);
}

static int
fill(struct spool *sp, struct notice *n, struct err *e)
{
	struct job j;
	int rc = job_load(sp, n->job, &j, e);

	if (rc <= 0)
		return rc;
	job_record(&n->body, &j);
	if (j.error)
		record_str(&n->body, "error", j.error);
	record_end(&n->body);
	snprintf(n->key, sizeof n->key, "%s-%lld-%lld-%lld", sp->id, (long long)j.id, (long long)j.attempt, (long long)j.ended);
	job_free(&j);
	return n->body.s ? 1 : err_nomem(e);
}

int
notify_take(struct spool *sp, int64_t hold_ns, struct notice *n, struct err *e)
{
	struct db_stmt *st;
	int rc;

	memset(n, 0, sizeof *n);
	if (db_begin(sp->db, e) < 0)
		return -1;
	st = db_query(sp->db, e, "SELECT job,url,tries FROM notify WHERE next_at>0 AND next_at<=? ORDER BY next_at LIMIT 1", "i", spool_now(sp));
	rc = st ? db_step(st, e) : -1;
	if (rc > 0) {
		n->job = db_int(st, 0);
		n->url = strdup(db_text(st, 1));
		n->tries = db_int(st, 2);
	}
	db_done(st);
	if (rc > 0 && db_run(sp->db, e, "UPDATE notify SET next_at=? WHERE job=?", "ii", spool_now(sp) + hold_ns, n->job) < 0)
		rc = -1;
	if (rc > 0 && (rc = fill(sp, n, e)) == 0) /* the job is gone */
		rc = db_run(sp->db, e, "DELETE FROM notify WHERE job=?", "i", n->job) < 0 ? -1 : 0;
	if (rc < 0 || db_commit(sp->db, e) < 0) {
		db_rollback(sp->db);
		notice_free(n);
		return -1;
	}
	return rc;
}

int
notify_done(struct spool *sp, const struct notice *n, const char *failure, struct err *e)
{
	int64_t now = spool_now(sp), wait = (int64_t)15 * 1000000000 << (n->tries < 6 ? n->tries : 6);
	char text[400];

	snprintf(text, sizeof text, failure ? "webhook, try %lld: %.300s" : "webhook delivered, try %lld", (long long)n->tries + 1, failure);
	if (db_begin(sp->db, e) < 0)
		return -1;
	if (db_run(sp->db, e, "UPDATE notify SET tries=tries+1,outcome=?1,next_at=CASE WHEN ?2 AND ?3<until_at THEN ?3 ELSE 0 END WHERE job=?4",
	           "siii", failure ? failure : "delivered", (int64_t)(failure != NULL), now + wait, n->job) < 0 ||
	    job_note_event(sp, n->job, 0, "warning", text, "simspool", e) < 0 || db_commit(sp->db, e) < 0) {
		db_rollback(sp->db);
		return -1;
	}
	return 0;
}

void
notice_free(struct notice *n)
{
	free(n->url);
	buf_free(&n->body);
	n->url = NULL;
}

int
notify_state(struct spool *sp, int64_t job, char *out, size_t size, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT outcome,next_at,tries FROM notify WHERE job=?", "i", job);
	int rc = st ? db_step(st, e) : -1;

	if (rc > 0) {
		const char *outcome = db_text(st, 0);

		if (outcome && !strcmp(outcome, "delivered"))
			snprintf(out, size, "delivered");
		else if (outcome)
			snprintf(out, size, db_int(st, 1) ? "failed %lld times, to be tried again: %.200s" : "failed %lld times: %.200s",
			         (long long)db_int(st, 2), outcome);
		else
			snprintf(out, size, db_int(st, 1) ? "due" : "when it is over");
	}
	db_done(st);
	return rc;
}
