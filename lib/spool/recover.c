/* recover: see recover.h. */
#include "spool/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "spool/attempt.h"
#include "spool/catchup.h"
#include "spool/job.h"
#include "spool/keeper.h"
#include "spool/launch.h"
#include "spool/remote.h"
#include "spool/slots.h"

struct pass {
	struct spool *sp;
	const char *relay;
	spool_report report;
	void *ctx;
	int problems;
};

static int
rolled_back(struct spool *sp)
{
	db_rollback(sp->db);
	return -1;
}

/* Is the sim-run with this id alive? Its lock says so. */
static int
recover_worker_alive(const struct spool *sp, const char *worker)
{
	char path[PATH_MAX];
	int fd, alive;

	if (!worker || spool_path(sp, path, sizeof path, "workers/%s", worker) < 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT; /* cannot tell is never dead */
	alive = flock(fd, LOCK_SH | LOCK_NB) < 0;
	close(fd);
	return alive;
}

/* --- one job ---------------------------------------------------------------------------------------------------------- */

static int
record(struct pass *p, const struct job *j, const struct job_end *end, struct err *e)
{
	int rc;

	if (db_begin(p->sp->db, e) < 0)
		return -1;
	rc = catchup_end(p->sp, j->id, j->attempt, end, e);
	if (rc < 0 || db_commit(p->sp->db, e) < 0)
		return rolled_back(p->sp);
	if (rc > 0) {
		spool_wake(p->sp);
		p->report(p->ctx, j->id, end->outcome, end->reason);
	}
	return 0;
}

static int
record_result(struct pass *p, const struct job *j, struct err *e)
{
	struct job_end end;
	int rc = attempt_read_result(p->sp, j->id, j->attempt, &end, e);

	if (rc < 0) { /* damaged: the attempt counts as lost, and says why */
		struct job_end lost = {.outcome = "lost", .reason = e->msg, .status = -1, .done = j->done};

		return record(p, j, &lost, e);
	}
	if (rc > 0)
		rc = record(p, j, &end, e);
	attempt_free_end(&end);
	return rc;
}

static int
lose(struct pass *p, const struct job *j, const char *outcome, const char *reason, struct err *e)
{
	struct job_end end = {.outcome = outcome, .reason = reason, .status = -1, .done = j->done};

	if (!strcmp(outcome, "never-started"))
		end.gone = REMOTE_GONE;
	return record(p, j, &end, e);
}

/* The attempt has a new keeper: said, and from which boot. */
static int
note_keeper(struct pass *p, const struct job *j, const char *action, const char *what, struct err *e)
{
	if (db_begin(p->sp->db, e) < 0)
		return -1;
	if (db_run(p->sp->db, e, "UPDATE attempt SET boot=? WHERE job=? AND n=?", "sii", p->sp->boot, j->id, j->attempt) < 0 ||
	    job_note_event(p->sp, j->id, j->attempt, "warning", what, "simspool", e) < 0 || db_commit(p->sp->db, e) < 0)
		return rolled_back(p->sp);
	p->report(p->ctx, j->id, action, what);
	return 0;
}

static int
adopt(struct pass *p, const struct job *j, struct err *e)
{
	struct launch l;
	struct remote_row r;
	pid_t pid;

	if (launch_prepare(p->sp, j, "", "sim-engine", p->relay, &l, e) < 0)
		return -1;
	l.task.remote = remote_load(p->sp, j->id, j->attempt, &r, e) > 0 ? 2 : 0;
	if (l.task.remote) {
		l.task.promise = NULL;
		l.task.stall_ns = 0;
	}
	l.task.paused = j->state == JOB_PAUSED;
	l.task.end_why = j->request ? j->request_reason ? j->request_reason : j->request : NULL;
	if (db_get_int(p->sp->db, e, &l.task.from, "SELECT taken FROM attempt WHERE job=? AND n=?", "ii", j->id, j->attempt) < 0) {
		launch_free(&l);
		return -1;
	}
	pid = keeper_adopt(p->sp, &l.task, -1, e);
	launch_free(&l);
	if (pid < 0)
		return e->status == ERR_NO ? 0 : -1; /* another adopted it first */
	return note_keeper(p, j, "adopted", "its keeper was dead; the running stage was adopted", e);
}

/* Its keeper and sim-remote are dead; what they handed over may live, or may not have been: another sim-remote finds out. What the dead ones
 * left in the middle of a submission is killed first. */
static int
attach(struct pass *p, const struct job *j, const struct remote_row *r, struct err *e)
{
	struct attempt_probe a;
	struct launch l;
	pid_t pid;
	int fence = attempt_fence(p->sp, j->id, j->attempt, e), left;

	if (fence < 0)
		return e->status == ERR_NO ? 0 : -1;
	left = attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0 ? -1 : attempt_kill(p->sp, j->id, j->attempt, &a, 0, e);
	close(fence);
	if (left)
		return left < 0 ? -1 : 0; /* the next pass looks again */
	if (launch_attach(p->sp, j, r->on, p->relay, &l, e) < 0)
		return -1;
	l.task.paused = j->state == JOB_PAUSED;
	l.task.end_why = j->request ? j->request_reason ? j->request_reason : j->request : NULL;
	if (db_get_int(p->sp->db, e, &l.task.from, "SELECT taken FROM attempt WHERE job=? AND n=?", "ii", j->id, j->attempt) < 0) {
		launch_free(&l);
		return -1;
	}
	pid = keeper_start(p->sp, &l.task, -1, e);
	launch_free(&l);
	if (pid < 0)
		return e->status == ERR_NO || e->status == ERR_TEMPFAIL ? 0 : -1; /* another was first, or there is no room now */
	return note_keeper(p, j, "attached", "what was handed over is looked for and followed by another keeper", e);
}

static int
attempt_of(struct spool *sp, const struct job *j, char *worker, size_t n, char *boot, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT worker,boot FROM attempt WHERE job=? AND n=?", "ii", j->id, j->attempt);
	int rc = st ? db_step(st, e) : -1;

	worker[0] = boot[0] = '\0';
	if (rc > 0) {
		snprintf(worker, n, "%s", db_text(st, 0) ? db_text(st, 0) : "");
		snprintf(boot, PROC_BOOT, "%s", db_text(st, 1) ? db_text(st, 1) : "");
	}
	db_done(st);
	return rc < 0 ? -1 : 0;
}

/* The stage may be gone but for what it left; what is left of it is killed before anybody may run the job again. While something
 * lives that cannot be killed, nothing is recorded: the job stays as it is. */
static int
sweep_and_lose(struct pass *p, const struct job *j, const char *reason, struct err *e)
{
	struct attempt_probe a;
	int fence = attempt_fence(p->sp, j->id, j->attempt, e), left, rc = 0;

	if (fence < 0)
		return e->status == ERR_NO ? 0 : -1; /* another is at it */
	left = attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0 ? -1 : attempt_kill(p->sp, j->id, j->attempt, &a, 0, e);
	if (left > 0) {
		p->report(p->ctx, j->id, "problem", "processes of a lost attempt could not be killed");
		p->problems++;
	} else {
		rc = left < 0 ? -1 : lose(p, j, "lost", reason, e);
	}
	close(fence);
	return rc;
}

/* Its keeper lives. What a sim-ctl was killed before it could tell the keeper is told now: saying it twice does no harm. */
static int
remind(struct pass *p, const struct job *j, const struct attempt_probe *a, struct err *e)
{
	struct job now;
	int rc;

	if (j->request)
		proc_signal(a->keeper, SIGTERM);
	if (db_begin(p->sp->db, e) < 0) /* nobody pauses or resumes between the look and the word */
		return -1;
	rc = job_load(p->sp, j->id, &now, e);
	if (rc > 0 && now.attempt == j->attempt && (now.state == JOB_PAUSED || now.state == JOB_RUNNING))
		proc_signal(a->keeper, now.state == JOB_PAUSED ? SIGUSR1 : SIGUSR2);
	if (rc > 0)
		job_free(&now);
	db_rollback(p->sp->db);
	return rc < 0 ? -1 : 0;
}

/* begun: the caller knows that the attempt's keeper was forked, so that nobody is about to start it. */
static int
recover_active(struct pass *p, const struct job *j, int begun, struct err *e)
{
	char worker[64], boot[PROC_BOOT];
	struct remote_row away;
	struct attempt_probe a;
	int alive, stage, remote = remote_load(p->sp, j->id, j->attempt, &away, e);

	if (remote < 0)
		return -1;
	if (attempt_of(p->sp, j, worker, sizeof worker, boot, e) < 0)
		return -1;
	/* before the locks are looked at: a sim-run that is dead now starts nothing afterwards */
	alive = !begun && recover_worker_alive(p->sp, worker);
	if (attempt_probe(p->sp, j->id, j->attempt, &a, e) < 0)
		return -1;
	if (a.has_result && (!a.keeper_locked || strcmp(boot, p->sp->boot)))
		return record_result(p, j, e);
	stage = a.starting && proc_alive(a.stage); /* once: it may die while this is being decided */
	if (remote && !a.keeper_locked && (strcmp(boot, p->sp->boot) || (a.starting && !stage)))
		return attach(p, j, &away, e);
	if (!remote && strcmp(boot, p->sp->boot)) /* the lock file was never synced: that it does not say "starting" proves nothing */
		return lose(p, j, "lost", "lost: the machine was restarted", e);
	if (a.keeper_locked)
		return remind(p, j, &a, e);
	if (stage)
		return adopt(p, j, e);
	if (a.starting) /* its leader is gone, a child may hold the lock: the end is known, how it ended is not */
		return sweep_and_lose(p, j, a.stage_locked ? "lost: its keeper was killed and it ended unseen"
		                                           : "lost: its keeper and the stage were killed", e);
	if (alive)
		return 0; /* it is about to start it */
	return lose(p, j, "never-started", begun ? "its keeper died before it began" : "its sim-run died before it began", e);
}

int
recover_job(struct spool *sp, int64_t id, int64_t attempt, const char *relay, spool_report report, void *ctx, struct err *e)
{
	struct pass p = {sp, relay, report, ctx, 0};
	struct job j;
	int rc = job_load(sp, id, &j, e);

	if (rc <= 0)
		return rc;
	rc = 0;
	if (j.attempt == attempt && (j.state == JOB_RUNNING || j.state == JOB_PAUSED || j.state == JOB_SUBMITTING))
		rc = recover_active(&p, &j, 1, e);
	job_free(&j);
	return rc < 0 ? -1 : 1;
}

static int
all_active(struct pass *p, struct err *e)
{
	int64_t id, last = 0;
	int rc;

	while ((rc = db_get_int(p->sp->db, e, &id, "SELECT min(id) FROM job WHERE state IN(2,3,4) AND kind<2 AND id>?", "i", last)) > 0) {
		struct job j;

		last = id;
		rc = job_load(p->sp, id, &j, e);
		if (rc < 0)
			return -1;
		if (!rc)
			continue;
		rc = recover_active(p, &j, 0, e);
		job_free(&j);
		if (rc < 0)
			return -1;
	}
	return rc;
}

/* --- the rest ----------------------------------------------------------------------------------------------------------- */

static int
dead_workers(struct pass *p, struct err *e)
{
	char id[64], path[PATH_MAX];
	int rc;

	for (;;) {
		struct db_stmt *st = db_query(p->sp->db, e, "SELECT id,boot FROM worker WHERE ended_at IS NULL", "");
		int found = 0;

		if (!st)
			return -1;
		while (!found && (rc = db_step(st, e)) > 0) {
			snprintf(id, sizeof id, "%s", db_text(st, 0));
			found = strcmp(db_text(st, 1), p->sp->boot) || !recover_worker_alive(p->sp, id);
		}
		db_done(st);
		if (!found)
			return rc < 0 ? -1 : 0;
		if (db_begin(p->sp->db, e) < 0)
			return -1;
		if (db_run(p->sp->db, e, "UPDATE worker SET ended_at=? WHERE id=? AND ended_at IS NULL", "is", spool_now(p->sp), id) < 0 ||
		    db_commit(p->sp->db, e) < 0)
			return rolled_back(p->sp);
		spool_path(p->sp, path, sizeof path, "workers/%s", id);
		unlink(path);
		p->report(p->ctx, 0, "noted", "a sim-run died");
	}
}

static int
repair_rows(struct pass *p, struct err *e)
{
	int64_t id, last = 0;
	int freed, rc;

	if (db_begin(p->sp->db, e) < 0)
		return -1;
	freed = slots_repair(p->sp, e);
	if (freed < 0)
		return rolled_back(p->sp);
	while ((rc = db_get_int(p->sp->db, e, &id, "SELECT min(id) FROM job INDEXED BY job_limit WHERE state<5 AND (deadline_at>0 OR ttl_ns>0 OR kind=2) AND "
	                        "kind=2 AND id>?", "i", last)) > 0) {
		last = id;
		if (job_settle_parent(p->sp, id, e) < 0)
			return rolled_back(p->sp);
	}
	if (rc < 0 || db_commit(p->sp->db, e) < 0)
		return rolled_back(p->sp);
	if (freed)
		p->report(p->ctx, 0, "freed", "slots held by jobs that do not run");
	return 0;
}

/* Folders without a row: what a crash between rename and commit leaves. Looked at inside a write transaction, so that no
 * submission is in that window. */
static int
leftovers(struct pass *p, struct err *e)
{
	char path[PATH_MAX];
	DIR *d;
	struct dirent *de;

	spool_path(p->sp, path, sizeof path, "jobs");
	if (db_begin(p->sp->db, e) < 0)
		return -1;
	d = opendir(path);
	while (d && (de = readdir(d))) {
		int64_t id = job_id_parse(de->d_name), row;
		struct stat st;
		int rc = 1;

		if (spool_path(p->sp, path, sizeof path, "jobs/%s", de->d_name) < 0)
			continue;
		if (id)
			rc = db_get_int(p->sp->db, e, &row, "SELECT 1 FROM job WHERE id=?", "i", id);
		else if (!strncmp(de->d_name, ".tmp-", 5)) /* being filled by a submitter, if young */
			rc = stat(path, &st) == 0 && time(NULL) - st.st_mtime < 3600;
		if (rc == 0) {
			spool_remove_tree(path, NULL);
			p->report(p->ctx, id, "removed", "a folder without a job");
		}
		if (rc < 0)
			break;
	}
	if (d)
		closedir(d);
	db_rollback(p->sp->db);
	return 0;
}

static void
problem(void *ctx, const char *text)
{
	struct pass *p = ctx;

	p->problems++;
	p->report(p->ctx, 0, "problem", text);
}

static void
count_problem(void *ctx, const char *text)
{
	(void)text;
	++*(int *)ctx;
}

/* Indexes are made anew from the rows; what is wrong after that cannot be mended here. */
static int
verify_database(struct pass *p, struct err *e)
{
	int wrong = 0;

	if (db_check(p->sp->db, count_problem, &wrong, e) < 0)
		return -1;
	if (!wrong)
		return 0;
	if (db_script(p->sp->db, "REINDEX", e) == 0)
		p->report(p->ctx, 0, "rebuilt", "the indexes of spool.db were damaged");
	return db_check(p->sp->db, problem, p, e) < 0 ? -1 : 0;
}

static int
verify(struct pass *p, struct err *e)
{
	int64_t id = 0, last = 0;
	int rc;

	if (verify_database(p, e) < 0)
		return -1;
	while ((rc = db_get_int(p->sp->db, e, &id, "SELECT min(id) FROM job WHERE id>?", "i", last)) > 0) {
		struct job j;

		last = id;
		rc = job_load(p->sp, id, &j, e);
		if (rc < 0)
			return -1;
		if (rc > 0 && !job_intact(&j)) {
			p->report(p->ctx, id, "problem", "its row is damaged (checksum)");
			p->problems++;
		}
		job_free(&j);
	}
	return rc;
}

int
recover_pass(struct spool *sp, const char *relay, int deep, spool_report report, void *ctx, struct err *e)
{
	struct pass p = {sp, relay, report, ctx, 0};

	if (deep > 1 && verify(&p, e) < 0)
		return -1;
	if (dead_workers(&p, e) < 0 || all_active(&p, e) < 0 || repair_rows(&p, e) < 0)
		return -1;
	if (deep && leftovers(&p, e) < 0)
		return -1;
	return p.problems;
}
