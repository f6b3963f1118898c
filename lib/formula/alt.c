/* alt: see alt.h. */
#include "formula/alt.h"

#include <math.h>
#include <string.h>

#include "base/num.h"
#include "kernels/dist.h"
#include "kernels/math.h"

enum says { NOTHING, LOC, SCALE, SHAPE, END, MODE, MEAN, SD, LOGSCALE, RATE };
enum { CODE = -1000, GRID = 400, PAIRS = 4 };

/* Parameter letters: 0 1 themselves, s shape, l loc, c scale, e loc + scale, m loc + scale * shape, g log of scale, h scale * shape. */
static const struct family {
	int dist, solved;          /* row asked for; row that draws */
	const char *standard, *given;
	const char *names;         /* separated by commas */
	enum says says[PAIRS];
	double lo, hi;             /* of the shape; 0, 0: none. lo > 0: a logarithmic grid */
	enum { LOC_FREE, LOC_ADDED, LOC_NONE } loc; /* within the parameters; added to the draw, 0 unless said; always 0 */
} families[] = {
    {DIST_ID_NORMAL, DIST_ID_NORMAL, "01", "lc", "mu,sigma", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_UNIFORM, DIST_ID_UNIFORM, "01", "le", "min,max", {LOC, END}, 0, 0, LOC_FREE},
    {DIST_ID_LOGISTIC, DIST_ID_LOGISTIC, "01", "lc", "alpha,beta", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_EXTVALUE, DIST_ID_EXTVALUE, "01", "lc", "a,b", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_EXTVALUEMIN, DIST_ID_EXTVALUEMIN, "01", "lc", "a,b", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_LAPLACE, DIST_ID_LAPLACE, "01", "lc", "mu,sigma", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_CAUCHY, DIST_ID_CAUCHY, "01", "lc", "gamma,beta", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_LEVY, DIST_ID_LEVY, "01", "lc", "a,c", {LOC, SCALE}, 0, 0, LOC_FREE},
    {DIST_ID_TRIANG, DIST_ID_TRIANG, "0s1", "lme", "min,m. likely,max", {LOC, MODE, END}, 0, 1, LOC_FREE},
    {DIST_ID_PERT, DIST_ID_PERT, "0s1", "lme", "min,m. likely,max", {LOC, MODE, END}, 0, 1, LOC_FREE},
    {DIST_ID_LOGLOGISTIC, DIST_ID_LOGLOGISTIC, "01s", "lcs", "gamma,beta,alpha", {LOC, SCALE, SHAPE}, 0x1p-6, 0x1p10, LOC_FREE},
    {DIST_ID_EXPON, DIST_ID_EXPON, "1", "c", "beta,loc", {SCALE, LOC}, 0, 0, LOC_ADDED},
    {DIST_ID_RAYLEIGH, DIST_ID_RAYLEIGH, "1", "c", "b,loc", {SCALE, LOC}, 0, 0, LOC_ADDED},
    {DIST_ID_WEIBULL, DIST_ID_WEIBULL, "s1", "sc", "alpha,beta,loc", {SHAPE, SCALE, LOC}, 0x1p-5, 0x1p10, LOC_ADDED},
    {DIST_ID_GAMMA, DIST_ID_GAMMA, "s1", "sc", "alpha,beta,loc", {SHAPE, SCALE, LOC}, 0x1p-6, 0x1p20, LOC_ADDED},
    {DIST_ID_LOGNORM, DIST_ID_LOGNORM2, "0s", "gs", "mu,sigma,loc", {MEAN, SD, LOC}, 0x1p-20, 0x1p3, LOC_ADDED},
    {DIST_ID_LOGNORM2, DIST_ID_LOGNORM2, "0s", "gs", "mu,sigma,loc", {LOGSCALE, SHAPE, LOC}, 0x1p-20, 0x1p3, LOC_ADDED},
    {DIST_ID_INVGAUSS, DIST_ID_INVGAUSS, "1s", "ch", "mu,lambda,loc", {SCALE, RATE, LOC}, 0x1p-8, 0x1p20, LOC_ADDED},
    {DIST_ID_PARETO, DIST_ID_PARETO, "s1", "sc", "theta,a", {SHAPE, SCALE}, 0x1p-5, 0x1p12, LOC_NONE},
    {DIST_ID_PARETO2, DIST_ID_PARETO2, "1s", "cs", "b,q", {SCALE, SHAPE}, 0x1p-5, 0x1p12, LOC_NONE},
};
#define NFAMILIES (sizeof families / sizeof families[0])

static const struct family *
family_of(int dist)
{
	for (size_t i = 0; i < NFAMILIES; i++)
		if (families[i].dist == dist)
			return &families[i];
	return NULL;
}

int
alt_known(int dist)
{
	return family_of(dist) != NULL;
}

const char *
alt_names(size_t i, const char **params)
{
	if (i >= NFAMILIES)
		return NULL;
	*params = families[i].names;
	return dist_info[families[i].dist].name;
}

/* Letters, without regard to case; blanks and dots do not count: "m. likely". */
static int
same_name(const char *a, size_t n, const char *b)
{
	size_t i = 0;

	for (;; i++, b++) {
		while (i < n && (a[i] == ' ' || a[i] == '.'))
			i++;
		while (*b == ' ' || *b == '.')
			b++;
		if (i >= n || !*b)
			return i >= n && !*b;
		if ((a[i] | 32) != (*b | 32))
			return 0;
	}
}

double
alt_code(int dist, const char *name)
{
	const struct family *f = family_of(dist);
	size_t n = strlen(name);
	char number[32];
	double x;

	if (n > 1 && n < sizeof number && name[n - 1] == '%') {
		memcpy(number, name, n - 1);
		if (num_parse_double(number, n - 1, &x) == 0)
			return x / 100;
	}
	if (!f)
		return 0;
	if (same_name("most likely", 11, name) || same_name("mode", 4, name))
		name = "m. likely";
	for (const char *p = f->names; ; p++) {
		size_t len = strcspn(p, ",");
		int k = 0;

		for (const char *q = f->names; q < p; q++)
			k += *q == ',';
		if (same_name(p, len, name))
			return CODE - k;
		p += len;
		if (!*p)
			return 0;
	}
}

/* --- equations ------------------------------------------------------------------------------------------------------ */

struct pair {
	double p;            /* percentile, where says is NOTHING */
	enum says says;
	double value;
};

/* What a parameter letter means. */
static double
letter(char c, double loc, double scale, double shape)
{
	switch (c) {
	case '0': return 0;
	case 's': return shape;
	case 'l': return loc;
	case 'c': return scale;
	case 'e': return loc + scale;
	case 'm': return loc + scale * shape;
	case 'g': return ks_log(scale);
	case 'h': return scale * shape;
	default: return 1;
	}
}

static int
fill(const char *letters, double loc, double scale, double shape, double *out)
{
	int n = 0;

	for (; letters[n]; n++)
		out[n] = letter(letters[n], loc, scale, shape);
	return n;
}

/* The equation a loc + b scale = r of a pair. */
static void
equation(const struct family *f, const struct pair *p, double shape, double eq[3])
{
	double q[8], s2 = shape * shape;
	int n = fill(f->standard, 0, 1, shape, q);

	eq[0] = p->says == NOTHING || p->says == LOC || p->says == END || p->says == MODE;
	eq[2] = p->says == LOGSCALE ? ks_exp(p->value) : p->value;
	switch (p->says) {
	case NOTHING: eq[1] = dist_inverse(f->solved, q, n, p->p); break;
	case LOC: eq[1] = 0; break;
	case MODE: case RATE: eq[1] = shape; break;
	case MEAN: eq[1] = ks_exp(s2 / 2); break; /* lognormal */
	case SD: eq[1] = sqrt(ks_expm1(s2) * ks_exp(s2)); break;
	default: eq[1] = 1;
	}
	if (f->loc == LOC_ADDED && (p->says == MEAN || p->says == SD))
		eq[0] = 0;
	if (f->loc == LOC_NONE)
		eq[0] = 0;
}

/* 0 where all equations have one solution. */
static double
determinant(const struct family *f, const struct pair *p, int n, double shape)
{
	double e[3][3];

	for (int i = 0; i < n; i++)
		equation(f, &p[i], shape, e[i]);
	if (n == 2)
		return e[0][1] * e[1][2] - e[1][1] * e[0][2];
	return e[0][0] * (e[1][1] * e[2][2] - e[2][1] * e[1][2]) - e[1][0] * (e[0][1] * e[2][2] - e[2][1] * e[0][2]) +
	       e[2][0] * (e[0][1] * e[1][2] - e[1][1] * e[0][2]);
}

/* loc and scale from the two equations that tell most. 0, or -1: no positive scale. */
static int
linear(const struct family *f, const struct pair *p, int n, double shape, double *loc, double *scale)
{
	double e[3][3], best = 0;

	for (int i = 0; i < n; i++)
		equation(f, &p[i], shape, e[i]);
	*loc = *scale = 0;
	if (f->loc == LOC_NONE) {
		for (int i = 0; i < n; i++)
			if (fabs(e[i][1]) > best) {
				best = fabs(e[i][1]);
				*scale = e[i][2] / e[i][1];
			}
		return *scale > 0 && isfinite(*scale) ? 0 : -1;
	}
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++) {
			double d = e[k][0] * e[i][1] - e[i][0] * e[k][1];

			if (!(fabs(d) > best))
				continue;
			best = fabs(d);
			*loc = (e[k][2] * e[i][1] - e[i][2] * e[k][1]) / d;
			*scale = (e[k][0] * e[i][2] - e[i][0] * e[k][2]) / d;
		}
	return best > 0 && *scale > 0 && isfinite(*scale) && isfinite(*loc) ? 0 : -1;
}

static double
grid(const struct family *f, int i)
{
	double t = (double)i / GRID;

	return f->lo > 0 ? f->lo * ks_exp(t * ks_log(f->hi / f->lo)) : f->lo + t * (f->hi - f->lo);
}

/* The unknown shape, from n equations, one more than there are other unknowns. */
static int
find_shape(const struct family *f, const struct pair *p, int n, double *shape)
{
	double a = grid(f, 0), fa = determinant(f, p, n, a), loc, scale;

	for (int i = 1; i <= GRID; i++) {
		double b = grid(f, i), fb = determinant(f, p, n, b), lo = a, hi = b, flo = fa;

		if (fa == 0 && linear(f, p, n, a, &loc, &scale) == 0) {
			*shape = a;
			return 0;
		}
		if (fa * fb < 0) {
			for (int k = 0; k < 100; k++) {
				double mid = (lo + hi) / 2, fm = determinant(f, p, n, mid);

				if (flo * fm <= 0) {
					hi = mid;
				} else {
					lo = mid;
					flo = fm;
				}
			}
			if (linear(f, p, n, hi, &loc, &scale) == 0) {
				*shape = hi;
				return 0;
			}
		}
		a = b;
		fa = fb;
	}
	*shape = a;
	return fa == 0 && linear(f, p, n, a, &loc, &scale) == 0 ? 0 : -1;
}

/* --- the whole ------------------------------------------------------------------------------------------------------------ */

/* Pairs taken apart; a shape that is named goes to *shape. How many are left, -1 with the rule broken. */
static int
take_pairs(const struct family *f, const double *v, int n, struct pair *out, double *shape, const char **rule)
{
	int k = 0;

	*rule = "pairs of percentile or name, and value, are wanted";
	if (n % 2 || n / 2 > PAIRS - 1)
		return -1;
	for (int i = 0; i < n; i += 2) {
		struct pair p = {v[i], NOTHING, v[i + 1]};

		*rule = "a percentile is between 0 and 1, or the name of a parameter stands there";
		if (v[i] <= CODE && v[i] > CODE - PAIRS)
			p.says = f->says[(int)(CODE - v[i])];
		else if (!(v[i] > 0 && v[i] < 1))
			return -1;
		*rule = "a value is not finite";
		if (!isfinite(v[i + 1]))
			return -1;
		for (int j = 0; j < k; j++) { /* the same thing twice, or percentiles that cross */
			*rule = "the same percentile or name stands there twice";
			if (out[j].says == p.says && (p.says != NOTHING || out[j].p == p.p))
				return -1;
			*rule = "percentiles must increase with their values";
			if (p.says == NOTHING && out[j].says == NOTHING && !((out[j].p < p.p) == (out[j].value < p.value) && out[j].value != p.value))
				return -1;
		}
		if (p.says == SHAPE)
			*shape = p.value;
		else
			out[k++] = p;
	}
	return k;
}

const char *
alt_solve(int *dist, const double *v, int n, double *params, int *nparams, double *loc)
{
	const struct family *f = family_of(*dist);
	struct pair p[PAIRS];
	const char *rule;
	double shape = NAN, scale;
	int k, unknown;

	if (!f)
		return "it has no form by percentiles";
	k = take_pairs(f, v, n, p, &shape, &rule);
	if (k < 0)
		return rule;
	unknown = 1 + (f->loc != LOC_NONE) + (f->hi > 0 && isnan(shape));
	if (f->loc == LOC_ADDED && k == unknown - 1) { /* no word of loc: 0 */
		for (int i = 0; i < k; i++)
			if (p[i].says == LOC)
				return "too few pairs";
		p[k++] = (struct pair){0, LOC, 0};
	}
	if (k != unknown)
		return k < unknown ? "too few pairs" : "too many pairs";
	if (f->hi > 0 && isnan(shape) && find_shape(f, p, k, &shape) < 0)
		return "no distribution of this family has these percentiles";
	if (linear(f, p, k, shape, loc, &scale) < 0)
		return "no distribution of this family has these percentiles";
	*nparams = fill(f->given, *loc, scale, shape, params);
	*dist = f->solved;
	if (f->loc != LOC_ADDED)
		*loc = 0;
	return dist_check(*dist, params, *nparams);
}
