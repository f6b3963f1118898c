/*
 * cli: what every program's main() needs: messages, exit statuses, help, the terminal.
 */
#ifndef COMMON_CLI_H
#define COMMON_CLI_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "formula/value.h"

/* Call first: names the program in messages; puts signal dispositions and the mask back to their defaults. */
void cli_start(const char *program);

/* One line on standard error, and the error's status. */
void cli_die(const struct err *e) __attribute__((noreturn));
/* "prog: …" and a hint at --help; status 64. */
void cli_usage(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* After getopt has complained: the hint alone, status 64. */
void cli_usage_hint(void) __attribute__((noreturn));
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int cli_help(const char *text);    /* to standard output; returns 0 (74 where that fails) */
int cli_version(void);             /* "prog 0.1.0" */

/* The line of a table that begins at b->s + from: control characters in what others have named become "?", but for its newline. */
void cli_plain(struct buf *b, size_t from);

/* Text to standard output, all of it, or the program ends with 74. */
void cli_out(const char *s, size_t n);

int cli_colour(int fd);            /* a terminal, and NO_COLOR is not set */
int cli_width(int fd);             /* columns of the terminal; 80 where unknown */

enum cli_format { CLI_TABLE, CLI_NDJSON, CLI_JSON, CLI_CSV };
/* --format's argument; ends the program (64) if it is none of those in `allowed` ("table ndjson"). */
enum cli_format cli_format(const char *arg, const char *allowed);

/* A progress bar on standard error, redrawn in place; done: wipe it. */
void cli_progress_bar(int64_t done, int64_t total, double seconds, const char *unit);
void cli_progress_done(void);

/* A worksheet value as a field of a record. */
int cli_record_value(struct buf *b, const char *key, const struct value *v);

/* The same for a person: 1.5, "text", {2 x 3}. */
void cli_put_value(struct buf *b, const struct value *v);

/* End by the signal, with its default action. */
void cli_reraise(int sig) __attribute__((noreturn));

#endif
