/* engine: see engine.h. */
#include "common/engine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "engine/cuda.h"
#include "record/record.h"

static int
processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	return 1;
}

void
engine_options_init(struct engine_options *o)
{
	memset(o, 0, sizeof *o);
	o->start_ns = clk_boot_ns();
	spec_init(&o->spec);
	o->threads = processors();
	o->isa = isa_best();
	o->jit = JIT_AUTO;
	o->ordinal = -1;
	o->validate = SIM_VALIDATE_SAMPLE;
}

static void
set_jit(struct engine_options *o, const char *when, const char *from)
{
	static const char *const names[] = {"off", "auto", "on"};

	for (int k = 0; k < 3; k++)
		if (!strcmp(when, names[k])) {
			o->jit = (enum jit_mode)k;
			return;
		}
	cli_usage("%s: \"%s\" is none of off, auto, on", from, when);
}

static void
set_isa(struct engine_options *o, const char *name, const char *from)
{
	if (!strcmp(name, "auto"))
		o->isa = isa_best();
	else if (isa_parse(name, &o->isa) < 0)
		cli_usage("%s: \"%s\" is none of auto, avx512, avx2, base", from, name);
	if (o->isa > isa_best()) {
		struct err e;

		err_set(&e, ERR_UNAVAILABLE, "%s: this processor has no %s", from, name);
		cli_die(&e);
	}
}

static void
set_device(struct engine_options *o, const char *name)
{
	int64_t n;

	o->ordinal = -1;
	if (!strcmp(name, "auto")) {
		o->device = SIM_AUTO;
	} else if (!strcmp(name, "cpu")) {
		o->device = SIM_CPU;
	} else if (!strcmp(name, "gpu")) {
		o->device = SIM_GPU;
	} else if (!strncmp(name, "gpu:", 4) && !num_parse_int(name + 4, 0, SIM_GPUS - 1, &n)) {
		o->device = SIM_GPU;
		o->ordinal = (int)n;
	} else {
		cli_usage("--device: \"%s\" is none of auto, cpu, gpu, gpu:0 to gpu:%d", name, SIM_GPUS - 1);
	}
}

static void
set_validate(struct engine_options *o, const char *how)
{
	static const char *const names[] = {"first", "sample", "all"};

	for (int k = 0; k < 3; k++)
		if (!strcmp(how, names[k])) {
			o->validate = (enum sim_validate)k;
			return;
		}
	cli_usage("--validate: \"%s\" is none of first, sample, all", how);
}

void
engine_option(struct engine_options *o, int c, char *arg)
{
	struct err e = {0};
	int64_t n;
	int rc = 0;
	size_t len;

	switch (c) {
	case 'i':
		rc = spec_add_input(&o->spec, arg, "option -i", &e);
		break;
	case 't':
		rc = spec_add_target(&o->spec, arg, NULL, "option -t");
		break;
	case 'n':
		if (num_parse_int(arg, 1, (int64_t)1 << 50, &o->spec.trials) < 0)
			cli_usage("-n: \"%s\" is not a whole number from 1", arg);
		break;
	case 'j':
		if (num_parse_int(arg, 1, 1024, &n) < 0)
			cli_usage("-j: \"%s\" is not a number of threads from 1 to 1024", arg);
		o->threads = (int)n;
		break;
	case ENGINE_OPT_SEED:
		if (num_parse_u64(arg, &o->spec.seed) < 0)
			cli_usage("--seed: \"%s\" is not a whole number from 0 to 2^64 - 1", arg);
		o->spec.has_seed = 1;
		break;
	case ENGINE_OPT_TRIALS:
		rc = spec_set_slice(&o->spec, arg, &e);
		break;
	case ENGINE_OPT_SPEC:
		rc = spec_add_file(&o->spec, arg);
		break;
	case ENGINE_OPT_SET:
		rc = spec_add_set(&o->spec, arg, "option --set", &e);
		break;
	case ENGINE_OPT_CORRELATE:
		rc = spec_add_correlate(&o->spec, arg, "option --correlate", &e);
		break;
	case ENGINE_OPT_SAMPLES:
		len = strlen(arg);
		o->samples = arg;
		o->samples_ndjson = (len > 7 && !strcmp(arg + len - 7, ".ndjson")) ||
		                    (len > 6 && !strcmp(arg + len - 6, ".jsonl"));
		break;
	case ENGINE_OPT_ISA:
		set_isa(o, arg, "--isa");
		break;
	case ENGINE_OPT_JIT:
		set_jit(o, arg, "--jit");
		break;
	case ENGINE_OPT_VALIDATE:
		set_validate(o, arg);
		break;
	case ENGINE_OPT_DEVICE:
		set_device(o, arg);
		break;
	case ENGINE_OPT_TIMEOUT:
		if (num_parse_duration(arg, &o->timeout_ns) < 0 || o->timeout_ns <= 0)
			cli_usage("--timeout: \"%s\" is not a time such as 90s, 10min, 2h", arg);
		break;
	case ENGINE_OPT_DEADLINE:
		if (!num_parse_duration(arg, &n) && n > 0)
			o->deadline_real_ns = clk_real_ns() + n;
		else if (clk_parse(arg, &o->deadline_real_ns) < 0)
			cli_usage("--deadline: \"%s\" is neither a time such as 2026-11-21T18:00:00Z nor one from now such as 2h", arg);
		break;
	case ENGINE_OPT_DIALECT:
		if (strcmp(arg, "xlrisk") && strcmp(arg, "@risk"))
			cli_usage("--dialect: \"%s\" is neither @risk nor xlrisk", arg);
		o->spec.xlrisk = !strcmp(arg, "xlrisk");
		break;
	default:
		cli_usage_hint();
	}
	if (rc < 0)
		cli_die(&e);
}

void
engine_read_specs(struct engine_options *o)
{
	struct err e = {0};

	if (spec_read_files(&o->spec, &e) < 0)
		cli_die(&e);
}

void
engine_options_finish(struct engine_options *o)
{
	const char *isa = getenv("SIM_ISA");
	struct spec *s = &o->spec;

	if (isa && *isa)
		set_isa(o, isa, "SIM_ISA");
	if (!s->trials)
		s->trials = s->last ? s->last : ENGINE_TRIALS_DEFAULT;
	if (!s->last) {
		s->first = 0;
		s->last = s->trials;
	}
	if (!s->has_seed) {
		/* 53 bits: every JSON reader keeps such a seed whole */
		if (getrandom(&s->seed, sizeof s->seed, 0) != (ssize_t)sizeof s->seed)
			s->seed = 0;
		s->seed >>= 11;
		s->has_seed = 1;
	}
}

int64_t
engine_deadline(const struct engine_options *o)
{
	int64_t now = clk_boot_ns(), t = o->timeout_ns ? o->start_ns + o->timeout_ns : 0, left;

	if (o->deadline_real_ns) {
		left = o->deadline_real_ns - clk_real_ns();
		left = left > 0 ? left : 1; /* passed: the first look at the clock ends the run */
		if (!t || now + left < t)
			t = now + left;
	}
	return t;
}

void
engine_options_free(struct engine_options *o)
{
	spec_free(&o->spec);
}

/* One object a GPU; one that says why there is none. */
static void
list_gpus(struct buf *b)
{
	struct cuda c;
	struct cuda_device d;
	struct nvrtc n;
	struct err e = {0}, no_nvrtc = {0};
	int count = cuda_open(&c, &e) < 0 || c.device_count(&count) ? 0 : count, nvrtc = nvrtc_open(&n, &no_nvrtc) == 0;
	char arch[32];

	if (!count) {
		buf_puts(b, "{");
		record_str(b, "device", "gpu");
		record_bool(b, "usable", 0);
		record_str(b, "why", *e.msg ? e.msg : "the NVIDIA driver finds no GPU");
		record_end(b);
	}
	for (int k = 0; k < count; k++) {
		int bad = cuda_device(&c, k, &d, &e) < 0 || !nvrtc;

		snprintf(arch, sizeof arch, "sm_%d%d", d.major, d.minor);
		buf_puts(b, "{");
		buf_printf(b, "\"device\":\"gpu:%d\"", k);
		record_bool(b, "usable", !bad);
		if (bad)
			record_str(b, "why", *e.msg ? e.msg : no_nvrtc.msg);
		record_str(b, "name", d.name);
		record_int(b, "memory", d.memory);
		record_str(b, "architecture", arch);
		record_int(b, "processors", d.processors);
		record_int(b, "driver", c.version);
		if (nvrtc)
			buf_printf(b, ",\"nvrtc\":\"%d.%d\"", n.major, n.minor);
		record_end(b);
		e.msg[0] = 0;
	}
	nvrtc_close(&n);
	cuda_close(&c);
}

int
engine_list_devices(int fd)
{
	struct buf b = BUF_INIT;
	struct err e = {0};
	int rc;

	buf_puts(&b, "{");
	record_str(&b, "device", "cpu");
	record_bool(&b, "usable", 1);
	record_str(&b, "isa", isa_name(isa_best()));
	record_int(&b, "processors", processors());
	record_end(&b);
	list_gpus(&b);
	rc = record_emit(fd, &b, &e);
	buf_free(&b);
	return rc < 0 ? e.status : 0;
}

void
engine_run_id(char out[40])
{
	unsigned char id[16] = {0};

	if (getrandom(id, sizeof id, 0) < 0)
		memcpy(id, &(pid_t){getpid()}, sizeof(pid_t));
	for (int i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", id[i]);
}

static char *
copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

void
engine_partial_head(const struct sim *s, const struct engine_options *o, const char *job, int64_t attempt, const char *run,
                    struct partial_head *h)
{
	size_t n = s->ntargets + s->ninputs;
	char hash[40];

	snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)s->hash[0], (unsigned long long)s->hash[1]);
	*h = (struct partial_head){.run = copy(run), .job = copy(job), .attempt = attempt, .model = copy(s->wb->path),
	                           .model_hash = copy(hash), .seed = o->spec.seed, .trials = o->spec.trials};
	h->col = calloc(n + 1, sizeof *h->col);
	for (size_t i = 0; h->col && i < n; i++)
		h->col[i] = (struct partial_column){copy(s->col[i].name), copy(s->col[i].cell), copy(s->col[i].text)};
}

/* --- refining ------------------------------------------------------------------------------------------------- */

static int
read_edges(const struct json *a, int target, struct stats_edge **edge, size_t *n)
{
	struct stats_edge *v = realloc(*edge, (*n + json_count(a) + 1) * sizeof *v);

	if (!v)
		return -1;
	*edge = v;
	for (size_t i = 0; i < json_count(a); i++) {
		const struct json *w = json_element(a, i);
		double lo = json_number(json_element(w, 0)), hi = json_number(json_element(w, 1));

		if (json_count(w) != 2 || !(lo <= hi))
			return -1;
		v[(*n)++] = (struct stats_edge){target, lo, hi};
	}
	return 0;
}

/* The windows of one summary. 0, 1: of another model or seed, -1 malformed. */
static int
take_summary(const struct sim *s, uint64_t seed, const struct record *r, struct stats_edge **edge, size_t *n)
{
	const struct json *t = json_member(r->root, "targets");
	const char *hash = record_get_str(r, "model_hash");
	uint64_t of;
	char own[40];

	snprintf(own, sizeof own, "%016llx%016llx", (unsigned long long)s->hash[0], (unsigned long long)s->hash[1]);
	if (!hash || strcmp(hash, own) || record_get_u64(r, "seed", &of) < 0 || of != seed || json_count(t) != s->ntargets)
		return 1;
	for (size_t i = 0; i < s->ntargets; i++) {
		const struct json *a = json_member(json_element(t, i), "refine");

		if (!a || json_kind(a) != JSON_T_ARRAY || json_count(a) > STATS_WINDOWS || read_edges(a, (int)i, edge, n) < 0)
			return -1;
	}
	return 0;
}

int
engine_read_refine(const struct sim *s, uint64_t seed, const char *path, struct stats_edge **edge, size_t *n, struct err *e)
{
	struct buf b = BUF_INIT;
	int found = 0, rc = io_read_file(path, RECORD_LINE_MAX, &b, e), lineno = 0;

	*edge = NULL;
	*n = 0;
	for (char *p = b.s, *end; !rc && !found && p && *p; p = end) {
		struct record r;

		end = strchr(p, '\n');
		end = end ? end + 1 : p + strlen(p);
		lineno++;
		if (record_parse(p, (size_t)(end - p) - (end[-1] == '\n'), &r, e) < 0) {
			rc = err_prefix(e, "%s, line %d", path, lineno);
			break;
		}
		if (!strcmp(r.type, "summary")) {
			int k = take_summary(s, seed, &r, edge, n);

			found = k == 0;
			if (k < 0)
				rc = err_set(e, ERR_DATA, "%s, line %d: a summary without windows to refine (is it exact already?)", path, lineno);
		}
		record_free(&r);
	}
	if (!rc && !found)
		rc = err_set(e, ERR_DATA, "%s: no summary of this model, these inputs and targets, and seed %llu", path,
		             (unsigned long long)seed);
	buf_free(&b);
	return rc;
}
