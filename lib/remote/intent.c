/* intent: see intent.h. */
#include "remote/intent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "record/record.h"

static const char *const kept[] = {"SLURM_CONF", "SIM_HOSTS", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "HOME", "PATH", NULL};

static int
path_of(const char *folder, char out[PATH_MAX], struct err *e)
{
	if ((size_t)snprintf(out, PATH_MAX, "%s/remote", folder) >= PATH_MAX)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	return 0;
}

static int
put_env(struct buf *b)
{
	int rc = buf_puts(b, ",\"env\":{"), n = 0;

	for (size_t i = 0; kept[i]; i++) {
		const char *v = getenv(kept[i]);

		if (!v)
			continue;
		rc |= buf_printf(b, "%s\"%s\":", n++ ? "," : "", kept[i]);
		rc |= record_quote(b, v);
	}
	return rc | buf_putc(b, '}');
}

int
intent_write(const char *folder, const struct intent *in, struct err *e)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	int rc = path_of(folder, path, e);

	if (rc < 0)
		return -1;
	buf_puts(&b, "{\"v\":1");
	rc |= record_str(&b, "on", in->on);
	rc |= record_str(&b, "kind", in->kind);
	rc |= record_str(&b, "label", in->label);
	rc |= record_str(&b, "folder", in->folder);
	rc |= record_str(&b, "program", in->program);
	rc |= record_str(&b, "home", in->home);
	rc |= record_str(&b, "id", in->id);
	rc |= record_int(&b, "step", in->step);
	rc |= record_bool(&b, "uncertain", in->uncertain);
	rc |= record_int(&b, "since", in->since);
	rc |= put_env(&b);
	rc |= buf_puts(&b, "}\n");
	rc = rc ? err_set(e, ERR_DATA, "a name in the environment or of the host is no UTF-8") : io_put_file(path, b.s, b.len, e);
	buf_free(&b);
	return rc;
}

static void
take(const struct json *o, const char *key, char *out, size_t n)
{
	const char *s = json_text(json_member(o, key));

	snprintf(out, n, "%s", s ? s : "");
}

static void
take_env(const struct json *env)
{
	for (size_t i = 0; env && kept[i]; i++) {
		const char *s = json_text(json_member(env, kept[i]));

		if (s)
			setenv(kept[i], s, 1);
	}
}

int
intent_read(const char *folder, struct intent *in, struct err *e)
{
	char path[PATH_MAX];
	struct buf b = BUF_INIT;
	struct json *o = NULL;
	int rc = path_of(folder, path, e);

	memset(in, 0, sizeof *in);
	if (rc < 0)
		return -1;
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_TEMPFAIL, "cannot look at %s", path);
	if (io_read_file(path, 65536, &b, e) == 0)
		o = json_parse_text(b.s ? b.s : "", b.len, e);
	buf_free(&b);
	if (!o)
		return err_prefix(e, "%s", path);
	take(o, "on", in->on, sizeof in->on);
	take(o, "kind", in->kind, sizeof in->kind);
	take(o, "label", in->label, sizeof in->label);
	take(o, "folder", in->folder, sizeof in->folder);
	take(o, "program", in->program, sizeof in->program);
	take(o, "home", in->home, sizeof in->home);
	take(o, "id", in->id, sizeof in->id);
	in->step = (enum intent_step)json_whole(json_member(o, "step"));
	in->uncertain = json_truth(json_member(o, "uncertain"));
	in->since = json_whole(json_member(o, "since"));
	take_env(json_member(o, "env"));
	json_free(o);
	return 1;
}
