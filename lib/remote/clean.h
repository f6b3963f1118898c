/*
 * clean: what is old is removed from the folder over there, once a day: contents, programs, and what jobs without attempts left. What a job works
 * with has a name of its own in the job's folder, and stays; what is not named as we name things is somebody's own.
 */
#ifndef REMOTE_CLEAN_H
#define REMOTE_CLEAN_H

/* self: path of the running sim-remote, whose folder is in use. */
void clean_there(const char *folder, const char *self);

#endif
