/*
 * launch: from a claimed job to what its keeper needs: command line, environment, input line, folder, limits.
 *
 * The environment of a stage holds allowed names of this process (PATH, HOME, LANG …, launch.c), what the submitter gave with
 * --env, and: SIM_JOB, SIM_ATTEMPT, SIM_SPOOL_JOB (the job's folder), SIM_CHECKPOINT (a path that outlives attempts),
 * SIM_TIMEOUT (seconds left), SIM_DEADLINE (RFC 3339), SIM_COOKIE, SIM_SLOT_NAME (units held); CUDA_VISIBLE_DEVICES for slot gpu.
 */
#ifndef SPOOL_LAUNCH_H
#define SPOOL_LAUNCH_H

#include "base/arena.h"
#include "base/err.h"
#include "spool/job.h"
#include "spool/keeper.h"

struct launch {
	struct arena arena;      /* owns all below */
	struct keeper_task task;
	char **own_env;          /* of task.envp what is the job's own and not this process's */
};

/* engine, relay: paths of sim-engine and sim-run. 0, or -1: the task cannot be run (65) or the spool cannot be read. */
int launch_prepare(struct spool *sp, const struct job *j, const char *units, const char *engine, const char *relay, struct launch *l,
                   struct err *e);
void launch_free(struct launch *l);

/* Of an attempt that runs on `on` and whose local stage is dead: what looks for it there and goes on (sim-remote --attach). relay: as above; sim-remote lies
 * beside it. */
int launch_attach(struct spool *sp, const struct job *j, const char *on, const char *relay, struct launch *l, struct err *e);
/* The command line of sim-remote for an attempt: action, --on and the attempt's names. Of l's arena. 0 or -1. */
int launch_remote_line(const struct spool *sp, const struct job *j, const char *action, const char *on, const char *relay, struct launch *l,
                       struct err *e);

#define LAUNCH_NO_LIMIT INT64_MAX
/* Limits as they stand: nanoseconds left of the timeout (LAUNCH_NO_LIMIT: none; negative: overdue), CLOCK_BOOTTIME of the deadline (0: none) and why it is one
 * (at least 80 bytes). */
int launch_limits(struct spool *sp, const struct job *j, int64_t *timeout_left, int64_t *deadline, char *why, size_t n, struct err *e);
/* The limit on a parent that was given none: max(600 s, ceil(children / places) * seconds a child * 1.5), measured; 0: not yet. */
int launch_parent_default(struct spool *sp, const struct job *p, int64_t *ns, struct err *e);

#endif
