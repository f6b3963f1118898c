/*
 * distlane: draws with parameters that differ from lane to lane, for the distributions with a closed form.
 *
 *   dist_has_lanes(id)                  is there a lane form? (dist.def's CLOSED rows, trigen apart, and geomet,
 *                                       bernoulli, intuniform)
 *   K(dist_lanes)(id, u, p, &bad)       values; p[i] is parameter i of every lane; bad where dist_check() objects or
 *                                       the value is not finite (the value there is 0)
 *
 * The bits, and the verdict, of dist_check() and dist_inverse() in kernels/dist.h, lane by lane.
 */
#include "kernels/sample.h"

#ifndef KERNELS_DISTLANE_H
#define KERNELS_DISTLANE_H

/* L(ID, number of parameters, conditions on them, value) */
#define DISTLANE_ROWS(L) \
	L(NORMAL, 2, k_ge(p[1], zero), K(sample_normal)(u, p[0], p[1])) \
	L(UNIFORM, 2, k_le(p[0], p[1]), K(sample_uniform)(u, p[0], p[1])) \
	L(TRIANG, 3, k_mand(k_le(p[0], p[1]), k_le(p[1], p[2])), K(sample_triang)(u, p[0], p[1], p[2])) \
	L(LOGNORM, 2, k_mand(k_gt(p[0], zero), k_ge(p[1], zero)), K(sample_lognorm)(u, p[0], p[1])) \
	L(LOGNORM2, 2, k_ge(p[1], zero), K(sample_lognorm2)(u, p[0], p[1])) \
	L(EXPON, 1, k_gt(p[0], zero), K(sample_expon)(u, p[0])) \
	L(WEIBULL, 2, k_mand(k_gt(p[0], zero), k_gt(p[1], zero)), K(sample_weibull)(u, p[0], p[1])) \
	L(LOGISTIC, 2, k_gt(p[1], zero), K(sample_logistic)(u, p[0], p[1])) \
	L(LOGLOGISTIC, 3, k_mand(k_gt(p[1], zero), k_gt(p[2], zero)), K(sample_loglogistic)(u, p[0], p[1], p[2])) \
	L(EXTVALUE, 2, k_gt(p[1], zero), K(sample_extvalue)(u, p[0], p[1])) \
	L(EXTVALUEMIN, 2, k_gt(p[1], zero), K(sample_extvaluemin)(u, p[0], p[1])) \
	L(PARETO, 2, k_mand(k_gt(p[0], zero), k_gt(p[1], zero)), K(sample_pareto)(u, p[0], p[1])) \
	L(PARETO2, 2, k_mand(k_gt(p[0], zero), k_gt(p[1], zero)), K(sample_pareto2)(u, p[0], p[1])) \
	L(LAPLACE, 2, k_gt(p[1], zero), K(sample_laplace)(u, p[0], p[1])) \
	L(CAUCHY, 2, k_gt(p[1], zero), K(sample_cauchy)(u, p[0], p[1])) \
	L(RAYLEIGH, 1, k_gt(p[0], zero), K(sample_rayleigh)(u, p[0])) \
	L(LEVY, 2, k_gt(p[1], zero), K(sample_levy)(u, p[0], p[1])) \
	L(BERNOULLI, 1, k_mand(k_ge(p[0], zero), k_le(p[0], one)), K(sample_bernoulli)(u, p[0])) \
	L(GEOMET, 1, k_mand(k_gt(p[0], zero), k_le(p[0], one)), K(sample_geomet)(u, p[0])) \
	L(INTUNIFORM, 2, k_mand(k_le(p[0], p[1]), k_mand(k_eq(p[0], k_floor(p[0])), k_eq(p[1], k_floor(p[1])))), \
	  K(sample_intuniform)(u, p[0], p[1]))

#ifndef KERNELS_DIST_ID
#define KERNELS_DIST_ID
enum dist_id {
#define D(ID, fn, name, aliases, min, max, params, form, manual) DIST_ID_##ID,
#include "kernels/dist.def"
#undef D
	DIST_COUNT
};
#endif

K_SCALAR int
dist_has_lanes(int id)
{
	switch (id) {
#define DISTLANE_CASE(ID, n, good, value) case DIST_ID_##ID:
		DISTLANE_ROWS(DISTLANE_CASE)
#undef DISTLANE_CASE
		return 1;
	default:
		return 0;
	}
}
#endif

#if (KLANES == 1 && !defined(KERNELS_DISTLANE_S)) || (KLANES > 1 && !defined(KERNELS_DISTLANE_V))
#if KLANES > 1
#define KERNELS_DISTLANE_V
#else
#define KERNELS_DISTLANE_S
#endif

K_FN kd
K(sample_lognorm)(kd u, kd mean, kd sd)
{
	kd r = sd / mean, v = K(log1p)(r * r);

	return K(sample_lognorm2)(u, K(log)(mean) - v * 0.5, k_sqrt(v));
}

K_BIG kd
K(dist_lanes)(int id, kd u, const kd *p, km *bad)
{
	kd zero = k_set(0.0), one = k_set(1.0), x = K_NAN;
	km good = k_lt(zero, zero);
	int i, n = 0;

	switch (id) {
#define DISTLANE_CASE(ID, params, ok, value) \
	case DIST_ID_##ID: \
		n = params; \
		good = ok; \
		x = value; \
		break;
		DISTLANE_ROWS(DISTLANE_CASE)
#undef DISTLANE_CASE
	}
	for (i = 0; i < n; i++)
		good = k_mand(good, k_lt(k_abs(p[i]), K_INF));
	good = k_mand(good, k_lt(k_abs(x), K_INF));
	*bad = k_mnot(good);
	return k_sel(good, x, zero);
}

#endif
