/*
 * keeper_private: what the parts of a keeper share: the loop (keeper.c), the stage's process (keeper_stage.c), what it writes (keeper_output.c),
 * limits (keeper_limits.c), what the keeper says (keeper_tell.c), the end (keeper_end.c).
 *
 * A keeper is a fork of a process that may have had threads and has a database: it touches neither, and never returns.
 */
#ifndef SPOOL_KEEPER_PRIVATE_H
#define SPOOL_KEEPER_PRIVATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/proc.h"
#include "spool/job.h"
#include "spool/keeper.h"

#define MS ((int64_t)1000000)
#define PROGRESS_EVERY (200 * MS)

struct keeper {
	const struct spool *sp;
	const struct keeper_task *t;
	int lock_fd, runner_fd, out_fd, log_fd, sig_fd, watch_fd, pid_fd;
	int runner_dead;
	pid_t relay;
	int64_t relay_next;         /* not before: one that is killed again and again is not started in a circle */
	struct proc_id stage;
	int adopted;
	/* output */
	int64_t at;                 /* bytes of it that were read */
	int64_t seen;               /* bytes of it in lines that were looked at */
	struct buf part;            /* an unfinished line, up to KEEPER_EVENT_MAX */
	int skipping;               /* in a line too long for an event */
	char *progress;             /* the latest, held back */
	int64_t progress_at;        /* `seen` of it */
	int64_t progress_sent, touched;
	int64_t done;
	int saw_end, saw_finished_ok, saw_finished;
	int cannot_run;             /* the stage could not be executed */
	int runs;                   /* the time of the job goes on: always here, elsewhere from when it is said */
	char failure[300];          /* what the stage itself said of a failed end */
	/* clock, CLOCK_BOOTTIME */
	int64_t began, due, stall_from, paused_at;
	int ending;                 /* 1: TERM sent, 2: KILL */
	int64_t kill_at;
	char why[300];              /* why it is being ended */
	struct buf queue;           /* lines the runner's pipe had no room for */
	int deaf;                   /* the queue is full: nothing is told until it is empty, then "sync" */
};

static inline void
keeper_drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- keeper_tell.c */

/* One line, queued and sent as far as the pipe has room; at: bytes of output up to its end. What a keeper before told is not told again. */
void keeper_tell(struct keeper *k, int64_t at, const char *text, size_t n);
/* Whoever hears this reads what he does not know from the output itself. */
void keeper_tell_sync(struct keeper *k);
/* The latest progress, which was held back. */
void keeper_tell_progress(struct keeper *k);
/* What is queued, as far as there is room. */
void keeper_flush(struct keeper *k);
/* A relay of our own: a fresh process may open the database, a forked one must not. */
void keeper_relay(struct keeper *k);

/* --- keeper_output.c */

void keeper_read(struct keeper *k);
void keeper_take_line(struct keeper *k, const char *s, size_t n);
/* The log is cut, not the job: what was written first is kept in log.head. */
void keeper_bound_log(struct keeper *k);

/* --- keeper_limits.c */

/* TERM, then after the grace KILL. The first reason stays. */
void keeper_end_stage(struct keeper *k, const char *why);
int keeper_kill_rest(struct keeper *k);
void keeper_pause(struct keeper *k);
void keeper_resume(struct keeper *k);
/* A stage that was adopted is stopped, or goes on, as it was told, whatever the keeper before had done of that. */
void keeper_take_over(struct keeper *k);
void keeper_check_limits(struct keeper *k);
/* Milliseconds until something is due; at most a second, which bounds the log and finds lost wake-ups. */
int keeper_wait_ms(const struct keeper *k);

/* --- keeper_stage.c */

int keeper_open_files(struct keeper *k, struct err *e);
/* 0 also when it could not be executed: then `failure` says why, and its status is 126 or 127. */
int keeper_start_stage(struct keeper *k, int stage_fd, struct err *e);

/* --- keeper_end.c */

/* A full disk: the truth is kept here until there is room. A folder that is gone has nobody who waits for it. */
void keeper_write_result(struct keeper *k, const struct job_end *end);
/* The stage is gone; known: its wait status is ws. Ends the process. */
void keeper_finish(struct keeper *k, int known, int ws) __attribute__((noreturn));

#endif
