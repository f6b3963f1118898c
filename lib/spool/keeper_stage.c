/* keeper_stage: the process of a stage: its files, and how it begins. */
#include "spool/keeper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "spool/attempt.h"

/* What a copier that was killed left in the middle of a line is copied again (lib/remote/follow.h). */
static int
cut_unfinished(int fd)
{
	char b[65536];
	off_t end = lseek(fd, 0, SEEK_END);

	while (end > 0) {
		off_t from = end > (off_t)sizeof b ? end - (off_t)sizeof b : 0;
		ssize_t n = pread(fd, b, (size_t)(end - from), from);
		char *nl = n > 0 ? memrchr(b, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return -1;
		if (nl)
			return ftruncate(fd, from + (nl - b) + 1);
		end = from;
	}
	return ftruncate(fd, 0);
}

int
keeper_open_files(struct keeper *k, struct err *e)
{
	char path[PATH_MAX];

	attempt_path(k->sp, k->t->job, k->t->attempt, "events.ndjson", path, sizeof path);
	k->out_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	if (k->out_fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	if (k->t->remote && !k->adopted && cut_unfinished(k->out_fd) < 0)
		return err_sys(e, ERR_IO, "cannot cut %s", path);
	k->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (k->watch_fd >= 0)
		inotify_add_watch(k->watch_fd, path, IN_MODIFY);
	attempt_path(k->sp, k->t->job, k->t->attempt, "log", path, sizeof path);
	k->log_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	if (k->log_fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	return 0;
}

/* Standard input: a file in memory, so that a stage which never reads it blocks nobody. */
static int
input_fd(const char *text)
{
	int fd = (int)syscall(SYS_memfd_create, "task", 1u /* MFD_CLOEXEC */);

	if (fd >= 0 && (io_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void __attribute__((noreturn))
become_stage(struct keeper *k, int in, int stage_fd, int report)
{
	sigset_t none;
	int why;

	setsid();
	sigemptyset(&none);
	if (k->t->remote) { /* it hears these when it is ready to */
		sigaddset(&none, SIGTERM);
		sigaddset(&none, SIGTSTP);
	}
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* what is ignored stays so over exec */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
	dup2(in, 0);
	dup2(k->out_fd, 1);
	dup2(k->log_fd, 2);
	fcntl(stage_fd, F_SETFD, 0);
	if (chdir(k->t->folder) < 0) {
		why = -errno;
	} else {
		execvpe(k->t->argv[0], k->t->argv, k->t->envp);
		why = errno;
	}
	if (write(report, &why, sizeof why) < 0)
		_exit(126);
	_exit(why == ENOENT ? 127 : 126);
}

int
keeper_start_stage(struct keeper *k, int stage_fd, struct err *e)
{
	int in = input_fd(k->t->input), report[2], why;
	pid_t pid;

	if (in < 0 || pipe2(report, O_CLOEXEC) < 0)
		return err_sys(e, ERR_OS, "cannot prepare the stage");
	if (attempt_note(k->lock_fd, "starting", (struct proc_id){getpid(), 0}) < 0)
		return err_sys(e, ERR_IO, "cannot write the lock file of job %lld", (long long)k->t->job);
	pid = fork();
	if (pid == 0)
		become_stage(k, in, stage_fd, report[1]);
	close(in);
	close(stage_fd);
	close(report[1]);
	if (pid < 0)
		return err_sys(e, ERR_OS, "cannot start a process");
	k->stage.pid = pid;
	if (proc_start_time(pid, &k->stage.start) < 0)
		k->stage.start = 0;
	k->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	attempt_note(k->lock_fd, "stage", k->stage);
	if (io_read_full(report[0], &why, sizeof why) == (ssize_t)sizeof why) {
		if (why < 0)
			snprintf(k->failure, sizeof k->failure, "cannot enter the working folder %.200s: %s", k->t->folder, strerror(-why));
		else
			snprintf(k->failure, sizeof k->failure, "cannot run %.200s: %s", k->t->argv[0], strerror(why));
	}
	close(report[0]);
	k->cannot_run = *k->failure != '\0';
	return 0;
}
