/* Numbers read from text are the nearest doubles, to the bit, as the C library's strtod has them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "tests/unit/random.h"
#include "tests/unit/tap.h"

static void
some_text(char *s, size_t n)
{
	uint64_t r = random_bits(), m = random_bits() >> (r % 64);
	const char *sign = r & 64 ? "-" : "";

	switch (r >> 8 & 3) {
	case 0:
		snprintf(s, n, "%s%llue%d", sign, (unsigned long long)m, (int)(r >> 16 & 63) - 32);
		break;
	case 1:
		snprintf(s, n, "%s%llu.%0*llu", sign, (unsigned long long)(m % 100000), (int)(r >> 16 & 15) + 1,
		         (unsigned long long)(random_bits() % 1000000007u));
		break;
	case 2:
		snprintf(s, n, "%s%.17g", sign, (double)m * 1e-9);
		break;
	default:
		snprintf(s, n, "%s.%lluE+%d", sign, (unsigned long long)m, (int)(r >> 16 & 31));
	}
}

int
main(void)
{
	int bad = 0;
	double x;

	for (int i = 0; i < 300000; i++) {
		char s[100];
		double y;
		size_t k;

		some_text(s, sizeof s);
		k = num_scan_double(s, &x);
		y = strtod(s, NULL);
		if ((k != strlen(s) || memcmp(&x, &y, sizeof x)) && bad++ < 5)
			printf("# %s: %a, strtod %a\n", s, x, y);
	}
	ok(!bad, "300,000 texts read as strtod reads them");
	ok(num_scan_double("1e", &x) == 1 && x == 1, "\"1e\": the number ends before the e");
	ok(num_scan_double("12abc", &x) == 2 && x == 12, "\"12abc\" begins with a number");
	ok(num_scan_double("-0", &x) == 2 && 1 / x < 0, "-0 keeps its sign");
	ok(num_scan_double("0x1", &x) == 0, "no hexadecimal");
	ok(num_scan_double(".", &x) == 0 && num_scan_double("e5", &x) == 0, "no digits, no number");
	return done();
}
