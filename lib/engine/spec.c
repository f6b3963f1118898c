/* spec: see spec.h. The fields of the JSON form are one table. */
#include "engine/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "engine/correlate.h"
#include "engine/datafile.h"
#include "record/json.h"

#define SPEC_LIMIT ((size_t)64 << 20)
#define TRIALS_MAX ((int64_t)1 << 50)

void
spec_init(struct spec *s)
{
	memset(s, 0, sizeof *s);
}

void
spec_free(struct spec *s)
{
	free(s->input);
	free(s->set);
	free(s->target);
	free(s->file);
	free(s->correlate);
	arena_free(&s->arena);
	spec_init(s);
}

static void *
one_more(void *p, size_t n, size_t size)
{
	p = realloc(p, (n + 1) * size);
	if (!p)
		abort(); /* as the arena does: see arena.h */
	return p;
}

/* Without blanks at both ends. */
static char *
trimmed(struct arena *a, const char *s, size_t n)
{
	while (n && strchr(" \t\n\r", s[0]))
		s++, n--;
	while (n && strchr(" \t\n\r", s[n - 1]))
		n--;
	return arena_strndup(a, s, n);
}

static void
add_input(struct spec *s, const char *cell, const char *formula, const char *folder, const char *from)
{
	s->input = one_more(s->input, s->ninput, sizeof *s->input);
	s->input[s->ninput++] = (struct spec_input){cell, formula, NULL, arena_strdup(&s->arena, from), folder, s->source};
}

int
spec_add_input(struct spec *s, const char *text, const char *from, struct err *e)
{
	const char *tilde = strchr(text, '~');
	const char *cell, *formula;

	if (!tilde)
		return err_set(e, ERR_USAGE, "%s: \"%s\" is not CELL ~ DISTRIBUTION(...)", from, text);
	cell = trimmed(&s->arena, text, (size_t)(tilde - text));
	formula = trimmed(&s->arena, tilde + 1, strlen(tilde + 1));
	if (!*cell || !*formula)
		return err_set(e, ERR_USAGE, "%s: \"%s\" is not CELL ~ DISTRIBUTION(...)", from, text);
	add_input(s, cell, formula, NULL, from);
	return 0;
}

int
spec_add_set(struct spec *s, const char *text, const char *from, struct err *e)
{
	/* the sheet's name may hold "=" inside quotes */
	const char *p = text;
	int quoted = 0;

	for (; *p && (quoted || *p != '='); p++)
		if (*p == '\'')
			quoted = !quoted;
	if (!*p || p == text)
		return err_set(e, ERR_USAGE, "%s: \"%s\" is not CELL=CONTENT", from, text);
	s->set = one_more(s->set, s->nset, sizeof *s->set);
	s->set[s->nset++] = (struct spec_set){trimmed(&s->arena, text, (size_t)(p - text)),
	                                      arena_strdup(&s->arena, p + 1), arena_strdup(&s->arena, from), s->source};
	return 0;
}

int
spec_add_target(struct spec *s, const char *cell, const char *name, const char *from)
{
	s->target = one_more(s->target, s->ntarget, sizeof *s->target);
	s->target[s->ntarget++] = (struct spec_target){trimmed(&s->arena, cell, strlen(cell)),
	                                               name ? arena_strdup(&s->arena, name) : NULL,
	                                               arena_strdup(&s->arena, from)};
	return 0;
}

/* Where `c` stands outside quotes: the first, or the last; NULL if nowhere. */
static const char *
outside_quotes(const char *s, char c, int last)
{
	const char *found = NULL;
	int quoted = 0;

	for (; *s; s++) {
		if (*s == '\'')
			quoted = !quoted;
		else if (*s == c && !quoted && (last || !found))
			found = s;
	}
	return found;
}

int
spec_add_correlate(struct spec *s, const char *text, const char *from, struct err *e)
{
	const char *eq = outside_quotes(text, '=', 1), *p = text, *right;
	struct spec_correlate c = {.from = arena_strdup(&s->arena, from)};
	char *left;

	if (!eq)
		return err_set(e, ERR_USAGE, "%s: \"%s\" is not CELL,CELL=COEFFICIENT or CELL,CELL,...=RANGE", from, text);
	left = arena_strndup(&s->arena, text, (size_t)(eq - text));
	right = trimmed(&s->arena, eq + 1, strlen(eq + 1));
	c.cell = arena_alloc(&s->arena, (strlen(left) + 1) * sizeof *c.cell);
	for (p = left; p; ) {
		const char *comma = outside_quotes(p, ',', 0);

		c.cell[c.n] = trimmed(&s->arena, p, comma ? (size_t)(comma - p) : strlen(p));
		if (!*c.cell[c.n++])
			return err_set(e, ERR_USAGE, "%s: \"%s\": a cell is missing", from, text);
		p = comma ? comma + 1 : NULL;
	}
	if (c.n < 2 && !strchr(c.cell[0], ':'))
		return err_set(e, ERR_USAGE, "%s: \"%s\" names one cell; a correlation wants two or more", from, text);
	if (num_parse_double(right, strlen(right), &c.rank) < 0)
		c.range = right;
	else if (!(fabs(c.rank) <= 1))
		return err_set(e, ERR_USAGE, "%s: %s is not between -1 and 1", from, right);
	s->correlate = one_more(s->correlate, s->ncorrelate, sizeof *s->correlate);
	s->correlate[s->ncorrelate++] = c;
	return 0;
}

int
spec_set_slice(struct spec *s, const char *text, struct err *e)
{
	const char *dots = strstr(text, "..");
	char first[32];

	if (!dots || (size_t)(dots - text) >= sizeof first)
		return err_set(e, ERR_USAGE, "--trials: \"%s\" is not FIRST..LAST", text);
	memcpy(first, text, (size_t)(dots - text));
	first[dots - text] = '\0';
	if (num_parse_int(first, 0, TRIALS_MAX, &s->first) < 0 ||
	    num_parse_int(dots + 2, 0, TRIALS_MAX, &s->last) < 0 || s->last <= s->first)
		return err_set(e, ERR_USAGE, "--trials: \"%s\" is not FIRST..LAST with 0 <= FIRST < LAST "
		               "(LAST is not part of it)", text);
	return 0;
}

/* --- JSON ---------------------------------------------------------------------------------------------- */

struct reader {
	struct spec *s;
	const char *where, *folder;
	struct err *e;
};

static int
bad(struct reader *r, const char *field, const char *want)
{
	return err_set(r->e, ERR_DATA, "%s: field \"%s\": %s", r->where, field, want);
}

static const char *
from_field(struct reader *r, const char *field)
{
	return arena_printf(&r->s->arena, "%s: %s", r->where, field);
}

static int
read_version(struct reader *r, const struct json *j, const char *field)
{
	return json_kind(j) == JSON_T_INT && json_whole(j) == 1 ? 0 : bad(r, field, "only version 1 is known");
}

static int
read_model(struct reader *r, const struct json *j, const char *field)
{
	const char *path = json_text(j);

	if (!path || !*path)
		return bad(r, field, "a path is wanted");
	if (!r->s->model)
		r->s->model = path[0] == '/' || !r->folder ? arena_strdup(&r->s->arena, path)
		                                            : arena_printf(&r->s->arena, "%s/%s", r->folder, path);
	return 0;
}

/* {"dist": "pert", "params": [1, 2, "C5"], "name": "..."} as a formula */
static int
input_object(struct reader *r, const char *cell, const struct json *j, const char *field)
{
	const char *dist = json_text(json_member(j, "dist")), *formula = json_text(json_member(j, "formula"));
	const struct json *params = json_member(j, "params");
	struct buf b = BUF_INIT;
	char num[NUM_DOUBLE_MAX];
	int failed = 0;

	for (void *it = json_first(j); it; it = json_next(j, it))
		if (strcmp(json_iter_key(it), "dist") && strcmp(json_iter_key(it), "params") &&
		    strcmp(json_iter_key(it), "name") && strcmp(json_iter_key(it), "formula"))
			return err_set(r->e, ERR_DATA, "%s: input %s: unknown field \"%s\"", r->where, cell,
			               json_iter_key(it));
	if (!dist == !formula)
		return err_set(r->e, ERR_DATA, "%s: input %s: \"dist\" with \"params\", or \"formula\", is wanted",
		               r->where, cell);
	(void)field;
	if (formula) {
		add_input(r->s, cell, arena_strdup(&r->s->arena, formula), r->folder, from_field(r, "inputs"));
	} else {
		failed |= buf_printf(&b, "%s(", dist);
		for (size_t i = 0; params && i < json_count(params); i++) {
			const struct json *p = json_element(params, i);

			if (i)
				failed |= buf_putc(&b, ',');
			if (json_text(p)) {
				failed |= buf_puts(&b, json_text(p));
			} else if (json_kind(p) == JSON_T_ARRAY) { /* Discrete({x},{p}) */
				failed |= buf_putc(&b, '{');
				for (size_t k = 0; k < json_count(p); k++) {
					num_format_double(json_number(json_element(p, k)), num);
					failed |= buf_printf(&b, "%s%s", k ? "," : "", num);
				}
				failed |= buf_putc(&b, '}');
			} else {
				num_format_double(json_number(p), num);
				failed |= buf_puts(&b, num);
			}
		}
		failed |= buf_putc(&b, ')');
		if (failed < 0) {
			buf_free(&b);
			return err_nomem(r->e);
		}
		add_input(r->s, cell, arena_strdup(&r->s->arena, b.s), r->folder, from_field(r, "inputs"));
		buf_free(&b);
	}
	if (json_text(json_member(j, "name")))
		r->s->input[r->s->ninput - 1].name = arena_strdup(&r->s->arena, json_text(json_member(j, "name")));
	return 0;
}

static int
read_inputs(struct reader *r, const struct json *j, const char *field)
{
	if (json_kind(j) != JSON_T_OBJECT)
		return bad(r, field, "an object of cell: distribution is wanted");
	for (void *it = json_first(j); it; it = json_next(j, it)) {
		const char *cell = arena_strdup(&r->s->arena, json_iter_key(it));
		const struct json *v = json_iter_value(it);

		if (json_text(v))
			add_input(r->s, cell, trimmed(&r->s->arena, json_text(v), strlen(json_text(v))), r->folder,
			          from_field(r, "inputs"));
		else if (json_kind(v) != JSON_T_OBJECT)
			return err_set(r->e, ERR_DATA, "%s: input %s: text or an object is wanted", r->where, cell);
		else if (input_object(r, cell, v, field) < 0)
			return -1;
	}
	return 0;
}

static int
read_targets(struct reader *r, const struct json *j, const char *field)
{
	if (r->s->ntarget) /* given on the command line */
		return 0;
	if (json_kind(j) != JSON_T_ARRAY)
		return bad(r, field, "an array is wanted");
	for (size_t i = 0; i < json_count(j); i++) {
		const struct json *v = json_element(j, i);
		const char *cell = json_kind(v) == JSON_T_OBJECT ? json_text(json_member(v, "cell")) : json_text(v);
		const char *name = json_kind(v) == JSON_T_OBJECT ? json_text(json_member(v, "name")) : NULL;

		if (!cell)
			return bad(r, field, "a cell, or {\"cell\": …, \"name\": …}, is wanted");
		spec_add_target(r->s, cell, name, from_field(r, "targets"));
	}
	return 0;
}

static int
read_trials(struct reader *r, const struct json *j, const char *field)
{
	int64_t n = json_whole(j);

	if (json_kind(j) == JSON_T_REAL && json_number(j) == floor(json_number(j)))
		n = (int64_t)json_number(j);
	if (json_text(j) && num_parse_int(json_text(j), 1, TRIALS_MAX, &n) < 0)
		n = 0;
	if (n < 1 || n > TRIALS_MAX)
		return bad(r, field, "a whole number from 1 is wanted");
	if (!r->s->trials)
		r->s->trials = n;
	return 0;
}

static int
read_slice(struct reader *r, const struct json *j, const char *field)
{
	if (!json_text(j))
		return bad(r, field, "\"FIRST..LAST\" is wanted");
	return r->s->last ? 0 : spec_set_slice(r->s, json_text(j), r->e);
}

static int
read_seed(struct reader *r, const struct json *j, const char *field)
{
	uint64_t seed;

	if (json_kind(j) == JSON_T_INT && json_whole(j) >= 0)
		seed = (uint64_t)json_whole(j);
	else if (!json_text(j) || num_parse_u64(json_text(j), &seed) < 0)
		return bad(r, field, "a whole number, or one as text, is wanted");
	if (!r->s->has_seed) {
		r->s->seed = seed;
		r->s->has_seed = 1;
	}
	return 0;
}

static int
read_set(struct reader *r, const struct json *j, const char *field)
{
	char num[NUM_DOUBLE_MAX];

	if (json_kind(j) != JSON_T_OBJECT)
		return bad(r, field, "an object of cell: content is wanted");
	for (void *it = json_first(j); it; it = json_next(j, it)) {
		const struct json *v = json_iter_value(it);
		const char *content = json_text(v);

		if (json_kind(v) == JSON_T_BOOL)
			content = json_truth(v) ? "TRUE" : "FALSE";
		if (!content && !isnan(json_number(v))) {
			num_format_double(json_number(v), num);
			content = num;
		}
		if (!content)
			return err_set(r->e, ERR_DATA, "%s: set %s: a number, text or logical is wanted", r->where,
			               json_iter_key(it));
		r->s->set = one_more(r->s->set, r->s->nset, sizeof *r->s->set);
		r->s->set[r->s->nset++] = (struct spec_set){arena_strdup(&r->s->arena, json_iter_key(it)),
		                                            arena_strdup(&r->s->arena, content),
		                                            from_field(r, "set"), r->s->source};
	}
	return 0;
}

/* [[1, 0.5], [0.5, 1]] */
static int
correlate_matrix(struct reader *r, const struct json *j, struct spec_correlate *c)
{
	double *m = arena_alloc(&r->s->arena, (size_t)c->n * (size_t)c->n * sizeof *m);

	if (json_count(j) != (size_t)c->n)
		return bad(r, "correlate", "the matrix has not as many rows as there are inputs");
	for (int i = 0; i < c->n; i++) {
		const struct json *row = json_element(j, (size_t)i);

		if (json_kind(row) != JSON_T_ARRAY || json_count(row) != (size_t)c->n)
			return bad(r, "correlate", "a row of the matrix has not as many numbers as there are inputs");
		for (int k = 0; k < c->n; k++) {
			m[i * c->n + k] = json_number(json_element(row, (size_t)k));
			if (!(fabs(m[i * c->n + k]) <= 1))
				return bad(r, "correlate", "the matrix holds numbers from -1 to 1");
		}
	}
	for (int i = 0; i < c->n; i++)
		for (int k = 0; k <= i; k++)
			if (i == k ? m[i * c->n + k] != 1 : m[i * c->n + k] != m[k * c->n + i])
				return bad(r, "correlate", "the matrix is symmetric, with 1 on its diagonal");
	c->matrix = m;
	return 0;
}

/* {"inputs": ["B4", "B5"], "rank": 0.5} or {"inputs": [...], "matrix": [[...], ...] or "Sheet!E1:G3"} */
static int
correlate_object(struct reader *r, const struct json *j)
{
	const struct json *in = json_member(j, "inputs"), *rank = json_member(j, "rank"), *matrix = json_member(j, "matrix");
	struct spec_correlate c = {.from = from_field(r, "correlate"), .rank = NAN};

	for (void *it = json_first(j); it; it = json_next(j, it))
		if (strcmp(json_iter_key(it), "inputs") && strcmp(json_iter_key(it), "rank") && strcmp(json_iter_key(it), "matrix"))
			return err_set(r->e, ERR_DATA, "%s: correlate: unknown field \"%s\"", r->where, json_iter_key(it));
	if (json_kind(in) != JSON_T_ARRAY || json_count(in) < 1 || json_count(in) > 1000)
		return bad(r, "correlate", "\"inputs\", an array of cells or ranges, is wanted");
	if (!rank == !matrix)
		return bad(r, "correlate", "\"rank\" or \"matrix\" is wanted");
	c.cell = arena_alloc(&r->s->arena, json_count(in) * sizeof *c.cell);
	for (; c.n < (int)json_count(in); c.n++) {
		const char *cell = json_text(json_element(in, (size_t)c.n));

		if (!cell || !*cell)
			return bad(r, "correlate", "\"inputs\" are cells");
		c.cell[c.n] = arena_strdup(&r->s->arena, cell);
	}
	if (rank) {
		c.rank = json_number(rank);
		if (!(fabs(c.rank) <= 1))
			return bad(r, "correlate", "\"rank\" is a number from -1 to 1");
	} else if (json_text(matrix)) {
		c.range = arena_strdup(&r->s->arena, json_text(matrix));
	} else if (json_kind(matrix) != JSON_T_ARRAY || correlate_matrix(r, matrix, &c) < 0) {
		return r->e->status ? -1 : bad(r, "correlate", "\"matrix\" is an array of rows, or a range");
	}
	r->s->correlate = one_more(r->s->correlate, r->s->ncorrelate, sizeof *r->s->correlate);
	r->s->correlate[r->s->ncorrelate++] = c;
	return 0;
}

static int
read_correlate(struct reader *r, const struct json *j, const char *field)
{
	if (json_kind(j) != JSON_T_ARRAY)
		return bad(r, field, "an array is wanted");
	for (size_t i = 0; i < json_count(j); i++) {
		const struct json *v = json_element(j, i);

		if (json_text(v) ? spec_add_correlate(r->s, json_text(v), from_field(r, field), r->e) < 0
		                 : json_kind(v) != JSON_T_OBJECT ? bad(r, field, "a text or an object is wanted") < 0
		                                                 : correlate_object(r, v) < 0)
			return -1;
	}
	return 0;
}

static int
read_dialect(struct reader *r, const struct json *j, const char *field)
{
	if (!json_text(j) || (strcmp(json_text(j), "xlrisk") && strcmp(json_text(j), "@risk")))
		return bad(r, field, "\"@risk\" or \"xlrisk\" is wanted");
	r->s->xlrisk = !strcmp(json_text(j), "xlrisk");
	return 0;
}

static int
read_nothing(struct reader *r, const struct json *j, const char *field)
{
	(void)r;
	(void)j;
	(void)field;
	return 0;
}

static const struct {
	const char *name;
	int (*read)(struct reader *, const struct json *, const char *);
} fields[] = {
    {"v", read_version},       {"model", read_model},   {"inputs", read_inputs},  {"targets", read_targets},
    {"correlate", read_correlate},
    {"trials", read_trials},   {"slice", read_slice},   {"seed", read_seed},      {"set", read_set},
    {"dialect", read_dialect}, {"spec", read_nothing},  {"name", read_nothing},  {"description", read_nothing},
    /* of the record around a task line */
    {"type", read_nothing},    {"job", read_nothing},   {"attempt", read_nothing}, {"time", read_nothing},
    {"parent", read_nothing},
};

/* What was added to a list after its first `before` goes in front of them: of two that change one cell the later one counts. */
static void
put_before(struct spec *s, void *list, size_t size, size_t before, size_t n)
{
	char *v = list, *old;

	if (!before || before == n)
		return;
	old = arena_memdup(&s->arena, v, before * size);
	memmove(v, v + before * size, (n - before) * size);
	memcpy(v + (n - before) * size, old, before * size);
}

int
spec_parse(struct spec *s, const char *text, size_t n, const char *where, const char *folder, struct err *e)
{
	struct json *j = json_parse_text(text, n, e);
	struct reader r = {s, where, folder, e};
	size_t ninput = s->ninput, nset = s->nset;
	int rc = 0;

	if (!j)
		return err_prefix(e, "%s", where);
	s->source = ++s->nsources;
	if (json_kind(j) != JSON_T_OBJECT)
		rc = err_set(e, ERR_DATA, "%s: an object is wanted", where);
	for (void *it = rc ? NULL : json_first(j); it && !rc; it = json_next(j, it)) {
		size_t k = 0;

		while (k < sizeof fields / sizeof fields[0] && strcmp(fields[k].name, json_iter_key(it)))
			k++;
		if (k == sizeof fields / sizeof fields[0])
			rc = err_set(e, ERR_DATA, "%s: unknown field \"%s\"", where, json_iter_key(it));
		else
			rc = fields[k].read(&r, json_iter_value(it), json_iter_key(it));
	}
	json_free(j);
	s->source = 0;
	put_before(s, s->input, sizeof *s->input, ninput, s->ninput);
	put_before(s, s->set, sizeof *s->set, nset, s->nset);
	return rc;
}

int
spec_add_file(struct spec *s, const char *path)
{
	s->file = one_more(s->file, s->nfile, sizeof *s->file);
	s->file[s->nfile++] = arena_strdup(&s->arena, path);
	return 0;
}

int
spec_read_files(struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->nfile; i++)
		if (spec_load(s, s->file[i], e) < 0)
			return -1;
	s->nfile = 0;
	return 0;
}

int
spec_load(struct spec *s, const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	const char *slash = strrchr(path, '/');
	char *folder = slash ? arena_strndup(&s->arena, path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
	int rc = io_read_file(path, SPEC_LIMIT, &b, e);

	if (!rc)
		rc = spec_parse(s, b.s ? b.s : "", b.len, path, folder, e);
	buf_free(&b);
	return rc;
}

/* --- into the model ---------------------------------------------------------------------------------------- */

static int
find_cell(const struct model *m, const char *cell, const char *from, struct area *a, struct err *e)
{
	if (model_find(m, cell, 0, a, e) < 0)
		return err_prefix(e, "%s", from);
	if (a->row1 != a->row2 || a->col1 != a->col2 || a->sheet1 != a->sheet2)
		return err_set(e, ERR_DATA, "%s: %s is a range; one cell is wanted", from, cell);
	return 0;
}

#define FILL_LIMIT 100000

/* A cell, or a range of cells that each get a draw of their own. */
static int
find_area(const struct model *m, const char *cell, const char *from, struct area *a, struct err *e)
{
	if (model_find(m, cell, 0, a, e) < 0)
		return err_prefix(e, "%s", from);
	if ((int64_t)(a->row2 - a->row1 + 1) * (a->col2 - a->col1 + 1) > FILL_LIMIT)
		return err_set(e, ERR_DATA, "%s: %s has more than %d cells", from, cell, FILL_LIMIT);
	return 0;
}

/* An input whose cell is set too: 1 it goes, 0 it has nothing to do with it, -1. */
static int
overridden(const struct spec_input *x, const struct area *in, const struct spec_set *y, const struct area *cell, struct err *e)
{
	if (in->sheet1 != cell->sheet1 || cell->row1 < in->row1 || cell->row1 > in->row2 || cell->col1 < in->col1 || cell->col1 > in->col2 ||
	    x->source < y->source)
		return 0;
	if (x->source == y->source)
		return err_set(e, ERR_DATA, "%s: %s is an input and has a content set (%s)", x->from, x->cell, y->from);
	if (in->row1 != in->row2 || in->col1 != in->col2)
		return err_set(e, ERR_DATA, "%s: %s is one of the cells of the input %s (%s)", y->from, y->cell, x->cell, x->from);
	return 1;
}

static int
drop_overridden(struct spec *s, struct model *m, struct err *e)
{
	struct area in, cell;
	size_t kept = 0;

	for (size_t i = 0; i < s->ninput; i++) {
		int gone = 0;

		if (s->nset && find_area(m, s->input[i].cell, s->input[i].from, &in, e) < 0)
			return -1;
		for (size_t k = 0; k < s->nset && !gone; k++) {
			if (find_cell(m, s->set[k].cell, s->set[k].from, &cell, e) < 0)
				return -1;
			gone = overridden(&s->input[i], &in, &s->set[k], &cell, e);
		}
		if (gone < 0)
			return -1;
		if (!gone)
			s->input[kept++] = s->input[i];
	}
	s->ninput = kept;
	return 0;
}

int
spec_apply(struct spec *s, struct model *m, struct err *e)
{
	struct area a;

	if (drop_overridden(s, m, e) < 0)
		return -1;
	for (size_t i = 0; i < s->nset; i++) {
		const char *c = s->set[i].content;
		struct value v;
		double x;
		int rc = 0;

		if (find_cell(m, s->set[i].cell, s->set[i].from, &a, e) < 0)
			return -1;
		if (c[0] == '=')
			rc = model_set_formula(m, a.sheet1, a.row1, a.col1, c + 1, 0, e);
		else if (!num_parse_double(c, strlen(c), &x))
			v = value_num(x), rc = model_set_value(m, a.sheet1, a.row1, a.col1, v);
		else if (!strcasecmp(c, "TRUE") || !strcasecmp(c, "FALSE"))
			v = value_bool(!strcasecmp(c, "TRUE")), rc = model_set_value(m, a.sheet1, a.row1, a.col1, v);
		else if (!*c)
			rc = model_set_value(m, a.sheet1, a.row1, a.col1, value_blank());
		else
			v = value_textz(&m->arena, c), rc = model_set_value(m, a.sheet1, a.row1, a.col1, v);
		if (rc < 0)
			return err_prefix(e, "%s: %s", s->set[i].from, s->set[i].cell);
	}
	for (size_t i = 0; i < s->ninput; i++) {
		if (find_area(m, s->input[i].cell, s->input[i].from, &a, e) < 0)
			return -1;
		if (model_fill_formula(m, &a, s->input[i].formula, 1, e) < 0 ||
		    datafile_expand(m, model_formula(m, a.sheet1, a.row1, a.col1), s->input[i].folder, e) < 0)
			return err_prefix(e, "%s: %s ~ %s", s->input[i].from, s->input[i].cell, s->input[i].formula);
	}
	return correlate_model(s, m, e);
}
