/* expect: see expect.h. Paths are compiled when the request is read, so that a mistake is found before anything is sent. */
#include "call/expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define STATUSES 1000
#define SCHEMA_DEPTH 32

struct step {
	enum { STEP_KEY, STEP_INDEX, STEP_EACH } kind;
	char *key;
	long index;
};

struct path {
	char *text;
	struct step *steps;
	size_t n;
};

struct expect {
	unsigned char status[STATUSES];
	const struct json *types; /* a string or an array of them; NULL: any */
	const struct json *schema;
	struct path *paths;
	size_t npaths;
	int json;
};

/* --- paths --------------------------------------------------------------------------------------------------- */

static int
add_step(struct path *p, int kind, char *key, long index)
{
	struct step *more = realloc(p->steps, (p->n + 1) * sizeof *more);

	if (!more) {
		free(key);
		return -1;
	}
	p->steps = more;
	more[p->n++] = (struct step){kind, key, index};
	return 0;
}

static int
is_name(char c, int first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
}

/* A JSON string at s; its length in bytes, 0 if it is none. */
static size_t
string_length(const char *s)
{
	size_t i = 1;

	if (s[0] != '"')
		return 0;
	while (s[i] && s[i] != '"')
		i += s[i] == '\\' && s[i + 1] ? 2 : 1;
	return s[i] ? i + 1 : 0;
}

static char *
string_value(const char *s, size_t n)
{
	struct err e;
	struct json *j = json_parse_any(s, n, &e);
	const char *text = json_text(j);
	char *copy = text ? strdup(text) : NULL;

	json_free(j);
	return copy;
}

/* What stands in brackets; returns the bytes used, 0 for a mistake. */
static size_t
parse_bracket(struct path *p, const char *s)
{
	char *end, *key;
	size_t n;
	long index;

	if (s[1] == ']')
		return add_step(p, STEP_EACH, NULL, 0) ? 0 : 2;
	n = string_length(s + 1);
	if (n) {
		key = string_value(s + 1, n);
		return key && s[n + 1] == ']' && !add_step(p, STEP_KEY, key, 0) ? n + 2 : 0;
	}
	if (s[1] != '-' && (s[1] < '0' || s[1] > '9'))
		return 0;
	index = strtol(s + 1, &end, 10);
	return *end == ']' && !add_step(p, STEP_INDEX, NULL, index) ? (size_t)(end + 1 - s) : 0;
}

static size_t
parse_key(struct path *p, const char *s)
{
	size_t n = string_length(s);
	char *key;

	if (n) {
		key = string_value(s, n);
	} else {
		while (is_name(s[n], n == 0))
			n++;
		key = n ? strndup(s, n) : NULL;
	}
	return key && !add_step(p, STEP_KEY, key, 0) ? n : 0;
}

static int
parse_path(struct path *p, const char *text, struct err *e)
{
	const char *s = text;

	*p = (struct path){.text = strdup(text)};
	if (!p->text)
		return err_nomem(e);
	if (*s != '.')
		goto bad;
	if (!s[1])
		return 0; /* "." itself */
	while (*s) {
		size_t n;

		if (*s == '[') {
			n = parse_bracket(p, s);
		} else if (*s == '.' && s[1] == '[') {
			n = 1;
		} else {
			n = *s == '.' ? parse_key(p, s + 1) : 0;
			n += n > 0;
		}
		if (!n)
			goto bad;
		s += n;
	}
	return 0;
bad:
	return err_set(e, ERR_DATA, "\"expect\": the path \"%.200s\" is not understood at \"%.40s\"", text, s);
}

static int
path_exists(const struct json *j, const struct step *s, size_t n)
{
	size_t count;

	for (; n; s++, n--) {
		if (!j)
			return 0;
		count = json_count(j);
		if (s->kind == STEP_KEY) {
			j = json_kind(j) == JSON_T_OBJECT ? json_member(j, s->key) : NULL;
			continue;
		}
		if (s->kind == STEP_EACH && json_kind(j) == JSON_T_OBJECT) {
			for (void *it = json_first(j); it; it = json_next(j, it))
				if (path_exists(json_iter_value(it), s + 1, n - 1))
					return 1;
			return 0;
		}
		if (json_kind(j) != JSON_T_ARRAY)
			return 0;
		if (s->kind == STEP_EACH) {
			for (size_t i = 0; i < count; i++)
				if (path_exists(json_element(j, i), s + 1, n - 1))
					return 1;
			return 0;
		}
		if (s->index < 0 && (size_t)-s->index > count)
			return 0;
		j = json_element(j, s->index < 0 ? count - (size_t)-s->index : (size_t)s->index);
	}
	return j && json_kind(j) != JSON_T_NULL;
}

/* --- schemas -------------------------------------------------------------------------------------------------- */

static const char *const type_names[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
#define TYPES (sizeof type_names / sizeof type_names[0])

static int
is_type(const struct json *j, const char *name)
{
	switch (json_kind(j)) {
	case JSON_T_NULL: return !strcmp(name, "null");
	case JSON_T_BOOL: return !strcmp(name, "boolean");
	case JSON_T_INT: return !strcmp(name, "integer") || !strcmp(name, "number");
	case JSON_T_REAL: return !strcmp(name, "number") || (!strcmp(name, "integer") && json_number(j) == trunc(json_number(j))); /* 1.0 */
	case JSON_T_STRING: return !strcmp(name, "string");
	case JSON_T_ARRAY: return !strcmp(name, "array");
	default: return !strcmp(name, "object");
	}
}

static int
known_type(const char *name)
{
	for (size_t i = 0; name && i < TYPES; i++)
		if (!strcmp(name, type_names[i]))
			return 1;
	return 0;
}

/* One of the elements of `list`, or `list` itself where it is a string, satisfies f. */
static int
any_text(const struct json *list, int (*f)(const void *ctx, const char *text), const void *ctx)
{
	if (json_kind(list) == JSON_T_STRING)
		return f(ctx, json_text(list));
	for (size_t i = 0; i < json_count(list); i++)
		if (f(ctx, json_text(json_element(list, i))))
			return 1;
	return 0;
}

static int
all_texts(const struct json *list)
{
	if (json_kind(list) == JSON_T_STRING)
		return 1;
	if (json_kind(list) != JSON_T_ARRAY || !json_count(list))
		return 0;
	for (size_t i = 0; i < json_count(list); i++)
		if (!json_text(json_element(list, i)))
			return 0;
	return 1;
}

static int check_schema(const struct json *s, int depth, struct err *e);

static int
check_keyword(const char *key, const struct json *v, int depth, struct err *e)
{
	if (!strcmp(key, "type")) {
		int good = all_texts(v) && (json_text(v) == NULL || known_type(json_text(v)));

		for (size_t i = 0; good && !json_text(v) && i < json_count(v); i++)
			good = known_type(json_text(json_element(v, i)));
		return good ? 0 : err_set(e, ERR_DATA, "\"schema\": \"type\" is a type of JSON, or a list of them");
	}
	if (!strcmp(key, "required")) {
		if (json_kind(v) == JSON_T_ARRAY && (!json_count(v) || all_texts(v)))
			return 0;
		return err_set(e, ERR_DATA, "\"schema\": \"required\" is a list of keys");
	}
	if (!strcmp(key, "properties")) {
		if (json_kind(v) != JSON_T_OBJECT)
			return err_set(e, ERR_DATA, "\"schema\": \"properties\" is an object");
		for (void *it = json_first(v); it; it = json_next(v, it))
			if (check_schema(json_iter_value(it), depth + 1, e) < 0)
				return -1;
		return 0;
	}
	if (!strcmp(key, "items"))
		return check_schema(v, depth + 1, e);
	if (!strcmp(key, "enum"))
		return json_kind(v) == JSON_T_ARRAY ? 0 : err_set(e, ERR_DATA, "\"schema\": \"enum\" is a list");
	if (!strcmp(key, "title") || !strcmp(key, "description") || !strcmp(key, "$schema"))
		return 0;
	return err_set(e, ERR_DATA, "\"schema\": the keyword \"%.60s\" is not known here", key);
}

static int
check_schema(const struct json *s, int depth, struct err *e)
{
	if (json_kind(s) != JSON_T_OBJECT)
		return err_set(e, ERR_DATA, "\"schema\": a schema is an object");
	if (depth > SCHEMA_DEPTH)
		return err_set(e, ERR_DATA, "\"schema\": deeper than %d levels", SCHEMA_DEPTH);
	for (void *it = json_first(s); it; it = json_next(s, it))
		if (check_keyword(json_iter_key(it), json_iter_value(it), depth, e) < 0)
			return -1;
	return 0;
}

static int
type_matches(const void *j, const char *name)
{
	return is_type(j, name);
}

static int
in_enum(const struct json *list, const struct json *j)
{
	char *text = json_dump(j);
	int found = 0;

	for (size_t i = 0; text && !found && i < json_count(list); i++) {
		char *other = json_dump(json_element(list, i));

		found = other && !strcmp(text, other);
		free(other);
	}
	free(text);
	return found;
}

/* `at`: where in the body, for the message; restored before returning. */
static int
conforms(const struct json *s, const struct json *j, struct buf *at, struct err *e)
{
	const struct json *v, *child;
	size_t mark = at->len;
	int rc = 0;

	if ((v = json_member(s, "type")) && !any_text(v, type_matches, j))
		return err_set(e, ERR_DATA, "%.300s is not of the type expected", at->s);
	if ((v = json_member(s, "enum")) && !in_enum(v, j))
		return err_set(e, ERR_DATA, "%.300s is none of the values expected", at->s);
	if ((v = json_member(s, "required")) && json_kind(j) == JSON_T_OBJECT)
		for (size_t i = 0; i < json_count(v); i++)
			if (!json_member(j, json_text(json_element(v, i))))
				return err_set(e, ERR_DATA, "%.300s has no key \"%.100s\"", at->s, json_text(json_element(v, i)));
	if ((v = json_member(s, "properties")) && json_kind(j) == JSON_T_OBJECT)
		for (void *it = json_first(v); it && !rc; it = json_next(v, it)) {
			if (!(child = json_member(j, json_iter_key(it))))
				continue;
			buf_printf(at, ".%s", json_iter_key(it));
			rc = conforms(json_iter_value(it), child, at, e);
			at->len = mark;
			at->s[mark] = '\0';
		}
	if ((v = json_member(s, "items")) && json_kind(j) == JSON_T_ARRAY)
		for (size_t i = 0; i < json_count(j) && !rc; i++) {
			buf_printf(at, "[%zu]", i);
			rc = conforms(v, json_element(j, i), at, e);
			at->len = mark;
			at->s[mark] = '\0';
		}
	return rc;
}

/* --- the whole ------------------------------------------------------------------------------------------------- */

static int
add_status(struct expect *x, const struct json *j, struct err *e)
{
	const char *s = json_text(j);
	long v = (long)json_whole(j);

	if (json_kind(j) == JSON_T_INT && v >= 100 && v < 600) {
		x->status[v] = 1;
		return 0;
	}
	if (s && s[0] >= '1' && s[0] <= '5' && !strcasecmp(s + 1, "xx")) {
		memset(x->status + (s[0] - '0') * 100, 1, 100);
		return 0;
	}
	return err_set(e, ERR_DATA, "\"expect\": \"status\" is a number from 100 to 599, such as 200, or a class, such as \"2xx\"");
}

static int
take_status(struct expect *x, const struct json *j, struct err *e)
{
	if (json_kind(j) != JSON_T_ARRAY)
		return add_status(x, j, e);
	for (size_t i = 0; i < json_count(j); i++)
		if (add_status(x, json_element(j, i), e) < 0)
			return -1;
	return json_count(j) ? 0 : err_set(e, ERR_DATA, "\"expect\": \"status\" is an empty list: no answer could be the one expected");
}

static int
take_paths(struct expect *x, const struct json *j, struct err *e)
{
	size_t n = json_kind(j) == JSON_T_ARRAY ? json_count(j) : 1;

	if (!all_texts(j))
		return err_set(e, ERR_DATA, "\"expect\": \"path\" is a text such as \".a.b[0]\", or a list of them");
	x->json = 1;
	x->paths = calloc(n, sizeof *x->paths);
	if (!x->paths)
		return err_nomem(e);
	while (x->npaths < n) {
		const struct json *one = json_text(j) ? j : json_element(j, x->npaths);

		if (parse_path(&x->paths[x->npaths++], json_text(one), e) < 0)
			return -1;
	}
	return 0;
}

static int
take(struct expect *x, const char *key, const struct json *v, struct err *e)
{
	if (!strcmp(key, "status"))
		return take_status(x, v, e);
	if (!strcmp(key, "path"))
		return take_paths(x, v, e);
	if (!strcmp(key, "content_type")) {
		x->types = v;
		return all_texts(v) ? 0 : err_set(e, ERR_DATA, "\"expect\": \"content_type\" is a text or a list of texts");
	}
	if (!strcmp(key, "schema")) {
		x->json = 1;
		x->schema = v;
		return check_schema(v, 0, e);
	}
	if (!strcmp(key, "json") && json_kind(v) == JSON_T_BOOL) {
		x->json |= json_truth(v);
		return 0;
	}
	return err_set(e, ERR_DATA, "\"expect\": \"%.60s\" is not known: status, content_type, json (true or false), path, schema", key);
}

struct expect *
expect_new(const struct json *j, struct err *e)
{
	struct expect *x = calloc(1, sizeof *x);

	if (!x) {
		err_nomem(e);
		return NULL;
	}
	if (!j || !json_member(j, "status"))
		memset(x->status + 200, 1, 100);
	if (j && json_kind(j) != JSON_T_OBJECT) {
		err_set(e, ERR_DATA, "\"expect\" is an object");
		goto bad;
	}
	for (void *it = j ? json_first(j) : NULL; it; it = json_next(j, it))
		if (take(x, json_iter_key(it), json_iter_value(it), e) < 0)
			goto bad;
	return x;
bad:
	expect_free(x);
	return NULL;
}

void
expect_free(struct expect *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->npaths; i++) {
		for (size_t k = 0; k < x->paths[i].n; k++)
			free(x->paths[i].steps[k].key);
		free(x->paths[i].steps);
		free(x->paths[i].text);
	}
	free(x->paths);
	free(x);
}

int
expect_status(const struct expect *x, long status)
{
	return status >= 0 && status < STATUSES && x->status[status];
}

int
expect_wants_json(const struct expect *x)
{
	return x->json;
}

static int
media_matches(const void *ctx, const char *want)
{
	const char *got = ctx;
	size_t n = strcspn(got, "; \t"), k = strlen(want);

	if (k > 2 && !strcmp(want + k - 2, "/*"))
		return n > k - 1 && !strncasecmp(got, want, k - 1);
	return n == k && !strncasecmp(got, want, n);
}

int
expect_content_type(const struct expect *x, const char *type, struct err *e)
{
	if (!x->types || any_text(x->types, media_matches, type))
		return 0;
	return err_set(e, ERR_DATA, "the content type is %.100s%s", *type ? type : "absent", *type ? ", not what is expected" : "");
}

int
expect_body(const struct expect *x, const char *body, size_t n, struct err *e)
{
	struct buf at = BUF_INIT;
	struct json *j;
	int rc = 0;

	if (!x->json)
		return 0;
	j = json_parse_any(n ? body : "", n, e);
	if (!j)
		return err_prefix(e, "the body is no JSON");
	for (size_t i = 0; i < x->npaths && !rc; i++)
		if (!path_exists(j, x->paths[i].steps, x->paths[i].n))
			rc = err_set(e, ERR_DATA, "the body has nothing at %.200s", x->paths[i].text);
	if (!rc && x->schema)
		rc = buf_puts(&at, "$") < 0 ? err_nomem(e) : conforms(x->schema, j, &at, e);
	buf_free(&at);
	json_free(j);
	return rc;
}
