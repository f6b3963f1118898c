/* task: see task.h. */
#include "remote/task.h"

#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "record/record.h"
#include "spool/job.h"

static int
put_strings(struct buf *b, const char *key, char *const *v, const char *first)
{
	int rc = buf_printf(b, ",\"%s\":[", key) < 0;

	for (size_t i = 0; v && v[i]; i++) {
		if (i)
			buf_putc(b, ',');
		rc |= record_quote(b, i == 0 && first ? first : v[i]);
	}
	return rc | buf_putc(b, ']');
}

int
task_write(struct buf *b, const struct keeper_task *t, const char *label, struct err *e)
{
	const char *engine = t->kind == JOB_ENGINE ? "sim-engine" : NULL;
	int rc = 0;

	buf_puts(b, "{\"v\":1");
	rc |= record_str(b, "label", label);
	rc |= record_int(b, "job", t->job);
	rc |= record_int(b, "attempt", t->attempt);
	rc |= record_str(b, "kind", engine ? "engine" : "command");
	rc |= put_strings(b, "argv", t->argv, engine);
	rc |= put_strings(b, "env", t->envp, NULL);
	rc |= record_str(b, "input", t->input ? t->input : "");
	if (t->folder)
		rc |= record_str(b, "folder", t->folder);
	if (t->promise)
		rc |= record_str(b, "promise", t->promise);
	if (t->send && t->send[0])
		rc |= put_strings(b, "send", t->send, NULL);
	if (t->apart)
		rc |= record_bool(b, "apart", 1);
	rc |= record_int(b, "timeout_ns", t->timeout_ns);
	rc |= record_int(b, "deadline", t->deadline_ns ? clk_real_ns() + (t->deadline_ns - clk_boot_ns()) : 0);
	if (t->deadline_why)
		rc |= record_str(b, "deadline_why", t->deadline_why);
	rc |= record_int(b, "stall_ns", t->stall_ns);
	rc |= record_int(b, "grace_ns", t->grace_ns);
	rc |= buf_puts(b, "}\n");
	return rc ? err_set(e, ERR_DATA, "job %lld: its command, environment or task is no UTF-8", (long long)t->job) : 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static char *
text_of(const struct json *o, const char *key, struct arena *a)
{
	const char *s = json_text(json_member(o, key));

	return s ? arena_strdup(a, s) : NULL;
}

static int64_t
number_of(const struct json *o, const char *key)
{
	const struct json *j = json_member(o, key);

	return j && json_kind(j) == JSON_T_INT ? json_whole(j) : 0;
}

static char **
strings_of(const struct json *o, const char *key, struct arena *a)
{
	const struct json *list = json_member(o, key);
	size_t n = list && json_kind(list) == JSON_T_ARRAY ? json_count(list) : 0;
	char **v = arena_alloc(a, (n + 1) * sizeof *v);

	for (size_t i = 0; i < n; i++) {
		const char *s = json_text(json_element(list, i));

		if (!s)
			return NULL;
		v[i] = arena_strdup(a, s);
	}
	v[n] = NULL;
	return v;
}

int
task_read(const char *text, size_t n, struct arena *a, struct keeper_task *t, struct err *e)
{
	struct json *o = json_parse_text(text, n, e);
	const char *kind;
	int64_t deadline;

	memset(t, 0, sizeof *t);
	if (!o)
		return err_prefix(e, "task.json");
	kind = json_text(json_member(o, "kind"));
	t->kind = kind && !strcmp(kind, "engine") ? JOB_ENGINE : JOB_COMMAND;
	t->job = number_of(o, "job");
	t->attempt = number_of(o, "attempt");
	t->argv = strings_of(o, "argv", a);
	t->envp = strings_of(o, "env", a);
	t->input = text_of(o, "input", a);
	t->folder = text_of(o, "folder", a);
	t->promise = text_of(o, "promise", a);
	t->send = strings_of(o, "send", a);
	t->apart = json_truth(json_member(o, "apart"));
	t->timeout_ns = number_of(o, "timeout_ns");
	deadline = number_of(o, "deadline");
	t->deadline_ns = deadline ? clk_boot_ns() + (deadline - clk_real_ns()) : 0;
	if (deadline && t->deadline_ns < 1)
		t->deadline_ns = 1; /* it has passed */
	t->deadline_why = text_of(o, "deadline_why", a);
	t->stall_ns = number_of(o, "stall_ns");
	t->grace_ns = number_of(o, "grace_ns");
	deadline = number_of(o, "v");
	json_free(o);
	if (deadline != 1 || t->job < 1 || t->attempt < 1 || !t->argv || !t->argv[0] || !t->envp || !t->send || !t->input)
		return err_set(e, ERR_DATA, "task.json: not one of this version");
	return 0;
}
