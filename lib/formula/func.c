/* func: the table of worksheet functions, built from functions.def. See func.h. */
#include "formula/func.h"

#include <string.h>

#include "formula/fn.h"
#include "kernels/dist.h"

#define FNUM(NAME, MIN, MAX, ARGS, FLAGS, XLFN, SIG, DOC) {NAME, MIN, MAX, ARGS, FLAGS, XLFN, NULL, SIG, DOC, -1},
#define FGEN(NAME, MIN, MAX, ARGS, FLAGS, IMPL, SIG, DOC) {NAME, MIN, MAX, ARGS, FLAGS, NULL, IMPL, SIG, DOC, -1},
#define FALIAS(NAME, OF)
/* every distribution of kernels/dist.def, as Risk and its name; parameters and properties are lazy */
#define D(ID, fn, name, aliases, min, max, params, form, manual) \
	{"RISK" #ID, 1, -1, "x*", FN_RANDOM | FN_DIST | FN_VOLATILE, NULL, fn_risk_dist, "Risk" name "(" params ")", \
	 manual, DIST_ID_##ID},
static const struct func rows[] = {
#include "formula/functions.def"
#include "kernels/dist.def"
};
#undef FNUM
#undef FGEN
#undef FALIAS
#undef D

#define FNUM(...)
#define FGEN(...)
#define FALIAS(NAME, OF) {NAME, OF},
static const struct {
	const char *name, *of;
} aliases[] = {
#include "formula/functions.def"
    {"", ""}};
#undef FNUM
#undef FGEN
#undef FALIAS

#define NROWS (sizeof rows / sizeof rows[0])

const struct func *
func_at(size_t i)
{
	return i < NROWS ? &rows[i] : NULL;
}

/* A few hundred names, looked up once a call when a formula is parsed: length and first letters sort most out. */
static const struct func *
find_row(const char *name, size_t n)
{
	for (size_t i = 0; i < NROWS; i++)
		if (rows[i].name[0] == name[0] && !strncmp(rows[i].name, name, n) && !rows[i].name[n])
			return &rows[i];
	return NULL;
}

const struct func *
func_find(const char *name, size_t n)
{
	const struct func *f;

	if (!n)
		return NULL;
	f = find_row(name, n);
	if (f)
		return f;
	for (size_t i = 0; i + 1 < sizeof aliases / sizeof aliases[0]; i++)
		if (!strncmp(aliases[i].name, name, n) && !aliases[i].name[n])
			return find_row(aliases[i].of, strlen(aliases[i].of));
	if (n > 4 && !strncmp(name, "RISK", 4)) { /* another name of a distribution */
		int dist = dist_find(name, n);

		for (size_t i = 0; dist >= 0 && i < NROWS; i++)
			if (rows[i].dist == dist)
				return &rows[i];
	}
	return NULL;
}

const char *
func_alias(size_t i, const char **of)
{
	if (i + 1 >= sizeof aliases / sizeof aliases[0])
		return NULL;
	*of = aliases[i].of;
	return aliases[i].name;
}

char
func_arg_letter(const struct func *f, int i)
{
	const char *s = f->args, *open = strchr(s, '(');
	size_t n = strlen(s);

	if (!n)
		return 'v';
	if (open) { /* "r(rv)*": the group repeats */
		size_t head = (size_t)(open - s), len = strcspn(open + 1, ")");

		return (size_t)i < head ? s[i] : open[1 + ((size_t)i - head) % len];
	}
	if (s[n - 1] == '*') {
		n -= 1;
		return (size_t)i < n ? s[i] : s[n - 1];
	}
	return (size_t)i < n ? s[i] : s[n - 1];
}

/* FGEN functions that give numbers, logicals or errors, never text. */
int
func_never_text(const struct func *f)
{
	static const char *const numeric[] = {
	    "SUMIF", "SUMIFS", "COUNTIF", "COUNTIFS", "AVERAGEIF", "AVERAGEIFS", "MINIFS", "MAXIFS", "COUNT", "COUNTA",
	    "COUNTBLANK", "SUBTOTAL", "AGGREGATE", "SUMPRODUCT", "MATCH", "XMATCH", "ROW", "ROWS", "COLUMN", "COLUMNS",
	    "AND", "OR", "XOR", "NOT", "ISNUMBER", "ISTEXT", "ISBLANK", "ISERROR", "ISERR", "ISNA", "ISLOGICAL", "ISNONTEXT",
	    "ISEVEN", "ISODD", "LEN", "FIND", "SEARCH", "VALUE", "EXACT", "CODE", "N", "TREND", "GROWTH", "LINEST", "LOGEST",
	    "MMULT", "MINVERSE", "MDETERM", "FREQUENCY", "RAND", "RANDBETWEEN", "RANDARRAY", "SEQUENCE", "RANK", "RANK.EQ",
	    "RANK.AVG", "PERCENTRANK", "PERCENTRANK.INC", "PERCENTRANK.EXC", "MODE.MULT", "PROB", "NETWORKDAYS.INTL",
	    "WORKDAY.INTL", "DATEVALUE", "TIMEVALUE", "TODAY", "NOW", "MUNIT", "IRR", "XIRR", "XNPV", "MIRR"};

	if (f->num || (f->flags & FN_RANDOM))
		return 1;
	for (size_t i = 0; i < sizeof numeric / sizeof numeric[0]; i++)
		if (!strcmp(numeric[i], f->name))
			return 1;
	return 0;
}
