/* general: numbers in General format, and text that reads as a number. See value.h. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "formula/value.h"
#include "kernels/xl_date.h"

size_t
value_format_general(double x, char *out)
{
	char s[40], *e;
	int exp10;

	if (x == 0) {
		strcpy(out, "0");
		return 1;
	}
	num_format_g(x, 15, s);
	e = strchr(s, 'e');
	exp10 = e ? atoi(e + 1) : 0;
	if (!e) {
		strcpy(out, s);
		return strlen(out);
	}
	*e = '\0';
	if (exp10 < 0) { /* 0.00001 rather than 1E-05, in 21 places at most, as 1E+20 */
		char digits[32];
		int n = 0;

		for (char *c = s; *c; c++)
			if (isdigit((unsigned char)*c))
				digits[n++] = *c;
		digits[n] = '\0';
		if (1 - exp10 + n <= 21)
			return (size_t)sprintf(out, "%s0.%.*s%s", s[0] == '-' ? "-" : "", -exp10 - 1, "00000000000000000000", digits);
	}
	if (exp10 > 0 && exp10 < 21) {
		char digits[32];
		int n = 0, neg = s[0] == '-', k;

		for (char *c = s; *c; c++)
			if (isdigit((unsigned char)*c))
				digits[n++] = *c;
		k = sprintf(out, "%s%.*s", neg ? "-" : "", n, digits);
		for (; n <= exp10; n++)
			out[k++] = '0';
		out[k] = '\0';
		return (size_t)k;
	}
	return (size_t)sprintf(out, "%sE%c%02d", s, exp10 < 0 ? '-' : '+', exp10 < 0 ? -exp10 : exp10);
}

/* --- text that reads as a date or a time ---------------------------------------------------------------------- */

static const char *
read_int(const char *s, int *out, int *ndigits)
{
	int n = 0, v = 0;

	while (isdigit((unsigned char)*s) && n < 5)
		v = v * 10 + (*s++ - '0'), n++;
	*out = v;
	*ndigits = n;
	return n ? s : NULL;
}

/* "Jan", "january": 1..12 and its length; 0 */
static int
month_name(const char *s, size_t *n)
{
	static const char *const names[] = {"january", "february", "march", "april", "may", "june", "july", "august",
	                                    "september", "october", "november", "december"};

	for (*n = 0; isalpha((unsigned char)s[*n]);)
		++*n;
	for (int m = 0; m < 12; m++)
		if (*n >= 3 && *n <= strlen(names[m]) && !strncasecmp(s, names[m], *n))
			return m + 1;
	return 0;
}

static int
full_year(int y, int digits)
{
	return digits <= 2 ? (y < 30 ? 2000 + y : 1900 + y) : y;
}

/* 1/2/2024, 2024-01-02, 2-Jan-2024, Jan 2, 2024, 2 January 2024. Returns what follows, NULL if it is none. */
static const char *
parse_date(const char *s, int date1904, double *out)
{
	int a, b, c, na, nb, nc, y = 0, m, d;
	size_t n;
	const char *p;

	m = month_name(s, &n);
	if (m) {
		p = s + n;
		while (*p == ' ' || *p == '-' || *p == '.')
			p++;
		if (!(p = read_int(p, &d, &nb)))
			return NULL;
		while (*p == ',' || *p == ' ' || *p == '-')
			p++;
		if (!(p = read_int(p, &y, &nc)))
			return NULL;
		y = full_year(y, nc);
	} else {
		char sep;

		if (!(p = read_int(s, &a, &na)) || !*p || !strchr("/- .", *p))
			return NULL;
		sep = *p++;
		while (*p == ' ')
			p++;
		m = month_name(p, &n);
		if (m) {
			d = a;
			p += n;
			while (*p == ' ' || *p == '-' || *p == '/' || *p == ',')
				p++;
			if (!(p = read_int(p, &y, &nc)))
				return NULL;
			y = full_year(y, nc);
		} else {
			if (sep == ' ' || sep == '.' || !(p = read_int(p, &b, &nb)))
				return NULL;
			if (*p != sep || !(p = read_int(p + 1, &c, &nc)))
				return NULL;
			if (na == 4) {
				y = a, m = b, d = c;
			} else {
				m = a, d = b, y = full_year(c, nc);
			}
		}
	}
	if (y < 1900 || y > 9999 || m < 1 || m > 12 || d < 1)
		return NULL;
	if (y == 1900 && m == 2 && d == 29 && !date1904) {
		*out = 60;
		return p;
	}
	if (d > xd_month_days(y, m))
		return NULL;
	*out = xd_serial(y, m, d, date1904);
	return p;
}

/* "15.5", "15.": the seconds; what follows, NULL if there are none. */
static const char *
read_seconds(const char *s, double *out)
{
	int whole, n;
	const char *p = read_int(s, &whole, &n);

	*out = whole;
	if (!p || *p != '.')
		return p;
	return isdigit((unsigned char)p[1]) ? s + num_scan_double(s, out) : p + 1;
}

/* 12:30, 1:30:15.5 PM, 59:30.5 (minutes and seconds). One of the parts may go beyond its end, up to 9999: 25:00, 0:0:90. */
static const char *
parse_time(const char *s, double *out)
{
	int h, mi = 0, n, colon;
	double sec = 0;
	const char *p = read_int(s, &h, &n);

	if (!p)
		return NULL;
	colon = *p == ':';
	if (colon) {
		const char *q = p + 1;

		if (!(p = read_int(q, &mi, &n)))
			return NULL;
		if (*p == '.' && isdigit((unsigned char)p[1])) {
			p = read_seconds(q, &sec);
			mi = h;
			h = 0;
		} else if (*p == ':') {
			p = read_seconds(p + 1, &sec);
		} else if (*p == '.') {
			p++;
		}
		if (!p)
			return NULL;
	} else if (*p != ' ') {
		return NULL;
	}
	if (h > 9999 || mi > 9999 || sec >= 10000 || (h > 23) + (mi > 59) + (sec >= 60) > 1)
		return NULL;
	while (*p == ' ')
		p++;
	if (!strncasecmp(p, "AM", 2) || !strncasecmp(p, "PM", 2)) {
		if (h < 1 || h > 12)
			return NULL;
		h = h % 12 + ((*p | 32) == 'p' ? 12 : 0);
		p += 2;
	} else if (!colon) {
		return NULL;
	}
	*out = (h * 3600.0 + mi * 60.0 + sec) / 86400;
	return p;
}

static int
parse_moment(const char *s, int date1904, double *out)
{
	double d = 0, t = 0;
	const char *p = parse_date(s, date1904, &d);

	if (!p) {
		p = parse_time(s, &t);
	} else if (*p == ' ' || *p == 'T') {
		const char *q = p + 1;

		while (*q == ' ')
			q++;
		p = *q ? parse_time(q, &t) : q;
	}
	if (!p)
		return -1;
	while (*p == ' ')
		p++;
	*out = d + t;
	return *p ? -1 : 0;
}

int
value_parse_number(const char *s, size_t n, int date1904, double *out)
{
	char t[80];
	size_t k = 0;
	int percent = 0, neg = 0, blanks = 0;

	while (n && isspace((unsigned char)s[0]))
		s++, n--, blanks = 1;
	while (n && isspace((unsigned char)s[n - 1]))
		n--, blanks = 1;
	if (!n || n > 70)
		return -1;
	if (s[0] == '(' && s[n - 1] == ')')
		neg = 1, s++, n -= 2;
	if (n && s[n - 1] == '%')
		percent = 1, n--;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '$' && k <= 1)
			continue;
		if (i + 3 <= n && !memcmp(s + i, "€", 3) && (k <= 1 || i + 3 == n)) {
			i += 2;
			continue;
		}
		if (s[i] == ',' && i && isdigit((unsigned char)s[i - 1]) && i + 3 < n + 0 && isdigit((unsigned char)s[i + 1]))
			continue;
		t[k++] = s[i];
	}
	t[k] = '\0';
	if (num_parse_double(t, k, out) < 0) {
		memcpy(t, s, n);
		t[n] = '\0';
		if (percent || neg || (blanks && n > 4 && t[4] == '-')) /* Excel takes " 10 ", but not " 2024-01-10 " */
			return -1;
		return parse_moment(t, date1904, out);
	}
	if (percent)
		*out /= 100;
	if (neg)
		*out = -*out;
	return 0;
}
