/* db: see db.h. */
#include "spool/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"

#define NSTMT 256 /* power of two; the library's literals are fewer than half of it */

struct db_stmt {
	struct db *db;
	const char *sql;   /* the literal: identity */
	sqlite3_stmt *st;
	int busy, cached;
};

struct db {
	sqlite3 *h;
	char *path;
	struct db_stmt stmt[NSTMT];
	int64_t waiting_since;
	unsigned jitter;
	int log_pages;      /* in the log after the last commit */
	int64_t version;    /* SQLite's data_version at the last db_changed() */
};

/* --- errors --------------------------------------------------------------------------------------------------- */

static int
fail(const struct db *d, struct err *e, const char *what)
{
	int rc = sqlite3_errcode(d->h), ext = sqlite3_extended_errcode(d->h);
	int os = sqlite3_system_errno(d->h);

	if (os == ENOSPC || os == EDQUOT)
		rc = SQLITE_FULL; /* whichever of its files had no room */
	switch (rc) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_TEMPFAIL, "cannot %s: %s is held by another program for more than %d s; try again", what,
		               d->path, DB_WAIT_S);
	case SQLITE_FULL:
		return err_set(e, ERR_IO, "cannot %s: no space left on the file system of %s; nothing was changed", what, d->path);
	case SQLITE_READONLY:
		return err_set(e, ERR_IO, "cannot %s: %s cannot be written (read-only file or file system)", what, d->path);
	case SQLITE_CANTOPEN:
		return err_set(e, ERR_NOINPUT, "cannot %s: cannot open %s%s%s", what, d->path, os ? ": " : "", os ? strerror(os) : "");
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return err_set(e, ERR_DATA, "cannot %s: %s is damaged: %s (see sim-recover --check)", what, d->path,
		               sqlite3_errmsg(d->h));
	case SQLITE_IOERR:
		return err_set(e, ERR_IO, "cannot %s: %s: input/output error %d%s%s", what, d->path, ext, os ? ": " : "",
		               os ? strerror(os) : "");
	case SQLITE_NOMEM:
		return err_nomem(e);
	default:
		return err_set(e, ERR_SOFTWARE, "cannot %s: %s: %s", what, d->path, sqlite3_errmsg(d->h));
	}
}

/* Waits with growing, jittered sleeps: polite among dozens of writers, and bounded. */
static int
on_busy(void *ctx, int count)
{
	struct db *d = ctx;
	int64_t now = clk_boot_ns();
	struct timespec ts = {0, 0};
	long us;

	if (count == 0)
		d->waiting_since = now;
	if (now - d->waiting_since > (int64_t)DB_WAIT_S * 1000000000)
		return 0;
	d->jitter = d->jitter * 1103515245u + 12345u;
	us = count < 5 ? 200 : count < 50 ? 1000 : 4000;
	ts.tv_nsec = (us + (long)(d->jitter >> 16) % us) * 1000;
	nanosleep(&ts, NULL);
	return 1;
}

/* The log goes into the database every 1,000 pages. Whoever opens the spool when nobody else has it reads the whole log, so a program
 * that finds more than 64 pages in it when it ends leaves none. */
#define LOG_PAGES 1000
#define LOG_PAGES_LEFT 64

static int
on_commit(void *ctx, sqlite3 *h, const char *name, int pages)
{
	struct db *d = ctx;

	d->log_pages = pages;
	if (pages >= LOG_PAGES)
		sqlite3_wal_checkpoint_v2(h, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

struct db *
db_open(const char *path, int create, int readonly, struct err *e)
{
	struct db *d = calloc(1, sizeof *d);
	int flags = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);

	if (!d || !(d->path = strdup(path))) {
		free(d);
		err_nomem(e);
		return NULL;
	}
	d->jitter = (unsigned)getpid() * 2654435761u;
	if (sqlite3_open_v2(path, &d->h, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		fail(d, e, "open the spool");
		goto bad;
	}
	sqlite3_extended_result_codes(d->h, 0);
	/* A short program neither moves the log into the database nor deletes it when it ends: that costs more than its job. */
	sqlite3_db_config(d->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_file_control(d->h, "main", SQLITE_FCNTL_PERSIST_WAL, &(int){1});
	sqlite3_busy_handler(d->h, on_busy, d);
	if (db_script(d, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF; PRAGMA temp_store=DEFAULT;"
	                 "PRAGMA journal_size_limit=16777216", e) < 0)
		goto bad;
	sqlite3_wal_hook(d->h, on_commit, d);
	/* Kept in the file. Of two that set it at once SQLite turns one away without a wait: a new file is made where only one can be. */
	if (create && db_script(d, "PRAGMA journal_mode=WAL", e) < 0)
		goto bad;
	return d;
bad:
	db_close(d);
	return NULL;
}

void
db_checkpoint(struct db *d)
{
	sqlite3_busy_handler(d->h, NULL, NULL); /* never wait for a reader */
	sqlite3_wal_checkpoint_v2(d->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_handler(d->h, on_busy, d);
}

void
db_close(struct db *d)
{
	if (!d)
		return;
	for (int i = 0; i < NSTMT; i++)
		if (d->stmt[i].st)
			sqlite3_finalize(d->stmt[i].st);
	if (d->log_pages > LOG_PAGES_LEFT)
		db_checkpoint(d);
	sqlite3_close(d->h);
	free(d->path);
	free(d);
}

/* --- transactions ----------------------------------------------------------------------------------------------- */

int
db_script(struct db *d, const char *sql, struct err *e)
{
	if (sqlite3_exec(d->h, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(d, e, "use the spool");
	return 0;
}

int
db_begin(struct db *d, struct err *e)
{
	return db_run(d, e, "BEGIN IMMEDIATE", "") < 0 ? -1 : 0;
}

int
db_begin_read(struct db *d, struct err *e)
{
	return db_run(d, e, "BEGIN", "") < 0 ? -1 : 0;
}

int
db_commit(struct db *d, struct err *e)
{
	if (db_run(d, e, "COMMIT", "") >= 0)
		return 0;
	db_rollback(d);
	return -1;
}

void
db_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(d->h))
		db_run(d, NULL, "ROLLBACK", "");
}

/* --- statements ------------------------------------------------------------------------------------------------- */

static struct db_stmt *
prepare(struct db *d, const char *sql, struct err *e)
{
	size_t at = ((uintptr_t)sql >> 3) * 2654435761u >> 8;
	struct db_stmt *s = NULL;

	for (int i = 0; i < NSTMT; i++) {
		struct db_stmt *c = &d->stmt[(at + (size_t)i) % NSTMT];

		if (!c->st || (c->sql == sql && !c->busy)) {
			s = c;
			break;
		}
		if (c->sql == sql)
			break; /* in use: a nested query gets one of its own */
	}
	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s) {
			err_nomem(e);
			return NULL;
		}
	} else if (s->st) {
		s->busy = 1;
		return s;
	} else {
		s->cached = 1;
	}
	s->db = d;
	s->sql = sql;
	if (sqlite3_prepare_v3(d->h, sql, -1, s->cached ? SQLITE_PREPARE_PERSISTENT : 0, &s->st, NULL) != SQLITE_OK) {
		fail(d, e, "use the spool");
		s->st = NULL;
		if (!s->cached)
			free(s);
		return NULL;
	}
	s->busy = 1;
	return s;
}

static void
bind(struct db_stmt *s, const char *fmt, va_list ap)
{
	for (int i = 1; *fmt; fmt++, i++) {
		const char *t;

		switch (*fmt) {
		case 'i': sqlite3_bind_int64(s->st, i, va_arg(ap, int64_t)); break;
		case 'd': sqlite3_bind_double(s->st, i, va_arg(ap, double)); break;
		case 's':
			t = va_arg(ap, const char *);
			if (t)
				sqlite3_bind_text(s->st, i, t, -1, SQLITE_TRANSIENT);
			else
				sqlite3_bind_null(s->st, i);
			break;
		default: sqlite3_bind_null(s->st, i);
		}
	}
}

void
db_done(struct db_stmt *s)
{
	if (!s)
		return;
	if (!s->cached) {
		sqlite3_finalize(s->st);
		free(s);
		return;
	}
	sqlite3_reset(s->st);
	sqlite3_clear_bindings(s->st);
	s->busy = 0;
}

int
db_step(struct db_stmt *s, struct err *e)
{
	int rc = sqlite3_step(s->st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return fail(s->db, e, "use the spool");
}

int
db_run(struct db *d, struct err *e, const char *sql, const char *fmt, ...)
{
	struct db_stmt *s = prepare(d, sql, e);
	va_list ap;
	int rc;

	if (!s)
		return -1;
	va_start(ap, fmt);
	bind(s, fmt, ap);
	va_end(ap);
	while ((rc = db_step(s, e)) > 0)
		;
	db_done(s);
	return rc < 0 ? -1 : sqlite3_changes(d->h);
}

int64_t
db_last_id(const struct db *d)
{
	return sqlite3_last_insert_rowid(d->h);
}

struct db_stmt *
db_query(struct db *d, struct err *e, const char *sql, const char *fmt, ...)
{
	struct db_stmt *s = prepare(d, sql, e);
	va_list ap;

	if (!s)
		return NULL;
	va_start(ap, fmt);
	bind(s, fmt, ap);
	va_end(ap);
	return s;
}

struct db_stmt *
db_query_text(struct db *d, struct err *e, const char *sql, const char *fmt, ...)
{
	struct db_stmt *s = calloc(1, sizeof *s);
	va_list ap;

	if (!s) {
		err_nomem(e);
		return NULL;
	}
	s->db = d;
	if (sqlite3_prepare_v2(d->h, sql, -1, &s->st, NULL) != SQLITE_OK) {
		fail(d, e, "use the spool");
		free(s);
		return NULL;
	}
	va_start(ap, fmt);
	bind(s, fmt, ap);
	va_end(ap);
	return s;
}

int64_t
db_int(struct db_stmt *s, int col)
{
	return sqlite3_column_int64(s->st, col);
}

double
db_double(struct db_stmt *s, int col)
{
	return sqlite3_column_double(s->st, col);
}

const char *
db_text(struct db_stmt *s, int col)
{
	return (const char *)sqlite3_column_text(s->st, col);
}

static int
db_is_null(struct db_stmt *s, int col)
{
	return sqlite3_column_type(s->st, col) == SQLITE_NULL;
}

int
db_get_int(struct db *d, struct err *e, int64_t *out, const char *sql, const char *fmt, ...)
{
	struct db_stmt *s = prepare(d, sql, e);
	va_list ap;
	int rc;

	if (!s)
		return -1;
	va_start(ap, fmt);
	bind(s, fmt, ap);
	va_end(ap);
	rc = db_step(s, e);
	if (rc > 0 && db_is_null(s, 0))
		rc = 0;
	if (rc > 0)
		*out = db_int(s, 0);
	db_done(s);
	return rc;
}

int
db_changed(struct db *d, struct err *e)
{
	int64_t now = 0, last = d->version;

	if (db_get_int(d, e, &now, "PRAGMA data_version", "") < 0)
		return -1;
	d->version = now;
	return now != last;
}

/* --- upkeep ------------------------------------------------------------------------------------------------------ */

int
db_check(struct db *d, void (*line)(void *ctx, const char *text), void *ctx, struct err *e)
{
	struct db_stmt *s = db_query(d, e, "PRAGMA integrity_check", "");
	int n = 0, rc;

	if (!s)
		return -1;
	while ((rc = db_step(s, e)) > 0)
		if (strcmp(db_text(s, 0), "ok")) {
			line(ctx, db_text(s, 0));
			n++;
		}
	db_done(s);
	return rc < 0 ? -1 : n;
}
