/*
 * invtab: evaluation of tables of inverse distribution functions (built by lib/engine/invtab.c).
 *
 *   K(invtab_eval)(table, u)     u in (0, 1), any kind of table; the same bits in every form
 *
 * A table is one flat array of doubles that a GPU reads as it is. table[0] is its kind:
 *
 *  1 SMOOTH  v = min(u, 1-u). For v >= 2^-10 a row of eight coefficients is chosen by the exponent and the first
 *            m bits of the mantissa of v, the row's variable being what is left of the mantissa, minus its
 *            middle. Below, a row of sixteen by equal steps of log v. Rows of u > 1/2 follow those of u < 1/2.
 *            [1] 52-m  [2] (bits of 2^-10) >> (52-m)  [3] rows a side  [4] 1 + 2^-(m+1)
 *            [5] place of the tail rows  [6] tail rows a side  [7] log v at the first one's end  [8] rows per
 *            unit of log v  [9] half a row in log v, inverse  [10] [11] least and largest value.  Rows from [16].
 *  2 STEPS   values in order, cumulative probabilities c: the first x[k] with c[k] >= u.
 *            [1] number of values  [2] guide entries G  [3] [4] [5] places of c, x and the guide: entry
 *            floor(u G) is where the search begins. The last c is 2.
 *  3 PIECES  the same search over pieces of linear density; [6] place of rows of eight: start x, length,
 *            density at the start, at the end, slope, cumulative probability at the start, at the end.
 */
#include "kernels/math.h"

#ifndef KERNELS_INVTAB_H
#define KERNELS_INVTAB_H
#define INVTAB_SMOOTH 1
#define INVTAB_STEPS 2
#define INVTAB_PIECES 3
#define INVTAB_HEAD 16
#define INVTAB_ROW 8
#define INVTAB_TAIL 16
#endif

#if (KLANES == 1 && !defined(KERNELS_INVTAB_S)) || (KLANES > 1 && !defined(KERNELS_INVTAB_V))
#if KLANES > 1
#define KERNELS_INVTAB_V
#else
#define KERNELS_INVTAB_S
#endif

/* c[j] = base[8 i + j] in every lane */
#if KLANES == 8
K_FN void
kv_rows8(const double *base, kv_l i, kv_d *c)
{
	int64_t at[8];
	__m512d r[8], t[8], x[8];
	int k;

	_mm512_storeu_si512(at, (__m512i)kv_shl(i, 3));
#pragma GCC unroll 8
	for (k = 0; k < 8; k++)
		r[k] = _mm512_loadu_pd(base + at[k]);
#pragma GCC unroll 8
	for (k = 0; k < 4; k++) {
		t[k] = _mm512_unpacklo_pd(r[2 * k], r[2 * k + 1]);
		t[k + 4] = _mm512_unpackhi_pd(r[2 * k], r[2 * k + 1]);
	}
#pragma GCC unroll 8
	for (k = 0; k < 8; k += 2) {
		x[k] = _mm512_shuffle_f64x2(t[k], t[k + 1], 0x88);
		x[k + 1] = _mm512_shuffle_f64x2(t[k], t[k + 1], 0xdd);
	}
#pragma GCC unroll 8
	for (k = 0; k < 2; k++) {
		c[k] = (kv_d)_mm512_shuffle_f64x2(x[4 * k], x[4 * k + 2], 0x88);
		c[k + 4] = (kv_d)_mm512_shuffle_f64x2(x[4 * k], x[4 * k + 2], 0xdd);
		c[k + 2] = (kv_d)_mm512_shuffle_f64x2(x[4 * k + 1], x[4 * k + 3], 0x88);
		c[k + 6] = (kv_d)_mm512_shuffle_f64x2(x[4 * k + 1], x[4 * k + 3], 0xdd);
	}
}
#elif KLANES == 4
K_FN void
kv_rows8(const double *base, kv_l i, kv_d *c)
{
	int h, k;

#pragma GCC unroll 8
	for (h = 0; h < 8; h += 4) {
		__m256d r[4], t[4];

#pragma GCC unroll 8
		for (k = 0; k < 4; k++)
			r[k] = _mm256_loadu_pd(base + i[k] * 8 + h);
#pragma GCC unroll 8
		for (k = 0; k < 2; k++) {
			t[k] = _mm256_unpacklo_pd(r[2 * k], r[2 * k + 1]);
			t[k + 2] = _mm256_unpackhi_pd(r[2 * k], r[2 * k + 1]);
		}
#pragma GCC unroll 8
		for (k = 0; k < 2; k++) {
			c[h + k] = (kv_d)_mm256_permute2f128_pd(t[2 * k], t[2 * k + 1], 0x20);
			c[h + k + 2] = (kv_d)_mm256_permute2f128_pd(t[2 * k], t[2 * k + 1], 0x31);
		}
	}
}
#else
K_FN void
K(rows8)(const double *base, kl i, kd *c)
{
	int j;

#pragma GCC unroll 8
	for (j = 0; j < 8; j++)
		c[j] = k_gather(base + j, k_shl(i, 3));
}
#endif

/* log v below the rows: sixteen coefficients a row. */
K_BIG kd
K(invtab_tail)(const double *t, kd v, km upper)
{
	kd s = K(log)(v), rows = k_set(t[6]), i, d, y;
	kl at;
	int j;

	i = k_floor((s - t[7]) * t[8]);
	i = k_max(k_set(0.0), k_min(rows - 1.0, i)); /* the constants first: a NaN becomes one of them */
	d = (s - (k_set(t[7]) + (i + 0.5) / t[8])) * t[9];
	d = k_max(k_set(-1.0), k_min(k_set(1.0), d));
	at = k_shl(k_small(i + k_sel(upper, rows, k_set(0.0))), 4);
	t += (size_t)t[5];
	y = k_gather(t + INVTAB_TAIL - 1, at);
	for (j = INVTAB_TAIL - 2; j >= 0; j--)
		y = k_fma(y, d, k_gather(t + j, at));
	return y;
}

K_FN kd
K(invtab_smooth)(const double *t, kd u)
{
	kd w = k_set(1.0) - u, v = k_min(u, w), d, y, c[8];
	km upper = k_gt(u, w), tail = k_mnot(k_ge(v, k_set(0x1p-10)));
	int sh = (int)t[1];
	kl b, i;

	b = k_bits(k_sel(tail, k_set(0x1p-10), k_min(v, k_set(0x1.fffffffffffffp-2))));
	i = k_addl(k_subl(k_shr(b, sh), k_setl((int64_t)t[2])), k_sell(upper, k_setl((int64_t)t[3]), k_setl(0)));
	d = k_frombits((b & k_setl(((int64_t)1 << sh) - 1)) | k_setl(0x3ff0000000000000LL)) - t[4];
	K(rows8)(t + INVTAB_HEAD, i, c);
	y = k_fma(c[7], d, c[6]);
	y = k_fma(y, d, c[5]);
	y = k_fma(y, d, c[4]);
	y = k_fma(y, d, c[3]);
	y = k_fma(y, d, c[2]);
	y = k_fma(y, d, c[1]);
	y = k_fma(y, d, c[0]);
	if (k_any(tail))
		y = k_sel(tail, K(invtab_tail)(t, v, upper), y);
	return k_max(k_min(y, k_set(t[11])), k_set(t[10]));
}

/* The first k with c[k] >= u, as a lane of numbers. */
K_FN kl
K(invtab_find)(const double *t, kd u)
{
	const double *c = t + (size_t)t[3];
	kd g = k_max(k_set(0.0), k_min(k_set(t[2] - 1.0), k_floor(u * t[2])));
	kl k = k_small(k_gather(t + (size_t)t[5], k_small(g)));
	km more;

	for (;;) {
		more = k_lt(k_gather(c, k), u);
		if (!k_any(more))
			return k;
		k = k_addl(k, k_sell(more, k_setl(1), k_setl(0)));
	}
}

K_FN kd
K(invtab_pieces)(const double *t, kd u)
{
	kd c[8], q, r, y, s, e, d;
	km left;

	K(rows8)(t + (size_t)t[6], K(invtab_find)(t, u), c);
	q = u - c[5];
	r = c[6] - u;
	/* mass q from the start or r from the end, whichever is less, as y d + s d^2 / 2 */
	left = k_le(q, r);
	y = k_sel(left, c[2], c[3]);
	s = k_sel(left, c[4], k_neg(c[4]));
	q = k_max(k_set(0.0), k_sel(left, q, r));
	e = k_fma(y, y, s * q * 2.0);
	d = q * 2.0 / (y + k_sqrt(k_max(k_set(0.0), e)));
	d = k_min(c[1], k_sel(k_gt(d, k_set(0.0)), d, k_set(0.0)));
	return k_sel(left, c[0] + d, (c[0] + c[1]) - d);
}

K_FN kd
K(invtab_eval)(const double *t, kd u)
{
	if (t[0] == INVTAB_SMOOTH)
		return K(invtab_smooth)(t, u);
	if (t[0] == INVTAB_STEPS)
		return k_gather(t + (size_t)t[4], K(invtab_find)(t, u));
	return K(invtab_pieces)(t, u);
}

#endif
