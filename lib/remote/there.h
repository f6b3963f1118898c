/*
 * there: what the other side does when it is asked, `sim-remote ACTION …` run there by site.h and look.h. Not for people. Each step is
 * whole or not at all, and bounded in time though its caller may be gone: input that brings nothing for THERE_IDLE_S ends it.
 *
 *   --hello FOLDER                     makes FOLDER (relative: from the home directory), tells who and where it is: one line of JSON
 *   --look FOLDER OFFSET MAX           look.h; an orphan is adopted
 *   --fence FOLDER WHY                 0: fenced; 1: it began
 *   --stop FOLDER WHY
 *   --file PATH LIMIT                  the file; 1: there is none
 *   --put PATH SIZE MODE [SHA256]      standard input, exactly SIZE bytes of it, becomes the file; folders above it are made
 *   --content FOLDER SHA256.EXT SIZE ask     0 and its path: it is in FOLDER/content; 1 and how many bytes of it have arrived
 *   --content FOLDER SHA256.EXT SIZE FROM    standard input is the rest of it; what has arrived stays when the connection breaks
 *   --link CONTENT PATH                another name for it; one that is there stays
 *   --copy CONTENT PATH MODE MTIME     a copy of it that may be written to
 *   --list ATTEMPT                     bring.h
 *   --piece PATH OFFSET MAX            so many bytes of the file
 *   --begin FOLDER [ID]                keep.h, detached
 *   --signal FOLDER NUMBER             0: sent; 1: no keeper here
 *   --remove PATH                      a tree
 *   --sums PATH …                      the SHA-256 of files, one a line
 */
#ifndef REMOTE_THERE_H
#define REMOTE_THERE_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

#define THERE_PROTOCOL 1
#define THERE_IDLE_S 60

/* argv[0] is the action. Its exit status; e->msg says why where it is none of the answers above. -1: no action of that name. */
int there_run(int argc, char **argv, struct err *e);

/* The same where the folder is seen from here. */

/* Makes it, with all above; its absolute path. Refuses (69) one of another user, or that others may write to: what lies in it is run. */
int there_folder(const char *folder, char out[PATH_MAX], struct err *e);
/* Exactly size bytes of `in` become the file. sha NULL: not checked. 75: cut short, or another sum. */
int there_put(const char *path, int in, int64_t size, int mode, const char *sha, struct err *e);
/* in -1: asks only. 0 it is there now, 1 it is not (*from: what has arrived), -1. */
int there_content(const char *folder, const char *name, int64_t size, int in, int64_t *from, char path[PATH_MAX], struct err *e);
int there_link(const char *from, const char *to, struct err *e);
int there_copy(const char *from, const char *to, int mode, int64_t mtime, struct err *e);
int there_remove(const char *path, struct err *e);

#endif
