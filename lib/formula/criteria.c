/* criteria: see criteria.h. */
#include "formula/criteria.h"

#include <string.h>

#include "base/utf8.h"
#include "kernels/xl_round.h"

static int
has_wildcard(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '*' || s[i] == '?' || s[i] == '~')
			return 1;
	return 0;
}

void
criterion_parse(const struct value *v, int date1904, struct criterion *c)
{
	const char *s;
	size_t n;
	int had_op = 1;

	memset(c, 0, sizeof *c);
	c->op = '=';
	switch (v->kind) {
	case V_NUM:
		c->kind = V_NUM;
		c->num = v->u.num;
		return;
	case V_BOOL:
		c->kind = V_BOOL;
		c->num = v->boolean;
		return;
	case V_ERROR:
		c->kind = V_ERROR;
		c->error = v->error;
		return;
	case V_TEXT:
		break;
	default: /* an empty cell stands for 0 */
		c->kind = V_NUM;
		c->num = 0;
		return;
	}
	s = v->u.text->s;
	n = v->u.text->nbytes;
	if (n >= 2 && !memcmp(s, "<>", 2))
		c->op = 'n', s += 2, n -= 2;
	else if (n >= 2 && !memcmp(s, "<=", 2))
		c->op = 'l', s += 2, n -= 2;
	else if (n >= 2 && !memcmp(s, ">=", 2))
		c->op = 'g', s += 2, n -= 2;
	else if (n && (*s == '<' || *s == '>' || *s == '='))
		c->op = *s, s++, n--;
	else
		had_op = 0;
	c->text = s;
	c->ntext = n;
	if (!n) {
		c->kind = V_BLANK;
		c->was_empty = (uint8_t)!had_op;
		return;
	}
	if (!value_parse_number(s, n, date1904, &c->num)) {
		c->kind = V_NUM;
		return;
	}
	if (!utf8_casecmp(s, n, "TRUE", 4) || !utf8_casecmp(s, n, "FALSE", 5)) {
		c->kind = V_BOOL;
		c->num = (*s | 32) == 't';
		return;
	}
	c->error = (int)xl_error_parse(s, n);
	if (c->error) {
		c->kind = V_ERROR;
		return;
	}
	c->kind = V_TEXT;
	c->wildcard = (uint8_t)((c->op == '=' || c->op == 'n') && has_wildcard(s, n));
}

static int
ordered(int op, int cmp)
{
	switch (op) {
	case '=': return cmp == 0;
	case 'n': return cmp != 0;
	case '<': return cmp < 0;
	case 'l': return cmp <= 0;
	case '>': return cmp > 0;
	default: return cmp >= 0;
	}
}

int
criterion_match(const struct criterion *c, const struct value *v)
{
	double x;

	switch (c->kind) {
	case V_BLANK:
		if (c->op == 'n') /* "<>": what is not an empty cell */
			return v->kind != V_BLANK;
		if (c->op != '=')
			return 0;
		if (v->kind == V_BLANK)
			return 1;
		return c->was_empty && v->kind == V_TEXT && !v->u.text->nbytes;
	case V_NUM:
		if (v->kind == V_NUM)
			return ordered(c->op, xl_compare15(v->u.num, c->num));
		if (c->op == '=' && v->kind == V_TEXT && /* "<>5" takes the text 5 all the same */
		    !value_parse_number(v->u.text->s, v->u.text->nbytes, 0, &x))
			return ordered(c->op, xl_compare15(x, c->num));
		return c->op == 'n';
	case V_BOOL:
		return v->kind == V_BOOL ? ordered(c->op, v->boolean - (c->num != 0)) : c->op == 'n';
	case V_ERROR:
		return v->kind == V_ERROR && v->error == c->error ? c->op == '=' : c->op == 'n';
	default:
		if (v->kind != V_TEXT)
			return c->op == 'n';
		if (c->wildcard)
			return wildcard_match(c->text, c->ntext, v->u.text->s, v->u.text->nbytes) == (c->op == '=');
		return ordered(c->op, text_compare(v->u.text->s, v->u.text->nbytes, c->text, c->ntext));
	}
}

/* Does the pattern match at s, up to the end (whole) or anywhere further (prefix)? Greedy with one level of
 * backtracking per star, so linear in pattern times text. */
static int
match_here(const char *p, size_t np, const char *s, size_t ns, int whole)
{
	size_t i = 0, j = 0, star = (size_t)-1, mark = 0, len, plen;

	for (;;) {
		if (i < np && p[i] == '*') {
			star = i++;
			mark = j;
			continue;
		}
		if ((i == np && (!whole || j == ns)) || (!whole && i + 1 == np && p[i] == '~'))
			return 1;
		if (j < ns && i < np) {
			uint32_t want, got = utf8_lower(utf8_decode(s + j, ns - j, &len));
			int any = p[i] == '?';
			size_t at = i;

			if (p[at] == '~' && at + 1 < np && (!whole || strchr("*?~", p[at + 1])))
				at++; /* SEARCH takes any character behind ~ */
			want = utf8_lower(utf8_decode(p + at, np - at, &plen));
			if (any || want == got) {
				i = at + plen;
				j += len;
				continue;
			}
		}
		if (star == (size_t)-1 || mark >= ns)
			return 0;
		utf8_decode(s + mark, ns - mark, &len);
		mark += len;
		j = mark;
		i = star + 1;
	}
}

int
wildcard_match(const char *pattern, size_t np, const char *s, size_t ns)
{
	return match_here(pattern, np, s, ns, 1);
}

long
wildcard_search(const char *pattern, size_t np, const char *s, size_t ns, size_t start)
{
	size_t len;

	for (size_t at = start; at <= ns; at += len) {
		if (match_here(pattern, np, s + at, ns - at, 0))
			return (long)at;
		if (at == ns)
			break;
		utf8_decode(s + at, ns - at, &len);
	}
	return -1;
}
