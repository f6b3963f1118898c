/*
 * search: positions in constant tables, numbers compared on 15 digits; for the vector machine and the GPU.
 *
 *   xl_count_le(t, n, x)   how many entries of an ascending table are <= x
 *   xl_find_eq(t, n, x)    position of the first entry equal to x, from 1; 0 if there is none
 */
#ifndef KERNELS_SEARCH_H
#define KERNELS_SEARCH_H

#include "kernels/xl_round.h"

K_SCALAR double
xl_count_le(const double *t, size_t n, double x)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (xl_compare15(t[mid], x) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (double)lo;
}

K_SCALAR double
xl_find_eq(const double *t, size_t n, double x)
{
	size_t k;

	for (k = 0; k < n; k++)
		if (t[k] == x || !xl_compare15(t[k], x))
			return (double)k + 1;
	return 0;
}

#endif
