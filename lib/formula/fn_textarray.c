/* fn_textarray: functions of texts that take or give arrays. Rows: functions/text.def. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/math.h"

/* --- delimiters --------------------------------------------------------------------------------------------------- */

struct delimiters {
	const struct text **t;
	int n, no_case, empty;   /* empty: one of them is "" */
};

/* 0, or the error kind. */
static int
delimiters_of(struct eval *ev, struct value from, int no_case, struct delimiters *d)
{
	const struct array *a;

	*d = (struct delimiters){.no_case = no_case};
	if (from.kind == V_MISSING)
		return 0;
	if (from.kind == V_ERROR)
		return from.error;
	a = eval_to_array(ev, from);
	d->t = arena_alloc(&ev->tmp, (size_t)a->rows * (size_t)a->cols * sizeof *d->t);
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++) {
		int e = value_to_text(&ev->tmp, &a->v[i], &d->t[d->n]);

		if (e)
			return e;
		d->empty |= !d->t[d->n++]->nbytes;
	}
	return 0;
}

/* Bytes of the longest delimiter that stands at s; 0 if none does. */
static size_t
delimiter_at(const struct delimiters *d, const char *s, size_t n)
{
	size_t best = 0;

	for (int i = 0; i < d->n; i++) {
		size_t k = d->t[i]->nbytes;

		if (k > best && k <= n && (d->no_case ? !utf8_casecmp(s, k, d->t[i]->s, k) : !memcmp(s, d->t[i]->s, k)))
			best = k;
	}
	return best;
}

/* --- TEXTBEFORE, TEXTAFTER ------------------------------------------------------------------------------------------- */

/* Occurrence `which`, counted from the end where negative: where it starts, and its length; or how many there are. */
static int
occurrence(const struct delimiters *d, const struct text *t, int which, size_t *at, size_t *n)
{
	int seen = 0, back = which < 0, want = back ? -which : which;
	size_t i = back ? t->nbytes : 0;

	for (;;) {
		size_t k;

		if (back ? i-- == 0 : i >= t->nbytes)
			return seen;
		k = delimiter_at(d, t->s + i, t->nbytes - i);
		if (k && back && seen && i + k > *at)
			k = 0; /* overlaps the one found before */
		if (k) {
			*at = i;
			*n = k;
			if (++seen == want)
				return seen;
		}
		if (!back)
			i += k ? k : 1;
	}
}

/* An occurrence that was asked for has no room in the text: so many of the shortest delimiter. */
static int
no_room(const struct delimiters *d, const struct text *t, double which)
{
	size_t shortest = (size_t)-1;

	for (int i = 0; i < d->n; i++)
		shortest = d->t[i]->nbytes < shortest ? d->t[i]->nbytes : shortest;
	return d->n && ks_abs(which) * (double)shortest > (double)t->nbytes;
}

static void
around(struct eval *ev, struct value *args, int nargs, int after, struct value *out)
{
	const struct text *t = args[0].u.text;
	double which = ks_floor(fn_number(args, nargs, 2, 1)), no_case = ks_trunc(fn_number(args, nargs, 3, 0));
	double at_end = ks_trunc(fn_number(args, nargs, 4, 0));
	struct delimiters d;
	int e = delimiters_of(ev, args[1], no_case != 0, &d), seen;
	size_t at = 0, n = 0;

	if (!e && (which == 0 || ks_abs(which) > (double)t->nbytes + 1 || (no_case != 0 && no_case != 1) ||
	           (at_end != 0 && at_end != 1) || (nargs > 2 && args[2].kind == V_NUM && no_room(&d, t, which))))
		e = XE_VALUE;
	if (e) {
		*out = value_error(e);
		return;
	}
	if (d.empty) { /* stands at once, before all of the text or after it */
		fn_give_text(ev, t->s, (which > 0) == (after != 0) ? t->nbytes : 0, out);
		return;
	}
	seen = occurrence(&d, t, (int)which, &at, &n);
	if (seen == (int)ks_abs(which))
		fn_give_text(ev, after ? t->s + at + n : t->s, after ? t->nbytes - at - n : at, out);
	else if (at_end != 0 && seen + 1 == (int)ks_abs(which)) /* the end is one too */
		fn_give_text(ev, t->s, (which > 0) == (after != 0) ? 0 : t->nbytes, out);
	else if (nargs > 5 && args[5].kind == V_BLANK)
		fn_give_text(ev, "", 0, out);
	else
		*out = nargs > 5 && args[5].kind != V_MISSING ? args[5] : value_error(XE_NA);
}

void
fn_textbefore(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	around(ev, args, nargs, 0, out);
}

void
fn_textafter(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	(void)call;
	around(ev, args, nargs, 1, out);
}

/* --- TEXTSPLIT ---------------------------------------------------------------------------------------------------------- */

struct piece {
	size_t at, n;
	int32_t row;
};

struct pieces {
	struct piece *v;
	size_t n;
	int32_t rows, cols;
};

/* The end of the piece that starts at i; *k: bytes of the delimiter there, of rows where *row. */
static size_t
piece_end(const struct text *t, size_t i, const struct delimiters *col, const struct delimiters *row, size_t *k, int *by_row)
{
	for (; i < t->nbytes; i++) {
		size_t r = delimiter_at(row, t->s + i, t->nbytes - i), c = delimiter_at(col, t->s + i, t->nbytes - i);

		if (r || c) {
			*by_row = r >= c && r;
			*k = *by_row ? r : c;
			return i;
		}
	}
	*k = 0;
	*by_row = 1;
	return i;
}

static void
cut(struct eval *ev, const struct text *t, const struct delimiters *col, const struct delimiters *row, int skip, struct pieces *p)
{
	int32_t in_row = 0;
	int by_row = 0;
	size_t k = 1;

	p->v = arena_alloc(&ev->tmp, ((size_t)t->nbytes + 1) * sizeof *p->v);
	for (size_t i = 0; k; ) {
		size_t end = piece_end(t, i, col, row, &k, &by_row);

		if (end > i || !skip) {
			p->v[p->n++] = (struct piece){i, end - i, p->rows};
			in_row++;
		}
		p->cols = in_row > p->cols ? in_row : p->cols;
		if (by_row && in_row) { /* a row of nothing is one only where empty ones are kept */
			p->rows++;
			in_row = 0;
		}
		i = end + k;
	}
}

void
fn_textsplit(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct text *t = args[0].u.text;
	struct value pad = nargs > 5 && args[5].kind != V_MISSING ? args[5] : value_error(XE_NA);
	int no_case = fn_number(args, nargs, 4, 0) != 0, e;
	struct delimiters col, row;
	struct pieces p = {0};
	struct array *a;
	int32_t c = 0, r = 0;

	(void)call;
	e = delimiters_of(ev, args[1], no_case, &col);
	if (!e)
		e = delimiters_of(ev, nargs > 2 ? args[2] : (struct value){.kind = V_MISSING}, no_case, &row);
	if (!e && (col.empty || row.empty || col.n + row.n == 0))
		e = XE_VALUE;
	if (!e)
		cut(ev, t, &col, &row, nargs > 3 && args[3].kind == V_BOOL && args[3].boolean, &p);
	if (e || !p.n) {
		*out = value_error(e ? e : XE_CALC);
		return;
	}
	a = eval_new_array(ev, p.rows, p.cols);
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols; i++)
		a->v[i] = pad;
	for (size_t i = 0; i < p.n; i++) {
		c = i && p.v[i].row == r ? c + 1 : 0;
		r = p.v[i].row;
		a->v[(int64_t)r * a->cols + c] = value_text(&ev->tmp, t->s + p.v[i].at, p.v[i].n);
	}
	*out = eval_array_value(a);
}

/* --- VALUETOTEXT, ARRAYTOTEXT ---------------------------------------------------------------------------------------------- */

static void
add_value(struct eval *ev, struct buf *b, const struct value *v, int strict)
{
	const struct text *t;

	if (v->kind == V_ERROR) {
		buf_puts(b, xl_error_name(v->error));
		return;
	}
	if (value_to_text(&ev->tmp, v, &t))
		return;
	if (!strict || v->kind != V_TEXT) {
		buf_add(b, t->s, t->nbytes);
		return;
	}
	buf_putc(b, '"');
	for (size_t i = 0; i < t->nbytes; i++) {
		if (t->s[i] == '"')
			buf_putc(b, '"');
		buf_putc(b, t->s[i]);
	}
	buf_putc(b, '"');
}

/* 0 concise, 1 strict, -1 neither. */
static int
text_format(const struct value *args, int nargs)
{
	double f = ks_trunc(fn_number(args, nargs, 1, 0));

	return f == 0 ? 0 : f == 1 ? 1 : -1;
}

void
fn_valuetotext(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int strict = text_format(args, nargs);
	struct buf b = BUF_INIT;

	(void)call;
	if (strict < 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	add_value(ev, &b, &args[0], strict);
	fn_give_buf(ev, &b, out);
}

void
fn_arraytotext(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int strict = text_format(args, nargs);
	const struct array *a = eval_to_array(ev, args[0]);
	struct buf b = BUF_INIT;

	(void)call;
	if (strict < 0) {
		*out = value_error(XE_VALUE);
		return;
	}
	buf_puts(&b, strict ? "{" : "");
	for (int64_t i = 0; i < (int64_t)a->rows * a->cols && b.len <= FN_TEXT_MAX; i++) {
		if (i)
			buf_puts(&b, !strict ? ", " : i % a->cols ? "," : ";");
		add_value(ev, &b, &a->v[i], strict);
	}
	buf_puts(&b, strict ? "}" : "");
	fn_give_buf(ev, &b, out);
}
