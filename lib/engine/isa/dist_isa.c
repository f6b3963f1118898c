/* dist_isa: the exact inverses, compiled once per instruction set for the sake of a fast fma; same bits. */
#include "engine/isa/dist_isa.h"
#include "kernels/dist.h"

double
DIST_ISA(quantile)(int dist, const double *params, int n, double p, double q)
{
	return dist_quantile2(dist, params, n, p, q);
}
