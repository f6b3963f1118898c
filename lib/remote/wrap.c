/* wrap: see wrap.h. */
#include "remote/wrap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "remote/executor.h"
#include "remote/task.h"
#include "spool/slots.h"

/* What means something on this machine alone. */
static int
ours_alone(const char *text)
{
	static const char *const name[] = {"SIM_COOKIE", "SIM_SPOOL_JOB", "SIM_CHECKPOINT", "SIM_TIMEOUT", "SIM_DEADLINE"};
	size_t n = strcspn(text, "=");

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (strlen(name[i]) == n && !strncmp(text, name[i], n))
			return 1;
	return 0;
}

static char **
job_env(struct arena *a, char *const *all)
{
	size_t n = 0, k = 0;
	char **v;

	while (all[n])
		n++;
	v = arena_alloc(a, (n + 1) * sizeof *v);
	for (size_t i = 0; i < n; i++)
		if (!ours_alone(all[i]))
			v[k++] = all[i];
	v[k] = NULL;
	return v;
}

/* sim-remote's own environment: what it needs to reach the other side, besides what every stage has. */
static char **
own_env(struct arena *a, char *const *all)
{
	static const char *const more[] = {"SIM_HOSTS", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME"};
	size_t n = 0;
	char **v;

	while (all[n])
		n++;
	v = arena_alloc(a, (n + 4) * sizeof *v);
	memcpy(v, all, n * sizeof *v);
	for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
		if (getenv(more[i]))
			v[n++] = arena_printf(a, "%s=%s", more[i], getenv(more[i]));
	v[n] = NULL;
	return v;
}

static void
add_number(struct arena *a, char **v, const char *option, int64_t x)
{
	size_t n = 0;

	if (!x)
		return;
	while (v[n])
		n++;
	v[n] = arena_strdup(a, option);
	v[n + 1] = arena_printf(a, "%lld", (long long)x);
	v[n + 2] = NULL;
}

/* Only limits that somebody gave: the default of a day may be more than a partition allows. */
static int64_t
scheduler_limit(const struct job *j, const struct keeper_task *t)
{
	int64_t left = j->timeout_ns ? t->timeout_ns : 0, deadline = t->deadline_ns ? t->deadline_ns - clk_boot_ns() : 0;

	if (deadline && (!left || deadline < left))
		left = deadline > 0 ? deadline : 1;
	return left;
}

int
wrap_launch(const struct spool *sp, const struct job *j, const char *on, const char *relay, struct launch *l, struct err *e)
{
	char label[REMOTE_LABEL];
	struct keeper_task there = l->task;
	struct buf b = BUF_INIT;
	char **v;

	there.envp = job_env(&l->arena, l->own_env);
	there.folder = j->folder;
	snprintf(label, sizeof label, "sim-%s-%lld-%lld", sp->id, (long long)j->id, (long long)j->attempt);
	if (task_write(&b, &there, label, e) < 0) {
		buf_free(&b);
		return -1;
	}
	l->task.input = arena_strdup(&l->arena, b.s);
	buf_free(&b);
	l->task.remote = 1;
	l->task.envp = own_env(&l->arena, l->task.envp);
	if (launch_remote_line(sp, j, "--stage", on, relay, l, e) < 0)
		return -1;
	v = arena_zalloc(&l->arena, 32 * sizeof *v);
	for (size_t i = 0; l->task.argv[i]; i++)
		v[i] = l->task.argv[i];
	add_number(&l->arena, v, "--cpus", slots_want(j->slots, "cpu"));
	add_number(&l->arena, v, "--gpus", slots_want(j->slots, "gpu"));
	add_number(&l->arena, v, "--priority", j->priority);
	add_number(&l->arena, v, "--limit", scheduler_limit(j, &there));
	l->task.argv = v;
	return 0;
}
