/*
 * claim: which job runs next.
 *
 * Order: priority, then turn, then age. A turn makes batches fair: the spool keeps a virtual time, the turn of the job
 * claimed last; the i-th job of a batch accepted at virtual time V has turn V + 1 + i. So batches take turns, whatever their
 * size, single jobs need not wait for a whole batch, and nobody starves, because virtual time only goes on
 * (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996, with unit weights).
 *
 * Cost: one index probe for each different set of slots that queued jobs want, whatever the length of the queue.
 *
 * A sim-run may want some jobs only. Which is a table of its connection's own; those of them that are ready lie in a second one, in the
 * queue's order, so that a claim costs the same there: what has moved on meanwhile is met and dropped, what has become ready is
 * found by claim_refresh(), which reads all that is wanted.
 */
#ifndef SPOOL_CLAIM_H
#define SPOOL_CLAIM_H

#include <stdint.h>

#include "base/err.h"
#include "spool/job.h"

struct claim {
	struct job job;      /* state running (submitting where it runs elsewhere), attempt counted up; job_free() */
	struct buf units;    /* "NAME=0,2\n" of its slots; buf_free() */
};

/* Where jobs will run: sim-run --on. */
struct claim_at {
	const char *on;          /* NULL: here */
	char cpu[41], gpu[41];   /* slots of this spool that stand for cpu and gpu there; "": a scheduler there counts them, or nobody does */
};

/* (tx) Claims the next job for `worker`, which has `places` of its own places free out of `all` (a job that wants cpu=N
 * takes N). only: of what is wanted, as of the last claim_refresh(). Elsewhere a job
 * takes one place, and neither cpu nor gpu of this machine. 1 claimed; 2 it was damaged and has
 * failed: there may be another; 3 it has to wait, look again; 0 nothing; -1. */
int claim_next(struct spool *sp, const char *worker, int64_t places, int64_t all, int only, const struct claim_at *at, struct claim *c, struct err *e);

/* The tables of what is wanted: temp.wanted(id, top), temp.ready. */
int claim_wanted_init(struct spool *sp, struct err *e);
/* Wants a job and all its children. */
int claim_want(struct spool *sp, int64_t id, struct err *e);
/* What is wanted and ready is found anew. How many there are more than before, or -1. */
int claim_refresh(struct spool *sp, struct err *e);

/* Places a job takes. */
int64_t claim_places(const struct job *j, const char *on);

/* (tx) Back-offs whose time has come end: how many, or -1. claim_next() does so too, but what it has changed is lost where it claims
 * nothing and the caller rolls back. */
int claim_end_backoffs(struct spool *sp, struct err *e);
/* Spool time at which a back-off ends next; 0: none is pending. */
int claim_next_ready(struct spool *sp, int64_t *at, struct err *e);

/* Place in the queue, from 1; 0 if it is not in it. */
int claim_position(struct spool *sp, const struct job *j, int64_t *position, struct err *e);

/* Why it is not running, in words. */
int claim_why_not(struct spool *sp, const struct job *j, char *why, size_t n, struct err *e);

#endif
