/* orphans: attempts that are over here and may still run elsewhere (spool/remote.h): asked about, ended there, recorded. */
#ifndef COMMON_ORPHANS_H
#define COMMON_ORPHANS_H

#include "common/spool.h"

/* All that are due, one after the other, each in at most a minute; one line each for what came of it. Ends the program if the spool cannot be written. */
void cli_orphans(struct spool *sp, struct cli_actions *o);

/* A sim-reap that does so, if any is due, and that nobody waits for. 0 or -1: the spool cannot be read. */
int cli_orphans_apart(struct spool *sp, struct err *e);

#endif
