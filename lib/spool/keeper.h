/*
 * keeper: the process that looks after one attempt. It starts the stage in a session of its own, relays its events,
 * enforces its limits, kills all it ever started, and writes its result file. It never touches the database: what it has to
 * say goes as lines to its sim-run, or, when that is dead, to a relay (sim-run --relay) it starts itself. So the job
 * neither dies nor stalls with the sim-run.
 *
 * Lines to the runner: "JOB ATTEMPT OFFSET {record}\n" for an event, … "touch\n" for other signs of life, … "sync\n" where what is in
 * the output up to OFFSET is to be read from there (catchup.h), … "end\n" when the result file is written; OFFSET: the end of the line in
 * the output. At most RECORD_PIPE_MAX bytes, one write each.
 *
 * Signals: TERM ends the stage (TERM to its group, grace, KILL to everything); USR1 stops the whole tree and the clock;
 * USR2 goes on.
 *
 * A stage that stands for one elsewhere (task.remote: sim-remote) is told of a pause by TSTP and CONT, its time runs from when a `remote` record
 * says "running", and how it ended is the file `verdict` (attempt.h). Without that file nothing is known: no result is written, and whoever
 * looks next (recover.h) begins an attachment.
 */
#ifndef SPOOL_KEEPER_H
#define SPOOL_KEEPER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "spool/spool.h"

#define KEEPER_EVENT_MAX 3900   /* longer lines are output, not events */

struct keeper_task {
	int64_t job, attempt;
	int kind;                /* enum job_kind: what the stage promises */
	char **argv, **envp;     /* of the stage; unused when adopting */
	const char *input;       /* its standard input */
	const char *folder;      /* its working folder */
	const char *promise;     /* a file that must be there after status 0, or NULL */
	char **send;             /* files it needs where it runs elsewhere, by their names in `folder`, NULL at the end; or NULL */
	int apart;               /* elsewhere: it works in a folder of its own, and what it leaves there is brought back */
	const char *relay;       /* path of the program for --relay; NULL: there is no spool to tell (remote/keep.h), the result is all */
	const char *stop;        /* a file whose appearance ends the stage, looked for every second; its first line is why. Or NULL */
	const char *room;        /* a file that is removed where there is no room for the result. Or NULL */
	int tied;                /* the runner's death ends the stage */
	int64_t timeout_ns;      /* left of it; 0: none. Stops while paused */
	int64_t deadline_ns;     /* CLOCK_BOOTTIME at which it must be gone; 0: none */
	const char *deadline_why;
	int64_t stall_ns, grace_ns;
	int64_t out_limit, log_limit; /* bytes; 0: the defaults */
	int64_t from;            /* adopting: bytes of output that were relayed before */
	int paused;              /* adopting, attaching: it is to be stopped, else to go on */
	const char *end_why;     /* adopting, attaching: its end was asked for, and why; or NULL */
	int remote;              /* the stage stands for one elsewhere; 2: attached to what may be there already */
};

#define KEEPER_REMOTE_NS ((int64_t)20 * 1000000000) /* more grace for a stage elsewhere: to be told, and to be sure */

#define KEEPER_OUT_LIMIT ((int64_t)64 << 30)
#define KEEPER_LOG_LIMIT ((int64_t)64 << 20)

/* Forks a keeper that locks the attempt's folder (attempt_make() was called) and starts the stage. runner_fd: write end of the runner's pipe,
 * non-blocking. Returns its pid, or -1; then nothing was started. */
pid_t keeper_start(const struct spool *sp, const struct keeper_task *t, int runner_fd, struct err *e);

/* Forks a keeper for a stage whose keeper is dead. -1 with ERR_NO if it has one. */
pid_t keeper_adopt(const struct spool *sp, const struct keeper_task *t, int runner_fd, struct err *e);

#endif
