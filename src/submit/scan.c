/* scan: see scan.h. */
#include "submit/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "common/cli.h"
#include "record/json.h"

static int
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcasecmp(s + n - k, end);
}

/* a/b; a path too long is cut, and then names nothing. */
static void
join(char out[PATH_MAX], const char *a, const char *b)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s", a, b) >= PATH_MAX)
		out[0] = '\0';
}

static int
is_workbook(const char *s)
{
	return ends_in(s, ".xlsx") || ends_in(s, ".xlsm");
}

static int
is_ignored(const char *s)
{
	return s[0] == '.' || !strncmp(s, "~$", 2) || ends_in(s, ".tmp") || ends_in(s, ".part");
}

/* D1 for one file. */
static int
file_complete(const char *path, const struct stat *st, int64_t settle_ns)
{
	int64_t written = clk_of_timespec(&st->st_mtim), changed = clk_of_timespec(&st->st_ctim), now = clk_real_ns();
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), busy;

	if (fd < 0)
		return 0;
	busy = fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	close(fd);
	if (busy)
		return 0;
	return changed > written || now - changed >= settle_ns || changed > now + settle_ns;
}

static int
complete(const char *path, int64_t settle_ns, int depth)
{
	struct stat st;
	struct dirent *d;
	DIR *dir;
	int all = 1, any = 0;

	if (lstat(path, &st) < 0 || depth > 4)
		return 0;
	if (S_ISREG(st.st_mode))
		return file_complete(path, &st, settle_ns);
	if (!S_ISDIR(st.st_mode))
		return 1; /* links and the like: taken, and rejected with the reason */
	dir = opendir(path);
	while (dir && all && (d = readdir(dir))) {
		char sub[PATH_MAX];

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		any = 1;
		all = (size_t)snprintf(sub, sizeof sub, "%s/%s", path, d->d_name) < sizeof sub && complete(sub, settle_ns, depth + 1);
	}
	if (dir)
		closedir(dir);
	return all && any;
}

/* --- one case ---------------------------------------------------------------------------------------------------------- */

/* Finds the workbook and the spec of a case folder: exactly one of each kind at most. */
static int
case_files(const char *folder, char *model, char *spec, struct err *e)
{
	struct dirent *d;
	DIR *dir = opendir(folder);
	int n = 0, k = 0;

	model[0] = spec[0] = '\0';
	if (!dir)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", folder);
	while ((d = readdir(dir))) {
		if (is_ignored(d->d_name))
			continue;
		if (is_workbook(d->d_name) && ++n)
			join(model, folder, d->d_name);
		else if (ends_in(d->d_name, ".json") && ++k)
			join(spec, folder, d->d_name);
	}
	closedir(dir);
	if (n != 1 || k > 1)
		return err_set(e, ERR_DATA, "a case folder holds one workbook and at most one spec (.json); this one has %d and %d", n, k);
	return 0;
}

/* A spec alone names its model: a plain name beside it, or an absolute path. */
static int
spec_model(const char *spec, const char *folder, char *model, struct err *e)
{
	struct buf b = BUF_INIT;
	struct json *j = NULL;
	const char *name;
	int rc = io_read_file(spec, (size_t)64 << 20, &b, e);

	if (rc == 0 && !(j = json_parse_text(b.s ? b.s : "", b.len, e)))
		rc = -1;
	name = j ? json_text(json_member(j, "model")) : NULL;
	if (rc == 0 && !name)
		rc = err_set(e, ERR_DATA, "the spec names no model");
	else if (rc == 0 && name[0] != '/' && strchr(name, '/'))
		rc = err_set(e, ERR_DATA, "the spec's model is no plain name and no absolute path: \"%.200s\"", name);
	else if (rc == 0)
		join(model, name[0] == '/' ? "" : folder, name[0] == '/' ? name + 1 : name);
	if (j)
		json_free(j);
	buf_free(&b);
	return rc;
}

static const char *
case_key(const struct submission *s, const char *name, const struct stat *st, char *out, size_t n)
{
	snprintf(out, n, "scan:%s:%llu:%lld", name, (unsigned long long)st->st_ino, (long long)clk_of_timespec(&st->st_mtim));
	return s->key ? s->key : out;
}

/* A scan that was killed after it had taken in a spec and removed its workbook. */
static int
was_taken(struct submission *s, const char *name, const char *path)
{
	char key[400];
	struct stat st;
	struct err e;
	int64_t id;

	return lstat(path, &st) == 0 &&
	       db_get_int(s->sp.db, &e, &id, "SELECT id FROM job WHERE key=?", "s", case_key(s, name, &st, key, sizeof key)) > 0;
}

static int
take_case(struct submission *s, const char *name, const char *path, const char *new_folder, struct err *e)
{
	char model[PATH_MAX], spec[PATH_MAX] = "", key[400];
	struct submission one = *s;
	struct stat st;
	int64_t id;
	int rc = 0;

	if (lstat(path, &st) < 0)
		return err_sys(e, ERR_NOINPUT, "cannot look at %s", path);
	one.key = case_key(s, name, &st, key, sizeof key); /* D3 */
	if (!one.name)
		one.name = name;
	if (S_ISDIR(st.st_mode))
		rc = case_files(path, model, spec, e);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, ERR_DATA, "neither a file nor a folder");
	else if (is_workbook(name))
		snprintf(model, sizeof model, "%s", path);
	else if (ends_in(name, ".json")) {
		snprintf(spec, sizeof spec, "%s", path);
		rc = spec_model(path, new_folder, model, e);
	} else {
		rc = err_set(e, ERR_DATA, "neither a workbook (.xlsx, .xlsm) nor a spec (.json)");
	}
	if (rc < 0)
		return -1;
	if (*spec) { /* words of its own: the array must not be shared */
		one.word = calloc(s->nwords + 2, sizeof *one.word);
		if (!one.word)
			return err_nomem(e);
		memcpy(one.word, s->word, s->nwords * sizeof *one.word);
		submission_engine_word(&one, "spec", spec);
	}
	return submit_model(&one, model, &id, e);
}

/* 1 if the spec's workbook is still to come, or still being written. Its name, if it lies beside it, in `used`. */
static int
model_to_come(const char *spec, const char *folder, int64_t settle_ns, char used[PATH_MAX])
{
	char model[PATH_MAX];
	struct err e;

	used[0] = '\0';
	if (spec_model(spec, folder, model, &e) < 0 || strncmp(model, folder, strlen(folder)))
		return 0;
	snprintf(used, PATH_MAX, "%s", model + strlen(folder) + 1);
	return !complete(model, settle_ns, 0);
}

/* What has been taken is removed under a name that no scan takes: a folder that is removed by half has another time, and would be taken for new.
   The next scan removes what one that was killed has left of these. */
#define SPENT ".spent."

static void
spend(const char *taking, const char *name, const char *path)
{
	char spent[PATH_MAX], hidden[300];

	snprintf(hidden, sizeof hidden, SPENT "%.200s", name);
	join(spent, taking, hidden);
	if (rename(path, spent) == 0)
		spool_remove_tree(spent, NULL);
}

static void
remove_spent(const char *taking)
{
	DIR *dir = opendir(taking);
	struct dirent *d;
	char path[PATH_MAX];

	while (dir && (d = readdir(dir)))
		if (!strncmp(d->d_name, SPENT, sizeof SPENT - 1)) {
			join(path, taking, d->d_name);
			spool_remove_tree(path, NULL);
		}
	if (dir)
		closedir(dir);
}

/* The reason first: nothing lies there without one. Where it cannot be written, as on a full disk, the next scan tries again. */
static void
reject(const char *new_folder, const char *taking, const char *name, const char *path, const struct err *e)
{
	char to[PATH_MAX], note[PATH_MAX + 16], draft[PATH_MAX], other[300];
	struct io_atomic f;
	struct stat st;
	struct err ignored;

	snprintf(other, sizeof other, ".rejected/%.200s", name);
	join(to, new_folder, other);
	if (lstat(to, &st) == 0) { /* an earlier one of that name */
		snprintf(other, sizeof other, ".rejected/%.200s.%lld", name, (long long)clk_real_ns());
		join(to, new_folder, other);
	}
	snprintf(note, sizeof note, "%s.reason", to);
	join(draft, taking, SPENT "reason");
	if (io_atomic_open(&f, draft, &ignored) < 0)
		return;
	if (io_write_all(f.fd, e->msg, strlen(e->msg)) < 0 || io_write_all(f.fd, "\n", 1) < 0)
		io_atomic_abort(&f);
	else if (io_atomic_commit(&f, &ignored) == 0 && rename(draft, note) == 0)
		rename(path, to);
}

/* --- the folder ---------------------------------------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char **
grow_names(char **v, size_t n)
{
	v = realloc(v, (n + 1) * sizeof *v);
	if (!v)
		cli_die(&(struct err){.status = ERR_OS, .msg = "out of memory"});
	return v;
}

static size_t
list(const char *folder, char ***names)
{
	DIR *dir = opendir(folder);
	struct dirent *d;
	size_t n = 0;

	*names = NULL;
	while (dir && (d = readdir(dir))) {
		if (is_ignored(d->d_name))
			continue;
		*names = grow_names(*names, n);
		(*names)[n++] = strdup(d->d_name);
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(*names, n, sizeof **names, by_name);
	return n;
}

static void
free_names(char **v, size_t n)
{
	while (n)
		free(v[--n]);
	free(v);
}

static int
lock_folder(const char *folder)
{
	char path[PATH_MAX];
	struct err e;
	int fd;

	join(path, folder, ".lock");
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		err_sys(&e, ERR_CANTCREAT, "cannot create %s", path);
		cli_die(&e);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) { /* D2: another scanner is at it */
		close(fd);
		return -1;
	}
	return fd;
}

static int
is_among(const char *s, char *const *v, size_t n)
{
	while (n)
		if (!strcmp(v[--n], s))
			return 1;
	return 0;
}

int
scan_folder(struct submission *s, const struct scan_options *o)
{
	char folder[PATH_MAX], taking[PATH_MAX], path[PATH_MAX], to[PATH_MAX], **name, **spent = NULL, **spec = NULL, **later = NULL, used[PATH_MAX];
	int fd, rejected = 0;
	size_t n, nspent = 0, nlater = 0;
	int hold = 0;

	spool_path(&s->sp, folder, sizeof folder, "new");
	spool_path(&s->sp, taking, sizeof taking, "new/.rejected");
	mkdir(taking, 0700);
	spool_path(&s->sp, taking, sizeof taking, "new/.taking");
	mkdir(taking, 0700);
	fd = lock_folder(folder);
	if (fd < 0) {
		cli_warn("another sim-submit --scan is at work on %s", folder);
		return 0;
	}
	remove_spent(taking);
	n = list(taking, &name); /* D3 */
	for (size_t i = 0; i < n; i++) {
		join(path, taking, name[i]);
		join(to, folder, name[i]);
		if (access(to, F_OK) < 0)
			rename(path, to);
	}
	free_names(name, n);
	n = list(folder, &name);
	/* specs first: the workbook they name must still lie beside them */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			struct err e = {0};

			if (ends_in(name[i], ".json") == pass)
				continue;
			join(path, folder, name[i]);
			join(to, taking, name[i]);
			if (pass == 1 && (is_among(name[i], later, nlater) || (hold && is_workbook(name[i]))))
				continue; /* it, or its spec, has settled since: they are taken together, next time */
			if (!complete(path, o->settle_ns, 0)) {
				hold |= pass == 0;
				continue;
			}
			if (pass == 0 && model_to_come(path, folder, o->settle_ns, used)) {
				if (was_taken(s, name[i], path))
					unlink(path);
				later = grow_names(later, nlater);
				later[nlater++] = strdup(used);
				continue;
			}
			if (pass == 1 && is_among(name[i], spent, nspent)) { /* a spec's: copied with it */
				unlink(path);
				continue;
			}
			if (rename(path, to) < 0)
				continue;
			if (take_case(s, name[i], to, folder, &e) < 0) {
				if (e.status == ERR_TEMPFAIL || e.status == ERR_IO || e.status == ERR_OS || e.status == ERR_CANTCREAT) {
					rename(to, path); /* not its fault: it waits for the next scan */
					cli_die(&e);
				}
				cli_warn("%s rejected: %s", name[i], e.msg);
				reject(folder, taking, name[i], to, &e);
				rejected = 1;
				continue;
			}
			if (pass == 0 && *used) { /* D5 */
				spent = grow_names(spent, nspent);
				spec = grow_names(spec, nspent);
				spent[nspent] = strdup(used);
				spec[nspent++] = strdup(to);
			} else {
				spend(taking, name[i], to);
			}
		}
	for (size_t i = 0; i < nspent; i++)
		unlink(spec[i]);
	free_names(name, n);
	free_names(spent, nspent);
	free_names(spec, nspent);
	free_names(later, nlater);
	close(fd);
	return rejected ? ERR_NO : 0;
}
