/*
 * func: the table of worksheet functions.
 *
 * One row per function in lib/formula/functions/TOPIC.def, all included by functions.def:
 *
 *   FNUM(NAME, MIN, MAX, ARGS, FLAGS, XLFN, SIGNATURE, MANUAL)   numeric; XLFN is in kernels/xl_*.h
 *   FGEN(NAME, MIN, MAX, ARGS, FLAGS, IMPL, SIGNATURE, MANUAL)   general; IMPL is a func_impl
 *   FALIAS(NAME, OF)                                             another spelling of a row above
 *
 * NAME is a string, upper case, without _xlfn. prefixes. MAX -1: any number (255). SIGNATURE and MANUAL are strings
 * that become sim-functions(7).
 *
 * ARGS is a string, one letter a parameter; a final '*' repeats the last letter, a final "(xy)*" the
 * group. The evaluator coerces accordingly before it calls; a scalar letter given an array is lifted
 * (the function is mapped over it), or intersected implicitly in an ordinary formula given a range.
 *   n  number        t  text         b  logical     v  any scalar; an error argument is the result
 *   e  any scalar, errors too        x  unevaluated node (lazy: IF, LET, …); see func_impl
 *   r  reference or array as it is   a  array (evaluated in array mode; a scalar becomes 1 x 1)
 *   L  number list: scalars coerced; in references and arrays text, logicals and blanks are skipped;
 *      the first error is the result. (FNUM sees one xl_arg per parameter.)
 *   A  like L, but logicals and text in references count too (AVERAGEA …: TRUE 1, text 0)
 *   M  numeric matrix: every element must be a number, else #VALUE!; an empty cell is 0
 *   D  like M, but what is no number, an empty cell too, is #NUM! (XNPV)
 *   P  numbers of a reference/array by position, for pairwise functions (CORREL, SLOPE, SUMXMY2 …):
 *      a position that is not a number in ANY 'P' argument is dropped from all; sizes must agree, else #N/A
 * Leftmost error wins, arguments in order.
 */
#ifndef FORMULA_FUNC_H
#define FORMULA_FUNC_H

#include "base/cpu.h"
#include "formula/ast.h"
#include "formula/value.h"
#include "kernels/xl.h"

struct eval;

/* Arguments have been coerced as ARGS says: V_NUM for n, V_TEXT for t … or V_MISSING where omitted or left empty
 * ('n' left empty in the middle, as in PMT(a,b,c,,1), arrives as number 0, 't' as "", 'b' as FALSE; omitted at
 * the end arrives as V_MISSING). For 'x' parameters args[i] is V_MISSING: use call->args[i] with eval_node(). Fill
 * *out; never fail otherwise: an error is a value. */
typedef void func_impl(struct eval *ev, const struct node *call, struct value *args, int nargs,
                       struct value *out);

enum func_flag {
	FN_VOLATILE = 1,   /* NOW, TODAY … */
	FN_RANDOM = 2,     /* draws; the parser numbers its calls */
	FN_DYNAMIC = 4,    /* makes references at run time */
	FN_ARRAY = 8,      /* may return an array even in an ordinary formula's argument (SUMPRODUCT evaluates in array mode) */
	FN_NAREF = 16,     /* returns a reference: INDEX, OFFSET, INDIRECT, CHOOSE, IF, XLOOKUP */
	FN_NOBOOL = 64,    /* came with an add-in: a logical is #VALUE!, and so is a range of several cells for a scalar
	                    * (an array is lifted); a required argument left empty is #N/A; in a reference given to an 'L',
	                    * text must be a number (to an 'M' too) and an empty cell among several is 0 */
	FN_REFLIFT = 4096, /* an array of references for an 'r' (OFFSET or INDIRECT with an array) is lifted: SUMIF, SUBTOTAL, N … */
	FN_VALUEERR = 8192, /* an error in a list is #VALUE!, whichever it is */
	FN_LASTFIRST = 2048, /* what is wrong with the last parameter is the result before what is wrong with the others */
	FN_ITERATES = 256, /* found by iteration: Excel's own is within 1e-7 */
	FN_LAMBDA = 128,   /* takes a LAMBDA, or the bare name of a function */
	FN_EMPTYDEF = 512, /* a parameter left empty means its default, as one omitted does, not 0 */
	FN_HIDDEN = 1024,  /* the numeric form of another row (numform.h); not in the manual */
	FN_DIST = 32       /* a Risk… distribution; dist field is its index in kernels/dist.def */
};

struct func {
	const char *name;
	int min, max;
	const char *args;
	unsigned flags;
	xl_fn *num;        /* FNUM, else NULL; the portable form: func_num() for a fast one */
	func_impl *gen;    /* FGEN, else NULL */
	const char *signature, *manual;
	int dist;          /* FN_DIST: row of kernels/dist.def; else -1 */
};

/* By upper-case name, aliases resolved; NULL if unknown. Thread-safe. */
const struct func *func_find(const char *name, size_t n);
/* The rows in order, NULL beyond the last. */
const struct func *func_at(size_t i);
/* The numeric functions in the form for an instruction set, which the machine must have: same bits, faster. */
struct func_isa;
const struct func_isa *func_isa(enum isa isa);
xl_fn *func_num(const struct func *f, enum isa isa); /* NULL for an FGEN row */
/* Other spellings: the i-th and the row it stands for; NULL beyond the last. */
const char *func_alias(size_t i, const char **of);
/* Never gives text, though it may have no lanes (FGEN rows). */
int func_never_text(const struct func *f);
/* The part of ARGS that repeats: parameter i of it. Private to func_arg_letter(). */
char func_arg_letter_from(const char *rest, int i);

/* Letter for parameter i of f ('n' …); 'v' where there are none. Asked for every argument of every call. */
static inline char
func_arg_letter(const struct func *f, int i)
{
	const char *s = f->args;

	if (!*s)
		return 'v';
	for (int k = 0; *s && *s != '(' && *s != '*'; k++, s++)
		if (k == i)
			return *s;
	return func_arg_letter_from(s, i - (int)(s - f->args));
}

#endif
