/*
 * job_private: what the parts of job.h share: rows and the history (job.c), changes of state (job_move.c), accepting (job_insert.c), the end
 * of an attempt (job_end.c), a stage's own events (job_event.c).
 */
#ifndef SPOOL_JOB_PRIVATE_H
#define SPOOL_JOB_PRIVATE_H

#include "spool/job.h"

static inline int
job_is_active(int64_t s)
{
	return s == JOB_SUBMITTING || s == JOB_RUNNING || s == JOB_PAUSED;
}

const char *job_id_text(int64_t id, char out[24]);
/* Over what never changes: a flipped bit in the file is noticed before the job runs. */
int64_t job_sum(const struct job *j);
/* Stores a finished line (with newline) as the job's next event (tx). */
int job_event_line(struct spool *sp, int64_t job, const char *line, struct err *e);
/* The event of a change: the record of the state, with where from, why and who (tx). */
int job_state_event(struct spool *sp, const struct job *j, enum job_state from, enum job_state to, const char *reason, const char *who,
                    struct err *e);
/* The change itself, its event, its slots, its dependents; not the parent (tx). */
int job_change(struct spool *sp, struct job *j, enum job_state to, const char *reason, const char *who, struct err *e);

#endif
