/* fetch: see fetch.h. */
#include "call/fetch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/io.h"
#include "call/retry.h"

#define SECOND_NS ((int64_t)1000000000)
#define SLACK_NS ((int64_t)20 * 1000000)

static int
to_file(void *ctx, const void *p, size_t n)
{
	struct io_atomic *f = ctx;

	return io_write_all(f->fd, p, n);
}

static int
to_nowhere(void *ctx, const void *p, size_t n)
{
	(void)ctx, (void)p, (void)n;
	return 0;
}

static int
status_of(enum http_error error)
{
	switch (error) {
	case HTTP_TIMEOUT: return ERR_DEADLINE;
	case HTTP_REQUEST:
	case HTTP_PRIVATE: return ERR_DATA;
	case HTTP_LOCAL: return ERR_IO;
	default: return ERR_UNAVAILABLE;
	}
}

static int
verdict(const struct http_answer *x, const char *shown, struct fetch_answer *a, struct err *e)
{
	struct retry_rules rules;

	retry_defaults(&rules);
	a->status = x->status;
	a->bytes = x->bytes;
	memcpy(a->content_type, x->content_type, sizeof a->content_type);
	memcpy(a->retry_after, x->retry_after, sizeof a->retry_after);
	if (x->error != HTTP_OK) {
		a->passes = retry_error_passes(x->error);
		return err_set(e, status_of(x->error), "%.300s: %s", shown, x->reason);
	}
	if (x->status >= 200 && x->status < 300)
		return 0;
	a->passes = x->status > 0 && x->status < 1000 && rules.status[x->status];
	return err_set(e, ERR_UNAVAILABLE, "%.300s: status %ld", shown, x->status);
}

/* Writing to a TLS connection that is gone raises SIGPIPE, which is none of the caller's. */
static void
hold_sigpipe(sigset_t *old, int *was_pending)
{
	sigset_t one;

	sigpending(&one);
	*was_pending = sigismember(&one, SIGPIPE);
	sigemptyset(&one);
	sigaddset(&one, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &one, old);
}

static void
let_sigpipe(const sigset_t *old, int was_pending)
{
	const struct timespec now = {0, 0};
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGPIPE);
	while (!was_pending && sigtimedwait(&one, NULL, &now) == SIGPIPE)
		;
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* The exchange `ask`, to its end. */
static int
exchange(struct http_ask *ask, const struct fetch_limits *l, struct fetch_answer *a, struct err *e)
{
	struct http_options o = {.public_only = l->public_only, .ca_file = l->ca_file};
	struct http_exchange *x = NULL;
	struct http *h = NULL;
	char *origin, *shown;
	void *user;
	sigset_t old;
	int literal, was_pending, rc = -1;

	if (http_url_check(ask->url, &origin, &shown, &literal, e) < 0)
		return -1;
	ask->until_ns = clk_boot_ns() + (l->limit_ns > 0 ? l->limit_ns : 60 * SECOND_NS);
	ask->max_bytes = l->max_bytes > 0 ? l->max_bytes : (int64_t)256 << 20;
	ask->redirects = l->redirects;
	hold_sigpipe(&old, &was_pending);
	h = http_new(&o, e);
	if (h && http_start(h, ask, NULL, e)) {
		while (!(x = http_next(h, &user)) && clk_boot_ns() < ask->until_ns + SLACK_NS)
			http_step(h, ask->until_ns + SLACK_NS);
		if (x)
			rc = verdict(http_answer(x), shown, a, e);
		else
			rc = err_set(e, ERR_DEADLINE, "%.300s: no answer in time", shown);
	}
	http_free(h);
	let_sigpipe(&old, was_pending);
	free(origin);
	free(shown);
	return rc;
}

int
fetch_file(const char *url, const char *path, const struct fetch_limits *l, struct fetch_answer *a, struct err *e)
{
	struct fetch_limits none = {0};
	struct fetch_answer own;
	struct io_atomic f;
	struct http_ask ask = {.url = url, .method = "GET", .body_fd = -1, .sink = to_file, .sink_ctx = &f};

	a = a ? a : &own;
	memset(a, 0, sizeof *a);
	if (io_atomic_open(&f, path, e) < 0)
		return -1;
	if (exchange(&ask, l ? l : &none, a, e) < 0) {
		io_atomic_abort(&f);
		return -1;
	}
	return io_atomic_commit(&f, e);
}

int
fetch_post(const char *url, const char *content_type, const void *body, size_t n, const struct http_header *headers, size_t nheaders,
           const struct fetch_limits *l, struct fetch_answer *a, struct err *e)
{
	struct fetch_limits none = {0};
	struct fetch_answer own;
	struct http_header *all = calloc(nheaders + 1, sizeof *all);
	struct http_ask ask = {.url = url, .method = "POST", .body_fd = -1, .body = n ? body : "", .nbody = (int64_t)n,
	                       .headers = all, .nheaders = nheaders + 1, .sink = to_nowhere};
	int rc;

	a = a ? a : &own;
	memset(a, 0, sizeof *a);
	if (!all)
		return err_nomem(e);
	if (nheaders)
		memcpy(all, headers, nheaders * sizeof *all);
	all[nheaders] = (struct http_header){.name = "Content-Type", .value = content_type};
	rc = exchange(&ask, l ? l : &none, a, e);
	free(all);
	return rc;
}
