/* spool: what the programs of the spool share: the --spool option, paths of sibling programs, job operands. */
#ifndef COMMON_SPOOL_H
#define COMMON_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "spool/job.h"
#include "spool/spool.h"

/* Opens or ends the program. program: its name. */
void cli_spool_open(struct spool *sp, const char *path, enum spool_mode mode, const char *program);

/* Path of another program of the suite: beside this one, else by its name. */
const char *cli_sibling(const char *name, char *out, size_t n);
/* A program of the suite in a session of its own, nobody's child, with nothing open. */
void cli_start_apart(const char *path, const char *const argv[]);

/* A job's id from an operand: an id, or the key or the name of exactly one job. Ends the program (66) if there is none. */
int64_t cli_job_operand(struct spool *sp, const char *arg);

/* The job id in a line: a `job` record, or a bare id. 0: neither. */
int64_t cli_job_line(const char *line, size_t n);
/* Each job that a line of standard input names, up to its end. Ends the program (65) at a line that names none. */
void cli_job_lines(void (*each)(void *ctx, int64_t job), void *ctx);
/* What to say of line number `lineno` that names none, and the end of the program (65). */
void cli_no_job_line(long lineno) __attribute__((noreturn));

/* "90s", "10min" or "none": ends the program (64) if it is neither. */
int64_t cli_duration(const char *option, const char *arg);

/* What a pass over the spool did, one line each to standard output: a spool_report. */
struct cli_actions {
	int table, quiet;    /* quiet: problems only */
};
void cli_action(void *cli_actions, int64_t job, const char *action, const char *reason);

#endif
