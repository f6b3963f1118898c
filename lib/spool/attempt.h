/*
 * attempt: the folder of one attempt, jobs/ID/attempts/N/:
 *
 *   lock           byte 0 is locked by the keeper, byte 1 by the stage and whatever inherits it (open-file-description locks:
 *                  the kernel drops them with the last holder). Its text: who they are; "starting" before the stage is forked.
 *   events.ndjson  the stage's standard output as it came: events, results, plain lines
 *   log            its standard error
 *   result         how it ended, written whole and synced before the row changes
 *   remote         of one that runs elsewhere: where and under which names, written before anything is sent (lib/remote/intent.h)
 *   verdict        of one that runs elsewhere: how it ended there, as sim-remote found; its keeper makes the result of it
 *
 * What a crash leaves, and what it means (recover.h acts on it):
 *   keeper locked                     it lives: leave it alone
 *   stage locked, keeper not          the keeper was killed: adopt the stage
 *   result                            it ended and nobody recorded it
 *   none of these, "starting" in lock lost in the middle
 *   none of these, no "starting"      nothing of it ever ran
 *   none of these, it runs elsewhere  it is looked up there (sim-remote --attach)
 */
#ifndef SPOOL_ATTEMPT_H
#define SPOOL_ATTEMPT_H

#include <stdint.h>

#include "base/err.h"
#include "base/proc.h"
#include "spool/job.h"

struct attempt_probe {
	int keeper_locked, stage_locked, starting, has_result;
	struct proc_id keeper, stage;
};

int attempt_path(const struct spool *sp, int64_t job, int64_t n, const char *file, char *out, size_t size);
int attempt_make(const struct spool *sp, int64_t job, int64_t n, struct err *e);

/* The two locks, taken: keeper_fd is close-on-exec, stage_fd is to be inherited. -1 with ERR_NO: the attempt is over already. */
int attempt_lock(const struct spool *sp, int64_t job, int64_t n, int *keeper_fd, int *stage_fd, struct err *e);
/* The keeper's lock alone, to adopt: -1 with ERR_NO if somebody has it, or it is over. */
int attempt_adopt(const struct spool *sp, int64_t job, int64_t n, int *keeper_fd, struct err *e);
/* Ends an attempt that no keeper looks after: the keeper's lock, so that none begins or adopts it meanwhile, also a sim-run that has claimed
 * it and not yet started it. The lock's descriptor, or -1: ERR_NO if it has a keeper or a result. Who writes the result while
 * holding it has ended the attempt for good: attempt_lock() and attempt_adopt() refuse one that has a result. */
int attempt_fence(const struct spool *sp, int64_t job, int64_t n, struct err *e);
/* Adds a line to the lock file's text. */
int attempt_note(int keeper_fd, const char *what, struct proc_id p);

/* What an open lock file tells: all but has_result. */
void attempt_read_lock(int fd, struct attempt_probe *p);
int attempt_probe(const struct spool *sp, int64_t job, int64_t n, struct attempt_probe *p, struct err *e);

/* Whole or not at all: temporary name, rename. sync: and on the disk. Without it a loss of power before the row is committed makes the attempt a
 * lost one, as it would have been a moment earlier; a keeper does without where its sim-run is there to commit at once. */
int attempt_write_result(const struct spool *sp, int64_t job, int64_t n, const struct job_end *end, int sync, struct err *e);
/* 1 read (strings to be freed by attempt_free_end), 0 there is none, -1. */
int attempt_read_result(const struct spool *sp, int64_t job, int64_t n, struct job_end *end, struct err *e);
void attempt_free_end(struct job_end *end);
/* The same for the verdict; always synced. */
int attempt_write_verdict(const struct spool *sp, int64_t job, int64_t n, const struct job_end *end, struct err *e);
int attempt_read_verdict(const struct spool *sp, int64_t job, int64_t n, struct job_end *end, struct err *e);

/* What a stage and all it starts carry in their environment: NAME=VALUE. */
#define ATTEMPT_COOKIE 160
void attempt_cookie(const struct spool *sp, int64_t job, int64_t n, char out[ATTEMPT_COOKIE]);

/* Kills everything an attempt ever started: CONT and TERM to its group, `grace`, KILL, sweep; who holds the stage's lock is part of it.
 * Survivors, or -1. */
int attempt_kill(const struct spool *sp, int64_t job, int64_t n, const struct attempt_probe *p, int64_t grace_ns, struct err *e);

#endif
