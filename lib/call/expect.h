/*
 * expect: is this answer a success? As the caller states it, and only that; never by size.
 *
 *   {"status": 200 | "2xx" | [200, "3xx"],        default "2xx"
 *    "content_type": "application/json" | [...],    text and a slash and a star: any text
 *    "json": true,                                the body parses
 *    "path": ".data.items[0].id" | [...],         is there and is not null
 *    "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}, "items": {...}}}
 *
 * Paths are the part of jq's that selects: .key, ."any key", ["key"], [0], [-1], [] (one element at least must have the rest).
 * A schema knows type, required, properties, items and enum, as JSON Schema defines them; another keyword is refused rather
 * than overlooked.
 */
#ifndef CALL_EXPECT_H
#define CALL_EXPECT_H

#include <stddef.h>

#include "base/err.h"
#include "record/json.h"

struct expect;

/* `j` NULL: any 2xx. It must live as long as the result. NULL with 65. */
struct expect *expect_new(const struct json *j, struct err *e);
void expect_free(struct expect *x);

int expect_status(const struct expect *x, long status);     /* 1 or 0 */
int expect_wants_json(const struct expect *x);              /* 1 where the body must be JSON */
int expect_content_type(const struct expect *x, const char *type, struct err *e); /* 0, or -1 with the reason */
/* The rest, on the whole body. 0, or -1 with the reason. */
int expect_body(const struct expect *x, const char *body, size_t n, struct err *e);

#endif
