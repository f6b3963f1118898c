/*
 * gen: see gen.h. The live instructions are put in order and cut into parts (gen_order.c); each is written as one statement
 * (gen_statement.c), or as one call for a whole block (gen_calls.c); here is what all of it becomes.
 */
#include "engine/gen.h"

#include <string.h>

#include "engine/gen_private.h"

static void
give_slots(struct gen_writer *w, const ir_ref *roots, size_t nroots)
{
	struct gen *g = w->g;

	for (size_t k = 0; k < w->ir->n; k++)
		w->value[k].out = GEN_NO_SLOT;
	for (size_t k = 0; k < w->ir->n; k++)
		if (w->live[k] && w->ir->insn[k].op == IR_UNIFORM) {
			w->value[k].kept = (uint32_t)g->nstreams;
			g->stream[g->nstreams++] = w->ir->stream[w->ir->insn[k].aux];
		}
	g->shared_uniforms = w->dialect == GEN_VECTOR || g->nstreams <= GEN_SHARED_UNIFORMS;
	g->nslots = g->shared_uniforms ? g->nstreams : 0;
	for (size_t k = 0; k < nroots; k++) {
		struct gen_value *v;

		g->slot[k] = GEN_NO_SLOT;
		if (roots[k] < 0)
			continue;
		v = &w->value[roots[k]];
		if (v->out == GEN_NO_SLOT)
			v->out = g->shared_uniforms && w->ir->insn[roots[k]].op == IR_UNIFORM ? v->kept : (uint32_t)g->nslots++;
		g->slot[k] = v->out;
	}
}

/* kernels/NAME with what it includes pasted in; a header once, a .def each time. */
void
gen_paste(struct gen_writer *w, struct buf *b, const char *name)
{
	static const char include[] = "#include \"kernels/";
	const char *text = gen_kernel_text(name);
	size_t len = strlen(name);

	if (len > 2 && !strcmp(name + len - 2, ".h")) {
		for (size_t k = 0; k < w->npasted; k++)
			if (!strcmp(w->pasted[k], name))
				return;
		w->pasted[w->npasted++] = arena_strdup(&w->g->arena, name);
	}
	while (text && *text) {
		size_t n = strcspn(text, "\n");

		if (!strncmp(text, include, sizeof include - 1)) {
			const char *from = text + sizeof include - 1;

			gen_paste(w, b, arena_strndup(&w->g->arena, from, strcspn(from, "\"\n")));
		} else {
			buf_add(b, text, n);
			buf_putc(b, '\n');
		}
		text += n + (text[n] == '\n');
	}
}

/* Instructions from order[from] on that belong to the part. What goes by blocks first, then the loop. */
static size_t
write_part(struct gen_writer *w, size_t from)
{
	size_t to = from, statements = 0;

	for (; to < w->norder && w->value[w->order[to]].part <= w->part; to++) {
		ir_ref r = w->order[to];
		const struct ir_insn *i = &w->ir->insn[r];

		if (w->value[r].block)
			gen_block(w, i, r);
		else if (i->op == IR_UNIFORM && w->dialect == GEN_VECTOR)
			buf_printf(&w->body, "\tG_DRAW(%u)\n", w->value[r].kept);
		else
			statements++;
	}
	buf_puts(&w->body, statements ? "\tG_LOOP {\n" : "\t{\n");
	for (size_t k = from; k < to; k++)
		if (!w->value[w->order[k]].block)
			gen_statement(w, w->order[k]);
	buf_puts(&w->body, "\t}\n");
	return to;
}

static void
write_parts(struct gen_writer *w)
{
	size_t k = 0;

	for (w->part = 0; w->part < w->g->nparts; w->part++) {
		buf_printf(&w->body, "\nG_PART\ng_part%u(G_PARAMS)\n{\n", w->part);
		k = write_part(w, k);
		buf_puts(&w->body, "}\n");
	}
	buf_puts(&w->body, "\n#define G_PARTS ");
	for (unsigned p = 0; p < w->g->nparts; p++)
		buf_printf(&w->body, " g_part%u(G_PASS);", p);
	buf_puts(&w->body, "\n");
}

static void
copy_tables(struct gen_writer *w)
{
	struct gen *g = w->g;
	double *all = arena_zalloc(&g->arena, (g->ntab + 16) * sizeof *all);

	g->tab = (double *)(((uintptr_t)all + 63) & ~(uintptr_t)63);
	for (size_t k = 0; k < w->ntables; k++)
		memcpy(g->tab + w->table[k].at, w->table[k].v, w->table[k].n * sizeof *all);
}

static int
check(const struct ir *ir, const uint8_t *live, struct err *e)
{
	for (size_t k = 0; k < ir->n; k++)
		if (live[k] && (ir->insn[k].op == IR_TREE || ir->insn[k].op == IR_RES3))
			return err_set(e, ERR_UNAVAILABLE, "part of it runs lane by lane on the scalar evaluator");
	return 0;
}

int
gen_source(struct gen *g, const struct ir *ir, const ir_ref *roots, size_t nroots, enum gen_dialect dialect, struct err *e)
{
	struct gen_writer w = {.g = g, .ir = ir, .dialect = dialect};
	struct buf all = BUF_INIT;
	int rc = -1;

	memset(g, 0, sizeof *g);
	w.live = ARENA_NEW(&g->arena, uint8_t, ir->n + 1);
	w.value = ARENA_NEW(&g->arena, struct gen_value, ir->n + 1);
	w.table = ARENA_NEW(&g->arena, struct gen_table, ir->n + 1);
	g->stream = ARENA_NEW(&g->arena, uint64_t, ir->n + 1);
	g->slot = ARENA_NEW(&g->arena, uint32_t, nroots + 1);
	g->site = ARENA_NEW(&g->arena, struct gen_site, ir->n + IR_NOPS);
	ir_mark(ir, roots, nroots, w.live);
	if (check(ir, w.live, e) < 0)
		goto out;
	give_slots(&w, roots, nroots);
	gen_order(&w);
	write_parts(&w);
	if (w.refused) {
		err_set(e, ERR_UNAVAILABLE, "%s", w.refused);
		goto out;
	}
	gen_head(&w, &all);
	for (size_t k = 0; k < w.nfar; k++)
		gen_put_far(&all, &w.far[k], dialect == GEN_VECTOR ? 16 : 4);
	gen_blocks(&w, &all);
	buf_add(&all, w.body.s, w.body.len);
	gen_foot(&w, &all);
	copy_tables(&w);
	g->src = arena_strndup(&g->arena, all.s, all.len);
	g->nbytes = all.len;
	rc = 0;
out:
	buf_free(&w.body);
	buf_free(&all);
	return rc;
}

void
gen_free(struct gen *g)
{
	arena_free(&g->arena);
	memset(g, 0, sizeof *g);
}
