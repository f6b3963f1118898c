/*
 * task: task.json in an attempt's folder over there: all that a keeper needs to run the attempt, as one JSON object.
 *
 *   v, label, job, attempt, kind ("command", "engine"), argv, env ["NAME=VALUE" …], input, folder, promise, send [NAME …], apart,
 *   timeout_ns (left when it starts; 0 none), deadline (real time, nanoseconds since 1970; 0 none), deadline_why,
 *   stall_ns, grace_ns
 *
 * Of an engine argv[0] is a name, "sim-engine", to be looked up over there (beside sim-remote first). "folder" absent: one of the attempt's own
 * (bring.h), as with apart, and where there is no such folder over there.
 * env holds what belongs to the job (--env, SIM_JOB, SIM_ATTEMPT, SIM_COOKIE); PATH, HOME and their like are those over there, as are
 * SIM_SPOOL_JOB, SIM_CHECKPOINT, SIM_TIMEOUT and SIM_DEADLINE, which the keeper there sets. CUDA_VISIBLE_DEVICES is the scheduler's.
 */
#ifndef REMOTE_TASK_H
#define REMOTE_TASK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "spool/keeper.h"

/* The JSON text, with a newline. deadline_ns of t is CLOCK_BOOTTIME, as keepers have it. */
int task_write(struct buf *b, const struct keeper_task *t, const char *label, struct err *e);
/* All strings in `a`; deadline_ns is CLOCK_BOOTTIME of this machine, by its real-time clock. 65: it is none. */
int task_read(const char *text, size_t n, struct arena *a, struct keeper_task *t, struct err *e);

#endif
