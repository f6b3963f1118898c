/*
 * Draws of every distribution against SciPy's distribution functions (tests/golden/draws.txt, made by make_draws.py).
 *
 * Each formula is put into a cell of the DCF example and simulated as sim-engine does it: spec, lowering, samplers,
 * vector machine, threads, statistics; the draws themselves are read from a second pass over the same trials. The seed is
 * fixed, so that the outcome is too. A set passes if
 *   - the distance of Kolmogorov and Smirnov at the golden points, and chi-square over the cells between them, stay below what is exceeded
 *     once in a million;
 *   - mean and deviation, as the statistics of the run give them, are within 5 standard errors;
 *   - the run's least, greatest and count are those of the draws.
 * Every distribution also has a formula with a wrong parameter (W): it must fail, or the test proves nothing.
 */
#include <stdlib.h>

#include "engine/sim.h"
#include "kernels/dist.h"
#include "tests/unit/tap.h"

#define N 200000
#define SEED 20261121 /* plus a number per run: other uniforms each time, yet always the same */
#define POINTS 80
#ifdef __SANITIZE_ADDRESS__
#define EVERY 24 /* sets: the sanitizers look for other things, and are ten times slower */
#else
#define EVERY 1
#endif
#define KS_LIMIT 2.694 /* sqrt(-ln(1e-6 / 2) / 2): once in a million, in units of 1/sqrt(n) */

struct set {
	double chi2, mean, sd, spread;
	double x[POINTS], f[POINTS];
	int n;
	char formula[600];
};

struct found {
	double distance, chi2, mean, sd, least, greatest;
	int64_t count;
	struct stats_moments m;
	const struct stats_column *col;
};

static int seen[DIST_COUNT], nsets;

/* All draws, lane by lane, and where they fall. */
static int
draw(const struct sim *s, const struct set *set, uint64_t seed, int64_t *cell, struct found *r, struct err *e)
{
	struct vm_run *run = vm_run_new(s->prog, seed, e);

	if (!run)
		return -1;
	r->least = INFINITY;
	r->greatest = -INFINITY;
	for (int64_t at = 0; at < N; at += VM_BLOCK) {
		size_t lanes = N - at < VM_BLOCK ? (size_t)(N - at) : VM_BLOCK;
		const double *x, *err;

		vm_block(run, at, 0, lanes);
		x = vm_root(run, 0);
		err = vm_root(run, 1);
		for (size_t k = 0; k < lanes; k++) {
			int lo = 0, hi = set->n;

			if ((err && err[k] != 0) || isnan(x[k]))
				continue;
			while (lo < hi) { /* the first point that is not below x */
				int mid = (lo + hi) / 2;

				if (set->x[mid] < x[k])
					lo = mid + 1;
				else
					hi = mid;
			}
			cell[lo]++;
			r->count++;
			r->least = fmin(r->least, x[k]);
			r->greatest = fmax(r->greatest, x[k]);
		}
	}
	vm_run_free(run);
	return 0;
}

static void
compare(const struct set *set, const int64_t *cell, struct found *r)
{
	double below = 0, from = 0, joined = 0;

	for (int i = 0; i <= set->n; i++) {
		double f = i < set->n ? set->f[i] : 1, expected = (f - from) * N;

		below += (double)cell[i];
		joined += (double)cell[i];
		if (i < set->n)
			r->distance = fmax(r->distance, fabs(below / N - f) * sqrt(N));
		if (expected >= 10) { /* cells with fewer are joined to the next; make_draws.py counts alike */
			r->chi2 += (joined - expected) * (joined - expected) / expected;
			joined = 0;
			from = f;
		}
	}
	/* the last cells, too few to count alone: none of them is far more than expected */
	if (joined > 60)
		r->chi2 = INFINITY;
}

static int
within(double got, double want, double error)
{
	return isnan(want) || isnan(error) || fabs(got - want) <= 5 * error;
}

/* Does what this formula gives look like the set? why: what was found. */
static int
passes(const struct set *set, const char *formula, char *why, size_t size)
{
	struct err e = {0};
	struct spec spec;
	struct sim s;
	struct sim_run_options o = {.seed = SEED + (uint64_t)tap_run, .last = N, .threads = 2, .samples_fd = -1};
	struct sim_result res = {0};
	struct found r = {0};
	int64_t cell[POINTS + 1] = {0};
	char input[700];
	double *sums;
	int pass = 0;

	spec_init(&spec);
	spec.model = "examples/dcf.xlsx";
	snprintf(input, sizeof input, "Inputs!K1 ~ %s", formula);
	snprintf(why, size, "%s", "failed to run");
	if (spec_add_input(&spec, input, "test", &e) < 0 || spec_add_target(&spec, "Inputs!K1", NULL, "test") < 0 ||
	    sim_open(&s, &spec, isa_best(), &e) < 0) {
		snprintf(why, size, "%s", e.msg);
		spec_free(&spec);
		return -1;
	}
	sums = NULL;
	if (sim_run(&s, &o, &res, &e) < 0 || !(sums = calloc(res.stats->nsums, sizeof *sums)) || stats_total(res.stats, sums) < 0 ||
	    draw(&s, set, o.seed, cell, &r, &e) < 0) {
		snprintf(why, size, "%s", e.msg);
		pass = -1;
	} else {
		double mean_error = set->sd / sqrt(N), sd_error = set->sd * set->spread / sqrt(N) + set->sd * 5 / N;

		stats_moments(res.stats, sums, 0, &r.m);
		r.col = &res.stats->col[0];
		compare(set, cell, &r);
		pass = r.count == N && r.m.n == N && r.col->min == r.least && r.col->max == r.greatest && r.distance < KS_LIMIT &&
		       r.chi2 <= set->chi2 && within(r.m.mean, set->mean, mean_error) && within(r.m.sd, set->sd, sd_error);
		snprintf(why, size, "distance %.2f, chi-square %.0f of %.0f, mean off by %.1f, deviation by %.1f standard errors, n %lld",
		         r.distance, r.chi2, set->chi2, set->sd > 0 ? (r.m.mean - set->mean) / mean_error : 0,
		         set->sd > 0 ? (r.m.sd - set->sd) / sd_error : 0, (long long)r.count);
	}
	free(sums);
	stats_free(res.stats);
	sim_close(&s);
	spec_free(&spec);
	return pass;
}

static void
check(const struct set *set, char kind, const char *formula)
{
	char why[sizeof ((struct err *)0)->msg + 1];
	int pass;

	if (nsets % EVERY)
		return;
	pass = passes(set, formula, why, sizeof why);

	if (kind == 'W')
		ok(pass == 0, "%s is not taken for %s: %s", formula, set->formula, why);
	else
		ok(pass == 1, "%s: %s", formula, why);
}

static void
take(struct set *set, const char *line)
{
	int at = 0;

	memset(set, 0, sizeof *set);
	if (sscanf(line, "S %lf %lf %lf %lf %n", &set->chi2, &set->mean, &set->sd, &set->spread, &at) < 4 || !at)
		ok(0, "a line of the golden file: %s", line);
	snprintf(set->formula, sizeof set->formula, "%s", line + at);
	at = dist_find(set->formula, strcspn(set->formula, "("));
	if (ok(at >= 0, "%s is known", set->formula))
		seen[at]++;
	nsets++;
}

int
main(void)
{
	static struct set set;
	static char line[1000];
	FILE *f = fopen("tests/golden/draws.txt", "r");
	int drawn = 1;

	if (!ok(f != NULL, "tests/golden/draws.txt opens"))
		return done();
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == 'Q') {
			if (set.n < POINTS && sscanf(line, "Q %lf %lf", &set.x[set.n], &set.f[set.n]) == 2)
				set.n++;
			else
				ok(0, "%s: points", set.formula);
			continue;
		}
		if (!drawn)
			check(&set, 'S', set.formula);
		drawn = 1;
		if (line[0] == 'S') {
			take(&set, line);
			drawn = 0;
		} else {
			check(&set, line[0], line + 2);
		}
	}
	if (!drawn)
		check(&set, 'S', set.formula);
	fclose(f);
	for (int id = 0; id < DIST_COUNT; id++)
		ok(seen[id] >= 2, "%s: %d sets", dist_info[id].name, seen[id]);
	return done();
}
