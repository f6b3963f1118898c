/*
 * partial: statistics of a range of trials as records, and back: lines of type "partial", each at most 4096 bytes, so
 * that several engines may share a pipe. sim-records(5) has the fields.
 *
 * Parts: head, one column a column, node (power and cross sums), row (trials of incomplete leaves), hist (counts of bins
 * that are not 0), rank (rank tables), refined, window and values (of a second
 * pass, stats/windows.h), end (how many lines there were). Doubles are written in their shortest form that
 * reads back the same: nothing is lost on the way.
 */
#ifndef STATS_PARTIAL_H
#define STATS_PARTIAL_H

#include "record/record.h"
#include "stats/stats.h"

struct partial_column {
	char *name, *cell, *text; /* text: the input's distribution; NULL for targets */
};

struct partial_head {
	char *run;                /* one engine run */
	char *job;                /* NULL if none */
	int64_t attempt;
	char *model;              /* path, for people */
	char *model_hash;         /* workbook and changes: what must be equal to be merged */
	uint64_t seed;
	int64_t trials;           /* of the whole job, for gaps at the end; 0: not known */
	struct partial_column *col;
};

/* Write all lines of s to fd. */
int partial_write(int fd, const struct partial_head *h, const struct stats *s, struct err *e);

/* Collects lines of any number of runs, in any order, interleaved. */
struct partial_set;
struct partial_set *partial_set_new(void);
void partial_set_free(struct partial_set *p);
/* One parsed record of type partial; `where` prefixes messages. 0 or -1 (65). */
int partial_add(struct partial_set *p, const struct record *r, const char *where, struct err *e);

/* What a set merges to: all runs of one job (NULL: of lines without a job), checked to be complete, of one model, seed and
 * pilot, without overlap; with gaps only if allowed. *head is borrowed from the set. NULL: e filled. */
struct stats *partial_merge(struct partial_set *p, const char *job, int allow_gaps, const struct partial_head **head, struct err *e);
/* Jobs in order of appearance; NULL beyond the last; *job may itself be NULL (returned 1). */
int partial_job(const struct partial_set *p, size_t i, const char **job);

void partial_head_free(struct partial_head *h, int ncols);

#endif
