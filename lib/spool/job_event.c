/* job_event: what a stage says of itself, into its row and the history. */
#include "spool/job_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "record/record.h"
#include "spool/remote.h"

int
job_touch(struct spool *sp, int64_t job, int64_t attempt, struct err *e)
{
	return db_run(sp->db, e, "UPDATE job SET progress_at=? WHERE id=? AND attempt=?", "iii", spool_now(sp), job, attempt) < 0 ? -1 : 0;
}

static int
take_progress(struct spool *sp, int64_t job, const struct record *r, struct err *e)
{
	int64_t done = record_get_int(r, "done", 0), total = record_get_int(r, "total", 0);
	double rate = record_get_num(r, "rate");

	/* R5; a total that shrinks below what is done is no percentage */
	return db_run(sp->db, e,
	              "UPDATE job SET progress_at=CASE WHEN ?1>done THEN ?2 ELSE progress_at END,done=max(done,?1),total=max(?3,done,?1),"
	              "unit=?4,phase=coalesce(?5,phase),rate=?6 WHERE id=?7", "iiissdi", done, spool_now(sp), total,
	              record_get_str(r, "unit"), record_get_str(r, "phase"), isfinite(rate) ? rate : 0.0, job) < 0 ? -1 : 0;
}

static int
take_counters(struct spool *sp, int64_t job, const struct record *r, struct err *e)
{
	char text[200];

	snprintf(text, sizeof text, "{\"ok\":%lld,\"failed\":%lld,\"retries\":%lld,\"in_flight\":%lld}",
	         (long long)record_get_int(r, "ok", 0), (long long)record_get_int(r, "failed", 0),
	         (long long)record_get_int(r, "retries", 0), (long long)record_get_int(r, "in_flight", 0));
	return db_run(sp->db, e, "UPDATE job SET counters=?,progress_at=? WHERE id=?", "sii", text, spool_now(sp), job) < 0 ? -1 : 0;
}

static int
take_remote(struct spool *sp, int64_t job, int64_t attempt, const struct record *r, struct err *e)
{
	struct remote_row row;
	struct job j;
	int rc = remote_load(sp, job, attempt, &row, e);

	if (rc <= 0)
		return rc; /* it runs here: a stage may write what it likes */
	rc = job_load(sp, job, &j, e);
	if (rc > 0) {
		rc = remote_take(sp, &j, r, e);
		job_free(&j);
	}
	return rc;
}

static int
take_into_row(struct spool *sp, int64_t job, int64_t attempt, const struct record *r, struct err *e)
{
	int rc = 0;

	if (!strcmp(r->type, "progress"))
		return take_progress(sp, job, r, e);
	if (!strcmp(r->type, "counters"))
		return take_counters(sp, job, r, e);
	if (!strcmp(r->type, "remote"))
		return take_remote(sp, job, attempt, r, e);
	if (!strcmp(r->type, "phase"))
		rc = db_run(sp->db, e, "UPDATE job SET phase=?,progress_at=? WHERE id=?", "sii", record_get_str(r, "phase"), spool_now(sp), job);
	else if (!strcmp(r->type, "error"))
		rc = db_run(sp->db, e, "UPDATE job SET error=?1,last_error=?1 WHERE id=?2", "si", record_get_str(r, "message"), job);
	else if (!strcmp(r->type, "retry"))
		rc = db_run(sp->db, e, "UPDATE job SET last_error=? WHERE id=?", "si", record_get_str(r, "reason"), job);
	return rc < 0 ? -1 : 0;
}

/* Of progress only the latest is kept: whoever follows has seen the others, and the history stays short. */
static int
store_event(struct spool *sp, int64_t job, int progress, const char *line, struct err *e)
{
	if (progress && db_run(sp->db, e, "DELETE FROM event WHERE job=? AND progress=1", "i", job) < 0)
		return -1;
	return db_run(sp->db, e, "INSERT INTO event(job,progress,line) VALUES(?,?,?)", "iis", job, (int64_t)progress, line) < 0 ? -1 : 0;
}

int
job_take_event(struct spool *sp, int64_t job, int64_t attempt, const char *line, size_t n, struct buf *stored, struct err *e)
{
	struct buf b = BUF_INIT;
	char id[24], now[CLK_TEXT];
	struct record r;
	int64_t current = 0;
	int rc;

	if (!n || line[0] != '{' || record_parse(line, n, &r, NULL) < 0)
		return 0;
	job_id_text(job, id);
	rc = !strcmp(r.type, "partial") || !strcmp(r.type, "summary") || !strcmp(r.type, "cell") || (r.job && strcmp(r.job, id)) ||
	     (r.job && r.attempt && r.attempt != attempt) ? 0 : 1;
	if (rc > 0 && (db_get_int(sp->db, e, &current, "SELECT attempt FROM job WHERE id=? AND state IN(2,3,4)", "i", job) < 0))
		rc = -1;
	if (rc > 0 && current != attempt)
		rc = 0; /* R3: a zombie's events are its own */
	if (rc > 0)
		rc = take_into_row(sp, job, attempt, &r, e) < 0 ? -1 : 1;
	if (rc > 0) {
		/* Who wrote it is added where the writer left it out. */
		clk_format(clk_real_ns(), now);
		buf_putc(&b, '{');
		if (!r.job)
			buf_printf(&b, "\"job\":\"%s\",\"attempt\":%lld,", id, (long long)attempt);
		if (!json_member(r.root, "time"))
			buf_printf(&b, "\"time\":\"%s\",", now);
		buf_add(&b, line + 1, n - 1);
		buf_putc(&b, '\n');
		rc = b.s ? (store_event(sp, job, !strcmp(r.type, "progress"), b.s, e) < 0 ? -1 : 1) : err_nomem(e);
		if (rc > 0 && stored)
			buf_add(stored, b.s, b.len);
	}
	buf_free(&b);
	record_free(&r);
	return rc;
}
