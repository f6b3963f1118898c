/* fn_date: dates with texts and the clock; the numeric ones are in kernels/xl_date.h. Rows: functions/date.def. */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "formula/numform.h"
#include "kernels/xl_date.h"

static int
is_date(const struct eval *ev, double s)
{
	return s >= 0 && s <= (ev->date1904 ? XL_DATE_MAX - 1462 : XL_DATE_MAX);
}

/* Number 1..7, 11..17, or seven characters 0 and 1 from Monday on. 0 or an error kind. */
int
numform_weekend(struct value v, int date1904, unsigned *mask)
{
	static const unsigned pair[] = {0x60, 0x41, 0x03, 0x06, 0x0c, 0x18, 0x30};
	double x;
	int k;

	*mask = XL_WEEKEND;
	if (v.kind == V_MISSING || v.kind == V_BLANK)
		return 0;
	if (v.kind == V_TEXT) {
		const char *s = v.u.text->s;

		*mask = 0;
		if (strlen(s) != 7)
			return XE_VALUE;
		for (int i = 0; i < 7; i++) {
			if (s[i] != '0' && s[i] != '1')
				return XE_VALUE;
			*mask |= (unsigned)(s[i] - '0') << i;
		}
		return 0;
	}
	k = value_to_num(&v, date1904, &x);
	if (k)
		return k;
	x = trunc(x);
	if (x >= 1 && x <= 7)
		*mask = pair[(int)x - 1];
	else if (x >= 11 && x <= 17)
		*mask = 1u << (((int)x - 11 + 6) % 7);
	else
		return XE_NUM;
	return 0;
}

int
numform_holidays(struct eval *ev, struct value v, double **out, int *n)
{
	struct eval_walk w;
	struct value e;
	int cap = 64;

	*n = 0;
	*out = arena_alloc(&ev->tmp, (size_t)cap * sizeof **out);
	if (v.kind == V_MISSING)
		return 0;
	eval_walk_init(&w, v);
	while (eval_walk_next(ev, &w, &e)) {
		double x;
		int k = value_to_num(&e, ev->date1904, &x);

		if (k)
			return k;
		if (*n == cap) {
			double *grown = arena_alloc(&ev->tmp, 2 * (size_t)cap * sizeof *grown);

			memcpy(grown, *out, (size_t)cap * sizeof *grown);
			*out = grown;
			cap *= 2;
		}
		(*out)[(*n)++] = x;
	}
	return 0;
}

static void
intl(struct eval *ev, struct value *args, int nargs, int net, struct value *out)
{
	double *hol, a = args[0].u.num, b = args[1].u.num, s;
	unsigned mask;
	int n, k = numform_weekend(nargs > 2 ? args[2] : (struct value){.kind = V_MISSING}, ev->date1904, &mask);

	if (!k)
		k = numform_holidays(ev, nargs > 3 ? args[3] : (struct value){.kind = V_MISSING}, &hol, &n);
	if (!k && (!is_date(ev, a) || (net && !is_date(ev, b))))
		k = XE_NUM;
	if (!k && mask == 127 && !net)
		k = XE_VALUE;
	if (k) {
		*out = value_error(k);
		return;
	}
	s = net ? xl_net_workdays(a, b, mask, hol, n, ev->date1904) : xl_work_day(a, b, mask, hol, n, ev->date1904);
	*out = net || is_date(ev, s) ? value_num(s) : value_error(XE_NUM);
}

void
fn_networkdays_intl(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	intl(ev, args, nargs, 1, out);
}

void
fn_workday_intl(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	intl(ev, args, nargs, 0, out);
}

int
numform_datedif_unit(const char *text)
{
	static const char *const units[] = {"D", "M", "Y", "YM", "MD", "YD"};

	for (int i = 0; i < 6; i++)
		if (!strcasecmp(text, units[i]))
			return i;
	return -1;
}

void
fn_datedif(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double unit = numform_datedif_unit(args[2].u.text->s), r;
	struct xl_arg arg[3] = {{&args[0].u.num, 1, 1, 1}, {&args[1].u.num, 1, 1, 1}, {&unit, 1, 1, 1}};
	struct xl_call c = {.arg = arg, .nargs = 3, .date1904 = ev->date1904};

	UNUSED(call);
	UNUSED(nargs);
	r = unit < 0 ? XL_FAIL(&c, XL_NUM) : xl_datedif(&c);
	*out = c.err ? value_error(c.err) : value_num(r);
}

static void
from_text(struct eval *ev, struct value v, int time, struct value *out)
{
	double x;

	if (v.kind == V_ERROR) {
		*out = v;
		return;
	}
	if (v.kind != V_TEXT || value_parse_number(v.u.text->s, v.u.text->nbytes, ev->date1904, &x) < 0 ||
	    !strpbrk(v.u.text->s, "-/:, ") || x < 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	*out = value_num(time ? x - floor(x) : floor(x));
}

void
fn_datevalue(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	from_text(ev, args[0], 0, out);
}

void
fn_timevalue(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(nargs);
	from_text(ev, args[0], 1, out);
}

/* Local time, once a second; a run over midnight sees the day change, as a worksheet would. */
static double
clock_serial(int date1904)
{
	time_t t = time(NULL);
	struct tm tm;

	localtime_r(&t, &tm);
	return xd_serial(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, date1904) +
	       (tm.tm_hour * 3600.0 + tm.tm_min * 60 + tm.tm_sec) / 86400;
}

void
fn_today(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(args);
	UNUSED(nargs);
	*out = value_num(floor(clock_serial(ev->date1904)));
}

void
fn_now(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	UNUSED(call);
	UNUSED(args);
	UNUSED(nargs);
	*out = value_num(clock_serial(ev->date1904));
}
