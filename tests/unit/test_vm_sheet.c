/*
 * The vector machine against the scalar evaluator, bit for bit, over whole sheets: the 2,750 formulas of
 * tests/conformance/stress-openpyxl.xlsx (nearly every function, with its edges) on data made random, twice: as they are, and with
 * every number written in them made random too. Beside test_vm, which names its cases, this one meets what nobody thought of.
 * With operands, it does the same to other workbooks: every number in any sheet, 4,000 formulas of each.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "engine/lower.h"
#include "engine/sampler.h"
#include "engine/vm.h"
#include "formula/copula.h"
#include "tests/unit/lane_value.h"
#include "tests/unit/tap.h"

#define TRIALS 96
#define SHOWN 12 /* differences printed */
#define CHANGES 3000
#define TARGETS 4000

/* Every number of a sheet is at times another, at times zero; dates move by days. */
static void
make_random(struct model *m, const struct workbook *wb, int sheet)
{
	const struct sheet *s = &wb->sheets[sheet];
	struct err e = {0};

	for (size_t i = 0; i < s->ncells && m->nchanges < CHANGES; i++) {
		const struct cell *c = &s->cells[i];
		char x[NUM_DOUBLE_MAX], text[200];

		if (c->kind != CELL_NUM || c->formula)
			continue;
		num_format_double(c->v.num, x);
		if (c->v.num > 30000 && c->v.num < 60000)
			snprintf(text, sizeof text, "%s+RANDBETWEEN(0,40)", x);
		else
			snprintf(text, sizeof text, "CHOOSE(RANDBETWEEN(1,5),%s,%s,ROUND(%s+RiskUniform(-2,2),1),%s*(1+RAND()/10),0)", x, x, x, x);
		if (model_set_formula(m, sheet, c->row, c->col, text, 0, &e) < 0)
			ok(0, "%s: %s", text, e.msg);
	}
}

static void
make_multiplier(struct model *m)
{
	struct err e = {0};

	model_set_formula(m, 0, 0, 25, "IF(RAND()<0.4,1,1+(RAND()-0.5)/5)", 0, &e); /* Z1 */
}

/* The formula with its numbers multiplied by D!Z1: those that stand alone, not in texts, names, addresses, arrays. */
static char *
with_random_numbers(const char *f)
{
	struct buf b = BUF_INIT;
	int braces = 0;

	for (const char *p = f; *p;) {
		size_t n = 1;

		if (*p == '"' || *p == '\'') {
			for (n = 1; p[n] && p[n] != *p;)
				n++;
			n += p[n] != '\0';
		} else if (isalpha((unsigned char)*p) || *p == '_' || *p == '$' || (unsigned char)*p >= 0x80) {
			while (isalnum((unsigned char)p[n]) || strchr("._$!:", p[n] ? p[n] : ' '))
				n++;
		} else if (isdigit((unsigned char)*p)) {
			double x;

			n = num_scan_double(p, &x);
			n = n ? n : 1;
			if (!braces && p[n] != ':' && p[n] != '!') {
				buf_printf(&b, "(%.*s*D!$Z$1)", (int)n, p);
				p += n;
				continue;
			}
		} else if (*p == '{' || *p == '}') {
			braces += *p == '{' ? 1 : -1;
		}
		buf_add(&b, p, n);
		p += n;
	}
	buf_putc(&b, '\0');
	return b.s;
}

struct result {
	int cells, differ, trees;
};

/* Formula cells of one sheet as targets of one program. */
static void
check_sheet(const struct workbook *wb, int sheet, int every_sheet, int random_numbers, enum isa isa, struct result *res)
{
	const struct sheet *s = &wb->sheets[sheet];
	struct err e = {0};
	struct model *m = model_new(wb, &e);
	struct area *at = calloc(s->ncells, sizeof *at);
	const char **label = calloc(s->ncells, sizeof *label);
	char *told = calloc(s->ncells, 1);
	ir_ref *roots = calloc(3 * s->ncells, sizeof *roots);
	struct lower *L = NULL;
	struct vm_program *p = NULL;
	struct vm_run *run = NULL;
	struct eval *ev = NULL;
	struct sampler_hook_ctx hook;
	char a1[A1_TEXT];
	size_t n = 0;

	for (int i = 0; i < (every_sheet ? (int)wb->nsheets : 1); i++)
		make_random(m, wb, i);
	if (!every_sheet)
		make_multiplier(m);
	for (size_t i = 0; i < s->ncells; i++) {
		const struct cell *c = &s->cells[i];

		if (n == TARGETS)
			break;
		if (!c->formula || c->flags & CELL_ARRAY_MASTER || strstr(c->formula->text, "nothing+1"))
			continue; /* a name that is not there on purpose is no model */
		if (random_numbers) {
			char *text = with_random_numbers(c->formula->text);

			if (model_set_formula(m, sheet, c->row, c->col, text, 0, &e) < 0)
				ok(0, "%s: %s", text, e.msg);
			free(text);
		}
		at[n] = (struct area){sheet, sheet, c->row, c->col, c->row, c->col};
		label[n++] = c->formula->text;
	}
	if (copula_build(m, NULL, 0, &e) < 0 || !(L = lower_new(m, &e)) || lower_targets(L, at, label, n, &e) < 0) {
		ok(0, "%s: %s", s->name, e.msg);
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		roots[3 * i] = L->target[i].v.num;
		roots[3 * i + 1] = L->target[i].v.err;
		roots[3 * i + 2] = lower_type(L, L->target[i].v);
	}
	p = vm_compile(L->ir, L, roots, 3 * n, isa, &e);
	run = p ? vm_run_new(p, 11, &e) : NULL;
	ev = run ? eval_new(m, &e) : NULL;
	if (!ev) {
		ok(0, "%s: %s", s->name, e.msg);
		goto out;
	}
	hook = (struct sampler_hook_ctx){L->samplers, wb};
	eval_set_draw_hook(ev, sampler_hook, &hook);
	vm_block(run, 256, 0, TRIALS);
	for (int k = 0; k < TRIALS; k++) {
		eval_set_trial(ev, 11, 256 + k);
		for (size_t i = 0; i < n; i++) {
			const double *num, *err, *typ;
			struct value v;

			if (told[i])
				continue;
			v = eval_cell(ev, sheet, at[i].row1, at[i].col1);
			num = vm_root(run, 3 * i);
			err = vm_root(run, 3 * i + 1);
			typ = vm_root(run, 3 * i + 2);
			if (lane_same(&v, num ? num[k] : 0, err ? err[k] : 0, typ ? typ[k] : LC_NUM, L))
				continue;
			told[i] = 1;
			a1_format(at[i].row1, at[i].col1, a1);
			if (res->differ++ < SHOWN)
				printf("# %s!%s =%s trial %d: evaluator kind %d num %.17g error %d; lanes num %.17g error %g type %g\n", s->name,
				       a1, label[i], 256 + k, v.kind, v.kind == V_NUM ? v.u.num : v.boolean, v.error,
				       num ? num[k] : 0, err ? err[k] : 0, typ ? typ[k] : -1);
		}
	}
	res->cells += (int)n;
	res->trees += (int)L->ir->ntrees;
out:
	vm_run_free(run);
	vm_free(p);
	eval_free(ev);
	lower_free(L);
	model_free(m);
	free(at);
	free(label);
	free(told);
	free(roots);
}

static void
check_file(const char *path)
{
	struct err e = {0};
	struct workbook *wb = workbook_load(path, &e);
	struct result res = {0};

	for (int k = 0; wb && k < (int)wb->nsheets; k++)
		check_sheet(wb, k, 1, 0, isa_best(), &res);
	ok(wb && res.differ == 0, "%s: %d formulas, %d differ (%d trees) %s", path, res.cells, res.differ, res.trees, e.msg);
	workbook_free(wb);
}

int
main(int argc, char **argv)
{
	struct err e = {0};
	struct workbook *wb = NULL;

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			check_file(argv[i]);
		return done();
	}
	wb = workbook_load("tests/conformance/stress-openpyxl.xlsx", &e);

	if (!wb) {
		ok(0, "the workbook loads: %s", e.msg);
		return done();
	}
	for (int i = 0; i < 4; i++) {
		struct result res = {0};
		enum isa isa = i < 2 ? isa_best() : ISA_BASE;

		for (int k = 1; k < (int)wb->nsheets; k++)
			check_sheet(wb, k, 0, i % 2, isa, &res);
		ok(res.differ == 0 && res.cells > 2500, "%d formulas on random data%s [%s]: %d differ (%d trees)", res.cells,
		   i % 2 ? ", their numbers random" : "", isa_name(isa), res.differ, res.trees);
	}
	workbook_free(wb);
	return done();
}
