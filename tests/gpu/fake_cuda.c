/*
 * fake_cuda: a driver and an NVRTC for machines without a GPU, for tests: "kernels" are compiled by cc with shim.h and run
 * on a CPU thread, one a stream. Load it with SIM_CUDA_LIB and SIM_NVRTC_LIB. SIM_FAKE_DIR names the folder of shim.h.
 *
 * SIM_FAKE is a list, separated by commas, of what goes wrong:
 *   nodevice olddriver nosymbol nocompile oom
 *   launch=N   the N-th launch (from 1) is refused          gone=N  it starts, and fails
 *   wrong=N    a number of it is wrong, in lanes and sums   sums=N  only in the sums
 *   hang=N     it never ends
 *   gpus=N     so many devices
 *   arch=N     sm_N, not sm_90
 * What the real NVRTC made it refuses to load (error 209).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernels/gpu_args.h"

struct module {
	void *lib;
	void (*launch)(const void *args, int64_t block, int64_t nblocks);
};

struct stream {
	pthread_t thread;
	int started;
	atomic_int running;
	int result, wrong, sums, hang;
	struct module *module;
	struct g_args args;
	unsigned blocks;
};

struct program {
	char *src, log[4000], *code;
	size_t ncode;
};

static atomic_int launches;

/* Number behind NAME= in SIM_FAKE; 1 where it stands alone, 0 where it does not. */
static int
fault(const char *name)
{
	const char *s = getenv("SIM_FAKE");
	size_t n = strlen(name);

	for (; s && *s; s += strcspn(s, ","), s += *s == ',')
		if (!strncmp(s, name, n) && (!s[n] || s[n] == ',' || s[n] == '='))
			return s[n] == '=' ? atoi(s + n + 1) : 1;
	return 0;
}

/* --- driver ------------------------------------------------------------------------------------------------------ */

int cuInit(unsigned f) { (void)f; return 0; }
int cuDriverGetVersion(int *v) { *v = fault("olddriver") ? 11040 : 13000; return 0; }
int cuDeviceGetCount(int *n) { *n = fault("nodevice") ? 0 : fault("gpus") ? fault("gpus") : 1; return 0; }
int cuDeviceGet(int *d, int k) { *d = k; return 0; }
int cuDeviceGetName(char *s, int n, int d) { snprintf(s, (size_t)n, "Fake %d", d); return 0; }
int cuDeviceTotalMem_v2(size_t *n, int d) { (void)d; *n = (size_t)4 << 30; return 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { static int it; (void)d; *c = &it; return 0; }
int cuDevicePrimaryCtxRelease_v2(int d) { (void)d; return 0; }
int cuCtxSetCurrent(void *c) { (void)c; return 0; }
int cuMemGetInfo_v2(size_t *f, size_t *t) { *f = (size_t)2 << 30; *t = (size_t)4 << 30; return 0; }
int cuMemFree_v2(uint64_t p) { free((void *)(uintptr_t)p); return 0; }
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t n) { memcpy((void *)(uintptr_t)to, from, n); return 0; }
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t n) { memcpy(to, (void *)(uintptr_t)from, n); return 0; }
int cuFuncSetAttribute(void *f, int a, int v) { (void)f; (void)a; (void)v; return 0; }
int cuGetErrorString(int r, const char **t) { *t = r == 2 ? "out of memory" : r == 209 ? "no kernel image" : r == 719 ? "unspecified launch failure" : "fake error"; return 0; }

int
cuDeviceGetAttribute(int *v, int a, int d)
{
	int arch = fault("arch") ? fault("arch") : 90;

	(void)d;
	*v = a == 16 ? 2 : a == 75 ? arch / 10 : a == 76 ? arch % 10 : a == 97 ? 232448 : 0;
	return 0;
}

int
cuOccupancyMaxActiveBlocksPerMultiprocessor(int *n, void *f, int size, size_t shared)
{
	(void)f;
	*n = size == 256 && shared <= 232448 ? 2 : 0;
	return 0;
}

int
cuMemAlloc_v2(uint64_t *p, size_t n)
{
	static atomic_int count;

	if (fault("oom") && atomic_fetch_add(&count, 1) >= 5)
		return 2;
	*p = (uint64_t)(uintptr_t)aligned_alloc(256, (n + 255) & ~(size_t)255);
	return *p ? 0 : 2;
}

int
cuModuleLoadData(struct module **m, const void *image)
{
	size_t n;
	char path[] = "/tmp/fakecubin.XXXXXX";
	const char *p = image;
	int fd;

	if (!memcmp(p, "\177ELF", 4) || !memcmp(p, "//", 2))
		return 209;
	fd = mkstemp(path);
	memcpy(&n, p, sizeof n);
	*m = calloc(1, sizeof **m);
	if (fd < 0 || !*m || write(fd, p + sizeof n, n) != (ssize_t)n)
		return 200;
	close(fd);
	(*m)->lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	unlink(path);
	if (!(*m)->lib || !(*(void **)&(*m)->launch = dlsym((*m)->lib, "shim_launch")))
		return 200;
	return 0;
}

int
cuModuleUnload(struct module *m)
{
	dlclose(m->lib);
	free(m);
	return 0;
}

int
cuModuleGetFunction(void **f, struct module *m, const char *name)
{
	*f = m;
	return strcmp(name, "sim_leaves") ? 500 : 0;
}

int
cuStreamCreate(struct stream **s, unsigned flags)
{
	(void)flags;
	*s = calloc(1, sizeof **s);
	return *s ? 0 : 2;
}

static void
join(struct stream *s)
{
	if (s->started)
		pthread_join(s->thread, NULL);
	s->started = 0;
}

int
cuStreamDestroy_v2(struct stream *s)
{
	join(s);
	free(s);
	return 0;
}

int
cuStreamQuery(struct stream *s)
{
	if (atomic_load(&s->running))
		return 600;
	join(s);
	return s->result;
}

int
cuMemsetD8Async(uint64_t to, unsigned char v, size_t n, struct stream *s)
{
	join(s);
	memset((void *)(uintptr_t)to, v, n);
	return 0;
}

static void *
run(void *arg)
{
	struct stream *s = arg;

	while (s->hang)
		pause();
	for (unsigned b = 0; b < s->blocks && !s->result; b++)
		s->module->launch(&s->args, b, s->blocks);
	if (s->wrong && s->args.ndump)
		s->args.dump[3] += 1;
	if (s->wrong || s->sums)
		s->args.sums[(int64_t)(s->args.ntasks / 2) * s->args.nsums] += 1;
	atomic_store(&s->running, 0);
	return NULL;
}

int
cuLaunchKernel(struct module *m, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
               struct stream *s, void **params, void **extra)
{
	int n = atomic_fetch_add(&launches, 1) + 1;

	(void)gy, (void)gz, (void)bx, (void)by, (void)bz, (void)shared, (void)extra;
	if (fault("launch") == n)
		return 719;
	join(s);
	memcpy(&s->args, params[0], sizeof s->args);
	s->module = m;
	s->blocks = gx;
	s->result = fault("gone") == n ? 719 : 0;
	s->wrong = fault("wrong") == n;
	s->sums = fault("sums") == n;
	s->hang = fault("hang") == n;
	atomic_store(&s->running, 1);
	s->started = !pthread_create(&s->thread, NULL, run, s);
	return s->started ? 0 : 2;
}

/* --- NVRTC --------------------------------------------------------------------------------------------------------- */

int nvrtcVersion(int *a, int *b) { *a = 13; *b = 99; return 0; }
int nvrtcGetNumSupportedArchs(int *n) { *n = 2; return 0; }
int nvrtcGetSupportedArchs(int *v) { v[0] = 80; v[1] = 90; return 0; }
int nvrtcGetCUBINSize(struct program *p, size_t *n) { *n = p->ncode; return 0; }
int nvrtcGetCUBIN(struct program *p, char *out) { memcpy(out, p->code, p->ncode); return 0; }
int nvrtcGetPTXSize(struct program *p, size_t *n) { return nvrtcGetCUBINSize(p, n); }
int nvrtcGetPTX(struct program *p, char *out) { return nvrtcGetCUBIN(p, out); }
int nvrtcGetProgramLogSize(struct program *p, size_t *n) { *n = strlen(p->log) + 1; return 0; }
int nvrtcGetProgramLog(struct program *p, char *out) { strcpy(out, p->log); return 0; }

int
nvrtcCreateProgram(struct program **p, const char *src, const char *name, int n, const char *const *h, const char *const *i)
{
	(void)name, (void)n, (void)h, (void)i;
	*p = calloc(1, sizeof **p);
	if (!*p || !((*p)->src = strdup(src)))
		return 1;
	return 0;
}

int
nvrtcDestroyProgram(struct program **p)
{
	free((*p)->src);
	free((*p)->code);
	free(*p);
	*p = NULL;
	return 0;
}

static char *
read_whole(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *s = NULL;

	*n = 0;
	if (f && !fseek(f, 0, SEEK_END) && (s = malloc((size_t)ftell(f) + 1 + sizeof *n))) {
		*n = (size_t)ftell(f);
		rewind(f);
		*n = fread(s + sizeof *n, 1, *n, f);
		memcpy(s, n, sizeof *n);
		*n += sizeof *n;
	}
	if (f)
		fclose(f);
	return s;
}

int
nvrtcCompileProgram(struct program *p, int noptions, const char *const *options)
{
	char dir[] = "/tmp/fakenvrtc.XXXXXX", path[64], cmd[1024];
	const char *shim = getenv("SIM_FAKE_DIR");
	FILE *f;
	int rc = 1;

	(void)noptions, (void)options;
	if (fault("nocompile")) {
		strcpy(p->log, "model.cu(1): error: the fake compiler was told to fail\n");
		return 6;
	}
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/m.c", dir);
	f = fopen(path, "w");
	if (f && fputs(p->src, f) >= 0 && !fclose(f)) {
		snprintf(cmd, sizeof cmd,
		         "cd %s && echo '#include \"%s/shim_end.h\"' >>m.c && cc -std=gnu11 -O1 -march=native -w -ffp-contract=off -fno-math-errno -fno-trapping-math "
		         "-fPIC -shared -include %s/shim.h -o m.so m.c -lm 2>log", dir, shim ? shim : ".", shim ? shim : ".");
		rc = system(cmd) ? 6 : 0;
	}
	snprintf(path, sizeof path, "%s/m.so", dir);
	if (!rc && !(p->code = read_whole(path, &p->ncode)))
		rc = 6;
	snprintf(cmd, sizeof cmd, "head -c 3000 %s/log 1>&2; rm -rf %s", dir, dir);
	if (system(cmd))
		rc = rc ? rc : 0;
	return rc;
}
