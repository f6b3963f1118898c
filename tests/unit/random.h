/* random: numbers for tests by xorshift64, the same in every run. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

static inline uint64_t
random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* In (0, 1), neither end. */
static inline double
random_unit(void)
{
	return ((double)(random_bits() >> 12) + 0.5) * 0x1p-52;
}

#endif
