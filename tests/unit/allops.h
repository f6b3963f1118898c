/*
 * allops: a program with every operation of ops.def, every numeric function and every distribution of
 * tests/golden/dist.txt, over operands that are special values (zeros, subnormals, huge, infinite, NaN, near ties) and
 * random bit patterns. For the tests of generated code against the vector machine.
 */
#ifndef TESTS_ALLOPS_H
#define TESTS_ALLOPS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/ir.h"
#include "engine/invtab.h"
#include "engine/sampler.h"
#include "engine/vm.h"
#include "formula/func.h"
#include "kernels/dist.h"

#define ALLOPS_MAX 4096

struct allops {
	struct ir *ir;
	struct sampler_set *set;
	ir_ref root[ALLOPS_MAX];
	char name[ALLOPS_MAX][64];
	size_t n;
	uint64_t streams;
};

static ir_ref
allops_uniform(struct allops *a)
{
	return ir_uniform(a->ir, 0x1234567u + 0x9e3779b97f4a7c15u * ++a->streams);
}

static void
allops_root(struct allops *a, ir_ref r, const char *name)
{
	if (a->n < ALLOPS_MAX) {
		snprintf(a->name[a->n], sizeof a->name[0], "%s", name);
		a->root[a->n++] = r;
	}
}

/* A lane that takes any of n values. */
static ir_ref
allops_any(struct allops *a, const double *v, size_t n)
{
	uint32_t t = ir_add_table(a->ir, v, n, NULL);
	ir_ref at = ir_op2(a->ir, IR_MUL, allops_uniform(a), ir_const(a->ir, (double)n));

	return ir_tabled(a->ir, IR_GATHER, at, t, 1, -1, 0);
}

/* min + (max - min) u */
static ir_ref
allops_between(struct allops *a, double min, double max, int whole)
{
	ir_ref x = ir_op2(a->ir, IR_MUL, allops_uniform(a), ir_const(a->ir, max - min));

	x = ir_op2(a->ir, IR_ADD, x, ir_const(a->ir, min));
	return whole ? ir_op1(a->ir, IR_FLOOR, x) : x;
}

static const double allops_special[] = {
    0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2, 3, 10, -10, 0x1p-1074, -0x1p-1074, 0x1p-1022, -0x1p-1022, 0x1.fffffffffffffp-1023,
    0x1.fffffffffffffp+1023, -0x1.fffffffffffffp+1023, 0x1p52, 0x1p53, -0x1p53, 0x1p51, 1e15, 1e16, 1e22, 1e300, -1e300, 1e-300,
    INFINITY, -INFINITY, NAN, 0.1, 0.2, 0.3, 0.30000000000000004, 0.1 + 0.7, 0.8, 2.675, 1.005, 0.49999999999999994, 709.78, -745.1,
    710, 1e-17, 0x1.fffffffffffffp-1, 0x1.0000000000001p+0, 3.141592653589793, 1.5707963267948966, 64, 64.5, 65, -64.5, 1000, 1e308};

static ir_ref
allops_wild(struct allops *a)
{
	static double v[1024];
	const size_t ns = sizeof allops_special / sizeof *allops_special, n = sizeof v / sizeof *v;
	uint64_t x = 88172645463325252u + a->streams;

	for (size_t k = 0; k < n; k++) {
		uint64_t b;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		b = x;
		if (k % 4 == 0) /* moderate ones */
			b = (b & 0x800fffffffffffffu) | (uint64_t)(1023 - 8 + (x >> 7) % 16) << 52;
		if (k < 8 * ns)
			v[k] = allops_special[k % ns];
		else
			memcpy(&v[k], &b, 8);
	}
	return allops_any(a, v, n);
}

/* Nearly equal to x, now and then. */
static ir_ref
allops_near(struct allops *a, ir_ref x)
{
	static const double f[] = {1, 1 + 0x1p-52, 1 - 0x1p-53, 1 + 1e-15, 1 - 4e-16, 1 + 1e-13, -1, -1 - 0x1p-51, 1.25, 0};

	return ir_op2(a->ir, IR_MUL, x, allops_any(a, f, sizeof f / sizeof *f));
}

static void
allops_lanes(struct allops *a)
{
	ir_ref x = allops_wild(a), y = allops_wild(a), z = allops_wild(a), near = allops_near(a, x);
	ir_ref digits = allops_between(a, -12, 14, 1), bit = allops_between(a, 0, 2, 1);
	ir_ref near1 = allops_between(a, 0.8, 1.3, 0);
	static const double e[] = {2, 3, 0.5, -1, 1.5, -2.5, 10, 64.5, 65, 0.3, -0.7, 1e10, 0};

	for (int op = 0; op < IR_NOPS; op++) {
		int arity = ir_op_arity((enum ir_op)op);

		if (op == IR_CONST || op == IR_UNIFORM || op >= IR_SAMPLE || op == IR_POWC)
			continue;
		if (arity == 1)
			allops_root(a, ir_op1(a->ir, (enum ir_op)op, x), ir_op_name((enum ir_op)op));
		if (arity == 2) {
			allops_root(a, ir_op2(a->ir, (enum ir_op)op, x, y), ir_op_name((enum ir_op)op));
			allops_root(a, ir_op2(a->ir, (enum ir_op)op, x, near), ir_op_name((enum ir_op)op));
			allops_root(a, ir_op2(a->ir, (enum ir_op)op, y, digits), ir_op_name((enum ir_op)op));
			allops_root(a, ir_op2(a->ir, (enum ir_op)op, z, ir_const(a->ir, 0.3)), ir_op_name((enum ir_op)op));
		}
		if (arity == 3)
			allops_root(a, ir_op3(a->ir, (enum ir_op)op, bit, y, z), ir_op_name((enum ir_op)op));
	}
	for (size_t k = 0; k < sizeof e / sizeof *e; k++)
		allops_root(a, ir_powc(a->ir, x, e[k]), "powc");
	for (double k = -64.5; k <= 64.5; k += 0.5) /* of a number that is known to be near 1 */
		allops_root(a, ir_powc(a->ir, near1, k), "powc near 1");
	allops_root(a, ir_const(a->ir, INFINITY), "const");
	allops_root(a, ir_const(a->ir, -0.0), "const");
	allops_root(a, ir_uniform(a->ir, 77), "uniform");
}

static void
allops_tables(struct allops *a)
{
	static const double sorted[] = {-5, 0, 0.1, 0.3, 1, 2, 3, 10, 1000, 1e15};
	uint32_t t = ir_add_table(a->ir, sorted, 10, NULL);
	ir_ref x[2] = {allops_wild(a), allops_between(a, -2, 12, 1)};

	for (int k = 0; k < 2; k++) {
		ir_ref pick[6] = {x[k], allops_wild(a), ir_const(a->ir, 7), allops_uniform(a), allops_wild(a), x[1 - k]};

		allops_root(a, ir_tabled(a->ir, IR_GATHER, x[k], t, 1, -1, 0), "gather");
		allops_root(a, ir_tabled(a->ir, IR_COUNTLE, x[k], t, 0, 10, 1), "countle");
		allops_root(a, ir_tabled(a->ir, IR_FINDEQ, x[k], t, 0, 10, 1), "findeq");
		allops_root(a, ir_nary(a->ir, IR_PICK, pick, 6, 0), "pick");
	}
}

/* Every FNUM row: its least and its greatest number of arguments, lists of five. */
static void
allops_functions(struct allops *a)
{
	const struct func *f;

	for (size_t i = 0; (f = func_at(i)); i++) {
		if (!f->num)
			continue;
		for (int most = 0; most < 2; most++) {
			int max = f->max < 0 ? f->min + 2 : f->max, nargs = most ? max : f->min;
			struct ir_arg_shape *shape = ARENA_NEW(&a->ir->arena, struct ir_arg_shape, max + 1);
			struct ir_call call = {.fn = f, .arg = shape, .nargs = nargs, .max = max};
			ir_ref ops[200], r;
			size_t n = 1;

			ops[0] = most ? allops_between(a, 0, 2, 1) : IR_NONE;
			for (int k = 0; k < nargs && n < 150; k++) {
				char letter = func_arg_letter(f, k);
				int list = strchr("LAMP", letter) != NULL;

				shape[k] = (struct ir_arg_shape){(uint32_t)n - 1, list ? 5 : 1, list ? 5 : 1, 1};
				for (int j = 0; j < (list ? 5 : 1); j++)
					ops[n++] = allops_between(a, k == 0 && most ? -20 : 0.01, (i + (size_t)k) % 3 ? 2 : 30, (i + (size_t)j) % 2);
			}
			call.scratch = 2 * n + 16;
			r = ir_nary(a->ir, IR_NUMCALL, ops, n, ir_add_call(a->ir, &call));
			allops_root(a, r, f->name);
			allops_root(a, ir_result(a->ir, IR_RES2, r), f->name);
		}
	}
}

static int
allops_dist(struct allops *a, const char *line)
{
	char name[32];
	double p[64];
	int n, used;
	struct err e;
	const struct sampler *s;
	ir_ref u = allops_uniform(a), ops[20], x;

	if (sscanf(line, "P %31s %d%n", name, &n, &used) != 2 || n > 64)
		return -1;
	for (int k = 0; k < n; k++) {
		char *end;

		p[k] = strtod(line + used, &end);
		used = (int)(end - line);
	}
	if (!(s = sampler_get(a->set, dist_find(name, strlen(name)), p, n, &e)))
		return -1;
	x = s->kind == SAMPLER_TABLE
	        ? ir_tabled(a->ir, IR_INVTAB, u, ir_add_table(a->ir, s->tab->v, s->tab->n, (void *)(uintptr_t)s), 1, -1, 0)
	        : ir_tabled(a->ir, IR_SAMPLE, u, ir_add_table(a->ir, s->params, (size_t)s->nparams, (void *)(uintptr_t)s), 1, -1, 0);
	allops_root(a, x, name);
	if (n > 16)
		return 0;
	for (int moved = 0; moved < 2; moved++) {
		ops[0] = moved ? allops_between(a, 0, 2, 1) : IR_NONE;
		ops[1] = u;
		for (int k = 0; k < n; k++)
			ops[k + 2] = moved ? ir_op2(a->ir, IR_MUL, ir_const(a->ir, p[k]), allops_between(a, -0.5, 2, 0))
			                   : ir_op2(a->ir, IR_ADD, ir_const(a->ir, p[k]), ir_op2(a->ir, IR_MUL, u, ir_const(a->ir, 0x1p-1000)));
		x = ir_nary(a->ir, IR_DISTCALL, ops, (size_t)n + 2, ir_add_distcall(a->ir, dist_find(name, strlen(name)), n, 0));
		allops_root(a, x, name);
		allops_root(a, ir_result(a->ir, IR_RES2, x), name);
		for (int what = IR_DIST_BELOW; what <= IR_DIST_CHECK; what++) { /* at a value the distribution takes */
			ops[1] = a->root[a->n - 2 - 2 * (size_t)what];
			x = ir_nary(a->ir, IR_DISTPROB, ops, (size_t)n + 2, ir_add_distcall(a->ir, dist_find(name, strlen(name)), n, what));
			allops_root(a, x, name);
			allops_root(a, ir_result(a->ir, IR_RES2, x), name);
			ops[1] = u;
		}
	}
	return 0;
}

/* The SAMPLE that has neither a closed form nor a table. */
static void
allops_exact(struct allops *a, struct sampler *s)
{
	static double p[2] = {3, 7};

	*s = (struct sampler){.kind = SAMPLER_EXACT, .dist = DIST_ID_F, .nparams = 2, .params = p, .asked_dist = DIST_ID_F, .asked_n = 2, .asked = p};
	allops_root(a, ir_tabled(a->ir, IR_SAMPLE, allops_uniform(a), ir_add_table(a->ir, p, 2, s), 1, -1, 0), "exact F");
}

static int
allops_dists(struct allops *a)
{
	FILE *f = fopen("tests/golden/dist.txt", "r");
	char line[4096];
	static struct sampler exact;

	while (f && fgets(line, sizeof line, f))
		if (line[0] == 'P' && allops_dist(a, line) < 0)
			printf("# not used: %s", line);
	if (f)
		fclose(f);
	allops_exact(a, &exact);
	return f ? 0 : -1;
}

static void
allops_init(struct allops *a)
{
	memset(a, 0, sizeof *a);
	a->ir = ir_new();
	a->set = sampler_set_new();
}

static void
allops_free(struct allops *a)
{
	ir_free(a->ir);
	sampler_set_free(a->set);
}

#endif
