/* step: see step.h. */
#include "run/step.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/spool.h"
#include "remote/wrap.h"
#include "run/show.h"
#include "spool/attempt.h"
#include "spool/catchup.h"
#include "spool/claim.h"
#include "spool/keeper.h"
#include "spool/launch.h"
#include "spool/notify.h"
#include "spool/recover.h"
#include "spool/remote.h"

/* --- the running ones ------------------------------------------------------------------------------------------------ */

static struct running *
find(struct runner *r, int64_t job, int64_t attempt)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->run[i].job == job && r->run[i].attempt == attempt)
			return &r->run[i];
	return NULL;
}

static void
drop(struct runner *r, struct running *x)
{
	r->used -= x->places;
	*x = r->run[--r->n];
}

static void
add(struct runner *r, const struct job *j, pid_t keeper)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 16;
		r->run = realloc(r->run, r->cap * sizeof *r->run);
		if (!r->run)
			abort();
	}
	r->run[r->n++] = (struct running){j->id, j->attempt, claim_places(j, r->at.on), keeper, 0};
	r->used += claim_places(j, r->at.on);
}

/* --- what keepers say ------------------------------------------------------------------------------------------------ */

static void
hear(struct runner *r)
{
	char b[65536];
	ssize_t k;

	while ((k = read(r->ctl[0], b, sizeof b)) > 0)
		buf_add(&r->said, b, (size_t)k);
}

int
step_take_line(struct runner *r, char *line, size_t n, struct err *e)
{
	long long job, attempt, offset;
	int used = 0, rc;
	char *text;

	line[n] = '\0';
	if (sscanf(line, "%lld %lld %lld %n", &job, &attempt, &offset, &used) < 3 || !used)
		return 0;
	text = line + used;
	if (!strcmp(text, "end")) {
		struct running *x = find(r, job, attempt);

		if (x)
			x->ended = 1;
		return 0;
	}
	if (!strcmp(text, "touch"))
		return job_touch(&r->sp, job, attempt, e);
	if (!strcmp(text, "sync"))
		rc = catchup_events(&r->sp, job, attempt, offset, &r->events, e);
	else
		rc = catchup_line(&r->sp, job, attempt, offset, text, n - (size_t)used, &r->events, e);
	return rc < 0 ? -1 : 0;
}

static int
take_said(struct runner *r, struct err *e)
{
	size_t at = 0;
	char *nl;

	while (at < r->said.len && (nl = memchr(r->said.s + at, '\n', r->said.len - at))) {
		if (step_take_line(r, r->said.s + at, (size_t)(nl - r->said.s) - at, e) < 0)
			return -1;
		at = (size_t)(nl - r->said.s) + 1;
	}
	if (at)
		memmove(r->said.s, r->said.s + at, r->said.len - at);
	r->said.len -= at;
	return 0;
}

static int
said_anything(const struct runner *r)
{
	return r->said.len && memchr(r->said.s, '\n', r->said.len);
}

/* --- one transaction ------------------------------------------------------------------------------------------------- */

static int
record_ends(struct runner *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct job_end end;
		int rc;

		if (r->run[i].ended != 1)
			continue;
		rc = attempt_read_result(&r->sp, r->run[i].job, r->run[i].attempt, &end, e);
		if (rc == 0) /* never without its file: the keeper is gone and recover_job() looks closer */
			continue;
		if (rc < 0)
			end = (struct job_end){.outcome = strdup("failed"), .reason = strdup(e->msg), .status = -1};
		rc = job_take_end(&r->sp, r->run[i].job, r->run[i].attempt, &end, e);
		attempt_free_end(&end);
		if (rc < 0)
			return -1;
		r->run[i].ended = 2;
	}
	return 0;
}

static int
claim_some(struct runner *r, struct claim *c, struct err *e)
{
	int n = 0, rc = 1;
	int64_t used = r->used;

	for (size_t i = 0; i < r->n; i++)
		used -= r->run[i].ended == 2 ? r->run[i].places : 0;
	while (n < RUN_CLAIMS && rc > 0 && !r->drain && !(r->limit && r->claimed >= r->limit)) {
		rc = claim_next(&r->sp, r->id, r->places - used, r->places, r->only, &r->at, &c[n], e);
		if (rc < 0)
			return -1;
		if (rc == 2 && r->nbroken < RUN_CLAIMS)
			r->broken[r->nbroken++] = c[n].job.id;
		r->moved |= rc == 3;
		if (rc == 2)
			job_free(&c[n].job);
		if (rc == 1) {
			used += claim_places(&c[n++].job, r->at.on);
			r->claimed++;
		}
	}
	return n;
}

static void
start(struct runner *r, struct claim *c)
{
	struct job_end end = {.outcome = "failed", .status = -1, .gone = REMOTE_GONE};
	struct launch l;
	struct err e = {0};
	pid_t pid = -1;
	int made = attempt_make(&r->sp, c->job.id, c->job.attempt, &e);

	if (made == 0 && launch_prepare(&r->sp, &c->job, c->units.s ? c->units.s : "", r->engine, r->self, &l, &e) == 0) {
		if (!r->at.on || wrap_launch(&r->sp, &c->job, r->at.on, r->self, &l, &e) == 0)
			pid = keeper_start(&r->sp, &l.task, r->ctl[1], &e);
		launch_free(&l);
	}
	if (pid > 0) {
		add(r, &c->job, pid);
		return;
	}
	if (e.status == ERR_NO) /* ended while it was on its way here; whoever did it records it */
		return;
	if (e.status != ERR_DATA) { /* no descriptors, no memory, no room: it is not the job's fault */
		end.outcome = "never-started";
		cli_warn("job %lld is put back: %s", (long long)c->job.id, e.msg);
	}
	end.reason = e.msg;
	end.status = e.status;
	if (db_begin(r->sp.db, &e) < 0 || job_take_end(&r->sp, c->job.id, c->job.attempt, &end, &e) < 0 || db_commit(r->sp.db, &e) < 0)
		runner_die(r, &e);
	show_end(r, c->job.id, c->job.attempt);
}

static void
show_ended(struct runner *r)
{
	for (size_t i = 0; i < r->n;) {
		int64_t id = r->run[i].job, attempt = r->run[i].attempt;

		if (r->run[i].ended != 2) {
			i++;
			continue;
		}
		drop(r, &r->run[i]); /* step_bury() reaps its keeper */
		if (!r->only)
			show_end(r, id, attempt);
	}
}

/* Webhooks are sim-reap's: one pass of it, which nobody waits for. */
static void
send_notices(struct runner *r)
{
	char reap[PATH_MAX];
	const char *const argv[] = {"sim-reap", "--notify", "--quiet", "--spool", r->sp.root, NULL};
	struct err e = {0};

	if (notify_waits(&r->sp, &e) <= 0)
		return;
	cli_start_apart(cli_sibling("sim-reap", reap, sizeof reap), argv);
}

int
step(struct runner *r)
{
	static struct claim c[RUN_CLAIMS];
	struct err e = {0};
	int n, ended = 0, said, moved, woken;

	hear(r);
	said = said_anything(r);
	for (size_t i = 0; i < r->n; i++)
		ended |= r->run[i].ended == 1;
	if (!said && !ended && (r->drain || r->used >= r->places) && !r->next_look)
		return 0;
	r->next_look = 0;
	if (db_begin(r->sp.db, &e) < 0 || take_said(r, &e) < 0 || record_ends(r, &e) < 0 || (woken = claim_end_backoffs(&r->sp, &e)) < 0 ||
	    (n = claim_some(r, c, &e)) < 0)
		runner_die(r, &e);
	for (size_t i = 0; i < r->n; i++)
		ended |= r->run[i].ended == 2;
	moved = r->moved | (woken > 0);
	r->moved = 0;
	if (!said && !ended && !n && !r->nbroken && !moved) {
		db_rollback(r->sp.db);
		return 0;
	}
	if (db_commit(r->sp.db, &e) < 0)
		runner_die(r, &e);
	for (int i = 0; i < n; i++) /* first of all: every instruction between here and the keeper is one a crash could hit */
		start(r, &c[i]);
	show_events(r);
	for (int i = 0; i < n; i++) {
		show_state(r, &c[i].job);
		job_free(&c[i].job);
		buf_free(&c[i].units);
	}
	show_ended(r);
	while (r->nbroken)
		show_end(r, r->broken[--r->nbroken], 0);
	if (ended)
		send_notices(r);
	spool_wake(&r->sp);
	return 1;
}

void
step_bury(struct runner *r)
{
	struct err e = {0};
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < r->n; i++)
			if (r->run[i].keeper == pid) {
				r->run[i].keeper = 0;
				hear(r);
				r->next_look = 1;
			}
	if (said_anything(r)) { /* its last words first */
		r->next_look = 1;
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		struct job j;
		struct running x = r->run[i];

		if (x.keeper || x.ended)
			continue;
		if (recover_job(&r->sp, x.job, x.attempt, r->self, show_action, r, &e) < 0 || job_load(&r->sp, x.job, &j, &e) < 0)
			runner_die(r, &e);
		if (j.attempt != x.attempt || (j.state != JOB_RUNNING && j.state != JOB_PAUSED && j.state != JOB_SUBMITTING)) {
			drop(r, &r->run[i--]);
			r->next_look = 1;
			if (!r->only)
				show_end(r, x.job, x.attempt);
		}
		job_free(&j);
	}
}
