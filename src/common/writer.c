/* writer: see writer.h. Two buffers: one is filled while the other is written. */
#include "common/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "record/record.h"

struct writer {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct buf in, out;      /* in: under the lock; out: the thread's */
	size_t limit;
	int fd, ending, error;   /* error: errno of the write that failed */
};

/* Whole lines of s as far as they fit one write of a shared pipe; a longer one goes alone. */
static size_t
piece(const char *s, size_t n)
{
	const char *end = n > RECORD_PIPE_MAX ? memrchr(s, '\n', RECORD_PIPE_MAX) : NULL;

	if (n <= RECORD_PIPE_MAX)
		return n;
	if (!end)
		end = memchr(s, '\n', n);
	return end ? (size_t)(end + 1 - s) : n;
}

static int
write_lines(int fd, const struct buf *b)
{
	for (size_t at = 0, n; at < b->len; at += n) {
		n = piece(b->s + at, b->len - at);
		if (io_write_all(fd, b->s + at, n) < 0)
			return errno;
	}
	return 0;
}

static void *
run(void *ctx)
{
	struct writer *w = ctx;
	struct buf swap;
	int error;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->in.len && !w->ending)
			pthread_cond_wait(&w->filled, &w->lock);
		if (!w->in.len)
			break;
		swap = w->out;
		w->out = w->in;
		w->in = swap;
		pthread_mutex_unlock(&w->lock);
		error = write_lines(w->fd, &w->out);
		pthread_mutex_lock(&w->lock);
		buf_clear(&w->out);
		if (error)
			w->error = error;
		pthread_cond_signal(&w->emptied);
		if (w->error)
			break;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct writer *
writer_start(int fd, size_t limit, struct err *e)
{
	struct writer *w = calloc(1, sizeof *w);
	sigset_t all, old;
	int rc;

	if (!w) {
		err_nomem(e);
		return NULL;
	}
	w->fd = fd;
	w->limit = limit;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->filled, NULL);
	pthread_cond_init(&w->emptied, NULL);
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc) {
		errno = rc;
		err_sys(e, ERR_OS, "cannot start a thread");
		free(w);
		return NULL;
	}
	return w;
}

static int
failed(const struct writer *w, int *broken, struct err *e)
{
	*broken = w->error == EPIPE;
	if (!w->error)
		return 0;
	errno = w->error;
	return err_sys(e, ERR_IO, "cannot write to standard output");
}

int
writer_put(struct writer *w, struct buf *b, int *broken, struct err *e)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	while (w->in.len > w->limit && !w->error)
		pthread_cond_wait(&w->emptied, &w->lock);
	rc = failed(w, broken, e);
	if (!rc && buf_add(&w->in, b->s, b->len) < 0)
		rc = err_nomem(e);
	pthread_cond_signal(&w->filled);
	pthread_mutex_unlock(&w->lock);
	buf_clear(b);
	return rc;
}

int
writer_finish(struct writer *w, int *broken, struct err *e)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	w->ending = 1;
	pthread_cond_signal(&w->filled);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	rc = failed(w, broken, e);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->filled);
	pthread_cond_destroy(&w->emptied);
	buf_free(&w->in);
	buf_free(&w->out);
	free(w);
	return rc;
}
