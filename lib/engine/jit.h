/*
 * jit: the compiled tier of the CPU engine. The program as C source (gen.h), through the machine's compiler, loaded
 * with dlopen: the bits of the vector machine, without the loads and stores between its instructions. What was compiled is cached on disk.
 *
 * Compiler: $SIM_CC, else cc. Nothing here is needed: where there is no compiler, no cache folder, or a file system
 * that does not let code be loaded, the vector machine does the work, and the reason is told.
 *
 * Before a compiled program is handed out, its first block is compared with the vector machine's.
 */
#ifndef ENGINE_JIT_H
#define ENGINE_JIT_H

#include <stddef.h>

#include "base/err.h"
#include "engine/vm.h"

enum jit_mode { JIT_OFF, JIT_AUTO, JIT_ON };

struct jit;

/* Compile, or take from the cache (that alone when cached_only; then NULL with status 1 says it is not there). p must
 * outlive it. g: ends a compiler that is running. Errors: 69 and the reason. */
struct jit *jit_new(const struct vm_program *p, int cached_only, const struct giveup *g, struct err *e);
void jit_free(struct jit *j);
/* From now on vm_block() of this run uses it. Undone by vm_run_free(). */
int jit_attach(const struct jit *j, struct vm_run *run, struct err *e);

/* How many times faster than the vector machine its blocks are, as measured when it was loaded. */
double jit_gain(const struct jit *j);
#define JIT_GAIN_MIN 1.03  /* JIT_AUTO takes nothing slower */

/* Is it worth while: seconds the vector machine would still need on every thread, and the program's size. */
int jit_pays(double seconds, size_t ninsn);

/* In the background. */
struct jit_job;
struct jit_job *jit_start(const struct vm_program *p, int cached_only);
/* NULL until it is there. *failed set, once, with the reason in *e. */
const struct jit *jit_ready(struct jit_job *job, int *failed, struct err *e);
/* Ends the compiler if it is still running; frees what was compiled. */
void jit_finish(struct jit_job *job);

#endif
