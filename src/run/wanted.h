/*
 * wanted: the jobs that were named, as operands or by lines on standard input, and those below them: run, shown once when they are over, forgotten.
 */
#ifndef RUN_WANTED_H
#define RUN_WANTED_H

#include "run/runner.h"

/* From now on only what is wanted is run. */
void wanted_add(struct runner *r, int64_t id);
/* The lines that are there. */
void wanted_read(struct runner *r);
/* Shows and forgets those that are over, and lets the others be claimed; seldom, where there are many. */
void wanted_look(struct runner *r);
/* 1: nothing more is wanted. */
int wanted_settled(struct runner *r);

#endif
