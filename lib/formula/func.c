/* func: the table of worksheet functions, built from functions.def. See func.h. */
#include "formula/func.h"

#include <string.h>

#include "formula/alt.h"
#include "formula/isa/func_isa.h"
#include "kernels/dist.h"

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

/* A byte of a name's length, first, middle and last letter; n without the NUL. */
#define HASH(name, n) ((unsigned char)((n) * 37 + (name)[0] * 11 + (name)[(n) / 2] * 5 + (name)[(n) - 1] * 3))

/* All names and their bytes, close together: one is looked up for every call when a formula is parsed. */
#define FNUM(NAME, ...) NAME,
#define FGEN(NAME, ...) NAME,
#define FALIAS(...)
#define D(ID, ...) "RISK" #ID,
static const char row_name[][32] = {
#include "formula/functions.def"
#include "kernels/dist.def"
};
#undef FNUM
#undef FGEN
#undef D
#define FNUM(NAME, ...) HASH(NAME, sizeof(NAME) - 1),
#define FGEN(NAME, ...) HASH(NAME, sizeof(NAME) - 1),
#define D(ID, ...) HASH("RISK" #ID, sizeof("RISK" #ID) - 1),
static const unsigned char row_hash[] = {
#include "formula/functions.def"
#include "kernels/dist.def"
};
#undef FNUM
#undef FGEN
#undef FALIAS
#undef D
#define NROWS sizeof row_hash

const struct func *
func_at(size_t i)
{
	return i < NROWS ? &func_rows[i] : NULL;
}

const struct func_isa *
func_isa(enum isa isa)
{
#if defined(__x86_64__)
	if (isa == ISA_AVX512)
		return &func_isa_avx512;
	if (isa == ISA_AVX2)
		return &func_isa_avx2;
#endif
	(void)isa;
	return &func_isa_base;
}

xl_fn *
func_num(const struct func *f, enum isa isa)
{
	return func_isa(isa)->num[f - func_rows];
}

static const struct func *
find_row(const char *name, size_t n)
{
	const unsigned char *p = row_hash, *end = row_hash + NROWS;
	int hash = HASH(name, n);

	for (; n < sizeof row_name[0] && (p = memchr(p, hash, (size_t)(end - p))); p++) {
		const char *s = row_name[p - row_hash];

		if (!memcmp(s, name, n) && !s[n])
			return &func_rows[p - row_hash];
	}
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
		if (aliases[i].name[0] == name[0] && !strncmp(aliases[i].name, name, n) && !aliases[i].name[n])
			return find_row(aliases[i].of, strlen(aliases[i].of));
	if (n > 4 && !strncmp(name, "RISK", 4)) { /* another name of a distribution */
		int dist = dist_find(name, n);

		if (dist < 0 && n > 7 && !strncmp(name + n - 3, "ALT", 3)) { /* by percentiles: risk_parse() sees the name */
			dist = dist_find(name, n - 3);
			dist = dist >= 0 && alt_known(dist) ? dist : -1;
		}
		for (size_t i = 0; dist >= 0 && i < NROWS; i++)
			if (func_rows[i].dist == dist)
				return &func_rows[i];
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
func_arg_letter_from(const char *rest, int i)
{
	if (*rest != '(') /* '*' or the end: the last letter again */
		return rest[-1];
	return rest[1 + i % (int)strcspn(rest + 1, ")")];
}

/* FGEN functions that give numbers, logicals or errors, never text. */
int
func_never_text(const struct func *f)
{
	static const char *const numeric[] = {
	    "T.TEST", "SUMIF", "SUMIFS", "COUNTIF", "COUNTIFS", "AVERAGEIF", "AVERAGEIFS", "MINIFS", "MAXIFS", "COUNT", "COUNTA",
	    "COUNTBLANK", "SUBTOTAL", "AGGREGATE", "SUMPRODUCT", "MATCH", "XMATCH", "ROW", "ROWS", "COLUMN", "COLUMNS",
	    "AND", "OR", "XOR", "NOT", "ISNUMBER", "ISTEXT", "ISBLANK", "ISERROR", "ISERR", "ISNA", "ISLOGICAL", "ISNONTEXT",
	    "ISEVEN", "ISODD", "LEN", "FIND", "SEARCH", "VALUE", "EXACT", "CODE", "N", "TREND", "GROWTH", "LINEST", "LOGEST",
	    "MMULT", "MINVERSE", "MDETERM", "FREQUENCY", "RAND", "RANDBETWEEN", "RANDARRAY", "SEQUENCE", "RANK", "RANK.EQ",
	    "RANK.AVG", "PERCENTRANK", "PERCENTRANK.INC", "PERCENTRANK.EXC", "MODE.MULT", "PROB", "NETWORKDAYS.INTL",
	    "WORKDAY.INTL", "DATEVALUE", "TIMEVALUE", "TODAY", "NOW", "MUNIT", "DSUM", "DAVERAGE", "DCOUNT", "DCOUNTA", "DMAX", "DMIN",
	    "DPRODUCT", "DSTDEV", "DSTDEVP", "DVAR", "DVARP", "IMREAL", "IMAGINARY", "IMABS", "IMARGUMENT", "REGEXTEST", "CONVERT",
	    "EUROCONVERT", "DECIMAL", "BIN2DEC", "OCT2DEC", "HEX2DEC", "ARABIC", "UNICODE", "NUMBERVALUE", "DATEDIF", "TYPE",
	    "ERROR.TYPE", "AREAS", "SHEET", "SHEETS", "ISREF", "ISFORMULA"};

	if (f->num || (f->flags & FN_RANDOM))
		return 1;
	for (size_t i = 0; i < sizeof numeric / sizeof numeric[0]; i++)
		if (!strcmp(numeric[i], f->name))
			return 1;
	return 0;
}
