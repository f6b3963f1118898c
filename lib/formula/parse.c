/*
 * parse: formula text to a tree, by precedence climbing straight over the characters.
 *
 * Precedence, loosest first: comparison; &; + -; * /; ^ (left to right); % after; - + before (so -2^2 is 4); then
 * the reference operators: union (inside parentheses), intersection (a blank), range.
 */
#include "formula/ast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"
#include "formula/func.h"

#define DEPTH_LIMIT 512

struct variable {
	const char *name;
	size_t n;
	int slot;
};

struct parser {
	struct arena *a;
	const struct workbook *wb;
	int sheet;
	int32_t row, col;
	const char *text, *s; /* s: next character */
	int spec, depth, nslots;
	int functions;         /* in the arguments of a function that takes a LAMBDA: the name of one is a value */
	int escaped;           /* the bracketed text read last began with an escape */
	uint16_t ndraws;
	unsigned flags;
	struct variable var[256];
	size_t nvar;
	const char *error;
};

static struct node *expression(struct parser *p, int min_prec);

static struct node *
error_at(struct parser *p, const char *where, const char *fmt, const char *what)
{
	if (!p->error) {
		char msg[200];

		snprintf(msg, sizeof msg, fmt, what);
		p->error = arena_printf(p->a, "column %ld: %s", (long)(where - p->text) + 1, msg);
	}
	return NULL;
}

static struct node *
new_node(struct parser *p, enum node_kind kind, const char *at)
{
	struct node *n = ARENA_NEW(p->a, struct node, 1);

	n->kind = (uint8_t)kind;
	n->pos = (int32_t)(at - p->text);
	return n;
}

static int
is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int
skip_blanks(struct parser *p)
{
	const char *from = p->s;

	while (is_blank(*p->s))
		p->s++;
	return p->s != from;
}

static int
is_ident_start(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '\\' || (unsigned char)c >= 0x80;
}

static int
is_ident(int c)
{
	return is_ident_start(c) || (c >= '0' && c <= '9') || c == '.' || c == '?';
}

static size_t
ident_length(const char *s)
{
	size_t n = 0;

	if (!is_ident_start((unsigned char)*s))
		return 0;
	while (is_ident((unsigned char)s[n]))
		n++;
	return n;
}

/* --- references ---------------------------------------------------------------------------------------- */

struct corner {
	int32_t row, col;      /* -1: not given (whole columns, whole rows) */
	int row_abs, col_abs;
};

/* A1, $A$1, A, 1 with dollars. Returns its length, 0 if s is none; what follows must not go on an identifier. */
static size_t
scan_corner(const char *s, struct corner *c)
{
	const char *p = s;
	int32_t col = 0;
	int64_t row = 0;
	int letters = 0, digits = 0;

	*c = (struct corner){-1, -1, 0, 0};
	if (*p == '$' && is_ident_start((unsigned char)p[1]) && p[1] != '_' && p[1] != '\\') {
		c->col_abs = 1;
		p++;
	}
	for (; ((*p | 32) >= 'a' && (*p | 32) <= 'z') && letters < 4; p++, letters++)
		col = col * 26 + ((*p | 32) - 'a' + 1);
	if (letters > 3 || (letters && col > XL_MAX_COLS))
		return 0;
	if (letters)
		c->col = col - 1;
	if (*p == '$' && p[1] >= '1' && p[1] <= '9') {
		c->row_abs = 1;
		p++;
	}
	for (; *p >= '0' && *p <= '9' && digits < 8; p++, digits++)
		row = row * 10 + (*p - '0');
	if (digits && (row < 1 || row > XL_MAX_ROWS))
		return 0;
	if (digits)
		c->row = (int32_t)row - 1;
	if ((!letters && !digits) || is_ident((unsigned char)*p) || (!letters && c->col_abs) || *p == '(' || *p == '$')
		return 0;
	return (size_t)(p - s);
}

static void
set_corner(const struct parser *p, struct node *n, int second, const struct corner *c)
{
	int32_t row = c->row_abs ? c->row : c->row - p->row, col = c->col_abs ? c->col : c->col - p->col;
	uint8_t rowf = second ? AREA_ROW2_REL : AREA_ROW1_REL, colf = second ? AREA_COL2_REL : AREA_COL1_REL;

	if (c->row < 0) {
		row = second ? XL_MAX_ROWS - 1 : 0;
		n->u.area.flags |= AREA_WHOLE_COLS;
		rowf = 0;
	}
	if (c->col < 0) {
		col = second ? XL_MAX_COLS - 1 : 0;
		n->u.area.flags |= AREA_WHOLE_ROWS;
		colf = 0;
	}
	if (second) {
		n->u.area.row2 = row;
		n->u.area.col2 = col;
	} else {
		n->u.area.row1 = row;
		n->u.area.col1 = col;
	}
	if (c->row >= 0 && !c->row_abs)
		n->u.area.flags |= rowf;
	if (c->col >= 0 && !c->col_abs)
		n->u.area.flags |= colf;
}

struct sheets {
	int first, last, book; /* book >= 0: of another workbook; first -1: no such sheet */
	int own;
};

/* A1, A1:B2, A:C, 1:3 at p->s, on the sheets given. NULL (and nothing consumed) if there is none. */
static struct node *
plain_area(struct parser *p, const struct sheets *sh)
{
	struct corner c1, c2;
	size_t n1 = scan_corner(p->s, &c1), n2 = 0;
	const char *at = p->s;
	struct node *n;
	int cell1 = c1.row >= 0 && c1.col >= 0;

	if (!n1)
		return NULL;
	if (p->s[n1] == ':')
		n2 = scan_corner(p->s + n1 + 1, &c2);
	if (n2 && ((c1.row < 0) != (c2.row < 0) || (c1.col < 0) != (c2.col < 0)))
		n2 = 0;
	if (!n2 && !cell1)
		return NULL;
	n = new_node(p, N_AREA, at);
	n->u.area.sheet1 = sh->first;
	n->u.area.sheet2 = sh->last;
	n->u.area.book = (int16_t)sh->book;
	n->u.area.flags = (uint8_t)((sh->own ? AREA_OWN_SHEET : 0) | (sh->book >= 0 ? AREA_EXTERNAL : 0));
	set_corner(p, n, 0, &c1);
	set_corner(p, n, 1, n2 ? &c2 : &c1);
	p->s += n1 + (n2 ? n2 + 1 : 0);
	if (sh->first < 0) {
		n->kind = N_ERROR;
		n->u.error = XE_REF;
	}
	return n;
}

static int
find_sheet(const struct parser *p, int book, const char *name, size_t n)
{
	if (book < 0)
		return workbook_sheet(p->wb, name, n);
	if ((size_t)book >= p->wb->nexternals)
		return -1;
	for (size_t i = 0; i < p->wb->externals[book].nsheets; i++) {
		const char *s = p->wb->externals[book].sheets[i].name;

		if (!utf8_casecmp(s, strlen(s), name, n))
			return (int)i;
	}
	return -1;
}

/* "Sheet", "A:B" (3-D), "[1]Sheet", "[1]" */
static void
resolve_sheets(struct parser *p, const char *s, size_t n, struct sheets *out)
{
	const char *colon, *close;

	*out = (struct sheets){-1, -1, -1, 0};
	if (n && s[0] == '[' && (close = memchr(s, ']', n))) {
		for (const char *d = s + 1, *e = (out->book = 0, close); d < e; d++)
			out->book = out->book < 100000 ? out->book * 10 + (*d - '0') : out->book;
		n -= (size_t)(close + 1 - s);
		s = close + 1;
		p->flags |= FORMULA_EXTERNAL;
		out->book--; /* [0], this very workbook, is -1 */
		if (!n)
			return;
	}
	colon = memchr(s, ':', n);
	if (colon) {
		out->first = find_sheet(p, out->book, s, (size_t)(colon - s));
		out->last = find_sheet(p, out->book, colon + 1, n - (size_t)(colon + 1 - s));
		if (out->last < 0)
			out->first = -1;
		if (out->first > out->last) {
			int t = out->first;

			out->first = out->last;
			out->last = t;
		}
		return;
	}
	out->first = out->last = find_sheet(p, out->book, s, n);
}

/* --- structured references -------------------------------------------------------------------------------- */

struct sref {
	int all, data, headers, totals, this_row;
	int col1, col2; /* -1: all columns */
};

static int
table_column(const struct table *t, const char *s, size_t n)
{
	for (int trimmed = 0; trimmed < 2; trimmed++) /* names may begin and end with blanks; writers differ in keeping them */
		for (size_t i = 0; i < t->ncolumns; i++) {
			const char *c = t->columns[i].name;
			size_t k = strlen(c);

			while (trimmed && k && is_blank(c[k - 1]))
				k--;
			while (trimmed && k && is_blank(*c))
				c++, k--;
			if (!utf8_casecmp(c, k, s, n))
				return (int)i;
		}
	return -1;
}

/* Text of one [...] at s (after "["), quotes ' removed; *end is past "]". */
static char *
bracket_text(struct parser *p, const char *s, const char **end)
{
	char *out = arena_alloc(p->a, strlen(s) + 1);
	size_t k = 0;

	while (is_blank(*s))
		s++;
	p->escaped = *s == '\''; /* ['#Total]: a column of that name */
	for (; *s && *s != ']'; s++) {
		if (*s == '\'' && s[1])
			s++;
		out[k++] = *s;
	}
	out[k] = '\0';
	*end = *s ? s + 1 : s;
	while (k && is_blank(out[k - 1]))
		out[--k] = '\0';
	while (is_blank(*out))
		out++;
	return out;
}

static int
sref_item(struct parser *p, const struct table *t, const char *item, struct sref *r, int second)
{
	int c;

	if (item[0] == '#' && !p->escaped) {
		if (!strcasecmp(item, "#All"))
			r->all = 1;
		else if (!strcasecmp(item, "#Data"))
			r->data = 1;
		else if (!strcasecmp(item, "#Headers"))
			r->headers = 1;
		else if (!strcasecmp(item, "#Totals"))
			r->totals = 1;
		else if (!strcasecmp(item, "#This Row"))
			r->this_row = 1;
		else
			return -1;
		return 0;
	}
	if (item[0] == '@') {
		r->this_row = 1;
		if (!item[1])
			return 0;
		item++;
	}
	c = table_column(t, item, strlen(item));
	if (c < 0)
		return -1;
	if (!second)
		r->col1 = c;
	r->col2 = c;
	return 0;
}

/* At "[" after a table's name (t), or alone inside a table. */
static struct node *
structured(struct parser *p, const struct table *t, const char *at)
{
	struct sref r = {.col1 = -1, .col2 = -1};
	struct node *n;
	const char *q = p->s + 1;
	int32_t row1, row2;
	int bad = 0;

	while (is_blank(*q))
		q++;
	if (*q == '@' && q[1] != ']') {
		r.this_row = 1;
		q++;
	}
	if (*q == '[') { /* a list: [[#Item],[col]:[col]] or @[a]:[b] */
		int second = 0;

		for (;;) {
			char *item;

			while (is_blank(*q))
				q++;
			if (*q != '[')
				break;
			item = bracket_text(p, q + 1, &q);
			bad |= sref_item(p, t, item, &r, second) < 0;
			while (is_blank(*q))
				q++;
			second = *q == ':';
			if (*q == ',' || *q == ':')
				q++;
			else
				break;
		}
		while (is_blank(*q))
			q++;
		if (*q != ']')
			return error_at(p, q, "structured reference: %s", "']' is missing");
		q++;
	} else {
		char *item = bracket_text(p, q, &q);

		if (*item)
			bad |= sref_item(p, t, item, &r, 0) < 0;
	}
	p->s = q;
	n = new_node(p, N_AREA, at);
	if (bad) {
		n->kind = N_ERROR;
		n->u.error = XE_REF;
		return n;
	}
	n->u.area.sheet1 = n->u.area.sheet2 = t->sheet;
	n->u.area.book = -1;
	n->u.area.col1 = r.col1 < 0 ? t->area.col1 : t->area.col1 + r.col1;
	n->u.area.col2 = r.col1 < 0 ? t->area.col2 : t->area.col1 + r.col2;
	row1 = t->area.row1 + t->header_rows;
	row2 = t->area.row2 - t->totals_rows;
	if (r.this_row) {
		n->u.area.flags = AREA_ROW1_REL | AREA_ROW2_REL;
		row1 = row2 = 0;
	} else if (r.all) {
		row1 = t->area.row1;
		row2 = t->area.row2;
	} else if (r.headers || r.totals) {
		int32_t d1 = row1, d2 = row2;

		if (r.headers) {
			row1 = t->area.row1;
			row2 = r.totals ? t->area.row2 : r.data ? d2 : t->area.row1 + t->header_rows - 1;
		} else {
			row1 = r.data ? d1 : t->area.row2;
			row2 = t->area.row2;
		}
		if ((r.headers && !t->header_rows) || (r.totals && !t->totals_rows)) {
			n->kind = N_ERROR;
			n->u.error = XE_REF;
			return n;
		}
	}
	n->u.area.row1 = row1;
	n->u.area.row2 = row2;
	return n;
}

static const struct table *
table_around(const struct parser *p)
{
	for (size_t i = 0; i < p->wb->ntables; i++) {
		const struct table *t = &p->wb->tables[i];

		if (t->sheet == p->sheet && p->row >= t->area.row1 && p->row <= t->area.row2 && p->col >= t->area.col1 &&
		    p->col <= t->area.col2)
			return t;
	}
	return NULL;
}

/* --- calls ---------------------------------------------------------------------------------------------------- */

static const char *
strip_prefixes(const char *s, size_t *n)
{
	static const char *const prefix[] = {"_xlfn.", "_xlws.", "_xll.", "_xludf.", "_xlpm.", "__xludf.DUMMYFUNCTION."};
	int again = *s == '_';

	while (again) {
		again = 0;
		for (size_t i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
			size_t k = strlen(prefix[i]);

			if (*n > k && !strncasecmp(s, prefix[i], k)) {
				s += k;
				*n -= k;
				again = 1;
			}
		}
	}
	return s;
}

static char *
upper(struct arena *a, const char *s, size_t n)
{
	char *out = arena_strndup(a, s, n);

	for (char *c = out; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 32);
	return out;
}

static int
find_variable(const struct parser *p, const char *s, size_t n)
{
	for (size_t i = p->nvar; i-- > 0;)
		if (!utf8_casecmp(p->var[i].name, p->var[i].n, s, n))
			return p->var[i].slot;
	return -1;
}

struct arg_list {
	struct node **v;
	size_t n, cap;
};

static void
add_arg(struct parser *p, struct arg_list *l, struct node *n)
{
	if (l->n == l->cap) {
		struct node **v;

		l->cap = l->cap ? 2 * l->cap : 4;
		v = arena_alloc(p->a, l->cap * sizeof *v);
		if (l->n)
			memcpy(v, l->v, l->n * sizeof *v);
		l->v = v;
	}
	l->v[l->n++] = n;
}

/* A variable's name where LET or LAMBDA wants one: an identifier (or [identifier]) before a comma. */
static struct node *
variable_definition(struct parser *p)
{
	const char *s = p->s, *at = s, *end;
	int bracket = *s == '[';
	size_t n = ident_length(s + bracket), m;
	const char *name;
	struct node *v;

	if (!n)
		return NULL;
	end = s + bracket + n;
	if (bracket && *end++ != ']')
		return NULL;
	while (is_blank(*end))
		end++;
	if (*end != ',')
		return NULL;
	m = n;
	name = strip_prefixes(s + bracket, &m);
	v = new_node(p, N_NAME, at);
	v->u.name.name = arena_strndup(p->a, name, m);
	v->u.name.slot = p->nslots;
	v->op = bracket ? '?' : 0;
	p->s = end;
	return v;
}

static void
push_variable(struct parser *p, const struct node *v)
{
	if (p->nvar == sizeof p->var / sizeof p->var[0]) {
		error_at(p, p->s, "%s", "more than 256 variables");
		return;
	}
	p->var[p->nvar++] = (struct variable){v->u.name.name, strlen(v->u.name.name), v->u.name.slot};
	p->nslots++;
}

/* Arguments after "(", up to and with ")". */
static int
arguments(struct parser *p, struct arg_list *l, const char *fname)
{
	int is_let = !strcmp(fname, "LET"), is_lambda = !strcmp(fname, "LAMBDA");
	size_t nvar = p->nvar;
	struct node *pending = NULL;

	skip_blanks(p);
	if (*p->s == ')') {
		p->s++;
		return 0;
	}
	for (;;) {
		struct node *n = NULL;

		skip_blanks(p);
		if ((is_let && l->n % 2 == 0) || is_lambda)
			n = variable_definition(p);
		if (n && is_lambda) {
			push_variable(p, n);
		} else if (n) {
			pending = n; /* visible after its own value */
			n->u.name.slot = -2;
		} else if (*p->s == ',' || *p->s == ')') {
			n = new_node(p, N_MISSING, p->s);
		} else {
			n = expression(p, 0);
		}
		if (!n || p->error)
			return -1;
		if (is_let && l->n % 2 == 1 && pending) {
			pending->u.name.slot = p->nslots;
			push_variable(p, pending);
			pending = NULL;
		}
		add_arg(p, l, n);
		skip_blanks(p);
		if (*p->s == ',') {
			p->s++;
			continue;
		}
		if (*p->s == ')') {
			p->s++;
			break;
		}
		error_at(p, p->s, *p->s ? "unexpected '%.1s' in an argument list" : "%.0s')' is missing", p->s);
		return -1;
	}
	p->nvar = nvar;
	if (l->n > 255) {
		error_at(p, p->s, "%s", "more than 255 arguments");
		return -1;
	}
	return 0;
}

static struct node *
call(struct parser *p, const char *at, const char *name, size_t n)
{
	struct node *c = new_node(p, N_CALL, at);
	struct arg_list l = {0};
	int slot, functions;

	name = strip_prefixes(name, &n);
	slot = find_variable(p, name, n);
	p->s++; /* ( */
	if (slot >= 0) {
		struct node *v = new_node(p, N_NAME, at);

		v->u.name.name = arena_strndup(p->a, name, n);
		v->u.name.slot = slot;
		c->kind = N_INVOKE;
		add_arg(p, &l, v);
		c->u.call.name = "";
		if (arguments(p, &l, "") < 0)
			return NULL;
		c->args = l.v;
		c->nargs = (uint16_t)l.n;
		return c;
	}
	c->u.call.name = upper(p->a, name, n);
	if (p->spec) {
		const char *risk = arena_printf(p->a, "RISK%s", c->u.call.name);

		c->u.call.fn = func_find(risk, strlen(risk));
		if (c->u.call.fn)
			c->u.call.name = risk;
	}
	if (!c->u.call.fn)
		c->u.call.fn = func_find(c->u.call.name, strlen(c->u.call.name));
	if (!c->u.call.fn) {
		const struct defined_name *d = workbook_name(p->wb, p->sheet, name, n);

		if (d) { /* a named LAMBDA */
			struct node *v = new_node(p, N_NAME, at);

			v->u.name.name = d->name;
			v->u.name.def = d;
			v->u.name.slot = -1;
			c->kind = N_INVOKE;
			add_arg(p, &l, v);
			if (arguments(p, &l, "") < 0)
				return NULL;
			c->args = l.v;
			c->nargs = (uint16_t)l.n;
			return c;
		}
		p->flags |= FORMULA_UNKNOWN;
	} else {
		const struct func *f = c->u.call.fn;

		if (f->flags & FN_RANDOM) {
			p->flags |= FORMULA_RANDOM;
			c->u.call.draw = p->ndraws++;
		}
		if (f->flags & FN_VOLATILE)
			p->flags |= FORMULA_VOLATILE;
		if (f->flags & FN_DYNAMIC)
			p->flags |= FORMULA_DYNAMIC;
		if (!strcmp(f->name, "RISKOUTPUT"))
			p->flags |= FORMULA_OUTPUT;
	}
	functions = p->functions;
	p->functions = c->u.call.fn && c->u.call.fn->flags & FN_LAMBDA;
	if (arguments(p, &l, c->u.call.name) < 0)
		return NULL;
	p->functions = functions;
	c->args = l.v;
	c->nargs = (uint16_t)l.n;
	if (c->u.call.fn) {
		const struct func *f = c->u.call.fn;

		if ((int)l.n < f->min || (f->max >= 0 && (int)l.n > f->max))
			return error_at(p, at, (int)l.n < f->min ? "too few arguments for %s" : "too many arguments for %s",
			                f->name);
	}
	return c;
}

/* --- operands ------------------------------------------------------------------------------------------------------ */

static struct node *
string_literal(struct parser *p)
{
	struct node *n = new_node(p, N_TEXT, p->s);
	char *out = arena_alloc(p->a, strlen(p->s) + 1);
	size_t k = 0;

	for (p->s++; *p->s; p->s++) {
		if (*p->s == '"') {
			if (p->s[1] != '"')
				break;
			p->s++;
		}
		out[k++] = *p->s;
	}
	if (*p->s != '"')
		return error_at(p, p->text + n->pos, "%s", "text without a closing quote");
	p->s++;
	n->u.value = value_text(p->a, out, k);
	return n;
}

/* A number, cut to 15 significant digits as Excel does. */
static int
number_literal(struct parser *p, double *x)
{
	char digits[400];
	size_t n = num_scan_double(p->s, x), k = 0;
	int significant = 0, point = 0;

	if (!n)
		return -1;
	for (size_t i = 0; i < n && k < sizeof digits - 1; i++) {
		char c = p->s[i];

		if (c == 'e' || c == 'E') {
			while (i < n && k < sizeof digits - 1)
				digits[k++] = p->s[i++];
			break;
		}
		if (c == '.')
			point = 1;
		if (c >= '0' && c <= '9') {
			if (significant || c != '0')
				significant++;
			if (significant > 15) {
				if (point)
					continue;
				c = '0';
			}
		}
		digits[k++] = c;
	}
	digits[k] = '\0';
	if (significant > 15)
		num_parse_double(digits, k, x);
	p->s += n;
	return 0;
}

static struct node *
error_literal(struct parser *p)
{
	static const char *const names[] = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A",
	                                    "#GETTING_DATA", "#SPILL!", "#CONNECT!", "#BLOCKED!", "#UNKNOWN!", "#FIELD!",
	                                    "#CALC!"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t k = strlen(names[i]);

		if (!strncasecmp(p->s, names[i], k)) {
			struct node *n = new_node(p, N_ERROR, p->s);

			n->u.error = (int)i + 1;
			p->s += k;
			return n;
		}
	}
	return error_at(p, p->s, "unknown error value '%.10s'", p->s);
}

static int
array_element(struct parser *p, struct value *v)
{
	int neg = 0;
	double x;
	size_t n;

	skip_blanks(p);
	if (*p->s == '"') {
		struct node *t = string_literal(p);

		if (!t)
			return -1;
		*v = t->u.value;
		return 0;
	}
	if (*p->s == '#') {
		struct node *t = error_literal(p);

		if (!t)
			return -1;
		*v = value_error(t->u.error);
		return 0;
	}
	while (*p->s == '-' || *p->s == '+')
		neg ^= *p->s++ == '-';
	skip_blanks(p);
	n = ident_length(p->s);
	if (n == 4 && !strncasecmp(p->s, "TRUE", 4)) {
		*v = value_bool(1);
		p->s += 4;
		return 0;
	}
	if (n == 5 && !strncasecmp(p->s, "FALSE", 5)) {
		*v = value_bool(0);
		p->s += 5;
		return 0;
	}
	if (number_literal(p, &x) < 0) {
		error_at(p, p->s, "unexpected '%.1s' in an array", p->s);
		return -1;
	}
	*v = value_num(neg ? -x : x);
	return 0;
}

static struct node *
array_literal(struct parser *p)
{
	struct node *n = new_node(p, N_ARRAY, p->s);
	struct array *arr = ARENA_NEW(p->a, struct array, 1);
	size_t count = 0, cap = 0;
	struct value *v = NULL;
	int32_t cols = 0, rows = 1, col = 0;

	p->s++;
	for (;;) {
		struct value e;

		if (array_element(p, &e) < 0)
			return NULL;
		if (count == cap) {
			struct value *w;

			cap = cap ? 2 * cap : 8;
			w = arena_alloc(p->a, cap * sizeof *w);
			if (count)
				memcpy(w, v, count * sizeof *w);
			v = w;
		}
		v[count++] = e;
		col++;
		skip_blanks(p);
		if (*p->s == ',') {
			p->s++;
			continue;
		}
		if (rows == 1)
			cols = col;
		if (col != cols)
			return error_at(p, p->s, "%s", "rows of an array differ in length");
		col = 0;
		if (*p->s == ';') {
			p->s++;
			rows++;
			continue;
		}
		if (*p->s != '}')
			return error_at(p, p->s, "%s", "'}' is missing");
		p->s++;
		break;
	}
	*arr = (struct array){rows, cols, v};
	n->u.value.kind = V_ARRAY;
	n->u.value.u.array = arr;
	return n;
}

/* The name of a function as a value: _xleta.SUM in files, SUM where a LAMBDA is wanted. NULL where it is none. */
static struct node *
function_node(struct parser *p, const char *at, const char *s, size_t n)
{
	int marked = n > 7 && !strncasecmp(s, "_xleta.", 7);
	const struct func *f;
	struct node *v;

	if (!marked && !p->functions)
		return NULL;
	s += marked ? 7 : 0;
	n -= marked ? 7 : 0;
	s = upper(p->a, s, n);
	f = func_find(s, n);
	if (!f)
		return NULL;
	v = new_node(p, N_FUNCTION, at);
	v->u.call.fn = f;
	v->u.call.name = s;
	if (f->flags & FN_RANDOM) {
		p->flags |= FORMULA_RANDOM;
		v->u.call.draw = p->ndraws++;
	}
	if (f->flags & FN_VOLATILE)
		p->flags |= FORMULA_VOLATILE;
	return v;
}

static struct node *
name_node(struct parser *p, const char *at, const char *s, size_t n, int sheet)
{
	struct node *v;
	size_t m = n;
	const char *bare = strip_prefixes(s, &m);
	int slot = find_variable(p, bare, m);

	if (slot < 0 && n == 4 && !strncasecmp(s, "TRUE", 4)) {
		v = new_node(p, N_BOOL, at);
		v->u.boolean = 1;
		return v;
	}
	if (slot < 0 && n == 5 && !strncasecmp(s, "FALSE", 5))
		return new_node(p, N_BOOL, at);
	if (slot < 0 && !workbook_name(p->wb, sheet, s, n) && (v = function_node(p, at, bare, m)))
		return v;
	v = new_node(p, N_NAME, at);
	v->u.name.slot = slot;
	v->u.name.name = arena_strndup(p->a, bare, m);
	if (slot < 0) {
		v->u.name.def = workbook_name(p->wb, sheet, s, n);
		if (!v->u.name.def)
			p->flags |= FORMULA_UNKNOWN;
	}
	return v;
}

static struct node *quoted_sheet(struct parser *p);

/* A name of another workbook: what it refers to there, if that is an area. */
static struct node *
external_name(struct parser *p, const char *at, const char *name, size_t k, const struct sheets *sh)
{
	const struct external_book *b = (size_t)sh->book < p->wb->nexternals ? &p->wb->externals[sh->book] : NULL;
	const struct external_name *found = NULL;
	struct parser inner = *p;
	struct node *n;

	for (size_t i = 0; b && i < b->nnames; i++) {
		const struct external_name *x = &b->names[i];

		if (!utf8_casecmp(x->name, strlen(x->name), name, k) && (x->sheet < 0 ? !found : x->sheet == sh->first))
			found = x;
	}
	if (found && strchr(found->refers_to, '!')) {
		const char *s = found->refers_to, *bang = strchr(s, '!');
		size_t size = strlen(s) + 32;
		char *text = arena_alloc(p->a, size);

		if (*s == '\'')
			snprintf(text, size, "'[%d]%s", sh->book + 1, s + 1);
		else
			snprintf(text, size, "'[%d]%.*s'%s", sh->book + 1, (int)(bang - s), s, bang);
		inner.s = inner.text = text;
		n = quoted_sheet(&inner);
		if (n && n->kind == N_AREA && !*inner.s) {
			n->pos = (int32_t)(at - p->text);
			return n;
		}
	}
	n = new_node(p, N_ERROR, at);
	n->u.error = XE_REF;
	return n;
}

/* After "Sheet!": an area, a name, or #REF! */
static struct node *
after_sheet(struct parser *p, const char *at, const struct sheets *sh)
{
	struct node *n;
	size_t k;

	if (*p->s == '#')
		return error_literal(p);
	n = plain_area(p, sh);
	if (n) {
		n->pos = (int32_t)(at - p->text);
		return n;
	}
	k = ident_length(p->s);
	if (!k)
		return error_at(p, p->s, "%s", "a cell or a name is missing after '!'");
	p->s += k;
	if (*p->s == '(') /* [1]!RiskNormal( */
		return call(p, at, p->s - k, k);
	if (*p->s == '[') {
		const struct table *t = workbook_table(p->wb, p->s - k, k);

		if (t)
			return structured(p, t, at);
	}
	if (sh->book >= 0)
		return external_name(p, at, p->s - k, k, sh);
	return name_node(p, at, p->s - k, k, sh->first >= 0 ? sh->first : p->sheet);
}

static struct node *
quoted_sheet(struct parser *p)
{
	const char *at = p->s;
	char *name = arena_alloc(p->a, strlen(p->s) + 1);
	struct sheets sh;
	size_t k = 0;

	for (p->s++; *p->s; p->s++) {
		if (*p->s == '\'') {
			if (p->s[1] != '\'')
				break;
			p->s++;
		}
		name[k++] = *p->s;
	}
	if (*p->s != '\'' || p->s[1] != '!')
		return error_at(p, at, "%s", "a quoted sheet name without '!'");
	p->s += 2;
	resolve_sheets(p, name, k, &sh);
	return after_sheet(p, at, &sh);
}

/* [1]Sheet!A1, [1]!Name, or a structured reference inside a table */
static struct node *
bracketed(struct parser *p)
{
	const char *at = p->s, *q = p->s + 1;
	struct sheets sh;
	const struct table *t;

	while (*q >= '0' && *q <= '9')
		q++;
	if (q > p->s + 1 && *q == ']') {
		const char *r = q + 1;

		while (is_ident((unsigned char)*r) || *r == ':')
			r++;
		if (*r == '!') {
			resolve_sheets(p, at, (size_t)(r - at), &sh);
			p->s = r + 1;
			return after_sheet(p, at, &sh);
		}
	}
	t = table_around(p);
	if (!t)
		return error_at(p, at, "%s", "a structured reference outside a table");
	return structured(p, t, at);
}

static struct node *
identifier(struct parser *p)
{
	const char *at = p->s;
	size_t n = ident_length(p->s), m;
	struct sheets own = {p->sheet, p->sheet, -1, 1}, sh;
	struct node *v;

	if (at[n] == '!') { /* Sheet!… */
		p->s += n + 1;
		resolve_sheets(p, at, n, &sh);
		return after_sheet(p, at, &sh);
	}
	if (at[n] == ':' && (m = ident_length(at + n + 1)) && at[n + 1 + m] == '!') { /* A:B!… */
		p->s += n + 1 + m + 1;
		resolve_sheets(p, at, n + 1 + m, &sh);
		return after_sheet(p, at, &sh);
	}
	if (at[n] == '(') {
		p->s += n;
		return call(p, at, at, n);
	}
	if (find_variable(p, at, n) < 0) {
		v = plain_area(p, &own);
		if (v)
			return v;
	}
	p->s += n;
	if (*p->s == '[') {
		const struct table *t = workbook_table(p->wb, at, n);

		if (t)
			return structured(p, t, at);
		return error_at(p, at, "no table \"%s\"", arena_strndup(p->a, at, n));
	}
	{ /* a table's name alone: its data */
		const struct table *t = workbook_table(p->wb, at, n);

		v = name_node(p, at, at, n, p->sheet);
		if (t && v->kind == N_NAME && !v->u.name.def && v->u.name.slot < 0) {
			v->kind = N_AREA;
			memset(&v->u, 0, sizeof v->u);
			v->u.area.sheet1 = v->u.area.sheet2 = t->sheet;
			v->u.area.book = -1;
			v->u.area.row1 = t->area.row1 + t->header_rows;
			v->u.area.row2 = t->area.row2 - t->totals_rows;
			v->u.area.col1 = t->area.col1;
			v->u.area.col2 = t->area.col2;
		}
	}
	return v;
}

static struct node *
wrap(struct parser *p, enum node_kind kind, int op, struct node *a, struct node *b)
{
	struct node *n = new_node(p, kind, p->text + a->pos);

	n->op = (uint8_t)op;
	n->nargs = b ? 2 : 1;
	n->args = arena_alloc(p->a, 2 * sizeof *n->args);
	n->args[0] = a;
	n->args[1] = b;
	return n;
}

static struct node *
parenthesised(struct parser *p)
{
	const char *at = p->s;
	struct node *n, *m;

	p->s++;
	n = expression(p, 0);
	if (!n)
		return NULL;
	skip_blanks(p);
	while (*p->s == ',' || *p->s == '~') { /* union; LibreOffice leaves its own operator in files */
		p->s++;
		m = expression(p, 0);
		if (!m)
			return NULL;
		n = wrap(p, N_BINARY, ',', n, m);
		skip_blanks(p);
	}
	if (*p->s != ')')
		return error_at(p, *p->s ? p->s : at, *p->s ? "unexpected '%.1s'" : "%.0s')' is missing", p->s);
	p->s++;
	if (!n->parens && n->nargs) {
		n->parens = 1;
	}
	return n;
}

static struct node *
operand(struct parser *p)
{
	struct sheets own = {p->sheet, p->sheet, -1, 1};
	struct node *n;
	int c;

	skip_blanks(p);
	c = (unsigned char)*p->s;
	if (c == '"')
		return string_literal(p);
	if (c == '#')
		return error_literal(p);
	if (c == '{')
		return array_literal(p);
	if (c == '(')
		return parenthesised(p);
	if (c == '\'')
		return quoted_sheet(p);
	if (c == '[')
		return bracketed(p);
	if (c == '$' || (c >= '0' && c <= '9')) {
		n = plain_area(p, &own); /* $A$1, 1:3 */
		if (n)
			return n;
	}
	if ((c >= '0' && c <= '9') || c == '.') {
		n = new_node(p, N_NUM, p->s);
		if (number_literal(p, &n->u.num) < 0)
			return error_at(p, p->s, "unexpected '%.1s'", p->s);
		return n;
	}
	if (is_ident_start(c))
		return identifier(p);
	return error_at(p, p->s, c ? "unexpected '%.1s'" : "%.0sthe formula ends where a value is wanted", p->s);
}

static int
is_reference_like(const struct node *n)
{
	return n->kind == N_AREA || n->kind == N_NAME || n->kind == N_CALL || n->kind == N_ERROR ||
	       (n->kind == N_BINARY && (n->op == ':' || n->op == ' ' || n->op == ','));
}

/* Operand with what binds tighter than unary minus: calls, spills, ranges, intersections. */
static struct node *
reference(struct parser *p)
{
	struct node *n = operand(p), *m;

	while (n) {
		const char *at = p->s;

		if (*p->s == '(' && (n->kind == N_CALL || n->kind == N_INVOKE || n->kind == N_NAME || n->parens)) {
			struct arg_list l = {0};
			struct node *inv = new_node(p, N_INVOKE, at);

			add_arg(p, &l, n);
			p->s++;
			if (arguments(p, &l, "") < 0)
				return NULL;
			inv->args = l.v;
			inv->nargs = (uint16_t)l.n;
			n = inv;
			continue;
		}
		if (*p->s == '#' && is_reference_like(n)) {
			p->s++;
			n = wrap(p, N_UNARY, '#', n, NULL);
			continue;
		}
		if (*p->s == ':' && is_reference_like(n)) {
			p->s++;
			m = operand(p);
			if (!m)
				return NULL;
			n = wrap(p, N_BINARY, ':', n, m);
			p->flags |= FORMULA_DYNAMIC;
			continue;
		}
		if (is_blank(*p->s) && is_reference_like(n)) { /* a blank between two references intersects */
			skip_blanks(p);
			if (is_ident_start((unsigned char)*p->s) || *p->s == '$' || *p->s == '\'' || *p->s == '(') {
				m = reference(p);
				if (!m)
					return NULL;
				n = wrap(p, N_BINARY, ' ', n, m);
				continue;
			}
			p->s = at;
		}
		break;
	}
	return n;
}

static struct node *
unary(struct parser *p)
{
	struct node *n;
	int c;

	skip_blanks(p);
	c = *p->s;
	if (c == '-' || c == '+' || c == '@') {
		const char *at = p->s++;

		if (++p->depth > DEPTH_LIMIT)
			return error_at(p, at, "%s", "nested too deep");
		n = unary(p);
		p->depth--;
		if (!n)
			return NULL;
		n = wrap(p, N_UNARY, c, n, NULL);
		n->pos = (int32_t)(at - p->text);
		return n;
	}
	n = reference(p);
	while (n) {
		const char *at = p->s;

		skip_blanks(p);
		if (*p->s != '%') {
			p->s = at;
			break;
		}
		p->s++;
		n = wrap(p, N_UNARY, '%', n, NULL);
	}
	return n;
}

static int
binary_operator(const char *s, int *op, size_t *len)
{
	*len = 1;
	switch (*op = (unsigned char)*s) {
	case '=': return 1;
	case '<':
		if (s[1] == '=' || s[1] == '>') {
			*op = s[1] == '=' ? 'l' : 'n';
			*len = 2;
		}
		return 1;
	case '>':
		if (s[1] == '=') {
			*op = 'g';
			*len = 2;
		}
		return 1;
	case '&': return 2;
	case '+': case '-': return 3;
	case '*': case '/': return 4;
	case '^': return 5;
	default: return 0;
	}
}

static struct node *
expression(struct parser *p, int min_prec)
{
	struct node *left, *right;

	if (++p->depth > DEPTH_LIMIT)
		return error_at(p, p->s, "%s", "nested too deep");
	left = unary(p);
	while (left) {
		const char *at = p->s;
		int op, prec;
		size_t len;

		skip_blanks(p);
		prec = binary_operator(p->s, &op, &len);
		if (!prec || prec <= min_prec) {
			p->s = at;
			break;
		}
		p->s += len;
		right = expression(p, prec);
		if (!right)
			return NULL;
		left = wrap(p, N_BINARY, op, left, right);
	}
	p->depth--;
	return left;
}

struct formula *
formula_parse(struct arena *a, const struct workbook *wb, int sheet, int32_t row, int32_t col, const char *text, int spec)
{
	struct formula *f = ARENA_NEW(a, struct formula, 1);
	struct parser p = {.a = a, .wb = wb, .sheet = sheet, .row = row, .col = col, .spec = spec};

	if (*text == '=')
		text++;
	p.text = p.s = f->text = arena_strdup(a, text);
	f->root = expression(&p, 0);
	if (f->root) {
		skip_blanks(&p);
		while ((*p.s == ',' || *p.s == '~') && !p.error) { /* a union without parentheses, as names have it */
			struct node *m;

			p.s++;
			m = expression(&p, 0);
			if (!m)
				break;
			f->root = wrap(&p, N_BINARY, ',', (struct node *)(uintptr_t)f->root, m);
			skip_blanks(&p);
		}
		if (*p.s && !p.error)
			error_at(&p, p.s, "unexpected '%.1s'", p.s);
	}
	if (p.error)
		f->root = NULL;
	f->error = p.error;
	f->flags = p.flags;
	f->ndraws = p.ndraws;
	f->nslots = p.nslots;
	return f;
}

/* --- areas and printing ------------------------------------------------------------------------------------------- */

static int32_t
wrapped(int32_t at, int relative, int32_t home, int32_t limit)
{
	if (!relative)
		return at;
	at += home;
	return at < 0 ? at + limit : at >= limit ? at - limit : at;
}

int
node_area(const struct node *n, int sheet, int32_t row, int32_t col, struct area *out)
{
	uint8_t f = n->u.area.flags;

	out->sheet1 = f & AREA_OWN_SHEET ? sheet : n->u.area.sheet1;
	out->sheet2 = f & AREA_OWN_SHEET ? sheet : n->u.area.sheet2;
	out->row1 = wrapped(n->u.area.row1, f & AREA_ROW1_REL, row, XL_MAX_ROWS);
	out->row2 = wrapped(n->u.area.row2, f & AREA_ROW2_REL, row, XL_MAX_ROWS);
	out->col1 = wrapped(n->u.area.col1, f & AREA_COL1_REL, col, XL_MAX_COLS);
	out->col2 = wrapped(n->u.area.col2, f & AREA_COL2_REL, col, XL_MAX_COLS);
	if (out->row1 > out->row2) {
		int32_t t = out->row1;

		out->row1 = out->row2;
		out->row2 = t;
	}
	if (out->col1 > out->col2) {
		int32_t t = out->col1;

		out->col1 = out->col2;
		out->col2 = t;
	}
	return out->sheet1 < 0 ? XE_REF : 0;
}

static void
corner_text(char *out, int32_t row, int32_t col, int row_abs, int col_abs, int column_only)
{
	char a1[A1_TEXT];
	size_t n;

	a1_format(row, col, a1);
	n = strcspn(a1, "0123456789");
	snprintf(out, A1_TEXT + 2, "%s%.*s%s%s", col_abs ? "$" : "", (int)n, a1, row_abs && !column_only ? "$" : "",
	         column_only ? "" : a1 + n);
}

static int
print_area(struct buf *b, const struct workbook *wb, const struct node *n, int sheet, int32_t row, int32_t col)
{
	struct area a;
	char one[A1_TEXT + 2], two[A1_TEXT + 2], full[512];
	uint8_t f = n->u.area.flags;
	int rc = 0;

	if (node_area(n, sheet, row, col, &a))
		return buf_puts(b, "#REF!");
	if (f & AREA_EXTERNAL)
		rc |= buf_printf(b, "[%d]%s!", n->u.area.book + 1, wb->externals[n->u.area.book].sheets[a.sheet1].name);
	else if (!(f & AREA_OWN_SHEET)) {
		a1_format_full(wb, a.sheet1, a.row1, a.col1, full, sizeof full);
		rc |= buf_add(b, full, (size_t)(strrchr(full, '!') - full) + 1);
	}
	if (f & AREA_WHOLE_ROWS)
		return rc | buf_printf(b, "%s%d:%s%d", f & AREA_ROW1_REL ? "" : "$", a.row1 + 1, f & AREA_ROW2_REL ? "" : "$", a.row2 + 1);
	corner_text(one, a.row1, a.col1, !(f & AREA_ROW1_REL), !(f & AREA_COL1_REL), f & AREA_WHOLE_COLS);
	corner_text(two, a.row2, a.col2, !(f & AREA_ROW2_REL), !(f & AREA_COL2_REL), f & AREA_WHOLE_COLS);
	rc |= buf_puts(b, one);
	if (strcmp(one, two) || (f & AREA_WHOLE_COLS))
		rc |= buf_printf(b, ":%s", two);
	return rc;
}

static int
print_value(struct buf *b, const struct value *v)
{
	char num[NUM_DOUBLE_MAX];
	int rc = 0;

	switch (v->kind) {
	case V_NUM:
		num_format_double(v->u.num, num);
		return buf_puts(b, num);
	case V_BOOL:
		return buf_puts(b, v->boolean ? "TRUE" : "FALSE");
	case V_ERROR:
		return buf_puts(b, xl_error_name(v->error));
	case V_TEXT:
		rc |= buf_putc(b, '"');
		for (const char *s = v->u.text->s; *s; s++) {
			rc |= *s == '"' ? buf_putc(b, '"') : 0;
			rc |= buf_putc(b, *s);
		}
		return rc | buf_putc(b, '"');
	case V_ARRAY:
		rc |= buf_putc(b, '{');
		for (int32_t r = 0; r < v->u.array->rows; r++)
			for (int32_t c = 0; c < v->u.array->cols; c++) {
				if (c || r)
					rc |= buf_putc(b, c ? ',' : ';');
				rc |= print_value(b, &v->u.array->v[(int64_t)r * v->u.array->cols + c]);
			}
		return rc | buf_putc(b, '}');
	default:
		return 0;
	}
}

static const char *
operator_text(int op)
{
	switch (op) {
	case 'l': return "<=";
	case 'g': return ">=";
	case 'n': return "<>";
	default: return NULL;
	}
}

int
node_print(struct buf *b, const struct workbook *wb, const struct node *n, int sheet, int32_t row, int32_t col)
{
	struct value v;
	int rc = 0;

	if (n->parens)
		rc |= buf_putc(b, '(');
	switch (n->kind) {
	case N_NUM:
		v = value_num(n->u.num);
		rc |= print_value(b, &v);
		break;
	case N_BOOL:
		rc |= buf_puts(b, n->u.boolean ? "TRUE" : "FALSE");
		break;
	case N_ERROR:
		rc |= buf_puts(b, xl_error_name((enum xl_error)n->u.error));
		break;
	case N_TEXT:
	case N_ARRAY:
		for (int i = 0; i < n->nargs; i++) { /* numbers of a file: its name and column */
			rc |= i ? buf_putc(b, ',') : 0;
			rc |= node_print(b, wb, n->args[i], sheet, row, col);
		}
		if (!n->nargs)
			rc |= print_value(b, &n->u.value);
		break;
	case N_AREA:
		rc |= print_area(b, wb, n, sheet, row, col);
		break;
	case N_NAME:
		rc |= buf_puts(b, n->u.name.name);
		break;
	case N_UNARY:
		if (n->op != '%' && n->op != '#')
			rc |= buf_putc(b, (char)n->op);
		rc |= node_print(b, wb, n->args[0], sheet, row, col);
		if (n->op == '%' || n->op == '#')
			rc |= buf_putc(b, (char)n->op);
		break;
	case N_BINARY:
		rc |= node_print(b, wb, n->args[0], sheet, row, col);
		rc |= operator_text(n->op) ? buf_puts(b, operator_text(n->op)) : buf_putc(b, (char)n->op);
		rc |= node_print(b, wb, n->args[1], sheet, row, col);
		break;
	case N_FUNCTION:
		rc |= buf_puts(b, n->u.call.name);
		break;
	case N_CALL:
	case N_INVOKE:
		if (n->kind == N_CALL)
			rc |= buf_puts(b, n->u.call.name);
		else
			rc |= node_print(b, wb, n->args[0], sheet, row, col);
		rc |= buf_putc(b, '(');
		for (int i = n->kind == N_INVOKE; i < n->nargs; i++) {
			if (i > (n->kind == N_INVOKE))
				rc |= buf_putc(b, ',');
			rc |= node_print(b, wb, n->args[i], sheet, row, col);
		}
		rc |= buf_putc(b, ')');
		break;
	default:
		break;
	}
	if (n->parens)
		rc |= buf_putc(b, ')');
	return rc < 0 ? -1 : 0;
}
