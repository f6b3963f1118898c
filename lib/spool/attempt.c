/* attempt: see attempt.h. */
#include "spool/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"

int
attempt_path(const struct spool *sp, int64_t job, int64_t n, const char *file, char *out, size_t size)
{
	return spool_path(sp, out, size, "jobs/%lld/attempts/%lld%s%s", (long long)job, (long long)n, *file ? "/" : "", file);
}

int
attempt_make(const struct spool *sp, int64_t job, int64_t n, struct err *e)
{
	char path[3][PATH_MAX];

	if (spool_path(sp, path[0], PATH_MAX, "jobs/%lld", (long long)job) < 0 ||
	    spool_path(sp, path[1], PATH_MAX, "jobs/%lld/attempts", (long long)job) < 0 ||
	    attempt_path(sp, job, n, "", path[2], PATH_MAX) < 0)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	if (n > 1 && (mkdir(path[2], 0700) == 0 || errno == EEXIST))
		return 0;
	for (int i = 0; i < 3; i++)
		if (mkdir(path[i], 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_CANTCREAT, "cannot create %s", path[i]);
	return 0;
}

/* --- locks ------------------------------------------------------------------------------------------------------------ */

static int
lock_byte(int fd, off_t at)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &l);
}

static int
byte_locked(int fd, off_t at)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static int
open_lock(const struct spool *sp, int64_t job, int64_t n, int flags, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	if (attempt_path(sp, job, n, "lock", path, sizeof path) < 0)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	fd = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | flags, 0600);
	return fd < 0 ? err_sys(e, ERR_CANTCREAT, "cannot open %s", path) : fd;
}

/* Asked with the keeper's lock held: then nobody is about to write it. */
static int
is_over(const struct spool *sp, int64_t job, int64_t n, struct err *e)
{
	char path[PATH_MAX];

	attempt_path(sp, job, n, "result", path, sizeof path);
	if (access(path, F_OK) < 0)
		return 0;
	err_set(e, ERR_NO, "job %lld: attempt %lld is over", (long long)job, (long long)n);
	return 1;
}

int
attempt_lock(const struct spool *sp, int64_t job, int64_t n, int *keeper_fd, int *stage_fd, struct err *e)
{
	*keeper_fd = open_lock(sp, job, n, O_CREAT | O_CLOEXEC, e);
	*stage_fd = *keeper_fd < 0 ? -1 : open_lock(sp, job, n, 0, e);
	if (*stage_fd >= 0 && lock_byte(*keeper_fd, 0) == 0 && lock_byte(*stage_fd, 1) == 0) {
		if (!is_over(sp, job, n, e))
			return 0;
	} else if (*stage_fd >= 0)
		err_sys(e, ERR_TEMPFAIL, "job %lld, attempt %lld is locked by another keeper", (long long)job, (long long)n);
	if (*keeper_fd >= 0)
		close(*keeper_fd);
	if (*stage_fd >= 0)
		close(*stage_fd);
	return -1;
}

int
attempt_adopt(const struct spool *sp, int64_t job, int64_t n, int *keeper_fd, struct err *e)
{
	*keeper_fd = open_lock(sp, job, n, O_CLOEXEC, e);
	if (*keeper_fd < 0)
		return -1;
	if (lock_byte(*keeper_fd, 0) < 0)
		err_set(e, ERR_NO, "job %lld has a keeper", (long long)job);
	else if (!is_over(sp, job, n, e))
		return 0;
	close(*keeper_fd);
	return -1;
}

int
attempt_fence(const struct spool *sp, int64_t job, int64_t n, struct err *e)
{
	int fd;

	if (attempt_make(sp, job, n, e) < 0)
		return -1;
	fd = open_lock(sp, job, n, O_CREAT | O_CLOEXEC, e);
	if (fd < 0)
		return -1;
	close(fd);
	return attempt_adopt(sp, job, n, &fd, e) < 0 ? -1 : fd;
}

int
attempt_note(int fd, const char *what, struct proc_id p)
{
	char line[80];
	int n = snprintf(line, sizeof line, "%s %d %llu\n", what, (int)p.pid, (unsigned long long)p.start);

	return io_write_all(fd, line, (size_t)n);
}

void
attempt_read_lock(int fd, struct attempt_probe *p)
{
	char text[4096], what[16];
	int pid, used;
	unsigned long long start;
	ssize_t k;

	memset(p, 0, sizeof *p);
	p->keeper_locked = byte_locked(fd, 0);
	p->stage_locked = byte_locked(fd, 1);
	k = pread(fd, text, sizeof text - 1, 0);
	text[k > 0 ? k : 0] = '\0';
	for (const char *s = text; sscanf(s, "%15s %d %llu\n%n", what, &pid, &start, &used) == 3; s += used) {
		if (!strcmp(what, "starting"))
			p->starting = 1;
		else if (!strcmp(what, "stage"))
			p->stage = (struct proc_id){pid, start};
		else
			p->keeper = (struct proc_id){pid, start};
	}
}

int
attempt_probe(const struct spool *sp, int64_t job, int64_t n, struct attempt_probe *p, struct err *e)
{
	char path[PATH_MAX];
	int fd;

	memset(p, 0, sizeof *p);
	if (attempt_path(sp, job, n, "result", path, sizeof path) < 0)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	attempt_path(sp, job, n, "lock", path, sizeof path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, ERR_IO, "cannot open %s", path);
	if (fd >= 0) {
		attempt_read_lock(fd, p);
		close(fd);
	}
	/* after the locks: a keeper writes its result before it lets go */
	attempt_path(sp, job, n, "result", path, sizeof path);
	p->has_result = access(path, F_OK) == 0;
	return 0;
}

/* --- the result --------------------------------------------------------------------------------------------------------- */

static int
write_end(const struct spool *sp, int64_t job, int64_t n, const char *file, const struct job_end *end, int sync, struct err *e)
{
	char path[PATH_MAX], id[24];
	struct buf b = BUF_INIT;
	struct io_atomic f;
	int rc;

	snprintf(id, sizeof id, "%lld", (long long)job);
	attempt_path(sp, job, n, file, path, sizeof path);
	record_begin(&b, "finished", id, n);
	record_str(&b, "outcome", end->outcome);
	if (end->reason)
		record_str(&b, "reason", end->reason);
	record_int(&b, "status", end->status);
	record_int(&b, "signal", end->signal);
	record_int(&b, "done", end->done);
	if (end->gone)
		record_int(&b, "gone", end->gone);
	record_end(&b);
	rc = b.s ? io_atomic_open(&f, path, e) : err_nomem(e);
	if (rc == 0 && io_write_all(f.fd, b.s, b.len) < 0) {
		rc = err_sys(e, ERR_IO, "cannot write %s", path);
		io_atomic_abort(&f);
	} else if (rc == 0) {
		if (sync)
			rc = io_atomic_commit(&f, e);
		else if (rename(f.tmp, path) < 0)
			rc = err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
		if (!sync) {
			free(f.tmp); /* it is the result now */
			f.tmp = NULL;
			io_atomic_abort(&f);
		}
	}
	buf_free(&b);
	return rc;
}

int
attempt_write_result(const struct spool *sp, int64_t job, int64_t n, const struct job_end *end, int sync, struct err *e)
{
	return write_end(sp, job, n, "result", end, sync, e);
}

int
attempt_write_verdict(const struct spool *sp, int64_t job, int64_t n, const struct job_end *end, struct err *e)
{
	return write_end(sp, job, n, "verdict", end, 1, e);
}

static int
read_end(const struct spool *sp, int64_t job, int64_t n, const char *file, struct job_end *end, struct err *e)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	struct record r;
	int rc;

	memset(end, 0, sizeof *end);
	attempt_path(sp, job, n, file, path, sizeof path);
	if (access(path, F_OK) < 0)
		return 0;
	rc = io_read_file(path, 65536, &b, e);
	if (rc == 0 && (rc = record_parse(b.s ? b.s : "", b.len, &r, e)) == 0) {
		const char *outcome = record_get_str(&r, "outcome"), *reason = record_get_str(&r, "reason");

		end->outcome = strdup(outcome ? outcome : "failed");
		end->reason = reason ? strdup(reason) : NULL;
		end->status = (int)record_get_int(&r, "status", -1);
		end->signal = (int)record_get_int(&r, "signal", 0);
		end->done = record_get_int(&r, "done", 0);
		end->gone = (int)record_get_int(&r, "gone", 0);
		record_free(&r);
	} else if (rc < 0) {
		err_prefix(e, "%s", path);
	}
	buf_free(&b);
	return rc < 0 ? -1 : 1;
}

int
attempt_read_result(const struct spool *sp, int64_t job, int64_t n, struct job_end *end, struct err *e)
{
	return read_end(sp, job, n, "result", end, e);
}

int
attempt_read_verdict(const struct spool *sp, int64_t job, int64_t n, struct job_end *end, struct err *e)
{
	return read_end(sp, job, n, "verdict", end, e);
}

void
attempt_free_end(struct job_end *end)
{
	free((void *)(uintptr_t)end->outcome);
	free((void *)(uintptr_t)end->reason);
	memset(end, 0, sizeof *end);
}

/* --- killing ------------------------------------------------------------------------------------------------------------- */

void
attempt_cookie(const struct spool *sp, int64_t job, int64_t n, char out[ATTEMPT_COOKIE])
{
	snprintf(out, ATTEMPT_COOKIE, "SIM_COOKIE=%s-%lld-%lld", sp->id, (long long)job, (long long)n);
}

int
attempt_kill(const struct spool *sp, int64_t job, int64_t n, const struct attempt_probe *p, int64_t grace_ns, struct err *e)
{
	char cookie[ATTEMPT_COOKIE], lock[PATH_MAX];
	struct proc_set set = {.cookie = cookie};
	struct timespec ts = {0, 5000000};
	int64_t end = clk_boot_ns() + grace_ns;

	attempt_cookie(sp, job, n, cookie);
	if (attempt_path(sp, job, n, "lock", lock, sizeof lock) == 0)
		set.lock = lock;
	/* A group whose leader is gone may be another's by now: the cookie finds our members all the same. */
	if (proc_alive(p->stage))
		set.group = p->stage.pid;
	if (grace_ns > 0) {
		int left = proc_set_signal(&set, SIGCONT, e);

		if (left <= 0)
			return left;
		if (proc_set_signal(&set, SIGTERM, e) < 0)
			return -1;
		while (clk_boot_ns() < end && proc_set_signal(&set, 0, e) > 0) {
			nanosleep(&ts, NULL);
			ts.tv_nsec = 20000000;
		}
	}
	return proc_set_kill(&set, 0, (int64_t)2 * 1000000000, e);
}
