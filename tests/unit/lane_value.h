/* lane_value: the scalar evaluator's value against what the vector machine has in its lanes. */
#ifndef TESTS_LANE_VALUE_H
#define TESTS_LANE_VALUE_H

#include <string.h>

#include "engine/lower.h"
#include "formula/value.h"

/* The evaluator's value is the lanes' number, error and type, to the bit. */
static inline int
lane_same(const struct value *v, double num, double err, double typ, const struct lower *L)
{
	if (v->kind == V_ERROR)
		return err == v->error;
	if (err != 0)
		return 0;
	switch (v->kind) {
	case V_NUM:
		return typ == LC_NUM && !memcmp(&v->u.num, &num, sizeof num);
	case V_BOOL:
		return typ == LC_BOOL && num == v->boolean;
	case V_TEXT:
		return typ == LC_TEXT && (num < 0 || !strcmp(L->text[(int)num], v->u.text->s));
	default:
		return typ == LC_BLANK || (typ == LC_NUM && num == 0);
	}
}

#endif
