/*
 * request: one line of input of sim-call, checked as a whole before anything is sent.
 *
 *   {"id": "a", "url": "https://host/path", "method": "POST", "headers": {"Accept": "text/csv"},
 *    "body": "text" | {JSON}, "body_file": "path", "expect": {...} (expect.h), "deadline": "30s" | 30, "phase": "name",
 *    "idempotency_key": "k", "redirects": 3, "retries": 2, "output": "path", "meta": anything}
 *
 * Secrets come by reference, as the value of a header: {"env": "NAME"} or {"file": "path"}, with "prefix" where one is
 * wanted. A header that holds secrets by its nature (Authorization, Cookie, ...) is refused with a literal value: the line
 * would be a record of it. What would let a value break out of its header is refused, wherever it came from. An unknown
 * field is refused, since a misspelt "idempotency_key" must not be overlooked.
 */
#ifndef CALL_REQUEST_H
#define CALL_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "call/expect.h"
#include "call/http.h"
#include "record/json.h"

struct request {
	struct json *root;           /* owns the borrowed texts below */
	const char *id, *phase;      /* phase NULL: none */
	const char *url, *method, *key, *body_file, *output;
	char *own_id;
	char *shown, *origin;        /* URL without its query; "https://host:443" */
	int literal;                 /* the host is an address: no name to look up */
	struct http_header *headers; /* names and values malloc'ed */
	size_t nheaders;
	const char *body;            /* NULL: none here */
	char *own_body;
	size_t nbody;
	struct expect *expect;
	int64_t deadline_ns;         /* 0: as the batch says */
	int redirects, retries;      /* -1: as the batch says */
	char *meta;                  /* JSON, NULL: none */
	int repeatable;              /* by its method or its key */
	uint64_t print;              /* fingerprint: differs where the request does */
};

#define REQUEST_ID_MAX 255

/* A line without its newline; `number` names the call where it has no id. NULL with 65 (66 for a secret that is not there);
 * *id then is the id if the line has a usable one, to free(), or NULL. */
struct request *request_parse(const char *line, size_t n, int64_t number, char **id, struct err *e);
void request_free(struct request *r);

/* Puts "[secret]" where the values of r's secret headers stand in b. 1 where there was one, 0, or -1 when memory is out.
 * Secrets of fewer than 4 bytes are not looked for. */
int request_redact(const struct request *r, struct buf *b);

#endif
