/*
 * xl_date: dates as serial numbers, with the false 29 February 1900 and the system of 1904. Days are converted
 * by the civil calendar's cycle of 400 years. Arguments are serials of the workbook's own system.
 */
#ifndef KERNELS_XL_DATE_H
#define KERNELS_XL_DATE_H

#include "kernels/math.h"
#include "kernels/xl.h"

#define XL_DATE_MAX 2958465 /* 31 December 9999 in the system of 1900 */

/* Days since 1970-01-01. */
K_SCALAR int64_t
xd_days(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

struct xd_ymd {
	int y, m, d;
};

K_SCALAR struct xd_ymd
xd_civil(int64_t z)
{
	int64_t era, doe, yoe, doy, mp;
	struct xd_ymd r;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	r.d = (int)(doy - (153 * mp + 2) / 5 + 1);
	r.m = (int)(mp < 10 ? mp + 3 : mp - 9);
	r.y = (int)(yoe + era * 400 + (r.m <= 2));
	return r;
}

/* Serial (whole part) to a date; 0 is 0 January 1900, 60 is 29 February 1900. */
K_SCALAR struct xd_ymd
xd_of(double serial, int date1904)
{
	int64_t s = (int64_t)ks_floor(serial);
	struct xd_ymd r;

	if (date1904)
		return xd_civil(s - 24107);
	if (s == 60) {
		r.y = 1900, r.m = 2, r.d = 29;
		return r;
	}
	if (s == 0) {
		r.y = 1900, r.m = 1, r.d = 0;
		return r;
	}
	return xd_civil(s < 60 ? s - 25568 : s - 25569);
}

K_SCALAR double
xd_serial(int64_t y, int m, int d, int date1904)
{
	int64_t n = xd_days(y, m, d);

	if (date1904)
		return (double)(n + 24107);
	n += 25569;
	return (double)(n < 61 ? n - 1 : n);
}

/* Month m may lie outside 1..12, day outside the month. */
K_SCALAR double
xd_serial_norm(double y, double m, double d, int date1904)
{
	double mm = m - 1, yy = y + ks_floor(mm / 12);
	int mon = (int)(mm - ks_floor(mm / 12) * 12) + 1;

	/* 1900 has a 29 February here */
	if (!date1904 && yy == 1900 && mon == 2 && d == 29)
		return 60;
	return xd_serial((int64_t)yy, mon, 1, date1904) + d - 1;
}

K_SCALAR int
xd_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

K_SCALAR int
xd_month_days(int y, int m)
{
	if (m == 2)
		return xd_leap(y) ? 29 : 28;
	return m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31;
}

K_SCALAR int
xl_bad_date(const struct xl_call *c, double s)
{
	return !(s >= 0) || ks_floor(s) > (c->date1904 ? XL_DATE_MAX - 1462 : XL_DATE_MAX);
}

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

/* Days of a 30-day calendar, US (NASD) or European rule. */
K_SCALAR double
xd_360(struct xd_ymd a, struct xd_ymd b, int european)
{
	if (european) {
		a.d = a.d == 31 ? 30 : a.d;
		b.d = b.d == 31 ? 30 : b.d;
	} else {
		int a_end = a.m == 2 && a.d == xd_month_days(a.y, 2), b_end = b.m == 2 && b.d == xd_month_days(b.y, 2);

		if (a_end && b_end)
			b.d = 30;
		if (a_end)
			a.d = 30;
		if (b.d == 31 && a.d >= 30)
			b.d = 30;
		if (a.d == 31)
			a.d = 30;
	}
	return (b.y - a.y) * 360.0 + (b.m - a.m) * 30.0 + (b.d - a.d);
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

K_SCALAR double
xd_year_fraction(double s1, double s2, int basis, int date1904)
{
	struct xd_ymd a, b;
	double days;

	s1 = ks_floor(s1);
	s2 = ks_floor(s2);
	if (s1 > s2) {
		double t = s1;

		s1 = s2;
		s2 = t;
	}
	a = xd_of(s1, date1904);
	b = xd_of(s2, date1904);
	days = s2 - s1;
	switch (basis) {
	case 0:
		return xd_360(a, b, 0) / 360;
	case 1:
		if (a.y == b.y)
			return days / (xd_leap(a.y) ? 366 : 365);
		if (b.y == a.y + 1 && (a.m > b.m || (a.m == b.m && a.d >= b.d))) { /* at most a year */
			int leap = (xd_leap(a.y) && (a.m < 3)) || (xd_leap(b.y) && (b.m > 2 || (b.m == 2 && b.d == 29)));

			return days / (leap ? 366 : 365);
		}
		return days / ((xd_serial(b.y + 1, 1, 1, date1904) - xd_serial(a.y, 1, 1, date1904)) / (b.y - a.y + 1));
	case 2:
		return days / 360;
	case 3:
		return days / 365;
	default:
		return xd_360(a, b, 1) / 360;
	}
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

#endif
