/*
 * xl_calendar: serial numbers to dates and back, day counts and fractions of a year; what the functions of dates
 * (xl_date.h) and of bonds (xl_money.h) share. With the false 29 February 1900 and the system of 1904. Days are converted
 * by the civil calendar's cycle of 400 years. Serials are of the workbook's own system.
 */
#ifndef KERNELS_XL_CALENDAR_H
#define KERNELS_XL_CALENDAR_H

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

/* n months later, on `day` or the last of the month. */
K_SCALAR struct xd_ymd
xd_months_later(struct xd_ymd d, int n, int day)
{
	int t = d.y * 12 + d.m - 1 + n, last;
	struct xd_ymd r;

	r.y = t / 12;
	r.m = t % 12 + 1;
	last = xd_month_days(r.y, r.m);
	r.d = day < last ? day : last;
	return r;
}

/* No serial of the workbook's system: before its first day or after 9999. */
K_SCALAR int
xl_bad_date(const struct xl_call *c, double s)
{
	return !(s >= 0) || ks_floor(s) > (c->date1904 ? XL_DATE_MAX - 1462 : XL_DATE_MAX);
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

/* Days from a to b by a day count: 0 US 30/360, 4 European 30/360, else the calendar's. */
K_SCALAR double
xd_basis_days(double a, double b, int basis, int date1904)
{
	if (basis == 0 || basis == 4)
		return xd_360(xd_of(a, date1904), xd_of(b, date1904), basis == 4);
	return b - a;
}

/* YEARFRAC. basis: 0 US 30/360, 1 actual/actual, 2 actual/360, 3 actual/365, 4 European 30/360. */
K_SCALAR_BIG double
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
		/* the mean year is that of the true calendar: the 29 February 1900 does not lengthen it */
		return days / ((xd_serial(b.y + 1, 1, 1, date1904) - xd_serial(a.y, 1, 1, date1904) - (a.y == 1900 && !date1904)) /
		               (b.y - a.y + 1));
	case 2:
		return days / 360;
	case 3:
		return days / 365;
	default:
		return xd_360(a, b, 1) / 360;
	}
}

#endif
