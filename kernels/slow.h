/* slow: the operations of slow.def for generated CUDA source, included only where a program needs them: they cost time to
 * compile. */
#ifndef KERNELS_SLOW_H
#define KERNELS_SLOW_H

#include "kernels/xl_ops.h"
#include "kernels/xl_math.h"
#define NEARROW(name, near, slow)                                                              \
	K_SCALAR_BIG double ks_slow_##name(double a, double b) { return (slow); }              \
	G_NEAR_FUNC double ks_g_##name(double a, double b)                                     \
	{                                                                                      \
		return ks_##near(a, b) ? ks_slow_##name(a, b) : ks_fast_##name(a, b);          \
	}
#define EACHROW(name, slow)                                                                    \
	K_SCALAR_BIG double ks_g_##name(double a, double b) { return (slow); }
#include "kernels/slow.def"
#undef NEARROW
#undef EACHROW

#endif
