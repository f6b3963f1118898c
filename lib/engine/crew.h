/*
 * crew: those who share the trials of one run: threads of the CPU (sim_run.c) and devices (sim_gpu.c).
 *
 * Trials are handed out from `next` upwards. What a device took and could not deliver goes to `again` and is taken from
 * there first. A thread ends when nothing is left and nobody could give anything back.
 */
#ifndef ENGINE_CREW_H
#define ENGINE_CREW_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "engine/jit.h"
#include "engine/sim.h"

struct crew_range {
	int64_t first, last;
};

struct crew {
	struct sim *s;
	const struct sim_run_options *o;
	struct stats *total;
	int64_t chunk;              /* trials; a multiple of VM_BLOCK, a power of two of them */
	atomic_int_fast64_t next;   /* first trial of the next chunk */
	atomic_int_fast64_t done;
	atomic_int running;
	atomic_int halt;            /* 1 stopped, 2 deadline, 3 failed */
	int64_t halted_ns;          /* when watch() saw halt */
	atomic_int leave;           /* blocks in hand are given up: they took too long after halt */
	struct giveup giveup;       /* leave */
	pthread_mutex_t lock;       /* total, write_turn, err, again, out, notes */
	pthread_cond_t turn, idle, more;
	int64_t write_turn;         /* first trial of the chunk whose rows are written next */
	double block_s;             /* seconds a block takes on the vector machine */
	struct jit_job *jit;        /* in the background */
	struct jit *jit_now;        /* JIT_ON: there from the start */
	atomic_int_fast64_t compiled;
	struct crew_range *again;   /* given back */
	size_t nagain;
	int out;                    /* devices that hold what they may give back */
	volatile int cancel;        /* nothing is left for a device that is not ready yet */
	struct sim_note *note;      /* told by threads, passed on by watch() */
	size_t nnotes;
	struct gpu_worker *gpu;
	int ngpus;
	struct err err;
};

struct worker {
	struct crew *crew;
	pthread_t thread;
	struct vm_run *run;
	struct stats *stats;
	struct buf rows;
	int started;
	int64_t pilot;              /* its run holds the pilot block still: trials up to here are its first chunk; else 0 */
};

/* Trials [from, to), within one chunk, by the vector machine or compiled code; fewer where the run was halted meanwhile. -1: the run has failed. */
int crew_run_chunk(struct worker *w, int64_t from, int64_t to);
/* The next chunk; waits while devices may still give something back. 0 when there is none. */
int crew_take(struct crew *c, int64_t *from, int64_t *to);
void crew_give_back(struct crew *c, int64_t first, int64_t last);
void crew_fail(struct crew *c, const struct err *e);
void crew_note(struct crew *c, const struct sim_note *n);

/* Devices, sim_gpu.c. Started before the threads; -1 where --device gpu cannot be had. */
int crew_gpu_start(struct crew *c, struct err *e);
/* After every thread has ended: their results into c->total. */
int crew_gpu_finish(struct crew *c, struct sim_result *r, struct err *e);

#endif
