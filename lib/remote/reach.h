/* reach: a remote keeper reached by its folder, on the machine that a site is: what ssh.c and pueue.c share. */
#ifndef REMOTE_REACH_H
#define REMOTE_REACH_H

#include <stdint.h>

#include "base/err.h"
#include "remote/executor.h"
#include "remote/look.h"
#include "remote/site.h"

/* Starts the keeper there, apart from the connection. 0: it began, now or before, or it is fenced. Another status than 75: it certainly did not,
 * and would not if tried again. */
int reach_begin(struct site *s, const char *folder, int64_t until, struct err *e);

/* What the folder says, in a scheduler's terms. */
void reach_state(const struct look *l, struct remote_status *st);

/* 1 sent; 0: no keeper lives there; -1. */
int reach_signal(struct site *s, const char *folder, int sig, int64_t until, struct err *e);

/* Its end, or that it never begins. 0: it was told to end, or nothing of it lives, or it is fenced. */
int reach_cancel(struct site *s, const char *folder, int64_t until, struct err *e);

#endif
