/*
 * limits: the second net under every limit in time. The keeper of a running attempt enforces them to the millisecond; this finds
 * what no keeper looks after: queued and pending jobs, parents, attempts whose keeper is dead or stuck.
 */
#ifndef SPOOL_LIMITS_H
#define SPOOL_LIMITS_H

#include <stdint.h>

#include "base/err.h"
#include "spool/spool.h"

/* What was done, for people and for records: action is a verb ("failed", "killed", "adopted" …). */
typedef void (*spool_report)(void *ctx, int64_t job, const char *action, const char *reason);

/* One pass over everything that has a limit; all: the default age in the queue too, which reads the whole queue. *next: spool time at which something is due next (0: nothing known).
 * 0, or -1 when the spool cannot be read or written; killing waits for each job's grace. */
int limits_pass(struct spool *sp, int all, int64_t *next, spool_report report, void *ctx, struct err *e);

/* Ends one running or paused job: asks its keeper, or, where that is dead, kills everything and records the end.
 * request: cancel, fail, hand-back, deadline (job.def). Its transaction is its own. */
int limits_end_job(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e);

/* The same for a job in any live state and for all children of a parent. The number of jobs ended or told to, or -1. */
int limits_end_tree(struct spool *sp, int64_t id, const char *request, const char *reason, const char *who, struct err *e);

#endif
