/*
 * slurm: Slurm as an executor, by its own commands. See executor.h.
 *
 * A job is always looked up by its name, the label, and by its id only among those: a controller that was killed may give an id a second
 * time. Submission is `sbatch --hold --no-requeue`, so that nothing runs before its id is stored, and nothing comes back by itself.
 * squeue answers with status 0 and no line where there is no such job; any other status is "cannot tell".
 */
#include "remote/executor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/num.h"

#define ARGS 320 /* sim-hosts(5) lets in 256 */
#define MINUTE_NS ((int64_t)60 * 1000000000)

/* --- running its commands --------------------------------------------------------------------------------------------- */

struct words {
	char *v[ARGS];
	size_t n;
	struct arena a;
};

static void __attribute__((format(printf, 2, 3)))
word(struct words *w, const char *fmt, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (w->n + 1 < ARGS)
		w->v[w->n++] = arena_strdup(&w->a, text);
	w->v[w->n] = NULL;
}

/* The last two lines that say something: what failed, and before it often why. */
static void
last_lines(const struct buf *said, char *out, size_t n)
{
	const char *line[2] = {"", ""};
	int len[2] = {0, 0};

	for (const char *p = said->s ? said->s : ""; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strcspn(p, "\n") > 1) {
			line[0] = line[1];
			len[0] = len[1];
			line[1] = p;
			len[1] = (int)strcspn(p, "\n");
		}
	snprintf(out, n, "%.*s%s%.*s", len[0], line[0], len[0] ? "; " : "", len[1], line[1]);
}

/* What only means "not now": a partition closed for maintenance, as many jobs as one may have there. */
static int
is_for_now(const char *said)
{
	return strstr(said, "inactive or drain") || strstr(said, "SubmitJob") || (strstr(said, "violates") && !strstr(said, "Limit"));
}

/* Words in Slurm's answers that trying again does not change. */
static int
is_refusal(const char *said)
{
	static const char *const sign[] = {"nvalid ", "not permitted", "denied", "unrecognized option", "violates", "not available",
	                                   "disabled", "ambiguous option"};

	for (size_t i = 0; i < sizeof sign / sizeof sign[0]; i++)
		if (strstr(said, sign[i]))
			return !is_for_now(said);
	return 0;
}

/* 0 and what it printed; -1: a refusal (69), or cannot tell (75). */
static int
run(struct site *s, struct words *w, const char *in, struct buf *out, int64_t until, struct err *e)
{
	struct buf err = BUF_INIT;
	int status = 0, rc = site_run(s, w->v, in, in ? strlen(in) : 0, out, &err, &status, until, e);

	if (rc == 0 && status) {
		char why[400];

		last_lines(&err, why, sizeof why);
		rc = err_set(e, status == 127 || status == 126 ? REMOTE_NO_COMMAND : is_refusal(why) ? ERR_UNAVAILABLE : ERR_TEMPFAIL, "%s: status %d: %s", w->v[0],
		             status, why);
	}
	buf_free(&err);
	arena_free(&w->a);
	return rc;
}

/* --- states -------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	enum remote_state state;
	const char *why;
} states[] = {
    {"PENDING", REMOTE_WAITING, ""},
    {"CONFIGURING", REMOTE_WAITING, ""},
    {"REQUEUED", REMOTE_WAITING, ""},
    {"REQUEUE_HOLD", REMOTE_WAITING, ""},
    {"REQUEUE_FED", REMOTE_WAITING, ""},
    {"RESV_DEL_HOLD", REMOTE_WAITING, ""},
    {"SPECIAL_EXIT", REMOTE_WAITING, ""},
    {"RUNNING", REMOTE_RUNNING, ""},
    {"COMPLETING", REMOTE_RUNNING, ""}, /* what it ends as is not yet said */
    {"RESIZING", REMOTE_RUNNING, ""},
    {"SIGNALING", REMOTE_RUNNING, ""},
    {"STAGE_OUT", REMOTE_RUNNING, ""},
    {"SUSPENDED", REMOTE_SUSPENDED, ""},
    {"STOPPED", REMOTE_SUSPENDED, ""},
    {"COMPLETED", REMOTE_ENDED, ""},
    {"FAILED", REMOTE_ENDED, ""},
    {"CANCELLED", REMOTE_CANCELLED, "cancelled in Slurm"},
    {"TIMEOUT", REMOTE_TIMEOUT, "deadline: Slurm's own limit in time was reached (TIMEOUT)"},
    {"DEADLINE", REMOTE_TIMEOUT, "deadline: Slurm's own deadline of the job was reached (DEADLINE)"},
    {"OUT_OF_MEMORY", REMOTE_OOM, "out of memory: ended by Slurm (OUT_OF_MEMORY)"},
    {"NODE_FAIL", REMOTE_LOST, "lost: its node failed (NODE_FAIL)"},
    {"BOOT_FAIL", REMOTE_LOST, "lost: its node did not boot (BOOT_FAIL)"},
    {"PREEMPTED", REMOTE_LOST, "lost: preempted (PREEMPTED)"},
    {"REVOKED", REMOTE_LOST, "lost: taken by another cluster (REVOKED)"},
};

static void
map_state(const char *name, struct remote_status *st)
{
	size_t n = strcspn(name, "+ "); /* "CANCELLED by 0", "CANCELLED+" */

	st->state = REMOTE_UNKNOWN;
	snprintf(st->word, sizeof st->word, "%.*s", (int)n, name);
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (!strcmp(st->word, states[i].word)) {
			st->state = states[i].state;
			snprintf(st->why, sizeof st->why, "%s", states[i].why);
		}
}

/* "ID|STATE|REASON|HOST|WAITSTATUS|" */
static int
parse_line(const char *line, size_t n, char id[REMOTE_ID], struct remote_status *st)
{
	char text[1024], *f[5], *p = text;
	int64_t ws = 0;

	if (n >= sizeof text)
		return -1;
	memcpy(text, line, n);
	text[n] = '\0';
	for (int i = 0; i < 5; i++) {
		char *bar = strchr(p, '|');

		if (!bar)
			return -1;
		*bar = '\0';
		f[i] = p;
		p = bar + 1;
	}
	memset(st, 0, sizeof *st);
	map_state(f[1], st);
	snprintf(id, REMOTE_ID, "%.60s", f[0]);
	if (st->state == REMOTE_WAITING && strcmp(f[2], "None"))
		snprintf(st->why, sizeof st->why, "%.190s", f[2]);
	st->held = st->state == REMOTE_WAITING && !strncmp(f[2], "JobHeld", 7);
	if (strcmp(f[3], "n/a"))
		snprintf(st->host, sizeof st->host, "%.120s", f[3]);
	st->status = -1;
	if (st->state == REMOTE_ENDED && num_parse_int(f[4], 0, INT32_MAX, &ws) == 0) {
		st->status = WIFEXITED((int)ws) ? WEXITSTATUS((int)ws) : -1;
		st->signal = WIFSIGNALED((int)ws) ? WTERMSIG((int)ws) : 0;
	}
	return 0;
}

/* wanted: an id, or "": any, one that is not over first. */
static int
lookup(struct site *s, const char *label, const char *wanted, char id[REMOTE_ID], struct remote_status *st, int64_t until, struct err *e)
{
	struct words w = {.n = 0};
	struct buf out = BUF_INIT;
	int found = 0, rc;

	word(&w, "squeue");
	word(&w, "-h");
	word(&w, "--me");
	word(&w, "-t");
	word(&w, "all");
	word(&w, "--name=%s", label);
	word(&w, "-O");
	word(&w, "JobID:|,State:|,Reason:|,BatchHost:|,exit_code:|");
	rc = run(s, &w, NULL, &out, until, e);
	if (rc < 0)
		e->status = ERR_TEMPFAIL; /* a question is never refused for good */
	for (const char *p = out.s ? out.s : ""; rc == 0 && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		struct remote_status x;
		char xid[REMOTE_ID];

		if (parse_line(p, strcspn(p, "\n"), xid, &x) < 0)
			rc = err_set(e, ERR_TEMPFAIL, "squeue: cannot understand \"%.*s\"", (int)(strcspn(p, "\n") & 255), p);
		else if ((*wanted && !strcmp(wanted, xid)) || (!*wanted && (!found || REMOTE_IS_OVER(st->state)))) {
			*st = x;
			snprintf(id, REMOTE_ID, "%s", xid);
			found = 1;
		}
	}
	buf_free(&out);
	return rc < 0 ? -1 : found;
}

/* sim-SPOOL-JOB-ATTEMPT from FOLDER/sim-SPOOL/jobs/JOB/attempts/ATTEMPT. */
static void
label_of(const char *folder, char label[REMOTE_LABEL])
{
	const char *p = strstr(folder, "/sim-"), *q;
	long long job = 0, n = 0;

	label[0] = '\0';
	for (; p && (q = strstr(p + 1, "/sim-")); p = q)
		;
	if (p && sscanf(p + strcspn(p + 1, "/") + 1, "/jobs/%lld/attempts/%lld", &job, &n) == 2)
		snprintf(label, REMOTE_LABEL, "%.*s-%lld-%lld", (int)strcspn(p + 1, "/"), p + 1, job, n);
}

/* --- the table ------------------------------------------------------------------------------------------------------------ */

static int
slurm_submit(struct site *s, const struct remote_job *j, char id[REMOTE_ID], int64_t until, struct err *e)
{
	struct words w = {.n = 0};
	struct buf script = BUF_INIT, out = BUF_INIT;
	const struct host *h = s->host;
	int rc;

	word(&w, "sbatch");
	word(&w, "--no-requeue"); /* unless the options below let it */
	if (strpbrk(j->folder, "%\\")) /* in a path for output, these are Slurm's own */
		word(&w, "--output=/dev/null");
	else
		word(&w, "--output=%s/scheduler.log", j->folder);
	word(&w, "--open-mode=append");
	word(&w, "--chdir=%s", j->folder);
	word(&w, "--ntasks=1");
	if (j->time_ns)
		word(&w, "--time=%lld", (long long)((j->time_ns + MINUTE_NS - 1) / MINUTE_NS));
	if (j->cpus)
		word(&w, "--cpus-per-task=%lld", (long long)j->cpus);
	if (j->gpus)
		word(&w, "--gres=gpu:%lld", (long long)j->gpus);
	if (j->priority < 0)
		word(&w, "--nice=%lld", (long long)(j->priority < -2147480000 ? 2147480000 : -j->priority));
	if (h->partition)
		word(&w, "--partition=%s", h->partition);
	if (h->account)
		word(&w, "--account=%s", h->account);
	if (h->constraint)
		word(&w, "--constraint=%s", h->constraint);
	for (size_t i = 0; h->options && h->options[i]; i++)
		word(&w, "%s", h->options[i]);
	word(&w, "--parsable"); /* the last of an option counts */
	word(&w, "--hold");
	word(&w, "--job-name=%s", j->label);
	buf_puts(&script, "#!/bin/sh\nexec ");
	buf_put_sh(&script, j->program);
	buf_puts(&script, " --keep ");
	buf_put_sh(&script, j->folder);
	buf_putc(&script, '\n');
	rc = run(s, &w, script.s, &out, until, e);
	if (rc == 0) { /* "ID" or "ID;CLUSTER" */
		size_t n = strspn(out.s ? out.s : "", "0123456789");

		if (n && n < REMOTE_ID - 1)
			snprintf(id, REMOTE_ID, "%.*s", (int)n, out.s);
		else
			rc = err_set(e, ERR_TEMPFAIL, "sbatch: cannot understand \"%.100s\"", out.s ? out.s : "");
	}
	buf_free(&script);
	buf_free(&out);
	return rc;
}

static int
slurm_find(struct site *s, const char *label, const char *folder, char id[REMOTE_ID], struct remote_status *st, int64_t until,
           struct err *e)
{
	(void)folder;
	return lookup(s, label, "", id, st, until, e);
}

static int
slurm_status(struct site *s, const char *id, const char *folder, struct remote_status *st, int64_t until, struct err *e)
{
	char label[REMOTE_LABEL], found[REMOTE_ID];

	label_of(folder, label);
	return lookup(s, label, id, found, st, until, e);
}

/* scontrol CHANGE of a job that is looked up first: ids are not for ever. */
static int
control(struct site *s, const char *id, const char *folder, const char *what, const char *change, int64_t until, struct err *e)
{
	struct words w = {.n = 0};
	struct remote_status st;
	int rc = slurm_status(s, id, folder, &st, until, e);

	if (rc <= 0 || REMOTE_IS_OVER(st.state))
		return rc < 0 ? -1 : 0;
	word(&w, "scontrol");
	word(&w, "%s", what);
	word(&w, change ? "jobid=%s" : "%s", id);
	if (change)
		word(&w, "%s", change);
	return run(s, &w, NULL, NULL, until, e);
}

static int
slurm_release(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	return control(s, id, folder, "release", NULL, until, e);
}

static int
slurm_cancel(struct site *s, const char *id, const char *label, const char *folder, int64_t until, struct err *e)
{
	struct words w = {.n = 0};

	(void)folder;
	word(&w, "scancel");
	word(&w, "--me");
	word(&w, "--name=%s", label);
	if (*id)
		word(&w, "%s", id);
	return run(s, &w, NULL, NULL, until, e);
}

/* To the keeper, which is the batch script: it stops all it started, and the job's clock. */
static int
signal_keeper(struct site *s, const char *id, const char *folder, const char *sig, int64_t until, struct err *e)
{
	struct words w = {.n = 0};
	char label[REMOTE_LABEL];

	label_of(folder, label);
	word(&w, "scancel");
	word(&w, "--me");
	word(&w, "--name=%s", label);
	word(&w, "--signal=%s", sig);
	word(&w, "--batch");
	word(&w, "%s", id);
	return run(s, &w, NULL, NULL, until, e);
}

static int
slurm_suspend(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	return signal_keeper(s, id, folder, "TSTP", until, e);
}

static int
slurm_resume(struct site *s, const char *id, const char *folder, int64_t until, struct err *e)
{
	return signal_keeper(s, id, folder, "CONT", until, e);
}

/* Users may only step back, unless their site lets them do more: "nice" is what there is for them. */
static int
slurm_priority(struct site *s, const char *id, const char *folder, int64_t n, int64_t until, struct err *e)
{
	char change[64];

	n = n > 2147480000 ? 2147480000 : n < -2147480000 ? -2147480000 : n;
	snprintf(change, sizeof change, "nice=%lld", (long long)-n);
	return control(s, id, folder, "update", change, until, e);
}

/* Those of a list parted by commas, each. */
static int
check_partitions(struct site *s, const char *list, int64_t until, struct err *e)
{
	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
		struct words w = {.n = 0};
		struct buf out = BUF_INIT;
		int rc;

		word(&w, "scontrol");
		word(&w, "show");
		word(&w, "partition");
		word(&w, "%.*s", (int)strcspn(p, ","), p);
		rc = run(s, &w, NULL, &out, until, e);
		if (rc < 0 && out.s && strstr(out.s, "not found"))
			err_set(e, ERR_UNAVAILABLE, "%s: Slurm has no partition %.*s", s->host->name, (int)strcspn(p, ","), p);
		buf_free(&out);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
slurm_check(struct site *s, char *version, int64_t n, int64_t until, struct err *e)
{
	struct words w = {.n = 0};
	struct buf out = BUF_INIT;
	int rc;

	word(&w, "scontrol");
	word(&w, "ping");
	if (run(s, &w, NULL, NULL, until, e) < 0 || (s->host->partition && check_partitions(s, s->host->partition, until, e) < 0))
		return -1;
	memset(&w, 0, sizeof w);
	word(&w, "sbatch");
	word(&w, "--version");
	rc = run(s, &w, NULL, &out, until, e);
	snprintf(version, (size_t)n, "%.*s", (int)strcspn(out.s ? out.s : "", "\n"), out.s ? out.s : "");
	buf_free(&out);
	return rc;
}

const struct executor executor_slurm = {
    .kind = "slurm", .submit = slurm_submit, .release = slurm_release, .find = slurm_find, .state = slurm_status, .cancel = slurm_cancel,
    .suspend = slurm_suspend, .resume = slurm_resume, .priority = slurm_priority, .check = slurm_check,
};
