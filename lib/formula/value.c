/* value: making and coercing values; order. See value.h. */
#include "formula/value.h"

#include <string.h>

#include "base/utf8.h"
#include "kernels/xl_round.h"

struct value
value_text(struct arena *a, const char *s, size_t nbytes)
{
	struct text *t = arena_alloc(a, sizeof *t + nbytes + 1);
	struct value v = {.kind = V_TEXT};

	t->nbytes = (uint32_t)nbytes;
	if (nbytes)
		memcpy(t->s, s, nbytes);
	t->s[nbytes] = '\0';
	v.u.text = t;
	return v;
}

struct value
value_textz(struct arena *a, const char *s)
{
	return value_text(a, s, strlen(s));
}

int
value_to_num(const struct value *v, int date1904, double *out)
{
	switch (v->kind) {
	case V_NUM:
		*out = v->u.num;
		return 0;
	case V_BOOL:
		*out = v->boolean;
		return 0;
	case V_BLANK:
	case V_MISSING:
		*out = 0;
		return 0;
	case V_TEXT:
		return value_parse_number(v->u.text->s, v->u.text->nbytes, date1904, out) < 0 ? XE_VALUE : 0;
	case V_ERROR:
		return v->error;
	default:
		return XE_VALUE;
	}
}

int
value_to_bool(const struct value *v, int *out)
{
	switch (v->kind) {
	case V_NUM:
		*out = v->u.num != 0;
		return 0;
	case V_BOOL:
		*out = v->boolean;
		return 0;
	case V_BLANK:
	case V_MISSING:
		*out = 0;
		return 0;
	case V_TEXT:
		if (!utf8_casecmp(v->u.text->s, v->u.text->nbytes, "TRUE", 4))
			*out = 1;
		else if (!utf8_casecmp(v->u.text->s, v->u.text->nbytes, "FALSE", 5))
			*out = 0;
		else
			return XE_VALUE;
		return 0;
	case V_ERROR:
		return v->error;
	default:
		return XE_VALUE;
	}
}

int
value_to_text(struct arena *a, const struct value *v, const struct text **out)
{
	char num[64];

	switch (v->kind) {
	case V_TEXT:
		*out = v->u.text;
		return 0;
	case V_NUM:
		*out = value_text(a, num, value_format_general(v->u.num, num)).u.text;
		return 0;
	case V_BOOL:
		*out = value_textz(a, v->boolean ? "TRUE" : "FALSE").u.text;
		return 0;
	case V_BLANK:
	case V_MISSING:
		*out = value_textz(a, "").u.text;
		return 0;
	case V_ERROR:
		return v->error;
	default:
		return XE_VALUE;
	}
}

/*
 * The order of texts is that of a dictionary: symbols (in the order that Excel documents for sorting), digits, letters; letters
 * with accents with their base letter; hyphens and apostrophes count only where all else is equal, and come last then.
 */
static const char symbol_order[] = " !\"#$%&()*,./:;?@[\\]^_`{|}~+<=>";
static const char latin_base[] = /* of U+00E0 to U+017F; what is no letter is blank */
    "aaaaaaaceeeeiiiidnooooo ouuuuyty"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

_Static_assert(sizeof latin_base == 0x180 - 0xe0 + 1, "one base letter for each");

/* Place of a code point in small letters; 0: to be skipped. */
static uint32_t
text_weight(uint32_t c)
{
	const char *s;

	if (c == '-' || c == '\'')
		return 0;
	if (c >= 'a' && c <= 'z')
		return 0x100 + c;
	if (c >= '0' && c <= '9')
		return 0x80 + c;
	if (c < 0x80)
		return (s = c ? strchr(symbol_order, (int)c) : NULL) ? 0x20 + (uint32_t)(s - symbol_order) : c % 0x20 + 1;
	if (c == 0xdf)
		return 0x100 + 's';
	if (c >= 0xe0 && c < 0x180 && latin_base[c - 0xe0] != ' ')
		return 0x100 + (uint32_t)latin_base[c - 0xe0];
	return c < 0xc0 ? c : 0x1000 + c;
}

/* The next place in s, moved on; 0 at the end. *skipped counts what does not count. */
static uint32_t
next_weight(const char **s, size_t *n, int *skipped)
{
	while (*n) {
		size_t k;
		uint32_t w = text_weight(utf8_lower(utf8_decode(*s, *n, &k)));

		*s += k;
		*n -= k;
		if (w)
			return w;
		++*skipped;
	}
	return 0;
}

int
text_compare(const char *a, size_t na, const char *b, size_t nb)
{
	const char *s = a, *t = b;
	size_t ns = na, nt = nb;
	int skipped_a = 0, skipped_b = 0;
	uint32_t x, y;

	do {
		x = next_weight(&s, &ns, &skipped_a);
		y = next_weight(&t, &nt, &skipped_b);
		if (x != y)
			return x < y ? -1 : 1;
	} while (x);
	return skipped_a != skipped_b ? skipped_a - skipped_b : utf8_casecmp(a, na, b, nb);
}

static int
rank(const struct value *v)
{
	return v->kind == V_TEXT ? 1 : v->kind == V_BOOL ? 2 : 0;
}

int
value_compare(const struct value *a, const struct value *b)
{
	struct value x = *a, y = *b;
	static const struct text empty = {0, {0}};

	if (x.kind == V_BLANK || x.kind == V_MISSING) {
		x = y.kind == V_BOOL ? value_bool(0) : value_num(0);
		if (y.kind == V_TEXT) {
			x.kind = V_TEXT;
			x.u.text = &empty;
		}
	}
	if (y.kind == V_BLANK || y.kind == V_MISSING) {
		y = x.kind == V_BOOL ? value_bool(0) : value_num(0);
		if (x.kind == V_TEXT) {
			y.kind = V_TEXT;
			y.u.text = &empty;
		}
	}
	if (rank(&x) != rank(&y))
		return rank(&x) < rank(&y) ? -1 : 1;
	if (x.kind == V_TEXT)
		return text_compare(x.u.text->s, x.u.text->nbytes, y.u.text->s, y.u.text->nbytes);
	if (x.kind == V_BOOL)
		return x.boolean - y.boolean;
	return xl_compare15(x.u.num, y.u.num);
}
