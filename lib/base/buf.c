/* buf: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
buf_reserve(struct buf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 64;
	char *s;

	if (more >= SIZE_MAX / 2 - b->len)
		return -1;
	if (b->s && b->cap - b->len > more)
		return 0;
	while (cap - b->len <= more)
		cap *= 2;
	s = realloc(b->s, cap);
	if (!s)
		return -1;
	b->s = s;
	b->cap = cap;
	b->s[b->len] = '\0';
	return 0;
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	if (buf_reserve(b, n) < 0)
		return -1;
	if (n)
		memcpy(b->s + b->len, p, n);
	b->len += n;
	b->s[b->len] = '\0';
	return 0;
}

int
buf_puts(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_putc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(b, (size_t)n) < 0)
		return -1;
	va_start(ap, fmt);
	vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

int
buf_put_sh(struct buf *b, const char *s)
{
	size_t before = b->len;
	int rc = buf_putc(b, '\'');

	for (; *s && rc == 0; s++)
		rc = *s == '\'' ? buf_puts(b, "'\\''") : buf_putc(b, *s);
	if (rc == 0 && (rc = buf_putc(b, '\'')) == 0)
		return 0;
	b->len = before;
	if (b->s)
		b->s[before] = '\0';
	return -1;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->s)
		b->s[0] = '\0';
}

void
buf_free(struct buf *b)
{
	free(b->s);
	*b = (struct buf)BUF_INIT;
}
