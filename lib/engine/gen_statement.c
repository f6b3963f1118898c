/*
 * gen_statement: an instruction as a statement of generated source (gen.h): how each operation is written, in both dialects.
 */
#include "engine/gen_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/sampler.h"

/* How an operation is written. */
enum form { F_OP, F_INFIX, F_FAR, F_NEAR, F_OWN };

static const struct {
	enum form form;
	char infix;
} forms[IR_NOPS] = {
    [IR_ADD] = {F_INFIX, '+'}, [IR_SUB] = {F_INFIX, '-'}, [IR_MUL] = {F_INFIX, '*'}, [IR_DIV] = {F_INFIX, '/'},
    [IR_POW] = {F_FAR, 0}, [IR_EXP] = {F_FAR, 0}, [IR_LOG] = {F_FAR, 0}, [IR_LOG10] = {F_FAR, 0}, [IR_SIN] = {F_FAR, 0},
    [IR_COS] = {F_FAR, 0}, [IR_TAN] = {F_FAR, 0}, [IR_ASIN] = {F_FAR, 0}, [IR_ACOS] = {F_FAR, 0}, [IR_ATAN] = {F_FAR, 0},
    [IR_SINH] = {F_FAR, 0}, [IR_COSH] = {F_FAR, 0}, [IR_TANH] = {F_FAR, 0}, [IR_ERF] = {F_FAR, 0}, [IR_ERFC] = {F_FAR, 0},
    [IR_NORMINV] = {F_FAR, 0}, [IR_NORMCDF] = {F_FAR, 0}, [IR_INT] = {F_FAR, 0},
    [IR_CONST] = {F_OWN, 0}, [IR_UNIFORM] = {F_OWN, 0}, [IR_POWC] = {F_OWN, 0}, [IR_SAMPLE] = {F_OWN, 0},
    [IR_INVTAB] = {F_OWN, 0}, [IR_GATHER] = {F_OWN, 0}, [IR_COUNTLE] = {F_OWN, 0}, [IR_FINDEQ] = {F_OWN, 0},
    [IR_PICK] = {F_OWN, 0}, [IR_NUMCALL] = {F_OWN, 0}, [IR_DISTCALL] = {F_OWN, 0}, [IR_DISTPROB] = {F_OWN, 0}, [IR_TREE] = {F_OWN, 0},
    [IR_RES2] = {F_OWN, 0}, [IR_RES3] = {F_OWN, 0},
#define NEARROW(name, near, slow) [IR_NAME_##name] = {F_NEAR, 0},
#define EACHROW(name, slow) [IR_NAME_##name] = {F_NEAR, 0},
#include "kernels/slow.def"
#undef NEARROW
#undef EACHROW
};

unsigned
gen_weight(const struct ir_insn *i)
{
	switch (forms[i->op].form) {
	case F_OWN:
		return i->op == IR_CONST || i->op == IR_UNIFORM ? 0 : i->op == IR_PICK ? i->nargs + 3 : 6;
	case F_FAR:
		return 6;
	case F_NEAR:
		return 3;
	default:
		return 1;
	}
}

/* --- operands -------------------------------------------------------------------------------------------------------- */

const ir_ref *
gen_operands(const struct ir *ir, const struct ir_insn *i)
{
	return ir_op_arity(i->op) < 0 ? ir->list + i->arg[0] : i->arg;
}

/* A number as a hexadecimal literal, whatever the locale. */
void
gen_number(struct buf *b, double x)
{
	uint64_t u;
	int e;

	if (isinf(x)) {
		buf_puts(b, x < 0 ? "(-K_INF)" : "K_INF");
		return;
	}
	memcpy(&u, &x, sizeof u);
	e = (int)(u >> 52 & 0x7ff);
	buf_printf(b, "%s0x%d.%013llxp%+d%s", u >> 63 ? "(-" : "", e ? 1 : 0, (unsigned long long)(u & 0xfffffffffffffULL),
	           e ? e - 1023 : x == 0 ? 0 : -1022, u >> 63 ? ")" : "");
}

/* Operand r in the part that is being written: its name, loaded from memory first if it was made elsewhere. */
static void
need(struct gen_writer *w, ir_ref r)
{
	struct gen_value *v = &w->value[r];

	if (w->ir->insn[r].op == IR_CONST || w->ir->insn[r].op == IR_UNIFORM || (v->part == w->part && !v->block) || v->loaded == w->part + 1)
		return;
	v->loaded = w->part + 1;
	if (w->dialect == GEN_VECTOR && v->out != GEN_NO_SLOT)
		buf_printf(&w->body, "\tkd v%d = G_U(%u);\n", r, v->out);
	else
		buf_printf(&w->body, "\tkd v%d = G_KEPT(%u);\n", r, v->kept);
}

void
gen_operand(struct gen_writer *w, ir_ref r)
{
	const struct ir_insn *i = &w->ir->insn[r];

	if (i->op == IR_CONST) {
		if (isinf(i->imm)) {
			gen_number(&w->body, i->imm);
			return;
		}
		buf_puts(&w->body, "k_set(");
		gen_number(&w->body, i->imm);
		buf_puts(&w->body, ")");
	} else if (i->op == IR_UNIFORM) {
		buf_printf(&w->body, "G_U(%u)", w->value[r].kept);
	} else {
		buf_printf(&w->body, "v%d", r);
	}
}

/* --- far functions --------------------------------------------------------------------------------------------------- */

/* `fn`, and one call more of it: X_fn is inline where there are a few, a function of its own where there are many. */
static const char *
far(struct gen_writer *w, const char *fn, int nlanes, int tabled)
{
	for (size_t k = 0; k < w->nfar; k++)
		if (!strcmp(w->far[k].fn, fn)) {
			w->far[k].uses++;
			return fn;
		}
	if (w->nfar < GEN_FAR_MAX)
		w->far[w->nfar++] = (struct gen_far){arena_strdup(&w->g->arena, fn), nlanes, tabled, 1};
	return fn;
}

void
gen_put_far(struct buf *b, const struct gen_far *f, unsigned limit)
{
	if (f->uses <= limit) {
		buf_printf(b, "#define X_%s K(%s)\n", f->fn, f->fn);
		return;
	}
	buf_printf(b, "G_FAR kd K(far_%s)(%s", f->fn, f->tabled ? "const double *t, " : "");
	for (int k = 0; k < f->nlanes; k++)
		buf_printf(b, "%skd x%d", k ? ", " : "", k);
	buf_printf(b, ") { return K(%s)(%s", f->fn, f->tabled ? "t, " : "");
	for (int k = 0; k < f->nlanes; k++)
		buf_printf(b, "%sx%d", k ? ", " : "", k);
	buf_printf(b, "); }\n#define X_%s K(far_%s)\n", f->fn, f->fn);
}

/* --- statements ------------------------------------------------------------------------------------------------------ */

static void
call_lanes(struct gen_writer *w, const char *name, const struct ir_insn *i)
{
	buf_printf(&w->body, "%s(", name);
	for (uint32_t k = 0; k < i->nargs; k++) {
		if (k)
			buf_puts(&w->body, ", ");
		gen_operand(w, i->arg[k]);
	}
	buf_puts(&w->body, ");\n");
}

unsigned
gen_site(struct gen_writer *w, enum ir_op op, ir_ref at)
{
	struct gen *g = w->g;

	for (size_t k = 0; at == IR_NONE && k < g->nsites; k++)
		if (g->site[k].op == op && g->site[k].at == IR_NONE)
			return (unsigned)k;
	g->site[g->nsites] = (struct gen_site){(uint16_t)op, at};
	return (unsigned)g->nsites++;
}

size_t
gen_table(struct gen_writer *w, const double *v, size_t n)
{
	struct gen *g = w->g;
	size_t at = g->ntab;

	for (size_t k = 0; k < w->ntables; k++)
		if (w->table[k].v == v)
			return w->table[k].at;
	g->ntab += (n + 7) & ~(size_t)7;
	w->table[w->ntables++] = (struct gen_table){v, n, at};
	return at;
}

/* Powers x^2 to x^(2^n) of x, as statements; those that this part has already are shared. */
static void
put_squares(struct gen_writer *w, ir_ref x, uint32_t n)
{
	struct gen_value *v = &w->value[x];

	if (v->squared != w->part + 1)
		v->nsquares = 0;
	v->squared = w->part + 1;
	for (uint32_t k = v->nsquares + 1; k <= n; k++) {
		if (k == 1) {
			buf_printf(&w->body, "\tkd l%d_1, p%d_1 = K(pow_square)(", x, x);
			gen_operand(w, x);
			buf_puts(&w->body, ", &l");
			buf_printf(&w->body, "%d_1);\n", x);
		} else {
			buf_printf(&w->body, "\tkd l%d_%u = l%d_%u, p%d_%u = K(pow_mul)(p%d_%u, &l%d_%u, p%d_%u, l%d_%u);\n", x, k, x, k - 1, x, k, x,
			           k - 1, x, k, x, k - 1, x, k - 1);
		}
	}
	v->nsquares = n > v->nsquares ? n : v->nsquares;
}

/* The chain of K(powi_half) spelled out. */
static void
put_chain(struct gen_writer *w, const struct ir_insn *i, ir_ref at, const struct ir_chain *c)
{
	ir_ref x = i->arg[0];
	struct buf *b = &w->body;
	int first = 1, one = 0;
	uint32_t top = 0;

	while (c->whole >> top > 1)
		top++;
	put_squares(w, x, top);
	buf_printf(b, "\tkd v%d, l%d;\n", at, at);
	for (uint32_t k = 0; k < 7; k++) { /* from the lowest bit; a lone x^1 has no low part */
		if (!(c->whole >> k & 1))
			continue;
		if (first && k == 0) {
			buf_printf(b, "\tv%d = ", at);
			gen_operand(w, x);
			buf_printf(b, ", l%d = k_set(0.0);\n", at);
			one = 1;
		} else if (first) {
			buf_printf(b, "\tv%d = p%d_%u, l%d = l%d_%u;\n", at, x, k, at, x, k);
		} else {
			buf_printf(b, "\tv%d = K(%s)(v%d, &l%d, p%d_%u, l%d_%u);\n", at, one ? "pow_first" : "pow_mul", at, at, x, k, x, k);
			one = 0;
		}
		first = 0;
	}
	if (first)
		buf_printf(b, "\tv%d = k_set(1.0), l%d = k_set(0.0);\n", at, at);
	if (c->half) {
		buf_printf(b, "\tv%d = K(pow_half)(v%d, &l%d, ", at, at, at);
		gen_operand(w, x);
		buf_puts(b, ");\n");
	}
	if (c->inverse)
		buf_printf(b, "\tv%d = K(pow_invert)(v%d, &l%d);\n", at, at, at);
	buf_printf(b, c->safe ? "\tv%d = v%d + l%d;\n" : "\tv%d = K(pow_close)(v%d, l%d);\n", at, at, at);
}

static void
put_powc(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	struct ir_chain c;

	if (ir_pow_chain(w->ir, i, &c)) {
		put_chain(w, i, at, &c);
		return;
	}
	far(w, "pow_general", 2, 0);
	buf_printf(&w->body, "\tkd v%d = X_pow_general(", at);
	gen_operand(w, i->arg[0]);
	buf_puts(&w->body, ", k_set(");
	gen_number(&w->body, i->imm);
	buf_puts(&w->body, "));\n");
}

static void
put_sample(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const struct sampler *s = w->ir->table[i->aux].user;
	char name[64] = "sample_";

	if (s->kind != SAMPLER_CLOSED) {
		gen_exact_sample(w, i, at, s);
		return;
	}
	strncat(name, gen_dist_fn(s->dist), sizeof name - strlen(name) - 1);
	buf_printf(&w->body, "X_%s(", far(w, name, 1 + s->nparams, 0));
	gen_operand(w, i->arg[0]);
	for (int k = 0; k < s->nparams; k++) {
		buf_puts(&w->body, isinf(s->params[k]) ? ", (" : ", k_set(");
		gen_number(&w->body, s->params[k]);
		buf_puts(&w->body, ")");
	}
	buf_puts(&w->body, ");\n");
}

static void
put_invtab(struct gen_writer *w, const struct ir_insn *i)
{
	const struct ir_table *t = &w->ir->table[i->aux];
	const char *fn = gen_invtab_fn(t->v);

	buf_printf(&w->body, "X_%s(tab + %zu, ", far(w, fn, 1, 1), gen_table(w, t->v, t->n));
	gen_operand(w, i->arg[0]);
	buf_puts(&w->body, ");\n");
}

static void
put_gather(struct gen_writer *w, const struct ir_insn *i)
{
	const struct ir_table *t = &w->ir->table[i->aux];

	buf_printf(&w->body, "K(element)(tab + %zu, ", gen_table(w, t->v, t->n));
	gen_number(&w->body, (double)t->n - 1);
	buf_puts(&w->body, ", ");
	gen_operand(w, i->arg[0]);
	buf_puts(&w->body, ");\n");
}

static void
put_pick(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const ir_ref *a = w->ir->list + i->arg[0];
	uint32_t last = i->nargs - 1;

	gen_operand(w, a[1]);
	buf_printf(&w->body, ", i%d = K(g_index)(", at);
	gen_operand(w, a[0]);
	buf_puts(&w->body, ", ");
	gen_number(&w->body, (double)last);
	buf_puts(&w->body, ");\n");
	for (uint32_t k = 2; k <= last; k++) {
		buf_printf(&w->body, "\tv%d = k_sel(k_eq(i%d, k_set(%u.0)), ", at, at, k);
		gen_operand(w, a[k]);
		buf_printf(&w->body, ", v%d);\n", at);
	}
}

static void
put_own(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	switch (i->op) {
	case IR_SAMPLE:
		put_sample(w, i, at);
		break;
	case IR_INVTAB:
		put_invtab(w, i);
		break;
	case IR_GATHER:
		put_gather(w, i);
		break;
	case IR_PICK:
		put_pick(w, i, at);
		break;
	default:
		gen_search(w, i, at);
	}
}

static void
put_expression(struct gen_writer *w, const struct ir_insn *i, ir_ref at)
{
	const char *name = ir_op_name(i->op);
	char text[64];

	switch (forms[i->op].form) {
	case F_INFIX:
		gen_operand(w, i->arg[0]);
		buf_printf(&w->body, " %c ", forms[i->op].infix);
		gen_operand(w, i->arg[1]);
		buf_puts(&w->body, ";\n");
		break;
	case F_FAR:
		snprintf(text, sizeof text, "op_%s", name);
		far(w, text, (int)i->nargs, 0);
		snprintf(text, sizeof text, "X_op_%s", name);
		call_lanes(w, text, i);
		break;
	case F_NEAR:
		w->slow = 1;
		if (i->op == IR_ROUND && w->dialect == GEN_VECTOR && w->ir->insn[i->arg[1]].op == IR_CONST) {
			buf_printf(&w->body, "G_ROUND(%u, ", gen_site(w, i->op, IR_NONE));
			gen_operand(w, i->arg[0]);
			buf_puts(&w->body, ", ");
			gen_number(&w->body, w->ir->insn[i->arg[1]].imm);
			buf_puts(&w->body, ");\n");
			break;
		}
		buf_printf(&w->body, "G_NEAR(%u, %s, ", w->dialect == GEN_VECTOR ? gen_site(w, i->op, IR_NONE) : 0, name);
		gen_operand(w, i->arg[0]);
		buf_puts(&w->body, ", ");
		gen_operand(w, i->arg[1]);
		buf_puts(&w->body, ");\n");
		break;
	case F_OP:
		snprintf(text, sizeof text, "K(op_%s)", name);
		call_lanes(w, text, i);
		break;
	default:
		put_own(w, i, at);
	}
}

void
gen_deliver(struct gen_writer *w, ir_ref r)
{
	const struct gen_value *v = &w->value[r];
	int op = w->ir->insn[r].op;

	if (gen_in_memory(w, r) && !(w->dialect == GEN_VECTOR && v->out != GEN_NO_SLOT))
		buf_printf(&w->body, "\tG_KEEP(%u, v%d);\n", v->kept, r);
	if (v->out == GEN_NO_SLOT || (op == IR_UNIFORM && w->g->shared_uniforms))
		return;
	buf_printf(&w->body, "\tG_OUT(%u, ", v->out);
	gen_operand(w, r);
	buf_puts(&w->body, ");\n");
}

void
gen_statement(struct gen_writer *w, ir_ref at)
{
	const struct ir_insn *i = &w->ir->insn[at];
	const ir_ref *a = gen_operands(w->ir, i);

	if (i->op == IR_RES2) /* its call has delivered it */
		return;
	for (uint32_t k = 0; k < i->nargs; k++)
		if (a[k] >= 0)
			need(w, a[k]);
	if (i->op == IR_NUMCALL || i->op == IR_DISTCALL || i->op == IR_DISTPROB) {
		gen_call(w, i, at);
	} else if (i->op == IR_POWC) {
		put_powc(w, i, at);
	} else if (i->op != IR_CONST && i->op != IR_UNIFORM) {
		buf_printf(&w->body, "\tkd v%d = ", at);
		put_expression(w, i, at);
	}
	gen_deliver(w, at);
}
