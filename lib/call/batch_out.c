/* batch_out: the lines of a batch. Whatever comes from outside is made UTF-8 and stripped of secrets first (batch.h, 8). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/utf8.h"
#include "call/batch_internal.h"
#include "record/record.h"

static int
begin(struct batch *b, struct buf *line, const char *type)
{
	buf_clear(line);
	return record_begin(line, type, b->o->job, b->o->attempt);
}

int
out_send(struct batch *b, struct buf *line)
{
	return b->o->line(b->o->ctx, line, b->e);
}

static int
end(struct batch *b, int bad)
{
	bad |= record_end(&b->out);
	return bad ? err_nomem(b->e) : out_send(b, &b->out);
}

static int
is_plain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] >= 0x7f)
			return 0;
	return 1;
}

/* Foreign bytes as text: b->text holds it afterwards. */
static int
clean(struct batch *b, const struct call *c, const char *s, size_t n)
{
	struct buf raw = BUF_INIT;
	int rc = buf_add(&raw, s, n);

	if (!rc && c && c->req)
		rc = request_redact(c->req, &raw) < 0 ? -1 : 0;
	buf_clear(&b->text);
	if (!rc && is_plain(raw.s, raw.len)) {
		rc = buf_add(&b->text, raw.s, raw.len);
		buf_free(&raw);
		return rc;
	}
	for (size_t i = 0, k; !rc && i < raw.len; i += k) {
		uint32_t cp = utf8_decode(raw.s + i, raw.len - i, &k);

		if (!raw.s[i] || (k == 1 && (raw.s[i] & 0x80)) || !utf8_valid(raw.s + i, k))
			rc = buf_puts(&b->text, "\xef\xbf\xbd");
		else
			rc = cp < 0x20 && cp != '\n' && cp != '\t' ? buf_putc(&b->text, ' ') : buf_add(&b->text, raw.s + i, k);
	}
	if (!rc && !b->text.s)
		rc = buf_puts(&b->text, "");
	buf_free(&raw);
	return rc;
}

static int
foreign(struct batch *b, struct buf *line, const struct call *c, const char *key, const char *s)
{
	return clean(b, c, s, strlen(s)) || record_str(line, key, b->text.s);
}

/* The first bytes of the body. Secrets go before the cut, so that none is cut in two and shown in part. */
static int
head(struct batch *b, struct buf *line, const struct call *c)
{
	char from_file[HEAD_LOOK];
	const char *s = c->body.mem.s;
	size_t n = c->body.mem.len < HEAD_LOOK ? c->body.mem.len : HEAD_LOOK, cut = HEAD_MAX;

	if (c->body.in_file) {
		ssize_t k = pread(c->body.file.fd, from_file, sizeof from_file, 0);

		s = from_file;
		n = k > 0 ? (size_t)k : 0;
	}
	if (!n)
		return 0;
	if (clean(b, c, s, n))
		return -1;
	if (b->text.len > cut) {
		while (((unsigned char)b->text.s[cut] & 0xc0) == 0x80)
			cut--;
		b->text.s[cut] = '\0';
	}
	return record_str(line, "head", b->text.s);
}

/* --- the result -------------------------------------------------------------------------------------------------------- */

/* Blanks outside texts go; all else, the digits of numbers too, stays as the server sent it. */
static int
minify(struct buf *out, const char *s, size_t n)
{
	int in_text = 0;

	if (buf_reserve(out, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!in_text && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t'))
			continue;
		if (s[i] == '"')
			in_text = !in_text;
		out->s[out->len++] = s[i];
		if (in_text && s[i] == '\\' && i + 1 < n)
			out->s[out->len++] = s[++i];
	}
	out->s[out->len] = '\0';
	return 0;
}

static int
base64(struct buf *out, const char *text, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)text;
	int rc = buf_reserve(out, n / 3 * 4 + 8);

	for (size_t i = 0; !rc && i < n; i += 3) {
		unsigned v = (unsigned)s[i] << 16 | (i + 1 < n ? (unsigned)s[i + 1] << 8 : 0) | (i + 2 < n ? s[i + 2] : 0);
		char four[4] = {digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=', i + 2 < n ? digits[v & 63] : '='};

		rc = buf_add(out, four, 4);
	}
	return rc;
}

static int
as_json(struct batch *b, struct buf *line, const struct buf *body)
{
	struct err e;
	struct json *j = json_parse_text(body->s, body->len, &e); /* as strict as the readers of the record */
	int rc;

	if (!j)
		return 1;
	json_free(j);
	buf_clear(&b->text);
	rc = minify(&b->text, body->s, body->len) || record_raw(line, "json", b->text.s);
	return rc ? -1 : 0;
}

static int
inline_body(struct batch *b, struct call *c)
{
	struct buf *line = &c->line, *body = &c->body.mem;
	int rc = request_redact(c->req, body);

	if (rc < 0 || (rc > 0 && record_bool(line, "redacted", 1)))
		return -1;
	if (!body->s && buf_puts(body, "") < 0)
		return -1;
	if (expect_wants_json(c->req->expect)) {
		rc = as_json(b, line, body);
		if (rc <= 0)
			return rc;
	}
	if (utf8_valid(body->s, body->len) && strlen(body->s) == body->len)
		return record_str(line, "body", body->s);
	buf_clear(&b->text);
	return base64(&b->text, body->s, body->len) || record_str(line, "body_base64", b->text.len ? b->text.s : "");
}

static int
answer_fields(struct batch *b, struct call *c, const struct verdict *v)
{
	struct buf *line = &c->line;
	int bad = 0;

	if (c->last.status)
		bad |= record_int(line, "http_status", c->last.status);
	bad |= record_int(line, "attempts", c->tries);
	bad |= record_num(line, "seconds", (double)((clk_boot_ns() - c->start_ns) / 1000000) / 1000);
	if (c->last.status && c->last.content_type[0])
		bad |= foreign(b, line, c, "content_type", c->last.content_type);
	if (c->last.status && v->ok)
		bad |= record_int(line, "bytes", c->body.nbytes);
	if (c->last.version >= 20)
		bad |= record_int(line, "http", c->last.version / 10);
	if (v->ok && !c->last.framed)
		bad |= record_bool(line, "framed", 0);
	return bad;
}

static int
request_fields(struct batch *b, struct call *c)
{
	struct buf *line = &c->line;
	int bad = 0;

	if (b->phase_open && b->phase[0])
		bad |= foreign(b, line, NULL, "phase", b->phase);
	bad |= record_str(line, "url", c->req->shown);
	bad |= record_u64(line, "request", c->req->print);
	if (c->req->meta)
		bad |= record_raw(line, "meta", c->req->meta);
	return bad;
}

int
out_result(struct batch *b, struct call *c, const struct verdict *v)
{
	struct buf *line = &c->line;
	int bad = begin(b, line, "result");

	bad |= foreign(b, line, NULL, "id", c->id);
	bad |= record_bool(line, "ok", v->ok);
	if (!v->ok)
		bad |= record_str(line, "class", v->kind) | foreign(b, line, c, "reason", v->reason);
	if (c->req && c->start_ns)
		bad |= answer_fields(b, c, v);
	if (c->req)
		bad |= request_fields(b, c);
	if (v->ok && c->body.path && (c->body.always_file || c->body.nbytes > (int64_t)c->body.inline_max) && !c->body.discard)
		bad |= foreign(b, line, NULL, "path", c->body.path);
	else if (v->ok && !c->body.discard)
		bad |= inline_body(b, c);
	return bad | record_end(line) ? err_nomem(b->e) : 0;
}

/* An old result as one of this attempt. `,"id":` is first met at the field itself: inside a text its quotes have backslashes. */
int
out_restored(struct batch *b, const struct journal_entry *x, struct buf *line)
{
	struct buf old = BUF_INIT;
	char *rest = NULL;
	int bad;

	if (journal_read(b->journal, x, &old, b->e) < 0) {
		buf_free(&old);
		return -1;
	}
	rest = strstr(old.s, ",\"id\":");
	if (!rest || old.len < 3) {
		buf_free(&old);
		return err_set(b->e, ERR_DATA, "%s: a line is not as it was written", b->o->state);
	}
	bad = begin(b, line, "result") | buf_add(line, rest, old.len - (size_t)(rest - old.s) - 2);
	bad |= record_bool(line, "restored", 1) | record_end(line);
	buf_free(&old);
	return bad ? err_nomem(b->e) : 0;
}

/* --- events ---------------------------------------------------------------------------------------------------------------- */

int
out_retry(struct batch *b, struct call *c, const struct verdict *v, int64_t wait_ns)
{
	struct buf *line = &b->out;
	int bad = begin(b, line, "retry");

	bad |= foreign(b, line, NULL, "id", c->id);
	bad |= record_int(line, "try", c->tries);
	bad |= record_str(line, "class", v->kind) | foreign(b, line, c, "reason", v->reason);
	bad |= record_num(line, "wait", (double)(wait_ns / 1000000) / 1000);
	if (c->last.status)
		bad |= record_int(line, "http_status", c->last.status);
	bad |= head(b, line, c);
	return end(b, bad);
}

int
out_error(struct batch *b, struct call *c, const struct verdict *v)
{
	struct buf *line = &b->out;
	int bad = begin(b, line, "error");

	bad |= foreign(b, line, NULL, "id", c->id);
	bad |= record_str(line, "class", v->kind) | foreign(b, line, c, "message", v->reason);
	bad |= head(b, line, c);
	return end(b, bad);
}

int
out_phase(struct batch *b)
{
	int bad = begin(b, &b->out, "phase");

	bad |= foreign(b, &b->out, NULL, "phase", b->phase);
	return end(b, bad);
}

static int
progress(struct batch *b, int64_t total)
{
	struct buf *line = &b->out;
	int bad = begin(b, line, "progress");

	if (b->phase[0])
		bad |= foreign(b, line, NULL, "phase", b->phase);
	bad |= record_int(line, "done", b->finished) | record_int(line, "total", total);
	bad |= record_str(line, "unit", "calls");
	return end(b, bad);
}

int
out_beat(struct batch *b)
{
	struct buf *line = &b->out;
	int64_t total = b->o->total >= 0 && b->o->total >= b->sum->calls ? b->o->total : b->sum->calls;
	int bad;

	b->beat_ns = clk_boot_ns();
	b->beat_finished = b->finished;
	b->beat_retries = b->sum->retries;
	if (b->o->bar)
		b->o->bar(b->o->ctx, b->finished, total);
	if (progress(b, total) < 0)
		return -1;
	bad = begin(b, line, "counters");
	if (b->phase[0])
		bad |= foreign(b, line, NULL, "phase", b->phase);
	bad |= record_int(line, "ok", b->in_phase.ok) | record_int(line, "failed", b->in_phase.failed);
	bad |= record_int(line, "retries", b->in_phase.retries) | record_int(line, "in_flight", b->active);
	bad |= b->last_error[0] ? foreign(b, line, NULL, "last_error", b->last_error) : record_str(line, "last_error", NULL);
	return end(b, bad);
}
