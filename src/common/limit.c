/* limit: see limit.h. */
#include "common/limit.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/err.h"
#include "common/cli.h"

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	int64_t deadline_ns;
	void (*over)(void *ctx);
	void *ctx;
	int runs;
} limit = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static void *
watch(void *arg)
{
	int64_t left;

	(void)arg;
	pthread_mutex_lock(&limit.lock);
	while (limit.runs && (left = limit.deadline_ns - clk_boot_ns()) > 0) {
		/* at most a second at a time: the clock of the wait may stand still in suspend, or be set */
		struct timespec until = clk_timespec(clk_real_ns() + (left < 1000000000 ? left : 1000000000));

		pthread_cond_timedwait(&limit.ended, &limit.lock, &until);
	}
	if (limit.runs) {
		limit.over(limit.ctx);
		_exit(ERR_DEADLINE);
	}
	pthread_mutex_unlock(&limit.lock);
	return NULL;
}

void
limit_start(int64_t deadline_ns, void (*over)(void *ctx), void *ctx)
{
	sigset_t all, old;
	int rc;

	if (!deadline_ns)
		return;
	limit.deadline_ns = deadline_ns;
	limit.over = over;
	limit.ctx = ctx;
	limit.runs = 1;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&limit.thread, NULL, watch, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		cli_die(&(struct err){.status = ERR_OS, .msg = "cannot start the thread that keeps the limit in time"});
}

void
limit_end(void)
{
	if (!limit.deadline_ns)
		return;
	pthread_mutex_lock(&limit.lock);
	limit.runs = 0;
	pthread_cond_signal(&limit.ended);
	pthread_mutex_unlock(&limit.lock);
	pthread_join(limit.thread, NULL);
	limit.deadline_ns = 0;
}

int
limit_can_write(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && !(p.revents & (POLLERR | POLLHUP));
}
