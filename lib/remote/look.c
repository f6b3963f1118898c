/* look: see look.h. */
#include "remote/look.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "base/proc.h"
#include "record/record.h"
#include "spool/attempt.h"

static int
path_of(const char *folder, const char *name, char out[PATH_MAX], struct err *e)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return err_set(e, ERR_OS, "the path of an attempt's folder is too long");
	return 0;
}

/* --- here --------------------------------------------------------------------------------------------------------------- */

/* link() and not O_EXCL: the marker is whole from the moment it is there. That link() failed proves nothing on NFS; two names do. */
int
look_mark(const char *folder, const char *text, struct err *e)
{
	char tmp[PATH_MAX], path[PATH_MAX];
	struct stat st;
	int fd, rc = -1;

	if (path_of(folder, ".marker-XXXXXX", tmp, e) < 0 || path_of(folder, "marker", path, e) < 0)
		return -1;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_TEMPFAIL, "cannot create a file in %s", folder);
	if (io_write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
		err_sys(e, ERR_TEMPFAIL, "cannot write %s", tmp);
	else if (link(tmp, path) == 0 || (fstat(fd, &st) == 0 && st.st_nlink == 2))
		rc = 1;
	else if (errno == EEXIST)
		rc = 0;
	else
		err_sys(e, ERR_TEMPFAIL, "cannot create %s", path);
	close(fd);
	unlink(tmp);
	if (rc > 0 && io_sync_folder(folder) < 0)
		return err_sys(e, ERR_TEMPFAIL, "cannot sync %s", folder);
	return rc;
}

static void
read_marker(const char *text, struct look *l)
{
	l->marked = 1;
	l->fenced = !strncmp(text, "fenced", 6);
	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		char word[16], value[128];

		if (sscanf(p, "%15s %127s", word, value) != 2)
			continue;
		if (!strcmp(word, "host"))
			snprintf(l->host, sizeof l->host, "%s", value);
		else if (!strcmp(word, "boot"))
			snprintf(l->boot, sizeof l->boot, "%.39s", value);
		else if (!strcmp(word, "pid"))
			num_parse_int(value, 1, INT32_MAX, &l->pid);
		else if (!strcmp(word, "start"))
			num_parse_u64(value, &l->start);
	}
}

/* The other machine's view may be cached (NFS): opening a folder asks for it anew. */
static int
folder_there(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	close(fd);
	return 1;
}

static int
read_events(const char *folder, int64_t offset, size_t max, struct look *l, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t n = 0;
	int fd;

	if (path_of(folder, "events.ndjson", path, e) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_TEMPFAIL, "cannot open %s", path);
	if (fstat(fd, &st) == 0)
		l->size = st.st_size;
	if (l->size > offset && (int64_t)max > l->size - offset)
		max = (size_t)(l->size - offset);
	if (l->size > offset && max && buf_reserve(&l->bytes, max + 1) == 0) {
		while (l->bytes.len < max && (n = pread(fd, l->bytes.s + l->bytes.len, max - l->bytes.len, offset + (int64_t)l->bytes.len)) > 0)
			l->bytes.len += (size_t)n;
		l->bytes.s[l->bytes.len] = '\0';
	}
	close(fd);
	return n < 0 ? err_sys(e, ERR_TEMPFAIL, "cannot read %s", path) : 0;
}

/* Whether anybody is at it. A marker of this machine's earlier boot: nobody. */
static void
who_lives(const char *folder, struct look *l)
{
	char path[PATH_MAX], boot[PROC_BOOT] = "", host[128] = "";
	struct attempt_probe p = {0};
	int fd;

	if (!l->marked || l->fenced || proc_boot_id(boot, NULL) < 0 || gethostname(host, sizeof host - 1) < 0)
		return;
	if (strcmp(boot, l->boot)) {
		l->keeper_locked = strcmp(host, l->host) ? -1 : 0;
		return;
	}
	if (path_of(folder, "lock", path, NULL) < 0)
		return;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		attempt_read_lock(fd, &p);
		close(fd);
	} else if (errno != ENOENT) {
		return;
	}
	if (proc_alive(p.stage) && !proc_stopped(p.keeper)) /* both, and it is the scheduler that has stopped all of it */
		l->stopped = proc_stopped(p.stage);
	/* between the marker and the lock */
	if (!p.keeper_locked && l->pid > 0 && proc_alive((struct proc_id){(pid_t)l->pid, l->start}))
		p.keeper_locked = 1;
	l->orphan = p.stage_locked && !p.keeper_locked;
	l->keeper_locked = p.keeper_locked || p.stage_locked;
}

/* The result before the output: when it is there, all of the output is. */
int
look_here(const char *folder, int64_t offset, size_t max, struct look *l, struct err *e)
{
	struct buf bytes = l->bytes, text = BUF_INIT;
	char path[PATH_MAX];

	buf_clear(&bytes);
	memset(l, 0, sizeof *l);
	l->bytes = bytes;
	l->keeper_locked = l->stopped = -1;
	l->exists = folder_there(folder);
	if (l->exists <= 0)
		return l->exists < 0 ? err_sys(e, ERR_TEMPFAIL, "cannot open %s", folder) : 0;
	if (path_of(folder, "result", path, e) < 0)
		return -1;
	l->has_result = access(path, F_OK) == 0;
	if (!l->has_result && errno != ENOENT)
		return err_sys(e, ERR_TEMPFAIL, "cannot look at %s", path);
	path_of(folder, "work", path, NULL);
	l->work = access(path, F_OK) == 0;
	path_of(folder, "marker", path, NULL);
	if (access(path, F_OK) == 0) {
		if (io_read_file(path, 4096, &text, e) < 0) {
			buf_free(&text);
			e->status = ERR_TEMPFAIL;
			return -1;
		}
		read_marker(text.s ? text.s : "", l);
		buf_free(&text);
		if (!l->has_result) {
			who_lives(folder, l);
			path_of(folder, "result", path, NULL);
			l->has_result = access(path, F_OK) == 0; /* written before the lock went */
		}
	} else if (errno != ENOENT) {
		return err_sys(e, ERR_TEMPFAIL, "cannot look at %s", path);
	}
	return read_events(folder, offset, max, l, e);
}

int
look_stop_here(const char *folder, const char *why, struct err *e)
{
	char path[PATH_MAX];
	struct io_atomic f;

	if (path_of(folder, "stop", path, e) < 0 || io_atomic_open(&f, path, e) < 0)
		return -1;
	if (io_write_all(f.fd, why, strlen(why)) < 0 || io_write_all(f.fd, "\n", 1) < 0) {
		err_sys(e, ERR_TEMPFAIL, "cannot write %s", path);
		io_atomic_abort(&f);
		return -1;
	}
	return io_atomic_commit(&f, e);
}

static int
make_all(const char *folder, struct err *e)
{
	char path[PATH_MAX];

	if (path_of(folder, "", path, e) < 0)
		return -1;
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_TEMPFAIL, "cannot create %s", path);
		*p = '/';
	}
	return 0;
}

int
look_fence_here(const char *folder, const char *why, struct err *e)
{
	struct look l = {.exists = 0};
	char text[300];
	int rc;

	snprintf(text, sizeof text, "fenced %.200s\n", why);
	if (make_all(folder, e) < 0)
		return -1;
	rc = look_mark(folder, text, e);
	if (rc)
		return rc;
	rc = look_here(folder, 0, 0, &l, e);
	buf_free(&l.bytes);
	return rc < 0 ? -1 : l.fenced;
}

/* --- there -------------------------------------------------------------------------------------------------------------- */

/* sim-remote ACTION FOLDER …; what it prints is in out. Its status, or -1. */
static int
ask(struct site *s, const char *action, const char *folder, const char *a, const char *b, struct buf *out, int64_t until, struct err *e)
{
	char *argv[] = {s->program, (char *)(uintptr_t)action, (char *)(uintptr_t)folder, (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL};
	struct buf said = BUF_INIT;
	int status = 0, rc = site_run(s, argv, NULL, 0, out, &said, &status, until, e);

	if (rc == 0 && status > 1)
		rc = err_set(e, ERR_TEMPFAIL, "%s over there: status %d: %.300s", action, status, said.s ? said.s : "");
	buf_free(&said);
	return rc < 0 ? -1 : status;
}

const char *
look_seen(const struct site *s, const char *folder, char out[PATH_MAX])
{
	size_t n = strlen(s->folder);

	if (!*s->seen || strncmp(folder, s->folder, n))
		return NULL;
	return (size_t)snprintf(out, PATH_MAX, "%s%s", s->seen, folder + n) < PATH_MAX ? out : NULL;
}

int
look_write(const struct look *l, struct buf *b)
{
	int rc = record_begin(b, "look", NULL, 0);

	rc |= record_bool(b, "exists", l->exists);
	rc |= record_bool(b, "marked", l->marked);
	rc |= record_bool(b, "fenced", l->fenced);
	rc |= record_str(b, "host", l->host);
	rc |= record_str(b, "boot", l->boot);
	rc |= record_int(b, "pid", l->pid);
	rc |= record_u64(b, "start", l->start);
	rc |= record_bool(b, "has_result", l->has_result);
	rc |= record_int(b, "keeper", l->keeper_locked);
	rc |= record_int(b, "stopped", l->stopped);
	rc |= record_bool(b, "orphan", l->orphan);
	rc |= record_bool(b, "work", l->work);
	rc |= record_int(b, "size", l->size);
	rc |= record_int(b, "bytes", (int64_t)l->bytes.len);
	rc |= record_end(b);
	return rc | buf_add(b, l->bytes.s ? l->bytes.s : "", l->bytes.len);
}

static int
look_parse(struct buf *text, struct look *l, struct err *e)
{
	char *nl = text->s ? memchr(text->s, '\n', text->len) : NULL;
	struct json *o = nl ? json_parse_text(text->s, (size_t)(nl - text->s), NULL) : NULL;
	const char *host = json_text(json_member(o, "host")), *boot = json_text(json_member(o, "boot"));
	const char *start = json_text(json_member(o, "start"));
	size_t rest = nl ? text->len - (size_t)(nl + 1 - text->s) : 0;
	int64_t n = o ? json_whole(json_member(o, "bytes")) : -1;

	if (o) {
		l->exists = json_truth(json_member(o, "exists"));
		l->marked = json_truth(json_member(o, "marked"));
		l->fenced = json_truth(json_member(o, "fenced"));
		l->has_result = json_truth(json_member(o, "has_result"));
		l->size = json_whole(json_member(o, "size"));
		l->pid = json_whole(json_member(o, "pid"));
		l->keeper_locked = (int)json_whole(json_member(o, "keeper"));
		if (json_member(o, "stopped"))
			l->stopped = (int)json_whole(json_member(o, "stopped"));
		l->orphan = json_truth(json_member(o, "orphan"));
		l->work = json_truth(json_member(o, "work"));
		num_parse_u64(start ? start : "0", &l->start);
		snprintf(l->boot, sizeof l->boot, "%s", boot ? boot : "");
		snprintf(l->host, sizeof l->host, "%s", host ? host : "");
	}
	json_free(o);
	if (n < 0 || (size_t)n != rest) /* cut off, or not from sim-remote */
		return err_set(e, ERR_TEMPFAIL, "what came from the other side is not whole");
	return buf_add(&l->bytes, nl + 1, rest) < 0 ? err_nomem(e) : 0;
}

int
look_at(struct site *s, const char *folder, int64_t offset, size_t max, struct look *l, int64_t until, struct err *e)
{
	char path[PATH_MAX], from[24], most[24];
	struct buf out = BUF_INIT, bytes = l->bytes;
	int rc;

	if (look_seen(s, folder, path))
		return look_here(path, offset, max, l, e);
	buf_clear(&bytes);
	memset(l, 0, sizeof *l);
	l->bytes = bytes;
	l->keeper_locked = l->stopped = -1;
	snprintf(from, sizeof from, "%lld", (long long)offset);
	snprintf(most, sizeof most, "%zu", max);
	rc = ask(s, "--look", folder, from, most, &out, until, e);
	if (rc > 0)
		rc = err_set(e, ERR_TEMPFAIL, "sim-remote --look over there: status %d", rc);
	if (rc == 0)
		rc = look_parse(&out, l, e);
	buf_free(&out);
	return rc;
}

int
look_fence(struct site *s, const char *folder, const char *why, int64_t until, struct err *e)
{
	char path[PATH_MAX];
	int rc;

	if (look_seen(s, folder, path))
		return look_fence_here(path, why, e);
	rc = ask(s, "--fence", folder, why, NULL, NULL, until, e);
	return rc < 0 ? -1 : rc == 0;
}

int
look_stop(struct site *s, const char *folder, const char *why, int64_t until, struct err *e)
{
	char path[PATH_MAX];
	int rc;

	if (look_seen(s, folder, path))
		return look_stop_here(path, why, e);
	rc = ask(s, "--stop", folder, why, NULL, NULL, until, e);
	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "sim-remote --stop over there: status %d", rc) : rc;
}

int
look_file(struct site *s, const char *folder, const char *name, size_t limit, struct buf *b, int64_t until, struct err *e)
{
	char path[PATH_MAX], full[PATH_MAX], most[24];
	int rc;

	if (look_seen(s, folder, path)) {
		if (path_of(path, name, full, e) < 0)
			return -1;
		if (access(full, F_OK) < 0)
			return errno == ENOENT ? 0 : err_sys(e, ERR_TEMPFAIL, "cannot look at %s", full);
		return io_read_file(full, limit, b, e) < 0 ? -1 : 1;
	}
	snprintf(most, sizeof most, "%zu", limit);
	if (path_of(folder, name, full, e) < 0)
		return -1;
	rc = ask(s, "--file", full, most, NULL, b, until, e);
	return rc < 0 ? -1 : rc == 0;
}

int
look_piece(struct site *s, const char *folder, const char *name, int64_t offset, size_t n, struct buf *b, int64_t until, struct err *e)
{
	char path[PATH_MAX], full[PATH_MAX], from[24], most[24];
	char *argv[] = {s->program, (char *)(uintptr_t)"--piece", full, from, most, NULL};
	struct buf said = BUF_INIT;
	int status = 0, rc;

	if (look_seen(s, folder, path)) {
		if (path_of(path, name, full, e) < 0)
			return -1;
		if (access(full, F_OK) < 0 && errno == ENOENT)
			return 0;
		return io_read_at(full, offset, n, b, e) < 0 ? -1 : 1;
	}
	if (path_of(folder, name, full, e) < 0)
		return -1;
	snprintf(from, sizeof from, "%lld", (long long)offset);
	snprintf(most, sizeof most, "%zu", n);
	rc = site_run(s, argv, NULL, 0, b, &said, &status, until, e);
	if (rc == 0 && status && status != ERR_NOINPUT)
		rc = err_set(e, ERR_IO, "%s over there: status %d: %.300s", name, status, said.s ? said.s : "");
	buf_free(&said);
	return rc < 0 ? -1 : !status;
}
