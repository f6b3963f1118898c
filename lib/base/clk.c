/* clk: see clk.h. */
#include "base/clk.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clk_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t
clk_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

void
clk_format(int64_t real_ns, char *out)
{
	time_t s = (time_t)(real_ns / 1000000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(out, CLK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
	         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	         (int)(real_ns / 1000000 % 1000));
}

/* n digits; -1 if they are none. */
static int
digits(const char **s, int n)
{
	int x = 0;

	for (; n > 0; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		x = 10 * x + (**s - '0');
	}
	return x;
}

static int
take(const char **s, const char *one_of)
{
	if (!**s || !strchr(one_of, **s))
		return 0;
	(*s)++;
	return 1;
}

/* "Z", "+01:00": minutes east in *east. */
static int
zone(const char **s, int *east)
{
	int sign = **s == '-' ? -1 : 1, h, m;

	*east = 0;
	if (take(s, "Zz"))
		return 0;
	if (!take(s, "+-") || (h = digits(s, 2)) < 0 || !take(s, ":") || (m = digits(s, 2)) < 0 || h > 23 || m > 59)
		return -1;
	*east = sign * (60 * h + m);
	return 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month] + (month == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

int
clk_parse(const char *s, int64_t *real_ns)
{
	struct tm tm = {0};
	int64_t whole, ns = 0, unit = 100000000;
	int east;

	if (*s == '@') {
		if (num_parse_int(s + 1, 0, (int64_t)9e9, &whole) < 0)
			return -1;
		*real_ns = whole * 1000000000;
		return 0;
	}
	tm.tm_year = digits(&s, 4) - 1900;
	if (tm.tm_year < 70 || tm.tm_year > 299 || !take(&s, "-") || (tm.tm_mon = digits(&s, 2) - 1) < 0 || tm.tm_mon > 11 || !take(&s, "-") ||
	    (tm.tm_mday = digits(&s, 2)) < 1 || tm.tm_mday > 31 || !take(&s, "Tt ") || (tm.tm_hour = digits(&s, 2)) < 0 || tm.tm_hour > 23 ||
	    !take(&s, ":") || (tm.tm_min = digits(&s, 2)) < 0 || tm.tm_min > 59)
		return -1;
	if (take(&s, ":") && ((tm.tm_sec = digits(&s, 2)) < 0 || tm.tm_sec > 60))
		return -1;
	if (take(&s, "."))
		for (; *s >= '0' && *s <= '9'; s++, unit /= 10)
			ns += (*s - '0') * unit;
	if (zone(&s, &east) < 0 || *s || tm.tm_mday > days_in_month(tm.tm_year + 1900, tm.tm_mon))
		return -1;
	*real_ns = ((int64_t)timegm(&tm) - 60 * (int64_t)east) * 1000000000 + ns;
	return 0;
}

double
clk_since_s(int64_t boot_ns)
{
	return (double)(clk_boot_ns() - boot_ns) * 1e-9;
}

int64_t
clk_of_timespec(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

struct timespec
clk_timespec(int64_t ns)
{
	int64_t part = (ns % 1000000000 + 1000000000) % 1000000000;

	return (struct timespec){.tv_sec = (ns - part) / 1000000000, .tv_nsec = part};
}
