/* reach: see reach.h. */
#include "remote/reach.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "remote/keep.h"

/* An action of sim-remote there; its last words are the reason where its status is not 0 or 1. */
static int
act(struct site *s, const char *action, const char *folder, const char *more, struct buf *out, int64_t until, struct err *e)
{
	char *argv[] = {s->program, (char *)(uintptr_t)action, (char *)(uintptr_t)folder, (char *)(uintptr_t)more, NULL};
	struct buf said = BUF_INIT;
	int status = -1, rc = site_run(s, argv, NULL, 0, out, &said, &status, until, e);

	if (rc == 0 && (status < 0 || status > 1))
		rc = err_set(e, status == ERR_DATA || status == ERR_NOINPUT || status == ERR_UNAVAILABLE ? status : ERR_TEMPFAIL, "%s: %.*s", s->name,
		             (int)strcspn(said.s ? said.s : "", "\n"), said.s && said.len ? said.s : "sim-remote failed");
	buf_free(&said);
	return rc < 0 ? -1 : status;
}

int
reach_begin(struct site *s, const char *folder, int64_t until, struct err *e)
{
	int rc = act(s, "--begin", folder, NULL, NULL, until, e);

	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "%s: sim-remote --begin said no", s->name) : rc;
}

void
reach_state(const struct look *l, struct remote_status *st)
{
	memset(st, 0, sizeof *st);
	st->status = -1;
	snprintf(st->host, sizeof st->host, "%s", l->host);
	if (l->has_result) {
		st->state = REMOTE_ENDED;
		snprintf(st->word, sizeof st->word, "ended");
	} else if (!l->marked) {
		st->state = REMOTE_WAITING;
		st->held = 1;
		snprintf(st->word, sizeof st->word, "waiting");
	} else if (l->fenced) {
		st->state = REMOTE_CANCELLED;
		snprintf(st->word, sizeof st->word, "fenced");
	} else if (l->keeper_locked == 0) {
		st->state = REMOTE_LOST;
		snprintf(st->word, sizeof st->word, "dead");
		snprintf(st->why, sizeof st->why, "its keeper and its processes on %.100s are dead, and it left no result", l->host);
	} else {
		st->state = l->keeper_locked > 0 ? REMOTE_RUNNING : REMOTE_UNKNOWN;
		snprintf(st->word, sizeof st->word, l->keeper_locked > 0 ? "running" : "elsewhere");
	}
}

int
reach_signal(struct site *s, const char *folder, int sig, int64_t until, struct err *e)
{
	char number[16];
	int rc;

	if (s->here)
		return remote_keep_signal(folder, sig, e);
	snprintf(number, sizeof number, "%d", sig);
	rc = act(s, "--signal", folder, number, NULL, until, e);
	return rc < 0 ? -1 : !rc;
}

int
reach_cancel(struct site *s, const char *folder, int64_t until, struct err *e)
{
	struct look l = {.exists = 0};
	struct err ignored = {0};
	int rc, lives;

	rc = look_fence(s, folder, "cancelled", until, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	/* The file outlives the keeper and is seen by one that replaces it; the signal is prompt, and needs no room on the disk. */
	look_stop(s, folder, "terminated on request", until, &ignored);
	rc = reach_signal(s, folder, SIGTERM, until, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	rc = look_at(s, folder, 0, 0, &l, until, e);
	lives = !l.has_result && l.keeper_locked;
	buf_free(&l.bytes);
	if (rc == 0 && lives && ignored.status)
		rc = err_set(e, ERR_TEMPFAIL, "%.900s", ignored.msg); /* neither told nor dead */
	return rc;
}
