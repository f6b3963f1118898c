/*
 * journal: which calls have a result, in a file that is only appended to, so that a restart does not repeat them; and the ids
 * of a batch, which must differ.
 *
 * One JSON object a line. {"type":"began","id":"...","request":"..."}: a request that may not be repeated is about to be sent; on disk
 * before it is. {"type":"result","..."}: the result record as it was written to standard output. A call that began and has no
 * result is not repeated: nobody knows what became of it. A last line without its newline was torn by a crash and is cut off.
 * Results are synced within a second of being written; losing one to a power failure costs a repetition of a request that may
 * be repeated.
 */
#ifndef CALL_JOURNAL_H
#define CALL_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct journal;

struct journal_entry {
	uint64_t print;      /* of the request that began or has the result */
	int seen;            /* in this batch */
	int began, has_result, ok;
	int64_t offset;      /* of the line of the result */
	size_t length;       /* without its newline */
};

/* path NULL: ids alone. A lock keeps a second process out (75). NULL with e filled; 65 for a file that is no journal. */
struct journal *journal_open(const char *path, struct err *e);
void journal_close(struct journal *j);
int journal_is_file(const struct journal *j);

/* The entry of an id, made if need be; stable until the next call. NULL when memory is out. */
struct journal_entry *journal_entry(struct journal *j, const char *id);
/* The text of an entry's result line, with its newline, appended to b. */
int journal_read(struct journal *j, const struct journal_entry *n, struct buf *b, struct err *e);

int journal_began(struct journal *j, const char *id, uint64_t print, struct err *e);  /* sync before acting on it */
int journal_result(struct journal *j, const struct buf *line, struct err *e);         /* the record's line */
int journal_sync(struct journal *j, struct err *e);  /* nothing to do: cheap */

#endif
