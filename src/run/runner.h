/*
 * runner: what the parts of sim-run share: the loop (sim-run.c), its one transaction (step.h), the jobs that were asked for (wanted.h),
 * what is shown (show.h).
 */
#ifndef RUN_RUNNER_H
#define RUN_RUNNER_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/io.h"
#include "remote/hosts.h"
#include "spool/claim.h"
#include "spool/spool.h"

#define RUN_CLAIMS 64        /* jobs claimed in one transaction, at most */

struct running {
	int64_t job, attempt, places;
	pid_t keeper;        /* 0: adopted, looked after by a keeper that is not ours */
	int ended;           /* 1: its keeper said so; 2: that is recorded */
};

struct runner {
	struct spool sp;
	char id[32];
	int lock_fd, ctl[2], sig_fd, watch_fd;
	int64_t places, used;
	struct running *run;
	size_t n, cap;
	int only, wait, stdin_open, quiet, table;
	int drain;           /* 1: claim no more; 2: hand back */
	int64_t limit, claimed;  /* jobs to run in all, 0: no limit */
	struct claim_at at;  /* where jobs run */
	struct host host;    /* of it */
	int connected;           /* it began the shared connection to it */
	int lead;                /* and looks after that: a lock */
	int hand_back_first, failed, stdout_gone, last_signal;
	struct io_lines in;
	char engine[PATH_MAX], self[PATH_MAX];
	size_t slice;        /* most bytes written to stdout at a time */
	struct buf said;     /* what keepers said, not yet stored */
	int64_t broken[RUN_CLAIMS]; /* damaged rows met when claiming */
	int nbroken;
	int moved;           /* rows were changed in claiming, without a claim */
	struct buf events;   /* stored in this transaction, to be shown after it */
	int64_t next_due, next_look;
	int64_t wanted_next; /* all that is wanted is looked at no earlier than this: no more than a twentieth of the time */
	int wanted_changed;  /* and shall be, for something changed */
};

/* Ends the program. The keepers go on; whoever opens the spool next finds what they did. */
void runner_die(struct runner *r, struct err *e) __attribute__((noreturn));
/* Takes the signals that came: they change r->drain. */
void runner_signals(struct runner *r);

#endif
