/* gen_calls: calls in generated source, and the frame around its parts. See gen.h. */
#include <stdio.h>
#include <string.h>

#include "engine/gen_private.h"
#include "engine/sampler.h"
#include "kernels/dist.h"
#include "kernels/invtab.h"

#define SCAN_LIMIT 64       /* longer tables are searched by the host */
#define CUDA_LOCAL_MAX 1024 /* doubles of a call's operands and scratch, in each thread's local memory */

const char *
gen_dist_fn(int dist)
{
	static const char *const fn[] = {
#define D(ID, fn, name, aliases, min, max, params, form, manual) #fn,
#include "kernels/dist.def"
#undef D
	};

	return fn[dist];
}

const char *
gen_invtab_fn(const double *table)
{
	return table[0] == INVTAB_SMOOTH ? "invtab_smooth" : table[0] == INVTAB_STEPS ? "invtab_eval" : "invtab_pieces";
}

/* --- single lanes to the host, or inline ----------------------------------------------------------------------- */

void
gen_exact_sample(struct gen_writer *w, const struct ir_insn *i, ir_ref at, const struct sampler *s)
{
	if (w->dialect == GEN_VECTOR) {
		buf_printf(&w->body, "kv_g_call1(a, %u, ", gen_site(w, IR_SAMPLE, at));
		gen_operand(w, i->arg[0]);
		buf_puts(&w->body, ");\n");
		return;
	}
	w->dist = 1;
	buf_printf(&w->body, "di_%s_inv(", gen_dist_fn(s->dist));
	gen_operand(w, i->arg[0]);
	buf_printf(&w->body, ", tab + %zu, %d);\n", gen_table(w, s->params, (size_t)s->nparams), s->nparams);
}

void
gen_search(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const struct ir_table *t = &w->ir->table[i->aux];

	if (w->dialect == GEN_VECTOR && t->n <= SCAN_LIMIT) {
		buf_printf(&w->body, "kv_g_%s(a, %u, tab + %zu, %zu, ", ir_op_name(i->op), gen_site(w, i->op, at),
		           gen_table(w, t->v, t->n), t->n);
	} else if (w->dialect == GEN_VECTOR) {
		buf_printf(&w->body, "kv_g_call1(a, %u, ", gen_site(w, i->op, at));
	} else {
		w->search = 1;
		buf_printf(&w->body, "%s(tab + %zu, %zu, ", i->op == IR_COUNTLE ? "xl_count_le" : "xl_find_eq",
		           gen_table(w, t->v, t->n), t->n);
	}
	gen_operand(w, i->arg[0]);
	buf_puts(&w->body, ");\n");
}

/* --- whole blocks ---------------------------------------------------------------------------------------------- */

static void
blocked(struct gen_writer *w, const char *fn, int nparams, int tabled)
{
	static const char *const own[] = {"norm_inv", "sample_normal", "sample_lognorm2"}; /* have their form in kernels/blocks.h */

	for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
		if (!strcmp(own[k], fn))
			return;
	for (size_t k = 0; k < w->nblocked; k++)
		if (!strcmp(w->blocked[k].fn, fn))
			return;
	if (w->nblocked < GEN_FAR_MAX)
		w->blocked[w->nblocked++] = (struct gen_blocked){arena_strdup(&w->g->arena, fn), nparams, tabled};
}

/* Where its lanes are in memory. */
static void
put_place(struct gen_writer *w, ir_ref r)
{
	const struct gen_value *v = &w->value[r];

	if (w->ir->insn[r].op == IR_UNIFORM)
		buf_printf(&w->body, "out + %u", v->kept * GEN_STRIDE);
	else if (v->out != GEN_NO_SLOT)
		buf_printf(&w->body, "out + %u", v->out * GEN_STRIDE);
	else
		buf_printf(&w->body, "s + %u", v->kept * GEN_STRIDE);
}

void
gen_block(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const struct ir_table *t = i->op == IR_NORMINV ? NULL : &w->ir->table[i->aux];
	const struct sampler *s = i->op == IR_SAMPLE ? t->user : NULL;
	char fn[64] = "norm_inv";

	if (s)
		snprintf(fn, sizeof fn, "sample_%s", gen_dist_fn(s->dist));
	if (i->op == IR_INVTAB)
		strcpy(fn, gen_invtab_fn(t->v));
	blocked(w, fn, s ? s->nparams : 0, i->op == IR_INVTAB);
	buf_printf(&w->body, "\tkv_b_%s(", fn);
	put_place(w, at);
	buf_puts(&w->body, ", ");
	put_place(w, i->arg[0]);
	if (i->op == IR_INVTAB)
		buf_printf(&w->body, ", tab + %zu", gen_table(w, t->v, t->n));
	for (int k = 0; s && k < s->nparams; k++) {
		buf_puts(&w->body, ", ");
		gen_number(&w->body, s->params[k]);
	}
	buf_puts(&w->body, ");\n");
}

void
gen_blocks(struct gen_writer *w, struct buf *b)
{
	for (size_t k = 0; k < w->nblocked; k++) {
		const struct gen_blocked *f = &w->blocked[k];

		if (f->tabled)
			buf_printf(b, "G_BLOCK_T(%s)\n", f->fn);
		else
			buf_printf(b, "G_BLOCK_%d(%s)\n", f->nparams, f->fn);
	}
}

/* --- calls with many operands ------------------------------------------------------------------------------------ */

/* The second result of the call at `at`, if it is wanted. */
static ir_ref
second(const struct gen_writer *w, ir_ref at)
{
	for (size_t k = (size_t)at + 1; k < w->ir->n && k < (size_t)at + 4; k++)
		if (w->ir->insn[k].op == IR_RES2 && w->ir->insn[k].arg[0] == at && w->live[k])
			return (ir_ref)k;
	return IR_NONE;
}

static void
call_host(struct gen_writer *w, const struct ir_insn *i, ir_ref at, ir_ref err)
{
	const ir_ref *a = gen_operands(w->ir, i);
	struct buf *b = &w->body;

	buf_printf(b, "\t{\n\t\tdouble t[KLANES * %u] __attribute__((aligned(64)));\n", i->nargs + 2);
	for (uint32_t k = 0; k < i->nargs; k++) {
		if (a[k] < 0)
			continue;
		buf_printf(b, "\t\tk_store(t + KLANES * %u, ", k);
		gen_operand(w, a[k]);
		buf_puts(b, ");\n");
	}
	buf_printf(b, "\t\ta->call(a->host, %u, t);\n", gen_site(w, i->op, at));
	buf_printf(b, "\t\tv%d = k_load(t + KLANES * %u);\n", at, i->nargs);
	if (err >= 0)
		buf_printf(b, "\t\tv%d = k_load(t + KLANES * %u);\n", err, i->nargs + 1);
	buf_puts(b, "\t}\n");
}

static const char *
xl_name(const struct func *f)
{
#define FNUM(NAME, MIN, MAX, ARGS, FLAGS, XLFN, SIG, DOC) {NAME, #XLFN},
#define FGEN(...)
#define FALIAS(...)
	static const struct {
		const char *name, *fn;
	} rows[] = {
#include "formula/functions.def"
	};
#undef FNUM
#undef FGEN
#undef FALIAS

	for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
		if (!strcmp(rows[k].name, f->name))
			return rows[k].fn;
	return NULL;
}

/* Does this text define the function: by itself, or as the first argument of a macro in capitals? */
static int
defines(const char *text, const char *fn)
{
	char head[80];
	const char *at;

	snprintf(head, sizeof head, "%s(struct xl_call *", fn);
	if (strstr(text, head))
		return 1;
	snprintf(head, sizeof head, "(%s, ", fn + strlen("xl_"));
	for (at = text; (at = strstr(at, head)); at++)
		if (at > text && at[-1] >= 'A' && at[-1] <= 'Z')
			return 1;
	return 0;
}

/* The header of kernels/ that has an XL_FN. */
static const char *
xl_header(const char *fn)
{
	static const char *const headers[] = {"xl_math.h", "xl_stat.h", "xl_money.h", "xl_dist.h", "xl_date.h", "xl_odd.h", "xl_bessel.h"};

	for (size_t k = 0; k < sizeof headers / sizeof headers[0]; k++)
		if (gen_kernel_text(headers[k]) && defines(gen_kernel_text(headers[k]), fn))
			return headers[k];
	return NULL;
}

static void
want_header(struct gen_writer *w, const char *name)
{
	for (size_t k = 0; k < w->nxl; k++)
		if (w->xl[k] == name)
			return;
	w->xl[w->nxl++] = name;
}

static void
cuda_guard(struct gen_writer *w, ir_ref guard)
{
	if (guard < 0)
		return;
	buf_puts(&w->body, "\t\tif (");
	gen_operand(w, guard);
	buf_puts(&w->body, " == 0.0)\n");
}

static void
cuda_function(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const struct ir_call *call = &w->ir->call[i->aux];
	const ir_ref *a = gen_operands(w->ir, i);
	const char *fn = xl_name(call->fn), *header = fn ? xl_header(fn) : NULL;
	size_t n = i->nargs - 1, size = n + call->scratch;
	struct buf *b = &w->body;

	if (!header || size > CUDA_LOCAL_MAX) {
		w->refused = header ? "a function has too many operands for a GPU thread" : "a function has no GPU form";
		return;
	}
	want_header(w, header);
	if (size > w->g->local)
		w->g->local = size;
	buf_printf(b, "\t{\n\t\tdouble t[%zu];\n\t\tstruct xl_arg g[%d];\n\t\tstruct xl_call c;\n", size + 1, call->max + 1);
	for (size_t k = 0; k < n; k++) {
		buf_printf(b, "\t\tt[%zu] = ", k);
		gen_operand(w, a[k + 1]);
		buf_puts(b, ";\n");
	}
	for (int k = 0; k < call->max && k < 256; k++)
		buf_printf(b, "\t\tG_ARG(%d, %u, %u, %d, %d);\n", k, call->arg[k].first, call->arg[k].n, call->arg[k].rows,
		           call->arg[k].cols);
	buf_printf(b, "\t\tG_CALL(%d, %zu, %d);\n", call->nargs, n, w->ir->date1904);
	cuda_guard(w, a[0]);
	buf_printf(b, "\t\tv%d = g_finite(%s(&c), &c.err);\n\t\te%d = c.err;\n\t}\n", at, fn, at);
}

/* What dist_check() asks of the number of parameters. */
static int
dist_wrong_count(int dist, int n)
{
	return n < dist_info[dist].min || (dist_info[dist].max >= 0 && n > dist_info[dist].max);
}

/* DISTCALL and DISTPROB: operands guard, uniform or bound, parameters. */
static void
cuda_dist(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const struct ir_distcall *d = &w->ir->dcall[i->aux];
	const ir_ref *a = gen_operands(w->ir, i);
	const char *does = i->op == IR_DISTCALL ? "INVERSE" : d->what == IR_DIST_UPTO ? "UPTO" : d->what == IR_DIST_CHECK ? "VALID"
	                   : dist_info[d->dist].form == DIST_DISCRETE ? "BELOW_DISCRETE" : "BELOW";
	struct buf *b = &w->body;

	if (d->nparams > CUDA_LOCAL_MAX) {
		w->refused = "a distribution has too many parameters for a GPU thread";
		return;
	}
	w->dist = 1;
	buf_printf(b, "\t{\n\t\tdouble p[%d], q;\n\t\tint err = 0;\n\t\t(void)q;\n", d->nparams + 1);
	for (int k = 0; k < d->nparams; k++) {
		buf_printf(b, "\t\tp[%d] = ", k);
		gen_operand(w, a[k + 2]);
		buf_puts(b, ";\n");
	}
	cuda_guard(w, a[0]);
	if (dist_wrong_count(d->dist, d->nparams)) {
		buf_printf(b, "\t\te%d = 6;\n\t}\n", at);
		return;
	}
	buf_printf(b, "\t\tv%d = G_%s(%s, ", at, does, gen_dist_fn(d->dist));
	gen_operand(w, a[1]);
	buf_printf(b, ", %d);\n\t\te%d = err;\n\t}\n", d->nparams, at);
}

void
gen_call(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	ir_ref err = second(w, at);

	if (w->dialect == GEN_VECTOR) {
		buf_printf(&w->body, err >= 0 ? "\tkd v%d, v%d;\n" : "\tkd v%d;\n", at, err);
		call_host(w, i, at, err);
	} else {
		buf_printf(&w->body, "\tdouble v%d = 0, e%d = 0;\n", at, at);
		if (i->op == IR_NUMCALL)
			cuda_function(w, i, at);
		else
			cuda_dist(w, i, at);
		if (err >= 0)
			buf_printf(&w->body, "\tdouble v%d = e%d;\n", err, at);
	}
	if (err >= 0)
		gen_deliver(w, err);
}

/* --- the frame ------------------------------------------------------------------------------------------------------- */

void
gen_head(struct gen_writer *w, struct buf *b)
{
	buf_printf(b, "#define G_NSTREAMS %zu\n#define G_NSLOTS %zu\n#define G_NKEPT %zu\n#define G_SHARED_UNIFORMS %d\n",
	           w->g->nstreams, w->g->nslots, w->g->nkept, w->g->shared_uniforms);
	if (w->dialect == GEN_VECTOR)
		buf_puts(b, "#define LANE_VECTOR\n");
	if (w->g->nparts == 1)
		buf_puts(b, "#define G_ONE_PART\n");
	gen_paste(w, b, "gen.h");
	if (w->dialect == GEN_VECTOR)
		return;
	if (w->slow)
		gen_paste(w, b, "slow.h");
	if (w->search)
		gen_paste(w, b, "search.h");
	if (w->dist)
		gen_paste(w, b, "dist.h");
	for (size_t k = 0; k < w->nxl; k++)
		gen_paste(w, b, w->xl[k]);
}

void
gen_foot(struct gen_writer *w, struct buf *b)
{
	gen_paste(w, b, w->dialect == GEN_VECTOR ? "block.h" : "gpu.h");
}
