/*
 * shim: CUDA's built-ins in C, so that generated CUDA source runs on a CPU: one block at a time, its threads one after the
 * other in each step. Include it before the source (cc -include).
 *
 * Exports shim_launch(args, block, nblocks): block number `block` of a grid of nblocks.
 */
#ifndef TESTS_GPU_SHIM_H
#define TESTS_GPU_SHIM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define __CUDACC__ 13
#define __device__
#define __global__
#define __forceinline__ inline __attribute__((unused))
#define __noinline__ __attribute__((noinline, unused))

static inline long long
__double_as_longlong(double x)
{
	long long b;

	memcpy(&b, &x, sizeof b);
	return b;
}

static inline double
__longlong_as_double(long long b)
{
	double x;

	memcpy(&x, &b, sizeof x);
	return x;
}

static _Thread_local int64_t shim_block, shim_blocks;
static _Thread_local double g_shared[29056]; /* 227 KiB, what a block may have */

#define G_EACH(step)                                                                           \
	do {                                                                                   \
		for (int tid = 0; tid < 256; tid++) {                                          \
			step;                                                                  \
		}                                                                              \
	} while (0)
#define G_KERNEL static void
#define G_FUNC static __attribute__((unused)) void
#define G_PART static __attribute__((noinline)) void
#define G_BLOCK shim_block
#define G_BLOCKS shim_blocks
#define G_COUNT(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)

struct g_args;
static void sim_leaves(const struct g_args args);
__attribute__((visibility("default"))) void shim_launch(const void *args, int64_t block, int64_t nblocks);

#endif
