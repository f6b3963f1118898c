/*
 * work: one handover under way: what handover.c and follow.c share. Private to them.
 */
#ifndef REMOTE_WORK_H
#define REMOTE_WORK_H

#include <stdint.h>

#include "base/arena.h"
#include "remote/executor.h"
#include "remote/handover.h"
#include "remote/intent.h"
#include "remote/look.h"
#include "spool/keeper.h"

#define MS ((int64_t)1000000)
#define SECOND (1000 * MS)
#define COPY_MAX ((size_t)1 << 20)

struct work {
	struct handover *h;
	struct spool sp;                /* the root, for the paths of attempts */
	int64_t job, n;
	struct host host;
	struct site site;
	const struct executor *x;
	struct intent in;
	struct keeper_task task;
	struct arena arena;
	/* asked for from outside */
	int term, pause, paused, quit_fd;
	int unsure;                     /* whether it is paused there: another looked after it before */
	int64_t told_at, tell_every;    /* that it be paused, or not: told again where it is not so */
	int64_t priority_seen;
	/* the copy */
	int64_t copied, logged;         /* of the output, of the log */
	int open_line;                  /* in the middle of a line of the output */
	/* what was said last */
	char state[24], why[300], trouble[400], host_said[128], id_said[REMOTE_ID];
	/* following */
	struct look l;
	struct remote_status st;
	int stopped, fenced, cancelled, ran;
	int keep_there;                 /* what it left over there could not be brought: it stays */
	int64_t free_since;             /* seen waiting, and not held */
	int64_t looked_at;              /* when what was seen last of its folder was asked for */
	int64_t ended_at, over_at, absent_at, next_state, state_every, idle;
};

/* Waits, and hears TERM, TSTP and CONT meanwhile; at once when one comes. */
void work_nap(struct work *w, int64_t ns);
/* From here on, until it is called with 0, a TERM cuts off what is being asked: for what may be asked again, or not at all. */
void work_may_quit(struct work *w, int on);
/* Until when one question may take. */
int64_t work_soon(void);
/* Trying again does not mend it. */
int work_is_final(const struct err *e);
/* After a step that failed: says why and waits, twice as long each time (*wait; 0 at first). 0 try again, 1 ended from outside, -1 final. */
int work_again(struct work *w, int64_t *wait, const struct err *e);

/* 0, or -1: not written. */
int work_keep_intent(struct work *w, struct err *e);
/* A `remote` record, if anything of it is new; state NULL: the same; trouble NULL: none (any more). */
void work_say(struct work *w, const char *state, const char *why, const char *trouble);
void work_put_record(struct work *w);

/* What look_at() brought of the output, on: whole lines; `last`: all of it. What was taken. */
size_t work_copy(struct work *w, int last);
/* H3: where the copy goes on. */
void work_find_offset(struct work *w);
/* What is not here yet of a log over there, to ours. 0, or -1: not all of it. */
int work_copy_log(struct work *w, const char *name, struct err *e);

/* Of what certainly does not run: cancelled there, so that nothing stays behind. What is certain then (spool/remote.h). */
int work_sweep(struct work *w, struct err *e);
/* Written, on the disk; the files over there are removed where nothing of it runs any more. Always 0. */
int work_verdict(struct work *w, const char *outcome, const char *reason, int status, int sig, int gone);
/* 0, or -1: they are there still. */
int work_tidy(struct work *w, const char *outcome);

#endif
