/* fn: what implementations of worksheet functions (fn_*.c) share, and all their names. Private to lib/formula. */
#ifndef FORMULA_FN_H
#define FORMULA_FN_H

#include "base/buf.h"
#include "formula/func.h"
#include "kernels/xl_date.h"
#include "kernels/xl_dist.h"
#include "kernels/xl_bessel.h"
#include "kernels/xl_math.h"
#include "kernels/xl_money.h"
#include "kernels/xl_odd.h"
#include "kernels/xl_stat.h"

#define FNUM(...)
#define FALIAS(...)
#define FGEN(NAME, MIN, MAX, ARGS, FLAGS, IMPL, SIG, DOC) func_impl IMPL;
#include "formula/functions.def"
#undef FNUM
#undef FALIAS
#undef FGEN

func_impl fn_risk_dist;
func_impl fn_risk_property;

#define UNUSED(x) ((void)(x))
#define FN_TEXT_MAX 131068 /* bytes of a text; Excel's limit is 32,767 characters */

/* Argument i, or dflt where it is left out. */
static inline double
fn_number(const struct value *args, int nargs, int i, double dflt)
{
	return i < nargs && args[i].kind == V_NUM ? args[i].u.num : dflt;
}

/* A text as a result; #VALUE! where it is too long. b is freed. */
void fn_give_text(struct eval *ev, const char *s, size_t n, struct value *out);
void fn_give_buf(struct eval *ev, struct buf *b, struct value *out);

#endif
