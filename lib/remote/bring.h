/*
 * bring: the files of a command that works elsewhere in a folder of its own, because it was asked for or because its working folder is not there.
 *
 *   ATTEMPT/work   the folder, over there
 *   ATTEMPT/sent   what was put into it, a line of JSON each: name, size, mtime
 *
 * Requirements:
 *  B1  what the command leaves replaces, under the same name in the job's working folder here, what it would have replaced had it run here; a file
 *      that was sent and is as it was sent (size and time of change) replaces nothing;
 *  B2  the attempt is not over, and nothing is removed there, before all of it is on the disk here, or the verdict says where it lies;
 *  B3  each file appears here whole or not at all, with its time of change; killed at any point, who comes next brings what is not here yet;
 *  B4  a name from over there leads to no place outside of the folder; only regular files are brought, and the log names the others.
 */
#ifndef REMOTE_BRING_H
#define REMOTE_BRING_H

#include <limits.h>

#include "base/buf.h"
#include "base/err.h"
#include "remote/work.h"

/* "./a//b/" becomes "a/b". -1: it is absolute, empty, leads out of the folder, or is too long. */
int bring_name(const char *name, char out[PATH_MAX]);

/* The files of w->task.send, folders with all below them, to ATTEMPT/work. 66: one is not there; -1 as site.h. */
int bring_to(struct work *w, struct err *e);

/* What lies in ATTEMPT/work, to w->in.home: as often as it takes. 0 all of it is here; 1 ended from outside before that; -1: it cannot be. */
int bring_back(struct work *w, struct err *e);

/* What sim-remote --list ATTEMPT prints: a line of JSON for each file that is not as it was sent (name, size, mtime, mode) or is no regular
 * one (name, other), then {"files":N}. 66: the folder is not there; whoever asks has seen it. */
int bring_list(const char *attempt, struct buf *b, struct err *e);

#endif
