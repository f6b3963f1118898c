/* fn_regex: REGEXTEST, REGEXEXTRACT, REGEXREPLACE. Rows: functions/text.def. */
#include <string.h>

#include "base/regex.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/math.h"

static double
number(const struct value *args, int nargs, int i, double dflt)
{
	return i < nargs && args[i].kind == V_NUM ? ks_trunc(args[i].u.num) : dflt;
}

/* The pattern of argument 1, case by argument `at`; NULL with *out an error. */
static struct regex *
open_regex(const struct value *args, int nargs, int at, struct value *out)
{
	double no_case = number(args, nargs, at, 0);
	struct regex *r = NULL;

	if (no_case == 0 || no_case == 1)
		r = regex_new(args[1].u.text->s, args[1].u.text->nbytes, no_case == 1);
	if (!r)
		*out = value_error(XE_VALUE);
	return r;
}

void
fn_regextest(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct regex *r = open_regex(args, nargs, 2, out);
	int k;

	(void)ev;
	(void)call;
	if (!r)
		return;
	k = regex_match(r, args[0].u.text->s, args[0].u.text->nbytes, 0);
	*out = k < 0 ? value_error(XE_VALUE) : value_bool(k > 0);
	regex_free(r);
}

/* Where to look for the match after the last one; an empty one moves on by a character. */
static size_t
after_match(const struct text *t, size_t at, size_t end)
{
	if (end > at)
		return end;
	for (end++; end < t->nbytes && (t->s[end] & 0xc0) == 0x80; end++)
		;
	return end;
}

/* All matches from the start: how many, -1 on an error; starts of the first `max` to at. */
static int
all_matches(struct regex *r, const struct text *t, size_t (*span)[2], int max)
{
	size_t at = 0, end = 0;
	int n = 0;

	for (size_t from = 0; from <= t->nbytes; from = after_match(t, at, end)) {
		int k = regex_match(r, t->s, t->nbytes, from);

		if (k < 0)
			return -1;
		if (!k)
			break;
		if (regex_group(r, 0, &at, &end) < 0)
			return -1;
		if (n < max) {
			span[n][0] = at;
			span[n][1] = end;
		}
		n++;
	}
	return n;
}

static struct value
extract_all(struct eval *ev, struct regex *r, const struct text *t)
{
	size_t (*span)[2] = arena_alloc(&ev->tmp, ((size_t)t->nbytes + 2) * sizeof *span);
	int n = all_matches(r, t, span, (int)t->nbytes + 2);
	struct array *a;

	if (n <= 0)
		return value_error(n ? XE_VALUE : XE_NA);
	a = eval_new_array(ev, 1, n);
	for (int i = 0; i < n; i++)
		a->v[i] = value_text(&ev->tmp, t->s + span[i][0], span[i][1] - span[i][0]);
	return eval_array_value(a);
}

static struct value
extract_first(struct eval *ev, struct regex *r, const struct text *t, int groups)
{
	int n = regex_match(r, t->s, t->nbytes, 0);
	size_t at, end;
	struct array *a;

	if (n <= 0)
		return value_error(n ? XE_VALUE : XE_NA);
	if (!groups || n == 1) {
		if (regex_group(r, 0, &at, &end) < 0)
			return value_error(XE_VALUE);
		return value_text(&ev->tmp, t->s + at, end - at);
	}
	a = eval_new_array(ev, 1, n - 1);
	for (int i = 1; i < n; i++)
		a->v[i - 1] = regex_group(r, i, &at, &end) < 0 ? value_text(&ev->tmp, "", 0) : value_text(&ev->tmp, t->s + at, end - at);
	return eval_array_value(a);
}

void
fn_regexextract(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double mode = number(args, nargs, 2, 0);
	struct regex *r = open_regex(args, nargs, 3, out);

	(void)call;
	if (!r)
		return;
	if (mode == 1)
		*out = extract_all(ev, r, args[0].u.text);
	else if (mode == 0 || mode == 2)
		*out = extract_first(ev, r, args[0].u.text, mode == 2);
	else
		*out = value_error(XE_VALUE);
	regex_free(r);
}

void
fn_regexreplace(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct text *t = args[0].u.text, *by = args[2].u.text;
	double which = number(args, nargs, 3, 0);
	struct regex *r = open_regex(args, nargs, 4, out);
	size_t (*span)[2] = NULL, from = 0;
	struct buf b = BUF_INIT;
	int n = 0;

	(void)call;
	if (!r)
		return;
	if (which != 0) {
		span = arena_alloc(&ev->tmp, ((size_t)t->nbytes + 2) * sizeof *span);
		n = all_matches(r, t, span, (int)t->nbytes + 2);
		if (which < 0)
			which = n + which + 1;
	}
	if (which != 0 && n >= 0 && (which < 1 || which > n)) {
		*out = args[0]; /* there is no such match */
	} else {
		from = which != 0 && n > 0 ? span[(int)which - 1][0] : 0;
		if (n < 0 || regex_replace(r, t->s, t->nbytes, from, by->s, by->nbytes, which == 0, &b) < 0 || b.len > FN_TEXT_MAX)
			*out = value_error(XE_VALUE);
		else
			*out = value_text(&ev->tmp, b.s ? b.s : "", b.len);
	}
	buf_free(&b);
	regex_free(r);
}
