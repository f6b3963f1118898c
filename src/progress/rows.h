/* rows: a job as a record or as a row of the table, into the view's text. Ends the program if the spool cannot be read. */
#ifndef PROGRESS_ROWS_H
#define PROGRESS_ROWS_H

#include "progress/view.h"
#include "spool/job.h"

/* Children too, where the view is a tree; depth: how far to the right. */
void rows_job(struct view *v, const struct job *j, int depth);
/* How many jobs are in which state, and the table's columns. */
void rows_head(struct view *v);
/* The columns alone. */
void rows_columns(struct view *v);

#endif
