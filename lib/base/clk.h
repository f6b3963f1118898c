/* clk: time. Intervals come from CLOCK_BOOTTIME (goes on in suspend, never set); display is UTC. */
#ifndef BASE_CLK_H
#define BASE_CLK_H

#include <stdint.h>

int64_t clk_boot_ns(void);
int64_t clk_real_ns(void); /* since 1970, UTC */

/* "2026-11-21T03:42:38.123Z"; out holds CLK_TEXT bytes. */
#define CLK_TEXT 80
void clk_format(int64_t real_ns, char *out);

#endif
