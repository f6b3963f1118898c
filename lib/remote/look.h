/*
 * look: an attempt's folder over there, as lib/spool/attempt.h describes it, with three files more:
 *
 *   task.json      what to run (task.h)
 *   marker         whoever made it (link(2) of a complete file: it appears once, with its text, also on NFS) may decide over this attempt: the keeper
 *                  that will run it, "host H\nboot B\npid P\nid ID\n", or a fence, "fenced WHY\n": then nothing of it ever ran or will
 *   stop           its first line is why: the keeper ends the stage as if by TERM and writes its result. It looks every second
 *
 * Here (a folder this machine sees) they are plain calls; over there the same functions run as
 * sim-remote --look FOLDER OFFSET MAX, --fence FOLDER WHY (status 0 fenced, 1 a keeper's), --stop FOLDER WHY, --file PATH LIMIT (1: not there); there.h.
 */
#ifndef REMOTE_LOOK_H
#define REMOTE_LOOK_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "remote/site.h"

struct look {
	int exists;              /* the folder does */
	int marked, fenced;      /* marker is there; it is a fence */
	char host[128];          /* from the marker */
	int64_t pid;
	uint64_t start;
	char boot[40];
	int has_result;
	int keeper_locked;       /* 1: who took the marker lives, or its stage does; 0: for certain nobody (any more); -1: cannot be told (another machine) */
	int stopped;             /* its stage is stopped and its keeper is not; 0: it is not; -1: cannot be told */
	int orphan;              /* its stage lives and its keeper does not: keep.h adopts it; sim-remote --look over there has done so */
	int work;                /* it has a working folder of its own (bring.h) */
	int64_t size;            /* of events.ndjson */
	struct buf bytes;        /* of it, from the offset that was asked for */
};

/* Takes the marker: 1 it is ours now, 0 somebody else's, -1. text is whole lines. */
int look_mark(const char *folder, const char *text, struct err *e);

/* At a folder of this machine. At most `max` bytes from `offset` are added to l->bytes (cleared first). */
int look_here(const char *folder, int64_t offset, size_t max, struct look *l, struct err *e);
int look_stop_here(const char *folder, const char *why, struct err *e);
/* Makes the folder if it is not there. 1 fenced by this call or an earlier one; 0 it is a keeper's. */
int look_fence_here(const char *folder, const char *why, struct err *e);
/* What sim-remote --look prints: one line, then the bytes. */
int look_write(const struct look *l, struct buf *b);

/* Something there as it is seen from here; NULL where it is not. */
const char *look_seen(const struct site *s, const char *path, char out[PATH_MAX]);

/* The same wherever it is. -1 with ERR_TEMPFAIL: cannot tell. */
int look_at(struct site *s, const char *folder, int64_t offset, size_t max, struct look *l, int64_t until, struct err *e);
/* 1 fenced by this call or an earlier one; 0 it is a keeper's: it started; -1. Makes the folder if it is not there. */
int look_fence(struct site *s, const char *folder, const char *why, int64_t until, struct err *e);
int look_stop(struct site *s, const char *folder, const char *why, int64_t until, struct err *e);
/* A whole file of at most `limit` bytes (result): 1, 0 it is not there, -1. */
int look_file(struct site *s, const char *folder, const char *name, size_t limit, struct buf *b, int64_t until, struct err *e);
/* n bytes of a file from an offset, fewer at its end (log): 1, 0 it is not there, -1 (75: not now; 74: it cannot be read). */
int look_piece(struct site *s, const char *folder, const char *name, int64_t offset, size_t n, struct buf *b, int64_t until, struct err *e);

#endif
