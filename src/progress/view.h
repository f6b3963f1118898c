/* view: what sim-progress was asked to show, and the text it makes of it. */
#ifndef PROGRESS_VIEW_H
#define PROGRESS_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "spool/spool.h"

struct view {
	struct spool sp;
	int table, tree, all, follow, watch, wait, detail;
	const char *state, *name, *key;
	int64_t *id;           /* named jobs */
	size_t nids;
	int64_t end;           /* CLOCK_BOOTTIME; 0: none */
	struct buf out;
};

#endif
