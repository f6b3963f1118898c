/*
 * The DCF example written by hand as a CUDA kernel, the way a programmer would: CUDA's own math library, Philox of cuRAND, one trial after
 * another in each thread, sums by a block reduction. Prints trials a second of device time.
 *   nvcc -O3 -arch=native -o dcf bench/peers/dcf.cu && ./dcf 1e9
 */
#include <cstdio>
#include <cstdlib>
#include <curand_kernel.h>

__device__ double
triangular(double u, double a, double m, double b)
{
	double w = b - a, f = (m - a) / w;

	return u < f ? a + sqrt(u * w * (m - a)) : b - sqrt((1 - u) * w * (b - m));
}

/* A PERT by a table of its inverse: what a careful programmer does, since a beta inverse by iteration would be slower by far. */
__device__ double
pert(double u, const double *table, double lo, double hi)
{
	double x = u * 1023;
	int k = (int)x;
	double f = x - k;

	return lo + (hi - lo) * (table[k] * (1 - f) + table[k + 1] * f);
}

__global__ void __launch_bounds__(256)
dcf(double *sums, const double *table, long long trials, unsigned long long seed)
{
	__shared__ double part[2][256];
	curandStatePhilox4_32_10_t s;
	double s1 = 0, s2 = 0;
	long long step = (long long)gridDim.x * blockDim.x, t = (long long)blockIdx.x * blockDim.x + threadIdx.x;

	curand_init(seed, t, 0, &s);
	for (; t < trials; t += step) {
		double u[12], rev, prev, cap = 400, loss = 0, pv = 0, fcf = 0, df = 1, infl = 1;

		for (int k = 0; k < 12; k += 2) {
			double2 d = curand_uniform2_double(&s);

			u[k] = d.x;
			u[k + 1] = d.y;
		}
		double rev0 = 1000 + 80 * normcdfinv(u[0]), g1 = pert(u[1], table, 0.01, 0.12), g2 = triangular(u[2], 0, 0.03, 0.05);
		double cogs = pert(u[3], table + 1024, 0.38, 0.55), fixed0 = 180 + 12 * normcdfinv(u[4]), inf = triangular(u[5], 0.01, 0.025, 0.05);
		double capex = pert(u[6], table + 2048, 0.05, 0.12), depr = 0.1 + 0.04 * u[7], wc = triangular(u[8], 0.1, 0.15, 0.22);
		double tax = 0.22 + 0.06 * u[9], wacc = 0.09 + 0.006 * normcdfinv(u[10]), tg = triangular(u[11], 0.01, 0.02, 0.03);

		rev = rev0;
#pragma unroll
		for (int y = 1; y <= 10; y++) {
			prev = rev;
			if (y > 1)
				rev = prev * (1 + (y <= 5 ? g1 : g2));
			double ebitda = rev - rev * cogs - fixed0 * infl, cx = rev * capex, dep = cap * depr, ebit = ebitda - dep;
			double due = fmax(0.0, ebit - loss) * tax, dwc = y == 1 ? rev * wc * 0.1 : (rev - prev) * wc;

			infl *= 1 + inf;
			cap += cx - dep;
			loss = fmax(0.0, loss - ebit);
			fcf = ebit - due + dep - cx - dwc;
			df /= 1 + wacc;
			pv += fcf * df;
		}
		pv += fcf * (1 + tg) / (wacc - tg) * df - 500;
		s1 += pv;
		s2 += pv * pv;
	}
	part[0][threadIdx.x] = s1;
	part[1][threadIdx.x] = s2;
	__syncthreads();
	for (int n = 128; n; n >>= 1) {
		if (threadIdx.x < n) {
			part[0][threadIdx.x] += part[0][threadIdx.x + n];
			part[1][threadIdx.x] += part[1][threadIdx.x + n];
		}
		__syncthreads();
	}
	if (!threadIdx.x) {
		atomicAdd(&sums[0], part[0][0]);
		atomicAdd(&sums[1], part[1][0]);
	}
}

/* Quantiles of a beta by adding up its density finely. */
static void
beta_table(double *t, double lo, double mode, double hi)
{
	double a = 1 + 4 * (mode - lo) / (hi - lo), b = 1 + 4 * (hi - mode) / (hi - lo), all = 0, c = 0;
	const int n = 1000000;
	int k = 1;

	for (int i = 0; i < n; i++)
		all += pow((i + 0.5) / n, a - 1) * pow(1 - (i + 0.5) / n, b - 1);
	t[0] = 0;
	for (int i = 0; i < n; i++) {
		c += pow((i + 0.5) / n, a - 1) * pow(1 - (i + 0.5) / n, b - 1);
		while (k < 1023 && c / all >= k / 1023.0)
			t[k++] = (i + 1.0) / n;
	}
	t[1023] = 1;
}

int
main(int argc, char **argv)
{
	long long trials = argc > 1 ? (long long)atof(argv[1]) : 1000000000;
	static double table[3 * 1024];
	double *sums, *t, host[2];
	cudaEvent_t a, b;
	cudaDeviceProp p;
	float ms;

	beta_table(table, 0.01, 0.06, 0.12);
	beta_table(table + 1024, 0.38, 0.45, 0.55);
	beta_table(table + 2048, 0.05, 0.08, 0.12);
	if (cudaGetDeviceProperties(&p, 0) || cudaMalloc(&sums, 16) || cudaMalloc(&t, sizeof table))
		return 69;
	cudaMemcpy(t, table, sizeof table, cudaMemcpyHostToDevice);
	cudaEventCreate(&a);
	cudaEventCreate(&b);
	for (int round = 0; round < 3; round++) {
		cudaMemset(sums, 0, 16);
		cudaEventRecord(a);
		dcf<<<p.multiProcessorCount * 8, 256>>>(sums, t, trials, 1);
		cudaEventRecord(b);
		if (cudaEventSynchronize(b))
			return 74;
		cudaEventElapsedTime(&ms, a, b);
	}
	cudaMemcpy(host, sums, 16, cudaMemcpyDeviceToHost);
	printf("%.4g\n", trials / (ms * 1e-3));
	fprintf(stderr, "mean %.6g\n", host[0] / trials);
	return 0;
}
