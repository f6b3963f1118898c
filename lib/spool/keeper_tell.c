/* keeper_tell: what a keeper says, as lines to its sim-run or, when that is dead, to a relay of its own. */
#include "spool/keeper_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"

#define QUEUE_MAX ((size_t)8 << 20)
#define RELAY_EVERY (5000 * MS)

static void
put_line(struct keeper *k, int64_t at, const char *text, size_t n)
{
	buf_printf(&k->queue, "%lld %lld %lld ", (long long)k->t->job, (long long)k->t->attempt, (long long)at);
	buf_add(&k->queue, text, n);
	buf_putc(&k->queue, '\n');
}

void
keeper_tell_sync(struct keeper *k)
{
	free(k->progress); /* it is in there too */
	k->progress = NULL;
	k->deaf = 0;
	put_line(k, k->seen, "sync", 4);
}

void
keeper_relay(struct keeper *k)
{
	int p[2];
	pid_t pid;

	k->runner_dead = 1;
	keeper_drop_fd(&k->runner_fd);
	k->relay_next = clk_boot_ns() + RELAY_EVERY;
	if (!k->t->relay || pipe2(p, O_CLOEXEC) < 0)
		return; /* the result file stays; sim-recover finds it */
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid();
		dup2(p[0], 0);
		execl(k->t->relay, "sim-run", "--relay", "--spool", k->sp->root, (char *)NULL);
		_exit(127);
	}
	close(p[0]);
	if (pid < 0) {
		close(p[1]);
		return;
	}
	k->relay = pid;
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	k->runner_fd = p[1];
	buf_clear(&k->queue);
	keeper_tell_sync(k); /* what was in the other's pipe is lost */
}

void
keeper_flush(struct keeper *k)
{
	if (k->queue.len && k->runner_fd < 0 && clk_boot_ns() >= k->relay_next)
		keeper_relay(k); /* an adopted stage has no runner; a relay may be killed too */
	while (k->queue.len && k->runner_fd >= 0) {
		const char *nl = memchr(k->queue.s, '\n', k->queue.len);
		size_t n = nl ? (size_t)(nl - k->queue.s) + 1 : k->queue.len;
		ssize_t w = write(k->runner_fd, k->queue.s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EPIPE && !k->runner_dead) {
			keeper_relay(k);
			continue;
		}
		if (w < 0 && errno == EPIPE) /* the relay is gone too */
			keeper_drop_fd(&k->runner_fd);
		if (w <= 0)
			return;
		memmove(k->queue.s, k->queue.s + w, k->queue.len - (size_t)w);
		k->queue.len -= (size_t)w;
		if (!k->queue.len && k->deaf)
			keeper_tell_sync(k);
	}
}

void
keeper_tell(struct keeper *k, int64_t at, const char *text, size_t n)
{
	if (k->runner_fd < 0 && !k->t->relay)
		return; /* nobody to tell */
	k->deaf |= k->queue.len > QUEUE_MAX; /* a runner that reads nothing */
	if (k->deaf || (k->t->from && at <= k->t->from && text[0] == '{'))
		return; /* the keeper before told it */
	put_line(k, at, text, n);
	keeper_flush(k);
}

void
keeper_tell_progress(struct keeper *k)
{
	if (!k->progress)
		return;
	keeper_tell(k, k->progress_at, k->progress, strlen(k->progress));
	free(k->progress);
	k->progress = NULL;
	k->progress_sent = clk_boot_ns();
}
