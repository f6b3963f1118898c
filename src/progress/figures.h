/* figures: what sim-progress says of a job: measured progress, rate, times, limits, why it does not run, where it runs. */
#ifndef PROGRESS_FIGURES_H
#define PROGRESS_FIGURES_H

#include <stdint.h>

#include "progress/view.h"
#include "spool/job.h"
#include "spool/remote.h"

struct figures {
	int64_t done, total, children, states[JOB_NSTATES], retries, limit_ns, elapsed_ns, idle_ns, position;
	const char *unit;
	double rate, eta_s;
	char why[300], worker[64];
	struct remote_row away;  /* where it runs, or ran: sim-run --on; on "": here */
};

/* detail (view.h): also the reason, the place in the queue, the limits, the worker. Ends the program if the spool cannot be read. */
void figures_of(struct view *v, const struct job *j, struct figures *f);
/* In tenths, rounded down: 100 % is said of nothing that is not done. NAN where nothing is measured. */
double figures_percent(const struct job *j, const struct figures *f);

#endif
