/* programs: see programs.h. */
#include "remote/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "record/json.h"
#include "remote/command.h"
#include "remote/there.h"

#define S ((int64_t)1000000000)
#define FILES_MAX 60
#define NOT_THERE 77 /* of the script that looks for the programs */

/* --- what would be sent ------------------------------------------------------------------------------------------------ */

struct item {
	char *name;      /* sim-engine, lib/libzip.so.4 */
	char *path;      /* here */
	char sha[SHA256_TEXT];
	int64_t size, mtime_ns;
	uint64_t ino;
};

struct bundle {
	struct arena arena;
	struct item v[FILES_MAX];
	size_t n;
	char hash[SHA256_TEXT];
};

static int
add_item(struct bundle *b, const char *name, const char *path, struct err *e)
{
	struct item *x = &b->v[b->n];

	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->v[i].name, name))
			return 0;
	if (b->n == FILES_MAX)
		return err_set(e, ERR_SOFTWARE, "the programs need more than %d files", FILES_MAX);
	x->name = arena_strdup(&b->arena, name);
	x->path = arena_strdup(&b->arena, path);
	b->n++;
	return 0;
}

/* libc and its parts belong to the machine they run on. */
static int
part_of_libc(const char *name)
{
	static const char *const part[] = {"linux-vdso", "linux-gate", "libc.so", "libm.so", "libpthread.so", "libdl.so", "librt.so", "ld-linux", "libresolv.so"};

	for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
		if (!strncmp(name, part[i], strlen(part[i])))
			return 1;
	return 0;
}

/* As the dynamic loader says: "\tlibz.so.1 => /lib/…/libz.so.1 (0x…)". */
static int
add_libraries(struct bundle *b, const char *program, int64_t until, struct err *e)
{
	char *argv[] = {(char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)"LD_TRACE_LOADED_OBJECTS=1 exec \"$1\"",
	                (char *)(uintptr_t)"sim", (char *)(uintptr_t)program, NULL};
	struct buf out = BUF_INIT;
	int status, rc = command_run(argv, -1, &out, NULL, &status, 0, until, e);

	for (char *s = out.s; rc == 0 && s && *s;) {
		size_t n = strcspn(s, "\n");
		char name[200], path[1000], to[220];

		if (sscanf(s, " %199s => %999s (", name, path) == 2 && *path == '/' && !strchr(name, '/') && !part_of_libc(name)) {
			snprintf(to, sizeof to, "lib/%s", name);
			rc = add_item(b, to, path, e);
		}
		s += n + (s[n] == '\n');
	}
	buf_free(&out);
	return rc;
}

static int
stat_item(struct item *x, struct err *e)
{
	struct stat st;

	if (stat(x->path, &st) < 0)
		return err_sys(e, ERR_NOINPUT, "cannot look at %s", x->path);
	x->size = st.st_size;
	x->mtime_ns = clk_of_timespec(&st.st_mtim);
	x->ino = st.st_ino;
	return 0;
}

static void
hash_bundle(struct bundle *b)
{
	struct sha256 x;

	sha256_init(&x);
	for (size_t i = 0; i < b->n; i++) {
		sha256_add(&x, b->v[i].name, strlen(b->v[i].name) + 1);
		sha256_add(&x, b->v[i].sha, 64);
	}
	sha256_text(&x, b->hash);
}

static int
gather(struct bundle *b, const char *self, int64_t until, struct err *e)
{
	static const char *const names[] = {"sim-remote", "sim-engine", "sim-call"};
	const char *slash = strrchr(self, '/');

	if (!slash)
		return err_set(e, ERR_UNAVAILABLE, "the path of sim-remote is not known, so it cannot be sent");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof path, "%.*s/%s", (int)(slash - self), self, names[i]);
		if ((i == 0 || access(path, X_OK) == 0) && (add_item(b, names[i], path, e) < 0 || add_libraries(b, path, until, e) < 0))
			return -1;
	}
	for (size_t i = 0; i < b->n; i++)
		if (stat_item(&b->v[i], e) < 0 || sha256_file(b->v[i].path, b->v[i].sha, NULL, e) < 0)
			return -1;
	return 0;
}

/* --- remembered, so that 20 MB are not summed for every attempt -------------------------------------------------------------- */

static int
memory_path(const char *self, char out[PATH_MAX])
{
	char folder[PATH_MAX], name[SHA256_TEXT];
	struct sha256 x;

	if (site_run_folder(folder) < 0)
		return -1;
	sha256_init(&x);
	sha256_add(&x, self, strlen(self));
	sha256_text(&x, name);
	return (size_t)snprintf(out, PATH_MAX, "%s/programs-%.16s", folder, name) < PATH_MAX ? 0 : -1;
}

static void
remember(const struct bundle *b, const char *self)
{
	char path[PATH_MAX];
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < b->n; i++)
		buf_printf(&text, "%s %lld %lld %llu %s %s\n", b->v[i].sha, (long long)b->v[i].size, (long long)b->v[i].mtime_ns,
		           (unsigned long long)b->v[i].ino, b->v[i].name, b->v[i].path);
	if (memory_path(self, path) == 0 && text.s)
		io_put_file(path, text.s, text.len, NULL);
	buf_free(&text);
}

/* 1 if every file is still the one that was summed. */
static int
recall(struct bundle *b, const char *self)
{
	char path[PATH_MAX], sha[65], name[220], file[PATH_MAX];
	struct buf text = BUF_INIT;
	int ok = memory_path(self, path) == 0 && access(path, R_OK) == 0 && io_read_file(path, 1 << 20, &text, NULL) == 0;

	for (char *s = text.s; ok && s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
		long long size, mtime;
		unsigned long long ino;
		struct item *x = &b->v[b->n];

		ok = b->n < FILES_MAX && sscanf(s, "%64s %lld %lld %llu %219s %4095[^\n]", sha, &size, &mtime, &ino, name, file) == 6 &&
		     sha256_is_text(sha) && add_item(b, name, file, NULL) == 0 && stat_item(x, NULL) == 0 && x->size == size &&
		     x->mtime_ns == mtime && x->ino == ino;
		if (ok)
			memcpy(x->sha, sha, sizeof x->sha);
	}
	buf_free(&text);
	if (!ok || !b->n) {
		arena_free(&b->arena);
		memset(b, 0, sizeof *b);
	}
	return b->n > 0;
}

static int
make_bundle(struct bundle *b, const char *self, int64_t until, struct err *e)
{
	memset(b, 0, sizeof *b);
	if (!recall(b, self)) {
		if (gather(b, self, until, e) < 0)
			return err_prefix(e, "the programs cannot be sent");
		remember(b, self);
	}
	hash_bundle(b);
	return 0;
}

/* --- sending ----------------------------------------------------------------------------------------------------------------- */

#define PUT "umask 077; d=$1 n=$2 z=$3; mkdir -p \"$d/lib\" && cat >\"$d/$n.$$\" && [ \"$(wc -c <\"$d/$n.$$\")\" -eq \"$z\" ] && " \
            "chmod 500 \"$d/$n.$$\" && mv -f \"$d/$n.$$\" \"$d/$n\" && exit 0; s=$?; rm -f \"$d/$n.$$\"; exit $s"

static const char *
words(struct buf *b)
{
	if (!b->s)
		return "no reason given";
	while (b->len && (b->s[b->len - 1] == '\n' || b->s[b->len - 1] == '\r'))
		b->s[--b->len] = '\0';
	for (char *p = b->s; *p; p++)
		if (*p == '\n')
			*p = ';';
	return b->s;
}

static int
send_item(struct site *s, const struct item *x, char *folder, int64_t until, struct err *e)
{
	char size[24];
	char *args[] = {folder, x->name, size, NULL};
	struct buf said = BUF_INIT;
	int fd = open(x->path, O_RDONLY | O_CLOEXEC), status = -1, rc;

	if (fd < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", x->path);
	snprintf(size, sizeof size, "%lld", (long long)x->size);
	rc = site_sh(s, PUT, args, fd, NULL, &said, &status, until, e);
	close(fd);
	if (rc == 0 && status)
		rc = err_set(e, ERR_TEMPFAIL, "%s: cannot put %s into %s: %.300s", s->host->host, x->name, folder, words(&said));
	buf_free(&said);
	return rc;
}

/* The other side's sums of all of it are ours. */
static int
check_sent(struct site *s, const struct bundle *b, const char *folder, int64_t until, struct err *e)
{
	struct buf out = BUF_INIT, said = BUF_INIT;
	struct arena a = ARENA_INIT;
	char *v[FILES_MAX + 3];
	int status = -1, rc;
	size_t k = 0, same = 0;

	v[k++] = arena_printf(&a, "%s/sim-remote", folder);
	v[k++] = arena_strdup(&a, "--sums");
	for (size_t i = 0; i < b->n; i++)
		v[k++] = arena_printf(&a, "%s/%s", folder, b->v[i].name);
	v[k] = NULL;
	rc = site_run(s, v, NULL, 0, &out, &said, &status, until, e);
	for (; rc == 0 && !status && same < b->n; same++)
		if (out.len < (same + 1) * 65 || strncmp(out.s + same * 65, b->v[same].sha, 64))
			break;
	if (rc == 0 && status)
		rc = err_set(e, ERR_UNAVAILABLE, "%s: our programs cannot run there: %.300s: install simspool there, or say where it is (programs = …)",
		             s->host->host, words(&said));
	else if (rc == 0 && same < b->n)
		rc = err_set(e, ERR_TEMPFAIL, "%s: %s arrived damaged", s->host->host, b->v[same].name);
	buf_free(&out);
	buf_free(&said);
	arena_free(&a);
	return rc;
}

/* One sender at a time on this machine; who waited in vain sends all the same. */
static int
lock_sending(const struct site *s, const char *hash, int64_t until)
{
	char folder[PATH_MAX], path[PATH_MAX], name[SHA256_TEXT];
	struct sha256 x;
	int fd;

	if (site_run_folder(folder) < 0)
		return -1;
	sha256_init(&x);
	sha256_add(&x, s->host->host, strlen(s->host->host));
	sha256_add(&x, s->base, strlen(s->base));
	sha256_add(&x, hash, 64);
	sha256_text(&x, name);
	if ((size_t)snprintf(path, sizeof path, "%s/send-%.16s", folder, name) >= sizeof path)
		return -1;
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && clk_boot_ns() < until - 5 * S)
		poll(NULL, 0, 50);
	return fd;
}

#define ABOUT "f=$1 d=; case $f in /*) d=$f;; *) d=$HOME/$f;; esac; printf %s/programs/%s \"$d\" \"$2\"; echo; uname -sm; " \
              "if [ -f \"$d/programs/$2/complete\" ] && [ \"$3\" != again ]; then echo complete; fi"

/* Where it is to go; 1: it is there. */
static int
where_to(struct site *s, const char *folder, struct bundle *b, int again, char out[PATH_MAX], int64_t until, struct err *e)
{
	char *args[] = {(char *)(uintptr_t)folder, b->hash, (char *)(uintptr_t)(again ? "again" : "once"), NULL};
	char machine[200], ours[200];
	struct buf text = BUF_INIT, said = BUF_INIT;
	struct utsname u;
	int status = -1, rc = site_sh(s, ABOUT, args, -1, &text, &said, &status, until, e);

	uname(&u);
	snprintf(ours, sizeof ours, "%.90s %.90s", u.sysname, u.machine);
	if (rc == 0 && (status || !text.s || sscanf(text.s, "%4095[^\n]\n%199[^\n]", out, machine) != 2))
		rc = err_set(e, ERR_UNAVAILABLE, "%s: cannot look around there: %.300s", s->host->host, words(&said));
	if (rc == 0 && strcmp(machine, ours))
		rc = err_set(e, ERR_UNAVAILABLE, "%s is %s, this machine is %s: simspool has to be installed there", s->host->host, machine, ours);
	if (rc == 0)
		rc = strstr(text.s, "\ncomplete\n") != NULL;
	buf_free(&text);
	buf_free(&said);
	return rc;
}

static int
send_all(struct site *s, const struct bundle *b, char *folder, int64_t until, struct err *e)
{
	char *args[] = {folder, NULL};
	int status = -1;

	for (size_t i = 0; i < b->n; i++)
		if (send_item(s, &b->v[i], folder, until, e) < 0)
			return -1;
	if (check_sent(s, b, folder, until, e) < 0 || site_sh(s, ": >\"$1/complete\"", args, -1, NULL, NULL, &status, until, e) < 0)
		return -1;
	return status ? err_set(e, ERR_TEMPFAIL, "%s: cannot write in %s", s->host->host, folder) : 0;
}

static int
send_programs(struct site *s, const char *folder, struct bundle *b, int again, int64_t until, struct err *e)
{
	char to[PATH_MAX];
	int fd = lock_sending(s, b->hash, until), rc = where_to(s, folder, b, again, to, until, e);

	if (rc == 0)
		rc = send_all(s, b, to, until, e);
	if (fd >= 0)
		close(fd);
	return rc < 0 ? -1 : 0;
}

/* --- finding -------------------------------------------------------------------------------------------------------------- */

#define FIND "f=$1 h=$2 v=$3 d=$4; case $f in /*) b=$f;; *) b=$HOME/$f;; esac; if [ \"$d\" ]; then exec \"$d/sim-remote\" --hello \"$f\"; fi; " \
             "p=$(command -v sim-remote) && [ \"$(\"$p\" --version 2>/dev/null)\" = \"sim-remote $v\" ] && exec \"$p\" --hello \"$f\"; " \
             "p=$b/programs/$h; if [ -f \"$p/complete\" ]; then exec \"$p/sim-remote\" --hello \"$f\"; fi; exit 77"

static int
copy_text(const struct json *o, const char *key, char *out, size_t n)
{
	const char *s = json_text(json_member(o, key));

	return s && (size_t)snprintf(out, n, "%s", s) < n ? 0 : -1;
}

static int
take_hello(struct site *s, const struct buf *text, int64_t before, int64_t after, struct err *e)
{
	const char *at = text->s ? strstr(text->s, "{\"v\":1,\"protocol\"") : NULL;
	struct json *o = at ? json_parse_text(at, strcspn(at, "\n"), NULL) : NULL;
	int64_t protocol = o ? json_whole(json_member(o, "protocol")) : 0, clock = o ? json_whole(json_member(o, "clock_ns")) : 0;
	int rc = 0;

	if (!o)
		rc = err_set(e, ERR_TEMPFAIL, "%s: sim-remote's answer cannot be read", s->host->host);
	else if (protocol != THERE_PROTOCOL)
		rc = err_set(e, ERR_UNAVAILABLE, "%s has a sim-remote of another version (protocol %lld, not %d)", s->host->host, (long long)protocol,
		             THERE_PROTOCOL);
	else if (copy_text(o, "folder", s->base, sizeof s->base) < 0 || copy_text(o, "program", s->program, sizeof s->program) < 0 ||
	         copy_text(o, "host", s->name, sizeof s->name) < 0 || copy_text(o, "boot", s->boot, sizeof s->boot) < 0)
		rc = err_set(e, ERR_TEMPFAIL, "%s: sim-remote's answer is not whole", s->host->host);
	if (rc == 0 && s->host->programs) /* it may be a script of somebody's that sets the scene for the program */
		snprintf(s->program, sizeof s->program, "%s/sim-remote", s->host->programs);
	s->clock_ns = clock - (before + (after - before) / 2);
	s->clock_error_ns = (after - before) / 2 + 1;
	json_free(o);
	return rc;
}

/* 0; NOT_THERE: neither installed nor sent, or what was sent does not run any more; -1. */
static int
say_hello(struct site *s, const char *folder, struct bundle *b, int64_t until, struct err *e)
{
	const char *programs = s->host->programs ? s->host->programs : "";
	char *args[] = {(char *)(uintptr_t)folder, b->hash, (char *)(uintptr_t)SIM_VERSION, (char *)(uintptr_t)programs, NULL};
	struct buf out = BUF_INIT, said = BUF_INIT;
	int64_t before = clk_real_ns();
	int status = -1, rc = site_sh(s, FIND, args, -1, &out, &said, &status, until, e);

	if (rc == 0 && status == 0) {
		rc = take_hello(s, &out, before, clk_real_ns(), e);
		if (rc < 0 && !*programs && e && e->status == ERR_TEMPFAIL)
			rc = NOT_THERE; /* an empty file, to sh, is a program that says nothing */
	}
	else if (rc == 0 && !*programs && (status == NOT_THERE || status >= 126))
		rc = NOT_THERE;
	else if (rc == 0 && status >= 126) /* it is being installed anew, or a mount is away: sim-hosts(5), FAULTS */
		rc = err_set(e, ERR_TEMPFAIL, "%s: %s/sim-remote %s there", s->host->host, programs, status == 127 ? "is not" : "cannot be run");
	else if (rc == 0)
		rc = err_set(e, status == ERR_TEMPFAIL || status == ERR_IO ? ERR_TEMPFAIL : ERR_UNAVAILABLE, "%s: %s%s%.400s", s->host->host, programs,
		             *programs ? "/sim-remote: " : "", words(&said));
	buf_free(&out);
	buf_free(&said);
	return rc;
}

int
programs_find(struct site *s, int64_t until, struct err *e)
{
	const char *folder = s->host->folder;
	struct bundle b;
	int rc;

	if (!strncmp(folder, "~/", 2))
		folder += 2;
	memset(&b, 0, sizeof b);
	rc = s->host->programs ? 0 : make_bundle(&b, s->self, until, e);
	if (rc == 0)
		rc = say_hello(s, folder, &b, until, e);
	for (int again = 0; rc == NOT_THERE && again < 2; again++) {
		rc = send_programs(s, folder, &b, again, until, e);
		if (rc == 0)
			rc = say_hello(s, folder, &b, until, e);
	}
	if (rc == NOT_THERE)
		rc = err_set(e, ERR_UNAVAILABLE, "%s: the programs were sent and cannot be run there", s->host->host);
	arena_free(&b.arena);
	return rc;
}
