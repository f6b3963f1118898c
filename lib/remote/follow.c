/* follow: see follow.h. */
#include "remote/follow.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "remote/bring.h"
#include "spool/attempt.h"
#include "spool/remote.h"

#define SETTLE_NS (10 * SECOND)      /* a result that is under way after the scheduler said that all is over */
#define SAVED_NS (10 * SECOND)       /* what a scheduler was told so long ago, it has on its disk */
#define FORGOTTEN_NS (30 * SECOND)   /* the same where the scheduler does not know it any more */

/* --- ends ------------------------------------------------------------------------------------------------------------------- */

/* Who ends all that runs on a node ends the stage, what it started, its keeper and what the scheduler watches at once, and each may be the first
 * to go: the keeper's word is "terminated on request", that nobody watches it any more, that the stage was ended by a signal, or what a shell
 * makes of its command's (128 + signal), or a program of its own. Why, is the scheduler's to say. */
static int
may_be_from_outside(const struct work *w, const struct job_end *end, const char *why)
{
	return !w->stopped && !w->term && (!strcmp(end->outcome, "failed") || (!strcmp(end->outcome, "terminated") && !strncmp(why, "terminated", 10)));
}

static int
was_killed(const struct job_end *end)
{
	return strcmp(end->outcome, "failed") || end->signal == SIGTERM || end->signal == SIGKILL || end->status == 128 + SIGTERM ||
	       end->status == 128 + SIGKILL;
}

/* Its result is written before the scheduler says why. One that waits again, the scheduler put back: it would find the marker taken. */
static void
ended_from_outside(struct work *w, struct job_end *end, char *why, size_t n)
{
	int64_t until = clk_boot_ns() + 15 * SECOND;
	struct err e = {0};
	int rc;

	for (;;) {
		rc = w->x->state(&w->site, w->in.id, w->in.folder, &w->st, work_soon(), &e);
		if (rc <= 0)
			w->st.state = REMOTE_UNKNOWN;
		if (rc == 0 || REMOTE_IS_OVER(w->st.state) || w->st.state == REMOTE_WAITING || w->term || clk_boot_ns() > until)
			break;
		work_nap(w, 300 * MS);
	}
	if (w->st.state == REMOTE_WAITING)
		w->x->cancel(&w->site, w->in.id, w->in.label, w->in.folder, work_soon(), &e);
	if (w->st.state == REMOTE_WAITING && was_killed(end)) {
		end->outcome = "lost";
		snprintf(why, n, "lost: ended and queued again by %s", w->h->on);
	} else if (w->st.state > REMOTE_ENDED) {
		end->outcome = w->st.state == REMOTE_CANCELLED ? "cancelled" : w->st.state == REMOTE_LOST ? "lost" :
		               w->st.state == REMOTE_TIMEOUT ? "terminated" : "failed";
		snprintf(why, n, "%s", w->st.why);
	} else if (!strncmp(why, "terminated on request", 21)) {
		end->outcome = "failed";
		snprintf(why, n, "ended from outside on %s", *w->l.host ? w->l.host : w->h->on);
	}
	if (w->st.state == REMOTE_TIMEOUT)
		end->status = ERR_DEADLINE;
	end->reason = why;
}

/* What it left in its folder there. A job is not completed before that is here; where it cannot be, it stays there, and the reason says where. */
static void
fetch_files(struct work *w, struct job_end *end, char *why, size_t n)
{
	int completed = !strcmp(end->outcome, "completed"), rc;
	struct err e = {0};

	if (!w->l.work || !*w->in.home || (w->term && !completed))
		return;
	rc = bring_back(w, &e);
	if (rc == 0)
		return;
	w->keep_there = 1;
	if (rc > 0)
		snprintf(e.msg, sizeof e.msg, "ended on request");
	if (completed) {
		end->outcome = rc > 0 ? "terminated" : "failed";
		end->status = rc > 0 ? -1 : ERR_CANTCREAT;
		snprintf(why, n, "completed there, but not all it left is here (%.200s): see %s:%.200s/work", e.msg, w->site.name, w->in.folder);
	} else {
		dprintf(w->h->log_fd, "sim-remote: not all it left is here (%s): see %s:%s/work\n", e.msg, w->site.name, w->in.folder);
	}
}

/* 0: it could not be asked for now, and is again. Where it cannot be read, or nobody waits any more, it stays there. */
static int
fetch_log(struct work *w, const char *name)
{
	struct err e = {0};

	if (work_copy_log(w, name, &e) == 0)
		return 1;
	if (e.status == ERR_TEMPFAIL && !w->term) {
		work_say(w, NULL, w->why, e.msg);
		return 0;
	}
	w->keep_there = 1;
	dprintf(w->h->log_fd, "sim-remote: not all of its log is here (%s): see %s:%s/%s\n", e.msg, w->site.name, w->in.folder, name);
	return 1;
}

/* The result over there, with all of the output here. 1 done, 0 not yet. */
static int
finish_by_result(struct work *w)
{
	struct buf b = BUF_INIT;
	struct err e = {0};
	struct record r;
	struct job_end end = {.status = -1};
	char why[600] = "";
	int rc;

	if (!fetch_log(w, "log"))
		return 0;
	rc = look_file(&w->site, w->in.folder, "result", 65536, &b, work_soon(), &e);
	if (rc <= 0) {
		buf_free(&b);
		work_say(w, NULL, w->why, rc < 0 ? e.msg : "its result came and went");
		return 0;
	}
	if (record_parse(b.s ? b.s : "", b.len, &r, &e) < 0) {
		work_verdict(w, "lost", "lost: its result over there is damaged", -1, 0, REMOTE_GONE);
		buf_free(&b);
		return 1;
	}
	end.outcome = record_get_str(&r, "outcome");
	end.status = (int)record_get_int(&r, "status", -1);
	end.signal = (int)record_get_int(&r, "signal", 0);
	snprintf(why, sizeof why, "%s", record_get_str(&r, "reason") ? record_get_str(&r, "reason") : "");
	if (!end.outcome)
		end.outcome = "failed";
	if (may_be_from_outside(w, &end, why))
		ended_from_outside(w, &end, why, sizeof why);
	fetch_files(w, &end, why, sizeof why);
	work_verdict(w, end.outcome, *why ? why : NULL, end.status, end.signal, w->in.uncertain ? REMOTE_FENCED : REMOTE_GONE);
	record_free(&r);
	buf_free(&b);
	return 1;
}

/* No result, and it does not run any more. */
static int
finish_by_state(struct work *w, int started)
{
	static const char *const outcome[] = {[REMOTE_CANCELLED] = "cancelled", [REMOTE_TIMEOUT] = "terminated", [REMOTE_OOM] = "failed",
	                                      [REMOTE_LOST] = "lost"};
	struct remote_status *st = &w->st;
	struct err e = {0};
	char why[300];
	int gone;

	fetch_log(w, started ? "log" : "scheduler.log");
	look_stop(&w->site, w->in.folder, "lost", work_soon(), &e); /* what may live on a node that is cut off ends when it sees the folder again */
	gone = work_sweep(w, &e);
	if (w->term)
		work_verdict(w, "terminated", "ended on request", -1, 0, gone);
	else if (st->state > REMOTE_ENDED)
		work_verdict(w, outcome[st->state], st->why, st->state == REMOTE_TIMEOUT ? ERR_DEADLINE : st->status, st->state == REMOTE_OOM ? SIGKILL : 0, gone);
	else if (!started) {
		snprintf(why, sizeof why, "its keeper did not start on %s (%s, status %d): see its log", *st->host ? st->host : w->h->on, st->word,
		         st->status);
		work_verdict(w, "failed", why, st->status > 0 ? st->status : 126, 0, gone);
	} else if (st->state == REMOTE_ENDED) {
		snprintf(why, sizeof why, "lost: its keeper on %s ended without a result (%s%s%d)", *st->host ? st->host : w->h->on, st->word,
		         st->signal ? ", signal " : ", status ", st->signal ? st->signal : st->status);
		work_verdict(w, "lost", why, -1, 0, gone);
	} else {
		snprintf(why, sizeof why, "lost: %s does not know it any more, and it left no result", w->h->on);
		work_verdict(w, "lost", why, -1, 0, gone);
	}
	return 1;
}

/* Nothing of it began, nothing can any more. */
int
follow_unbegun(struct work *w, const char *why)
{
	struct err e = {0};
	int gone = work_sweep(w, &e);

	if (w->term)
		return work_verdict(w, "terminated", "ended on request, before it began", -1, 0, gone), 1;
	return work_verdict(w, "never-started", why, -1, 0, gone), 1;
}

/* --- following -------------------------------------------------------------------------------------------------------------- */

/* The folder there: output, marker, result. 1 when it is over. */
static int
look_step(struct work *w)
{
	struct err e = {0};
	int64_t before = w->copied;
	int last, rc;
	int64_t asked;

	do {
		work_may_quit(w, 1);
		asked = clk_boot_ns();
		rc = look_at(&w->site, w->in.folder, w->copied, COPY_MAX, &w->l, work_soon(), &e);
		work_may_quit(w, 0);
		if (rc < 0) {
			work_nap(w, 0);
			if (!w->term)
				work_say(w, NULL, w->why, e.msg);
			return 0;
		}
		w->looked_at = asked;
		if (w->l.marked && !w->l.fenced && !w->ran) {
			w->ran = 1;
			work_say(w, w->paused ? "suspended" : "running", NULL, NULL);
		}
		last = w->l.has_result && w->copied + (int64_t)w->l.bytes.len >= w->l.size;
	} while (work_copy(w, last) && !last);
	if (w->copied != before)
		w->idle = 0;
	return last ? finish_by_result(w) : 0;
}

/* TERM: fenced before it begins; a keeper is told to end it; the scheduler's own cancel where that is slow. 1 when it is over. */
static int
end_step(struct work *w)
{
	int64_t now = clk_boot_ns();
	struct err e = {0};
	int rc;

	if (!w->ended_at) {
		w->ended_at = now;
		w->next_state = 0;
		w->state_every = 300 * MS;
	}
	if (!w->l.marked && !w->fenced) {
		rc = look_fence(&w->site, w->in.folder, "cancelled", work_soon(), &e);
		w->fenced = rc > 0;
		w->l.marked = rc == 0 ? 1 : w->l.marked;
		if (rc < 0)
			work_say(w, NULL, w->why, e.msg);
	}
	if (w->fenced)
		return follow_unbegun(w, NULL);
	if (!w->stopped && look_stop(&w->site, w->in.folder, "terminated on request", work_soon(), &e) == 0)
		w->stopped = 1;
	if (!w->stopped || (!w->cancelled && now - w->ended_at > w->task.grace_ns + 3 * SECOND)) {
		rc = w->x->cancel(&w->site, w->in.id, w->in.label, w->in.folder, work_soon(), &e);
		w->cancelled = rc == 0;
		if (rc < 0)
			work_say(w, NULL, w->why, e.msg);
	}
	return 0;
}

/* Another word than the last; or it is not so there, because who heard it was killed before it had done it. After an attachment the last word is not
 * known; where nobody can see whether it is stopped, it is said once more, but not to what the scheduler has stopped by itself. */
static int
to_be_told(const struct work *w)
{
	if (w->pause != w->paused)
		return 1;
	if (w->l.stopped >= 0)
		return w->l.stopped != w->pause && clk_boot_ns() > w->told_at + w->tell_every;
	return w->unsure && *w->st.word && w->st.state != REMOTE_SUSPENDED;
}

static void
pause_step(struct work *w)
{
	struct err e = {0};
	int rc;

	if (!w->ran || !to_be_told(w))
		return;
	rc = w->pause ? w->x->suspend(&w->site, w->in.id, w->in.folder, work_soon(), &e) : w->x->resume(&w->site, w->in.id, w->in.folder, work_soon(), &e);
	if (rc < 0) {
		work_say(w, NULL, w->why, e.msg);
		return;
	}
	w->tell_every = w->pause != w->paused || !w->tell_every ? SECOND : w->tell_every < 60 * SECOND ? 2 * w->tell_every : w->tell_every;
	w->told_at = clk_boot_ns();
	w->paused = w->pause;
	w->unsure = 0;
	work_say(w, w->paused ? "suspended" : "running", NULL, NULL);
}

/* sim-ctl priority leaves the number in a file. */
static void
priority_step(struct work *w)
{
	char path[PATH_MAX];
	int64_t seen;
	struct buf b = BUF_INIT;
	struct stat st;
	struct err e = {0};
	int rc = 0;

	attempt_path(&w->sp, w->job, w->n, "priority", path, sizeof path);
	if (!w->x->priority || w->ran || stat(path, &st) < 0 || (seen = clk_of_timespec(&st.st_mtim)) == w->priority_seen)
		return;
	if (io_read_file(path, 64, &b, &e) == 0 && b.len)
		rc = w->x->priority(&w->site, w->in.id, w->in.folder, strtoll(b.s, NULL, 10), work_soon(), &e);
	if (rc < 0)
		work_say(w, NULL, w->why, e.msg);
	if (rc == 0 || work_is_final(&e))
		w->priority_seen = seen;
	buf_free(&b);
}

/* That it left no result is believed who looked, so long after. */
static int
left_nothing(const struct work *w, int64_t since, int64_t ns)
{
	return w->looked_at - since >= ns && !w->l.has_result;
}

/* The scheduler does not know it (any more). */
static int
absent_step(struct work *w)
{
	struct err e = {0};
	int rc;

	if (!w->absent_at)
		w->absent_at = clk_boot_ns();
	if (w->l.exists && !w->l.marked) {
		rc = look_fence(&w->site, w->in.folder, "not known to the scheduler", work_soon(), &e);
		if (rc > 0)
			return follow_unbegun(w, "the scheduler does not know it: it was never begun");
		w->l.marked = rc == 0;
		return 0;
	}
	if (!left_nothing(w, w->absent_at, FORGOTTEN_NS))
		return 0;
	w->st = (struct remote_status){.state = REMOTE_UNKNOWN};
	return finish_by_state(w, 1);
}

/* The scheduler says that it is over; what it left may still be on its way. */
static int
over_step(struct work *w)
{
	struct err e = {0};
	int rc;

	if (!w->over_at) {
		w->over_at = clk_boot_ns();
		w->idle = 0;
		return 0;
	}
	if (w->l.exists && !w->l.marked) {
		rc = look_fence(&w->site, w->in.folder, "its job is over", work_soon(), &e);
		if (rc > 0)
			return finish_by_state(w, 0);
		w->l.marked = rc == 0;
	}
	return left_nothing(w, w->over_at, SETTLE_NS) ? finish_by_state(w, 1) : 0;
}

/* Submitted held, and released. A scheduler that was killed may have forgotten that; one that was seen to know it for a while is held by a person. */
static int
is_held(struct work *w)
{
	struct err e = {0};
	int64_t now = clk_boot_ns();

	if (!w->x->release || w->st.state != REMOTE_WAITING || w->in.step == INTENT_RELEASED)
		return 0;
	if (w->st.held) {
		w->free_since = 0;
		if (w->x->release(&w->site, w->in.id, w->in.folder, work_soon(), &e) < 0)
			work_say(w, "waiting", w->st.why, e.msg);
		else
			w->next_state = 0;
		return 1;
	}
	if (!w->free_since)
		w->free_since = now;
	if (now - w->free_since > SAVED_NS) {
		w->in.step = INTENT_RELEASED;
		work_keep_intent(w, &e);
	}
	return 0;
}

static void
say_state(struct work *w)
{
	if (is_held(w))
		return;
	if (w->ran)
		work_say(w, w->paused ? "suspended" : "running", w->st.state == REMOTE_SUSPENDED && !w->paused ? "suspended by the scheduler" : NULL, NULL);
	else
		work_say(w, "waiting", w->st.state == REMOTE_WAITING ? w->st.why : NULL, NULL);
}

/* What the scheduler says of it, now and then. 1 when it is over. */
static int
state_step(struct work *w)
{
	int64_t now = clk_boot_ns(), most = (w->ran ? 15 : 8) * w->host.poll_ns;
	struct err e = {0};
	int rc;

	if (now < w->next_state)
		return 0;
	rc = *w->in.id ? w->x->state(&w->site, w->in.id, w->in.folder, &w->st, work_soon(), &e)
	               : w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, work_soon(), &e);
	if (rc < 0)
		work_say(w, NULL, w->why, e.msg);
	else if (rc > 0 && !REMOTE_IS_OVER(w->st.state)) {
		w->absent_at = w->over_at = 0;
		say_state(w);
	}
	w->state_every = w->state_every ? w->state_every + w->state_every / 2 : 300 * MS;
	if (w->state_every > most || w->over_at || w->absent_at)
		w->state_every = w->over_at || w->absent_at ? 500 * MS : most;
	w->next_state = w->next_state || w->state_every > 300 * MS ? now + w->state_every : now;
	if (rc < 0)
		return 0;
	if (rc == 0)
		return absent_step(w);
	return REMOTE_IS_OVER(w->st.state) ? over_step(w) : 0;
}

void
follow_all(struct work *w)
{
	w->state_every = 200 * MS;
	for (;;) {
		int64_t least = *w->site.seen ? 25 * MS : 400 * MS;

		if (look_step(w))
			return;
		work_nap(w, 0);
		if (w->term && end_step(w))
			return;
		if (!w->term) {
			pause_step(w);
			priority_step(w);
		}
		if (state_step(w))
			return;
		w->idle = w->idle < least ? least : w->idle + w->idle / 4;
		if (w->idle > w->host.poll_ns)
			w->idle = w->host.poll_ns;
		work_nap(w, w->term || w->over_at ? (w->idle < 200 * MS ? w->idle : 200 * MS) : w->idle);
	}
}
