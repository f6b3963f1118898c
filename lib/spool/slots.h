/*
 * slots: named resources of which a spool has so many units (GPUs, licences, processors). A unit is held by at most one
 * attempt: the primary key of the table says so. A name nobody declared is a mutex: one unit; "cpu" has as many as this machine
 * has processors, "gpu" as many as there are NVIDIA device nodes.
 */
#ifndef SPOOL_SLOTS_H
#define SPOOL_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "spool/spool.h"

/* "gpu", "cpu=4", "gpu,cpu=2": adds to the canonical text in b (sorted, merged by the caller's order). 0 or -1 (64). */
int slots_add(struct buf *canonical, const char *text, struct err *e);
/* Units of `name` that the canonical text wants; 0 if none. */
int64_t slots_want(const char *canonical, const char *name);

int slots_set_capacity(struct spool *sp, const char *name, int64_t n, struct err *e);  /* (tx) */
/* 1 all free; 0 not, and `why` says which and who holds it; -1. */
int slots_fit(struct spool *sp, const char *canonical, char *why, size_t n, struct err *e);
/* Takes units for an attempt (tx). `units` gets "NAME=0,2\n" lines for the stage's environment. */
int slots_take(struct spool *sp, const char *canonical, int64_t job, int64_t attempt, struct buf *units, struct err *e);
/* The canonical text as it is counted here for a job that runs elsewhere: cpu and gpu under these names, or ("") not at all, where a scheduler there does. */
void slots_elsewhere(const char *canonical, const char *cpu, const char *gpu, char *out, size_t n);
/* (tx) All a job holds; what an attempt holds that may still run elsewhere stays (remote.h). */
int slots_release(struct spool *sp, int64_t job, struct err *e);
/* Frees what jobs hold that do not run (tx): the number freed. Safe at any time. */
int slots_repair(struct spool *sp, struct err *e);

#endif
