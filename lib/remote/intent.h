/*
 * intent: the file `remote` in the local folder of an attempt that runs elsewhere: what was about to be done, written whole and synced
 * before it is done, so that whoever comes after a crash knows where to look, and under which name.
 */
#ifndef REMOTE_INTENT_H
#define REMOTE_INTENT_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"
#include "remote/executor.h"

enum intent_step {
	INTENT_MADE,         /* nothing was handed to the scheduler */
	INTENT_SUBMITTING,   /* it may have been */
	INTENT_SUBMITTED,    /* it was: id */
	INTENT_RELEASED      /* and was seen free to begin: what holds it from here on is somebody's wish */
};

struct intent {
	char on[128], kind[16];
	char label[REMOTE_LABEL];
	char folder[PATH_MAX];   /* of the attempt, over there */
	char program[PATH_MAX];  /* sim-remote over there */
	char home[PATH_MAX];     /* the job's working folder here, to which what it leaves is brought back; "": nothing is */
	char id[REMOTE_ID];
	enum intent_step step;
	int uncertain;           /* a submission was cut off: there may be a second of the same label */
	int64_t since;           /* real time of the first submission */
};

/* folder: the local one. */
int intent_write(const char *folder, const struct intent *in, struct err *e);
/* 1 read; 0 there is none: nothing was ever sent; -1. Names that say where the other side is (SLURM_CONF, SIM_HOSTS, SSH_AUTH_SOCK …) are set in the
 * environment as they were when it was written. */
int intent_read(const char *folder, struct intent *in, struct err *e);

#endif
