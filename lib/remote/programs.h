/*
 * programs: sim-remote, sim-engine and sim-call on the other side, found there or sent.
 *
 * In this order: the folder that sim-hosts(5) names; what is installed there (sim-remote in PATH, of this version); FOLDER/programs/HASH, where copies
 * of ours lie that were sent once, with the shared libraries they need but libc's. HASH is over the names and SHA-256 of all of it. A
 * file is written under another name, and the folder counts only when `complete` is in it, which is made after the other side's own
 * sums of all files were compared with ours.
 */
#ifndef REMOTE_PROGRAMS_H
#define REMOTE_PROGRAMS_H

#include <stdint.h>

#include "base/err.h"
#include "remote/site.h"

/* Fills s->program, base, name, boot and the clock from what sim-remote --hello says there. As site_open(). */
int programs_find(struct site *s, int64_t until, struct err *e);

#endif
