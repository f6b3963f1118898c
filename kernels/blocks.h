/*
 * blocks: functions over a block of lanes, several vectors at a time, so that one does not wait for the chain of another.
 *
 *   kv_block_norminv(o, u, n)              o = norm_inv(u)
 *   kv_block_normal(o, u, n, mean, sd)     o = sample_normal(u, mean, sd)
 *   kv_block_lognorm2(o, u, n, mu, sigma)  o = sample_lognorm2(u, mu, sigma)
 *
 * For the vector machine and compiled programs: vectors only. The bits are those of one vector at a time. o may be u; n is a multiple of
 * KLANES, at most 256.
 */
#include "kernels/sample.h"

#if !defined(KERNELS_BLOCKS_H) && !defined(__CUDACC__) /* a GPU has no lanes of one thread */
#define KERNELS_BLOCKS_H

#define BLOCK_MOST 256
#define BLOCK_WIDE (KLANES == 8 ? 4 : KLANES == 4 ? 2 : 1)
#define BLOCK_STEP (BLOCK_WIDE * KLANES)

/* Lanes in the tails are rare: their vectors are put aside, and done when the rest is. */
struct kv_block_aside {
	size_t n, at[BLOCK_MOST / BLOCK_STEP];
	double u[BLOCK_MOST];
};

static __attribute__((unused)) void
kv_block_tails(double *o, const struct kv_block_aside *s)
{
	size_t i, j;

	for (i = 0; i < s->n; i++)
		for (j = 0; j < BLOCK_STEP; j += KLANES) {
			kd u = k_load(s->u + i * BLOCK_STEP + j);
			km tail = K(norm_inv_in_tail)(u);

			if (k_any(tail))
				k_store(o + s->at[i] + j, k_sel(tail, K(norm_inv_tail)(u), k_load(o + s->at[i] + j)));
		}
}

static __attribute__((noinline, unused)) void
kv_block_norminv(double *o, const double *u, size_t n)
{
	struct kv_block_aside s;
	size_t k = 0;
	int j;

	for (s.n = 0; k + BLOCK_STEP <= n; k += BLOCK_STEP) {
		kd x[BLOCK_WIDE], z[BLOCK_WIDE];
		km tail;

#pragma GCC unroll 4
		for (j = 0; j < BLOCK_WIDE; j++) {
			x[j] = k_load(u + k + (size_t)j * KLANES);
			z[j] = K(norm_inv_centre)(x[j]);
			tail = j ? k_mor(tail, K(norm_inv_in_tail)(x[j])) : K(norm_inv_in_tail)(x[j]);
		}
		if (__builtin_expect(k_any(tail), 0)) {
			s.at[s.n] = k;
			for (j = 0; j < BLOCK_WIDE; j++)
				k_store(s.u + s.n * BLOCK_STEP + (size_t)j * KLANES, x[j]);
			s.n++;
		}
#pragma GCC unroll 4
		for (j = 0; j < BLOCK_WIDE; j++)
			k_store(o + k + (size_t)j * KLANES, z[j]);
	}
	kv_block_tails(o, &s);
	for (; k < n; k += KLANES)
		k_store(o + k, K(norm_inv)(k_load(u + k)));
}

static __attribute__((unused)) void
kv_block_normal(double *o, const double *u, size_t n, double mean, double sd)
{
	kd m = k_set(mean), s = k_set(sd);
	size_t k;

	kv_block_norminv(o, u, n);
	for (k = 0; k < n; k += KLANES)
		k_store(o + k, m + s * k_load(o + k));
}

static __attribute__((unused)) void
kv_block_lognorm2(double *o, const double *u, size_t n, double mu, double sigma)
{
	kd m = k_set(mu), s = k_set(sigma);
	size_t k;

	kv_block_norminv(o, u, n);
	for (k = 0; k < n; k += KLANES)
		k_store(o + k, K(exp)(m + s * k_load(o + k)));
}

#endif
