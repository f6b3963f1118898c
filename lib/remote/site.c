/* site: see site.h. */
#include "remote/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "base/sha256.h"
#include "remote/clean.h"
#include "remote/command.h"
#include "remote/programs.h"
#include "remote/session.h"
#include "remote/there.h"

#define S ((int64_t)1000000000)
#define NONCE 33

static int64_t
limit(int64_t until)
{
	return until ? until : clk_boot_ns() + 60 * S;
}

/* --- the shared connection ------------------------------------------------------------------------------------------------ */

static int
private_folder(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -1;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 : -1;
}

int
site_run_folder(char out[PATH_MAX])
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	/* a socket's path is short */
	if (run && *run == '/' && strlen(run) < 50) {
		snprintf(out, PATH_MAX, "%s/simspool", run);
		if (private_folder(out) == 0)
			return 0;
	}
	snprintf(out, PATH_MAX, "/tmp/simspool-%u", (unsigned)geteuid());
	return private_folder(out);
}

/* One for each destination with its options: another configuration file may make another machine of the same name. */
static void
control_path(const struct host *h, char *out, size_t n)
{
	char folder[PATH_MAX], name[SHA256_TEXT];
	struct sha256 x;

	*out = '\0';
	sha256_init(&x);
	sha256_add(&x, h->host, strlen(h->host) + 1);
	for (char **o = h->ssh_options; *o; o++)
		sha256_add(&x, *o, strlen(*o) + 1);
	sha256_text(&x, name);
	if (site_run_folder(folder) == 0 && (size_t)snprintf(out, n, "%s/ssh-%.16s", folder, name) + 18 >= n)
		*out = '\0';
}

#define SSH_WORDS 48

/* ssh with all its options, up to the destination. The user's words come first: ssh takes the first it sees. */
static int
ssh_words(const struct host *h, const char *control, int led, char *path_option, size_t n, char **v, struct err *e)
{
	static const char *const words[] = {
		"-T", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3",
		"-o", "ForwardAgent=no", "-o", "ClearAllForwardings=yes", "-o", "PermitLocalCommand=no", "-o", "RemoteCommand=none",
		"-o", "EscapeChar=none",
	};
	int k = 0;

	v[k++] = (char *)(uintptr_t)"ssh";
	for (char **o = h->ssh_options; *o; o++) {
		if (k > SSH_WORDS / 3)
			return err_set(e, ERR_DATA, "%s: too many ssh-options", h->name);
		v[k++] = *o;
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		v[k++] = (char *)(uintptr_t)words[i];
	snprintf(path_option, n, "ControlPath=%s", *control ? control : "none");
	v[k++] = (char *)(uintptr_t)"-o";
	v[k++] = (char *)(uintptr_t)(*control && !led ? "ControlMaster=auto" : "ControlMaster=no");
	v[k++] = (char *)(uintptr_t)"-o";
	v[k++] = path_option;
	if (*control) {
		v[k++] = (char *)(uintptr_t)"-o";
		v[k++] = (char *)(uintptr_t)"ControlPersist=60";
	}
	v[k] = NULL;
	return k;
}

/* Somebody listens at it. The socket of a master that was killed is left behind. */
static int
is_held(const char *control)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), held;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", control);
	held = fd >= 0 && (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EAGAIN);
	if (!held && errno == ECONNREFUSED)
		unlink(control);
	if (fd >= 0)
		close(fd);
	return held;
}

int
site_hold(const struct host *h, int *lead)
{
	char control[108], option[160], *v[SSH_WORDS];
	pid_t pid, parent = getpid();
	int k;

	if (!h->host)
		return 0;
	control_path(h, control, sizeof control);
	if (!*control)
		return 0;
	session_lead(control, lead);
	if (is_held(control))
		return 0;
	k = ssh_words(h, control, 0, option, sizeof option, v, NULL);
	if (k < 0)
		return -1;
	v[k++] = (char *)(uintptr_t)"-N";
	v[k++] = (char *)(uintptr_t)"--";
	v[k++] = h->host;
	v[k] = NULL;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid(); /* a signal for the terminal's group is not for it */
		/* Connected it goes into the background, and ends when nobody has used it for a minute, also where its sim-run was killed;
		 * until then, or where another was faster to hold this socket, it ends with its sim-run. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(0);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		execvp(v[0], v);
		_exit(127);
	}
	return (int)pid;
}

void
site_let_go(const struct host *h, int *lead)
{
	char control[108], option[160], *v[SSH_WORDS];
	int k, status;

	if (!h->host)
		return;
	control_path(h, control, sizeof control);
	status = *control ? session_is_led(control) : 1; /* by another sim-run too */
	if (*lead > 0)
		close(*lead);
	*lead = 0;
	if (status || access(control, F_OK) < 0 || (k = ssh_words(h, control, 0, option, sizeof option, v, NULL)) < 0)
		return;
	v[k++] = (char *)(uintptr_t)"-O";
	v[k++] = (char *)(uintptr_t)"exit";
	v[k++] = (char *)(uintptr_t)"--";
	v[k++] = h->host;
	v[k] = NULL;
	command_run(v, -1, NULL, NULL, &status, 0, clk_boot_ns() + 5 * S, NULL);
}

/* --- running a command ---------------------------------------------------------------------------------------------- */

/* A word for whatever shell the user has there: what is special to one of them stands outside of the apostrophes. */
static void
quote_word(struct buf *b, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,@%+";

	if (*s && strspn(s, plain) == strlen(s)) {
		buf_puts(b, s);
		return;
	}
	buf_putc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_printf(b, "'\\%c'", *s);
		else
			buf_putc(b, *s);
	}
	buf_putc(b, '\'');
}

static int
make_nonce(char out[NONCE], struct err *e)
{
	unsigned char raw[16];

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		return err_sys(e, ERR_TEMPFAIL, "cannot draw a random number");
	for (int i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

/* The last line that says something, for a message. */
static const char *
last_words(struct buf *said)
{
	char *end, *s = said->s;

	if (!s)
		return "";
	for (end = s + said->len; end > s && strchr(" \r\n\t", end[-1]); end--)
		;
	*end = '\0';
	while (end > s && end[-1] != '\n')
		end--;
	return end;
}

/* NONCE\n … \nNONCE STATUS\n, with anything before it. */
static int
take_answer(struct buf *text, const char *nonce, struct buf *out, int *status)
{
	char head[NONCE + 2], tail[NONCE + 3], *begin, *end, *at;
	size_t n = text->len, ntail = (size_t)snprintf(tail, sizeof tail, "\n%s ", nonce), nhead = (size_t)snprintf(head, sizeof head, "%s\n", nonce);
	int64_t x;

	if (!text->s || !n || text->s[n - 1] != '\n')
		return -1;
	begin = memmem(text->s, n, head, nhead);
	if (!begin)
		return -1;
	begin += nhead;
	end = NULL;
	/* searched from the end: at most a few bytes of status follow */
	for (at = text->s + n - 1; at >= begin - 1 && at + 64 > text->s + n; at--)
		if ((size_t)(text->s + n - at) > ntail && !memcmp(at, tail, ntail)) {
			end = at;
			break;
		}
	if (!end)
		return -1;
	text->s[n - 1] = '\0';
	if (num_parse_int(end + ntail, 0, 255, &x) < 0)
		return -1;
	*status = (int)x;
	return out && end > begin ? buf_add(out, begin, (size_t)(end - begin)) : 0;
}

#define WRAP "n=$1; shift; echo $n; \"$@\"; s=$?; echo; echo $n $s"

/* Where a sim-run looks after the connection, it is waited for, for a moment: one that is begun here would end with this attempt, under everybody's feet. */
static int
is_led(const struct site *s, int64_t until)
{
	int64_t end = clk_boot_ns() + 2 * S;

	if (!*s->control || !session_is_led(s->control))
		return 0;
	while (!is_held(s->control) && clk_boot_ns() < end && clk_boot_ns() < until && !session_quit(s->quit))
		poll(NULL, 0, 20);
	return 1;
}

static int
run_by_ssh(struct site *s, char *const argv[], int in_fd, struct buf *out, struct buf *said, int *status, int64_t until, struct err *e)
{
	char option[160], nonce[NONCE], *v[SSH_WORDS];
	struct buf line = BUF_INIT, text = BUF_INIT, words = BUF_INIT;
	int k, rc, own = -1, session;

	if (make_nonce(nonce, e) < 0 || (k = ssh_words(s->host, s->control, is_led(s, until), option, sizeof option, v, e)) < 0)
		return -1;
	buf_puts(&line, "exec /bin/sh -c ");
	quote_word(&line, WRAP);
	buf_printf(&line, " sim %s", nonce);
	for (char *const *a = argv; *a; a++) {
		buf_putc(&line, ' ');
		quote_word(&line, *a);
	}
	v[k++] = (char *)(uintptr_t)"--";
	v[k++] = s->host->host;
	v[k++] = line.s;
	v[k] = NULL;
	session = session_take(s->control, s->quit, until);
	rc = line.s ? command_run(v, in_fd, &text, &words, &own, s->quit, until, e) : err_nomem(e);
	if (session >= 0)
		close(session);
	if (rc < 0 && *s->control && e && e->status == ERR_TEMPFAIL && !session_quit(s->quit))
		unlink(s->control); /* the connection may be dead and not know it: the next call makes its own */
	if (rc == 0 && take_answer(&text, nonce, out, status) < 0)
		rc = err_set(e, ERR_TEMPFAIL, "%s: no answer (%.300s)", s->host->host, *last_words(&words) ? last_words(&words) :
		             *last_words(&text) && !strstr(last_words(&text), nonce) ? last_words(&text) : "the connection was lost");
	else if (rc == 0 && said)
		buf_add(said, words.s ? words.s : "", words.len);
	else if (rc < 0)
		err_prefix(e, "%s", s->host->host);
	buf_free(&line);
	buf_free(&text);
	buf_free(&words);
	return rc;
}

static int
run_once(struct site *s, char *const argv[], int in_fd, struct buf *out, struct buf *said, int *status, int64_t until, struct err *e)
{
	*status = -1;
	until = limit(until);
	if (clk_boot_ns() >= until)
		return err_set(e, ERR_TEMPFAIL, "no time is left to ask %s", s->here ? argv[0] : s->host->host);
	return s->here ? command_run(argv, in_fd, out, said, status, s->quit, until, e) : run_by_ssh(s, argv, in_fd, out, said, status, until, e);
}

/* site_run() with a file, from where it stands (-1: nothing). */
static int
run_fd(struct site *s, char *const argv[], int in_fd, struct buf *out, struct buf *said, int *status, int64_t until, struct err *e)
{
	off_t at = in_fd >= 0 ? lseek(in_fd, 0, SEEK_CUR) : 0;
	char *again[32];
	int k = 0, rc = run_once(s, argv, in_fd, out, said, status, until, e);

	/* sim-remote was removed there, or cannot run any more: found or sent once more */
	if (rc < 0 || s->here || strcmp(argv[0], s->program) || (*status != 126 && *status != 127))
		return rc;
	if (programs_find(s, limit(until), e) < 0) {
		if (e)
			e->status = ERR_TEMPFAIL; /* what was begun there may go on without it */
		return -1;
	}
	for (; k < 31 && argv[k]; k++)
		again[k] = argv[k];
	again[0] = s->program;
	again[k] = NULL;
	if (said)
		buf_clear(said);
	if (in_fd >= 0 && lseek(in_fd, at, SEEK_SET) < 0)
		return err_set(e, ERR_TEMPFAIL, "%s had to be sent to %s; try again", "sim-remote", s->host->host);
	return run_once(s, again, in_fd, out, said, status, until, e);
}

int
site_run(struct site *s, char *const argv[], const void *in, size_t n, struct buf *out, struct buf *said, int *status, int64_t until,
         struct err *e)
{
	int fd = in ? command_input(in, n) : -1, rc;

	*status = -1;
	if (in && fd < 0)
		return err_sys(e, ERR_TEMPFAIL, "cannot prepare the input of %s", argv[0]);
	rc = run_fd(s, argv, fd, out, said, status, until, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

int
site_sh(struct site *s, const char *script, char *const args[], int in_fd, struct buf *out, struct buf *said, int *status, int64_t until,
        struct err *e)
{
	char *v[16] = {(char *)(uintptr_t)"/bin/sh", (char *)(uintptr_t)"-c", (char *)(uintptr_t)script, (char *)(uintptr_t)"sim"};
	int k = 4;

	for (; *args && k < 15; args++)
		v[k++] = *args;
	v[k] = NULL;
	return run_once(s, v, in_fd, out, said, status, until, e);
}

/* --- opening ------------------------------------------------------------------------------------------------------------ */

static int
open_here(struct site *s, struct err *e)
{
	if (there_folder(s->host->folder, s->base, e) < 0)
		return -1;
	clean_there(s->base, s->self);
	snprintf(s->seen_base, sizeof s->seen_base, "%s", s->base);
	snprintf(s->program, sizeof s->program, "%s", s->self);
	if (s->host->programs)
		snprintf(s->program, sizeof s->program, "%s/sim-remote", s->host->programs);
	gethostname(s->name, sizeof s->name - 1);
	return proc_boot_id(s->boot, e);
}

int
site_open(struct site *s, const struct host *h, const char *spool_id, const char *self, int64_t until, struct err *e)
{
	int quit = s->quit;

	memset(s, 0, sizeof *s);
	s->quit = quit;
	s->host = h;
	s->here = !h->host;
	snprintf(s->self, sizeof s->self, "%s", self);
	if (s->here) {
		if (open_here(s, e) < 0)
			return -1;
	} else {
		control_path(h, s->control, sizeof s->control);
		if (programs_find(s, limit(until), e) < 0)
			return -1;
		if (h->shared)
			snprintf(s->seen_base, sizeof s->seen_base, "%s", h->shared);
		if (h->shared && access(h->shared, W_OK | X_OK) < 0)
			return err_sys(e, ERR_UNAVAILABLE, "%s: shared = %s cannot be written to from here", h->name, h->shared);
	}
	if ((size_t)snprintf(s->folder, sizeof s->folder, "%s/sim-%s", s->base, spool_id) >= sizeof s->folder)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	if (*s->seen_base && (size_t)snprintf(s->seen, sizeof s->seen, "%s/sim-%s", s->seen_base, spool_id) >= sizeof s->seen)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	return 0;
}

void
site_close(struct site *s)
{
	memset(s, 0, sizeof *s);
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

/* An action of sim-remote there. 0 or 1: its answer; -1: 75, also where it failed for a reason of its own (no room …). */
static int
act(struct site *s, char *const argv[], int in_fd, struct buf *out, int64_t until, struct err *e)
{
	struct buf said = BUF_INIT;
	int status = -1, rc = run_fd(s, argv, in_fd, out, &said, &status, until, e);

	if (rc == 0 && (status < 0 || status > 1))
		rc = err_set(e, ERR_TEMPFAIL, "%s: sim-remote %s: %.500s", s->here ? "here" : s->host->host, argv[1],
		             *last_words(&said) ? last_words(&said) : "failed");
	buf_free(&said);
	return rc < 0 ? -1 : status;
}

static int
put_by_there(struct site *s, const char *path, int fd, size_t n, int64_t until, struct err *e)
{
	char size[24];
	char *argv[] = {s->program, (char *)(uintptr_t)"--put", (char *)(uintptr_t)path, size, (char *)(uintptr_t)"600", NULL};
	int rc;

	snprintf(size, sizeof size, "%zu", n);
	rc = act(s, argv, fd, NULL, until, e);
	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "%s: sim-remote --put said no", s->host->host) : rc;
}

int
site_put(struct site *s, const char *path, const void *text, size_t n, int64_t until, struct err *e)
{
	char full[PATH_MAX];
	int fd, rc;

	if ((size_t)snprintf(full, sizeof full, "%s/%s", *s->seen ? s->seen : s->folder, path) >= sizeof full)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	fd = command_input(text, n);
	if (fd < 0)
		return err_sys(e, ERR_TEMPFAIL, "cannot prepare %s", path);
	rc = *s->seen ? there_put(full, fd, (int64_t)n, 0600, NULL, e) : put_by_there(s, full, fd, n, until, e);
	close(fd);
	return rc;
}

/* SHA256.EXT: some programs go by the ending of a name. */
static int
content_name(const char *from, int fd, char out[SHA256_TEXT + 16], int64_t *size, struct err *e)
{
	const char *slash = strrchr(from, '/'), *dot = strrchr(slash ? slash : from, '.');
	size_t n = dot ? strlen(dot + 1) : 0;

	if (sha256_fd(fd, out, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, ERR_NOINPUT, "cannot read %s", from);
	if (n && n < 9 && strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == n)
		snprintf(out + 64, 16, "%s", dot);
	return 0;
}

/* What has arrived there stays when the connection breaks: the next goes on from there. */
static int
send_content(struct site *s, char *name, int64_t size, int fd, char there[PATH_MAX], int64_t until, struct err *e)
{
	char bytes[24], from[24] = "ask";
	char *argv[] = {s->program, (char *)(uintptr_t)"--content", s->base, name, bytes, from, NULL};
	struct buf out = BUF_INIT;
	int64_t n = 0;
	int rc;

	snprintf(bytes, sizeof bytes, "%lld", (long long)size);
	rc = act(s, argv, -1, &out, until, e);
	if (rc == 1) {
		if (out.s)
			out.s[strcspn(out.s, "\n")] = '\0';
		if (num_parse_int(out.s ? out.s : "", 0, size, &n) < 0 || lseek(fd, n, SEEK_SET) < 0)
			n = lseek(fd, 0, SEEK_SET);
		snprintf(from, sizeof from, "%lld", (long long)n);
		buf_clear(&out);
		rc = act(s, argv, fd, &out, until, e);
	}
	if (rc == 0 && (!out.len || out.s[0] != '/' || out.len >= PATH_MAX))
		rc = 1;
	if (rc == 0)
		snprintf(there, PATH_MAX, "%.*s", (int)strcspn(out.s, "\n"), out.s);
	buf_free(&out);
	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "%s: sim-remote --content gave no path", s->host->host) : rc;
}

int
site_content(struct site *s, const char *from, char there[PATH_MAX], int64_t until, struct err *e)
{
	char name[SHA256_TEXT + 16], seen[PATH_MAX];
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
	struct stat st;
	int64_t size, at = 0;

	if (fd < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", from);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_DATA, "%s is no regular file", from);
	}
	rc = content_name(from, fd, name, &size, e);
	if (rc == 0 && *s->seen_base) {
		rc = there_content(s->seen_base, name, size, fd, &at, seen, e);
		if (rc == 0 && (size_t)snprintf(there, PATH_MAX, "%s/content/%s", s->base, name) >= PATH_MAX)
			rc = err_set(e, ERR_OS, "the path of the folder is too long");
	} else if (rc == 0) {
		rc = send_content(s, name, size, fd, there, until, e);
	}
	close(fd);
	return rc;
}

/* A content and a name below s->folder, as whoever acts sees them. */
static int
both_paths(const struct site *s, const char *content, const char *to, char from[PATH_MAX], char full[PATH_MAX], struct err *e)
{
	if ((size_t)snprintf(full, PATH_MAX, "%s/%s", *s->seen ? s->seen : s->folder, to) >= PATH_MAX ||
	    (size_t)snprintf(from, PATH_MAX, "%s%s", *s->seen ? s->seen_base : s->base, content + strlen(s->base)) >= PATH_MAX)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	return 0;
}

int
site_copy(struct site *s, const char *content, const char *to, int mode, int64_t mtime, int64_t until, struct err *e)
{
	char full[PATH_MAX], from[PATH_MAX], bits[16], when[24];
	char *argv[] = {s->program, (char *)(uintptr_t)"--copy", from, full, bits, when, NULL};
	int rc;

	if (both_paths(s, content, to, from, full, e) < 0)
		return -1;
	if (*s->seen)
		return there_copy(from, full, mode, mtime, e);
	snprintf(bits, sizeof bits, "%o", (unsigned)mode & 0777);
	snprintf(when, sizeof when, "%lld", (long long)mtime);
	rc = act(s, argv, -1, NULL, until, e);
	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "%s: sim-remote --copy said no", s->host->host) : rc;
}

static int
give_name(struct site *s, const char *content, const char *to, int64_t until, struct err *e)
{
	char full[PATH_MAX], from[PATH_MAX];
	char *argv[] = {s->program, (char *)(uintptr_t)"--link", from, full, NULL};
	int rc;

	if (both_paths(s, content, to, from, full, e) < 0)
		return -1;
	if (*s->seen)
		return there_link(from, full, e);
	rc = act(s, argv, -1, NULL, until, e);
	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "%s: sim-remote --link said no", s->host->host) : rc;
}

int
site_folder(struct site *s, const char *from, const char *to, char there[PATH_MAX], int64_t until, struct err *e)
{
	DIR *d = opendir(from);
	struct dirent *x;
	int rc = 0;

	if (!d)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", from);
	while (rc == 0 && (errno = 0, x = readdir(d))) {
		char path[PATH_MAX], name[PATH_MAX], content[PATH_MAX];
		struct stat st;

		if (x->d_name[0] == '.' || !strcmp(x->d_name, "checkpoint") || (size_t)snprintf(path, sizeof path, "%s/%s", from, x->d_name) >= sizeof path ||
		    (size_t)snprintf(name, sizeof name, "%s/%s", to, x->d_name) >= sizeof name || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		rc = site_content(s, path, content, until, e);
		if (rc == 0)
			rc = give_name(s, content, name, until, e);
	}
	closedir(d);
	if (rc == 0 && (size_t)snprintf(there, PATH_MAX, "%s/%s", s->folder, to) >= PATH_MAX)
		rc = err_set(e, ERR_OS, "the path of the folder is too long");
	return rc;
}

int
site_remove(struct site *s, const char *path, int64_t until, struct err *e)
{
	char full[PATH_MAX];
	char *argv[] = {s->program, (char *)(uintptr_t)"--remove", full, NULL};
	int rc;

	if ((size_t)snprintf(full, sizeof full, "%s/%s", *s->seen ? s->seen : s->folder, path) >= sizeof full)
		return err_set(e, ERR_OS, "the path of the folder is too long");
	if (*s->seen)
		return there_remove(full, e);
	rc = act(s, argv, -1, NULL, until, e);
	return rc > 0 ? err_set(e, ERR_TEMPFAIL, "%s: sim-remote --remove said no", s->host->host) : rc;
}
