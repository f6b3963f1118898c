/* bring: see bring.h. */
#include "remote/bring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "remote/look.h"
#include "spool/spool.h"

#define PIECE ((int64_t)4 << 20)
#define DEPTH 64
#define LIST_MAX ((size_t)64 << 20)

int
bring_name(const char *name, char out[PATH_MAX])
{
	size_t n = 0;

	if (*name == '/')
		return -1;
	while (*name) {
		size_t k = strcspn(name, "/");

		if (k == 2 && !strncmp(name, "..", 2))
			return -1;
		if (k && !(k == 1 && *name == '.')) {
			if (n + k + 2 > PATH_MAX)
				return -1;
			if (n)
				out[n++] = '/';
			memcpy(out + n, name, k);
			n += k;
		}
		name += k + (name[k] == '/');
	}
	out[n] = '\0';
	return n ? 0 : -1;
}

static int
join(char out[PATH_MAX], const char *folder, const char *name, struct err *e)
{
	return (size_t)snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? 0 : err_set(e, ERR_DATA, "the path of %.200s is too long", name);
}

/* --- all files below a folder ---------------------------------------------------------------------------------------------- */

struct walk {
	const char *root;
	int (*file)(struct walk *k, const char *name, const char *path, const struct stat *st, struct err *e);
	void *of;
};

/* name "": the root itself. Links are not followed; what vanishes meanwhile is not there. */
static int
walk_below(struct walk *k, const char *name, int depth, struct err *e)
{
	char path[PATH_MAX], below[PATH_MAX];
	struct dirent *x;
	struct stat st;
	DIR *d;
	int rc = 0;

	if (depth > DEPTH)
		return err_set(e, ERR_DATA, "%s: folders are nested too deep", k->root);
	if (join(path, k->root, name, e) < 0)
		return -1;
	d = opendir(path);
	if (!d)
		return err_sys(e, ERR_NOINPUT, "cannot open the folder %s", path);
	while (rc == 0 && (errno = 0, x = readdir(d))) {
		if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, ".."))
			continue;
		if ((size_t)snprintf(below, sizeof below, "%s%s%s", name, *name ? "/" : "", x->d_name) >= sizeof below || join(path, k->root, below, e) < 0)
			rc = err_set(e, ERR_DATA, "%s: a path below it is too long", k->root);
		else if (lstat(path, &st) == 0)
			rc = S_ISDIR(st.st_mode) ? walk_below(k, below, depth + 1, e) : k->file(k, below, path, &st, e);
	}
	closedir(d);
	return rc;
}

/* --- to ------------------------------------------------------------------------------------------------------------------------ */

struct sending {
	struct work *w;
	struct buf sent;
};

static int
send_file(struct walk *k, const char *name, const char *path, const struct stat *st, struct err *e)
{
	struct sending *x = k->of;
	struct work *w = x->w;
	char content[PATH_MAX], to[PATH_MAX];
	int rc;

	if (!S_ISREG(st->st_mode))
		return 0;
	if ((size_t)snprintf(to, sizeof to, "jobs/%lld/attempts/%lld/work/%s", (long long)w->job, (long long)w->n, name) >= sizeof to)
		return err_set(e, ERR_DATA, "the path of %.200s is too long", name);
	if (site_content(&w->site, path, content, work_soon(), e) < 0 ||
	    site_copy(&w->site, content, to, (int)(st->st_mode & 0700) | 0600, clk_of_timespec(&st->st_mtim), work_soon(), e) < 0)
		return -1;
	rc = buf_puts(&x->sent, "{\"v\":1") | record_str(&x->sent, "name", name) | record_int(&x->sent, "size", st->st_size) |
	     record_int(&x->sent, "mtime", clk_of_timespec(&st->st_mtim)) | buf_puts(&x->sent, "}\n");
	return rc ? err_set(e, ERR_DATA, "%s: a name that is no UTF-8 cannot be sent", path) : 0;
}

static int
send_name(struct sending *x, const char *name, struct err *e)
{
	struct walk k = {.root = x->w->in.home, .file = send_file, .of = x};
	char path[PATH_MAX];
	struct stat st;

	if (join(path, k.root, name, e) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return err_sys(e, ERR_NOINPUT, "cannot send %s", path);
	if (S_ISDIR(st.st_mode))
		return walk_below(&k, name, 0, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATA, "cannot send %s: neither a file nor a folder", path);
	return send_file(&k, name, path, &st, e);
}

int
bring_to(struct work *w, struct err *e)
{
	struct sending x = {.w = w};
	char path[100], name[PATH_MAX];
	int rc = 0;

	for (char **v = w->task.send; rc == 0 && v && *v; v++)
		rc = bring_name(*v, name) < 0 ? err_set(e, ERR_DATA, "cannot send \"%.200s\": no name in the working folder", *v) : send_name(&x, name, e);
	snprintf(path, sizeof path, "jobs/%lld/attempts/%lld/sent", (long long)w->job, (long long)w->n);
	if (rc == 0 && x.sent.len)
		rc = site_put(&w->site, path, x.sent.s, x.sent.len, work_soon(), e);
	buf_free(&x.sent);
	return rc;
}

/* --- what there is to bring: over there --------------------------------------------------------------------------------------- */

struct listing {
	struct buf *out;
	struct buf sent;
	int64_t files;
};

/* Its line in `sent` is the one that would be written now. */
static int
as_sent(const struct listing *x, const char *name, const struct stat *st)
{
	struct buf line = BUF_INIT;
	int same, rc = buf_puts(&line, "\n{\"v\":1") | record_str(&line, "name", name) | record_int(&line, "size", st->st_size) |
	               record_int(&line, "mtime", clk_of_timespec(&st->st_mtim)) | buf_puts(&line, "}\n");

	same = rc == 0 && x->sent.s && memmem(x->sent.s, x->sent.len, line.s, line.len) != NULL;
	buf_free(&line);
	return same;
}

static int
list_file(struct walk *k, const char *name, const char *path, const struct stat *st, struct err *e)
{
	struct listing *x = k->of;
	struct buf line = BUF_INIT;
	int regular = S_ISREG(st->st_mode), rc;

	(void)path;
	if (regular && as_sent(x, name, st))
		return 0;
	rc = buf_puts(&line, "{\"v\":1") | record_str(&line, "name", name);
	if (rc) { /* no UTF-8: it cannot be named */
		buf_clear(&line);
		rc = buf_puts(&line, "{\"v\":1") | record_str(&line, "name", "a name that is no UTF-8");
		regular = 0;
	}
	if (regular)
		rc |= record_int(&line, "size", st->st_size) | record_int(&line, "mtime", clk_of_timespec(&st->st_mtim)) | record_int(&line, "mode", st->st_mode & 0777);
	else
		rc |= record_bool(&line, "other", 1);
	rc |= buf_puts(&line, "}\n") | (line.s ? buf_add(x->out, line.s, line.len) : -1);
	buf_free(&line);
	x->files++;
	if (x->out->len > LIST_MAX - 8192)
		return err_set(e, ERR_DATA, "%s: more files than can be listed", k->root);
	return rc ? err_nomem(e) : 0;
}

int
bring_list(const char *attempt, struct buf *b, struct err *e)
{
	char root[PATH_MAX], path[PATH_MAX];
	struct listing x = {.out = b};
	struct walk k = {.root = root, .file = list_file, .of = &x};
	int rc = join(root, attempt, "work", e) < 0 || join(path, attempt, "sent", e) < 0 ? -1 : 0;

	if (rc == 0)
		buf_putc(&x.sent, '\n');
	if (rc == 0 && access(path, F_OK) == 0)
		rc = io_read_file(path, LIST_MAX, &x.sent, e);
	if (rc == 0)
		rc = walk_below(&k, "", 0, e);
	if (rc == 0)
		rc = buf_printf(b, "{\"v\":1,\"files\":%lld}\n", (long long)x.files) < 0 ? err_nomem(e) : 0;
	buf_free(&x.sent);
	return rc;
}

/* --- back ------------------------------------------------------------------------------------------------------------------------ */

struct bringing {
	struct work *w;
	char name[PATH_MAX];
	char there[PATH_MAX], here[PATH_MAX], tmp[PATH_MAX];
	int64_t size, mtime, at;
	int mode, fd;
};

static int
no_room(int err)
{
	return err == ENOSPC || err == EDQUOT || err == EIO || err == ENOMEM || err == EMFILE || err == ENFILE || err == EINTR || err == ESTALE;
}

/* What a person has to mend is final (66): the verdict says where the files lie. */
static int
cannot(struct err *e, const char *what, const char *path)
{
	int err = errno;

	return err_sys(e, no_room(err) ? ERR_TEMPFAIL : ERR_NOINPUT, "cannot %s %s", what, path);
}

static int
make_parents(const struct bringing *x, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s", x->here);
	for (char *p = path + strlen(x->w->in.home) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return cannot(e, "create", path);
		*p = '/';
	}
	return 0;
}

/* Its names here. A link that stands for it stays one; the name while it arrives is always the same, so that nothing piles up. */
static int
name_it(struct bringing *x, struct err *e)
{
	char real[PATH_MAX], folder[PATH_MAX];
	const char *base;

	if (join(x->here, x->w->in.home, x->name, e) < 0 || make_parents(x, e) < 0)
		return -1;
	if (realpath(x->here, real))
		memcpy(x->here, real, sizeof real);
	base = strrchr(x->here, '/') + 1;
	snprintf(folder, sizeof folder, "%.*s", (int)(base - x->here), x->here);
	if ((size_t)snprintf(x->tmp, sizeof x->tmp, "%s.%.200s.sim-%lld-%lld", folder, base, (long long)x->w->job, (long long)x->w->n) >= sizeof x->tmp)
		return err_set(e, ERR_DATA, "the path of %.200s is too long", x->name);
	return 0;
}

/* A folder that both see may be away for a while, as a connection may: asked again. What the list itself holds is another matter. */
static int
not_now(int rc, struct err *e)
{
	if (rc < 0 && e->status != ERR_DATA)
		e->status = ERR_TEMPFAIL;
	return rc;
}

/* The next piece of it, into b. */
static int
read_piece(struct bringing *x, struct buf *b, struct err *e)
{
	char at[24], most[24], seen[PATH_MAX];
	char *argv[] = {x->w->site.program, (char *)(uintptr_t)"--piece", x->there, at, most, NULL};
	int64_t want = x->size - x->at < PIECE ? x->size - x->at : PIECE;
	struct buf said = BUF_INIT;
	int status = 0, rc;

	buf_clear(b);
	snprintf(at, sizeof at, "%lld", (long long)x->at);
	snprintf(most, sizeof most, "%lld", (long long)want);
	if (look_seen(&x->w->site, x->there, seen))
		rc = not_now(io_read_at(seen, x->at, (size_t)want, b, e), e);
	else
		rc = site_run(&x->w->site, argv, NULL, 0, b, &said, &status, work_soon(), e);
	if (rc == 0 && status)
		rc = err_set(e, ERR_TEMPFAIL, "cannot read %s over there: %.200s", x->name, said.s ? said.s : "");
	else if (rc == 0 && (int64_t)b->len != want)
		rc = err_set(e, ERR_TEMPFAIL, "%s over there is shorter than it was", x->name);
	buf_free(&said);
	return rc;
}

static int
take_pieces(struct bringing *x, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = 0;

	while (rc == 0 && x->at < x->size) {
		work_nap(x->w, 0);
		rc = x->w->term ? 1 : read_piece(x, &b, e);
		if (rc == 0 && (lseek(x->fd, x->at, SEEK_SET) < 0 || io_write_all(x->fd, b.s, b.len) < 0))
			rc = cannot(e, "write", x->tmp);
		if (rc == 0)
			x->at += (int64_t)b.len;
	}
	buf_free(&b);
	return rc;
}

static int
settle(struct bringing *x, struct err *e)
{
	struct timespec when[2] = {{.tv_nsec = UTIME_OMIT}, clk_timespec(x->mtime)};
	mode_t mask = umask(077);
	char folder[PATH_MAX];

	umask(mask);
	if (fchmod(x->fd, (0666 | (mode_t)(x->mode & 0100 ? 0111 : 0)) & ~mask) < 0 || futimens(x->fd, when) < 0 || fsync(x->fd) < 0)
		return cannot(e, "write", x->tmp);
	if (rename(x->tmp, x->here) < 0)
		return cannot(e, "replace", x->here);
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(x->here, '/') - x->here), x->here);
	return spool_sync_folder(*folder ? folder : "/", e);
}

static int
is_here(const struct bringing *x)
{
	struct stat st;

	return stat(x->here, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == x->size && clk_of_timespec(&st.st_mtim) == x->mtime;
}

/* Where it broke off it goes on. */
static int
bring_step(struct bringing *x, struct err *e)
{
	int rc;

	if (name_it(x, e) < 0)
		return -1;
	if (is_here(x))
		return 0;
	if (x->fd < 0) {
		x->at = 0;
		x->fd = open(x->tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (x->fd < 0)
		return cannot(e, "create", x->tmp);
	rc = take_pieces(x, e);
	return rc ? rc : settle(x, e);
}

static int
bring_file(struct bringing *x, struct err *e)
{
	int64_t wait = 0;
	int rc;

	while ((rc = bring_step(x, e)) < 0 && (rc = work_again(x->w, &wait, e)) == 0)
		;
	if (x->fd >= 0)
		close(x->fd);
	if (rc)
		unlink(x->tmp);
	return rc;
}

static void
tell_other(struct work *w, const char *name)
{
	char line[PATH_MAX + 100];
	int n = snprintf(line, sizeof line, "sim-remote: not brought back, because it is no regular file: %.4000s\n", name);

	io_write_all(w->h->log_fd, line, (size_t)n);
}

/* 2: the last line. */
static int
take_line(struct work *w, const char *line, size_t n, struct err *e)
{
	struct json *o = json_parse_text(line, n, e);
	const char *name = json_text(json_member(o, "name"));
	struct bringing x = {.w = w, .fd = -1};
	int rc;

	if (!o)
		return -1;
	if (json_member(o, "files")) {
		json_free(o);
		return 2;
	}
	x.size = json_whole(json_member(o, "size"));
	x.mtime = json_whole(json_member(o, "mtime"));
	x.mode = (int)json_whole(json_member(o, "mode"));
	if (!name || x.size < 0)
		rc = err_set(e, ERR_DATA, "the list of files from over there cannot be understood");
	else if (json_truth(json_member(o, "other")))
		rc = (tell_other(w, name), 0);
	else if (bring_name(name, x.name) < 0 || strcmp(name, x.name))
		rc = err_set(e, ERR_DATA, "\"%.200s\" from over there is no name in the working folder", name);
	else if (join(x.there, w->in.folder, "work/", e) < 0 || strlen(x.there) + strlen(x.name) >= PATH_MAX)
		rc = err_set(e, ERR_DATA, "the path of %.200s is too long", x.name);
	else
		rc = (strcat(x.there, x.name), bring_file(&x, e));
	json_free(o);
	return rc;
}

static int
ask_list(struct work *w, struct buf *b, struct err *e)
{
	char seen[PATH_MAX];
	char *argv[] = {w->site.program, (char *)(uintptr_t)"--list", w->in.folder, NULL};
	struct buf said = BUF_INIT;
	int status = 0, rc;

	buf_clear(b);
	if (look_seen(&w->site, w->in.folder, seen))
		return not_now(bring_list(seen, b, e), e);
	rc = site_run(&w->site, argv, NULL, 0, b, &said, &status, work_soon(), e);
	if (rc == 0 && status)
		rc = err_set(e, status == ERR_DATA ? ERR_DATA : ERR_TEMPFAIL, "cannot list the files over there: %.300s", said.s ? said.s : "");
	buf_free(&said);
	return rc;
}

int
bring_back(struct work *w, struct err *e)
{
	struct buf b = BUF_INIT;
	int64_t wait = 0;
	int rc;

	while ((rc = ask_list(w, &b, e)) < 0)
		if ((rc = work_again(w, &wait, e)))
			break;
	if (rc == 0 && b.s && strncmp(b.s, "{\"v\":1,\"files\":", 15))
		work_say(w, "fetching", NULL, NULL);
	for (char *p = b.s; rc == 0 && p && *p; p += strcspn(p, "\n"), p += *p == '\n')
		rc = take_line(w, p, strcspn(p, "\n"), e);
	if (rc == 0)
		rc = err_set(e, ERR_DATA, "the list of files from over there is not whole");
	buf_free(&b);
	work_say(w, NULL, NULL, rc < 0 ? e->msg : NULL);
	return rc == 2 ? 0 : rc;
}
