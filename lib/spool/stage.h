/*
 * stage: the files of a job being accepted. They are gathered and synced under jobs/.tmp-XXXXXX, which becomes jobs/ID inside the
 * transaction that inserts the row: after a crash there is a row with its files, or neither (a folder without a row is removed
 * by sim-recover, or by the next submission that gets its id).
 */
#ifndef SPOOL_STAGE_H
#define SPOOL_STAGE_H

#include <limits.h>
#include <stddef.h>

#include "base/err.h"
#include "spool/spool.h"

struct stage {
	char path[PATH_MAX]; /* "" before stage_begin() */
};

int stage_begin(const struct spool *sp, struct stage *s, struct err *e);
/* Copies a regular file of at most `limit` bytes under `name`, synced. 66 if it cannot be read, 65 if it is too large or no file. */
int stage_copy(struct stage *s, const char *name, const char *from, int64_t limit, struct err *e);
int stage_write(struct stage *s, const char *name, const char *text, size_t n, struct err *e);
/* All of it on the disk: before the transaction. */
int stage_sync(struct stage *s, struct err *e);
/* (tx) It becomes the job's folder. Afterwards s is empty. */
int stage_take(const struct spool *sp, struct stage *s, int64_t job, struct err *e);
/* Removes what was gathered, if it was not taken. */
void stage_drop(struct stage *s);

#endif
