/*
 * remote: attempts that run elsewhere (sim-run --on): a row for each, beside the job's own. The spool knows only names: what they mean is
 * lib/remote's.
 *
 * A row is made with the claim. `gone` says how sure it is that nothing of the attempt runs any more:
 *   0  it may run, or still begin: the job's slots are not freed and it is not claimed again, whatever else is known of it
 *   1  nothing of it can run; the scheduler may still hold something that will do nothing
 *   2  nothing is left
 * An attempt that is over with gone < 2 is looked after by sim-reap and sim-recover until it is 2.
 */
#ifndef SPOOL_REMOTE_H
#define SPOOL_REMOTE_H

#include <stdint.h>

#include "base/err.h"
#include "record/record.h"
#include "spool/job.h"
#include "spool/spool.h"

enum { REMOTE_MAY_RUN, REMOTE_FENCED, REMOTE_GONE };

#define REMOTE_ON 128
struct remote_row {
	char on[REMOTE_ON];    /* as --on was given */
	char id[64], state[32], host[128], note[300];
	int64_t gone;
};

/* (tx) The attempt will run on `on`. */
int remote_begin(struct spool *sp, int64_t job, int64_t attempt, const char *on, struct err *e);
/* 1 and the row, 0 the attempt is none that runs elsewhere, -1. */
int remote_load(struct spool *sp, int64_t job, int64_t attempt, struct remote_row *r, struct err *e);
/* (tx) A `remote` record of the present attempt. */
int remote_take(struct spool *sp, const struct job *j, const struct record *r, struct err *e);
/* (tx) The attempt is over; gone as above. */
int remote_ended(struct spool *sp, int64_t job, int64_t attempt, int gone, struct err *e);
/* 1 if some attempt of the job may still run elsewhere, not counting `but` (0: none). */
int remote_may_run(struct spool *sp, int64_t job, int64_t but, struct err *e);

struct orphan {
	int64_t job, attempt, tries;
	char on[REMOTE_ON];
};
/* The next attempt that is over here and not gone there, taken for `hold_ns`. 1, 0 none is due, -1. */
int remote_orphan(struct spool *sp, int64_t hold_ns, struct orphan *o, struct err *e);
/* What came of looking: gone as above; note: why it could not be told, or NULL. What waited for certainty goes on. */
int remote_looked(struct spool *sp, const struct orphan *o, int gone, const char *note, struct err *e);
/* Spool time at which the next is due; 0: there is none. */
int remote_next(struct spool *sp, int64_t *at, struct err *e);

#endif
