/* hosts: see hosts.h. The file is read whole before anything of it is used, so that a mistake anywhere is told at once. */
#include "remote/hosts.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/num.h"
#include "base/utf8.h"

#define FILE_LIMIT ((size_t)1 << 20)
#define NAME_LIMIT 64
#define WORDS_LIMIT 256
#define S ((int64_t)1000000000)

static const char *const kind_name[HOST_NKINDS] = {"slurm", "ssh", "pueue"};

const char *
host_kind_name(enum host_kind k)
{
	return kind_name[k];
}

static int
parse_kind(const char *s)
{
	for (int k = 0; k < HOST_NKINDS; k++)
		if (!strcmp(s, kind_name[k]))
			return k;
	return -1;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

/* What may follow ssh's options, and a scheduler's --partition=: no blanks, nothing that begins an option. */
static const char *
bad_word(const char *s)
{
	if (!*s)
		return "is empty";
	if (*s == '-')
		return "begins with a hyphen";
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return "holds a blank or a control character";
	return NULL;
}

static int
set_word(struct host *h, void *at, const char *value, struct err *e)
{
	const char *bad = bad_word(value);

	if (bad)
		return err_set(e, ERR_DATA, "\"%s\" %s", value, bad);
	*(char **)at = arena_strdup(&h->arena, value);
	return 0;
}

static int
set_folder(struct host *h, void *at, const char *value, struct err *e)
{
	size_t n = strlen(value);

	if (!n)
		return err_set(e, ERR_DATA, "a folder is wanted");
	for (const char *s = value; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return err_set(e, ERR_DATA, "a folder holds no control characters");
	if (*value == '-')
		return err_set(e, ERR_DATA, "\"%s\" begins with a hyphen", value);
	if (n > 1000)
		return err_set(e, ERR_DATA, "a folder of %zu bytes is too long", n);
	while (n > 1 && value[n - 1] == '/')
		n--;
	*(char **)at = arena_strndup(&h->arena, value, n);
	return 0;
}

static int
set_absolute(struct host *h, void *at, const char *value, struct err *e)
{
	if (*value != '/')
		return err_set(e, ERR_DATA, "\"%s\" is not absolute", value);
	return set_folder(h, at, value, e);
}

static int
set_span(struct host *h, void *at, const char *value, struct err *e)
{
	int64_t ns;

	(void)h;
	if (num_parse_duration(value, &ns) < 0)
		return err_set(e, ERR_DATA, "\"%s\" is no span of time (2s, 500ms, 1min)", value);
	if (ns < S / 10 || ns > 3600 * S)
		return err_set(e, ERR_DATA, "\"%s\" is not between 100ms and 1h", value);
	*(int64_t *)at = ns;
	return 0;
}

/* Words parted by blanks; '…' and "…" hold blanks, \ takes the next character as it is (not within '…'). */
static int
next_word(const char **at, struct buf *word, struct err *e)
{
	const char *s = *at;
	char quote = 0;

	while (*s == ' ' || *s == '\t')
		s++;
	if (!*s)
		return 0;
	buf_clear(word);
	buf_puts(word, "");
	for (; *s && (quote || (*s != ' ' && *s != '\t')); s++) {
		if (quote ? *s == quote : *s == '\'' || *s == '"') {
			quote = quote ? 0 : *s;
		} else if (*s == '\\' && quote != '\'') {
			if (!*++s)
				return err_set(e, ERR_DATA, "nothing follows the last \\");
			buf_putc(word, *s);
		} else {
			buf_putc(word, *s);
		}
	}
	if (quote)
		return err_set(e, ERR_DATA, "a %c is not closed", quote);
	*at = s;
	return word->s ? 1 : err_nomem(e);
}

static int
set_words(struct host *h, void *at, const char *value, struct err *e)
{
	struct buf word = BUF_INIT;
	char *v[WORDS_LIMIT + 1];
	size_t n = 0;
	int rc;

	while ((rc = next_word(&value, &word, e)) > 0) {
		if (n == WORDS_LIMIT) {
			rc = err_set(e, ERR_DATA, "more than %d words", WORDS_LIMIT);
			break;
		}
		v[n++] = arena_strdup(&h->arena, word.s);
	}
	buf_free(&word);
	v[n] = NULL;
	if (rc == 0)
		*(char ***)at = arena_memdup(&h->arena, v, (n + 1) * sizeof *v);
	return rc;
}

static int
set_count(struct host *h, void *at, const char *value, struct err *e)
{
	(void)h;
	if (num_parse_int(value, 0, 100000, at) < 0)
		return err_set(e, ERR_DATA, "\"%s\" is no number from 0", value);
	return 0;
}

static int
set_kind(struct host *h, void *at, const char *value, struct err *e)
{
	int k = parse_kind(value);

	(void)h;
	if (k < 0)
		return err_set(e, ERR_DATA, "\"%s\" is no kind (slurm, ssh, pueue)", value);
	*(enum host_kind *)at = (enum host_kind)k;
	return 0;
}

static int
set_work(struct host *h, void *at, const char *value, struct err *e)
{
	(void)h;
	if (strcmp(value, "same") && strcmp(value, "own"))
		return err_set(e, ERR_DATA, "\"%s\" is neither same nor own", value);
	*(int *)at = !strcmp(value, "own");
	return 0;
}

#define ANY ((1u << HOST_NKINDS) - 1)
#define ON(kind) (1u << (kind))

/* The keys of a section, and the kinds that know them. */
static const struct key {
	const char *name;
	int (*set)(struct host *, void *, const char *, struct err *);
	size_t at;
	unsigned kinds;
} keys[] = {
	{"kind", set_kind, offsetof(struct host, kind), ANY},
	{"host", set_word, offsetof(struct host, host), ANY},
	{"folder", set_folder, offsetof(struct host, folder), ANY},
	{"shared", set_absolute, offsetof(struct host, shared), ANY},
	{"work", set_work, offsetof(struct host, apart), ANY},
	{"programs", set_absolute, offsetof(struct host, programs), ANY},
	{"ssh-options", set_words, offsetof(struct host, ssh_options), ANY},
	{"poll", set_span, offsetof(struct host, poll_ns), ANY},
	{"cpus", set_count, offsetof(struct host, cpus), ON(HOST_SSH)},
	{"gpus", set_count, offsetof(struct host, gpus), ON(HOST_SSH)},
	{"margin", set_span, offsetof(struct host, margin_ns), ON(HOST_SLURM)},
	{"partition", set_word, offsetof(struct host, partition), ON(HOST_SLURM)},
	{"account", set_word, offsetof(struct host, account), ON(HOST_SLURM)},
	{"constraint", set_word, offsetof(struct host, constraint), ON(HOST_SLURM)},
	{"group", set_word, offsetof(struct host, group), ON(HOST_PUEUE)},
	{"options", set_words, offsetof(struct host, options), ON(HOST_SLURM) | ON(HOST_PUEUE)},
};
#define NKEYS (sizeof keys / sizeof keys[0])

/* --- the file ------------------------------------------------------------------------------------------------------------ */

struct section {
	struct host h;
	long line;
	long key_line[NKEYS];   /* where each was said; 0: not at all */
};

struct file {
	const char *path;
	struct section *v;
	size_t n;
};

static void
defaults(struct host *h)
{
	static char *none[1];

	h->folder = arena_strdup(&h->arena, HOST_FOLDER_DEFAULT);
	h->options = h->ssh_options = none;
	h->cpus = h->gpus = -1;
	h->poll_ns = 2 * S;
	h->margin_ns = 60 * S;
}

static char *
trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = '\0';
	return s;
}

static int
name_ok(const char *s)
{
	size_t n = strlen(s);

	return n && n <= NAME_LIMIT && isalnum((unsigned char)*s) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static int
begin_section(struct file *f, char *text, long line, struct err *e)
{
	size_t n = strlen(text);
	struct section *v;
	char *name;

	if (text[n - 1] != ']')
		return err_set(e, ERR_DATA, "a section is [NAME], alone on its line");
	text[n - 1] = '\0';
	name = trim(text + 1);
	if (!name_ok(name))
		return err_set(e, ERR_DATA, "\"%s\" is no name: letters, digits, . _ -, at most %d of them", name, NAME_LIMIT);
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].h.name, name))
			return err_set(e, ERR_DATA, "[%s] is there already, in line %ld", name, f->v[i].line);
	v = realloc(f->v, (f->n + 1) * sizeof *v);
	if (!v)
		return err_nomem(e);
	f->v = v;
	v += f->n++;
	memset(v, 0, sizeof *v);
	v->line = line;
	v->h.name = arena_strdup(&v->h.arena, name);
	defaults(&v->h);
	return 0;
}

static int
take_key(struct section *s, char *text, long line, struct err *e)
{
	char *eq = strchr(text, '='), *name, *value;

	if (!eq)
		return err_set(e, ERR_DATA, "neither [NAME] nor KEY = VALUE");
	*eq = '\0';
	name = trim(text);
	value = trim(eq + 1);
	if (!s)
		return err_set(e, ERR_DATA, "\"%s\" stands before the first [NAME]", name);
	for (size_t k = 0; k < NKEYS; k++) {
		if (strcmp(name, keys[k].name))
			continue;
		if (s->key_line[k])
			return err_set(e, ERR_DATA, "%s was said already, in line %ld", name, s->key_line[k]);
		s->key_line[k] = line;
		if (keys[k].set(&s->h, (char *)&s->h + keys[k].at, value, e) < 0)
			return err_prefix(e, "%s", name);
		return 0;
	}
	return err_set(e, ERR_DATA, "\"%s\" is no key of a host; see sim-hosts(5)", name);
}

static int
take_line(struct file *f, char *text, size_t n, long line, struct err *e)
{
	char *s;

	if (memchr(text, '\0', n))
		return err_set(e, ERR_DATA, "holds a NUL");
	if (!utf8_valid(text, n))
		return err_set(e, ERR_DATA, "is no UTF-8");
	s = trim(text);
	if (!*s || *s == '#' || *s == ';')
		return 0;
	if (*s == '[')
		return begin_section(f, s, line, e);
	return take_key(f->n ? &f->v[f->n - 1] : NULL, s, line, e);
}

/* Of sbatch's, what would make of a job something else than one job that is held until its number is known. */
static const char *
other_job(const struct host *h)
{
	static const char *const word[] = {"--array", "-a", "--wrap", "--test-only", "--wait", "-W", "--job-name", "-J"};

	for (char **o = h->options; h->kind == HOST_SLURM && *o; o++)
		for (size_t i = 0; i < sizeof word / sizeof word[0]; i++) {
			size_t n = strlen(word[i]);

			if (!strncmp(*o, word[i], n) && (word[i][1] != '-' || !(*o)[n] || (*o)[n] == '='))
				return word[i];
		}
	return NULL;
}

/* What only the whole section shows. The line to blame is put into *line. */
static int
check_section(const struct section *s, long *line, struct err *e)
{
	*line = s->line;
	if (!s->key_line[0])
		return err_set(e, ERR_DATA, "[%s] has no kind", s->h.name);
	if (s->h.kind == HOST_SSH && !s->h.host)
		return err_set(e, ERR_DATA, "[%s] is of kind ssh and names no host", s->h.name);
	for (size_t k = 0; k < NKEYS; k++) {
		*line = s->key_line[k];
		if (*line && !(keys[k].kinds & ON(s->h.kind)))
			return err_set(e, ERR_DATA, "%s means nothing where kind = %s", keys[k].name, kind_name[s->h.kind]);
		if (*line && !strcmp(keys[k].name, "options") && other_job(&s->h))
			return err_set(e, ERR_DATA, "options: %s is not for sbatch here: one job is one of Slurm's, under its own name", other_job(&s->h));
		if (*line && !strcmp(keys[k].name, "ssh-options") && !s->h.host)
			return err_set(e, ERR_DATA, "ssh-options means nothing without a host");
	}
	return 0;
}

static void
free_file(struct file *f)
{
	for (size_t i = 0; i < f->n; i++)
		arena_free(&f->v[i].h.arena);
	free(f->v);
	f->v = NULL;
	f->n = 0;
}

static int
read_file(struct file *f, const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	long line = 0;
	int rc;

	*f = (struct file){.path = path};
	rc = io_read_file(path, FILE_LIMIT, &b, e);
	for (size_t at = 0; rc == 0 && at < b.len;) {
		char *nl = memchr(b.s + at, '\n', b.len - at);
		size_t n = nl ? (size_t)(nl - b.s) - at : b.len - at;

		b.s[at + n] = '\0';
		line++;
		if (take_line(f, b.s + at, n, line, e) < 0)
			rc = err_prefix(e, "%s:%ld", path, line);
		at += n + 1;
	}
	for (size_t i = 0; rc == 0 && i < f->n; i++)
		if (check_section(&f->v[i], &line, e) < 0)
			rc = err_prefix(e, "%s:%ld", path, line);
	buf_free(&b);
	if (rc < 0)
		free_file(f);
	return rc;
}

/* --- which one ------------------------------------------------------------------------------------------------------------- */

/* Path of the file in use; NULL with e->status 0: there is none. Caller frees. */
static char *
file_in_use(struct err *e)
{
	const char *said = getenv("SIM_HOSTS"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *path = NULL;

	if (said && *said)
		return strdup(said);
	if (config && *config == '/') {
		if (asprintf(&path, "%s/simspool/hosts", config) < 0)
			path = NULL;
	} else if (home && *home == '/') {
		if (asprintf(&path, "%s/.config/simspool/hosts", home) < 0)
			path = NULL;
	}
	if (path && access(path, F_OK) == 0)
		return path;
	free(path);
	if (access("/etc/simspool/hosts", F_OK) < 0)
		return NULL;
	path = strdup("/etc/simspool/hosts");
	if (!path)
		err_nomem(e);
	return path;
}

static struct section *
section(const struct file *f, const char *name, size_t n)
{
	for (size_t i = 0; i < f->n; i++)
		if (strlen(f->v[i].h.name) == n && !strncmp(f->v[i].h.name, name, n))
			return &f->v[i];
	return NULL;
}

/* The section becomes the caller's host. */
static void
take_section(struct section *s, struct host *h)
{
	*h = s->h;
	memset(&s->h.arena, 0, sizeof s->h.arena);
}

/* PART of NAME:PART. */
static int
take_part(struct host *h, const char *part, const char *on, struct err *e)
{
	if (!part)
		return 0;
	if (bad_word(part))
		return err_set(e, ERR_USAGE, "--on %s: \"%s\" %s", on, part, bad_word(part));
	if (h->kind == HOST_SSH)
		return err_set(e, ERR_USAGE, "--on %s: %s is of kind ssh, which has no parts", on, h->name);
	*(h->kind == HOST_SLURM ? &h->partition : &h->group) = arena_strdup(&h->arena, part);
	return 0;
}

/* ssh:HOST and pueue:HOST[/GROUP]: a section of that kind, else an ssh destination. */
static int
take_destination(struct file *f, struct host *h, const char *dest, size_t n, const char *on, struct err *e)
{
	enum host_kind kind = h->kind;
	struct section *s = section(f, dest, n);
	char *word;

	if (s && s->h.kind == kind) {
		arena_free(&h->arena);
		take_section(s, h);
		return 0;
	}
	word = arena_strndup(&h->arena, dest, n);
	if (bad_word(word))
		return err_set(e, ERR_USAGE, "--on %s: \"%s\" %s", on, word, bad_word(word));
	h->host = h->name = word;
	return 0;
}

static int
without_section(struct file *f, struct host *h, const char *part, const char *on, struct err *e)
{
	const char *slash;
	size_t n;

	defaults(h);
	h->name = arena_strdup(&h->arena, kind_name[h->kind]);
	if (h->kind == HOST_SLURM)
		return take_part(h, part, on, e);
	if (h->kind == HOST_SSH && !part)
		return err_set(e, ERR_USAGE, "--on ssh:HOST: a host is wanted");
	if (!part)
		return 0;
	slash = h->kind == HOST_PUEUE ? strrchr(part, '/') : NULL;
	n = slash ? (size_t)(slash - part) : strlen(part);
	if ((n || !slash) && take_destination(f, h, part, n, on, e) < 0)
		return -1;
	return slash ? take_part(h, slash + 1, on, e) : 0;
}

static int
choose(struct file *f, struct host *h, const char *on, struct err *e)
{
	size_t n = strcspn(on, ":");
	const char *part = on[n] ? on + n + 1 : NULL;
	struct section *s = section(f, on, n);
	char first[NAME_LIMIT + 1] = "";
	int kind;

	snprintf(first, sizeof first, "%.*s", (int)(n > NAME_LIMIT ? NAME_LIMIT : n), on);
	kind = parse_kind(first);
	if (s && !(part && (kind == HOST_SSH || kind == HOST_PUEUE))) { /* ssh:HOST, pueue:HOST: what follows is no part */
		take_section(s, h);
		return take_part(h, part, on, e);
	}
	if (kind >= 0) {
		h->kind = (enum host_kind)kind;
		return without_section(f, h, part, on, e);
	}
	return err_set(e, ERR_USAGE, "--on %s: no host of that name%s%s; slurm[:PARTITION], ssh:HOST and pueue[:HOST][/GROUP] need none", on,
	               f->path ? " in " : "", f->path ? f->path : ", and no sim-hosts(5) file");
}

int
host_find_in(struct host *h, const char *on, const char *path, struct err *e)
{
	struct file f = {.path = NULL};
	int rc;

	memset(h, 0, sizeof *h);
	if (path && read_file(&f, path, e) < 0)
		return -1;
	rc = choose(&f, h, on, e);
	if (rc == 0)
		h->on = arena_strdup(&h->arena, on);
	free_file(&f);
	if (rc < 0)
		host_free(h);
	return rc;
}

int
host_find(struct host *h, const char *on, struct err *e)
{
	struct err why = {0};
	char *path = file_in_use(&why);
	int rc;

	if (!path && why.status)
		return err_set(e, why.status, "%s", why.msg);
	rc = host_find_in(h, on, path, e);
	free(path);
	return rc;
}

void
host_free(struct host *h)
{
	arena_free(&h->arena);
	memset(h, 0, sizeof *h);
}
