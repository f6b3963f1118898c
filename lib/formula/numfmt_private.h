/*
 * numfmt_private: what numfmt.c, numfmt_number.c and numfmt_date.c share.
 */
#ifndef FORMULA_NUMFMT_PRIVATE_H
#define FORMULA_NUMFMT_PRIVATE_H

#include "base/buf.h"

/* One section, cut out of the format. */
struct section {
	const char *s;
	size_t n;
	char op;         /* condition, 0: none */
	double limit;
};

/* Length of the token at s: a literal counts as one. */
size_t numfmt_token(const char *s, size_t n);
/* What a literal token shows. */
int numfmt_literal(struct buf *b, const char *s, size_t n);

/* The value's size in a section; `minus` puts a sign before it, unless only zeros are shown. 0, an error kind or -1. */
int numfmt_number(struct buf *b, double size, const struct section *s, int minus);

int numfmt_is_date(const struct section *s);
/* minus: as above, for a negative time. */
int numfmt_date(struct buf *b, double x, const struct section *s, int minus, int date1904);

#endif
