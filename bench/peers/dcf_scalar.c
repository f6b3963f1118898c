/* The DCF example by hand in scalar C: xoshiro256+, normals by the polar method, PERT as beta by two gammas (Marsaglia, Tsang 2000),
 * triangulars by inversion; mean, variance and a histogram. usage: dcf_scalar TRIALS: nanoseconds a trial on one core. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t s[4] = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9, 0x94d049bb133111eb, 0x2545f4914f6cdd1d};

static inline double
uniform(void)
{
	uint64_t r = s[0] + s[3], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return (double)(r >> 11) * 0x1p-53 + 0x1p-54;
}

static double
gauss(void)
{
	static double spare;
	static int have;
	double u, v, q;

	if (have) {
		have = 0;
		return spare;
	}
	do {
		u = 2 * uniform() - 1;
		v = 2 * uniform() - 1;
		q = u * u + v * v;
	} while (q >= 1 || q == 0);
	q = sqrt(-2 * log(q) / q);
	spare = v * q;
	have = 1;
	return u * q;
}

static double
gamma_draw(double a)
{
	double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);

	for (;;) {
		double x = gauss(), v = 1 + c * x, u;

		if (v <= 0)
			continue;
		v = v * v * v;
		u = uniform();
		if (u < 1 - 0.0331 * x * x * x * x || log(u) < 0.5 * x * x + d * (1 - v + log(v)))
			return d * v;
	}
}

static double
pert(double lo, double mode, double hi)
{
	double x = gamma_draw(1 + 4 * (mode - lo) / (hi - lo)), y = gamma_draw(1 + 4 * (hi - mode) / (hi - lo));

	return lo + (hi - lo) * x / (x + y);
}

static double
triang(double lo, double mode, double hi)
{
	double u = uniform(), f = (mode - lo) / (hi - lo);

	return u < f ? lo + sqrt(u * (hi - lo) * (mode - lo)) : hi - sqrt((1 - u) * (hi - lo) * (hi - mode));
}

static double
trial(void)
{
	double rev = 1000 + 80 * gauss(), g1 = pert(0.01, 0.06, 0.12), g2 = triang(0, 0.03, 0.05), cogs = pert(0.38, 0.45, 0.55);
	double fixed = 180 + 12 * gauss(), infl = triang(0.01, 0.025, 0.05), capex = pert(0.05, 0.08, 0.12);
	double depr = 0.1 + 0.04 * uniform(), wc = triang(0.1, 0.15, 0.22), tax = 0.22 + 0.06 * uniform();
	double wacc = 0.09 + 0.006 * gauss(), tg = triang(0.01, 0.02, 0.03), pv = 0, loss = 0, cap = 400, df = 1, fcf = 0;

	for (int y = 1; y <= 10; y++) {
		double prev = rev, cx, dep, ebit, t, dwc;

		if (y > 1) {
			rev = prev * (1 + (y <= 5 ? g1 : g2));
			fixed *= 1 + infl;
		}
		cx = rev * capex;
		dep = cap * depr;
		cap += cx - dep;
		ebit = rev - rev * cogs - fixed - dep;
		t = (ebit - loss > 0 ? ebit - loss : 0) * tax;
		loss = loss - ebit > 0 ? loss - ebit : 0;
		dwc = y == 1 ? rev * wc * 0.1 : (rev - prev) * wc;
		fcf = ebit - t + dep - cx - dwc;
		df /= 1 + wacc;
		pv += fcf * df;
	}
	return pv + fcf * (1 + tg) / (wacc - tg) * df - 500;
}

int
main(int argc, char **argv)
{
	long n = argc > 1 ? (long)atof(argv[1]) : 1000000;
	static long hist[4096];
	double sum = 0, square = 0;
	struct timespec a, b;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	for (long i = 0; i < n; i++) {
		double x = trial();
		int k = (int)((x + 2000) / 16000 * 4096);

		sum += x;
		square += (x - 3000) * (x - 3000);
		if (k >= 0 && k < 4096)
			hist[k]++;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	if (fabs(sum / (double)n - 3124) > 30 || hist[0] < 0 || square < 0)
		return fprintf(stderr, "mean %g: not the same model\n", sum / (double)n), 1;
	printf("%.1f\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)n);
	return 0;
}
