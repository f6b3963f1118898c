/*
 * db: SQLite, as much of it as the spool needs. The one file that includes sqlite3.h.
 *
 * Statements are cached by the address of their text, which must be a literal. A value list follows a format: i int64_t,
 * s const char * (NULL is SQL's NULL), d double, n nothing (NULL). A connection belongs to the process that opened it:
 * it is never used, and never closed, after a fork (its locks would be lost).
 *
 * Writers say db_begin() first: BEGIN IMMEDIATE, waiting for its turn for at most DB_WAIT_S; a reader takes no lock that
 * a writer waits for, and must not keep a statement open while it waits for something.
 */
#ifndef SPOOL_DB_H
#define SPOOL_DB_H

#include <stdint.h>

#include "base/err.h"

#define DB_WAIT_S 60

struct db;
struct db_stmt;

/* create: make the file, which nobody else may open meanwhile. readonly: no writes (75 and others as for writing). */
struct db *db_open(const char *path, int create, int readonly, struct err *e);
void db_close(struct db *d);

int db_begin(struct db *d, struct err *e);     /* a write transaction */
int db_begin_read(struct db *d, struct err *e);/* one consistent view */
int db_commit(struct db *d, struct err *e);    /* durable when it returns 0; rolled back when it returns -1 */
void db_rollback(struct db *d);

int db_script(struct db *d, const char *sql, struct err *e);

/* Runs one statement to its end; the number of rows changed, or -1. */
int db_run(struct db *d, struct err *e, const char *sql, const char *fmt, ...);
int64_t db_last_id(const struct db *d);

/* Rows: for (st = db_query(…); (rc = db_step(st, e)) > 0;) …; db_done(st). db_query returns NULL on error. */
struct db_stmt *db_query(struct db *d, struct err *e, const char *sql, const char *fmt, ...);
/* The same for a text made at run time: never cached. */
struct db_stmt *db_query_text(struct db *d, struct err *e, const char *sql, const char *fmt, ...);
int db_step(struct db_stmt *st, struct err *e);   /* 1 a row, 0 the end, -1 */
void db_done(struct db_stmt *st);                 /* NULL is harmless */
int64_t db_int(struct db_stmt *st, int col);
double db_double(struct db_stmt *st, int col);
const char *db_text(struct db_stmt *st, int col); /* NULL for NULL; valid until the next step */

/* The first column of the first row: 1 found, 0 no row (or NULL), -1. */
int db_get_int(struct db *d, struct err *e, int64_t *out, const char *sql, const char *fmt, ...);

/* Has another connection committed since the last call of this? 1, 0, -1. The first call says 1. */
int db_changed(struct db *d, struct err *e);

/* Moves the log into the database and cuts it, if no reader is in the way. */
void db_checkpoint(struct db *d);
/* Problems of the file, one line each to `line`; their number, or -1. */
int db_check(struct db *d, void (*line)(void *ctx, const char *text), void *ctx, struct err *e);

#endif
