/* figures: see figures.h. */
#include "progress/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "common/cli.h"
#include "spool/claim.h"
#include "spool/launch.h"

/* A parent's are its children's, added up from their rows: of those done in full their whole, of the others what was measured. */
static void
child_sums(struct view *v, const struct job *j, struct figures *f)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e,
	    "WITH RECURSIVE t(id) AS (SELECT id FROM job WHERE parent=?1 UNION ALL SELECT job.id FROM job JOIN t ON job.parent=t.id) "
	    "SELECT state,count(*),sum(done),sum(total),sum(retried),sum(CASE state WHEN 3 THEN rate ELSE 0 END) FROM job "
	    "WHERE id IN (SELECT id FROM t) AND kind<2 GROUP BY state", "i", j->id);
	double rate = 0;
	int rc;

	if (!st)
		cli_die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		f->states[db_int(st, 0) & 7] = db_int(st, 1);
		f->children += db_int(st, 1);
		f->done += db_int(st, 2);
		f->total += db_int(st, 3);
		f->retries += db_int(st, 4);
		rate += db_double(st, 5);
	}
	db_done(st);
	if (rc < 0)
		cli_die(&e);
	f->rate = rate;
	f->unit = j->unit;
	if (!f->total) { /* children that measure nothing are counted themselves */
		f->total = f->children;
		f->done = f->states[JOB_COMPLETED] + f->states[JOB_FAILED] + f->states[JOB_CANCELLED];
		f->unit = "jobs";
	}
}

static void
attempt_worker(struct view *v, const struct job *j, struct figures *f)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e, "SELECT worker FROM attempt WHERE job=? AND n=?", "ii", j->id, j->attempt);

	if (!st)
		cli_die(&e);
	if (db_step(st, &e) > 0 && db_text(st, 0))
		snprintf(f->worker, sizeof f->worker, "%s", db_text(st, 0));
	db_done(st);
}

static void
limits_of(struct view *v, const struct job *j, struct figures *f)
{
	int64_t left = 0, deadline = 0, now = clk_boot_ns();
	struct err e = {0};
	char why[200];

	if (launch_limits(&v->sp, j, &left, &deadline, why, sizeof why, &e) < 0)
		cli_die(&e);
	if (left == LAUNCH_NO_LIMIT)
		left = 0;
	if (!left && j->kind == JOB_PARENT && j->started_at && launch_parent_default(&v->sp, j, &left, &e) < 0)
		cli_die(&e);
	f->limit_ns = left < 0 ? 1 : left;
	if (deadline && (!f->limit_ns || deadline - now < f->limit_ns))
		f->limit_ns = deadline - now > 1 ? deadline - now : 1;
}

void
figures_of(struct view *v, const struct job *j, struct figures *f)
{
	int64_t now = spool_now(&v->sp);
	struct err e = {0};

	memset(f, 0, sizeof *f);
	f->done = j->done;
	f->total = j->total;
	f->unit = j->unit;
	f->rate = j->state == JOB_RUNNING ? j->rate : 0;
	f->retries = j->retried;
	if (j->kind == JOB_PARENT) {
		f->done = f->total = 0;
		child_sums(v, j, f);
	}
	if (j->started_at)
		f->elapsed_ns = (j->ended_at ? j->ended_at : now) - j->started_at - j->paused_ns - (j->paused_at && !j->ended_at ? now - j->paused_at : 0);
	if (f->rate <= 0 && j->state == JOB_RUNNING && f->done && f->elapsed_ns > 0)
		f->rate = (double)f->done / ((double)f->elapsed_ns / 1e9);
	f->eta_s = f->rate > 0 && f->total > f->done && j->state == JOB_RUNNING ? (double)(f->total - f->done) / f->rate : NAN;
	if (j->state == JOB_RUNNING && j->progress_at && j->kind != JOB_PARENT)
		f->idle_ns = now - j->progress_at;
	if (!v->detail)
		return;
	if (claim_why_not(&v->sp, j, f->why, sizeof f->why, &e) < 0 || claim_position(&v->sp, j, &f->position, &e) < 0)
		cli_die(&e);
	if (!job_is_over(j->state))
		limits_of(v, j, f);
	if (!j->attempt || j->kind == JOB_PARENT)
		return;
	attempt_worker(v, j, f);
	if (remote_load(&v->sp, j->id, j->attempt, &f->away, &e) < 0)
		cli_die(&e);
}

double
figures_percent(const struct job *j, const struct figures *f)
{
	if (j->state == JOB_COMPLETED && !j->degraded)
		return 100;
	return f->total > 0 ? floor(1000.0 * (double)f->done / (double)f->total) / 10 : NAN;
}
