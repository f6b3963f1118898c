/*
 * json: reading JSON text into a tree. The one file that includes jansson.
 *
 * Strict: duplicate keys, trailing text, invalid UTF-8, NaN and more than 64 levels are refused, with line
 * and column. Borrowed pointers live until json_free of the root.
 */
#ifndef RECORD_JSON_H
#define RECORD_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json; /* a node; the root owns the tree */

struct json *json_parse_text(const char *s, size_t n, struct err *e); /* 65 with line and column */
/* What other programs call JSON: any value at the top, duplicate keys (the last wins), NUL in texts, whole numbers beyond 64
 * bits (which become reals). 65 otherwise. */
struct json *json_parse_any(const char *s, size_t n, struct err *e);
void json_free(struct json *root);

enum json_type { JSON_T_NULL, JSON_T_BOOL, JSON_T_INT, JSON_T_REAL, JSON_T_STRING, JSON_T_ARRAY, JSON_T_OBJECT };

enum json_type json_kind(const struct json *j);
const struct json *json_member(const struct json *object, const char *key); /* NULL: absent */
size_t json_count(const struct json *array_or_object);
const struct json *json_element(const struct json *array, size_t i);

/* Members in file order: for (it = json_first(o); it; it = json_next(o, it)). */
void *json_first(const struct json *object);
void *json_next(const struct json *object, void *it);
const char *json_iter_key(void *it);
const struct json *json_iter_value(void *it);

const char *json_text(const struct json *j);   /* NULL unless a string */
double json_number(const struct json *j);      /* NaN unless a number */
int64_t json_whole(const struct json *j);      /* 0 unless an integer */
int json_truth(const struct json *j);

/* Appends the node as compact JSON text. 0, or -1 when memory is out. */
int json_write(struct buf *b, const struct json *j);

/* Compact text, keys sorted: equal trees give equal text. free() it; NULL when memory is out. */
char *json_dump(const struct json *j);

#endif
