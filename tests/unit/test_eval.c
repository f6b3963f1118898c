/* Formulas with known values: tests/golden/formulas-*.tsv (formula, value, comment), on the scalar evaluator. */
#include <glob.h>
#include <stdlib.h>

#include "base/io.h"
#include "base/num.h"
#include "formula/eval.h"
#include "tests/unit/tap.h"

static int
agrees(const struct value *v, const char *want)
{
	double x;
	size_t n = strlen(want);

	if (!strcmp(want, "TRUE") || !strcmp(want, "FALSE"))
		return v->kind == V_BOOL && v->boolean == (want[0] == 'T');
	if (want[0] == '#')
		return v->kind == V_ERROR && !strcmp(xl_error_name(v->error), want);
	if (want[0] == '"')
		return v->kind == V_TEXT && v->u.text->nbytes == n - 2 && !memcmp(v->u.text->s, want + 1, n - 2);
	if (num_parse_double(want, n, &x) < 0 || v->kind != V_NUM)
		return 0;
	return v->u.num == x || fabs(v->u.num - x) <= 1e-12 * fmax(fabs(x), fabs(v->u.num)) ||
	       (x == 0 && fabs(v->u.num) < 1e-14);
}

static void
run_file(struct eval *ev, const char *path)
{
	struct buf b = BUF_INIT;
	struct err e = {0};
	char *save = NULL;

	if (io_read_file(path, 1 << 24, &b, &e) < 0) {
		ok(0, "%s: %s", path, e.msg);
		return;
	}
	for (char *line = strtok_r(b.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t'), *end;
		struct value v;
		char got[100] = "?";

		if (*line == '#' || !tab)
			continue;
		*tab++ = '\0';
		end = strchr(tab, '\t');
		if (end)
			*end = '\0';
		eval_set_trial(ev, 1, -1);
		v = eval_text(ev, line, 0, &e);
		v = eval_value_scalar(ev, v, 0, 0, 0);
		if (v.kind == V_NUM)
			num_format_double(v.u.num, got);
		else if (v.kind == V_ERROR)
			snprintf(got, sizeof got, "%s", xl_error_name(v.error));
		else if (v.kind == V_TEXT)
			snprintf(got, sizeof got, "\"%.90s\"", v.u.text->s);
		else if (v.kind == V_BOOL)
			snprintf(got, sizeof got, "%s", v.boolean ? "TRUE" : "FALSE");
		ok(agrees(&v, tab), "%s = %s (got %s)", line, tab, got);
	}
	buf_free(&b);
}

int
main(void)
{
	struct err e = {0};
	struct workbook *wb = workbook_load("examples/dcf.xlsx", &e);
	struct model *m = wb ? model_new(wb, &e) : NULL;
	struct eval *ev = m ? eval_new(m, &e) : NULL;
	glob_t g;

	if (!ev) {
		ok(0, "the example loads: %s", e.msg);
		return done();
	}
	if (!glob("tests/golden/formulas-*.tsv", 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			run_file(ev, g.gl_pathv[i]);
	globfree(&g);
	eval_free(ev);
	model_free(m);
	workbook_free(wb);
	return done();
}
