/*
 * site: one place where jobs run, and how it is reached: this machine (and a folder that it shares with the nodes of a scheduler), or
 * another one by ssh.
 *
 * Nothing waits beyond `until` (CLOCK_BOOTTIME; 0: a minute from now). -1 with ERR_TEMPFAIL: it could not be reached, or did not answer
 * in time: whether anything was done there cannot be told.
 */
#ifndef REMOTE_SITE_H
#define REMOTE_SITE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "remote/hosts.h"

struct site {
	const struct host *host;
	int here;                  /* commands run on this machine */
	char folder[PATH_MAX];     /* FOLDER/sim-SPOOL, as seen there; absolute */
	char seen[PATH_MAX];       /* the same as seen from here; "" where it is not */
	char program[PATH_MAX];    /* sim-remote over there */
};

/* self: path of sim-remote here. */
int site_open(struct site *s, const struct host *h, const char *spool_id, const char *self, int64_t until, struct err *e);
void site_close(struct site *s);

/* Runs a command there, `in` as its standard input. 0: it ran; *status is its exit status, or 128 + a signal; its standard output is
 * added to out, its standard error to said (either may be NULL; at most 64 MiB and 64 KiB). The command is in a process group of its own. */
int site_run(struct site *s, char *const argv[], const void *in, size_t n, struct buf *out, struct buf *said, int *status, int64_t until,
             struct err *e);

/* A file below s->folder there, whole or not at all, with the folders above it. */
int site_put(struct site *s, const char *path, const void *text, size_t n, int64_t until, struct err *e);
/* A file of this machine, sent once per content and checked: its path there. Where the other side sees the file as it is, that path. */
int site_content(struct site *s, const char *from, char there[PATH_MAX], int64_t until, struct err *e);

#endif
