/*
 * gpu: a model on one NVIDIA GPU. The kernel (kernels/gpu.h and the generated formulas) computes tasks of 2^level leaves and
 * leaves behind what lib/stats keeps; nothing per trial leaves the device unless leaves are asked for.
 *
 * One struct gpu belongs to one thread. A launch is a transaction: its results are in `struct gpu_batch` once
 * gpu_poll() says so, and nobody counts them before. Every failure is returned, none is repaired here: lib/engine/sim_gpu.c
 * decides what to do.
 */
#ifndef ENGINE_GPU_H
#define ENGINE_GPU_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/gen.h"
#include "engine/vm.h"
#include "stats/batch.h"

struct gpu;

/* Results of a launch. Owned by the gpu, good until the slot is launched again. */
struct gpu_batch {
	struct stats_batch s;     /* one node a task */
	int64_t dump0, ndump;     /* leaves in dump */
	const double *dump;
};

#define GPU_SLOTS 2               /* launches in flight */
#define GPU_LAUNCH_SECONDS 0.15

/* How many devices the driver offers; 0 and the reason when none can be used. */
int gpu_count(struct err *e);

/* p: the program, whose roots are by target value and error, by input value and uniform (sim.h). pilot: its columns have their
 * centre, width and edges. level: of the tasks. dump_max: leaves that can be asked for at once (fewer where they
 * are large: gpu_dump_max). *cancel ends it early. Compiles, or takes
 * from the cache. NULL: status 69 and the reason. */
struct gpu *gpu_open(const struct vm_program *p, const struct stats *pilot, uint64_t seed, int ordinal, int level, int dump_max,
                     volatile int *cancel, struct err *e);
/* lost: the device hangs: leave everything to the end of the process. */
void gpu_close(struct gpu *g, int lost);

const char *gpu_name(const struct gpu *g);
/* Tasks a launch may have; a good multiple for the device. */
int64_t gpu_tasks_max(const struct gpu *g);
int64_t gpu_dump_max(const struct gpu *g);
int64_t gpu_tasks_unit(const struct gpu *g);

int gpu_launch(struct gpu *g, int slot, int64_t task0, int64_t ntasks, int64_t dump0, int64_t ndump, struct err *e);
/* 1: done, the results are in *b; 0: not yet; -1. */
int gpu_poll(struct gpu *g, int slot, struct gpu_batch *b, struct err *e);
/* Lanes of a root in leaf number k of the dump; NULL if the root is IR_NONE. */
const double *gpu_lanes(const struct gpu *g, const struct gpu_batch *b, int64_t k, size_t root);

#endif
