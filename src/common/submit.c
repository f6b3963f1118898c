/* submit: see submit.h. */
#include "common/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"
#include "remote/bring.h"
#include "spool/notify.h"
#include "spool/stage.h"

#define CHUNK_TRIALS ((int64_t)4 << 20)  /* half a second or so of a middling model on one processor */
#define CHUNKS_MAX 1000
#define LEAF 256                          /* trials: chunks are whole leaves of the statistics */

/* Room for one more than n; called for n = 0 (or 1), then for each next one. */
static void *
grow(void *p, size_t n, size_t size)
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
	s->env = grow(s->env, s->nenv, sizeof *s->env);
	s->env[s->nenv++] = (struct job_env){strdup(name), value};
}

void
submission_dep(struct submission *s, const char *job, int ok)
{
	s->dep_text = grow(s->dep_text, s->ndeps, sizeof *s->dep_text);
	s->dep_text[s->ndeps].job = job;
	s->dep_text[s->ndeps++].ok = ok;
}

void
submission_send(struct submission *s, const char *path)
{
	s->send = grow(s->send, s->nsend, sizeof *s->send);
	s->send[s->nsend++] = (char *)(uintptr_t)path;
}

void
submission_engine_word(struct submission *s, const char *name, const char *arg)
{
	char *w;

	if ((arg ? asprintf(&w, "--%s=%s", name, arg) : asprintf(&w, "--%s", name)) < 0)
		cli_die(&(struct err){.status = ERR_OS, .msg = "out of memory"});
	s->word = grow(s->word, s->nwords + 1, sizeof *s->word);
	s->word[s->nwords++] = w;
	s->word[s->nwords] = NULL;
}

void
submission_finish(struct submission *s)
{
	s->dep = calloc(s->ndeps + 1, sizeof *s->dep);
	for (size_t i = 0; i < s->ndeps; i++)
		s->dep[i] = (struct job_dep){cli_job_operand(&s->sp, s->dep_text[i].job), s->dep_text[i].ok};
}

/* --- rows ------------------------------------------------------------------------------------------------------------ */

/* What every job of this submission has in common. */
static void
common(struct submission *s, struct job *j, enum job_kind kind)
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

static int
insert(struct submission *s, struct job *j, int64_t turn, int *existing, struct err *e)
{
	int leaf = j->kind != JOB_PARENT, top = !j->parent;

	if (job_insert(&s->sp, j, turn, s->dep, leaf ? s->ndeps : 0, s->env, top ? s->nenv : 0, existing, e) < 0)
		return -1;
	return top && s->notify && !*existing ? notify_add(&s->sp, j->id, s->notify, e) : 0;
}

static void
print_job(struct submission *s, int64_t id, int existing)
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

/* --- the dry run ------------------------------------------------------------------------------------------------------- */

struct checked {
	char *spec;           /* one line of JSON */
	char *model;          /* path of the workbook as the engine found it; NULL: what was given */
	int64_t first, last;
	struct {
		char *path, *copy;
	} *file;              /* data files: copied too */
	size_t nfiles;
};

static void
free_check(struct checked *c)
{
	free(c->spec);
	free(c->model);
	for (size_t i = 0; i < c->nfiles; i++) {
		free(c->file[i].path);
		free(c->file[i].copy);
	}
	free(c->file);
}

static int
take_files(const struct json *files, struct checked *c)
{
	for (size_t i = 0; files && i < json_count(files); i++) {
		const char *path = json_text(json_member(json_element(files, i), "path"));
		const char *copy = json_text(json_member(json_element(files, i), "copy"));

		c->file = grow(c->file, c->nfiles, sizeof *c->file);
		c->file[c->nfiles].path = path ? strdup(path) : NULL;
		c->file[c->nfiles++].copy = copy ? strdup(copy) : NULL;
		if (!path || !copy || strchr(copy, '/'))
			return -1;
	}
	return 0;
}

/* The same file may be named by several inputs and members. */
static int
copy_files(const struct checked *c, struct stage *st, struct err *e)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < c->nfiles; i++) {
		if ((size_t)snprintf(path, sizeof path, "%s/%s", st->path, c->file[i].copy) < sizeof path && access(path, F_OK) == 0)
			continue;
		if (stage_copy(st, c->file[i].copy, c->file[i].path, SUBMIT_MODEL_LIMIT, e) < 0)
			return -1;
	}
	return 0;
}

static int
take_check(const char *line, size_t n, struct checked *c, struct err *e)
{
	const struct json *check;
	struct buf b = BUF_INIT;
	const char *slice;
	struct record r;
	long long a, z;

	if (record_parse(line, n, &r, e) < 0)
		return err_prefix(e, "sim-engine --dry-run");
	check = json_member(r.root, "check");
	if (!check || json_write(&b, check) < 0 || buf_putc(&b, '\n') < 0) {
		record_free(&r);
		return err_set(e, ERR_SOFTWARE, "sim-engine --dry-run gave no check");
	}
	c->spec = b.s;
	if (take_files(json_member(r.root, "files"), c) < 0) {
		record_free(&r);
		return err_set(e, ERR_SOFTWARE, "sim-engine --dry-run: files without names");
	}
	c->model = record_get_str(&r, "model") ? strdup(record_get_str(&r, "model")) : NULL;
	c->first = 0;
	c->last = json_whole(json_member(check, "trials"));
	slice = json_text(json_member(check, "slice"));
	if (slice && sscanf(slice, "%lld..%lld", &a, &z) == 2) {
		c->first = a;
		c->last = z;
	}
	record_free(&r);
	return 0;
}

/* Runs a program with `input` (may be NULL) on its standard input; what it wrote in out, the first line of its complaint in
 * head. Its wait status, or -1. */
static int
run_filter(char *const *argv, const char *input, struct buf *out, char *head, size_t size, struct err *e)
{
	int in[2], o[2], log[2], ws;
	pid_t pid;
	ssize_t k;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(o, O_CLOEXEC) < 0 || pipe2(log, O_CLOEXEC) < 0)
		return err_sys(e, ERR_OS, "cannot run %s", argv[0]);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(o[1], 1);
		dup2(log[1], 2);
		execvp(argv[0], argv);
		dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(ERR_OS);
	}
	close(in[0]);
	close(o[1]);
	close(log[1]);
	signal(SIGPIPE, SIG_IGN);
	if (input && io_write_all(in[1], input, strlen(input)) < 0)
		err_sys(e, ERR_OS, "cannot write to %s", argv[0]); /* its own message is better */
	signal(SIGPIPE, SIG_DFL);
	close(in[1]);
	while (buf_reserve(out, 65536) == 0 && (k = read(o[0], out->s + out->len, 65536)) > 0)
		out->len += (size_t)k;
	k = io_read_full(log[0], head, size - 1);
	close(o[0]);
	close(log[0]);
	head[k > 0 ? k : 0] = '\0';
	head[strcspn(head, "\n")] = '\0';
	if (pid < 0 || waitpid(pid, &ws, 0) < 0)
		return err_sys(e, ERR_OS, "cannot run %s", argv[0]);
	return ws;
}

/* words: options; model NULL: `line` is a task line for its standard input. */
static int
dry_run(char *const *words, size_t n, const char *model, const char *line, struct checked *c, struct err *e)
{
	char engine[PATH_MAX], **argv = calloc(n + 5, sizeof *argv), head[1000];
	struct buf b = BUF_INIT;
	int ws;

	memset(c, 0, sizeof *c);
	if (!argv)
		return err_nomem(e);
	argv[0] = (char *)(uintptr_t)cli_sibling("sim-engine", engine, sizeof engine);
	argv[1] = (char *)(uintptr_t)"--dry-run";
	for (size_t i = 0; i < n; i++)
		argv[2 + i] = words[i];
	argv[2 + n] = (char *)(uintptr_t)"--";
	argv[3 + n] = (char *)(uintptr_t)(model ? model : "-");
	ws = run_filter(argv, line, &b, head, sizeof head, e);
	free(argv);
	if (ws < 0)
		return -1;
	if (!WIFEXITED(ws) || WEXITSTATUS(ws) != 0) {
		buf_free(&b);
		return err_set(e, WIFEXITED(ws) ? WEXITSTATUS(ws) : ERR_SOFTWARE, "%s",
		               !strncmp(head, "sim-engine: ", 12) ? head + 12 : *head ? head : "sim-engine ended before it had checked the workbook");
	}
	ws = b.s ? take_check(b.s, strcspn(b.s, "\n"), c, e) : err_set(e, ERR_SOFTWARE, "sim-engine --dry-run said nothing");
	buf_free(&b);
	return ws;
}

/* --- engine jobs --------------------------------------------------------------------------------------------------------- */

struct member {
	struct checked check;
	char label[200];       /* what sets it apart: a target, a spec, a scenario */
};

static int64_t
chunk_count(const struct submission *s, int64_t trials)
{
	int64_t n = s->chunks ? s->chunks : (trials + CHUNK_TRIALS - 1) / CHUNK_TRIALS;

	if (!s->chunks && n > CHUNKS_MAX)
		n = CHUNKS_MAX;
	return n > trials ? trials : n;
}

static int64_t
chunk_size(int64_t trials, int64_t n)
{
	int64_t size = (trials + n - 1) / n;

	return size >= 4 * LEAF ? (size + LEAF - 1) / LEAF * LEAF : size;
}

static int
insert_chunks(struct submission *s, int64_t parent, const struct checked *c, int64_t n, int64_t *turn, struct err *e)
{
	int64_t size = chunk_size(c->last - c->first, n), idx = 0;

	for (int64_t at = c->first; at < c->last; at += size, idx++) {
		int64_t end = at + size < c->last ? at + size : c->last;
		char task[100];
		struct job j;
		int existing;

		common(s, &j, JOB_ENGINE);
		snprintf(task, sizeof task, "{\"slice\":\"%lld..%lld\"}", (long long)at, (long long)end);
		j.parent = parent;
		j.idx = idx;
		j.task = task;
		j.total = end - at;
		j.unit = (char *)(uintptr_t)"trials";
		if (insert(s, &j, (*turn)++, &existing, e) < 0)
			return -1;
	}
	return 0;
}

/* One simulation: a job, or a parent of chunks. `files`: its task's model and spec, as JSON members. */
static int
insert_simulation(struct submission *s, const struct checked *c, int64_t parent, int64_t idx, const char *name, const char *key,
                  const char *files, int64_t *turn, int64_t *id, int *existing, struct err *e)
{
	int64_t n = chunk_count(s, c->last - c->first);
	struct job j;

	common(s, &j, n > 1 ? JOB_PARENT : JOB_ENGINE);
	j.parent = parent;
	j.idx = idx;
	j.name = (char *)(uintptr_t)name;
	j.key = (char *)(uintptr_t)key;
	j.task = (char *)(uintptr_t)files;
	j.total = c->last - c->first;
	j.unit = (char *)(uintptr_t)"trials";
	if (insert(s, &j, n > 1 ? *turn : (*turn)++, existing, e) < 0)
		return -1;
	*id = j.id;
	return n > 1 && !*existing ? insert_chunks(s, j.id, c, n, turn, e) : 0;
}

static int
insert_batch(struct submission *s, struct member *m, size_t n, const char *model, int64_t *turn, int64_t *id, int *existing,
             struct err *e)
{
	char task[300], files[100];
	struct job j;

	common(s, &j, JOB_PARENT);
	snprintf(task, sizeof task, "{\"model\":\"%s\"}", model);
	j.name = (char *)(uintptr_t)s->name;
	j.key = (char *)(uintptr_t)s->key;
	j.task = task;
	j.unit = (char *)(uintptr_t)"trials";
	for (size_t i = 0; i < n; i++)
		j.total += m[i].check.last - m[i].check.first;
	if (insert(s, &j, *turn, existing, e) < 0)
		return -1;
	*id = j.id;
	for (size_t i = 0; i < n && !*existing; i++) {
		int64_t child;
		int again;

		snprintf(files, sizeof files, "{\"spec\":\"spec-%zu.json\"}", i + 1);
		if (insert_simulation(s, &m[i].check, j.id, (int64_t)i, m[i].label, NULL, files, turn, &child, &again, e) < 0)
			return -1;
	}
	return 0;
}

static int
key_taken(struct submission *s, int64_t *id, struct err *e)
{
	return s->key ? db_get_int(s->sp.db, e, id, "SELECT id FROM job WHERE key=?", "s", s->key) : 0;
}

static int
accept_members(struct submission *s, struct member *m, size_t n, const char *path, int64_t *id, int *existing, struct err *e)
{
	const char *dot = strrchr(path, '.');
	const char *model = dot && !strcasecmp(dot, ".xlsm") ? "model.xlsm" : "model.xlsx";
	struct stage st = {""};
	char name[64], files[100];
	int64_t turn;
	int rc = stage_begin(&s->sp, &st, e);

	if (rc == 0)
		rc = stage_copy(&st, model, path, SUBMIT_MODEL_LIMIT, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		snprintf(name, sizeof name, s->batch ? "spec-%zu.json" : "spec.json", i + 1);
		rc = stage_write(&st, name, m[i].check.spec, strlen(m[i].check.spec), e) < 0 || copy_files(&m[i].check, &st, e) < 0 ? -1 : 0;
	}
	if (rc == 0)
		rc = stage_sync(&st, e);
	if (rc == 0)
		rc = db_begin(s->sp.db, e);
	if (rc == 0)
		rc = job_turn(&s->sp, &turn, e);
	if (rc == 0 && s->batch) {
		rc = insert_batch(s, m, n, model, &turn, id, existing, e);
	} else if (rc == 0) {
		snprintf(files, sizeof files, "{\"model\":\"%s\",\"spec\":\"spec.json\"}", model);
		rc = insert_simulation(s, &m[0].check, 0, 0, s->name, s->key, files, &turn, id, existing, e);
	}
	if (rc == 0 && !*existing)
		rc = stage_take(&s->sp, &st, *id, e);
	if (rc == 0)
		rc = db_commit(s->sp.db, e);
	if (rc < 0)
		db_rollback(s->sp.db);
	stage_drop(&st);
	return rc;
}

/* --- batches ------------------------------------------------------------------------------------------------------------- */

static int
is_word(const char *w, const char *option)
{
	size_t n = strlen(option);

	return !strncmp(w, option, n) && w[n] == '=';
}

static size_t
count_words(const struct submission *s, const char *option)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nwords; i++)
		n += (size_t)is_word(s->word[i], option);
	return n;
}

static int
check_member(struct submission *s, struct member **m, size_t *n, char *const *words, size_t nwords, const char *path, const char *label,
             struct err *e)
{
	*m = grow(*m, *n, sizeof **m);
	memset(&(*m)[*n], 0, sizeof **m);
	snprintf((*m)[*n].label, sizeof (*m)[*n].label, "%s", label);
	(void)s;
	if (dry_run(words, nwords, path, NULL, &(*m)[*n].check, e) < 0)
		return *label ? err_prefix(e, "%s", label) : -1;
	++*n;
	return 0;
}

/* One member for each word of this option, which the others do not get. */
static int
members_by_word(struct submission *s, const char *option, const char *path, struct member **m, size_t *n, struct err *e)
{
	char **w = calloc(s->nwords + 1, sizeof *w);
	int rc = 0;

	for (size_t i = 0; i < s->nwords && rc == 0; i++) {
		size_t k = 0;

		if (!is_word(s->word[i], option))
			continue;
		for (size_t x = 0; x < s->nwords; x++)
			if (x == i || !is_word(s->word[x], option))
				w[k++] = s->word[x];
		rc = check_member(s, m, n, w, k, path, strchr(s->word[i], '=') + 1, e);
	}
	free(w);
	return rc;
}

/* A field of a CSV line: quotes, doubled quotes. Cuts it out in place; NULL at the end of the line. */
static char *
csv_field(char **p)
{
	char *s = *p, *out, *from;

	if (!s)
		return NULL;
	if (*s != '"') {
		size_t k = strcspn(s, ",\r");

		*p = s[k] == ',' ? s + k + 1 : NULL;
		s[k] = '\0';
		return s;
	}
	out = s;
	for (from = s + 1; *from; from++) {
		if (*from == '"' && from[1] != '"')
			break;
		from += *from == '"';
		*out++ = *from;
	}
	*p = *from && from[1] == ',' ? from + 2 : NULL;
	*out = '\0';
	return s;
}

static int
members_by_scenario(struct submission *s, const char *path, struct member **m, size_t *n, struct err *e)
{
	int fd = !strcmp(s->scenarios, "-") ? 0 : open(s->scenarios, O_RDONLY | O_CLOEXEC), rc = 0;
	struct io_lines in;
	char *line, *head = NULL, **cell = NULL, **w = calloc(s->nwords + 1002, sizeof *w);
	size_t ncells = 0, len;

	if (fd < 0 || !w) {
		free(w);
		return fd < 0 ? err_sys(e, ERR_NOINPUT, "cannot open %s", s->scenarios) : err_nomem(e);
	}
	io_lines_init(&in, fd, (size_t)1 << 20);
	for (size_t i = 0; i < s->nwords; i++)
		w[i] = s->word[i];
	while (rc == 0 && io_lines_next(&in, &line, &len, e) > 0) {
		size_t k = 0;
		char label[64], *f;

		if (!len)
			continue;
		if (!head) {
			head = strdup(line);
			for (char *p = head; (f = csv_field(&p)) && ncells < 1000; ncells++) {
				cell = grow(cell, ncells, sizeof *cell);
				cell[ncells] = f;
			}
			continue;
		}
		for (char *p = line; (f = csv_field(&p)); k++) {
			if (k >= ncells) {
				rc = err_set(e, ERR_DATA, "%s, line %ld: more fields than the %zu of the first line", s->scenarios, in.lineno, ncells);
				break;
			}
			if (asprintf(&w[s->nwords + k], "--set=%s=%s", cell[k], f) < 0)
				rc = err_nomem(e);
		}
		if (rc == 0 && k < ncells)
			rc = err_set(e, ERR_DATA, "%s, line %ld: fewer fields than the %zu of the first line", s->scenarios, in.lineno, ncells);
		snprintf(label, sizeof label, "scenario %ld", in.lineno - 1);
		if (rc == 0)
			rc = check_member(s, m, n, w, s->nwords + k, path, label, e);
		for (size_t i = 0; i < k; i++)
			free(w[s->nwords + i]);
	}
	if (rc == 0 && e->status)
		rc = -1;
	if (rc == 0 && !*n)
		rc = err_set(e, ERR_DATA, "%s: no scenario in it", s->scenarios);
	io_lines_free(&in);
	free(head);
	free(cell);
	free(w);
	return rc;
}

static int
find_members(struct submission *s, const char *path, struct member **m, size_t *n, struct err *e)
{
	if (!s->batch)
		return check_member(s, m, n, s->word, s->nwords, path, "", e);
	if (!count_words(s, "--seed")) { /* the members share their random numbers */
		char seed[32];
		uint64_t x = 0;

		if (getrandom(&x, sizeof x, 0) != (ssize_t)sizeof x)
			return err_sys(e, ERR_OS, "cannot draw a seed");
		snprintf(seed, sizeof seed, "%llu", (unsigned long long)(x >> 11));
		submission_engine_word(s, "seed", seed);
	}
	if (s->scenarios)
		return members_by_scenario(s, path, m, n, e);
	if (count_words(s, "--spec") > 1)
		return members_by_word(s, "--spec", path, m, n, e);
	if (count_words(s, "--target") > 0)
		return members_by_word(s, "--target", path, m, n, e);
	return err_set(e, ERR_USAGE, "--batch wants several targets (-t), several --spec files or --scenarios");
}

int
submit_model(struct submission *s, const char *path, int64_t *id, struct err *e)
{
	struct member *m = NULL;
	size_t n = 0;
	int existing = 0, rc = key_taken(s, id, e);

	if (rc < 0)
		return -1;
	if (rc > 0) {
		existing = 1;
		rc = 0;
	} else {
		rc = find_members(s, path, &m, &n, e);
		if (rc == 0)
			rc = accept_members(s, m, n, m[0].check.model && !*path ? m[0].check.model : path, id, &existing, e);
	}
	for (size_t i = 0; i < n; i++) {
		free_check(&m[i].check);
	}
	free(m);
	if (rc == 0) {
		spool_wake(&s->sp);
		print_job(s, *id, existing);
	}
	return rc;
}

void
submit_workbook(struct submission *s, const char *path)
{
	struct err e = {0};
	int64_t id;

	if (submit_model(s, path, &id, &e) < 0)
		cli_die(&e);
}

/* --- a workbook elsewhere ------------------------------------------------------------------------------------------------- */

/* By sim-call, one request: so this program, which most often fetches nothing, need not carry libcurl. */
static int
fetch(const char *url, const char *path, struct err *e)
{
	char call[PATH_MAX], head[1000], limit[40];
	char *argv[] = {(char *)(uintptr_t)cli_sibling("sim-call", call, sizeof call), (char *)(uintptr_t)"--quiet", (char *)(uintptr_t)"--results-only",
	                (char *)(uintptr_t)"--deadline", (char *)(uintptr_t)"60s", (char *)(uintptr_t)"--redirects", (char *)(uintptr_t)"5", limit, NULL};
	struct buf line = BUF_INIT, out = BUF_INIT;
	struct record r;
	const char *why = NULL;
	int ws;

	snprintf(limit, sizeof limit, "--max-body=%lld", (long long)SUBMIT_MODEL_LIMIT);
	buf_putc(&line, '{');
	record_str(&line, "url", url);
	record_str(&line, "output", path);
	buf_puts(&line, "}\n");
	ws = run_filter(argv, line.s, &out, head, sizeof head, e);
	buf_free(&line);
	if (ws >= 0 && WIFEXITED(ws) && WEXITSTATUS(ws) == 0) {
		buf_free(&out);
		return 0;
	}
	if (ws >= 0 && out.s && record_parse(out.s, strcspn(out.s, "\n"), &r, NULL) == 0) {
		why = record_get_str(&r, "reason") ? record_get_str(&r, "reason") : record_get_str(&r, "error");
		err_set(e, ERR_UNAVAILABLE, "cannot fetch %s: %s", url, why ? why : *head ? head : "no answer");
		record_free(&r);
	} else if (ws >= 0) {
		err_set(e, WIFEXITED(ws) && WEXITSTATUS(ws) > 1 ? WEXITSTATUS(ws) : ERR_UNAVAILABLE, "cannot fetch %s: %s", url, *head ? head : "no answer");
	}
	buf_free(&out);
	return -1;
}

/* A complaint about the copy is one about the URL. */
static void
name_url(struct err *e, const char *path, const char *url)
{
	size_t n = strlen(path);
	char rest[sizeof e->msg];

	if (!n || strncmp(e->msg, path, n))
		return;
	snprintf(rest, sizeof rest, "%s", e->msg + n);
	err_set(e, e->status, "%.300s%.600s", url, rest);
}

void
submit_url(struct submission *s, const char *url)
{
	struct stage st = {""};
	char path[PATH_MAX] = "";
	struct err e = {0};
	int64_t id;
	int rc = key_taken(s, &id, &e);

	if (rc == 0)
		rc = stage_begin(&s->sp, &st, &e);
	if (rc == 0 && (size_t)snprintf(path, sizeof path, "%s/fetched.xlsx", st.path) >= sizeof path)
		rc = err_set(&e, ERR_OS, "the path of the spool is too long");
	if (rc == 0)
		rc = fetch(url, path, &e);
	if (rc >= 0)
		rc = submit_model(s, rc ? url : path, &id, &e); /* a key that is there needs no file */
	if (rc < 0)
		name_url(&e, path, url);
	stage_drop(&st);
	if (rc < 0)
		cli_die(&e);
}

/* --- commands ------------------------------------------------------------------------------------------------------------- */

static char *
working_folder(const struct submission *s)
{
	char *path = realpath(s->folder ? s->folder : ".", NULL);
	struct err e;

	if (!path) {
		err_sys(&e, ERR_NOINPUT, "cannot enter the working folder %s", s->folder ? s->folder : ".");
		cli_die(&e);
	}
	return path;
}

static void
put_list(struct buf *b, const char *key, char *const *v, size_t n)
{
	buf_printf(b, "\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		if (record_quote(b, v[i]) < 0)
			cli_die(&(struct err){.status = ERR_DATA, .msg = "the command, or the name of a file for it, holds text that is no UTF-8"});
	}
	buf_putc(b, ']');
}

static void
put_command(struct buf *b, char *const *argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	put_list(b, "command", argv, n);
}

/* The names of --send in the working folder; they are there now. */
static void
put_send(struct buf *b, const struct submission *s, const char *folder)
{
	char **name = NULL, path[PATH_MAX], clean[PATH_MAX];
	size_t n = strlen(folder);
	struct err e = {0};

	for (size_t i = 0; i < s->nsend; i++) {
		const char *given = s->send[i];

		if (!strncmp(given, folder, n) && given[n] == '/')
			given += n + 1;
		if (bring_name(given, clean) < 0)
			cli_usage("--send: \"%s\" is no name of something in the working folder %s", s->send[i], folder);
		if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, clean) >= sizeof path || access(path, R_OK) < 0) {
			err_sys(&e, ERR_NOINPUT, "--send: cannot read %s", path);
			cli_die(&e);
		}
		name = grow(name, i, sizeof *name);
		name[i] = strdup(clean);
	}
	put_list(b, "send", name, s->nsend);
	for (size_t i = 0; i < s->nsend; i++)
		free(name[i]);
	free(name);
}

/* --result and --send, where the line of a task has no word of its own on them. */
static void
put_files(struct buf *b, const struct submission *s, const char *folder, const struct json *line)
{
	if (s->result && !(line && json_member(line, "result")))
		record_str(b, "result", s->result);
	if (s->nsend && !(line && json_member(line, "send"))) {
		buf_putc(b, ',');
		put_send(b, s, folder);
	}
}

static void
check_text(const char *what, const char *s)
{
	struct buf b = BUF_INIT;

	if (s && (record_quote(&b, s) < 0 || strlen(s) > 1000))
		cli_die(&(struct err){.status = ERR_DATA, .msg = "a name or key is no UTF-8, or longer than 1000 bytes"});
	(void)what;
	buf_free(&b);
}

void
submit_command(struct submission *s)
{
	struct buf task = BUF_INIT;
	struct err e = {0};
	struct job j;
	int64_t turn;
	int existing;

	check_text("--name", s->name);
	check_text("--key", s->key);
	common(s, &j, JOB_COMMAND);
	buf_putc(&task, '{');
	put_command(&task, s->command);
	j.folder = working_folder(s);
	put_files(&task, s, j.folder, NULL);
	buf_putc(&task, '}');
	j.name = (char *)(uintptr_t)s->name;
	j.key = (char *)(uintptr_t)s->key;
	j.task = task.s;
	if (db_begin(s->sp.db, &e) < 0 || job_turn(&s->sp, &turn, &e) < 0 || insert(s, &j, turn, &existing, &e) < 0 ||
	    db_commit(s->sp.db, &e) < 0)
		cli_die(&e);
	spool_wake(&s->sp);
	print_job(s, j.id, existing);
	free(j.folder);
	buf_free(&task);
}

/* --- task lines --------------------------------------------------------------------------------------------------------------- */

struct line_job {
	char *name, *key, *task;     /* of a command */
	int64_t priority;
	struct member m;             /* of a model */
	char *model;
	int64_t id;
	int existing;
};

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
		put_command(&b, s->command);
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
	put_files(&b, s, folder, r->root);
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
	rc = b.s ? dry_run(NULL, 0, NULL, b.s, &x->m.check, e) : err_nomem(e);
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
	x->name = t ? strdup(t) : NULL;
	t = record_get_str(&r, "key");
	x->key = t ? strdup(t) : NULL;
	p = json_member(r.root, "priority");
	x->priority = p ? json_whole(p) : s->priority;
	if (json_member(r.root, "command") || (*s->command && !json_member(r.root, "model")))
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
		common(&one, &j, JOB_COMMAND);
		j.name = x->name;
		j.key = x->key;
		j.task = x->task;
		j.folder = (char *)(uintptr_t)folder;
		if (insert(&one, &j, (*turn)++, &x->existing, e) < 0)
			return -1;
		x->id = j.id;
		return 0;
	}
	if (insert_simulation(&one, &x->m.check, 0, 0, x->name, x->key, "{\"model\":\"model.xlsx\",\"spec\":\"spec.json\"}", turn, &x->id,
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
	char *line, *folder = working_folder(s);
	size_t n = 0, len;
	int64_t turn;
	int rc;

	io_lines_init(&in, 0, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &len, &e)) > 0) {
		if (!len)
			continue;
		v = grow(v, n, sizeof *v);
		st = grow(st, n, sizeof *st);
		st[n].path[0] = '\0';
		rc = read_line(s, line, len, folder, &v[n], &e);
		if (rc == 0 && v[n].model)
			rc = stage_begin(&s->sp, &st[n], &e) < 0 || stage_copy(&st[n], "model.xlsx", v[n].model, SUBMIT_MODEL_LIMIT, &e) < 0 ||
			     stage_write(&st[n], "spec.json", v[n].m.check.spec, strlen(v[n].m.check.spec), &e) < 0 ||
			     copy_files(&v[n].m.check, &st[n], &e) < 0 ||
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
		print_job(s, v[i].id, v[i].existing);
		free(v[i].name);
		free(v[i].key);
		free(v[i].task);
		free_check(&v[i].m.check);
	}
	free(v);
	free(st);
	free(folder);
	io_lines_free(&in);
}
