/* sampler: see sampler.h. */
#include "engine/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/invtab.h"
#include "formula/isa/func_isa.h"
#include "formula/risk.h"
#include "kernels/dist.h"

struct bound {
	uint64_t stream;
	const struct sampler *s; /* NULL: empty slot */
};

struct sampler_set {
	struct sampler **v;
	size_t n;
	struct bound *bound;     /* open hash by stream */
	size_t nbound, cap;
};

/* Distributions with a lane form: the cases of run_sample in isa/vm_ops.c. */
static int
has_closed_form(int dist)
{
	switch (dist) {
	case DIST_ID_UNIFORM: case DIST_ID_NORMAL: case DIST_ID_LOGNORM2: case DIST_ID_TRIANG: case DIST_ID_EXPON:
	case DIST_ID_WEIBULL: case DIST_ID_LOGISTIC: case DIST_ID_LOGLOGISTIC: case DIST_ID_EXTVALUE:
	case DIST_ID_EXTVALUEMIN: case DIST_ID_PARETO: case DIST_ID_PARETO2: case DIST_ID_LAPLACE: case DIST_ID_CAUCHY:
	case DIST_ID_RAYLEIGH: case DIST_ID_LEVY: case DIST_ID_GEOMET: case DIST_ID_BERNOULLI: case DIST_ID_INTUNIFORM:
		return 1;
	default:
		return 0;
	}
}

struct sampler_set *
sampler_set_new(void)
{
	return calloc(1, sizeof(struct sampler_set));
}

void
sampler_set_free(struct sampler_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		invtab_free(s->v[i]->tab);
		free(s->v[i]->params);
		free(s->v[i]->asked);
		free(s->v[i]);
	}
	free(s->v);
	free(s->bound);
	free(s);
}

static double *
copy(const double *p, int n)
{
	double *q = malloc((size_t)(n > 0 ? n : 1) * sizeof *q);

	if (!q)
		abort();
	if (n)
		memcpy(q, p, (size_t)n * sizeof *q);
	return q;
}

static int
is_whole(const struct sampler *s)
{
	if (dist_info[s->dist].form != DIST_DISCRETE)
		return 0;
	if (s->dist == DIST_ID_DISCRETE || s->dist == DIST_ID_DUNIFORM) {
		int n = s->dist == DIST_ID_DISCRETE ? s->nparams / 2 : s->nparams;

		for (int i = 0; i < n; i++)
			if (s->params[i] != floor(s->params[i]))
				return 0;
	}
	return 1;
}

const struct sampler *
sampler_get(struct sampler_set *set, int dist, const double *params, int n, struct err *e)
{
	const char *rule = dist_check(dist, params, n);
	double canon[4];
	struct sampler *s;
	int m = n;

	if (rule) {
		err_set(e, ERR_DATA, "%s: %s", dist_info[dist].name, rule);
		return NULL;
	}
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i]->asked_dist == dist && set->v[i]->asked_n == n &&
		    !memcmp(set->v[i]->asked, params, (size_t)n * sizeof *params))
			return set->v[i];
	s = calloc(1, sizeof *s);
	set->v = realloc(set->v, (set->n + 1) * sizeof *set->v);
	if (!s || !set->v)
		abort();
	set->v[set->n++] = s;
	s->asked_dist = dist;
	s->asked_n = n;
	s->asked = copy(params, n);
	s->dist = dist_canon(dist, params, &m, canon);
	s->nparams = s->dist == dist ? n : m;
	s->params = copy(s->dist == dist ? params : canon, s->nparams);
	s->whole = is_whole(s);
	if (has_closed_form(s->dist)) {
		s->kind = SAMPLER_CLOSED;
	} else {
		struct err ignored;

		s->tab = invtab_dist(s->dist, s->params, s->nparams, &ignored);
		s->kind = s->tab ? SAMPLER_TABLE : SAMPLER_EXACT;
	}
	if (s->tab) {
		s->lo = s->tab->lo;
		s->hi = s->tab->hi;
	} else {
		s->lo = sampler_eval(s, RISK_U_MIN);
		s->hi = sampler_eval(s, RISK_U_MAX);
		/* inverses increase, up to their last bits */
		s->lo -= fabs(s->lo) * 1e-9;
		s->hi += fabs(s->hi) * 1e-9;
	}
	return s;
}

double
sampler_eval(const struct sampler *s, double u)
{
	return s->kind == SAMPLER_TABLE ? invtab_value(s->tab, u)
	                                : func_isa(isa_best())->inverse(s->dist, s->params, s->nparams, u);
}

static struct bound *
slot_of(const struct sampler_set *s, uint64_t stream)
{
	size_t k = (size_t)stream & (s->cap - 1);

	while (s->bound[k].s && s->bound[k].stream != stream)
		k = (k + 1) & (s->cap - 1);
	return &s->bound[k];
}

void
sampler_bind(struct sampler_set *s, uint64_t stream, const struct sampler *sampler)
{
	struct bound *b;

	if (2 * (s->nbound + 1) > s->cap) {
		struct bound *old = s->bound;
		size_t n = s->cap;

		s->cap = n ? 2 * n : 64;
		s->bound = calloc(s->cap, sizeof *s->bound);
		if (!s->bound)
			abort();
		for (size_t i = 0; i < n; i++)
			if (old[i].s)
				*slot_of(s, old[i].stream) = old[i];
		free(old);
	}
	b = slot_of(s, stream);
	s->nbound += !b->s;
	*b = (struct bound){stream, sampler};
}

double
sampler_hook(void *ctx, const struct draw_site *site, int dist, const double *params, int n, double u)
{
	const struct sampler_hook_ctx *c = ctx;
	const struct sampler *s = c->set->cap ? slot_of(c->set, draw_stream(c->wb, site))->s : NULL;

	if (s && s->asked_dist == dist && s->asked_n == n && !memcmp(s->asked, params, (size_t)n * sizeof *params))
		return sampler_eval(s, u);
	return func_isa(isa_best())->inverse(dist, params, n, u);
}
