/* cuda: see cuda.h. */
#include "engine/cuda.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cache.h"
#include "base/clk.h"
#include "base/io.h"

#define DRIVER_MIN 12000
#define LARGE_SOURCE 500000 /* bytes: some thousand operations; less optimisation then */

struct entry {
	const char *symbol;
	size_t offset;
};

#define ENTRY_DRIVER(field, symbol, params) {symbol, offsetof(struct cuda, field)},
#define ENTRY_NVRTC(field, symbol, params) {symbol, offsetof(struct nvrtc, field)},
static const struct entry driver_entries[] = {CUDA_DRIVER(ENTRY_DRIVER)};
static const struct entry nvrtc_entries[] = {CUDA_NVRTC(ENTRY_NVRTC)};

static void *
open_first(const char *env, const char *const *names)
{
	const char *given = getenv(env);
	void *lib = NULL;

	if (given && *given)
		return dlopen(given, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	for (size_t k = 0; !lib && names[k]; k++)
		lib = dlopen(names[k], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	return lib;
}

static int
find_all(void *lib, void *base, const struct entry *v, size_t n, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		void *f = dlsym(lib, v[k].symbol);

		if (!f)
			return err_set(e, ERR_UNAVAILABLE, "it has no %s: it is too old", v[k].symbol);
		memcpy((char *)base + v[k].offset, &f, sizeof f);
	}
	return 0;
}

int
cuda_fail(const struct cuda *c, cu_result r, const char *doing, struct err *e)
{
	const char *text = NULL;

	if (c->error_text)
		c->error_text(r, &text);
	return err_set(e, ERR_UNAVAILABLE, "%s: %s (CUDA error %d)", doing, text ? text : "unknown error", r);
}

int
cuda_open(struct cuda *c, struct err *e)
{
	static const char *const names[] = {"libcuda.so.1", "libcuda.so", NULL};
	cu_result r;

	memset(c, 0, sizeof *c);
	c->lib = open_first("SIM_CUDA_LIB", names);
	if (!c->lib)
		return err_set(e, ERR_UNAVAILABLE, "no NVIDIA driver (libcuda.so.1) on this machine");
	if (find_all(c->lib, c, driver_entries, sizeof driver_entries / sizeof *driver_entries, e) < 0) {
		err_prefix(e, "the NVIDIA driver");
		goto fail;
	}
	if ((r = c->init(0)) || (r = c->driver_version(&c->version))) {
		cuda_fail(c, r, "the NVIDIA driver does not start", e);
		goto fail;
	}
	if (c->version < DRIVER_MIN) {
		err_set(e, ERR_UNAVAILABLE, "the NVIDIA driver is for CUDA %d.%d; %d.%d or later is needed", c->version / 1000,
		        c->version % 1000 / 10, DRIVER_MIN / 1000, DRIVER_MIN % 1000 / 10);
		goto fail;
	}
	return 0;
fail:
	cuda_close(c);
	return -1;
}

void
cuda_close(struct cuda *c)
{
	if (c->lib)
		dlclose(c->lib);
	memset(c, 0, sizeof *c);
}

int
nvrtc_open(struct nvrtc *n, struct err *e)
{
	static const char *const names[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so",
	                                    "/usr/lib/x86_64-linux-gnu/libnvrtc.so", NULL};

	memset(n, 0, sizeof *n);
	n->lib = open_first("SIM_NVRTC_LIB", names);
	if (!n->lib)
		return err_set(e, ERR_UNAVAILABLE, "no NVRTC (libnvrtc.so) on this machine: install the CUDA toolkit's NVRTC library");
	if (find_all(n->lib, n, nvrtc_entries, sizeof nvrtc_entries / sizeof *nvrtc_entries, e) < 0 ||
	    n->version(&n->major, &n->minor)) {
		err_prefix(e, "NVRTC");
		nvrtc_close(n);
		return -1;
	}
	return 0;
}

void
nvrtc_close(struct nvrtc *n)
{
	if (n->lib)
		dlclose(n->lib);
	memset(n, 0, sizeof *n);
}

int
cuda_device(const struct cuda *c, int ordinal, struct cuda_device *d, struct err *e)
{
	size_t memory = 0;
	int n = 0, mode = 0;
	cu_result r;

	memset(d, 0, sizeof *d);
	d->ordinal = ordinal;
	if ((r = c->device_count(&n)))
		return cuda_fail(c, r, "cannot count the GPUs", e);
	if (ordinal >= n)
		return n ? err_set(e, ERR_UNAVAILABLE, "there is no GPU %d: they are numbered 0 to %d", ordinal, n - 1)
		         : err_set(e, ERR_UNAVAILABLE, "the NVIDIA driver finds no GPU");
	if ((r = c->device_get(&d->device, ordinal)) || (r = c->device_name(d->name, sizeof d->name, d->device)) ||
	    (r = c->device_memory(&memory, d->device)) ||
	    (r = c->device_attribute(&d->processors, CU_ATTR_PROCESSORS, d->device)) ||
	    (r = c->device_attribute(&d->major, CU_ATTR_MAJOR, d->device)) ||
	    (r = c->device_attribute(&d->minor, CU_ATTR_MINOR, d->device)) ||
	    (r = c->device_attribute(&d->shared_max, CU_ATTR_SHARED_OPTIN, d->device)) ||
	    (r = c->device_attribute(&mode, CU_ATTR_COMPUTE_MODE, d->device)))
		return cuda_fail(c, r, "cannot ask the GPU what it is", e);
	d->memory = (int64_t)memory;
	if (mode == 2)
		return err_set(e, ERR_UNAVAILABLE, "GPU %d (%s) is closed to computing (compute mode prohibited)", ordinal, d->name);
	if (d->major < 7)
		return err_set(e, ERR_UNAVAILABLE, "GPU %d (%s) has architecture %d.%d; 7.0 or later is needed", ordinal, d->name,
		               d->major, d->minor);
	return 0;
}

/* --- compiling --------------------------------------------------------------------------------------------------- */

/* The best architecture NVRTC knows for a device; *real where it is the device's own. */
static int
choose_arch(const struct nvrtc *n, int arch, int *real)
{
	int count = 0, v[128], best = 0;

	*real = 0;
	if (n->narchs(&count) || count < 1 || count > 128 || n->archs(v))
		return 0;
	for (int k = 0; k < count; k++)
		if (v[k] <= arch && v[k] > best)
			best = v[k];
	*real = best == arch;
	return best;
}

static int
complain(const struct nvrtc *n, nvrtc_program p, struct err *e)
{
	size_t size = 0;
	char *log = NULL, *at;

	if (!n->log_size(p, &size) && size && (log = calloc(1, size + 1)))
		n->log(p, log);
	at = log ? strstr(log, "error") : NULL;
	if (at)
		at[strcspn(at, "\n")] = 0;
	err_set(e, ERR_UNAVAILABLE, "NVRTC does not compile the model%s%.300s", at ? ": " : "", at ? at : "");
	free(log);
	return -1;
}

static int
run_nvrtc(const struct nvrtc *n, const char *src, int arch, int real, char **image, size_t *nbytes, struct err *e)
{
	char name[64];
	const char *options[] = {name, "--fmad=false", "--std=c++17", "--Ofast-compile=mid"};
	int noptions = 3 + (n->major >= 13 && strlen(src) > LARGE_SOURCE);
	nvrtc_program p = NULL;
	int rc = -1;

	snprintf(name, sizeof name, "--gpu-architecture=%s_%d", real ? "sm" : "compute", arch);
	*image = NULL;
	if (n->create(&p, src, "model.cu", 0, NULL, NULL))
		return err_set(e, ERR_UNAVAILABLE, "NVRTC does not start");
	if (n->compile(p, noptions, options)) {
		complain(n, p, e);
		goto out;
	}
	if ((real ? n->cubin_size : n->ptx_size)(p, nbytes) || !(*image = malloc(*nbytes + 1)) ||
	    (real ? n->cubin : n->ptx)(p, *image)) {
		err_set(e, ERR_UNAVAILABLE, "NVRTC gives no code");
		free(*image);
		*image = NULL;
		goto out;
	}
	(*image)[*nbytes] = 0;
	rc = 0;
out:
	n->destroy(&p);
	return rc;
}

/* What the child sends: a byte that says how it went, then the code or the message. */
static void __attribute__((noreturn))
child(const struct nvrtc *n, const char *src, int arch, int real, int fd)
{
	struct err e = {0};
	char *image;
	size_t size;
	int bad = run_nvrtc(n, src, arch, real, &image, &size, &e) < 0;

	if (bad) {
		image = e.msg;
		size = strlen(e.msg);
	}
	_exit(io_write_all(fd, bad ? "-" : "+", 1) < 0 || io_write_all(fd, image, size) < 0);
}

static int
gather(int fd, pid_t pid, volatile int *cancel, struct buf *b, struct err *e)
{
	int64_t limit = clk_boot_ns() + (int64_t)CUDA_COMPILE_SECONDS * 1000000000;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		char part[65536];
		ssize_t n;

		if (cancel && *cancel) {
			kill(pid, SIGKILL);
			return err_set(e, ERR_UNAVAILABLE, "the run ended before the model was compiled");
		}
		if (clk_boot_ns() > limit) {
			kill(pid, SIGKILL);
			return err_set(e, ERR_UNAVAILABLE, "NVRTC took more than %d seconds over the model", CUDA_COMPILE_SECONDS);
		}
		if (poll(&p, 1, 50) <= 0)
			continue;
		n = read(fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(e, ERR_OS, "cannot hear from the compiler") : 0;
		if (buf_add(b, part, (size_t)n) < 0)
			return err_nomem(e);
	}
}

static int
compile_apart(const struct nvrtc *n, const char *src, int arch, int real, volatile int *cancel, char **image, size_t *nbytes,
              struct err *e)
{
	struct buf b = BUF_INIT;
	int fd[2], rc, status;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return err_sys(e, ERR_OS, "cannot start the compiler");
	if (!pid)
		child(n, src, arch, real, fd[1]);
	close(fd[1]);
	rc = gather(fd[0], pid, cancel, &b, e);
	close(fd[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!rc && (!b.len || (b.s[0] == '+' && status)))
		rc = err_set(e, ERR_UNAVAILABLE, "NVRTC ended without an answer");
	else if (!rc && b.s[0] != '+')
		rc = err_set(e, ERR_UNAVAILABLE, "%s", b.s + 1);
	if (!rc && !(*image = malloc(b.len)))
		rc = err_nomem(e);
	if (!rc) {
		memcpy(*image, b.s + 1, b.len); /* with its last NUL: PTX is text */
		*nbytes = b.len - 1;
	}
	buf_free(&b);
	return rc;
}

int
cuda_compile(const char *src, size_t nsrc, int arch, volatile int *cancel, char **image, size_t *nbytes, struct err *e)
{
	struct nvrtc n;
	struct cache c = {0};
	struct buf b = BUF_INIT;
	char key[CACHE_KEY_MAX], who[128];
	const char *piece[2] = {src, who};
	size_t size[2] = {nsrc, 0};
	int real, best, rc = -1, cached;

	if (nvrtc_open(&n, e) < 0)
		return -1;
	best = choose_arch(&n, arch, &real);
	if (!best) {
		err_set(e, ERR_UNAVAILABLE, "NVRTC %d.%d knows no architecture for this GPU (%d)", n.major, n.minor, arch);
		goto out;
	}
	size[1] = (size_t)snprintf(who, sizeof who, "nvrtc %d.%d %s_%d", n.major, n.minor, real ? "sm" : "compute", best);
	cache_key(key, piece, size, 2);
	cached = cache_open(&c, NULL) == 0;
	if (cached && cache_get(&c, key, "cubin", &b)) {
		*nbytes = b.len;
		*image = b.s;
		(*image)[b.len] = 0; /* where the checksum began */
		b = (struct buf)BUF_INIT;
		rc = 0;
	} else if ((rc = compile_apart(&n, src, best, real, cancel, image, nbytes, e)) == 0 && cached) {
		cache_put(&c, key, "cubin", *image, *nbytes, NULL); /* it is only slower without */
	}
out:
	cache_close(&c);
	buf_free(&b);
	nvrtc_close(&n);
	return rc;
}
