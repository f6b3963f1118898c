/*
 * sample: closed-form inverse distribution functions on lanes.
 *
 * K(sample_…)(u, parameters) for u in [2^-53, 1 - 2^-53]; every parameter is a lane too. kernels/dist.h calls the
 * scalar form, so a draw has the same bits whoever makes it. A backend that spells one of these out in operations
 * of its own must keep the order of operations written here (plain products and sums, no fused ones).
 */
#include "kernels/math.h"

#if (KLANES == 1 && !defined(KERNELS_SAMPLE_S)) || (KLANES > 1 && !defined(KERNELS_SAMPLE_V))
#if KLANES > 1
#define KERNELS_SAMPLE_V
#else
#define KERNELS_SAMPLE_S
#endif

K_FN kd
K(sample_uniform)(kd u, kd min, kd max)
{
	return min + (max - min) * u;
}

K_FN kd
K(sample_normal)(kd u, kd mean, kd sd)
{
	return mean + sd * K(norm_inv)(u);
}

/* mu and sigma of ln X */
K_FN kd
K(sample_lognorm2)(kd u, kd mu, kd sigma)
{
	return K(exp)(mu + sigma * K(norm_inv)(u));
}

K_FN kd
K(sample_triang)(kd u, kd min, kd mode, kd max)
{
	kd w = max - min, left = mode - min, right = max - mode;
	km lower = k_lt(u * w, left);
	kd d = k_sqrt(k_sel(lower, u * (w * left), (k_set(1.0) - u) * (w * right)));

	return k_sel(lower, min + d, max - d);
}

K_FN kd
K(sample_expon)(kd u, kd mean)
{
	return k_neg(K(log)(k_set(1.0) - u)) * mean;
}

K_FN kd
K(sample_weibull)(kd u, kd shape, kd scale)
{
	return scale * K(pow_middle)(k_neg(K(log)(k_set(1.0) - u)), k_set(1.0) / shape);
}

K_FN kd
K(sample_logistic)(kd u, kd alpha, kd beta)
{
	return alpha + beta * K(log)(u / (k_set(1.0) - u));
}

K_FN kd
K(sample_loglogistic)(kd u, kd gamma, kd beta, kd alpha)
{
	return gamma + beta * K(pow_middle)(u / (k_set(1.0) - u), k_set(1.0) / alpha);
}

K_FN kd
K(sample_extvalue)(kd u, kd a, kd b)
{
	return a - b * K(log)(k_neg(K(log)(u)));
}

K_FN kd
K(sample_extvaluemin)(kd u, kd a, kd b)
{
	return a + b * K(log)(k_neg(K(log)(k_set(1.0) - u)));
}

K_FN kd
K(sample_pareto)(kd u, kd theta, kd a)
{
	return a * K(pow_middle)(k_set(1.0) - u, k_set(-1.0) / theta);
}

K_FN kd
K(sample_pareto2)(kd u, kd b, kd q)
{
	return b * (K(pow_middle)(k_set(1.0) - u, k_set(-1.0) / q) - 1.0);
}

/* sigma is the standard deviation */
K_FN kd
K(sample_laplace)(kd u, kd mu, kd sigma)
{
	kd v = k_set(1.0) - u;
	kd d = sigma * KC_SQRT1_2 * K(log)(k_min(u, v) * 2.0);

	return k_sel(k_lt(u, v), mu + d, mu - d);
}

K_FN kd
K(sample_cauchy)(kd u, kd gamma, kd beta)
{
	kd v = k_set(1.0) - u, t = beta / K(tan)(k_min(u, v) * KC_PI);

	return k_sel(k_lt(u, v), gamma - t, gamma + t);
}

K_FN kd
K(sample_rayleigh)(kd u, kd b)
{
	return b * k_sqrt(K(log)(k_set(1.0) - u) * -2.0);
}

K_FN kd
K(sample_levy)(kd u, kd a, kd c)
{
	kd z = K(norm_inv)(u * 0.5);

	return a + c / (z * z);
}

/* whole numbers: the smallest k with cdf(k) >= u */
K_FN kd
K(sample_geomet)(kd u, kd p)
{
	kd k = k_ceil(K(log1p)(k_neg(u)) / K(log1p)(k_neg(p))) - 1.0;

	return k_sel(k_gt(k, k_set(0.0)), k, k_set(0.0));
}

K_FN kd
K(sample_bernoulli)(kd u, kd p)
{
	return k_sel(k_gt(u, k_set(1.0) - p), k_set(1.0), k_set(0.0));
}

K_FN kd
K(sample_intuniform)(kd u, kd min, kd max)
{
	kd k = k_ceil(u * (max - min + 1.0)) - 1.0;

	return min + k_min(k_sel(k_gt(k, k_set(0.0)), k, k_set(0.0)), max - min);
}

#endif
