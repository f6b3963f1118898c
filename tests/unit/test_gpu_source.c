/*
 * The very source that NVRTC gets, compiled by cc with a shim for CUDA's built-ins (tests/gpu/shim.h): every operation, function and
 * distribution gives the bits of the vector machine. Where NVRTC is installed it must take the same sources too.
 */
#include <dlfcn.h>
#include <unistd.h>

#include "engine/cuda.h"
#include "engine/gen.h"
#include "kernels/gpu_args.h"
#include "tests/unit/allops.h"
#include "tests/unit/tap.h"

#ifdef __SANITIZE_ADDRESS__ /* what it looks for does not depend on the number */
#define LEAVES 300
#else
#define LEAVES 4000
#endif

typedef void launch_fn(const void *args, int64_t block, int64_t nblocks);

static char dir[] = "/tmp/simtest.XXXXXX";

static launch_fn *
compile(const struct gen *g, const char *name)
{
	char path[200], cmd[1000];
	FILE *f;
	void *lib;

	snprintf(path, sizeof path, "%s/%s.c", dir, name);
	f = fopen(path, "w");
	if (!f || fputs(g->src, f) < 0 || fputs("#include \"tests/gpu/shim_end.h\"\n", f) < 0 || fclose(f))
		return NULL;
	snprintf(cmd, sizeof cmd, "cc -std=gnu11 -O1 -march=native -w -ffp-contract=off -fno-math-errno -fno-trapping-math -fPIC -shared -I. "
	         "-include tests/gpu/shim.h -o %s/%s.so %s -lm", dir, name, path);
	if (system(cmd))
		return NULL;
	snprintf(path, sizeof path, "%s/%s.so", dir, name);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return lib ? (launch_fn *)dlsym(lib, "shim_launch") : NULL;
}

static long
differences(const struct allops *a, const struct gen *g, struct vm_run *run, const double *dump, int64_t leaf)
{
	long bad = 0;
	static int shown;

	vm_block(run, leaf * VM_BLOCK, 0, VM_BLOCK);
	for (size_t k = 0; k < a->n; k++) {
		const double *x = vm_root(run, k), *y = dump + (size_t)g->slot[k] * VM_BLOCK;

		for (int i = 0; i < VM_BLOCK; i++)
			if (memcmp(&x[i], &y[i], 8) && !(isnan(x[i]) && isnan(y[i])) && ++bad && shown++ < 20)
				printf("# %s trial %lld: machine %a, generated %a\n", a->name[k], (long long)leaf * VM_BLOCK + i, x[i], y[i]);
	}
	return bad;
}

static void
nvrtc_takes(const struct gen *g, const char *name, size_t narchs)
{
	static const int archs[] = {90, 80, 100};
	struct nvrtc n;
	struct err e;

	if (nvrtc_open(&n, &e) < 0) {
		ok(1, "%s: NVRTC compiles it # skip %s", name, e.msg);
		return;
	}
	for (size_t k = 0; k < narchs; k++) {
		char arch[64];
		const char *options[] = {arch, "--fmad=false", "--std=c++17", "--Ofast-compile=max"};
		nvrtc_program p;
		int rc;

		snprintf(arch, sizeof arch, "--gpu-architecture=sm_%d", archs[k]);
		rc = n.create(&p, g->src, "model.cu", 0, NULL, NULL);
		rc = rc ? rc : n.compile(p, 3 + (n.major >= 13), options);
		ok(!rc, "%s: NVRTC %d.%d compiles it for sm_%d", name, n.major, n.minor, archs[k]);
		n.destroy(&p);
	}
	nvrtc_close(&n);
}

static void
program(const char *name, struct allops *a, int nleaves, size_t narchs)
{
	struct err e = {0};
	struct gen g = {0};
	struct vm_program *p = vm_compile(a->ir, NULL, a->root, a->n, isa_best(), &e);
	struct vm_run *run = p ? vm_run_new(p, 99, &e) : NULL;
	launch_fn *launch = NULL;
	long bad = 0;

	if (run && !gen_source(&g, a->ir, a->root, a->n, GEN_CUDA, &e))
		launch = compile(&g, name);
	if (ok(launch != NULL, "%s: the source compiles as C with the shim %s", name, e.msg)) {
		size_t size = (g.nslots + 1) * VM_BLOCK;
		double *dump = calloc(size, sizeof *dump), *work = calloc(size + 64, sizeof *work);
		struct g_args args = {.seed = 99, .stream = g.stream, .tab = g.tab, .ndump = 1, .dump = dump, .work = work, .ntasks = 1,
		                      .rank_dense = 1, .rank_step = 1};

		for (int64_t leaf = 0; leaf < nleaves; leaf++) {
			args.leaf0 = args.dump0 = leaf;
			launch(&args, 0, 1);
			bad += differences(a, &g, run, dump, leaf);
		}
		ok(!bad, "%s: %zu results, %d trials, the same bits", name, a->n, nleaves * VM_BLOCK);
		free(dump);
		free(work);
	}
	nvrtc_takes(&g, name, narchs);
	gen_free(&g);
	vm_run_free(run);
	vm_free(p);
}

int
main(void)
{
	char cmd[64];
	struct allops a;

	if (system("cc --version >/dev/null 2>&1")) {
		puts("ok 1 - the GPU's source on a CPU # skip no compiler");
		puts("1..1");
		return 0;
	}
	if (!mkdtemp(dir))
		return 71;
	allops_init(&a);
	allops_lanes(&a);
	allops_tables(&a);
	program("operations", &a, LEAVES, 3);
	allops_free(&a);
	allops_init(&a);
	allops_functions(&a);
	program("functions", &a, 8, 1);
	allops_free(&a);
	allops_init(&a);
	ok(allops_dists(&a) == 0, "the distributions are there");
	program("distributions", &a, 8, 1);
	allops_free(&a);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	ok(!system(cmd), "cleaned up");
	return done();
}
