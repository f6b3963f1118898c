/* json: see json.h. */
#include "record/json.h"

#include <jansson.h>
#include <math.h>

#define DEPTH_LIMIT 64

static const json_t *
in(const struct json *j)
{
	return (const json_t *)j;
}

static const struct json *
out(const json_t *j)
{
	return (const struct json *)j;
}

static int
too_deep(json_t *j, int depth)
{
	const char *key;
	json_t *v;
	size_t i;

	if (depth > DEPTH_LIMIT)
		return 1;
	if (json_is_object(j)) {
		json_object_foreach(j, key, v)
			if (too_deep(v, depth + 1))
				return 1;
	} else if (json_is_array(j)) {
		json_array_foreach(j, i, v)
			if (too_deep(v, depth + 1))
				return 1;
	}
	return 0;
}

static struct json *
checked(json_t *j, const json_error_t *error, struct err *e)
{
	json_error_t je = *error;

	if (!j) {
		err_set(e, ERR_DATA, "line %d, column %d: %s", je.line, je.column, je.text);
		return NULL;
	}
	if (too_deep(j, 0)) {
		json_decref(j);
		err_set(e, ERR_DATA, "JSON nested deeper than %d levels", DEPTH_LIMIT);
		return NULL;
	}
	return (struct json *)j;
}

struct json *
json_parse_text(const char *s, size_t n, struct err *e)
{
	json_error_t je;
	json_t *j = json_loadb(s, n, JSON_REJECT_DUPLICATES, &je);

	return checked(j, &je, e);
}

struct json *
json_parse_any(const char *s, size_t n, struct err *e)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_error_t je;
	json_t *j = json_loadb(s, n, flags, &je);

	if (!j && json_error_code(&je) == json_error_numeric_overflow)
		j = json_loadb(s, n, flags | JSON_DECODE_INT_AS_REAL, &je);
	return checked(j, &je, e);
}

void
json_free(struct json *root)
{
	json_decref((json_t *)root);
}

enum json_type
json_kind(const struct json *j)
{
	switch (json_typeof(in(j))) {
	case JSON_OBJECT: return JSON_T_OBJECT;
	case JSON_ARRAY: return JSON_T_ARRAY;
	case JSON_STRING: return JSON_T_STRING;
	case JSON_INTEGER: return JSON_T_INT;
	case JSON_REAL: return JSON_T_REAL;
	case JSON_TRUE:
	case JSON_FALSE: return JSON_T_BOOL;
	default: return JSON_T_NULL;
	}
}

const struct json *
json_member(const struct json *object, const char *key)
{
	return out(json_object_get(in(object), key));
}

size_t
json_count(const struct json *j)
{
	return json_is_array(in(j)) ? json_array_size(in(j)) : json_object_size(in(j));
}

const struct json *
json_element(const struct json *array, size_t i)
{
	return out(json_array_get(in(array), i));
}

void *
json_first(const struct json *object)
{
	return json_object_iter((json_t *)(uintptr_t)object);
}

void *
json_next(const struct json *object, void *it)
{
	return json_object_iter_next((json_t *)(uintptr_t)object, it);
}

const char *
json_iter_key(void *it)
{
	return json_object_iter_key(it);
}

const struct json *
json_iter_value(void *it)
{
	return out(json_object_iter_value(it));
}

const char *
json_text(const struct json *j)
{
	return j ? json_string_value(in(j)) : NULL;
}

double
json_number(const struct json *j)
{
	return j && json_is_number(in(j)) ? json_number_value(in(j)) : NAN;
}

int64_t
json_whole(const struct json *j)
{
	return j ? json_integer_value(in(j)) : 0;
}

int
json_truth(const struct json *j)
{
	return j && json_is_true(in(j));
}

static int
append(const char *s, size_t n, void *ctx)
{
	return buf_add(ctx, s, n);
}

int
json_write(struct buf *b, const struct json *j)
{
	return json_dump_callback(in(j), append, b, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) < 0 ? -1 : 0;
}

char *
json_dump(const struct json *j)
{
	return json_dumps(in(j), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}
