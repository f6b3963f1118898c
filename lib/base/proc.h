/*
 * proc: processes: who they are, whether they live, how to signal exactly one, how to find and kill all of a job's.
 *
 * A pid alone is no identity. A process is named by (boot, pid, start time); signals go through a pidfd whose
 * start time has been checked after it was opened, so a pid used again by another program is never hit.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define PROC_BOOT 40

/* The kernel's boot id (36 characters). $SIM_BOOT_ID stands in for it in tests of a reboot. */
int proc_boot_id(char out[PROC_BOOT], struct err *e);

struct proc_id {
	pid_t pid;       /* 0: none */
	uint64_t start;  /* clock ticks since boot, field 22 of /proc/PID/stat */
};

/* Start time of a live process (zombies count as dead): 0 or -1. */
int proc_start_time(pid_t pid, uint64_t *start);
int proc_alive(struct proc_id p);
/* 1 while it is stopped by a signal. */
int proc_stopped(struct proc_id p);

/* A pidfd of exactly this process, close-on-exec; -1 if it is gone. */
int proc_pidfd(struct proc_id p);

/* 0, or -1 if it is gone. */
int proc_signal(struct proc_id p, int sig);

/* What belongs to a job: descendants of `root` (root excluded), members of session or process group `group`, processes
 * that carry `cookie` (NAME=VALUE) in their environment, wherever they were reparented to, and those that hold an open-file-description
 * lock on byte 1 of the file `lock` (a stage that was forked and has not yet executed carries no cookie). 0 and NULL are allowed. */
struct proc_set {
	pid_t root, group;
	pid_t except;        /* not this one, nor what it started */
	const char *cookie;
	const char *lock;    /* a path */
};

/* Signals every member once; the number of live members found, or -1 (71). sig 0 counts. Never the caller itself. */
int proc_set_signal(const struct proc_set *s, int sig, struct err *e);

/* Kills until nobody is left: KILL again and again for at most limit_ns. Reaps children of the caller meanwhile if
 * `reap`. The number of survivors (0 unless the kernel holds one), or -1. */
int proc_set_kill(const struct proc_set *s, int reap, int64_t limit_ns, struct err *e);

/* Processors this process may use, at least 1. */
int proc_processors(void);

#endif
