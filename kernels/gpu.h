/*
 * gpu: the end of generated CUDA source: the kernel around the formulas.
 *
 * A block of G_THREADS threads takes one task after another; a task is 2^level aligned leaves of 256 trials, one leaf
 * at a time, one trial a thread. What leaves the block is what lib/stats keeps: the sums of the task's node, each column's
 * least and greatest value, and counts. The order of every addition is that of lib/stats: eight strided sums a leaf
 * (stats/isa/leaf.c), then the tree over them, then the binary tree over leaves.
 *
 * Memory of a block, in shared memory or, where that is too small, in its part of a.work (doubles):
 *   G_NSLOTS * 256          results of the leaf, by slot: column-major, 256 trials each
 *   8 * nsums               strided sums
 *   16 * ncols              least and greatest, eight of each a column
 *   nsums * (level + 1)     the tree above the leaves
 *
 * The same text runs on a CPU: tests/gpu/shim.h makes G_EACH a loop over the threads.
 */
#include "kernels/gpu_args.h"

#ifndef G_EACH /* on a GPU every thread does the step, then all wait */
#define G_EACH(step)                                                                           \
	do {                                                                                   \
		int tid = (int)threadIdx.x;                                                    \
		step;                                                                          \
		__syncthreads();                                                               \
	} while (0)
#define G_KERNEL extern "C" __global__ void __launch_bounds__(256)
#define G_FUNC static __device__ __forceinline__ void
#define G_BLOCK ((int64_t)blockIdx.x)
#define G_BLOCKS ((int64_t)gridDim.x)
#define G_COUNT(p) atomicAdd((unsigned long long *)(p), 1ULL)
extern __shared__ double g_shared[];
#endif

#define G_THREADS 256
#define G_NO_SLOT 0xffffffffu

struct g_block {                       /* what the threads of a block share */
	double *out, *lanes, *range, *tree;
	int64_t leaf, task, n;         /* leaf, its task, its place in the task */
};

G_FUNC
g_draw_pairs(const struct g_args *a, const struct g_block *b, int tid)
{
#if G_SHARED_UNIFORMS
	int k;

	for (k = tid; k < G_NSTREAMS * 128; k += G_THREADS) {
		double *u = b->out + (k >> 7) * 256 + 2 * (k & 127);

		philox_pair(a->seed, a->stream[k >> 7], (uint64_t)(b->leaf * 128 + (k & 127)), u, u + 1);
	}
#else
	(void)a, (void)b, (void)tid;
#endif
}

/* The trial of this thread counts: errors, histogram, ranks. */
G_FUNC
g_count(const struct g_args *a, const struct g_block *b, int tid)
{
	const double *out = b->out + tid;
	int ranked = b->leaf < a->rank_dense || b->leaf % a->rank_step == 0, t, i, k;

	for (t = 0; t < a->ntargets; t++) {
		const struct g_column *c = &a->col[t];
		double x = out[(size_t)c->x * 256], e = c->err == G_NO_SLOT ? 0.0 : out[(size_t)c->err * 256];

		if (e != 0) {
			G_COUNT(a->errors + t * 16 + ((int)e & 15));
			continue;
		}
		G_COUNT(a->bin + (int64_t)t * (BINS_LINEAR + 2 * BINS_TAIL) + bins_place(x - c->centre, c->width, c->whole));
		if (!ranked)
			continue;
		k = bins_class(c->edge, x);
		for (i = 0; i < a->ninputs; i++) {
			int64_t ci = (int64_t)(out[(size_t)a->col[a->ntargets + i].u * 256] * BINS_CLASSES);

			G_COUNT(a->rank + (((int64_t)t * a->ninputs + i) * BINS_CLASSES + ci) * BINS_CLASSES + k);
		}
	}
}

G_FUNC
g_trial(const struct g_args *a, const struct g_block *b, int tid)
{
	const double *tab = a->tab;
	double *out = b->out + tid, s[G_NKEPT + 1];
	struct g_draw draw, *u = &draw;

	draw.seed = a->seed;
	draw.trial = (uint64_t)(b->leaf * 256 + tid);
	draw.stream = a->stream;
	(void)tab, (void)s, (void)u;
	G_PARTS
	if (b->leaf >= a->dump0 && b->leaf < a->dump0 + a->ndump) {
		double *to = a->dump + (b->leaf - a->dump0) * (int64_t)G_NSLOTS * 256 + tid;
		int k;

		for (k = 0; k < G_NSLOTS; k++)
			to[(int64_t)k * 256] = out[(int64_t)k * 256];
	}
	g_count(a, b, tid);
}

/* x - centre of trial k, 0 where it is an error. */
K_SCALAR double
g_difference(const struct g_column *c, const double *out, int k)
{
	double d = out[(size_t)c->x * 256 + (size_t)k] - c->centre;

	return c->err != G_NO_SLOT && out[(size_t)c->err * 256 + (size_t)k] != 0 ? 0.0 : d;
}

/* Lane j of column i: every eighth trial, in order. */
G_FUNC
g_power_lane(const struct g_args *a, const struct g_block *b, int i, int j)
{
	const struct g_column *c = &a->col[i];
	double s1 = 0, s2 = 0, s3 = 0, s4 = 0, *to = b->lanes + (size_t)i * 32 + (size_t)j, *r = b->range + (size_t)i * 16 + (size_t)j;
	double lo = r[0], hi = r[8];
	int k;

	for (k = j; k < 256; k += 8) {
		double x = b->out[(size_t)c->x * 256 + (size_t)k], v = g_difference(c, b->out, k), q = v * v;
		int bad = c->err != G_NO_SLOT && b->out[(size_t)c->err * 256 + (size_t)k] != 0;

		s1 += v;
		s2 += q;
		s3 += q * v;
		s4 += q * q;
		lo = !bad && x < lo ? x : lo;
		hi = !bad && x > hi ? x : hi;
	}
	to[0] = s1;
	to[8] = s2;
	to[16] = s3;
	to[24] = s4;
	r[0] = lo;
	r[8] = hi;
}

/* Lane j of the product of target and input number k. */
G_FUNC
g_cross_lane(const struct g_args *a, const struct g_block *b, int k, int j)
{
	const struct g_column *t = &a->col[k / a->ninputs], *i = &a->col[a->ntargets + k % a->ninputs];
	double s = 0;
	int n;

	for (n = j; n < 256; n += 8)
		s += g_difference(t, b->out, n) * g_difference(i, b->out, n);
	b->lanes[(size_t)(a->ntargets + a->ninputs) * 32 + (size_t)k * 8 + (size_t)j] = s;
}

G_FUNC
g_lanes(const struct g_args *a, const struct g_block *b, int tid)
{
	int ncols = a->ntargets + a->ninputs, n = 8 * (ncols + a->ntargets * a->ninputs), k;

	for (k = tid; k < n; k += G_THREADS) {
		if (k < 8 * ncols)
			g_power_lane(a, b, k >> 3, k & 7);
		else
			g_cross_lane(a, b, (k >> 3) - ncols, k & 7);
	}
}

/* Each sum of the leaf goes up the tree as far as its left sibling is there; the last one of the task is the task's. */
G_FUNC
g_tree(const struct g_args *a, const struct g_block *b, int tid)
{
	int k, l;

	for (k = tid; k < a->nsums; k += G_THREADS) {
		const double *v = b->lanes + (size_t)k * 8;
		double s = ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));

		for (l = 0; b->n >> l & 1; l++)
			s = b->tree[(size_t)l * (size_t)a->nsums + (size_t)k] + s;
		b->tree[(size_t)l * (size_t)a->nsums + (size_t)k] = s;
		if (b->n + 1 == (int64_t)1 << a->level)
			a->sums[b->task * a->nsums + k] = s;
	}
}

G_FUNC
g_begin(const struct g_args *a, const struct g_block *b, int tid)
{
	int k;

	for (k = tid; k < 16 * (a->ntargets + a->ninputs); k += G_THREADS)
		b->range[k] = k & 8 ? -K_INF : K_INF;
}

G_FUNC
g_end(const struct g_args *a, const struct g_block *b, int tid)
{
	int ncols = a->ntargets + a->ninputs, k, j;

	for (k = tid; k < ncols; k += G_THREADS) {
		double lo = K_INF, hi = -K_INF;

		for (j = 0; j < 8; j++) {
			lo = b->range[k * 16 + j] < lo ? b->range[k * 16 + j] : lo;
			hi = b->range[k * 16 + 8 + j] > hi ? b->range[k * 16 + 8 + j] : hi;
		}
		a->range[(b->task * ncols + k) * 2] = lo;
		a->range[(b->task * ncols + k) * 2 + 1] = hi;
	}
}

G_KERNEL
sim_leaves(const struct g_args args)
{
	const struct g_args *a = &args;
	struct g_block block, *b = &block;

	block.out = a->work ? a->work + G_BLOCK * a->nwork : g_shared;
	block.lanes = block.out + (size_t)G_NSLOTS * 256;
	block.range = block.lanes + (size_t)a->nsums * 8;
	block.tree = block.range + (size_t)(a->ntargets + a->ninputs) * 16;
	for (block.task = G_BLOCK; block.task < a->ntasks; block.task += G_BLOCKS) {
		G_EACH(g_begin(a, b, tid));
		for (block.n = 0; block.n < (int64_t)1 << a->level; block.n++) {
			block.leaf = a->leaf0 + (block.task << a->level) + block.n;
			G_EACH(g_draw_pairs(a, b, tid));
			G_EACH(g_trial(a, b, tid));
			G_EACH(g_lanes(a, b, tid));
			G_EACH(g_tree(a, b, tid));
		}
		G_EACH(g_end(a, b, tid));
	}
}
