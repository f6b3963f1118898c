/*
 * session: how many commands a user has at a time on one host. sshd lets in 10 sessions a connection, unless told otherwise, and turns away connections
 * when many begin at once: what one would refuse, waits here.
 */
#ifndef REMOTE_SESSION_H
#define REMOTE_SESSION_H

#include <stdint.h>

/* One of them, held while the descriptor is open; control: path of the host's shared connection, beside which the locks lie ("": there is none). -1: none came free
 * for a few seconds, or `until` or `quit` came first: it goes on without. */
int session_take(const char *control, int quit, int64_t until);
/* A sim-run looks after the shared connection from here on, until it ends or closes *fd (0: not yet open). Of this process alone, not of what it forks. */
void session_lead(const char *control, int *fd);
/* Does another process? */
int session_is_led(const char *control);
/* Can `quit` (0: none) be read? */
int session_quit(int quit);

#endif
