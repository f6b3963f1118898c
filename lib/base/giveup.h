/*
 * giveup: asked from inside of long work: does anybody still want its result? A run whose time is up, or that was told to stop, has
 * an answer; work that hears yes ends at once, and what it has computed must not be used.
 */
#ifndef BASE_GIVEUP_H
#define BASE_GIVEUP_H

struct giveup {
	int (*fn)(void *ctx); /* cheap: asked every few microseconds */
	void *ctx;
};

/* NULL: never. */
static inline int
giveup(const struct giveup *g)
{
	return g && g->fn(g->ctx);
}

#endif
