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

/* Linear bin of each difference: floor(d / width) + half, or -1 where it is beyond them. */
void
PASTE(stats_bins, ISA)(const double *d, double width, int whole, double *bin)
{
	kd w = k_set(width), half = k_set(STATS_LINEAR / 2), y;

	for (int k = 0; k < STATS_LEAF; k += KLANES) {
		y = k_load(d + k) / w;
		if (whole)
			y = k_floor(y + 0.5);
		y = k_floor(y);
		y = k_sel(k_mand(k_ge(y, k_neg(half)), k_lt(y, half)), y + half, k_set(-1.0));
		k_store(bin + k, y);
	}
}

static double
dot(const double *a, const double *b)
{
	kd s[GROUPS];

	for (int g = 0; g < GROUPS; g++)
		s[g] = k_set(0.0);
	for (int k = 0; k < STATS_LEAF; k += 8)
		for (int g = 0; g < GROUPS; g++)
			s[g] += k_load(a + k + g * KLANES) * k_load(b + k + g * KLANES);
	return fold(s);
}

/* Four at a time: the additions of one product wait for each other, those of four do not. */
void
PASTE(stats_dots, ISA)(const double *a, const double *b, int n, double *out)
{
	int i = 0;

	for (; i + 4 <= n; i += 4, b += 4 * STATS_LEAF) {
		kd s[4][GROUPS];

		for (int j = 0; j < 4; j++)
			for (int g = 0; g < GROUPS; g++)
				s[j][g] = k_set(0.0);
		for (int k = 0; k < STATS_LEAF; k += 8)
			for (int g = 0; g < GROUPS; g++) {
				kd x = k_load(a + k + g * KLANES);

				for (int j = 0; j < 4; j++)
					s[j][g] += x * k_load(b + j * STATS_LEAF + k + g * KLANES);
			}
		for (int j = 0; j < 4; j++)
			out[i + j] = fold(s[j]);
	}
	for (; i < n; i++, b += STATS_LEAF)
		out[i] = dot(a, b);
}
