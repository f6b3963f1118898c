/*
 * sim-model: what is in a workbook: sheets, names, random inputs, candidate targets, functions; recalculates and verifies;
 * evaluates, explains, shows the compiled program.
 */
#include <getopt.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "common/cli.h"
#include "engine/lower_fn.h"
#include "engine/spec.h"
#include "formula/eval.h"
#include "model/inventory.h"
#include "record/record.h"

static const char usage[] =
    "usage: sim-model [options] WORKBOOK\n"
    "\n"
    "Inspect a workbook: sheets, names, random inputs, possible targets, functions.\n"
    "\n"
    "      --verify           recalculate every formula and compare with the cached values\n"
    "      --pin              hold cells that draw at their cached values\n"
    "      --tolerance X      relative tolerance of --verify (default 1e-12)\n"
    "      --functions        with --verify: a table of agreement by function\n"
    "      --all              with --verify: print the cells that agree too\n"
    "      --eval EXPR        value of a cell or of any formula (repeatable)\n"
    "      --explain CELL     formula, precedents and value of a cell, step by step\n"
    "      --ir TARGET        the compiled program of a target\n"
    "      --set CELL=CONTENT another content for a cell (repeatable)\n"
    "  -i, --input 'CELL ~ DIST(...)'  make a cell a random input (repeatable)\n"
    "      --spec FILE        inputs and changes from a file, sim-spec(5)\n"
    "  -s, --sheet NAME       sheet that plain addresses mean (default: the first)\n"
    "      --format F         table or ndjson (default: table on a terminal)\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

struct app {
	struct workbook *wb;
	struct model *m;
	struct eval *ev;
	struct spec spec;
	enum cli_format format;
	int pin, verify, by_function, all;
	double tolerance;
	const char *evals[256], *explain, *ir, *sheet_name;
	int nevals, sheet;
	struct buf out;
	int status;
};

static void
flush(struct app *a)
{
	if (a->out.len)
		cli_out(a->out.s, a->out.len);
	buf_clear(&a->out);
}

static const char *
address(const struct app *a, int sheet, int32_t row, int32_t col)
{
	static char text[2][700];
	static int which;

	which = !which;
	a1_format_full(a->wb, sheet, row, col, text[which], sizeof text[0]);
	return text[which];
}

/* --- verify ------------------------------------------------------------------------------------------------ */

enum verdict { AGREES, DIFFERS, UNSUPPORTED, RANDOM, UNCACHED };

static const char *const verdict_name[] = {"agrees", "differs", "unsupported", "random", "uncached"};

static struct value
cached_value(struct arena *a, const struct cell *c)
{
	switch (c->kind) {
	case CELL_NUM:
		return value_num(c->v.num);
	case CELL_BOOL:
		return value_bool(c->boolean);
	case CELL_TEXT:
		return value_textz(a, c->v.text);
	case CELL_ERROR:
		return value_error(c->error);
	default:
		return value_blank();
	}
}

/* tolerance: relative, of sizes of at least `least`. */
static int
same(const struct value *x, const struct value *y, double tolerance, double least)
{
	double d;

	if (x->kind == V_BLANK && y->kind == V_TEXT && !y->u.text->nbytes)
		return 1;
	if (x->kind == V_TEXT && y->kind == V_ERROR) /* as Google Sheets caches an error */
		return !strcmp(x->u.text->s, xl_error_name(y->error));
	if (x->kind != y->kind)
		return 0;
	switch (x->kind) {
	case V_NUM:
		d = fabs(x->u.num - y->u.num);
		return d == 0 || d <= tolerance * fmax(least, fmax(fabs(x->u.num), fabs(y->u.num)));
	case V_BOOL:
		return x->boolean == y->boolean;
	case V_ERROR:
		return x->error == y->error;
	case V_TEXT:
		return x->u.text->nbytes == y->u.text->nbytes && !memcmp(x->u.text->s, y->u.text->s, x->u.text->nbytes);
	default:
		return 1;
	}
}

/* Calls a function that Excel finds by iteration, to 1e-7 (IRR, RATE …). */
static int
iterates(const struct node *n)
{
	if (n->kind == N_CALL && n->u.call.fn && n->u.call.fn->flags & FN_ITERATES)
		return 1;
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && iterates(n->args[i]))
			return 1;
	return 0;
}

static void
put_functions(struct buf *b, const struct node *n)
{
	if (n->kind == N_CALL)
		buf_printf(b, "%s%s", b->len ? " " : "", n->u.call.fn ? n->u.call.fn->name : n->u.call.name);
	for (int i = 0; i < n->nargs; i++)
		if (n->args[i])
			put_functions(b, n->args[i]);
}

static void
put_verdict(struct app *a, int sheet, const struct cell *c, const struct formula *f, struct value want, struct value got,
            enum verdict verdict)
{
	struct buf *b = &a->out, text = BUF_INIT, names = BUF_INIT;
	const char *formula = f && f->text && c->formula ? f->text : "";

	if (f && f->root && c->flags & CELL_SHARED && !node_print(&text, a->wb, f->root, sheet, c->row, c->col))
		formula = text.s; /* the text is the master's */
	if (a->format == CLI_NDJSON) {
		record_begin(b, "cell", NULL, 0);
		record_str(b, "cell", address(a, sheet, c->row, c->col));
		record_str(b, "verdict", verdict_name[verdict]);
		record_str(b, "formula", formula);
		cli_record_value(b, "cached", &want);
		cli_record_value(b, "value", &got);
		if (a->by_function && f && f->root) {
			put_functions(&names, f->root);
			record_str(b, "functions", names.s ? names.s : "");
		}
		record_end(b);
	} else {
		buf_printf(b, "%-11s %-20s =%.100s  cached ", verdict_name[verdict], address(a, sheet, c->row, c->col), formula);
		cli_put_value(b, &want);
		buf_puts(b, "  computed ");
		cli_put_value(b, &got);
		buf_putc(b, '\n');
	}
	buf_free(&text);
	buf_free(&names);
	if (b->len > 1 << 20)
		flush(a);
}

static int
by_differences(const void *x, const void *y)
{
	const struct function_tally *a = x, *b = y;

	if (a->differ != b->differ)
		return a->differ < b->differ ? 1 : -1;
	return strcmp(a->name, b->name);
}

/* Recalculates one formula cell and compares. f: its formula, or its array's. */
static enum verdict
judge(struct app *a, int sheet, const struct cell *c, const struct formula *f, struct value want, struct value *got)
{
	double tolerance = a->tolerance, least = 0;

	*got = eval_cell(a->ev, sheet, c->row, c->col);
	if (eval_cell_tainted(a->ev, sheet, c->row, c->col) || eval_cell_momentary(a->ev, sheet, c->row, c->col))
		return RANDOM;
	if (f && f->root && iterates(f->root)) {
		tolerance = fmax(tolerance, 1e-7);
		least = 1e-3;
	}
	if (same(&want, got, tolerance, least))
		return AGREES;
	if (want.kind == V_ERROR && want.error == XE_VALUE && c->flags & CELL_RICH && got->kind == V_ERROR &&
	    got->error >= XE_SPILL) /* the file cannot hold the newer kinds */
		return AGREES;
	return f && (!f->root || (f->flags & FORMULA_UNKNOWN)) ? UNSUPPORTED : DIFFERS;
}

static void
put_by_function(struct app *a, struct function_tally *ft)
{
	size_t n = 0;

	while (n < 4000 && ft[n].name)
		n++;
	qsort(ft, n, sizeof *ft, by_differences);
	for (size_t i = 0; i < n; i++)
		buf_printf(&a->out,
		           a->format == CLI_NDJSON ? "{\"v\":1,\"type\":\"function\",\"name\":\"%s\",\"agree\":%lld,\"differ\":%lld}\n"
		                                   : "%-24s %8lld agree %8lld differ\n",
		           ft[i].name, (long long)ft[i].agree, (long long)ft[i].differ);
}

static void
verify(struct app *a)
{
	long long t[UNCACHED + 1] = {0};
	struct function_tally *ft = calloc(4001, sizeof *ft);
	struct arena texts = ARENA_INIT;

	for (size_t k = 0; k < a->wb->nsheets; k++) {
		const struct sheet *s = &a->wb->sheets[k];

		for (size_t i = 0; i < s->ncells; i++) {
			const struct cell *c = &s->cells[i];
			const struct formula *f;
			struct value want, got = value_blank();
			enum verdict v = UNCACHED;

			if (!c->formula && !(c->flags & CELL_ARRAY_PART))
				continue;
			f = c->formula ? model_formula(a->m, (int)k, c->row, c->col)
			               : model_formula(a->m, (int)k, c->array.row1, c->array.col1);
			want = cached_value(&texts, c);
			if (c->flags & CELL_HAS_CACHED)
				v = judge(a, (int)k, c, f, want, &got);
			t[v]++;
			if (v == DIFFERS || v == UNSUPPORTED || a->all)
				put_verdict(a, (int)k, c, f, want, got, v);
			if (v <= UNSUPPORTED && f && f->root && c->formula)
				inventory_count(f->root, ft, v == AGREES);
			arena_rewind(&texts, (struct arena_mark){0, 0});
		}
	}
	if (a->by_function)
		put_by_function(a, ft);
	buf_printf(&a->out,
	           a->format == CLI_NDJSON ? "{\"v\":1,\"type\":\"verified\",\"agree\":%lld,\"differ\":%lld,\"unsupported\":%lld,"
	                                     "\"random\":%lld,\"uncached\":%lld}\n"
	                                   : "%lld formula cells agree, %lld differ, %lld unsupported, %lld random or volatile, "
	                                     "%lld without a cached value\n",
	           t[AGREES], t[DIFFERS], t[UNSUPPORTED], t[RANDOM], t[UNCACHED]);
	free(ft);
	arena_free(&texts);
	a->status = t[DIFFERS] || t[UNSUPPORTED] ? ERR_NO : 0;
}

/* --- eval, explain, ir ------------------------------------------------------------------------------------------ */

static void
put_eval(struct app *a, const char *expr)
{
	struct err e = {0};
	struct value v = eval_text(a->ev, expr, a->sheet, &e);

	if (e.status)
		cli_die(&e);
	v = eval_value_scalar(a->ev, v, a->sheet, 0, 0);
	if (a->format == CLI_NDJSON) {
		record_begin(&a->out, "cell", NULL, 0);
		record_str(&a->out, "cell", expr);
		cli_record_value(&a->out, "value", &v);
		record_end(&a->out);
	} else {
		cli_put_value(&a->out, &v);
		buf_putc(&a->out, '\n');
	}
}

static void
explain_cell(struct app *a, int sheet, int32_t row, int32_t col, int depth)
{
	const struct formula *f = model_formula(a->m, sheet, row, col);
	struct value v = eval_cell(a->ev, sheet, row, col);

	buf_printf(&a->out, "%*s%s = ", 2 * depth, "", address(a, sheet, row, col));
	cli_put_value(&a->out, &v);
	if (f) {
		buf_puts(&a->out, "   =");
		if (f->root)
			node_print(&a->out, a->wb, f->root, sheet, row, col);
		else
			buf_printf(&a->out, "%s  (%s)", f->text, f->error);
		if (eval_cell_tainted(a->ev, sheet, row, col))
			buf_puts(&a->out, "   (random)");
	}
	buf_putc(&a->out, '\n');
}

/* Each subexpression with its value, innermost first; then the precedents. */
static void
explain_node(struct app *a, const struct node *n, int sheet, int32_t row, int32_t col, int depth)
{
	struct value v;

	for (int i = 0; i < n->nargs; i++)
		if (n->args[i] && (n->args[i]->nargs || n->args[i]->kind == N_AREA || n->args[i]->kind == N_NAME))
			explain_node(a, n->args[i], sheet, row, col, depth);
	if (n->kind == N_CALL && n->u.call.fn && (!strcmp(n->u.call.name, "LAMBDA") || !strcmp(n->u.call.name, "LET")))
		return;
	v = eval_tree(a->ev, n, sheet, row, col, 0, NULL);
	if (v.kind == V_REF && n->kind == N_AREA && v.u.ref->area[0].row1 == v.u.ref->area[0].row2 &&
	    v.u.ref->area[0].col1 == v.u.ref->area[0].col2)
		v = eval_value_scalar(a->ev, v, sheet, row, col);
	buf_printf(&a->out, "%*s", 2 * depth, "");
	node_print(&a->out, a->wb, n, sheet, row, col);
	buf_puts(&a->out, "  ->  ");
	if (v.kind == V_REF)
		buf_puts(&a->out, "(range)");
	else
		cli_put_value(&a->out, &v);
	buf_putc(&a->out, '\n');
}

static void
explain(struct app *a)
{
	struct err e = {0};
	struct area at;
	const struct formula *f;
	char why[600];

	if (model_find(a->m, a->explain, a->sheet, &at, &e) < 0)
		cli_die(&e);
	explain_cell(a, at.sheet1, at.row1, at.col1, 0);
	f = model_formula(a->m, at.sheet1, at.row1, at.col1);
	if (f && f->root)
		explain_node(a, f->root, at.sheet1, at.row1, at.col1, 1);
	if (eval_explain_error(a->ev, at.sheet1, at.row1, at.col1, why, sizeof why))
		buf_printf(&a->out, "%s\n", why);
	if (*eval_cycle(a->ev))
		buf_printf(&a->out, "circular: %s\n", eval_cycle(a->ev));
}

static void
show_ir(struct app *a)
{
	struct err e = {0};
	struct area at;
	struct lower *L;
	ir_ref roots[3];
	size_t n = 0;

	if (model_find(a->m, a->ir, a->sheet, &at, &e) < 0)
		cli_die(&e);
	L = lower_new(a->m, &e);
	if (!L || lower_targets(L, &at, (const char *const[]){a->ir}, 1, &e) < 0)
		cli_die(&e);
	if (L->target[0].v.num != IR_NONE)
		roots[n++] = L->target[0].v.num;
	if (L->target[0].v.err != IR_NONE)
		roots[n++] = L->target[0].v.err;
	if (L->target[0].v.typ != IR_NONE)
		roots[n++] = L->target[0].v.typ;
	if (ir_print(&a->out, L->ir, roots, n) < 0) {
		err_nomem(&e);
		cli_die(&e);
	}
	buf_printf(&a->out, "value %%%d", L->target[0].v.num);
	if (L->target[0].v.err != IR_NONE)
		buf_printf(&a->out, "  error %%%d", L->target[0].v.err);
	buf_putc(&a->out, '\n');
	lower_free(L);
}

static void *
act(void *arg)
{
	struct app *a = arg;

	if (a->verify)
		verify(a);
	else if (a->nevals)
		for (int i = 0; i < a->nevals; i++)
			put_eval(a, a->evals[i]);
	else if (a->explain)
		explain(a);
	else if (a->ir)
		show_ir(a);
	else
		inventory_write(&(struct inventory){a->m, a->ev, a->format}, &a->out);
	flush(a);
	return NULL;
}

int
main(int argc, char **argv)
{
	enum { OPT_VERIFY = 1000, OPT_PIN, OPT_TOLERANCE, OPT_FUNCTIONS, OPT_ALL, OPT_EVAL, OPT_EXPLAIN, OPT_IR, OPT_SET, OPT_SPEC, OPT_FORMAT };
	static const struct option longs[] = {
	    {"verify", no_argument, 0, OPT_VERIFY},        {"pin", no_argument, 0, OPT_PIN},
	    {"tolerance", required_argument, 0, OPT_TOLERANCE}, {"functions", no_argument, 0, OPT_FUNCTIONS},
	    {"all", no_argument, 0, OPT_ALL},
	    {"eval", required_argument, 0, OPT_EVAL},      {"explain", required_argument, 0, OPT_EXPLAIN},
	    {"ir", required_argument, 0, OPT_IR},          {"set", required_argument, 0, OPT_SET},
	    {"input", required_argument, 0, 'i'},          {"spec", required_argument, 0, OPT_SPEC},
	    {"sheet", required_argument, 0, 's'},          {"format", required_argument, 0, OPT_FORMAT},
	    {"help", no_argument, 0, 'h'},                 {"version", no_argument, 0, 'V'},
	    {0, 0, 0, 0}};
	struct app a = {.tolerance = 1e-12, .format = isatty(1) ? CLI_TABLE : CLI_NDJSON};
	struct err e = {0};
	pthread_attr_t attr;
	pthread_t thread;
	int c, format_given = 0;

	cli_start("sim-model");
	spec_init(&a.spec);
	while ((c = getopt_long(argc, argv, "i:s:hV", longs, NULL)) != -1) {
		switch (c) {
		case OPT_VERIFY: a.verify = 1; break;
		case OPT_PIN: a.pin = 1; break;
		case OPT_FUNCTIONS: a.by_function = 1; break;
		case OPT_ALL: a.all = 1; break;
		case OPT_TOLERANCE:
			if (num_parse_double(optarg, strlen(optarg), &a.tolerance) < 0 || a.tolerance < 0)
				cli_usage("--tolerance: \"%s\" is not a number from 0", optarg);
			break;
		case OPT_EVAL:
			if (a.nevals == 256)
				cli_usage("--eval: at most 256 times");
			a.evals[a.nevals++] = optarg;
			break;
		case OPT_EXPLAIN: a.explain = optarg; break;
		case OPT_IR: a.ir = optarg; break;
		case OPT_SET:
			if (spec_add_set(&a.spec, optarg, "option --set", &e) < 0)
				cli_die(&e);
			break;
		case 'i':
			if (spec_add_input(&a.spec, optarg, "option -i", &e) < 0)
				cli_die(&e);
			break;
		case OPT_SPEC:
			spec_add_file(&a.spec, optarg);
			break;
		case 's': a.sheet_name = optarg; break;
		case OPT_FORMAT:
			a.format = cli_format(optarg, "table ndjson");
			format_given = 1;
			break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	(void)format_given;
	if (spec_read_files(&a.spec, &e) < 0)
		cli_die(&e);
	if (argc - optind > 1 || (argc == optind && !a.spec.model))
		cli_usage("one workbook is wanted");
	a.wb = workbook_load(optind < argc ? argv[optind] : a.spec.model, &e);
	if (!a.wb || !(a.m = model_new(a.wb, &e)))
		cli_die(&e);
	a.m->pin = a.pin;
	a.m->xlrisk = a.spec.xlrisk;
	if (a.sheet_name && (a.sheet = workbook_sheet(a.wb, a.sheet_name, strlen(a.sheet_name))) < 0) {
		err_set(&e, ERR_DATA, "%s: no sheet \"%s\"", a.wb->path, a.sheet_name);
		cli_die(&e);
	}
	if (spec_apply(&a.spec, a.m, &e) < 0 || !(a.ev = eval_new(a.m, &e)))
		cli_die(&e);
	/* references found at run time may nest deep: a stack of address space */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)1 << 30);
	if (pthread_create(&thread, &attr, act, &a)) {
		err_set(&e, ERR_OS, "cannot start a thread");
		cli_die(&e);
	}
	pthread_join(thread, NULL);
	eval_free(a.ev);
	model_free(a.m);
	workbook_free(a.wb);
	spec_free(&a.spec);
	buf_free(&a.out);
	return a.status;
}
