/* datafile: see datafile.h. */
#include "engine/datafile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "formula/risk.h"
#include "kernels/dist.h"

struct csv {
	struct buf text;
	const char *path;
	char separator;
	const char *at;      /* next line */
	int line;
};

/* --- lines and fields -------------------------------------------------------------------------------------------- */

static char
separator_of(const char *s)
{
	static const char candidates[] = ",;\t";
	char best = ',';
	int most = 0;

	for (const char *c = candidates; *c; c++) {
		int n = 0;

		for (const char *p = s; *p && *p != '\n'; p++)
			n += *p == *c;
		if (n > most) {
			most = n;
			best = *c;
		}
	}
	return best;
}

/* Field number k (from 0) of the line at s: without quotes and blanks around it, in out. 0: the line has no such field. */
static int
field(const struct csv *c, const char *s, int k, struct buf *out)
{
	buf_clear(out);
	for (;; k--) {
		int quoted = *s == '"';

		s += quoted;
		for (; *s && *s != '\n'; s++) {
			if (quoted && *s == '"' && s[1] == '"')
				s++;
			else if (quoted && *s == '"') {
				quoted = 0;
				continue;
			} else if (!quoted && *s == c->separator)
				break;
			if (!k)
				buf_putc(out, *s);
		}
		if (!k)
			break;
		if (*s != c->separator)
			return 0;
		s++;
	}
	while (out->len && strchr(" \t\r", out->s[out->len - 1]))
		out->len--;
	buf_putc(out, '\0');
	out->len--;
	return 1;
}

static const char *
next_line(struct csv *c)
{
	const char *line = c->at, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	c->at = end ? end + 1 : line + strlen(line);
	c->line++;
	return line;
}

static int
is_blank(const char *line)
{
	while (*line == ' ' || *line == '\t' || *line == '\r')
		line++;
	return !*line || *line == '\n';
}

static int
open_csv(struct csv *c, const char *path, struct err *e)
{
	*c = (struct csv){.text = BUF_INIT, .path = path};
	if (io_read_file(path, DATAFILE_LIMIT, &c->text, e) < 0)
		return -1;
	if (buf_putc(&c->text, '\0') < 0)
		return err_nomem(e);
	c->at = c->text.s;
	if (!strncmp(c->at, "\xef\xbb\xbf", 3)) /* byte order mark */
		c->at += 3;
	c->separator = separator_of(c->at);
	return 0;
}

/* --- a column ------------------------------------------------------------------------------------------------------ */

static int
number_in(const struct buf *f, double *x)
{
	const char *s = f->s;

	while (*s == ' ')
		s++;
	return num_parse_double(s, strlen(s), x) < 0 || !isfinite(*x) ? -1 : 0;
}

/* Which column an argument means; -1: e filled. A name stands in the first line. */
static int
column_of(struct csv *c, const struct node *n, struct err *e)
{
	struct buf f = BUF_INIT;
	int k;

	if (n->kind == N_NUM && n->u.num >= 1 && n->u.num <= 16384 && n->u.num == floor(n->u.num))
		return (int)n->u.num - 1;
	if (n->kind != N_TEXT)
		return err_set(e, ERR_DATA, "%s: a column is a whole number from 1 or a name in quotes", c->path);
	for (k = 0; field(c, c->at, k, &f); k++)
		if (!strcmp(f.s, n->u.value.u.text->s))
			break;
	if (!field(c, c->at, k, &f))
		k = err_set(e, ERR_DATA, "%s: no column \"%s\" in its first line", c->path, n->u.value.u.text->s);
	buf_free(&f);
	return k;
}

/* All numbers of a column, malloc'd; where the field is empty, NaN (so that columns stay together). */
static int
read_column(struct csv *c, int column, double **out, size_t *n, struct err *e)
{
	struct buf f = BUF_INIT;
	const char *line;
	size_t cap = 0;
	int rc = 0, lines = 0;

	*out = NULL;
	*n = 0;
	while (!rc && (line = next_line(c))) {
		double x = NAN;

		if (is_blank(line))
			continue;
		lines++;
		if (field(c, line, column, &f) && *f.s && number_in(&f, &x) < 0) {
			if (lines == 1) /* a header */
				continue;
			rc = err_set(e, ERR_DATA, "%s, line %d: \"%.40s\" is no number", c->path, c->line, f.s);
			break;
		}
		if (lines == 1 && isnan(x))
			continue;
		if (*n == cap) {
			double *grown = realloc(*out, (cap = cap ? 2 * cap : 1024) * sizeof **out);

			if (!grown) {
				rc = err_nomem(e);
				break;
			}
			*out = grown;
		}
		(*out)[(*n)++] = x;
	}
	buf_free(&f);
	return rc;
}

/* --- into the tree --------------------------------------------------------------------------------------------------- */

static struct node *
number_node(struct model *m, double x)
{
	struct node *n = ARENA_NEW(&m->arena, struct node, 1);

	n->kind = N_NUM;
	n->u.num = x;
	return n;
}

static struct node *
list_node(struct model *m, const double *v, size_t n, struct node **written, int nwritten)
{
	struct array *a = ARENA_NEW(&m->arena, struct array, 1);
	struct node *node = ARENA_NEW(&m->arena, struct node, 1);

	a->v = arena_alloc(&m->arena, n * sizeof *a->v);
	a->rows = (int32_t)n;
	a->cols = 1;
	for (size_t i = 0; i < n; i++)
		a->v[i] = value_num(v[i]);
	node->kind = N_ARRAY;
	node->u.value = (struct value){.kind = V_ARRAY, .u.array = a};
	node->args = arena_memdup(&m->arena, written, (size_t)nwritten * sizeof *written);
	node->nargs = (uint16_t)nwritten; /* how node_print() writes it */
	return node;
}

static void
add_hash(struct model *m, const double *v, size_t n)
{
	uint64_t h = m->data_hash ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		memcpy(&bits, &v[i], sizeof bits);
		h = (h ^ bits) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	m->data_hash = h;
}

/* Numbers of both columns in lines where neither is empty. */
static int
read_columns(struct csv *c, struct node *const *arg, int ncolumns, double *v[2], size_t *n, struct err *e)
{
	const char *start = c->at;
	size_t len[2] = {0, 0}, kept = 0;

	for (int i = 0; i < ncolumns; i++) {
		int column = column_of(c, arg[i], e);

		if (column < 0 || read_column(c, column, &v[i], &len[i], e) < 0)
			return -1;
		c->at = start;
		c->line = 0;
	}
	if (ncolumns == 2 && len[0] != len[1])
		return err_set(e, ERR_DATA, "%s: the two columns differ in length: %zu and %zu numbers", c->path, len[0], len[1]);
	for (size_t i = 0; i < len[0]; i++) {
		if (isnan(v[0][i]) || (ncolumns == 2 && isnan(v[1][i])))
			continue;
		v[0][kept] = v[0][i];
		if (ncolumns == 2)
			v[1][kept] = v[1][i];
		kept++;
	}
	if (!kept)
		return err_set(e, ERR_DATA, "%s: no numbers in that column", c->path);
	if (kept * (size_t)ncolumns > RISK_PARAMS_MAX)
		return err_set(e, ERR_DATA, "%s: %zu numbers; a distribution takes at most %d", c->path, kept * (size_t)ncolumns, RISK_PARAMS_MAX);
	*n = kept;
	return 0;
}

static int
expand_call(struct model *m, struct node *call, const char *folder, struct err *e)
{
	const char *name = call->args[0]->u.value.u.text->s;
	const char *path = name[0] == '/' || !folder ? name : arena_printf(&m->arena, "%s/%s", folder, name);
	int pairs = call->u.call.fn->dist == DIST_ID_DISCRETE, given = 1;
	struct node **args = arena_alloc(&m->arena, (size_t)(call->nargs + 2) * sizeof *args);
	struct node *column[2] = {number_node(m, 1), number_node(m, 2)};
	double *v[2] = {NULL, NULL};
	struct csv c;
	size_t n = 0;
	int rc, k = 0;

	if (!pairs && call->u.call.fn->dist != DIST_ID_DUNIFORM)
		return err_set(e, ERR_DATA, "%s does not take a file: empirical(file, column) and discrete(file, values, weights) do",
		               call->u.call.name);
	while (given < call->nargs && given < 2 + pairs && (call->args[given]->kind == N_NUM || call->args[given]->kind == N_TEXT)) {
		column[given - 1] = call->args[given];
		given++;
	}
	rc = open_csv(&c, path, e);
	if (!rc)
		rc = read_columns(&c, column, 1 + pairs, v, &n, e);
	if (!rc) {
		args[k++] = list_node(m, v[0], n, (struct node *[]){call->args[0], column[0]}, 2);
		add_hash(m, v[0], n);
		if (pairs) {
			args[k++] = list_node(m, v[1], n, &column[1], 1);
			add_hash(m, v[1], n);
		}
		for (int i = given; i < call->nargs; i++)
			args[k++] = call->args[i];
		call->args = args;
		call->nargs = (uint16_t)k;
	}
	free(v[0]);
	free(v[1]);
	buf_free(&c.text);
	return rc;
}

static int
expand(struct model *m, struct node *n, const char *folder, struct err *e)
{
	if (n->kind == N_CALL && n->u.call.fn && (n->u.call.fn->flags & FN_DIST) && n->nargs && n->args[0] && n->args[0]->kind == N_TEXT &&
	    !risk_is_alt(n) &&
	    expand_call(m, n, folder, e) < 0)
		return -1;
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && expand(m, n->args[i], folder, e) < 0)
			return -1;
	return 0;
}

int
datafile_expand(struct model *m, const struct formula *f, const char *folder, struct err *e)
{
	return f && f->root ? expand(m, (struct node *)(uintptr_t)f->root, folder, e) : 0;
}
