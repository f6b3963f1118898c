/* dist_isa: names of the functions of dist_isa.c, one set per instruction set. */
#ifndef ENGINE_DIST_ISA_H
#define ENGINE_DIST_ISA_H

#ifdef ISA
#define DIST_ISA_PASTE2(name, isa) dist_isa_##name##_##isa
#define DIST_ISA_PASTE(name, isa) DIST_ISA_PASTE2(name, isa)
#define DIST_ISA(name) DIST_ISA_PASTE(name, ISA)
#endif

double dist_isa_quantile_base(int dist, const double *params, int n, double p, double q);
double dist_isa_quantile_avx2(int dist, const double *params, int n, double p, double q);
double dist_isa_quantile_avx512(int dist, const double *params, int n, double p, double q);

#endif
