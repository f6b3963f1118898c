/* gpu: see gpu.h. */
#include "engine/gpu.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/cuda.h"

#define G_PTR(type) cu_ptr
#include "kernels/gpu_args.h"

#define THREADS 256
#define SHARED_PLAIN 49152        /* bytes a block may have without being asked */
#define MEMORY_SHARE 4            /* at most a fourth of what is free */
#define TASKS_MAX 65536

/* What a launch writes, on the device and here. */
enum part { SUMS, RANGE, BIN, RANK, ERRORS, DUMP, NPARTS };

struct slot {
	cu_stream stream;
	cu_ptr device[NPARTS];
	void *host[NPARTS];
	struct gpu_batch b;
};

struct gpu {
	struct cuda cuda;
	struct cuda_device device;
	cu_context ctx;
	cu_module module;
	cu_function kernel;
	struct gen gen;
	struct g_args args;
	size_t nbytes[NPARTS];        /* of a launch of tasks_max */
	size_t shared;
	int blocks;               /* that the device holds at a time */
	int64_t tasks_max;
	int dump_max, ncols;
	struct slot slot[GPU_SLOTS];
};

int
gpu_count(struct err *e)
{
	struct cuda c;
	cu_result r;
	int n = 0;

	if (cuda_open(&c, e) < 0)
		return 0;
	if ((r = c.device_count(&n))) {
		cuda_fail(&c, r, "cannot count the GPUs", e);
		n = 0;
	} else if (!n) {
		err_set(e, ERR_UNAVAILABLE, "the NVIDIA driver finds no GPU");
	}
	cuda_close(&c);
	return n;
}

const char *
gpu_name(const struct gpu *g)
{
	return g->device.name;
}

int64_t
gpu_tasks_max(const struct gpu *g)
{
	return g->tasks_max;
}

int64_t
gpu_dump_max(const struct gpu *g)
{
	return g->dump_max;
}

int64_t
gpu_tasks_unit(const struct gpu *g)
{
	return g->blocks < g->tasks_max ? g->blocks : g->tasks_max;
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static int
upload(struct gpu *g, cu_ptr *to, const void *from, size_t nbytes, struct err *e)
{
	cu_result r;

	if ((r = g->cuda.alloc(to, nbytes ? nbytes : 8)) || (nbytes && (r = g->cuda.to_device(*to, from, nbytes))))
		return cuda_fail(&g->cuda, r, "cannot place the model in the GPU's memory", e);
	return 0;
}

static int
upload_model(struct gpu *g, const struct stats *s, struct err *e)
{
	struct g_column *c = calloc((size_t)s->ncols + 1, sizeof *c);
	int rc = -1;

	if (!c)
		return err_nomem(e);
	for (int i = 0; i < s->ncols; i++) { /* roots: value and error of a target, value and uniform of an input */
		const uint32_t *slot = &g->gen.slot[2 * i];

		c[i] = (struct g_column){.centre = s->col[i].centre, .width = s->col[i].width, .whole = s->col[i].whole, .x = slot[0],
		                         .err = i < s->ntargets ? slot[1] : GEN_NO_SLOT,
		                         .u = i < s->ntargets ? GEN_NO_SLOT : slot[1]};
		memcpy(c[i].edge, s->col[i].edge, sizeof c[i].edge);
	}
	if (upload(g, &g->args.col, c, (size_t)s->ncols * sizeof *c, e) < 0 ||
	    upload(g, &g->args.stream, g->gen.stream, g->gen.nstreams * sizeof *g->gen.stream, e) < 0 ||
	    upload(g, &g->args.tab, g->gen.tab, g->gen.ntab * sizeof *g->gen.tab, e) < 0)
		goto out;
	rc = 0;
out:
	free(c);
	return rc;
}

static int
load_kernel(struct gpu *g, volatile int *cancel, struct err *e)
{
	int arch = g->device.major * 10 + g->device.minor;
	char *image = NULL;
	size_t n;
	cu_result r;

	if (cuda_compile(g->gen.src, g->gen.nbytes, arch, cancel, &image, &n, e) < 0)
		return -1;
	r = g->cuda.module_load(&g->module, image);
	free(image);
	if (r || (r = g->cuda.module_function(&g->kernel, g->module, "sim_leaves")))
		return cuda_fail(&g->cuda, r, "cannot load the compiled model", e);
	return 0;
}

/* Where a block keeps its results, and how many blocks the device holds. */
static int
choose_grid(struct gpu *g, struct err *e)
{
	size_t work = (size_t)g->args.nwork * sizeof(double);
	int per = 0;
	cu_result r;

	g->shared = work <= (size_t)g->device.shared_max ? work : 0;
	if (g->shared > SHARED_PLAIN && (r = g->cuda.function_set(g->kernel, CU_FUNC_SHARED_DYNAMIC, (int)g->shared)))
		return cuda_fail(&g->cuda, r, "cannot get shared memory", e);
	if ((r = g->cuda.occupancy(&per, g->kernel, THREADS, g->shared)))
		return cuda_fail(&g->cuda, r, "cannot ask how many blocks fit", e);
	if (per < 1)
		return err_set(e, ERR_UNAVAILABLE, "the model needs more than a GPU's multiprocessor has");
	g->blocks = per * g->device.processors;
	return 0;
}

#define DUMP_BYTES ((size_t)64 << 20)

static void
measure(struct gpu *g, const struct stats *s)
{
	size_t leaf = (g->gen.nslots + 1) * VM_BLOCK * sizeof(double);

	if ((size_t)g->dump_max > DUMP_BYTES / leaf)
		g->dump_max = DUMP_BYTES / leaf > 1 ? (int)(DUMP_BYTES / leaf) : 1;
	g->nbytes[SUMS] = s->nsums * sizeof(double);
	g->nbytes[RANGE] = (size_t)s->ncols * 2 * sizeof(double);
	g->nbytes[BIN] = (size_t)s->ntargets * STATS_BINS * sizeof(uint64_t);
	g->nbytes[RANK] = (size_t)s->ntargets * (size_t)s->ninputs * STATS_CLASSES * STATS_CLASSES * sizeof(uint64_t);
	g->nbytes[ERRORS] = (size_t)s->ntargets * STATS_ERRORS * sizeof(uint64_t);
	g->nbytes[DUMP] = (size_t)g->dump_max * g->gen.nslots * VM_BLOCK * sizeof(double);
}

/* Buffers in proportion: never more than a part of what is free. */
static int
take_memory(struct gpu *g, struct err *e)
{
	size_t nfree = 0, total = 0, fixed, per_task = g->nbytes[SUMS] + g->nbytes[RANGE], work;
	cu_result r;

	if ((r = g->cuda.memory_info(&nfree, &total)))
		return cuda_fail(&g->cuda, r, "cannot ask how much memory the GPU has", e);
	work = g->shared ? 0 : (size_t)g->blocks * (size_t)g->args.nwork * sizeof(double);
	fixed = GPU_SLOTS * (g->nbytes[BIN] + g->nbytes[RANK] + g->nbytes[ERRORS] + g->nbytes[DUMP] + work);
	if (fixed + GPU_SLOTS * per_task * (size_t)g->blocks > nfree / MEMORY_SHARE)
		return err_set(e, ERR_UNAVAILABLE, "the model needs %zu MiB of the GPU's memory, of which %zu MiB are free",
		               fixed >> 20, nfree >> 20);
	g->tasks_max = (int64_t)((nfree / MEMORY_SHARE - fixed) / (GPU_SLOTS * per_task));
	g->tasks_max = g->tasks_max > TASKS_MAX ? TASKS_MAX : g->tasks_max;
	g->nbytes[SUMS] *= (size_t)g->tasks_max;
	g->nbytes[RANGE] *= (size_t)g->tasks_max;
	for (int k = 0; k < GPU_SLOTS; k++) {
		struct slot *s = &g->slot[k];

		if ((r = g->cuda.stream_create(&s->stream, 1)))
			return cuda_fail(&g->cuda, r, "cannot make a stream", e);
		for (int p = 0; p < NPARTS; p++) {
			size_t n = g->nbytes[p] ? g->nbytes[p] : 8;

			if (!(s->host[p] = malloc(n)))
				return err_nomem(e);
			if ((r = g->cuda.alloc(&s->device[p], n)))
				return cuda_fail(&g->cuda, r, "cannot get memory on the GPU", e);
		}
	}
	/* both launches use it, one after the other: see gpu_launch */
	if (work && (r = g->cuda.alloc(&g->args.work, GPU_SLOTS * work)))
		return cuda_fail(&g->cuda, r, "cannot get memory on the GPU", e);
	return 0;
}

struct gpu *
gpu_open(const struct vm_program *p, const struct stats *s, uint64_t seed, int ordinal, int level, int dump_max,
         volatile int *cancel, struct err *e)
{
	struct gpu *g = calloc(1, sizeof *g);
	cu_result r;

	if (!g) {
		err_nomem(e);
		return NULL;
	}
	g->dump_max = dump_max;
	g->ncols = s->ncols;
	if (gen_source(&g->gen, p->ir, p->root, p->nroots, GEN_CUDA, e) < 0 || cuda_open(&g->cuda, e) < 0 ||
	    cuda_device(&g->cuda, ordinal, &g->device, e) < 0)
		goto fail;
	if ((r = g->cuda.context_retain(&g->ctx, g->device.device)) || (r = g->cuda.context_set(g->ctx))) {
		cuda_fail(&g->cuda, r, "cannot use the GPU", e);
		goto fail;
	}
	g->args = (struct g_args){.seed = seed, .level = level, .ntargets = s->ntargets, .ninputs = s->ninputs,
	                          .nsums = (int32_t)s->nsums, .rank_dense = STATS_RANK_DENSE, .rank_step = STATS_RANK_STEP};
	g->args.nwork = (int32_t)(g->gen.nslots * VM_BLOCK + s->nsums * 8 + (size_t)s->ncols * 16 + s->nsums * (size_t)(level + 1));
	measure(g, s);
	if (load_kernel(g, cancel, e) < 0 || choose_grid(g, e) < 0 || upload_model(g, s, e) < 0 || take_memory(g, e) < 0)
		goto fail;
	return g;
fail:
	gpu_close(g, 0);
	return NULL;
}

/* Nothing of it runs any more: memory that a kernel writes to is not given back. */
static int
is_idle(struct gpu *g)
{
	const struct timespec nap = {0, 1000000};

	for (int k = 0; k < GPU_SLOTS; k++)
		for (int ms = 0; g->slot[k].stream && g->cuda.stream_query(g->slot[k].stream) == CU_NOT_READY; ms++) {
			if (ms > 2000)
				return 0;
			nanosleep(&nap, NULL);
		}
	return 1;
}

static void
release(struct gpu *g)
{
	for (int k = 0; k < GPU_SLOTS; k++) {
		if (g->slot[k].stream)
			g->cuda.stream_destroy(g->slot[k].stream);
		for (int p = 0; p < NPARTS; p++)
			if (g->slot[k].device[p])
				g->cuda.free(g->slot[k].device[p]);
	}
	for (size_t k = 0; k < 4; k++) {
		cu_ptr p = (cu_ptr[]){g->args.col, g->args.stream, g->args.tab, g->args.work}[k];

		if (p)
			g->cuda.free(p);
	}
	if (g->module)
		g->cuda.module_unload(g->module);
	g->cuda.context_release(g->device.device);
	cuda_close(&g->cuda);
}

void
gpu_close(struct gpu *g, int lost)
{
	if (!g)
		return;
	if (lost || !is_idle(g)) /* a hanging device: the end of the process ends it */
		return;
	if (g->ctx)
		release(g);
	else
		cuda_close(&g->cuda);
	for (int k = 0; k < GPU_SLOTS; k++)
		for (int p = 0; p < NPARTS; p++)
			free(g->slot[k].host[p]);
	gen_free(&g->gen);
	free(g);
}

/* --- running ------------------------------------------------------------------------------------------------------ */

int
gpu_launch(struct gpu *g, int slot, int64_t task0, int64_t ntasks, int64_t dump0, int64_t ndump, struct err *e)
{
	struct slot *s = &g->slot[slot];
	struct g_args a = g->args;
	void *params[] = {&a};
	unsigned blocks = (unsigned)(ntasks < g->blocks ? ntasks : g->blocks);
	cu_result r = 0;

	s->b = (struct gpu_batch){.s = {.node0 = task0, .nnodes = ntasks, .level = a.level, .sums = s->host[SUMS],
	                                .range = s->host[RANGE], .bin = s->host[BIN], .rank = s->host[RANK],
	                                .errors = s->host[ERRORS]},
	                          .dump0 = dump0, .ndump = ndump, .dump = s->host[DUMP]};
	if (ntasks < 1 || ntasks > g->tasks_max || ndump > g->dump_max)
		return err_set(e, ERR_SOFTWARE, "a launch of %lld tasks", (long long)ntasks);
	a.leaf0 = task0 << a.level;
	a.ntasks = (int32_t)ntasks;
	a.dump0 = dump0;
	a.ndump = ndump;
	a.dump = s->device[DUMP];
	a.sums = s->device[SUMS];
	a.range = s->device[RANGE];
	a.bin = s->device[BIN];
	a.rank = s->device[RANK];
	a.errors = s->device[ERRORS];
	if (a.work)
		a.work += (cu_ptr)slot * (cu_ptr)g->blocks * (cu_ptr)a.nwork * sizeof(double);
	for (int p = BIN; p <= ERRORS && !r; p++)
		r = g->nbytes[p] ? g->cuda.set_bytes(s->device[p], 0, g->nbytes[p], s->stream) : 0;
	if (r || (r = g->cuda.launch(g->kernel, blocks, 1, 1, THREADS, 1, 1, (unsigned)g->shared, s->stream, params, NULL)))
		return cuda_fail(&g->cuda, r, "cannot start the GPU's work", e);
	return 0;
}

int
gpu_poll(struct gpu *g, int slot, struct gpu_batch *b, struct err *e)
{
	struct slot *s = &g->slot[slot];
	size_t n[NPARTS];
	cu_result r = g->cuda.stream_query(s->stream);

	if (r == CU_NOT_READY)
		return 0;
	memcpy(n, g->nbytes, sizeof n);
	n[SUMS] = (size_t)s->b.s.nnodes * (size_t)g->args.nsums * sizeof(double);
	n[RANGE] = (size_t)s->b.s.nnodes * (size_t)g->ncols * 2 * sizeof(double);
	n[DUMP] = (size_t)s->b.ndump * g->gen.nslots * VM_BLOCK * sizeof(double);
	for (int p = 0; p < NPARTS && !r; p++)
		r = n[p] ? g->cuda.to_host(s->host[p], s->device[p], n[p]) : 0;
	if (r)
		return cuda_fail(&g->cuda, r, "the GPU failed at its work", e);
	*b = s->b;
	return 1;
}

const double *
gpu_lanes(const struct gpu *g, const struct gpu_batch *b, int64_t k, size_t root)
{
	uint32_t slot = g->gen.slot[root];

	return slot == GEN_NO_SLOT ? NULL : b->dump + ((size_t)k * g->gen.nslots + slot) * VM_BLOCK;
}
