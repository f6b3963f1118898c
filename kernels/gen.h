/*
 * gen: what generated source stands on, in both its dialects (lib/engine/gen.h).
 *
 * With LANE_VECTOR defined it is C on vectors: statements on kd of KLANES lanes, slow operations by a call to the host,
 * which runs the vector machine's own function on one vector. Without, it is CUDA C (or C with a shim for CUDA's
 * built-ins): the same statements on doubles, slow operations inline.
 *
 *   G_NEAR(site, name, a, b)    operation of kind NEAR or EACH; site: the host's number for it (vectors only)
 *   K(g_gather)(t, last, x)     element x of a table, clamped into it
 *   K(g_index)(x, last)         whole number in 1 .. last, for the selections of PICK
 *   K(g_countle)(t, n, x)       CUDA only; G_NUMCALL, G_DISTCALL: CUDA only
 *   G_U(s)                      the uniform of stream s
 */
#include "kernels/ops.h"
#include "kernels/philox.h"
#include "kernels/sample.h"
#include "kernels/invtab.h"

#if (KLANES == 1 && !defined(KERNELS_GEN_S)) || (KLANES > 1 && !defined(KERNELS_GEN_V))
#if KLANES > 1
#define KERNELS_GEN_V
#else
#define KERNELS_GEN_S
#endif

/* What is out of range belongs to an error lane: any element will do. */
K_FN kd
K(g_gather)(const double *t, double last, kd a)
{
	kd x = k_sel(k_ge(a, k_set(0.0)), a, k_set(0.0));

	x = k_sel(k_le(x, k_set(last)), x, k_set(last));
	return k_gather(t, k_small(k_trunc(x)));
}

K_FN kd
K(g_index)(kd a, double last)
{
	kd x = k_sel(k_ge(a, k_set(1.0)), a, k_set(1.0));

	return k_trunc(k_sel(k_le(x, k_set(last)), x, k_set(last)));
}

#if KLANES > 1

/* What the host hands over for each block; the same struct is in lib/engine/jit.c. */
struct g_args {
	uint64_t seed, trial0;
	const uint64_t *stream;
	const double *tab;
	double *out;                               /* slots of 256 lanes */
	double *work;                              /* 2 vectors a stream, 1 a value kept between parts; aligned */
	void (*call)(void *host, unsigned site, double *t);
	void *host;
};

#define G_PARAMS const struct g_args *a, const double *tab, double *out, const kd *u, kd *s
#define G_PASS a, tab, out, u, s
#define G_PART static __attribute__((noinline)) void
#define G_FAR static __attribute__((noinline))
#define G_U(n) u[n]
#define G_NEAR(site, name, x, y) kv_g_##name(a, site, x, y)

static __attribute__((noinline, cold, unused)) kd
kv_g_slow(const struct g_args *a, unsigned site, kd x, kd y)
{
	double t[3 * KLANES] __attribute__((aligned(64)));

	k_store(t, x);
	k_store(t + KLANES, y);
	a->call(a->host, site, t);
	return k_load(t + 2 * KLANES);
}

/* The host's function of one operand. */
static __attribute__((noinline, unused)) kd
kv_g_call1(const struct g_args *a, unsigned site, kd x)
{
	double t[2 * KLANES] __attribute__((aligned(64)));

	k_store(t, x);
	a->call(a->host, site, t);
	return k_load(t + KLANES);
}

#define NEARROW(name, near, slow)                                                              \
	K_FN kd kv_g_##name(const struct g_args *a, unsigned site, kd x, kd y)                 \
	{                                                                                      \
		if (__builtin_expect(k_any(K(near)(x, y)), 0))                                 \
			return kv_g_slow(a, site, x, y);                                       \
		return K(fast_##name)(x, y);                                                   \
	}
#define EACHROW(name, slow)                                                                    \
	K_FN kd kv_g_##name(const struct g_args *a, unsigned site, kd x, kd y)                 \
	{                                                                                      \
		return kv_g_slow(a, site, x, y);                                               \
	}
#include "kernels/slow.def"
#undef NEARROW
#undef EACHROW

/* Two vectors of consecutive trials from those of their even and odd ones. */
K_FN void
kv_g_interleave(kd e, kd o, kd *lo, kd *hi)
{
#if KLANES == 8
	*lo = __builtin_shufflevector(e, o, 0, 8, 1, 9, 2, 10, 3, 11);
	*hi = __builtin_shufflevector(e, o, 4, 12, 5, 13, 6, 14, 7, 15);
#elif KLANES == 4
	*lo = __builtin_shufflevector(e, o, 0, 4, 1, 5);
	*hi = __builtin_shufflevector(e, o, 2, 6, 3, 7);
#else
	*lo = __builtin_shufflevector(e, o, 0, 2);
	*hi = __builtin_shufflevector(e, o, 1, 3);
#endif
}

static __attribute__((noinline)) void
kv_g_draw(const struct g_args *a, size_t nstreams, kd *u, size_t block)
{
	kl pair = kv_setl((int64_t)((a->trial0 + block) >> 1));
	size_t i;

	for (i = 0; i < KLANES; i++)
		pair[i] += (int64_t)i;
	for (i = 0; i < nstreams; i++) {
		kd e, o;

		kv_philox_pairs(a->seed, a->stream[i], pair, &e, &o);
		kv_g_interleave(e, o, &u[i], &u[nstreams + i]);
	}
}

#else

#define G_PARAMS const double *tab, double *out, const struct g_draw *u, double *s
#define G_PASS tab, out, u, s
#define G_NEAR(site, name, a, b) ks_g_##name(a, b)

#ifdef G_SLOW /* only where the program needs them: they cost time to compile */
#include "kernels/xl_ops.h"
#include "kernels/xl_math.h"
#define NEARROW(name, near, slow)                                                              \
	K_SCALAR_BIG double ks_slow_##name(double a, double b) { return (slow); }              \
	K_SCALAR double ks_g_##name(double a, double b)                                        \
	{                                                                                      \
		return ks_##near(a, b) ? ks_slow_##name(a, b) : ks_fast_##name(a, b);          \
	}
#define EACHROW(name, slow)                                                                    \
	K_SCALAR_BIG double ks_g_##name(double a, double b) { return (slow); }
#include "kernels/slow.def"
#undef NEARROW
#undef EACHROW
#endif

#endif
#endif
