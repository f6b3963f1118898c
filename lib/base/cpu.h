/* cpu: which instruction set this processor offers to code that exists in several forms. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

enum isa { ISA_BASE, ISA_AVX2, ISA_AVX512 }; /* each includes the ones before */

enum isa isa_best(void);
const char *isa_name(enum isa isa);                 /* "base", "avx2", "avx512" */
int isa_parse(const char *name, enum isa *out);     /* 0 or -1 */

#endif
