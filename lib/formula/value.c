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

int
text_compare(const char *a, size_t na, const char *b, size_t nb)
{
	return utf8_casecmp(a, na, b, nb);
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
