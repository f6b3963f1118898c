/*
 * keep: the remote keeper: lib/spool/keeper on an attempt's folder that has no database: `sim-remote --keep FOLDER`.
 *
 *   1. task.json is read; 2. the marker is taken, or nothing is done; 3. the keeper starts the stage, enforces its limits, kills all it ever
 *   started, and writes `result`, however long nobody asks for it.
 *
 * Its root is found from the folder (ROOT/jobs/J/attempts/N), its cookie differs from the local attempt's, so that on one machine neither
 * kills the other. `room`, a small file made at the start and removed at the end, is room for the result on a full disk.
 */
#ifndef REMOTE_KEEP_H
#define REMOTE_KEEP_H

#include <stddef.h>

#include "base/err.h"

/* TIED: stays until the end and is what the scheduler sees: its TERM, TSTP and CONT are passed on, its death ends the stage, its status is the stage's.
 * DETACHED: returns when the stage was started. ADOPT: detached, for a stage whose keeper is dead. */
enum keep_mode { KEEP_TIED, KEEP_DETACHED, KEEP_ADOPT };

/* The exit status for the program, 0 also where somebody else has the marker (*said then tells who); e filled where it is a failure to begin. */
int remote_keep(const char *folder, enum keep_mode mode, char *said, size_t n, struct err *e);

#endif
