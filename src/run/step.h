/*
 * step: what keepers said is recorded and jobs are claimed in one transaction; then keepers are started.
 */
#ifndef RUN_STEP_H
#define RUN_STEP_H

#include "run/runner.h"

/* 1 if anything changed. */
int step(struct runner *r);
/* Keepers that ended without a word. */
void step_bury(struct runner *r);
/* (tx) One line of a keeper: stored; shown once committed. */
int step_take_line(struct runner *r, char *line, size_t n, struct err *e);

#endif
