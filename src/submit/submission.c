/* submission: what every kind of work has in common: its options, its rows, the line that says it is accepted. */
#include "submit/submit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/utf8.h"
#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"
#include "spool/notify.h"

void *
submission_grow(void *p, size_t n, size_t size)
{
	if (n & (n - 1)) /* between two powers of two there is */
		return p;
	p = realloc(p, (n ? 2 * n : 1) * size);
	if (!p)
		cli_die(&(struct err){.status = ERR_OS, .msg = "out of memory"});
	return p;
}

void
submission_init(struct submission *s)
{
	memset(s, 0, sizeof *s);
	s->retries = -1;
	s->backoff_ns = (int64_t)1000000000;
	s->grace_ns = JOB_GRACE_DEFAULT_NS;
}

void
submission_env(struct submission *s, const char *name, const char *value)
{
	s->env = submission_grow(s->env, s->nenv, sizeof *s->env);
	s->env[s->nenv++] = (struct job_env){strdup(name), value};
}

void
submission_dep(struct submission *s, const char *job, int ok)
{
	s->dep_text = submission_grow(s->dep_text, s->ndeps, sizeof *s->dep_text);
	s->dep_text[s->ndeps].job = job;
	s->dep_text[s->ndeps++].ok = ok;
}

void
submission_send(struct submission *s, const char *path)
{
	s->send = submission_grow(s->send, s->nsend, sizeof *s->send);
	s->send[s->nsend++] = (char *)(uintptr_t)path;
}

void
submission_engine_word(struct submission *s, const char *name, const char *arg)
{
	char *w;

	if ((arg ? asprintf(&w, "--%s=%s", name, arg) : asprintf(&w, "--%s", name)) < 0)
		cli_die(&(struct err){.status = ERR_OS, .msg = "out of memory"});
	s->word = submission_grow(s->word, s->nwords + 1, sizeof *s->word);
	s->word[s->nwords++] = w;
	s->word[s->nwords] = NULL;
}

/* An empty key is most often a variable that is not set: it would make one job of many. */
int
submission_names(const char *name, const char *key, struct err *e)
{
	const char *const both[] = {name, key};

	for (int i = 0; i < 2; i++)
		if (both[i] && (!utf8_valid(both[i], strlen(both[i])) || strlen(both[i]) > 1000))
			return err_set(e, ERR_DATA, "a name or key is no UTF-8, or longer than 1000 bytes");
	return key && !*key ? err_set(e, ERR_DATA, "the key is empty") : 0;
}

void
submission_finish(struct submission *s)
{
	struct err e;

	if (submission_names(s->name, s->key, &e) < 0)
		cli_die(&e);
	s->dep = calloc(s->ndeps + 1, sizeof *s->dep);
	for (size_t i = 0; i < s->ndeps; i++)
		s->dep[i] = (struct job_dep){cli_job_operand(&s->sp, s->dep_text[i].job), s->dep_text[i].ok};
}

/* --- rows ------------------------------------------------------------------------------------------------------------ */

void
submission_job(struct submission *s, struct job *j, enum job_kind kind)
{
	*j = (struct job){.kind = kind, .priority = s->priority, .backoff_ns = s->backoff_ns, .timeout_ns = s->timeout_ns,
	                  .stall_ns = s->stall_ns, .ttl_ns = s->ttl_ns, .grace_ns = s->grace_ns,
	                  .retry_on = (char *)(uintptr_t)s->retry_on, .slots = s->slots.s ? s->slots.s : (char *)(uintptr_t)""};
	j->retries = s->retries >= 0 ? s->retries : kind == JOB_ENGINE ? 2 : 0;
	if (s->deadline_real)
		j->deadline_at = spool_now(&s->sp) + (s->deadline_real - clk_real_ns());
	if (s->hold && kind != JOB_PARENT)
		j->waiting = JOB_HELD;
	if (kind == JOB_PARENT) {
		j->min_ok = (char *)(uintptr_t)s->min_ok;
		j->retries = 0;
	}
}

int
submission_insert(struct submission *s, struct job *j, int64_t turn, int *existing, struct err *e)
{
	int leaf = j->kind != JOB_PARENT, top = !j->parent;

	if (job_insert(&s->sp, j, turn, s->dep, leaf ? s->ndeps : 0, s->env, top ? s->nenv : 0, existing, e) < 0)
		return -1;
	return top && s->notify && !*existing ? notify_add(&s->sp, j->id, s->notify, e) : 0;
}

void
submission_print(struct submission *s, int64_t id, int existing)
{
	struct buf b = BUF_INIT;
	struct err e = {0};
	struct job j;

	if (s->quiet) {
		buf_printf(&b, "%lld\n", (long long)id);
	} else {
		if (job_load(&s->sp, id, &j, &e) <= 0)
			cli_die(&e);
		job_record(&b, &j);
		if (existing)
			record_bool(&b, "existing", 1);
		record_end(&b);
		job_free(&j);
	}
	cli_out(b.s, b.len);
	buf_free(&b);
}
