/*
 * scan: the drop folder, SPOOL/new/: a workbook, a spec (.json that names its model), or a case folder that holds both.
 *
 * Requirements:
 *  D1  taken in only once complete: nobody has a file of it open for writing (a read lease says so), and it was renamed into
 *      place or lies unchanged for the settle time; names that begin with a dot or "~$" or end in .tmp or .part are never taken;
 *  D2  moved atomically to new/.taking/ before it is read; one scanner at a time (a lock);
 *  D3  a crash leaves it there: the next scan puts it back, and its key (name, inode, time of change) makes that harmless;
 *  D5  a spec's workbook goes before the spec does: a crash between them leaves no workbook that looks like a case of its own;
 *  D4  a bad one goes to new/.rejected/ with NAME.reason beside it.
 */
#ifndef SUBMIT_SCAN_H
#define SUBMIT_SCAN_H

#include <stdint.h>

#include "submit/submit.h"

struct scan_options {
	int64_t settle_ns;
};

/* Returns the exit status: 0 (also when there was nothing), 1 if something was rejected. */
int scan_folder(struct submission *s, const struct scan_options *o);

#endif
