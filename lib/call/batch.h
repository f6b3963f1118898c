/*
 * batch: many calls, each with one deadline, retried by rules, under limits; request lines in, event and result lines out.
 * Knows neither spool nor formulas.
 *
 * What holds (numbers are cited in the code):
 *  1. A call's clock starts when it gets one of the `jobs` places, and runs through looking up names, connecting, transfer,
 *     every retry and every wait. It has its result at its deadline, give or take the loop's turn; never 100 ms later.
 *  2. A request that may not be repeated (retry_method_repeats(), no idempotency key) is sent once. With a state file that
 *     holds across restarts: that it is about to be sent is on disk before it is.
 *  3. Each request line has exactly one result line, but for lines that had not begun when the batch was cut short.
 *  4. With a state file a call that has a result is not made again: its result line is written again, marked "restored".
 *  5. One look-up of a name at a time: calls to a host whose name is unknown wait for the first of them.
 *  6. A call in back-off keeps its place, so a service that is down slows the batch instead of being hammered.
 *  7. Phases are barriers: the first call of another phase begins when all before it have ended, and not at all where the
 *     phase before missed its percentage of min_ok.
 *  8. No value of a secret header is in any line.
 */
#ifndef CALL_BATCH_H
#define CALL_BATCH_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "call/http.h"
#include "call/retry.h"

enum batch_least { BATCH_ALL, BATCH_COUNT, BATCH_PERCENT };

struct batch_options {
	const char *job;               /* of the records; NULL: none */
	int64_t attempt;
	int input_fd;
	const char *head;              /* input that was read already, before what input_fd gives */
	size_t nhead;
	int64_t total;                 /* request lines in all, where that is known; else -1 */

	int jobs;                      /* calls at once */
	int per_host;                  /* of these to one origin; 0: no limit */
	double rate, host_rate;        /* attempts begun a second, in all and to one origin; 0: no limit */
	int input_order;               /* results in the order of the input */

	int64_t call_ns;               /* deadline of a call that has none of its own */
	int64_t attempt_ns;            /* limit of one attempt; 0: what is left of the call's */
	int64_t until_ns;              /* of the batch, clk_boot_ns(); 0: none */
	struct retry_rules retry;
	int redirects;

	size_t inline_max;             /* larger bodies go to files in body_dir */
	int64_t max_body;              /* larger bodies are failures */
	const char *body_dir;          /* NULL: none */
	int discard;                   /* bodies are checked and counted, not kept */

	const char *state;             /* journal; NULL: none */
	int retry_failed;              /* calls whose result is a failure, and that may be repeated, are made again */
	enum batch_least least;        /* how many must succeed */
	double least_value;

	const char *phase;             /* of calls without one; NULL: none */
	int64_t interval_ns;           /* of progress and counters; 0: 1 s */
	struct http_options http;      /* on_named and ctx are set by batch_run() */
	volatile sig_atomic_t *stop;   /* not 0: begin nothing, give what runs a second; NULL: none */

	/* Each line, with its newline; the buffer may be cleared. -1 ends the batch. */
	int (*line)(void *ctx, struct buf *line, struct err *e);
	void (*bar)(void *ctx, int64_t done, int64_t total); /* may be NULL */
	void *ctx;
};

enum batch_outcome { BATCH_COMPLETED, BATCH_FAILED, BATCH_DEADLINE, BATCH_STOPPED };

struct batch_summary {
	enum batch_outcome outcome;
	int64_t calls, ok, failed, retries, restored; /* calls: request lines read */
	int degraded;                  /* completed, and not all succeeded */
	char reason[600];              /* "" where completed */
};

void batch_defaults(struct batch_options *o);
/* "5", "95%", "all". 0, or -1 with 64. */
int batch_parse_least(struct batch_options *o, const char *s, struct err *e);

/* Runs the batch to an end, whatever it is: 0. -1 where it could not go on: input, output, journal, memory. */
int batch_run(const struct batch_options *o, struct batch_summary *s, struct err *e);

#endif
