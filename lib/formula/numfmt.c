/* numfmt: sections, conditions and texts; see numfmt.h. Numbers are numfmt_number.c's, dates numfmt_date.c's. */
#include "formula/numfmt.h"

#include <string.h>

#include "base/num.h"
#include "formula/numfmt_private.h"

size_t
numfmt_token(const char *s, size_t n)
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

int
numfmt_literal(struct buf *b, const char *s, size_t n)
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

/* "[>=100]" */
static void
read_condition(struct section *sec, const char *s)
{
	int two = s[2] == '=' || s[2] == '>';
	const char *p = s + (two ? 3 : 2);

	sec->op = s[1] == '<' ? (s[2] == '=' ? 'l' : s[2] == '>' ? 'n' : '<') : s[1] == '>' ? (s[2] == '=' ? 'g' : '>') : '=';
	while (*p == ' ')
		p++;
	num_scan_double(p, &sec->limit);
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
			i += numfmt_token(f + i, len - i);
		}
	}
	for (int k = 0; k < n; k++)
		for (size_t i = 0; i < sec[k].n; i += numfmt_token(sec[k].s + i, sec[k].n - i)) {
			const char *s = sec[k].s + i;

			if (*s == '[' && sec[k].n - i > 2 && strchr("<>=", s[1]))
				read_condition(&sec[k], s);
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

/* Does the section stand for text? 2: it has places for digits or dates as well. */
static int
takes_text(const struct section *s)
{
	int at = 0, places = 0;

	for (size_t i = 0; i < s->n; i += numfmt_token(s->s + i, s->n - i)) {
		at |= s->s[i] == '@';
		places |= strchr("0#?dDmMyYhHsS", s->s[i]) != NULL;
	}
	return at ? 1 + places : 0;
}

static int
put_text(struct buf *b, const char *text, const struct section *s)
{
	int rc = 0;

	if (!s)
		return buf_puts(b, text);
	for (size_t i = 0, k; i < s->n; i += k) {
		k = numfmt_token(s->s + i, s->n - i);
		rc |= s->s[i] == '@' ? buf_puts(b, text) : numfmt_literal(b, s->s + i, k);
	}
	return rc < 0 ? -1 : 0;
}

/* The section for x; *minus: the sign is still to be shown. NULL: no condition holds. */
static const struct section *
choose(const struct section *sec, int n, double x, int *minus)
{
	int k;

	*minus = x < 0 && n == 1;
	if (n == 1)
		return meets(&sec[0], x) ? &sec[0] : NULL;
	if (!sec[0].op)
		return &sec[x < 0 ? 1 : x == 0 && n > 2 ? 2 : 0];
	for (k = 0; k < n - 1 && k < 2 && !(sec[k].op && meets(&sec[k], x));)
		k++;
	*minus = x < 0 && k == n - 1 && n < 3;
	return &sec[k];
}

int
numfmt_format(struct buf *b, const struct value *v, const char *format, int date1904)
{
	static const struct section general = {"General", 7, 0, 0};
	struct section sec[4];
	const struct section *s, *text = NULL;
	int n = split(format, sec), minus;
	double x;
	char g[64];

	for (int k = 0; k < n; k++)
		if (takes_text(&sec[k]) > (k == n - 1)) /* only the last one may, and then it may do nothing else */
			return XE_VALUE;
	if (n == 4 || takes_text(&sec[n - 1]))
		text = &sec[--n];
	if (v->kind == V_TEXT || v->kind == V_BOOL)
		return put_text(b, v->kind == V_BOOL ? (v->boolean ? "TRUE" : "FALSE") : v->u.text->s, text);
	x = v->kind == V_NUM ? v->u.num : 0;
	if (!*format)
		return x < 0 ? buf_putc(b, '-') : 0;
	if (!n) {
		value_format_general(x, g);
		return put_text(b, g, text);
	}
	s = choose(sec, n, x, &minus);
	if (!s)
		s = &general;
	if (numfmt_is_date(s))
		return numfmt_date(b, x, s, minus, date1904);
	return numfmt_number(b, x < 0 ? -x : x, s, minus);
}
