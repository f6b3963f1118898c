/* gen_args: what lib/engine/jit.c hands to sim_block() of generated source for each block of 256 trials. */
#ifndef KERNELS_GEN_ARGS_H
#define KERNELS_GEN_ARGS_H

#include "kernels/lane.h"

struct g_block_args {
	uint64_t seed, trial0;
	const uint64_t *stream;
	const double *tab;
	double *out;                               /* slots of results, the uniforms first */
	double *work;                              /* values kept between parts */
	void (*call)(void *host, unsigned site, double *t);
	void *host;
};

#endif
