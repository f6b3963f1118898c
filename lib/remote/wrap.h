/* wrap: a job's launch becomes that of its sim-remote, which hands it over: for sim-run --on. */
#ifndef REMOTE_WRAP_H
#define REMOTE_WRAP_H

#include "spool/launch.h"

/* Command line, task as input, limits that are judged there. relay as for launch_prepare(). 0 or -1: it is no task that can be written down (65). */
int wrap_launch(const struct spool *sp, const struct job *j, const char *on, const char *relay, struct launch *l, struct err *e);

#endif
