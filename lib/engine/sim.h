/*
 * sim: from a spec to a running simulation on the CPU.
 *
 * sim_open loads the workbook, makes the spec's changes, finds the targets, compiles. sim_run runs trials [first, last) on
 * threads and leaves statistics. Threads take chunks of trials in increasing order, so that whatever was
 * finished when a run is stopped is one range without holes.
 */
#ifndef ENGINE_SIM_H
#define ENGINE_SIM_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "engine/jit.h"
#include "engine/lower.h"
#include "engine/notes.h"
#include "engine/spec.h"
#include "engine/vm.h"
#include "stats/stats.h"

struct sim_column {
	const char *name;          /* "Summary!B12" or the name given */
	const char *cell;          /* "Summary!B12" */
	const char *text;          /* input: "normal(100,15)"; target: NULL */
	int is_target;
};

struct sim {
	struct workbook *wb;
	struct model *model;
	struct lower *lower;
	struct vm_program *prog;
	struct sim_column *col;    /* targets, then inputs */
	size_t ntargets, ninputs;
	size_t ninputs_found;      /* more than ninputs where some are not tracked */
	enum isa isa;
	uint64_t hash[2];          /* of the workbook and of all that was changed in it: equal hashes give equal draws and results */
	struct note *note;         /* engine/notes.h: for warnings */
	size_t nnotes;
	double load_s, compile_s;  /* seconds spent */
	struct arena arena;
};

#define SIM_MAX_INPUTS 256         /* inputs with statistics of their own; more still draw */

/* Errors: 65, 66 as workbook_load; a target that is no number cell, an unknown function it needs … */
int sim_open(struct sim *s, struct spec *spec, enum isa isa, struct err *e);
void sim_close(struct sim *s);

struct sim_progress {
	int64_t done, total;       /* trials; measured */
	double seconds;
};

/* What a person should know, or what went wrong on a device. */
struct sim_note {
	int is_error;
	int64_t trial;             /* -1: none */
	const char *cell;          /* NULL: none */
	char message[1100];
};

enum sim_device { SIM_AUTO, SIM_CPU, SIM_GPU };
enum sim_validate { SIM_VALIDATE_FIRST, SIM_VALIDATE_SAMPLE, SIM_VALIDATE_ALL };
#define SIM_GPUS 16

struct sim_share {                 /* what a device did */
	char device[160];
	int64_t trials;
};

struct sim_run_options {
	uint64_t seed;
	int64_t first, last;
	int threads;
	volatile sig_atomic_t *stop;   /* set: finish the chunks in hand, or leave them where that takes long, and return */
	int64_t deadline_ns;       /* CLOCK_BOOTTIME; 0: none. Passed: as stop, result->timed_out */
	void (*progress)(void *ctx, const struct sim_progress *p); /* about once a second, from the calling thread */
	void *ctx;
	enum jit_mode jit;         /* JIT_AUTO: where it pays; JIT_ON: from the first trial on */
	enum sim_device device;
	int ordinal;               /* of the GPU; -1: all of them */
	enum sim_validate validate;
	void (*note)(void *ctx, const struct sim_note *n); /* from the calling thread; the run goes on */
	int samples_fd;            /* -1: none; rows in trial order */
	int samples_ndjson;
	const struct stats_edge *refine; /* windows for exact order statistics (stats/windows.h); NULL: none */
	size_t nrefine;
};

struct sim_result {
	struct stats *stats;       /* of [first, last) as done; stats_free() */
	int64_t first, last;
	int stopped, timed_out;
	int64_t trials;            /* done; fewer than last - first only where a device was lost or blocks were left: stats_ranges() tells which */
	int64_t compiled;          /* trials of the compiled tier (jit.h) */
	struct sim_share share[SIM_GPUS]; /* GPUs; the CPU did the rest */
	int nshares;
	double seconds;
};

/* After vm_block(): where the statistics find each column's lanes. */
void sim_column_lanes(const struct sim *s, const struct vm_run *run, struct stats_block *b);

int sim_run(struct sim *s, const struct sim_run_options *o, struct sim_result *r, struct err *e);

/* One trial on the scalar evaluator, with the very draws of a run: calls back for every cell that the targets need
 * and that depends on a draw, precedents first. */
typedef void sim_cell_fn(void *ctx, int sheet, int32_t row, int32_t col, const struct formula *f, struct value v);
int sim_replay(struct sim *s, uint64_t seed, int64_t trial, sim_cell_fn *fn, void *ctx, struct err *e);

#endif
