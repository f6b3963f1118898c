/*
 * ops: the operations of ops.def as branch-free functions on lanes.
 *
 * Included after lane.h (scalar, vector or CUDA form). Booleans are 0.0 and 1.0; an error lane is 0.0 or an error
 * kind. Comparisons of NaN are false, as IEEE has it.
 */
#include "kernels/math.h"
#include "kernels/xl_round.h"

#if (KLANES == 1 && !defined(KERNELS_OPS_SCALAR)) || (KLANES > 1 && !defined(KERNELS_OPS_VECTOR))
#if KLANES == 1
#define KERNELS_OPS_SCALAR
#else
#define KERNELS_OPS_VECTOR
#endif

K_FN kd K(op_bool)(km m) { return k_sel(m, k_set(1.0), k_set(0.0)); }

K_FN kd K(op_add)(kd a, kd b) { return a + b; }
K_FN kd K(op_sub)(kd a, kd b) { return a - b; }
K_FN kd K(op_mul)(kd a, kd b) { return a * b; }
K_FN kd K(op_div)(kd a, kd b) { return a / b; }
K_FN kd K(op_neg)(kd a) { return k_neg(a); }
K_FN kd K(op_abs)(kd a) { return k_abs(a); }
K_FN kd K(op_sqrt)(kd a) { return k_sqrt(a); }
K_FN kd K(op_min)(kd a, kd b) { return k_min(a, b); }
K_FN kd K(op_max)(kd a, kd b) { return k_max(a, b); }
K_FN kd K(op_floor)(kd a) { return k_floor(a); }
K_FN kd K(op_int)(kd a) { return K(floor15)(a) + 0.0; }
K_FN kd K(op_ceil)(kd a) { return k_ceil(a); }
K_FN kd K(op_trunc)(kd a) { return k_trunc(a); }

K_FN kd
K(op_sign)(kd a)
{
	return K(op_bool)(k_gt(a, k_set(0.0))) - K(op_bool)(k_lt(a, k_set(0.0)));
}

/* Fast halves of the operations on 15 digits: right wherever near_…() does not hold. */
K_FN kd K(fast_addsnap)(kd a, kd b) { return a + b; }
K_FN kd K(fast_subsnap)(kd a, kd b) { return a - b; }
K_FN kd K(fast_eq)(kd a, kd b) { return K(op_bool)(k_eq(a, b)); }
K_FN kd K(fast_ne)(kd a, kd b) { return K(op_bool)(k_ne(a, b)); }
K_FN kd K(fast_lt)(kd a, kd b) { return K(op_bool)(k_lt(a, b)); }
K_FN kd K(fast_le)(kd a, kd b) { return K(op_bool)(k_le(a, b)); }
K_FN kd K(fast_gt)(kd a, kd b) { return K(op_bool)(k_gt(a, b)); }
K_FN kd K(fast_ge)(kd a, kd b) { return K(op_bool)(k_ge(a, b)); }

/* |a - b| within 2^-40 of a, and not the same: 15 digits may call them equal, a difference may snap to 0. */
K_FN km
K(near_diff)(kd a, kd b)
{
	return k_mand(k_ne(a, b), k_le(k_abs(a - b), k_abs(a) * k_set(0x1p-40)));
}

K_FN km
K(near_sum)(kd a, kd b)
{
	return K(near_diff)(a, k_neg(b));
}

/* The same and more: what may be near, in fewer instructions; equal lanes and NaN may be called near. */
K_FN km
K(maybe_gap)(kd d, kd a)
{
	kd m = a * k_set(0x1p-40);

#if KLANES == 8
	return _mm512_cmp_pd_mask(_mm512_range_pd((__m512d)m, (__m512d)d, 3), (__m512d)m, _CMP_EQ_OQ); /* the larger in size is m */
#else
	return k_le(k_abs(d), k_abs(m));
#endif
}

K_FN km K(maybe_near_diff)(kd a, kd b) { return K(maybe_gap)(a - b, a); }
K_FN km K(maybe_near_sum)(kd a, kd b) { return K(maybe_gap)(a + b, a); }
K_FN km K(maybe_near_round)(kd a, kd b) { return K(near_round)(a, b); }

K_FN kd K(op_xeq)(kd a, kd b) { return K(op_bool)(k_eq(a, b)); }
K_FN kd K(op_xlt)(kd a, kd b) { return K(op_bool)(k_lt(a, b)); }
K_FN kd K(op_xle)(kd a, kd b) { return K(op_bool)(k_le(a, b)); }

K_FN kd K(op_and)(kd a, kd b) { return a * b; }
K_FN kd K(op_or)(kd a, kd b) { return k_max(a, b); }
K_FN kd K(op_xor)(kd a, kd b) { return K(op_bool)(k_ne(a, b)); }
K_FN kd K(op_not)(kd a) { return k_set(1.0) - a; }
K_FN kd K(op_nonzero)(kd a) { return K(op_bool)(k_ne(a, k_set(0.0))); }
K_FN kd K(op_sel)(kd a, kd b, kd c) { return k_sel(k_ne(a, k_set(0.0)), b, c); }
K_FN kd K(op_eor)(kd a, kd b) { return k_sel(k_ne(a, k_set(0.0)), a, b); }

/* |a| is at most the largest double: else (infinite or NaN) error kind 6, #NUM!. */
K_FN kd
K(op_finchk)(kd a)
{
	return k_sel(k_le(k_abs(a), k_set(0x1.fffffffffffffp+1023)), k_set(0.0), k_set(6.0));
}

/* Element a of t[0 .. last], which has room for 16; what is out of range belongs to an error lane: any element will do. */
K_FN kd
K(element)(const double *t, double last, kd a)
{
	kd x = k_sel(k_ge(a, k_set(0.0)), a, k_set(0.0));
	kl i = k_small(k_trunc(k_sel(k_le(x, k_set(last)), x, k_set(last))));

	return last <= 15 ? k_lut16(t, i) : k_gather(t, i);
}

K_FN kd K(op_pow)(kd a, kd b) { return K(pow)(a, b); }
K_FN kd K(op_exp)(kd a) { return K(exp)(a); }
K_FN kd K(op_log)(kd a) { return K(log)(a); }
K_FN kd K(op_log10)(kd a) { return K(log10)(a); }
K_FN kd K(op_sin)(kd a) { return K(sin)(a); }
K_FN kd K(op_cos)(kd a) { return K(cos)(a); }
K_FN kd K(op_tan)(kd a) { return K(tan)(a); }
K_FN kd K(op_asin)(kd a) { return K(asin)(a); }
K_FN kd K(op_acos)(kd a) { return K(acos)(a); }
K_FN kd K(op_atan)(kd a) { return K(atan)(a); }
K_FN kd K(op_sinh)(kd a) { return K(sinh)(a); }
K_FN kd K(op_cosh)(kd a) { return K(cosh)(a); }
K_FN kd K(op_tanh)(kd a) { return K(tanh)(a); }
K_FN kd K(op_erf)(kd a) { return K(erf)(a); }
K_FN kd K(op_erfc)(kd a) { return K(erfc)(a); }
K_FN kd K(op_norminv)(kd a) { return K(norm_inv)(a); }
K_FN kd K(op_normcdf)(kd a) { return K(norm_cdf)(a); }

#endif
