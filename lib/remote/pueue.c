/*
 * pueue: pueue(1) as an executor, by its command line, here or by ssh. A group is a slot: how many of it run at once is pueue's affair.
 * See executor.h.
 *
 * Its ids are numbers that are used again when finished tasks were cleaned away: a task is ours if its command names our folder.
 * States are read from `pueue status --json` in the forms of versions 1 to 4: "Running", {"Running":{…}}, {"Done":"Success"}, {"Done":{"result":…}}.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "record/json.h"
#include "remote/executor.h"
#include "remote/look.h"
#include "remote/reach.h"

static char *
word(const char *s)
{
	return (char *)(uintptr_t)s;
}

#define PUEUE_SAYS_NO 128 /* its own words are statuses below this; one that was killed has said nothing */

/* Runs pueue. 0 where it said yes; `refused` gets 1 and e what it said where it ran and said no. */
static int
pueue(struct site *s, char *const argv[], struct buf *out, int *refused, int64_t until, struct err *e)
{
	struct buf said = BUF_INIT;
	const char *text;
	int status = -1, rc = site_run(s, argv, NULL, 0, out, &said, &status, until, e);

	*refused = rc == 0 && status > 0 && status < PUEUE_SAYS_NO;
	if (rc == 0 && status != 0) {
		text = said.s && said.len ? said.s : out && out->s ? out->s : "";
		rc = err_set(e, status == 127 || status == 126 ? REMOTE_NO_COMMAND : ERR_TEMPFAIL, "%s: pueue %s: %.*s", s->name, argv[1],
		             (int)strcspn(text, "\n"), *text ? text : "failed and gave no reason");
	}
	buf_free(&said);
	return rc;
}

/* --- what it says of tasks ----------------------------------------------------------------------------------------------- */

/* A status is a word, or an object of one member named so. *more: that member. */
static const char *
tag_of(const struct json *j, const struct json **more)
{
	void *it;

	*more = NULL;
	if (!j)
		return "";
	if (json_kind(j) == JSON_T_STRING)
		return json_text(j);
	it = json_kind(j) == JSON_T_OBJECT ? json_first(j) : NULL;
	if (!it)
		return "";
	*more = json_iter_value(it);
	return json_iter_key(it);
}

static void
take_done(const struct json *done, struct remote_status *st)
{
	const struct json *result = json_kind(done) == JSON_T_OBJECT ? json_member(done, "result") : NULL, *more;
	const char *tag = tag_of(result ? result : done, &more);

	st->state = REMOTE_ENDED;
	st->status = -1;
	snprintf(st->word, sizeof st->word, "%s", tag);
	if (!strcmp(tag, "Success"))
		st->status = 0;
	else if (!strcmp(tag, "Failed") && more && json_kind(more) == JSON_T_INT)
		st->status = (int)json_whole(more);
	else if (!strcmp(tag, "Killed"))
		st->state = REMOTE_CANCELLED;
	else if (!strcmp(tag, "DependencyFailed") || !strcmp(tag, "Errored") || !strcmp(tag, "FailedToSpawn"))
		st->state = REMOTE_LOST;
	if (!strcmp(tag, "FailedToSpawn") && more && json_text(more))
		snprintf(st->why, sizeof st->why, "%.190s", json_text(more));
}

static void
take_status(const struct json *task, struct remote_status *st)
{
	static const struct { const char *tag; enum remote_state state; int held; } known[] = {
		{"Queued", REMOTE_WAITING, 0}, {"Stashed", REMOTE_WAITING, 1}, {"Locked", REMOTE_WAITING, 1}, {"Running", REMOTE_RUNNING, 0},
		{"Paused", REMOTE_SUSPENDED, 0}};
	const struct json *more;
	const char *tag = tag_of(json_member(task, "status"), &more), *group = json_text(json_member(task, "group"));

	memset(st, 0, sizeof *st);
	st->status = -1;
	snprintf(st->word, sizeof st->word, "%s", tag);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!strcmp(tag, known[i].tag)) {
			st->state = known[i].state;
			st->held = known[i].held;
			if (st->state == REMOTE_WAITING && !st->held && group)
				snprintf(st->why, sizeof st->why, "waits in group %.100s", group);
			else if (st->held)
				snprintf(st->why, sizeof st->why, "%s", st->word);
			return;
		}
	if (!strcmp(tag, "Done") && more)
		take_done(more, st);
}

/* A state that tells more comes first: live, then ended, by number. */
static int
better(const struct remote_status *a, int64_t a_id, const struct remote_status *b, int64_t b_id)
{
	int la = !REMOTE_IS_OVER(a->state), lb = !REMOTE_IS_OVER(b->state);

	return la != lb ? la > lb : a_id > b_id;
}

/* folder: as it stands in a command. */
static int
is_ours(const struct json *task, const char *label, const char *folder)
{
	const char *l = json_text(json_member(task, "label")), *c = json_text(json_member(task, "command"));

	return (label && l && !strcmp(l, label)) || (c && folder && strstr(c, folder));
}

/* All tasks, or -1: then nothing is known. */
static struct json *
ask(struct site *s, int64_t until, struct err *e)
{
	char *argv[] = {word("pueue"), word("status"), word("--json"), NULL};
	struct buf out = BUF_INIT;
	struct json *o = NULL;
	int refused, rc = pueue(s, argv, &out, &refused, until, e);

	if (rc == 0) {
		o = json_parse_any(out.s ? out.s : "", out.len, e);
		if (!o || !json_member(o, "tasks") || json_kind(json_member(o, "tasks")) != JSON_T_OBJECT) {
			json_free(o);
			o = NULL;
			err_set(e, ERR_TEMPFAIL, "%s: pueue status --json cannot be read", s->name);
		}
	}
	buf_free(&out);
	return o;
}

/* The task of a label (or, label NULL, of the id in `id`) that is ours. 1, 0, -1. */
static int
lookup(struct site *s, const char *label, const char *folder, char id[REMOTE_ID], struct remote_status *st, int64_t until, struct err *e)
{
	struct json *o = ask(s, until, e);
	const struct json *tasks = o ? json_member(o, "tasks") : NULL;
	struct buf named = BUF_INIT;
	int64_t best = -1;

	if (!o)
		return -1;
	memset(st, 0, sizeof *st);
	buf_put_sh(&named, folder);
	for (void *it = json_first(tasks); it; it = json_next(tasks, it)) {
		const struct json *task = json_iter_value(it);
		struct remote_status x;
		int64_t n;

		if (num_parse_int(json_iter_key(it), 0, INT64_MAX, &n) < 0 || !is_ours(task, label, named.s) ||
		    (!label && strcmp(json_iter_key(it), id)))
			continue;
		take_status(task, &x);
		if (best < 0 || better(&x, n, st, best)) {
			*st = x;
			best = n;
		}
	}
	json_free(o);
	buf_free(&named);
	if (best < 0)
		return 0;
	snprintf(id, REMOTE_ID, "%lld", (long long)best);
	snprintf(st->host, sizeof st->host, "%s", s->name);
	return 1;
}

/* --- the executor ---------------------------------------------------------------------------------------------------------- */

#define WORDS 300

static int
submit(struct site *s, const struct remote_job *j, char id[REMOTE_ID], int64_t until, struct err *e)
{
	char *argv[WORDS], priority[24];
	struct buf line = BUF_INIT, out = BUF_INIT;
	int64_t n = 0;
	int k = 0, refused, rc;

	argv[k++] = word("pueue");
	argv[k++] = word("add");
	argv[k++] = word("--stashed");
	argv[k++] = word("--print-task-id");
	argv[k++] = word("--label");
	argv[k++] = word(j->label);
	if (s->host->group) {
		argv[k++] = word("--group");
		argv[k++] = s->host->group;
	}
	if (j->priority) {
		/* its priorities are 32 bits wide */
		snprintf(priority, sizeof priority, "--priority=%lld",
		         (long long)(j->priority > INT32_MAX ? INT32_MAX : j->priority < INT32_MIN ? INT32_MIN : j->priority));
		argv[k++] = priority;
	}
	for (char **o = s->host->options; *o && k < WORDS - 4; o++)
		argv[k++] = *o;
	buf_puts(&line, "exec "); /* pueue hands its task to sh: the one argument is a line of it */
	buf_put_sh(&line, j->program);
	buf_puts(&line, " --keep ");
	buf_put_sh(&line, j->folder);
	argv[k++] = word("--");
	argv[k++] = line.s;
	argv[k] = NULL;
	rc = line.s ? pueue(s, argv, &out, &refused, until, e) : err_nomem(e);
	if (rc < 0 && e->status == ERR_TEMPFAIL && refused) {
		struct remote_status st;
		struct err ignored;

		if (lookup(s, j->label, j->folder, id, &st, until, &ignored) == 0)
			e->status = ERR_UNAVAILABLE; /* its daemon is there, and will not have it: no such group, a bad option */
	}
	if (rc == 0 && out.s)
		out.s[strcspn(out.s, "\r\n")] = '\0';
	if (rc == 0 && num_parse_int(out.s ? out.s : "", 0, INT64_MAX, &n) < 0)
		rc = err_set(e, ERR_TEMPFAIL, "%s: pueue add printed no id", s->name);
	if (rc == 0)
		snprintf(id, REMOTE_ID, "%lld", (long long)n);
	buf_free(&line);
	buf_free(&out);
	return rc;
}

static int
find(struct site *s, const char *label, const char *folder, char id[REMOTE_ID], struct remote_status *st, int64_t until, struct err *e)
{
	return lookup(s, label, folder, id, st, until, e);
}

static int
state(struct site *s, const char *id, const char *folder, struct remote_status *st, int64_t until, struct err *e)
{
	char copy[REMOTE_ID];

	snprintf(copy, sizeof copy, "%s", id);
	return lookup(s, NULL, folder, copy, st, until, e);
}

/* A word about one task; where pueue says no, its state says whether that matters. */
static int
tell(struct site *s, const char *verb, const char *id, int64_t until, struct err *e)
{
	char *argv[] = {word("pueue"), word(verb), word(id), NULL};
	int refused, rc = pueue(s, argv, NULL, &refused, until, e);

	return rc < 0 && refused ? 1 : rc;
}

static int
release(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	struct remote_status st;
	int rc = state(s, id, folder, &st, until, e);

	if (rc <= 0)
		return rc < 0 ? -1 : err_set(e, ERR_TEMPFAIL, "%s: pueue has no task %s of ours", s->name, id);
	if (!st.held)
		return 0;
	rc = tell(s, "enqueue", id, until, e);
	if (rc > 0)
		rc = state(s, id, folder, &st, until, e) > 0 && !st.held ? 0 : -1;
	return rc;
}

/* Waiting: out of the queue. Running: by its keeper, which ends it in order; if none is there yet, or any more, by pueue. */
static int
cancel_one(struct site *s, const char *id, const struct remote_status *st, const char *folder, int64_t until, struct err *e)
{
	int rc;

	if (REMOTE_IS_OVER(st->state))
		return 0;
	if (st->state == REMOTE_WAITING) {
		rc = tell(s, "remove", id, until, e);
		if (rc <= 0)
			return rc;
	}
	rc = reach_cancel(s, folder, until, e);
	if (rc == 0 && reach_signal(s, folder, SIGUSR2, until, NULL) == 0)
		rc = tell(s, "kill", id, until, e) < 0 ? -1 : 0; /* no keeper: what pueue has started, if anything, is on its way to the marker */
	return rc;
}

static int
cancel(struct site *s, const char *id, const char *label, const char *folder, int64_t until, struct err *e)
{
	struct remote_status st;
	char which[REMOTE_ID];
	int rc;

	/* the fence first: what is on its way finds it */
	if (look_fence(s, folder, "cancelled", until, e) < 0)
		return -1;
	snprintf(which, sizeof which, "%s", id);
	for (int i = 0; i < 8; i++) {
		rc = lookup(s, *id ? NULL : label, folder, which, &st, until, e);
		if (rc <= 0 || REMOTE_IS_OVER(st.state))
			return rc < 0 ? -1 : 0;
		rc = cancel_one(s, which, &st, folder, until, e);
		if (rc < 0 || *id || st.state != REMOTE_WAITING)
			return rc;
	}
	return 0;
}

static int
suspend(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	struct remote_status st;
	int rc = state(s, id, folder, &st, until, e);

	if (rc <= 0 || REMOTE_IS_OVER(st.state))
		return rc < 0 ? -1 : 0;
	if (st.state == REMOTE_WAITING)
		return st.held ? 0 : tell(s, "stash", id, until, e) < 0 ? -1 : 0;
	return reach_signal(s, folder, SIGUSR1, until, e) < 0 ? -1 : 0;
}

static int
resume(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	struct remote_status st;
	int rc = state(s, id, folder, &st, until, e);

	if (rc <= 0 || REMOTE_IS_OVER(st.state))
		return rc < 0 ? -1 : 0;
	if (st.state == REMOTE_WAITING)
		return release(s, id, folder, until, e);
	return reach_signal(s, folder, SIGUSR2, until, e) < 0 ? -1 : 0;
}

static int
check(struct site *s, char *version, int64_t n, int64_t until, struct err *e)
{
	char *argv[] = {word("pueue"), word("--version"), NULL};
	struct buf out = BUF_INIT;
	struct json *o;
	int refused, rc = pueue(s, argv, &out, &refused, until, e);

	if (rc == 0) {
		snprintf(version, (size_t)n, "%.*s", (int)strcspn(out.s ? out.s : "", "\n"), out.s ? out.s : "");
		o = ask(s, until, e); /* the daemon too */
		rc = o ? 0 : -1;
		if (rc == 0 && s->host->group && (!json_member(o, "groups") || !json_member(json_member(o, "groups"), s->host->group)))
			rc = err_set(e, ERR_UNAVAILABLE, "%s: pueue has no group %s", s->name, s->host->group);
		json_free(o);
	}
	buf_free(&out);
	return rc;
}

const struct executor executor_pueue = {
	.kind = "pueue", .submit = submit, .release = release, .find = find, .state = state, .cancel = cancel, .suspend = suspend,
	.resume = resume, .check = check,
};
