/* numfmt_date: dates, times and elapsed times in a number format. See numfmt.h. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "formula/numfmt_private.h"
#include "formula/value.h"
#include "kernels/xl_date.h"

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September",
                                     "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* A moment taken apart, its seconds rounded as they will be shown. */
struct moment {
	struct xd_ymd d;
	double day;      /* whole days */
	double total;    /* seconds of the day */
	double unit;     /* 10^decimals */
	int decimals, ampm;
	int weekday;
	char elapsed;    /* h, m or s: the unit of [h], [m], [s], which its letter without brackets counts too; 0: none */
	int alone;       /* nothing is shown but one elapsed time */
};

static int
is_literal(char c)
{
	return c == '"' || c == '\\' || c == '[';
}

/* [h], [mm], [ss]; not [Magenta] */
static int
is_elapsed(const char *s, size_t n)
{
	if (n < 3 || *s != '[' || !strchr("hHmMsS", s[1]))
		return 0;
	for (size_t k = 1; k + 1 < n; k++)
		if ((s[k] | 32) != (s[1] | 32))
			return 0;
	return 1;
}

int
numfmt_is_date(const struct section *s)
{
	for (size_t i = 0; i < s->n; i += numfmt_token(s->s + i, s->n - i)) {
		char c = s->s[i];

		if (is_elapsed(s->s + i, numfmt_token(s->s + i, s->n - i)))
			return 1;
		if (!strncasecmp(s->s + i, "General", 7))
			i += 6;
		else if (c == 'E' || c == 'e')
			continue;
		else if (strchr("dDmMyYhHsS", c))
			return 1;
	}
	return 0;
}

static size_t
run_of(const char *s, size_t n)
{
	size_t k = 1;

	while (k < n && (s[k] | 32) == (*s | 32))
		k++;
	return k;
}

/* m is minutes after h or before s. */
static int
is_minutes(const struct section *s, size_t at, char last)
{
	if (last == 'h')
		return 1;
	for (size_t i = at + run_of(s->s + at, s->n - at); i < s->n; i += numfmt_token(s->s + i, s->n - i)) {
		char c = (char)(s->s[i] | 32);

		if (c == 's')
			return 1;
		if (isalpha((unsigned char)c) && s->s[i] != '"' && s->s[i] != '\\')
			return 0;
	}
	return 0;
}

/* AM/PM and decimals of the seconds. 0, or an error kind: digits for numbers have no place here. */
static int
survey(const struct section *s, struct moment *m)
{
	m->decimals = m->ampm = 0;
	m->elapsed = 0;
	m->alone = 1;
	for (size_t i = 0; i < s->n; i += numfmt_token(s->s + i, s->n - i)) {
		size_t k = i + 1;

		if (is_elapsed(s->s + i, numfmt_token(s->s + i, s->n - i))) {
			m->alone &= !m->elapsed;
			m->elapsed = (char)(s->s[i + 1] | 32);
			continue;
		}
		m->alone &= !strchr("dDmMyYhHsSeE.", s->s[i]);

		if (is_literal(s->s[i]))
			continue;
		if (!strncasecmp(s->s + i, "AM/PM", 5) || !strncasecmp(s->s + i, "A/P", 3))
			m->ampm = 1;
		if (s->s[i] == '#' || s->s[i] == '?')
			return XE_VALUE;
		if (s->s[i] == '.' && k < s->n && s->s[k] == '0') {
			while (k < s->n && s->s[k] == '0')
				k++;
			m->decimals = (int)(k - i - 1 < 9 ? k - i - 1 : 9);
		}
	}
	return 0;
}

/* Negative times: anything in the 1904 system, else a single elapsed time, which may also lie beyond the calendar. */
static int
out_of_range(double x, int date1904, const struct moment *m)
{
	double last = XL_DATE_MAX + 1 - (date1904 ? 1462 : 0);

	if (m->elapsed && m->alone)
		return x <= -1e10 || x >= 1e10;
	return x >= last || (x < 0 && !(date1904 && x > -last));
}

static void
take_apart(double x, int date1904, struct moment *m)
{
	m->unit = 1;
	for (int i = 0; i < m->decimals; i++)
		m->unit *= 10;
	m->day = floor(x);
	m->total = floor((x - m->day) * 86400 * m->unit + 0.5) / m->unit;
	if (m->total >= 86400) {
		m->total -= 86400;
		m->day++;
	}
	m->d = xd_of(m->day, date1904);
	m->weekday = xl_weekday_of(m->day, date1904);
}

static int
put_two(struct buf *b, size_t width, int v)
{
	return buf_printf(b, width == 1 ? "%d" : "%02d", v);
}

/* One run of a letter: "yyyy", "mm" … */
static int
put_run(struct buf *b, const struct moment *m, char c, size_t k, int minutes)
{
	int hour = (int)(m->total / 3600);

	switch (c) {
	case 'y':
	case 'e':
		return k <= 2 && c == 'y' ? buf_printf(b, "%02d", m->d.y % 100) : buf_printf(b, "%04d", m->d.y);
	case 'd':
		if (k <= 2)
			return put_two(b, k, m->d.d);
		return buf_printf(b, k == 3 ? "%.3s" : "%s", days[m->weekday]);
	case 'h':
		return put_two(b, k, m->ampm ? (hour % 12 ? hour % 12 : 12) : hour);
	case 's':
		return put_two(b, k, (int)((int64_t)m->total % 60));
	default:
		if (k <= 2)
			return put_two(b, k, minutes ? (int)((int64_t)(m->total / 60) % 60) : m->d.m);
		return buf_printf(b, k == 3 ? "%.3s" : k == 5 ? "%.1s" : "%s", months[m->d.m - 1]);
	}
}

/* [h], [mm], [s] */
static int
put_elapsed(struct buf *b, const struct moment *m, char unit, size_t width)
{
	double secs = m->day * 86400 + m->total;

	return buf_printf(b, "%0*.0f", (int)width, floor(unit == 'h' ? secs / 3600 : unit == 'm' ? secs / 60 : secs));
}

/* AM/PM, A/P (in the case of the format) at p; its length, 0 if it is neither. */
static size_t
put_half(struct buf *b, const struct moment *m, const char *p, int *rc)
{
	int pm = m->total >= 43200;

	if (!strncasecmp(p, "AM/PM", 5)) {
		*rc |= buf_puts(b, pm ? "PM" : "AM");
		return 5;
	}
	if (!strncasecmp(p, "A/P", 3)) {
		*rc |= buf_putc(b, pm ? p[2] : p[0]);
		return 3;
	}
	return 0;
}

int
numfmt_date(struct buf *b, double x, const struct section *s, int minus, int date1904)
{
	struct moment m;
	int rc = survey(s, &m);
	char last = 0;

	if (rc || out_of_range(x, date1904, &m))
		return XE_VALUE;
	if (x < 0 && minus)
		rc |= buf_putc(b, '-');
	take_apart(fabs(x), date1904, &m);
	for (size_t i = 0, n; i < s->n; i += n) {
		const char *p = s->s + i;
		char c = (char)(*p | 32);

		n = numfmt_token(p, s->n - i);
		if (is_elapsed(p, n)) {
			rc |= put_elapsed(b, &m, last = (char)(p[1] | 32), n - 2);
		} else if (n == 1 && c == 'a' && (n = put_half(b, &m, p, &rc))) {
			continue;
		} else if (*p == '.' && m.decimals && last == 's' && i + 1 < s->n && p[1] == '0') {
			rc |= buf_printf(b, ".%0*.0f", m.decimals, floor((m.total - floor(m.total)) * m.unit + 0.5));
			while (i + n < s->n && p[n] == '0')
				n++;
		} else if (n == 1 && strchr("dmyhse", c)) {
			n = run_of(p, s->n - i);
			rc |= c == m.elapsed && m.elapsed ? put_elapsed(b, &m, c, n)
			                                  : put_run(b, &m, c, n, m.elapsed || is_minutes(s, i, last));
			last = c;
		} else {
			n = n ? n : 1;
			rc |= numfmt_literal(b, p, n);
		}
	}
	return rc < 0 ? -1 : 0;
}
