/* jit: see jit.h. */
#include "engine/jit.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cache.h"
#include "base/clk.h"
#include "base/io.h"
#include "engine/gen.h"
#include "kernels/gen_args.h"

#define COMPILE_LIMIT_NS ((int64_t)300 * 1000000000)
#define LONG_BLOCK_NS 10000000 /* timed once */

extern char **environ;

struct jit {
	struct gen gen;
	const struct vm_program *p;
	void *lib;
	void (*block)(const struct g_block_args *a);
	struct vm_insn *site;
	unsigned lanes;
	double gain;
};

/* --- the compiler ------------------------------------------------------------------------------------------------ */

static const char *const common_flags[] = {
    "-std=gnu11", "-O2", "-fschedule-insns", "-fPIC", "-shared", "-ffp-contract=off", "-fno-fast-math", "-fno-math-errno",
    "-fno-trapping-math", "-fvisibility=hidden", "-w", NULL};
/* As the Makefile's ISA_FLAGS. */
static const char *const isa_flags[][8] = {
    [ISA_BASE] = {NULL},
    [ISA_AVX2] = {"-mavx2", "-mfma", NULL},
    [ISA_AVX512] = {"-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-mprefer-vector-width=512", NULL}};

static unsigned
lanes_of(enum isa isa)
{
	return isa == ISA_AVX512 ? 8 : isa == ISA_AVX2 ? 4 : 2;
}

/* The compiler's path; NULL if there is none. */
static char *
find_compiler(struct err *e)
{
	const char *name = getenv("SIM_CC"), *path = getenv("PATH");
	char *full = NULL;

	if (!name || !*name)
		name = "cc";
	if (strchr(name, '/')) {
		if (!access(name, X_OK) && (full = strdup(name)))
			return full;
		path = "";
	}
	while (path && *path) {
		size_t n = strcspn(path, ":");

		if (n && *path == '/' && asprintf(&full, "%.*s/%s", (int)n, path, name) > 0) {
			if (!access(full, X_OK))
				return full;
			free(full);
		}
		path += n + (path[n] == ':');
	}
	err_set(e, ERR_UNAVAILABLE, "there is no compiler \"%s\" (set SIM_CC to one)", name);
	return NULL;
}

/* First line of what the compiler said. */
static void
first_complaint(const char *log, const char *cc, int status, struct err *e)
{
	struct buf b = BUF_INIT;
	const char *at = "";

	if (!io_read_file(log, 1 << 20, &b, NULL) && b.s) {
		at = strstr(b.s, "error: ");
		at = at ? at : b.s;
		b.s[strcspn(at, "\n") + (size_t)(at - b.s)] = 0;
	}
	if (WIFSIGNALED(status))
		err_set(e, ERR_UNAVAILABLE, "the compiler %s was ended by signal %d", cc, WTERMSIG(status));
	else
		err_set(e, ERR_UNAVAILABLE, "the compiler %s failed%s%.300s", cc, *at ? ": " : "", at);
	buf_free(&b);
}

/* Wait for the child; end its group when told to, or when it takes too long. */
static int
await_child(pid_t pid, const struct giveup *g, int *status)
{
	int64_t start = clk_boot_ns();

	for (;;) {
		pid_t r = waitpid(pid, status, WNOHANG);

		if (r == pid)
			return 0;
		if (r < 0 && errno != EINTR)
			return -1;
		if (giveup(g) || clk_boot_ns() - start > COMPILE_LIMIT_NS)
			kill(-pid, SIGKILL);
		poll(NULL, 0, 5);
	}
}

static int
run_compiler(const char *cc, enum isa isa, const char *src, const char *out, const char *log, const struct giveup *g,
             struct err *e)
{
	char *argv[32];
	size_t n = 0;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	pid_t pid;
	int rc, status = 0;

	argv[n++] = (char *)(uintptr_t)cc;
	for (size_t k = 0; common_flags[k]; k++)
		argv[n++] = (char *)(uintptr_t)common_flags[k];
	for (size_t k = 0; isa_flags[isa][k]; k++)
		argv[n++] = (char *)(uintptr_t)isa_flags[isa][k];
	argv[n++] = (char *)(uintptr_t)"-o";
	argv[n++] = (char *)(uintptr_t)out;
	argv[n++] = (char *)(uintptr_t)src;
	argv[n++] = (char *)(uintptr_t)"-lm";
	argv[n] = NULL;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&fa, 1, 2);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&at, &none);
	rc = posix_spawn(&pid, cc, &fa, &at, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	if (rc) {
		errno = rc;
		return err_sys(e, ERR_UNAVAILABLE, "cannot run the compiler %s", cc);
	}
	if (await_child(pid, g, &status) < 0)
		return err_sys(e, ERR_OS, "cannot wait for the compiler");
	if (status) {
		first_complaint(log, cc, status, e);
		return -1;
	}
	return 0;
}

static int
write_file(const char *path, const char *text, size_t n, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc;

	if (fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	rc = io_write_all(fd, text, n);
	if ((close(fd) < 0) | rc)
		return err_sys(e, ERR_IO, "cannot write %s", path);
	return 0;
}

/* Source to KEY.so in the cache, by way of files that only this process knows. */
static int
compile(const struct cache *c, const char *key, const char *cc, enum isa isa, const struct gen *source,
        const struct giveup *g, struct err *e)
{
	static atomic_uint counter;
	unsigned k = atomic_fetch_add(&counter, 1);
	char *base = NULL, *src = NULL, *out = NULL, *log = NULL;
	struct buf b = BUF_INIT;
	int rc = -1;

	if (asprintf(&base, "%s/%s.%ld.%u", c->dir, key, (long)getpid(), k) < 0 || asprintf(&src, "%s.c", base) < 0 ||
	    asprintf(&out, "%s.tmp", base) < 0 || asprintf(&log, "%s.log", base) < 0) {
		err_nomem(e);
		goto out;
	}
	if (write_file(src, source->src, source->nbytes, e) < 0 || run_compiler(cc, isa, src, out, log, g, e) < 0 ||
	    io_read_file(out, (size_t)1 << 30, &b, e) < 0)
		goto clean;
	rc = cache_put(c, key, "so", b.s, b.len, e);
clean:
	unlink(src);
	unlink(out);
	unlink(log);
out:
	buf_free(&b);
	free(base);
	free(src);
	free(out);
	free(log);
	return rc;
}

/* Everything that decides the bytes that come out. */
static void
key_of(char key[CACHE_KEY_MAX], const struct gen *g, const char *cc, enum isa isa)
{
	struct stat st = {0};
	char who[512], flags[1024];
	const char *piece[4] = {g->src, who, isa_name(isa), flags};
	size_t n[4] = {g->nbytes, 0, strlen(isa_name(isa)), 0};
	int k;

	stat(cc, &st);
	k = snprintf(who, sizeof who, "%.300s %lld %lld.%09ld", cc, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
	             st.st_mtim.tv_nsec);
	n[1] = k > 0 && (size_t)k < sizeof who ? (size_t)k : 0;
	for (size_t f = 0; common_flags[f]; f++)
		n[3] += (size_t)snprintf(flags + n[3], sizeof flags - n[3], "%s ", common_flags[f]);
	cache_key(key, piece, n, 4);
}

static int
load(struct jit *j, const char *path, struct err *e)
{
	const char *why;

	j->lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (j->lib && (*(void **)&j->block = dlsym(j->lib, "sim_block")))
		return 0;
	why = dlerror();
	return err_set(e, ERR_UNAVAILABLE, "the compiled program cannot be loaded: %.300s", why ? why : "unknown reason");
}

/* --- running ------------------------------------------------------------------------------------------------------- */

struct jit_state {
	const struct jit *j;
	struct g_block_args a;
	struct vm_run one;      /* a copy of the run, for one vector of lanes */
	double *memory;
};

static void
call_site(void *host, unsigned site, double *t)
{
	struct jit_state *s = host;
	const struct vm_insn *i = &s->j->site[site];

	s->one.reg = t;
	i->fn(i, &s->one);
}

static void
run_block(struct vm_run *run)
{
	struct jit_state *s = run->fast_state;

	s->a.trial0 = (uint64_t)run->trial0;
	s->j->block(&s->a);
}

static const double *
root_lanes(const struct vm_run *run, size_t k)
{
	const struct jit_state *s = run->fast_state;
	uint32_t slot = s->j->gen.slot[k];

	return slot == GEN_NO_SLOT ? NULL : s->a.out + (size_t)slot * GEN_STRIDE;
}

static void
free_state(struct vm_run *run)
{
	struct jit_state *s = run->fast_state;

	free(s->memory);
	free(s);
	run->fast = NULL;
}

int
jit_attach(const struct jit *j, struct vm_run *run, struct err *e)
{
	static const struct vm_fast fast = {run_block, root_lanes, free_state};
	const struct gen *g = &j->gen;
	size_t nout = (g->nslots + 1) * GEN_STRIDE, nwork = (g->nkept + 1) * GEN_STRIDE;
	struct jit_state *s = calloc(1, sizeof *s);

	if (!s || !(s->memory = aligned_alloc(64, (nout + nwork) * sizeof(double)))) {
		free(s);
		return err_nomem(e);
	}
	memset(s->memory, 0, nout * sizeof(double));
	s->j = j;
	s->a = (struct g_block_args){.seed = run->seed, .stream = g->stream, .tab = g->tab, .out = s->memory,
	                       .work = s->memory + nout, .call = call_site, .host = s};
	s->one = *run;
	s->one.n = s->one.lane1 = j->lanes;
	s->one.lane0 = 0;
	run->fast_state = s;
	run->fast = &fast;
	return 0;
}

/* One instruction for each site, its registers being places in the small array that the compiled code fills. */
static int
make_sites(struct jit *j)
{
	const struct ir *ir = j->p->ir;
	struct gen *g = &j->gen;

	j->site = ARENA_NEW(&g->arena, struct vm_insn, g->nsites + 1);
	for (size_t k = 0; k < g->nsites; k++) {
		const struct ir_insn *i = g->site[k].at < 0 ? NULL : &ir->insn[g->site[k].at];
		struct vm_insn *v = &j->site[k];
		uint32_t nargs = i ? i->nargs : 2, *list;

		*v = (struct vm_insn){.op = g->site[k].op, .nargs = (uint16_t)nargs, .fn = vm_op(j->p->isa, g->site[k].op, 0),
		                      .b = j->lanes, .dst = nargs * j->lanes, .dst2 = (nargs + 1) * j->lanes, .dst3 = UINT32_MAX};
		if (!v->fn)
			return -1;
		if (!i)
			continue;
		vm_insn_constants(v, ir, i);
		if (ir_op_arity(i->op) >= 0)
			continue;
		list = ARENA_NEW(&g->arena, uint32_t, nargs + 1);
		for (uint32_t a = 0; a < nargs; a++)
			list[a] = ir->list[i->arg[0] + (int32_t)a] < 0 ? UINT32_MAX : a * j->lanes;
		v->list = list;
		v->ntable = nargs;
	}
	return 0;
}

static int
same_lanes(const double *a, const double *b)
{
	for (size_t k = 0; k < VM_BLOCK; k++)
		if (memcmp(&a[k], &b[k], sizeof *a) && (a[k] == a[k] || b[k] == b[k]))
			return 0;
	return 1;
}

/* The best of a few blocks, in nanoseconds; of one, where that takes long. */
static double
time_block(struct vm_run *run)
{
	int64_t best = INT64_MAX;

	for (int k = 0; k < 7 && (!k || best < LONG_BLOCK_NS); k++) {
		int64_t start = clk_boot_ns(), took;

		if (vm_block(run, k * VM_BLOCK, 0, VM_BLOCK) < 0)
			break;
		took = clk_boot_ns() - start;
		best = took < best ? took : best;
	}
	return (double)(best > 0 ? best : 1);
}

/* The first block both ways: a compiler that errs is found out here, and what the compiled program gains. */
static int
compare(struct jit *j, const struct giveup *g, struct err *e)
{
	struct vm_run *slow = vm_run_new(j->p, 1, e), *quick = slow ? vm_run_new(j->p, 1, e) : NULL;
	int rc = -1;

	if (!quick || jit_attach(j, quick, e) < 0)
		goto out;
	vm_run_giveup(slow, g);
	if (vm_block(slow, 0, 0, VM_BLOCK) < 0) {
		err_set(e, ERR_NO, "nobody waits for it any more");
		goto out;
	}
	vm_block(quick, 0, 0, VM_BLOCK);
	for (size_t k = 0; k < j->p->nroots; k++)
		if (j->gen.slot[k] != GEN_NO_SLOT && !same_lanes(vm_root(slow, k), vm_root(quick, k))) {
			err_set(e, ERR_UNAVAILABLE, "the compiled program gives other numbers than the vector machine");
			goto out;
		}
	j->gain = time_block(slow) / time_block(quick);
	rc = 0;
out:
	vm_run_free(slow);
	vm_run_free(quick);
	return rc;
}

struct jit *
jit_new(const struct vm_program *p, int cached_only, const struct giveup *g, struct err *e)
{
	struct jit *j = calloc(1, sizeof *j);
	struct cache c = {0};
	char key[CACHE_KEY_MAX], *cc = NULL, *path = NULL;

	if (!j) {
		err_nomem(e);
		return NULL;
	}
	j->p = p;
	j->lanes = lanes_of(p->isa);
	if (gen_source(&j->gen, p->ir, p->root, p->nroots, GEN_VECTOR, e) < 0 || !(cc = find_compiler(e)) ||
	    cache_open(&c, e) < 0)
		goto fail;
	key_of(key, &j->gen, cc, p->isa);
	if (!cache_find(&c, key, "so", &path)) {
		if (cached_only) {
			err_set(e, ERR_NO, "not in the cache");
			goto fail;
		}
		if (compile(&c, key, cc, p->isa, &j->gen, g, e) < 0)
			goto fail;
		if (!cache_find(&c, key, "so", &path)) {
			err_set(e, ERR_UNAVAILABLE, "the cache %s does not keep what is written to it", c.dir);
			goto fail;
		}
	}
	if (make_sites(j) < 0) {
		err_set(e, ERR_SOFTWARE, "an operation has no implementation");
		goto fail;
	}
	if (load(j, path, e) < 0 || compare(j, g, e) < 0)
		goto fail;
	free(cc);
	free(path);
	cache_close(&c);
	return j;
fail:
	free(cc);
	free(path);
	cache_close(&c);
	jit_free(j);
	return NULL;
}

double
jit_gain(const struct jit *j)
{
	return j->gain;
}

void
jit_free(struct jit *j)
{
	if (!j)
		return;
	if (j->lib)
		dlclose(j->lib);
	gen_free(&j->gen);
	free(j);
}

/* --- in the background ------------------------------------------------------------------------------------------- */

struct jit_job {
	const struct vm_program *p;
	pthread_t thread;
	int cached_only;
	atomic_int cancel;
	struct giveup giveup;       /* cancel */
	_Atomic(struct jit *) made;
	atomic_int failed;          /* 1: err says why; 2: said */
	struct err err;
};

/* Measured with gcc 12: 0.5 s for the headers and 0.6 ms an instruction (bench/RESULTS.md); worth it when ten times that is left, since
 * a tenth is what may be gained. */
int
jit_pays(double seconds, size_t ninsn)
{
	return seconds > 10 * (0.5 + 0.6e-3 * (double)ninsn);
}

static int
is_cancelled(void *ctx)
{
	return atomic_load((atomic_int *)ctx);
}

static void *
job_main(void *arg)
{
	struct jit_job *job = arg;
	struct jit *j = jit_new(job->p, job->cached_only, &job->giveup, &job->err);

	if (j)
		atomic_store(&job->made, j);
	else if (!job->cancel && job->err.status != ERR_NO)
		atomic_store(&job->failed, 1);
	return NULL;
}

struct jit_job *
jit_start(const struct vm_program *p, int cached_only)
{
	struct jit_job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->p = p;
	job->cached_only = cached_only;
	job->giveup = (struct giveup){is_cancelled, &job->cancel};
	if (pthread_create(&job->thread, NULL, job_main, job)) {
		free(job);
		return NULL;
	}
	return job;
}

const struct jit *
jit_ready(struct jit_job *job, int *failed, struct err *e)
{
	int one = 1;

	if (failed)
		*failed = 0;
	if (!job)
		return NULL;
	if (failed && atomic_compare_exchange_strong(&job->failed, &one, 2)) {
		*failed = 1;
		*e = job->err;
	}
	return atomic_load(&job->made);
}

void
jit_finish(struct jit_job *job)
{
	if (!job)
		return;
	atomic_store(&job->cancel, 1);
	pthread_join(job->thread, NULL);
	jit_free(atomic_load(&job->made));
	free(job);
}
