/*
 * philox: uniforms by address. Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011).
 *
 * FROZEN DEFINITION, part of the file format: the uniform of (seed, stream, trial) is
 *
 *   key      (k0, k1)         = low, high word of seed
 *   counter  (c0, c1, c2, c3) = low, high word of trial / 2; low, high word of stream
 *   (x0, x1, x2, x3)          = philox4x32_10(counter, key)
 *   w                         = x1:x0 where trial is even, x3:x2 where it is odd (64 bits, first word high)
 *   u                         = ((w >> 12) + 1/2) * 2^-52, exact, in [2^-53, 1 - 2^-53]
 *
 *   philox4x32(x, key)                          ten rounds in place, on uint32_t x[4], key[2]
 *   philox_uniform(seed, stream, trial)         one uniform
 *   K(philox_fill)(out, seed, stream, first, n) trials first .. first+n-1; first must be even
 */
#include "kernels/lane.h"

#ifndef KERNELS_PHILOX_H
#define KERNELS_PHILOX_H

#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

K_SCALAR void
philox4x32(uint32_t *x, const uint32_t *key)
{
	uint32_t k0 = key[0], k1 = key[1];
	int i;

	for (i = 0; i < 10; i++) {
		uint64_t p = (uint64_t)PHILOX_M0 * x[0], q = (uint64_t)PHILOX_M1 * x[2];

		x[0] = (uint32_t)(q >> 32) ^ x[1] ^ k0;
		x[1] = (uint32_t)q;
		x[2] = (uint32_t)(p >> 32) ^ x[3] ^ k1;
		x[3] = (uint32_t)p;
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
}

/* High and low word to a uniform: 52 bits behind the point, and a half. */
K_SCALAR double
philox_unit(uint32_t hi, uint32_t lo)
{
	uint64_t w = (uint64_t)hi << 32 | lo;

	return ks_frombits((int64_t)(w >> 12 | 0x3ff0000000000000ULL)) - (1.0 - 0x1p-53);
}

K_SCALAR double
philox_uniform(uint64_t seed, uint64_t stream, uint64_t trial)
{
	uint32_t key[2], x[4];

	key[0] = (uint32_t)seed;
	key[1] = (uint32_t)(seed >> 32);
	x[0] = (uint32_t)(trial >> 1);
	x[1] = (uint32_t)(trial >> 33);
	x[2] = (uint32_t)stream;
	x[3] = (uint32_t)(stream >> 32);
	philox4x32(x, key);
	return trial & 1 ? philox_unit(x[3], x[2]) : philox_unit(x[1], x[0]);
}

/* Both uniforms of a pair of trials, 2 pair and 2 pair + 1. */
K_SCALAR void
philox_pair(uint64_t seed, uint64_t stream, uint64_t pair, double *even, double *odd)
{
	uint32_t key[2], x[4];

	key[0] = (uint32_t)seed;
	key[1] = (uint32_t)(seed >> 32);
	x[0] = (uint32_t)pair;
	x[1] = (uint32_t)(pair >> 32);
	x[2] = (uint32_t)stream;
	x[3] = (uint32_t)(stream >> 32);
	philox4x32(x, key);
	*even = philox_unit(x[1], x[0]);
	*odd = philox_unit(x[3], x[2]);
}

K_SCALAR void
ks_philox_fill(double *out, uint64_t seed, uint64_t stream, uint64_t first, size_t n)
{
	double spare;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		philox_pair(seed, stream, (first + i) >> 1, &out[i], &out[i + 1]);
	if (i < n)
		philox_pair(seed, stream, (first + i) >> 1, &out[i], &spare);
}
#endif

#if KLANES > 1 && !defined(KERNELS_PHILOX_V)
#define KERNELS_PHILOX_V

/* Low words multiplied to 64 bits; high words of the operands are ignored. */
K_FN kv_l
kv_mul32(kv_l a, kv_l b)
{
#if KLANES == 8
	return (kv_l)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif KLANES == 4
	return (kv_l)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
	return (kv_l)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
	return (kv_l)(((kv_u)a & 0xffffffffu) * ((kv_u)b & 0xffffffffu));
#endif
}

K_FN kv_l
kv_xor3(kv_l a, kv_l b, kv_l c)
{
#if KLANES == 8
	return (kv_l)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, 0x96);
#else
	return a ^ b ^ c;
#endif
}

/* The high words where the low ones are; what is then in the high words does not matter. */
K_FN kv_l
kv_high32(kv_l a)
{
#if KLANES == 8 /* a shuffle, because the ports for shifts are the multiplier's too */
	return (kv_l)_mm512_shuffle_epi32((__m512i)a, _MM_PERM_DDBB);
#else
	return kv_shr(a, 32);
#endif
}

/* The words exchanged. */
K_FN kv_l
kv_swap32(kv_l a)
{
#if KLANES == 8
	return (kv_l)_mm512_shuffle_epi32((__m512i)a, _MM_PERM_CDAB);
#elif KLANES == 4
	return (kv_l)_mm256_shuffle_epi32((__m256i)a, 0xb1);
#elif defined(__SSE2__)
	return (kv_l)_mm_shuffle_epi32((__m128i)a, 0xb1);
#else
	return kv_shl(a, 32) | kv_shr(a, 32);
#endif
}

/* The last round of one side and philox_unit: `product` in it, the word x before it, the key k. */
K_FN kv_d
kv_philox_last(kv_l product, kv_l x, uint32_t k)
{
	kv_l mask = kv_setl(0xffffffffLL), w;

#if KLANES == 8
	w = (kv_l)_mm512_ternarylogic_epi64((__m512i)kv_swap32(product), (__m512i)x, (__m512i)mask, 0x78);
#else
	w = kv_swap32(product) ^ (x & mask);
#endif
	return (kv_d)(kv_shr(w, 12) ^ kv_setl((int64_t)(k >> 12) | 0x3ff0000000000000LL)) - (1.0 - 0x1p-53);
}

/* The pairs of a vector's lanes, as their 64-bit numbers: even and odd trials. */
K_FN void
kv_philox_pairs(uint64_t seed, uint64_t stream, kv_l pair, kv_d *even, kv_d *odd)
{
	kv_l m0 = kv_setl(PHILOX_M0), m1 = kv_setl(PHILOX_M1);
	kv_l x0 = pair, x1 = kv_shr(pair, 32);
	kv_l x2 = kv_setl((int64_t)(stream & 0xffffffffu)), x3 = kv_setl((int64_t)(stream >> 32));
	uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
	int i;

#pragma GCC unroll 9
	for (i = 0; i < 9; i++) {
		kv_l p = kv_mul32(x0, m0), q = kv_mul32(x2, m1);

		x0 = kv_xor3(kv_high32(q), x1, kv_setl(k0 + (uint32_t)i * PHILOX_W0));
		x1 = q;
		x2 = kv_xor3(kv_high32(p), x3, kv_setl(k1 + (uint32_t)i * PHILOX_W1));
		x3 = p;
	}
	*even = kv_philox_last(kv_mul32(x2, m1), x1, k0 + 9 * PHILOX_W0);
	*odd = kv_philox_last(kv_mul32(x0, m0), x3, k1 + 9 * PHILOX_W1);
}

static __attribute__((unused)) void
kv_philox_fill(double *out, uint64_t seed, uint64_t stream, uint64_t first, size_t n)
{
	kv_l pair = kv_setl((int64_t)(first >> 1));
	size_t i;

	for (i = 0; i < KLANES; i++)
		pair[i] += (int64_t)i;
	for (i = 0; i + 2 * KLANES <= n; i += 2 * KLANES) {
		kv_d e, o;

		kv_philox_pairs(seed, stream, pair, &e, &o);
#if KLANES == 8
		kv_store(out + i, __builtin_shufflevector(e, o, 0, 8, 1, 9, 2, 10, 3, 11));
		kv_store(out + i + 8, __builtin_shufflevector(e, o, 4, 12, 5, 13, 6, 14, 7, 15));
#elif KLANES == 4
		kv_store(out + i, __builtin_shufflevector(e, o, 0, 4, 1, 5));
		kv_store(out + i + 4, __builtin_shufflevector(e, o, 2, 6, 3, 7));
#else
		kv_store(out + i, __builtin_shufflevector(e, o, 0, 2));
		kv_store(out + i + 2, __builtin_shufflevector(e, o, 1, 3));
#endif
		pair = kv_addl(pair, kv_setl(KLANES));
	}
	ks_philox_fill(out + i, seed, stream, first + i, n - i);
}
#endif
