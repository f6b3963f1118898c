/* check: what sim-engine says of a model before it is accepted, and other programs that are asked. */
#include "submit/submit_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "common/cli.h"
#include "common/spool.h"
#include "record/record.h"

/* Reading and compiling a model for longer: it is refused, so that a scan of the drop folder is never held up by one. */
#define CHECK_LIMIT "10min"
#define TEST_LIMIT "SIM_TEST_CHECK_LIMIT" /* in the environment: another */

void
check_free(struct checked *c)
{
	free(c->spec);
	free(c->model);
	for (size_t i = 0; i < c->nfiles; i++) {
		free(c->file[i].path);
		free(c->file[i].copy);
	}
	free(c->file);
}

static int
take_files(const struct json *files, struct checked *c)
{
	for (size_t i = 0; files && i < json_count(files); i++) {
		const char *path = json_text(json_member(json_element(files, i), "path"));
		const char *copy = json_text(json_member(json_element(files, i), "copy"));

		c->file = submission_grow(c->file, c->nfiles, sizeof *c->file);
		c->file[c->nfiles].path = path ? strdup(path) : NULL;
		c->file[c->nfiles++].copy = copy ? strdup(copy) : NULL;
		if (!path || !copy || strchr(copy, '/'))
			return -1;
	}
	return 0;
}

int
check_copy(const struct checked *c, struct stage *st, struct err *e)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < c->nfiles; i++) {
		if ((size_t)snprintf(path, sizeof path, "%s/%s", st->path, c->file[i].copy) < sizeof path && access(path, F_OK) == 0)
			continue;
		if (stage_copy(st, c->file[i].copy, c->file[i].path, SUBMIT_MODEL_LIMIT, e) < 0)
			return -1;
	}
	return 0;
}

static int
take_check(const char *line, size_t n, struct checked *c, struct err *e)
{
	const struct json *check;
	struct buf b = BUF_INIT;
	const char *slice;
	struct record r;
	long long a, z;

	if (record_parse(line, n, &r, e) < 0)
		return err_prefix(e, "sim-engine --dry-run");
	check = json_member(r.root, "check");
	if (!check || json_write(&b, check) < 0 || buf_putc(&b, '\n') < 0) {
		record_free(&r);
		return err_set(e, ERR_SOFTWARE, "sim-engine --dry-run gave no check");
	}
	c->spec = b.s;
	if (take_files(json_member(r.root, "files"), c) < 0) {
		record_free(&r);
		return err_set(e, ERR_SOFTWARE, "sim-engine --dry-run: files without names");
	}
	c->model = record_get_str(&r, "model") ? strdup(record_get_str(&r, "model")) : NULL;
	c->first = 0;
	c->last = json_whole(json_member(check, "trials"));
	slice = json_text(json_member(check, "slice"));
	if (slice && sscanf(slice, "%lld..%lld", &a, &z) == 2) {
		c->first = a;
		c->last = z;
	}
	record_free(&r);
	return 0;
}

int
check_run(char *const *argv, const char *input, struct buf *out, char *head, size_t size, struct err *e)
{
	int in[2], o[2], log = memfd_create("log", MFD_CLOEXEC), ws; /* no pipe: it would fill while the other is read */
	pid_t pid;
	ssize_t k;

	if (log < 0 || pipe2(in, O_CLOEXEC) < 0 || pipe2(o, O_CLOEXEC) < 0)
		return err_sys(e, ERR_OS, "cannot run %s", argv[0]);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(o[1], 1);
		dup2(log, 2);
		execvp(argv[0], argv);
		dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(ERR_OS);
	}
	close(in[0]);
	close(o[1]);
	signal(SIGPIPE, SIG_IGN);
	if (input && io_write_all(in[1], input, strlen(input)) < 0)
		err_sys(e, ERR_OS, "cannot write to %s", argv[0]); /* its own message is better */
	signal(SIGPIPE, SIG_DFL);
	close(in[1]);
	while (buf_reserve(out, 65536) == 0 && (k = read(o[0], out->s + out->len, 65536)) > 0)
		out->len += (size_t)k;
	close(o[0]);
	if (pid < 0 || waitpid(pid, &ws, 0) < 0) {
		close(log);
		return err_sys(e, ERR_OS, "cannot run %s", argv[0]);
	}
	k = pread(log, head, size - 1, 0);
	close(log);
	head[k > 0 ? k : 0] = '\0';
	head[strcspn(head, "\n")] = '\0';
	return ws;
}

int
check_engine(char *const *words, size_t n, const char *model, const char *line, struct checked *c, struct err *e)
{
	char engine[PATH_MAX], **argv = calloc(n + 7, sizeof *argv), head[1000];
	const char *limit = getenv(TEST_LIMIT) ? getenv(TEST_LIMIT) : CHECK_LIMIT;
	struct buf b = BUF_INIT;
	int ws;

	memset(c, 0, sizeof *c);
	if (!argv)
		return err_nomem(e);
	argv[0] = (char *)(uintptr_t)cli_sibling("sim-engine", engine, sizeof engine);
	argv[1] = (char *)(uintptr_t)"--dry-run";
	argv[2] = (char *)(uintptr_t)"--timeout";
	argv[3] = (char *)(uintptr_t)limit;
	for (size_t i = 0; i < n; i++)
		argv[4 + i] = words[i];
	argv[4 + n] = (char *)(uintptr_t)"--";
	argv[5 + n] = (char *)(uintptr_t)(model ? model : "-");
	ws = check_run(argv, line, &b, head, sizeof head, e);
	free(argv);
	if (ws < 0)
		return -1;
	if (WIFEXITED(ws) && WEXITSTATUS(ws) == ERR_DEADLINE) {
		buf_free(&b);
		return err_set(e, ERR_DATA, "%s%sthe model could not be read and compiled within %s", model ? model : "", model ? ": " : "", limit);
	}
	if (!WIFEXITED(ws) || WEXITSTATUS(ws) != 0) {
		buf_free(&b);
		return err_set(e, WIFEXITED(ws) ? WEXITSTATUS(ws) : ERR_SOFTWARE, "%s",
		               !strncmp(head, "sim-engine: ", 12) ? head + 12 : *head ? head : "sim-engine ended before it had checked the workbook");
	}
	ws = b.s ? take_check(b.s, strcspn(b.s, "\n"), c, e) : err_set(e, ERR_SOFTWARE, "sim-engine --dry-run said nothing");
	buf_free(&b);
	return ws;
}
