/* proc: see proc.h. */
#include "base/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"

int
proc_boot_id(char out[PROC_BOOT], struct err *e)
{
	const char *stand_in = getenv("SIM_BOOT_ID");
	int fd;
	ssize_t n;

	if (stand_in && *stand_in) {
		snprintf(out, PROC_BOOT, "%s", stand_in);
		return 0;
	}
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, PROC_BOOT - 1);
	if (fd >= 0)
		close(fd);
	if (n < 36)
		return err_sys(e, ERR_OS, "cannot read /proc/sys/kernel/random/boot_id");
	out[36] = '\0';
	return 0;
}

/* --- one process ------------------------------------------------------------------------------------------------- */

struct stat_line {
	char state;
	pid_t ppid, pgrp, session;
	uint64_t start;
};

/* Small files of /proc, read whole. */
static ssize_t
read_small(const char *path, char *out, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t k;

	if (fd < 0)
		return -1;
	k = read(fd, out, n - 1);
	close(fd);
	if (k >= 0)
		out[k] = '\0';
	return k;
}

static int
read_stat(pid_t pid, struct stat_line *s)
{
	char path[64], text[1024], *p;
	int ppid, pgrp, session;
	unsigned long long start;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (read_small(path, text, sizeof text) <= 0)
		return -1;
	p = strrchr(text, ')'); /* the name may hold anything */
	if (!p || sscanf(p + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
	                 &s->state, &ppid, &pgrp, &session, &start) != 5)
		return -1;
	s->ppid = ppid;
	s->pgrp = pgrp;
	s->session = session;
	s->start = start;
	return 0;
}

static int
is_dead(char state)
{
	return state == 'Z' || state == 'X';
}

int
proc_start_time(pid_t pid, uint64_t *start)
{
	struct stat_line s;

	if (pid <= 0 || read_stat(pid, &s) < 0 || is_dead(s.state))
		return -1;
	*start = s.start;
	return 0;
}

int
proc_alive(struct proc_id p)
{
	uint64_t start;

	return proc_start_time(p.pid, &start) == 0 && start == p.start;
}

int
proc_stopped(struct proc_id p)
{
	struct stat_line s;

	return p.pid > 0 && read_stat(p.pid, &s) == 0 && s.start == p.start && s.state == 'T';
}

int
proc_pidfd(struct proc_id p)
{
	int fd = p.pid > 0 ? (int)syscall(SYS_pidfd_open, p.pid, 0) : -1;

	if (fd >= 0 && !proc_alive(p)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
proc_signal(struct proc_id p, int sig)
{
	int fd = proc_pidfd(p), rc;

	if (fd < 0)
		return -1;
	rc = (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
	close(fd);
	return rc < 0 ? -1 : 0;
}

int
proc_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	return 1;
}

/* --- all of a job's ------------------------------------------------------------------------------------------------- */

struct entry {
	pid_t pid;
	struct stat_line s;
	int member;
};

struct listing {
	struct entry *v;
	size_t n, cap;
};

static int
listing_read(struct listing *l, struct err *e)
{
	DIR *d = opendir("/proc");
	struct dirent *de;

	l->n = 0;
	if (!d)
		return err_sys(e, ERR_OS, "cannot open /proc");
	while ((de = readdir(d))) {
		struct entry x = {0};

		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		x.pid = (pid_t)strtol(de->d_name, NULL, 10);
		if (read_stat(x.pid, &x.s) < 0 || is_dead(x.s.state))
			continue;
		if (l->n == l->cap) {
			size_t cap = l->cap ? 2 * l->cap : 256;
			struct entry *v = realloc(l->v, cap * sizeof *v);

			if (!v) {
				closedir(d);
				return err_nomem(e);
			}
			l->v = v;
			l->cap = cap;
		}
		l->v[l->n++] = x;
	}
	closedir(d);
	return 0;
}

static int
has_cookie(pid_t pid, const char *cookie)
{
	char path[64];
	struct buf b = BUF_INIT;
	size_t want = strlen(cookie);
	int found = 0, fd;
	ssize_t k = 0;

	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0; /* another user's, or gone */
	while (buf_reserve(&b, 4096) == 0 && (k = read(fd, b.s + b.len, 4096)) > 0)
		b.len += (size_t)k;
	close(fd);
	for (size_t i = 0; i + want <= b.len && !found;) {
		size_t len = strnlen(b.s + i, b.len - i);

		found = len == want && !memcmp(b.s + i, cookie, want);
		i += len + 1;
	}
	buf_free(&b);
	return found;
}

/* "lock:  1: OFDLCK ADVISORY WRITE -1 00:2d:1234 1 1": what fdinfo says of the locks of an open file description. */
static int
locks_byte_1(pid_t pid, const char *fd)
{
	char path[320], text[2048];

	snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", (int)pid, fd);
	if (read_small(path, text, sizeof text) <= 0)
		return 0;
	for (char *p = text; (p = strstr(p, "OFDLCK")); p++) {
		unsigned long long first = 0, last = 0;

		if (sscanf(p, "OFDLCK %*s %*s %*s %*s %llu %llu", &first, &last) == 2 && first == 1 && last == 1)
			return 1;
	}
	return 0;
}

static int
holds_lock(pid_t pid, const struct stat *file)
{
	char path[320];
	struct dirent *de;
	struct stat st;
	int found = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && !found && (de = readdir(d))) {
		snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)pid, de->d_name);
		found = isdigit((unsigned char)de->d_name[0]) && stat(path, &st) == 0 && st.st_dev == file->st_dev &&
		        st.st_ino == file->st_ino && locks_byte_1(pid, de->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static void
mark_descendants(struct listing *l, pid_t root, pid_t except)
{
	int more = 1;

	while (more) { /* few generations; the list is in no useful order */
		more = 0;
		for (size_t i = 0; i < l->n; i++) {
			struct entry *x = &l->v[i];

			if (x->member || x->pid == except)
				continue;
			if (x->s.ppid == root) {
				x->member = more = 1;
				continue;
			}
			for (size_t k = 0; k < l->n && !x->member; k++)
				if (l->v[k].member && l->v[k].pid == x->s.ppid)
					x->member = more = 1;
		}
	}
}

static void
mark_members(struct listing *l, const struct proc_set *s)
{
	pid_t self = getpid();
	struct stat file;
	int by_lock = s->lock && stat(s->lock, &file) == 0;

	for (size_t i = 0; i < l->n; i++) {
		struct entry *x = &l->v[i];

		x->member = (s->group > 0 && (x->s.session == s->group || x->s.pgrp == s->group)) ||
		            (s->cookie && has_cookie(x->pid, s->cookie)) || (by_lock && holds_lock(x->pid, &file));
	}
	if (s->root > 0)
		mark_descendants(l, s->root, s->except);
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].pid == self || l->v[i].pid == 1 || l->v[i].pid == s->except)
			l->v[i].member = 0;
}

int
proc_set_signal(const struct proc_set *s, int sig, struct err *e)
{
	struct listing l = {0};
	int found = 0;

	if (listing_read(&l, e) < 0) {
		free(l.v);
		return -1;
	}
	mark_members(&l, s);
	for (size_t i = 0; i < l.n; i++) {
		struct proc_id p = {l.v[i].pid, l.v[i].s.start};

		if (l.v[i].member && (sig ? proc_signal(p, sig) == 0 : proc_alive(p)))
			found++;
	}
	free(l.v);
	return found;
}

int
proc_set_kill(const struct proc_set *s, int reap, int64_t limit_ns, struct err *e)
{
	int64_t end = clk_boot_ns() + limit_ns;
	struct timespec pause = {0, 1000000};

	for (;;) {
		int left = proc_set_signal(s, SIGKILL, e);

		while (reap && waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (left <= 0 || clk_boot_ns() > end)
			return left;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec *= 2;
	}
}
