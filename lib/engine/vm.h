/*
 * vm: the vector machine. A program is a flat list of instructions over registers of VM_BLOCK lanes; it
 * runs a block of trials one instruction at a time. Peers of this shape are numexpr and SQLite's VDBE.
 *
 * Invariants
 *  1. Block b holds trials [b * VM_BLOCK, (b + 1) * VM_BLOCK): lanes never depend on how a run was cut.
 *  2. No allocation and no lock per block; each thread has its own registers and scalar evaluator.
 *  3. Every instruction gives the same bits for every instruction set.
 */
#ifndef ENGINE_VM_H
#define ENGINE_VM_H

#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/err.h"
#include "base/giveup.h"
#include "engine/ir.h"
#include "engine/sampler.h"

#define VM_BLOCK 256

struct lower;
struct vm_insn;
struct vm_run;


typedef void vm_fn(const struct vm_insn *i, struct vm_run *run);

struct vm_insn {
	vm_fn *fn;
	uint16_t op;
	uint16_t nargs;
	uint32_t dst, a, b, c;   /* registers, counted in doubles from vm_run.reg */
	uint32_t dst2, dst3;     /* second and third result of a call; UINT32_MAX: not wanted */
	double imm;              /* constant operand */
	uint64_t stream;
	const double *table;
	size_t ntable;
	const void *user;        /* struct sampler, struct ir_call, struct ir_distcall, struct ir_tree */
	const uint32_t *list;    /* registers of the operands of n-ary instructions; UINT32_MAX: none. POWC: ntable pairs of a register and
	                          * VM_POW_*, imm being the highest bit of their whole parts; NULL: the exponent is imm */
};

#define VM_POW_WHOLE 0x7fu
#define VM_POW_HALF 0x80u
#define VM_POW_INVERSE 0x100u
#define VM_POW_SAFE 0x200u   /* neither 0 nor infinite on the way */

struct vm_program {
	struct arena arena;
	const struct ir *ir;
	struct lower *lower;     /* text pool, for trees; may be NULL in tests */
	struct vm_insn *insn;
	size_t n;
	size_t nregs;            /* registers of VM_BLOCK doubles */
	uint32_t *const_reg;     /* registers filled once … */
	double *const_val;       /* … and with what */
	size_t nconst;
	size_t scratch;          /* doubles for calls */
	ir_ref *root;            /* as given to vm_compile */
	uint32_t *root_reg;      /* by root, as given to vm_compile; UINT32_MAX for IR_NONE */
	size_t nroots;
	enum isa isa;
	int has_trees;
	uint64_t op_count[IR_NOPS]; /* instructions by operation, for reports */
};



/* Another way to compute a block, the same bits (jit.h). */
struct vm_fast {
	void (*block)(struct vm_run *r);                       /* all lanes from r->trial0 */
	const double *(*root)(const struct vm_run *r, size_t k);
	void (*free)(struct vm_run *r);
};

/* State of one thread. */
struct vm_run {
	const struct vm_fast *fast; /* NULL: the loop over instructions */
	void *fast_state;
	const struct vm_program *p;
	double *reg;             /* 64-byte aligned */
	double *scratch;
	size_t n;                /* lanes to compute: VM_BLOCK, fewer when folding */
	size_t lane0, lane1;     /* lanes that are wanted: slow calls skip the others */
	uint64_t seed;
	int64_t trial0;          /* trial of lane 0 */
	const struct giveup *giveup; /* NULL: never; set by vm_run_giveup() */
	struct eval *ev;         /* for trees, with the texts handed to it */
	struct arena ev_texts;
	struct sampler_hook_ctx hook;
};

/* ir must outlive the program. roots: the values wanted after a block. */
struct vm_program *vm_compile(const struct ir *ir, struct lower *L, const ir_ref *roots, size_t nroots,
                              enum isa isa, struct err *e);
void vm_free(struct vm_program *p);

struct vm_run *vm_run_new(const struct vm_program *p, uint64_t seed, struct err *e);
void vm_run_free(struct vm_run *r);
/* Whom to ask whether a block is still wanted; borrowed. */
void vm_run_giveup(struct vm_run *r, const struct giveup *g);
/* Compute the block that starts at trial0 (a multiple of VM_BLOCK), lanes [lane0, lane1) of it. -1: given up; the run is of no
 * use any more. */
int vm_block(struct vm_run *r, int64_t trial0, size_t lane0, size_t lane1);
/* The lanes of root k after a block; NULL if that root is IR_NONE. */
const double *vm_root(const struct vm_run *r, size_t k);

/* One operation on numbers, by the portable code: constant folding. OWN operations other than POWC give NaN. */
double vm_apply(enum ir_op op, double a, double b, double c);

/* Implementation of an operation in an instruction set. Variant bits: 1 the second, 2 the first, operand is imm (two-operand
 * lane operations); for SEL: 1 the third, 2 the second is imm / imm2 (kept in table). NULL: that variant does not exist. */
vm_fn *vm_op_base(enum ir_op op, int variant);
vm_fn *vm_op_avx2(enum ir_op op, int variant);
vm_fn *vm_op_avx512(enum ir_op op, int variant);

/* The same by instruction set. */
vm_fn *vm_op(enum isa isa, enum ir_op op, int variant);
/* stream, table and user of an instruction. */
void vm_insn_constants(struct vm_insn *v, const struct ir *ir, const struct ir_insn *i);

/* Slow operations, in vm_calls.c: the same for every instruction set. */
vm_fn vm_numcall, vm_distcall, vm_distprob, vm_tree, vm_sample_each;
/* Searches on 15 digits, lane by lane, for lanes [from, to). */
void vm_countle(const struct vm_insn *i, struct vm_run *run, size_t from, size_t to);
void vm_findeq(const struct vm_insn *i, struct vm_run *run, size_t from, size_t to);

#endif
