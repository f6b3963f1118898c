/* cpu: see cpu.h. */
#include "base/cpu.h"

#include <string.h>

enum isa
isa_best(void)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma"))
		return ISA_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return ISA_AVX2;
#endif
	return ISA_BASE;
}

static const char *const names[] = {"base", "avx2", "avx512"};

const char *
isa_name(enum isa isa)
{
	return names[isa];
}

int
isa_parse(const char *name, enum isa *out)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(names[i], name)) {
			*out = (enum isa)i;
			return 0;
		}
	return -1;
}
