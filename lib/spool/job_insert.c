/* job_insert: accepting a job. */
#include "spool/job_private.h"

#include <stdio.h>

#include "base/clk.h"

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
	j->sum = job_sum(j);
	if (!j->slots)
		j->slots = (char[]){""};
	if (insert_row(sp, j, e) < 0 || insert_deps(sp, j, dep, ndeps, &unmet, &open_deps, why, sizeof why, e) < 0)
		return -1;
	for (size_t i = 0; i < nenv; i++)
		if (db_run(sp->db, e, "REPLACE INTO env VALUES(?,?,?)", "iss", j->id, env[i].name, env[i].value) < 0)
			return -1;
	if (job_state_event(sp, j, (enum job_state)j->state, (enum job_state)j->state, NULL, sp->who, e) < 0)
		return -1;
	rc = 0;
	if (unmet)
		rc = job_move(sp, j->id, JOB_PENDING, JOB_FAILED, unmet, "simspool", e);
	else if (ndeps && !open_deps)
		rc = job_move(sp, j->id, JOB_PENDING, JOB_QUEUED, NULL, "simspool", e);
	return rc;
}
