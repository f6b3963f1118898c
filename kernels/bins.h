/*
 * bins: where a value is counted: histogram bins and rank classes, for lib/stats and the GPU alike.
 *
 * The sizes are those of lib/stats/stats.h. y is the distance from the column's centre in bin widths.
 */
#ifndef KERNELS_BINS_H
#define KERNELS_BINS_H

#include "kernels/lane.h"

#define BINS_LINEAR 32768
#define BINS_TAIL 65536
#define BINS_CLASSES 32

/* Beyond the linear bins: by exponent and six bits of mantissa of the distance in bins; the upper side follows the lower. */
K_SCALAR int64_t
bins_tail(double y)
{
	int64_t k = (int64_t)((uint64_t)ks_bits(ks_abs(y)) >> 46) - ((int64_t)(1023 + 14) << 6); /* from 2^14 bins on */

	if (k < 0)
		k = 0;
	if (k >= BINS_TAIL)
		k = BINS_TAIL - 1;
	return k + (y < 0 ? 0 : BINS_TAIL);
}

/* d = x - centre. 0 .. BINS_LINEAR - 1; or BINS_LINEAR plus the place in the tails. */
K_SCALAR int64_t
bins_place(double d, double width, int whole)
{
	double y = d / width;

	if (whole)
		y = ks_floor(y + 0.5);
	if (y >= -(BINS_LINEAR / 2) && y < BINS_LINEAR / 2)
		return (int64_t)(ks_floor(y) + BINS_LINEAR / 2);
	return BINS_LINEAR + bins_tail(y);
}

/* The first class whose upper edge is above x. */
K_SCALAR int
bins_class(const double *edge, double x)
{
	int lo = 0, hi = BINS_CLASSES - 1;

	while (lo < hi) {
		int mid = (lo + hi) / 2;

		if (x < edge[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

#endif
