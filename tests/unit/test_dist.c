/* Distributions against mpmath (tests/golden/make_dist.py), and what must hold by itself. */
#include "tap.h"

#include <stdlib.h>

#include "engine/isa/kern_isa.h"
#include "kernels/dist.h"
#include "kernels/distlane.h"
#include "kernels/philox.h"

struct set {
	char name[32];
	int id, n;
	double p[16], mean, sd;
	double worst[5]; /* pdf, cdf, sf, inverse, moments */
	double where[5];
	int count;
};

static const char *const what[] = { "density", "cdf", "upper tail", "inverse", "mean and sd" };

/* Relative error, but no less than `floor` of a scale. */
static double
error(double got, double want, double scale)
{
	if ((isnan(got) && isnan(want)) || got == want)
		return 0;
	scale = fabs(want) > scale ? fabs(want) : scale;
	got = fabs(got - want) / scale;
	return isnan(got) ? INFINITY : got;
}

static void
note(struct set *s, int i, double e, double at)
{
	if (e > s->worst[i]) {
		s->worst[i] = e;
		s->where[i] = at;
	}
}

static void
report(const struct set *s)
{
	/* relative, in the tails too */
	static const double allowed[] = { 2e-13, 2e-13, 2e-13, 2e-13, 2e-13 };

	if (!s->count)
		return;
	for (int i = 0; i < 5; i++)
		ok(s->worst[i] <= allowed[i], "%s(%g, %g …) %s within %.0e: %.1e at %g", s->name, s->p[0], s->p[1],
		   what[i], allowed[i], s->worst[i], s->where[i]);
}

static void
golden(void)
{
	FILE *f = fopen("tests/golden/dist.txt", "r");
	char line[1024];
	struct set s = { .count = 0 };
	int seen[DIST_COUNT] = { 0 };

	if (!ok(f != NULL, "tests/golden/dist.txt opens"))
		return;
	while (fgets(line, sizeof line, f)) {
		char *tok = strtok(line, " \n");
		double a[20], q;
		int k = 0;

		if (*tok == 'P') {
			report(&s);
			memset(&s, 0, sizeof s);
			snprintf(s.name, sizeof s.name, "%s", strtok(NULL, " "));
			s.id = dist_find(s.name, strlen(s.name));
			if (!ok(s.id >= 0, "%s is known", s.name))
				break;
			seen[s.id] = 1;
		}
		while (k < 20 && (tok = strtok(NULL, " \n")))
			a[k++] = strtod(tok, NULL);
		switch (*line) {
		case 'P':
			s.n = (int)a[0];
			memcpy(s.p, a + 1, (size_t)s.n * sizeof *a);
			s.count = 1;
			ok(dist_check(s.id, s.p, s.n) == NULL, "%s: parameters accepted", s.name);
			s.mean = a[s.n + 1];
			s.sd = a[s.n + 2];
			note(&s, 4, error(dist_mean(s.id, s.p, s.n), s.mean, isfinite(s.sd) ? s.sd : 0), 0);
			note(&s, 4, error(dist_sd(s.id, s.p, s.n), s.sd, 0), 1);
			break;
		case 'X': {
			double cdf = dist_cdf(s.id, s.p, s.n, a[0], &q);

			/* x is rounded: where the tails are steep the figures can agree no better than that */
			double slope = isfinite(a[1]) && dist_info[s.id].form != DIST_DISCRETE ? fabs(a[0]) * a[1] * 0x1p-52 : 0;

			note(&s, 0, error(dist_pdf(s.id, s.p, s.n, a[0]), a[1], 0), a[0]);
			if (dist_info[s.id].form == DIST_PIECES)
				slope = 1e-12; /* their tails are differences */
			note(&s, 1, error(cdf, a[2], slope * 1e12), a[0]);
			note(&s, 2, error(q, a[3], slope * 1e12), a[0]);
			break;
		}
		case 'U':
			note(&s, 3, error(dist_inverse(s.id, s.p, s.n, a[0]), a[1],
			                  dist_info[s.id].form == DIST_DISCRETE ? 0 : isfinite(s.sd) ? s.sd * 1e-2 : 1e-2), a[0]);
			break;
		}
	}
	report(&s);
	fclose(f);
	for (int id = 0; id < DIST_COUNT; id++)
		if (id != DIST_ID_TRIGEN && id != DIST_ID_BETASUBJ && id != DIST_ID_DISCRETE && id != DIST_ID_DUNIFORM)
			ok(seen[id], "%s is in the golden file", dist_info[id].name);
}

static void
facts(void)
{
	static const double pert[] = { 10, 20, 50 }, lognorm[] = { 10, 5 }, trigen[] = { 10, 20, 50, 10, 90 };
	static const double subj[] = { 0, 3, 4, 10 }, disc[] = { 3, 1, 2, 0.2, 0.3, 0.5 }, dun[] = { 3, 1, 2, 9 };
	double t[4], q;
	int n = 3;

	is_double(dist_mean(DIST_ID_PERT, pert, 3), 23.3333333333333333, 1e-14, "mean of pert(10, 20, 50)");
	is_double(dist_sd(DIST_ID_PERT, pert, 3), 7.126966451, 1e-9, "its deviation");
	is_double(dist_mean(DIST_ID_TRIANG, pert, 3), 26.6666666666666667, 1e-14, "mean of triang(10, 20, 50)");
	is_double(dist_sd(DIST_ID_TRIANG, pert, 3), 8.498365856, 1e-9, "its deviation");
	is_double(dist_inverse(DIST_ID_LOGNORM, lognorm, 2, 0.95), 19.453178, 1e-7, "P95 of lognorm(10, 5)");
	is_double(dist_cdf(DIST_ID_TRIGEN, trigen, 5, 10, &q), 0.1, 1e-14, "trigen: low is its percentile");
	is_double(dist_cdf(DIST_ID_TRIGEN, trigen, 5, 50, &q), 0.9, 1e-14, "trigen: high is its percentile");
	is_double(dist_canon(DIST_ID_TRIGEN, trigen, &n, t), DIST_ID_TRIANG, 0, "trigen is a triangle");
	is_double(t[1], 20, 0, "with the same mode");
	is_double(dist_mean(DIST_ID_BETASUBJ, subj, 4), 4, 0, "betasubj has the mean it was given");
	n = 4;
	is_double(dist_canon(DIST_ID_BETASUBJ, subj, &n, t), DIST_ID_BETAGENERAL, 0, "betasubj is a beta");
	is_double(t[2] + (t[3] - t[2]) * t[0] / (t[0] + t[1]), 4, 1e-14, "of that mean");
	is_double(t[2] + (t[3] - t[2]) * (t[0] - 1) / (t[0] + t[1] - 2), 3, 1e-14, "and that mode");
	is_double(dist_inverse(DIST_ID_DISCRETE, disc, 6, 0.3), 1, 0, "discrete: cdf(1) = 0.3");
	is_double(dist_inverse(DIST_ID_DISCRETE, disc, 6, 0.31), 2, 0, "discrete: next value");
	is_double(dist_inverse(DIST_ID_DISCRETE, disc, 6, 0.81), 3, 0, "discrete: unsorted values in order");
	is_double(dist_mean(DIST_ID_DISCRETE, disc, 6), 1.9, 1e-15, "discrete: mean");
	is_double(dist_sd(DIST_ID_DISCRETE, disc, 6), 0.7, 1e-15, "discrete: deviation");
	is_double(dist_inverse(DIST_ID_DUNIFORM, dun, 4, 0.5), 2, 0, "duniform: cdf(2) = 0.5");
	is_double(dist_inverse(DIST_ID_DUNIFORM, dun, 4, 0.51), 3, 0, "duniform: next value");
	is_double(dist_mean(DIST_ID_DUNIFORM, dun, 4), 3.75, 0, "duniform: mean");
}

/* A wrong parameter is refused, with the rule. */
static void
rules(void)
{
	static const struct {
		int id, n;
		double p[8];
		const char *rule;
	} bad[] = {
		{ DIST_ID_NORMAL, 2, { 0, -1 }, "sd must be >= 0" },
		{ DIST_ID_NORMAL, 2, { NAN, 1 }, "parameters must be numbers" },
		{ DIST_ID_NORMAL, 2, { INFINITY, 1 }, "parameters must be numbers" },
		{ DIST_ID_NORMAL, 1, { 0 }, "wrong number of parameters" },
		{ DIST_ID_UNIFORM, 2, { 2, 1 }, "min must be <= max" },
		{ DIST_ID_TRIANG, 3, { 1, 0, 2 }, "min must be <= mode" },
		{ DIST_ID_PERT, 3, { 1, 3, 2 }, "mode must be <= max" },
		{ DIST_ID_TRIGEN, 5, { 1, 2, 3, 90, 10 }, "low% must be < high%" },
		{ DIST_ID_BETA, 2, { 0, 1 }, "a1 must be > 0" },
		{ DIST_ID_LOGNORM, 2, { 0, 1 }, "mean must be > 0" },
		{ DIST_ID_ERLANG, 2, { 1.5, 1 }, "m must be a whole number >= 1" },
		{ DIST_ID_BINOMIAL, 2, { 10, 1.1 }, "p must be between 0 and 1" },
		{ DIST_ID_BINOMIAL, 2, { 10.5, 0.1 }, "n must be a whole number >= 0" },
		{ DIST_ID_GEOMET, 1, { 0 }, "p must be > 0 and <= 1" },
		{ DIST_ID_HYPERGEO, 3, { 11, 3, 10 }, "n must be a whole number between 0 and M" },
		{ DIST_ID_CUMUL, 5, { 0, 1, 0.5, 0.2, 0.3 }, "lists x and p must have the same length" },
		{ DIST_ID_CUMUL, 6, { 0, 1, 0.5, 0.4, 0.2, 0.3 }, "x must ascend" },
		{ DIST_ID_CUMUL, 6, { 0, 1, 0.4, 0.5, 0.4, 0.3 }, "p must ascend" },
		{ DIST_ID_CUMULD, 6, { 0, 1, 0.4, 0.5, 0.3, 0.4 }, "p must descend" },
		{ DIST_ID_DISCRETE, 4, { 0, 1, 0, 0 }, "one p at least must be > 0" },
		{ DIST_ID_INTUNIFORM, 2, { 0.5, 3 }, "min must be a whole number" },
		{ DIST_ID_TRIGEN, 5, { 1, 1, 1, 10, 90 }, "low must be < high" },
		{ DIST_ID_TRIGEN, 5, { 1, 2, 3, -1, 90 }, "percentages must be between 0 and 100" },
		{ DIST_ID_BETAGENERAL, 4, { 1, 1, 2, 1 }, "min must be <= max" },
		{ DIST_ID_BETASUBJ, 4, { 0, 3, 1, 10 }, "mean must lie between mode and the middle of min and max" },
		{ DIST_ID_BETASUBJ, 4, { 0, 10, 5, 10 }, "mode must lie between min and max" },
		{ DIST_ID_LOGNORM2, 2, { 0, -1 }, "sigma must be >= 0" },
		{ DIST_ID_GAMMA, 2, { 0, 1 }, "shape must be > 0" },
		{ DIST_ID_GAMMA, 2, { 1, 0 }, "scale must be > 0" },
		{ DIST_ID_ERLANG, 2, { 2, 0 }, "scale must be > 0" },
		{ DIST_ID_EXPON, 1, { 0 }, "mean must be > 0" },
		{ DIST_ID_WEIBULL, 2, { 1, 0 }, "scale must be > 0" },
		{ DIST_ID_LOGISTIC, 2, { 1, 0 }, "beta must be > 0" },
		{ DIST_ID_LOGLOGISTIC, 3, { 0, 1, 0 }, "alpha must be > 0" },
		{ DIST_ID_EXTVALUE, 2, { 0, 0 }, "b must be > 0" },
		{ DIST_ID_EXTVALUEMIN, 2, { 0, 0 }, "b must be > 0" },
		{ DIST_ID_PARETO, 2, { 0, 1 }, "theta must be > 0" },
		{ DIST_ID_PARETO, 2, { 1, 0 }, "a must be > 0" },
		{ DIST_ID_PARETO2, 2, { 1, 0 }, "q must be > 0" },
		{ DIST_ID_STUDENT, 1, { 0 }, "nu must be > 0" },
		{ DIST_ID_CHISQ, 1, { -1 }, "nu must be > 0" },
		{ DIST_ID_F, 2, { 1, 0 }, "nu2 must be > 0" },
		{ DIST_ID_INVGAUSS, 2, { 1, 0 }, "lambda must be > 0" },
		{ DIST_ID_LAPLACE, 2, { 1, 0 }, "sigma must be > 0" },
		{ DIST_ID_CAUCHY, 2, { 1, 0 }, "beta must be > 0" },
		{ DIST_ID_RAYLEIGH, 1, { 0 }, "b must be > 0" },
		{ DIST_ID_LEVY, 2, { 1, 0 }, "c must be > 0" },
		{ DIST_ID_GENERAL, 4, { 0, 1, 0.5, 0 }, "one p at least must be > 0" },
		{ DIST_ID_GENERAL, 4, { 0, 1, 1.5, 1 }, "x must lie between min and max" },
		{ DIST_ID_HISTOGRM, 4, { 0, 1, -1, 2 }, "p must be >= 0" },
		{ DIST_ID_HISTOGRM, 3, { 1, 1, 1 }, "min must be < max" },
		{ DIST_ID_BERNOULLI, 1, { -0.1 }, "p must be between 0 and 1" },
		{ DIST_ID_POISSON, 1, { -1 }, "lambda must be >= 0" },
		{ DIST_ID_NEGBIN, 2, { 0, 0.5 }, "s must be > 0" },
		{ DIST_ID_NEGBIN, 2, { 2, 0 }, "p must be > 0 and <= 1" },
		{ DIST_ID_HYPERGEO, 3, { 1, 11, 10 }, "D must be a whole number between 0 and M" },
		{ DIST_COUNT, 1, { 0 }, "unknown distribution" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		is_text(dist_check(bad[i].id, bad[i].p, bad[i].n), bad[i].rule, "refused");
		ok(isnan(dist_inverse(bad[i].id, bad[i].p, bad[i].n, 0.5)), "and not drawn");
	}
}

static void
names(void)
{
	is_double(dist_find("RiskNormal", 10), DIST_ID_NORMAL, 0, "RiskNormal");
	is_double(dist_find("RISKTRIANG", 10), DIST_ID_TRIANG, 0, "RISKTRIANG");
	is_double(dist_find("Lognormal2", 10), DIST_ID_LOGNORM2, 0, "an alias, any case");
	is_double(dist_find("t", 1), DIST_ID_STUDENT, 0, "the second alias of a row");
	is_double(dist_find("triangles", 9), -1, 0, "a longer word is not found");
	is_double(dist_find("risk", 4), -1, 0, "nor is Risk alone");
	for (int a = 0; a < DIST_COUNT; a++)
		ok(dist_find(dist_info[a].name, strlen(dist_info[a].name)) == a, "%s finds its row", dist_info[a].name);
}

/* The worksheet functions' own forms, against the rows and each other's tails. */
static void
by_themselves(void)
{
	is_double(dist_t_inv(0.975, 10), 2.2281388519862744, 1e-15, "t.inv(0.975, 10)");
	is_double(dist_t_isf(0.025, 10), 2.2281388519862744, 1e-15, "t.inv.2t(0.05, 10)");
	is_double(dist_t_cdf(2.2281388519862744, 10), 0.975, 1e-15, "t.dist(…, 10)");
	/* nearly normal: z + (z^3 + z)/(4 nu) */
	is_double(dist_t_inv(0.975, 1e10), 1.9599639845400542 + 2.3722712e-10, 3e-16, "t.inv(0.975, 1e10)");
	is_double(dist_t_cdf(dist_t_inv(0.3, 1e10), 1e10), 0.3, 1e-15, "and back");
	is_double(dist_beta_cdf(0.5, 1e7, 1e7), 0.5, 1e-14, "beta of large parameters at its middle");
	ok(dist_t_inv(1 - 0x1p-53, 0.01) == INFINITY, "a quantile beyond all numbers is infinite");
	is_double(dist_chisq_isf(0.05, 7), 14.067140449340169, 1e-14, "chisq.inv.rt(0.05, 7)");
	is_double(dist_chisq_sf(14.067140449340169, 7), 0.05, 1e-15, "chisq.dist.rt");
	is_double(dist_f_isf(0.01, 6, 4), 15.206864861157, 1e-12, "f.inv.rt(0.01, 6, 4)");
	is_double(dist_f_sf(15.20686486, 6, 4), 0.01, 1e-10, "f.dist.rt(15.20686486, 6, 4)");
	is_double(dist_beta_cdf(0.5, 2, 3), 0.6875, 1e-15, "beta.dist(0.5, 2, 3)");
	is_double(dist_beta_inv(0.6875, 2, 3), 0.5, 1e-15, "beta.inv(0.6875, 2, 3)");
	is_double(dist_gamma_inv(0.5, 1, 1), 0.69314718055994531, 1e-15, "gamma.inv(0.5, 1, 1)");
	is_double(dist_binom_cdf(6, 10, 0.5), 0.828125, 1e-15, "binom.dist(6, 10, 0.5, TRUE)");
	is_double(dist_pois_cdf(2, 5), 0.12465201948308113, 1e-15, "poisson.dist(2, 5, TRUE)");
	is_double(dist_hyper_pdf(1, 4, 8, 20), 0.36326109391124872, 1e-15, "hypgeom.dist(1, 4, 8, 20, FALSE)");
	is_double(dist_negbin_pdf(10, 5, 0.25), 0.055048660375177860, 1e-15, "negbinom.dist(10, 5, 0.25, FALSE)");
	is_double(dist_norm_cdf(42, 40, 1.5), 0.90878878027413213, 1e-15, "norm.dist(42, 40, 1.5, TRUE)");
	is_double(dist_norm_isf(0.05, 0, 1), 1.6448536269514727, 1e-15, "norm.s.inv(0.95)");
	is_double(sf_gamma(5), 24, 0, "gamma(5)");
	is_double(sf_gamma(-3.75), 0.26786612886141657, 1e-15, "gamma(-3.75)");
	is_double(sf_lgamma(4.5), 2.4537365708424422, 1e-15, "gammaln(4.5)");
	is_double(sf_lgamma(1), 0, 0, "gammaln(1)");
	is_double(sf_lgamma(2), 0, 0, "gammaln(2)");
	ok(isnan(sf_gamma(-2)), "gamma has a pole at -2");
}

/* Parameters that differ from lane to lane: bits and verdicts of the scalar forms. */
static void
lanes(void)
{
	enum { N = 2048 };
	static double u[N], p[3 * N], y[N], bad[N];
	int rows = 0;

	ks_philox_fill(u, 3, 4, 0, N);
	for (int k = 0; k < 3; k++) {
		ks_philox_fill(p + k * N, 3, 5 + (uint64_t)k, 0, N);
		for (int i = 0; i < N; i++) {
			double *v = p + k * N + i;

			*v = (*v * 4 - 0.7) * (k + 1);
			if (i % 3 == 0)
				*v = ks_rint(*v);
			if (i % 97 == k)
				*v = i % 2 ? NAN : INFINITY;
			if (i % 5 == 0 && k)
				*v = ks_abs(p[(k - 1) * N + i]) + k; /* ascending, for the ones with bounds */
		}
	}
	for (int id = 0; id < DIST_COUNT; id++) {
		int np = dist_info[id].min;

		if (!dist_has_lanes(id))
			continue;
		rows++;
		for (int i = 0; kern_isa_at(i); i++) {
			int differ = 0, refused = 0;

			kern_isa_at(i)->dist(id, y, bad, u, p, np, N);
			for (int k = 0; k < N; k++) {
				double q[3] = { p[k], p[N + k], p[2 * N + k] };
				double want = dist_inverse(id, q, np, u[k]);

				refused += bad[k] != 0;
				differ += bad[k] != !isfinite(want) || (isfinite(want) && memcmp(&want, &y[k], sizeof want));
			}
			ok(!differ && refused > 10 && refused < N - 100, "%s: %s by lanes: %d differ, %d refused",
			   kern_isa_at(i)->name, dist_info[id].name, differ, refused);
		}
	}
	ok(rows == 20, "%d distributions have lane forms", rows);
}

int
main(void)
{
	lanes();
	golden();
	facts();
	rules();
	names();
	by_themselves();
	return done();
}
