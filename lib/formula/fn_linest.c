/*
 * fn_linest: least squares with any number of variables: LINEST, LOGEST, TREND, GROWTH.
 *
 * With a constant, y and every x are centred first; then a Householder QR, variable by variable. A variable whose part
 * orthogonal to those before it is below 1e-10 of its length is redundant: its coefficient and error are 0. LOGEST and
 * GROWTH fit the logarithm of y.
 */
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/xl_math.h"

/* n observations of k variables; x by columns: x[j * n + i]. */
struct data {
	int n, k;
	double *x, *y;
	int by_row;    /* the variables lie in rows */
	int single;    /* one variable, of the shape of y */
	int32_t rows, cols;
};

struct fit {
	int n, k, constant, rank;
	double *coef, *se;       /* k of each */
	double b, se_b;
	double ssreg, ssresid, df;
};

/* --- arguments --------------------------------------------------------------------------------------------- */

static double *
numbers_of(struct eval *ev, struct value v, int32_t *rows, int32_t *cols, int *err)
{
	struct array *a;
	double *x;

	if (v.kind == V_ERROR) {
		*err = v.error;
		return NULL;
	}
	a = v.kind == V_ARRAY ? v.u.array : eval_to_array(ev, v);
	*rows = a->rows;
	*cols = a->cols;
	x = arena_alloc(&ev->tmp, (size_t)a->rows * (size_t)a->cols * sizeof *x);
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++) {
		if (a->v[i].kind != V_NUM) {
			*err = XE_VALUE; /* whatever it is, an error too */
			return NULL;
		}
		x[i] = a->v[i].u.num;
	}
	return x;
}

/* rows x cols values, variables in columns or rows -> by columns. */
static double *
by_columns(struct eval *ev, const double *x, int32_t rows, int32_t cols, int by_row)
{
	double *t = arena_alloc(&ev->tmp, (size_t)rows * (size_t)cols * sizeof *t);

	for (int32_t i = 0; i < rows; i++)
		for (int32_t j = 0; j < cols; j++) {
			double v = x[(size_t)i * (size_t)cols + (size_t)j];

			if (by_row)
				t[(size_t)i * (size_t)cols + (size_t)j] = v;
			else
				t[(size_t)j * (size_t)rows + (size_t)i] = v;
		}
	return t;
}

/* 0, or the error kind. */
static int
data_parse(struct eval *ev, struct value vy, struct value vx, int logarithm, struct data *d)
{
	int32_t rows, cols;
	double *x;
	int err = 0;

	d->y = numbers_of(ev, vy, &d->rows, &d->cols, &err);
	if (err)
		return err;
	d->n = d->rows * d->cols;
	for (int i = 0; logarithm && i < d->n; i++) {
		if (!(d->y[i] > 0))
			return XE_NUM;
		d->y[i] = ks_log(d->y[i]);
	}
	d->k = 1;
	d->by_row = 0;
	d->single = 1;
	if (vx.kind == V_MISSING || vx.kind == V_BLANK) {
		d->x = arena_alloc(&ev->tmp, (size_t)d->n * sizeof *d->x);
		for (int i = 0; i < d->n; i++)
			d->x[i] = i + 1;
		return 0;
	}
	x = numbers_of(ev, vx, &rows, &cols, &err);
	if (err)
		return err;
	if (rows == d->rows && cols == d->cols) {
		d->x = x;
		return 0;
	}
	d->single = 0;
	if (d->cols == 1 && rows == d->rows) {
		d->k = cols;
	} else if (d->rows == 1 && cols == d->cols) {
		d->k = rows;
		d->by_row = 1;
	} else {
		return XE_REF;
	}
	d->x = by_columns(ev, x, rows, cols, d->by_row);
	return 0;
}

/* --- the fit --------------------------------------------------------------------------------------------------- */

static double
mean_of(const double *x, int n)
{
	double s = 0;

	for (int i = 0; i < n; i++)
		s = s + x[i];
	return s / n;
}

static double
length_of(const double *x, int n)
{
	double s = 0;

	for (int i = 0; i < n; i++)
		s = s + x[i] * x[i];
	return ks_sqrt(s);
}

/* c := (I - beta u u') c on rows r .. n-1. */
static void
reflect(double *c, const double *u, double beta, int r, int n)
{
	double s = 0;

	for (int i = r; i < n; i++)
		s = s + u[i] * c[i];
	s = s * beta;
	for (int i = r; i < n; i++)
		c[i] = c[i] - s * u[i];
}

/* X = Q R on the columns in pivot[]; column r of R stands in r[r * k], rows 0 .. r. */
struct qr {
	int rank, *pivot;
	double *r, *mean, *tmp;
};

static double
center(double *x, int n)
{
	double m = mean_of(x, n);

	for (int i = 0; i < n; i++)
		x[i] -= m;
	return m;
}

/* Factorise; y becomes Q'y. */
static void
qr_make(struct eval *ev, const struct data *d, int constant, double *y, struct qr *q)
{
	size_t n = (size_t)d->n, k = (size_t)d->k;
	double *u = arena_memdup(&ev->tmp, d->x, n * k * sizeof *u);
	double *beta = arena_alloc(&ev->tmp, k * sizeof *beta);

	q->rank = 0;
	q->pivot = arena_alloc(&ev->tmp, k * sizeof *q->pivot);
	q->r = arena_zalloc(&ev->tmp, k * k * sizeof *q->r);
	q->mean = arena_zalloc(&ev->tmp, k * sizeof *q->mean);
	q->tmp = arena_zalloc(&ev->tmp, (k + 1) * sizeof *q->tmp);
	for (int j = 0; j < d->k; j++) {
		double *c = u + (size_t)j * n, whole = length_of(c, d->n), alpha, s = 0;
		int r = q->rank;

		if (constant)
			q->mean[j] = center(c, d->n);
		for (int p = 0; p < r; p++)
			reflect(c, u + (size_t)q->pivot[p] * n, beta[p], p, d->n);
		alpha = r < d->n ? length_of(c + r, d->n - r) : 0;
		if (!(alpha > whole * 1e-10))
			continue;
		for (int i = 0; i < r; i++)
			q->r[(size_t)r * k + (size_t)i] = c[i];
		alpha = c[r] > 0 ? alpha : -alpha;
		q->r[(size_t)r * k + (size_t)r] = -alpha;
		c[r] += alpha; /* from here on c is the reflection's vector */
		for (int i = r; i < d->n; i++)
			s = s + c[i] * c[i];
		beta[r] = 2 / s;
		reflect(y, c, beta[r], r, d->n);
		q->pivot[r] = j;
		q->rank++;
	}
}

/* R x = b and R'x = b, in place. */
static void
qr_back(const struct qr *q, int k, double *b)
{
	for (int r = q->rank - 1; r >= 0; r--) {
		for (int c = r + 1; c < q->rank; c++)
			b[r] = b[r] - q->r[(size_t)c * (size_t)k + (size_t)r] * b[c];
		b[r] = b[r] / q->r[(size_t)r * (size_t)k + (size_t)r];
	}
}

static void
qr_forward(const struct qr *q, int k, double *b)
{
	for (int r = 0; r < q->rank; r++) {
		for (int c = 0; c < r; c++)
			b[r] = b[r] - q->r[(size_t)r * (size_t)k + (size_t)c] * b[c];
		b[r] = b[r] / q->r[(size_t)r * (size_t)k + (size_t)r];
	}
}

/* Squared length of R^-T b, the variance factor of the combination b of coefficients. */
static double
qr_leverage(const struct qr *q, int k)
{
	double s = 0;

	qr_forward(q, k, q->tmp);
	for (int r = 0; r < q->rank; r++)
		s = s + q->tmp[r] * q->tmp[r];
	return s;
}

/* One variable: the sums of SLOPE and INTERCEPT, so that the digits agree. slope[0] is replaced. */
static void
fit_line(const struct data *d, int constant, double *slope, double mean, struct fit *f)
{
	double my = constant ? f->b : 0, mx = constant ? mean : 0, sxx = 0, sxy = 0;

	for (int i = 0; i < d->n; i++) {
		double dx = d->x[i] - mx;

		sxx = sxx + dx * dx;
		sxy = sxy + dx * (d->y[i] - my);
	}
	slope[0] = sxy / sxx;
	f->ssreg = f->ssresid = 0;
	for (int i = 0; i < d->n; i++) {
		double fitted = slope[0] * (d->x[i] - mx), e = d->y[i] - my - fitted;

		f->ssreg = f->ssreg + fitted * fitted;
		f->ssresid = f->ssresid + e * e;
	}
}

static void
fit_solve(struct eval *ev, const struct data *d, int constant, struct fit *f)
{
	int n = d->n, k = d->k;
	double *y = arena_memdup(&ev->tmp, d->y, (size_t)n * sizeof *y), s2;
	struct qr q;

	*f = (struct fit){.n = n, .k = k, .constant = constant};
	f->coef = arena_zalloc(&ev->tmp, (size_t)k * sizeof *f->coef);
	f->se = arena_zalloc(&ev->tmp, (size_t)k * sizeof *f->se);
	if (constant)
		f->b = center(y, n);
	qr_make(ev, d, constant, y, &q);
	f->rank = q.rank;
	for (int i = 0; i < n; i++)
		*(i < q.rank ? &f->ssreg : &f->ssresid) += y[i] * y[i];
	f->df = n - q.rank - (constant != 0);
	for (int r = 0; r < q.rank; r++) {
		for (int c = 0; c < q.rank; c++)
			q.tmp[c] = c == r;
		f->se[q.pivot[r]] = qr_leverage(&q, k);
	}
	for (int r = 0; r < q.rank; r++)
		q.tmp[r] = q.mean[q.pivot[r]];
	if (constant)
		f->se_b = 1.0 / n + qr_leverage(&q, k);
	qr_back(&q, k, y);
	if (k == 1 && q.rank)
		fit_line(d, constant, y, q.mean[0], f);
	s2 = f->df > 0 ? f->ssresid / f->df : 0;
	for (int r = 0; r < q.rank; r++) {
		f->coef[q.pivot[r]] = y[r];
		f->b = f->b - y[r] * q.mean[q.pivot[r]];
		f->se[q.pivot[r]] = ks_sqrt(s2 * f->se[q.pivot[r]]);
	}
	f->se_b = ks_sqrt(s2 * f->se_b);
}

/* --- LINEST, LOGEST ---------------------------------------------------------------------------------------------- */

static struct value
result(double x)
{
	return ks_abs(x) < XL_INF ? value_num(x) : value_error(XE_NUM);
}

/* A logical argument; one left empty, as in LINEST(y,x,,TRUE), counts as omitted. */
static int
wants(const struct node *call, const struct value *args, int nargs, int i, int dflt)
{
	if (i >= nargs || call->args[i]->kind == N_MISSING || args[i].kind != V_BOOL)
		return dflt;
	return args[i].boolean;
}

static void
estimate(struct eval *ev, const struct node *call, struct value *args, int nargs, int logarithm, struct value *out)
{
	int constant = wants(call, args, nargs, 2, 1), stats = wants(call, args, nargs, 3, 0), k, err;
	struct data d;
	struct fit f;
	struct array *a;

	err = data_parse(ev, args[0], nargs > 1 ? args[1] : (struct value){.kind = V_MISSING}, logarithm, &d);
	if (err) {
		*out = value_error(err);
		return;
	}
	fit_solve(ev, &d, constant, &f);
	k = f.k;
	a = eval_new_array(ev, stats ? 5 : 1, k + 1);
	for (int j = 0; j < k; j++) /* the last variable first */
		a->v[j] = result(logarithm ? ks_exp(f.coef[k - 1 - j]) : f.coef[k - 1 - j]);
	a->v[k] = result(logarithm ? ks_exp(f.b) : f.b);
	if (stats) {
		struct value *v = a->v + k + 1;
		double total = f.ssreg + f.ssresid;

		for (int i = 0; i < 4 * (k + 1); i++)
			v[i] = value_error(XE_NA);
		for (int j = 0; j < k; j++)
			v[j] = result(f.se[k - 1 - j]);
		if (constant)
			v[k] = result(f.se_b);
		v += k + 1;
		v[0] = total > 0 ? result(f.ssreg / total) : value_num(1);
		v[1] = f.df > 0 ? result(ks_sqrt(f.ssresid / f.df)) : value_num(0);
		v += k + 1;
		v[0] = f.df > 0 && f.rank ? result(f.ssreg / f.rank / (f.ssresid / f.df)) : value_error(XE_NUM);
		v[1] = value_num(f.df);
		v += k + 1;
		v[0] = result(f.ssreg);
		v[1] = result(f.ssresid);
	}
	*out = eval_array_value(a);
}

void
fn_linest(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	estimate(ev, call, args, nargs, 0, out);
}

void
fn_logest(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	estimate(ev, call, args, nargs, 1, out);
}

/* --- TREND, GROWTH --------------------------------------------------------------------------------------------------- */

static void
predict(struct eval *ev, const struct node *call, struct value *args, int nargs, int logarithm, struct value *out)
{
	struct value missing = {.kind = V_MISSING}, vx = nargs > 1 ? args[1] : missing, vn = nargs > 2 ? args[2] : missing;
	struct data d;
	struct fit f;
	struct array *a;
	int32_t rows, cols;
	const double *x;
	int err = data_parse(ev, args[0], vx, logarithm, &d), n;

	if (!err && vn.kind == V_MISSING)
		vn = vx;
	if (!err && vn.kind == V_MISSING) {
		x = d.x;
		rows = d.rows;
		cols = d.cols;
	} else if (!err) {
		double *y = numbers_of(ev, vn, &rows, &cols, &err);

		if (!err && !d.single && (d.by_row ? rows : cols) != d.k)
			err = XE_REF;
		x = err || d.single ? y : by_columns(ev, y, rows, cols, d.by_row);
	}
	if (err) {
		*out = value_error(err);
		return;
	}
	fit_solve(ev, &d, wants(call, args, nargs, 3, 1), &f);
	if (!d.single) {
		rows = d.by_row ? 1 : rows;
		cols = d.by_row ? cols : 1;
	}
	n = rows * cols;
	a = eval_new_array(ev, rows, cols);
	for (int i = 0; i < n; i++) {
		double s = f.b;

		for (int j = 0; j < f.k; j++)
			s = s + f.coef[j] * x[(size_t)j * (size_t)n + (size_t)i];
		a->v[i] = result(logarithm ? ks_exp(s) : s);
	}
	*out = eval_array_value(a);
}

void
fn_trend(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	predict(ev, call, args, nargs, 0, out);
}

void
fn_growth(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	predict(ev, call, args, nargs, 1, out);
}
