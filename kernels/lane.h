/*
 * lane: one text for scalars, vectors and the GPU.
 *
 * A kernel is written once on three types and compiled in two forms:
 *
 *   kd  lane of double      kl  lane of 64-bit integer      km  lane of truth
 *
 *   scalar form   ks_…   double, int64_t, int; the default; the only form on the GPU (__device__)
 *   vector form   kv_…   KLANES lanes: 8 with AVX-512, 4 with AVX2+FMA, else 2 (GNU vectors: SSE2, NEON)
 *
 * K(name) is the name of a kernel in the form that is being compiled: ks_name or kv_name. A header
 * of kernels/ is included once for each form wanted; `LANE_VECTOR` says which:
 *
 *   #include "kernels/math.h"              // ks_exp(double) …
 *   #define LANE_VECTOR
 *   #include "kernels/math.h"              // kv_exp(kv_d) … ; K() now means kv_
 *   #undef LANE_VECTOR
 *   #include "kernels/lane.h"              // K() means ks_ again
 *
 * Every operation below is exact or correctly rounded, so the same text gives the same bits in every form,
 * every width and on the GPU (compile with contraction off: -ffp-contract=off, --fmad=false).
 * NaNs compare as NaN; their payloads are nobody's promise.
 *
 *   k_set k_setl           all lanes one value        k_load k_store     unaligned, KLANES doubles
 *   + - * / on kd, & | ^ on kl: the operators; k_addl k_subl wrap around          k_fma(a,b,c) = a*b+c rounded once
 *   k_sqrt k_abs k_neg k_copysign(magnitude, sign)    k_floor k_ceil k_trunc k_rint (half to even; sign kept)
 *   k_min(a,b) = b < a ? b : a   k_max(a,b) = b > a ? b : a: the first where equal (±0 too) or where b is NaN;
 *                                NaN where a is NaN
 *   k_lt k_le k_gt k_ge k_eq k_ne: false on NaN, k_ne true     k_eql k_gtl on kl
 *   k_mand k_mor k_mnot k_any k_all on km             k_sel(m,a,b), k_sell on kl
 *   k_bits kd->kl, k_frombits kl->kd                  k_shl k_shr (logical), count a constant
 *   k_small(kd) whole numbers |x| < 2^51 -> kl        k_double(kl) |x| < 2^51 -> kd
 *   k_scale(x, n) = x * 2^n for x of size 2^-400 .. 2^400, whole |n| <= 1200 (a kd), rounded once
 *   k_gather(table, kl)    k_lut16(table, kl)         table of 16 doubles; low four bits of the index
 */

/* --- once per translation unit ------------------------------------------------------------------- */
#ifndef KERNELS_LANE_H
#define KERNELS_LANE_H

#ifdef __CUDACC__
#ifndef __CUDACC_RTC__
#include <stdint.h>
#include <stddef.h>
#elif !defined(KERNELS_HAVE_STDINT)
#define KERNELS_HAVE_STDINT
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef int int32_t;
typedef unsigned int uint32_t;
#endif
#define K_TABLE static __device__ const
#define K_SCALAR static __device__ __forceinline__
#define K_SCALAR_BIG static __device__ __noinline__
#else
#include <stddef.h>
#include <stdint.h>
#define K_TABLE static const __attribute__((unused))
#define K_SCALAR static inline __attribute__((unused))
#define K_SCALAR_BIG static __attribute__((unused))
#endif

#define kd K(d)
#define kl K(l)
#define km K(m)
#define k_set K(set)
#define k_setl K(setl)
#define k_load K(load)
#define k_store K(store)
#define k_fma K(fma)
#define k_sqrt K(sqrt)
#define k_abs K(abs)
#define k_neg K(neg)
#define k_copysign K(copysign)
#define k_min K(min)
#define k_max K(max)
#define k_floor K(floor)
#define k_ceil K(ceil)
#define k_trunc K(trunc)
#define k_rint K(rint)
#define k_lt K(lt)
#define k_le K(le)
#define k_gt K(gt)
#define k_ge K(ge)
#define k_eq K(eq)
#define k_ne K(ne)
#define k_eql K(eql)
#define k_gtl K(gtl)
#define k_mand K(mand)
#define k_mor K(mor)
#define k_mnot K(mnot)
#define k_any K(any)
#define k_all K(all)
#define k_sel K(sel)
#define k_sell K(sell)
#define k_bits K(bits)
#define k_frombits K(frombits)
#define k_addl K(addl)
#define k_subl K(subl)
#define k_shl K(shl)
#define k_shr K(shr)
#define k_small K(small)
#define k_double K(double_)
#define k_scale K(scale)
#define k_gather K(gather)
#define k_lut16 K(lut16)

#define K_MAGIC 0x1.8p52             /* adding it rounds to a whole number, kept in the low bits */
#define K_MAGIC_BITS 0x4338000000000000LL
#define K_SIGN ((int64_t)0x8000000000000000ULL)
#define K_INF (k_set(1e308) * 10.0)
#define K_NAN (k_frombits(k_setl(0x7ff8000000000000LL)))

#endif /* once */

/* --- which form ---------------------------------------------------------------------------------- */
#undef K
#undef K_FN
#undef K_BIG
#undef KLANES
#if defined(LANE_VECTOR) && !defined(__CUDACC__)
#define K(name) kv_##name
#define K_FN static inline __attribute__((always_inline, unused))
#define K_BIG static __attribute__((unused))
#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define KLANES 8
#elif defined(__AVX2__) && defined(__FMA__)
#define KLANES 4
#else
#define KLANES 2
#endif
#else
#define K(name) ks_##name
#define K_FN K_SCALAR
#define K_BIG K_SCALAR_BIG
#define KLANES 1
#endif

/* --- scalar form --------------------------------------------------------------------------------- */
#ifndef KERNELS_LANE_SCALAR
#define KERNELS_LANE_SCALAR

typedef double ks_d;
typedef int64_t ks_l;
typedef int ks_m;

#ifdef __CUDACC__
#define KS_CALL(f) f
K_SCALAR int64_t
ks_bits(double x)
{
	return __double_as_longlong(x);
}

K_SCALAR double
ks_frombits(int64_t x)
{
	return __longlong_as_double(x);
}
#else
#define KS_CALL(f) __builtin_##f
K_SCALAR int64_t
ks_bits(double x)
{
	int64_t b;

	__builtin_memcpy(&b, &x, sizeof b);
	return b;
}

K_SCALAR double
ks_frombits(int64_t b)
{
	double x;

	__builtin_memcpy(&x, &b, sizeof x);
	return x;
}
#endif

K_SCALAR double ks_set(double x) { return x; }
K_SCALAR int64_t ks_setl(int64_t x) { return x; }
K_SCALAR double ks_load(const double *p) { return *p; }
K_SCALAR void ks_store(double *p, double x) { *p = x; }
K_SCALAR double ks_fma(double a, double b, double c) { return KS_CALL(fma)(a, b, c); }
K_SCALAR double ks_sqrt(double a) { return KS_CALL(sqrt)(a); }
K_SCALAR double ks_abs(double a) { return KS_CALL(fabs)(a); }
K_SCALAR double ks_neg(double a) { return -a; }
K_SCALAR double ks_copysign(double a, double b) { return KS_CALL(copysign)(a, b); }
K_SCALAR double ks_min(double a, double b) { return b < a ? b : a; }
K_SCALAR double ks_max(double a, double b) { return b > a ? b : a; }
K_SCALAR double ks_floor(double a) { return KS_CALL(floor)(a); }
K_SCALAR double ks_ceil(double a) { return KS_CALL(ceil)(a); }
K_SCALAR double ks_trunc(double a) { return KS_CALL(trunc)(a); }
K_SCALAR double ks_rint(double a) { return KS_CALL(rint)(a); }
K_SCALAR int ks_lt(double a, double b) { return a < b; }
K_SCALAR int ks_le(double a, double b) { return a <= b; }
K_SCALAR int ks_gt(double a, double b) { return a > b; }
K_SCALAR int ks_ge(double a, double b) { return a >= b; }
K_SCALAR int ks_eq(double a, double b) { return a == b; }
K_SCALAR int ks_ne(double a, double b) { return a != b; }
K_SCALAR int ks_eql(int64_t a, int64_t b) { return a == b; }
K_SCALAR int ks_gtl(int64_t a, int64_t b) { return a > b; }
K_SCALAR int ks_mand(int a, int b) { return a & b; }
K_SCALAR int ks_mor(int a, int b) { return a | b; }
K_SCALAR int ks_mnot(int a) { return !a; }
K_SCALAR int ks_any(int a) { return a; }
K_SCALAR int ks_all(int a) { return a; }
K_SCALAR double ks_sel(int m, double a, double b) { return m ? a : b; }
K_SCALAR int64_t ks_sell(int m, int64_t a, int64_t b) { return m ? a : b; }
K_SCALAR int64_t ks_shl(int64_t a, int n) { return (int64_t)((uint64_t)a << n); }
K_SCALAR int64_t ks_shr(int64_t a, int n) { return (int64_t)((uint64_t)a >> n); }
K_SCALAR int64_t ks_addl(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
K_SCALAR int64_t ks_subl(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
K_SCALAR int64_t ks_small(double x) { return ks_subl(ks_bits(x + K_MAGIC), K_MAGIC_BITS); }
K_SCALAR double ks_double_(int64_t n) { return ks_frombits(ks_addl(n, K_MAGIC_BITS)) - K_MAGIC; }
K_SCALAR double ks_gather(const double *t, int64_t i) { return t[i]; }
K_SCALAR double ks_lut16(const double *t, int64_t i) { return t[i & 15]; }

K_SCALAR double
ks_scale(double x, double n)
{
	int64_t i = ks_small(n);
	int64_t h = ks_shr(ks_addl(i, 2048), 1) - 1024;

	return x * ks_frombits(ks_shl(ks_addl(h, 1023), 52)) * ks_frombits(ks_shl(ks_addl(ks_subl(i, h), 1023), 52));
}
#endif

/* --- vector form --------------------------------------------------------------------------------- */
#if defined(LANE_VECTOR) && !defined(__CUDACC__) && !defined(KERNELS_LANE_VECTOR)
#define KERNELS_LANE_VECTOR

#if defined(__SSE2__)
#include <immintrin.h>
#endif

typedef double kv_d __attribute__((vector_size(8 * KLANES)));
typedef int64_t kv_l __attribute__((vector_size(8 * KLANES)));
typedef uint64_t kv_u __attribute__((vector_size(8 * KLANES)));
typedef double kv_du __attribute__((vector_size(8 * KLANES), aligned(8), may_alias));

K_FN kv_l kv_bits(kv_d x) { return (kv_l)x; }
K_FN kv_d kv_frombits(kv_l x) { return (kv_d)x; }
K_FN kv_d kv_load(const double *p) { return *(const kv_du *)p; }
K_FN void kv_store(double *p, kv_d x) { *(kv_du *)p = x; }
K_FN kv_d kv_neg(kv_d a) { return -a; }
K_FN kv_l kv_addl(kv_l a, kv_l b) { return (kv_l)((kv_u)a + (kv_u)b); }
K_FN kv_l kv_subl(kv_l a, kv_l b) { return (kv_l)((kv_u)a - (kv_u)b); }
K_FN kv_l kv_shl(kv_l a, int n) { return (kv_l)((kv_u)a << n); }
K_FN kv_l kv_shr(kv_l a, int n) { return (kv_l)((kv_u)a >> n); }

#if KLANES == 8

typedef __mmask8 kv_m;

K_FN kv_d kv_set(double x) { return (kv_d)_mm512_set1_pd(x); }
K_FN kv_l kv_setl(int64_t x) { return (kv_l)_mm512_set1_epi64(x); }
K_FN kv_d kv_fma(kv_d a, kv_d b, kv_d c) { return (kv_d)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
K_FN kv_d kv_sqrt(kv_d a) { return (kv_d)_mm512_sqrt_pd((__m512d)a); }
K_FN kv_d kv_abs(kv_d a) { return (kv_d)_mm512_abs_pd((__m512d)a); }
K_FN kv_d kv_min(kv_d a, kv_d b) { return (kv_d)_mm512_min_pd((__m512d)b, (__m512d)a); }
K_FN kv_d kv_max(kv_d a, kv_d b) { return (kv_d)_mm512_max_pd((__m512d)b, (__m512d)a); }
K_FN kv_d kv_floor(kv_d a) { return (kv_d)_mm512_roundscale_pd((__m512d)a, 9); }
K_FN kv_d kv_ceil(kv_d a) { return (kv_d)_mm512_roundscale_pd((__m512d)a, 10); }
K_FN kv_d kv_trunc(kv_d a) { return (kv_d)_mm512_roundscale_pd((__m512d)a, 11); }
K_FN kv_d kv_rint(kv_d a) { return (kv_d)_mm512_roundscale_pd((__m512d)a, 8); }
K_FN kv_m kv_lt(kv_d a, kv_d b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ); }
K_FN kv_m kv_le(kv_d a, kv_d b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ); }
K_FN kv_m kv_gt(kv_d a, kv_d b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GT_OQ); }
K_FN kv_m kv_ge(kv_d a, kv_d b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_GE_OQ); }
K_FN kv_m kv_eq(kv_d a, kv_d b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ); }
K_FN kv_m kv_ne(kv_d a, kv_d b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_NEQ_UQ); }
K_FN kv_m kv_eql(kv_l a, kv_l b) { return _mm512_cmpeq_epi64_mask((__m512i)a, (__m512i)b); }
K_FN kv_m kv_gtl(kv_l a, kv_l b) { return _mm512_cmpgt_epi64_mask((__m512i)a, (__m512i)b); }
K_FN kv_m kv_mand(kv_m a, kv_m b) { return (kv_m)(a & b); }
K_FN kv_m kv_mor(kv_m a, kv_m b) { return (kv_m)(a | b); }
K_FN kv_m kv_mnot(kv_m a) { return (kv_m)~a; }
K_FN int kv_any(kv_m a) { return a != 0; }
K_FN int kv_all(kv_m a) { return a == 0xff; }
K_FN kv_d kv_sel(kv_m m, kv_d a, kv_d b) { return (kv_d)_mm512_mask_blend_pd(m, (__m512d)b, (__m512d)a); }
K_FN kv_l kv_sell(kv_m m, kv_l a, kv_l b) { return (kv_l)_mm512_mask_blend_epi64(m, (__m512i)b, (__m512i)a); }
K_FN kv_d kv_gather(const double *t, kv_l i) { return (kv_d)_mm512_i64gather_pd((__m512i)i, t, 8); }
K_FN kv_d kv_scale(kv_d x, kv_d n) { return (kv_d)_mm512_scalef_pd((__m512d)x, (__m512d)n); }

K_FN kv_d
kv_lut16(const double *t, kv_l i)
{
	return (kv_d)_mm512_permutex2var_pd(_mm512_loadu_pd(t), (__m512i)i, _mm512_loadu_pd(t + 8));
}

#elif KLANES == 4

typedef kv_l kv_m; /* all ones or all zeros */

K_FN kv_d kv_set(double x) { return (kv_d)_mm256_set1_pd(x); }
K_FN kv_l kv_setl(int64_t x) { return (kv_l)_mm256_set1_epi64x(x); }
K_FN kv_d kv_fma(kv_d a, kv_d b, kv_d c) { return (kv_d)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
K_FN kv_d kv_sqrt(kv_d a) { return (kv_d)_mm256_sqrt_pd((__m256d)a); }
K_FN kv_d kv_min(kv_d a, kv_d b) { return (kv_d)_mm256_min_pd((__m256d)b, (__m256d)a); }
K_FN kv_d kv_max(kv_d a, kv_d b) { return (kv_d)_mm256_max_pd((__m256d)b, (__m256d)a); }
K_FN kv_d kv_floor(kv_d a) { return (kv_d)_mm256_round_pd((__m256d)a, 9); }
K_FN kv_d kv_ceil(kv_d a) { return (kv_d)_mm256_round_pd((__m256d)a, 10); }
K_FN kv_d kv_trunc(kv_d a) { return (kv_d)_mm256_round_pd((__m256d)a, 11); }
K_FN kv_d kv_rint(kv_d a) { return (kv_d)_mm256_round_pd((__m256d)a, 8); }
K_FN kv_m kv_lt(kv_d a, kv_d b) { return (kv_m)(a < b); }
K_FN kv_m kv_le(kv_d a, kv_d b) { return (kv_m)(a <= b); }
K_FN kv_m kv_gt(kv_d a, kv_d b) { return (kv_m)(a > b); }
K_FN kv_m kv_ge(kv_d a, kv_d b) { return (kv_m)(a >= b); }
K_FN kv_m kv_eq(kv_d a, kv_d b) { return (kv_m)(a == b); }
K_FN kv_m kv_ne(kv_d a, kv_d b) { return (kv_m)(a != b); }
K_FN kv_m kv_eql(kv_l a, kv_l b) { return (kv_m)(a == b); }
K_FN kv_m kv_gtl(kv_l a, kv_l b) { return (kv_m)(a > b); }
K_FN kv_m kv_mand(kv_m a, kv_m b) { return a & b; }
K_FN kv_m kv_mor(kv_m a, kv_m b) { return a | b; }
K_FN kv_m kv_mnot(kv_m a) { return ~a; }
K_FN int kv_any(kv_m a) { return _mm256_movemask_pd((__m256d)a) != 0; }
K_FN int kv_all(kv_m a) { return _mm256_movemask_pd((__m256d)a) == 15; }
K_FN kv_d kv_sel(kv_m m, kv_d a, kv_d b) { return (kv_d)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m); }
K_FN kv_l kv_sell(kv_m m, kv_l a, kv_l b) { return (kv_l)kv_sel(m, (kv_d)a, (kv_d)b); }
K_FN kv_d kv_gather(const double *t, kv_l i) { return (kv_d)_mm256_i64gather_pd(t, (__m256i)i, 8); }
K_FN kv_d kv_lut16(const double *t, kv_l i) { return kv_gather(t, i & 15); }

#else

typedef kv_l kv_m;

K_FN kv_d kv_set(double x) { return (kv_d){x, x}; }
K_FN kv_l kv_setl(int64_t x) { return (kv_l){x, x}; }
K_FN kv_d
kv_fma(kv_d a, kv_d b, kv_d c)
{
	return (kv_d){__builtin_fma(a[0], b[0], c[0]), __builtin_fma(a[1], b[1], c[1])};
}

#if defined(__SSE2__)
K_FN kv_d kv_sqrt(kv_d a) { return (kv_d)_mm_sqrt_pd((__m128d)a); }
#else
K_FN kv_d kv_sqrt(kv_d a) { return (kv_d){__builtin_sqrt(a[0]), __builtin_sqrt(a[1])}; }
#endif
K_FN kv_m kv_lt(kv_d a, kv_d b) { return (kv_m)(a < b); }
K_FN kv_m kv_le(kv_d a, kv_d b) { return (kv_m)(a <= b); }
K_FN kv_m kv_gt(kv_d a, kv_d b) { return (kv_m)(a > b); }
K_FN kv_m kv_ge(kv_d a, kv_d b) { return (kv_m)(a >= b); }
K_FN kv_m kv_eq(kv_d a, kv_d b) { return (kv_m)(a == b); }
K_FN kv_m kv_ne(kv_d a, kv_d b) { return (kv_m)(a != b); }
K_FN kv_m kv_eql(kv_l a, kv_l b) { return (kv_m)(a == b); }
K_FN kv_m kv_gtl(kv_l a, kv_l b) { return (kv_m)(a > b); }
K_FN kv_m kv_mand(kv_m a, kv_m b) { return a & b; }
K_FN kv_m kv_mor(kv_m a, kv_m b) { return a | b; }
K_FN kv_m kv_mnot(kv_m a) { return ~a; }
K_FN int kv_any(kv_m a) { return (a[0] | a[1]) != 0; }
K_FN int kv_all(kv_m a) { return (a[0] & a[1]) != 0; }
K_FN kv_l kv_sell(kv_m m, kv_l a, kv_l b) { return (a & m) | (b & ~m); }
K_FN kv_d kv_sel(kv_m m, kv_d a, kv_d b) { return (kv_d)kv_sell(m, (kv_l)a, (kv_l)b); }
K_FN kv_d kv_min(kv_d a, kv_d b) { return kv_sel(b < a, b, a); }
K_FN kv_d kv_max(kv_d a, kv_d b) { return kv_sel(b > a, b, a); }
K_FN kv_d kv_gather(const double *t, kv_l i) { return (kv_d){t[i[0]], t[i[1]]}; }
K_FN kv_d kv_lut16(const double *t, kv_l i) { return kv_gather(t, i & 15); }

/* Without a rounding instruction: adding and subtracting 2^52 rounds |x| < 2^52 to even, exactly. */
K_FN kv_d
kv_rint(kv_d x)
{
	kv_l sign = kv_setl(K_SIGN);
	kv_d a = (kv_d)((kv_l)x & ~sign), big = kv_set(0x1p52);
	kv_d r = (a + big) - big;

	return (kv_d)((kv_l)kv_sel(a < big, r, a) | ((kv_l)x & sign));
}

K_FN kv_d
kv_floor(kv_d x)
{
	kv_l sign = kv_setl(K_SIGN);
	kv_d r = kv_rint(x);
	kv_d y = r - (kv_d)((kv_l)kv_set(1.0) & (kv_l)(r > x));

	return (kv_d)(((kv_l)y & ~sign) | ((kv_l)x & sign));
}

K_FN kv_d kv_ceil(kv_d x) { return -kv_floor(-x); }

K_FN kv_d
kv_trunc(kv_d x)
{
	kv_l sign = kv_setl(K_SIGN);
	kv_d f = kv_floor((kv_d)((kv_l)x & ~sign));

	return (kv_d)((kv_l)f | ((kv_l)x & sign));
}

#endif

K_FN kv_d
kv_copysign(kv_d a, kv_d b)
{
	kv_l sign = kv_setl(K_SIGN);

	return (kv_d)(((kv_l)a & ~sign) | ((kv_l)b & sign));
}

#if KLANES != 8
K_FN kv_d kv_abs(kv_d a) { return (kv_d)((kv_l)a & kv_setl(0x7fffffffffffffffLL)); }

K_FN kv_d
kv_scale(kv_d x, kv_d n)
{
	kv_l i = kv_subl((kv_l)(n + K_MAGIC), kv_setl(K_MAGIC_BITS));
	kv_l h = kv_subl(kv_shr(kv_addl(i, kv_setl(2048)), 1), kv_setl(1024));

	return x * (kv_d)kv_shl(kv_addl(h, kv_setl(1023)), 52) *
	       (kv_d)kv_shl(kv_addl(kv_subl(i, h), kv_setl(1023)), 52);
}
#endif

K_FN kv_l kv_small(kv_d x) { return kv_subl((kv_l)(x + K_MAGIC), kv_setl(K_MAGIC_BITS)); }
K_FN kv_d kv_double_(kv_l n) { return (kv_d)kv_addl(n, kv_setl(K_MAGIC_BITS)) - K_MAGIC; }

#endif /* vector */
