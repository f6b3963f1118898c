/* site: see site.h. */
#include "remote/site.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"

#define OUT_MAX ((size_t)64 << 20)
#define SAID_MAX ((size_t)64 << 10)

int
site_open(struct site *s, const struct host *h, const char *spool_id, const char *self, int64_t until, struct err *e)
{
	const char *home = getenv("HOME");
	const char *folder = h->folder ? h->folder : HOST_FOLDER_DEFAULT;

	(void)until;
	memset(s, 0, sizeof *s);
	s->host = h;
	s->here = !h->host;
	if (!s->here)
		return err_set(e, ERR_UNAVAILABLE, "host %s: other machines are not reached yet", h->host);
	if (folder[0] == '/')
		snprintf(s->folder, sizeof s->folder, "%s/sim-%s", folder, spool_id);
	else
		snprintf(s->folder, sizeof s->folder, "%s/%s/sim-%s", home ? home : "/", folder, spool_id);
	snprintf(s->seen, sizeof s->seen, "%s", s->folder);
	snprintf(s->program, sizeof s->program, "%s", self);
	return 0;
}

void
site_close(struct site *s)
{
	memset(s, 0, sizeof *s);
}

/* --- running a command ---------------------------------------------------------------------------------------------- */

struct pipes {
	int in[2], out[2], err[2];
};

static void __attribute__((noreturn))
become(char *const argv[], const struct pipes *p)
{
	sigset_t none;

	setpgid(0, 0); /* a TERM for sim-remote's group does not cut a submission in two */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(p->in[0], 0);
	dup2(p->out[1], 1);
	dup2(p->err[1], 2);
	execvp(argv[0], argv);
	dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* What there is to read; 0 at the end. */
static int
take(int *fd, struct buf *b, size_t most)
{
	char text[65536];
	ssize_t n = read(*fd, text, sizeof text);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n > 0 && b && b->len + (size_t)n <= most)
		buf_add(b, text, (size_t)n);
	if (n > 0)
		return 1;
	close(*fd);
	*fd = -1;
	return 0;
}

/* Feeds and drains until both outputs end. 0, or -1 when the time is up. */
static int
converse(struct pipes *p, const char *in, size_t n, struct buf *out, struct buf *said, int64_t until)
{
	while (p->out[0] >= 0 || p->err[0] >= 0) {
		struct pollfd f[3] = {{.fd = p->out[0], .events = POLLIN}, {.fd = p->err[0], .events = POLLIN}, {.fd = p->in[1], .events = POLLOUT}};
		int64_t left = until - clk_boot_ns();
		ssize_t k;

		if (left <= 0)
			return -1;
		poll(f, 3, left > 1000000000 ? 1000 : (int)(left / 1000000) + 1);
		if (f[0].revents)
			take(&p->out[0], out, OUT_MAX);
		if (f[1].revents)
			take(&p->err[0], said, SAID_MAX);
		if (f[2].revents) {
			k = n ? write(p->in[1], in, n) : 0;
			if (k > 0) {
				in += k;
				n -= (size_t)k;
			}
			if (!n || (k < 0 && errno != EAGAIN && errno != EINTR)) {
				close(p->in[1]);
				p->in[1] = -1;
			}
		}
	}
	return 0;
}

static void
close_pipes(struct pipes *p)
{
	int *fd[] = {&p->in[0], &p->in[1], &p->out[0], &p->out[1], &p->err[0], &p->err[1]};

	for (size_t i = 0; i < 6; i++) {
		if (*fd[i] >= 0)
			close(*fd[i]);
		*fd[i] = -1;
	}
}

/* Its end, or its end by us. */
static int
await_exit(pid_t pid, int64_t until, int cut, int *status)
{
	int ws;

	for (;;) {
		pid_t got = waitpid(pid, &ws, cut ? 0 : WNOHANG);

		if (got == pid)
			break;
		if (got < 0 && errno != EINTR)
			return -1;
		if (!cut && clk_boot_ns() > until) {
			cut = 1;
			kill(-pid, SIGKILL);
		}
		if (!cut)
			poll(NULL, 0, 2);
	}
	*status = WIFEXITED(ws) ? WEXITSTATUS(ws) : 128 + WTERMSIG(ws);
	return cut ? -1 : 0;
}

int
site_run(struct site *s, char *const argv[], const void *in, size_t n, struct buf *out, struct buf *said, int *status, int64_t until,
         struct err *e)
{
	struct pipes p = {{-1, -1}, {-1, -1}, {-1, -1}};
	pid_t pid;
	int cut;

	(void)s;
	*status = -1;
	if (!until)
		until = clk_boot_ns() + (int64_t)60 * 1000000000;
	signal(SIGPIPE, SIG_IGN);
	if (pipe2(p.in, O_CLOEXEC) < 0 || pipe2(p.out, O_CLOEXEC) < 0 || pipe2(p.err, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		close_pipes(&p);
		return err_sys(e, ERR_TEMPFAIL, "cannot start %s", argv[0]);
	}
	if (!pid)
		become(argv, &p);
	setpgid(pid, pid);
	close(p.in[0]);
	close(p.out[1]);
	close(p.err[1]);
	p.in[0] = p.out[1] = p.err[1] = -1;
	fcntl(p.in[1], F_SETFL, O_NONBLOCK);
	cut = converse(&p, in, n, out, said, until) < 0;
	close_pipes(&p);
	if (cut)
		kill(-pid, SIGKILL);
	if (await_exit(pid, until, cut, status) < 0)
		return err_set(e, ERR_TEMPFAIL, "%s gave no answer in time", argv[0]);
	return 0;
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

static int
make_folders(char *path, struct err *e)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_TEMPFAIL, "cannot create %s", path);
		*p = '/';
	}
	return 0;
}

int
site_put(struct site *s, const char *path, const void *text, size_t n, int64_t until, struct err *e)
{
	char full[PATH_MAX];
	struct io_atomic f;

	(void)until;
	if ((size_t)snprintf(full, sizeof full, "%s/%s", s->seen, path) >= sizeof full)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	if (make_folders(full, e) < 0 || io_atomic_open(&f, full, e) < 0)
		return -1;
	if (io_write_all(f.fd, text, n) < 0) {
		err_sys(e, ERR_TEMPFAIL, "cannot write %s", full);
		io_atomic_abort(&f);
		return -1;
	}
	return io_atomic_commit(&f, e);
}

int
site_content(struct site *s, const char *from, char there[PATH_MAX], int64_t until, struct err *e)
{
	(void)s;
	(void)until;
	(void)e;
	snprintf(there, PATH_MAX, "%s", from);
	return 0;
}
