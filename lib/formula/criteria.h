/*
 * criteria: the conditions of SUMIF, COUNTIFS, … ("<>0", ">=3", "a*", "", 5), parsed once, tested often;
 * and Excel's wildcards.
 */
#ifndef FORMULA_CRITERIA_H
#define FORMULA_CRITERIA_H

#include "formula/value.h"

struct criterion {
	char op;           /* '=' '<' '>' 'l' (<=) 'g' (>=) 'n' (<>) */
	uint8_t kind;      /* V_NUM, V_TEXT, V_BOOL, V_ERROR, V_BLANK ("=" or "" alone) */
	uint8_t wildcard;  /* the text holds ? or * */
	uint8_t was_empty; /* criterion "": counts blanks and "" */
	int error;
	double num;
	const char *text;
	size_t ntext;
};

/* From any scalar (a blank cell means 0, as Excel). Text is borrowed from v. */
void criterion_parse(const struct value *v, int date1904, struct criterion *out);
/* V_BLANK stands for an empty cell. */
int criterion_match(const struct criterion *c, const struct value *v);

/* pattern with ? * and ~ escapes against the whole of s; without case. */
int wildcard_match(const char *pattern, size_t np, const char *s, size_t ns);
/* First position (in bytes) where pattern matches a part of s from `start`, or -1; for SEARCH. */
long wildcard_search(const char *pattern, size_t np, const char *s, size_t ns, size_t start);

#endif
