/*
 * record: the lines the programs exchange: one JSON object a line, sim-records(5).
 *
 * Written by hand into a buffer (hot, exact: numbers in their shortest form that reads back the same), read through
 * json.h. The table is record.def. A line for a pipe that several processes share is at most
 * RECORD_PIPE_MAX bytes and leaves in one write(2), so it is never torn.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/json.h"

#define RECORD_VERSION 1
#define RECORD_PIPE_MAX 4096
#define RECORD_LINE_MAX ((size_t)16 << 20) /* readers refuse longer lines */

/* --- writing: functions append to b, and return 0, or -1 when memory is out or text is no UTF-8 --------- */

/* {"v":1,"type":…,"job":…,"attempt":…,"time":now. job NULL: left out, with attempt. */
int record_begin(struct buf *b, const char *type, const char *job, int64_t attempt);
int record_str(struct buf *b, const char *key, const char *s);      /* s NULL: null */
int record_int(struct buf *b, const char *key, int64_t x);
int record_u64(struct buf *b, const char *key, uint64_t x);         /* as a string */
int record_num(struct buf *b, const char *key, double x);           /* not finite: null */
int record_bool(struct buf *b, const char *key, int x);
int record_raw(struct buf *b, const char *key, const char *json);   /* trusted JSON */
int record_end(struct buf *b);                                       /* }\n */

int record_quote(struct buf *b, const char *s);                     /* "…" with escapes */
int record_number(struct buf *b, double x);

/* One write(2) of what is in b, which is then cleared. 0 or -1 (74; EPIPE too). */
int record_emit(int fd, struct buf *b, struct err *e);

/* --- reading ------------------------------------------------------------------------------------------------ */

struct record {
	struct json *root;
	const char *type;    /* borrowed from root */
	const char *job;     /* NULL if absent */
	int64_t attempt;     /* 0 if absent */
};

/* A line without its newline. Refuses (65): what is no object, an unknown v, an unknown type, a required field that is
 * absent, a known field of another kind. Unknown fields are kept in root. */
int record_parse(const char *line, size_t n, struct record *r, struct err *e);
void record_free(struct record *r);

/* Typed fields; the default where absent. */
const char *record_get_str(const struct record *r, const char *key);            /* NULL */
int64_t record_get_int(const struct record *r, const char *key, int64_t dflt);
int record_get_bool(const struct record *r, const char *key);                    /* 1 where it is true */
double record_get_num(const struct record *r, const char *key);                 /* NaN */
int record_get_u64(const struct record *r, const char *key, uint64_t *out);     /* 0 or -1 */

#endif
