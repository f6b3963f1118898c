/*
 * gpu_args: what lib/engine/gpu.c hands to the kernel of kernels/gpu.h. A pointer of the device is on the host an address: there
 * G_PTR is defined before this is included.
 */
#ifndef KERNELS_GPU_ARGS_H
#define KERNELS_GPU_ARGS_H

#include "kernels/bins.h"

#ifndef G_PTR
#define G_PTR(type) type *
#endif

struct g_column {
	double centre, width;
	double edge[BINS_CLASSES - 1];
	uint32_t x, err, u;            /* slots; G_NO_SLOT where there is none */
	int32_t whole;
};

struct g_args {
	uint64_t seed;
	G_PTR(const uint64_t) stream;
	G_PTR(const double) tab;
	G_PTR(const struct g_column) col;
	int64_t leaf0;                 /* first leaf of task 0; a multiple of 2^level */
	int64_t dump0, ndump;          /* leaves whose results are written out, from leaf dump0 on */
	G_PTR(double) dump;           /* G_NSLOTS * 256 each */
	G_PTR(double) work;           /* NULL: shared memory */
	G_PTR(double) sums;           /* by task: nsums */
	G_PTR(double) range;          /* by task: least and greatest by column */
	G_PTR(uint64_t) bin;          /* by target: BINS_LINEAR + 2 BINS_TAIL */
	G_PTR(uint64_t) rank;         /* by target, input, input class, target class */
	G_PTR(uint64_t) errors;       /* by target: 16 kinds */
	int32_t ntasks, level, ntargets, ninputs, nsums, nwork;
	int32_t rank_dense, rank_step; /* leaves that count for ranks: below the one, or multiples of the other */
};

#endif
