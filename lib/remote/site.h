/*
 * site: one place where jobs run, and how it is reached: this machine (and a folder that it shares with the nodes of a scheduler), or
 * another one by ssh.
 *
 *   FOLDER/                        sim-hosts(5), made absolute there
 *   FOLDER/programs/HASH/          sim-remote, sim-engine, sim-call and their libraries, where they are not installed and had to be sent (programs.h)
 *   FOLDER/content/SHA256.EXT      large inputs, each once
 *   FOLDER/sim-SPOOL/jobs/J/attempts/N/   laid out as in a spool (attempt.h, look.h, task.h)
 *
 * Nothing waits beyond `until` (CLOCK_BOOTTIME; 0: a minute from now). -1 with ERR_TEMPFAIL: it could not be reached, or did not answer
 * in time: whether anything was done there cannot be told. Another status: it certainly was not done.
 *
 * How "it exited with s" is told from "cannot tell" over ssh: every command runs under a line of sh that writes a fresh nonce before the command's output,
 * and after it the nonce again with the exit status. That last line alone is believed; ssh's own status, 255 for a lost connection as for
 * a command that says 255, is not. What a login script prints before is passed over. A command may see its input cut short, and may run
 * on unseen, when the connection breaks: what must be whole goes by site_put().
 *
 * One connection a host: all processes of this user share a master by a socket in $XDG_RUNTIME_DIR/simspool or /tmp/simspool-UID. A
 * master dies with the keeper under which it was started; the next call begins another. Keepalives end a dead one within 20 s; a call that
 * overran takes its socket away at once. Names, keys, jumps are those of the user's own ssh configuration; no password is asked for.
 */
#ifndef REMOTE_SITE_H
#define REMOTE_SITE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/proc.h"
#include "remote/hosts.h"

struct site {
	const struct host *host;
	int here;                  /* commands run on this machine */
	char base[PATH_MAX];       /* FOLDER, as seen there; absolute */
	char folder[PATH_MAX];     /* FOLDER/sim-SPOOL, as seen there */
	char seen_base[PATH_MAX];  /* FOLDER as seen from here; "" where it is not */
	char seen[PATH_MAX];       /* FOLDER/sim-SPOOL as seen from here; "" where it is not */
	char program[PATH_MAX];    /* sim-remote over there */
	char self[PATH_MAX];       /* sim-remote here */
	char control[108];         /* socket of the shared connection; "": none */
	int quit;                  /* a descriptor: what is being asked is given up once it can be read (75). 0: none. Set before site_open(), which keeps it */
	char name[128], boot[PROC_BOOT]; /* of the other side, as it says */
	int64_t clock_ns;          /* its real-time clock less ours when it was opened, and by how much that may be wrong */
	int64_t clock_error_ns;
};

/* Reaches it, makes the folder, finds the programs or sends them. self: path of sim-remote here. 75: cannot be reached now; 69: cannot be used: no room or right to
 * write, another kind of machine, nothing (of this version) in `programs`. *h must outlive it; *s is zero, but for `quit`. */
int site_open(struct site *s, const struct host *h, const char *spool_id, const char *self, int64_t until, struct err *e);
/* The connection stays: it is everybody's. */
void site_close(struct site *s);

/* A shared connection of nobody's attempt, so that it outlives each: for sim-run, when it begins to hand out jobs and now and then. The pid of what makes
 * it (the caller reaps it), 0 where there is nothing to do, -1. Returns at once. It ends when nobody has used it for a minute, whatever became of the
 * caller; site_let_go(): ends it now, unless another sim-run has it. *lead: 0 at first; while the caller lives, and until site_let_go(), the others
 * wait for its connection instead of making their own. */
int site_hold(const struct host *h, int *lead);
void site_let_go(const struct host *h, int *lead);

/* Runs a command there, `in` as its standard input. 0: it ran; *status is its exit status, or 128 + a signal; its standard output is
 * added to out, its standard error to said (either may be NULL; at most 64 MiB and 64 KiB). The command is in a process group of its own. */
int site_run(struct site *s, char *const argv[], const void *in, size_t n, struct buf *out, struct buf *said, int *status, int64_t until,
             struct err *e);

/* A file below s->folder there, whole or not at all, synced, with the folders above it. */
int site_put(struct site *s, const char *path, const void *text, size_t n, int64_t until, struct err *e);
/* A file of this machine, sent once per content and checked: its path there. Cut off, it goes on where it was when it is asked again. */
int site_content(struct site *s, const char *from, char there[PATH_MAX], int64_t until, struct err *e);
/* The files of a folder of this machine (not what is below it, nor names with a leading dot, nor a checkpoint), each once per content, under their names in `to`, below s->folder: its path
 * there. One that is there already under its name stays. What a spec names relative to itself is found. */
int site_folder(struct site *s, const char *from, const char *to, char there[PATH_MAX], int64_t until, struct err *e);
/* A copy of a content (its path there) as a file below s->folder, of this mode and time of change. */
int site_copy(struct site *s, const char *content, const char *to, int mode, int64_t mtime, int64_t until, struct err *e);
/* A tree below s->folder. Absent is fine. */
int site_remove(struct site *s, const char *path, int64_t until, struct err *e);

/* --- for programs.c --------------------------------------------------------------------------------------------------------- */

/* A script for sh there with arguments, in its $1 …; no apostrophes and newlines in it. */
int site_sh(struct site *s, const char *script, char *const args[], int in_fd, struct buf *out, struct buf *said, int *status, int64_t until,
            struct err *e);
/* A folder for sockets and what is remembered between runs, ours alone; -1: none can be. */
int site_run_folder(char out[PATH_MAX]);

#endif
