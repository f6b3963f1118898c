/*
 * numfmt_number: digits, thousands, percent, exponents and fractions in a number format. See numfmt.h.
 *
 * A section is cut into tokens; a placeholder (0 # ?) then shows the digit of its position, so that literals may stand between
 * digits ("00-00-00"). Rules, from what Excel cached for its users' formats:
 *  1. The first placeholder of the whole part shows all digits that have no place.
 *  2. A place without a digit shows 0 for 0, a blank for ? (its comma too), nothing for #, also between zeros: 1 as "00##" is 001.
 *  3. Trailing zeros of the decimals vanish for #, become blanks for ?.
 *  4. Under an exponent the whole part is a power of ten to the number of its places; percent and scaling do nothing; zero
 *     fills every place of the whole part.
 *  5. The fraction of a whole number is hidden unless its numerator holds a 0: by blanks if there is a ? anywhere, else entirely.
 *     What separates it from a whole part of 0 is kept for 0, hidden by blanks for ? (or if the numerator holds one), else dropped.
 *  6. A comma right behind a place groups by thousands if a place of the whole part comes next, divides by 1000 if no place of its
 *     part follows at all, else does nothing; elsewhere it is a literal.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formula/numfmt_private.h"
#include "formula/value.h"
#include "kernels/xl_round.h"

#define TOKENS 256
#define DIGITS 340

enum kind { DIGIT, POINT, COMMA, PERCENT, EXPONENT, SLASH, FIXED, GENERAL, LITERAL };

struct tok {
	uint8_t kind;
	uint16_t n;
	const char *s;
};

struct layout {
	struct tok t[TOKENS];
	int n;
	int point, exponent, slash;      /* tokens, -1: none */
	int whole, decimals, places;     /* placeholders of each part; of the exponent */
	int percent, scale, group;
	int int_last, num_first, num_last, den_last; /* a fraction's parts; int_last -1: improper */
	int fixed;                       /* given denominator */
};

/* Digits of a number, rounded: whole part (no leading zeros) and decimals. */
struct digits {
	char whole[DIGITS], dec[DIGITS];
	int nwhole;
};

/* --- reading the section ---------------------------------------------------------------------------------------------- */

static void
add_token(struct layout *l, int kind, const char *s, size_t n)
{
	if (l->n < TOKENS)
		l->t[l->n++] = (struct tok){(uint8_t)kind, (uint16_t)n, s};
}

static void
read_tokens(struct layout *l, const struct section *sec)
{
	for (size_t i = 0, n; i < sec->n; i += n) {
		const char *s = sec->s + i;
		char c = *s;

		n = numfmt_token(s, sec->n - i);
		if (i + 7 <= sec->n && !strncasecmp(s, "General", 7))
			add_token(l, GENERAL, s, n = 7);
		else if ((c == 'E' || c == 'e') && i + 1 < sec->n && (s[1] == '+' || s[1] == '-'))
			add_token(l, EXPONENT, s, n = 2);
		else if (n > 1 || c == '"' || c == '\\')
			add_token(l, LITERAL, s, n);
		else
			add_token(l, strchr("0#?", c) ? DIGIT : c == '.' ? POINT : c == ',' ? COMMA : c == '%' ? PERCENT
			          : c == '/' ? SLASH : isdigit((unsigned char)c) ? FIXED : LITERAL, s, n);
	}
}

static int
digit_follows(const struct layout *l, int i)
{
	for (i++; i < l->n && l->t[i].kind != POINT && l->t[i].kind != EXPONENT; i++)
		if (l->t[i].kind == DIGIT)
			return 1;
	return 0;
}

/* Does a digit's place come right behind the commas? */
static int
groups(const struct layout *l, int i)
{
	while (i < l->n && l->t[i].kind == COMMA)
		i++;
	return i < l->n && l->t[i].kind == DIGIT;
}

/* The parts of "# ?/?": the run of places before the slash is the numerator, what comes earlier the whole part. */
static void
find_fraction(struct layout *l)
{
	int k = l->slash - 1;

	while (k >= 0 && l->t[k].kind != DIGIT)
		k--;
	l->num_last = k;
	while (k > 0 && l->t[k - 1].kind == DIGIT)
		k--;
	l->num_first = k;
	for (k--; k >= 0 && l->t[k].kind != DIGIT;)
		k--;
	l->int_last = k;
	for (k = l->slash + 1; k < l->n && l->t[k].kind != DIGIT && l->t[k].kind != FIXED;)
		k++;
	if (l->num_last < 0 || k == l->n) {
		l->slash = -1;
		return;
	}
	l->fixed = 0;
	if (l->t[k].kind == FIXED)
		for (; k < l->n && (l->t[k].kind == FIXED || (l->t[k].kind == DIGIT && *l->t[k].s == '0')) && l->fixed < 100000; k++)
			l->fixed = l->fixed * 10 + (*l->t[k].s - '0');
	else
		while (k < l->n && l->t[k].kind == DIGIT)
			k++;
	l->den_last = k - 1;
}

static void
lay_out(struct layout *l, const struct section *sec)
{
	int seen = 0;

	l->n = l->whole = l->decimals = l->places = l->percent = l->scale = l->group = l->fixed = 0;
	l->point = l->exponent = l->slash = -1;
	read_tokens(l, sec);
	for (int i = 0; i < l->n; i++) {
		struct tok *t = &l->t[i];

		switch (t->kind) {
		case DIGIT:
			seen = 1;
			if (l->exponent >= 0)
				l->places++;
			else if (l->point >= 0)
				l->decimals++;
			else
				l->whole++;
			break;
		case POINT:
			if (l->point >= 0 || l->exponent >= 0)
				t->kind = LITERAL;
			else
				l->point = i;
			break;
		case COMMA: /* rule 6 */
			if (!i || (l->t[i - 1].kind != DIGIT && l->t[i - 1].kind != COMMA))
				t->kind = LITERAL;
			else if (l->point < 0 && l->exponent < 0 && groups(l, i))
				l->group = 1;
			else if (l->exponent < 0 && !digit_follows(l, i))
				l->scale++;
			break;
		case PERCENT:
			l->percent++;
			break;
		case EXPONENT:
			if (l->exponent >= 0 || !seen)
				t->kind = LITERAL;
			else
				l->exponent = i;
			break;
		case SLASH:
			if (l->slash < 0 && seen)
				l->slash = i;
			break;
		default:
			break;
		}
	}
	if (l->exponent >= 0)
		l->slash = -1;
	if (l->slash >= 0)
		find_fraction(l);
}

/* 10^n, n >= 0: exact up to 22, near enough to 15 digits beyond. */
static double
power10(int n)
{
	double p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

/* --- digits ------------------------------------------------------------------------------------------------------------ */

/* x >= 0 rounded to so many decimals, in the 15 digits that a worksheet knows. */
static void
digits_of(double x, int decimals, struct digits *d)
{
	double r = xl_round_digits(x, decimals);
	char g[40];
	int e;

	if (decimals > DIGITS - 2)
		decimals = DIGITS - 2;
	memset(d->dec, '0', (size_t)decimals);
	d->dec[decimals] = '\0';
	d->nwhole = 0;
	if (r == 0)
		return;
	snprintf(g, sizeof g, "%.14e", r);
	e = atoi(strchr(g, 'e') + 1);
	g[1] = g[0]; /* over the point: 15 digits from g + 1 */
	for (int k = 0; k <= e && k < DIGITS - 1; k++)
		d->whole[d->nwhole++] = k < 15 ? g[1 + k] : '0';
	for (int k = 0; k < decimals; k++)
		if (e + 1 + k >= 0 && e + 1 + k < 15)
			d->dec[k] = g[2 + e + k];
}

/* As a cell of ordinary width shows a number in the format General: 11 characters at most. */
static void
general11(double x, char *out, size_t size)
{
	int e = 0, decimals;
	double r;
	size_t k;

	if (x != 0)
		xl_digits15(x, &e);
	decimals = e < 0 ? 9 : e < 10 ? 9 - e : 0;
	r = xl_round_digits(x, decimals);

	if (x == 0 || (r < 1e11 && (x >= 1e-4 || r == xl_value15(x)))) {
		snprintf(out, size, "%.*f", decimals, r);
		if (decimals) {
			for (k = strlen(out); out[k - 1] == '0'; k--)
				;
			out[k - (out[k - 1] == '.')] = '\0';
		}
		return;
	}
	snprintf(out, size, "%.5E", x);
	k = strcspn(out, "E");
	for (e = (int)k; out[e - 1] == '0';)
		e--;
	e -= out[e - 1] == '.';
	memmove(out + e, out + k, strlen(out + k) + 1);
}

/* --- showing -------------------------------------------------------------------------------------------------------------- */

/* A place at `pos` (0: units) of the nd digits w; first: shows those before it too. *zeros: a 0 was shown on the left. */
static int
put_place(struct buf *b, char c, int pos, const char *w, int nd, int first, int group, int *zeros)
{
	int rc = 0;

	if (pos >= nd) {
		char fill = c == '0' || (c == '?' && *zeros) ? '0' : c == '?' ? ' ' : '\0';

		*zeros |= fill == '0';
		if (fill)
			rc |= buf_putc(b, fill);
		if (fill && group && pos && pos % 3 == 0)
			rc |= buf_putc(b, fill == '0' ? ',' : ' ');
		return rc;
	}
	*zeros = 1;
	for (int k = first ? nd - 1 : pos; k >= pos; k--) {
		rc |= buf_putc(b, w[nd - 1 - k]);
		if (group && k && k % 3 == 0)
			rc |= buf_putc(b, ',');
	}
	return rc;
}

/* Is decimal k, or one on its right, to be shown? */
static int
decimal_shown(const struct layout *l, const char *dec, int k)
{
	for (int i = l->point + 1, at = 0; i < l->n && i != l->exponent; i++) {
		if (l->t[i].kind != DIGIT)
			continue;
		if (at >= k && (dec[at] != '0' || (at == k && *l->t[i].s == '0')))
			return 1;
		at++;
	}
	return 0;
}

static int
put_other(struct buf *b, const struct tok *t)
{
	return t->kind == COMMA || t->kind == EXPONENT ? 0 : numfmt_literal(b, t->s, t->n);
}

static int
put_exponent(struct buf *b, const struct layout *l, int e)
{
	char w[16];
	int nd = snprintf(w, sizeof w, "%d", abs(e)), at = 0, zeros = 0, rc;

	rc = buf_add(b, l->t[l->exponent].s, 1);
	for (int i = l->exponent + 1; i < l->n; i++) {
		if (l->t[i].kind != DIGIT) {
			rc |= put_other(b, &l->t[i]);
			continue;
		}
		if (!at && (e < 0 || l->t[l->exponent].s[1] == '+'))
			rc |= buf_putc(b, e < 0 ? '-' : '+');
		rc |= put_place(b, *l->t[i].s, l->places - 1 - at, w, nd, !at, 0, &zeros);
		at++;
	}
	return rc;
}

/* x in units of a power of ten for the whole part; the exponent. */
static double
normalise(const struct layout *l, double x, int *exponent)
{
	int step = l->whole > 1 ? l->whole : 1, e = 0;

	*exponent = 0;
	if (x == 0)
		return 0;
	xl_digits15(x, &e);
	e = (int)floor((double)e / step) * step + (l->whole ? 0 : 1);
	for (int again = 0;; again++, e += step) { /* rounding may reach the next power */
		double p = power10(abs(e) > 300 ? 300 : abs(e)), q = abs(e) > 300 ? power10(abs(e) - 300) : 1;
		double y = e >= 0 ? x / p / q : x * p * q;

		*exponent = e;
		if (again || xl_round_digits(y, l->decimals) < (l->whole ? power10(step) : 1))
			return y;
	}
}

static int
put_plain(struct buf *b, const struct layout *l, double x)
{
	struct digits d;
	int e = 0, at = 0, zeros = 0, rc = 0;
	double y = l->exponent >= 0 ? normalise(l, x, &e) : x;

	digits_of(y, l->decimals, &d);
	if (l->exponent >= 0 && x == 0) { /* rule 4 */
		d.nwhole = l->whole < DIGITS ? l->whole : DIGITS;
		memset(d.whole, '0', (size_t)d.nwhole);
	}
	for (int i = 0; i < l->n; i++) {
		const struct tok *t = &l->t[i];

		if (i == l->exponent)
			return rc | put_exponent(b, l, e);
		if (t->kind == GENERAL) {
			char g[64];

			general11(x, g, sizeof g);
			rc |= buf_puts(b, g);
		} else if (t->kind == DIGIT && (l->point < 0 || i < l->point)) {
			rc |= put_place(b, *t->s, l->whole - 1 - at, d.whole, d.nwhole, !at, l->group, &zeros);
			at++;
		} else if (t->kind == DIGIT) {
			if (decimal_shown(l, d.dec, at))
				rc |= buf_putc(b, d.dec[at]);
			else if (*t->s == '?')
				rc |= buf_putc(b, ' ');
			at++;
		} else if (t->kind == POINT) {
			if (!l->whole)
				rc |= buf_add(b, d.whole, (size_t)d.nwhole);
			rc |= buf_putc(b, '.');
			at = 0;
		} else {
			rc |= put_other(b, t);
		}
	}
	return rc;
}

/* --- fractions ------------------------------------------------------------------------------------------------------------ */

/* Nearest fraction to 0 <= x < 1 with the given denominator, or one of so many digits. */
static void
nearest_fraction(double x, int places, int fixed, double *num, double *den)
{
	double limit = fixed ? fixed : places > 3 ? 9999 : power10(places) - 1, best = 2;

	for (double d = fixed ? fixed : 1; d <= limit; d++) {
		double n = floor(x * d + 0.5), e = fabs(x - n / d);

		if (e < best - 1e-12) {
			best = e;
			*num = n;
			*den = d;
		}
	}
}

/* Any of the places from token a to b shows c. */
static int
has_place(const struct layout *l, int a, int b, char c)
{
	for (int i = a < 0 ? 0 : a; i <= b; i++)
		if (l->t[i].kind == DIGIT && *l->t[i].s == c)
			return 1;
	return 0;
}

static int
put_blanks(struct buf *b, const struct layout *l, int from, int to)
{
	struct buf w = BUF_INIT;
	int rc = 0;

	for (int i = from; i <= to; i++) {
		buf_clear(&w);
		rc |= l->t[i].kind == DIGIT || l->t[i].kind == FIXED ? buf_putc(&w, ' ') : put_other(&w, &l->t[i]);
		for (size_t k = 0; k < w.len; k++)
			if (((unsigned char)w.s[k] & 0xc0) != 0x80)
				rc |= buf_putc(b, ' ');
	}
	buf_free(&w);
	return rc;
}

static int
put_literals(struct buf *b, const struct layout *l, int from, int to)
{
	int rc = 0;

	for (int i = from; i <= to; i++)
		rc |= put_other(b, &l->t[i]);
	return rc;
}

/* A whole number in the places among tokens from..to. */
static int
put_whole(struct buf *b, const struct layout *l, int from, int to, double x, int empty_zero)
{
	char w[DIGITS];
	int nd = snprintf(w, sizeof w, "%.0f", x), at = 0, places = 0, zeros = 0, rc = 0;

	if (x == 0 && empty_zero)
		nd = 0;
	for (int i = from; i <= to; i++)
		places += l->t[i].kind == DIGIT;
	for (int i = from; i <= to; i++)
		if (l->t[i].kind == DIGIT) {
			rc |= put_place(b, *l->t[i].s, places - 1 - at, w, nd, !at, l->group, &zeros);
			at++;
		} else {
			rc |= put_other(b, &l->t[i]);
		}
	return rc;
}

/* Denominators: zeros in front for 0, blanks behind for ?. */
static int
put_denominator(struct buf *b, const struct layout *l, double den)
{
	char w[32];
	int first = l->slash + 1, rc = 0, n = snprintf(w, sizeof w, "%.0f", den), width;

	for (; l->t[first].kind != DIGIT && l->t[first].kind != FIXED; first++)
		rc |= put_other(b, &l->t[first]);
	width = l->den_last - first + 1;
	for (int k = n; k < width && !l->fixed && *l->t[first].s == '0'; k++)
		rc |= buf_putc(b, '0');
	rc |= buf_add(b, w, (size_t)n);
	for (int k = n; k < width && !l->fixed && *l->t[l->den_last].s == '?'; k++)
		rc |= buf_putc(b, ' ');
	return rc;
}

static int
put_fraction(struct buf *b, const struct layout *l, double x)
{
	int proper = l->int_last >= 0, hidden, rc = 0, places = 0;
	double whole = floor(x), num = 0, den = 1;
	char last = proper ? *l->t[l->int_last].s : '0';

	for (int i = l->slash + 1; i <= l->den_last; i++)
		places += l->t[i].kind == DIGIT;
	nearest_fraction(x - whole, places, l->fixed, &num, &den);
	if (num == den)
		whole++, num = 0, den = l->fixed ? l->fixed : 1;
	if (!proper) {
		num += whole * den;
		rc |= put_literals(b, l, 0, l->num_first - 1);
	}
	hidden = proper && num == 0 && !has_place(l, l->num_first, l->num_last, '0');
	if (proper)
		rc |= put_whole(b, l, 0, l->int_last, whole, !hidden && !(x == 0 && last == '?'));
	if (hidden && has_place(l, 0, l->den_last, '?'))
		rc |= put_blanks(b, l, l->int_last + 1, l->den_last);
	if (!hidden) {
		if (proper && (whole > 0 || last == '0' || (x == 0 && last == '?')))
			rc |= put_literals(b, l, l->int_last + 1, l->num_first - 1);
		else if (proper && (last == '?' || has_place(l, l->num_first, l->num_last, '?')))
			rc |= put_blanks(b, l, l->int_last + 1, l->num_first - 1);
		rc |= put_whole(b, l, l->num_first, l->num_last, num, 0);
		rc |= put_literals(b, l, l->num_last + 1, l->slash);
		rc |= put_denominator(b, l, den);
	}
	return rc | put_literals(b, l, l->den_last + 1, l->n - 1);
}

/* Whether the places show nothing but zeros: then there is no sign. */
static int
shows_zero(const struct layout *l, double x)
{
	struct digits d;

	if (l->exponent >= 0 || l->slash >= 0 || !(l->whole + l->decimals))
		return x == 0;
	digits_of(x, l->decimals, &d);
	return !d.nwhole && strspn(d.dec, "0") == strlen(d.dec);
}

int
numfmt_number(struct buf *b, double size, const struct section *s, int minus)
{
	struct layout l;
	double x = size;
	int rc = 0;

	lay_out(&l, s);
	if (l.exponent < 0) {
		for (int i = 0; i < l.percent; i++)
			x *= 100;
		for (int i = 0; i < l.scale; i++)
			x /= 1000;
	}
	if (minus && !shows_zero(&l, x))
		rc |= buf_putc(b, '-');
	rc |= l.slash >= 0 ? put_fraction(b, &l, x) : put_plain(b, &l, x);
	return rc < 0 ? -1 : 0;
}
