/* tap: the few lines a C unit test needs; prints TAP (one line a check), exit status 1 on failure. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

static inline int __attribute__((format(printf, 2, 3)))
ok(int pass, const char *fmt, ...)
{
	va_list ap;

	tap_run++;
	tap_failed += !pass;
	printf("%s %d - ", pass ? "ok" : "not ok", tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return pass;
}

/* Equal within a relative tolerance (absolute below 1); tol 0 means the same bits but for NaN. */
static inline int
is_double(double got, double want, double tol, const char *what)
{
	double scale = fabs(want) > 1 ? fabs(want) : 1;
	int pass = (isnan(got) && isnan(want)) || got == want || fabs(got - want) <= tol * scale;

	return ok(pass, "%s: got %.17g, want %.17g", what, got, want);
}

static inline int
is_text(const char *got, const char *want, const char *what)
{
	return ok(got && !strcmp(got, want), "%s: got \"%s\", want \"%s\"", what, got ? got : "(null)", want);
}

static inline int
done(void)
{
	printf("1..%d\n", tap_run);
	return tap_failed != 0;
}

#endif
