/* clk: see clk.h. */
#include "base/clk.h"

#include <stdio.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t
clk_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t
clk_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

void
clk_format(int64_t real_ns, char *out)
{
	time_t s = (time_t)(real_ns / 1000000000);
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(out, CLK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (tm.tm_year + 1900) % 10000,
	         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	         (int)(real_ns / 1000000 % 1000));
}
