/*
 * handover: one attempt, from here to there and back: what sim-remote does as the stage of a local keeper.
 *
 *   intent (file, synced) -> files -> submit, held -> its id (file, synced) -> release -> follow: its output is copied, its state asked for
 *   -> what a command left comes back (bring.h) -> verdict (file, synced), of which the local keeper makes the result
 *
 * Requirements:
 *  H1  nothing is submitted before the intent says so, and only the process that wrote the intent submits: one that comes after it (attach)
 *      looks, and where nothing is found takes the attempt's marker, so that nothing can begin any more;
 *  H2  what cannot be told is asked again, for as long as the local keeper lets it (its limits), and is said (`trouble` of a `remote` record);
 *  H3  the output over there is copied once, in whole lines, by offset; a `remote` record in between carries the offset, and only what follows the last
 *      of them is counted, so that a killed copier is followed exactly;
 *  H4  a verdict says what is certain: `gone` (spool/remote.h) is never more than was seen.
 */
#ifndef REMOTE_HANDOVER_H
#define REMOTE_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct handover {
	const char *on;          /* --on */
	const char *spool_id;
	const char *attempt;     /* the attempt's local folder: ROOT/jobs/J/attempts/N */
	const char *self;        /* path of sim-remote */
	int64_t cpus, gpus, priority;
	int64_t limit_ns;        /* the scheduler's, without its margin; 0: none */
	int out_fd, log_fd;      /* where output and log are copied to */
	int term, pause;         /* asked for before it was called */
};

/* Submits and follows (task: task.h), or, attach, looks and follows. 0 when the verdict is written; -1: bad usage, or it cannot be. TERM, TSTP and CONT, which
 * the caller has blocked, end, pause and resume it there. */
int handover_stage(struct handover *h, const char *task, size_t n, struct err *e);
int handover_attach(struct handover *h, struct err *e);

/* Of an attempt that is over here: ends what may be there. What is certain then (spool/remote.h: 0, 1, 2), e->msg says why it is not 2; -1. */
int handover_forget(struct handover *h, int64_t until, struct err *e);

#endif
