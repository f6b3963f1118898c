/*
 * engine: the options that every program running simulations takes (sim-engine, sim), and what they do.
 */
#ifndef COMMON_ENGINE_H
#define COMMON_ENGINE_H

#include <getopt.h>
#include <stdint.h>

#include "engine/sim.h"
#include "engine/spec.h"
#include "stats/partial.h"

struct engine_options {
	struct spec spec;
	int threads;
	enum isa isa;
	enum jit_mode jit;
	const char *samples;
	int samples_ndjson;
	int64_t start_ns;    /* CLOCK_BOOTTIME, when engine_options_init() was called: --timeout counts from here */
	int64_t timeout_ns;
	int64_t deadline_real_ns; /* 0: none */
	enum sim_device device;
	int ordinal;         /* of the GPU; -1: all */
	enum sim_validate validate;
};

enum {
	ENGINE_OPT_SEED = 500, ENGINE_OPT_TRIALS, ENGINE_OPT_SPEC, ENGINE_OPT_SET, ENGINE_OPT_SAMPLES,
	ENGINE_OPT_ISA, ENGINE_OPT_JIT, ENGINE_OPT_DEVICE, ENGINE_OPT_VALIDATE, ENGINE_OPT_TIMEOUT, ENGINE_OPT_DIALECT,
	ENGINE_OPT_CORRELATE, ENGINE_OPT_DEADLINE
};

#define ENGINE_SHORT_OPTIONS "i:t:n:j:"
#define ENGINE_LONG_OPTIONS                                                                            \
	{"input", required_argument, 0, 'i'}, {"target", required_argument, 0, 't'},                   \
	{"number", required_argument, 0, 'n'}, {"threads", required_argument, 0, 'j'},                 \
	{"seed", required_argument, 0, ENGINE_OPT_SEED}, {"trials", required_argument, 0, ENGINE_OPT_TRIALS}, \
	{"spec", required_argument, 0, ENGINE_OPT_SPEC}, {"set", required_argument, 0, ENGINE_OPT_SET}, \
	{"samples", required_argument, 0, ENGINE_OPT_SAMPLES}, {"isa", required_argument, 0, ENGINE_OPT_ISA}, \
	{"device", required_argument, 0, ENGINE_OPT_DEVICE},                                           \
	{"validate", required_argument, 0, ENGINE_OPT_VALIDATE},                                       \
	{"jit", required_argument, 0, ENGINE_OPT_JIT},                                                 \
	{"timeout", required_argument, 0, ENGINE_OPT_TIMEOUT},                                         \
	{"dialect", required_argument, 0, ENGINE_OPT_DIALECT},                                         \
	{"correlate", required_argument, 0, ENGINE_OPT_CORRELATE},                                     \
	{"deadline", required_argument, 0, ENGINE_OPT_DEADLINE},

#define ENGINE_USAGE                                                                                   \
	"  -i, --input 'CELL ~ DIST(...)'  make a cell a random input (repeatable)\n"                  \
	"  -t, --target CELL  a cell or range to simulate (repeatable)\n"                              \
	"  -n, --number N     number of trials, such as 1e6 (default 100000)\n"                        \
	"      --seed N       seed; random, and printed, if it is not given\n"                         \
	"      --trials A..B  only trials A up to, not including, B\n"                                 \
	"      --spec FILE    inputs, targets, trials, seed from a file, sim-spec(5)\n"                \
	"      --correlate A,B=R  rank correlation of two inputs, or of several: A,B,C=RANGE (repeatable)\n" \
	"      --set CELL=CONTENT  another content for a cell; =FORMULA works (repeatable)\n"          \
	"      --samples FILE write every trial's inputs and targets, CSV (NDJSON if so named)\n"      \
	"  -j, --threads N    threads (default: processors that may be used)\n"                        \
	"      --isa NAME     instruction set: auto, avx512, avx2, base (or $SIM_ISA)\n"               \
	"      --jit WHEN     off, auto, on: compile the model with the machine's compiler\n"          \
	"      --device NAME  auto, cpu, gpu (all of them), gpu:N\n"                                    \
	"      --validate HOW first, sample, all: what of a GPU's work the CPU repeats\n"               \
	"      --timeout TIME end after this long (90s, 10min, 2h), status 124\n"                      \
	"      --deadline TIME  end at this time (2026-11-21T18:00:00Z), or this long from now\n"      \
	"      --dialect NAME @risk, or xlrisk: LogNorm takes mu and sigma of ln X\n"

#define ENGINE_TRIALS_DEFAULT 100000

void engine_options_init(struct engine_options *o);
/* One option of the list above; a wrong argument ends the program (64, 65, 66). */
void engine_option(struct engine_options *o, int c, char *arg);
/* The files of --spec, after all options. */
void engine_read_specs(struct engine_options *o);
/* Defaults, seed, environment. */
void engine_options_finish(struct engine_options *o);
/* When to end, on the clock of clk_boot_ns(): the earlier of --timeout and --deadline; 0: never. */
int64_t engine_deadline(const struct engine_options *o);
void engine_options_free(struct engine_options *o);

/* Devices as NDJSON on fd. Returns an exit status. */
int engine_list_devices(int fd);
/* A name for one run of an engine, unique in practice: 32 hex digits. */
void engine_run_id(char out[40]);
/* What partial lines say of the model: shared by all slices of one job. partial_head_free() with the number of columns. */
void engine_partial_head(const struct sim *s, const struct engine_options *o, const char *job, int64_t attempt, const char *run,
                         struct partial_head *h);

/* The windows of the summary in a file ("-": standard input) that is of this model and seed: what a second pass looks at. The caller frees
 * *edge. 0 or -1 (65, 66). */
int engine_read_refine(const struct sim *s, uint64_t seed, const char *path, struct stats_edge **edge, size_t *n, struct err *e);

#endif
