/* retry: see retry.h. */
#include "call/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clk.h"
#include "base/num.h"

#define FOREVER_NS (INT64_MAX / 4)

void
retry_defaults(struct retry_rules *r)
{
	static const int worth[] = {408, 425, 429, 500, 502, 503, 504};

	*r = (struct retry_rules){.max = 4, .base_ns = 250000000, .cap_ns = (int64_t)30 * 1000000000, .invalid = 1, .share = 0.2, .floor = 10};
	for (size_t i = 0; i < sizeof worth / sizeof worth[0]; i++)
		r->status[worth[i]] = 1;
}

int
retry_parse_statuses(struct retry_rules *r, const char *list, struct err *e)
{
	memset(r->status, 0, sizeof r->status);
	if (!strcmp(list, "none"))
		return 0;
	for (const char *p = list;; p++) {
		char word[8];
		size_t n = strcspn(p, ",");
		int64_t v;

		snprintf(word, sizeof word, "%.*s", (int)(n < 7 ? n : 7), p);
		if (num_parse_int(word, 100, 599, &v) < 0)
			return err_set(e, ERR_USAGE, "\"%.100s\": statuses are numbers from 100 to 599, with commas", list);
		r->status[v] = 1;
		p += n;
		if (!*p)
			return 0;
	}
}

int
retry_parse_budget(struct retry_rules *r, const char *s, struct err *e)
{
	size_t n = strlen(s);
	double share;
	int64_t v;

	if (!strcmp(s, "none")) {
		r->share = 0;
		r->floor = 0;
	} else if (!strcmp(s, "unlimited")) {
		r->floor = INT64_MAX / 2;
	} else if (n && s[n - 1] == '%' && num_parse_double(s, n - 1, &share) == 0 && share >= 0) {
		r->share = share / 100;
	} else if (num_parse_int(s, 0, INT64_MAX / 2, &v) == 0) {
		r->share = 0;
		r->floor = v;
	} else {
		return err_set(e, ERR_USAGE, "\"%.100s\" is no budget: N, P%%, none or unlimited", s);
	}
	return 0;
}

int
retry_error_passes(enum http_error error)
{
	switch (error) {
	case HTTP_RESOLVE:
	case HTTP_CONNECT:
	case HTTP_TLS:
	case HTTP_TIMEOUT:
	case HTTP_BROKEN:
	case HTTP_CLOSED:
		return 1;
	default:
		return 0;
	}
}

int64_t
retry_backoff_ns(const struct retry_rules *r, int nth)
{
	int64_t most = r->base_ns;
	uint64_t draw = 0;

	for (int i = 0; i < nth && most < r->cap_ns; i++)
		most *= 2;
	if (most > r->cap_ns)
		most = r->cap_ns;
	if (getrandom(&draw, sizeof draw, 0) != sizeof draw)
		draw = (uint64_t)clk_boot_ns() * 0x9e3779b97f4a7c15u;
	return most > 0 ? (int64_t)(draw % ((uint64_t)most + 1)) : 0;
}

/* --- Retry-After ------------------------------------------------------------------------------------------------ */

/* Days since 1970-01-01 in the Gregorian calendar, by counting from 1 March (the leap day is then the last). */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int
month_of(const char *s)
{
	static const char *const names[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	for (int i = 0; i < 12; i++)
		if (!strncasecmp(s, names[i], 3))
			return i + 1;
	return 0;
}

/* Seconds since 1970, or -1: none of the three forms. */
static int64_t
parse_date(const char *s, int64_t now_s)
{
	char month[4] = "";
	int day, year, h, m, sec, n = 0;
	const char *rest = strchr(s, ',');

	if (rest && sscanf(rest, ", %2d %3s %4d %2d:%2d:%2d GMT%n", &day, month, &year, &h, &m, &sec, &n) == 6 && n && !rest[n]) {
		/* Sun, 06 Nov 1994 08:49:37 GMT */
	} else if (rest && sscanf(rest, ", %2d-%3s-%2d %2d:%2d:%2d GMT%n", &day, month, &year, &h, &m, &sec, &n) == 6 && n && !rest[n]) {
		year += (int)(now_s / 31556952 + 1970) / 100 * 100; /* Sunday, 06-Nov-94 08:49:37 GMT */
		if (year > now_s / 31556952 + 1970 + 50)
			year -= 100;
	} else if (!rest && sscanf(s, "%*3s %3s %2d %2d:%2d:%2d %4d%n", month, &day, &h, &m, &sec, &year, &n) == 6 && n && !s[n]) {
		/* Sun Nov  6 08:49:37 1994 */
	} else {
		return -1;
	}
	if (!month_of(month) || day < 1 || day > 31 || h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 60 || year < 1900)
		return -1;
	return ((days_from_civil(year, month_of(month), day) * 24 + h) * 60 + m) * 60 + sec;
}

int64_t
retry_after_ns(const char *value, int64_t now_real_ns)
{
	size_t digits = strspn(value, "0123456789");
	int64_t at, wait;

	if (digits && !value[digits]) {
		int64_t s = 0;

		for (const char *p = value; *p; p++) {
			s = s * 10 + (*p - '0');
			if (s > FOREVER_NS / 1000000000)
				return FOREVER_NS;
		}
		return s * 1000000000;
	}
	at = parse_date(value, now_real_ns / 1000000000);
	if (at < 0)
		return -1;
	if (at - now_real_ns / 1000000000 > FOREVER_NS / 1000000000)
		return FOREVER_NS;
	wait = (at - now_real_ns / 1000000000) * 1000000000 - now_real_ns % 1000000000;
	return wait > 0 ? wait : 0;
}

int
retry_method_repeats(const char *method)
{
	static const char *const safe[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};

	for (size_t i = 0; i < sizeof safe / sizeof safe[0]; i++)
		if (!strcmp(method, safe[i]))
			return 1;
	return 0;
}
