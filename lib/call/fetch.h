/*
 * fetch: one exchange, waited for. For programs that need a file from a URL (sim-submit https://host/plan.xlsx) or that have
 * to say something to one (the webhook of --notify): http or https, certificates checked, and an end in time whatever the
 * other side does.
 *
 * Both block, for no longer than `limit_ns` and the loop's turn (below 100 ms). Errors: 65 the URL is none, or not allowed;
 * 69 no answer, or not the one wanted; 74 this side; 124 the time is over. Neither tries again: the caller does, by its rules;
 * retry.h has back-off and Retry-After.
 */
#ifndef CALL_FETCH_H
#define CALL_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "call/http.h"

struct fetch_limits {
	int64_t limit_ns;       /* of all: names, redirects, transfer; 0: 60 s */
	int64_t max_bytes;      /* of the decoded body; 0: 256 MiB */
	int redirects;          /* to follow; never from https to http */
	int public_only;        /* refuse private and loopback addresses */
	const char *ca_file;    /* NULL: the system's */
};

/* What came back, also of a failure: status 0 if there was no answer. */
struct fetch_answer {
	long status;
	int64_t bytes;
	char content_type[160];
	char retry_after[80];
	int passes;             /* another attempt may succeed: a status or an error that comes and goes */
};

/* Puts what is at `url` into the file `path`, which appears whole (any 2xx) or stays as it was. l NULL: defaults; a may be
 * NULL. 0 or -1. */
int fetch_file(const char *url, const char *path, const struct fetch_limits *l, struct fetch_answer *a, struct err *e);

/* Posts n bytes. `headers` (nheaders, may be NULL) come beside Content-Type; an Idempotency-Key belongs there where the caller
 * repeats. The answer's body is dropped. 0 where the answer is 2xx, or -1. */
int fetch_post(const char *url, const char *content_type, const void *body, size_t n, const struct http_header *headers,
               size_t nheaders, const struct fetch_limits *l, struct fetch_answer *a, struct err *e);

#endif
