/*
 * xl_odd: bonds whose first or last period is odd, and the French depreciations.
 *
 * Calling rules: xl.h. Formulas: those of Excel's documentation of ODDFPRICE, ODDLPRICE, ODDLYIELD; an odd period is cut at
 * quasi-coupon dates, whole steps of months from the first coupon (or the last interest date), and each piece counts as
 * a share of its quasi-coupon period's normal length.
 */
#ifndef KERNELS_XL_ODD_H
#define KERNELS_XL_ODD_H

#include "kernels/xl_money.h"

/* --- odd bonds ------------------------------------------------------------------------------------------- */

struct xl_odd {
	struct xl_quasi q;
	double coupon;             /* of a whole period, per 100 */
	double odd, accrued;       /* periods: the odd one whole, and up to the settlement */
	double left;               /* first: to the first coupon; last: to the maturity */
	double after;              /* first: coupons after the first */
	double redemption;
};

/* Periods between two dates, piece by piece. */
K_SCALAR_BIG double
xl_odd_periods(const struct xl_call *c, const struct xl_quasi *q, double from, double to)
{
	int a = xl_quasi_find(c, q, from), b = xl_quasi_find(c, q, to);

	if (a == b)
		return xd_basis_days(from, to, q->basis, c->date1904) / xl_quasi_length(c, q, a);
	return xl_quasi_left(c, q, a, from) + (b - a - 1) +
	       (to == xl_quasi_date(c, q, b) ? 0 : xl_quasi_elapsed(c, q, b, to));
}

/* Periods from the settlement on: its own counts in days though it be whole (365 / 360, settled on a quasi-coupon date). */
K_SCALAR_BIG double
xl_odd_left(const struct xl_call *c, const struct xl_quasi *q, double from, double to)
{
	int a = xl_quasi_find(c, q, from);
	double next = xl_quasi_date(c, q, a + 1);

	if (from != xl_quasi_date(c, q, a) || to < next)
		return xl_odd_periods(c, q, from, to);
	return xd_basis_days(from, next, q->basis, c->date1904) / xl_quasi_length(c, q, a) + xl_odd_periods(c, q, next, to);
}

/* Frequency, basis, the dates' limits, the anchor of the quasi-coupons. 0, or -1 with the error set. */
K_SCALAR_BIG int
xl_odd_open(struct xl_call *c, struct xl_odd *o, double anchor, double first, double last, double freq, double basis)
{
	freq = ks_trunc(freq);
	basis = ks_trunc(basis);
	c->err = XL_NUM;
	if ((freq != 1 && freq != 2 && freq != 4) || !(basis >= 0) || basis > 4)
		return -1;
	if (!(first >= 1 && anchor >= 1 && anchor <= 2958465 && last <= 2958465))
		return -1;
	c->err = 0;
	o->q.first = xd_of(anchor, c->date1904);
	o->q.day = o->q.first.d == xd_month_days(o->q.first.y, o->q.first.m) ? 31 : o->q.first.d;
	o->q.step = 12 / (int)freq;
	o->q.freq = freq;
	o->q.basis = (int)basis;
	return 0;
}

/* settlement, maturity, issue, first coupon, rate, yield or price, redemption, frequency, basis. */
K_SCALAR_BIG int
xl_odd_first(struct xl_call *c, struct xl_odd *o)
{
	double settle = ks_floor(XL_ARG(c, 0)), maturity = ks_floor(XL_ARG(c, 1)), issue = ks_floor(XL_ARG(c, 2));
	double first = ks_floor(XL_ARG(c, 3)), rate = XL_ARG(c, 4);
	int j;

	if (xl_odd_open(c, o, first, issue, maturity, XL_ARG(c, 7), c->nargs > 8 ? XL_OPT(c, 8, 0.0) : 0.0) < 0)
		return -1;
	o->redemption = XL_ARG(c, 6);
	if (!(maturity > first && first > settle && settle > issue) || rate < 0 || !(o->redemption > 0)) {
		c->err = XL_NUM;
		return -1;
	}
	j = xl_quasi_find(c, &o->q, maturity);
	o->after = j + (xl_quasi_date(c, &o->q, j) < maturity);
	o->coupon = 100 * rate / o->q.freq;
	o->odd = xl_odd_periods(c, &o->q, issue, first);
	o->accrued = xl_odd_periods(c, &o->q, issue, settle);
	o->left = xl_odd_left(c, &o->q, settle, first);
	return 0;
}

/* Price at a yield, and its derivative. */
K_SCALAR_BIG double
xl_odd_first_price(const struct xl_odd *o, double y, double *slope)
{
	double u = 1 + y / o->q.freq, p = ks_exp(-o->left * ks_log1p(y / o->q.freq)), v, s, t, k;

	v = o->coupon * o->odd * p;
	s = v;
	t = -v * o->left;
	for (k = 1; k <= o->after; k += 1) {
		p = p / u;
		v = (o->coupon + (k == o->after ? o->redemption : 0)) * p;
		s = s + v;
		t = t - v * (k + o->left);
	}
	*slope = t / u / o->q.freq;
	return s - o->coupon * o->accrued;
}

XL_FN
xl_oddfprice(struct xl_call *c)
{
	struct xl_odd o;
	double slope;

	if (xl_odd_first(c, &o) < 0)
		return 0;
	return XL_ARG(c, 5) < 0 ? XL_FAIL(c, XL_NUM) : xl_odd_first_price(&o, XL_ARG(c, 5), &slope);
}

/* The price falls as the yield rises: Newton within a bracket that shrinks. */
XL_FN
xl_oddfyield(struct xl_call *c)
{
	struct xl_odd o;
	double price = XL_ARG(c, 5), low, high = 1, y = 0.1, slope, f;

	if (xl_odd_first(c, &o) < 0)
		return 0;
	if (!(price > 0))
		return XL_FAIL(c, XL_NUM);
	low = -o.q.freq;
	while (xl_odd_first_price(&o, high, &slope) > price && high < 1e10)
		high *= 4;
	for (int i = 0; i < 200; i++) {
		double next;

		f = xl_odd_first_price(&o, y, &slope) - price;
		if (f == 0)
			return y;
		if (f > 0)
			low = y;
		else
			high = y;
		next = y - f / slope;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (ks_abs(next - y) <= 2e-16 * (1 + ks_abs(y)) && i > 2)
			return next;
		y = next;
	}
	return y;
}

/* settlement, maturity, last interest, rate, yield or price, redemption, frequency, basis. */
K_SCALAR_BIG int
xl_odd_last(struct xl_call *c, struct xl_odd *o)
{
	double settle = ks_floor(XL_ARG(c, 0)), maturity = ks_floor(XL_ARG(c, 1)), last = ks_floor(XL_ARG(c, 2));
	double rate = XL_ARG(c, 3);

	if (xl_odd_open(c, o, last, last, maturity, XL_ARG(c, 6), c->nargs > 7 ? XL_OPT(c, 7, 0.0) : 0.0) < 0)
		return -1;
	o->redemption = XL_ARG(c, 5);
	if (!(maturity > settle && settle > last) || rate < 0 || !(o->redemption > 0)) {
		c->err = XL_NUM;
		return -1;
	}
	o->coupon = 100 * rate / o->q.freq;
	o->odd = xl_odd_periods(c, &o->q, last, maturity);
	o->accrued = xl_odd_periods(c, &o->q, last, settle);
	o->left = xl_odd_left(c, &o->q, settle, maturity);
	return 0;
}

XL_FN
xl_oddlprice(struct xl_call *c)
{
	struct xl_odd o;

	if (xl_odd_last(c, &o) < 0)
		return 0;
	if (XL_ARG(c, 4) < 0)
		return XL_FAIL(c, XL_NUM);
	return (o.redemption + o.odd * o.coupon) / (1 + o.left * XL_ARG(c, 4) / o.q.freq) - o.accrued * o.coupon;
}

XL_FN
xl_oddlyield(struct xl_call *c)
{
	struct xl_odd o;
	double paid;

	if (xl_odd_last(c, &o) < 0)
		return 0;
	if (!(XL_ARG(c, 4) > 0))
		return XL_FAIL(c, XL_NUM);
	paid = XL_ARG(c, 4) + o.accrued * o.coupon;
	return (o.redemption + o.odd * o.coupon - paid) / paid * o.q.freq / o.left;
}

/* --- French depreciation ------------------------------------------------------------------------------------- */

/* cost, purchased, end of the first period, salvage, period, rate, basis: the checked share of the first year. */
K_SCALAR double
xl_amor_first(struct xl_call *c)
{
	double cost = XL_ARG(c, 0), from = ks_floor(XL_ARG(c, 1)), to = ks_floor(XL_ARG(c, 2)), salvage = XL_ARG(c, 3);
	double basis = c->nargs > 6 ? ks_trunc(XL_OPT(c, 6, 0.0)) : 0.0, t;

	if (!(cost > 0) || salvage < 0 || salvage > cost || XL_ARG(c, 4) < 0 || !(XL_ARG(c, 5) > 0) || from < 1 || from > to ||
	    to > 2958465 || !(basis >= 0) || basis > 4 || basis == 2)
		return XL_FAIL(c, XL_NUM);
	t = xd_year_fraction(from, to, (int)basis, c->date1904);
	return t == 0 ? 1 : t; /* bought on the last day: a whole year */
}

XL_FN
xl_amorlinc(struct xl_call *c)
{
	double t = xl_amor_first(c), year = XL_ARG(c, 0) * XL_ARG(c, 5), per = ks_trunc(XL_ARG(c, 4)), left, dep;

	if (c->err)
		return 0;
	left = XL_ARG(c, 0) - XL_ARG(c, 3);
	dep = t * year;
	if (per > 0) {
		left = left - dep - year * (per - 1);
		dep = year;
	}
	return left <= 0 ? 0 : dep < left ? dep : left;
}

/* Half of the rest in the period before the last, all of it in the last; nothing once less than the salvage is left. */
XL_FN
xl_amordegrc(struct xl_call *c)
{
	double t = xl_amor_first(c), rate = XL_ARG(c, 5), life = 1 / rate, per = ks_trunc(XL_ARG(c, 4)), book, dep, n;

	if (c->err)
		return 0;
	if (life < 3 - 1e-12 || (life > 4 + 1e-12 && life < 5 - 1e-12))
		return XL_FAIL(c, XL_NUM);
	rate *= life < 4.5 ? 1.5 : life <= 6 + 1e-12 ? 2 : 2.5;
	n = ks_ceil(life - 1e-9);
	if (per >= n)
		return 0;
	book = XL_ARG(c, 0);
	dep = xl_round_digits(t * rate * book, 0);
	for (double k = 1; k <= per; k += 1) {
		book = book - dep;
		if (book < XL_ARG(c, 3))
			return 0;
		dep = xl_round_digits(book * (k == n - 2 ? 0.5 : k == n - 1 ? 1 : rate), 0);
	}
	return dep;
}

#endif
