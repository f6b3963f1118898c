/*
 * retry: when to try again, and when not.
 *
 * Back-off is exponential with full jitter: the n-th wait is uniform in [0, min(cap, base * 2^n)] (M. Brooker, "Exponential
 * Backoff And Jitter", 2015). The batch has a budget besides: retries may be at most `floor` plus `share` of the calls begun,
 * so that a service that is down sees little more than one attempt a call (Finagle's RetryBudget).
 */
#ifndef CALL_RETRY_H
#define CALL_RETRY_H

#include <stdint.h>

#include "base/err.h"
#include "call/http.h"

struct retry_rules {
	int max;                    /* retries a call, at most */
	int64_t base_ns, cap_ns;
	uint8_t status[1000];       /* 1: an answer with this status is worth another attempt */
	int invalid;                /* 1: so is one that is not what its request expects */
	double share;               /* budget of the batch */
	int64_t floor;
};

/* 4 retries, 250 ms to 30 s, statuses 408 425 429 500 502 503 504, invalid answers too, a fifth of the calls plus 10. */
void retry_defaults(struct retry_rules *r);
/* "429,503" or "none". 0, or -1 with 64. */
int retry_parse_statuses(struct retry_rules *r, const char *list, struct err *e);
/* "20%", "100", "none", "unlimited". 0, or -1 with 64. */
int retry_parse_budget(struct retry_rules *r, const char *s, struct err *e);

/* Is another attempt worth it after an exchange that ended so? Says nothing of whether it is allowed. */
int retry_error_passes(enum http_error error);

int64_t retry_backoff_ns(const struct retry_rules *r, int nth); /* nth from 0; draws from the system */

/* Retry-After: whole seconds or any of the three dates of RFC 9110, 5.6.7. The wait in ns, 0 for a date gone by, a very large
 * number for what is beyond counting; -1 for what is neither. */
int64_t retry_after_ns(const char *value, int64_t now_real_ns);

/* RFC 9110, 9.2.2: may a request with this method be sent twice? */
int retry_method_repeats(const char *method);

#endif
