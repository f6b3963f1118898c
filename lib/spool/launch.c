/* launch: see launch.h. */
#include "spool/launch.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clk.h"
#include "record/record.h"
#include "spool/attempt.h"
#include "spool/claim.h"
#include "spool/slots.h"

extern char **environ;

/* --- limits ------------------------------------------------------------------------------------------------------------ */

static int64_t
elapsed(const struct spool *sp, const struct job *j)
{
	int64_t now = spool_now(sp);

	if (!j->started_at)
		return 0;
	return now - j->started_at - j->paused_ns - (j->paused_at ? now - j->paused_at : 0);
}

int
launch_parent_default(struct spool *sp, const struct job *p, int64_t *ns, struct err *e)
{
	int64_t children = 0, each = 0, places = 0, rounds, x;

	*ns = 0;
	if (db_get_int(sp->db, e, &each, "SELECT CAST(avg(a.ended_at-a.started_at) AS INTEGER) FROM attempt a JOIN job j ON j.id=a.job "
	               "WHERE j.parent=? AND a.outcome='completed'", "i", p->id) < 0 ||
	    db_get_int(sp->db, e, &children, "SELECT count(*) FROM job WHERE parent=?", "i", p->id) < 0 ||
	    db_get_int(sp->db, e, &places, "SELECT sum(places) FROM worker WHERE ended_at IS NULL AND boot=?", "s", sp->boot) < 0)
		return -1;
	if (each <= 0)
		return 0;
	places = places > 0 ? places : 1;
	rounds = (children + places - 1) / places;
	x = rounds * each + rounds * each / 2;
	*ns = x > (int64_t)600 * 1000000000 ? x : (int64_t)600 * 1000000000;
	return 0;
}

static void
earlier_deadline(int64_t at, const char *said, int64_t *deadline, char *why, size_t n)
{
	if (*deadline && *deadline <= at)
		return;
	*deadline = at;
	snprintf(why, n, "%s", said);
}

int
launch_limits(struct spool *sp, const struct job *j, int64_t *left, int64_t *deadline, char *why, size_t n, struct err *e)
{
	int64_t limit = j->timeout_ns ? j->timeout_ns : j->kind == JOB_PARENT ? 0 : JOB_TIMEOUT_DEFAULT_NS;
	int64_t up = j->parent, now = spool_now(sp);

	*deadline = 0;
	*left = limit ? limit - elapsed(sp, j) : LAUNCH_NO_LIMIT;
	if (j->deadline_at)
		earlier_deadline(j->deadline_at, "deadline: the job's --deadline has come", deadline, why, n);
	while (up) { /* what binds a parent binds its children */
		struct job p;
		int rc = job_load(sp, up, &p, e);

		if (rc < 0)
			return -1;
		if (!rc)
			break;
		if (p.deadline_at)
			earlier_deadline(p.deadline_at, "deadline: the parent's --deadline has come", deadline, why, n);
		if (p.timeout_ns)
			earlier_deadline(now + p.timeout_ns - elapsed(sp, &p), "deadline: the parent's --timeout has passed", deadline, why, n);
		up = p.parent;
		job_free(&p);
	}
	if (*deadline)
		*deadline -= sp->offset;
	return 0;
}

/* --- the environment ---------------------------------------------------------------------------------------------------- */

struct env {
	struct arena *a;
	char **v;
	size_t n, cap;
	int failed;
};

static void
env_put(struct env *x, const char *text)
{
	size_t len = strcspn(text, "=") + 1;

	for (size_t i = 0; i < x->n; i++)
		if (!strncmp(x->v[i], text, len)) {
			x->v[i] = arena_strdup(x->a, text);
			return;
		}
	if (x->n + 1 >= x->cap) {
		size_t cap = x->cap ? 2 * x->cap : 64;
		char **v = arena_alloc(x->a, cap * sizeof *v);

		if (!v) {
			x->failed = 1;
			return;
		}
		if (x->n)
			memcpy(v, x->v, x->n * sizeof *v);
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n++] = arena_strdup(x->a, text);
	x->v[x->n] = NULL;
}

static void
env_set(struct env *x, const char *name, const char *value)
{
	char *s;

	if (asprintf(&s, "%s=%s", name, value) < 0) {
		x->failed = 1;
		return;
	}
	env_put(x, s);
	free(s);
}

static int
allowed_name(const char *s)
{
	static const char *const name[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM",
	                                   "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "CUDA_VISIBLE_DEVICES", "XDG_CACHE_HOME",
	                                   "XDG_RUNTIME_DIR", "SIM_ISA", "SIM_CUDA_LIB", "SIM_NVRTC_LIB", "SLURM_CONF"};
	size_t len = strcspn(s, "=");

	if (!strncmp(s, "LC_", 3))
		return 1;
	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (strlen(name[i]) == len && !strncmp(s, name[i], len))
			return 1;
	return 0;
}

static int
env_of_job(struct spool *sp, struct env *x, int64_t job, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT name,value FROM env WHERE job=? ORDER BY name", "i", job);
	int rc = -1;

	if (!st)
		return -1;
	while ((rc = db_step(st, e)) > 0)
		env_set(x, db_text(st, 0), db_text(st, 1));
	db_done(st);
	return rc;
}

static void
env_of_slots(struct env *x, const char *units)
{
	for (const char *p = units; p && *p;) {
		char name[80] = "SIM_SLOT_", value[400];
		size_t k = 0, eq = strcspn(p, "="), len = strcspn(p, "=@"), nl = strcspn(p, "\n"); /* gpu@HOST is gpu there */
		int gpu = len == 3 && !strncmp(p, "gpu", 3);

		for (; k < len && k < 60; k++)
			name[9 + k] = (char)(isalnum((unsigned char)p[k]) ? toupper((unsigned char)p[k]) : '_');
		name[9 + k] = '\0';
		snprintf(value, sizeof value, "%.*s", (int)(nl - eq - 1), p + eq + 1);
		env_set(x, name, value);
		if (gpu)
			env_set(x, "CUDA_VISIBLE_DEVICES", value);
		p += nl + (p[nl] == '\n');
	}
}

static int
build_env(struct spool *sp, const struct job *j, const char *units, struct launch *l, struct err *e)
{
	struct env x = {.a = &l->arena}, all = {.a = &l->arena};
	char text[PATH_MAX], cookie[ATTEMPT_COOKIE];
	int64_t boot = clk_boot_ns(), left = l->task.timeout_ns;

	if ((j->parent && env_of_job(sp, &x, j->parent, e) < 0) || env_of_job(sp, &x, j->id, e) < 0)
		return -1;
	snprintf(text, sizeof text, "%lld", (long long)j->id);
	env_set(&x, "SIM_JOB", text);
	snprintf(text, sizeof text, "%lld", (long long)j->attempt);
	env_set(&x, "SIM_ATTEMPT", text);
	spool_path(sp, text, sizeof text, "jobs/%lld", (long long)j->id);
	env_set(&x, "SIM_SPOOL_JOB", text);
	spool_path(sp, text, sizeof text, "jobs/%lld/checkpoint", (long long)j->id);
	env_set(&x, "SIM_CHECKPOINT", text);
	if (l->task.deadline_ns && (!left || l->task.deadline_ns - boot < left))
		left = l->task.deadline_ns - boot;
	if (left) {
		char when[CLK_TEXT];

		snprintf(text, sizeof text, "%.3f", (double)(left > 0 ? left : 0) / 1e9);
		env_set(&x, "SIM_TIMEOUT", text);
		clk_format(clk_real_ns() + left, when);
		env_set(&x, "SIM_DEADLINE", when);
	}
	env_of_slots(&x, units);
	attempt_cookie(sp, j->id, j->attempt, cookie);
	env_put(&x, cookie);
	for (char **p = environ; *p; p++)
		if (allowed_name(*p))
			env_put(&all, *p);
	for (size_t i = 0; i < x.n; i++)
		env_put(&all, x.v[i]);
	l->task.envp = all.v;
	l->own_env = x.v;
	return x.failed || all.failed || !x.v || !all.v ? err_nomem(e) : 0;
}

/* --- the task ----------------------------------------------------------------------------------------------------------- */

#define DEPTH 4 /* a batch, its members, their chunks */

/* The tasks from the job up to the topmost of its tree; the folder is the topmost's, where the files lie. */
struct tasks {
	struct json *v[DEPTH];
	int n;
	char folder[PATH_MAX];
};

static int
collect_tasks(struct spool *sp, const struct job *j, struct tasks *t, struct err *e)
{
	int64_t id = j->id;

	t->n = 0;
	while (id && t->n < DEPTH) {
		struct job up;
		int rc = job_load(sp, id, &up, e);
		const char *text;

		if (rc <= 0)
			return rc < 0 ? -1 : err_set(e, ERR_DATA, "job %lld is gone", (long long)id);
		spool_path(sp, t->folder, sizeof t->folder, "jobs/%lld", (long long)id);
		text = up.task ? up.task : "{}";
		t->v[t->n] = json_parse_text(text, strlen(text), e);
		id = up.parent;
		job_free(&up);
		if (!t->v[t->n++])
			return -1;
	}
	return 0;
}

static void
put_member(struct buf *b, const char *key, const struct json *v, const char *folder)
{
	buf_putc(b, ',');
	record_quote(b, key);
	buf_putc(b, ':');
	if ((!strcmp(key, "model") || !strcmp(key, "spec")) && json_text(v) && json_text(v)[0] != '/' && folder) {
		struct buf path = BUF_INIT;

		buf_printf(&path, "%s/%s", folder, json_text(v));
		record_quote(b, path.s ? path.s : "");
		buf_free(&path);
	} else {
		json_write(b, v);
	}
}

/* The nearest word on each member wins. */
static void
put_members(struct buf *b, const struct tasks *t, const char *folder)
{
	for (int i = 0; i < t->n; i++)
		for (void *it = json_first(t->v[i]); it; it = json_next(t->v[i], it)) {
			int said = 0;

			for (int k = 0; k < i && !said; k++)
				said = json_member(t->v[k], json_iter_key(it)) != NULL;
			if (!said)
				put_member(b, json_iter_key(it), json_iter_value(it), folder);
		}
}

static int
build_input(struct spool *sp, const struct job *j, struct launch *l, struct err *e)
{
	struct tasks t = {.n = 0};
	struct buf b = BUF_INIT;
	char id[24];
	int rc = collect_tasks(sp, j, &t, e);

	if (rc == 0) {
		snprintf(id, sizeof id, "%lld", (long long)j->id);
		record_begin(&b, "task", id, j->attempt);
		if (j->parent) {
			snprintf(id, sizeof id, "%lld", (long long)j->parent);
			record_str(&b, "parent", id);
		}
		put_members(&b, &t, j->kind == JOB_ENGINE ? t.folder : NULL);
		record_end(&b);
		l->task.input = b.s ? arena_strdup(&l->arena, b.s) : NULL;
		rc = l->task.input ? 0 : err_nomem(e);
	}
	buf_free(&b);
	for (int i = 0; i < t.n; i++)
		json_free(t.v[i]);
	return rc;
}

/* A member of the task that is a list of texts; absent: an empty one. */
static int
text_list(const struct job *j, const struct json *own, const char *key, struct arena *a, char ***out, struct err *e)
{
	const struct json *list = json_member(own, key);
	size_t n = list && json_kind(list) == JSON_T_ARRAY ? json_count(list) : 0;
	char **v = arena_alloc(a, (n + 1) * sizeof *v);

	if (!v)
		return err_nomem(e);
	if (list && json_kind(list) != JSON_T_ARRAY)
		return err_set(e, ERR_DATA, "job %lld: its \"%s\" is no list of strings", (long long)j->id, key);
	for (size_t i = 0; i < n; i++) {
		const char *s = json_text(json_element(list, i));

		if (!s)
			return err_set(e, ERR_DATA, "job %lld: its \"%s\" is no list of strings", (long long)j->id, key);
		v[i] = arena_strdup(a, s);
	}
	v[n] = NULL;
	*out = v;
	return 0;
}

static int
command_line(const struct job *j, const struct json *own, struct launch *l, struct err *e)
{
	if (text_list(j, own, "command", &l->arena, &l->task.argv, e) < 0 || text_list(j, own, "send", &l->arena, &l->task.send, e) < 0)
		return -1;
	return l->task.argv[0] ? 0 : err_set(e, ERR_DATA, "job %lld has no command", (long long)j->id);
}

static int
engine_line(const struct job *j, const char *engine, struct launch *l, struct err *e)
{
	char threads[24];

	snprintf(threads, sizeof threads, "%lld", (long long)claim_places(j, NULL));
	l->task.argv = arena_alloc(&l->arena, 6 * sizeof(char *));
	if (!l->task.argv)
		return err_nomem(e);
	l->task.argv[0] = arena_strdup(&l->arena, engine);
	l->task.argv[1] = arena_strdup(&l->arena, "--quiet");
	l->task.argv[2] = arena_strdup(&l->arena, "--threads");
	l->task.argv[3] = arena_strdup(&l->arena, threads);
	l->task.argv[4] = arena_strdup(&l->arena, "-");
	l->task.argv[5] = NULL;
	return 0;
}

int
launch_prepare(struct spool *sp, const struct job *j, const char *units, const char *engine, const char *relay, struct launch *l,
               struct err *e)
{
	struct json *own;
	char path[PATH_MAX], why[100] = "";
	const char *promise;
	int rc;

	memset(l, 0, sizeof *l);
	own = json_parse_text(j->task ? j->task : "{}", strlen(j->task ? j->task : "{}"), e);
	if (!own)
		return -1;
	l->task = (struct keeper_task){.job = j->id, .attempt = j->attempt, .kind = (int)j->kind, .stall_ns = j->stall_ns,
	                               .grace_ns = j->grace_ns};
	l->task.relay = arena_strdup(&l->arena, relay);
	attempt_path(sp, j->id, j->attempt, "", path, sizeof path);
	l->task.folder = arena_strdup(&l->arena, j->folder ? j->folder : path);
	promise = json_text(json_member(own, "result"));
	if (promise)
		l->task.promise = promise[0] == '/' ? arena_strdup(&l->arena, promise) : arena_printf(&l->arena, "%s/%s", l->task.folder, promise);
	rc = launch_limits(sp, j, &l->task.timeout_ns, &l->task.deadline_ns, why, sizeof why, e);
	if (l->task.timeout_ns == LAUNCH_NO_LIMIT)
		l->task.timeout_ns = 0;
	else if (l->task.timeout_ns < 1)
		l->task.timeout_ns = 1; /* it is over: the keeper will see */
	l->task.deadline_why = *why ? arena_strdup(&l->arena, why) : NULL;
	if (rc == 0)
		rc = build_env(sp, j, units, l, e);
	if (rc == 0)
		rc = j->kind == JOB_ENGINE ? engine_line(j, engine, l, e) : command_line(j, own, l, e);
	if (rc == 0)
		rc = build_input(sp, j, l, e);
	json_free(own);
	if (rc < 0)
		launch_free(l);
	return rc;
}

int
launch_remote_line(const struct spool *sp, const struct job *j, const char *action, const char *on, const char *relay, struct launch *l,
                   struct err *e)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(relay, '/');
	char **v = arena_alloc(&l->arena, 16 * sizeof *v);
	int n = 0;

	if (attempt_path(sp, j->id, j->attempt, "", folder, sizeof folder) < 0)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	v[n++] = slash ? arena_printf(&l->arena, "%.*s/sim-remote", (int)(slash - relay), relay) : arena_strdup(&l->arena, "sim-remote");
	v[n++] = arena_strdup(&l->arena, action);
	v[n++] = arena_strdup(&l->arena, "--on");
	v[n++] = arena_strdup(&l->arena, on);
	v[n++] = arena_strdup(&l->arena, "--id");
	v[n++] = arena_strdup(&l->arena, sp->id);
	v[n++] = arena_strdup(&l->arena, "--attempt");
	v[n++] = arena_strdup(&l->arena, folder);
	v[n] = NULL;
	l->task.argv = v;
	l->task.folder = arena_strdup(&l->arena, folder);
	l->task.promise = NULL;
	l->task.stall_ns = 0; /* of it only those there can tell */
	return 0;
}

int
launch_attach(struct spool *sp, const struct job *j, const char *on, const char *relay, struct launch *l, struct err *e)
{
	if (launch_prepare(sp, j, "", "sim-engine", relay, l, e) < 0)
		return -1;
	l->task.remote = 2;
	l->task.input = "";
	if (launch_remote_line(sp, j, "--attach", on, relay, l, e) == 0)
		return 0;
	launch_free(l);
	return -1;
}

void
launch_free(struct launch *l)
{
	arena_free(&l->arena);
	memset(l, 0, sizeof *l);
}
