/*
 * lower_draw: random functions in lanes. The arithmetic around a draw is the same, operation by operation, as in
 * lib/formula/fn_random.c.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/invtab.h"
#include "engine/lower_fn.h"
#include "formula/alt.h"
#include "formula/copula.h"
#include "formula/risk.h"
#include "kernels/dist.h"

/* The uniform of a draw: its own, or what the copula makes of those of its group; as copula_uniform() does. */
static ir_ref
uniform_of(struct lower *L, uint64_t stream)
{
	const struct copula_row *r = copula_find(L->m->copula, stream);
	struct ir *ir = L->ir;
	ir_ref z = IR_NONE;

	if (!r)
		return ir_uniform(ir, stream);
	if (r->n == 1)
		return r->weight[0] > 0 ? ir_uniform(ir, r->from[0])
		                        : ir_op2(ir, IR_SUB, ir_const(ir, 1), ir_uniform(ir, r->from[0]));
	for (int k = 0; k < r->n; k++) {
		ir_ref t = ir_op2(ir, IR_MUL, ir_op1(ir, IR_NORMINV, ir_uniform(ir, r->from[k])), ir_const(ir, r->weight[k]));

		z = k ? ir_op2(ir, IR_ADD, z, t) : t;
	}
	z = ir_op2(ir, IR_MAX, ir_op1(ir, IR_NORMCDF, z), ir_const(ir, RISK_U_MIN));
	return ir_op2(ir, IR_MIN, z, ir_const(ir, RISK_U_MAX));
}

static struct lower_draw *
new_draw(struct lower *L, const struct lower_ctx *c, const struct node *n, uint32_t element)
{
	struct draw_site site = {c->sheet, c->row, c->col, n->u.call.draw, element};
	uint64_t stream = draw_stream(L->m->wb, &site);
	struct lower_draw *d;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < L->ndraw; i++)
		if (L->draw[i].stream == stream)
			return &L->draw[i];
	if (L->ndraw == L->draw_cap) {
		L->draw_cap = L->draw_cap ? 2 * L->draw_cap : 64;
		L->draw = realloc(L->draw, L->draw_cap * sizeof *L->draw);
		if (!L->draw)
			abort();
	}
	d = &L->draw[L->ndraw++];
	*d = (struct lower_draw){.site = site, .stream = stream, .dist = -1, .u = uniform_of(L, stream), .x = IR_NONE};
	if (node_print(&b, L->m->wb, n, c->sheet, c->row, c->col) == 0 && b.s)
		d->text = arena_strdup(&L->arena, b.s);
	buf_free(&b);
	return d;
}

static struct lval
rand_between(struct lower *L, ir_ref u, struct lval lo, struct lval hi)
{
	struct ir *ir = L->ir;
	ir_ref a = ir_op1(ir, IR_CEIL, lo.num), b = ir_op1(ir, IR_FLOOR, hi.num), bad, w, x;
	double alo = ir_lo(ir, a), bhi = ir_hi(ir, b);

	bad = ir_op3(ir, IR_SEL, ir_op2(ir, IR_XLT, b, a), ir_const(ir, XE_NUM), ir_const(ir, 0));
	w = ir_op2(ir, IR_ADD, ir_op2(ir, IR_SUB, b, a), ir_const(ir, 1));
	x = ir_op2(ir, IR_ADD, a, ir_op1(ir, IR_FLOOR, ir_op2(ir, IR_MUL, u, w)));
	if (fabs(alo) < 1e15 && fabs(bhi) < 1e15)
		ir_set_range(ir, x, alo, bhi);
	return lower_number(x, lower_err(L, lower_err(L, lo.err, hi.err), bad));
}

static struct lval
rand_array(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	double v[5] = {1, 1, 0, 1, 0};
	struct lmat *m;

	for (int i = 0; i < n->nargs; i++) {
		struct lval a;

		if (n->args[i]->kind == N_MISSING)
			continue;
		a = lower_num(L, lower_scalar_arg(L, c, n->args[i]));
		if (a.kind != LV_SCALAR || a.err != IR_NONE || !ir_is_const(L->ir, a.num, &v[i]))
			return lower_unsupported(L, "RANDARRAY of a random shape");
	}
	v[0] = trunc(v[0]);
	v[1] = trunc(v[1]);
	if (v[0] < 1 || v[1] < 1 || v[2] > v[3] || v[0] * v[1] > 10000 || (v[4] != 0 && (v[2] != floor(v[2]) || v[3] != floor(v[3]))))
		return lower_unsupported(L, "RANDARRAY");
	m = lower_new_matrix(L, (int32_t)v[0], (int32_t)v[1]);
	for (int32_t i = 0; i < m->rows * m->cols; i++) {
		struct lower_draw *d = new_draw(L, c, n, (uint32_t)i);
		ir_ref lo = ir_const(L->ir, v[2]);

		if (v[4] != 0)
			d->x = rand_between(L, d->u, lower_number(lo, IR_NONE), lower_number(ir_const(L->ir, v[3]), IR_NONE)).num;
		else
			d->x = ir_op2(L->ir, IR_ADD, lo, ir_op2(L->ir, IR_MUL, d->u, ir_const(L->ir, v[3] - v[2])));
		m->v[i] = lower_number(d->x, IR_NONE);
	}
	return (struct lval){.kind = LV_ARRAY, .num = IR_NONE, .err = IR_NONE, .typ = IR_NONE, .mat = m};
}

/* --- distributions ------------------------------------------------------------------------------------------- */

struct params {
	ir_ref *ref;         /* lanes */
	double *v;           /* constants */
	int n, cap;
	int constant;
	ir_ref err;
};

/* A parameter as a number; a name among the pairs of an Alt form is its code. */
static struct lval
alt_number(struct lower *L, const struct risk_call *r, struct lval v)
{
	struct value t;
	double code;

	if (r->alt && lower_is_const(L, v, &t) && t.kind == V_TEXT && (code = alt_code(r->dist, t.u.text->s)) != 0)
		return lower_number(ir_const(L->ir, code), IR_NONE);
	return lower_num(L, v);
}

static void
grow_params(struct lower *L, struct params *p)
{
	int cap = p->cap ? 2 * p->cap : 16;
	double *v = arena_alloc(&L->arena, (size_t)cap * sizeof *v);
	ir_ref *ref = arena_alloc(&L->arena, (size_t)cap * sizeof *ref);

	if (p->n) {
		memcpy(v, p->v, (size_t)p->n * sizeof *v);
		memcpy(ref, p->ref, (size_t)p->n * sizeof *ref);
	}
	p->v = v;
	p->ref = ref;
	p->cap = cap;
}

/* Parameters in order, lists flattened. 0 or -1 (not in lanes). */
static int
lower_params(struct lower *L, const struct lower_ctx *c, const struct risk_call *r, struct params *p)
{
	*p = (struct params){.constant = 1, .err = IR_NONE};
	for (int i = 0; i < r->nparams; i++) {
		struct lval v = lower_node(L, c, r->param[i]);
		struct lmat *m, one;

		if (v.kind == LV_UNSUPPORTED)
			return -1;
		if (v.kind == LV_ARRAY || (v.kind == LV_REF && dist_info[r->dist].max < 0)) {
			m = lower_matrix(L, c, v);
		} else {
			v = v.kind == LV_MISSING ? lower_number(ir_const(L->ir, 0), IR_NONE) : lower_scalar(L, c, v);
			if (v.kind != LV_SCALAR)
				return -1;
			one = (struct lmat){1, 1, &v};
			m = &one;
		}
		if (!m)
			return -1;
		for (int64_t k = 0; k < (int64_t)m->rows * m->cols; k++) {
			struct lval x;

			if (m->v[k].mask == LM_BLANK && m->rows * m->cols > 1)
				continue;
			x = alt_number(L, r, m->v[k]);
			if (x.kind != LV_SCALAR || p->n == RISK_PARAMS_MAX)
				return -1;
			p->err = lower_err(L, p->err, x.err);
			if (p->n == p->cap)
				grow_params(L, p);
			if (!ir_is_const(L->ir, x.num, &p->v[p->n]))
				p->constant = 0;
			p->ref[p->n++] = x.num;
		}
	}
	if (p->err != IR_NONE)
		p->constant = 0;
	return 0;
}

/* A parameter that breaks a rule is an error before the first trial: cell and rule. */
static void
set_bad(struct lower *L, const struct lower_ctx *c, const char *what, const char *text)
{
	char cell[600];

	if (L->bad.status)
		return;
	a1_format_full(L->m->wb, c->sheet, c->row, c->col, cell, sizeof cell);
	err_set(&L->bad, ERR_DATA, "cell %s: %s: %s", cell, text ? text : "distribution", what);
}

/* Operation on guard, x and the parameters. */
static ir_ref
dist_op(struct lower *L, enum ir_op op, const struct risk_call *r, const struct params *p, ir_ref guard, ir_ref x, int what)
{
	ir_ref *ops = arena_alloc(&L->arena, (size_t)(p->n + 2) * sizeof *ops);

	ops[0] = guard;
	ops[1] = x;
	memcpy(ops + 2, p->ref, (size_t)p->n * sizeof *ops);
	return ir_nary(L->ir, op, ops, (size_t)p->n + 2, ir_add_distcall(L->ir, r->dist, p->n, what));
}

/* A truncation: probabilities of its bounds, and all errors up to them. */
struct bounds {
	ir_ref a, b, err;
	ir_ref lo, hi; /* to keep the draw between, as risk_clamp() has it; IR_NONE: open */
};

/* One percentile. -1: not in lanes. */
static int
percentile(struct lower *L, const struct lower_ctx *c, const struct node *n, ir_ref *out, ir_ref *err)
{
	struct lval v = lower_num(L, lower_scalar_arg(L, c, n));

	if (v.kind != LV_SCALAR)
		return -1;
	*out = v.num;
	*err = lower_err(L, *err, v.err);
	return 0;
}

/* Constant pairs of an Alt form become parameters. NULL, or the rule that is broken. */
static const char *
solve_alt(struct lower *L, struct risk_call *r, struct params *p, double *loc)
{
	double solved[8];
	const char *rule = alt_solve(&r->dist, p->v, p->n, solved, &p->n, loc);

	for (int i = 0; !rule && i < p->n; i++) {
		p->v[i] = solved[i];
		p->ref[i] = ir_const(L->ir, solved[i]);
	}
	return rule;
}

/* One bound of the values: its probability. loc: what an Alt form adds to the draw. */
static int
bound(struct lower *L, const struct lower_ctx *c, const struct risk_call *r, const struct params *p, const struct node *n, ir_ref shift, double loc,
      int what, ir_ref *out, ir_ref *clamp, ir_ref *err)
{
	struct lval v = lower_num(L, lower_scalar_arg(L, c, n));
	double x;

	if (v.kind != LV_SCALAR)
		return -1;
	if (r->shift_first && shift != IR_NONE)
		v.num = ir_op2(L->ir, IR_SUB, v.num, shift);
	if (loc != 0)
		v.num = ir_op2(L->ir, IR_SUB, v.num, ir_const(L->ir, loc));
	*err = lower_err(L, *err, v.err);
	if (p->constant && ir_is_const(L->ir, v.num, &x)) {
		*out = ir_const(L->ir, what == IR_DIST_BELOW ? risk_below(r->dist, p->v, p->n, x) : risk_upto(r->dist, p->v, p->n, x));
	} else {
		*out = dist_op(L, IR_DISTPROB, r, p, *err, v.num, what);
		ir_set_range(L->ir, *out, 0, 1);
	}
	*clamp = v.num;
	if (r->dist == DIST_ID_DISCRETE || r->dist == DIST_ID_DUNIFORM)
		*clamp = IR_NONE;
	else if (dist_info[r->dist].form == DIST_DISCRETE)
		*clamp = ir_op1(L->ir, what == IR_DIST_BELOW ? IR_CEIL : IR_FLOOR, v.num);
	return 0;
}

/* Percentiles first, then bounds, which win: the order of fn_random.c, so that the first error is the same. */
static int
truncation(struct lower *L, const struct lower_ctx *c, const struct risk_call *r, const struct params *p, ir_ref shift, double loc,
           struct bounds *t)
{
	struct ir *ir = L->ir;

	t->a = ir_const(ir, 0);
	t->b = ir_const(ir, 1);
	if (!p->constant)
		t->err = lower_err(L, t->err, ir_result(ir, IR_RES2, dist_op(L, IR_DISTPROB, r, p, t->err, t->a, IR_DIST_CHECK)));
	if ((r->plo && percentile(L, c, r->plo, &t->a, &t->err) < 0) || (r->phi && percentile(L, c, r->phi, &t->b, &t->err) < 0) ||
	    (r->lo && bound(L, c, r, p, r->lo, shift, loc, IR_DIST_BELOW, &t->a, &t->lo, &t->err) < 0) ||
	    (r->hi && bound(L, c, r, p, r->hi, shift, loc, IR_DIST_UPTO, &t->b, &t->hi, &t->err) < 0))
		return -1;
	return 0;
}

/* The uniform of a truncated draw; harmless where there is an error. */
static ir_ref
truncated(struct lower *L, ir_ref u, struct bounds *t)
{
	struct ir *ir = L->ir;
	ir_ref good = ir_op2(ir, IR_AND, ir_op2(ir, IR_XLE, ir_const(ir, RISK_MASS_MIN), ir_op2(ir, IR_SUB, t->b, t->a)),
	                     ir_op2(ir, IR_AND, ir_op2(ir, IR_XLE, ir_const(ir, 0), t->a), ir_op2(ir, IR_XLE, t->b, ir_const(ir, 1))));

	t->err = lower_err(L, t->err, ir_op3(ir, IR_SEL, good, ir_const(ir, 0), ir_const(ir, XE_NUM)));
	u = ir_op2(ir, IR_ADD, t->a, ir_op2(ir, IR_MUL, u, ir_op2(ir, IR_SUB, t->b, t->a)));
	u = ir_op2(ir, IR_MAX, u, ir_const(ir, RISK_U_MIN));
	u = ir_op2(ir, IR_MIN, u, ir_const(ir, RISK_U_MAX));
	if (t->err != IR_NONE)
		u = ir_op3(ir, IR_SEL, t->err, ir_const(ir, 0.5), u);
	ir_set_range(ir, u, ir_lo(ir, u) > RISK_U_MIN ? ir_lo(ir, u) : RISK_U_MIN, ir_hi(ir, u) < RISK_U_MAX ? ir_hi(ir, u) : RISK_U_MAX);
	return u;
}

/* The value at a uniform; constant parameters. */
static ir_ref
sampled(struct lower *L, const struct sampler *sm, ir_ref u)
{
	struct ir *ir = L->ir;
	double lo = sampler_eval(sm, ir_lo(ir, u) > RISK_U_MIN ? ir_lo(ir, u) : RISK_U_MIN);
	double hi = sampler_eval(sm, ir_hi(ir, u) < RISK_U_MAX ? ir_hi(ir, u) : RISK_U_MAX);

	lo -= fabs(lo) * 1e-9 + 1e-300;
	hi += fabs(hi) * 1e-9 + 1e-300;
	if (!isfinite(lo) || !isfinite(hi) || lo > hi) {
		lo = -INFINITY;
		hi = INFINITY;
	}
	if (sm->whole) {
		lo = ceil(lo);
		hi = floor(hi);
	}
	return ir_tabled(ir, sm->kind == SAMPLER_TABLE ? IR_INVTAB : IR_SAMPLE, u,
	                 sm->kind == SAMPLER_TABLE ? ir_add_table(ir, sm->tab->v, sm->tab->n, (void *)(uintptr_t)sm)
	                                           : ir_add_table(ir, sm->params, (size_t)sm->nparams, (void *)(uintptr_t)sm),
	                 lo, hi, sm->whole);
}

static void
label_draw(struct lower *L, const struct lower_ctx *c, const struct risk_call *r, struct lower_draw *d)
{
	struct value v;

	if (!r->name || d->label)
		return;
	if (lower_is_const(L, lower_scalar_arg(L, c, r->name), &v) && v.kind == V_TEXT)
		d->label = arena_strdup(&L->arena, v.u.text->s);
}

static struct lval
lower_dist(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct ir *ir = L->ir;
	struct risk_call r;
	const char *why = risk_parse(L->m, n, &r), *rule;
	struct lower_draw *d;
	struct params p;
	double a, b, loc = 0;
	struct lval s = {.num = IR_NONE, .err = IR_NONE};
	struct bounds t = {IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE};
	ir_ref u, v, err;

	if (why) {
		set_bad(L, c, why, n->u.call.name);
		return lower_error(L, XE_VALUE);
	}
	if (lower_params(L, c, &r, &p) < 0)
		return lower_unsupported(L, "distribution with parameters that have no lanes");
	if (r.shift) {
		s = lower_num(L, lower_scalar_arg(L, c, r.shift));
		if (s.kind != LV_SCALAR)
			return s;
	}
	d = new_draw(L, c, n, 0);
	label_draw(L, c, &r, d);
	d->dist = r.dist;
	if (r.alt && !p.constant)
		return lower_unsupported(L, "distribution by random percentiles");
	rule = r.alt ? solve_alt(L, &r, &p, &loc) : NULL;
	d->dist = r.dist;
	if (p.constant && (rule || (rule = dist_check(r.dist, p.v, p.n)))) {
		set_bad(L, c, rule, d->text);
		return lower_error(L, XE_NUM);
	}
	u = d->u;
	err = lower_err(L, p.err, s.err);
	if (r.lo || r.hi || r.plo || r.phi) {
		t.err = err;
		if (truncation(L, c, &r, &p, s.num, loc, &t) < 0)
			return lower_unsupported(L, "truncation at bounds that have no lanes");
		if (ir_is_const(ir, t.a, &a) && ir_is_const(ir, t.b, &b) && !(b - a >= RISK_MASS_MIN && a >= 0 && b <= 1)) {
			set_bad(L, c, b > a ? "the truncation leaves less than a billionth" : "the truncation leaves nothing", d->text);
			return lower_error(L, XE_NUM);
		}
		u = truncated(L, u, &t);
		err = t.err;
	}
	if (p.constant) {
		const struct sampler *sm = sampler_get(L->samplers, r.dist, p.v, p.n, &L->bad);

		if (!sm)
			return lower_error(L, XE_NUM);
		d->sampler = sm;
		sampler_bind(L->samplers, d->stream, sm);
		v = sampled(L, sm, u);
		err = lower_err(L, err, ir_finchk(ir, v));
	} else {
		v = dist_op(L, IR_DISTCALL, &r, &p, err, u, 0);
		ir_set_range(ir, v, -DBL_MAX, DBL_MAX);
		err = lower_err(L, err, ir_result(ir, IR_RES2, v));
	}
	if (t.lo != IR_NONE)
		v = ir_op2(ir, IR_MAX, v, t.lo);
	if (t.hi != IR_NONE)
		v = ir_op2(ir, IR_MIN, v, t.hi);
	if (loc != 0) {
		v = ir_op2(ir, IR_ADD, v, ir_const(ir, loc));
		err = lower_err(L, err, ir_finchk(ir, v));
	}
	if (r.shift) {
		v = ir_op2(ir, IR_ADD, v, s.num);
		err = lower_err(L, err, ir_finchk(ir, v));
	}
	d->x = v;
	return lower_number(v, err);
}

struct lval
lower_random(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	const struct func *f = n->u.call.fn;
	struct lower_draw *d;
	struct lval lo, hi, r;

	if (f->flags & FN_DIST)
		return lower_dist(L, c, n);
	if (!strcmp(f->name, "RAND")) {
		d = new_draw(L, c, n, 0);
		d->x = d->u;
		return lower_number(d->u, IR_NONE);
	}
	if (!strcmp(f->name, "RANDBETWEEN")) {
		lo = lower_num(L, lower_scalar_arg(L, c, n->args[0]));
		if (lo.kind != LV_SCALAR)
			return lo;
		hi = lower_num(L, lower_scalar_arg(L, c, n->args[1]));
		if (hi.kind != LV_SCALAR)
			return hi;
		d = new_draw(L, c, n, 0);
		r = rand_between(L, d->u, lo, hi);
		d->x = r.num;
		return r;
	}
	if (!strcmp(f->name, "RANDARRAY"))
		return rand_array(L, c, n);
	return lower_unsupported(L, f->name);
}
