/* command: see command.h. */
#include "remote/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"

extern char **environ;

#define MS ((int64_t)1000000)

/* Not handed on: a connection or a daemon begun here serves other jobs too. */
static int
of_the_job(const char *s)
{
	static const char *const name[] = {"SIM_JOB=", "SIM_ATTEMPT=", "SIM_COOKIE=", "SIM_SPOOL=", "SIM_SPOOL_JOB=", "SIM_CHECKPOINT=",
	                                   "SIM_TIMEOUT=", "SIM_DEADLINE=", "SIM_SLOT_"};

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (!strncmp(s, name[i], strlen(name[i])))
			return 1;
	return 0;
}

static void __attribute__((noreturn))
become(char *const argv[], int in, int out, int err)
{
	size_t n = 0;
	sigset_t none;

	setpgid(0, 0); /* a TERM for the caller's group does not cut a submission in two */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	syscall(SYS_close_range, 3u, ~0u, 0);
	for (char **p = environ; *p; p++)
		if (!of_the_job(*p))
			environ[n++] = *p;
	environ[n] = NULL;
	execvp(argv[0], argv);
	dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* What there is to read, closed at its end. 1: some was dropped. */
static int
take(int *fd, struct buf *b, size_t most)
{
	char text[65536];
	ssize_t n = read(*fd, text, sizeof text);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0 && b && b->len + (size_t)n <= most)
		return buf_add(b, text, (size_t)n) < 0;
	if (n > 0)
		return b != NULL;
	close(*fd);
	*fd = -1;
	return 0;
}

struct talk {
	pid_t pid;
	int out, err, end;       /* end: its pidfd */
	struct buf *text, *said;
	int cut, ended;
};

enum { HEARD, LATE, QUIT };

/* Until it has ended and all it wrote is read. What it leaves behind may hold its outputs open: nobody waits for that. */
static int
listen_to(struct talk *t, int quit, int64_t until)
{
	int64_t patience = 0;

	while (!t->ended || t->out >= 0 || t->err >= 0) {
		struct pollfd f[4] = {{.fd = t->out, .events = POLLIN}, {.fd = t->err, .events = POLLIN}, {.fd = t->ended ? -1 : t->end, .events = POLLIN},
		                      {.fd = quit ? quit : -1, .events = POLLIN}};
		int64_t now = clk_boot_ns(), left = (t->ended && patience < until ? patience : until) - now;
		int rc;

		if (left <= 0)
			return t->ended ? HEARD : LATE;
		rc = poll(f, 4, left > 1000 * MS ? 1000 : (int)(left / MS) + 1);
		if (rc < 0 && errno != EINTR)
			poll(NULL, 0, 10);
		if (rc <= 0)
			continue;
		if (f[0].revents)
			t->cut |= take(&t->out, t->text, COMMAND_OUT_MAX);
		if (f[1].revents)
			take(&t->err, t->said, COMMAND_SAID_MAX);
		if (f[2].revents) {
			t->ended = 1;
			patience = now + 200 * MS;
		}
		if (f[3].revents)
			return t->ended ? HEARD : QUIT;
	}
	return HEARD;
}

int
command_input(const void *p, size_t n)
{
	int fd = (int)syscall(SYS_memfd_create, "input", 1u /* MFD_CLOEXEC */);

	if (fd >= 0 && (io_write_all(fd, p, n) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
start(char *const argv[], int in_fd, struct talk *t, struct err *e)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1}, in = in_fd >= 0 ? in_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (in < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		t->pid = -1;
	else
		t->pid = fork();
	if (t->pid == 0)
		become(argv, in, out[1], err[1]);
	if (t->pid < 0)
		err_sys(e, ERR_TEMPFAIL, "cannot start %s", argv[0]);
	if (in_fd < 0 && in >= 0)
		close(in);
	for (int i = 0; i < 2; i++) {
		int *p = i ? err : out;

		if (p[1] >= 0)
			close(p[1]);
		if (t->pid < 0 && p[0] >= 0)
			close(p[0]);
	}
	t->out = out[0];
	t->err = err[0];
	if (t->pid < 0)
		return -1;
	setpgid(t->pid, t->pid);
	t->end = (int)syscall(SYS_pidfd_open, t->pid, 0);
	return 0;
}

/* It has ended or was killed. One that the kernel holds (a dead file server) is left to whoever inherits it. */
static void
reap(pid_t pid, int *ws)
{
	for (int i = 0; i < 200; i++) {
		pid_t got = waitpid(pid, ws, WNOHANG);

		if (got == pid || (got < 0 && errno != EINTR))
			return;
		poll(NULL, 0, 10);
	}
}

int
command_run(char *const argv[], int in_fd, struct buf *out, struct buf *said, int *status, int quit, int64_t until, struct err *e)
{
	struct talk t = {.text = out, .said = said};
	int ws = 0, heard;

	*status = -1;
	signal(SIGPIPE, SIG_IGN);
	if (start(argv, in_fd, &t, e) < 0)
		return -1;
	heard = listen_to(&t, quit, until);
	if (heard != HEARD)
		kill(-t.pid, SIGKILL);
	reap(t.pid, &ws);
	if (t.out >= 0)
		close(t.out);
	if (t.err >= 0)
		close(t.err);
	if (t.end >= 0)
		close(t.end);
	if (heard != HEARD)
		return err_set(e, ERR_TEMPFAIL, heard == LATE ? "%s gave no answer in time" : "%s was not waited for any longer", argv[0]);
	*status = t.cut ? -1 : WIFEXITED(ws) ? WEXITSTATUS(ws) : 128 + WTERMSIG(ws);
	return 0;
}
