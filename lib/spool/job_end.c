/* job_end: the end of an attempt, and what becomes of its job: done, tried again, failed. */
#include "spool/job_private.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "record/record.h"
#include "spool/remote.h"

static int
word_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n]))
			return 1;
	return 0;
}

/* 1 if the retry rule `on` (NULL: the default) takes an end. */
static int
retry_wanted(const char *on, const struct job_end *end)
{
	char status[16];

	if (!strcmp(end->outcome, "lost"))
		return !on || word_in(on, "lost") || word_in(on, "any");
	if (end->reason && !strncmp(end->reason, "stalled", 7))
		return on && (word_in(on, "stalled") || word_in(on, "any"));
	if (end->reason && !strncmp(end->reason, "deadline", 8))
		return 0; /* the limit is the job's, not the attempt's */
	if (end->signal)
		return !on || word_in(on, "signal") || word_in(on, "any");
	/* the input, or the command, is wrong: doing it again does not mend it */
	if (!on)
		return end->status != 64 && end->status != 65 && end->status != 66 && end->status != 127;
	snprintf(status, sizeof status, "%d", end->status);
	return word_in(on, "any") || word_in(on, status);
}

static int
close_attempt(struct spool *sp, const struct job *j, const struct job_end *end, struct err *e)
{
	if (db_run(sp->db, e, "UPDATE attempt SET outcome=?,reason=?,ended=?,ended_at=?,status=?,signal=?,done=? WHERE job=? AND n=?",
	           "ssiiiiiii", end->outcome, end->reason, clk_real_ns(), spool_now(sp), (int64_t)end->status, (int64_t)end->signal,
	           end->done, j->id, j->attempt) < 0)
		return -1;
	return db_run(sp->db, e, "UPDATE job SET status=?,signal=?,done=max(done,?) WHERE id=?", "iiii",
	              (int64_t)end->status, (int64_t)end->signal, end->done, j->id) < 0 ? -1 : 0;
}

/* Time before the next attempt: it doubles, up to an hour. */
static int64_t
backoff(const struct job *j)
{
	const int64_t most = (int64_t)3600 * 1000000000;
	int64_t wait = j->backoff_ns;

	for (int64_t i = 0; i < j->retried && wait < most; i++)
		wait *= 2;
	return wait < most ? wait : most;
}

/* The limit is the job's: a retry that could only begin after it is none. */
static int
time_left_for_retry(const struct spool *sp, const struct job *j)
{
	int64_t limit = j->timeout_ns ? j->timeout_ns : JOB_TIMEOUT_DEFAULT_NS, now = spool_now(sp);

	return now + backoff(j) < j->started_at + j->paused_ns + limit && (!j->deadline_at || now + backoff(j) < j->deadline_at);
}

static int
retry(struct spool *sp, struct job *j, const struct job_end *end, struct err *e)
{
	int64_t wait = backoff(j), now = spool_now(sp);
	char why[400];
	struct buf b = BUF_INIT;
	char id[24];
	int rc;

	snprintf(why, sizeof why, "attempt %lld: %s", (long long)j->attempt, end->reason ? end->reason : end->outcome);
	record_begin(&b, "retry", job_id_text(j->id, id), j->attempt);
	record_str(&b, "reason", why);
	record_num(&b, "wait", (double)wait / 1e9);
	record_int(&b, "retry", j->retried + 1);
	record_int(&b, "of", j->retries);
	record_end(&b);
	rc = b.s ? job_event_line(sp, j->id, b.s, e) : err_nomem(e);
	buf_free(&b);
	if (rc < 0 || job_change(sp, j, JOB_QUEUED, why, "simspool", e) < 0)
		return -1;
	return db_run(sp->db, e, "UPDATE job SET retried=retried+1,waiting=?,ready_at=?,last_error=? WHERE id=?", "iisi",
	              (int64_t)(wait ? JOB_BACKOFF : JOB_READY), now + wait, why, j->id) < 0 ? -1 : 0;
}

/* Nothing of it ran: no retry is used up. Where the machine lacked something (end->status says what), it is tried again a little later. */
static int
not_begun(struct spool *sp, struct job *j, const struct job_end *end, struct err *e)
{
	int64_t again = spool_now(sp) + JOB_AGAIN_NS;

	if (job_change(sp, j, JOB_QUEUED, end->reason ? end->reason : "its sim-run ended before it began", "simspool", e) < 0)
		return -1;
	if (end->status <= 0)
		return 0;
	return db_run(sp->db, e, "UPDATE job SET waiting=?,ready_at=?,last_error=? WHERE id=?", "iisi", (int64_t)JOB_BACKOFF, again, end->reason,
	              j->id) < 0 ? -1 : 0;
}

static int
finish(struct spool *sp, struct job *j, enum job_state to, const char *reason, const char *who, struct err *e)
{
	int rc;

	if (to == JOB_COMPLETED)
		rc = db_run(sp->db, e, "UPDATE job SET error=NULL,last_error=NULL,done=CASE WHEN total>done THEN total ELSE done END WHERE id=?",
		            "i", j->id);
	else
		rc = db_run(sp->db, e, "UPDATE job SET error=?,last_error=? WHERE id=?", "ssi", reason, reason, j->id);
	return rc < 0 ? -1 : job_change(sp, j, to, reason, who, e);
}

/* What becomes of the job; R3 has been checked. */
static int
decide(struct spool *sp, struct job *j, const struct job_end *end, struct err *e)
{
	int terminated = !strcmp(end->outcome, "terminated") || !strcmp(end->outcome, "lost") || !strcmp(end->outcome, "never-started") ||
	                 end->signal;
	const char *who = j->request_who ? j->request_who : "simspool";
	char why[400];

	snprintf(why, sizeof why, "%s", end->reason ? end->reason : end->outcome);
	if (!strcmp(end->outcome, "completed"))
		return finish(sp, j, JOB_COMPLETED, j->request ? "ended before it could be stopped" : NULL, who, e);
	/* what was asked for comes before a retry; only what was handed back, and had failed by itself, has failed */
	if (j->request && (terminated || strcmp(j->request, "hand-back"))) {
		if (!strcmp(j->request, "cancel"))
			return finish(sp, j, JOB_CANCELLED, j->request_reason ? j->request_reason : "cancelled", who, e);
		if (!strcmp(j->request, "hand-back"))
			return job_change(sp, j, JOB_QUEUED, "handed back", who, e);
		return finish(sp, j, JOB_FAILED, j->request_reason ? j->request_reason : j->request, who, e);
	}
	if (!strcmp(end->outcome, "never-started"))
		return not_begun(sp, j, end, e);
	if (!strcmp(end->outcome, "cancelled")) /* where it ran, by somebody else: that was meant */
		return finish(sp, j, JOB_CANCELLED, why, who, e);
	if (j->retried < j->retries && retry_wanted(j->retry_on, end)) {
		if (time_left_for_retry(sp, j))
			return retry(sp, j, end, e);
		snprintf(why, sizeof why, "deadline: no time is left for another attempt; the last: %.250s", end->reason ? end->reason : end->outcome);
	}
	return finish(sp, j, JOB_FAILED, why, who, e);
}

int
job_take_end(struct spool *sp, int64_t id, int64_t attempt, const struct job_end *end, struct err *e)
{
	struct job j;
	int rc = job_load(sp, id, &j, e);

	if (rc <= 0)
		return rc;
	if (j.attempt != attempt || !job_is_active(j.state)) { /* R3 */
		job_free(&j);
		return 0;
	}
	rc = close_attempt(sp, &j, end, e);
	if (rc == 0)
		rc = remote_ended(sp, id, attempt, end->gone, e);
	if (rc == 0)
		rc = decide(sp, &j, end, e);
	if (rc == 0 && j.parent)
		rc = job_settle_parent(sp, j.parent, e);
	job_free(&j);
	return rc < 0 ? -1 : 1;
}
