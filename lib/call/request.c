/* request: see request.h. */
#include "call/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/num.h"
#include "call/redact.h"
#include "call/retry.h"

#define SECRET_LIMIT 65536

/* --- checks ---------------------------------------------------------------------------------------------------- */

static int
is_token(const char *s) /* RFC 9110, 5.6.2 */
{
	if (!*s)
		return 0;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("!#$%&'*+-.^_`|~", *s)))
			return 0;
	return 1;
}

static int
one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcasecmp(name, *list))
			return 1;
	return 0;
}

static int
check_header_name(const char *name, int literal, struct err *e)
{
	/* These frame the message or belong to the connection: a second one is how requests are smuggled. */
	static const char *const ours[] = {"Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "TE",
	                                   "Trailer", "Expect", "Proxy-Connection", "Idempotency-Key", NULL};
	static const char *const secret[] = {"Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key", "Api-Key",
	                                     "X-Auth-Token", "X-Access-Token", "X-Goog-Api-Key", "X-Amz-Security-Token", NULL};

	if (!is_token(name))
		return err_set(e, ERR_DATA, "a header's name is not one: \"%.60s\"", name);
	if (one_of(name, ours))
		return err_set(e, ERR_DATA, "the header %s is not for requests to set%s", name,
		               !strcasecmp(name, "Idempotency-Key") ? " (\"idempotency_key\" does)" : "");
	if (literal && one_of(name, secret))
		return err_set(e, ERR_DATA, "the header %s holds a secret: give {\"env\": \"NAME\"} or {\"file\": \"path\"}", name);
	return 0;
}

static int
check_header_value(const char *name, const char *value, struct err *e)
{
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return err_set(e, ERR_DATA, "the value of header %s has a line break or control character in it", name);
	return 0;
}

/* --- headers --------------------------------------------------------------------------------------------------- */

/* The value that a reference stands for, appended to b behind its prefix. Errors name the reference, never the value. */
static int
resolve_secret(const char *name, const struct json *j, struct buf *b, size_t *prefix, struct err *e)
{
	const char *env = NULL, *file = NULL, *value;

	for (void *it = json_first(j); it; it = json_next(j, it)) {
		const char *key = json_iter_key(it), *text = json_text(json_iter_value(it));

		if (text && !strcmp(key, "env"))
			env = text;
		else if (text && !strcmp(key, "file"))
			file = text;
		else if (!text || strcmp(key, "prefix"))
			return err_set(e, ERR_DATA, "header %s: a reference has \"env\" or \"file\", and \"prefix\" if one is wanted", name);
	}
	if (!env == !file)
		return err_set(e, ERR_DATA, "header %s: a reference has either \"env\" or \"file\"", name);
	value = json_text(json_member(j, "prefix"));
	if (value && buf_puts(b, value) < 0)
		return err_nomem(e);
	*prefix = b->len;
	if (env) {
		value = getenv(env);
		if (!value || !*value)
			return err_set(e, ERR_NOINPUT, "header %s: the environment has no variable %.60s", name, env);
		return buf_puts(b, value) < 0 ? err_nomem(e) : 0;
	}
	if (io_read_file(file, SECRET_LIMIT, b, e) < 0)
		return err_prefix(e, "header %s", name);
	while (b->len && (b->s[b->len - 1] == '\n' || b->s[b->len - 1] == '\r'))
		b->s[--b->len] = '\0';
	if (b->len <= *prefix)
		return err_set(e, ERR_NOINPUT, "header %s: the file %.200s is empty", name, file);
	if (strlen(b->s) != b->len)
		return err_set(e, ERR_DATA, "header %s: the file %.200s has a NUL in it", name, file);
	return 0;
}

static int
add_header(struct request *r, const char *name, const char *value, int secret, size_t prefix, struct err *e)
{
	struct http_header *more = realloc(r->headers, (r->nheaders + 1) * sizeof *more);

	if (!more)
		return err_nomem(e);
	r->headers = more;
	more[r->nheaders] = (struct http_header){strdup(name), strdup(value), secret, prefix};
	r->nheaders++;
	return more[r->nheaders - 1].name && more[r->nheaders - 1].value ? 0 : err_nomem(e);
}

static int
take_header(struct request *r, const char *name, const struct json *v, struct err *e)
{
	int secret = json_kind(v) == JSON_T_OBJECT;
	struct buf b = BUF_INIT;
	size_t prefix = 0;
	int rc = -1;

	if (check_header_name(name, !secret, e) < 0)
		return -1;
	if (secret)
		rc = resolve_secret(name, v, &b, &prefix, e);
	else if (json_text(v))
		rc = buf_puts(&b, json_text(v)) < 0 ? err_nomem(e) : 0;
	else if (json_kind(v) == JSON_T_INT)
		rc = buf_printf(&b, "%lld", (long long)json_whole(v)) < 0 ? err_nomem(e) : 0;
	else
		err_set(e, ERR_DATA, "header %s: its value is a text or a reference", name);
	if (!rc)
		rc = check_header_value(name, b.s ? b.s : "", e);
	if (!rc)
		rc = add_header(r, name, b.s ? b.s : "", secret, prefix, e);
	if (b.s)
		explicit_bzero(b.s, b.cap);
	buf_free(&b);
	return rc;
}

static int
has_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->nheaders; i++)
		if (!strcasecmp(r->headers[i].name, name))
			return 1;
	return 0;
}

/* --- fields ---------------------------------------------------------------------------------------------------- */

static int
take_text(const char **out, const char *key, const struct json *v, struct err *e)
{
	*out = json_text(v);
	return *out ? 0 : err_set(e, ERR_DATA, "\"%s\" is a text", key);
}

static int
take_path(const char **out, const char *key, const struct json *v, struct err *e)
{
	if (take_text(out, key, v, e) < 0)
		return -1;
	return **out ? 0 : err_set(e, ERR_DATA, "\"%s\" is the path of a file, not nothing", key);
}

static int take_url(struct request *r, const struct json *v, struct err *e) { return take_text(&r->url, "url", v, e); }
static int take_file(struct request *r, const struct json *v, struct err *e) { return take_path(&r->body_file, "body_file", v, e); }
static int take_output(struct request *r, const struct json *v, struct err *e) { return take_path(&r->output, "output", v, e); }
static int take_phase(struct request *r, const struct json *v, struct err *e) { return take_text(&r->phase, "phase", v, e); }
static int ignore(struct request *r, const struct json *v, struct err *e) { (void)r; (void)v; (void)e; return 0; }

static int
take_type(struct request *r, const struct json *v, struct err *e)
{
	(void)r;
	return json_text(v) && !strcmp(json_text(v), "request") ? 0 : err_set(e, ERR_DATA, "a record of type \"request\" is wanted");
}

static int
take_version(struct request *r, const struct json *v, struct err *e)
{
	(void)r;
	return json_kind(v) == JSON_T_INT && json_whole(v) == 1 ? 0 : err_set(e, ERR_DATA, "record of an unknown version");
}

static int
take_method(struct request *r, const struct json *v, struct err *e)
{
	if (take_text(&r->method, "method", v, e) < 0)
		return -1;
	for (const char *p = r->method; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			return err_set(e, ERR_DATA, "\"method\" is written in capitals");
	if (!is_token(r->method) || strlen(r->method) > 20 || !strcmp(r->method, "CONNECT") || !strcmp(r->method, "TRACE"))
		return err_set(e, ERR_DATA, "\"method\": \"%.20s\" is not to be used", r->method);
	return 0;
}

static int
take_key(struct request *r, const struct json *v, struct err *e)
{
	if (take_text(&r->key, "idempotency_key", v, e) < 0)
		return -1;
	if (!*r->key || strlen(r->key) > 255)
		return err_set(e, ERR_DATA, "\"idempotency_key\" has 1 to 255 bytes");
	return check_header_value("Idempotency-Key", r->key, e);
}

static int
take_headers(struct request *r, const struct json *v, struct err *e)
{
	if (json_kind(v) != JSON_T_OBJECT)
		return err_set(e, ERR_DATA, "\"headers\" is an object");
	for (void *it = json_first(v); it; it = json_next(v, it)) {
		if (has_header(r, json_iter_key(it)))
			return err_set(e, ERR_DATA, "the header %.60s is there twice", json_iter_key(it));
		if (take_header(r, json_iter_key(it), json_iter_value(it), e) < 0)
			return -1;
	}
	return 0;
}

static char *
text_of(const struct json *v, size_t *n)
{
	struct buf b = BUF_INIT;

	if (json_write(&b, v) < 0) {
		buf_free(&b);
		return NULL;
	}
	*n = b.len;
	return b.s;
}

static int
take_body(struct request *r, const struct json *v, struct err *e)
{
	if (json_kind(v) == JSON_T_NULL)
		return 0;
	if (json_text(v)) {
		r->body = json_text(v);
		r->nbody = strlen(r->body);
		return 0;
	}
	r->body = r->own_body = text_of(v, &r->nbody);
	return r->body ? 0 : err_nomem(e);
}

static int
take_deadline(struct request *r, const struct json *v, struct err *e)
{
	double s = json_number(v);

	if (json_text(v) ? num_parse_duration(json_text(v), &r->deadline_ns) < 0 : !(s > 0 && s < 1e9))
		return err_set(e, ERR_DATA, "\"deadline\" is a span of time, such as \"30s\", or seconds");
	if (!json_text(v))
		r->deadline_ns = (int64_t)(s * 1e9);
	return r->deadline_ns > 0 ? 0 : err_set(e, ERR_DATA, "\"deadline\" is more than nothing");
}

static int
take_count(int *out, const char *key, const struct json *v, struct err *e)
{
	if (json_kind(v) != JSON_T_INT || json_whole(v) < 0 || json_whole(v) > 1000)
		return err_set(e, ERR_DATA, "\"%s\" is a whole number from 0 to 1000", key);
	*out = (int)json_whole(v);
	return 0;
}

static int take_redirects(struct request *r, const struct json *v, struct err *e) { return take_count(&r->redirects, "redirects", v, e); }
static int take_retries(struct request *r, const struct json *v, struct err *e) { return take_count(&r->retries, "retries", v, e); }

static int
take_expect(struct request *r, const struct json *v, struct err *e)
{
	r->expect = expect_new(v, e);
	return r->expect ? 0 : -1;
}

static int
take_meta(struct request *r, const struct json *v, struct err *e)
{
	size_t n;

	r->meta = text_of(v, &n);
	return r->meta ? 0 : err_nomem(e);
}

static const struct {
	const char *key;
	int (*take)(struct request *r, const struct json *v, struct err *e);
} fields[] = {
    {"v", take_version},      {"type", take_type},         {"job", ignore},
    {"attempt", ignore},      {"time", ignore},            {"id", ignore},
    {"url", take_url},        {"method", take_method},     {"headers", take_headers},
    {"header", take_headers}, {"body", take_body},         {"body_file", take_file},
    {"expect", take_expect},  {"deadline", take_deadline}, {"phase", take_phase},
    {"idempotency_key", take_key}, {"redirects", take_redirects}, {"retries", take_retries},
    {"output", take_output},  {"meta", take_meta},
};

static int
take_field(struct request *r, const char *key, const struct json *v, struct err *e)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (!strcmp(key, fields[i].key))
			return fields[i].take(r, v, e);
	return err_set(e, ERR_DATA, "unknown field \"%.60s\"", key);
}

/* --- the whole ------------------------------------------------------------------------------------------------- */

static int
name_it(struct request *r, int64_t number, struct err *e)
{
	const struct json *v = json_member(r->root, "id");
	char text[32];

	if (!v || json_kind(v) == JSON_T_INT) {
		snprintf(text, sizeof text, "%lld", (long long)(v ? json_whole(v) : number));
		r->id = r->own_id = strdup(text);
		return r->id ? 0 : err_nomem(e);
	}
	if (!json_text(v) || !*json_text(v) || strlen(json_text(v)) > REQUEST_ID_MAX)
		return err_set(e, ERR_DATA, "\"id\" is a text of 1 to %d bytes, or a whole number", REQUEST_ID_MAX);
	r->id = json_text(v);
	return 0;
}

/* FNV-1a of the request's canonical text; what does not change the request (deadline, phase, ...) is left in: a changed line
 * is rare, and a person shall look at it. */
static int
fingerprint(struct request *r, struct err *e)
{
	char *text = json_dump(r->root);

	if (!text)
		return err_nomem(e);
	r->print = 0xcbf29ce484222325u;
	for (const unsigned char *p = (unsigned char *)text; *p; p++)
		r->print = (r->print ^ *p) * 0x100000001b3u;
	free(text);
	return 0;
}

static int
complete(struct request *r, struct err *e)
{
	int structured;

	if (!r->url)
		return err_set(e, ERR_DATA, "there is no \"url\"");
	if (http_url_check(r->url, &r->origin, &r->shown, &r->literal, e) < 0)
		return -1;
	if (r->body && r->body_file)
		return err_set(e, ERR_DATA, "\"body\" and \"body_file\": only one of them");
	if (!r->method)
		r->method = r->body || r->body_file ? "POST" : "GET";
	if ((r->body || r->body_file) && (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD")))
		return err_set(e, ERR_DATA, "%s has no body", r->method);
	structured = r->own_body != NULL;
	if ((r->body || r->body_file) && !has_header(r, "Content-Type") &&
	    add_header(r, "Content-Type", structured ? "application/json" : r->body ? "text/plain; charset=utf-8" : "application/octet-stream", 0, 0, e) < 0)
		return -1;
	if (r->key && add_header(r, "Idempotency-Key", r->key, 0, 0, e) < 0)
		return -1;
	r->repeatable = r->key || retry_method_repeats(r->method);
	if (!r->expect && !(r->expect = expect_new(NULL, e)))
		return -1;
	return fingerprint(r, e);
}

struct request *
request_parse(const char *line, size_t n, int64_t number, char **id, struct err *e)
{
	struct request *r = calloc(1, sizeof *r);

	*id = NULL;
	if (!r) {
		err_nomem(e);
		return NULL;
	}
	r->redirects = r->retries = -1;
	r->root = json_parse_text(line, n, e);
	if (!r->root)
		goto bad;
	if (json_kind(r->root) != JSON_T_OBJECT) {
		err_set(e, ERR_DATA, "a request is a JSON object");
		goto bad;
	}
	if (name_it(r, number, e) < 0)
		goto bad;
	for (void *it = json_first(r->root); it; it = json_next(r->root, it))
		if (take_field(r, json_iter_key(it), json_iter_value(it), e) < 0)
			goto bad;
	if (!complete(r, e))
		return r;
bad:
	if (r->id)
		*id = strdup(r->id);
	request_free(r);
	return NULL;
}

void
request_free(struct request *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nheaders; i++) {
		free((char *)(uintptr_t)r->headers[i].name);
		if (r->headers[i].value)
			explicit_bzero((char *)(uintptr_t)r->headers[i].value, strlen(r->headers[i].value));
		free((char *)(uintptr_t)r->headers[i].value);
	}
	free(r->headers);
	expect_free(r->expect);
	free(r->own_id);
	free(r->own_body);
	free(r->shown);
	free(r->origin);
	free(r->meta);
	json_free(r->root);
	free(r);
}

int
request_redact(const struct request *r, struct buf *b)
{
	int any = 0;

	for (size_t i = 0; i < r->nheaders; i++) {
		const char *value = r->headers[i].value, *bare = strrchr(value, ' ');
		size_t prefix = r->headers[i].prefix;
		int whole, alone = 0;

		if (!r->headers[i].secret)
			continue;
		whole = redact_text(b, value);
		if (prefix)
			alone = redact_text(b, value + prefix);
		else if (bare) /* "Bearer TOKEN" in one: the token alone as well */
			alone = redact_text(b, bare + 1);
		if (whole < 0 || alone < 0)
			return -1;
		any |= whole | alone;
	}
	return any;
}
