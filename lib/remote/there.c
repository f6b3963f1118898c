/* there: see there.h. */
#include "remote/there.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "base/proc.h"
#include "base/sha256.h"
#include "record/record.h"
#include "remote/bring.h"
#include "remote/clean.h"
#include "remote/keep.h"
#include "remote/look.h"
#include "spool/spool.h"

static int
failed(const struct err *e)
{
	return e->status ? e->status : ERR_SOFTWARE;
}

static int
number(const char *s, int64_t hi, int64_t *out, struct err *e)
{
	if (num_parse_int(s, 0, hi, out) < 0)
		return err_set(e, ERR_USAGE, "\"%s\" is no number here", s);
	return 0;
}

/* --- hello ------------------------------------------------------------------------------------------------------------------ */

static int
make_folders(const char *folder, struct err *e)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof path, "%s/", folder) >= sizeof path)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, errno == ENOSPC || errno == EDQUOT ? ERR_TEMPFAIL : ERR_CANTCREAT, "cannot create %s", path);
		*p = '/';
	}
	return 0;
}

/* Ours, and nobody else's to write: what lies in it is run. */
static int
check_folder(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_CANTCREAT, "%s is no folder", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(e, ERR_UNAVAILABLE, "%s belongs to another user or may be written to by others", path);
	if (access(path, W_OK | X_OK) < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot write in %s", path);
	return 0;
}

int
there_folder(const char *folder, char out[PATH_MAX], struct err *e)
{
	const char *home = getenv("HOME");
	char path[PATH_MAX];

	if (!strncmp(folder, "~/", 2))
		folder += 2;
	if (*folder == '/')
		snprintf(path, sizeof path, "%s", folder);
	else if (!home || *home != '/')
		return err_set(e, ERR_UNAVAILABLE, "HOME is not set, and the folder %s is relative", folder);
	else if ((size_t)snprintf(path, sizeof path, "%s/%s", home, folder) >= sizeof path)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	if (make_folders(path, e) < 0)
		return -1;
	if (!realpath(path, out))
		return err_sys(e, ERR_CANTCREAT, "cannot find %s", path);
	return check_folder(out, e);
}

static int
hello(int argc, char **argv, struct err *e)
{
	char folder[PATH_MAX], host[128] = "?", boot[PROC_BOOT] = "", self[PATH_MAX] = "";
	struct buf b = BUF_INIT;
	struct statvfs fs = {0};
	struct utsname u;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	int rc;

	(void)argc;
	if (there_folder(argv[1], folder, e) < 0)
		return failed(e);
	if (n > 0)
		self[n] = '\0';
	clean_there(folder, self);
	gethostname(host, sizeof host - 1);
	proc_boot_id(boot, NULL);
	uname(&u);
	statvfs(folder, &fs);
	buf_puts(&b, "{\"v\":1");
	rc = record_int(&b, "protocol", THERE_PROTOCOL) | record_str(&b, "version", SIM_VERSION) | record_str(&b, "folder", folder) |
	     record_str(&b, "host", host) | record_str(&b, "boot", boot) | record_str(&b, "machine", u.machine) |
	     record_str(&b, "program", self) | record_int(&b, "free", (int64_t)fs.f_bavail * (int64_t)fs.f_frsize) |
	     record_int(&b, "clock_ns", clk_real_ns()) | buf_puts(&b, "}\n");
	if (rc || io_write_all(1, b.s, b.len) < 0)
		err_set(e, ERR_IO, "cannot say hello");
	buf_free(&b);
	return e->status;
}

/* --- attempts ---------------------------------------------------------------------------------------------------------------- */

static int
look(int argc, char **argv, struct err *e)
{
	struct look l = {.exists = 0};
	struct buf b = BUF_INIT;
	int64_t offset, max;
	char said[16];
	int rc;

	(void)argc;
	if (number(argv[2], INT64_MAX, &offset, e) < 0 || number(argv[3], (int64_t)64 << 20, &max, e) < 0)
		return failed(e);
	rc = look_here(argv[1], offset, (size_t)max, &l, e);
	if (rc == 0 && l.orphan && !l.has_result && remote_keep(argv[1], KEEP_ADOPT, NULL, said, sizeof said, NULL) == 0)
		l.orphan = 0;
	if (rc == 0 && (look_write(&l, &b) < 0 || io_write_all(1, b.s, b.len) < 0))
		rc = err_set(e, ERR_IO, "cannot write what was seen");
	buf_free(&b);
	buf_free(&l.bytes);
	return rc < 0 ? failed(e) : 0;
}

static int
fence(int argc, char **argv, struct err *e)
{
	int rc = look_fence_here(argv[1], argv[2], e);

	(void)argc;
	return rc < 0 ? failed(e) : !rc;
}

static int
stop(int argc, char **argv, struct err *e)
{
	(void)argc;
	return look_stop_here(argv[1], argv[2], e) < 0 ? failed(e) : 0;
}

static int
begin(int argc, char **argv, struct err *e)
{
	char said[16];
	int status = remote_keep(argv[1], KEEP_DETACHED, argc > 2 ? argv[2] : NULL, said, sizeof said, e);

	if (status == 0)
		dprintf(1, "%s\n", said);
	return status;
}

static int
signal_keeper(int argc, char **argv, struct err *e)
{
	int64_t sig;
	int rc;

	(void)argc;
	if (number(argv[2], 64, &sig, e) < 0)
		return failed(e);
	rc = remote_keep_signal(argv[1], (int)sig, e);
	return rc < 0 ? failed(e) : !rc;
}

/* --- files ---------------------------------------------------------------------------------------------------------------------- */

static int
file(int argc, char **argv, struct err *e)
{
	struct buf b = BUF_INIT;
	int64_t limit;
	int rc;

	(void)argc;
	if (number(argv[2], (int64_t)64 << 20, &limit, e) < 0)
		return failed(e);
	if (access(argv[1], F_OK) < 0 && errno == ENOENT)
		return ERR_NO;
	rc = io_read_file(argv[1], (size_t)limit, &b, e);
	if (rc == 0 && io_write_all(1, b.s ? b.s : "", b.len) < 0)
		rc = err_sys(e, ERR_IO, "cannot write");
	buf_free(&b);
	return rc < 0 ? failed(e) : 0;
}

/* Exactly size bytes of `in` to fd; less is a broken connection. */
static int
take_input(int in, int fd, int64_t size, const char *sha, struct err *e)
{
	char b[65536], got[SHA256_TEXT];
	struct sha256 h;

	sha256_init(&h);
	while (size > 0) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		ssize_t n;
		int rc = poll(&p, 1, THERE_IDLE_S * 1000);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc == 0)
			return err_set(e, ERR_TEMPFAIL, "nothing came for %d s", THERE_IDLE_S);
		n = read(in, b, size < (int64_t)sizeof b ? (size_t)size : sizeof b);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_TEMPFAIL, "cut short: %lld bytes are missing", (long long)size);
		if (io_write_all(fd, b, (size_t)n) < 0)
			return err_sys(e, ERR_IO, "cannot write what was sent");
		sha256_add(&h, b, (size_t)n);
		size -= n;
	}
	sha256_text(&h, got);
	if (sha && strcmp(sha, got))
		return err_set(e, ERR_TEMPFAIL, "what was sent has another SHA-256 than it should");
	return 0;
}

int
there_put(const char *path, int in, int64_t size, int mode, const char *sha, struct err *e)
{
	char folder[PATH_MAX];
	struct io_atomic f;
	char *slash;

	if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder)
		return err_set(e, ERR_OS, "the path of the file is too long");
	slash = strrchr(folder, '/');
	if (slash && slash != folder) {
		*slash = '\0';
		if (make_folders(folder, e) < 0)
			return -1;
	}
	if (io_atomic_open(&f, path, e) < 0)
		return -1;
	f.mode = mode;
	if (take_input(in, f.fd, size, sha, e) < 0) {
		io_atomic_abort(&f);
		return err_prefix(e, "%s", path);
	}
	return io_atomic_commit(&f, e);
}

/* A mode as it is written: 600. */
static int
as_written(int64_t mode)
{
	return (int)(mode / 100 * 64 + mode / 10 % 10 * 8 + mode % 10);
}

static int
put(int argc, char **argv, struct err *e)
{
	int64_t size, mode;

	if (number(argv[2], INT64_MAX, &size, e) < 0 || number(argv[3], 999, &mode, e) < 0)
		return failed(e);
	return there_put(argv[1], 0, size, as_written(mode), argc > 4 ? argv[4] : NULL, e) < 0 ? failed(e) : 0;
}

static int
has_size(const char *path, int64_t size)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == size;
}

/* The lock of one that is arriving. Whoever waits for it may find the whole content there instead. */
static int
lock_part(int fd, const char *path, int64_t size)
{
	for (int i = 0; i < THERE_IDLE_S * 20; i++) {
		if (has_size(path, size))
			return 1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return has_size(path, size);
		poll(NULL, 0, 50);
	}
	return -1;
}

/* All of it has arrived: is it what its name says? */
static int
settle_part(int fd, const char *part, const char *path, const char *sha, struct err *e)
{
	char got[SHA256_TEXT], folder[PATH_MAX];

	if (lseek(fd, 0, SEEK_SET) < 0 || sha256_fd(fd, got, NULL) < 0 || fchmod(fd, 0400) < 0 || fsync(fd) < 0)
		return err_sys(e, ERR_IO, "cannot check %s", part);
	if (strcmp(sha, got)) {
		unlink(part);
		return err_set(e, ERR_TEMPFAIL, "what was sent for %s has another SHA-256", path);
	}
	if (rename(part, path) < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
	return spool_sync_folder(folder, e);
}

static int
take_part(const char *path, const char *sha, int64_t size, int in, int64_t from, struct err *e)
{
	char part[PATH_MAX];
	struct stat st;
	int fd, rc;

	if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	fd = open(part, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", part);
	rc = lock_part(fd, path, size);
	if (rc < 0)
		rc = err_set(e, ERR_TEMPFAIL, "another sender of %s does not come to an end", path);
	else if (rc == 0 && (fstat(fd, &st) < 0 || st.st_size < from || access(part, F_OK) < 0))
		rc = err_set(e, ERR_TEMPFAIL, "%s is shorter than it was", part);
	else if (rc == 0 && (ftruncate(fd, from) < 0 || lseek(fd, 0, SEEK_END) < 0))
		rc = err_sys(e, ERR_IO, "cannot write %s", part);
	else if (rc == 0)
		rc = take_input(in, fd, size - from, NULL, e) < 0 ? -1 : settle_part(fd, part, path, sha, e);
	close(fd);
	return rc < 0 ? -1 : 0;
}

int
there_content(const char *folder, const char *name, int64_t size, int in, int64_t *from, char path[PATH_MAX], struct err *e)
{
	char sha[SHA256_TEXT], content[PATH_MAX], part[PATH_MAX];
	struct stat st;
	int rc = 0;

	snprintf(sha, sizeof sha, "%s", name);
	if (!sha256_is_text(sha) || strchr(name, '/'))
		return err_set(e, ERR_USAGE, "%s is no name of a content", name);
	if ((size_t)snprintf(content, sizeof content, "%s/content", folder) >= sizeof content ||
	    (size_t)snprintf(path, PATH_MAX, "%s/%s", content, name) >= PATH_MAX ||
	    (size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	if (has_size(path, size)) {
		utimensat(AT_FDCWD, path, NULL, 0); /* used today */
		return 0;
	}
	if (in < 0) {
		*from = stat(part, &st) == 0 && st.st_size <= size ? st.st_size : 0;
		return ERR_NO;
	}
	rc = make_folders(content, e);
	return rc < 0 ? rc : take_part(path, sha, size, in, *from, e);
}

static int
content(int argc, char **argv, struct err *e)
{
	char path[PATH_MAX];
	int64_t size, from = 0;
	int rc, ask = !strcmp(argv[4], "ask");

	(void)argc;
	if (number(argv[3], INT64_MAX, &size, e) < 0 || (!ask && number(argv[4], size, &from, e) < 0))
		return failed(e);
	rc = there_content(argv[1], argv[2], size, ask ? -1 : 0, &from, path, e);
	if (rc == 0)
		dprintf(1, "%s\n", path);
	else if (rc > 0)
		dprintf(1, "%lld\n", (long long)from);
	return rc < 0 ? failed(e) : rc;
}

int
there_link(const char *from, const char *to, struct err *e)
{
	char folder[PATH_MAX];
	struct stat st;
	int fd, rc;

	if ((size_t)snprintf(folder, sizeof folder, "%s", to) >= sizeof folder || !strrchr(folder, '/'))
		return err_set(e, ERR_OS, "the path of the file is too long");
	*strrchr(folder, '/') = '\0';
	if (make_folders(folder, e) < 0)
		return -1;
	if (link(from, to) == 0 || errno == EEXIST)
		return 0;
	fd = open(from, O_RDONLY | O_CLOEXEC); /* a file system without links */
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = err_sys(e, ERR_NOINPUT, "cannot open %s", from);
	else
		rc = there_put(to, fd, st.st_size, 0400, NULL, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
link_file(int argc, char **argv, struct err *e)
{
	(void)argc;
	return there_link(argv[1], argv[2], e) < 0 ? failed(e) : 0;
}

/* A copy that may be written to, with the time of change of what it was made of. */
int
there_copy(const char *from, const char *to, int mode, int64_t mtime, struct err *e)
{
	struct timespec when[2] = {{.tv_nsec = UTIME_OMIT}, clk_timespec(mtime)};
	int fd = open(from, O_RDONLY | O_CLOEXEC), rc;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		rc = err_sys(e, ERR_TEMPFAIL, "cannot open %s", from);
	else
		rc = there_put(to, fd, st.st_size, mode, NULL, e);
	if (rc == 0 && utimensat(AT_FDCWD, to, when, 0) < 0)
		rc = err_sys(e, ERR_IO, "cannot set the time of %s", to);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
copy(int argc, char **argv, struct err *e)
{
	int64_t mode, mtime;

	(void)argc;
	if (number(argv[3], 999, &mode, e) < 0 || num_parse_int(argv[4], INT64_MIN, INT64_MAX, &mtime) < 0)
		return err_set(e, ERR_USAGE, "\"%s\" or \"%s\" is no number here", argv[3], argv[4]), failed(e);
	return there_copy(argv[1], argv[2], as_written(mode), mtime, e) < 0 ? failed(e) : 0;
}

static int
list(int argc, char **argv, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc = bring_list(argv[1], &b, e);

	(void)argc;
	if (rc == 0 && io_write_all(1, b.s, b.len) < 0)
		rc = err_sys(e, ERR_IO, "cannot write");
	buf_free(&b);
	return rc < 0 ? failed(e) : 0;
}

static int
piece(int argc, char **argv, struct err *e)
{
	struct buf b = BUF_INIT;
	int64_t at, most;
	int rc;

	(void)argc;
	if (number(argv[2], INT64_MAX, &at, e) < 0 || number(argv[3], (int64_t)64 << 20, &most, e) < 0)
		return failed(e);
	rc = io_read_at(argv[1], at, (size_t)most, &b, e);
	if (rc == 0 && b.len && io_write_all(1, b.s, b.len) < 0)
		rc = err_sys(e, ERR_IO, "cannot write");
	buf_free(&b);
	return rc < 0 ? failed(e) : 0;
}

/* Of an attempt, what was its job's alone: folders that are empty now. */
static void
remove_empty(const char *path)
{
	char up[PATH_MAX], *slash;

	if ((size_t)snprintf(up, sizeof up, "%s", path) >= sizeof up)
		return;
	for (int i = 0; i < 2 && (slash = strrchr(up, '/')); i++) {
		*slash = '\0';
		slash = strrchr(up, '/');
		if (!slash || !strcmp(slash, "/jobs") || rmdir(up) < 0)
			return;
	}
}

/* Nothing but what lies below a folder of jobs. */
int
there_remove(const char *path, struct err *e)
{
	if (!strstr(path, "/sim-") || strstr(path, "/../"))
		return err_set(e, ERR_USAGE, "%s is not below a folder of jobs", path);
	if (spool_remove_tree(path, e) < 0)
		return -1;
	remove_empty(path);
	return 0;
}

static int
sums(int argc, char **argv, struct err *e)
{
	char sha[SHA256_TEXT];

	for (int i = 1; i < argc; i++) {
		if (sha256_file(argv[i], sha, NULL, e) < 0)
			return failed(e);
		dprintf(1, "%s\n", sha);
	}
	return 0;
}

static int
remove_tree(int argc, char **argv, struct err *e)
{
	(void)argc;
	return there_remove(argv[1], e) < 0 ? failed(e) : 0;
}

static const struct action {
	const char *name;
	int least, most; /* arguments, the name included */
	int (*run)(int argc, char **argv, struct err *e);
} actions[] = {
	{"--hello", 2, 2, hello}, {"--look", 4, 4, look}, {"--fence", 3, 3, fence}, {"--stop", 3, 3, stop}, {"--file", 3, 3, file},
	{"--put", 4, 5, put}, {"--content", 5, 5, content}, {"--link", 3, 3, link_file}, {"--begin", 2, 3, begin}, {"--signal", 3, 3, signal_keeper},
	{"--remove", 2, 2, remove_tree}, {"--sums", 2, 64, sums},
	{"--copy", 5, 5, copy}, {"--list", 2, 2, list}, {"--piece", 4, 4, piece},
};

int
there_run(int argc, char **argv, struct err *e)
{
	for (size_t i = 0; argc > 0 && i < sizeof actions / sizeof actions[0]; i++) {
		if (strcmp(argv[0], actions[i].name))
			continue;
		if (argc < actions[i].least || argc > actions[i].most)
			return err_set(e, ERR_USAGE, "%s: wrong number of arguments", argv[0]), ERR_USAGE;
		return actions[i].run(argc, argv, e);
	}
	return -1;
}
