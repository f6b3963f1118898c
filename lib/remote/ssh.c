/*
 * ssh: a machine without a scheduler as an executor: sim-remote there is the keeper, and its folder is all there is to know. A job is
 * accepted when its folder is there, and starts when it is released; how often that is asked, the marker lets it start once. See executor.h.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "remote/executor.h"
#include "remote/look.h"
#include "remote/reach.h"

static int
submit(struct site *s, const struct remote_job *j, char id[REMOTE_ID], int64_t until, struct err *e)
{
	struct look l = {.exists = 0};
	int rc = look_at(s, j->folder, 0, 0, &l, until, e);

	buf_free(&l.bytes);
	if (rc < 0)
		return -1;
	if (!l.exists)
		return err_set(e, ERR_TEMPFAIL, "%s: the job's folder is not there", s->name);
	snprintf(id, REMOTE_ID, "%.*s", REMOTE_ID - 1, s->name);
	return 0;
}

static int
release(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	(void)id;
	return reach_begin(s, folder, until, e);
}

static int
state(struct site *s, const char *id, const char *folder, struct remote_status *st, int64_t until, struct err *e)
{
	struct look l = {.exists = 0};
	int rc = look_at(s, folder, 0, 0, &l, until, e);

	(void)id;
	if (rc == 0) {
		reach_state(&l, st);
		rc = l.exists;
	}
	buf_free(&l.bytes);
	return rc;
}

/* Nothing carries a label but the folder: what has no marker there was never begun. */
static int
find(struct site *s, const char *label, const char *folder, char id[REMOTE_ID], struct remote_status *st, int64_t until, struct err *e)
{
	int rc = state(s, "", folder, st, until, e);

	(void)label;
	if (rc <= 0 || st->state == REMOTE_WAITING)
		return rc < 0 ? -1 : 0;
	snprintf(id, REMOTE_ID, "%.*s", REMOTE_ID - 1, s->name);
	return 1;
}

static int
cancel(struct site *s, const char *id, const char *label, const char *folder, int64_t until, struct err *e)
{
	(void)id;
	(void)label;
	return reach_cancel(s, folder, until, e);
}

static int
suspend(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	(void)id;
	return reach_signal(s, folder, SIGUSR1, until, e) < 0 ? -1 : 0;
}

static int
resume(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	(void)id;
	return reach_signal(s, folder, SIGUSR2, until, e) < 0 ? -1 : 0;
}

static int
check(struct site *s, char *version, int64_t n, int64_t until, struct err *e)
{
	char *argv[] = {s->program, (char *)(uintptr_t)"--version", NULL};
	struct buf out = BUF_INIT;
	int status = -1, rc = site_run(s, argv, NULL, 0, &out, NULL, &status, until, e);

	if (rc == 0 && status)
		rc = err_set(e, ERR_UNAVAILABLE, "%s: %s --version ended with status %d", s->name, s->program, status);
	if (rc == 0)
		snprintf(version, (size_t)n, "%.*s", (int)strcspn(out.s ? out.s : "", "\n"), out.s ? out.s : "");
	buf_free(&out);
	return rc;
}

const struct executor executor_ssh = {
	.kind = "ssh", .submit = submit, .release = release, .find = find, .state = state, .cancel = cancel, .suspend = suspend,
	.resume = resume, .check = check,
};
