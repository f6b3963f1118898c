/* numfmt: see numfmt.h. */
#include "formula/numfmt.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "kernels/xl_date.h"
#include "kernels/xl_round.h"

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September",
                                     "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* One section, cut out of the format. */
struct section {
	const char *s;
	size_t n;
	char op;         /* condition, 0: none */
	double limit;
};

/* Length of the token at s: a literal counts as one. */
static size_t
token(const char *s, size_t n)
{
	size_t k;

	if (*s == '"') {
		for (k = 1; k < n && s[k] != '"'; k++)
			;
		return k < n ? k + 1 : n;
	}
	if ((*s == '\\' || *s == '_' || *s == '*') && n > 1) {
		for (k = 2; k < n && ((unsigned char)s[k] & 0xc0) == 0x80; k++)
			;
		return k;
	}
	if (*s == '[') {
		for (k = 1; k < n && s[k] != ']'; k++)
			;
		return k < n ? k + 1 : n;
	}
	return 1;
}

static int
split(const char *f, struct section *sec)
{
	int n = 0;
	size_t len = strlen(f), from = 0;

	for (size_t i = 0; i <= len;) {
		if (i == len || f[i] == ';') {
			if (n < 4)
				sec[n++] = (struct section){f + from, i - from, 0, 0};
			from = ++i;
		} else {
			i += token(f + i, len - i);
		}
	}
	for (int k = 0; k < n; k++)
		for (size_t i = 0; i < sec[k].n; i += token(sec[k].s + i, sec[k].n - i)) {
			const char *s = sec[k].s + i;

			if (*s == '[' && strchr("<>=", s[1])) {
				int two = s[2] == '=' || s[2] == '>';

				sec[k].op = s[1] == '<' ? (s[2] == '=' ? 'l' : s[2] == '>' ? 'n' : '<')
				            : s[1] == '>' ? (s[2] == '=' ? 'g' : '>') : '=';
				num_scan_double(s + 1 + (two ? 2 : 1), &sec[k].limit);
			}
		}
	return n;
}

static int
meets(const struct section *s, double x)
{
	switch (s->op) {
	case '<': return x < s->limit;
	case 'l': return x <= s->limit;
	case '>': return x > s->limit;
	case 'g': return x >= s->limit;
	case '=': return x == s->limit;
	case 'n': return x != s->limit;
	default: return 1;
	}
}

static int
put_literal(struct buf *b, const char *s, size_t n)
{
	if (*s == '"')
		return buf_add(b, s + 1, n > 1 ? n - 2 + (s[n - 1] != '"') : 0);
	if (*s == '\\')
		return buf_add(b, s + 1, n - 1);
	if (*s == '_')
		return buf_putc(b, ' ');
	if (*s == '*')
		return 0;
	if (*s == '[') { /* [$€-407]: the currency sign */
		if (n > 2 && s[1] == '$') {
			size_t k = 2;

			while (k < n && s[k] != '-' && s[k] != ']')
				k++;
			return buf_add(b, s + 2, k - 2);
		}
		return 0;
	}
	return buf_add(b, s, n);
}

/* --- dates ------------------------------------------------------------------------------------------------------- */

static int
is_date_section(const struct section *s)
{
	for (size_t i = 0; i < s->n; i += token(s->s + i, s->n - i)) {
		char c = s->s[i];

		if (c == '[' && strchr("hHmMsS", s->s[i + 1]))
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
	for (size_t i = at + run_of(s->s + at, s->n - at); i < s->n; i += token(s->s + i, s->n - i)) {
		char c = (char)(s->s[i] | 32);

		if (c == 's')
			return 1;
		if (isalpha((unsigned char)c) && s->s[i] != '"' && s->s[i] != '\\')
			return 0;
	}
	return 0;
}

static int
put_date(struct buf *b, double x, const struct section *s, int date1904)
{
	int ampm = 0, decimals = 0, rc = 0;
	struct xd_ymd d;
	double unit, total, secs;
	int64_t h, mi, sec;
	char last = 0;

	if (x < 0 || x > XL_DATE_MAX + 1)
		return XE_VALUE;
	for (size_t i = 0; i < s->n; i += token(s->s + i, s->n - i)) {
		if (s->s[i] == '"' || s->s[i] == '\\' || s->s[i] == '[')
			continue;
		if (!strncasecmp(s->s + i, "AM/PM", 5) || !strncasecmp(s->s + i, "A/P", 3))
			ampm = 1;
		if (s->s[i] == '.' && i + 1 < s->n && s->s[i + 1] == '0')
			for (decimals = 0; i + 1 + (size_t)decimals < s->n && s->s[i + 1 + (size_t)decimals] == '0';)
				decimals++;
	}
	unit = pow(10, decimals);
	total = floor((x - floor(x)) * 86400 * unit + 0.5) / unit; /* seconds of the day, rounded as shown */
	x = floor(x);
	if (total >= 86400) {
		total -= 86400;
		x++;
	}
	secs = x * 86400 + total;
	d = xd_of(x, date1904);
	h = (int64_t)(total / 3600);
	mi = (int64_t)(total / 60) % 60;
	sec = (int64_t)total % 60;
	for (size_t i = 0; i < s->n;) {
		const char *p = s->s + i;
		size_t n = token(p, s->n - i), k;
		char c = (char)(*p | 32);

		if (*p == '[' && strchr("hHmMsS", p[1])) {
			double v = (p[1] | 32) == 'h' ? floor(secs / 3600) : (p[1] | 32) == 'm' ? floor(secs / 60) : floor(secs);

			rc |= buf_printf(b, "%0*.0f", (int)n - 2, v);
			last = (char)(p[1] | 32);
			i += n;
			continue;
		}
		if (!strncasecmp(p, "AM/PM", 5)) {
			rc |= buf_puts(b, h < 12 ? "AM" : "PM");
			i += 5;
			continue;
		}
		if (!strncasecmp(p, "A/P", 3)) {
			rc |= buf_puts(b, h < 12 ? "A" : "P");
			i += 3;
			continue;
		}
		if (n > 1 || !strchr("dmyhse", c) || *p == '"' || *p == '\\') {
			if (*p == '.' && decimals && last == 's') {
				rc |= buf_printf(b, ".%0*d", decimals, (int)floor((total - floor(total)) * unit + 0.5));
				i += 1 + (size_t)decimals;
				continue;
			}
			rc |= put_literal(b, p, n);
			i += n;
			continue;
		}
		k = run_of(p, s->n - i);
		switch (c) {
		case 'y':
		case 'e':
			rc |= k <= 2 && c == 'y' ? buf_printf(b, "%02d", d.y % 100) : buf_printf(b, "%04d", d.y);
			break;
		case 'd':
			if (k <= 2)
				rc |= buf_printf(b, k == 1 ? "%d" : "%02d", d.d);
			else
				rc |= buf_printf(b, k == 3 ? "%.3s" : "%s", days[xl_weekday_of(x, date1904)]);
			break;
		case 'h': {
			int64_t v = ampm ? (h % 12 ? h % 12 : 12) : h;

			rc |= buf_printf(b, k == 1 ? "%d" : "%02d", (int)v);
			break;
		}
		case 's':
			rc |= buf_printf(b, k == 1 ? "%d" : "%02d", (int)sec);
			break;
		default:
			if (k <= 2 && is_minutes(s, i, last))
				rc |= buf_printf(b, k == 1 ? "%d" : "%02d", (int)mi);
			else if (k <= 2)
				rc |= buf_printf(b, k == 1 ? "%d" : "%02d", d.m);
			else
				rc |= buf_printf(b, k == 3 ? "%.3s" : k == 5 ? "%.1s" : "%s", months[d.m - 1]);
		}
		last = c;
		i += k;
	}
	return rc < 0 ? -1 : 0;
}

/* --- numbers ----------------------------------------------------------------------------------------------------------- */

/* Digits of a rounded number without sign: "1234.50"; decimals after the point. */
static void
digits_of(double x, int decimals, char *out, size_t size)
{
	double r = xl_round_digits(fabs(x), decimals);

	if (decimals > 15) {
		snprintf(out, size, "%.15f", r);
		for (size_t k = strlen(out); decimals > 15 && k + 1 < size; decimals--, k++) {
			out[k] = '0';
			out[k + 1] = '\0';
		}
		return;
	}
	if (r < 1e15) { /* the 15 digits that a worksheet knows */
		int whole = r < 1 ? 1 : (int)floor(log10(r)) + 1, keep = 15 - whole < decimals ? 15 - whole : decimals;
		size_t k;

		snprintf(out, size, "%.*f", keep < 0 ? 0 : keep, r);
		k = strlen(out);
		if (keep <= 0 && decimals > 0 && k + 1 < size)
			out[k++] = '.';
		for (; keep < decimals && k + 1 < size; keep++)
			out[k++] = '0';
		out[k] = '\0';
	} else {
		char g[40];
		int e;
		size_t k = 0;

		snprintf(g, sizeof g, "%.14e", r);
		e = atoi(strchr(g, 'e') + 1);
		for (const char *p = g; *p != 'e' && k + 1 < size; p++)
			if (*p != '.')
				out[k++] = *p;
		for (int i = 14; i < e && k + 1 < size; i++)
			out[k++] = '0';
		out[k] = '\0';
	}
	for (char *p = out; *p; p++)
		if (*p == ',')
			*p = '.';
}

struct layout {
	int whole_min, decimals_min, decimals, percent, thousands, scale;
	int whole_places;
	int exponent, exp_min, exp_sign, slash;
	int first_digit, last_digit; /* positions */
};

static void
lay_out(const struct section *s, struct layout *l)
{
	int point = 0, in_exp = 0;

	memset(l, 0, sizeof *l);
	l->first_digit = l->last_digit = -1;
	for (size_t i = 0; i < s->n; i += token(s->s + i, s->n - i)) {
		char c = s->s[i];

		if (strchr("0#?", c)) {
			if (in_exp) {
				l->exp_min += c == '0' || c == '#' ? 1 : 1;
			} else if (point) {
				l->decimals++;
				if (c != '#')
					l->decimals_min = l->decimals;
			} else {
				l->whole_places++;
				if (c != '#')
					l->whole_min++;
				else if (l->whole_min)
					l->whole_min++;
			}
			if (l->first_digit < 0)
				l->first_digit = (int)i;
			l->last_digit = (int)i;
		} else if (c == '.' && !in_exp) {
			point = 1;
			if (l->first_digit < 0)
				l->first_digit = (int)i;
			l->last_digit = (int)i;
		} else if (c == ',' && l->first_digit >= 0) {
			size_t k = i + 1;

			while (k < s->n && s->s[k] == ',')
				k++;
			if (!point && k < s->n && strchr("0#?", s->s[k]))
				l->thousands = 1;
			else if (l->last_digit == (int)i - 1 || s->s[i - 1] == ',')
				l->scale++;
		} else if (c == '%') {
			l->percent++;
		} else if ((c == 'E' || c == 'e') && i + 1 < s->n && (s->s[i + 1] == '+' || s->s[i + 1] == '-')) {
			in_exp = 1;
			l->exponent = 1;
			l->exp_sign = s->s[i + 1] == '+';
		} else if (c == '/' && l->first_digit >= 0) {
			l->slash = (int)i;
		}
	}
}

static int
put_grouped(struct buf *b, const char *whole, int min, int thousands)
{
	size_t n = strlen(whole);
	int pad = min > (int)n ? min - (int)n : 0, total = pad + (int)n, rc = 0;

	if (!min && n == 1 && whole[0] == '0')
		return 0;
	for (int i = 0; i < total; i++) {
		if (thousands && i && (total - i) % 3 == 0)
			rc |= buf_putc(b, ',');
		rc |= buf_putc(b, i < pad ? '0' : whole[i - pad]);
	}
	return rc;
}

/* "# ?/?": best fraction with a denominator of so many digits, or a fixed one. */
static int
put_fraction(struct buf *b, double x, const struct section *s, const struct layout *l)
{
	int places = 0, fixed = 0, has_whole = 0, rc = 0;
	double frac, whole, best = 2, bn = 0, bd = 1, limit;

	for (size_t i = (size_t)l->slash + 1; i < s->n && (strchr("?#0", s->s[i]) || isdigit((unsigned char)s->s[i])); i++) {
		if (isdigit((unsigned char)s->s[i]) && s->s[i] != '0')
			fixed = fixed * 10 + s->s[i] - '0';
		else if (fixed)
			fixed *= 10;
		places++;
	}
	for (int i = 0; i < l->slash; i++)
		if (s->s[i] == ' ' && i > l->first_digit)
			has_whole = 1;
	x = fabs(x);
	whole = has_whole ? floor(x) : 0;
	frac = x - whole;
	limit = fixed ? fixed : pow(10, places) - 1;
	for (double d = fixed ? fixed : 1; d <= limit; d++) {
		double n = floor(frac * d + 0.5), e = fabs(frac - n / d);

		if (e < best - 1e-12) {
			best = e;
			bn = n;
			bd = d;
		}
	}
	if (has_whole && bn == bd) {
		whole++;
		bn = 0;
	}
	if (has_whole && (whole > 0 || bn == 0))
		rc |= buf_printf(b, "%.0f", whole);
	if (has_whole)
		rc |= buf_putc(b, ' ');
	if (bn == 0 && has_whole)
		rc |= buf_printf(b, "%*s", 2 * places + 1, "");
	else
		rc |= buf_printf(b, "%*.0f/%-*.0f", fixed ? 1 : places, bn, fixed ? 1 : places, bd);
	return rc;
}

static int
put_number(struct buf *b, double x, const struct section *s, int negative)
{
	struct layout l;
	char d[400], *point;
	int rc = 0, shown = 0, e = 0;

	lay_out(s, &l);
	for (int i = 0; i < l.percent; i++)
		x *= 100;
	for (int i = 0; i < l.scale; i++)
		x /= 1000;
	if (negative)
		rc |= buf_putc(b, '-');
	if (l.exponent) {
		int step = l.whole_places > 1 ? l.whole_places : 1;

		if (x != 0) {
			xl_digits15(x, &e);
			e = (int)floor((double)e / step) * step;
			if (xl_round_digits(fabs(x) / pow(10, e), l.decimals) >= pow(10, step))
				e += step;
			x = e >= 0 ? x / pow(10, e) : x * pow(10, -e);
		}
	}
	digits_of(x, l.decimals, d, sizeof d);
	point = strchr(d, '.');
	if (point)
		*point++ = '\0';
	for (size_t i = 0; i < s->n;) {
		const char *p = s->s + i;
		size_t n = token(p, s->n - i);

		if (!strncasecmp(p, "General", 7) && *p != '"') {
			char g[64];

			value_format_general(fabs(x), g);
			rc |= buf_puts(b, g);
			i += 7;
			continue;
		}
		if ((int)i == l.first_digit && l.slash) {
			rc |= put_fraction(b, x, s, &l);
			i = (size_t)l.slash + 1;
			while (i < s->n && (strchr("?#0", s->s[i]) || isdigit((unsigned char)s->s[i])))
				i++;
			continue;
		}
		if (n == 1 && strchr("0#?.,", *p)) {
			if (!shown && (strchr("0#?", *p) || *p == '.')) {
				int k = l.decimals;

				shown = 1;
				rc |= put_grouped(b, d, l.whole_min, l.thousands);
				if (point) {
					while (k > l.decimals_min && point[k - 1] == '0')
						k--;
					rc |= buf_putc(b, '.');
					rc |= buf_add(b, point, (size_t)k);
				} else if (memchr(s->s, '.', s->n)) {
					rc |= buf_putc(b, '.');
				}
			}
			i++;
			continue;
		}
		if (l.exponent && (*p == 'E' || *p == 'e') && i + 1 < s->n && (p[1] == '+' || p[1] == '-')) {
			rc |= buf_printf(b, "E%s%0*d", e < 0 ? "-" : l.exp_sign ? "+" : "", l.exp_min, abs(e));
			i += 2;
			while (i < s->n && strchr("0#?", s->s[i]))
				i++;
			continue;
		}
		rc |= put_literal(b, p, n);
		i += n;
	}
	return rc < 0 ? -1 : 0;
}

int
numfmt_format(struct buf *b, const struct value *v, const char *format, int date1904)
{
	struct section sec[4], *s;
	int n = split(format, sec), which, minus;
	double x;

	if (v->kind == V_TEXT || v->kind == V_BOOL) {
		const char *t = v->kind == V_BOOL ? (v->boolean ? "TRUE" : "FALSE") : v->u.text->s;
		int rc = 0, at = 0;

		s = n == 4 ? &sec[3] : n == 1 && memchr(sec[0].s, '@', sec[0].n) ? &sec[0] : NULL;
		if (!s)
			return buf_puts(b, t);
		for (size_t i = 0; i < s->n; i += token(s->s + i, s->n - i)) {
			if (s->s[i] == '@')
				rc |= buf_puts(b, t), at = 1;
			else
				rc |= put_literal(b, s->s + i, token(s->s + i, s->n - i));
		}
		(void)at;
		return rc < 0 ? -1 : 0;
	}
	x = v->kind == V_NUM ? v->u.num : 0;
	if (!*format)
		return 0;
	if (n > 1 && sec[0].op) {
		which = 0;
		while (which < n - 1 && which < 2 && !(sec[which].op && meets(&sec[which], x)))
			which++;
		minus = x < 0 && which == n - 1 && n < 3;
	} else {
		which = n == 1 ? 0 : x < 0 ? 1 : x == 0 && n > 2 ? 2 : 0;
		minus = x < 0 && n == 1;
	}
	s = &sec[which];
	if (memchr(s->s, '@', s->n)) {
		char g[64];

		value_format_general(x, g);
		return buf_puts(b, g);
	}
	if (is_date_section(s))
		return put_date(b, x, s, date1904);
	if (minus) { /* what rounds to nothing has no sign */
		struct layout l;
		char d[400];
		double y = x;

		lay_out(s, &l);
		for (int i = 0; i < l.percent; i++)
			y *= 100;
		for (int i = 0; i < l.scale; i++)
			y /= 1000;
		digits_of(y, l.decimals, d, sizeof d);
		if (!l.exponent && !l.slash && l.first_digit >= 0 && strspn(d, "0.") == strlen(d))
			minus = 0;
	}
	return put_number(b, fabs(x), s, minus);
}
