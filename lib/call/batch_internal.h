/*
 * batch_internal: what the files of batch share. batch.c: limits, phases, the loop; batch_in.c: input; batch_call.c: the attempts
 * and the end of one; batch_out.c: lines.
 */
#ifndef CALL_BATCH_INTERNAL_H
#define CALL_BATCH_INTERNAL_H

#include "call/batch.h"
#include "call/body.h"
#include "call/due.h"
#include "call/journal.h"
#include "call/request.h"

#define HEAD_MAX 200                       /* bytes of a body that events show */
#define HEAD_LOOK 8192                     /* bytes in which secrets are looked for before */
#define JSON_MAX ((size_t)64 << 20)        /* larger bodies are not parsed */

enum call_state {
	CALL_WAITING,   /* read; in its host's queue */
	CALL_LAUNCHED,  /* has a place; its attempt begins in this turn */
	CALL_FOLLOWING, /* another call looks up the name */
	CALL_RUNNING,   /* on the network */
	CALL_SLEEPING,  /* until the next attempt */
	CALL_DONE       /* its line waits for its turn */
};

enum host_name { NAME_UNKNOWN, NAME_ASKED, NAME_KNOWN };

struct call;

struct host {
	char *origin;
	struct host *chain;             /* of its bucket */
	struct call *first, **tail;     /* waiting */
	struct host *ready_next;        /* queue of hosts that may have a call to begin */
	int ready, active;
	int64_t next_ns;                /* limit of attempts a second: see take_turn() */
	enum host_name name;
	struct call *leader, *followers;
	struct host *named_next;        /* learnt in this turn */
};

struct call {
	struct due_entry due;           /* first, so that one is the other */
	struct request *req;            /* NULL: the line was wrong */
	char *id;
	struct call *prev, *next;       /* all that are not written, in the order of the input */
	struct call *queue_next;        /* waiting, following or launched */
	enum call_state state;
	struct host *host;
	int tries, body_fd;
	int64_t nbody;
	int64_t start_ns, end_ns;       /* its deadline */
	int64_t try_ns, longest_ns;     /* start of this attempt; longest of all */
	struct http_exchange *x;
	struct http_answer last;
	struct body body;
	char *path;                     /* of the body's file */
	char why[600];                  /* the last failure */
	struct buf line;
};

struct counts {
	int64_t ok, failed, retries;
};

struct verdict {
	int ok;
	const char *kind;               /* class of the failure */
	char reason[600];
	int again;                      /* worth another attempt */
};

struct batch {
	const struct batch_options *o;
	struct http *http;
	struct journal *journal;
	struct batch_summary *sum;
	struct err *e;

	struct buf in;                  /* input that has been read and not parsed */
	size_t in_at;
	int64_t lineno;
	int in_eof, in_file;
	struct call *held;              /* first call of the next phase */

	struct host *buckets[1024];
	struct host *ready, **ready_tail, *named;
	struct call *first, *last;      /* not written */
	struct call *launch, **launch_tail;
	int64_t unwritten, active, begun;
	size_t held_bytes;              /* of lines that wait for their turn */
	struct due due;
	int64_t next_ns;                /* limit of attempts a second, in all */

	char phase[256];
	struct counts in_phase;
	int64_t phase_calls, phase_start_ns, finished;
	int phase_open;
	char last_error[600];
	int64_t beat_ns, sync_ns;       /* last progress, last sync */
	int64_t beat_finished, beat_retries;
	int64_t stop_ns;                /* when the end was asked for; 0: not */
	enum batch_outcome cut;         /* why no more calls begin */
	struct buf out, text;
};

/* batch_call.c. -1: the batch cannot go on, b->e is filled. */
int call_launch(struct batch *b, struct call *c);                      /* its next attempt */
int call_ended(struct batch *b, struct call *c);                       /* its exchange has */
int call_due(struct batch *b, struct call *c, int64_t now);            /* its time has come */
int call_named(struct batch *b, struct host *h);                       /* the followers may go */
/* The call has its result; journalled where `keep`. c may be gone afterwards. */
int call_finish(struct batch *b, struct call *c, const struct verdict *v, int keep);
int call_fail(struct batch *b, struct call *c, const char *kind, const char *reason, int keep); /* the same, for a failure */
int call_done_line(struct batch *b, struct call *c);                    /* its line is complete: write it, now or in its turn */
void call_free(struct batch *b, struct call *c);
int batch_take_turn(struct batch *b, struct host *h, int64_t now, int64_t *when);
void batch_host_ready(struct batch *b, struct host *h);
struct host *batch_host_of(struct batch *b, const struct request *r);  /* NULL when memory is out */

/* batch_in.c */
int in_fill(struct batch *b, int readable);                 /* read ahead; `readable`: a read would not block */
int64_t in_window(const struct batch *b);                   /* how many lines that are not written, at most */
int in_enqueue(struct batch *b, struct call *c);
int in_begin_phase(struct batch *b, const char *name);
const char *in_phase_of(const struct batch *b, const struct request *r);

/* batch_out.c */
int out_result(struct batch *b, struct call *c, const struct verdict *v);   /* into c->line */
int out_restored(struct batch *b, const struct journal_entry *x, struct buf *line);
int out_retry(struct batch *b, struct call *c, const struct verdict *v, int64_t wait_ns);
int out_error(struct batch *b, struct call *c, const struct verdict *v);
int out_phase(struct batch *b);
int out_beat(struct batch *b);                                              /* progress and counters */
int out_send(struct batch *b, struct buf *line);

#endif
