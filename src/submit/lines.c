/* lines: task lines on standard input, each a command or a model; all are accepted, or none. */
#include "submit/submit_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "common/cli.h"
#include "record/record.h"

struct line_job {
	char *name, *key, *task;     /* of a command */
	int64_t priority;
	struct member m;             /* of a model */
	char *model;
	int64_t id;
	int existing;
};

/* What record.def leaves open. */
static int
check_line(const struct record *r, const struct json *priority, struct err *e)
{
	const struct json *c = json_member(r->root, "command");

	if (priority && (json_kind(priority) != JSON_T_INT || json_whole(priority) < -1000000 || json_whole(priority) > 1000000))
		return err_set(e, ERR_DATA, "\"priority\" is a whole number");
	for (size_t i = 0; c && i < json_count(c); i++)
		if (!json_text(json_element(c, i)))
			return err_set(e, ERR_DATA, "\"command\" is a list of texts");
	if (c && (!json_count(c) || !*json_text(json_element(c, 0))))
		return err_set(e, ERR_DATA, "\"command\" names no program");
	return 0;
}

/* Fields of a task line that are the spool's own; the rest is the stage's. */
static int
own_field(const char *key)
{
	static const char *const own[] = {"v", "type", "job", "attempt", "time", "name", "key", "priority"};

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (!strcmp(key, own[i]))
			return 1;
	return 0;
}

static int
stage_field(const char *key)
{
	return !strcmp(key, "command") || !strcmp(key, "result") || !strcmp(key, "send") || !strcmp(key, "data");
}

static int
read_command_line(struct submission *s, const struct record *r, const char *folder, struct line_job *x, struct err *e)
{
	struct buf b = BUF_INIT;
	int has_command = json_member(r->root, "command") != NULL;

	buf_putc(&b, '{');
	if (!has_command)
		command_put(&b, s->command);
	for (void *it = json_first(r->root); it; it = json_next(r->root, it)) {
		const char *key = json_iter_key(it);

		if (own_field(key))
			continue;
		if (!stage_field(key)) {
			buf_free(&b);
			return err_set(e, ERR_DATA, "unknown field \"%.100s\" (what a stage's own data are goes into \"data\")", key);
		}
		if (b.s[b.len - 1] != '{')
			buf_putc(&b, ',');
		record_quote(&b, key);
		buf_putc(&b, ':');
		json_write(&b, json_iter_value(it));
	}
	command_put_files(&b, s, folder, r->root);
	buf_putc(&b, '}');
	x->task = b.s;
	return b.s ? 0 : err_nomem(e);
}

static int
read_model_line(const struct record *r, struct line_job *x, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	buf_puts(&b, "{\"v\":1,\"type\":\"task\"");
	for (void *it = json_first(r->root); it; it = json_next(r->root, it)) {
		if (own_field(json_iter_key(it)))
			continue;
		buf_putc(&b, ',');
		record_quote(&b, json_iter_key(it));
		buf_putc(&b, ':');
		json_write(&b, json_iter_value(it));
	}
	buf_puts(&b, "}\n");
	rc = b.s ? check_engine(NULL, 0, NULL, b.s, &x->m.check, e) : err_nomem(e);
	buf_free(&b);
	x->model = x->m.check.model;
	return rc;
}

static int
read_line(struct submission *s, const char *line, size_t n, const char *folder, struct line_job *x, struct err *e)
{
	const struct json *p;
	struct record r;
	const char *t;
	int rc;

	memset(x, 0, sizeof *x);
	if (record_parse(line, n, &r, e) < 0)
		return -1;
	if (strcmp(r.type, "task")) {
		rc = err_set(e, ERR_DATA, "a task record is wanted, this is \"%s\"", r.type);
		record_free(&r);
		return rc;
	}
	t = record_get_str(&r, "name");
	x->name = t ? strdup(t) : s->name ? strdup(s->name) : NULL;
	t = record_get_str(&r, "key");
	x->key = t ? strdup(t) : NULL;
	p = json_member(r.root, "priority");
	x->priority = p ? json_whole(p) : s->priority;
	if (submission_names(x->name, x->key, e) < 0 || check_line(&r, p, e) < 0)
		rc = -1;
	else if (json_member(r.root, "command") || (*s->command && !json_member(r.root, "model")))
		rc = read_command_line(s, &r, folder, x, e);
	else if (json_member(r.root, "model"))
		rc = read_model_line(&r, x, e);
	else
		rc = err_set(e, ERR_DATA, "neither \"command\" nor \"model\" in this task");
	record_free(&r);
	return rc;
}

static int
insert_line(struct submission *s, struct line_job *x, const char *folder, int64_t *turn, struct stage *st, struct err *e)
{
	struct submission one = *s;
	struct job j;

	one.priority = x->priority;
	if (!x->model) {
		submission_job(&one, &j, JOB_COMMAND);
		j.name = x->name;
		j.key = x->key;
		j.task = x->task;
		j.folder = (char *)(uintptr_t)folder;
		if (submission_insert(&one, &j, (*turn)++, &x->existing, e) < 0)
			return -1;
		x->id = j.id;
		return 0;
	}
	if (model_insert(&one, &x->m.check, 0, 0, x->name, x->key, "{\"model\":\"model.xlsx\",\"spec\":\"spec.json\"}", turn, &x->id,
	                      &x->existing, e) < 0)
		return -1;
	return x->existing ? 0 : stage_take(&s->sp, st, x->id, e);
}

/* All of them, or none. */
void
submit_lines(struct submission *s)
{
	struct line_job *v = NULL;
	struct stage *st = NULL;
	struct io_lines in;
	struct err e = {0};
	char *line, *folder = command_folder(s);
	size_t n = 0, len;
	int64_t turn;
	int rc;

	io_lines_init(&in, 0, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &len, &e)) > 0) {
		if (!len)
			continue;
		v = submission_grow(v, n, sizeof *v);
		st = submission_grow(st, n, sizeof *st);
		st[n].path[0] = '\0';
		rc = read_line(s, line, len, folder, &v[n], &e);
		if (rc == 0 && v[n].model)
			rc = stage_begin(&s->sp, &st[n], &e) < 0 || stage_copy(&st[n], "model.xlsx", v[n].model, SUBMIT_MODEL_LIMIT, &e) < 0 ||
			     stage_write(&st[n], "spec.json", v[n].m.check.spec, strlen(v[n].m.check.spec), &e) < 0 ||
			     check_copy(&v[n].m.check, &st[n], &e) < 0 ||
			     stage_sync(&st[n], &e) < 0 ? -1 : 0;
		n++;
		if (rc < 0) {
			err_prefix(&e, "standard input, line %ld", in.lineno);
			break;
		}
	}
	if (rc == 0 && !n)
		rc = err_set(&e, ERR_NOINPUT, "no task line on standard input");
	if (rc == 0)
		rc = db_begin(s->sp.db, &e) < 0 || job_turn(&s->sp, &turn, &e) < 0 ? -1 : 0;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = insert_line(s, &v[i], folder, &turn, &st[i], &e);
	if (rc == 0)
		rc = db_commit(s->sp.db, &e);
	for (size_t i = 0; i < n; i++)
		stage_drop(&st[i]);
	if (rc < 0)
		cli_die(&e);
	spool_wake(&s->sp);
	for (size_t i = 0; i < n; i++) {
		submission_print(s, v[i].id, v[i].existing);
		free(v[i].name);
		free(v[i].key);
		free(v[i].task);
		check_free(&v[i].m.check);
	}
	free(v);
	free(st);
	free(folder);
	io_lines_free(&in);
}
