/* fn_random: RAND and its kin, and the distributions of @RISK with their properties. Rows: functions/random.def. */
#include <math.h>
#include <string.h>

#include "formula/alt.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "formula/risk.h"
#include "formula/isa/func_isa.h"
#include "kernels/dist.h"

void
fn_rand(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(args);
	UNUSED(nargs);
	*out = value_num(eval_uniform(ev, call, 0));
}

void
fn_randbetween(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double lo = ceil(args[0].u.num), hi = floor(args[1].u.num), u = eval_uniform(ev, call, 0);

	UNUSED(nargs);
	*out = lo > hi ? value_error(XE_NUM) : value_num(lo + floor(u * (hi - lo + 1)));
}

void
fn_randarray(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double rows = trunc(fn_number(args, nargs, 0, 1)), cols = trunc(fn_number(args, nargs, 1, 1));
	double lo = fn_number(args, nargs, 2, 0), hi = fn_number(args, nargs, 3, 1);
	int whole = nargs > 4 && args[4].kind == V_BOOL && args[4].boolean;
	struct array *a;

	if (rows < 1 || cols < 1 || lo > hi || rows * cols > 1e6 || (whole && (lo != floor(lo) || hi != floor(hi)))) {
		*out = value_error(XE_VALUE);
		return;
	}
	a = eval_new_array(ev, (int32_t)rows, (int32_t)cols);
	for (int32_t i = 0; i < a->rows * a->cols; i++) {
		double u = eval_uniform(ev, call, (uint32_t)i);

		a->v[i] = value_num(whole ? lo + floor(u * (hi - lo + 1)) : lo + u * (hi - lo));
	}
	*out = eval_array_value(a);
}

/* --- distributions ---------------------------------------------------------------------------------------------- */

int
risk_is_alt(const struct node *call)
{
	size_t len = strlen(call->u.call.name);

	return len > 7 && !strcmp(call->u.call.name + len - 3, "ALT");
}

const char *
risk_parse(const struct model *m, const struct node *call, struct risk_call *r)
{
	memset(r, 0, sizeof *r);
	r->dist = call->u.call.fn->dist;
	r->alt = risk_is_alt(call);
	if (m->xlrisk && r->dist == DIST_ID_LOGNORM)
		r->dist = DIST_ID_LOGNORM2;
	for (int i = 0; i < call->nargs; i++) {
		const struct node *a = call->args[i];
		const char *f = a->kind == N_CALL && a->u.call.fn ? a->u.call.fn->name : "";
		const struct node *one = a->kind == N_CALL && a->nargs > 0 ? a->args[0] : NULL;
		const struct node *two = a->kind == N_CALL && a->nargs > 1 ? a->args[1] : NULL;

		if (one && one->kind == N_MISSING)
			one = NULL;
		if (two && two->kind == N_MISSING)
			two = NULL;
		if (!strcmp(f, "RISKTRUNCATE") || !strcmp(f, "RISKTRUNCATE2")) {
			r->lo = one;
			r->hi = two;
			r->shift_first = f[strlen(f) - 1] == '2';
		} else if (!strcmp(f, "RISKTRUNCATEP") || !strcmp(f, "RISKTRUNCATEP2")) {
			r->plo = one;
			r->phi = two;
		} else if (!strcmp(f, "RISKSHIFT")) {
			r->shift = one;
		} else if (!strcmp(f, "RISKSTATIC")) {
			r->stat = one;
		} else if (!strcmp(f, "RISKNAME")) {
			r->name = one;
		} else if (a->kind == N_CALL && a->u.call.fn && a->u.call.fn->gen == fn_risk_property) {
			continue; /* RISKCORRMAT: formula/copula.h reads it */
		} else if (r->nparams == 16) {
			return "too many parameters";
		} else {
			r->param[r->nparams++] = a;
		}
	}
	return NULL;
}

/* Discrete distributions have probability at a point: a lower bound keeps it, so it is left out of what is below. */
double
risk_below(int dist, const double *p, int n, double x)
{
	const struct func_isa *isa = func_isa(isa_best());
	double q, c = isa->cdf(dist, p, n, x, &q);

	if (dist_info[dist].form == DIST_DISCRETE)
		c -= isa->pdf(dist, p, n, x);
	return c < 0 ? 0 : c;
}

double
risk_upto(int dist, const double *p, int n, double x)
{
	double q;

	return func_isa(isa_best())->cdf(dist, p, n, x, &q);
}

void
risk_clamp(int dist, double *lo, double *hi)
{
	if (dist == DIST_ID_DISCRETE || dist == DIST_ID_DUNIFORM) {
		*lo = -INFINITY;
		*hi = INFINITY;
	} else if (dist_info[dist].form == DIST_DISCRETE) {
		*lo = ceil(*lo);
		*hi = floor(*hi);
	}
}

/* Parameters as numbers, lists flattened in order. Error kind or 0. */
static int
parameters(struct eval *ev, const struct risk_call *r, double **out, int *n)
{
	size_t cap = 16, k = 0;
	double *p = arena_alloc(&ev->tmp, cap * sizeof *p);

	for (int i = 0; i < r->nparams; i++) {
		struct value v = eval_node(ev, r->param[i]);
		struct eval_walk w;
		struct value e;
		int several = v.kind == V_ARRAY || (v.kind == V_REF && dist_info[r->dist].max < 0 &&
		              (v.u.ref->area[0].row1 != v.u.ref->area[0].row2 || v.u.ref->area[0].col1 != v.u.ref->area[0].col2));

		if (!several)
			v = eval_to_scalar(ev, v);
		eval_walk_init(&w, v);
		if (v.kind == V_BLANK || v.kind == V_MISSING) {
			v = value_num(0);
			eval_walk_init(&w, v);
		}
		while (eval_walk_next(ev, &w, &e)) {
			double x = r->alt && e.kind == V_TEXT ? alt_code(r->dist, e.u.text->s) : 0;
			int err = x != 0 ? 0 : value_to_num(&e, ev->date1904, &x);

			if (err)
				return err;
			if (k == RISK_PARAMS_MAX)
				return XE_NUM;
			if (k == cap) {
				double *grown = arena_alloc(&ev->tmp, 2 * cap * sizeof *p);

				memcpy(grown, p, cap * sizeof *p);
				p = grown;
				cap *= 2;
			}
			p[k++] = x;
		}
	}
	*out = p;
	*n = (int)k;
	return 0;
}

static int
number_of(struct eval *ev, const struct node *n, double *out)
{
	struct value v = eval_scalar(ev, n);

	return value_to_num(&v, ev->date1904, out);
}

void
fn_risk_dist(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct risk_call r;
	const char *why = risk_parse(ev->m, call, &r);
	double *p, a = 0, b = 1, lo = -INFINITY, hi = INFINITY, x, loc = 0, shift = 0, u, solved[8];
	int n, k;

	UNUSED(args);
	UNUSED(nargs);
	ev->tainted = 1;
	k = why ? XE_VALUE : parameters(ev, &r, &p, &n);
	if (!k && r.shift)
		k = number_of(ev, r.shift, &shift);
	if (!k && r.alt) {
		k = alt_solve(&r.dist, p, n, solved, &n, &loc) ? XE_NUM : 0;
		p = solved;
	}
	if (!k && dist_check(r.dist, p, n))
		k = XE_NUM;
	if (!k && ev->trial < 0 && r.stat) {
		*out = eval_scalar(ev, r.stat);
		return;
	}
	if (!k && r.plo)
		k = number_of(ev, r.plo, &a);
	if (!k && r.phi)
		k = number_of(ev, r.phi, &b);
	if (!k && r.lo && !(k = number_of(ev, r.lo, &x)))
		a = risk_below(r.dist, p, n, lo = (r.shift_first ? x - shift : x) - loc);
	if (!k && r.hi && !(k = number_of(ev, r.hi, &x)))
		b = risk_upto(r.dist, p, n, hi = (r.shift_first ? x - shift : x) - loc);
	if (!k && !(b - a >= RISK_MASS_MIN && a >= 0 && b <= 1))
		k = XE_NUM;
	if (k) {
		*out = value_error(k);
		return;
	}
	if (ev->trial < 0 && a == 0 && b == 1) {
		x = dist_mean(r.dist, p, n);
		if (isfinite(x)) {
			*out = value_num(x + loc + shift);
			return;
		}
	}
	u = eval_uniform(ev, call, 0);
	if (r.lo || r.hi || r.plo || r.phi) {
		u = a + u * (b - a);
		u = u < RISK_U_MIN ? RISK_U_MIN : u > RISK_U_MAX ? RISK_U_MAX : u;
	}
	x = eval_draw(ev, call, 0, r.dist, p, n, u);
	if ((r.lo || r.hi) && isfinite(x)) {
		risk_clamp(r.dist, &lo, &hi);
		x = x < lo ? lo : x > hi ? hi : x;
	}
	if (loc != 0)
		x = x + loc;
	if (r.shift)
		x = x + shift;
	*out = isfinite(x) ? value_num(x) : value_error(XE_NUM);
}

void
fn_risk_property(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	UNUSED(args);
	UNUSED(nargs);
	*out = value_num(0);
}

void
fn_risk_statistic(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(ev);
	UNUSED(call);
	UNUSED(args);
	UNUSED(nargs);
	*out = value_error(XE_NA);
}
