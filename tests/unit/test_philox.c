/* Uniforms by address: Philox's known answers, the frozen definition, and the same bits however they are made. */
#include "tap.h"

#include "engine/isa/kern_isa.h"
#include "kernels/philox.h"

static void
known(const uint32_t *ctr, const uint32_t *key, const uint32_t *want, const char *what)
{
	uint32_t x[4];

	memcpy(x, ctr, sizeof x);
	philox4x32(x, key);
	ok(!memcmp(x, want, sizeof x), "%s: %08x %08x %08x %08x", what, x[0], x[1], x[2], x[3]);
}

int
main(void)
{
	static const uint32_t c0[4], k0[2], w0[] = { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 };
	static const uint32_t c1[] = { ~0u, ~0u, ~0u, ~0u }, k1[] = { ~0u, ~0u };
	static const uint32_t w1[] = { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd };
	static const uint32_t c2[] = { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 };
	static const uint32_t k2[] = { 0xa4093822, 0x299f31d0 };
	static const uint32_t w2[] = { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 };
	static double a[2000];

	known(c0, k0, w0, "all zero");
	known(c1, k1, w1, "all ones");
	known(c2, k2, w2, "digits of pi");

	/* the address of a trial, spelled out with the third known answer */
	{
		uint64_t seed = 0x299f31d0a4093822ULL, stream = 0x0370734413198a2eULL, pair = 0x85a308d3243f6a88ULL;
		uint64_t even = 0x94fdccebd16cfe09ULL, odd = 0x24126ea15001e420ULL;
		double we = ((double)(even >> 12) + 0.5) * 0x1p-52, wo = ((double)(odd >> 12) + 0.5) * 0x1p-52;
		double e, o;

		philox_pair(seed, stream, pair, &e, &o);
		ok(e == we && o == wo, "words to uniforms: %.17g %.17g", e, o);
		pair &= 0x7fffffffffffffffULL; /* a trial number has 64 bits */
		philox_pair(seed, stream, pair, &e, &o);
		ok(philox_uniform(seed, stream, 2 * pair) == e && philox_uniform(seed, stream, 2 * pair + 1) == o,
		   "even and odd trials share a counter");
	}
	ok(philox_unit(0, 0) == 0x1p-53 && philox_unit(~0u, ~0u) == 1 - 0x1p-53, "the range is [2^-53, 1 - 2^-53]");

	for (int i = 0; kern_isa_at(i); i++) {
		const struct kern_isa *isa = kern_isa_at(i);
		static const uint64_t first[] = { 0, 2, 4096, 0x1fffffff0ULL, 0xfffffffffff0ULL };
		int bad = 0;

		for (size_t f = 0; f < sizeof first / sizeof *first; f++) {
			for (size_t n = 1; n <= 2000; n = n * 3 + 5) {
				isa->philox(a, 0x0123456789abcdefULL, 0xfedcba9876543210ULL, first[f], n);
				for (size_t k = 0; k < n; k++)
					bad += a[k] != philox_uniform(0x0123456789abcdefULL, 0xfedcba9876543210ULL, first[f] + k);
			}
		}
		ok(!bad, "%s: blocks have the bits of single draws (%d differ)", isa->name, bad);
	}
	{
		double s = 0, q = 0, c = 0;

		for (uint64_t t = 0; t < 200000; t += 2000) {
			kern_isa_at(0)->philox(a, 7, 11, t, 2000);
			for (int k = 0; k < 2000; k++) {
				s += a[k];
				q += a[k] * a[k];
				c += k ? a[k] * a[k - 1] : 0;
			}
		}
		ok(fabs(s / 200000 - 0.5) < 5 * 0.2887 / 447, "mean of 200,000: %.6f", s / 200000);
		ok(fabs(q / 200000 - 1.0 / 3) < 5 * 0.2981 / 447, "mean square: %.6f", q / 200000);
		ok(fabs(c / 199900 - 0.25) < 5 * 0.22 / 447, "neighbours are not correlated: %.6f", c / 199900);
	}
	return done();
}
