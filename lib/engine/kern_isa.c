/* kern_isa: which sets of lib/engine/isa/kern_isa.c this machine can run. */
#include "engine/isa/kern_isa.h"

const struct kern_isa *
kern_isa_at(int i)
{
	const struct kern_isa *have[4] = { &kern_isa_base, NULL, NULL, NULL };
#if defined(__x86_64__)
	int n = 1;

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		have[n++] = &kern_isa_avx2;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
		have[n++] = &kern_isa_avx512;
#endif
	return i >= 0 && i < 4 ? have[i] : NULL;
}
