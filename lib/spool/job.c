/* job: rows of jobs and their history; see job.h, and job_private.h for the other parts. */
#include "spool/job_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/num.h"
#include "record/record.h"

static const char *const state_name[JOB_NSTATES] = {"pending", "queued",    "submitting", "running",
                                                    "paused",  "completed", "failed",     "cancelled"};

const char *
job_state_name(enum job_state s)
{
	return s < JOB_NSTATES ? state_name[s] : "unknown";
}

int
job_state_parse(const char *s)
{
	for (int i = 0; i < JOB_NSTATES; i++)
		if (!strcmp(s, state_name[i]))
			return i;
	return -1;
}

int64_t
job_id_parse(const char *s)
{
	int64_t id;

	for (const char *p = s; *p; p++)
		if (*p < '0' || *p > '9')
			return 0;
	return num_parse_int(s, 1, INT64_MAX, &id) < 0 ? 0 : id;
}

/* --- rows ----------------------------------------------------------------------------------------------------------- */

static const char columns[] = "SELECT "
#define COL(name, kind, def) #name ","
#include "spool/job.def"
#undef COL
                              "0 FROM job ";

const char *
job_columns(void)
{
	return columns;
}

int
job_read(struct db_stmt *st, struct job *j)
{
	int c = 0, rc = 0;
	const char *t;

	memset(j, 0, sizeof *j);
#define GET_I(name) j->name = db_int(st, c++);
#define GET_D(name) j->name = db_double(st, c++);
#define GET_S(name)                                                                                                      \
	t = db_text(st, c++);                                                                                            \
	if (t && !(j->name = strdup(t)))                                                                                 \
		rc = -1;
#define COL(name, kind, def) GET_##kind(name)
#include "spool/job.def"
#undef COL
	return rc;
}

void
job_free(struct job *j)
{
#define FREE_I(name)
#define FREE_D(name)
#define FREE_S(name) free(j->name);
#define COL(name, kind, def) FREE_##kind(name)
#include "spool/job.def"
#undef COL
	memset(j, 0, sizeof *j);
}

int
job_load(struct spool *sp, int64_t id, struct job *j, struct err *e)
{
	static const char sql[] = "SELECT "
#define COL(name, kind, def) #name ","
#include "spool/job.def"
#undef COL
	    "0 FROM job WHERE id=?";
	struct db_stmt *st = db_query(sp->db, e, sql, "i", id);
	int rc = st ? db_step(st, e) : -1;

	memset(j, 0, sizeof *j);
	if (rc > 0 && job_read(st, j) < 0)
		rc = err_nomem(e);
	db_done(st);
	if (rc == 0)
		err_set(e, ERR_NOINPUT, "there is no job %lld", (long long)id);
	return rc;
}

/* FNV-1a. */
int64_t
job_sum(const struct job *j)
{
	uint64_t h = 14695981039346656037u;
	const char *text[] = {j->name, j->key, j->task, j->folder, j->retry_on, j->min_ok};
	const int64_t number[] = {j->parent, j->idx, j->kind, j->retries, j->submitted};

	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
		for (const char *p = text[i] ? text[i] : ""; ; p++) {
			h = (h ^ (unsigned char)*p) * 1099511628211u;
			if (!*p)
				break;
		}
	for (size_t i = 0; i < sizeof number / sizeof number[0]; i++)
		h = (h ^ (uint64_t)number[i]) * 1099511628211u;
	return (int64_t)(h >> 1);
}

int
job_intact(const struct job *j)
{
	return j->sum == job_sum(j);
}

/* --- the history --------------------------------------------------------------------------------------------------- */

int
job_event_line(struct spool *sp, int64_t job, const char *line, struct err *e)
{
	return db_run(sp->db, e, "INSERT INTO event(job,line) VALUES(?,?)", "is", job, line) < 0 ? -1 : 0;
}

const char *
job_id_text(int64_t id, char out[24])
{
	snprintf(out, 24, "%lld", (long long)id);
	return out;
}

static void
put_time(struct buf *b, const char *key, int64_t real)
{
	char t[CLK_TEXT];

	if (!real)
		return;
	clk_format(real, t);
	record_str(b, key, t);
}

int
job_record(struct buf *b, const struct job *j)
{
	char id[24];
	int rc = record_begin(b, "job", job_id_text(j->id, id), j->attempt);

	rc |= record_str(b, "state", job_state_name((enum job_state)j->state));
	if (j->parent)
		rc |= record_str(b, "parent", job_id_text(j->parent, id));
	if (j->name)
		rc |= record_str(b, "name", j->name);
	if (j->key)
		rc |= record_str(b, "key", j->key);
	if (j->reason)
		rc |= record_str(b, "reason", j->reason);
	if (j->degraded)
		rc |= record_bool(b, "degraded", 1);
	if (j->status >= 0)
		rc |= record_int(b, "status", j->status);
	if (j->signal)
		rc |= record_int(b, "signal", j->signal);
	put_time(b, "submitted", j->submitted);
	put_time(b, "started", j->started);
	put_time(b, "ended", j->ended);
	return rc;
}

int
job_note_event(struct spool *sp, int64_t job, int64_t attempt, const char *type, const char *message, const char *who,
               struct err *e)
{
	struct buf b = BUF_INIT;
	char id[24];
	int rc;

	record_begin(&b, type, job_id_text(job, id), attempt);
	record_str(&b, !strcmp(type, "retry") ? "reason" : "message", message);
	if (who)
		record_str(&b, "who", who);
	record_end(&b);
	rc = b.s ? job_event_line(sp, job, b.s, e) : err_nomem(e);
	buf_free(&b);
	return rc;
}

int
job_state_event(struct spool *sp, const struct job *j, enum job_state from, enum job_state to, const char *reason, const char *who,
            struct err *e)
{
	struct buf b = BUF_INIT;
	char id[24];
	int rc;

	record_begin(&b, "job", job_id_text(j->id, id), j->attempt);
	record_str(&b, "state", job_state_name(to));
	if (from != to)
		record_str(&b, "from", job_state_name(from));
	if (j->parent)
		record_str(&b, "parent", job_id_text(j->parent, id));
	if (j->name)
		record_str(&b, "name", j->name);
	if (reason)
		record_str(&b, "reason", reason);
	if (who)
		record_str(&b, "who", who);
	record_end(&b);
	rc = b.s ? job_event_line(sp, j->id, b.s, e) : err_nomem(e);
	buf_free(&b);
	return rc;
}
