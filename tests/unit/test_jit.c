/* The compiled tier against the vector machine, bit for bit, in every instruction set; and what happens without a compiler. */
#include <signal.h>
#include <unistd.h>

#include "engine/gen.h"
#include "engine/jit.h"
#include "tests/unit/allops.h"
#include "tests/unit/tap.h"

static void
compare(const char *what, struct allops *a, enum isa isa, int nblocks)
{
	struct err e = {0};
	struct vm_program *p = vm_compile(a->ir, NULL, a->root, a->n, isa, &e);
	struct jit *j = p ? jit_new(p, 0, NULL, &e) : NULL;
	struct vm_run *slow = p ? vm_run_new(p, 99, &e) : NULL, *quick = p ? vm_run_new(p, 99, &e) : NULL;
	long bad = 0;

	if (!ok(j != NULL, "%s [%s] compiles: %s", what, isa_name(isa), j ? "" : e.msg))
		goto out;
	if (jit_attach(j, quick, &e) < 0)
		goto out;
	for (int b = 0; b < nblocks; b++) {
		vm_block(slow, (int64_t)b * VM_BLOCK, 0, VM_BLOCK);
		vm_block(quick, (int64_t)b * VM_BLOCK, 0, VM_BLOCK);
		for (size_t k = 0; k < a->n; k++) {
			const double *x = vm_root(slow, k), *y = vm_root(quick, k);

			for (int i = 0; i < VM_BLOCK; i++)
				if (memcmp(&x[i], &y[i], 8) && !(isnan(x[i]) && isnan(y[i])) && bad++ < 5)
					printf("# %s trial %d: machine %a, compiled %a\n", a->name[k], b * VM_BLOCK + i, x[i], y[i]);
		}
	}
	ok(!bad, "%s [%s]: %zu results, %d trials, the same bits", what, isa_name(isa), a->n, nblocks * VM_BLOCK);
out:
	vm_run_free(slow);
	vm_run_free(quick);
	jit_free(j);
	vm_free(p);
}

static void
programs(enum isa isa)
{
	struct allops a;

	allops_init(&a);
	allops_lanes(&a);
	allops_tables(&a);
	compare("operations", &a, isa, isa == isa_best() ? 4000 : 400);
	allops_free(&a);
	allops_init(&a);
	allops_functions(&a);
	compare("functions", &a, isa, 8);
	allops_free(&a);
	allops_init(&a);
	ok(allops_dists(&a) == 0, "the distributions are there");
	compare("distributions", &a, isa, 8);
	allops_free(&a);
}

/* One that is made of many parts, with values kept between them. */
static void
many_parts(enum isa isa)
{
	struct allops a;
	ir_ref v[64];

	allops_init(&a);
	for (int k = 0; k < 64; k++)
		v[k] = allops_between(&a, 0.5, 2, 0);
	for (int k = 0; k < 6000; k++) {
		int i = (k * 37 + 11) % 64, j = (k * 17 + 5) % 64;

		v[k % 64] = ir_op2(a.ir, k % 5 == 0 ? IR_DIV : k % 3 == 0 ? IR_SUB : IR_ADD, v[i], v[j]);
	}
	for (int k = 0; k < 64; k++)
		allops_root(&a, v[k], "mixed");
	compare("6,000 operations", &a, isa, 8);
	allops_free(&a);
}

static void
failures(void)
{
	struct allops a;
	struct err e = {0};
	struct vm_program *p;
	struct jit *j;

	allops_init(&a);
	allops_root(&a, allops_between(&a, 0, 1, 0), "x");
	p = vm_compile(a.ir, NULL, a.root, a.n, ISA_BASE, &e);
	setenv("SIM_CC", "/nonexistent/cc", 1);
	ok(!jit_new(p, 0, NULL, &e) && e.status == ERR_UNAVAILABLE, "no compiler: %s", e.msg);
	setenv("SIM_CC", "/bin/false", 1);
	ok(!jit_new(p, 0, NULL, &e) && e.status == ERR_UNAVAILABLE, "a failing compiler: %s", e.msg);
	unsetenv("SIM_CC");
	j = jit_new(p, 0, NULL, &e);
	ok(j != NULL, "a program with one operation");
	jit_free(j);
	j = jit_new(p, 1, NULL, &e);
	ok(j != NULL, "the second time it comes from the cache");
	jit_free(j);
	vm_free(p);
	allops_free(&a);
}

int
main(void)
{
	char dir[] = "/tmp/simtest.XXXXXX", cmd[64];

	if (!mkdtemp(dir))
		return 71;
	setenv("XDG_CACHE_HOME", dir, 1);
	if (system("cc --version >/dev/null 2>&1")) {
		puts("ok 1 - the compiled tier # skip no compiler");
		puts("1..1");
		return 0;
	}
	for (int isa = ISA_BASE; isa <= (int)isa_best(); isa++) {
		programs((enum isa)isa);
		many_parts((enum isa)isa);
	}
	failures();
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	ok(system(cmd) == 0, "the cache can be removed");
	return done();
}
