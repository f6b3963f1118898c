/*
 * vm: registers, constants and the loop over instructions. The operations are in isa/vm_ops.c (compiled
 * once per instruction set) and vm_calls.c.
 *
 * Registers are given by a linear scan: the program is in order of first need, so a value's register
 * is free again after its last user. Constants that an instruction cannot carry get registers of
 * their own, filled once per thread.
 */
#include "engine/vm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lower.h"
#include "engine/sampler.h"

#define NO_REG UINT32_MAX
#define ASK_EVERY 64 /* instructions, whether the block is still wanted */

vm_fn *
vm_op(enum isa isa, enum ir_op op, int variant)
{
#if defined(__x86_64__)
	if (isa == ISA_AVX512)
		return vm_op_avx512(op, variant);
	if (isa == ISA_AVX2)
		return vm_op_avx2(op, variant);
#else
	(void)isa;
#endif
	return vm_op_base(op, variant);
}

double
vm_apply(enum ir_op op, double a, double b, double c)
{
	static const struct vm_program none;
	_Alignas(64) double reg[4 * VM_BLOCK];
	struct vm_insn i = {.op = (uint16_t)op, .dst = 0, .a = VM_BLOCK, .b = 2 * VM_BLOCK, .c = 3 * VM_BLOCK};
	struct vm_run run = {.p = &none, .reg = reg, .n = 8, .lane1 = 8};
	vm_fn *fn = vm_op_base(op, 0);

	if (!fn || op == IR_UNIFORM || op == IR_INVTAB || op == IR_SAMPLE || op == IR_GATHER || ir_op_arity(op) < 0)
		return NAN;
	for (size_t k = 0; k < 8; k++) {
		reg[VM_BLOCK + k] = a;
		reg[2 * VM_BLOCK + k] = b;
		reg[3 * VM_BLOCK + k] = c;
	}
	fn(&i, &run);
	return reg[0];
}

/* --- compiling --------------------------------------------------------------------------------------------- */

struct compiler {
	const struct ir *ir;
	struct vm_program *p;
	uint8_t *live;
	int32_t *last;      /* last instruction that reads a value; INT32_MAX: a root */
	uint32_t *reg;      /* register of a value */
	uint32_t *free_reg;
	size_t nfree;
	uint32_t *const_of; /* register of a constant instruction, once needed */
	uint8_t *done;      /* a power that an earlier instruction computes too */
};

static const ir_ref *
operands(const struct ir *ir, const struct ir_insn *i)
{
	return ir_op_arity(i->op) < 0 ? ir->list + i->arg[0] : i->arg;
}

static uint32_t
take_register(struct compiler *c)
{
	if (c->nfree)
		return c->free_reg[--c->nfree];
	return (uint32_t)(c->p->nregs++);
}

static void
put_register(struct compiler *c, uint32_t reg)
{
	c->free_reg[c->nfree++] = reg;
}

/* Register of an operand; a constant gets one of its own, for good. */
static uint32_t
operand_register(struct compiler *c, ir_ref r)
{
	const struct ir_insn *i = &c->ir->insn[r];
	struct vm_program *p = c->p;

	if (i->op != IR_CONST)
		return c->reg[r] * VM_BLOCK;
	if (c->const_of[r] == NO_REG) {
		c->const_of[r] = (uint32_t)p->nregs++;
		p->const_reg[p->nconst] = c->const_of[r] * VM_BLOCK;
		p->const_val[p->nconst++] = i->imm;
	}
	return c->const_of[r] * VM_BLOCK;
}

static void
release_operands(struct compiler *c, size_t at)
{
	const struct ir_insn *i = &c->ir->insn[at];
	const ir_ref *a = operands(c->ir, i);

	for (uint32_t k = 0; k < i->nargs; k++) {
		if (a[k] < 0 || c->ir->insn[a[k]].op == IR_CONST || c->last[a[k]] != (int32_t)at)
			continue;
		c->last[a[k]] = -1; /* an operand used twice is given back once */
		put_register(c, c->reg[a[k]]);
	}
}

/* Results 2 and 3 of a call have registers from the call on: find who wants them. */
static void
reserve_results(struct compiler *c, size_t at, struct vm_insn *v)
{
	v->dst2 = v->dst3 = NO_REG;
	for (size_t k = at + 1; k < c->ir->n && k < at + 4; k++) {
		const struct ir_insn *i = &c->ir->insn[k];

		if ((i->op != IR_RES2 && i->op != IR_RES3) || i->arg[0] != (ir_ref)at || !c->live[k])
			continue;
		c->reg[k] = take_register(c);
		if (i->op == IR_RES2)
			v->dst2 = c->reg[k] * VM_BLOCK;
		else
			v->dst3 = c->reg[k] * VM_BLOCK;
	}
}

static void
choose_variant(struct compiler *c, const struct ir_insn *i, struct vm_insn *v)
{
	double x;
	int arity = ir_op_arity(i->op);

	v->fn = NULL;
	if (arity == 2 && ir_is_const(c->ir, i->arg[1], &x) && (v->fn = vm_op(c->p->isa, i->op, 1))) {
		v->imm = x;
		v->a = operand_register(c, i->arg[0]);
		return;
	}
	if (arity == 2 && ir_is_const(c->ir, i->arg[0], &x) && (v->fn = vm_op(c->p->isa, i->op, 2))) {
		v->imm = x;
		v->b = operand_register(c, i->arg[1]);
		return;
	}
	v->fn = vm_op(c->p->isa, i->op, 0);
	if (arity >= 1)
		v->a = operand_register(c, i->arg[0]);
	if (arity >= 2)
		v->b = operand_register(c, i->arg[1]);
	if (arity >= 3)
		v->c = operand_register(c, i->arg[2]);
}

void
vm_insn_constants(struct vm_insn *v, const struct ir *ir, const struct ir_insn *i)
{
	switch (i->op) {
	case IR_UNIFORM:
		v->stream = ir->stream[i->aux];
		break;
	case IR_INVTAB: case IR_SAMPLE: case IR_GATHER: case IR_COUNTLE: case IR_FINDEQ:
		v->table = ir->table[i->aux].v;
		v->ntable = ir->table[i->aux].n;
		v->user = ir->table[i->aux].user;
		break;
	case IR_NUMCALL:
		v->user = &ir->call[i->aux];
		break;
	case IR_DISTCALL: case IR_DISTPROB:
		v->user = &ir->dcall[i->aux];
		break;
	case IR_TREE:
		v->user = &ir->tree[i->aux];
		break;
	default:
		break;
	}
}

/* The power at `at` and all later ones of the same number in one instruction, if they go by chains. */
static int
emit_powers(struct compiler *c, size_t at)
{
	const struct ir *ir = c->ir;
	struct vm_program *p = c->p;
	struct vm_insn *v = &p->insn[p->n];
	struct ir_chain chain;
	uint32_t *list, n = 0;
	int top = 0;

	if (!ir_pow_chain(ir, &ir->insn[at], &chain))
		return 0;
	for (size_t k = at; k < ir->n; k++)
		n += c->live[k] && ir->insn[k].op == IR_POWC && ir->insn[k].arg[0] == ir->insn[at].arg[0];
	*v = (struct vm_insn){.op = IR_POWC, .nargs = 1, .fn = vm_op(p->isa, IR_POWC, 0), .dst2 = NO_REG, .dst3 = NO_REG};
	v->a = operand_register(c, ir->insn[at].arg[0]);
	v->list = list = arena_alloc(&p->arena, 2 * n * sizeof *list);
	for (size_t k = at; n && k < ir->n; k++) {
		if (!c->live[k] || ir->insn[k].op != IR_POWC || ir->insn[k].arg[0] != ir->insn[at].arg[0])
			continue;
		n--;
		if (!ir_pow_chain(ir, &ir->insn[k], &chain))
			continue;
		c->done[k] = 1;
		c->reg[k] = take_register(c);
		list[2 * v->ntable] = c->reg[k] * VM_BLOCK;
		list[2 * v->ntable++ + 1] = (uint32_t)chain.whole | (chain.half ? VM_POW_HALF : 0) | (chain.inverse ? VM_POW_INVERSE : 0) |
		                            (chain.safe ? VM_POW_SAFE : 0);
		while (chain.whole >> top > 1)
			top++;
	}
	v->imm = top;
	v->dst = list[0];
	release_operands(c, at);
	p->op_count[IR_POWC]++;
	p->n++;
	return 1;
}

static void
emit(struct compiler *c, size_t at)
{
	const struct ir *ir = c->ir;
	const struct ir_insn *i = &ir->insn[at];
	struct vm_program *p = c->p;
	struct vm_insn *v = &p->insn[p->n];

	*v = (struct vm_insn){.op = i->op, .nargs = (uint16_t)(i->nargs > 65535 ? 65535 : i->nargs), .imm = i->imm,
	                      .dst2 = NO_REG, .dst3 = NO_REG};
	if (i->op == IR_CONST)
		return; /* register on demand */
	if (i->op == IR_RES2 || i->op == IR_RES3) { /* the call has filled it */
		release_operands(c, at);
		return;
	}
	if (c->done[at]) {
		release_operands(c, at);
		return;
	}
	if (i->op == IR_POWC && emit_powers(c, at))
		return;
	choose_variant(c, i, v);
	if (ir_op_arity(i->op) < 0) {
		uint32_t *list = arena_alloc(&p->arena, (i->nargs + 1) * sizeof *list);

		for (uint32_t k = 0; k < i->nargs; k++) {
			ir_ref a = ir->list[i->arg[0] + (int32_t)k];

			list[k] = a < 0 ? NO_REG : operand_register(c, a);
		}
		list[i->nargs] = i->nargs;
		v->list = list;
		v->ntable = i->nargs;
	}
	vm_insn_constants(v, ir, i);
	if (i->op == IR_NUMCALL && ir->call[i->aux].scratch + i->nargs > p->scratch)
		p->scratch = ir->call[i->aux].scratch + i->nargs;
	if ((i->op == IR_DISTCALL || i->op == IR_DISTPROB) && i->nargs > p->scratch)
		p->scratch = i->nargs;
	p->has_trees |= i->op == IR_TREE;
	/* Slow calls write lane by lane while they read: their results never share an operand's register.
	 * Lane operations read a whole vector before they write it, so theirs may. */
	if (ir_op_arity(i->op) < 0) {
		c->reg[at] = take_register(c);
		reserve_results(c, at, v);
		release_operands(c, at);
	} else {
		release_operands(c, at);
		c->reg[at] = take_register(c);
	}
	v->dst = c->reg[at] * VM_BLOCK;
	p->op_count[i->op]++;
	p->n++;
	if (c->last[at] < 0) /* nobody reads it (its other results are wanted) */
		put_register(c, c->reg[at]);
}

static void
find_last_uses(struct compiler *c, const ir_ref *roots, size_t nroots)
{
	for (size_t k = 0; k < c->ir->n; k++)
		c->last[k] = -1;
	for (size_t k = 0; k < c->ir->n; k++) {
		const ir_ref *a = operands(c->ir, &c->ir->insn[k]);

		if (!c->live[k])
			continue;
		for (uint32_t j = 0; j < c->ir->insn[k].nargs; j++)
			if (a[j] >= 0)
				c->last[a[j]] = (int32_t)k;
	}
	for (size_t k = 0; k < nroots; k++)
		if (roots[k] >= 0)
			c->last[roots[k]] = INT32_MAX;
}

struct vm_program *
vm_compile(const struct ir *ir, struct lower *L, const ir_ref *roots, size_t nroots, enum isa isa, struct err *e)
{
	struct vm_program *p = calloc(1, sizeof *p);
	struct compiler c = {.ir = ir, .p = p};
	size_t n = ir->n + 1;

	if (!p) {
		err_nomem(e);
		return NULL;
	}
	p->ir = ir;
	p->lower = L;
	p->isa = isa;
	p->scratch = 64;
	p->insn = ARENA_NEW(&p->arena, struct vm_insn, n);
	p->const_reg = ARENA_NEW(&p->arena, uint32_t, n);
	p->const_val = ARENA_NEW(&p->arena, double, n);
	p->root = arena_memdup(&p->arena, roots, nroots * sizeof *roots);
	p->root_reg = ARENA_NEW(&p->arena, uint32_t, nroots + 1);
	p->nroots = nroots;
	c.live = ARENA_NEW(&p->arena, uint8_t, n);
	c.last = ARENA_NEW(&p->arena, int32_t, n);
	c.reg = ARENA_NEW(&p->arena, uint32_t, n);
	c.free_reg = ARENA_NEW(&p->arena, uint32_t, 2 * n);
	c.const_of = arena_alloc(&p->arena, n * sizeof *c.const_of);
	c.done = ARENA_NEW(&p->arena, uint8_t, n);
	memset(c.const_of, 0xff, n * sizeof *c.const_of);
	ir_mark(ir, roots, nroots, c.live);
	find_last_uses(&c, roots, nroots);
	for (size_t k = 0; k < ir->n; k++)
		if (c.live[k])
			emit(&c, k);
	for (size_t k = 0; k < nroots; k++)
		p->root_reg[k] = roots[k] < 0 ? NO_REG : operand_register(&c, roots[k]);
	for (size_t k = 0; k < p->n; k++)
		if (!p->insn[k].fn) {
			err_set(e, ERR_SOFTWARE, "operation %s has no implementation", ir_op_name(p->insn[k].op));
			vm_free(p);
			return NULL;
		}
	return p;
}

void
vm_free(struct vm_program *p)
{
	if (!p)
		return;
	arena_free(&p->arena);
	free(p);
}

/* --- running ------------------------------------------------------------------------------------------------ */

struct vm_run *
vm_run_new(const struct vm_program *p, uint64_t seed, struct err *e)
{
	struct vm_run *r = calloc(1, sizeof *r);

	if (!r)
		goto nomem;
	r->p = p;
	r->seed = seed;
	r->n = VM_BLOCK;
	r->reg = aligned_alloc(64, (p->nregs + 1) * VM_BLOCK * sizeof(double));
	r->scratch = aligned_alloc(64, ((p->scratch + 64) & ~(size_t)7) * sizeof(double));
	if (!r->reg || !r->scratch)
		goto nomem;
	memset(r->reg, 0, (p->nregs + 1) * VM_BLOCK * sizeof(double));
	for (size_t k = 0; k < p->nconst; k++)
		for (size_t j = 0; j < VM_BLOCK; j++)
			r->reg[p->const_reg[k] + j] = p->const_val[k];
	if (p->has_trees) {
		r->ev = eval_new(p->lower->m, e);
		if (!r->ev)
			goto fail;
		r->hook = (struct sampler_hook_ctx){p->lower->samplers, p->lower->m->wb};
		eval_set_draw_hook(r->ev, sampler_hook, &r->hook);
	}
	return r;
nomem:
	err_nomem(e);
fail:
	vm_run_free(r);
	return NULL;
}

void
vm_run_free(struct vm_run *r)
{
	if (!r)
		return;
	if (r->fast)
		r->fast->free(r);
	eval_free(r->ev);
	arena_free(&r->ev_texts);
	free(r->reg);
	free(r->scratch);
	free(r);
}

void
vm_run_giveup(struct vm_run *r, const struct giveup *g)
{
	r->giveup = g;
	if (r->ev)
		eval_set_giveup(r->ev, g);
}

int
vm_block(struct vm_run *r, int64_t trial0, size_t lane0, size_t lane1)
{
	const struct vm_insn *i = r->p->insn, *end = i + r->p->n;

	r->trial0 = trial0;
	r->lane0 = lane0;
	r->lane1 = lane1;
	if (r->fast) {
		r->fast->block(r);
		return 0;
	}
	while (i < end) {
		const struct vm_insn *stop = end - i > ASK_EVERY ? i + ASK_EVERY : end;

		for (; i < stop; i++)
			i->fn(i, r);
		if (i < end && giveup(r->giveup))
			return -1;
	}
	return r->p->has_trees && giveup(r->giveup) ? -1 : 0; /* vm_tree() may have cut it short */
}

const double *
vm_root(const struct vm_run *r, size_t k)
{
	uint32_t reg = r->p->root_reg[k];

	if (r->fast)
		return r->fast->root(r, k);
	return reg == NO_REG ? NULL : r->reg + reg;
}
