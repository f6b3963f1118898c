/*
 * job: rows of jobs and every change of their state.
 *
 * Requirements, cited where they are enforced (job_move.c, job_end.c, job_event.c):
 *  R1  a change of state is one transaction: old state checked, event written, slots freed or taken with it;
 *  R2  a parent's state is computed from its children's rows, never counted up;
 *  R3  an end is accepted for the current attempt only (the fencing token);
 *  R4  a job whose dependency cannot be met fails with that reason, and so do its own dependents;
 *  R5  `done` never goes back, and a repeated attempt's progress counts once.
 * The functions marked (tx) run inside the caller's write transaction and leave it open; on -1 roll back.
 */
#ifndef SPOOL_JOB_H
#define SPOOL_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "spool/spool.h"

enum job_state { JOB_PENDING, JOB_QUEUED, JOB_SUBMITTING, JOB_RUNNING, JOB_PAUSED, JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED };
#define JOB_NSTATES 8
enum job_kind { JOB_COMMAND, JOB_ENGINE, JOB_PARENT };
enum job_waiting {
	JOB_READY,
	JOB_BACKOFF,
	JOB_HELD,
	JOB_BY_CHILDREN,     /* a parent is never claimed */
	JOB_BY_REMOTE        /* an attempt before may still run elsewhere, remote.h */
};

#define JOB_PRIORITY_FORCED ((int64_t)1 << 40)
#define JOB_AGAIN_NS ((int64_t)5 * 1000000000) /* until what the machine had no room for is tried again */
#define JOB_TIMEOUT_DEFAULT_NS ((int64_t)24 * 3600 * 1000000000)
#define JOB_QUEUE_DEFAULT_NS ((int64_t)7 * 24 * 3600 * 1000000000)
#define JOB_GRACE_DEFAULT_NS ((int64_t)10 * 1000000000)
#define JOB_STALE_DEFAULT_NS ((int64_t)600 * 1000000000)

const char *job_state_name(enum job_state s);
int job_state_parse(const char *s);              /* -1: none */
static inline int job_is_over(int64_t s) { return s >= JOB_COMPLETED; }

struct job {
#define COL_I(name) int64_t name;
#define COL_S(name) char *name;
#define COL_D(name) double name;
#define COL(name, kind, def) COL_##kind(name)
#include "spool/job.def"
#undef COL
#undef COL_I
#undef COL_S
#undef COL_D
};

/* 1 found, 0 no such job (e says so), -1. job_free() what was found. */
int job_load(struct spool *sp, int64_t id, struct job *j, struct err *e);
void job_free(struct job *j);
/* "SELECT every column FROM job ": append a WHERE, db_query_text(), and job_read() each row. */
const char *job_columns(void);
int job_read(struct db_stmt *st, struct job *j);

/* "12" -> 12; 0 if it is none. Names are data: nothing else is an id. */
int64_t job_id_parse(const char *s);
/* The row is what was inserted (its checksum holds). */
int job_intact(const struct job *j);

/* --- accepting (tx) --------------------------------------------------------------------------------------------- */

struct job_dep {
	int64_t on;
	int ok;          /* it must have completed */
};

struct job_env {
	const char *name, *value;
};

/* Inserts what j says (strings stay the caller's; times, turn, sum and state are set here). A key that is there already:
 * j->id is that job and *existing 1. Dependencies already over are settled at once. */
int job_insert(struct spool *sp, struct job *j, int64_t turn, const struct job_dep *dep, size_t ndeps, const struct job_env *env,
               size_t nenv, int *existing, struct err *e);
/* The fair-queueing turn of a batch's first job, claim.h. */
int job_turn(struct spool *sp, int64_t *turn, struct err *e);

/* --- changing (tx) ------------------------------------------------------------------------------------------------ */

/* Checked, recorded, settled (R1, R2, R4). from is checked to be the row's state: -1 with ERR_NO if it is not. */
int job_move(struct spool *sp, int64_t id, enum job_state from, enum job_state to, const char *reason, const char *who,
             struct err *e);

/* How an attempt ended, as its keeper saw it. */
struct job_end {
	const char *outcome;  /* completed, failed, terminated, lost, never-started, cancelled (by others, elsewhere) */
	const char *reason;   /* NULL where there is nothing to say */
	int status;           /* exit status; -1 unknown */
	int signal;
	int64_t done;
	int gone;             /* of an attempt that ran elsewhere: what is certain of its end, remote.h */
};
/* Takes the end of an attempt (R3): completes, fails, cancels, requeues or retries the job. 1 taken, 0 it was not the
 * current attempt or was taken already, -1. */
int job_take_end(struct spool *sp, int64_t id, int64_t attempt, const struct job_end *end, struct err *e);

/* The parent's state, from its children (R2). */
int job_settle_parent(struct spool *sp, int64_t parent, struct err *e);

/* --- the history ----------------------------------------------------------------------------------------------------- */

/* A `job` record of its present state. */
int job_record(struct buf *b, const struct job *j);
/* A short event: type, message, who (tx). */
int job_note_event(struct spool *sp, int64_t job, int64_t attempt, const char *type, const char *message, const char *who,
                   struct err *e);
/* A line a stage wrote: 1 it is an event of this attempt, and stored in the row and the history (tx); 0 it is none; -1.
 * What was stored, with job, attempt and time filled in where the writer left them out, is added to `stored` (may be NULL). */
int job_take_event(struct spool *sp, int64_t job, int64_t attempt, const char *line, size_t n, struct buf *stored, struct err *e);
/* The attempt shows progress measured by others (bytes, lines): for --stall. */
int job_touch(struct spool *sp, int64_t job, int64_t attempt, struct err *e);

#endif
