/* keeper_limits: a stage's limits, and its end before its time: asked for, paused, killed with all that it started. */
#include "spool/keeper_private.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "spool/attempt.h"

/* --- ending it ------------------------------------------------------------------------------------------------------- */

static void
members(const struct keeper *k, struct proc_set *s, char cookie[ATTEMPT_COOKIE])
{
	attempt_cookie(k->sp, k->t->job, k->t->attempt, cookie);
	*s = (struct proc_set){.root = getpid(), .except = k->relay, .group = proc_alive(k->stage) ? k->stage.pid : 0, .cookie = cookie};
}

static void
signal_all(struct keeper *k, int sig)
{
	char cookie[ATTEMPT_COOKIE];
	struct proc_set s;

	members(k, &s, cookie);
	proc_set_signal(&s, sig, NULL);
}

void
keeper_end_stage(struct keeper *k, const char *why)
{
	if (k->ending)
		return;
	snprintf(k->why, sizeof k->why, "%s", why);
	k->ending = 1;
	k->kill_at = clk_boot_ns() + k->t->grace_ns + (k->t->remote ? KEEPER_REMOTE_NS : 0);
	if (k->paused_at && k->t->remote) {
		k->paused_at = 0; /* who ends it there lets it go on first */
	} else if (k->paused_at) {
		signal_all(k, SIGCONT);
		k->paused_at = 0;
	}
	if (k->stage.pid > 0 && proc_alive(k->stage))
		kill(-k->stage.pid, SIGTERM);
	else
		signal_all(k, SIGTERM);
}

int
keeper_kill_rest(struct keeper *k)
{
	char cookie[ATTEMPT_COOKIE];
	struct proc_set s;

	members(k, &s, cookie);
	return proc_set_kill(&s, 0, (int64_t)10 * 1000 * MS, NULL);
}

void
keeper_pause(struct keeper *k)
{
	if (k->paused_at || k->ending)
		return;
	k->paused_at = clk_boot_ns();
	if (k->t->remote) {
		proc_signal(k->stage, SIGTSTP);
		return;
	}
	signal_all(k, SIGSTOP);
	signal_all(k, SIGSTOP); /* what was forked during the first pass */
}

void
keeper_resume(struct keeper *k)
{
	int64_t pause;

	if (!k->paused_at)
		return;
	pause = clk_boot_ns() - k->paused_at;
	k->paused_at = 0;
	if (k->due)
		k->due += pause;
	k->stall_from += pause;
	if (k->t->remote)
		proc_signal(k->stage, SIGCONT);
	else
		signal_all(k, SIGCONT);
}

void
keeper_take_over(struct keeper *k)
{
	if (k->t->remote) {
		proc_signal(k->stage, k->t->paused ? SIGTSTP : SIGCONT);
		return;
	}
	signal_all(k, k->t->paused ? SIGSTOP : SIGCONT);
	if (k->t->paused)
		signal_all(k, SIGSTOP);
}

/* --- limits ---------------------------------------------------------------------------------------------------------- */

static void
span(int64_t ns, char out[32])
{
	if (ns >= 60 * 1000 * MS)
		snprintf(out, 32, "%lld min", (long long)(ns / (60 * 1000 * MS)));
	else
		snprintf(out, 32, "%.3g s", (double)ns / 1e9);
}

/* The end was asked for by a file: by somebody who cannot signal this process. */
static void
check_stop(struct keeper *k)
{
	struct buf b = BUF_INIT;
	struct stat st;

	if (!k->t->stop || k->ending)
		return;
	if (fstat(k->out_fd, &st) == 0 && st.st_nlink == 0) {
		keeper_end_stage(k, "terminated: its folder was removed"); /* nobody can ask for it any more, or stop it */
		return;
	}
	if (access(k->t->stop, F_OK) < 0)
		return;
	if (io_read_file(k->t->stop, 4096, &b, NULL) == 0 && b.len) {
		b.s[strcspn(b.s, "\n")] = '\0';
		keeper_end_stage(k, b.s);
	} else {
		keeper_end_stage(k, "terminated on request");
	}
	buf_free(&b);
}

void
keeper_check_limits(struct keeper *k)
{
	int64_t now = clk_boot_ns();
	char why[200], t[32];

	check_stop(k);
	if (k->ending == 1 && now >= k->kill_at) {
		k->ending = 2;
		keeper_kill_rest(k);
	}
	if (k->ending)
		return;
	if (k->t->deadline_ns && now >= k->t->deadline_ns) {
		keeper_end_stage(k, k->t->deadline_why ? k->t->deadline_why : "deadline");
		return;
	}
	if (k->paused_at)
		return;
	if (k->due && now >= k->due) {
		span(k->t->timeout_ns, t);
		snprintf(why, sizeof why, "deadline: the limit in time was reached (%s were left at this start)", t);
		keeper_end_stage(k, why);
	} else if (k->t->stall_ns && now - k->stall_from >= k->t->stall_ns) {
		span(k->t->stall_ns, t);
		snprintf(why, sizeof why, "stalled: no progress for %s", t);
		keeper_end_stage(k, why);
	} else if (k->at > (k->t->out_limit ? k->t->out_limit : KEEPER_OUT_LIMIT)) {
		keeper_end_stage(k, "output: more bytes on standard output than the limit");
	}
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

int
keeper_wait_ms(const struct keeper *k)
{
	int64_t now = clk_boot_ns(), at = now + 1000 * MS;

	at = earlier(at, k->ending == 1 ? k->kill_at : 0);
	if (!k->ending) {
		at = earlier(at, k->t->deadline_ns);
		if (!k->paused_at) {
			at = earlier(at, k->due);
			at = earlier(at, k->t->stall_ns ? k->stall_from + k->t->stall_ns : 0);
		}
	}
	if (k->progress)
		at = earlier(at, k->progress_sent + PROGRESS_EVERY);
	if (k->queue.len)
		at = earlier(at, k->runner_fd < 0 ? k->relay_next : now + 20 * MS);
	return at <= now ? 0 : (int)((at - now + MS - 1) / MS);
}
