/* fn_text: texts. Positions and lengths count UTF-16 units. Rows: functions/text.def. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "formula/numfmt.h"
#include "kernels/xl_round.h"

#define IMPL(fn) \
	void fn(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
#define IGNORE \
	UNUSED(ev); \
	UNUSED(call); \
	UNUSED(args); \
	UNUSED(nargs)

static const char *
str(const struct value *v)
{
	return v->u.text->s;
}

static size_t
len(const struct value *v)
{
	return v->u.text->nbytes;
}

void
fn_give_text(struct eval *ev, const char *s, size_t n, struct value *out)
{
	*out = n > FN_TEXT_MAX ? value_error(XE_VALUE) : value_text(&ev->tmp, s, n);
}

void
fn_give_buf(struct eval *ev, struct buf *b, struct value *out)
{
	fn_give_text(ev, b->s ? b->s : "", b->len, out);
	buf_free(b);
}

IMPL(fn_len)
{
	IGNORE;
	*out = value_num((double)utf8_units(str(&args[0]), len(&args[0])));
}

/* Units [from, from + count) */
static void
part(struct eval *ev, const struct value *v, double from, double count, struct value *out)
{
	size_t n = len(v), a = utf8_offset(str(v), n, from > 1e6 ? 1000000 : (size_t)from), b;

	b = utf8_offset(str(v), n, from + count > 1e6 ? 1000000 : (size_t)(from + count));
	fn_give_text(ev, str(v) + a, b > a ? b - a : 0, out);
}

IMPL(fn_left)
{
	double k = trunc(fn_number(args, nargs, 1, 1));

	IGNORE;
	if (k < 0)
		*out = value_error(XE_VALUE);
	else
		part(ev, &args[0], 0, k, out);
}

IMPL(fn_right)
{
	double k = trunc(fn_number(args, nargs, 1, 1)), all = (double)utf8_units(str(&args[0]), len(&args[0]));

	IGNORE;
	if (k < 0)
		*out = value_error(XE_VALUE);
	else
		part(ev, &args[0], k > all ? 0 : all - k, k > all ? all : k, out);
}

IMPL(fn_mid)
{
	double from = trunc(args[1].u.num), k = trunc(args[2].u.num);

	IGNORE;
	if (from < 1 || k < 0)
		*out = value_error(XE_VALUE);
	else
		part(ev, &args[0], from - 1, k, out);
}

static void
found(const struct value *within, long at, struct value *out)
{
	*out = at < 0 ? value_error(XE_VALUE) : value_num((double)utf8_units(str(within), (size_t)at) + 1);
}

IMPL(fn_find)
{
	double start = trunc(fn_number(args, nargs, 2, 1));
	size_t from = utf8_offset(str(&args[1]), len(&args[1]), start < 1 ? 0 : (size_t)(start > 1e6 ? 1e6 : start) - 1);
	const char *p;

	IGNORE;
	if (start < 1 || start > (double)utf8_units(str(&args[1]), len(&args[1])) + 1) {
		*out = value_error(XE_VALUE);
		return;
	}
	p = memmem(str(&args[1]) + from, len(&args[1]) - from, str(&args[0]), len(&args[0]));
	found(&args[1], p ? p - str(&args[1]) : -1, out);
}

IMPL(fn_search)
{
	double start = trunc(fn_number(args, nargs, 2, 1));
	size_t from = utf8_offset(str(&args[1]), len(&args[1]), start < 1 ? 0 : (size_t)(start > 1e6 ? 1e6 : start) - 1);

	IGNORE;
	if (start < 1 || start > (double)utf8_units(str(&args[1]), len(&args[1])) + 1)
		*out = value_error(XE_VALUE);
	else
		found(&args[1], wildcard_search(str(&args[0]), len(&args[0]), str(&args[1]), len(&args[1]), from), out);
}

IMPL(fn_substitute)
{
	const char *s = str(&args[0]), *old = str(&args[1]);
	size_t n = len(&args[0]), k = len(&args[1]);
	double which = trunc(fn_number(args, nargs, 3, 0)), seen = 0;
	struct buf b = BUF_INIT;

	IGNORE;
	if (nargs > 3 && args[3].kind == V_NUM && which < 1) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (size_t i = 0; i < n;) {
		if (k && i + k <= n && !memcmp(s + i, old, k) && (++seen, which == 0 || seen == which)) {
			buf_add(&b, str(&args[2]), len(&args[2]));
			i += k;
		} else {
			buf_putc(&b, s[i++]);
		}
		if (b.len > FN_TEXT_MAX)
			break;
	}
	fn_give_buf(ev, &b, out);
}

IMPL(fn_replace)
{
	double from = trunc(args[1].u.num), k = trunc(args[2].u.num);
	size_t n = len(&args[0]), a, z;
	struct buf b = BUF_INIT;

	IGNORE;
	if (from < 1 || k < 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	a = utf8_offset(str(&args[0]), n, (size_t)(from > 1e6 ? 1e6 : from) - 1);
	z = utf8_offset(str(&args[0]), n, (size_t)(from + k > 1e6 ? 1e6 : from + k) - 1);
	buf_add(&b, str(&args[0]), a);
	buf_add(&b, str(&args[3]), len(&args[3]));
	buf_add(&b, str(&args[0]) + z, n - z);
	fn_give_buf(ev, &b, out);
}

IMPL(fn_concatenate)
{
	struct buf b = BUF_INIT;

	IGNORE;
	for (int i = 0; i < nargs; i++)
		if (args[i].kind == V_TEXT)
			buf_add(&b, str(&args[i]), len(&args[i]));
	fn_give_buf(ev, &b, out);
}

/* Elements of ranges and scalars as texts. 0 or an error kind. */
static int
join(struct eval *ev, struct value *args, int from, int nargs, const char *delimiter, int skip_empty, struct buf *b)
{
	int first = 1;

	for (int i = from; i < nargs; i++) {
		struct array *a = args[i].kind == V_REF || args[i].kind == V_ARRAY ? eval_to_array(ev, args[i]) : NULL;
		int64_t n = a ? (int64_t)a->rows * a->cols : 1;

		for (int64_t k = 0; k < n; k++) {
			const struct value *v = a ? &a->v[k] : &args[i];
			const struct text *t;
			int e = value_to_text(&ev->tmp, v, &t);

			if (e)
				return e;
			if (skip_empty && !t->nbytes)
				continue;
			if (!first && buf_puts(b, delimiter) < 0)
				return XE_VALUE;
			first = 0;
			if (buf_add(b, t->s, t->nbytes) < 0 || b->len > FN_TEXT_MAX)
				return XE_VALUE;
		}
	}
	return 0;
}

IMPL(fn_concat)
{
	struct buf b = BUF_INIT;
	int k = join(ev, args, 0, nargs, "", 0, &b);

	IGNORE;
	if (k) {
		buf_free(&b);
		*out = value_error(k);
	} else {
		fn_give_buf(ev, &b, out);
	}
}

IMPL(fn_textjoin)
{
	struct buf b = BUF_INIT;
	int k = join(ev, args, 2, nargs, str(&args[0]), args[1].kind != V_BOOL || args[1].boolean, &b);

	IGNORE;
	if (k) {
		buf_free(&b);
		*out = value_error(k);
	} else {
		fn_give_buf(ev, &b, out);
	}
}

/* how: 'U' upper, 'L' lower, 'P' proper */
static void
change_case(struct eval *ev, const struct value *v, int how, struct value *out)
{
	const char *s = str(v);
	size_t n = len(v), k;
	struct buf b = BUF_INIT;
	int in_word = 0;

	for (size_t i = 0; i < n; i += k) {
		uint32_t c = utf8_decode(s + i, n - i, &k);
		int letter = utf8_upper(c) != utf8_lower(c) || c == 0xdf; /* ß */
		char u[4];

		c = how == 'U' || (how == 'P' && !in_word) ? utf8_upper(c) : utf8_lower(c);
		in_word = letter;
		buf_add(&b, u, utf8_encode(c, u));
	}
	fn_give_buf(ev, &b, out);
}

IMPL(fn_upper) { IGNORE; change_case(ev, &args[0], 'U', out); }
IMPL(fn_lower) { IGNORE; change_case(ev, &args[0], 'L', out); }
IMPL(fn_proper) { IGNORE; change_case(ev, &args[0], 'P', out); }

IMPL(fn_trim)
{
	struct buf b = BUF_INIT;

	IGNORE;
	for (const char *s = str(&args[0]); *s; s++)
		if (*s != ' ' || (b.len && b.s[b.len - 1] != ' '))
			buf_putc(&b, *s);
	while (b.len && b.s[b.len - 1] == ' ')
		b.len--;
	fn_give_buf(ev, &b, out);
}

IMPL(fn_clean)
{
	struct buf b = BUF_INIT;

	IGNORE;
	for (const char *s = str(&args[0]); *s; s++)
		if ((unsigned char)*s >= 32)
			buf_putc(&b, *s);
	fn_give_buf(ev, &b, out);
}

IMPL(fn_rept)
{
	double k = trunc(args[1].u.num);
	struct buf b = BUF_INIT;

	IGNORE;
	if (k < 0 || k * (double)len(&args[0]) > 32767 * 4.0) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (double i = 0; i < k; i++)
		buf_add(&b, str(&args[0]), len(&args[0]));
	fn_give_buf(ev, &b, out);
}

IMPL(fn_exact)
{
	IGNORE;
	*out = value_bool(len(&args[0]) == len(&args[1]) && !memcmp(str(&args[0]), str(&args[1]), len(&args[0])));
}

/* Windows-1252, 128 to 159 */
static const uint16_t cp1252[32] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                                    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

IMPL(fn_char)
{
	double c = trunc(args[0].u.num);
	char u[4];

	IGNORE;
	if (c < 1 || c > 255)
		*out = value_error(XE_VALUE);
	else
		fn_give_text(ev, u, utf8_encode(c >= 128 && c < 160 ? cp1252[(int)c - 128] : (uint32_t)c, u), out);
}

IMPL(fn_code)
{
	uint32_t c;
	size_t k;

	IGNORE;
	if (!len(&args[0])) {
		*out = value_error(XE_VALUE);
		return;
	}
	c = utf8_decode(str(&args[0]), len(&args[0]), &k);
	for (int i = 0; i < 32; i++)
		if (cp1252[i] == c)
			c = (uint32_t)i + 128;
	*out = value_num(c > 255 ? 63 : c);
}

IMPL(fn_unichar)
{
	double c = trunc(args[0].u.num);
	char u[4];

	IGNORE;
	if (c < 1 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		*out = value_error(c >= 0xd800 && c <= 0xdfff ? XE_NA : XE_VALUE);
	else
		fn_give_text(ev, u, utf8_encode((uint32_t)c, u), out);
}

IMPL(fn_unicode)
{
	size_t k;

	IGNORE;
	*out = len(&args[0]) ? value_num(utf8_decode(str(&args[0]), len(&args[0]), &k)) : value_error(XE_VALUE);
}

/* Of a range or an array, the first element, as N. */
IMPL(fn_t)
{
	struct value v = args[0];

	IGNORE;
	if (v.kind == V_REF)
		v = eval_get(ev, v.u.ref->area[0].sheet1, v.u.ref->area[0].row1, v.u.ref->area[0].col1);
	else if (v.kind == V_ARRAY)
		v = v.u.array->v[0];
	if (v.kind == V_TEXT || v.kind == V_ERROR)
		*out = v;
	else
		fn_give_text(ev, "", 0, out);
}

IMPL(fn_value)
{
	double x;
	int k = args[0].kind == V_BOOL ? XE_VALUE : value_to_num(&args[0], ev->date1904, &x);

	IGNORE;
	*out = k ? value_error(k) : value_num(x);
}

IMPL(fn_numbervalue)
{
	const char *s = str(&args[0]);
	char dec = nargs > 1 && args[1].kind == V_TEXT ? str(&args[1])[0] : '.', group = nargs > 2 && args[2].kind == V_TEXT ? str(&args[2])[0] : ',';
	struct buf b = BUF_INIT;
	int percent = 0, point = 0, bad = 0;
	double x = 0;

	IGNORE;
	if (!dec || (nargs > 2 && !group)) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (; *s; s++) {
		if (isspace((unsigned char)*s))
			continue;
		if (*s == '%')
			percent++;
		else if (percent)
			bad = 1;
		else if (*s == dec)
			bad |= point++, buf_putc(&b, '.');
		else if (*s == group)
			bad |= point;
		else
			buf_putc(&b, *s);
	}
	if (b.len && num_parse_double(b.s, b.len, &x) < 0)
		bad = 1;
	for (; percent > 0; percent--)
		x /= 100;
	buf_free(&b);
	*out = bad ? value_error(XE_VALUE) : value_num(x);
}

IMPL(fn_text)
{
	struct value v = args[0];
	struct buf b = BUF_INIT;
	double x;
	int k;

	IGNORE;
	if (v.kind == V_BLANK || v.kind == V_MISSING)
		v = value_num(0);
	if (v.kind == V_TEXT && !value_parse_number(str(&v), len(&v), ev->date1904, &x) && !strchr(str(&args[1]), '@'))
		v = value_num(x);
	k = numfmt_format(&b, &v, str(&args[1]), ev->date1904);
	if (k) {
		buf_free(&b);
		*out = value_error(k > 0 ? k : XE_VALUE);
	} else {
		fn_give_buf(ev, &b, out);
	}
}

static void
fixed(struct eval *ev, double x, double decimals, int commas, const char *before, const char *neg_open, const char *neg_close,
      struct value *out)
{
	struct buf b = BUF_INIT;
	char fmt[300];
	struct value v = value_num(fabs(xl_round_digits(x, decimals)));
	int neg = xl_round_digits(x, decimals) < 0, n;

	if (decimals > 127) {
		*out = value_error(XE_VALUE);
		return;
	}
	n = snprintf(fmt, sizeof fmt, "%s", commas ? "#,##0" : "0");
	if (decimals > 0) {
		fmt[n++] = '.';
		for (int i = 0; i < decimals; i++)
			fmt[n++] = '0';
		fmt[n] = '\0';
	}
	buf_printf(&b, "%s%s", neg ? neg_open : "", before);
	numfmt_format(&b, &v, fmt, 0);
	buf_puts(&b, neg ? neg_close : "");
	fn_give_buf(ev, &b, out);
}

IMPL(fn_fixed)
{
	IGNORE;
	fixed(ev, args[0].u.num, trunc(fn_number(args, nargs, 1, 2)), !(nargs > 2 && args[2].kind == V_BOOL && args[2].boolean), "", "-", "",
	      out);
}

IMPL(fn_dollar)
{
	IGNORE;
	fixed(ev, args[0].u.num, trunc(fn_number(args, nargs, 1, 2)), 1, "$", "(", ")", out);
}

/* RFC 3986: all but letters, digits and - . _ ~, byte by byte. */
IMPL(fn_encodeurl)
{
	struct buf b = BUF_INIT;

	IGNORE;
	for (size_t i = 0; i < len(&args[0]); i++) {
		unsigned char c = (unsigned char)str(&args[0])[i];

		if ((c < 0x80 && isalnum(c)) || (c && strchr("-._~", c)))
			buf_putc(&b, (char)c);
		else
			buf_printf(&b, "%%%02X", c);
	}
	fn_give_buf(ev, &b, out);
}

/* --- bases ------------------------------------------------------------------------------------------------------------ */

static const char digit[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static void
in_base(struct eval *ev, double x, int radix, double places, struct value *out)
{
	char s[300];
	int n = (int)sizeof s;
	uint64_t v = (uint64_t)x;

	s[--n] = '\0';
	do
		s[--n] = digit[v % (uint64_t)radix];
	while ((v /= (uint64_t)radix));
	while ((double)((int)sizeof s - 1 - n) < places && n > 0)
		s[--n] = '0';
	fn_give_text(ev, s + n, sizeof s - 1 - (size_t)n, out);
}

IMPL(fn_base)
{
	double x = trunc(args[0].u.num), r = trunc(args[1].u.num), k = trunc(fn_number(args, nargs, 2, 0));

	IGNORE;
	if (x < 0 || x >= 0x1p53 || r < 2 || r > 36 || k < 0 || k > 255)
		*out = value_error(XE_NUM);
	else
		in_base(ev, x, (int)r, k, out);
}

/* -1 if it is none */
static double
from_base(const char *s, int radix)
{
	double x = 0;

	for (; *s; s++) {
		const char *d = strchr(digit, toupper((unsigned char)*s));

		if (!d || !*d || d - digit >= radix)
			return -1;
		x = x * radix + (double)(d - digit);
	}
	return x;
}

IMPL(fn_decimal)
{
	double r = trunc(args[1].u.num), x;

	IGNORE;
	x = r < 2 || r > 36 || len(&args[0]) > 255 ? -1 : from_base(str(&args[0]), (int)r);
	*out = x < 0 ? value_error(XE_NUM) : value_num(x);
}

/* Ten digits, the first the sign: two's complement. */
static void
to_programmer(struct eval *ev, double x, int radix, const struct value *args, int nargs, struct value *out)
{
	double half = radix == 2 ? 512 : radix == 8 ? 0x1p29 : 0x1p39, places = trunc(fn_number(args, nargs, 1, 0));

	if (x < -half || x >= half || places < 0 || places > 10 || (nargs > 1 && args[1].kind == V_NUM && places < 1)) {
		*out = value_error(XE_NUM);
		return;
	}
	if (x < 0) {
		in_base(ev, x + 2 * half, radix, 10, out);
		return;
	}
	in_base(ev, x, radix, places, out);
	if (out->kind == V_TEXT && places > 0 && (double)out->u.text->nbytes > places)
		*out = value_error(XE_NUM);
}

static int
from_programmer(const struct value *v, int radix, double *x)
{
	double half = radix == 2 ? 512 : radix == 8 ? 0x1p29 : 0x1p39;

	if (len(v) > 10)
		return -1;
	*x = from_base(str(v), radix);
	if (*x < 0)
		return -1;
	if (*x >= half)
		*x -= 2 * half;
	return 0;
}

#define FROM_DEC(fn, radix) IMPL(fn) { IGNORE; to_programmer(ev, trunc(args[0].u.num), radix, args, nargs, out); }
#define TO_DEC(fn, radix)                                                                                   \
	IMPL(fn)                                                                                            \
	{                                                                                                   \
		double x;                                                                                   \
		IGNORE;                                                                                     \
		*out = from_programmer(&args[0], radix, &x) < 0 ? value_error(XE_NUM) : value_num(x);       \
	}
#define BETWEEN(fn, from, to)                                                                               \
	IMPL(fn)                                                                                            \
	{                                                                                                   \
		double x;                                                                                   \
		IGNORE;                                                                                     \
		if (from_programmer(&args[0], from, &x) < 0)                                                \
			*out = value_error(XE_NUM);                                                         \
		else                                                                                        \
			to_programmer(ev, x, to, args, nargs, out);                                         \
	}

FROM_DEC(fn_dec2bin, 2)
FROM_DEC(fn_dec2oct, 8)
FROM_DEC(fn_dec2hex, 16)
TO_DEC(fn_bin2dec, 2)
TO_DEC(fn_oct2dec, 8)
TO_DEC(fn_hex2dec, 16)
BETWEEN(fn_bin2oct, 2, 8)
BETWEEN(fn_bin2hex, 2, 16)
BETWEEN(fn_oct2bin, 8, 2)
BETWEEN(fn_oct2hex, 8, 16)
BETWEEN(fn_hex2bin, 16, 2)
BETWEEN(fn_hex2oct, 16, 8)

/* Form 0 is classic; each form more lets a letter stand before a larger one that is further up: 499 is CDXCIX, LDVLIV, XDIX, VDIV,
 * ID. TRUE is form 0, FALSE form 4. */
IMPL(fn_roman)
{
	static const struct {
		int v, form;
		const char *s;
	} part_of[] = {{1000, 0, "M"}, {999, 4, "IM"}, {995, 3, "VM"}, {990, 2, "XM"}, {950, 1, "LM"}, {900, 0, "CM"}, {500, 0, "D"},
	               {499, 4, "ID"}, {495, 3, "VD"}, {490, 2, "XD"}, {450, 1, "LD"}, {400, 0, "CD"}, {100, 0, "C"}, {99, 2, "IC"},
	               {95, 1, "VC"}, {90, 0, "XC"}, {50, 0, "L"}, {49, 2, "IL"}, {45, 1, "VL"}, {40, 0, "XL"}, {10, 0, "X"},
	               {9, 0, "IX"}, {5, 0, "V"}, {4, 0, "IV"}, {1, 0, "I"}};
	int x = args[0].u.num >= 0 && args[0].u.num < 4000 ? (int)args[0].u.num : -1, e = 0;
	struct buf b = BUF_INIT;
	double form = 0;

	IGNORE;
	if (nargs > 1 && args[1].kind == V_BOOL)
		form = args[1].boolean ? 0 : 4;
	else if (nargs > 1 && args[1].kind != V_MISSING)
		e = value_to_num(&args[1], ev->date1904, &form);
	form = trunc(form);
	if (x < 0 || e || form < 0 || form > 4) {
		*out = value_error(XE_VALUE);
		return;
	}
	for (size_t i = 0; i < sizeof part_of / sizeof part_of[0]; i++)
		for (; part_of[i].form <= form && x >= part_of[i].v; x -= part_of[i].v)
			buf_puts(&b, part_of[i].s);
	fn_give_buf(ev, &b, out);
}

IMPL(fn_arabic)
{
	static const char letters[] = "IVXLCDM";
	static const int worth[] = {1, 5, 10, 50, 100, 500, 1000};
	const char *s = str(&args[0]);
	int total = 0, most = 0, neg = 0;
	size_t n;

	IGNORE;
	while (*s == ' ')
		s++;
	if (*s == '-')
		neg = 1, s++;
	n = strcspn(s, " ");
	while (n-- > 0) { /* from the right: what is worth less than anything seen is taken off */
		const char *p = strchr(letters, toupper((unsigned char)s[n]));
		int w = p ? worth[p - letters] : 0;

		if (!p) {
			*out = value_error(XE_VALUE);
			return;
		}
		total += w < most ? -w : w;
		most = w > most ? w : most;
	}
	*out = value_num(neg ? -total : total);
}
