/*
 * ir: the program of a model as typed single-assignment code over lanes of doubles.
 *
 * Building an instruction folds constants (with the vector machine's own operations, so the bits are those a
 * trial would have computed), merges equal ones (common subexpressions) and applies identities that
 * keep the bits. Each value carries a proven range [lo, hi]; where it is finite, checks for overflow, zero
 * divisors and domains are never generated.
 *
 * Invariants (checked by ir_verify before a program runs)
 *  1. operands come before their users;  2. arities are those of ops.def;  3. a table, call or stream
 *  number is in range;  4. RES2/RES3 name a call;  5. no NaN constant.
 *
 * A value that may be an error is two values: the number and its error lane. There are no NaN payloads.
 */
#ifndef ENGINE_IR_H
#define ENGINE_IR_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formula/func.h"

enum ir_op {
#define OP(ID, name, nargs, kind, doc) IR_##ID,
#include "kernels/ops.def"
#undef OP
	IR_NOPS
};

typedef int32_t ir_ref; /* index of an instruction; IR_NONE where there is none */
#define IR_NONE (-1)

struct ir_insn {
	uint16_t op;      /* enum ir_op */
	uint8_t integer;  /* the value is a whole number (or not finite) */
	uint32_t nargs;
	ir_ref arg[3];    /* n-ary: arg[0] is the first index in ir->list */
	uint32_t aux;     /* stream, table, call or tree number */
	double imm;       /* CONST; POWC's exponent */
	double lo, hi;    /* proven range of the value, NaN excluded; lo > hi: nothing known */
	ir_ref check;     /* its FINCHK, once made */
	int32_t hash_next;
};

struct ir_table {             /* constants shared by all lanes */
	const double *v;
	size_t n;
	void *user;           /* INVTAB: struct sampler */
};

struct ir_arg_shape {
	uint32_t first, n;    /* operands [first, first + n) of the call, row-major */
	int rows, cols;
};

struct ir_call {              /* NUMCALL: a numeric function and how its operands form its arguments */
	const struct func *fn;
	struct ir_arg_shape *arg;
	int nargs, max;       /* given; slots the function may look at */
	size_t scratch;       /* doubles of scratch it may use */
};

enum ir_distprob { IR_DIST_BELOW, IR_DIST_UPTO, IR_DIST_CHECK }; /* CHECK: the error alone, whether the parameters make sense */

struct ir_distcall {          /* DISTCALL, DISTPROB */
	int dist;             /* row of kernels/dist.def; operands: guard, u (DISTPROB: bound), parameters */
	int nparams;
	int what;             /* DISTPROB: enum ir_distprob; DISTCALL: 0 */
};

struct ir_tree_input {        /* a cell whose lanes are handed to the scalar evaluator */
	int sheet;
	int32_t row, col;
	int type;             /* enum lower_type, fixed; its operands are value, error, type (IR_NONE: constant 0 / fixed) */
	uint32_t value, err, typ; /* operand numbers + 1; 0: none */
};

struct ir_tree {              /* TREE: evaluate `node` at home (or the cell itself when node is NULL) */
	const struct node *node;
	int sheet;
	int32_t row, col;
	int array;            /* evaluate in array mode */
	struct ir_tree_input *input;
	size_t ninputs;
	const char *why;      /* why it is not vectorised, for the report */
};

struct ir {
	struct arena arena;
	struct ir_insn *insn;
	size_t n, cap;
	ir_ref *list;         /* operands of n-ary instructions */
	size_t nlist, list_cap;
	int32_t *bucket;      /* of the merging of equal instructions */
	size_t nbuckets;
	uint64_t *stream;     /* UNIFORM aux */
	size_t nstreams;
	struct ir_table *table;
	size_t ntables;
	struct ir_call *call;
	size_t ncalls;
	struct ir_distcall *dcall;
	size_t ndcalls;
	struct ir_tree *tree;
	size_t ntrees;
	int date1904;
};

struct ir *ir_new(void);
void ir_free(struct ir *ir);

ir_ref ir_const(struct ir *ir, double x);
int ir_is_const(const struct ir *ir, ir_ref r, double *x);
ir_ref ir_op1(struct ir *ir, enum ir_op op, ir_ref a);
ir_ref ir_op2(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b);
ir_ref ir_op3(struct ir *ir, enum ir_op op, ir_ref a, ir_ref b, ir_ref c);
ir_ref ir_powc(struct ir *ir, ir_ref a, double exponent);
/* Whether pow(x, exponent) goes by a chain of products (kernels/math.h); then |exponent| is whole, or whole and a half. */
struct ir_chain {
	int whole, half, inverse;
	int safe;             /* x is proven to lie where nothing on the way is 0 or infinite */
};
int ir_pow_chain(const struct ir *ir, const struct ir_insn *powc, struct ir_chain *c);
/* Error lane: #NUM! where v is not finite; constant 0 where that is proven impossible. From then on v counts as finite. */
ir_ref ir_finchk(struct ir *ir, ir_ref v);
ir_ref ir_uniform(struct ir *ir, uint64_t stream);
/* One-operand instruction with a table; range of the result given by the caller. */
ir_ref ir_tabled(struct ir *ir, enum ir_op op, ir_ref a, uint32_t table, double lo, double hi, int integer);
ir_ref ir_nary(struct ir *ir, enum ir_op op, const ir_ref *args, size_t n, uint32_t aux);
ir_ref ir_result(struct ir *ir, enum ir_op res, ir_ref call); /* RES2, RES3 */

uint32_t ir_add_table(struct ir *ir, const double *v, size_t n, void *user); /* copied; equal tables are merged */
uint32_t ir_add_call(struct ir *ir, const struct ir_call *c);
uint32_t ir_add_distcall(struct ir *ir, int dist, int nparams, int what);
uint32_t ir_add_tree(struct ir *ir, const struct ir_tree *t);

/* Range and finiteness. */
double ir_lo(const struct ir *ir, ir_ref r);
double ir_hi(const struct ir *ir, ir_ref r);
void ir_set_range(struct ir *ir, ir_ref r, double lo, double hi); /* the caller knows better */
/* Proven: a and b (a and -b where sum) never nearly tie, so what acts on 15 digits acts plainly. In ir_near.c. */
int ir_never_near(const struct ir *ir, ir_ref a, ir_ref b, int sum);

const char *ir_op_name(enum ir_op op);
int ir_op_arity(enum ir_op op);

int ir_verify(const struct ir *ir, struct err *e);
/* Listing, one line an instruction, of what `roots` need. */
int ir_print(struct buf *b, const struct ir *ir, const ir_ref *roots, size_t nroots);
/* live[i] != 0 for what the roots need. */
void ir_mark(const struct ir *ir, const ir_ref *roots, size_t nroots, uint8_t *live);

#endif
