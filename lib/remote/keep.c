/* keep: see keep.h. */
#include "remote/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "remote/look.h"
#include "remote/task.h"
#include "spool/attempt.h"

extern char **environ;

#define ROOM 16384 /* a result's file, and what a file system needs beside it */
#define S ((int64_t)1000000000)

struct keep {
	struct arena arena;
	struct spool sp;
	struct keeper_task t;
	char folder[PATH_MAX];
	const char *id;          /* the scheduler's */
	const char *not_there;   /* the working folder that was asked for */
	int order;               /* what the scheduler's signals said last: 1 stop, 0 go on, -1 nothing */
};

/* --- what is to be done ------------------------------------------------------------------------------------------------- */

/* ROOT/jobs/J/attempts/N: a spool without a database. Its id is what follows "sim-" in ROOT's name, and a suffix that makes the cookie another one. */
static int
find_root(struct keep *k, const char *folder, struct err *e)
{
	long long job, n;
	char *at, *name;
	int used = 0;

	if (!realpath(folder, k->folder))
		return err_sys(e, ERR_NOINPUT, "cannot find %s", folder);
	at = strstr(k->folder, "/jobs/");
	for (char *next = at; next; next = strstr(next + 1, "/jobs/"))
		at = next;
	if (!at || sscanf(at, "/jobs/%lld/attempts/%lld%n", &job, &n, &used) != 2 || at[used] || job < 1 || n < 1)
		return err_set(e, ERR_DATA, "%s is no folder of an attempt (ROOT/jobs/JOB/attempts/N)", k->folder);
	k->sp.root = arena_strndup(&k->arena, k->folder, (size_t)(at - k->folder));
	name = strrchr(k->sp.root, '/');
	name = name ? name + 1 : k->sp.root;
	snprintf(k->sp.id, sizeof k->sp.id, "%.32s-remote", strncmp(name, "sim-", 4) ? name : name + 4);
	k->sp.program = "sim-remote";
	k->t.job = job;
	k->t.attempt = n;
	return proc_boot_id(k->sp.boot, e);
}

static int
read_task(struct keep *k, struct err *e)
{
	struct keeper_task where = k->t;
	struct buf b = BUF_INIT;
	char path[PATH_MAX];
	int rc;

	attempt_path(&k->sp, where.job, where.attempt, "task.json", path, sizeof path);
	rc = io_read_file(path, (size_t)64 << 20, &b, e);
	if (rc == 0)
		rc = task_read(b.s ? b.s : "", b.len, &k->arena, &k->t, e);
	buf_free(&b);
	if (rc == 0 && (k->t.job != where.job || k->t.attempt != where.attempt))
		rc = err_set(e, ERR_DATA, "%s is for job %lld, attempt %lld", path, (long long)k->t.job, (long long)k->t.attempt);
	return rc;
}

/* --- the environment: what is here, without what belongs to another job or connection; then the task's; then our own ---------------- */

struct env {
	struct arena *a;
	char **v;
	size_t n;
};

static void
put(struct env *x, char *text)
{
	size_t len = strcspn(text, "=") + 1;

	for (size_t i = 0; i < x->n; i++)
		if (!strncmp(x->v[i], text, len)) {
			x->v[i] = text;
			return;
		}
	x->v[x->n++] = text;
	x->v[x->n] = NULL;
}

static int
inherited(const char *s)
{
	static const char *const out[] = {"SIM_JOB=", "SIM_ATTEMPT=", "SIM_COOKIE=", "SIM_SPOOL", "SIM_CHECKPOINT=", "SIM_TIMEOUT=", "SIM_DEADLINE=",
	                                  "SIM_SLOT_", "SIM_HOSTS=", "SSH_CLIENT=", "SSH_CONNECTION=", "SSH_TTY=", "SSH_AUTH_SOCK="};

	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
		if (!strncmp(s, out[i], strlen(out[i])))
			return 0;
	return strchr(s, '=') != NULL;
}

static void
put_limits(struct keep *k, struct env *x)
{
	int64_t left = k->t.timeout_ns, boot = clk_boot_ns();
	char when[CLK_TEXT];

	if (k->t.deadline_ns && (!left || k->t.deadline_ns - boot < left))
		left = k->t.deadline_ns - boot;
	if (!left)
		return;
	left = left > 0 ? left : 0;
	clk_format(clk_real_ns() + left, when);
	put(x, arena_printf(x->a, "SIM_TIMEOUT=%.3f", (double)left / 1e9));
	put(x, arena_printf(x->a, "SIM_DEADLINE=%s", when));
}

/* Our programs are found by a command's own commands too, after all others. */
static void
put_path(struct env *x)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	const char *path = NULL;

	if (n <= 0)
		return;
	self[n] = '\0';
	if (!strrchr(self, '/'))
		return;
	*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < x->n; i++)
		if (!strncmp(x->v[i], "PATH=", 5))
			path = x->v[i] + 5;
	put(x, arena_printf(x->a, "PATH=%s:%s", path && *path ? path : "/usr/local/bin:/usr/bin:/bin", self));
}

static void
build_env(struct keep *k)
{
	struct env x = {.a = &k->arena};
	char cookie[ATTEMPT_COOKIE];
	size_t n = 16;

	for (char **p = environ; *p; p++)
		n++;
	for (char **p = k->t.envp; *p; p++)
		n++;
	x.v = arena_alloc(x.a, n * sizeof *x.v);
	for (char **p = environ; *p; p++)
		if (inherited(*p))
			put(&x, *p);
	for (char **p = k->t.envp; *p; p++)
		if (strchr(*p, '='))
			put(&x, *p);
	put(&x, arena_printf(x.a, "SIM_SPOOL_JOB=%s/jobs/%lld", k->sp.root, (long long)k->t.job));
	put(&x, arena_printf(x.a, "SIM_CHECKPOINT=%s/jobs/%lld/checkpoint", k->sp.root, (long long)k->t.job));
	put_path(&x);
	put_limits(k, &x);
	attempt_cookie(&k->sp, k->t.job, k->t.attempt, cookie);
	put(&x, arena_strdup(x.a, cookie));
	k->t.envp = x.v;
}

/* "sim-engine" is the one beside this program, if there is one. */
static void
find_engine(struct keep *k)
{
	char self[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n <= 0 || strchr(k->t.argv[0], '/'))
		return;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash && (size_t)snprintf(path, sizeof path, "%.*s/%s", (int)(slash - self), self, k->t.argv[0]) < sizeof path &&
	    !strncmp(k->t.argv[0], "sim-", 4) && access(path, X_OK) == 0)
		k->t.argv[0] = arena_strdup(&k->arena, path);
}

/* The one that was asked for, or, apart from it or where it is not here, one of the attempt's own; a promised file lies in that then. */
static int
choose_folder(struct keep *k, struct err *e)
{
	const char *asked = k->t.folder, *promise = k->t.promise;
	size_t n = asked ? strlen(asked) : 0;
	char *own;

	if (k->t.kind == JOB_ENGINE || !asked) {
		k->t.folder = k->folder;
		return 0;
	}
	if (!k->t.apart && access(asked, X_OK) == 0)
		return 0;
	own = arena_printf(&k->arena, "%s/work", k->folder);
	if (mkdir(own, 0700) < 0 && errno != EEXIST)
		return err_sys(e, ERR_TEMPFAIL, "cannot create %s", own);
	k->not_there = k->t.apart ? NULL : asked;
	k->t.folder = own;
	if (promise && !strncmp(promise, asked, n) && promise[n] == '/')
		k->t.promise = arena_printf(&k->arena, "%s%s", own, promise + n);
	return 0;
}

static int
prepare(struct keep *k, const char *folder, struct err *e)
{
	if (find_root(k, folder, e) < 0 || read_task(k, e) < 0)
		return -1;
	if (choose_folder(k, e) < 0)
		return -1;
	k->t.stop = arena_printf(&k->arena, "%s/stop", k->folder);
	k->t.room = arena_printf(&k->arena, "%s/room", k->folder);
	if (!k->t.grace_ns)
		k->t.grace_ns = JOB_GRACE_DEFAULT_NS;
	find_engine(k);
	build_env(k);
	return 0;
}

/* --- beginning ------------------------------------------------------------------------------------------------------------ */

static int
take_marker(struct keep *k, struct err *e)
{
	char text[400], host[128] = "?";
	uint64_t start = 0;

	gethostname(host, sizeof host - 1);
	proc_start_time(getpid(), &start);
	snprintf(text, sizeof text, "host %s\nboot %s\npid %d\nstart %llu\n%s%.60s%s", host, k->sp.boot, (int)getpid(),
	         (unsigned long long)start, k->id ? "id " : "", k->id ? k->id : "", k->id ? "\n" : "");
	return look_mark(k->folder, text, e);
}

/* Room for the result, while there is some. Without it the job runs all the same. */
static void
keep_room(const struct keep *k)
{
	char b[4096];
	int fd = open(k->t.room, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	memset(b, ' ', sizeof b);
	for (int i = 0; i < ROOM; i += (int)sizeof b)
		if (io_write_all(fd, b, sizeof b) < 0)
			break;
	close(fd);
}

/* Where the command's working folder is not on this machine, its log begins with that. */
static void
tell_folder(const struct keep *k)
{
	char path[PATH_MAX], line[PATH_MAX + 200];
	int fd, n;

	if (!k->not_there)
		return;
	attempt_path(&k->sp, k->t.job, k->t.attempt, "log", path, sizeof path);
	fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	n = snprintf(line, sizeof line, "sim-remote: the folder %.3900s is not here: working in one of the attempt's own, and what it leaves there is brought back\n", k->not_there);
	if (fd >= 0 && n > 0)
		io_write_all(fd, line, (size_t)n);
	if (fd >= 0)
		close(fd);
}

/* It never began: said as the keeper would say it. */
static void
never_started(struct keep *k, const struct err *why)
{
	struct job_end end = {.outcome = "never-started", .reason = why->msg, .status = why->status};

	for (int i = 0; i < 10 && attempt_write_result(&k->sp, k->t.job, k->t.attempt, &end, 1, NULL) < 0; i++) {
		unlink(k->t.room);
		poll(NULL, 0, 200);
	}
}

/* An end that was asked for, or a deadline that passed, before anything began: 1 and it is written down. */
static int
over_already(struct keep *k)
{
	struct job_end end = {.outcome = "terminated", .status = -1};
	struct buf b = BUF_INIT;

	if (access(k->t.stop, F_OK) == 0) {
		if (io_read_file(k->t.stop, 4096, &b, NULL) == 0 && b.len)
			b.s[strcspn(b.s, "\n")] = '\0';
		end.reason = arena_strdup(&k->arena, b.len ? b.s : "terminated on request");
		buf_free(&b);
	} else if (k->t.deadline_ns && clk_boot_ns() >= k->t.deadline_ns) {
		end.reason = k->t.deadline_why ? k->t.deadline_why : "deadline: it had passed before the job began";
		end.status = ERR_DEADLINE;
	} else {
		return 0;
	}
	return attempt_write_result(&k->sp, k->t.job, k->t.attempt, &end, 1, NULL) == 0;
}

static pid_t
start_keeper(struct keep *k, int adopt, int runner_fd, struct err *e)
{
	struct attempt_probe a;
	pid_t pid;

	if (!adopt)
		tell_folder(k);
	/* who was killed may have been told to stop it, and may have done it or not */
	else if (attempt_probe(&k->sp, k->t.job, k->t.attempt, &a, NULL) == 0)
		k->t.paused = k->order >= 0 ? k->order : proc_stopped(a.stage);
	pid = adopt ? keeper_adopt(&k->sp, &k->t, runner_fd, e) : keeper_start(&k->sp, &k->t, runner_fd, e);

	if (pid < 0 && !adopt)
		never_started(k, e);
	return pid;
}

/* --- what the scheduler watches ------------------------------------------------------------------------------------------------ */

/* The attempt's end as an exit status. */
static int
status_of_end(struct keep *k, int ws, struct err *e)
{
	struct job_end end;
	int status, rc = attempt_read_result(&k->sp, k->t.job, k->t.attempt, &end, e);

	if (rc < 0)
		return e->status;
	if (rc == 0 && access(k->folder, F_OK) < 0 && WIFEXITED(ws))
		return WEXITSTATUS(ws); /* fetched already, and removed: the keeper's own word */
	if (rc == 0) {
		err_set(e, ERR_SOFTWARE, "the keeper of job %lld died without a result", (long long)k->t.job);
		return ERR_SOFTWARE;
	}
	status = !strcmp(end.outcome, "completed") ? 0 : end.signal ? 128 + end.signal : end.status > 0 ? end.status : 1;
	attempt_free_end(&end);
	return status;
}

/* To the keeper; and kept, for one that replaces it. */
static void
pass_on(struct keep *k, int sig_fd, pid_t keeper)
{
	struct signalfd_siginfo si;

	while (read(sig_fd, &si, sizeof si) == (ssize_t)sizeof si)
		switch (si.ssi_signo) {
		case SIGTSTP:
		case SIGCONT:
			k->order = si.ssi_signo == SIGTSTP;
			kill(keeper, k->order ? SIGUSR1 : SIGUSR2);
			break;
		case SIGTERM:
		case SIGINT:
		case SIGHUP:
			k->t.end_why = "terminated on request";
			kill(keeper, SIGTERM);
			break;
		default: break;
		}
}

/* Until the keeper ends; what it says is for a spool, and there is none here. */
static int
watch(struct keep *k, pid_t keeper, int from, int sig_fd)
{
	char b[4096];
	int ws = 0;

	for (;;) {
		struct pollfd p[2] = {{.fd = sig_fd, .events = POLLIN}, {.fd = from, .events = POLLIN}};

		if (poll(p, 2, 1000) < 0 && errno != EINTR)
			poll(NULL, 0, 100);
		pass_on(k, sig_fd, keeper);
		while (read(from, b, sizeof b) > 0)
			;
		if (waitpid(keeper, &ws, WNOHANG) != 0)
			return ws;
		if (p[1].revents & POLLHUP)
			poll(NULL, 0, 5); /* it is about to end */
	}
}

static int
block_signals(void)
{
	sigset_t s;

	sigemptyset(&s);
	for (const int *sig = (const int[]){SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT, 0}; *sig; sig++)
		sigaddset(&s, *sig);
	sigprocmask(SIG_BLOCK, &s, NULL);
	return signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
keep_tied(struct keep *k, struct err *e)
{
	int sig_fd = block_signals(), p[2], ws = 0;
	struct attempt_probe a;

	k->t.tied = 1;
	for (int adopt = 0;; adopt = 1) {
		pid_t keeper;

		if (sig_fd < 0 || pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0) {
			err_sys(e, ERR_TEMPFAIL, "cannot start a keeper");
			if (!adopt)
				never_started(k, e);
			return e->status;
		}
		keeper = start_keeper(k, adopt, p[1], e);
		close(p[1]);
		if (keeper < 0)
			return e->status;
		ws = watch(k, keeper, p[0], sig_fd);
		close(p[0]);
		/* killed alone, with its stage alive: once more */
		if (attempt_probe(&k->sp, k->t.job, k->t.attempt, &a, NULL) < 0 || a.has_result || !a.stage_locked)
			break;
	}
	return status_of_end(k, ws, e);
}

/* --- apart from the connection ---------------------------------------------------------------------------------------------------- */

/* A child of its own session, with nothing of the caller's open, does `begin`; what it has to say comes through a pipe. */
static int
keep_detached(struct keep *k, int adopt, char *said, size_t n, struct err *e)
{
	struct { int status, taken; char msg[1024]; } answer = {0};
	int p[2], null;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return err_sys(e, ERR_TEMPFAIL, "cannot start a keeper"), e->status;
	if (pid) {
		ssize_t got;

		close(p[1]);
		got = io_read_full(p[0], &answer, sizeof answer);
		close(p[0]);
		waitpid(pid, NULL, 0);
		if (got != (ssize_t)sizeof answer)
			return err_set(e, ERR_TEMPFAIL, "the keeper died when it was to begin"), e->status;
		if (answer.status)
			return err_set(e, answer.status, "%s", answer.msg), e->status;
		snprintf(said, n, "%s", answer.taken ? "began" : "taken");
		return 0;
	}
	close(p[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	answer.taken = adopt ? 1 : take_marker(k, e);
	if (answer.taken > 0) {
		if (!adopt)
			keep_room(k);
		if (!(!adopt && over_already(k)) && start_keeper(k, adopt, -1, e) < 0)
			answer.taken = adopt && e->status == ERR_NO ? 0 : -1; /* it has a keeper: somebody was faster */
	}
	if (answer.taken < 0) {
		answer.status = e->status ? e->status : ERR_TEMPFAIL;
		snprintf(answer.msg, sizeof answer.msg, "%s", e->msg);
	}
	if (io_write_all(p[1], &answer, sizeof answer) < 0)
		_exit(1);
	_exit(0);
}

int
remote_keep_signal(const char *folder, int sig, struct err *e)
{
	struct keep k = {.order = -1};
	struct attempt_probe p = {0};
	struct look l = {.exists = 0};
	int rc = find_root(&k, folder, e);

	if (rc == 0)
		rc = look_here(k.folder, 0, 0, &l, e);
	if (rc == 0)
		rc = attempt_probe(&k.sp, k.t.job, k.t.attempt, &p, e);
	/* a pid means something on its own machine, and in its own boot, alone */
	if (rc == 0)
		rc = p.keeper_locked && p.keeper.pid > 0 && !strcmp(l.boot, k.sp.boot) && proc_signal(p.keeper, sig) == 0;
	buf_free(&l.bytes);
	arena_free(&k.arena);
	return rc;
}

int
remote_keep(const char *folder, enum keep_mode mode, const char *id, char *said, size_t n, struct err *e)
{
	struct keep k = {.id = id, .order = -1};
	int status, rc;

	snprintf(said, n, "began");
	if (prepare(&k, folder, e) < 0) {
		status = e->status;
	} else if (mode != KEEP_TIED) {
		status = keep_detached(&k, mode == KEEP_ADOPT, said, n, e);
	} else if ((rc = take_marker(&k, e)) <= 0) {
		snprintf(said, n, "taken");
		status = rc < 0 ? e->status : 0;
	} else {
		keep_room(&k);
		status = over_already(&k) ? status_of_end(&k, 0, e) : keep_tied(&k, e);
	}
	arena_free(&k.arena);
	return status;
}
