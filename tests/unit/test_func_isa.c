/* Every numeric worksheet function gives the same bits and errors in every form that this machine runs. */
#include <string.h>

#include "base/cpu.h"
#include "formula/func.h"
#include "formula/isa/func_isa.h"
#include "kernels/dist.h"
#include "tests/unit/random.h"
#include "tests/unit/tap.h"

#define CASES 400
#define MAX_ARGS 16

/* Numbers of many kinds: shares, counts, amounts, dates, negative ones. */
static double
some_number(int k)
{
	double u = random_unit();

	switch (k % 8) {
	case 0: return u;
	case 1: return 1 + (double)(int)(u * 9);
	case 2: return 100 * u;
	case 3: return -3 * u;
	case 4: return 40000 + (double)(int)(u * 9000);
	case 5: return (double)(int)(u * 4);
	case 6: return 1e-6 * u;
	default: return 1000 * (u - 0.5);
	}
}

static int
same(double a, double b)
{
	return !memcmp(&a, &b, sizeof a);
}

/* One call, arguments of the same seed for every form. */
static double
call(const struct func *f, xl_fn *fn, int seed, int *err)
{
	static double x[MAX_ARGS * 6], scratch[2 * MAX_ARGS * 6 + 64];
	struct xl_arg arg[MAX_ARGS + 1] = {{0}};
	struct xl_call c = {.arg = arg, .scratch = scratch};
	int n = f->max < 0 || f->max > MAX_ARGS ? f->min + 2 : f->max;
	double y;

	random_state = 88172645463325252u + (uint64_t)seed * 2654435761u;
	if (f->min < n && random_unit() < 0.5)
		n = f->min;
	c.nargs = n;
	for (int i = 0; i < n; i++) {
		char letter = func_arg_letter(f, i);
		int k = letter == 'n' || letter == 'b' ? 1 : letter == 'M' ? 4 : 6, kind = (int)(random_unit() * 8);

		for (int j = 0; j < k; j++)
			x[6 * i + j] = letter == 'b' ? random_unit() < 0.5 : some_number(kind);
		arg[i] = (struct xl_arg){x + 6 * i, k, letter == 'M' ? 2 : k, letter == 'M' ? 2 : 1};
	}
	y = fn(&c);
	*err = c.err ? c.err : isfinite(y) ? 0 : XL_NUM; /* as the evaluator and the machine read it */
	return *err ? 0 : y;
}

static void
check_isa(enum isa isa)
{
	const struct func *f;
	int bad = 0, functions = 0, values = 0;

	for (size_t i = 0; (f = func_at(i)); i++) {
		if (!f->num)
			continue;
		functions++;
		for (int k = 0; k < CASES; k++) {
			int e1, e2;
			double a = call(f, f->num, k, &e1), b = call(f, func_num(f, isa), k, &e2);

			values += !e1;
			if ((e1 != e2 || !same(a, b)) && bad++ < 5)
				printf("# %s case %d: %a (%d) portable, %a (%d) %s\n", f->name, k, a, e1, b, e2, isa_name(isa));
		}
	}
	ok(!bad, "%d numeric functions, %d values: %s gives the bits of the portable form", functions, values, isa_name(isa));
}

static void
check_others(enum isa isa)
{
	const struct func_isa *p = func_isa(ISA_BASE), *q = func_isa(isa);
	int bad = 0;

	for (int k = 0; k < 20000; k++) {
		double a = some_number(k) + 3.5, b = some_number(k / 8);
		double params[2] = {2 + random_unit(), 1 + random_unit()}, u = random_unit();
		int e1, e2;

		bad += !same(p->arith('^', a, b, 0, &e1), q->arith('^', a, b, 0, &e2)) || e1 != e2;
		bad += !same(p->inverse(DIST_ID_GAMMA, params, 2, u), q->inverse(DIST_ID_GAMMA, params, 2, u));
		bad += !same(p->quantile(DIST_ID_BETA, params, 2, u, 1 - u), q->quantile(DIST_ID_BETA, params, 2, u, 1 - u));
	}
	ok(!bad, "powers and inverses: %s gives the bits of the portable form", isa_name(isa));
}

int
main(void)
{
	for (int isa = ISA_AVX2; isa <= ISA_AVX512; isa++) {
		if (isa > (int)isa_best()) {
			printf("ok %d # skip this machine has no %s\n", ++tap_run, isa_name((enum isa)isa));
			continue;
		}
		check_isa((enum isa)isa);
		check_others((enum isa)isa);
	}
	return done();
}
