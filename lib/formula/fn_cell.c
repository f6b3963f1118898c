/* fn_cell: CELL and INFO: facts of a cell, of its number format, of the program. Rows: functions/info.def. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "formula/eval_internal.h"
#include "formula/fn.h"

struct place {
	int sheet;
	int32_t row, col;
};

/* --- number formats -------------------------------------------------------------------------------------------- */

struct format_facts {
	int decimals, commas, percent, scientific, currency, fraction, parens, negative_color, number;
	char date[32];             /* its date and time letters, runs of one written once: "mdy", "hms" */
};

/* A bracket at s: a colour, a currency, a condition. Bytes of it. */
static size_t
bracket(const char *s, struct format_facts *f, int section)
{
	static const char *const colors[] = {"black", "blue", "cyan", "green", "magenta", "red", "white", "yellow", "color"};
	size_t n = strcspn(s, "]");

	for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
		if (!strncasecmp(s + 1, colors[i], strlen(colors[i])))
			f->negative_color |= section == 1;
	if (!section && s[1] == '$' && s[2] != '-')
		f->currency = 1;
	if (!section && (s[1] | 32) == 'h') /* [h]:mm */
		strcat(f->date, "h");
	return s[n] ? n + 1 : n;
}

static void
date_letter(struct format_facts *f, char c)
{
	size_t n = strlen(f->date);

	c |= 32;
	if (n + 1 < sizeof f->date && (!n || f->date[n - 1] != c)) {
		f->date[n] = c;
		f->date[n + 1] = '\0';
	}
}

static struct format_facts
facts_of(const char *s)
{
	struct format_facts f = {0};
	int section = 0, point = 0;

	for (; *s; s++) {
		if (*s == ';') {
			section++;
			point = 0;
		} else if (*s == '"') {
			for (s++; *s && *s != '"'; s++)
				;
			if (!*s)
				break;
		} else if ((*s == '\\' || *s == '_' || *s == '*') && s[1]) {
			s++;
		} else if (*s == '[') {
			s += bracket(s, &f, section) - 1;
		} else if (section) {
			continue;
		} else if (strchr("0#?", *s)) {
			f.number = 1;
			f.decimals += point && !f.scientific;
		} else if (*s == '.') {
			point = 1;
		} else if (*s == ',' ) {
			f.commas |= f.number;
		} else if (*s == '%') {
			f.percent = 1;
		} else if ((*s == 'E' || *s == 'e') && (s[1] == '+' || s[1] == '-')) {
			f.scientific = 1;
		} else if (*s == '/') {
			f.fraction |= f.number;
		} else if (*s == '$') {
			f.currency = 1;
		} else if (*s == '(') {
			f.parens = 1;
		} else if (!strncasecmp(s, "General", 7)) {
			s += 6;
		} else if (!strncasecmp(s, "AM/PM", 5)) {
			date_letter(&f, 'a');
			s += 4;
		} else if (strchr("dmyhsDMYHS", *s)) {
			date_letter(&f, *s);
		}
	}
	return f;
}

/* The code of a date format: D1 to D9. Months by name are told from numbers in the text itself. */
static const char *
date_code(const struct format_facts *f, const char *format)
{
	const char *d = f->date;

	if (strchr(d, 'h'))
		if (!strpbrk(d, "dy"))
			return strchr(d, 'a') ? (strchr(d, 's') ? "D6" : "D7") : strchr(d, 's') ? "D8" : "D9";
	if (strcasestr(format, "mmm"))
		return !strchr(d, 'd') ? "D3" : strchr(d, 'y') ? "D1" : "D2";
	return strchr(d, 'y') ? "D4" : "D5";
}

static struct value
format_code(struct eval *ev, const char *format)
{
	struct format_facts f = facts_of(format);
	char code[16];

	if (*f.date && strpbrk(f.date, "dmyhs") && !f.number)
		snprintf(code, sizeof code, "%s", date_code(&f, format));
	else if (!f.number || f.fraction)
		snprintf(code, sizeof code, "G");
	else
		snprintf(code, sizeof code, "%c%d",
		         f.scientific ? 'S' : f.percent ? 'P' : f.currency ? 'C' : f.commas ? ',' : 'F', f.decimals % 100);
	return value_textz(&ev->tmp, arena_printf(&ev->tmp, "%s%s%s", code, f.negative_color ? "-" : "", f.parens ? "()" : ""));
}

/* --- CELL --------------------------------------------------------------------------------------------------------- */

static struct value
fact_format(struct eval *ev, struct place p, const char *what)
{
	const struct cell *c = workbook_cell(ev->wb, p.sheet, p.row, p.col);
	const char *format = c ? workbook_number_format(ev->wb, c->style) : NULL;
	struct format_facts f;

	if (!format)
		format = "General";
	if (!strcasecmp(what, "format"))
		return format_code(ev, format);
	f = facts_of(format);
	return value_num(!strcasecmp(what, "color") ? f.negative_color : f.parens);
}

static struct value
fact_place(struct eval *ev, struct place p, const char *what)
{
	const char *path = ev->wb->path, *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	const char *sheet = ev->wb->sheets[p.sheet].name;
	char a1[A1_TEXT];
	size_t n;

	if (!strcasecmp(what, "row"))
		return value_num(p.row + 1);
	if (!strcasecmp(what, "col"))
		return value_num(p.col + 1);
	if (!strcasecmp(what, "filename"))
		return value_textz(&ev->tmp, arena_printf(&ev->tmp, "%.*s[%s]%s", (int)(file - path), path, file, sheet));
	a1_format(p.row, p.col, a1);
	n = strcspn(a1, "0123456789");
	if (p.sheet == ev->sheet)
		return value_textz(&ev->tmp, arena_printf(&ev->tmp, "$%.*s$%s", (int)n, a1, a1 + n));
	return value_textz(&ev->tmp, arena_printf(&ev->tmp, strpbrk(sheet, " '-") ? "'[%s]%s'!$%.*s$%s" : "[%s]%s!$%.*s$%s", file,
	                                          sheet, (int)n, a1, a1 + n));
}

static struct value
fact_content(struct eval *ev, struct place p, const char *what)
{
	struct value v = eval_get(ev, p.sheet, p.row, p.col);

	if (!strcasecmp(what, "contents"))
		return v.kind == V_BLANK ? value_num(0) : v;
	if (!strcasecmp(what, "type"))
		return value_textz(&ev->tmp, v.kind == V_BLANK ? "b" : v.kind == V_TEXT ? "l" : "v");
	if (!strcasecmp(what, "prefix"))
		return value_text(&ev->tmp, "", 0); /* alignments are not read */
	return value_num(1);                        /* protect: every cell is, unless its style says otherwise */
}

void
fn_cell(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	static const struct {
		const char *name;
		struct value (*fn)(struct eval *ev, struct place p, const char *what);
	} facts[] = {{"address", fact_place},    {"col", fact_place},        {"row", fact_place},  {"filename", fact_place},
	             {"contents", fact_content}, {"type", fact_content},     {"prefix", fact_content},
	             {"protect", fact_content},  {"format", fact_format},    {"color", fact_format},
	             {"parentheses", fact_format}};
	struct place p = {ev->sheet, ev->row, ev->col};

	(void)call;
	*out = value_error(XE_VALUE);
	if (nargs > 1 && args[1].kind == V_ERROR)
		*out = args[1];
	else if (nargs > 1 && args[1].kind == V_REF && (size_t)args[1].u.ref->area[0].sheet1 < ev->wb->nsheets)
		p = (struct place){args[1].u.ref->area[0].sheet1, args[1].u.ref->area[0].row1, args[1].u.ref->area[0].col1};
	else if (nargs > 1 && args[1].kind != V_MISSING)
		return;
	for (size_t i = 0; out->kind == V_ERROR && i < sizeof facts / sizeof facts[0]; i++)
		if (!strcasecmp(args[0].u.text->s, facts[i].name)) {
			*out = facts[i].fn(ev, p, args[0].u.text->s);
			return;
		}
}

/* --- INFO ----------------------------------------------------------------------------------------------------------- */

void
fn_info(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	static const struct {
		const char *name, *text;
	} facts[] = {{"recalc", "Automatic"}, {"system", "pcdos"}, {"release", "16.0"}, {"origin", "$A:$A$1"}};
	const char *what = args[0].u.text->s, *slash = strrchr(ev->wb->path, '/');

	(void)call;
	(void)nargs;
	*out = value_error(XE_VALUE);
	if (!strcasecmp(what, "numfile"))
		*out = value_num((double)ev->wb->nsheets);
	else if (!strcasecmp(what, "directory"))
		*out = value_text(&ev->tmp, ev->wb->path, slash ? (size_t)(slash + 1 - ev->wb->path) : 0);
	else if (!strcasecmp(what, "memavail") || !strcasecmp(what, "memused") || !strcasecmp(what, "totmem"))
		*out = value_error(XE_NA); /* as since Excel 2007 */
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
		if (!strcasecmp(what, facts[i].name))
			*out = value_textz(&ev->tmp, facts[i].text);
}
