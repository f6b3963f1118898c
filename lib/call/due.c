/* due: see due.h. A binary heap. */
#include "call/due.h"

#include <stdlib.h>

static void
put(struct due *d, size_t at, struct due_entry *x)
{
	d->heap[at] = x;
	x->place = at;
}

static void
settle(struct due *d, size_t at)
{
	struct due_entry *x = d->heap[at];
	size_t child;

	while (at > 1 && d->heap[at / 2]->at_ns > x->at_ns) {
		put(d, at, d->heap[at / 2]);
		at /= 2;
	}
	while ((child = 2 * at) <= d->n) {
		if (child < d->n && d->heap[child + 1]->at_ns < d->heap[child]->at_ns)
			child++;
		if (d->heap[child]->at_ns >= x->at_ns)
			break;
		put(d, at, d->heap[child]);
		at = child;
	}
	put(d, at, x);
}

int
due_set(struct due *d, struct due_entry *x, int64_t at_ns)
{
	if (!x->place) {
		if (d->n + 2 > d->cap) {
			size_t cap = d->cap ? 2 * d->cap : 256;
			struct due_entry **more = realloc(d->heap, cap * sizeof *more);

			if (!more)
				return -1;
			d->heap = more;
			d->cap = cap;
		}
		put(d, ++d->n, x);
	}
	x->at_ns = at_ns;
	settle(d, x->place);
	return 0;
}

void
due_drop(struct due *d, struct due_entry *x)
{
	size_t at = x->place;

	if (!at)
		return;
	x->place = 0;
	if (at == d->n--)
		return;
	put(d, at, d->heap[d->n + 1]);
	settle(d, at);
}

struct due_entry *
due_first(const struct due *d)
{
	return d->n ? d->heap[1] : NULL;
}

void
due_free(struct due *d)
{
	free(d->heap);
	*d = (struct due){0};
}
