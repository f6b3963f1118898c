/* redact: see redact.h. */
#include "call/redact.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* Reads what one character of a way of writing stands for; the bytes it takes, 0 where it is none. */
typedef size_t (*reader)(const char *s, size_t n, uint32_t *c);

static int
hex(const char *s, size_t digits, uint32_t *v)
{
	*v = 0;
	for (size_t i = 0; i < digits; i++) {
		char c = s[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return 0;
		*v = *v * 16 + (uint32_t)d;
	}
	return 1;
}

static size_t
read_plain(const char *s, size_t n, uint32_t *c)
{
	(void)n;
	*c = (unsigned char)*s;
	return 1;
}

static size_t
read_json(const char *s, size_t n, uint32_t *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	uint32_t low;

	if (*s != '\\')
		return read_plain(s, n, c);
	if (n >= 2 && s[1] && (at = strchr(from, s[1]))) {
		*c = (unsigned char)to[at - from];
		return 2;
	}
	if (n < 6 || s[1] != 'u' || !hex(s + 2, 4, c))
		return 0;
	if (*c < 0xd800 || *c > 0xdbff || n < 12 || s[6] != '\\' || s[7] != 'u' || !hex(s + 8, 4, &low) || (low & 0xfc00) != 0xdc00)
		return 6;
	*c = 0x10000 + ((*c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

static size_t
read_url(const char *s, size_t n, uint32_t *c)
{
	if (*s == '%' && n >= 3 && hex(s + 1, 2, c))
		return 3;
	return read_plain(s, n, c);
}

/* Bytes at s that stand for the whole secret, 0: none do. A code beyond 127 is that byte, as those write it who take bytes for
 * Latin-1, or its UTF-8. */
static size_t
match(const char *s, size_t n, const char *secret, reader read)
{
	size_t i = 0, k, took;
	char coded[4];
	uint32_t c;

	while (*secret) {
		if (i >= n || !(took = read(s + i, n - i, &c)))
			return 0;
		i += took;
		if ((unsigned char)*secret == c) {
			secret++;
			continue;
		}
		k = c < 0x80 ? 0 : utf8_encode(c, coded);
		if (!k || strncmp(secret, coded, k))
			return 0;
		secret += k;
	}
	return i;
}

static size_t
match_any(const char *s, size_t n, const char *secret)
{
	size_t k = 0;

	if (*s == *secret || *s == '\\' || *s == '%') {
		k = match(s, n, secret, read_plain);
		if (!k)
			k = match(s, n, secret, read_json);
		if (!k)
			k = match(s, n, secret, read_url);
	}
	return k;
}

int
redact_text(struct buf *b, const char *secret)
{
	struct buf out = BUF_INIT;
	size_t kept = 0, k;

	if (strlen(secret) < REDACT_LEAST)
		return 0;
	for (size_t i = 0; i < b->len; i += k ? k : 1) {
		k = match_any(b->s + i, b->len - i, secret);
		if (!k)
			continue;
		if (buf_add(&out, b->s + kept, i - kept) < 0 || buf_puts(&out, "[secret]") < 0) {
			buf_free(&out);
			return -1;
		}
		kept = i + k;
	}
	if (!kept)
		return 0;
	if (buf_add(&out, b->s + kept, b->len - kept) < 0) {
		buf_free(&out);
		return -1;
	}
	buf_free(b);
	*b = out;
	return 1;
}
