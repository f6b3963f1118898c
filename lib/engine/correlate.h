/*
 * correlate: what options and specs say of rank correlations, into the model (formula/copula.h).
 *
 * A cell stands for the one draw of its formula: a cell with none, or with several, is an error.
 */
#ifndef ENGINE_CORRELATE_H
#define ENGINE_CORRELATE_H

#include "base/err.h"
#include "engine/spec.h"

/* After all changes to the model. 0 or -1 (65) naming the cell or range. */
int correlate_model(const struct spec *s, struct model *m, struct err *e);

#endif
