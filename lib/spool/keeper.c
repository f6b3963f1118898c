/* keeper: see keeper.h. Order of events that crashes depend on: locks, "starting", fork, "stage" in the lock file, … , output
 * synced, result written and synced, "end" to the runner, locks dropped by exit. */
#include "spool/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "spool/attempt.h"
#include "spool/job.h"

#define MS ((int64_t)1000000)
#define PROGRESS_EVERY (200 * MS)
#define ALONE_WAIT (600 * 1000 * MS)  /* for room for a result that no spool waits for */
#define QUEUE_MAX ((size_t)8 << 20)
#define RELAY_EVERY (5000 * MS)

struct keeper {
	const struct spool *sp;
	const struct keeper_task *t;
	int lock_fd, runner_fd, out_fd, log_fd, sig_fd, watch_fd, pid_fd;
	int runner_dead;
	pid_t relay;
	int64_t relay_next;         /* not before: one that is killed again and again is not started in a circle */
	struct proc_id stage;
	int adopted;
	/* output */
	int64_t at;                 /* bytes of it that were read */
	int64_t seen;               /* bytes of it in lines that were looked at */
	struct buf part;            /* an unfinished line, up to KEEPER_EVENT_MAX */
	int skipping;               /* in a line too long for an event */
	char *progress;             /* the latest, held back */
	int64_t progress_at;        /* `seen` of it */
	int64_t progress_sent, touched;
	int64_t done;
	int saw_end, saw_finished_ok, saw_finished;
	int cannot_run;             /* the stage could not be executed */
	int runs;                   /* the time of the job goes on: always here, elsewhere from when it is said */
	char failure[300];          /* what the stage itself said of a failed end */
	/* clock, CLOCK_BOOTTIME */
	int64_t began, due, stall_from, paused_at;
	int ending;                 /* 1: TERM sent, 2: KILL */
	int64_t kill_at;
	char why[300];              /* why it is being ended */
	struct buf queue;           /* lines the runner's pipe had no room for */
	int deaf;                   /* the queue is full: nothing is told until it is empty, then "sync" */
};

/* --- to the runner -------------------------------------------------------------------------------------------------- */

static void
drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void
put_line(struct keeper *k, int64_t at, const char *text, size_t n)
{
	buf_printf(&k->queue, "%lld %lld %lld ", (long long)k->t->job, (long long)k->t->attempt, (long long)at);
	buf_add(&k->queue, text, n);
	buf_putc(&k->queue, '\n');
}

/* Whoever hears this reads what he does not know from the output itself. */
static void
put_sync(struct keeper *k)
{
	free(k->progress); /* it is in there too */
	k->progress = NULL;
	k->deaf = 0;
	put_line(k, k->seen, "sync", 4);
}

/* A relay of our own: a fresh process may open the database, a forked one must not. */
static void
start_relay(struct keeper *k)
{
	int p[2];
	pid_t pid;

	k->runner_dead = 1;
	drop_fd(&k->runner_fd);
	k->relay_next = clk_boot_ns() + RELAY_EVERY;
	if (!k->t->relay || pipe2(p, O_CLOEXEC) < 0)
		return; /* the result file stays; sim-recover finds it */
	pid = fork();
	if (pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid();
		dup2(p[0], 0);
		execl(k->t->relay, "sim-run", "--relay", "--spool", k->sp->root, (char *)NULL);
		_exit(127);
	}
	close(p[0]);
	if (pid < 0) {
		close(p[1]);
		return;
	}
	k->relay = pid;
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	k->runner_fd = p[1];
	buf_clear(&k->queue);
	put_sync(k); /* what was in the other's pipe is lost */
}

static void
flush_queue(struct keeper *k)
{
	if (k->queue.len && k->runner_fd < 0 && clk_boot_ns() >= k->relay_next)
		start_relay(k); /* an adopted stage has no runner; a relay may be killed too */
	while (k->queue.len && k->runner_fd >= 0) {
		const char *nl = memchr(k->queue.s, '\n', k->queue.len);
		size_t n = nl ? (size_t)(nl - k->queue.s) + 1 : k->queue.len;
		ssize_t w = write(k->runner_fd, k->queue.s, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno == EPIPE && !k->runner_dead) {
			start_relay(k);
			continue;
		}
		if (w < 0 && errno == EPIPE) /* the relay is gone too */
			drop_fd(&k->runner_fd);
		if (w <= 0)
			return;
		memmove(k->queue.s, k->queue.s + w, k->queue.len - (size_t)w);
		k->queue.len -= (size_t)w;
		if (!k->queue.len && k->deaf)
			put_sync(k);
	}
}

static void
say(struct keeper *k, int64_t at, const char *text, size_t n)
{
	if (k->runner_fd < 0 && !k->t->relay)
		return; /* nobody to tell */
	k->deaf |= k->queue.len > QUEUE_MAX; /* a runner that reads nothing */
	if (k->deaf || (k->t->from && at <= k->t->from && text[0] == '{'))
		return; /* the keeper before told it */
	put_line(k, at, text, n);
	flush_queue(k);
}

static void
send_progress(struct keeper *k)
{
	if (!k->progress)
		return;
	say(k, k->progress_at, k->progress, strlen(k->progress));
	free(k->progress);
	k->progress = NULL;
	k->progress_sent = clk_boot_ns();
}

/* --- what the stage writes -------------------------------------------------------------------------------------------- */

static void
take_finished(struct keeper *k, const struct record *r)
{
	const char *outcome = record_get_str(r, "outcome"), *reason = record_get_str(r, "reason");

	k->saw_finished = 1;
	k->saw_finished_ok = outcome && !strcmp(outcome, "completed");
	if (!k->saw_finished_ok)
		snprintf(k->failure, sizeof k->failure, "%s", reason ? reason : outcome ? outcome : "failed");
}

/* Elsewhere: its time begins when it does. */
static void
take_remote(struct keeper *k, const struct record *r)
{
	const char *state = record_get_str(r, "state");

	if (k->runs || !state || strcmp(state, "running"))
		return;
	k->runs = 1;
	k->due = k->t->timeout_ns ? clk_boot_ns() + k->t->timeout_ns : 0;
}

static int
is_ours(const struct keeper *k, const struct record *r)
{
	return !r->job || (job_id_parse(r->job) == k->t->job && (!r->attempt || r->attempt == k->t->attempt));
}

static void
take_line(struct keeper *k, const char *s, size_t n)
{
	struct record r;
	int64_t now = clk_boot_ns();
	int alive = 1;

	if (n > 2 && s[0] == '{' && memmem(s, n < 100 ? n : 100, "\"partial\"", 9)) {
		if (memmem(s, n, "\"part\":\"end\"", 12))
			k->saw_end = 1;
	} else if (n > 2 && s[0] == '{' && record_parse(s, n, &r, NULL) == 0) {
		if (!is_ours(k, &r)) {
			alive = 0; /* of another job, or of an attempt that is over: not believed */
		} else if (!strcmp(r.type, "progress")) {
			int64_t done = record_get_int(&r, "done", 0);

			alive = done > k->done;
			if (alive)
				k->done = done;
			free(k->progress);
			k->progress = strndup(s, n);
			k->progress_at = k->seen;
			if (now - k->progress_sent >= PROGRESS_EVERY)
				send_progress(k);
		} else if (strcmp(r.type, "partial") && strcmp(r.type, "summary") && strcmp(r.type, "cell")) {
			if (!strcmp(r.type, "finished"))
				take_finished(k, &r);
			else if (k->t->remote && !strcmp(r.type, "remote"))
				take_remote(k, &r);
			else if (!strcmp(r.type, "error") && record_get_str(&r, "message"))
				snprintf(k->failure, sizeof k->failure, "%s", record_get_str(&r, "message"));
			send_progress(k);
			say(k, k->seen, s, n);
		}
		record_free(&r);
	}
	if (alive) {
		k->stall_from = now;
		if (k->t->stall_ns && now - k->touched > 500 * MS) {
			say(k, k->seen, "touch", 5);
			k->touched = now;
		}
	}
}

static void
take_bytes(struct keeper *k, const char *s, size_t n)
{
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;

		if (!k->skipping && k->part.len + len > KEEPER_EVENT_MAX) {
			k->skipping = 1;
			if (k->part.len + len < RECORD_LINE_MAX && memmem(s, len, "\"part\":\"end\"", 12))
				k->saw_end = 1;
			buf_clear(&k->part);
			k->stall_from = clk_boot_ns();
		}
		if (!k->skipping)
			buf_add(&k->part, s, len);
		if (!nl)
			return;
		s += len + 1;
		n -= len + 1;
		k->seen = k->at - (int64_t)n;
		if (!k->skipping && k->part.len)
			take_line(k, k->part.s, k->part.len);
		k->skipping = 0;
		buf_clear(&k->part);
	}
}

static void
read_output(struct keeper *k)
{
	char b[65536];
	ssize_t n;

	while ((n = pread(k->out_fd, b, sizeof b, k->at)) > 0) {
		k->at += n;
		take_bytes(k, b, (size_t)n);
	}
}

/* The log is cut, not the job: what was written first is kept in log.head. */
static void
bound_log(struct keeper *k)
{
	int64_t limit = k->t->log_limit ? k->t->log_limit : KEEPER_LOG_LIMIT;
	char path[PATH_MAX], b[65536];
	struct stat st;
	ssize_t n;
	int fd;

	if (k->log_fd < 0 || fstat(k->log_fd, &st) < 0 || st.st_size <= limit)
		return;
	attempt_path(k->sp, k->t->job, k->t->attempt, "log.head", path, sizeof path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0) {
		n = pread(k->log_fd, b, sizeof b, 0);
		if (n > 0)
			io_write_all(fd, b, (size_t)n);
		close(fd);
	}
	if (ftruncate(k->log_fd, 0) < 0)
		return;
	snprintf(b, sizeof b, "[cut: more than %lld bytes; the beginning is in log.head]\n", (long long)limit);
	io_write_all(k->log_fd, b, strlen(b));
}

/* --- ending it --------------------------------------------------------------------------------------------------------- */

static void
members(const struct keeper *k, struct proc_set *s, char cookie[ATTEMPT_COOKIE])
{
	attempt_cookie(k->sp, k->t->job, k->t->attempt, cookie);
	*s = (struct proc_set){.root = getpid(), .except = k->relay, .group = proc_alive(k->stage) ? k->stage.pid : 0, .cookie = cookie};
}

static void
signal_all(struct keeper *k, int sig)
{
	char cookie[ATTEMPT_COOKIE];
	struct proc_set s;

	members(k, &s, cookie);
	proc_set_signal(&s, sig, NULL);
}

static void
end_stage(struct keeper *k, const char *why)
{
	if (k->ending)
		return;
	snprintf(k->why, sizeof k->why, "%s", why);
	k->ending = 1;
	k->kill_at = clk_boot_ns() + k->t->grace_ns + (k->t->remote ? KEEPER_REMOTE_NS : 0);
	if (k->paused_at && k->t->remote) {
		k->paused_at = 0; /* who ends it there lets it go on first */
	} else if (k->paused_at) {
		signal_all(k, SIGCONT);
		k->paused_at = 0;
	}
	if (k->stage.pid > 0 && proc_alive(k->stage))
		kill(-k->stage.pid, SIGTERM);
	else
		signal_all(k, SIGTERM);
}

static int
kill_rest(struct keeper *k)
{
	char cookie[ATTEMPT_COOKIE];
	struct proc_set s;

	members(k, &s, cookie);
	return proc_set_kill(&s, 0, (int64_t)10 * 1000 * MS, NULL);
}

static void
pause_stage(struct keeper *k)
{
	if (k->paused_at || k->ending)
		return;
	k->paused_at = clk_boot_ns();
	if (k->t->remote) {
		proc_signal(k->stage, SIGTSTP);
		return;
	}
	signal_all(k, SIGSTOP);
	signal_all(k, SIGSTOP); /* what was forked during the first pass */
}

static void
resume_stage(struct keeper *k)
{
	int64_t pause;

	if (!k->paused_at)
		return;
	pause = clk_boot_ns() - k->paused_at;
	k->paused_at = 0;
	if (k->due)
		k->due += pause;
	k->stall_from += pause;
	if (k->t->remote)
		proc_signal(k->stage, SIGCONT);
	else
		signal_all(k, SIGCONT);
}

/* --- limits -------------------------------------------------------------------------------------------------------------- */

static void
span(int64_t ns, char out[32])
{
	if (ns >= 60 * 1000 * MS)
		snprintf(out, 32, "%lld min", (long long)(ns / (60 * 1000 * MS)));
	else
		snprintf(out, 32, "%.3g s", (double)ns / 1e9);
}

/* The end was asked for by a file: by somebody who cannot signal this process. */
static void
check_stop(struct keeper *k)
{
	struct buf b = BUF_INIT;
	struct stat st;

	if (!k->t->stop || k->ending)
		return;
	if (fstat(k->out_fd, &st) == 0 && st.st_nlink == 0) {
		end_stage(k, "terminated: its folder was removed"); /* nobody can ask for it any more, or stop it */
		return;
	}
	if (access(k->t->stop, F_OK) < 0)
		return;
	if (io_read_file(k->t->stop, 4096, &b, NULL) == 0 && b.len) {
		b.s[strcspn(b.s, "\n")] = '\0';
		end_stage(k, b.s);
	} else {
		end_stage(k, "terminated on request");
	}
	buf_free(&b);
}

static void
check_limits(struct keeper *k)
{
	int64_t now = clk_boot_ns();
	char why[200], t[32];

	check_stop(k);
	if (k->ending == 1 && now >= k->kill_at) {
		k->ending = 2;
		kill_rest(k);
	}
	if (k->ending)
		return;
	if (k->t->deadline_ns && now >= k->t->deadline_ns) {
		end_stage(k, k->t->deadline_why ? k->t->deadline_why : "deadline");
		return;
	}
	if (k->paused_at)
		return;
	if (k->due && now >= k->due) {
		span(k->t->timeout_ns, t);
		snprintf(why, sizeof why, "deadline: the limit in time was reached (%s were left at this start)", t);
		end_stage(k, why);
	} else if (k->t->stall_ns && now - k->stall_from >= k->t->stall_ns) {
		span(k->t->stall_ns, t);
		snprintf(why, sizeof why, "stalled: no progress for %s", t);
		end_stage(k, why);
	} else if (k->at > (k->t->out_limit ? k->t->out_limit : KEEPER_OUT_LIMIT)) {
		end_stage(k, "output: more bytes on standard output than the limit");
	}
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

/* Milliseconds until something is due; at most a second, which bounds the log and finds lost wake-ups. */
static int
next_wait(const struct keeper *k)
{
	int64_t now = clk_boot_ns(), at = now + 1000 * MS;

	at = earlier(at, k->ending == 1 ? k->kill_at : 0);
	if (!k->ending) {
		at = earlier(at, k->t->deadline_ns);
		if (!k->paused_at) {
			at = earlier(at, k->due);
			at = earlier(at, k->t->stall_ns ? k->stall_from + k->t->stall_ns : 0);
		}
	}
	if (k->progress)
		at = earlier(at, k->progress_sent + PROGRESS_EVERY);
	if (k->queue.len)
		at = earlier(at, k->runner_fd < 0 ? k->relay_next : now + 20 * MS);
	return at <= now ? 0 : (int)((at - now + MS - 1) / MS);
}

/* --- the stage's process -------------------------------------------------------------------------------------------------- */

/* What a copier that was killed left in the middle of a line is copied again (lib/remote/follow.h). */
static int
cut_unfinished(int fd)
{
	char b[65536];
	off_t end = lseek(fd, 0, SEEK_END);

	while (end > 0) {
		off_t from = end > (off_t)sizeof b ? end - (off_t)sizeof b : 0;
		ssize_t n = pread(fd, b, (size_t)(end - from), from);
		char *nl = n > 0 ? memrchr(b, '\n', (size_t)n) : NULL;

		if (n <= 0)
			return -1;
		if (nl)
			return ftruncate(fd, from + (nl - b) + 1);
		end = from;
	}
	return ftruncate(fd, 0);
}

static int
open_files(struct keeper *k, struct err *e)
{
	char path[PATH_MAX];

	attempt_path(k->sp, k->t->job, k->t->attempt, "events.ndjson", path, sizeof path);
	k->out_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	if (k->out_fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	if (k->t->remote && !k->adopted && cut_unfinished(k->out_fd) < 0)
		return err_sys(e, ERR_IO, "cannot cut %s", path);
	k->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (k->watch_fd >= 0)
		inotify_add_watch(k->watch_fd, path, IN_MODIFY);
	attempt_path(k->sp, k->t->job, k->t->attempt, "log", path, sizeof path);
	k->log_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	if (k->log_fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	return 0;
}

/* Standard input: a file in memory, so that a stage which never reads it blocks nobody. */
static int
input_fd(const char *text)
{
	int fd = (int)syscall(SYS_memfd_create, "task", 1u /* MFD_CLOEXEC */);

	if (fd >= 0 && (io_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void __attribute__((noreturn))
become_stage(struct keeper *k, int in, int stage_fd, int report)
{
	sigset_t none;
	int why;

	setsid();
	sigemptyset(&none);
	if (k->t->remote) { /* it hears these when it is ready to */
		sigaddset(&none, SIGTERM);
		sigaddset(&none, SIGTSTP);
	}
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* what is ignored stays so over exec */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);
	dup2(in, 0);
	dup2(k->out_fd, 1);
	dup2(k->log_fd, 2);
	fcntl(stage_fd, F_SETFD, 0);
	if (chdir(k->t->folder) < 0) {
		why = -errno;
	} else {
		execvpe(k->t->argv[0], k->t->argv, k->t->envp);
		why = errno;
	}
	if (write(report, &why, sizeof why) < 0)
		_exit(126);
	_exit(why == ENOENT ? 127 : 126);
}

/* 0 also when it could not be executed: then `failure` says why, and its status is 126 or 127. */
static int
start_stage(struct keeper *k, int stage_fd, struct err *e)
{
	int in = input_fd(k->t->input), report[2], why;
	pid_t pid;

	if (in < 0 || pipe2(report, O_CLOEXEC) < 0)
		return err_sys(e, ERR_OS, "cannot prepare the stage");
	if (attempt_note(k->lock_fd, "starting", (struct proc_id){getpid(), 0}) < 0)
		return err_sys(e, ERR_IO, "cannot write the lock file of job %lld", (long long)k->t->job);
	pid = fork();
	if (pid == 0)
		become_stage(k, in, stage_fd, report[1]);
	close(in);
	close(stage_fd);
	close(report[1]);
	if (pid < 0)
		return err_sys(e, ERR_OS, "cannot start a process");
	k->stage.pid = pid;
	if (proc_start_time(pid, &k->stage.start) < 0)
		k->stage.start = 0;
	k->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	attempt_note(k->lock_fd, "stage", k->stage);
	if (io_read_full(report[0], &why, sizeof why) == (ssize_t)sizeof why) {
		if (why < 0)
			snprintf(k->failure, sizeof k->failure, "cannot enter the working folder %.200s: %s", k->t->folder, strerror(-why));
		else
			snprintf(k->failure, sizeof k->failure, "cannot run %.200s: %s", k->t->argv[0], strerror(why));
	}
	close(report[0]);
	k->cannot_run = *k->failure != '\0';
	return 0;
}

/* --- the end ----------------------------------------------------------------------------------------------------------------- */

static int
promise_kept(struct keeper *k)
{
	if (k->t->promise && access(k->t->promise, F_OK) < 0) {
		snprintf(k->failure, sizeof k->failure, "ended with status 0 but without the promised file %.200s", k->t->promise);
		return 0;
	}
	if (k->saw_finished && !k->saw_finished_ok)
		return 0;
	if (k->t->kind == JOB_ENGINE && !(k->saw_end && k->saw_finished_ok)) {
		snprintf(k->failure, sizeof k->failure, "ended with status 0 but without the result its kind promises");
		return 0;
	}
	return 1;
}

static void
judge(struct keeper *k, int known, int ws, struct job_end *end, char *why, size_t n)
{
	*end = (struct job_end){.outcome = "failed", .status = -1, .done = k->done, .reason = why};
	if (known && WIFEXITED(ws))
		end->status = WEXITSTATUS(ws);
	if (known && WIFSIGNALED(ws))
		end->signal = WTERMSIG(ws);
	if (k->ending) {
		end->outcome = "terminated";
		snprintf(why, n, "%s", k->why);
		if (!strncmp(why, "deadline", 8))
			end->status = ERR_DEADLINE;
	} else if (end->signal) {
		snprintf(why, n, "ended by signal %d (%s)", end->signal, strsignal(end->signal));
	} else if (!known && !(k->saw_finished_ok && promise_kept(k))) {
		snprintf(why, n, "%s", k->saw_finished ? k->failure :
		         "ended while its keeper was dead: the exit status is unknown");
	} else if (known && end->status) {
		if (*k->failure)
			snprintf(why, n, "%s", k->failure);
		else
			snprintf(why, n, "ended with status %d", end->status);
	} else if (!promise_kept(k)) {
		snprintf(why, n, "%s", k->failure);
	} else {
		end->outcome = "completed";
		end->reason = NULL;
		end->status = 0;
	}
}

/* A full disk: the truth is kept here until there is room. A folder that is gone has nobody who waits for it. */
static void
write_result(struct keeper *k, const struct job_end *end)
{
	int sync = k->runner_fd < 0 || k->runner_dead || !k->t->relay;
	int64_t until = clk_boot_ns() + ALONE_WAIT;
	char path[PATH_MAX];

	attempt_path(k->sp, k->t->job, k->t->attempt, "", path, sizeof path);
	while (attempt_write_result(k->sp, k->t->job, k->t->attempt, end, sync, NULL) < 0) {
		if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
			_exit(1);
		if (k->t->room && unlink(k->t->room) == 0)
			continue; /* this is what it was kept for */
		if (!k->t->relay && clk_boot_ns() > until)
			_exit(1); /* who waits for it will call it lost */
		poll(NULL, 0, 1000);
	}
	if (k->t->room)
		unlink(k->t->room);
}

/* What is known of an end elsewhere: its verdict. 0: nothing is, and this process is not the one to say anything. */
static int
judge_remote(struct keeper *k, struct job_end *end, char *why, size_t n)
{
	struct job_end v;
	int rc = attempt_read_verdict(k->sp, k->t->job, k->t->attempt, &v, NULL);

	*end = (struct job_end){.outcome = "failed", .status = -1, .done = k->done, .reason = why};
	if (rc > 0) {
		snprintf(why, n, "%s", k->ending ? k->why : v.reason ? v.reason : "");
		end->outcome = k->ending ? "terminated" : !strcmp(v.outcome, "completed") ? "completed" : !strcmp(v.outcome, "failed") ? "failed" :
		               !strcmp(v.outcome, "lost") ? "lost" : !strcmp(v.outcome, "never-started") ? "never-started" :
		               !strcmp(v.outcome, "cancelled") ? "cancelled" : "terminated";
		end->status = v.status;
		end->signal = v.signal;
		end->gone = v.gone;
		if (!strcmp(end->outcome, "completed") && !promise_kept(k)) {
			end->outcome = "failed";
			snprintf(why, n, "%s", k->failure);
		}
		attempt_free_end(&v);
	} else if (k->ending) {
		end->outcome = "terminated";
		snprintf(why, n, "%s", k->why);
	} else if (k->cannot_run && k->t->remote == 1) { /* nothing was sent */
		snprintf(why, n, "%s", k->failure);
		end->status = 127;
		end->gone = 2;
	} else {
		return 0;
	}
	if (k->ending && !strncmp(why, "deadline", 8))
		end->status = ERR_DEADLINE;
	if (!*why)
		end->reason = NULL;
	return 1;
}

/* Not too often: whoever looks next starts another. */
static void __attribute__((noreturn))
leave_to_others(struct keeper *k)
{
	if (clk_boot_ns() - k->began < 2000 * MS)
		poll(NULL, 0, k->cannot_run || k->t->remote > 1 ? 3000 : 1000);
	if (k->runner_fd < 0 && k->t->relay) { /* it looks when this process is gone */
		start_relay(k);
		say(k, k->seen, "touch", 5);
	}
	_exit(1);
}

/* For a scheduler that watches: the files may have been fetched and removed by then. */
static int
exit_of(const struct job_end *end)
{
	if (!strcmp(end->outcome, "completed"))
		return 0;
	return end->signal ? 128 + end->signal : end->status > 0 ? end->status : 1;
}

static void
finish(struct keeper *k, int known, int ws)
{
	struct job_end end;
	char why[400];

	if (known < 0 || waitpid(-1, NULL, WNOHANG) != -1 || k->adopted)
		kill_rest(k); /* it left others behind */
	read_output(k);
	k->seen = k->at;
	if (k->part.len && !k->skipping)
		take_line(k, k->part.s, k->part.len);
	send_progress(k);
	bound_log(k);
	if (!k->t->remote)
		judge(k, known, ws, &end, why, sizeof why);
	else if (!judge_remote(k, &end, why, sizeof why))
		leave_to_others(k);
	if (k->at && fsync(k->out_fd) < 0 && !strcmp(end.outcome, "completed")) {
		end.outcome = "failed";
		end.reason = "its output could not be written to the disk";
	}
	write_result(k, &end);
	if (k->runner_fd < 0 && k->t->relay)
		start_relay(k); /* that it is over is said once more, also when a relay was killed */
	if (k->deaf) { /* it will find out: nobody waits for this process */
		buf_clear(&k->queue);
		put_sync(k);
	}
	say(k, k->seen, "end", 3);
	for (int i = 0; i < 200 && k->queue.len && (k->runner_fd >= 0 || k->t->relay); i++) {
		if (k->runner_fd < 0 && i < 2)
			start_relay(k); /* the one before died of a full disk, say */
		if (k->runner_fd < 0)
			break;
		flush_queue(k);
		if (k->queue.len)
			poll(NULL, 0, 10);
	}
	_exit(k->t->tied ? exit_of(&end) : 0);
}

static void
on_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->sig_fd, &si, sizeof si) == (ssize_t)sizeof si)
		switch (si.ssi_signo) {
		case SIGTERM: end_stage(k, "terminated on request"); break;
		case SIGUSR1: pause_stage(k); break;
		case SIGUSR2: resume_stage(k); break;
		default: break;
		}
}

/* 1: the stage is gone (its wait status in *ws if *known). */
static int
stage_gone(struct keeper *k, int *known, int *ws)
{
	pid_t p;

	*known = 0;
	if (k->adopted)
		return !proc_alive(k->stage);
	while ((p = waitpid(-1, ws, WNOHANG)) > 0)
		if (p == k->stage.pid) {
			*known = 1;
			k->stage.start = 0; /* reaped: the pid may be another's */
			return 1;
		}
	return 0;
}

static void __attribute__((noreturn))
supervise(struct keeper *k)
{
	int known, ws = 0;

	for (;;) {
		struct pollfd p[4] = {{.fd = k->sig_fd, .events = POLLIN}, {.fd = k->watch_fd, .events = POLLIN},
		                      {.fd = k->pid_fd, .events = POLLIN},
		                      {.fd = k->runner_fd, .events = k->queue.len ? POLLOUT : 0}};
		char b[4096];

		if (stage_gone(k, &known, &ws))
			finish(k, known, ws);
		if (poll(p, 4, next_wait(k)) < 0 && errno != EINTR)
			poll(NULL, 0, 100);
		if (p[1].revents)
			while (read(k->watch_fd, b, sizeof b) > 0)
				;
		on_signal(k);
		read_output(k);
		if (p[3].revents & (POLLERR | POLLHUP)) {
			if (k->t->tied)
				end_stage(k, "terminated: the process that its scheduler watches is dead");
			if (!k->runner_dead)
				start_relay(k);
			else
				drop_fd(&k->runner_fd);
		}
		flush_queue(k);
		if (k->progress && clk_boot_ns() - k->progress_sent >= PROGRESS_EVERY)
			send_progress(k);
		check_limits(k);
		bound_log(k);
	}
}

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
close_all_but(int *keep, int n)
{
	unsigned from = 3;

	qsort(keep, (size_t)n, sizeof *keep, by_number);
	for (int i = 0; i < n; i++) {
		if (keep[i] < 3)
			continue;
		if ((unsigned)keep[i] > from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

/* The process becomes a keeper: its own session, no terminal, nothing open that is not its own. */
static void
settle_in(struct keeper *k, int stage_fd)
{
	int keep[3] = {k->lock_fd, k->runner_fd, stage_fd}, null = open("/dev/null", O_RDWR);
	sigset_t s;

	setsid();
	prctl(PR_SET_NAME, "sim-keeper");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, 0);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close_all_but(keep, 3);
	if (chdir(k->sp->root) < 0)
		_exit(1);
	sigfillset(&s);
	sigdelset(&s, SIGSEGV);
	sigdelset(&s, SIGBUS);
	sigdelset(&s, SIGABRT);
	sigprocmask(SIG_SETMASK, &s, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	k->sig_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	k->began = k->stall_from = clk_boot_ns();
	k->runs = !k->t->remote;
	k->due = k->runs && k->t->timeout_ns ? k->began + k->t->timeout_ns : 0;
	k->progress_sent = 0;
	if (k->t->paused)
		k->paused_at = k->began;
}

/* No descriptors, no memory, no room: nothing of the job ran, and it is not to blame. */
static void
cannot_start(struct keeper *k, const struct err *e)
{
	struct job_end end = {.outcome = "never-started", .reason = e->msg, .status = e->status, .gone = 2};

	if (k->adopted || k->t->remote > 1)
		_exit(1); /* the stage lives, or may live elsewhere: the next to look goes on */
	write_result(k, &end);
	say(k, k->seen, "end", 3);
	_exit(0);
}

static pid_t
fork_keeper(struct keeper *k, int stage_fd, struct err *e)
{
	struct proc_id self = {0, 0};
	struct err why = {0};
	pid_t pid = fork();

	if (pid) {
		drop_fd(&k->lock_fd);
		drop_fd(&stage_fd);
		if (pid < 0)
			return err_sys(e, ERR_TEMPFAIL, "cannot start a keeper");
		return pid;
	}
	settle_in(k, stage_fd);
	self.pid = getpid();
	proc_start_time(getpid(), &self.start);
	if (attempt_note(k->lock_fd, "keeper", self) < 0) {
		err_sys(&why, ERR_IO, "cannot write the lock file of job %lld", (long long)k->t->job);
		cannot_start(k, &why);
	}
	if (open_files(k, &why) < 0)
		cannot_start(k, &why);
	if (!k->adopted) {
		if (start_stage(k, stage_fd, &why) < 0)
			cannot_start(k, &why);
		if (k->t->paused && k->t->remote)
			proc_signal(k->stage, SIGTSTP);
		if (k->t->end_why)
			end_stage(k, k->t->end_why);
	} else {
		struct attempt_probe p;

		attempt_probe(k->sp, k->t->job, k->t->attempt, &p, NULL);
		k->stage = p.stage;
		k->pid_fd = proc_pidfd(p.stage);
		if (k->t->end_why)
			end_stage(k, k->t->end_why);
	}
	supervise(k);
}

pid_t
keeper_start(const struct spool *sp, const struct keeper_task *t, int runner_fd, struct err *e)
{
	struct keeper k = {.sp = sp, .t = t, .runner_fd = runner_fd, .out_fd = -1, .log_fd = -1, .pid_fd = -1, .watch_fd = -1};
	int stage_fd;

	if (attempt_lock(sp, t->job, t->attempt, &k.lock_fd, &stage_fd, e) < 0)
		return -1;
	return fork_keeper(&k, stage_fd, e);
}

pid_t
keeper_adopt(const struct spool *sp, const struct keeper_task *t, int runner_fd, struct err *e)
{
	struct keeper k = {.sp = sp, .t = t, .runner_fd = runner_fd, .out_fd = -1, .log_fd = -1, .pid_fd = -1, .watch_fd = -1,
	                   .adopted = 1};

	if (attempt_adopt(sp, t->job, t->attempt, &k.lock_fd, e) < 0)
		return -1;
	return fork_keeper(&k, -1, e);
}
