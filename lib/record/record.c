/* record: see record.h. */
#include "record/record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/num.h"

/* --- writing ---------------------------------------------------------------------------------------------- */

/* Length of the UTF-8 character at s (1..4), 0 if it is none. */
static int
utf8_length(const unsigned char *s)
{
	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		return (s[1] & 0xc0) == 0x80 ? 2 : 0;
	if (s[0] >= 0xe0 && s[0] <= 0xef) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
			return 0;
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
			return 0;
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		if ((s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80 || (s[3] & 0xc0) != 0x80)
			return 0;
		if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

int
record_quote(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	int rc = buf_putc(b, '"');

	while (*s && !rc) {
		size_t plain = 0;
		int n;

		while (s[plain] >= 0x20 && s[plain] < 0x7f && s[plain] != '"' && s[plain] != '\\')
			plain++;
		if (plain) { /* most of any text: all at once */
			rc = buf_add(b, s, plain);
			s += plain;
			continue;
		}
		n = utf8_length(s);
		if (!n)
			return -1;
		if (*s == '"' || *s == '\\')
			rc = buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			rc = buf_puts(b, "\\n");
		else if (*s == '\t')
			rc = buf_puts(b, "\\t");
		else if (*s < 0x20 || *s == 0x7f)
			rc = buf_printf(b, "\\u%04x", *s);
		else
			rc = buf_add(b, s, (size_t)n);
		s += n;
	}
	return rc ? -1 : buf_putc(b, '"');
}

int
record_number(struct buf *b, double x)
{
	char num[NUM_DOUBLE_MAX];

	if (!isfinite(x))
		return buf_puts(b, "null");
	return buf_add(b, num, num_format_double(x, num));
}

static int
key_of(struct buf *b, const char *key)
{
	int rc = 0;

	if (b->len && b->s[b->len - 1] != '{')
		rc = buf_putc(b, ',');
	return rc | record_quote(b, key) | buf_putc(b, ':');
}

int
record_begin(struct buf *b, const char *type, const char *job, int64_t attempt)
{
	char time[CLK_TEXT];
	int rc = buf_printf(b, "{\"v\":%d", RECORD_VERSION);

	rc |= record_str(b, "type", type);
	if (job) {
		rc |= record_str(b, "job", job);
		rc |= record_int(b, "attempt", attempt);
	}
	clk_format(clk_real_ns(), time);
	return rc | record_str(b, "time", time);
}

int
record_str(struct buf *b, const char *key, const char *s)
{
	return key_of(b, key) | (s ? record_quote(b, s) : buf_puts(b, "null"));
}

int
record_int(struct buf *b, const char *key, int64_t x)
{
	return key_of(b, key) | buf_printf(b, "%lld", (long long)x);
}

int
record_u64(struct buf *b, const char *key, uint64_t x)
{
	return key_of(b, key) | buf_printf(b, "\"%llu\"", (unsigned long long)x);
}

int
record_num(struct buf *b, const char *key, double x)
{
	return key_of(b, key) | record_number(b, x);
}

int
record_bool(struct buf *b, const char *key, int x)
{
	return key_of(b, key) | buf_puts(b, x ? "true" : "false");
}

int
record_raw(struct buf *b, const char *key, const char *json)
{
	return key_of(b, key) | buf_puts(b, json);
}

int
record_end(struct buf *b)
{
	return buf_puts(b, "}\n");
}

int
record_emit(int fd, struct buf *b, struct err *e)
{
	size_t at = 0;
	int rc = 0;

	while (at < b->len && !rc) { /* one call, but for signals and full disks */
		ssize_t k = write(fd, b->s + at, b->len - at);

		if (k < 0 && errno != EINTR)
			rc = err_sys(e, ERR_IO, "cannot write a record");
		else if (k > 0)
			at += (size_t)k;
	}
	buf_clear(b);
	return rc;
}

/* --- reading ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *type, *name, *kind, *doc; /* name NULL: the type itself */
	int required;
} table[] = {
#define RECORD(type, doc) {#type, NULL, NULL, doc, 0},
#define FIELD(type, name, kind, required, doc) {#type, name, #kind, doc, required},
#include "record/record.def"
#undef RECORD
#undef FIELD
};

static int
kind_fits(const char *kind, const struct json *j)
{
	enum json_type t = json_kind(j);
	uint64_t u;

	switch (kind[0]) {
	case 'S': return t == JSON_T_STRING || t == JSON_T_NULL;
	case 'I': return t == JSON_T_INT;
	case 'N': return t == JSON_T_INT || t == JSON_T_REAL || t == JSON_T_NULL;
	case 'U': return t == JSON_T_STRING && !num_parse_u64(json_text(j), &u);
	case 'B': return t == JSON_T_BOOL;
	case 'O': return t == JSON_T_OBJECT;
	default: return kind[1] == 'N' || t == JSON_T_ARRAY; /* ANY, ARR */
	}
}

static int
check(const struct record *r, struct err *e)
{
	int known = 0;

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const struct json *j;

		if (strcmp(table[i].type, r->type))
			continue;
		known = 1;
		if (!table[i].name)
			continue;
		j = json_member(r->root, table[i].name);
		if (!j && table[i].required)
			return err_set(e, ERR_DATA, "%s record without field \"%s\"", r->type, table[i].name);
		if (j && !kind_fits(table[i].kind, j))
			return err_set(e, ERR_DATA, "%s record: field \"%s\" is of the wrong kind", r->type,
			               table[i].name);
	}
	return known ? 0 : err_set(e, ERR_DATA, "unknown record type \"%.100s\"", r->type);
}

int
record_parse(const char *line, size_t n, struct record *r, struct err *e)
{
	const struct json *v, *job, *attempt;

	memset(r, 0, sizeof *r);
	r->root = json_parse_text(line, n, e);
	if (!r->root)
		return -1;
	if (json_kind(r->root) != JSON_T_OBJECT) {
		err_set(e, ERR_DATA, "a record is a JSON object");
		goto bad;
	}
	v = json_member(r->root, "v");
	if (!v || json_kind(v) != JSON_T_INT || json_whole(v) != RECORD_VERSION) {
		err_set(e, ERR_DATA, v ? "record of an unknown version" : "record without field \"v\"");
		goto bad;
	}
	r->type = json_text(json_member(r->root, "type"));
	if (!r->type) {
		err_set(e, ERR_DATA, "record without field \"type\"");
		goto bad;
	}
	job = json_member(r->root, "job");
	attempt = json_member(r->root, "attempt");
	if ((job && !json_text(job)) || (attempt && json_kind(attempt) != JSON_T_INT)) {
		err_set(e, ERR_DATA, "%s record: \"job\" is a string, \"attempt\" a whole number", r->type);
		goto bad;
	}
	r->job = json_text(job);
	r->attempt = json_whole(attempt);
	if (!check(r, e))
		return 0;
bad:
	record_free(r);
	return -1;
}

void
record_free(struct record *r)
{
	if (r->root)
		json_free(r->root);
	memset(r, 0, sizeof *r);
}

const char *
record_get_str(const struct record *r, const char *key)
{
	return json_text(json_member(r->root, key));
}

int64_t
record_get_int(const struct record *r, const char *key, int64_t dflt)
{
	const struct json *j = json_member(r->root, key);

	return j && json_kind(j) == JSON_T_INT ? json_whole(j) : dflt;
}

int
record_get_bool(const struct record *r, const char *key)
{
	const struct json *j = json_member(r->root, key);

	return j && json_truth(j);
}

double
record_get_num(const struct record *r, const char *key)
{
	return json_number(json_member(r->root, key));
}

int
record_get_u64(const struct record *r, const char *key, uint64_t *out)
{
	const char *s = record_get_str(r, key);

	return s ? num_parse_u64(s, out) : -1;
}
