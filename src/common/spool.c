/* spool: see spool.h. */
#include "common/spool.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "record/record.h"

void
cli_spool_open(struct spool *sp, const char *path, enum spool_mode mode, const char *program)
{
	struct err e = {0};

	if (spool_open(sp, path, mode, program, &e) < 0)
		cli_die(&e);
}

const char *
cli_sibling(const char *name, char *out, size_t n)
{
	char self[PATH_MAX];
	ssize_t k = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (k > 0) {
		self[k] = '\0';
		slash = strrchr(self, '/');
		if (slash && (size_t)snprintf(out, n, "%.*s/%s", (int)(slash - self), self, name) < n && access(out, X_OK) == 0)
			return out;
	}
	snprintf(out, n, "%s", name);
	return out;
}

void
cli_start_apart(const char *path, const char *const argv[])
{
	pid_t pid = fork();

	if (pid == 0) {
		sigset_t none;
		int null;

		if (fork()) /* a grandchild: nobody's to wait for */
			_exit(0);
		setsid();
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		syscall(SYS_close_range, 3, ~0u, 0);
		execvp(path, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

int64_t
cli_job_operand(struct spool *sp, const char *arg)
{
	int64_t id = job_id_parse(arg), found = 0, n = 0;
	struct err e = {0};
	int rc;

	if (id) {
		rc = db_get_int(sp->db, &e, &found, "SELECT id FROM job WHERE id=?", "i", id);
		if (rc < 0)
			cli_die(&e);
		if (rc)
			return id;
	}
	rc = db_get_int(sp->db, &e, &found, "SELECT id FROM job WHERE key=?", "s", arg);
	if (rc > 0)
		return found;
	if (rc == 0)
		rc = db_get_int(sp->db, &e, &n, "SELECT count(*) FROM job WHERE name=?", "s", arg);
	if (rc < 0)
		cli_die(&e);
	if (n == 1 && db_get_int(sp->db, &e, &found, "SELECT id FROM job WHERE name=?", "s", arg) > 0)
		return found;
	err_set(&e, ERR_NOINPUT, n ? "%lld jobs have the name \"%.100s\": give an id" : "there is no job %.0lld\"%.100s\"",
	        (long long)n, arg);
	cli_die(&e);
}

int64_t
cli_job_line(const char *line, size_t n)
{
	struct record r;
	int64_t id;

	if (n && line[0] != '{')
		return strlen(line) == n ? job_id_parse(line) : 0;
	if (record_parse(line, n, &r, NULL) < 0)
		return 0;
	id = !strcmp(r.type, "job") && r.job ? job_id_parse(r.job) : 0;
	record_free(&r);
	return id;
}

void
cli_no_job_line(long lineno)
{
	struct err e;

	err_set(&e, ERR_DATA, "standard input, line %ld: neither a job record nor a job's id", lineno);
	cli_die(&e);
}

void
cli_job_lines(void (*each)(void *ctx, int64_t job), void *ctx)
{
	struct io_lines in;
	struct err e = {0};
	char *line;
	size_t n;
	int rc;

	io_lines_init(&in, 0, RECORD_LINE_MAX);
	while ((rc = io_lines_next(&in, &line, &n, &e)) > 0) {
		int64_t id = n ? cli_job_line(line, n) : 0;

		if (n && !id)
			cli_no_job_line(in.lineno);
		if (n)
			each(ctx, id);
	}
	if (rc < 0)
		cli_die(&e);
	io_lines_free(&in);
}

int64_t
cli_duration(const char *option, const char *arg)
{
	int64_t ns;

	if (!strcmp(arg, "none"))
		return INT64_MAX / 4;
	if (num_parse_duration(arg, &ns) < 0 || ns <= 0)
		cli_usage("%s: \"%s\" is not a time such as 90s, 10min, 2h", option, arg);
	return ns;
}

void
cli_action(void *ctx, int64_t job, const char *action, const char *reason)
{
	const struct cli_actions *o = ctx;
	struct buf b = BUF_INIT;
	char id[24];

	if (o->quiet && strcmp(action, "problem"))
		return;
	snprintf(id, sizeof id, "%lld", (long long)job);
	if (o->table) {
		buf_printf(&b, "%-10s %s%s%s%s\n", action, job ? "job " : "", job ? id : "", job && reason ? ": " : "", reason ? reason : "");
		cli_plain(&b, 0);
	} else {
		record_begin(&b, "result", job ? id : NULL, 0);
		record_str(&b, "action", action);
		if (reason)
			record_str(&b, "reason", reason);
		record_end(&b);
	}
	cli_out(b.s, b.len);
	buf_free(&b);
}
