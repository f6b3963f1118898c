/*
 * gen: C source from the intermediate representation, one text in two dialects.
 *
 *   GEN_VECTOR   C on explicit vector types, for the machine's compiler: exports
 *                void sim_block(const struct g_block_args *), which computes a block of 256 trials (kernels/gen.h, lib/engine/jit.c)
 *   GEN_CUDA     CUDA C for NVRTC: a kernel that draws, computes, and reduces leaves of trials to the sums of lib/stats
 *                (kernels/gpu.h, lib/engine/gpu.c)
 *
 * The statements are the same in both; kernels/gen.h gives them their meaning. The source stands alone: the headers of
 * kernels/ are pasted in. It holds the structure and the constants of a model; streams, tables and seed are handed over at
 * run time, so equal models have equal sources.
 *
 * Invariants
 *  1. A statement applies the very function of kernels/ that the vector machine applies, to the same operands.
 *  2. A function (a part) has at most GEN_PART (GEN_PART_CUDA) statements, in vectors a loop over the block; values that live on between two
 *     are kept in memory.
 *  3. A program with a TREE is refused: it needs the scalar evaluator.
 */
#ifndef ENGINE_GEN_H
#define ENGINE_GEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/ir.h"

#define GEN_PART 200      /* compilers take time in proportion to the square of it */
#define GEN_PART_CUDA 800 /* a model of one part stays in registers */
#define GEN_STRIDE 264    /* GEN_VECTOR: doubles from slot to slot, G_STRIDE of kernels/gen.h */
#define GEN_NO_SLOT UINT32_MAX

enum gen_dialect { GEN_VECTOR, GEN_CUDA };

struct gen_site {                 /* GEN_VECTOR: what the host computes, one vector at a time */
	uint16_t op;
	ir_ref at;                /* IR_NONE: any operands, two of them */
};

struct gen {
	struct arena arena;       /* owns all below */
	char *src;
	size_t nbytes;
	uint64_t *stream;         /* of the draws, in the order of the source */
	size_t nstreams;
	double *tab;              /* all tables, each on a 64-byte boundary of its own */
	size_t ntab;
	uint32_t *slot;           /* by root: where its lanes are; GEN_NO_SLOT for IR_NONE */
	size_t nslots;
	struct gen_site *site;
	size_t nsites;
	size_t nkept;             /* values kept between parts */
	size_t nparts, nstatements;
	size_t local;             /* GEN_CUDA: doubles of local arrays in calls, the largest */
	int shared_uniforms;      /* slots 0 .. nstreams are the uniforms */
};

/* Status 69 and the reason where the program cannot be generated. */
int gen_source(struct gen *g, const struct ir *ir, const ir_ref *roots, size_t nroots, enum gen_dialect dialect, struct err *e);
void gen_free(struct gen *g);

/* Text of kernels/NAME, built into the program; NULL if there is none. */
const char *gen_kernel_text(const char *name);

#endif
