/*
 * follow: an attempt that was handed over, until its verdict is written: its output is copied, its state asked for, its end, pause and priority
 * passed on. Two clocks: the folder is looked at often, the scheduler asked seldom, more seldom the longer nothing happens.
 */
#ifndef REMOTE_FOLLOW_H
#define REMOTE_FOLLOW_H

#include "remote/work.h"

void follow_all(struct work *w);
/* Its marker is ours: nothing of it began, nothing can any more. Writes the verdict; 1. */
int follow_unbegun(struct work *w, const char *why);

#endif
