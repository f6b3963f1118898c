/* rows: see rows.h. */
#include "progress/rows.h"

#include <math.h>
#include <stdio.h>

#include "common/cli.h"
#include "progress/figures.h"
#include "record/record.h"
#include "spool/notify.h"

/* --- a record -------------------------------------------------------------------------------------------------------- */

static void
put_children(struct buf *b, const struct figures *f)
{
	buf_puts(b, ",\"children\":{");
	record_int(b, "all", f->children);
	for (int s = 0; s < JOB_NSTATES; s++)
		if (f->states[s])
			record_int(b, job_state_name((enum job_state)s), f->states[s]);
	buf_putc(b, '}');
}

static void
put_away(struct buf *b, const struct job *j, const struct remote_row *a)
{
	static const char *const sure[] = {"may run", "cannot run", "gone"};
	int over = job_is_over(j->state) || j->state == JOB_QUEUED;

	buf_puts(b, ",\"remote\":{\"on\":");
	record_quote(b, a->on);
	if (*a->id)
		record_str(b, "id", a->id);
	if (*a->state && !(over && a->gone)) /* what was seen last, and is so no more */
		record_str(b, "state", a->state);
	if (*a->host)
		record_str(b, "host", a->host);
	if (*a->note && !(over && a->gone))
		record_str(b, "note", a->note);
	if (over)
		record_str(b, "certain", sure[a->gone < 0 || a->gone > 2 ? 0 : a->gone]);
	buf_putc(b, '}');
}

static void
put_record(struct view *v, const struct job *j)
{
	static const char *const kind[] = {"command", "engine", "parent"};
	struct buf *b = &v->out;
	struct err e = {0};
	struct figures f;
	char text[300];

	figures_of(v, j, &f);
	job_record(b, j);
	record_str(b, "kind", kind[j->kind % 3]);
	if (j->who)
		record_str(b, "by", j->who);
	if (j->priority)
		record_int(b, "priority", j->priority);
	if (*j->slots)
		record_str(b, "slots", j->slots);
	if (f.total || f.done) {
		record_int(b, "done", f.done);
		record_int(b, "total", f.total);
		if (f.unit)
			record_str(b, "unit", f.unit);
	}
	record_num(b, "percent", figures_percent(j, &f));
	if (f.rate > 0)
		record_num(b, "rate", f.rate);
	if (isfinite(f.eta_s))
		record_num(b, "eta_s", floor(f.eta_s * 10) / 10);
	if (j->phase)
		record_str(b, "phase", j->phase);
	if (j->counters)
		record_raw(b, "counters", j->counters);
	if (f.elapsed_ns)
		record_num(b, "elapsed_s", floor((double)f.elapsed_ns / 1e8) / 10);
	if (f.idle_ns)
		record_num(b, "since_event_s", floor((double)f.idle_ns / 1e8) / 10);
	record_int(b, "retries", f.retries);
	if (j->error)
		record_str(b, "error", j->error);
	if (j->last_error)
		record_str(b, "last_error", j->last_error);
	if (*f.worker)
		record_str(b, "worker", f.worker);
	if (*f.away.on)
		put_away(b, j, &f.away);
	if (f.position)
		record_int(b, "position", f.position);
	if (*f.why)
		record_str(b, "why", f.why);
	if (f.limit_ns)
		record_num(b, "limit_s", floor((double)f.limit_ns / 1e8) / 10);
	if (j->note)
		record_str(b, "note", j->note);
	if (f.children)
		put_children(b, &f);
	if (v->detail && notify_state(&v->sp, j->id, text, sizeof text, &e) > 0)
		record_str(b, "notify", text);
	record_end(b);
}

/* --- a row of the table ---------------------------------------------------------------------------------------------- */

/* In a few words: "on slurm 17 (n3)". */
static void
away_text(const struct job *j, const struct remote_row *a, char *out, size_t n)
{
	if (job_is_over(j->state) && a->gone == REMOTE_MAY_RUN)
		snprintf(out, n, "may still run on %s%s%s", a->on, *a->note ? ": " : "", a->note);
	else if (j->state == JOB_RUNNING || j->state == JOB_PAUSED)
		snprintf(out, n, "on %s%s%s%s%s%s", a->on, *a->id ? " " : "", a->id, *a->host ? " (" : "", a->host, *a->host ? ")" : "");
	else
		*out = '\0';
}

static void
span_text(double s, char out[32])
{
	if (!isfinite(s) || s < 0)
		snprintf(out, 32, "-");
	else if (s < 100)
		snprintf(out, 32, "%.0fs", s);
	else if (s < 6000)
		snprintf(out, 32, "%.0fmin", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 32, "%.0fh", s / 3600);
	else
		snprintf(out, 32, "%.0fd", s / 86400);
}

static void
bar(double pct, char out[64])
{
	int full = isfinite(pct) ? (int)(pct / 10) : 0, n = 0;

	for (int i = 0; i < 10; i++)
		n += snprintf(out + n, 64 - (size_t)n, "%s", i < full ? "█" : "░");
}

static void
put_row(struct view *v, const struct job *j, int depth)
{
	struct figures f;
	char away[800] = "", id[40], pct[16] = "", cells[64] = "          ", eta[32], took[32], rate[32] = "", tries[24] = "";
	size_t from = v->out.len;
	const char *text;

	figures_of(v, j, &f);
	snprintf(id, sizeof id, "%*s%lld", 2 * depth, "", (long long)j->id);
	if (isfinite(figures_percent(j, &f))) {
		snprintf(pct, sizeof pct, "%5.1f %%", figures_percent(j, &f));
		bar(figures_percent(j, &f), cells);
	}
	span_text(f.eta_s, eta);
	span_text(f.elapsed_ns ? (double)f.elapsed_ns / 1e9 : NAN, took);
	if (f.rate > 0)
		snprintf(rate, sizeof rate, "%.3g/s", f.rate);
	if (f.retries)
		snprintf(tries, sizeof tries, " %lld retried", (long long)f.retries);
	if (*f.away.on)
		away_text(j, &f.away, away, sizeof away);
	text = *f.why ? f.why : *away && !j->error ? away : j->error ? j->error : j->reason ? j->reason : j->last_error ? j->last_error : "";
	buf_printf(&v->out, "%-8s %-10s %s %7s %9s %6s %6s  %s%s%s%s%s\n", id, job_state_name((enum job_state)j->state), cells, pct, rate, took,
	           eta, j->name ? j->name : "", tries, j->degraded ? " degraded" : "", *text ? (j->name || *tries ? "  " : "") : "", text);
	cli_plain(&v->out, from);
}

void
rows_job(struct view *v, const struct job *j, int depth)
{
	struct err e = {0};
	int64_t child, last = 0;
	int rc;

	if (v->table)
		put_row(v, j, depth);
	else
		put_record(v, j);
	if (!v->tree || j->kind != JOB_PARENT || depth > 4)
		return;
	while ((rc = db_get_int(v->sp.db, &e, &child, "SELECT min(id) FROM job WHERE parent=? AND id>?", "ii", j->id, last)) > 0) {
		struct job c;

		last = child;
		if (job_load(&v->sp, child, &c, &e) <= 0)
			cli_die(&e);
		rows_job(v, &c, depth + 1);
		job_free(&c);
	}
	if (rc < 0)
		cli_die(&e);
}

void
rows_columns(struct view *v)
{
	buf_printf(&v->out, "%-8s %-10s %-10s %7s %9s %6s %6s  %s\n", "job", "state", "", "done", "rate", "took", "left", "name");
}

void
rows_head(struct view *v)
{
	struct err e = {0};
	struct db_stmt *st = db_query(v->sp.db, &e, "SELECT state,count(*) FROM job WHERE parent IS NULL GROUP BY state", "");
	int rc;
	const char *sep = "";

	if (!st)
		cli_die(&e);
	while ((rc = db_step(st, &e)) > 0) {
		buf_printf(&v->out, "%s%lld %s", sep, (long long)db_int(st, 1), job_state_name((enum job_state)db_int(st, 0)));
		sep = ", ";
	}
	db_done(st);
	if (rc < 0)
		cli_die(&e);
	buf_printf(&v->out, "%s\n", *sep ? "" : "no jobs");
	if (*sep)
		rows_columns(v);
}
