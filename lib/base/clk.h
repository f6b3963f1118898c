/* clk: time. Intervals come from CLOCK_BOOTTIME (goes on in suspend, never set); display is UTC. */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stdint.h>
#include <time.h>

int64_t clk_boot_ns(void);
double clk_since_s(int64_t boot_ns);   /* seconds from then to now */
int64_t clk_real_ns(void); /* since 1970, UTC */

/* A file's time in nanoseconds since 1970, and back; before that they are negative. */
int64_t clk_of_timespec(const struct timespec *t);
struct timespec clk_timespec(int64_t ns);

/* "2026-11-21T03:42:38.123Z"; out holds CLK_TEXT bytes. */
#define CLK_TEXT 80
void clk_format(int64_t real_ns, char *out);
/* A point in time: RFC 3339 with its zone ("2026-11-21T09:30:00Z", "2026-11-21 10:30+01:00"; seconds and their fraction may be left out), or
 * "@" and seconds since 1970. 0 or -1. */
int clk_parse(const char *s, int64_t *real_ns);

#endif
