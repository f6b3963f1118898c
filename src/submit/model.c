/* model: a workbook: a simulation in chunks, a batch of several, from a file or from elsewhere. */
#include "submit/submit_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"

#define CHUNK_TRIALS ((int64_t)4 << 20)  /* half a second or so of a middling model on one processor */
#define CHUNKS_MAX 1000
#define LEAF 256                          /* trials: chunks are whole leaves of the statistics */

/* --- one simulation -------------------------------------------------------------------------------------------------- */

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

		submission_job(s, &j, JOB_ENGINE);
		snprintf(task, sizeof task, "{\"slice\":\"%lld..%lld\"}", (long long)at, (long long)end);
		j.parent = parent;
		j.idx = idx;
		j.task = task;
		j.total = end - at;
		j.unit = (char *)(uintptr_t)"trials";
		if (submission_insert(s, &j, (*turn)++, &existing, e) < 0)
			return -1;
	}
	return 0;
}

int
model_insert(struct submission *s, const struct checked *c, int64_t parent, int64_t idx, const char *name, const char *key,
                  const char *files, int64_t *turn, int64_t *id, int *existing, struct err *e)
{
	int64_t n = chunk_count(s, c->last - c->first);
	struct job j;

	submission_job(s, &j, n > 1 ? JOB_PARENT : JOB_ENGINE);
	j.parent = parent;
	j.idx = idx;
	j.name = (char *)(uintptr_t)name;
	j.key = (char *)(uintptr_t)key;
	j.task = (char *)(uintptr_t)files;
	j.total = c->last - c->first;
	j.unit = (char *)(uintptr_t)"trials";
	if (submission_insert(s, &j, n > 1 ? *turn : (*turn)++, existing, e) < 0)
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

	submission_job(s, &j, JOB_PARENT);
	snprintf(task, sizeof task, "{\"model\":\"%s\"}", model);
	j.name = (char *)(uintptr_t)s->name;
	j.key = (char *)(uintptr_t)s->key;
	j.task = task;
	j.unit = (char *)(uintptr_t)"trials";
	for (size_t i = 0; i < n; i++)
		j.total += m[i].check.last - m[i].check.first;
	if (submission_insert(s, &j, *turn, existing, e) < 0)
		return -1;
	*id = j.id;
	for (size_t i = 0; i < n && !*existing; i++) {
		int64_t child;
		int again;

		snprintf(files, sizeof files, "{\"spec\":\"spec-%zu.json\"}", i + 1);
		if (model_insert(s, &m[i].check, j.id, (int64_t)i, m[i].label, NULL, files, turn, &child, &again, e) < 0)
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
		rc = stage_write(&st, name, m[i].check.spec, strlen(m[i].check.spec), e) < 0 || check_copy(&m[i].check, &st, e) < 0 ? -1 : 0;
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
		rc = model_insert(s, &m[0].check, 0, 0, s->name, s->key, files, &turn, id, existing, e);
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

/* --- batches --------------------------------------------------------------------------------------------------------- */

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
check_member(struct member **m, size_t *n, char *const *words, size_t nwords, const char *path, const char *label,
             struct err *e)
{
	*m = submission_grow(*m, *n, sizeof **m);
	memset(&(*m)[*n], 0, sizeof **m);
	snprintf((*m)[*n].label, sizeof (*m)[*n].label, "%s", label);
	if (check_engine(words, nwords, path, NULL, &(*m)[*n].check, e) < 0)
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
		rc = check_member(m, n, w, k, path, strchr(s->word[i], '=') + 1, e);
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
				cell = submission_grow(cell, ncells, sizeof *cell);
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
			rc = check_member(m, n, w, s->nwords + k, path, label, e);
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
		return check_member(m, n, s->word, s->nwords, path, "", e);
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
	for (size_t i = 0; i < n; i++)
		check_free(&m[i].check);
	free(m);
	if (rc == 0) {
		spool_wake(&s->sp);
		submission_print(s, *id, existing);
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

/* --- a workbook elsewhere -------------------------------------------------------------------------------------------- */

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
	ws = check_run(argv, line.s, &out, head, sizeof head, e);
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
