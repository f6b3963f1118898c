/*
 * vm_ops: the lane operations of ops.def as loops over a block, compiled once per instruction set.
 *
 * Exports vm_op_<isa>(op, variant): see vm.h. The loops come from the table; what an operation does is in
 * kernels/ops.h and nowhere else.
 */
#include <stddef.h>

#include "engine/vm.h"
#include "kernels/ops.h"
#include "engine/sampler.h"
#include "kernels/dist.h"
#include "kernels/xl_math.h"
#include "kernels/xl_ops.h"
#define LANE_VECTOR
#include "kernels/invtab.h"
#include "kernels/ops.h"
#include "kernels/philox.h"
#include "kernels/distlane.h"
#include "kernels/blocks.h"
#include "kernels/sample.h"
#include "kernels/xl_round.h"

#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)

#define LOOP(run) for (size_t k = 0; k < (run)->n; k += KLANES)

/* --- loops: one, two, three operands; v1: the second is imm; v2: the first is ------------------------------ */

#define LANE1(name)                                                                            \
	static void run_##name(const struct vm_insn *i, struct vm_run *r)                      \
	{                                                                                      \
		const double *a = r->reg + i->a;                                               \
		double *o = r->reg + i->dst;                                                   \
		LOOP(r) k_store(o + k, K(op_##name)(k_load(a + k)));                           \
	}
#define LANE2(name)                                                                            \
	static void run_##name(const struct vm_insn *i, struct vm_run *r)                      \
	{                                                                                      \
		const double *a = r->reg + i->a, *b = r->reg + i->b;                           \
		double *o = r->reg + i->dst;                                                   \
		LOOP(r) k_store(o + k, K(op_##name)(k_load(a + k), k_load(b + k)));            \
	}                                                                                      \
	static void run_##name##_v1(const struct vm_insn *i, struct vm_run *r)                 \
	{                                                                                      \
		const double *a = r->reg + i->a;                                               \
		double *o = r->reg + i->dst;                                                   \
		kd b = k_set(i->imm);                                                          \
		LOOP(r) k_store(o + k, K(op_##name)(k_load(a + k), b));                        \
	}                                                                                      \
	static void run_##name##_v2(const struct vm_insn *i, struct vm_run *r)                 \
	{                                                                                      \
		const double *b = r->reg + i->b;                                               \
		double *o = r->reg + i->dst;                                                   \
		kd a = k_set(i->imm);                                                          \
		LOOP(r) k_store(o + k, K(op_##name)(a, k_load(b + k)));                        \
	}
#define LANE3(name)                                                                            \
	static void run_##name(const struct vm_insn *i, struct vm_run *r)                      \
	{                                                                                      \
		const double *a = r->reg + i->a, *b = r->reg + i->b, *c = r->reg + i->c;       \
		double *o = r->reg + i->dst;                                                   \
		LOOP(r) k_store(o + k, K(op_##name)(k_load(a + k), k_load(b + k), k_load(c + k))); \
	}

/* 15-digit operations: the whole vector at once, unless some lane is near a tie. */
#define NEAR_ONE(name, near, a, b)                                                             \
	do {                                                                                   \
		kd x_ = (a), y_ = (b);                                                         \
		if (__builtin_expect(k_any(K(maybe_##near)(x_, y_)), 0) && k_any(K(near)(x_, y_))) { \
			double x[KLANES], y[KLANES];                                           \
			k_store(x, x_);                                                        \
			k_store(y, y_);                                                        \
			for (int j = 0; j < KLANES; j++)                                       \
				o[k + (size_t)j] = slow_##name(x[j], y[j]);                    \
		} else {                                                                       \
			k_store(o + k, K(fast_##name)(x_, y_));                                \
		}                                                                              \
	} while (0)
#define NEAR2(name, near, slow)                                                                \
	/* only where it is near: what a lane gives does not depend on its neighbours, NaN or not */ \
	static double slow_##name(double a, double b) { return ks_##near(a, b) ? (slow) : ks_fast_##name(a, b); } \
	static void run_##name(const struct vm_insn *i, struct vm_run *r)                      \
	{                                                                                      \
		const double *a = r->reg + i->a, *b = r->reg + i->b;                           \
		double *o = r->reg + i->dst;                                                   \
		LOOP(r) NEAR_ONE(name, near, k_load(a + k), k_load(b + k));                       \
	}                                                                                      \
	static __attribute__((unused)) void run_##name##_v1(const struct vm_insn *i, struct vm_run *r) \
	{                                                                                      \
		const double *a = r->reg + i->a;                                               \
		double *o = r->reg + i->dst;                                                   \
		kd b = k_set(i->imm);                                                          \
		LOOP(r) NEAR_ONE(name, near, k_load(a + k), b);                                   \
	}

#define EACH2(name, slow)                                                                      \
	static void run_##name(const struct vm_insn *i, struct vm_run *r)                      \
	{                                                                                      \
		const double *pa = r->reg + i->a, *pb = r->reg + i->b;                         \
		double *o = r->reg + i->dst;                                                   \
		for (size_t k = 0; k < r->n; k++) {                                            \
			double a = pa[k], b = pb[k];                                           \
			o[k] = (slow);                                                         \
		}                                                                              \
	}

LANE2(add) LANE2(sub) LANE2(mul) LANE2(div) LANE1(neg) LANE1(abs) LANE1(sqrt) LANE2(min) LANE2(max)
LANE1(floor) LANE1(int) LANE1(ceil) LANE1(trunc) LANE1(sign) LANE2(pow)
LANE1(exp) LANE1(log) LANE1(log10) LANE1(sin) LANE1(cos) LANE1(tan) LANE1(asin) LANE1(acos) LANE1(atan)
LANE1(sinh) LANE1(cosh) LANE1(tanh) LANE1(erf) LANE1(erfc) LANE1(normcdf)
LANE2(xeq) LANE2(xlt) LANE2(xle) LANE2(and) LANE2(or) LANE2(xor) LANE1(not) LANE1(nonzero) LANE3(sel)
LANE2(eor) LANE1(finchk)
#define NEARROW(name, near, slow) NEAR2(name, near, slow)
#define EACHROW(name, slow) EACH2(name, slow)
#include "kernels/slow.def"
#undef NEARROW
#undef EACHROW

/* --- operations with loops of their own ------------------------------------------------------------------------ */

static void
run_norminv(const struct vm_insn *i, struct vm_run *r)
{
	kv_block_norminv(r->reg + i->dst, r->reg + i->a, r->n);
}

/* Powers of one number, as vm.c has put them together: what they share is computed once, and POW_WIDE vectors at a time hide the latency of
 * the chains. */
#define POW_WIDE (KLANES == 2 ? 2 : 4)

static inline __attribute__((always_inline)) void
powers(const struct vm_insn *i, struct vm_run *r, size_t k, int wide)
{
	const uint32_t *power = i->list;
	kd b[7][POW_WIDE], bl[7][POW_WIDE], h[POW_WIDE], l[POW_WIDE];
	int w, top = (int)i->imm;

	for (w = 0; w < wide; w++) {
		b[0][w] = k_load(r->reg + i->a + k + (size_t)w * KLANES);
		bl[0][w] = k_set(0.0);
		b[1][w] = K(pow_square)(b[0][w], &bl[1][w]);
	}
	for (int n = 2; n <= top; n++)
		for (w = 0; w < wide; w++) {
			bl[n][w] = bl[n - 1][w];
			b[n][w] = K(pow_mul)(b[n - 1][w], &bl[n][w], b[n - 1][w], bl[n - 1][w]);
		}
	for (size_t m = 0; m < i->ntable; m++, power += 2) {
		unsigned n = power[1] & VM_POW_WHOLE, bit = n ? (unsigned)__builtin_ctz(n) : 0;

		for (w = 0; w < wide; w++) {
			h[w] = n ? b[bit][w] : k_set(1.0);
			l[w] = n ? bl[bit][w] : k_set(0.0);
		}
		for (n &= n - 1; n; n &= n - 1) {
			bit = (unsigned)__builtin_ctz(n);
			for (w = 0; w < wide; w++)
				h[w] = K(pow_mul)(h[w], &l[w], b[bit][w], bl[bit][w]);
		}
		if (power[1] & VM_POW_HALF)
			for (w = 0; w < wide; w++)
				h[w] = K(pow_half)(h[w], &l[w], b[0][w]);
		if (power[1] & VM_POW_INVERSE)
			for (w = 0; w < wide; w++)
				h[w] = K(pow_invert)(h[w], &l[w]);
		for (w = 0; w < wide; w++) {
			kd y = power[1] & VM_POW_SAFE ? h[w] + l[w] : K(pow_close)(h[w], l[w]);

			k_store(r->reg + power[0] + k + (size_t)w * KLANES, y);
		}
	}
}

static void
run_powers(const struct vm_insn *i, struct vm_run *r)
{
	size_t k = 0;

	for (; k + POW_WIDE * KLANES <= r->n; k += POW_WIDE * KLANES)
		powers(i, r, k, POW_WIDE);
	for (; k < r->n; k += KLANES)
		powers(i, r, k, 1);
}

static void
run_powc(const struct vm_insn *i, struct vm_run *r)
{
	const double *a = r->reg + i->a;
	double *o = r->reg + i->dst;

	if (i->list) {
		run_powers(i, r);
		return;
	}
	LOOP(r) k_store(o + k, K(pow_general)(k_load(a + k), k_set(i->imm)));
}

static void
run_uniform(const struct vm_insn *i, struct vm_run *r)
{
	K(philox_fill)(r->reg + i->dst, r->seed, i->stream, (uint64_t)r->trial0, r->n);
}

static void
run_gather(const struct vm_insn *i, struct vm_run *r)
{
	const double *a = r->reg + i->a;
	double *o = r->reg + i->dst, last = (double)i->ntable - 1;

	LOOP(r) k_store(o + k, K(element)(i->table, last, k_load(a + k)));
}

static void
run_pick(const struct vm_insn *i, struct vm_run *r)
{
	const double *a = r->reg + i->list[0];
	double *o = r->reg + i->dst;
	double last = (double)i->ntable - 1;

	for (size_t k = 0; k < r->n; k++) {
		double x = a[k] >= 1 ? a[k] : 1;

		o[k] = r->reg[i->list[(size_t)(x <= last ? x : last)] + k];
	}
}

static void
run_invtab(const struct vm_insn *i, struct vm_run *r)
{
	const double *a = r->reg + i->a;
	double *o = r->reg + i->dst;

	LOOP(r) k_store(o + k, K(invtab_eval)(i->table, k_load(a + k)));
}

#define SAMPLE1(ID, fn)                                                                        \
	case DIST_ID_##ID:                                                                     \
		LOOP(r) k_store(o + k, K(sample_##fn)(k_load(u + k), k_set(p[0])));            \
		break
#define SAMPLE2(ID, fn)                                                                        \
	case DIST_ID_##ID:                                                                     \
		LOOP(r) k_store(o + k, K(sample_##fn)(k_load(u + k), k_set(p[0]), k_set(p[1]))); \
		break
#define SAMPLE3(ID, fn)                                                                        \
	case DIST_ID_##ID:                                                                     \
		LOOP(r) k_store(o + k, K(sample_##fn)(k_load(u + k), k_set(p[0]), k_set(p[1]), k_set(p[2]))); \
		break

/* The closed forms; sampler.c's list of them is the same. */
static void
run_sample(const struct vm_insn *i, struct vm_run *r)
{
	const struct sampler *s = i->user;
	const double *u = r->reg + i->a, *p = s->params;
	double *o = r->reg + i->dst;

	if (s->kind != SAMPLER_CLOSED) {
		vm_sample_each(i, r);
		return;
	}
	switch (s->dist) {
	SAMPLE2(UNIFORM, uniform);
	case DIST_ID_NORMAL:
		kv_block_normal(o, u, r->n, p[0], p[1]);
		break;
	case DIST_ID_LOGNORM2:
		kv_block_lognorm2(o, u, r->n, p[0], p[1]);
		break;
	SAMPLE3(TRIANG, triang);
	SAMPLE1(EXPON, expon);
	SAMPLE2(WEIBULL, weibull);
	SAMPLE2(LOGISTIC, logistic);
	SAMPLE3(LOGLOGISTIC, loglogistic);
	SAMPLE2(EXTVALUE, extvalue);
	SAMPLE2(EXTVALUEMIN, extvaluemin);
	SAMPLE2(PARETO, pareto);
	SAMPLE2(PARETO2, pareto2);
	SAMPLE2(LAPLACE, laplace);
	SAMPLE2(CAUCHY, cauchy);
	SAMPLE1(RAYLEIGH, rayleigh);
	SAMPLE2(LEVY, levy);
	SAMPLE1(GEOMET, geomet);
	SAMPLE1(BERNOULLI, bernoulli);
	SAMPLE2(INTUNIFORM, intuniform);
	default:
		vm_sample_each(i, r);
	}
}

/* Draws whose parameters differ from lane to lane: a whole vector at once where there is a closed form. */
static void
run_distcall(const struct vm_insn *i, struct vm_run *r)
{
	const struct ir_distcall *d = i->user;
	const double *guard = i->list[0] == UINT32_MAX ? NULL : r->reg + i->list[0], *u = r->reg + i->list[1];
	double *o = r->reg + i->dst, *err = i->dst2 == UINT32_MAX ? NULL : r->reg + i->dst2;

	if (!dist_has_lanes(d->dist)) {
		vm_distcall(i, r);
		return;
	}
	LOOP(r) {
		kd p[3] = {k_set(0.0), k_set(0.0), k_set(0.0)}, x, kind;
		km bad, skip;

		for (int j = 0; j < d->nparams && j < 3; j++)
			p[j] = k_load(r->reg + i->list[j + 2] + k);
		x = K(dist_lanes)(d->dist, k_load(u + k), p, &bad);
		kind = k_sel(bad, k_set((double)XL_NUM), k_set(0.0));
		if (guard) {
			skip = k_ne(k_load(guard + k), k_set(0.0));
			x = k_sel(skip, k_set(0.0), x);
			kind = k_sel(skip, k_set(0.0), kind);
		}
		k_store(o + k, x);
		if (err)
			k_store(err + k, kind);
	}
}

static inline __attribute__((always_inline)) void
round_const(const struct vm_insn *i, struct vm_run *r, double digits)
{
	const double *a = r->reg + i->a;
	double *o = r->reg + i->dst;

	LOOP(r) {
		kd x = k_load(a + k), y;
		km near;

		y = K(fast_round_const)(x, digits, &near);
		if (__builtin_expect(k_any(near), 0)) {
			double v[KLANES];

			k_store(v, x);
			for (int j = 0; j < KLANES; j++)
				o[k + (size_t)j] = slow_round(v[j], digits);
		} else {
			k_store(o + k, y);
		}
	}
}

static void
run_round_const(const struct vm_insn *i, struct vm_run *r)
{
	if (i->imm == 0) /* a loop of its own: no division */
		round_const(i, r, 0);
	else
		round_const(i, r, i->imm);
}

#define SCAN_LIMIT 64 /* longer tables are searched lane by lane */

/* Entries <= a of a sorted table: a short one is compared entry by entry, all lanes at once. */
static void
run_countle(const struct vm_insn *i, struct vm_run *r)
{
	const double *a = r->reg + i->a;
	double *o = r->reg + i->dst;

	if (i->ntable > SCAN_LIMIT) {
		vm_countle(i, r, 0, r->n);
		return;
	}
	LOOP(r) {
		kd x = k_load(a + k), count = k_set(0.0);
		km near = k_lt(x, x);

		for (size_t t = 0; t < i->ntable; t++) {
			kd y = k_set(i->table[t]);

			near = k_mor(near, K(near_diff)(y, x));
			count = count + K(op_bool)(k_le(y, x));
		}
		if (__builtin_expect(k_any(near), 0)) /* before anything is stored: the result may lie where the operand does */
			vm_countle(i, r, k, k + KLANES);
		else
			k_store(o + k, count);
	}
}

static void
run_findeq(const struct vm_insn *i, struct vm_run *r)
{
	const double *a = r->reg + i->a;
	double *o = r->reg + i->dst;

	if (i->ntable > SCAN_LIMIT) {
		vm_findeq(i, r, 0, r->n);
		return;
	}
	LOOP(r) {
		kd x = k_load(a + k), at = k_set(0.0);
		km near = k_lt(x, x);

		for (size_t t = i->ntable; t-- > 0;) {
			kd y = k_set(i->table[t]);

			near = k_mor(near, K(near_diff)(y, x));
			at = k_sel(k_eq(y, x), k_set((double)t + 1), at);
		}
		if (__builtin_expect(k_any(near), 0)) /* before anything is stored: the result may lie where the operand does */
			vm_findeq(i, r, k, k + KLANES);
		else
			k_store(o + k, at);
	}
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static vm_fn *const table[IR_NOPS][3] = {
#define ROW1(ID, name) [IR_##ID] = {run_##name, NULL, NULL}
#define ROW2(ID, name) [IR_##ID] = {run_##name, run_##name##_v1, run_##name##_v2}
#define ROWN(ID, name) [IR_##ID] = {run_##name, run_##name##_v1, NULL}
    ROW1(UNIFORM, uniform), ROW2(ADD, add), ROW2(SUB, sub), ROW2(MUL, mul), ROW2(DIV, div), ROW1(NEG, neg),
    ROW1(ABS, abs), ROW1(SQRT, sqrt), ROW2(MIN, min), ROW2(MAX, max), ROW1(FLOOR, floor), ROW1(INT, int), ROW1(CEIL, ceil),
    ROW1(TRUNC, trunc), ROW1(SIGN, sign), ROWN(ADDSNAP, addsnap), ROWN(SUBSNAP, subsnap), ROW2(POW, pow),
    ROW1(POWC, powc), ROW1(EXP, exp), ROW1(LOG, log), ROW1(LOG10, log10), ROW1(SIN, sin), ROW1(COS, cos),
    ROW1(TAN, tan), ROW1(ASIN, asin), ROW1(ACOS, acos), ROW1(ATAN, atan), ROW1(SINH, sinh), ROW1(COSH, cosh),
    ROW1(TANH, tanh), ROW1(ERF, erf), ROW1(ERFC, erfc), ROW1(NORMINV, norminv), ROW1(NORMCDF, normcdf),
    ROWN(EQ, eq), ROWN(NE, ne), ROWN(LT, lt), ROWN(LE, le), ROWN(GT, gt), ROWN(GE, ge), ROW2(XEQ, xeq),
    ROW2(XLT, xlt), ROW2(XLE, xle), ROW2(AND, and), ROW2(OR, or), ROW2(XOR, xor), ROW1(NOT, not),
    ROW1(NONZERO, nonzero), ROW1(SEL, sel), ROW2(EOR, eor), ROW1(FINCHK, finchk), [IR_ROUND] = {run_round, run_round_const, NULL},
    ROW1(ROUNDUP, roundup), ROW1(ROUNDDN, rounddn), ROW1(MOD, mod), ROW1(SAMPLE, sample), ROW1(INVTAB, invtab), ROW1(GATHER, gather),
    ROW1(PICK, pick),
    ROW1(COUNTLE, countle), ROW1(FINDEQ, findeq), [IR_NUMCALL] = {vm_numcall, NULL, NULL},
    [IR_DISTCALL] = {run_distcall, NULL, NULL}, [IR_DISTPROB] = {vm_distprob, NULL, NULL}, [IR_TREE] = {vm_tree, NULL, NULL},
};

vm_fn *
PASTE(vm_op, ISA)(enum ir_op op, int variant)
{
	return variant <= 2 ? table[op][variant] : NULL;
}
