/*
 * notify: webhooks. A job may name a URL that is told, once it is over, how it ended. Telling is tried again until a limit of its own
 * has passed; how it went is kept beside the job and never touches the job's state. The calls are made by sim-reap(1).
 */
#ifndef SPOOL_NOTIFY_H
#define SPOOL_NOTIFY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "spool/spool.h"

#define NOTIFY_LIMIT_NS ((int64_t)3600 * 1000000000)   /* after the job's end */

/* (tx) The job's webhook. */
int notify_add(struct spool *sp, int64_t job, const char *url, struct err *e);
/* (tx) The job is over: its webhook, if it has one, is due now. Called by every change to a terminal state. */
int notify_due(struct spool *sp, int64_t job, struct err *e);

struct notice {
	int64_t job, tries;
	char *url;
	struct buf body;       /* the job's record */
	char key[96];          /* of idempotency: the same for every try of one end */
};
/* The next that is due, taken for `hold_ns`, so that two reapers do not both tell it at once. 1, 0 nothing is due, -1. */
int notify_take(struct spool *sp, int64_t hold_ns, struct notice *n, struct err *e);
/* How a try went: NULL delivered, else why not; tried again later unless its limit has passed. */
int notify_done(struct spool *sp, const struct notice *n, const char *failure, struct err *e);
void notice_free(struct notice *n);

/* 1 if one is due now. */
int notify_waits(struct spool *sp, struct err *e);
/* Spool time of the next; 0: none. */
int notify_next(struct spool *sp, int64_t *at, struct err *e);
/* In words for a listing: "delivered", "due", "failed: …"; 0 if the job has no webhook. */
int notify_state(struct spool *sp, int64_t job, char *out, size_t n, struct err *e);

#endif
