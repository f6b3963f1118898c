/* job: see job.h. */
#include "spool/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/num.h"
#include "record/record.h"
#include "spool/notify.h"
#include "spool/remote.h"
#include "spool/slots.h"

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
	return rc;
}

/* FNV-1a over what never changes: a flipped bit in the file is noticed before the job runs. */
static int64_t
checksum(const struct job *j)
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
	return j->sum == checksum(j);
}

/* --- the history --------------------------------------------------------------------------------------------------- */

int
job_event_line(struct spool *sp, int64_t job, const char *line, struct err *e)
{
	return db_run(sp->db, e, "INSERT INTO event(job,line) VALUES(?,?)", "is", job, line) < 0 ? -1 : 0;
}

static const char *
id_text(int64_t id, char out[24])
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
	int rc = record_begin(b, "job", id_text(j->id, id), j->attempt);

	rc |= record_str(b, "state", job_state_name((enum job_state)j->state));
	if (j->parent)
		rc |= record_str(b, "parent", id_text(j->parent, id));
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

	record_begin(&b, type, id_text(job, id), attempt);
	record_str(&b, !strcmp(type, "retry") ? "reason" : "message", message);
	if (who)
		record_str(&b, "who", who);
	record_end(&b);
	rc = b.s ? job_event_line(sp, job, b.s, e) : err_nomem(e);
	buf_free(&b);
	return rc;
}

/* The event of a change: the record of the state, with where from, why and who. */
static int
state_event(struct spool *sp, const struct job *j, enum job_state from, enum job_state to, const char *reason, const char *who,
            struct err *e)
{
	struct buf b = BUF_INIT;
	char id[24];
	int rc;

	record_begin(&b, "job", id_text(j->id, id), j->attempt);
	record_str(&b, "state", job_state_name(to));
	if (from != to)
		record_str(&b, "from", job_state_name(from));
	if (j->parent)
		record_str(&b, "parent", id_text(j->parent, id));
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

/* --- moving -------------------------------------------------------------------------------------------------------- */

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

static int
is_active(int64_t s)
{
	return s == JOB_SUBMITTING || s == JOB_RUNNING || s == JOB_PAUSED;
}

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

/* The change itself, its event, its slots, its dependents; not the parent. */
static int
change(struct spool *sp, struct job *j, enum job_state to, const char *reason, const char *who, struct err *e)
{
	enum job_state from = (enum job_state)j->state;

	if (write_state(sp, j, to, reason, e) < 0)
		return -1;
	if (is_active(from) && !is_active(to) && *j->slots && slots_release(sp, j->id, e) < 0)
		return -1;
	if (state_event(sp, j, from, to, reason, who, e) < 0)
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
		rc = err_set(e, ERR_NO, "job %lld is %s, not %s", (long long)id, state_name[j.state], state_name[from]);
	else if (j.kind != JOB_PARENT && !(allowed[from] & BIT(to)))
		rc = err_set(e, ERR_SOFTWARE, "job %lld: no way from %s to %s", (long long)id, state_name[from], state_name[to]);
	else
		rc = change(sp, &j, to, reason, who, e);
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

/* --- parents ------------------------------------------------------------------------------------------------------- */

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
			     state_event(sp, &p, (enum job_state)from, to, NULL, "simspool", e);
		} else {
			rc = change(sp, &p, to, *why ? why : NULL, "simspool", e);
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

/* --- accepting ------------------------------------------------------------------------------------------------------ */

int
job_turn(struct spool *sp, int64_t *turn, struct err *e)
{
	*turn = 0;
	return db_get_int(sp->db, e, turn, "SELECT value FROM spool WHERE name='vtime'", "") < 0 ? -1 : (++*turn, 0);
}

static int
insert_deps(struct spool *sp, const struct job *j, const struct job_dep *dep, size_t n, const char **unmet, int *open, char *why,
            size_t size, struct err *e)
{
	*open = 0;
	*unmet = NULL;
	for (size_t i = 0; i < n; i++) {
		int64_t state;
		int rc = db_get_int(sp->db, e, &state, "SELECT state FROM job WHERE id=?", "i", dep[i].on);

		if (rc <= 0)
			return rc < 0 ? -1 : err_set(e, ERR_DATA, "--after: there is no job %lld", (long long)dep[i].on);
		if (db_run(sp->db, e, "INSERT OR REPLACE INTO dep VALUES(?,?,?)", "iii", dep[i].on, j->id, (int64_t)dep[i].ok) < 0)
			return -1;
		if (!job_is_over(state))
			++*open;
		else if (dep[i].ok && state != JOB_COMPLETED) {
			snprintf(why, size, "dependency %lld did not complete", (long long)dep[i].on);
			*unmet = why;
		}
	}
	return 0;
}

static int
insert_row(struct spool *sp, struct job *j, struct err *e)
{
	int rc = db_run(sp->db, e,
	                "INSERT INTO job(parent,idx,kind,name,key,state,waiting,priority,turn,slots,task,folder,retries,backoff_ns,retry_on,"
	                "timeout_ns,deadline_at,stall_ns,ttl_ns,grace_ns,min_ok,submitted_at,submitted,queued_at,who,total,unit,sum)"
	                "VALUES(nullif(?,0),?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	                "iiissiiiisssiisiiiiisiiisisi", j->parent, j->idx, j->kind, j->name, j->key, j->state, j->waiting, j->priority,
	                j->turn, j->slots ? j->slots : "", j->task, j->folder, j->retries, j->backoff_ns, j->retry_on, j->timeout_ns,
	                j->deadline_at, j->stall_ns, j->ttl_ns, j->grace_ns, j->min_ok, j->submitted_at, j->submitted, j->queued_at,
	                j->who, j->total, j->unit, j->sum);

	if (rc >= 0)
		j->id = db_last_id(sp->db);
	return rc < 0 ? -1 : 0;
}

int
job_insert(struct spool *sp, struct job *j, int64_t turn, const struct job_dep *dep, size_t ndeps, const struct job_env *env,
           size_t nenv, int *existing, struct err *e)
{
	const char *unmet;
	char why[100];
	int open_deps, rc;

	*existing = 0;
	if (j->key) {
		rc = db_get_int(sp->db, e, &j->id, "SELECT id FROM job WHERE key=?", "s", j->key);
		if (rc) {
			*existing = rc > 0;
			return rc < 0 ? -1 : 0;
		}
	}
	j->turn = turn;
	j->submitted_at = j->queued_at = spool_now(sp);
	j->submitted = clk_real_ns();
	j->who = sp->who;
	j->state = ndeps ? JOB_PENDING : JOB_QUEUED;
	j->status = -1;
	if (j->kind == JOB_PARENT)
		j->waiting = JOB_BY_CHILDREN;
	j->sum = checksum(j);
	if (!j->slots)
		j->slots = (char[]){""};
	if (insert_row(sp, j, e) < 0 || insert_deps(sp, j, dep, ndeps, &unmet, &open_deps, why, sizeof why, e) < 0)
		return -1;
	for (size_t i = 0; i < nenv; i++)
		if (db_run(sp->db, e, "REPLACE INTO env VALUES(?,?,?)", "iss", j->id, env[i].name, env[i].value) < 0)
			return -1;
	if (state_event(sp, j, (enum job_state)j->state, (enum job_state)j->state, NULL, sp->who, e) < 0)
		return -1;
	rc = 0;
	if (unmet)
		rc = job_move(sp, j->id, JOB_PENDING, JOB_FAILED, unmet, "simspool", e);
	else if (ndeps && !open_deps)
		rc = job_move(sp, j->id, JOB_PENDING, JOB_QUEUED, NULL, "simspool", e);
	return rc;
}

/* --- the end of an attempt -------------------------------------------------------------------------------------------- */

static int
word_in(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || !p[n]))
			return 1;
	return 0;
}

int
job_retry_wanted(const char *on, const struct job_end *end)
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
	record_begin(&b, "retry", id_text(j->id, id), j->attempt);
	record_str(&b, "reason", why);
	record_num(&b, "wait", (double)wait / 1e9);
	record_int(&b, "retry", j->retried + 1);
	record_int(&b, "of", j->retries);
	record_end(&b);
	rc = b.s ? job_event_line(sp, j->id, b.s, e) : err_nomem(e);
	buf_free(&b);
	if (rc < 0 || change(sp, j, JOB_QUEUED, why, "simspool", e) < 0)
		return -1;
	return db_run(sp->db, e, "UPDATE job SET retried=retried+1,waiting=?,ready_at=?,last_error=? WHERE id=?", "iisi",
	              (int64_t)(wait ? JOB_BACKOFF : JOB_READY), now + wait, why, j->id) < 0 ? -1 : 0;
}

/* Nothing of it ran: no retry is used up. Where the machine lacked something (end->status says what), it is tried again a little later. */
static int
not_begun(struct spool *sp, struct job *j, const struct job_end *end, struct err *e)
{
	int64_t again = spool_now(sp) + JOB_AGAIN_NS;

	if (change(sp, j, JOB_QUEUED, end->reason ? end->reason : "its sim-run ended before it began", "simspool", e) < 0)
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
	return rc < 0 ? -1 : change(sp, j, to, reason, who, e);
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
			return change(sp, j, JOB_QUEUED, "handed back", who, e);
		return finish(sp, j, JOB_FAILED, j->request_reason ? j->request_reason : j->request, who, e);
	}
	if (!strcmp(end->outcome, "never-started"))
		return not_begun(sp, j, end, e);
	if (!strcmp(end->outcome, "cancelled")) /* where it ran, by somebody else: that was meant */
		return finish(sp, j, JOB_CANCELLED, why, who, e);
	if (j->retried < j->retries && job_retry_wanted(j->retry_on, end)) {
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
	if (j.attempt != attempt || !is_active(j.state)) { /* R3 */
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

int
job_touch(struct spool *sp, int64_t job, int64_t attempt, struct err *e)
{
	return db_run(sp->db, e, "UPDATE job SET progress_at=? WHERE id=? AND attempt=?", "iii", spool_now(sp), job, attempt) < 0 ? -1 : 0;
}

/* --- a stage's own events ----------------------------------------------------------------------------------------------- */

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
	id_text(job, id);
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
