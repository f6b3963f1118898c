/*
 * xl_date: worksheet functions of dates. Calling rules: xl.h; serials and calendars: xl_calendar.h.
 */
#ifndef KERNELS_XL_DATE_H
#define KERNELS_XL_DATE_H

#include "kernels/xl_calendar.h"

XL_FN
xl_date(struct xl_call *c)
{
	double y = ks_trunc(XL_ARG(c, 0)), m = ks_trunc(XL_ARG(c, 1)), d = ks_trunc(XL_ARG(c, 2)), s;

	if (c->date1904 ? y < 1904 : y < 1900)
		y += c->date1904 && y >= 0 && y <= 1899 ? 1904 - 4 : 1900;
	if (y < 0 || y > 9999 || ks_abs(m) > 120000 || ks_abs(d) > 4000000)
		return XL_FAIL(c, XL_NUM);
	if (y + ks_floor((m - 1) / 12) > 9999) /* before the day is counted, though it may lead back */
		return XL_FAIL(c, XL_NUM);
	s = xd_serial_norm(y, m, d, c->date1904);
	return xl_bad_date(c, s) ? XL_FAIL(c, XL_NUM) : s;
}

XL_FN
xl_year(struct xl_call *c)
{
	return xl_bad_date(c, XL_ARG(c, 0)) ? XL_FAIL(c, XL_NUM) : xd_of(XL_ARG(c, 0), c->date1904).y;
}

XL_FN
xl_month(struct xl_call *c)
{
	return xl_bad_date(c, XL_ARG(c, 0)) ? XL_FAIL(c, XL_NUM) : xd_of(XL_ARG(c, 0), c->date1904).m;
}

XL_FN
xl_day(struct xl_call *c)
{
	return xl_bad_date(c, XL_ARG(c, 0)) ? XL_FAIL(c, XL_NUM) : xd_of(XL_ARG(c, 0), c->date1904).d;
}

/* Seconds of the day, to the nearest. */
K_SCALAR double
xl_day_seconds(double s)
{
	double x = ks_floor((s - ks_floor(s)) * 86400 + 0.5);

	return x >= 86400 ? x - 86400 : x;
}

XL_FN xl_hour(struct xl_call *c) { return xl_bad_date(c, XL_ARG(c, 0)) ? XL_FAIL(c, XL_NUM) : ks_floor(xl_day_seconds(XL_ARG(c, 0)) / 3600); }

XL_FN
xl_minute(struct xl_call *c)
{
	double s;

	if (xl_bad_date(c, XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	s = xl_day_seconds(XL_ARG(c, 0));
	return ks_floor((s - ks_floor(s / 3600) * 3600) / 60);
}

XL_FN
xl_second(struct xl_call *c)
{
	double s;

	if (xl_bad_date(c, XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	s = xl_day_seconds(XL_ARG(c, 0));
	return s - ks_floor(s / 60) * 60;
}

XL_FN
xl_time(struct xl_call *c)
{
	double h = ks_trunc(XL_ARG(c, 0)), m = ks_trunc(XL_ARG(c, 1)), s = ks_trunc(XL_ARG(c, 2)), t;

	if (h > 32767 || m > 32767 || s > 32767)
		return XL_FAIL(c, XL_NUM);
	t = h * 3600 + m * 60 + s;
	if (t < 0)
		return XL_FAIL(c, XL_NUM);
	t -= ks_floor(t / 86400) * 86400;
	return t / 86400;
}

XL_FN
xl_days_between(struct xl_call *c)
{
	if (xl_bad_date(c, XL_ARG(c, 0)) || xl_bad_date(c, XL_ARG(c, 1)))
		return XL_FAIL(c, XL_NUM);
	return ks_floor(XL_ARG(c, 0)) - ks_floor(XL_ARG(c, 1));
}

/* The day of a moment rounded to its second: 46000.999999 is the next day for DAYS360, though not for DAYS. */
K_SCALAR double
xd_whole(double x)
{
	return ks_floor(ks_floor(x * 86400 + 0.5) / 86400);
}

XL_FN
xl_days360_fn(struct xl_call *c)
{
	struct xd_ymd a, b;
	int european = XL_OPT(c, 2, 0) != 0;

	if (xl_bad_date(c, XL_ARG(c, 0)) || xl_bad_date(c, XL_ARG(c, 1)))
		return XL_FAIL(c, XL_NUM);
	a = xd_of(xd_whole(XL_ARG(c, 0)), c->date1904);
	b = xd_of(xd_whole(XL_ARG(c, 1)), c->date1904);
	if (!european) { /* DAYS360 itself: the end of February is no 30th for the second date */
		int a_end = a.d == 31 || (a.m == 2 && a.d == xd_month_days(a.y, 2));

		if (a_end)
			a.d = 30;
		if (b.d == 31) {
			if (a.d < 30) {
				b.d = 1;
				b.m++;
			} else {
				b.d = 30;
			}
		}
		return (b.y - a.y) * 360.0 + (b.m - a.m) * 30.0 + (b.d - a.d);
	}
	return xd_360(a, b, 1);
}

XL_FN
xl_edate(struct xl_call *c)
{
	struct xd_ymd a;
	double m, y, s;
	int mon, last;

	if (xl_bad_date(c, XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	a = xd_of(XL_ARG(c, 0), c->date1904);
	m = a.m - 1 + ks_trunc(XL_ARG(c, 1));
	y = a.y + ks_floor(m / 12);
	mon = (int)(m - ks_floor(m / 12) * 12) + 1;
	if (y < 1900 || y > 9999)
		return XL_FAIL(c, XL_NUM);
	last = xd_month_days((int)y, mon);
	s = xd_serial((int64_t)y, mon, a.d > last ? last : a.d, c->date1904);
	return xl_bad_date(c, s) ? XL_FAIL(c, XL_NUM) : s;
}

XL_FN
xl_eomonth(struct xl_call *c)
{
	struct xd_ymd a;
	double m, y, s;
	int mon;

	if (xl_bad_date(c, XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	a = xd_of(XL_ARG(c, 0), c->date1904);
	m = a.m - 1 + ks_trunc(XL_ARG(c, 1));
	y = a.y + ks_floor(m / 12);
	mon = (int)(m - ks_floor(m / 12) * 12) + 1;
	if (y < 1900 || y > 9999)
		return XL_FAIL(c, XL_NUM);
	s = xd_serial((int64_t)y, mon, xd_month_days((int)y, mon), c->date1904);
	return xl_bad_date(c, s) ? XL_FAIL(c, XL_NUM) : s;
}

/* 0 Sunday … 6 Saturday, by the false calendar before March 1900. */
K_SCALAR int
xl_weekday_of(double serial, int date1904)
{
	int64_t s = (int64_t)ks_floor(serial) + (date1904 ? 1462 : 0);

	return (int)((s + 6) % 7);
}

XL_FN
xl_weekday(struct xl_call *c)
{
	double kind = ks_trunc(XL_OPT(c, 1, 1));
	int d;

	if (xl_bad_date(c, XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	d = xl_weekday_of(XL_ARG(c, 0), c->date1904);
	if (kind == 1)
		return d + 1;
	if (kind == 2)
		return (d + 6) % 7 + 1;
	if (kind == 3)
		return (d + 6) % 7;
	if (kind >= 11 && kind <= 17)
		return (d + 7 - ((int)kind - 10)) % 7 + 1;
	return XL_FAIL(c, XL_NUM);
}

K_SCALAR double
xl_iso_week(double serial, int date1904)
{
	double s = ks_floor(serial), thursday = s + 3 - (xl_weekday_of(s, date1904) + 6) % 7;
	struct xd_ymd t = xd_of(thursday, date1904);

	return ks_floor((thursday - xd_serial(t.y, 1, 1, date1904)) / 7) + 1;
}

XL_FN xl_isoweeknum(struct xl_call *c) { return xl_bad_date(c, XL_ARG(c, 0)) ? XL_FAIL(c, XL_NUM) : xl_iso_week(XL_ARG(c, 0), c->date1904); }

XL_FN
xl_weeknum(struct xl_call *c)
{
	double kind = ks_trunc(XL_OPT(c, 1, 1)), first, s = ks_floor(XL_ARG(c, 0));
	int start, d;

	if (xl_bad_date(c, s))
		return XL_FAIL(c, XL_NUM);
	if (kind == 21)
		return xl_iso_week(s, c->date1904);
	if (kind == 1)
		start = 0;
	else if (kind == 2)
		start = 1;
	else if (kind >= 11 && kind <= 17)
		start = ((int)kind - 10) % 7;
	else
		return XL_FAIL(c, XL_NUM);
	first = xd_serial(xd_of(s, c->date1904).y, 1, 1, c->date1904);
	d = (xl_weekday_of(first, c->date1904) - start + 7) % 7;
	return ks_floor((s - first + d) / 7) + 1;
}

XL_FN
xl_yearfrac(struct xl_call *c)
{
	double basis = ks_trunc(XL_OPT(c, 2, 0));

	if (basis < 0 || basis > 4 || xl_bad_date(c, XL_ARG(c, 0)) || xl_bad_date(c, XL_ARG(c, 1)))
		return XL_FAIL(c, XL_NUM);
	return xd_year_fraction(XL_ARG(c, 0), XL_ARG(c, 1), (int)basis, c->date1904);
}

/* Whole working days from a to b, both counted; mask: bit 0 Monday … bit 6 Sunday are free. */
K_SCALAR int
xl_is_free(double s, unsigned mask, const double *hol, int nhol, int date1904)
{
	if (mask >> ((xl_weekday_of(s, date1904) + 6) % 7) & 1)
		return 1;
	for (int i = 0; i < nhol; i++)
		if (ks_floor(hol[i]) == s)
			return 1;
	return 0;
}

K_SCALAR double
xl_net_workdays(double a, double b, unsigned mask, const double *hol, int nhol, int date1904)
{
	double sign = 1, n = 0;

	a = ks_floor(a);
	b = ks_floor(b);
	if (a > b) {
		double t = a;

		a = b;
		b = t;
		sign = -1;
	}
	if (mask == 127)
		return 0;
	for (; a <= b; a++)
		n += !xl_is_free(a, mask, hol, nhol, date1904);
	return sign * n;
}

K_SCALAR double
xl_work_day(double s, double days, unsigned mask, const double *hol, int nhol, int date1904)
{
	double step = days < 0 ? -1 : 1;

	s = ks_floor(s);
	days = ks_trunc(ks_abs(days));
	if (mask == 127)
		return -1;
	while (days > 0 && s >= 0 && s <= XL_DATE_MAX) {
		s += step;
		if (!xl_is_free(s, mask, hol, nhol, date1904))
			days--;
	}
	return s;
}

#define XL_WEEKEND 0x60u /* Saturday and Sunday */

XL_FN
xl_networkdays(struct xl_call *c)
{
	if (xl_bad_date(c, XL_ARG(c, 0)) || xl_bad_date(c, XL_ARG(c, 1)))
		return XL_FAIL(c, XL_NUM);
	return xl_net_workdays(XL_ARG(c, 0), XL_ARG(c, 1), XL_WEEKEND, c->arg[2].x, c->arg[2].n, c->date1904);
}

XL_FN
xl_workday(struct xl_call *c)
{
	double s;

	if (xl_bad_date(c, XL_ARG(c, 0)))
		return XL_FAIL(c, XL_NUM);
	s = xl_work_day(XL_ARG(c, 0), XL_ARG(c, 1), XL_WEEKEND, c->arg[2].x, c->arg[2].n, c->date1904);
	return xl_bad_date(c, s) ? XL_FAIL(c, XL_NUM) : s;
}

/* --- numeric forms of functions whose last arguments are texts: lib/formula/numform.h ---------------------- */

/* start, end, unit: 0 D, 1 M, 2 Y, 3 YM, 4 MD, 5 YD. */
XL_FN
xl_datedif(struct xl_call *c)
{
	double s1 = ks_floor(XL_ARG(c, 0)), s2 = ks_floor(XL_ARG(c, 1)), to;
	int unit, months, d;
	struct xd_ymd a, b;

	if (!(XL_ARG(c, 2) >= 0 && XL_ARG(c, 2) <= 5))
		return XL_FAIL(c, XL_NUM);
	unit = (int)XL_ARG(c, 2);
	if (xl_bad_date(c, s1) || xl_bad_date(c, s2) || s1 > s2)
		return XL_FAIL(c, XL_NUM);
	a = xd_of(s1, c->date1904);
	b = xd_of(s2, c->date1904);
	months = (b.y - a.y) * 12 + b.m - a.m - (b.d < a.d);
	if (unit == 0)
		return s2 - s1;
	if (unit == 1)
		return months;
	if (unit == 2)
		return months / 12;
	if (unit == 3)
		return months % 12;
	if (unit == 4) {
		d = b.d - a.d;
		return d < 0 ? d + xd_month_days(b.m == 1 ? b.y - 1 : b.y, b.m == 1 ? 12 : b.m - 1) : d;
	}
	to = xd_serial_norm(a.y, b.m, b.d, c->date1904); /* the end's day in the year of the start, or the next */
	return (to < s1 ? xd_serial_norm(a.y + 1, b.m, b.d, c->date1904) : to) - s1;
}

K_SCALAR int
xl_bad_mask(const struct xl_call *c)
{
	return !(XL_ARG(c, 2) >= 0 && XL_ARG(c, 2) <= 127);
}

/* start, end (or days), mask of free weekdays, holidays. */
XL_FN
xl_networkdays_mask(struct xl_call *c)
{
	double a = XL_ARG(c, 0), b = XL_ARG(c, 1);

	if (xl_bad_date(c, a) || xl_bad_date(c, b) || xl_bad_mask(c))
		return XL_FAIL(c, XL_NUM);
	return xl_net_workdays(a, b, (unsigned)XL_ARG(c, 2), c->arg[3].x, c->nargs > 3 ? c->arg[3].n : 0, c->date1904);
}

XL_FN
xl_workday_mask(struct xl_call *c)
{
	double a = XL_ARG(c, 0), s;
	unsigned mask;

	if (xl_bad_date(c, a) || xl_bad_mask(c))
		return XL_FAIL(c, XL_NUM);
	mask = (unsigned)XL_ARG(c, 2);
	if (mask == 127)
		return XL_FAIL(c, XL_VALUE);
	s = xl_work_day(a, XL_ARG(c, 1), mask, c->arg[3].x, c->nargs > 3 ? c->arg[3].n : 0, c->date1904);
	return xl_bad_date(c, s) ? XL_FAIL(c, XL_NUM) : s;
}

#endif
