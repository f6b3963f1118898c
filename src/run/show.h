/*
 * show: what sim-run writes to standard output. A slow reader is waited for, one that is gone is not missed: the jobs go on.
 */
#ifndef RUN_SHOW_H
#define RUN_SHOW_H

#include "run/runner.h"
#include "spool/job.h"

/* A job's line: as a record, or a row of the table. */
void show_state(struct runner *r, const struct job *j);
/* What is shown of a job that is over; attempt: unless it was another that ended it, run by somebody else (0: any). */
void show_end(struct runner *r, int64_t id, int64_t attempt);
/* After the commit: stage events go on to the next program. */
void show_events(struct runner *r);
/* A spool_report: what limits and recovery did in passing. */
void show_action(void *runner, int64_t job, const char *action, const char *reason);

#endif
