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

void
PASTE(stats_leaf, ISA)(const double *x, const double *err, double centre, double *d, double *sum4)
{
	kd s1[GROUPS], s2[GROUPS], s3[GROUPS], s4[GROUPS], c = k_set(centre), zero = k_set(0.0);

	for (int g = 0; g < GROUPS; g++)
		s1[g] = s2[g] = s3[g] = s4[g] = zero;
	for (int k = 0; k < STATS_LEAF; k += 8)
		for (int g = 0; g < GROUPS; g++) {
			int at = k + g * KLANES;
			kd v = k_load(x + at) - c, q;

			if (err)
				v = k_sel(k_eq(k_load(err + at), zero), v, zero);
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

/* *lo and *hi widened to the least and greatest of 256 numbers. */
void
PASTE(stats_extremes, ISA)(const double *x, double *lo, double *hi)
{
	kd l = k_set(*lo), h = k_set(*hi);
	double v[KLANES], w[KLANES];

	for (int k = 0; k < STATS_LEAF; k += KLANES) {
		kd y = k_load(x + k);

		l = k_sel(k_lt(y, l), y, l);
		h = k_sel(k_gt(y, h), y, h);
	}
	k_store(v, l);
	k_store(w, h);
	for (int k = 0; k < KLANES; k++) {
		*lo = v[k] < *lo ? v[k] : *lo;
		*hi = w[k] > *hi ? w[k] : *hi;
	}
}
