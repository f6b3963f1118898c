/* command: any program as a job. */
#include "submit/submit_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "common/cli.h"
#include "record/record.h"
#include "remote/bring.h"

char *
command_folder(const struct submission *s)
{
	char *path = realpath(s->folder ? s->folder : ".", NULL);
	struct err e;
	struct stat st;

	if (path && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))) {
		free(path);
		path = NULL;
		errno = ENOTDIR;
	}
	if (!path) {
		err_sys(&e, ERR_NOINPUT, "cannot enter the working folder %s", s->folder ? s->folder : ".");
		cli_die(&e);
	}
	return path;
}

static void
put_list(struct buf *b, const char *key, char *const *v, size_t n)
{
	buf_printf(b, "\"%s\":[", key);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ',');
		if (record_quote(b, v[i]) < 0)
			cli_die(&(struct err){.status = ERR_DATA, .msg = "the command, or the name of a file for it, holds text that is no UTF-8"});
	}
	buf_putc(b, ']');
}

void
command_put(struct buf *b, char *const *argv)
{
	size_t n = 0;

	while (argv[n])
		n++;
	put_list(b, "command", argv, n);
}

/* The names of --send in the working folder; they are there now. */
static void
put_send(struct buf *b, const struct submission *s, const char *folder)
{
	char **name = NULL, path[PATH_MAX], clean[PATH_MAX];
	size_t n = strlen(folder);
	struct err e = {0};

	for (size_t i = 0; i < s->nsend; i++) {
		const char *given = s->send[i];

		if (!strncmp(given, folder, n) && given[n] == '/')
			given += n + 1;
		if (bring_name(given, clean) < 0)
			cli_usage("--send: \"%s\" is no name of something in the working folder %s", s->send[i], folder);
		if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, clean) >= sizeof path || access(path, R_OK) < 0) {
			err_sys(&e, ERR_NOINPUT, "--send: cannot read %s", path);
			cli_die(&e);
		}
		name = submission_grow(name, i, sizeof *name);
		name[i] = strdup(clean);
	}
	put_list(b, "send", name, s->nsend);
	for (size_t i = 0; i < s->nsend; i++)
		free(name[i]);
	free(name);
}

void
command_put_files(struct buf *b, const struct submission *s, const char *folder, const struct json *line)
{
	if (s->result && !(line && json_member(line, "result")))
		record_str(b, "result", s->result);
	if (s->nsend && !(line && json_member(line, "send"))) {
		buf_putc(b, ',');
		put_send(b, s, folder);
	}
}

void
submit_command(struct submission *s)
{
	struct buf task = BUF_INIT;
	struct err e = {0};
	struct job j;
	int64_t turn;
	int existing;

	submission_job(s, &j, JOB_COMMAND);
	buf_putc(&task, '{');
	command_put(&task, s->command);
	j.folder = command_folder(s);
	command_put_files(&task, s, j.folder, NULL);
	buf_putc(&task, '}');
	j.name = (char *)(uintptr_t)s->name;
	j.key = (char *)(uintptr_t)s->key;
	j.task = task.s;
	if (db_begin(s->sp.db, &e) < 0 || job_turn(&s->sp, &turn, &e) < 0 || submission_insert(s, &j, turn, &existing, &e) < 0 ||
	    db_commit(s->sp.db, &e) < 0)
		cli_die(&e);
	spool_wake(&s->sp);
	submission_print(s, j.id, existing);
	free(j.folder);
	buf_free(&task);
}
