/*
 * xl_money: worksheet functions of finance.
 *
 * Calling rules: xl.h. With q = (1 + r)^n and a = (q - 1) / r (n where r = 0), every annuity function solves
 *
 *     pv q + pmt (1 + r type) a + fv = 0
 *
 * q - 1 is taken as expm1(n log1p(r)), so small rates lose no digits. NPV divides by a running product:
 * p = p * (1 + r); s = s + v / p, left to right.
 *
 * Roots (IRR, XIRR, RATE, YIELD): Newton's steps from the guess, kept within r > -1, to where they no longer
 * shrink; if that fails, the nearest change of sign in log(1 + r) around the guess, and bisection. The original
 * stops at 1e-7 or 1e-8; this goes on to the last bits.
 *
 * Bonds: coupon dates step back from maturity by 12 / frequency months, keeping the end of the month; day counts
 * are 0 US 30/360, 1 actual/actual, 2 actual/360, 3 actual/365, 4 European 30/360.
 */
#ifndef KERNELS_XL_MONEY_H
#define KERNELS_XL_MONEY_H

#include "kernels/xl_calendar.h"
#include "kernels/xl_math.h"

/* --- annuities ------------------------------------------------------------------------------------------ */

struct xl_growth {
	double q, a;
};

K_SCALAR struct xl_growth
xl_growth(double r, double n)
{
	struct xl_growth g = {1, n};
	double m;

	if (r == 0)
		return g;
	if (r > -1) {
		double t = n * ks_log1p(r);

		m = ks_expm1(t);
		g.q = ks_abs(t) < 1 ? m + 1 : ks_pow(1 + r, n);
	} else {
		g.q = ks_pow(1 + r, n);
		m = g.q - 1;
	}
	g.a = m / r;
	return g;
}

K_SCALAR double
xl_due(double r, double type)
{
	return type != 0 ? 1 + r : 1;
}

K_SCALAR double
xl_pmt_of(double r, double n, double pv, double fv, double type)
{
	struct xl_growth g = xl_growth(r, n);

	return -(pv * g.q + fv) / (g.a * xl_due(r, type));
}

K_SCALAR double
xl_fv_of(double r, double n, double pmt, double pv, double type)
{
	struct xl_growth g = xl_growth(r, n);

	return -(pv * g.q + pmt * g.a * xl_due(r, type));
}

XL_FN
xl_pmt(struct xl_call *c)
{
	if (XL_ARG(c, 1) == 0 || XL_ARG(c, 0) <= -1)
		return XL_FAIL(c, XL_NUM);
	return xl_pmt_of(XL_ARG(c, 0), XL_ARG(c, 1), XL_ARG(c, 2), XL_OPT(c, 3, 0.0), XL_OPT(c, 4, 0.0));
}

XL_FN
xl_fv(struct xl_call *c)
{
	if (XL_ARG(c, 0) == -1 && XL_ARG(c, 1) < 0)
		return XL_FAIL(c, XL_DIV0);
	return xl_fv_of(XL_ARG(c, 0), XL_ARG(c, 1), XL_ARG(c, 2), XL_OPT(c, 3, 0.0), XL_OPT(c, 4, 0.0)) + 0.0;
}

XL_FN
xl_pv(struct xl_call *c)
{
	double r = XL_ARG(c, 0), n = XL_ARG(c, 1), pmt = XL_ARG(c, 2);
	double fv = XL_OPT(c, 3, 0.0), type = XL_OPT(c, 4, 0.0);
	struct xl_growth g;

	if (r > -1 && r != 0) { /* (1 - 1/q) / r directly: q may be beyond all doubles */
		double t = -n * ks_log1p(r), v = ks_pow(1 + r, -n);

		if (ks_abs(t) < 1)
			v = ks_expm1(t) + 1;
		return -(fv * v - pmt * xl_due(r, type) * (ks_expm1(t) / r)) + 0.0;
	}
	if (r == -1)
		return XL_FAIL(c, XL_DIV0);
	g = xl_growth(r, n);
	return -(fv + pmt * g.a * xl_due(r, type)) / g.q + 0.0;
}

XL_FN
xl_nper(struct xl_call *c)
{
	double r = XL_ARG(c, 0), pmt = XL_ARG(c, 1), pv = XL_ARG(c, 2);
	double fv = XL_OPT(c, 3, 0.0), type = XL_OPT(c, 4, 0.0), top, bottom, x;

	if (r == 0)
		return pmt == 0 ? XL_FAIL(c, XL_NUM) : -(pv + fv) / pmt;
	if (r <= -1)
		return XL_FAIL(c, XL_NUM);
	pmt *= xl_due(r, type);
	top = pmt - fv * r;
	bottom = pmt + pv * r;
	x = top / bottom;
	if (bottom == 0 || !(x > 0))
		return XL_FAIL(c, XL_NUM);
	/* x - 1 = -r (fv + pv) / bottom without cancelling */
	return ks_log1p(-r * (fv + pv) / bottom) / ks_log1p(r);
}

/*
 * Principal part of payment number per: -(pv + fv) / a times (1 + r)^(per - 1), since each part grows by the interest
 * saved; payments in advance are those over 1 + r, and the first of them is all principal. No digits cancel.
 */
K_SCALAR double
xl_ppmt_of(double r, double per, double n, double pv, double fv, double type)
{
	if (type != 0 && per == 1)
		return xl_pmt_of(r, n, pv, fv, type);
	return -(pv + fv) / xl_growth(r, n).a * xl_growth(r, type != 0 ? per - 2 : per - 1).q;
}

/*
 * Interest part: what is owed before the payment times the rate; a loan's as the present value of what is still
 * to come, savings as the value of what has been paid, so that neither is a small difference.
 */
K_SCALAR double
xl_ipmt_of(double r, double per, double n, double pmt, double pv, double fv, double type)
{
	double left = n - per + 1, t, v;

	if (type != 0 && per == 1)
		return 0;
	if (!(r > -1) || ks_abs(pv) < ks_abs(fv)) {
		t = xl_fv_of(r, per - 1, pmt, pv, type);
		return (type != 0 ? t / (1 + r) : t) * r;
	}
	t = -left * ks_log1p(r);
	v = ks_abs(t) < 1 ? ks_expm1(t) + 1 : ks_pow(1 + r, -left);
	if (type != 0)
		return (fv * v * r - pmt * (1 + r) * ks_expm1(t)) / (1 + r);
	return fv * v * r - pmt * ks_expm1(t);
}

XL_FN
xl_ipmt(struct xl_call *c)
{
	double r = XL_ARG(c, 0), per = XL_ARG(c, 1), n = XL_ARG(c, 2), pv = XL_ARG(c, 3);
	double fv = XL_OPT(c, 4, 0.0), type = XL_OPT(c, 5, 0.0);

	if (per < 1 || per >= n + 1 || n <= 0)
		return XL_FAIL(c, XL_NUM);
	return xl_ipmt_of(r, per, n, xl_pmt_of(r, n, pv, fv, type), pv, fv, type) + 0.0;
}

XL_FN
xl_ppmt(struct xl_call *c)
{
	double r = XL_ARG(c, 0), per = XL_ARG(c, 1), n = XL_ARG(c, 2), pv = XL_ARG(c, 3);
	double fv = XL_OPT(c, 4, 0.0), type = XL_OPT(c, 5, 0.0);

	if (per < 1 || per >= n + 1 || n <= 0)
		return XL_FAIL(c, XL_NUM);
	return xl_ppmt_of(r, per, n, pv, fv, type);
}

/* rate, nper, pv, start, end, type: interest and principal of payments start..end, summed one by one. */
K_SCALAR double
xl_cumulative(struct xl_call *c, int principal)
{
	double r = XL_ARG(c, 0), n = XL_ARG(c, 1), pv = XL_ARG(c, 2), type = XL_ARG(c, 5), pmt, s = 0;
	double first = ks_ceil(XL_ARG(c, 3)), last = ks_floor(XL_ARG(c, 4));

	if (!(r > 0) || !(n > 0) || !(pv > 0) || (type != 0 && type != 1))
		return XL_FAIL(c, XL_NUM);
	if (XL_ARG(c, 3) < 1 || XL_ARG(c, 4) < XL_ARG(c, 3) || last > n || last > 1e6)
		return XL_FAIL(c, XL_NUM);
	pmt = xl_pmt_of(r, n, pv, 0, type);
	for (double k = first; k <= last; k += 1) {
		s = s + (principal ? xl_ppmt_of(r, k, n, pv, 0, type) : xl_ipmt_of(r, k, n, pmt, pv, 0, type));
	}
	return s;
}

XL_FN xl_cumipmt(struct xl_call *c) { return xl_cumulative(c, 0); }
XL_FN xl_cumprinc(struct xl_call *c) { return xl_cumulative(c, 1); }

XL_FN
xl_ispmt(struct xl_call *c)
{
	double n = XL_ARG(c, 2);

	return n == 0 ? XL_FAIL(c, XL_DIV0) : XL_ARG(c, 3) * XL_ARG(c, 0) * (XL_ARG(c, 1) / n - 1);
}

/* --- cash flows --------------------------------------------------------------------------------------------- */

XL_FN
xl_npv(struct xl_call *c)
{
	double q = 1 + XL_ARG(c, 0), p = 1, s = 0;

	if (q == 0)
		return XL_FAIL(c, XL_DIV0);
	for (int a = 1; a < c->nargs; a++)
		for (int i = 0; i < c->arg[a].n; i++) {
			p = p * q;
			s = s + c->arg[a].x[i] / p;
		}
	return s;
}

XL_FN
xl_xnpv(struct xl_call *c)
{
	double r = XL_ARG(c, 0), s = 0, l;
	const struct xl_arg *v = &c->arg[1], *d = &c->arg[2];

	if (v->n != d->n || v->n == 0 || r <= 0) /* the original takes no other rate */
		return XL_FAIL(c, XL_NUM);
	l = ks_log1p(r);
	for (int i = 0; i < v->n; i++) {
		double days = ks_floor(d->x[i]) - ks_floor(d->x[0]);

		if (days < 0 || d->x[i] < 0)
			return XL_FAIL(c, XL_NUM);
		s = s + v->x[i] * ks_exp(-days / 365 * l);
	}
	return s;
}

XL_FN
xl_fvschedule(struct xl_call *c)
{
	double p = XL_ARG(c, 0);

	for (int i = 0; i < c->arg[1].n; i++)
		p = p * (1 + c->arg[1].x[i]);
	return p;
}

XL_FN
xl_mirr(struct xl_call *c)
{
	const struct xl_arg *v = &c->arg[0];
	double f = 1 + XL_ARG(c, 1), r = 1 + XL_ARG(c, 2), gain = 0, loss = 0, p = 1, n = v->n;

	if (n < 2)
		return XL_FAIL(c, XL_DIV0);
	for (int i = v->n - 1; i >= 0; i--) { /* gains at the end */
		if (v->x[i] > 0)
			gain = gain + v->x[i] * p;
		p = p * r;
	}
	p = 1;
	for (int i = 0; i < v->n; i++) { /* losses at the beginning */
		if (v->x[i] < 0)
			loss = loss + v->x[i] / p;
		p = p * f;
	}
	if (loss == 0)
		return XL_FAIL(c, XL_DIV0);
	if (gain == 0)
		return -1;
	return ks_pow(-gain / loss, 1 / (n - 1)) - 1;
}

/* --- roots ----------------------------------------------------------------------------------------------------- */

enum xl_root_kind { XL_ROOT_IRR, XL_ROOT_XIRR, XL_ROOT_RATE, XL_ROOT_YIELD };

struct xl_root {
	enum xl_root_kind kind;
	const double *v, *d;                /* flows; dates */
	int n;
	double nper, pmt, pv, fv, type;     /* RATE */
	double coupon, freq, dsc, acc, redemption, price; /* YIELD: coupon per period; nper coupons */
};

K_SCALAR void
xl_root_clear(struct xl_root *z, enum xl_root_kind kind)
{
	z->kind = kind;
	z->v = z->d = 0;
	z->n = 0;
	z->nper = z->pmt = z->pv = z->fv = z->type = 0;
	z->coupon = z->freq = z->dsc = z->acc = z->redemption = z->price = 0;
}

/* Price of a bond less accrued interest, with more than one coupon left, at yield r; and its derivative. */
K_SCALAR double
xl_bond_price(const struct xl_root *z, double r, double *slope)
{
	double u = 1 + r / z->freq, l = ks_log1p(r / z->freq);
	double p = ks_exp(-z->dsc * l), s = 0, t = 0, k;

	for (k = 0; k < z->nper; k += 1) {
		s = s + z->coupon * p;
		t = t - z->coupon * p * (k + z->dsc);
		if (k + 1 == z->nper) {
			s = s + z->redemption * p;
			t = t - z->redemption * p * (k + z->dsc);
		}
		p = p / u;
	}
	*slope = t / u / z->freq;
	return s - z->coupon * z->acc;
}

K_SCALAR_BIG double
xl_root_value(const struct xl_root *z, double r, double *slope)
{
	double s = 0, t = 0, q = 1 + r;

	if (z->kind == XL_ROOT_IRR) {
		double u = 1 / q;

		for (int i = z->n - 1; i >= 0; i--) { /* Horner in u, with derivative */
			t = t * u + s;
			s = s * u + z->v[i];
		}
		*slope = -t * u * u;
		return s;
	}
	if (z->kind == XL_ROOT_XIRR) {
		double l = ks_log1p(r);

		for (int i = 0; i < z->n; i++) {
			double years = (ks_floor(z->d[i]) - ks_floor(z->d[0])) / 365;
			double w = z->v[i] * ks_exp(-years * l);

			s = s + w;
			t = t - years * w;
		}
		*slope = t / q;
		return s;
	}
	if (z->kind == XL_ROOT_RATE) {
		struct xl_growth g = xl_growth(r, z->nper);
		double due = xl_due(r, z->type), da, n = z->nper;

		/* d a / d r = (n q / (1 + r) - a) / r; its limit n (n - 1) / 2 at 0 */
		if (ks_abs(r * n) < 1e-4)
			da = n * (n - 1) / 2 * (1 + r * (n - 2) * 2 / 3);
		else
			da = (n * g.q / q - g.a) / r;
		*slope = z->pv * n * g.q / q + z->pmt * ((z->type != 0 ? g.a : 0) + due * da);
		return z->pv * g.q + z->pmt * due * g.a + z->fv;
	}
	return xl_bond_price(z, r, slope) - z->price;
}

K_SCALAR int
xl_finite(double x)
{
	return ks_abs(x) < XL_INF;
}

/* Newton from x. 0, or -1. */
K_SCALAR_BIG int
xl_newton(const struct xl_root *z, double x, double *root)
{
	double last = XL_INF, low = z->kind == XL_ROOT_YIELD ? -z->freq : -1.0;

	for (int i = 0; i < 100; i++) {
		double d, f = xl_root_value(z, x, &d), step = f / d, size;

		if (f == 0) {
			*root = x;
			return 0;
		}
		if (!xl_finite(step) || d == 0)
			return -1;
		size = ks_abs(step);
		/* settled: the step is noise, or has stopped shrinking near it */
		if (size <= 4e-16 * (1 + ks_abs(x)) || (size < 1e-9 && size >= last)) {
			*root = x - (size < last ? step : 0);
			return 0;
		}
		last = size;
		x = x - step > low ? x - step : (x + low) / 2;
		if (!(ks_abs(x) < 1e10))
			return -1;
	}
	return -1;
}

K_SCALAR_BIG double
xl_bisect(const struct xl_root *z, double lo, double hi, double flo)
{
	for (int i = 0; i < 200; i++) {
		double d, m = (lo + hi) / 2, f;

		if (m == lo || m == hi)
			break;
		f = xl_root_value(z, m, &d);
		if (f == 0)
			return m;
		if ((f < 0) == (flo < 0))
			lo = m;
		else
			hi = m;
	}
	return (lo + hi) / 2;
}

/* Nearest change of sign around the guess, in steps of 1 + r growing by a factor. 0, or -1. */
K_SCALAR_BIG int
xl_scan(const struct xl_root *z, double guess, double *root)
{
	double scale = z->kind == XL_ROOT_YIELD ? z->freq : 1.0;
	double up = guess, down = guess, d, fup, fdown;

	fup = fdown = xl_root_value(z, guess, &d);
	for (int i = 0; i < 120; i++) {
		double f = 1 + 0.02 * (1 + i / 8.0), nu = (scale + up) * f - scale, nd = (scale + down) / f - scale;
		double gu = xl_root_value(z, nu, &d), gd = xl_root_value(z, nd, &d);

		if (xl_finite(gu) && xl_finite(fup) && (gu < 0) != (fup < 0)) {
			*root = xl_bisect(z, up, nu, fup);
			return 0;
		}
		if (xl_finite(gd) && xl_finite(fdown) && (gd < 0) != (fdown < 0)) {
			*root = xl_bisect(z, nd, down, gd);
			return 0;
		}
		up = nu;
		down = nd;
		fup = gu;
		fdown = gd;
	}
	return -1;
}

K_SCALAR double
xl_solve(struct xl_call *c, const struct xl_root *z, double guess)
{
	double r = 0;

	if (xl_newton(z, guess, &r) < 0 && xl_scan(z, guess, &r) < 0)
		return XL_FAIL(c, XL_NUM);
	if (r < -1 + 1e-12) /* everything lost at once: no rate */
		return XL_FAIL(c, XL_NUM);
	return ks_abs(r) < 1e-15 ? 0.0 : r;
}

K_SCALAR int
xl_signs_differ(const struct xl_arg *v)
{
	int plus = 0, minus = 0;

	for (int i = 0; i < v->n; i++) {
		plus |= v->x[i] > 0;
		minus |= v->x[i] < 0;
	}
	return plus && minus;
}

XL_FN
xl_irr(struct xl_call *c)
{
	struct xl_root z;
	double guess = c->nargs > 1 ? XL_OPT(c, 1, 0.1) : 0.1;

	xl_root_clear(&z, XL_ROOT_IRR);
	z.v = c->arg[0].x;
	z.n = c->arg[0].n;
	if (!xl_signs_differ(&c->arg[0]))
		return XL_FAIL(c, XL_NUM);
	if (guess <= -1)
		return XL_FAIL(c, XL_VALUE);
	return xl_solve(c, &z, guess);
}

XL_FN
xl_xirr(struct xl_call *c)
{
	struct xl_root z;
	double guess = c->nargs > 2 ? XL_OPT(c, 2, 0.1) : 0.1;

	xl_root_clear(&z, XL_ROOT_XIRR);
	z.v = c->arg[0].x;
	z.d = c->arg[1].x;
	z.n = c->arg[0].n;
	if (c->arg[0].n != c->arg[1].n || !xl_signs_differ(&c->arg[0]) || guess <= -1)
		return XL_FAIL(c, XL_NUM);
	for (int i = 1; i < z.n; i++)
		if (ks_floor(z.d[i]) < ks_floor(z.d[0]) && (z.d[i] != 0 || z.v[i] != 0)) /* both cells may be empty */
			return XL_FAIL(c, XL_NUM);
	if (z.d[0] < 0)
		return XL_FAIL(c, XL_NUM);
	return xl_solve(c, &z, guess);
}

XL_FN
xl_rate(struct xl_call *c)
{
	struct xl_root z;

	xl_root_clear(&z, XL_ROOT_RATE);
	z.nper = XL_ARG(c, 0);
	z.pmt = XL_ARG(c, 1);
	z.pv = XL_ARG(c, 2);
	z.fv = c->nargs > 3 ? XL_OPT(c, 3, 0.0) : 0.0;
	z.type = c->nargs > 4 ? XL_OPT(c, 4, 0.0) : 0.0;
	if (!(z.nper > 0))
		return XL_FAIL(c, XL_NUM);
	return xl_solve(c, &z, c->nargs > 5 ? XL_OPT(c, 5, 0.1) : 0.1);
}

/* --- depreciation ------------------------------------------------------------------------------------------------ */

XL_FN
xl_sln(struct xl_call *c)
{
	double life = XL_ARG(c, 2);

	return life == 0 ? XL_FAIL(c, XL_DIV0) : (XL_ARG(c, 0) - XL_ARG(c, 1)) / life;
}

XL_FN
xl_syd(struct xl_call *c)
{
	double life = XL_ARG(c, 2), per = XL_ARG(c, 3);

	if (!(life > 0) || per <= 0 || per > life || XL_ARG(c, 1) < 0)
		return XL_FAIL(c, XL_NUM);
	return (XL_ARG(c, 0) - XL_ARG(c, 1)) * (life - per + 1) * 2 / (life * (life + 1));
}

XL_FN
xl_db(struct xl_call *c)
{
	double cost = XL_ARG(c, 0), salvage = XL_ARG(c, 1), life = XL_ARG(c, 2), per = ks_trunc(XL_ARG(c, 3));
	double month = c->nargs > 4 ? ks_trunc(XL_OPT(c, 4, 12.0)) : 12.0, rate, total, dep, k;

	if (cost < 0 || salvage < 0 || !(life > 0) || per < 1 || month < 1 || month > 12 || life > 1e6)
		return XL_FAIL(c, XL_NUM);
	if (per > life + (month < 12))
		return XL_FAIL(c, XL_NUM);
	if (cost == 0)
		return 0;
	rate = xl_round_digits(1 - ks_pow(salvage / cost, 1 / life), 3);
	total = dep = cost * rate * month / 12;
	for (k = 2; k <= per; k += 1) {
		dep = (cost - total) * rate;
		if (k > life)
			dep = dep * (12 - month) / 12;
		total = total + dep;
	}
	return dep;
}

XL_FN
xl_ddb(struct xl_call *c)
{
	double cost = XL_ARG(c, 0), salvage = XL_ARG(c, 1), life = XL_ARG(c, 2), per = XL_ARG(c, 3);
	double factor = c->nargs > 4 ? XL_OPT(c, 4, 2.0) : 2.0, rate, before, after, dep;

	if (cost < 0 || salvage < 0 || !(life > 0) || per < 1 || per > life || !(factor > 0))
		return XL_FAIL(c, XL_NUM);
	rate = factor / life;
	if (rate >= 1) {
		before = per == 1 ? cost : 0;
		after = 0;
	} else {
		before = cost * ks_pow(1 - rate, per - 1);
		after = cost * ks_pow(1 - rate, per);
	}
	dep = before - (after < salvage ? salvage : after);
	return dep < 0 ? 0 : dep;
}

/* Declining balance, straight line from where that gives more; a year's amount is spread evenly over it. Where the start is no whole
 * number, years begin at its fraction, behind a short one. */
XL_FN
xl_vdb(struct xl_call *c)
{
	double cost = XL_ARG(c, 0), salvage = XL_ARG(c, 1), life = XL_ARG(c, 2);
	double start = XL_ARG(c, 3), end = XL_ARG(c, 4), factor = c->nargs > 5 ? XL_OPT(c, 5, 2.0) : 2.0;
	int stay = c->nargs > 6 && XL_OPT(c, 6, 0.0) != 0, straight = 0;
	double book = cost, sum = 0, line = 0, at, next;

	if (cost < 0 || salvage < 0 || !(life > 0) || start < 0 || end < start || end > life || factor < 0 || life > 1e6)
		return XL_FAIL(c, XL_NUM);
	next = start - ks_floor(start) > 0 ? start - ks_floor(start) : 1;
	for (at = 0; at < end; at = next, next += 1) {
		double dep = book * factor / life, to = end < next ? end : next, from = start > at ? start : at;

		if (dep > book - salvage)
			dep = book - salvage;
		if (dep < 0)
			dep = 0;
		if (!stay && !straight) {
			line = (book - salvage) / (life - at);
			straight = line > dep;
		}
		if (straight)
			dep = line;
		if (to > from)
			sum = sum + dep * (to - from);
		book = book - dep * (next - at);
	}
	return sum;
}

/* --- rates ----------------------------------------------------------------------------------------------------------- */

XL_FN
xl_effect(struct xl_call *c)
{
	double r = XL_ARG(c, 0), n = ks_trunc(XL_ARG(c, 1));

	return r > 0 && n >= 1 ? ks_expm1(n * ks_log1p(r / n)) : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_nominal(struct xl_call *c)
{
	double r = XL_ARG(c, 0), n = ks_trunc(XL_ARG(c, 1));

	return r > 0 && n >= 1 ? n * ks_expm1(ks_log1p(r) / n) : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_rri(struct xl_call *c)
{
	double n = XL_ARG(c, 0), pv = XL_ARG(c, 1), fv = XL_ARG(c, 2);

	if (!(n > 0) || pv == 0 || fv / pv < 0)
		return XL_FAIL(c, XL_NUM);
	return ks_pow(fv / pv, 1 / n) - 1;
}

XL_FN
xl_pduration(struct xl_call *c)
{
	double r = XL_ARG(c, 0), pv = XL_ARG(c, 1), fv = XL_ARG(c, 2);

	if (!(r > 0) || !(pv > 0) || !(fv > 0))
		return XL_FAIL(c, XL_NUM);
	return ks_log(fv / pv) / ks_log1p(r);
}

/* Power of ten that holds a numerator below `fraction`. */
K_SCALAR double
xl_dollar_unit(double fraction)
{
	double u = 1;

	while (u < fraction)
		u *= 10;
	return u;
}

K_SCALAR double
xl_dollar(struct xl_call *c, int to_decimal)
{
	double x = XL_ARG(c, 0), f = ks_trunc(XL_ARG(c, 1)), whole = ks_trunc(x), u;

	if (f < 0 || f > 1e15)
		return XL_FAIL(c, XL_NUM);
	if (f < 1)
		return XL_FAIL(c, XL_DIV0);
	u = xl_dollar_unit(f);
	return to_decimal ? whole + (x - whole) * u / f : whole + (x - whole) * f / u;
}

XL_FN xl_dollarde(struct xl_call *c) { return xl_dollar(c, 1); }
XL_FN xl_dollarfr(struct xl_call *c) { return xl_dollar(c, 0); }

/* --- dates for bonds ---------------------------------------------------------------------------------------------------- */

/* --- coupons ----------------------------------------------------------------------------------------------------------------- */

/* Serial of the date n months after d, on `day` or the last of the month. */
K_SCALAR double
xl_bond_later(const struct xl_call *c, struct xd_ymd d, int n, int day)
{
	struct xd_ymd r = xd_months_later(d, n, day);

	return xd_serial(r.y, r.m, r.d, c->date1904);
}

struct xl_coupons {
	double settlement, maturity;
	double previous, next; /* coupon dates around the settlement */
	int freq, basis, count; /* coupons after the settlement, to maturity */
	double days, accrued, left; /* in the period; before and after the settlement */
};

/* Arguments: settlement, maturity, frequency, basis. -1 with c->err set. */
K_SCALAR_BIG int
xl_coupons(struct xl_call *c, double settlement, double maturity, double freq, double basis, struct xl_coupons *k)
{
	struct xd_ymd m;
	int step, day, n = 0;

	k->settlement = ks_floor(settlement);
	k->maturity = ks_floor(maturity);
	freq = ks_trunc(freq);
	basis = ks_trunc(basis);
	c->err = XL_NUM;
	if ((freq != 1 && freq != 2 && freq != 4) || !(basis >= 0) || basis > 4)
		return -1;
	if (k->settlement < 1 || xl_bad_date(c, k->maturity) || k->settlement >= k->maturity)
		return -1;
	c->err = 0;
	k->freq = (int)freq;
	k->basis = (int)basis;
	step = 12 / k->freq;
	m = xd_of(k->maturity, c->date1904);
	day = m.d == xd_month_days(m.y, m.m) ? 31 : m.d;
	{
		struct xd_ymd s = xd_of(k->settlement, c->date1904);
		int months = (m.y - s.y) * 12 + m.m - s.m;

		n = months / step - 1;
		n = n < 0 ? 0 : n;
	}
	k->previous = k->next = k->maturity;
	for (;; n++) {
		k->previous = xl_bond_later(c, m, -n * step, day);
		if (n == 0)
			k->previous = k->maturity;
		if (k->previous <= k->settlement)
			break;
		k->next = k->previous;
	}
	if (n > 0)
		k->next = n == 1 ? k->maturity : xl_bond_later(c, m, -(n - 1) * step, day);
	k->count = n;
	k->accrued = xd_basis_days(k->previous, k->settlement, k->basis, c->date1904);
	k->days = k->basis == 1 ? k->next - k->previous : (k->basis == 3 ? 365.0 : 360.0) / k->freq;
	if (k->basis == 0)
		k->left = k->days - k->accrued;
	else
		k->left = xd_basis_days(k->settlement, k->next, k->basis, c->date1904);
	return 0;
}

#define XL_COUPON(name, expr)                                                                  \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		struct xl_coupons k;                                                           \
		double basis = c->nargs > 3 ? XL_OPT(c, 3, 0.0) : 0.0;                         \
		if (xl_coupons(c, XL_ARG(c, 0), XL_ARG(c, 1), XL_ARG(c, 2), basis, &k) < 0)    \
			return 0;                                                              \
		return (expr);                                                                 \
	}
XL_COUPON(coupnum, k.count)
XL_COUPON(couppcd, k.previous)
XL_COUPON(coupncd, k.next)
XL_COUPON(coupdays, k.days)
XL_COUPON(coupdaybs, k.accrued)
XL_COUPON(coupdaysnc, k.left)

/* settlement, maturity, rate, x, redemption, frequency, basis -> root record. */
K_SCALAR int
xl_bond(struct xl_call *c, struct xl_coupons *k, struct xl_root *z)
{
	double rate = XL_ARG(c, 2), red = XL_ARG(c, 4), basis = c->nargs > 6 ? XL_OPT(c, 6, 0.0) : 0.0;

	if (xl_coupons(c, XL_ARG(c, 0), XL_ARG(c, 1), XL_ARG(c, 5), basis, k) < 0)
		return -1;
	if (rate < 0 || !(red > 0)) {
		c->err = XL_NUM;
		return -1;
	}
	xl_root_clear(z, XL_ROOT_YIELD);
	z->nper = k->count;
	z->coupon = 100 * rate / k->freq;
	z->freq = k->freq;
	z->dsc = (k->days - k->accrued) / k->days; /* not k->left: the two differ by actual/360 and /365 */
	z->acc = k->accrued / k->days;
	z->redemption = red;
	return 0;
}

XL_FN
xl_price(struct xl_call *c)
{
	struct xl_coupons k;
	struct xl_root z;
	double y = XL_ARG(c, 3), slope;

	if (xl_bond(c, &k, &z) < 0)
		return 0;
	if (y < 0)
		return XL_FAIL(c, XL_NUM);
	if (k.count == 1)
		return (z.redemption + z.coupon) / (1 + z.dsc * y / z.freq) - z.coupon * z.acc;
	return xl_bond_price(&z, y, &slope);
}

XL_FN
xl_yield(struct xl_call *c)
{
	struct xl_coupons k;
	struct xl_root z;
	double price = XL_ARG(c, 3);

	if (xl_bond(c, &k, &z) < 0)
		return 0;
	if (!(price > 0))
		return XL_FAIL(c, XL_NUM);
	if (k.count == 1) {
		double paid = price + z.acc * z.coupon;

		return (z.redemption + z.coupon - paid) / paid * z.freq / z.dsc;
	}
	z.price = price;
	return xl_solve(c, &z, 0.1);
}

/* settlement, maturity, coupon, yield, frequency, basis */
K_SCALAR_BIG double
xl_duration_of(struct xl_call *c, int modified)
{
	double rate = XL_ARG(c, 2), y = XL_ARG(c, 3), basis = c->nargs > 5 ? XL_OPT(c, 5, 0.0) : 0.0;
	double u, p, w = 0, s = 0, coupon, t;
	struct xl_coupons k;

	if (xl_coupons(c, XL_ARG(c, 0), XL_ARG(c, 1), XL_ARG(c, 4), basis, &k) < 0)
		return 0;
	if (rate < 0 || y < 0)
		return XL_FAIL(c, XL_NUM);
	coupon = 100 * rate / k.freq;
	u = 1 + y / k.freq;
	t = (k.days - k.accrued) / k.days;
	p = ks_exp(-t * ks_log1p(y / k.freq));
	for (int i = 0; i < k.count; i++) {
		double v = (coupon + (i + 1 == k.count ? 100 : 0)) * p;

		s = s + v;
		w = w + (i + t) * v;
		p = p / u;
	}
	return w / s / k.freq / (modified ? u : 1);
}

XL_FN xl_duration(struct xl_call *c) { return xl_duration_of(c, 0); }
XL_FN xl_mduration(struct xl_call *c) { return xl_duration_of(c, 1); }

/* --- discounted and simple interest ---------------------------------------------------------------------------------------------- */

/* Checked dates and basis: years from argument 0 to argument 1, or -1 with the error set. */
K_SCALAR double
xl_span(struct xl_call *c, double from, double to, double basis)
{
	from = ks_floor(from);
	to = ks_floor(to);
	basis = ks_trunc(basis);
	if (from < 1 || xl_bad_date(c, to) || from >= to || !(basis >= 0) || basis > 4) {
		c->err = XL_NUM;
		return -1;
	}
	return xd_year_fraction(from, to, (int)basis, c->date1904);
}

#define XL_SIMPLE(name, last, expr)                                                            \
	XL_FN xl_##name(struct xl_call *c)                                                     \
	{                                                                                      \
		double t = xl_span(c, XL_ARG(c, 0), XL_ARG(c, 1),                              \
		                   c->nargs > (last) ? XL_OPT(c, last, 0.0) : 0.0);            \
		double x = XL_ARG(c, 2), y = XL_ARG(c, 3);                                     \
		if (c->err)                                                                    \
			return 0;                                                              \
		if (!(x > 0) || !(y > 0))                                                      \
			return XL_FAIL(c, XL_NUM);                                             \
		return (expr);                                                                 \
	}
XL_SIMPLE(disc, 4, (y - x) / y / t)
XL_SIMPLE(intrate, 4, (y - x) / x / t)
XL_SIMPLE(received, 4, y * t >= 1 ? XL_FAIL(c, XL_NUM) : x / (1 - y * t))
XL_SIMPLE(pricedisc, 4, y - x * y * t)
XL_SIMPLE(yielddisc, 4, (y / x - 1) / t)

XL_FN
xl_accrintm(struct xl_call *c)
{
	double par = c->nargs > 3 ? XL_OPT(c, 3, 1000.0) : 1000.0;
	double t = xl_span(c, XL_ARG(c, 0), XL_ARG(c, 1), c->nargs > 4 ? XL_OPT(c, 4, 0.0) : 0.0);

	if (c->err)
		return 0;
	return XL_ARG(c, 2) > 0 && par > 0 ? par * XL_ARG(c, 2) * t : XL_FAIL(c, XL_NUM);
}

/* Quasi-coupon dates: the first interest date and whole steps of months from it. */
struct xl_quasi {
	struct xd_ymd first;
	int step, day, basis;
	double freq;
};

K_SCALAR double
xl_quasi_date(const struct xl_call *c, const struct xl_quasi *q, int j)
{
	return xl_bond_later(c, q->first, j * q->step, q->day);
}

/* The j with date j <= serial < date j + 1. */
K_SCALAR int
xl_quasi_find(const struct xl_call *c, const struct xl_quasi *q, double serial)
{
	struct xd_ymd d = xd_of(serial, c->date1904);
	int j = ((d.y - q->first.y) * 12 + d.m - q->first.m) / q->step - 1;

	while (xl_quasi_date(c, q, j + 1) <= serial)
		j++;
	while (xl_quasi_date(c, q, j) > serial)
		j--;
	return j;
}

K_SCALAR double
xl_quasi_length(const struct xl_call *c, const struct xl_quasi *q, int j)
{
	if (q->basis == 1)
		return xl_quasi_date(c, q, j + 1) - xl_quasi_date(c, q, j);
	return (q->basis == 3 ? 365.0 : 360.0) / q->freq;
}

/* Share of period j from its start, or to its end; a whole period is 1. */
K_SCALAR double
xl_quasi_elapsed(const struct xl_call *c, const struct xl_quasi *q, int j, double serial)
{
	return xd_basis_days(xl_quasi_date(c, q, j), serial, q->basis, c->date1904) / xl_quasi_length(c, q, j);
}

K_SCALAR double
xl_quasi_left(const struct xl_call *c, const struct xl_quasi *q, int j, double serial)
{
	if (serial == xl_quasi_date(c, q, j))
		return 1;
	return xd_basis_days(serial, xl_quasi_date(c, q, j + 1), q->basis, c->date1904) / xl_quasi_length(c, q, j);
}

/* The period that a date is in for ACCRINT: a coupon date ends its period. */
K_SCALAR int
xl_quasi_ending(const struct xl_call *c, const struct xl_quasi *q, double serial)
{
	int j = xl_quasi_find(c, q, serial);

	return j - (xl_quasi_date(c, q, j) == serial);
}

/*
 * Periods from issue to settlement; behind the first interest date in lengths of the period that ends there. Before the last regular period (the one that ends with the first interest
 * date) the original counts back: from the issue to that period, less the days from the settlement to it in
 * units of its length; by 30/360 the broken period of the settlement by what has elapsed. Fitted to its results.
 */
K_SCALAR_BIG double
xl_quasi_periods(const struct xl_call *c, const struct xl_quasi *q, double issue, double settle, int ji, int js)
{
	double back, start;

	if (js >= -1) {
		if (js == ji)
			return xd_basis_days(issue, settle, q->basis, c->date1904) / xl_quasi_length(c, q, js);
		return xl_quasi_left(c, q, ji, issue) + (js - ji - 1) +
		       xd_basis_days(xl_quasi_date(c, q, js), settle, q->basis, c->date1904) / xl_quasi_length(c, q, -1);
	}
	start = xl_quasi_date(c, q, -1);
	if (q->basis == 0 || q->basis == 4)
		back = (-2 - js) + (1 - xl_quasi_elapsed(c, q, js, settle));
	else
		back = (start - settle) / xl_quasi_length(c, q, -1);
	return xl_quasi_left(c, q, ji, issue) + (-2 - ji) - back;
}

/*
 * issue, first interest, settlement, rate, par, frequency, basis, from issue. Where the last argument is false: from
 * the first interest date if that has passed (but by the days from the issue, if that is a coupon date); else, issue and
 * settlement in different periods, less the whole periods between them and between the settlement's and the first interest date.
 */
XL_FN
xl_accrint(struct xl_call *c)
{
	double issue = ks_floor(XL_ARG(c, 0)), first = ks_floor(XL_ARG(c, 1)), settle = ks_floor(XL_ARG(c, 2));
	double rate = XL_ARG(c, 3), par = XL_OPT(c, 4, 1000.0), freq = ks_trunc(XL_ARG(c, 5)), s;
	double basis = c->nargs > 6 ? ks_trunc(XL_OPT(c, 6, 0.0)) : 0.0;
	int whole = c->nargs > 7 ? XL_OPT(c, 7, 1.0) != 0 : 1, ji, js;
	struct xl_quasi q;

	if (!(rate > 0) || !(par > 0) || (freq != 1 && freq != 2 && freq != 4) || !(basis >= 0) || basis > 4 ||
	    issue >= settle || issue < 1 || xl_bad_date(c, settle) || first < 1 || xl_bad_date(c, first))
		return XL_FAIL(c, XL_NUM);
	q.first = xd_of(first, c->date1904);
	q.day = q.first.d == xd_month_days(q.first.y, q.first.m) ? 31 : q.first.d;
	q.step = 12 / (int)freq;
	q.freq = freq;
	q.basis = (int)basis;
	ji = xl_quasi_ending(c, &q, issue);
	js = xl_quasi_ending(c, &q, settle);
	if (!whole && first < settle && first > issue) {
		if (issue == xl_quasi_date(c, &q, ji + 1))
			return par * rate / freq * (xd_basis_days(issue, settle, q.basis, c->date1904) / xl_quasi_length(c, &q, -1));
		ji = xl_quasi_ending(c, &q, issue = first);
	}
	s = xl_quasi_periods(c, &q, issue, settle, ji, js);
	if (!whole && js < 0 && js != ji)
		s = s - (js - ji - 1) - (-1 - js);
	return par * rate / freq * s;
}

/* settlement, maturity, issue, rate, price or yield, basis: interest at maturity */
K_SCALAR_BIG double
xl_at_maturity(struct xl_call *c, int want_yield)
{
	double basis = c->nargs > 5 ? XL_OPT(c, 5, 0.0) : 0.0, rate = XL_ARG(c, 3), x = XL_ARG(c, 4);
	double dsm, a, dim;

	dsm = xl_span(c, XL_ARG(c, 0), XL_ARG(c, 1), basis);
	if (c->err)
		return 0;
	dim = xl_span(c, XL_ARG(c, 2), XL_ARG(c, 1), basis);
	if (c->err || rate < 0 || x < 0 || ks_floor(XL_ARG(c, 2)) > ks_floor(XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	a = ks_floor(XL_ARG(c, 2)) == ks_floor(XL_ARG(c, 0)) ? 0 : xl_span(c, XL_ARG(c, 2), XL_ARG(c, 0), basis);
	if (want_yield)
		return ((1 + dim * rate) / (x / 100 + a * rate) - 1) / dsm;
	return (100 + dim * rate * 100) / (1 + dsm * x) - a * rate * 100;
}

XL_FN xl_pricemat(struct xl_call *c) { return xl_at_maturity(c, 0); }
XL_FN xl_yieldmat(struct xl_call *c) { return xl_at_maturity(c, 1); }

/* --- treasury bills ------------------------------------------------------------------------------------------------------------------ */

/* Days to maturity, at most a year; -1 with the error set. */
K_SCALAR double
xl_bill_days(struct xl_call *c)
{
	double a = ks_floor(XL_ARG(c, 0)), b = ks_floor(XL_ARG(c, 1));
	struct xd_ymd p;

	if (!(a >= 1) || a >= b || xl_bad_date(c, b) || !(XL_ARG(c, 2) > 0)) {
		c->err = XL_NUM;
		return -1;
	}
	p = xd_of(a, c->date1904);
	if (b > xl_bond_later(c, p, 12, p.d)) {
		c->err = XL_NUM;
		return -1;
	}
	return b - a;
}

XL_FN
xl_tbillprice(struct xl_call *c)
{
	double n = xl_bill_days(c), p;

	if (c->err)
		return 0;
	p = 100 * (1 - XL_ARG(c, 2) * n / 360);
	return p > 0 ? p : XL_FAIL(c, XL_NUM);
}

XL_FN
xl_tbillyield(struct xl_call *c)
{
	double n = xl_bill_days(c), p = XL_ARG(c, 2);

	return c->err ? 0 : (100 - p) / p * (360 / n);
}

/* Beyond half a year, the yield of a bond with one coupon at half a year. */
XL_FN
xl_tbilleq(struct xl_call *c)
{
	double n = xl_bill_days(c), d = XL_ARG(c, 2), p, t;

	if (c->err)
		return 0;
	if (n <= 182)
		return 360 - d * n <= 0 ? XL_FAIL(c, XL_NUM) : 365 * d / (360 - d * n);
	p = (100 - d * 100 * n / 360) / 100;
	t = n == 366 ? 1 : n / 365;
	if (!(p > 0))
		return XL_FAIL(c, XL_NUM);
	return (-2 * t + 2 * ks_sqrt(t * t - (2 * t - 1) * (1 - 1 / p))) / (2 * t - 1);
}

#endif
