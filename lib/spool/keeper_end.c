/* keeper_end: how an attempt ended: what is judged of it, the result file, the last word. */
#include "spool/keeper_private.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "spool/attempt.h"
#include "spool/job.h"

#define ALONE_WAIT (600 * 1000 * MS)  /* for room for a result that no spool waits for */

static int
promise_kept(struct keeper *k)
{
	if (k->t->promise && access(k->t->promise, F_OK) < 0) {
		snprintf(k->failure, sizeof k->failure, "ended with status 0 but without the promised file %.200s", k->t->promise);
		return 0;
	}
	if (k->saw_finished && !k->saw_finished_ok)
		return 0;
	if (k->t->kind == JOB_ENGINE && !(k->saw_end && k->saw_finished_ok)) {
		snprintf(k->failure, sizeof k->failure, "ended with status 0 but without the result its kind promises");
		return 0;
	}
	return 1;
}

static void
judge(struct keeper *k, int known, int ws, struct job_end *end, char *why, size_t n)
{
	*end = (struct job_end){.outcome = "failed", .status = -1, .done = k->done, .reason = why};
	if (known && WIFEXITED(ws))
		end->status = WEXITSTATUS(ws);
	if (known && WIFSIGNALED(ws))
		end->signal = WTERMSIG(ws);
	if (k->ending) {
		end->outcome = "terminated";
		snprintf(why, n, "%s", k->why);
		if (!strncmp(why, "deadline", 8))
			end->status = ERR_DEADLINE;
	} else if (end->signal) {
		snprintf(why, n, "ended by signal %d (%s)", end->signal, strsignal(end->signal));
	} else if (!known && !(k->saw_finished_ok && promise_kept(k))) {
		snprintf(why, n, "%s", k->saw_finished ? k->failure :
		         "ended while its keeper was dead: the exit status is unknown");
	} else if (known && end->status) {
		if (*k->failure)
			snprintf(why, n, "%s", k->failure);
		else
			snprintf(why, n, "ended with status %d", end->status);
	} else if (!promise_kept(k)) {
		snprintf(why, n, "%s", k->failure);
	} else {
		end->outcome = "completed";
		end->reason = NULL;
		end->status = 0;
	}
}

/* What is known of an end elsewhere: its verdict. 0: nothing is, and this process is not the one to say anything. */
static int
judge_remote(struct keeper *k, struct job_end *end, char *why, size_t n)
{
	struct job_end v;
	int rc = attempt_read_verdict(k->sp, k->t->job, k->t->attempt, &v, NULL);

	*end = (struct job_end){.outcome = "failed", .status = -1, .done = k->done, .reason = why};
	if (rc > 0) {
		snprintf(why, n, "%s", k->ending ? k->why : v.reason ? v.reason : "");
		end->outcome = k->ending ? "terminated" : !strcmp(v.outcome, "completed") ? "completed" : !strcmp(v.outcome, "failed") ? "failed" :
		               !strcmp(v.outcome, "lost") ? "lost" : !strcmp(v.outcome, "never-started") ? "never-started" :
		               !strcmp(v.outcome, "cancelled") ? "cancelled" : "terminated";
		end->status = v.status;
		end->signal = v.signal;
		end->gone = v.gone;
		if (!strcmp(end->outcome, "completed") && !promise_kept(k)) {
			end->outcome = "failed";
			snprintf(why, n, "%s", k->failure);
		}
		attempt_free_end(&v);
	} else if (k->ending) {
		end->outcome = "terminated";
		snprintf(why, n, "%s", k->why);
	} else if (k->cannot_run && k->t->remote == 1) { /* nothing was sent */
		snprintf(why, n, "%s", k->failure);
		end->status = 127;
		end->gone = 2;
	} else {
		return 0;
	}
	if (k->ending && !strncmp(why, "deadline", 8))
		end->status = ERR_DEADLINE;
	if (!*why)
		end->reason = NULL;
	return 1;
}

void
keeper_write_result(struct keeper *k, const struct job_end *end)
{
	int sync = k->runner_fd < 0 || k->runner_dead || !k->t->relay;
	int64_t until = clk_boot_ns() + ALONE_WAIT;
	char path[PATH_MAX];

	attempt_path(k->sp, k->t->job, k->t->attempt, "", path, sizeof path);
	while (attempt_write_result(k->sp, k->t->job, k->t->attempt, end, sync, NULL) < 0) {
		if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
			_exit(1);
		if (k->t->room && unlink(k->t->room) == 0)
			continue; /* this is what it was kept for */
		if (!k->t->relay && clk_boot_ns() > until)
			_exit(1); /* who waits for it will call it lost */
		poll(NULL, 0, 1000);
	}
	if (k->t->room)
		unlink(k->t->room);
}

/* Not too often: whoever looks next starts another. */
static void __attribute__((noreturn))
leave_to_others(struct keeper *k)
{
	if (clk_boot_ns() - k->began < 2000 * MS)
		poll(NULL, 0, k->cannot_run || k->t->remote > 1 ? 3000 : 1000);
	if (k->runner_fd < 0 && k->t->relay) { /* it looks when this process is gone */
		keeper_relay(k);
		keeper_tell(k, k->seen, "touch", 5);
	}
	_exit(1);
}

/* For a scheduler that watches: the files may have been fetched and removed by then. */
static int
exit_of(const struct job_end *end)
{
	if (!strcmp(end->outcome, "completed"))
		return 0;
	return end->signal ? 128 + end->signal : end->status > 0 ? end->status : 1;
}

void
keeper_finish(struct keeper *k, int known, int ws)
{
	struct job_end end;
	char why[400];

	if (known < 0 || waitpid(-1, NULL, WNOHANG) != -1 || k->adopted)
		keeper_kill_rest(k); /* it left others behind */
	keeper_read(k);
	k->seen = k->at;
	if (k->part.len && !k->skipping)
		keeper_take_line(k, k->part.s, k->part.len);
	keeper_tell_progress(k);
	keeper_bound_log(k);
	if (!k->t->remote)
		judge(k, known, ws, &end, why, sizeof why);
	else if (!judge_remote(k, &end, why, sizeof why))
		leave_to_others(k);
	if (k->at && fsync(k->out_fd) < 0 && !strcmp(end.outcome, "completed")) {
		end.outcome = "failed";
		end.reason = "its output could not be written to the disk";
	}
	keeper_write_result(k, &end);
	if (k->runner_fd < 0 && k->t->relay)
		keeper_relay(k); /* that it is over is said once more, also when a relay was killed */
	if (k->deaf) { /* it will find out: nobody waits for this process */
		buf_clear(&k->queue);
		keeper_tell_sync(k);
	}
	keeper_tell(k, k->seen, "end", 3);
	for (int i = 0; i < 200 && k->queue.len && (k->runner_fd >= 0 || k->t->relay); i++) {
		if (k->runner_fd < 0 && i < 2)
			keeper_relay(k); /* the one before died of a full disk, say */
		if (k->runner_fd < 0)
			break;
		keeper_flush(k);
		if (k->queue.len)
			poll(NULL, 0, 10);
	}
	_exit(k->t->tied ? exit_of(&end) : 0);
}
