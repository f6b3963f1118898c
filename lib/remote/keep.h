/*
 * keep: the remote keeper: lib/spool/keeper on an attempt's folder that has no database: `sim-remote --keep FOLDER`.
 *
 *   1. task.json is read (task.h); 2. the marker is taken, or nothing is done (look.h); 3. the keeper starts the stage, enforces its limits, kills all
 *   it ever started, and writes `result`, whether or not anybody asks for it.
 *
 * The root is found from the folder (ROOT/jobs/J/attempts/N). Its cookie differs from the local attempt's, so that on one machine neither
 * kills the other. `room`, a small file made at the start, is room for the result on a full disk.
 *
 * What a crash leaves: a marker without a lock whose process is dead: nothing ran; otherwise as in attempt.h.
 */
#ifndef REMOTE_KEEP_H
#define REMOTE_KEEP_H

#include <stddef.h>

#include "base/err.h"

/* TIED: stays until the end and is what a scheduler sees: its TERM, TSTP and CONT are passed on, its death ends the stage, its status is the stage's; a keeper
 * that is killed alone is replaced. DETACHED: returns when the stage was started. ADOPT: detached, for a stage whose keeper is dead. */
enum keep_mode { KEEP_TIED, KEEP_DETACHED, KEEP_ADOPT };

/* id: the scheduler's, for the marker, or NULL. The exit status for the program; 0 also where the marker is somebody else's (*said: "taken", else
 * "began"). e says why it is not 0, where it is not the stage's own. */
int remote_keep(const char *folder, enum keep_mode mode, const char *id, char *said, size_t n, struct err *e);

/* A signal (keeper.h) for the keeper of an attempt of this machine: 1 sent, 0 it has none here, -1. */
int remote_keep_signal(const char *folder, int sig, struct err *e);

#endif
