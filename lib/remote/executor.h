/*
 * executor: what sim-remote asks of a scheduler, one table of functions for each kind (slurm.c, ssh.c, pueue.c).
 *
 * Requirements:
 *  X1  cannot tell is never absent: -1 with ERR_TEMPFAIL whenever the other side was not reached, did not answer in time, or answered what
 *      cannot be understood. Another status with -1 is a refusal that trying again does not mend.
 *  X2  no function waits for longer than `until` (CLOCK_BOOTTIME).
 *  X3  each may be repeated: what is released, cancelled, suspended or gone already is success.
 *  X4  a job is known by its label, unique in the world, sim-SPOOL-JOB-ATTEMPT; what was submitted under it and does not find the
 *      attempt's marker free does nothing (look.h).
 */
#ifndef REMOTE_EXECUTOR_H
#define REMOTE_EXECUTOR_H

#include <stdint.h>

#include "base/err.h"
#include "remote/site.h"

/* The scheduler's commands are not there: a path or a module is missing, or a mount is away. It is not the job's fault: it waits. */
#define REMOTE_NO_COMMAND ERR_CANTCREAT

#define REMOTE_ID 64
#define REMOTE_LABEL 96

enum remote_state {
	REMOTE_UNKNOWN,      /* a word that is not known here: treated as live */
	REMOTE_WAITING,      /* also while held */
	REMOTE_RUNNING,
	REMOTE_SUSPENDED,
	REMOTE_ENDED,        /* by itself: status and signal say how */
	REMOTE_CANCELLED,
	REMOTE_TIMEOUT,      /* the scheduler's own limit */
	REMOTE_OOM,
	REMOTE_LOST          /* its node failed, it was preempted, it could not be booted */
};
#define REMOTE_IS_OVER(s) ((s) >= REMOTE_ENDED)

struct remote_status {
	enum remote_state state;
	int held;            /* waits to be released */
	int status, signal;  /* of REMOTE_ENDED; status -1: not known */
	char word[32];       /* the scheduler's own name of the state */
	char host[128];      /* where it runs; "" not known */
	char why[200];       /* why it waits, or ended so; "" nothing said */
};

/* What is handed over. All strings are the caller's. */
struct remote_job {
	char label[REMOTE_LABEL];
	const char *folder;  /* of the attempt, over there: task.json is in it */
	const char *program; /* sim-remote over there: it is to run `program --keep folder` */
	int64_t time_ns;     /* the scheduler's limit; 0: none */
	int64_t cpus, gpus;  /* 0: not said */
	int64_t priority;    /* larger is sooner */
	int64_t notice_ns;   /* from TERM to KILL */
};

struct executor {
	const char *kind;
	/* 0 and its id: accepted. Where there is `release`, it does not start before that. -1 after which find() has to tell: cut off in the middle. */
	int (*submit)(struct site *s, const struct remote_job *j, char id[REMOTE_ID], int64_t until, struct err *e);
	int (*release)(struct site *s, const char *id, const char *folder, int64_t until, struct err *e);  /* NULL: submit() starts it */
	/* By label. 1 found, 0 absent for certain, -1. */
	int (*find)(struct site *s, const char *label, const char *folder, char id[REMOTE_ID], struct remote_status *st, int64_t until,
	            struct err *e);
	/* By id. 1; 0: for certain not known there (any more); -1. */
	int (*state)(struct site *s, const char *id, const char *folder, struct remote_status *st, int64_t until, struct err *e);
	int (*cancel)(struct site *s, const char *id, const char *label, const char *folder, int64_t until, struct err *e);  /* id "": all of the label */
	int (*suspend)(struct site *s, const char *id, const char *folder, int64_t until, struct err *e);  /* the job's clock stops with it */
	int (*resume)(struct site *s, const char *id, const char *folder, int64_t until, struct err *e);
	int (*priority)(struct site *s, const char *id, const char *folder, int64_t n, int64_t until, struct err *e);  /* NULL: has none */
	/* 0: it can be used: it answers. version: for people. */
	int (*check)(struct site *s, char *version, int64_t n, int64_t until, struct err *e);
};

extern const struct executor executor_slurm, executor_ssh, executor_pueue;

/* NULL: no such kind. */
const struct executor *executor_of(const char *kind);

#endif
