/*
 * buf: a growing byte buffer on malloc, always NUL-terminated. Zero-initialise with BUF_INIT.
 * Functions return 0, or -1 when memory runs out (the buffer is then unchanged).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
	char *s;     /* NULL while empty and never grown */
	size_t len;  /* bytes, not counting the NUL */
	size_t cap;
};

#define BUF_INIT {0, 0, 0}

int buf_add(struct buf *b, const void *p, size_t n);
int buf_puts(struct buf *b, const char *s);
int buf_putc(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_put_sh(struct buf *b, const char *s);  /* as one word of a line for sh: in apostrophes, whatever is in it */
int buf_reserve(struct buf *b, size_t more);  /* room for `more` bytes beyond len */
void buf_clear(struct buf *b);                /* keeps the memory */
void buf_free(struct buf *b);

#endif
