/* command: one program of this machine, run to its end or to a limit in time. */
#ifndef REMOTE_COMMAND_H
#define REMOTE_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define COMMAND_OUT_MAX ((size_t)64 << 20)
#define COMMAND_SAID_MAX ((size_t)64 << 10)

/* Standard input is in_fd (-1: nothing); output is added to out, standard error to said (either may be NULL; what is beyond the limits is dropped, and *status
 * is then -1 for an output that was cut). It has a process group of its own, no other descriptor of this process, and none of the variables that name the
 * job it is run for (SIM_COOKIE …): what it leaves running is not part of that job. 0: *status is its exit status, 128 + a signal. -1: 75 it
 * was not there to be run, or was killed: it overran `until` (CLOCK_BOOTTIME), or the descriptor `quit` (0: none) had something to read. Ignores SIGPIPE from
 * then on. */
int command_run(char *const argv[], int in_fd, struct buf *out, struct buf *said, int *status, int quit, int64_t until, struct err *e);

/* A file in memory that holds n bytes, to be read from its start; -1 with errno set. */
int command_input(const void *p, size_t n);

#endif
