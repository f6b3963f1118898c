/* num: see num.h. Uses newlocale("C") once per thread of execution that needs it. */
#include "base/num.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* uselocale(C) around one call: the caller's locale never shows. */
static locale_t
enter_c(locale_t *made)
{
	*made = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	return *made ? uselocale(*made) : (locale_t)0;
}

static void
leave_c(locale_t made, locale_t old)
{
	if (!made)
		return;
	uselocale(old);
	freelocale(made);
}

static int
decimal_point_is_dot(void)
{
	const char *p = localeconv()->decimal_point;

	return p[0] == '.' && p[1] == '\0';
}

static double
c_strtod(const char *s, char **end)
{
	locale_t made, old;
	double x;

	if (decimal_point_is_dot())
		return strtod(s, end);
	old = enter_c(&made);
	x = strtod(s, end);
	leave_c(made, old);
	return x;
}

/* m * 10^e is rounded once where both are exact: m below 2^53, |e| at most 22 (W. D. Clinger, How to Read Floating Point
 * Numbers Accurately, 1990). Most numbers in files and formulas are such. 0, or -1 where strtod must do it. */
static int
exact_decimal(uint64_t m, int e, double *out)
{
	static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	if (m > (uint64_t)1 << 53 || e < -22 || e > 22)
		return -1;
	*out = e < 0 ? (double)m / ten[-e] : (double)m * ten[e];
	return 0;
}

size_t
num_scan_double(const char *s, double *out)
{
	const char *p = s;
	uint64_t m = 0;
	size_t ndigits = 0, after = 0;
	int exponent = 0, sign = 1;

	if (*p == '+' || *p == '-')
		p++;
	for (; *p >= '0' && *p <= '9'; p++, ndigits++)
		m = ndigits < 18 ? m * 10 + (uint64_t)(*p - '0') : m;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, ndigits++, after++)
			m = ndigits < 18 ? m * 10 + (uint64_t)(*p - '0') : m;
	if (!ndigits || ((s[ndigits > 0] == 'x') || (s[1] == 'X')))
		return 0;
	if (*p == 'e' || *p == 'E') {
		const char *q = p + 1;

		if (*q == '+' || *q == '-')
			sign = *q++ == '-' ? -1 : 1;
		if (*q >= '0' && *q <= '9')
			for (; *q >= '0' && *q <= '9'; p = ++q)
				exponent = exponent < 10000 ? exponent * 10 + (*q - '0') : exponent;
	}
	if (ndigits > 18 || after > 18 || exact_decimal(m, sign * exponent - (int)after, out) < 0)
		*out = c_strtod(s, NULL);
	else if (*s == '-')
		*out = -*out;
	return (size_t)(p - s);
}

int
num_parse_double(const char *s, size_t n, double *out)
{
	char small[64], *copy = small;
	double x = 0;
	size_t used;
	int rc = -1;

	if (!n || memchr(s, 'x', n) || memchr(s, 'X', n))
		return -1;
	if (n >= sizeof small && !(copy = malloc(n + 1)))
		return -1;
	memcpy(copy, s, n);
	copy[n] = '\0';
	used = num_scan_double(copy, &x);
	if (used == n && isfinite(x)) {
		*out = x;
		rc = 0;
	}
	if (copy != small)
		free(copy);
	return rc;
}

int
num_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out)
{
	const char *digits = s + (*s == '-' || *s == '+');
	char *end;
	long long v;
	double x;

	if (*digits < '0' || *digits > '9')
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end == '\0' && !errno) {
		if (v < lo || v > hi)
			return -1;
		*out = v;
		return 0;
	}
	if (num_parse_double(s, strlen(s), &x) < 0 || x != floor(x) || fabs(x) > 9007199254740992.0)
		return -1;
	if (x < (double)lo || x > (double)hi)
		return -1;
	*out = (int64_t)x;
	return 0;
}

int
num_parse_u64(const char *s, uint64_t *out)
{
	int hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *p = hex ? s + 2 : s;
	char *end;

	if (!((*p >= '0' && *p <= '9') ||
	      (hex && ((*p >= 'a' && *p <= 'f') || (*p >= 'A' && *p <= 'F')))))
		return -1;
	errno = 0;
	*out = strtoull(p, &end, hex ? 16 : 10);
	return *end == '\0' && !errno ? 0 : -1;
}

int
num_parse_duration(const char *s, int64_t *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"", 1e9},     {"ns", 1},      {"us", 1e3},    {"ms", 1e6},  {"s", 1e9},
	             {"sec", 1e9},  {"m", 60e9},    {"min", 60e9},  {"h", 3600e9}, {"d", 86400e9},
	             {"w", 604800e9}};
	double x;
	size_t n = num_scan_double(s, &x);

	if (!n || x < 0 || !isfinite(x))
		return -1;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(s + n, units[i].unit))
			continue;
		if (x * units[i].ns > 9.2e18)
			return -1;
		*ns = (int64_t)(x * units[i].ns);
		return 0;
	}
	return -1;
}

size_t
num_format_g(double x, int digits, char *out)
{
	locale_t made = 0, old = 0;
	int dot = decimal_point_is_dot(), n;

	if (isnan(x))
		return (size_t)snprintf(out, NUM_DOUBLE_MAX, "nan");
	if (!dot)
		old = enter_c(&made);
	n = snprintf(out, NUM_DOUBLE_MAX, "%.*g", digits, x);
	if (!dot)
		leave_c(made, old);
	return (size_t)n;
}

size_t
num_format_double(double x, char *out)
{
	double back;
	size_t n;

	for (int digits = 15; digits < 17; digits++) {
		n = num_format_g(x, digits, out);
		if (!isfinite(x))
			return n;
		back = c_strtod(out, NULL);
		if (back == x)
			return n;
	}
	return num_format_g(x, 17, out);
}
