/* wanted: see wanted.h. */
#include "run/wanted.h"

#include <poll.h>
#include <string.h>

#include "common/cli.h"
#include "common/spool.h"
#include "run/show.h"
#include "spool/claim.h"

void
wanted_add(struct runner *r, int64_t id)
{
	struct err e = {0};

	r->only = r->wanted_changed = 1;
	if (claim_want(&r->sp, id, &e) < 0)
		cli_die(&e);
	r->next_look = 1;
}

/* A line may come late: what sim-reap has removed is not there. The others go on. */
static int
is_there(struct runner *r, int64_t id)
{
	struct err e = {0};
	int64_t found;
	int rc = db_get_int(r->sp.db, &e, &found, "SELECT id FROM job WHERE id=?", "i", id);

	if (rc < 0)
		cli_die(&e);
	if (rc == 0) {
		cli_warn("standard input, line %ld: there is no job %lld", r->in.lineno, (long long)id);
		r->only = r->failed = 1;
	}
	return rc;
}

void
wanted_read(struct runner *r)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	struct err e = {0};
	char *line;
	size_t n;
	int rc = 1;

	while (rc > 0 && (r->in.at < r->in.b.len || poll(&p, 1, 0) > 0)) {
		int64_t id;

		if (r->in.at < r->in.b.len && !memchr(r->in.b.s + r->in.at, '\n', r->in.b.len - r->in.at) && poll(&p, 1, 0) <= 0)
			return; /* the rest of this line is still to come */
		rc = io_lines_next(&r->in, &line, &n, &e);
		if (rc < 0)
			cli_die(&e);
		if (rc == 0) {
			r->stdin_open = 0;
			return;
		}
		if (!n)
			continue;
		id = cli_job_line(line, n);
		if (!id)
			cli_no_job_line(r->in.lineno);
		if (is_there(r, id))
			wanted_add(r, id);
	}
}

/* Wanted jobs that are over, or are no more, whoever ran them: shown once, and forgotten. */
static int
forget_ended(struct runner *r, struct err *e)
{
	int64_t id[256], top[256], state[256];
	int n, rc;

	do {
		struct db_stmt *st = db_query(r->sp.db, e, "SELECT w.id,w.top,coalesce(j.state,-1) s FROM temp.wanted w LEFT JOIN job j ON j.id=w.id "
		                              "WHERE s<0 OR s>=5 LIMIT 256", "");

		rc = st ? 1 : -1;
		for (n = 0; rc > 0 && n < 256 && (rc = db_step(st, e)) > 0; n++) {
			id[n] = db_int(st, 0);
			top[n] = db_int(st, 1);
			state[n] = db_int(st, 2);
		}
		db_done(st);
		for (int i = 0; i < n && rc >= 0; i++) {
			rc = db_run(r->sp.db, e, "DELETE FROM temp.wanted WHERE id=?", "i", id[i]);
			show_end(r, id[i], 0);
			r->failed |= top[i] && state[i] != JOB_COMPLETED;
		}
	} while (rc >= 0 && n == 256);
	return rc < 0 ? -1 : 0;
}

void
wanted_look(struct runner *r)
{
	int64_t began = spool_now(&r->sp);
	struct err e = {0};
	int more;

	if (!r->only || began < r->wanted_next)
		return;
	if (forget_ended(r, &e) < 0 || (more = claim_refresh(&r->sp, &e)) < 0)
		cli_die(&e);
	r->wanted_changed = 0;
	r->next_look |= more > 0;
	r->wanted_next = spool_now(&r->sp) + 20 * (spool_now(&r->sp) - began);
}

int
wanted_settled(struct runner *r)
{
	struct err e = {0};
	int64_t live = 0;

	if (db_get_int(r->sp.db, &e, &live, "SELECT 1 FROM temp.wanted LIMIT 1", "") < 0)
		cli_die(&e);
	return !live;
}
