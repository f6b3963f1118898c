/*
 * actions: what an operator does to a job. Each refusal says why and what to do instead; each action is in the job's history with who,
 * when and why. One that a parent takes is its children's.
 */
#ifndef CTL_ACTIONS_H
#define CTL_ACTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "spool/job.h"
#include "spool/spool.h"

struct ctl {
	struct spool sp;
	const struct action *action;
	const char *reason, *argument;
	int dry_run, from_scratch, over_limit, table;
	int64_t timeout_ns, until;   /* until: of all that are waited for */
	int64_t *asked;              /* jobs that were asked to end, and are waited for when all were */
	size_t nasked;
	int refused;
	int many;            /* children: what is said of each is not asked for */
	char answer[1100];   /* of the last action */
};

/* 0 done; 1 refused: the answer says why; ACTION_ASKED: action_wait() has the answer; -1 (ERR_NO: the job moved on meanwhile). */
typedef int (*action_fn)(struct ctl *c, const struct job *j, struct err *e);

struct action {
	const char *name;
	action_fn act;
	int argument;        /* it takes one, before the jobs */
};

#define ACTION_ASKED 2
/* Until a job that was asked to end is over, or c->until: 0 and the answer, or -1. */
int action_wait(struct ctl *c, int64_t id, struct err *e);

/* NULL: there is none of this name. */
const struct action *action_find(const char *name);

/* The ids that a query finds, read before anything is done to one of them. NULL on error; free() it. */
int64_t *action_ids(struct db_stmt *st, size_t *n, struct err *e);

#endif
