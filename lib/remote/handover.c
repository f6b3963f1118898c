/* handover: see handover.h. */
#include "remote/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "remote/executor.h"
#include "remote/intent.h"
#include "remote/look.h"
#include "remote/task.h"
#include "spool/attempt.h"
#include "spool/claim.h"
#include "spool/remote.h"
#include "spool/slots.h"

#define MS ((int64_t)1000000)
#define SECOND (1000 * MS)
#define CALL_NS (30 * SECOND)        /* one question */
#define SETTLE_NS (10 * SECOND)      /* a result that is under way after the scheduler said that all is over */
#define FORGOTTEN_NS (30 * SECOND)   /* the same where the scheduler does not know it any more */
#define LATE_NS (120 * SECOND)       /* until a submission that was cut off has certainly arrived or not */
#define COPY_MAX ((size_t)1 << 20)
#define LOG_MAX ((size_t)4 << 20)

struct work {
	struct handover *h;
	struct spool sp;                /* the root, for the paths of attempts */
	int64_t job, n;
	struct host host;
	struct site site;
	const struct executor *x;
	struct intent in;
	struct keeper_task task;
	struct arena arena;
	/* asked for from outside */
	int term, pause, paused;
	int64_t priority;
	time_t priority_seen;
	/* the copy */
	int64_t copied;
	int open_line;                  /* in the middle of a line of the output */
	/* what was said last */
	char state[24], why[300], trouble[400], host_said[128], id_said[REMOTE_ID];
	/* following */
	struct look l;
	struct remote_status st;
	int stopped, fenced, cancelled, ran;
	int64_t ended_at, over_at, absent_at, next_state, state_every, idle;
};

/* --- time and signals ----------------------------------------------------------------------------------------------------- */

static void
take_signal(struct work *w, int sig)
{
	if (sig == SIGTERM || sig == SIGINT)
		w->term = 1;
	else if (sig == SIGTSTP)
		w->pause = 1;
	else if (sig == SIGCONT)
		w->pause = 0;
}

/* Waits, and hears what is asked meanwhile; at once when something is. */
static void
nap(struct work *w, int64_t ns)
{
	int64_t end = clk_boot_ns() + ns;
	int heard = 0;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGTSTP);
	sigaddset(&s, SIGCONT);
	do {
		int64_t left = end - clk_boot_ns();
		struct timespec ts = {0, 0};
		int sig;

		if (left > 0 && !heard)
			ts = (struct timespec){left / SECOND, left % SECOND};
		sig = sigtimedwait(&s, NULL, &ts);
		if (sig > 0) {
			take_signal(w, sig);
			heard = 1;
		} else if (errno != EINTR) {
			break;
		}
	} while (1);
}

static int64_t
soon(void)
{
	return clk_boot_ns() + CALL_NS;
}

/* --- saying --------------------------------------------------------------------------------------------------------------- */

/* All of it, whatever the disk says meanwhile: output is not lost for want of room. */
static void
write_out(struct work *w, const char *s, size_t n)
{
	while (n) {
		ssize_t k = write(w->h->out_fd, s, n);

		if (k > 0) {
			s += k;
			n -= (size_t)k;
		} else if (k < 0 && errno != EINTR) {
			nap(w, SECOND);
		}
	}
}

static void
put_record(struct work *w)
{
	struct buf b = BUF_INIT;
	char job[24];

	snprintf(job, sizeof job, "%lld", (long long)w->job);
	record_begin(&b, "remote", job, w->n);
	record_str(&b, "on", w->h->on);
	record_str(&b, "label", w->in.label);
	if (*w->in.id)
		record_str(&b, "id", w->in.id);
	record_str(&b, "state", w->state);
	if (*w->host_said)
		record_str(&b, "host", w->host_said);
	if (*w->why)
		record_str(&b, "reason", w->why);
	if (*w->trouble)
		record_str(&b, "trouble", w->trouble);
	record_int(&b, "offset", w->copied);
	record_end(&b);
	if (b.s)
		write_out(w, b.s, b.len);
	buf_free(&b);
}

/* Keeps what is printable: what other programs said goes into records. */
static void
clean(char *out, size_t n, const char *s)
{
	size_t k = 0;

	for (; *s && k + 1 < n; s++)
		out[k++] = (unsigned char)*s < 32 || (unsigned char)*s > 126 ? '?' : *s;
	out[k] = '\0';
}

/* A change, once; state NULL: the same. */
static void
say(struct work *w, const char *state, const char *why, const char *trouble)
{
	char y[sizeof w->why], t[sizeof w->trouble];

	clean(y, sizeof y, why ? why : "");
	clean(t, sizeof t, trouble ? trouble : "");
	if (w->open_line || ((!state || !strcmp(state, w->state)) && !strcmp(y, w->why) && !strcmp(t, w->trouble) &&
	                     !strcmp(w->in.id, w->id_said) && (!*w->l.host || !strcmp(w->l.host, w->host_said))))
		return;
	if (state)
		snprintf(w->state, sizeof w->state, "%s", state);
	if (*w->l.host)
		clean(w->host_said, sizeof w->host_said, w->l.host);
	snprintf(w->id_said, sizeof w->id_said, "%s", w->in.id);
	memcpy(w->why, y, sizeof y);
	memcpy(w->trouble, t, sizeof t);
	put_record(w);
}

static int
is_final(const struct err *e)
{
	return e->status == ERR_UNAVAILABLE || e->status == ERR_DATA || e->status == ERR_USAGE || e->status == ERR_NOINPUT || e->status == ERR_SOFTWARE;
}

/* --- the verdict ------------------------------------------------------------------------------------------------------------ */

/* Its files over there are not wanted any more: the output is here. What is left of an attempt that did not complete is the job's checkpoint. */
static void
tidy(struct work *w, const char *outcome)
{
	char path[100];
	int n = snprintf(path, sizeof path, "jobs/%lld", (long long)w->job);
	struct err e = {0};

	if (strcmp(outcome, "completed"))
		snprintf(path + n, sizeof path - (size_t)n, "/attempts/%lld", (long long)w->n);
	site_remove(&w->site, path, soon(), &e);
}

static int
verdict(struct work *w, const char *outcome, const char *reason, int status, int sig, int gone)
{
	char text[600];
	struct job_end end = {.outcome = outcome, .reason = reason ? text : NULL, .status = status, .signal = sig, .gone = gone};
	struct err e = {0};
	int kept;

	clean(text, sizeof text, reason ? reason : "");
	kept = fsync(w->h->out_fd) == 0 || errno == EINVAL; /* no disk: a pipe */
	if (!kept && !strcmp(outcome, "completed")) {
		end.outcome = "failed";
		end.reason = "its output could not be written to the disk here";
	}
	while (attempt_write_verdict(&w->sp, w->job, w->n, &end, &e) < 0)
		nap(w, SECOND);
	if (kept && gone == REMOTE_GONE && *w->site.folder)
		tidy(w, outcome);
	return 0;
}

/* Of what certainly does not run: cancelled there, so that nothing stays behind. What is certain then. */
static int
sweep(struct work *w, struct err *e)
{
	char id[REMOTE_ID];
	struct remote_status st;
	int rc;

	if (w->in.step == INTENT_MADE)
		return REMOTE_GONE;
	if (w->x->cancel(&w->site, "", w->in.label, w->in.folder, soon(), e) < 0)
		return REMOTE_FENCED;
	rc = w->x->find(&w->site, w->in.label, w->in.folder, id, &st, soon(), e);
	if (rc < 0 || (rc > 0 && !REMOTE_IS_OVER(st.state)))
		return REMOTE_FENCED;
	if ((w->in.step == INTENT_SUBMITTING || w->in.uncertain) && clk_real_ns() - w->in.since < LATE_NS)
		return REMOTE_FENCED; /* it may still arrive, and will do nothing */
	return REMOTE_GONE;
}

/* --- the copy --------------------------------------------------------------------------------------------------------------- */

/* Whole lines; at the end, or of a line without one, everything. Returns what was taken. */
static size_t
copy(struct work *w, int last)
{
	struct buf *b = &w->l.bytes;
	size_t n = b->len;
	const char *nl = n ? memrchr(b->s, '\n', n) : NULL;

	if (!last && nl)
		n = (size_t)(nl - b->s) + 1;
	else if (!last && n < COPY_MAX)
		n = 0;
	if (!n)
		return 0;
	write_out(w, b->s, n);
	w->copied += (int64_t)n;
	w->open_line = b->s[n - 1] != '\n';
	return n;
}

static int
offset_of(struct work *w, const char *line, size_t n, int64_t *offset)
{
	struct record r;
	const char *label;
	int ours;

	if (record_parse(line, n, &r, NULL) < 0)
		return 0;
	label = record_get_str(&r, "label");
	ours = !strcmp(r.type, "remote") && label && !strcmp(label, w->in.label);
	*offset = record_get_int(&r, "offset", 0);
	record_free(&r);
	return ours;
}

/* H3: from the last record of ours in what was copied. */
static void
find_offset(struct work *w)
{
	static const char head[] = "{\"v\":1,\"type\":\"remote\"";
	char path[PATH_MAX];
	struct stat st = {0};
	char *s = MAP_FAILED, *end;
	int fd;

	attempt_path(&w->sp, w->job, w->n, "events.ndjson", path, sizeof path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		s = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	w->copied = st.st_size;
	if (s == MAP_FAILED)
		return;
	for (end = s + st.st_size; end > s;) { /* line by line, from the last */
		char *nl = memrchr(s, '\n', (size_t)(end - 1 - s)), *line = nl ? nl + 1 : s;
		int64_t offset;

		if ((size_t)(end - line) > sizeof head && !memcmp(line, head, sizeof head - 1) &&
		    offset_of(w, line, (size_t)(end - line) - (end[-1] == '\n'), &offset)) {
			w->copied = offset + (s + st.st_size - end);
			break;
		}
		end = line;
	}
	munmap(s, (size_t)st.st_size);
}

static void
copy_log(struct work *w, const char *name)
{
	struct buf b = BUF_INIT;
	struct err e = {0};

	if (look_file(&w->site, w->in.folder, name, LOG_MAX, &b, soon(), &e) > 0 && b.len && io_write_all(w->h->log_fd, b.s, b.len) < 0)
		say(w, NULL, w->why, "the log could not be copied");
	buf_free(&b);
}

/* --- ends ------------------------------------------------------------------------------------------------------------------- */

/* A keeper that was told to end by the scheduler writes so before the scheduler says why. */
static int
ended_from_outside(struct work *w, struct job_end *end, char *why, size_t n)
{
	int64_t until = clk_boot_ns() + 15 * SECOND;
	struct err e = {0};

	while (!w->term && clk_boot_ns() < until) {
		int rc = w->x->state(&w->site, w->in.id, w->in.folder, &w->st, soon(), &e);

		if (rc == 0 || (rc > 0 && REMOTE_IS_OVER(w->st.state)))
			break;
		w->st.state = REMOTE_UNKNOWN;
		nap(w, 300 * MS);
	}
	if (w->st.state == REMOTE_CANCELLED || w->st.state == REMOTE_TIMEOUT || w->st.state == REMOTE_OOM || w->st.state == REMOTE_LOST)
		snprintf(why, n, "%s", w->st.why);
	else
		snprintf(why, n, "ended from outside on %s", *w->l.host ? w->l.host : w->h->on);
	end->outcome = w->st.state == REMOTE_CANCELLED ? "cancelled" : w->st.state == REMOTE_LOST ? "lost" : w->st.state == REMOTE_TIMEOUT ?
	               "terminated" : "failed";
	if (w->st.state == REMOTE_TIMEOUT)
		end->status = ERR_DEADLINE;
	end->reason = why;
	return 0;
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
	int rc = look_file(&w->site, w->in.folder, "result", 65536, &b, soon(), &e);

	if (rc <= 0) {
		buf_free(&b);
		say(w, NULL, w->why, rc < 0 ? e.msg : "its result came and went");
		return 0;
	}
	if (record_parse(b.s ? b.s : "", b.len, &r, &e) < 0) {
		verdict(w, "lost", "lost: its result over there is damaged", -1, 0, REMOTE_GONE);
		buf_free(&b);
		return 1;
	}
	end.outcome = record_get_str(&r, "outcome");
	end.status = (int)record_get_int(&r, "status", -1);
	end.signal = (int)record_get_int(&r, "signal", 0);
	snprintf(why, sizeof why, "%s", record_get_str(&r, "reason") ? record_get_str(&r, "reason") : "");
	if (!end.outcome)
		end.outcome = "failed";
	if (!w->stopped && !w->term && !strcmp(end.outcome, "terminated") && !strncmp(why, "terminated on request", 21))
		ended_from_outside(w, &end, why, sizeof why);
	copy_log(w, "log");
	verdict(w, end.outcome, *why ? why : NULL, end.status, end.signal, w->in.uncertain ? REMOTE_FENCED : REMOTE_GONE);
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

	copy_log(w, started ? "log" : "scheduler.log");
	look_stop(&w->site, w->in.folder, "lost", soon(), &e); /* what may live on a node that is cut off ends when it sees the folder again */
	gone = sweep(w, &e);
	if (w->term)
		verdict(w, "terminated", "ended on request", -1, 0, gone);
	else if (st->state > REMOTE_ENDED)
		verdict(w, outcome[st->state], st->why, st->state == REMOTE_TIMEOUT ? ERR_DEADLINE : st->status, st->state == REMOTE_OOM ? SIGKILL : 0, gone);
	else if (!started) {
		snprintf(why, sizeof why, "its keeper did not start on %s (%s, status %d): see its log", *st->host ? st->host : w->h->on, st->word,
		         st->status);
		verdict(w, "failed", why, st->status > 0 ? st->status : 126, 0, gone);
	} else if (st->state == REMOTE_ENDED) {
		snprintf(why, sizeof why, "lost: its keeper on %s ended without a result (%s%s%d)", *st->host ? st->host : w->h->on, st->word,
		         st->signal ? ", signal " : ", status ", st->signal ? st->signal : st->status);
		verdict(w, "lost", why, -1, 0, gone);
	} else {
		snprintf(why, sizeof why, "lost: %s does not know it any more, and it left no result", w->h->on);
		verdict(w, "lost", why, -1, 0, gone);
	}
	return 1;
}

/* Nothing of it began, nothing can any more. */
static int
finish_unbegun(struct work *w, const char *why)
{
	struct err e = {0};
	int gone = sweep(w, &e);

	if (w->term)
		return verdict(w, "terminated", "ended on request, before it began", -1, 0, gone), 1;
	return verdict(w, "never-started", why, -1, 0, gone), 1;
}

/* --- following -------------------------------------------------------------------------------------------------------------- */

/* The folder there: output, marker, result. 1 when it is over. */
static int
look_step(struct work *w)
{
	struct err e = {0};
	int64_t before = w->copied;
	int last;

	do {
		if (look_at(&w->site, w->in.folder, w->copied, COPY_MAX, &w->l, soon(), &e) < 0) {
			say(w, NULL, w->why, e.msg);
			return 0;
		}
		if (w->l.marked && !w->l.fenced && !w->ran) {
			w->ran = 1;
			say(w, w->paused ? "suspended" : "running", NULL, NULL);
		}
		last = w->l.has_result && w->copied + (int64_t)w->l.bytes.len >= w->l.size;
	} while (copy(w, last) && !last);
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
		rc = look_fence(&w->site, w->in.folder, "cancelled", soon(), &e);
		w->fenced = rc > 0;
		w->l.marked = rc == 0 ? 1 : w->l.marked;
		if (rc < 0)
			say(w, NULL, w->why, e.msg);
	}
	if (w->fenced)
		return finish_unbegun(w, NULL);
	if (!w->stopped && look_stop(&w->site, w->in.folder, "terminated on request", soon(), &e) == 0)
		w->stopped = 1;
	if (!w->stopped || (!w->cancelled && now - w->ended_at > w->task.grace_ns + 3 * SECOND)) {
		rc = w->x->cancel(&w->site, w->in.id, w->in.label, w->in.folder, soon(), &e);
		w->cancelled = rc == 0;
		if (rc < 0)
			say(w, NULL, w->why, e.msg);
	}
	return 0;
}

static void
pause_step(struct work *w)
{
	struct err e = {0};
	int rc;

	if (w->pause == w->paused || !w->ran)
		return;
	rc = w->pause ? w->x->suspend(&w->site, w->in.id, w->in.folder, soon(), &e) : w->x->resume(&w->site, w->in.id, w->in.folder, soon(), &e);
	if (rc < 0) {
		say(w, NULL, w->why, e.msg);
		return;
	}
	w->paused = w->pause;
	say(w, w->paused ? "suspended" : "running", NULL, NULL);
}

/* sim-ctl priority leaves the number in a file. */
static void
priority_step(struct work *w)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	struct stat st;
	struct err e = {0};

	attempt_path(&w->sp, w->job, w->n, "priority", path, sizeof path);
	if (!w->x->priority || w->ran || stat(path, &st) < 0 || st.st_mtime == w->priority_seen)
		return;
	if (io_read_file(path, 64, &b, &e) == 0 && b.len &&
	    w->x->priority(&w->site, w->in.id, w->in.folder, strtoll(b.s, NULL, 10), soon(), &e) < 0)
		say(w, NULL, w->why, e.msg);
	w->priority_seen = st.st_mtime;
	buf_free(&b);
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
		rc = look_fence(&w->site, w->in.folder, "not known to the scheduler", soon(), &e);
		if (rc > 0)
			return finish_unbegun(w, "the scheduler does not know it: it was never begun");
		w->l.marked = rc == 0;
		return 0;
	}
	if (clk_boot_ns() - w->absent_at < FORGOTTEN_NS)
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
		rc = look_fence(&w->site, w->in.folder, "its job is over", soon(), &e);
		if (rc > 0)
			return finish_by_state(w, 0);
		w->l.marked = rc == 0;
	}
	return clk_boot_ns() - w->over_at < SETTLE_NS ? 0 : finish_by_state(w, 1);
}

static void
say_state(struct work *w)
{
	if (w->st.held && w->x->release) {
		struct err e = {0};

		if (w->x->release(&w->site, w->in.id, w->in.folder, soon(), &e) < 0)
			say(w, "waiting", w->st.why, e.msg);
		else
			w->next_state = 0;
		return;
	}
	if (w->ran)
		say(w, w->paused ? "suspended" : "running", w->st.state == REMOTE_SUSPENDED && !w->paused ? "suspended by the scheduler" : NULL, NULL);
	else
		say(w, "waiting", w->st.state == REMOTE_WAITING ? w->st.why : NULL, NULL);
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
	rc = *w->in.id ? w->x->state(&w->site, w->in.id, w->in.folder, &w->st, soon(), &e)
	               : w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, soon(), &e);
	if (rc < 0)
		say(w, NULL, w->why, e.msg);
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

static void
follow(struct work *w)
{
	w->state_every = 200 * MS;
	for (;;) {
		int64_t least = *w->site.seen ? 25 * MS : 400 * MS;

		if (look_step(w))
			return;
		nap(w, 0);
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
		nap(w, w->term || w->over_at ? (w->idle < 200 * MS ? w->idle : 200 * MS) : w->idle);
	}
}

/* --- handing over ------------------------------------------------------------------------------------------------------------ */

/* Again until it is done, refused, or ended from outside: 0, -1, 1. */
static int
persist(struct work *w, int (*step)(struct work *, struct err *), struct err *e)
{
	int64_t wait = 500 * MS;

	for (;;) {
		nap(w, 0);
		if (w->term)
			return 1;
		if (step(w, e) == 0)
			return 0;
		if (is_final(e))
			return -1;
		say(w, NULL, NULL, e->msg);
		nap(w, wait);
		wait = wait < 30 * SECOND ? 2 * wait : wait;
	}
}

static int
open_step(struct work *w, struct err *e)
{
	return site_open(&w->site, &w->host, w->h->spool_id, w->h->self, soon(), e);
}

static int
keep_intent(struct work *w, struct err *e)
{
	if (intent_write(w->h->attempt, &w->in, e) == 0)
		return 0;
	if (e->status != ERR_DATA)
		e->status = ERR_TEMPFAIL;
	return -1;
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
	if (site_folder(&w->site, folder, to, at, soon(), e) < 0)
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
	return site_content(&w->site, path, there, soon(), e);
}

static int
send_inputs(struct work *w, struct err *e)
{
	static const char *const file[] = {"model", "spec"};
	struct json *o;
	struct buf b = BUF_INIT;
	int n = 0;

	if (w->task.kind != JOB_ENGINE)
		return 0;
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

	if (there.deadline_ns)
		there.deadline_ns += w->site.clock_ns; /* a point in time, on the clock over there */
	snprintf(path, sizeof path, "jobs/%lld/attempts/%lld/task.json", (long long)w->job, (long long)w->n);
	if (rc == 0)
		rc = task_write(&b, &there, w->in.label, e);
	if (rc == 0)
		rc = site_put(&w->site, path, b.s, b.len, soon(), e);
	buf_free(&b);
	return rc;
}

static int
submitted(struct work *w)
{
	struct err e = {0};

	w->in.step = INTENT_SUBMITTED;
	while (keep_intent(w, &e) < 0) /* not released before it is known where */
		nap(w, SECOND);
	say(w, "waiting", NULL, NULL);
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
		rc = w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, soon(), e);
		if (rc < 0)
			return -1;
		if (rc > 0)
			return submitted(w);
	}
	snprintf(j.label, sizeof j.label, "%s", w->in.label);
	j.time_ns = w->h->limit_ns ? w->h->limit_ns + w->task.grace_ns + w->host.margin_ns : 0;
	rc = w->x->submit(&w->site, &j, w->in.id, soon(), &why);
	if (rc == 0)
		return submitted(w);
	*e = why;
	if (is_final(e))
		return -1;
	w->in.uncertain = 1;
	keep_intent(w, &why);
	return -1;
}

static int
release_step(struct work *w, struct err *e)
{
	return w->x->release ? w->x->release(&w->site, w->in.id, w->in.folder, soon(), e) : 0;
}

static int
intent_step(struct work *w, struct err *e)
{
	return keep_intent(w, e);
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
	host_free(&w->host);
	buf_free(&w->l.bytes);
	arena_free(&w->arena);
}

/* From the intent to the id. 0: to be followed; 1: the verdict is written. */
static int
hand_over(struct work *w, struct err *e)
{
	int rc;

	put_record(w);
	rc = persist(w, intent_step, e);
	if (rc == 0)
		rc = persist(w, open_step, e);
	if (rc == 0) {
		snprintf(w->in.folder, sizeof w->in.folder, "%.3900s/jobs/%lld/attempts/%lld", w->site.folder, (long long)w->job, (long long)w->n);
		snprintf(w->in.program, sizeof w->in.program, "%s", w->site.program);
		rc = persist(w, files_step, e);
	}
	if (rc == 0) {
		w->in.step = INTENT_SUBMITTING;
		w->in.since = clk_real_ns();
		rc = persist(w, intent_step, e);
		if (rc)
			w->in.step = INTENT_MADE;
	}
	if (rc == 0) {
		say(w, "submitting", NULL, NULL);
		rc = persist(w, submit_step, e);
		if (rc < 0 && !w->in.uncertain)
			w->in.step = INTENT_MADE; /* refused, in so many words */
	}
	if (rc == 0)
		rc = persist(w, release_step, e);
	if (rc > 0 && w->in.step == INTENT_MADE)
		verdict(w, "terminated", "ended on request, before it was handed over", -1, 0, REMOTE_GONE);
	else if (rc < 0 && w->in.step == INTENT_MADE)
		verdict(w, "failed", e->msg, e->status, 0, REMOTE_GONE);
	else
		return 0; /* also what is to be ended there, or was refused to go on: following sees to it */
	return 1;
}

int
handover_stage(struct handover *h, const char *text, size_t n, struct err *e)
{
	struct work w = {.h = h};
	int rc = names(&w, h, e);

	if (rc < 0)
		return -1;
	if (know_host(&w, e) < 0 || task_read(text, n, &w.arena, &w.task, e) < 0)
		verdict(&w, "failed", e->msg, e->status, 0, REMOTE_GONE);
	else if (hand_over(&w, e) == 0)
		follow(&w);
	drop_work(&w);
	return 0;
}

/* By label: 0 its id is known now, or a keeper has it; 1 the verdict is written. */
static int
look_up_step(struct work *w, struct err *e)
{
	int rc = w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, soon(), e);

	if (rc < 0)
		return -1;
	if (rc > 0)
		return submitted(w);
	rc = look_fence(&w->site, w->in.folder, "its submission was cut off", soon(), e);
	if (rc > 0)
		finish_unbegun(w, "its submission was cut off and is not known there");
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
		verdict(&w, "never-started", "it was not handed over before its keeper died", -1, 0, REMOTE_GONE);
		drop_work(&w);
		return 0;
	}
	find_offset(&w);
	if (know_host(&w, e) < 0) { /* mended by a person: until then nothing is known */
		say(&w, "waiting", NULL, e->msg);
		drop_work(&w);
		return -1;
	}
	w.task.grace_ns = JOB_GRACE_DEFAULT_NS;
	rc = persist(&w, open_step, e);
	if (rc == 0 && w.in.step == INTENT_SUBMITTING)
		rc = persist(&w, look_up_step, e);
	if (!w.fenced && rc <= 0)
		say(&w, "waiting", NULL, rc < 0 ? e->msg : NULL);
	if (!w.fenced && *w.site.folder)
		follow(&w);
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
			return sweep(w, e);
		if (!w->stopped)
			w->stopped = look_stop(&w->site, w->in.folder, "terminated on request", until, e) == 0;
		rc = w->x->cancel(&w->site, w->in.id, w->in.label, w->in.folder, until, e);
		if (rc == 0)
			rc = *w->in.id ? w->x->state(&w->site, w->in.id, w->in.folder, &w->st, until, e)
			               : w->x->find(&w->site, w->in.label, w->in.folder, w->in.id, &w->st, until, e);
		if (rc < 0)
			return REMOTE_MAY_RUN;
		if (rc == 0 || REMOTE_IS_OVER(w->st.state))
			return sweep(w, e);
		if (clk_boot_ns() > until) {
			err_set(e, ERR_TEMPFAIL, "%s %s is %s still", w->h->on, w->in.id, w->st.word);
			return REMOTE_MAY_RUN;
		}
		nap(w, 300 * MS);
	}
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
	if (rc == REMOTE_GONE && *w.site.folder)
		tidy(&w, "");
	drop_work(&w);
	return rc;
}

/* --- from sim-run ---------------------------------------------------------------------------------------------------------------- */

static int
ours_alone(const char *text)
{
	static const char *const name[] = {"SIM_COOKIE", "SIM_SPOOL_JOB", "SIM_CHECKPOINT", "SIM_TIMEOUT", "SIM_DEADLINE", "CUDA_VISIBLE_DEVICES"};
	size_t n = strcspn(text, "=");
	char key[256];
	const char *here;

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (strlen(name[i]) == n && !strncmp(text, name[i], n))
			return 1;
	if (n >= sizeof key)
		return 0;
	snprintf(key, sizeof key, "%.*s", (int)n, text);
	here = getenv(key);
	return here && text[n] && !strcmp(here, text + n + 1); /* of this machine, not of the job */
}

static char **
job_env(struct arena *a, char *const *all)
{
	size_t n = 0, k = 0;
	char **v;

	while (all[n])
		n++;
	v = arena_alloc(a, (n + 1) * sizeof *v);
	for (size_t i = 0; i < n; i++)
		if (!ours_alone(all[i]))
			v[k++] = all[i];
	v[k] = NULL;
	return v;
}

/* sim-remote's own environment: what it needs to reach the other side, besides what every stage has. */
static char **
own_env(struct arena *a, char *const *all)
{
	static const char *const more[] = {"SIM_HOSTS", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"};
	size_t n = 0;
	char **v;

	while (all[n])
		n++;
	v = arena_alloc(a, (n + 4) * sizeof *v);
	memcpy(v, all, n * sizeof *v);
	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
		if (getenv(more[i]))
			v[n++] = arena_printf(a, "%s=%s", more[i], getenv(more[i]));
	v[n] = NULL;
	return v;
}

static void
add_number(struct arena *a, char **v, const char *option, int64_t x)
{
	size_t n = 0;

	if (!x)
		return;
	while (v[n])
		n++;
	v[n] = arena_strdup(a, option);
	v[n + 1] = arena_printf(a, "%lld", (long long)x);
	v[n + 2] = NULL;
}

/* Only limits that somebody gave: the default of a day may be more than a partition allows. */
static int64_t
scheduler_limit(const struct job *j, const struct keeper_task *t)
{
	int64_t left = j->timeout_ns ? t->timeout_ns : 0, deadline = t->deadline_ns ? t->deadline_ns - clk_boot_ns() : 0;

	if (deadline && (!left || deadline < left))
		left = deadline > 0 ? deadline : 1;
	return left;
}

int
handover_wrap(const struct spool *sp, const struct job *j, const char *on, const char *relay, struct launch *l, struct err *e)
{
	char label[REMOTE_LABEL];
	struct keeper_task there = l->task;
	struct buf b = BUF_INIT;
	char **v;

	there.envp = job_env(&l->arena, l->task.envp);
	there.folder = j->folder;
	snprintf(label, sizeof label, "sim-%s-%lld-%lld", sp->id, (long long)j->id, (long long)j->attempt);
	if (task_write(&b, &there, label, e) < 0) {
		buf_free(&b);
		return -1;
	}
	l->task.input = arena_strdup(&l->arena, b.s);
	buf_free(&b);
	l->task.remote = 1;
	l->task.envp = own_env(&l->arena, l->task.envp);
	if (launch_remote_line(sp, j, "--stage", on, relay, l, e) < 0)
		return -1;
	v = arena_zalloc(&l->arena, 32 * sizeof *v);
	for (size_t i = 0; l->task.argv[i]; i++)
		v[i] = l->task.argv[i];
	add_number(&l->arena, v, "--cpus", slots_want(j->slots, "cpu"));
	add_number(&l->arena, v, "--gpus", slots_want(j->slots, "gpu"));
	add_number(&l->arena, v, "--priority", j->priority);
	add_number(&l->arena, v, "--limit", scheduler_limit(j, &there));
	l->task.argv = v;
	return 0;
}
