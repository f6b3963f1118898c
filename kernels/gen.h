/*
 * gen: what generated source stands on, in both its dialects (lib/engine/gen.h).
 *
 * With LANE_VECTOR defined it is C on vectors: statements on kd of KLANES lanes, slow operations by a call to the host,
 * which runs the vector machine's own function on one vector. Without, it is CUDA C (or C with a shim for CUDA's
 * built-ins): the same statements on doubles, slow operations inline.
 *
 *   G_NEAR(site, name, a, b)    operation of kind NEAR or EACH; site: the host's number for it (vectors only)
 *   G_ROUND(site, x, n)         ROUND to n digits, a constant (vectors only)
 *   K(g_index)(x, last)         whole number in 1 .. last, for the selections of PICK
 *   K(g_countle)(t, n, x)       CUDA only; G_NUMCALL, G_DISTCALL: CUDA only
 *   G_U(s)                      the uniform of stream s; G_DRAW(s), vectors only, makes those of a block
 *   G_KEPT(n), G_KEEP(n, x)     value n of those that live on between parts; G_OUT(n, x): slot n of the results
 *   G_LOOP                      the statements of a part, for all vectors of a block
 */
#include "kernels/ops.h"
#include "kernels/philox.h"
#include "kernels/sample.h"
#include "kernels/invtab.h"
#ifdef LANE_VECTOR
#include "kernels/blocks.h"
#include "kernels/gen_args.h"
#endif

#if (KLANES == 1 && !defined(KERNELS_GEN_S)) || (KLANES > 1 && !defined(KERNELS_GEN_V))
#if KLANES > 1
#define KERNELS_GEN_V
#else
#define KERNELS_GEN_S
#endif

K_FN kd
K(g_index)(kd a, double last)
{
	kd x = k_sel(k_ge(a, k_set(1.0)), a, k_set(1.0));

	return k_trunc(k_sel(k_le(x, k_set(last)), x, k_set(last)));
}

#if KLANES > 1

/* From one block of 256 lanes to the next in memory. A loop touches the same lanes of many: at multiples of 2048 bytes they would all fall into two
 * sets of the first-level cache. lib/engine/gen.h has it too. */
#define G_STRIDE 264

/* A part goes over the whole block before the next one begins, so that its code stays in the cache of instructions. */
#define G_PARAMS const struct g_block_args *a, const double *tab, double *out, double *s
#define G_PASS a, tab, out, s
#define G_DRAW(n) kv_philox_fill(out + (n) * G_STRIDE, a->seed, a->stream[n], a->trial0, 256);
#define G_LOOP for (size_t k = 0; k < 256; k += KLANES)
#define G_PART static __attribute__((noinline)) void
#define G_FAR static __attribute__((noinline))
#define G_U(n) k_load(out + (n) * G_STRIDE + k)
#define G_KEPT(n) k_load(s + (n) * G_STRIDE + k)
#define G_KEEP(n, x) k_store(s + (n) * G_STRIDE + k, x)
#define G_OUT(n, x) k_store(out + (n) * G_STRIDE + k, x)
#define G_NEAR(site, name, x, y) kv_g_##name(a, site, x, y)

/* Functions over a block: G_BLOCK_n for n parameters, G_BLOCK_T for a table; three have their own form. */
#define kv_b_norm_inv(o, u) kv_block_norminv(o, u, 256)
#define kv_b_sample_normal(o, u, mean, sd) kv_block_normal(o, u, 256, mean, sd)
#define kv_b_sample_lognorm2(o, u, mu, sigma) kv_block_lognorm2(o, u, 256, mu, sigma)
#define G_BLOCK(fn, call, ...)                                                                 \
	static __attribute__((noinline)) void kv_b_##fn(double *o, const double *x, ##__VA_ARGS__) \
	{                                                                                      \
		G_LOOP                                                                         \
		{                                                                              \
			kd u = k_load(x + k);                                                  \
			k_store(o + k, call);                                                  \
		}                                                                              \
	}
#define G_BLOCK_T(fn) G_BLOCK(fn, K(fn)(t, u), const double *t)
#define G_BLOCK_0(fn) G_BLOCK(fn, K(fn)(u))
#define G_BLOCK_1(fn) G_BLOCK(fn, K(fn)(u, k_set(p)), double p)
#define G_BLOCK_2(fn) G_BLOCK(fn, K(fn)(u, k_set(p), k_set(q)), double p, double q)
#define G_BLOCK_3(fn) G_BLOCK(fn, K(fn)(u, k_set(p), k_set(q), k_set(r)), double p, double q, double r)

static __attribute__((noinline, cold, unused)) kd
kv_g_slow(const struct g_block_args *a, unsigned site, kd x, kd y)
{
	double t[3 * KLANES] __attribute__((aligned(64)));

	k_store(t, x);
	k_store(t + KLANES, y);
	a->call(a->host, site, t);
	return k_load(t + 2 * KLANES);
}

/* The host's function of one operand. */
static __attribute__((noinline, unused)) kd
kv_g_call1(const struct g_block_args *a, unsigned site, kd x)
{
	double t[2 * KLANES] __attribute__((aligned(64)));

	k_store(t, x);
	a->call(a->host, site, t);
	return k_load(t + KLANES);
}

/* Searches of short tables, entry by entry; where some lane is near an entry the host decides on 15 digits. */
static __attribute__((noinline, unused)) kd
kv_g_countle(const struct g_block_args *a, unsigned site, const double *t, size_t n, kd x)
{
	kd count = k_set(0.0);
	km near = k_lt(x, x);
	size_t i;

	for (i = 0; i < n; i++) {
		kd y = k_set(t[i]);

		near = k_mor(near, K(near_diff)(y, x));
		count = count + K(op_bool)(k_le(y, x));
	}
	return k_any(near) ? kv_g_call1(a, site, x) : count;
}

static __attribute__((noinline, unused)) kd
kv_g_findeq(const struct g_block_args *a, unsigned site, const double *t, size_t n, kd x)
{
	kd at = k_set(0.0);
	km near = k_lt(x, x);

	for (; n > 0; n--) {
		kd y = k_set(t[n - 1]);

		near = k_mor(near, K(near_diff)(y, x));
		at = k_sel(k_eq(y, x), k_set((double)n), at);
	}
	return k_any(near) ? kv_g_call1(a, site, x) : at;
}

#define G_ROUND(site, x, n) kv_g_round_const(a, site, x, n)

K_FN kd
kv_g_round_const(const struct g_block_args *a, unsigned site, kd x, double n)
{
	km near;
	kd y = K(fast_round_const)(x, n, &near);

	return __builtin_expect(k_any(near), 0) ? kv_g_slow(a, site, x, k_set(n)) : y;
}

#define NEARROW(name, near, slow)                                                              \
	K_FN kd kv_g_##name(const struct g_block_args *a, unsigned site, kd x, kd y)                 \
	{                                                                                      \
		if (__builtin_expect(k_any(K(maybe_##near)(x, y)), 0) && k_any(K(near)(x, y))) \
			return kv_g_slow(a, site, x, y);                                       \
		return K(fast_##name)(x, y);                                                   \
	}
#define EACHROW(name, slow)                                                                    \
	K_FN kd kv_g_##name(const struct g_block_args *a, unsigned site, kd x, kd y)                 \
	{                                                                                      \
		return kv_g_slow(a, site, x, y);                                               \
	}
#include "kernels/slow.def"
#undef NEARROW
#undef EACHROW

#else

struct g_draw {
	uint64_t seed, trial;
	const uint64_t *stream;
};

#define G_PARAMS const double *tab, double *out, const struct g_draw *u, double *s
#define G_PASS tab, out, u, s
#define G_LOOP
#define G_KEPT(n) s[n]
#define G_KEEP(n, x) (s[n] = (x))
#define G_OUT(n, x) (out[(n) * 256] = (x))
/* One function for all is inlined: everything in registers. Many are called, and call what takes the compiler long: its time must stay
 * in proportion to the model. */
#ifndef G_PART
#ifdef G_ONE_PART
#define G_PART static __device__ __forceinline__ void
#else
#define G_PART static __device__ __noinline__ void
#endif
#endif
#ifdef G_ONE_PART
#define G_NEAR_FUNC K_SCALAR
#else
#define G_NEAR_FUNC K_SCALAR_BIG
#endif
#define G_FAR static __device__ __noinline__
#if G_SHARED_UNIFORMS
#define G_U(n) out[(n) * 256]
#else
#define G_U(n) g_uniform(u, n)

K_SCALAR_BIG double
g_uniform(const struct g_draw *u, int n)
{
	return philox_uniform(u->seed, u->stream[n], u->trial);
}
#endif

/* Argument i of a call: n numbers of t from `first` on. */
#define G_ARG(i, first, count, r, k) \
	(g[i].x = t + (first), g[i].n = (count), g[i].rows = (r), g[i].cols = (k))
#define G_CALL(given, used, date) \
	(c.arg = g, c.nargs = (given), c.scratch = t + (used), c.err = 0, c.date1904 = (date))

/* A number that is not finite is error 6, #NUM!; 0 where there is an error. */
K_SCALAR double
g_finite(double v, int *err)
{
	if (!*err && !(ks_abs(v) <= 0x1.fffffffffffffp+1023))
		*err = 6;
	return *err ? 0.0 : v;
}

K_SCALAR int
g_all_finite(const double *p, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!(ks_abs(p[i]) <= 0x1.fffffffffffffp+1023))
			return 0;
	return 1;
}

/* dist_check() and dist_quantile() of one distribution; p and err are the caller's. */
#define G_CHECK(fn, n) (err = g_all_finite(p, n) && !di_##fn##_check(p, n) ? 0 : 6)
#define G_INVERSE(fn, u, n) (G_CHECK(fn, n) ? 0.0 : g_finite(di_##fn##_inv(u, p, n), &err))
#define G_UPTO(fn, x, n) (G_CHECK(fn, n) ? 0.0 : di_##fn##_cdf(x, p, n, &q))
#define G_BELOW(fn, x, n) (G_CHECK(fn, n) ? 0.0 : g_positive(di_##fn##_cdf(x, p, n, &q)))
#define G_BELOW_DISCRETE(fn, x, n) (G_CHECK(fn, n) ? 0.0 : g_positive(di_##fn##_cdf(x, p, n, &q) - di_##fn##_pdf(x, p, n)))
#define G_VALID(fn, x, n) (G_CHECK(fn, n), 0.0)

K_SCALAR double
g_positive(double c)
{
	return c < 0 ? 0.0 : c;
}
#define G_NEAR(site, name, a, b) ks_g_##name(a, b)


#endif
#endif
