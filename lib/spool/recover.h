/*
 * recover: makes the rows say what is so, after any crash. Safe at any time, beside anything, any number of times.
 *
 * For every job that the rows call active (attempt.h says what a crash leaves):
 *   its boot is not this one                 lost: nothing survives a reboot
 *   its keeper lives                         left alone
 *   a result file                            recorded
 *   the stage lives                          adopted by a new keeper
 *   it had begun                             lost; its retry budget decides what becomes of it
 *   it runs elsewhere (remote.h)             attached to by a new keeper, also after a reboot: what runs there survives this machine
 *   it had not, and its sim-run is dead      back to the queue, nothing used up
 * A live keeper is told again what the row asks for (its end, a pause): who asked may have been killed before it could say so.
 * Then: dead sim-runs are marked, slots held by jobs that do not run are freed, parents are computed again, folders without a row
 * and leftovers of submissions are removed.
 */
#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include <stdint.h>

#include "base/err.h"
#include "spool/limits.h"
#include "spool/spool.h"

/* relay: path of sim-run, for adopted stages. deep 1: also walk jobs/ for leftovers; 2: also verify the database and every checksum. The number of
 * things that could not be mended (each reported with action "problem"), or -1. */
int recover_pass(struct spool *sp, const char *relay, int deep, spool_report report, void *ctx, struct err *e);

/* One job whose keeper has just ended: its result recorded, its stage adopted, or lost. 1 when it is no longer this caller's. */
int recover_job(struct spool *sp, int64_t id, int64_t attempt, const char *relay, spool_report report, void *ctx, struct err *e);

#endif
