/* arena: bump allocation in a list of blocks; see arena.h for the contract. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)16 << 10)
#define LARGEST_BLOCK ((size_t)8 << 20)

struct arena_block {
	struct arena_block *older;
	struct arena_block *spare; /* newer block kept by a rewind, ready to be used again */
	size_t size;
	size_t pad;
	char data[];
};

static void
no_memory(size_t nbytes)
{
	fprintf(stderr, "out of memory: cannot allocate %zu bytes\n", nbytes);
	abort();
}

static struct arena_block *
add_block(struct arena *a, size_t need)
{
	struct arena_block *b = a->head ? a->head->spare : NULL;
	size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;

	if (b && b->size >= need) {
		a->head = b;
		a->used = 0;
		return b;
	}
	while (b) { /* spare blocks too small for this request are of no use any more */
		struct arena_block *next = b->spare;

		a->total -= b->size;
		free(b);
		b = next;
	}
	if (a->head)
		a->head->spare = NULL;
	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	if (size < need)
		size = need;
	b = malloc(sizeof *b + size);
	if (!b)
		no_memory(size);
	b->older = a->head;
	b->spare = NULL;
	b->size = size;
	if (a->head)
		a->head->spare = b;
	a->head = b;
	a->used = 0;
	a->total += size;
	return b;
}

void *
arena_alloc(struct arena *a, size_t nbytes)
{
	void *p;

	if (nbytes > SIZE_MAX - 64)
		no_memory(nbytes);
	nbytes = (nbytes + 15) & ~(size_t)15;
	if (!a->head || a->head->size - a->used < nbytes)
		add_block(a, nbytes);
	p = a->head->data + a->used;
	a->used += nbytes;
	return p;
}

void *
arena_zalloc(struct arena *a, size_t nbytes)
{
	return memset(arena_alloc(a, nbytes), 0, nbytes);
}

void *
arena_memdup(struct arena *a, const void *src, size_t nbytes)
{
	void *p = arena_alloc(a, nbytes);

	if (nbytes)
		memcpy(p, src, nbytes);
	return p;
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

struct arena_mark
arena_mark(const struct arena *a)
{
	return (struct arena_mark){a->head, a->used};
}

void
arena_rewind(struct arena *a, struct arena_mark m)
{
	if (m.head) {
		a->head = m.head;
		a->used = m.used;
	} else if (a->head) { /* marked while empty: keep the oldest block as the head */
		while (a->head->older)
			a->head = a->head->older;
		a->used = 0;
	}
}

void
arena_free(struct arena *a)
{
	struct arena_block *b = a->head, *older;

	if (b)
		while (b->spare)
			b = b->spare;
	for (; b; b = older) {
		older = b->older;
		free(b);
	}
	*a = (struct arena)ARENA_INIT;
}
