/* fn: declares every implementation that the table names. Private to lib/formula. */
#ifndef FORMULA_FN_H
#define FORMULA_FN_H

#include "formula/func.h"
#if __has_include("kernels/xl_date.h")
#include "kernels/xl_date.h"
#endif
#if __has_include("kernels/xl_dist.h")
#include "kernels/xl_dist.h"
#endif
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

#endif
