/*
 * The sums and counts of a leaf in every instruction set against the same in plain C: bins where the quotient lies on an edge or beside
 * one, classes on edges and of NaN, products in their one order, for every small number of leaves.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "kernels/bins.h"
#include "stats/partial.h"
#include "stats/stats.h"
#include "tests/unit/random.h"
#include "tests/unit/tap.h"

#define LEAVES 11

static const struct {
	enum isa isa;
	int (*bins)(const double *, double, int, int64_t *);
	void (*equal_classes)(const double *, uint8_t *);
	void (*classes)(const double *, const double *, uint8_t *);
	void (*pairs)(const uint8_t *, const uint8_t *, size_t, uint64_t *);
	void (*dots)(const double *, int, const double *, int, double *);
} forms[] = {
#define FORM(ISA, isa) {ISA, stats_bins_##isa, stats_equal_classes_##isa, stats_classes_##isa, stats_pairs_##isa, stats_dots_##isa}
    FORM(ISA_BASE, base),
#if defined(__x86_64__)
    FORM(ISA_AVX2, avx2), FORM(ISA_AVX512, avx512),
#endif
};

/* --- bins -------------------------------------------------------------------------------------------------------- */

/* Multiples of the width and their neighbours, the ends of the bins, special values, anything. */
static void
fill_differences(double *d, double width)
{
	static const double odd[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 0x1p-1074, -0x1p-1074, 0x1.fffffffffffffp+1023};

	for (int k = 0; k < STATS_LEAF; k++) {
		double y = floor((random_unit() - 0.5) * 40000), x = y * width;

		if (k < 8)
			d[k] = odd[k];
		else if (k % 4 == 0)
			d[k] = (random_unit() - 0.5) * 40000 * width;
		else if (k % 16 == 1)
			d[k] = (k & 32 ? -1 : 1) * (STATS_LINEAR / 2) * width;
		else
			d[k] = k % 4 == 1 ? x : nextafter(x, k % 4 == 2 ? INFINITY : -INFINITY);
	}
}

static int
wrong_bins(int f, double width, int whole)
{
	double d[STATS_LEAF];
	int64_t bin[STATS_LEAF];
	int wrong = 0, beyond = 0;

	fill_differences(d, width);
	beyond = forms[f].bins(d, width, whole, bin);
	for (int k = 0; k < STATS_LEAF; k++) {
		int64_t want = bins_place(d[k], width, whole);

		want = want >= BINS_LINEAR ? -1 : want;
		wrong += bin[k] != want || (want < 0 && !beyond);
	}
	return wrong;
}

static void
test_bins(int f, const char *name)
{
	int wrong = 0;

	for (int k = 0; k < 4000; k++) {
		double width = ldexp(1 + random_unit(), k % 40 == 0 ? -1000 : k % 40 == 1 ? 900 : (int)(random_unit() * 60) - 30);

		wrong += wrong_bins(f, width, 0) + wrong_bins(f, 1 + floor(random_unit() * 3), 1);
	}
	ok(!wrong, "%s: bins (%d wrong)", name, wrong);
}

/* --- classes -------------------------------------------------------------------------------------------------------- */

static void
test_classes(int f, const char *name)
{
	double edge[BINS_CLASSES - 1], x[STATS_LEAF];
	uint8_t got[STATS_LEAF];
	int wrong = 0;

	for (int round = 0; round < 100; round++) {
		double at = 0;

		for (int k = 0; k < BINS_CLASSES - 1; k++)
			edge[k] = at += floor(random_unit() * 3); /* some are equal */
		for (int k = 0; k < STATS_LEAF; k++)
			x[k] = k == 5 ? NAN : k == 6 ? INFINITY : k == 7 ? -INFINITY : floor(random_unit() * 70 - 4) / 2;
		forms[f].classes(edge, x, got);
		for (int k = 0; k < STATS_LEAF; k++)
			wrong += got[k] != bins_class(edge, x[k]);
		for (int k = 0; k < STATS_LEAF; k++)
			x[k] = k == 0 ? 0x1p-53 : k == 1 ? 1 - 0x1p-53 : k < 33 ? k / 33.0 : random_unit();
		forms[f].equal_classes(x, got);
		for (int k = 0; k < STATS_LEAF; k++)
			wrong += got[k] != (int)(x[k] * BINS_CLASSES);
	}
	ok(!wrong, "%s: classes (%d wrong)", name, wrong);
}

static void
test_pairs(int f, const char *name)
{
	static uint64_t got[BINS_CLASSES * BINS_CLASSES], want[BINS_CLASSES * BINS_CLASSES];
	static uint8_t a[16 * STATS_LEAF], b[16 * STATS_LEAF];

	for (int i = 0; i < BINS_CLASSES * BINS_CLASSES; i++)
		got[i] = want[i] = ((uint64_t)i << 33) + 0xffffffffu; /* what is there is added to */
	for (int k = 0; k < 16 * STATS_LEAF; k++) {
		a[k] = (uint8_t)(random_unit() * BINS_CLASSES);
		b[k] = (uint8_t)(random_unit() * (BINS_CLASSES + 1));
		if (b[k] < BINS_CLASSES)
			want[a[k] * BINS_CLASSES + b[k]]++;
	}
	forms[f].pairs(a, b, sizeof a, got);
	ok(!memcmp(got, want, sizeof got), "%s: pairs of classes", name);
}

/* --- products --------------------------------------------------------------------------------------------------------- */

static double
product(const double *a, const double *b)
{
	double s[8] = {0};

	for (int k = 0; k < STATS_LEAF; k++)
		s[k & 7] += a[k] * b[k];
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void
test_dots(int f, const char *name)
{
	static double a[LEAVES][STATS_LEAF], b[LEAVES][STATS_LEAF], got[LEAVES * LEAVES + 1];
	int wrong = 0;

	for (int i = 0; i < LEAVES; i++)
		for (int k = 0; k < STATS_LEAF; k++) {
			a[i][k] = random_unit() - 0.3;
			b[i][k] = random_unit() - 0.4;
		}
	for (int na = 0; na <= LEAVES; na++)
		for (int nb = 0; nb <= LEAVES; nb++) {
			got[na * nb] = 42;
			forms[f].dots(a[0], na, b[0], nb, got);
			for (int i = 0; i < na; i++)
				for (int j = 0; j < nb; j++)
					wrong += got[i * nb + j] != product(a[i], b[j]);
			wrong += got[na * nb] != 42;
		}
	ok(!wrong, "%s: products of leaves (%d wrong)", name, wrong);
}

/* What is written does not show in which order threads delivered it. */
static void
test_order(void)
{
	static const int64_t order[][3] = {{0, 2, 5}, {5, 0, 2}, {2, 5, 0}};
	struct partial_column col = {.name = (char[]){"x"}, .cell = (char[]){"A1"}};
	struct partial_head head = {.run = (char[]){"r"}, .model_hash = (char[]){"h"}, .col = &col};
	char first[4000] = "";
	int same = 1;

	for (int i = 0; i < 3; i++) {
		struct err e = {0};
		struct stats *s = stats_new(1, 0, ISA_BASE, &e);
		char lines[4000] = "";
		struct buf text = BUF_INIT;
		char path[40];
		int fd = memfd_create("partial", 0);

		for (int k = 0; k < 3; k++) {
			double sum[4] = {(double)order[i][k], 1, 1, 1}, d = (double)order[i][k];

			stats_put_node(s, 0, order[i][k], sum);
			stats_put_row(s, 9 * STATS_LEAF + order[i][k], &d);
		}
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		if (partial_write(fd, &head, s, &e) < 0 || io_read_file(path, 1 << 20, &text, &e) < 0)
			same = 0;
		for (char *rest = text.s, *line; rest && (line = strsep(&rest, "\n"));) { /* without the time */
			const char *part = strstr(line, "\"part\":");

			if (part && (strstr(part, "\"node\"") || strstr(part, "\"row\"")))
				strncat(lines, part, sizeof lines - strlen(lines) - 1);
		}
		if (!i)
			strcpy(first, lines);
		same &= *lines && !strcmp(first, lines);
		buf_free(&text);
		close(fd);
		stats_free(s);
	}
	ok(same, "partial results are in the order of trials: %.60s", first);
}

int
main(void)
{
	test_order();
	for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
		const char *name = isa_name(forms[f].isa);

		if (forms[f].isa > isa_best()) {
			printf("# %s: not on this processor\n", name);
			continue;
		}
		test_bins((int)f, name);
		test_classes((int)f, name);
		test_pairs((int)f, name);
		test_dots((int)f, name);
	}
	return done();
}
