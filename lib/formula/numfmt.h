/*
 * numfmt: number formats as TEXT uses them: sections and conditions, digits, thousands, percent, exponents, fractions, dates
 * and times (elapsed ones too), literals. Rounding is on the decimal value (kernels/xl_round.h).
 */
#ifndef FORMULA_NUMFMT_H
#define FORMULA_NUMFMT_H

#include "base/buf.h"
#include "formula/value.h"

/* Append v in the format. 0, an error kind (a format that makes no sense, a date out of range), or -1 (memory). */
int numfmt_format(struct buf *b, const struct value *v, const char *format, int date1904);

#endif
