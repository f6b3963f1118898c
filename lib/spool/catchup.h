/*
 * catchup: what a stage said and nobody recorded. A keeper's lines go through a pipe, and what is in it when sim-run is killed is
 * gone; but all of them are in the attempt's events.ndjson, and attempt.taken says up to which byte of it the history goes. Whoever
 * takes over the telling (a relay, sim-recover, sim-reap where the sim-run is stopped) reads on from there, so that each event is in the
 * history once and in its place.
 */
#ifndef SPOOL_CATCHUP_H
#define SPOOL_CATCHUP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "spool/job.h"

/* (tx) One line that ends at byte `end` of events.ndjson, as job_take_event(); 0 also where the history is that far already. */
int catchup_line(struct spool *sp, int64_t job, int64_t attempt, int64_t end, const char *line, size_t n, struct buf *stored, struct err *e);

/* (tx) What is in the file from attempt.taken up to byte `upto` (-1: to its end, for it grows no more: a last
 * line without a newline counts); of progress lines in a row the last; and the job is touched if
 * there was anything. What was stored is added to `stored` (may be NULL). A file that is not there, or cannot be read, holds nothing. */
int catchup_events(struct spool *sp, int64_t job, int64_t attempt, int64_t upto, struct buf *stored, struct err *e);

/* (tx) job_take_end() of an attempt that has no keeper any more, after all it said. */
int catchup_end(struct spool *sp, int64_t job, int64_t attempt, const struct job_end *end, struct err *e);

#endif
