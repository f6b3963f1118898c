/* stage: see stage.h. */
#include "spool/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

int
stage_begin(const struct spool *sp, struct stage *s, struct err *e)
{
	if (spool_path(sp, s->path, sizeof s->path, "jobs/.tmp-XXXXXX") < 0)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	if (mkdtemp(s->path))
		return 0;
	err_sys(e, ERR_CANTCREAT, "cannot create a folder under %s/jobs", sp->root);
	s->path[0] = '\0';
	return -1;
}

static int
create(const struct stage *s, const char *name, char *path, size_t n, struct err *e)
{
	int fd;

	if ((size_t)snprintf(path, n, "%s/%s", s->path, name) >= n)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, ERR_CANTCREAT, "cannot create %s", path) : fd;
}

static int
copy_bytes(int in, int out, int64_t limit, const char *from, const char *to, struct err *e)
{
	char b[65536];
	int64_t all = 0;
	ssize_t n;

	while ((n = io_read_full(in, b, sizeof b)) > 0) {
		all += n;
		if (all > limit)
			return err_set(e, ERR_DATA, "%s is larger than the limit of %lld bytes", from, (long long)limit);
		if (io_write_all(out, b, (size_t)n) < 0)
			return err_sys(e, ERR_IO, "cannot write %s", to);
	}
	if (n < 0)
		return err_sys(e, ERR_IO, "cannot read %s", from);
	return fsync(out) < 0 ? err_sys(e, ERR_IO, "cannot sync %s", to) : 0;
}

int
stage_copy(struct stage *s, const char *name, const char *from, int64_t limit, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out, rc;

	if (in < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", from);
	if (fstat(in, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(in);
		return err_set(e, ERR_DATA, "%s is no regular file", from);
	}
	out = create(s, name, path, sizeof path, e);
	rc = out < 0 ? -1 : copy_bytes(in, out, limit, from, path, e);
	close(in);
	if (out >= 0)
		close(out);
	return rc;
}

int
stage_write(struct stage *s, const char *name, const char *text, size_t n, struct err *e)
{
	char path[PATH_MAX];
	int fd = create(s, name, path, sizeof path, e), rc = 0;

	if (fd < 0)
		return -1;
	if (io_write_all(fd, text, n) < 0 || fsync(fd) < 0)
		rc = err_sys(e, ERR_IO, "cannot write %s", path);
	close(fd);
	return rc;
}

int
stage_sync(struct stage *s, struct err *e)
{
	return spool_sync_folder(s->path, e);
}

int
stage_take(const struct spool *sp, struct stage *s, int64_t job, struct err *e)
{
	char to[PATH_MAX], jobs[PATH_MAX];

	spool_path(sp, to, sizeof to, "jobs/%lld", (long long)job);
	spool_path(sp, jobs, sizeof jobs, "jobs");
	if (rename(s->path, to) < 0) {
		/* only a crash before the commit leaves a folder under an id that is free */
		if (errno != ENOTEMPTY && errno != EEXIST)
			return err_sys(e, ERR_CANTCREAT, "cannot create %s", to);
		if (spool_remove_tree(to, e) < 0)
			return -1;
		if (rename(s->path, to) < 0)
			return err_sys(e, ERR_CANTCREAT, "cannot create %s", to);
	}
	s->path[0] = '\0';
	return spool_sync_folder(jobs, e);
}

void
stage_drop(struct stage *s)
{
	if (s->path[0])
		spool_remove_tree(s->path, NULL);
	s->path[0] = '\0';
}
