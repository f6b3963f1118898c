/* Tables of inverse distributions: against the exact inverse, and the same bits on every instruction set. */
#include "tap.h"

#include <stdlib.h>

#include "engine/invtab.h"
#include "engine/isa/kern_isa.h"
#include "kernels/dist.h"
#include "kernels/invtab.h"
#include "kernels/philox.h"

enum { N = 4096 };

static const struct {
	int id, n;
	double p[8];
} sets[] = {
	{ DIST_ID_PERT, 3, { 10, 20, 50 } }, { DIST_ID_PERT, 3, { 0, 0, 1 } }, { DIST_ID_PERT, 3, { 1e6, 1e6 + 9, 1e6 + 10 } },
	{ DIST_ID_BETA, 2, { 0.5, 2.5 } }, { DIST_ID_BETA, 2, { 200, 300 } }, { DIST_ID_BETA, 2, { 0.3, 0.3 } },
	{ DIST_ID_BETAGENERAL, 4, { 2, 3, -1, 4 } }, { DIST_ID_BETASUBJ, 4, { 0, 3, 4, 10 } },
	{ DIST_ID_GAMMA, 2, { 0.3, 2 } }, { DIST_ID_GAMMA, 2, { 3, 2 } }, { DIST_ID_GAMMA, 2, { 1e4, 2 } },
	{ DIST_ID_ERLANG, 2, { 3, 2 } }, { DIST_ID_STUDENT, 1, { 5 } }, { DIST_ID_STUDENT, 1, { 2.5 } },
	{ DIST_ID_STUDENT, 1, { 1 } }, { DIST_ID_CHISQ, 1, { 4 } }, { DIST_ID_CHISQ, 1, { 1 } }, { DIST_ID_F, 2, { 5, 9 } },
	{ DIST_ID_INVGAUSS, 2, { 2, 3 } }, { DIST_ID_INVGAUSS, 2, { 1, 40 } },
	{ DIST_ID_CUMUL, 8, { 0, 10, 1, 4, 7, 0.1, 0.4, 0.9 } }, { DIST_ID_CUMUL, 8, { 0, 10, 1, 4, 7, 0.1, 0.1, 1 } },
	{ DIST_ID_CUMULD, 8, { 0, 10, 1, 4, 7, 0.9, 0.4, 0.1 } }, { DIST_ID_GENERAL, 8, { 0, 10, 1, 4, 7, 1, 4, 2 } },
	{ DIST_ID_GENERAL, 4, { 0, 1, 0.5, 1 } }, { DIST_ID_HISTOGRM, 6, { 0, 10, 1, 4, 0, 2 } },
	{ DIST_ID_DISCRETE, 6, { 3, 1, 2, 0.2, 0.3, 0.5 } }, { DIST_ID_DISCRETE, 8, { 3, 1, 3, 2, 1, 0, 2, 4 } },
	{ DIST_ID_DUNIFORM, 4, { 3, 1, 2, 9 } }, { DIST_ID_DUNIFORM, 1, { 3 } }, { DIST_ID_BINOMIAL, 2, { 20, 0.3 } },
	{ DIST_ID_BINOMIAL, 2, { 20000, 0.01 } }, { DIST_ID_BINOMIAL, 2, { 7, 1 } }, { DIST_ID_BERNOULLI, 1, { 0.3 } },
	{ DIST_ID_POISSON, 1, { 4 } }, { DIST_ID_POISSON, 1, { 0 } }, { DIST_ID_POISSON, 1, { 4000 } },
	{ DIST_ID_NEGBIN, 2, { 3, 0.2 } }, { DIST_ID_GEOMET, 1, { 0.3 } }, { DIST_ID_GEOMET, 1, { 1 } },
	{ DIST_ID_HYPERGEO, 3, { 10, 30, 100 } }, { DIST_ID_INTUNIFORM, 2, { -3, 9 } },
};

static double u[N], y[N];

static int
bits_differ(double a, double b)
{
	return memcmp(&a, &b, sizeof a) != 0;
}

static void
one(int id, int n, const double *p, uint64_t stream)
{
	struct err e = { 0, "" };
	struct invtab *t = invtab_dist(id, p, n, &e);
	const char *name = dist_info[id].name;
	int discrete = dist_info[id].form == DIST_DISCRETE, wrong = 0;
	double worst = 0, at = 0, sd = dist_sd(id, p, n), mid = dist_quantile(id, p, n, 0.5);

	if (!ok(t != NULL, "%s(%g, …): a table (%s)", name, p[0], e.msg))
		return;
	if (!isfinite(sd))
		sd = dist_quantile(id, p, n, 0.75) - dist_quantile(id, p, n, 0.25);
	ks_philox_fill(u, 1, stream, 0, N);
	for (int k = 0; k < 212; k++) { /* every binade of both tails, twice */
		double v = ldexp(0.5 + (k / 106 + 0.3) / 4 + 0x1p-52, -(k % 53));

		u[k] = k & 1 ? 1 - v : v;
		if (!(u[k] >= 0x1p-53))
			u[k] = 0x1p-53;
		if (!(u[k] <= 1 - 0x1p-53))
			u[k] = 1 - 0x1p-53;
	}
	for (int k = 0; k < N; k++) {
		double got = invtab_value(t, u[k]), want = dist_quantile(id, p, n, u[k]), d = fabs(got - want), scale;

		if (discrete) {
			/* the one before or after only where u is a rounding away from the step */
			double q, step = got < want ? got : want;

			wrong += d != 0 && fabs(dist_cdf(id, p, n, step, &q) - u[k]) > 4e-15;
		}
		wrong += got < t->lo || got > t->hi;
		scale = fabs(want - mid) > sd ? fabs(want - mid) : sd;
		scale += fabs(want) * 1e-2;
		if (!discrete && d > worst * scale) {
			worst = d / scale;
			at = u[k];
		}
	}
	if (discrete)
		ok(!wrong, "%s(%g, …): the exact values, within range (%d wrong)", name, p[0], wrong);
	else
		ok(!wrong && worst <= 1e-13, "%s(%g, …): within 1e-13 of the exact inverse: %.1e at u = %.17g, %d out of range",
		   name, p[0], worst, at, wrong);
	for (int i = 0; kern_isa_at(i); i++) {
		int bad = 0;

		kern_isa_at(i)->invtab(y, t->v, u, N);
		for (int k = 0; k < N; k++)
			bad += bits_differ(y[k], invtab_value(t, u[k]));
		ok(!bad, "%s(%g, …): %s gives the scalar bits (%d differ)", name, p[0], kern_isa_at(i)->name, bad);
	}
	invtab_free(t);
}

static double
kinked(double p, double q, const void *ctx)
{
	(void)ctx;
	return p < 0.3 ? p : 0.3 + 2 * (p - 0.3) + 0 * q;
}

int
main(void)
{
	struct err e = { 0, "" };
	double p[2] = { 1e12, 0.5 }, small[2] = { 0.025, 2 }, normal[2] = { 0, 1 };
	int bad = 0;

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		one(sets[i].id, sets[i].n, sets[i].p, i);

	ok(invtab_build(kinked, NULL, &e) == NULL && e.status == ERR_DATA, "a kink is noticed: %s", e.msg);
	ok(invtab_dist(DIST_ID_BINOMIAL, p, 2, &e) == NULL, "too many values: %s", e.msg);
	/* half the draws are below 1e-13, and not 0 */
	ok(invtab_dist(DIST_ID_GAMMA, small, 2, &e) == NULL, "small values would lose their size: %s", e.msg);
	ok(invtab_dist(DIST_ID_NORMAL, normal, 2, &e) == NULL, "closed forms: %s", e.msg);
	invtab_free(NULL);
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		for (int k = 1; k < 20; k++)
			bad += bits_differ(invtab_quantile(sets[i].id, sets[i].p, sets[i].n, k / 20.0),
			                   dist_quantile(sets[i].id, sets[i].p, sets[i].n, k / 20.0));
	ok(!bad, "the exact inverse has the same bits compiled for this machine (%d differ)", bad);
	return done();
}
