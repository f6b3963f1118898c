/* orphans: see orphans.h. */
#include "common/orphans.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "common/cli.h"
#include "spool/attempt.h"
#include "spool/remote.h"

#define LOOK_NS ((int64_t)50 * 1000000000)

/* sim-remote --forget; what it complains of is in note. Its status; 75 where it gave no answer. */
static int
ask(struct spool *sp, const struct orphan *x, char *note, size_t n)
{
	char program[PATH_MAX], folder[PATH_MAX], text[2048];
	int64_t until = clk_boot_ns() + LOOK_NS;
	size_t len = 0;
	int p[2], ws = 0;
	pid_t pid, got = 0;

	snprintf(note, n, "sim-remote cannot be started");
	attempt_path(sp, x->job, x->attempt, "", folder, sizeof folder);
	cli_sibling("sim-remote", program, sizeof program);
	if (pipe2(p, O_CLOEXEC) < 0)
		return ERR_TEMPFAIL;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(p[1], 2);
		execlp(program, "sim-remote", "--forget", "--on", x->on, "--id", sp->id, "--attempt", folder, (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	while (pid > 0 && clk_boot_ns() < until) {
		struct pollfd f = {.fd = p[0], .events = POLLIN};
		ssize_t k;

		if (poll(&f, 1, 200) <= 0)
			continue;
		k = read(p[0], text + len, sizeof text - 1 - len);
		if (k <= 0)
			break;
		len += (size_t)k;
	}
	close(p[0]);
	text[len] = '\0';
	for (int i = 0; pid > 0 && i < 200 && (got = waitpid(pid, &ws, WNOHANG)) == 0; i++)
		poll(NULL, 0, clk_boot_ns() < until ? 10 : 0);
	if (pid > 0 && got == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &ws, 0);
	}
	if (len) {
		text[strcspn(text, "\n")] = '\0';
		snprintf(note, n, "%.250s", text + (strncmp(text, "sim-remote: ", 12) ? 0 : 12));
	}
	return got > 0 && WIFEXITED(ws) ? WEXITSTATUS(ws) : ERR_TEMPFAIL;
}

void
cli_orphans(struct spool *sp, struct cli_actions *o)
{
	struct err e = {0};
	struct orphan x;
	int rc;

	while ((rc = remote_orphan(sp, (int64_t)90 * 1000000000, &x, &e)) > 0) {
		char note[300];
		int status = ask(sp, &x, note, sizeof note);
		int gone = status == 0 ? REMOTE_GONE : status == 1 ? REMOTE_FENCED : REMOTE_MAY_RUN;

		if (remote_looked(sp, &x, gone, gone == REMOTE_MAY_RUN ? note : NULL, &e) < 0)
			cli_die(&e);
		if (gone != REMOTE_FENCED)
			cli_action(o, x.job, gone ? "confirmed" : "cannot tell", gone ? "nothing of it is left elsewhere" : note);
	}
	if (rc < 0)
		cli_die(&e);
}

int
cli_orphans_apart(struct spool *sp, struct err *e)
{
	char reap[PATH_MAX];
	const char *const argv[] = {"sim-reap", "--elsewhere", "--quiet", "--spool", sp->root, NULL};
	int64_t at = 0;

	if (remote_next(sp, &at, e) < 0)
		return -1;
	if (at && at <= spool_now(sp))
		cli_start_apart(cli_sibling("sim-reap", reap, sizeof reap), argv);
	return 0;
}
