/* due: a heap of times; the entry that is due first is on top. Entries know their place, so any can be moved or taken out. */
#ifndef CALL_DUE_H
#define CALL_DUE_H

#include <stddef.h>
#include <stdint.h>

struct due_entry {
	int64_t at_ns;
	size_t place; /* 1 and up while in the heap; 0: not in it */
};

struct due {
	struct due_entry **heap; /* heap[1] is the first */
	size_t n, cap;
};

int due_set(struct due *d, struct due_entry *x, int64_t at_ns); /* put in, or move. 0, or -1: memory is out */
void due_drop(struct due *d, struct due_entry *x);              /* harmless where it is not in */
struct due_entry *due_first(const struct due *d);               /* NULL: empty */
void due_free(struct due *d);

#endif
