/*
 * redact: a secret taken out of text that others wrote, also where they wrote it as JSON (RFC 8259, 7: \/ \" \u0041) or as a URL
 * (RFC 3986, 2.1: %41) would have it.
 */
#ifndef CALL_REDACT_H
#define CALL_REDACT_H

#include "base/buf.h"

#define REDACT_LEAST 4 /* shorter secrets are not looked for: they would be found everywhere */

/* Puts "[secret]" for each `secret` in b. 1 where there was one, 0, or -1 when memory is out. */
int redact_text(struct buf *b, const char *secret);

#endif
