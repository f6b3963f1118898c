/*
 * limit: a limit in time for what looks at no clock itself, such as reading a file that may be a pipe, and compiling.
 */
#ifndef COMMON_LIMIT_H
#define COMMON_LIMIT_H

#include <stdint.h>

/* At deadline_ns of clk_boot_ns() (0: never) over(ctx) is called, in a thread of its own, and the program ends with status 124;
 * the rest of it goes on meanwhile. over() must not wait for anybody: limit_can_write(). Once in a program. */
void limit_start(int64_t deadline_ns, void (*over)(void *ctx), void *ctx);
/* From here on the program keeps its limit itself. */
void limit_end(void);

/* Whether a line fits into fd now. */
int limit_can_write(int fd);

#endif
