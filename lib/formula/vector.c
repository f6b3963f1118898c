/* vector: see vector.h. */
#include "formula/vector.h"

#include <math.h>
#include <string.h>

#include "base/regex.h"
#include "formula/eval_internal.h"

/* --- what it is read from -------------------------------------------------------------------------------------- */

int
vector_table(struct eval *ev, struct value v, struct vector *t, int32_t *rows, int32_t *cols)
{
	memset(t, 0, sizeof *t);
	t->ev = ev;
	if (v.kind == V_ERROR)
		return v.error;
	if (v.kind == V_REF) {
		if (v.u.ref->nareas != 1 || v.u.ref->area[0].sheet1 != v.u.ref->area[0].sheet2)
			return XE_VALUE;
		t->is_ref = 1;
		t->area = v.u.ref->area[0];
		*rows = t->area.row2 - t->area.row1 + 1;
		*cols = t->area.col2 - t->area.col1 + 1;
		return 0;
	}
	t->arr = eval_to_array(ev, v);
	*rows = t->arr->rows;
	*cols = t->arr->cols;
	return 0;
}

struct value
vector_cell(const struct vector *t, int32_t r, int32_t c)
{
	if (t->is_ref)
		return eval_get(t->ev, t->area.sheet1, t->area.row1 + r, t->area.col1 + c);
	return t->arr->v[(int64_t)r * t->arr->cols + c];
}

static struct value
vector_get(const struct vector *t, int64_t i)
{
	return t->across ? vector_cell(t, t->fixed, (int32_t)i) : vector_cell(t, (int32_t)i, t->fixed);
}

void
vector_set(struct vector *t, int across, int32_t fixed, int32_t rows, int32_t cols)
{
	t->across = across;
	t->fixed = fixed;
	t->n = t->full = across ? cols : rows;
	if (t->is_ref && !(t->area.sheet1 & 0x40000000)) {
		int32_t row, col;
		int64_t used;

		model_used(t->ev->m, t->area.sheet1, &row, &col);
		used = across ? (int64_t)col - t->area.col1 + 1 : (int64_t)row - t->area.row1 + 1;
		if (used < t->n)
			t->n = used < 0 ? 0 : used;
	}
}

static int
same_type(const struct value *a, const struct value *b)
{
	return a->kind == b->kind;
}

static int
has_wildcard(const struct value *v)
{
	return v->kind == V_TEXT && strpbrk(v->u.text->s, "*?~") != NULL;
}

static int
equals(const struct value *x, const struct value *v, int wild)
{
	if (x->kind != v->kind)
		return 0;
	if (x->kind == V_BLANK) /* XLOOKUP of an empty cell finds one */
		return 1;
	if (wild)
		return wildcard_match(x->u.text->s, x->u.text->nbytes, v->u.text->s, v->u.text->nbytes);
	return v->kind != V_ERROR && !value_compare(x, v);
}

int64_t
vector_exact(const struct vector *t, const struct value *x, int wildcards, int backwards)
{
	int wild = wildcards && has_wildcard(x);

	for (int64_t k = 0; k < t->n; k++) {
		int64_t i = backwards ? t->n - 1 - k : k;
		struct value v = vector_get(t, i);

		if (equals(x, &v, wild))
			return i;
	}
	return -1;
}

int64_t
vector_ascending(const struct vector *t, const struct value *x)
{
	int64_t lo = 0, hi = t->n - 1, found = -1;

	while (lo <= hi) {
		int64_t mid = lo + (hi - lo) / 2, at = mid;
		struct value v = vector_get(t, at);
		int cmp;

		while (!same_type(&v, x) && at < hi) /* step over what cannot be compared */
			v = vector_get(t, ++at);
		cmp = same_type(&v, x) ? value_compare(&v, x) : 1;
		if (cmp > 0) {
			hi = mid - 1;
			continue;
		}
		found = at;
		lo = at + 1;
		if (cmp)
			continue;
		while (found + 1 < t->n && (v = vector_get(t, found + 1), same_type(&v, x)) && !value_compare(&v, x))
			found++;
		return found;
	}
	return found;
}

int64_t
vector_descending(const struct vector *t, const struct value *x)
{
	int64_t found = -1;

	for (int64_t i = 0; i < t->n; i++) {
		struct value v = vector_get(t, i);
		int cmp;

		if (!same_type(&v, x))
			continue;
		cmp = value_compare(&v, x);
		if (cmp >= 0)
			found = i;
		if (cmp <= 0)
			break;
	}
	return found;
}

/* --- XLOOKUP and XMATCH: one order over all types, empty cells beyond its end -------------------------------- */

/* <0, 0, >0 of element a and value b in the order number < text < FALSE < TRUE < error < empty; descending: empty elements come below all. */
static int
total_order(const struct value *a, const struct value *b, int descending)
{
	int rb = b->kind == V_BLANK ? 2 : b->kind == V_ERROR;
	int ra = a->kind == V_BLANK ? (descending && rb < 2 ? -1 : 2) : a->kind == V_ERROR;

	return ra != rb ? ra - rb : ra ? 0 : value_compare(a, b);
}

/* Next smaller (dir < 0) or next larger item without any order. */
static int64_t
find_next(const struct vector *t, const struct value *x, int dir, int backwards)
{
	struct value best = {0};
	int64_t found = -1;

	for (int64_t k = 0; k < t->n; k++) {
		int64_t i = backwards ? t->n - 1 - k : k;
		struct value v = vector_get(t, i);
		int cmp;

		if (v.kind == V_ERROR || (v.kind == V_BLANK && x->kind != V_BLANK))
			continue;
		cmp = total_order(&v, x, 0);
		if (!cmp)
			return i;
		if ((cmp > 0) != (dir > 0))
			continue;
		if (found < 0 || (dir > 0 ? value_compare(&v, &best) < 0 : value_compare(&v, &best) > 0)) {
			found = i;
			best = v;
		}
	}
	return found;
}

/* Bisection. Ascending: the first element >= x; descending: the last one >= x (n and -1 where there is none). An element that is
 * equal ends it, also where the vector is not sorted. */
static int64_t
find_bound(const struct vector *t, const struct value *x, int descending)
{
	int64_t lo = 0, hi = t->n, step = descending ? 1 : -1;

	while (lo < hi) {
		int64_t mid = lo + (hi - lo - 1) / 2;
		struct value v = vector_get(t, mid);
		int cmp = total_order(&v, x, descending);

		if (!cmp) {
			while (mid + step >= 0 && mid + step < t->n &&
			       (v = vector_get(t, mid + step), !total_order(&v, x, descending)))
				mid += step;
			return mid;
		}
		if (descending ? cmp > 0 : cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return descending ? lo - 1 : lo;
}

/* match: 0 exact, -1 next smaller, 1 next larger. */
static int64_t
find_ordered(const struct vector *t, const struct value *x, double match, int descending)
{
	int64_t i = find_bound(t, x, descending);
	struct value v;

	if (i >= 0 && i < t->n) {
		v = vector_get(t, i);
		if (!total_order(&v, x, descending))
			return i;
	}
	if (match == 0)
		return -1;
	if (match < 0)
		i += descending ? 1 : -1;
	if (i < 0 || i >= t->n)
		return -1;
	v = vector_get(t, i);
	return v.kind == V_BLANK ? -1 : i;
}

/* --- any of these ------------------------------------------------------------------------------------------------ */

/* The first text that a regular expression matches somewhere; -1, also where the expression is wrong. */
static int64_t
find_regex(const struct vector *t, const struct value *x, int backwards)
{
	struct regex *r = x->kind == V_TEXT ? regex_new(x->u.text->s, x->u.text->nbytes, 0) : NULL;
	int64_t found = -1;

	for (int64_t k = 0; r && found < 0 && k < t->n; k++) {
		int64_t i = backwards ? t->n - 1 - k : k;
		struct value v = vector_get(t, i);

		if (v.kind == V_TEXT && regex_match(r, v.u.text->s, v.u.text->nbytes, 0) > 0)
			found = i;
	}
	regex_free(r);
	return found;
}

int64_t
vector_find(const struct vector *t, const struct value *x, double match, double search)
{
	int64_t i;

	if (match == 3)
		i = find_regex(t, x, search < 0);
	else if (fabs(search) == 2)
		i = find_ordered(t, x, match, search < 0);
	else if (match == 0 || match == 2)
		i = vector_exact(t, x, match == 2, search < 0);
	else
		i = find_next(t, x, match > 0 ? 1 : -1, search < 0);
	return i < 0 && x->kind == V_BLANK && t->n < t->full ? t->n : i;
}
