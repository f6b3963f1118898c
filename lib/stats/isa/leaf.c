/*
 * leaf: the sums of 256 trials in their one fixed order: lane j of eight adds trials j, j + 8, j + 16, …; then
 * ((0+4)+(2+6)) + ((1+5)+(3+7)). The same additions in every instruction set.
 */
#include "stats/stats.h"

#define LANE_VECTOR
#include "kernels/lane.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)
#define GROUPS (8 / KLANES)
/* What fits the registers: 32 of 8 lanes, 16 of 4 or 2. */
#define TILE_A (KLANES == 8 ? 4 : KLANES == 4 ? 2 : 1)
#define TILE_B (KLANES == 8 ? 4 : 2)

typedef uint8_t kb __attribute__((vector_size(KLANES), aligned(1), may_alias));
typedef int64_t kw __attribute__((vector_size(8 * KLANES), aligned(8), may_alias));

static double
fold(const kd *acc)
{
	double v[8];

	for (int g = 0; g < GROUPS; g++)
		k_store(v + g * KLANES, acc[g]);
	return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* Least and greatest of the lanes, in any order: a zero comes out as +0. */
static void
fold_range(const kd *lo, const kd *hi, double *range)
{
	double v[8];

	for (int g = 0; g < GROUPS; g++)
		k_store(v + g * KLANES, lo[g]);
	for (int k = 0; k < 8; k++)
		range[0] = v[k] < range[0] ? v[k] + 0.0 : range[0];
	for (int g = 0; g < GROUPS; g++)
		k_store(v + g * KLANES, hi[g]);
	for (int k = 0; k < 8; k++)
		range[1] = v[k] > range[1] ? v[k] + 0.0 : range[1];
}

void
PASTE(stats_leaf, ISA)(const double *x, const double *err, double centre, double *d, double *sum4, double *range)
{
	kd s1[GROUPS], s2[GROUPS], s3[GROUPS], s4[GROUPS], lo[GROUPS], hi[GROUPS], c = k_set(centre), zero = k_set(0.0);

	for (int g = 0; g < GROUPS; g++) {
		s1[g] = s2[g] = s3[g] = s4[g] = zero;
		lo[g] = K_INF;
		hi[g] = -K_INF;
	}
	for (int k = 0; k < STATS_LEAF; k += 8)
		for (int g = 0; g < GROUPS; g++) {
			int at = k + g * KLANES;
			kd y = k_load(x + at), v = y - c, q;

			if (err) {
				km good = k_eq(k_load(err + at), zero);

				v = k_sel(good, v, zero);
				lo[g] = k_min(lo[g], k_sel(good, y, lo[g]));
				hi[g] = k_max(hi[g], k_sel(good, y, hi[g]));
			} else {
				lo[g] = k_min(lo[g], y);
				hi[g] = k_max(hi[g], y);
			}
			k_store(d + at, v);
			q = v * v;
			s1[g] += v;
			s2[g] += q;
			s3[g] += q * v;
			s4[g] += q * q;
		}
	sum4[0] = fold(s1);
	sum4[1] = fold(s2);
	sum4[2] = fold(s3);
	sum4[3] = fold(s4);
	fold_range(lo, hi, range);
}

/* Linear bin of each difference: floor(d / width) + half, or -1 where it is beyond them; whether any is. Dividing is slow: the product with
 * 1/width is less than 2^-36 off where there are bins, so it has the same floor unless it is that close to a whole number. */
int
PASTE(stats_bins, ISA)(const double *d, double width, int whole, int64_t *bin)
{
	kd w = k_set(width), half = k_set(STATS_LINEAR / 2), inverse = k_set(1 / width), y;
	int divide = whole || !(width > 0x1p-500 && width < 0x1p500), beyond = 0;
	km out;

	for (int k = 0; k < STATS_LEAF; k += KLANES) {
		kd x = k_load(d + k);

		y = x * inverse;
		if (divide || __builtin_expect(k_any(k_le(k_abs(y - k_rint(y)), k_set(0x1p-30))), 0)) {
			y = x / w;
			if (whole)
				y = k_floor(y + 0.5);
		}
		y = k_floor(y);
		out = k_mnot(k_mand(k_ge(y, k_neg(half)), k_lt(y, half)));
		y = k_sel(out, k_set(-1.0), y + half);
		beyond |= k_any(out);
		*(kw *)(bin + k) = k_small(y);
	}
	return beyond;
}

/* Rank classes as bytes: of uniforms, equal parts; of other numbers, how many of the edges are not above it. */
void
PASTE(stats_equal_classes, ISA)(const double *u, uint8_t *out)
{
	for (int k = 0; k < STATS_LEAF; k += KLANES)
		*(kb *)(out + k) = __builtin_convertvector(k_small(k_trunc(k_load(u + k) * STATS_CLASSES)), kb);
}

void
PASTE(stats_classes, ISA)(const double *edge, const double *x, uint8_t *out)
{
	for (int k = 0; k < STATS_LEAF; k += KLANES) {
		kd y = k_load(x + k), n = k_set(0.0);

		for (int i = 0; i + 1 < STATS_CLASSES; i++)
			n = n + k_sel(k_lt(y, k_set(edge[i])), k_set(0.0), k_set(1.0));
		*(kb *)(out + k) = __builtin_convertvector(k_small(n), kb);
	}
}

/* Count pairs of classes, n a multiple of STATS_LEAF; b may be STATS_CLASSES: not counted. */
void
PASTE(stats_pairs, ISA)(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *rank)
{
	enum { WIDE = STATS_CLASSES + 1 };
	uint32_t count[2][STATS_CLASSES * WIDE] = {0}; /* by turns: where most fall into a few classes a count would wait for the one before */
	uint16_t at[STATS_LEAF];

	for (size_t k = 0; k < n; k += STATS_LEAF) {
		for (int j = 0; j < STATS_LEAF; j++)
			at[j] = (uint16_t)(a[k + (size_t)j] * WIDE + b[k + (size_t)j]);
		for (int j = 0; j < STATS_LEAF; j += 2) {
			count[0][at[j]]++;
			count[1][at[j + 1]]++;
		}
	}
	for (int i = 0; i < STATS_CLASSES; i++)
		for (int j = 0; j < STATS_CLASSES; j++)
			rank[i * STATS_CLASSES + j] += count[0][i * WIDE + j] + count[1][i * WIDE + j];
}

/* Products of nt leaves a with ni leaves b, nt and ni known where it is inlined: what is loaded once serves all, and the additions of
 * one product wait for each other, those of several do not. */
static inline __attribute__((always_inline)) void
tile(const double *a, int nt, const double *b, int ni, double *out, int stride)
{
	kd s[TILE_A * TILE_B][GROUPS];

#pragma GCC unroll 16
	for (int j = 0; j < nt * ni; j++)
#pragma GCC unroll 4
		for (int g = 0; g < GROUPS; g++)
			s[j][g] = k_set(0.0);
	for (int k = 0; k < STATS_LEAF; k += 8)
#pragma GCC unroll 4
		for (int g = 0; g < GROUPS; g++) {
			const double *x = a + k + g * KLANES, *y = b + k + g * KLANES;
			kd v[TILE_B];

#pragma GCC unroll 4
			for (int i = 0; i < ni; i++)
				v[i] = k_load(y + i * STATS_LEAF);
#pragma GCC unroll 4
			for (int t = 0; t < nt; t++) {
				kd u = k_load(x + t * STATS_LEAF);

#pragma GCC unroll 4
				for (int i = 0; i < ni; i++)
					s[t * ni + i][g] += u * v[i];
			}
		}
#pragma GCC unroll 4
	for (int t = 0; t < nt; t++)
#pragma GCC unroll 4
		for (int i = 0; i < ni; i++)
			out[t * stride + i] = fold(s[t * ni + i]);
}

/* Few leaves of b at a time, against all of a: so both stay in the first-level cache. */
void
PASTE(stats_dots, ISA)(const double *a, int na, const double *b, int nb, double *out)
{
	int i = 0, t;

	for (; i + TILE_B <= nb; i += TILE_B) {
		for (t = 0; t + TILE_A <= na; t += TILE_A)
			tile(a + t * STATS_LEAF, TILE_A, b + i * STATS_LEAF, TILE_B, out + t * nb + i, nb);
		for (; t < na; t++)
			tile(a + t * STATS_LEAF, 1, b + i * STATS_LEAF, TILE_B, out + t * nb + i, nb);
	}
	for (; i < nb; i++)
		for (t = 0; t < na; t++)
			tile(a + t * STATS_LEAF, 1, b + i * STATS_LEAF, 1, out + t * nb + i, nb);
}
