/*
 * kern_isa: the functions of kernels/ on arrays, by name, one set per instruction set; for tests and benchmarks.
 */
#ifndef ENGINE_KERN_ISA_H
#define ENGINE_KERN_ISA_H

#include <stddef.h>
#include <stdint.h>

struct kern_unary {
	const char *name;
	void (*run)(double *y, const double *x, size_t n); /* n a multiple of 8 */
};

struct kern_binary {
	const char *name;
	void (*run)(double *z, const double *x, const double *y, size_t n);
};

struct kern_isa {
	const char *name;
	int lanes;
	const struct kern_unary *unary;   /* ends with a NULL name */
	const struct kern_binary *binary; /* ends with a NULL name */
	/* all lanes with the same exponent */
	void (*powc)(double *z, const double *x, double e, size_t n);
	void (*philox)(double *out, uint64_t seed, uint64_t stream, uint64_t first, size_t n);
	/* parameter k of lane i is p[k * n + i]; bad[i] 0 or 1 */
	void (*dist)(int id, double *y, double *bad, const double *u, const double *p, int np, size_t n);
	void (*invtab)(double *y, const double *table, const double *u, size_t n);
};

extern const struct kern_isa kern_isa_base;
#if defined(__x86_64__)
extern const struct kern_isa kern_isa_avx2, kern_isa_avx512;
#endif

/* The sets that this machine can run, NULL beyond. The scalar set is not among them: ks_… is in the headers. */
const struct kern_isa *kern_isa_at(int i);

#endif
