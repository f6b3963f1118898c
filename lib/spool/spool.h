/*
 * spool: a folder that holds jobs: spool.db, the one truth about state; jobs/ID/, what belongs to a job; new/, the drop
 * folder; workers/, one locked file for each live sim-run; wake, touched on every change. See sim-spool(5).
 *
 * Spool time: nanoseconds on a clock that belongs to the spool. Within one boot of the machine it is CLOCK_BOOTTIME plus a
 * constant, so setting the clock changes nothing; over a reboot it goes on by what the real clock says has passed, and never
 * backwards. All limits are reckoned in it.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/proc.h"
#include "spool/db.h"

#define SPOOL_SCHEMA 2 /* another number for each change of the tables */
#define SPOOL_ID 48 /* 32 digits; with a suffix where an attempt runs on another machine (remote/keep.h) */

struct spool {
	char *root;             /* absolute path */
	struct db *db;
	char id[SPOOL_ID];      /* unique to this spool: part of remote labels and cookies */
	char boot[PROC_BOOT];   /* of the running kernel */
	int64_t offset;         /* spool time - CLOCK_BOOTTIME */
	int rebooted;           /* this open was the first since a reboot */
	char who[96];           /* user (uid, host) for the history */
	const char *program;
};

enum spool_mode { SPOOL_READ, SPOOL_WRITE, SPOOL_CREATE };

/* path NULL: $SIM_SPOOL, else $XDG_STATE_HOME/simspool, else ~/.local/state/simspool; /var/spool/simspool for root.
 * Refuses a folder of another user or open to others (69), a network file system (69), a read-only one (74),
 * one that is no spool (65), and for READ and WRITE one that is not there (66). `program` is kept. */
int spool_open(struct spool *sp, const char *path, enum spool_mode mode, const char *program, struct err *e);
void spool_close(struct spool *sp);

int64_t spool_now(const struct spool *sp);
/* Wake whoever waits: after a commit. Failure is harmless: they poll too. */
void spool_wake(const struct spool *sp);
/* A descriptor readable when something changes (inotify), or -1: poll then. spool_watched() empties it. */
int spool_watch(const struct spool *sp);
void spool_watched(int fd);

/* root/fmt… into out[n]; -1 if it does not fit (71). */
int spool_path(const struct spool *sp, char *out, size_t n, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Removes a folder and all in it, never following links. 0 or -1. Absent is fine. */
int spool_remove_tree(const char *path, struct err *e);
int spool_sync_folder(const char *path, struct err *e);

#endif
