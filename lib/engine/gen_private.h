/* gen_private: shared by gen.c (the whole), gen_statement.c (statements), gen_order.c (order and parts) and gen_calls.c (calls, blocks, the frame around the parts). */
#ifndef ENGINE_GEN_PRIVATE_H
#define ENGINE_GEN_PRIVATE_H

#include "base/buf.h"
#include "engine/gen.h"

struct sampler;

#define GEN_FAR_MAX 96
#define GEN_SHARED_UNIFORMS 32   /* draws a CUDA block keeps in shared memory; with more each thread makes its own */

struct gen_value {
	uint32_t stage;          /* see gen_order.c */
	uint8_t block, ordered;  /* computed for a whole block at once; has its place in the order */
	uint32_t part, last;     /* where it is made, where it is needed last */
	uint32_t loaded;         /* 1 + the part that has it by name */
	uint32_t kept;           /* place between parts; a uniform: number of its stream */
	uint32_t out;            /* slot of results */
	uint32_t squared;        /* 1 + the part that has its powers x^2 to x^(2^nsquares) by name */
	uint32_t nsquares;
};

struct gen_far {
	const char *fn;
	int nlanes, tabled;
	unsigned uses;
};

struct gen_table {
	const double *v;
	size_t n, at;
};

struct gen_blocked {             /* a function over a block, by the macro G_BLOCK */
	const char *fn;
	int nparams, tabled;
};

struct gen_writer {
	struct gen *g;
	const struct ir *ir;
	enum gen_dialect dialect;
	uint8_t *live;
	struct gen_value *value;
	struct buf body;
	uint32_t part;
	ir_ref *order;           /* of all live instructions */
	size_t norder;
	struct gen_blocked blocked[GEN_FAR_MAX];
	size_t nblocked;
	struct gen_far far[GEN_FAR_MAX];
	size_t nfar;
	struct gen_table *table;
	size_t ntables;
	const char *pasted[64];
	size_t npasted;
	const char *xl[16];      /* CUDA: headers with the functions called */
	size_t nxl;
	int slow, dist, search;  /* CUDA: which other headers are needed */
	const char *refused;
};

/* IR_<ID> by the lower-case name of ops.def. */
enum {
#define OP(ID, name, nargs, kind, doc) IR_NAME_##name = IR_##ID,
#include "kernels/ops.def"
#undef OP
};

/* gen.c */
void gen_paste(struct gen_writer *w, struct buf *b, const char *name); /* kernels/NAME */

/* gen_statement.c */
const ir_ref *gen_operands(const struct ir *ir, const struct ir_insn *i);
unsigned gen_weight(const struct ir_insn *i); /* statements it stands for */
/* What stands alone: a literal; a value by its name. */
void gen_number(struct buf *b, double x);
void gen_operand(struct gen_writer *w, ir_ref r);
unsigned gen_site(struct gen_writer *w, enum ir_op op, ir_ref at);
size_t gen_table(struct gen_writer *w, const double *v, size_t n);
/* Instruction `at` with all it needs, in the part that is being written. */
void gen_statement(struct gen_writer *w, ir_ref at);
/* Value r is there: keep it for later parts, hand it out if it is wanted. */
void gen_deliver(struct gen_writer *w, ir_ref r);
/* A function that statements have used: inline where it is used at most `limit` times. */
void gen_put_far(struct buf *b, const struct gen_far *f, unsigned limit);

/* gen_order.c: order, parts and places of all values */
void gen_order(struct gen_writer *w);
int gen_in_memory(const struct gen_writer *w, ir_ref r); /* it has a place */

/* gen_calls.c */
void gen_block(struct gen_writer *w, const struct ir_insn *i, ir_ref at); /* a whole block of SAMPLE, INVTAB, NORMINV */
const char *gen_dist_fn(int dist);
const char *gen_invtab_fn(const double *table);
void gen_exact_sample(struct gen_writer *w, const struct ir_insn *i, ir_ref at, const struct sampler *s);
void gen_search(struct gen_writer *w, const struct ir_insn *i, ir_ref at); /* COUNTLE, FINDEQ */
void gen_call(struct gen_writer *w, const struct ir_insn *i, ir_ref at);   /* NUMCALL, DISTCALL, with their second results */
void gen_blocks(struct gen_writer *w, struct buf *b);                        /* the functions that gen_block() has used */
void gen_head(struct gen_writer *w, struct buf *b);
void gen_foot(struct gen_writer *w, struct buf *b);

#endif
