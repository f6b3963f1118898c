/*
 * arena: memory for things that are built together and freed together (a parse, a compile, one
 * evaluation). Blocks grow geometrically; nothing is freed singly; a mark can be rewound to.
 * Not thread-safe: one arena per thread. Zero-initialise with ARENA_INIT.
 *
 * Out of memory calls abort() after writing one line: a compile step has no way to go on, and the
 * spool treats the death of a stage as what it is. (This is the one exception to "lib/ never
 * prints".)
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *head; /* newest block */
	size_t used;              /* bytes used in head */
	size_t total;             /* bytes in all blocks, for figures and limits */
};

#define ARENA_INIT {0, 0, 0}

struct arena_mark {
	struct arena_block *head;
	size_t used;
};

void *arena_alloc(struct arena *a, size_t nbytes);                     /* 16-aligned, not zeroed */
void *arena_zalloc(struct arena *a, size_t nbytes);                    /* zeroed */
void *arena_memdup(struct arena *a, const void *src, size_t nbytes);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);         /* NUL-terminated */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Everything allocated after arena_mark() is given back by arena_rewind(); blocks are kept. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);
void arena_free(struct arena *a); /* back to ARENA_INIT */

/* n objects of type T, zeroed. */
#define ARENA_NEW(a, T, n) ((T *)arena_zalloc((a), sizeof(T) * (size_t)(n)))

#endif
