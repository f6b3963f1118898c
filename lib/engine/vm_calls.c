/*
 * vm_calls: operations that leave the lanes: numeric functions, exact inverses, searches in tables and trees on
 * the scalar evaluator. Only the wanted lanes are computed.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/lower.h"
#include "engine/sampler.h"
#include "engine/vm.h"
#include "formula/risk.h"
#include "formula/isa/func_isa.h"
#include "kernels/dist.h"
#include "kernels/search.h"

#define NO_REG UINT32_MAX

void
vm_numcall(const struct vm_insn *i, struct vm_run *run)
{
	const struct ir_call *call = i->user;
	const double *guard = i->list[0] == NO_REG ? NULL : run->reg + i->list[0];
	double *out = run->reg + i->dst, *err = i->dst2 == NO_REG ? NULL : run->reg + i->dst2;
	double *x = run->scratch;
	size_t n = i->ntable - 1;
	xl_fn *fn = func_num(call->fn, run->p->isa);
	struct xl_arg arg[256];
	struct xl_call xc = {.arg = arg, .nargs = call->nargs, .scratch = x + n, .date1904 = run->p->ir->date1904};

	for (int k = 0; k < call->max && k < 256; k++)
		arg[k] = (struct xl_arg){x + call->arg[k].first, (int)call->arg[k].n, call->arg[k].rows,
		                         call->arg[k].cols};
	for (size_t lane = run->lane0; lane < run->lane1; lane++) {
		double v = 0;

		xc.err = 0;
		if (!guard || guard[lane] == 0) {
			for (size_t k = 0; k < n; k++)
				x[k] = run->reg[i->list[k + 1] + lane];
			v = fn(&xc);
			if (!xc.err && !isfinite(v))
				xc.err = XL_NUM;
			if (xc.err)
				v = 0;
		}
		out[lane] = v;
		if (err)
			err[lane] = xc.err;
	}
}

void
vm_distcall(const struct vm_insn *i, struct vm_run *run)
{
	const struct ir_distcall *d = i->user;
	double (*inverse)(int, const double *, int, double) = func_isa(run->p->isa)->inverse;
	const double *guard = i->list[0] == NO_REG ? NULL : run->reg + i->list[0];
	double *out = run->reg + i->dst, *err = i->dst2 == NO_REG ? NULL : run->reg + i->dst2;

	for (size_t lane = run->lane0; lane < run->lane1; lane++) {
		double v = 0, *params = run->scratch;
		int bad = 0;

		if (!guard || guard[lane] == 0) {
			for (int k = 0; k < d->nparams; k++)
				params[k] = run->reg[i->list[k + 2] + lane];
			if (dist_check(d->dist, params, d->nparams)) {
				bad = XL_NUM;
			} else {
				v = inverse(d->dist, params, d->nparams, run->reg[i->list[1] + lane]);
				if (!isfinite(v)) {
					bad = XL_NUM;
					v = 0;
				}
			}
		}
		out[lane] = v;
		if (err)
			err[lane] = bad;
	}
}

/* Probability of a bound: the arithmetic of fn_random.c. */
void
vm_distprob(const struct vm_insn *i, struct vm_run *run)
{
	const struct ir_distcall *d = i->user;
	const double *guard = i->list[0] == NO_REG ? NULL : run->reg + i->list[0], *x = run->reg + i->list[1];
	double *out = run->reg + i->dst, *err = i->dst2 == NO_REG ? NULL : run->reg + i->dst2, *params = run->scratch;

	for (size_t lane = run->lane0; lane < run->lane1; lane++) {
		double v = 0;
		int bad = 0;

		if (!guard || guard[lane] == 0) {
			for (int k = 0; k < d->nparams; k++)
				params[k] = run->reg[i->list[k + 2] + lane];
			if (dist_check(d->dist, params, d->nparams))
				bad = XL_NUM;
			else if (d->what != IR_DIST_CHECK)
				v = d->what == IR_DIST_BELOW ? risk_below(d->dist, params, d->nparams, x[lane])
				                             : risk_upto(d->dist, params, d->nparams, x[lane]);
		}
		out[lane] = v;
		if (err)
			err[lane] = bad;
	}
}

void
vm_sample_each(const struct vm_insn *i, struct vm_run *run)
{
	const struct sampler *s = i->user;
	const double *u = run->reg + i->a;
	double *out = run->reg + i->dst;

	for (size_t lane = run->lane0; lane < run->lane1; lane++)
		out[lane] = sampler_eval(s, u[lane]);
}

/* Entries <= x in an ascending table, numbers compared on 15 digits. */
void
vm_countle(const struct vm_insn *i, struct vm_run *run, size_t from, size_t to)
{
	const double *x = run->reg + i->a, *t = i->table;
	double *out = run->reg + i->dst;

	for (size_t lane = from; lane < to; lane++)
		out[lane] = xl_count_le(t, i->ntable, x[lane]);
}

void
vm_findeq(const struct vm_insn *i, struct vm_run *run, size_t from, size_t to)
{
	const double *x = run->reg + i->a, *t = i->table;
	double *out = run->reg + i->dst;

	for (size_t lane = from; lane < to; lane++)
		out[lane] = xl_find_eq(t, i->ntable, x[lane]);
}

/* --- trees ------------------------------------------------------------------------------------------------ */

static double
pool_index(const struct lower *L, const struct text *t)
{
	for (size_t k = 0; k < L->ntext; k++)
		if (strlen(L->text[k]) == t->nbytes && !memcmp(L->text[k], t->s, t->nbytes))
			return (double)k;
	return -1;
}

static struct value
input_value(struct vm_run *run, const struct ir_tree_input *in, const uint32_t *list, size_t lane)
{
	double x = run->reg[list[in->value - 1] + lane];
	double err = in->err ? run->reg[list[in->err - 1] + lane] : 0;
	int type = in->typ ? (int)run->reg[list[in->typ - 1] + lane] : in->type;

	if (err != 0)
		return value_error((int)err);
	switch (type) {
	case LC_BOOL:
		return value_bool(x != 0);
	case LC_BLANK:
		return value_blank();
	case LC_TEXT:
		return value_textz(&run->ev_texts, run->p->lower->text[(size_t)x]);
	default:
		return value_num(x);
	}
}

void
vm_tree(const struct vm_insn *i, struct vm_run *run)
{
	const struct ir_tree *t = i->user;
	double *out = run->reg + i->dst;
	double *err = i->dst2 == NO_REG ? NULL : run->reg + i->dst2;
	double *typ = i->dst3 == NO_REG ? NULL : run->reg + i->dst3;

	for (size_t lane = run->lane0; lane < run->lane1 && !giveup(run->giveup); lane++) {
		struct arena_mark mark = arena_mark(&run->ev_texts);
		double v = 0, e = 0, type = LC_NUM;
		struct value r;

		eval_set_trial(run->ev, run->seed, run->trial0 + (int64_t)lane);
		for (size_t k = 0; k < t->ninputs; k++)
			eval_override(run->ev, t->input[k].sheet, t->input[k].row, t->input[k].col,
			              input_value(run, &t->input[k], i->list, lane));
		r = t->node ? eval_tree(run->ev, t->node, t->sheet, t->row, t->col, t->array, NULL)
		            : eval_cell(run->ev, t->sheet, t->row, t->col);
		r = eval_value_scalar(run->ev, r, t->sheet, t->row, t->col);
		switch (r.kind) {
		case V_NUM:
			v = r.u.num;
			break;
		case V_BOOL:
			v = r.boolean;
			type = LC_BOOL;
			break;
		case V_TEXT:
			v = pool_index(run->p->lower, r.u.text);
			type = LC_TEXT;
			break;
		case V_ERROR:
			e = r.error;
			break;
		case V_BLANK:
			break;
		default:
			e = XE_VALUE;
		}
		out[lane] = v;
		if (err)
			err[lane] = e;
		if (typ)
			typ[lane] = type;
		arena_rewind(&run->ev_texts, mark);
	}
}
