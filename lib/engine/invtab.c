/*
 * invtab: building the tables of kernels/invtab.h.
 *
 * Only arithmetic that is the same everywhere is used here, for the coefficients decide the bits of draws.
 */
#include "engine/invtab.h"

#include <stdlib.h>
#include <string.h>

#include "formula/isa/func_isa.h"
#include "kernels/dist.h"
#include "kernels/invtab.h"

enum { ROW = INVTAB_ROW, TAIL = INVTAB_TAIL, MAXN = 16 };
#define BINADES 9          /* 2^-10 .. 1/2 */
#define TAIL_ROWS 10       /* a side */
#define TOLERANCE 1e-13
#define RELATIVE 1e-4      /* of the value itself, where values come down to 0: their logarithms are to make sense */
#define MAX_VALUES (1 << 20) /* of a discrete distribution */

/* Zeroed, on a cache line: a row of eight is then one line. */
static double *
table_new(size_t n)
{
	size_t size = (n * sizeof(double) + 63) & ~(size_t)63;
	double *v = aligned_alloc(64, size);

	if (v)
		memset(v, 0, size);
	return v;
}

/* Interpolation at the n Chebyshev points, to powers of the variable in [-1, 1]. */
struct interp {
	int n;
	double node[MAXN];
	double cosine[MAXN][MAXN]; /* T_k(node i) 2/n */
	double power[MAXN][MAXN];  /* T_k's coefficient of x^j */
};

static void
interp_init(struct interp *q, int n)
{
	memset(q, 0, sizeof *q);
	q->n = n;
	for (int i = 0; i < n; i++) {
		q->node[i] = ks_cos(KC_PI * (2 * i + 1) / (2.0 * n));
		for (int k = 0; k < n; k++)
			q->cosine[k][i] = ks_cos(KC_PI * ((2 * i + 1) * k % (4 * n)) / (2.0 * n)) * 2.0 / n;
	}
	q->power[0][0] = 1;
	q->power[1][1] = 1;
	for (int k = 2; k < n; k++)
		for (int j = 0; j <= k; j++)
			q->power[k][j] = 2 * (j ? q->power[k - 1][j - 1] : 0) - q->power[k - 2][j];
}

/* Values at the nodes to coefficients of (variable * scale). */
static void
interp_row(const struct interp *q, const double *value, double scale, double *row)
{
	int n = q->n;
	double ref = value[n / 2], c[MAXN] = {0}, f = 1;

	for (int k = 0; k < n; k++) {
		c[k] = 0;
		for (int i = 0; i < n; i++)
			c[k] += (value[i] - ref) * q->cosine[k][i];
	}
	c[0] *= 0.5;
	for (int j = 0; j < n; j++) {
		double s = 0;

		for (int k = n - 1; k >= j; k--)
			s += c[k] * q->power[k][j];
		row[j] = s * f + (j ? 0 : ref);
		f *= scale;
	}
}

struct smooth {
	invtab_fn *inv;
	const void *ctx;
	double median, spread; /* scale of the distribution */
	struct invtab *t;
};

static double
draw(const struct smooth *s, double v, int upper)
{
	return upper ? s->inv(1.0 - v, v, s->ctx) : s->inv(v, 1.0 - v, s->ctx);
}

/* Difference between table and truth, in units of the scale; v is moved to what 1 - v can express. */
static double
misfit(const struct smooth *s, double v, int upper)
{
	double u = upper ? 1.0 - v : v, want = draw(s, upper ? 1.0 - u : v, upper), got = ks_invtab_eval(s->t->v, u);
	double scale = ks_abs(want - s->median);

	scale = scale > s->spread ? scale : s->spread;
	scale += ks_abs(want) * (0x1p-50 / TOLERANCE);
	if (s->t->lo >= 0.0 && scale > ks_abs(want) * (RELATIVE / TOLERANCE))
		scale = ks_abs(want) * (RELATIVE / TOLERANCE);
	return got == want ? 0.0 : ks_abs(got - want) / scale;
}

/* 0 where every row is good, else the first bad one's error; the table is in s->t. */
static double
smooth_fill(struct smooth *s, int m)
{
	struct interp q;
	double *t = s->t->v, value[MAXN], worst = 0, first = -36.75, last = -6.931;
	int rows = BINADES << m;

	t[0] = INVTAB_SMOOTH;
	t[1] = 52 - m;
	t[2] = (double)(ks_bits(0x1p-10) >> (52 - m));
	t[3] = rows;
	t[4] = 1 + ks_frombits((int64_t)(1023 - m - 1) << 52);
	t[5] = INVTAB_HEAD + 2 * rows * ROW;
	t[6] = TAIL_ROWS;
	t[7] = first;
	t[8] = TAIL_ROWS / (last - first);
	t[9] = 2 * t[8];
	interp_init(&q, ROW);
	for (int side = 0; side < 2; side++) {
		for (int r = 0; r < rows; r++) {
			double unit = ks_frombits((int64_t)(1013 + (r >> m)) << 52), half = t[4] - 1;
			double middle = 1 + half * (2 * (r & ((1 << m) - 1)) + 1);

			for (int i = 0; i < ROW; i++)
				value[i] = draw(s, unit * (middle + half * q.node[i]), side);
			interp_row(&q, value, 1 / half, t + INVTAB_HEAD + ROW * (side * rows + r));
		}
	}
	interp_init(&q, TAIL);
	for (int side = 0; side < 2; side++) {
		for (int r = 0; r < TAIL_ROWS; r++) {
			for (int i = 0; i < TAIL; i++)
				value[i] = draw(s, ks_exp(first + (r + 0.5) / t[8] + q.node[i] / t[9]), side);
			interp_row(&q, value, 1, t + (size_t)t[5] + TAIL * (side * TAIL_ROWS + r));
		}
	}
	/* between the nodes; near a row's end the error is largest */
	for (int side = 0; side < 2; side++) {
		for (int r = 0; r < rows; r++) {
			double unit = ks_frombits((int64_t)(1013 + (r >> m)) << 52), half = t[4] - 1;
			double e = misfit(s, unit * (1 + half * (2 * (r & ((1 << m) - 1)) + 1.9375)), side);

			worst = e > worst ? e : worst;
		}
		for (int r = 0; r < 2 * TAIL_ROWS; r++) {
			double e = misfit(s, ks_exp(first + (0.5 * r + (r & 1 ? 0.47 : 0.03)) / t[8]), side);

			worst = e > worst ? e : worst;
		}
	}
	return worst;
}

struct invtab *
invtab_build(invtab_fn *inv, const void *ctx, struct err *e)
{
	struct smooth s = { inv, ctx, 0, 0, NULL };
	double a = inv(0.25, 0.75, ctx), b = inv(0.75, 0.25, ctx);

	s.median = inv(0.5, 0.5, ctx);
	s.spread = b - a;
	s.t = calloc(1, sizeof *s.t);
	if (!s.t) {
		err_nomem(e);
		return NULL;
	}
	for (int m = 4; m <= 6 && s.spread >= 0 && s.spread <= 1e300; m++) {
		free(s.t->v);
		s.t->n = INVTAB_HEAD + 2 * (BINADES << m) * ROW + 2 * TAIL_ROWS * TAIL;
		s.t->v = table_new(s.t->n);
		if (!s.t->v) {
			invtab_free(s.t);
			err_nomem(e);
			return NULL;
		}
		s.t->v[10] = s.t->lo = inv(0x1p-53, 1, ctx);
		s.t->v[11] = s.t->hi = inv(1, 0x1p-53, ctx);
		s.t->max_error = smooth_fill(&s, m);
		if (s.t->max_error <= TOLERANCE)
			return s.t;
		/* twice the rows gain about 2^8: no use where more is missing */
		if (!(s.t->max_error <= TOLERANCE * 0x1p9) && (m > 4 || !(s.t->max_error <= TOLERANCE * 0x1p18)))
			break;
	}
	err_set(e, ERR_DATA, "no table fits this distribution: it is drawn by its exact inverse");
	invtab_free(s.t);
	return NULL;
}

/* --- steps and pieces ------------------------------------------------------------------------------ */

/* Room for x (or rows of eight), n cumulative values and a guide; places filled in. */
static struct invtab *
search_new(int kind, size_t n, struct err *e)
{
	struct invtab *t = calloc(1, sizeof *t);
	size_t guide = 16;

	while (guide < 2 * n)
		guide *= 2;
	if (t) {
		t->n = INVTAB_HEAD + n + (kind == INVTAB_PIECES ? ROW : 1) * n + guide;
		t->v = table_new(t->n);
	}
	if (!t || !t->v) {
		invtab_free(t);
		err_nomem(e);
		return NULL;
	}
	t->v[0] = kind;
	t->v[1] = (double)n;
	t->v[2] = (double)guide;
	t->v[4] = t->v[6] = INVTAB_HEAD;
	t->v[5] = (double)(t->n - guide);
	t->v[3] = t->v[5] - (double)n;
	return t;
}

static void
search_finish(struct invtab *t)
{
	double *c = t->v + (size_t)t->v[3], *guide = t->v + (size_t)t->v[5];
	size_t n = (size_t)t->v[1], k = 0;

	c[n - 1] = 2;
	for (size_t j = 0; j < (size_t)t->v[2]; j++) {
		/* u >= j/G: values with c < j/G cannot be meant */
		while (c[k] < (double)j / t->v[2])
			k++;
		guide[j] = (double)k;
	}
}

struct pair {
	double x, w;
};

static int
pair_order(const void *p, const void *q)
{
	double a = ((const struct pair *)p)->x, b = ((const struct pair *)q)->x;

	return a < b ? -1 : a > b;
}

/* discrete and duniform: by value, equal ones merged */
static struct invtab *
from_list(const double *x, const double *w, size_t n, struct err *e)
{
	struct pair *p = malloc(n * sizeof *p);
	struct invtab *t;
	double total = 0, sum = 0, *c, *v;
	size_t m = 0;

	if (!p) {
		err_nomem(e);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (w && w[i] == 0)
			continue;
		p[m].x = x[i] + 0.0; /* -0 is 0 */
		p[m].w = w ? w[i] : 1;
		m++;
	}
	qsort(p, m, sizeof *p, pair_order);
	n = m;
	m = 0;
	for (size_t i = 0; i < n; i++) {
		total += p[i].w;
		if (m && p[m - 1].x == p[i].x)
			p[m - 1].w += p[i].w;
		else
			p[m++] = p[i];
	}
	t = search_new(INVTAB_STEPS, m, e);
	if (t) {
		c = t->v + (size_t)t->v[3];
		v = t->v + (size_t)t->v[4];
		for (size_t i = 0; i < m; i++) {
			sum += p[i].w;
			c[i] = sum / total;
			v[i] = p[i].x;
		}
		t->lo = v[0];
		t->hi = v[m - 1];
		search_finish(t);
	}
	free(p);
	return t;
}

/* Whole numbers: from the smallest that a u of 2^-53 can give to the largest. Sums run from the tails inwards. */
static struct invtab *
from_whole(int dist, const double *p, int n, struct err *e)
{
	const struct func_isa *isa = func_isa(isa_best());
	double lo = invtab_quantile(dist, p, n, 0x1p-54), hi = invtab_quantile(dist, p, n, 1 - 0x1p-53);
	double mid = invtab_quantile(dist, p, n, 0.5), q, s, *c, *x;
	struct invtab *t;
	size_t m, i;

	if (!(hi - lo < MAX_VALUES)) {
		err_set(e, ERR_DATA, "too many values for a table: the distribution is drawn by its exact inverse");
		return NULL;
	}
	m = (size_t)(hi - lo) + 1;
	t = search_new(INVTAB_STEPS, m, e);
	if (!t)
		return NULL;
	c = t->v + (size_t)t->v[3];
	x = t->v + (size_t)t->v[4];
	for (i = 0; i < m; i++)
		x[i] = lo + (double)i;
	if (m <= 64) {
		for (i = 0; i < m; i++)
			c[i] = isa->cdf(dist, p, n, x[i], &q);
	} else {
		s = isa->cdf(dist, p, n, lo, &q);
		for (i = 0; i < m && x[i] <= mid; i++) {
			s += i ? isa->pdf(dist, p, n, x[i]) : 0;
			c[i] = s;
		}
		isa->cdf(dist, p, n, hi, &s);
		for (i = m; i-- > 0 && x[i] > mid; s += isa->pdf(dist, p, n, x[i]))
			c[i] = 1 - s;
	}
	t->lo = lo;
	t->hi = hi;
	search_finish(t);
	return t;
}

/* Pieces with a density linear in x. */
static struct invtab *
from_pieces(int dist, const double *p, int n, struct err *e)
{
	int hist = dist == DIST_ID_HISTOGRM, general = dist == DIST_ID_GENERAL, down = dist == DIST_ID_CUMULD;
	int k = hist ? n - 2 : di_list(n), m = 0;
	int pieces = hist ? k : k + 1;
	struct invtab *t = search_new(INVTAB_PIECES, (size_t)pieces, e);
	double total, sum = 0, *c, *row;

	if (!t)
		return NULL;
	c = t->v + (size_t)t->v[3];
	row = t->v + (size_t)t->v[6];
	total = hist ? di_weight(p + 2, k) : general ? di_general_area(p, n) : 1;
	for (int i = 0; i < pieces; i++) {
		double x0, x1, w, mass, y0, y1, *r;

		if (hist) {
			w = (p[1] - p[0]) / k;
			x0 = p[0] + w * i;
			mass = p[2 + i] / total;
			y0 = y1 = mass / w;
		} else {
			x0 = di_cumul_x(p, k, i);
			x1 = di_cumul_x(p, k, i + 1);
			w = x1 - x0;
			if (general) {
				mass = di_general_piece(p, k, i) / total;
				y0 = di_general_y(p, k, i) / total;
				y1 = di_general_y(p, k, i + 1) / total;
			} else {
				mass = di_cumul_p(p, k, i + 1, down) - di_cumul_p(p, k, i, down);
				y0 = y1 = w > 0 ? mass / w : 0;
			}
		}
		if (!(mass > 0 && w > 0))
			continue;
		r = row + ROW * m;
		r[0] = x0;
		r[1] = w;
		r[2] = y0;
		r[3] = y1;
		r[4] = (y1 - y0) / w;
		r[5] = sum;
		sum = hist || general ? sum + mass : di_cumul_p(p, k, i + 1, down);
		r[6] = c[m] = sum;
		m++;
	}
	if (m == 0) { /* all weight in points of no width */
		err_set(e, ERR_DATA, "no table for a distribution without width");
		invtab_free(t);
		return NULL;
	}
	row[ROW * m - 2] = 1;
	t->v[1] = m;
	t->lo = row[0];
	t->hi = row[ROW * (m - 1)] + row[ROW * (m - 1) + 1];
	search_finish(t);
	return t;
}

/* --- by distribution ------------------------------------------------------------------------------- */

typedef double quantile_fn(int, const double *, int, double, double);

struct dist_ctx {
	quantile_fn *quantile;
	int dist, n;
	const double *p;
};

static double
dist_draw(double p, double q, const void *ctx)
{
	const struct dist_ctx *d = ctx;

	return d->quantile(d->dist, d->p, d->n, p, q);
}

static quantile_fn *
quantile_for_cpu(void)
{
	return func_isa(isa_best())->quantile;
}

double
invtab_quantile(int dist, const double *params, int n, double u)
{
	return quantile_for_cpu()(dist, params, n, u, 1.0 - u);
}

struct invtab *
invtab_dist(int dist, const double *params, int n, struct err *e)
{
	struct dist_ctx d = { quantile_for_cpu(), dist, n, params };

	switch (dist_info[dist].form) {
	case DIST_PIECES:
		return from_pieces(dist, params, n, e);
	case DIST_DISCRETE:
		if (dist == DIST_ID_DISCRETE)
			return from_list(params, params + n / 2, (size_t)n / 2, e);
		if (dist == DIST_ID_DUNIFORM)
			return from_list(params, NULL, (size_t)n, e);
		return from_whole(dist, params, n, e);
	case DIST_SMOOTH:
		return invtab_build(dist_draw, &d, e);
	default:
		err_set(e, ERR_DATA, "%s has a closed form and needs no table", dist_info[dist].name);
		return NULL;
	}
}

double
invtab_value(const struct invtab *t, double u)
{
	return ks_invtab_eval(t->v, u);
}

void
invtab_free(struct invtab *t)
{
	if (t) {
		free(t->v);
		free(t);
	}
}
