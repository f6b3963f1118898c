/*
 * gen_order: in which order generated source computes, in which parts, and where what lives on is kept. See gen.h.
 *
 * For vectors, draws and tables that depend on nothing but a uniform, or on little, are computed for a whole block before the part that needs
 * them first (kernels/blocks.h): several vectors of such a chain take turns there, where in the middle of a part each would wait for itself. A
 * stage is what needs no such result but those of the stages before it.
 */
#include "engine/gen_private.h"
#include "engine/sampler.h"
#include "kernels/dist.h"

#define STAGES_MOST 6 /* what depends on more than that is computed in its place */

static int
is_source(const struct gen_writer *w, ir_ref r)
{
	return w->ir->insn[r].op == IR_CONST || w->ir->insn[r].op == IR_UNIFORM;
}

/* Chains that are long enough. */
static int
goes_by_block(const struct gen_writer *w, const struct ir_insn *i)
{
	const struct sampler *s = i->op == IR_SAMPLE ? w->ir->table[i->aux].user : NULL;

	if (w->dialect != GEN_VECTOR || (i->op != IR_SAMPLE && i->op != IR_INVTAB && i->op != IR_NORMINV))
		return 0;
	if (w->ir->insn[i->arg[0]].op == IR_CONST)
		return 0;
	if (!s)
		return 1;
	for (int k = 0; k < s->nparams; k++)
		if (!(s->params[k] - s->params[k] == 0)) /* infinite: no literal */
			return 0;
	return s->kind == SAMPLER_CLOSED && s->dist != DIST_ID_UNIFORM && s->dist != DIST_ID_BERNOULLI && s->dist != DIST_ID_INTUNIFORM &&
	       s->dist != DIST_ID_TRIANG;
}

/* The last stage. */
static uint32_t
find_stages(struct gen_writer *w)
{
	uint32_t most = 0;

	for (size_t k = 0; k < w->ir->n; k++) {
		const struct ir_insn *i = &w->ir->insn[k];
		const ir_ref *a = gen_operands(w->ir, i);
		struct gen_value *v = &w->value[k];

		if (!w->live[k])
			continue;
		for (uint32_t j = 0; j < i->nargs; j++)
			if (a[j] >= 0 && w->value[a[j]].stage > v->stage)
				v->stage = w->value[a[j]].stage;
		if (goes_by_block(w, i) && v->stage < STAGES_MOST) {
			v->block = 1;
			v->stage += !is_source(w, a[0]) && !w->value[a[0]].block;
		}
		most = v->stage > most ? v->stage : most;
	}
	return most;
}

/* --- order and parts ------------------------------------------------------------------------------------------- */

struct order {
	struct gen_writer *w;
	unsigned size, part;
};

static void
put(struct order *o, ir_ref r)
{
	struct gen_writer *w = o->w;
	struct gen_value *v = &w->value[r];
	const struct ir_insn *i = &w->ir->insn[r];
	const ir_ref *a = gen_operands(w->ir, i);

	v->ordered = 1;
	v->part = i->op == IR_RES2 ? w->value[i->arg[0]].part : o->part;
	for (uint32_t k = 0; k < i->nargs; k++)
		if (a[k] >= 0 && w->value[a[k]].last < o->part)
			w->value[a[k]].last = o->part;
	w->order[w->norder++] = r;
}

/* What goes by blocks, or is a uniform, is put where it is needed first. */
static void
put_early(struct order *o, ir_ref r)
{
	const struct gen_value *v = &o->w->value[r];

	if (v->ordered || !(v->block || o->w->ir->insn[r].op == IR_UNIFORM))
		return;
	if (v->block)
		put_early(o, o->w->ir->insn[r].arg[0]);
	put(o, r);
}

static void
put_statement(struct order *o, ir_ref r)
{
	const struct ir_insn *i = &o->w->ir->insn[r];
	const ir_ref *a = gen_operands(o->w->ir, i);
	unsigned weight = gen_weight(i), most = o->w->dialect == GEN_CUDA ? GEN_PART_CUDA : GEN_PART;

	if (i->op != IR_RES2 && o->size + weight > most && o->size > 0) {
		o->part++;
		o->size = 0;
	}
	for (uint32_t k = 0; k < i->nargs; k++)
		if (a[k] >= 0)
			put_early(o, a[k]);
	o->size += weight;
	o->w->g->nstatements++;
	put(o, r);
}

/* Nobody but the statistics needs these. */
static void
put_rest(struct order *o)
{
	const struct ir *ir = o->w->ir;

	for (size_t k = 0; k < ir->n; k++) {
		const struct gen_value *v = &o->w->value[k];

		if (!o->w->live[k] || v->ordered)
			continue;
		o->part += o->size > 0; /* its operand may be of the last part */
		o->size = 0;
		put_early(o, (ir_ref)k);
	}
}

static void
find_order(struct gen_writer *w)
{
	struct order o = {.w = w};
	uint32_t stages = find_stages(w) + 1;
	const struct gen_value *v = w->value;

	w->order = ARENA_NEW(&w->g->arena, ir_ref, w->ir->n + 1);
	for (uint32_t s = 0; s < stages; s++) {
		o.part += s && o.size > 0;
		o.size = s ? 0 : o.size;
		for (size_t k = 0; k < w->ir->n; k++)
			if (w->live[k] && v[k].stage == s && !v[k].block && w->ir->insn[k].op != IR_UNIFORM)
				put_statement(&o, (ir_ref)k);
	}
	put_rest(&o);
	w->g->nparts = o.part + 1;
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

int
gen_in_memory(const struct gen_writer *w, ir_ref r)
{
	return !is_source(w, r) && (w->value[r].block || w->value[r].last > w->value[r].part);
}

/* Places for what lives on, used again after the part of last need. For vectors a slot of the results is a place as good as any. */
static void
give_places(struct gen_writer *w)
{
	uint32_t *free_at = ARENA_NEW(&w->g->arena, uint32_t, w->ir->n + 1); /* by place: the part after which it is free */
	size_t n = 0, from = 0;
	unsigned part = 0;

	for (size_t k = 0; k < w->norder; k++) {
		struct gen_value *v = &w->value[w->order[k]];
		size_t at;

		if (!gen_in_memory(w, w->order[k]) || (w->dialect == GEN_VECTOR && v->out != GEN_NO_SLOT))
			continue;
		if (v->part != part) {
			part = v->part;
			from = 0;
		}
		for (at = from; at < n && free_at[at] > v->part; at++)
			;
		if (at == n)
			n++;
		from = at + 1;
		free_at[at] = v->last + 1;
		v->kept = (uint32_t)at;
	}
	w->g->nkept = n;
}

void
gen_order(struct gen_writer *w)
{
	find_order(w);
	give_places(w);
}
