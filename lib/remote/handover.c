/* handover: see handover.h. */
#include "remote/handover.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "record/record.h"
#include "remote/bring.h"
#include "remote/follow.h"
#include "remote/task.h"
#include "remote/work.h"
#include "spool/attempt.h"
#include "spool/remote.h"

#define UNKNOWN_NS (15 * SECOND)     /* what a scheduler does not know, and was told to stop, is taken for over */

/* --- handing over ------------------------------------------------------------------------------------------------------------ */

/* Again until it is done, refused, or ended from outside: 0, -1, 1. */
static int
persist(struct work *w, int (*step)(struct work *, struct err *), struct err *e)
{
	int64_t wait = 0;
	int rc = 0;

	while (rc == 0) {
		work_nap(w, 0);
		if (w->term)
			return 1;
		if (step(w, e) == 0)
			return 0;
		rc = work_again(w, &wait, e);
	}
	return rc;
}

static int
open_step(struct work *w, struct err *e)
{
	return site_open(&w->site, &w->host, w->h->spool_id, w->h->self, work_soon(), e);
}

/* "model" and "spec" of an engine's task lie in the topmost job's folder, beside the data files that the spec names relative to itself: the folder
 * goes, each file of it once per content. */
static int
send_beside(struct work *w, const char *path, char there[PATH_MAX], struct err *e)
{
	char folder[PATH_MAX], to[300], at[PATH_MAX];
	const char *name = strrchr(path, '/'), *up;

	snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
	up = strrchr(folder, '/');
	snprintf(to, sizeof to, "jobs/%.250s", up ? up + 1 : folder);
	if (site_folder(&w->site, folder, to, at, work_soon(), e) < 0)
		return -1;
	return (size_t)snprintf(there, PATH_MAX, "%s%s", at, name) < PATH_MAX ? 0 : err_set(e, ERR_DATA, "the path of the folder is too long");
}

/* A task line of somebody else's may name a file that lies elsewhere: it goes alone. */
static int
send_input(struct work *w, const char *path, char there[PATH_MAX], struct err *e)
{
	size_t n = strlen(w->sp.root);

	if (!strncmp(path, w->sp.root, n) && !strncmp(path + n, "/jobs/", 6))
		return send_beside(w, path, there, e);
	return site_content(&w->site, path, there, work_soon(), e);
}

static int
send_inputs(struct work *w, struct err *e)
{
	static const char *const file[] = {"model", "spec"};
	struct json *o;
	struct buf b = BUF_INIT;
	int n = 0;

	if (w->task.kind != JOB_ENGINE)
		return bring_to(w, e);
	o = json_parse_text(w->task.input, strlen(w->task.input), e);
	if (!o)
		return -1;
	for (void *it = json_first(o); it; it = json_next(o, it)) {
		const char *key = json_iter_key(it), *text = json_text(json_iter_value(it));
		char there[PATH_MAX];

		buf_putc(&b, n++ ? ',' : '{');
		record_quote(&b, key);
		buf_putc(&b, ':');
		if (text && text[0] == '/' && (!strcmp(key, file[0]) || !strcmp(key, file[1]))) {
			if (send_input(w, text, there, e) < 0) {
				json_free(o);
				buf_free(&b);
				return -1;
			}
			record_quote(&b, there);
		} else {
			json_write(&b, json_iter_value(it));
		}
	}
	buf_puts(&b, "}\n");
	w->task.input = arena_strdup(&w->arena, b.s ? b.s : "");
	json_free(o);
	buf_free(&b);
	return 0;
}

static int
files_step(struct work *w, struct err *e)
{
	char path[200];
	struct buf b = BUF_INIT;
	int rc = send_inputs(w, e);
	struct keeper_task there = w->task;

	there.send = NULL; /* they are there */
	there.apart = w->task.kind == JOB_COMMAND && (w->host.apart || (w->task.send && w->task.send[0]));
	if (there.deadline_ns)
		there.deadline_ns += w->site.clock_ns; /* a point in time, on the clock over there */
	snprintf(path, sizeof path, "jobs/%lld/attempts/%lld/task.json", (long long)w->job, (long long)w->n);
	if (rc == 0)
		rc = task_write(&b, &there, w->in.label, e);
	if (rc == 0)
		rc = site_put(&w->site, path, b.s, b.len, work_soon(), e);
	buf_free(&b);
	return rc;
}

static int
submitted(struct work *w)
{
	struct err e = {0};

	w->in.step = INTENT_SUBMITTED;
	while (work_keep_intent(w, &e) < 0) /* not released before it is known where */
		work_nap(w, SECOND);
	work_say(w, "waiting", NULL, NULL);
	return 0;
}

static int
submit_step(struct work *w, struct err *e)
{
	struct remote_job j = {.folder = w->in.folder, .program = w->in.program, .cpus = w->h->cpus, .gpus = w->h->gpus,
	                       .priority = w->h->priority, .notice_ns = w->task.grace_ns};
	struct err why = {0};
	int rc;

	if (w->in.uncertain) { /* the one before was cut off */
		rc = w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, work_soon(), e);
		if (rc < 0)
			return -1;
		if (rc > 0)
			return submitted(w);
	}
	snprintf(j.label, sizeof j.label, "%s", w->in.label);
	j.time_ns = w->h->limit_ns ? w->h->limit_ns + w->task.grace_ns + w->host.margin_ns : 0;
	rc = w->x->submit(&w->site, &j, w->in.id, work_soon(), &why);
	if (rc == 0)
		return submitted(w);
	*e = why;
	if (work_is_final(e))
		return -1;
	w->in.uncertain = 1;
	work_keep_intent(w, &why);
	return -1;
}

static int
release_step(struct work *w, struct err *e)
{
	return w->x->release ? w->x->release(&w->site, w->in.id, w->in.folder, work_soon(), e) : 0;
}

static int
intent_step(struct work *w, struct err *e)
{
	return work_keep_intent(w, e);
}

/* --- beginning ---------------------------------------------------------------------------------------------------------------- */

static int
names(struct work *w, struct handover *h, struct err *e)
{
	long long job, n;
	int used = 0;
	const char *p = strstr(h->attempt, "/jobs/"), *q;

	for (; p && (q = strstr(p + 1, "/jobs/")); p = q)
		;
	if (!p || sscanf(p, "/jobs/%lld/attempts/%lld%n", &job, &n, &used) != 2 || (p[used] && strcmp(p + used, "/")))
		return err_set(e, ERR_USAGE, "\"%.200s\" is no attempt's folder", h->attempt);
	w->h = h;
	w->term = h->term;
	w->pause = h->pause;
	w->job = job;
	w->n = n;
	w->sp.root = arena_strndup(&w->arena, h->attempt, (size_t)(p - h->attempt));
	snprintf(w->sp.id, sizeof w->sp.id, "%s", h->spool_id);
	snprintf(w->in.on, sizeof w->in.on, "%s", h->on);
	snprintf(w->in.label, sizeof w->in.label, "sim-%s-%lld-%lld", h->spool_id, job, n);
	snprintf(w->state, sizeof w->state, "intent");
	return 0;
}

static int
know_host(struct work *w, struct err *e)
{
	if (host_find(&w->host, w->h->on, e) < 0)
		return -1;
	w->x = executor_of(host_kind_name(w->host.kind));
	if (!w->x)
		return err_set(e, ERR_UNAVAILABLE, "%s: this kind is not there", w->h->on);
	snprintf(w->in.kind, sizeof w->in.kind, "%s", w->x->kind);
	return 0;
}

static void
drop_work(struct work *w)
{
	site_close(&w->site);
	if (w->quit_fd > 0)
		close(w->quit_fd);
	host_free(&w->host);
	buf_free(&w->l.bytes);
	arena_free(&w->arena);
}

/* From the intent to the id. 0: to be followed; 1: the verdict is written. */
static int
hand_over(struct work *w, struct err *e)
{
	int rc;

	work_put_record(w);
	work_may_quit(w, 1);
	rc = persist(w, intent_step, e);
	if (rc == 0)
		rc = persist(w, open_step, e);
	if (rc == 0) {
		snprintf(w->in.folder, sizeof w->in.folder, "%.3900s/jobs/%lld/attempts/%lld", w->site.folder, (long long)w->job, (long long)w->n);
		snprintf(w->in.program, sizeof w->in.program, "%s", w->site.program);
		rc = persist(w, files_step, e);
	}
	work_may_quit(w, 0);
	if (rc == 0) {
		w->in.step = INTENT_SUBMITTING;
		w->in.since = clk_real_ns();
		rc = persist(w, intent_step, e);
		if (rc)
			w->in.step = INTENT_MADE;
	}
	if (rc == 0) {
		work_say(w, "submitting", NULL, NULL);
		rc = persist(w, submit_step, e);
		if (rc < 0 && !w->in.uncertain)
			w->in.step = INTENT_MADE; /* refused, in so many words */
	}
	if (rc == 0)
		rc = persist(w, release_step, e);
	if (rc > 0 && w->in.step == INTENT_MADE)
		work_verdict(w, "terminated", "ended on request, before it was handed over", -1, 0, REMOTE_GONE);
	else if (rc < 0 && w->in.step == INTENT_MADE)
		work_verdict(w, "failed", e->msg, e->status, 0, REMOTE_GONE);
	else
		return 0; /* also what is to be ended there, or was refused to go on: following sees to it */
	return 1;
}

/* sim-run found it right when it began: it is being edited. */
static int
host_step(struct work *w, struct err *e)
{
	if (know_host(w, e) == 0)
		return 0;
	e->status = ERR_TEMPFAIL;
	return -1;
}

int
handover_stage(struct handover *h, const char *text, size_t n, struct err *e)
{
	struct work w = {.h = h};
	int rc = names(&w, h, e);

	if (rc < 0)
		return -1;
	if (task_read(text, n, &w.arena, &w.task, e) < 0)
		work_verdict(&w, "failed", e->msg, e->status, 0, REMOTE_GONE);
	else if (persist(&w, host_step, e))
		work_verdict(&w, "terminated", "ended on request, before it was handed over", -1, 0, REMOTE_GONE);
	else {
		snprintf(w.in.home, sizeof w.in.home, "%s", w.task.kind == JOB_COMMAND && w.task.folder ? w.task.folder : "");
		if (hand_over(&w, e) == 0)
			follow_all(&w);
	}
	drop_work(&w);
	return 0;
}

/* By label: 0 its id is known now, or a keeper has it; 1 the verdict is written. */
static int
look_up_step(struct work *w, struct err *e)
{
	int rc = w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, work_soon(), e);

	if (rc < 0)
		return -1;
	if (rc > 0)
		return submitted(w);
	rc = look_fence(&w->site, w->in.folder, "its submission was cut off", work_soon(), e);
	if (rc > 0)
		follow_unbegun(w, "its submission was cut off and is not known there");
	w->fenced = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* A verdict stands: what it was made of may have been removed since. */
static int
has_verdict(struct work *w)
{
	char path[PATH_MAX];

	attempt_path(&w->sp, w->job, w->n, "verdict", path, sizeof path);
	return access(path, F_OK) == 0;
}

int
handover_attach(struct handover *h, struct err *e)
{
	struct work w = {.h = h};
	int rc = names(&w, h, e), known;

	if (rc < 0)
		return -1;
	if (has_verdict(&w)) {
		drop_work(&w);
		return 0;
	}
	known = intent_read(h->attempt, &w.in, e);
	if (known < 0) {
		drop_work(&w);
		return -1;
	}
	if (!known || w.in.step == INTENT_MADE) {
		work_verdict(&w, "never-started", "it was not handed over before its keeper died", -1, 0, REMOTE_GONE);
		drop_work(&w);
		return 0;
	}
	work_find_offset(&w);
	w.unsure = 1;
	if (know_host(&w, e) < 0) { /* mended by a person: until then nothing is known */
		work_say(&w, "waiting", NULL, e->msg);
		drop_work(&w);
		return -1;
	}
	w.task.grace_ns = JOB_GRACE_DEFAULT_NS;
	rc = persist(&w, open_step, e);
	if (rc == 0 && w.in.step == INTENT_SUBMITTING)
		rc = persist(&w, look_up_step, e);
	if (!w.fenced && rc <= 0)
		work_say(&w, "waiting", NULL, rc < 0 ? e->msg : NULL);
	if (!w.fenced && *w.site.folder)
		follow_all(&w);
	else if (!w.fenced)
		rc = -1; /* ended before it could be reached, or it cannot be used: the next to look tries again */
	drop_work(&w);
	return w.fenced || rc >= 0 ? 0 : -1;
}

/* --- afterwards ---------------------------------------------------------------------------------------------------------------- */

static int
forget(struct work *w, int64_t until, struct err *e)
{
	int rc;

	if (site_open(&w->site, &w->host, w->h->spool_id, w->h->self, until, e) < 0)
		return REMOTE_MAY_RUN;
	for (;;) {
		if (look_at(&w->site, w->in.folder, 0, 0, &w->l, until, e) < 0)
			return REMOTE_MAY_RUN;
		if (!w->l.marked && !w->fenced) {
			rc = look_fence(&w->site, w->in.folder, "over", until, e);
			if (rc < 0)
				return REMOTE_MAY_RUN;
			w->fenced = rc > 0;
		}
		if (w->fenced || w->l.fenced || w->l.has_result)
			return work_sweep(w, e);
		if (!w->stopped)
			w->stopped = look_stop(&w->site, w->in.folder, "terminated on request", until, e) == 0;
		rc = w->x->cancel(&w->site, w->in.id, w->in.label, w->in.folder, until, e);
		if (rc == 0)
			rc = *w->in.id ? w->x->state(&w->site, w->in.id, w->in.folder, &w->st, until, e)
			               : w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, until, e);
		if (rc < 0)
			return REMOTE_MAY_RUN;
		if (rc > 0 && REMOTE_IS_OVER(w->st.state))
			return work_sweep(w, e);
		w->absent_at = rc ? 0 : w->absent_at ? w->absent_at : clk_boot_ns();
		if (w->absent_at && clk_boot_ns() - w->absent_at > UNKNOWN_NS) /* a keeper that lives has seen `stop` by now */
			return work_sweep(w, e);
		if (clk_boot_ns() > until) {
			err_set(e, ERR_TEMPFAIL, "%s %s is %s still", w->h->on, w->in.id, w->st.word);
			return REMOTE_MAY_RUN;
		}
		work_nap(w, 300 * MS);
	}
}

/* As it was written down here; "" where it was not, or where the job was begun again: what the next attempt has there is its own. */
static const char *
outcome_of(struct work *w)
{
	struct job_end end = {0};
	const char *s = "";
	char next[PATH_MAX];

	attempt_path(&w->sp, w->job, w->n + 1, "", next, sizeof next);
	if (access(next, F_OK) == 0)
		return s;
	if (attempt_read_verdict(&w->sp, w->job, w->n, &end, NULL) > 0)
		s = arena_strdup(&w->arena, end.outcome);
	attempt_free_end(&end);
	return s;
}

int
handover_forget(struct handover *h, int64_t until, struct err *e)
{
	struct work w = {.h = h};
	int rc = names(&w, h, e);

	if (rc < 0)
		return -1;
	rc = intent_read(h->attempt, &w.in, e);
	if (rc > 0 && w.in.step != INTENT_MADE)
		rc = know_host(&w, e) < 0 ? REMOTE_MAY_RUN : forget(&w, until, e);
	else if (rc >= 0)
		rc = REMOTE_GONE;
	if (rc == REMOTE_GONE && *w.site.folder && work_tidy(&w, outcome_of(&w)) < 0)
		rc = REMOTE_FENCED;
	drop_work(&w);
	return rc;
}
