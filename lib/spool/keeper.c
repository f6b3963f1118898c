/*
 * keeper: see keeper.h; its parts: keeper_private.h. Here it begins, and goes round.
 *
 * Order of events that crashes depend on: locks, "starting", fork, "stage" in the lock file, … , output
 * synced, result written and synced, "end" to the runner, locks dropped by exit.
 */
#include "spool/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "spool/attempt.h"
#include "spool/job.h"
#include "spool/keeper_private.h"

static void
on_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->sig_fd, &si, sizeof si) == (ssize_t)sizeof si)
		switch (si.ssi_signo) {
		case SIGTERM: keeper_end_stage(k, "terminated on request"); break;
		case SIGUSR1: keeper_pause(k); break;
		case SIGUSR2: keeper_resume(k); break;
		default: break;
		}
}

/* 1: the stage is gone (its wait status in *ws if *known). */
static int
stage_gone(struct keeper *k, int *known, int *ws)
{
	pid_t p;

	*known = 0;
	if (k->adopted)
		return !proc_alive(k->stage);
	while ((p = waitpid(-1, ws, WNOHANG)) > 0)
		if (p == k->stage.pid) {
			*known = 1;
			k->stage.start = 0; /* reaped: the pid may be another's */
			return 1;
		}
	return 0;
}

static void __attribute__((noreturn))
supervise(struct keeper *k)
{
	int known, ws = 0;

	for (;;) {
		struct pollfd p[4] = {{.fd = k->sig_fd, .events = POLLIN}, {.fd = k->watch_fd, .events = POLLIN},
		                      {.fd = k->pid_fd, .events = POLLIN},
		                      {.fd = k->runner_fd, .events = k->queue.len ? POLLOUT : 0}};
		char b[4096];

		if (stage_gone(k, &known, &ws))
			keeper_finish(k, known, ws);
		if (poll(p, 4, keeper_wait_ms(k)) < 0 && errno != EINTR)
			poll(NULL, 0, 100);
		if (p[1].revents)
			while (read(k->watch_fd, b, sizeof b) > 0)
				;
		on_signal(k);
		keeper_read(k);
		if (p[3].revents & (POLLERR | POLLHUP)) {
			if (k->t->tied)
				keeper_end_stage(k, "terminated: the process that its scheduler watches is dead");
			if (!k->runner_dead)
				keeper_relay(k);
			else
				keeper_drop_fd(&k->runner_fd);
		}
		keeper_flush(k);
		if (k->progress && clk_boot_ns() - k->progress_sent >= PROGRESS_EVERY)
			keeper_tell_progress(k);
		keeper_check_limits(k);
		keeper_bound_log(k);
	}
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
close_all_but(int *keep, int n)
{
	unsigned from = 3;

	qsort(keep, (size_t)n, sizeof *keep, by_number);
	for (int i = 0; i < n; i++) {
		if (keep[i] < 3)
			continue;
		if ((unsigned)keep[i] > from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

/* The process becomes a keeper: its own session, no terminal, nothing open that is not its own. */
static void
settle_in(struct keeper *k, int stage_fd)
{
	int keep[3] = {k->lock_fd, k->runner_fd, stage_fd}, null = open("/dev/null", O_RDWR);
	sigset_t s;

	setsid();
	prctl(PR_SET_NAME, "sim-keeper");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_all_but(keep, 3);
	if (chdir(k->sp->root) < 0)
		_exit(1);
	sigfillset(&s);
	sigdelset(&s, SIGSEGV);
	sigdelset(&s, SIGBUS);
	sigdelset(&s, SIGABRT);
	sigprocmask(SIG_SETMASK, &s, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	k->sig_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	k->began = k->stall_from = clk_boot_ns();
	k->runs = !k->t->remote;
	k->due = k->runs && k->t->timeout_ns ? k->began + k->t->timeout_ns : 0;
	k->progress_sent = 0;
	if (k->t->paused)
		k->paused_at = k->began;
}

/* No descriptors, no memory, no room: nothing of the job ran, and it is not to blame. */
static void
cannot_start(struct keeper *k, const struct err *e)
{
	struct job_end end = {.outcome = "never-started", .reason = e->msg, .status = e->status, .gone = 2};

	if (k->adopted || k->t->remote > 1)
		_exit(1); /* the stage lives, or may live elsewhere: the next to look goes on */
	keeper_write_result(k, &end);
	keeper_tell(k, k->seen, "end", 3);
	_exit(0);
}

static pid_t
fork_keeper(struct keeper *k, int stage_fd, struct err *e)
{
	struct proc_id self = {0, 0};
	struct err why = {0};
	pid_t pid = fork();

	if (pid) {
		keeper_drop_fd(&k->lock_fd);
		keeper_drop_fd(&stage_fd);
		if (pid < 0)
			return err_sys(e, ERR_TEMPFAIL, "cannot start a keeper");
		return pid;
	}
	settle_in(k, stage_fd);
	self.pid = getpid();
	proc_start_time(getpid(), &self.start);
	if (attempt_note(k->lock_fd, "keeper", self) < 0) {
		err_sys(&why, ERR_IO, "cannot write the lock file of job %lld", (long long)k->t->job);
		cannot_start(k, &why);
	}
	if (keeper_open_files(k, &why) < 0)
		cannot_start(k, &why);
	if (!k->adopted) {
		if (keeper_start_stage(k, stage_fd, &why) < 0)
			cannot_start(k, &why);
		if (k->t->paused && k->t->remote)
			proc_signal(k->stage, SIGTSTP);
		if (k->t->end_why)
			keeper_end_stage(k, k->t->end_why);
	} else {
		struct attempt_probe p;

		attempt_probe(k->sp, k->t->job, k->t->attempt, &p, NULL);
		k->stage = p.stage;
		k->pid_fd = proc_pidfd(p.stage);
		keeper_take_over(k);
		if (k->t->end_why)
			keeper_end_stage(k, k->t->end_why);
	}
	supervise(k);
}

pid_t
keeper_start(const struct spool *sp, const struct keeper_task *t, int runner_fd, struct err *e)
{
	struct keeper k = {.sp = sp, .t = t, .runner_fd = runner_fd, .out_fd = -1, .log_fd = -1, .pid_fd = -1, .watch_fd = -1};
	int stage_fd;

	if (attempt_lock(sp, t->job, t->attempt, &k.lock_fd, &stage_fd, e) < 0)
		return -1;
	return fork_keeper(&k, stage_fd, e);
}

pid_t
keeper_adopt(const struct spool *sp, const struct keeper_task *t, int runner_fd, struct err *e)
{
	struct keeper k = {.sp = sp, .t = t, .runner_fd = runner_fd, .out_fd = -1, .log_fd = -1, .pid_fd = -1, .watch_fd = -1,
	                   .adopted = 1};

	if (attempt_adopt(sp, t->job, t->attempt, &k.lock_fd, e) < 0)
		return -1;
	return fork_keeper(&k, -1, e);
}
