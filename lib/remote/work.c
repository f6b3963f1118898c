/* work: see work.h. */
#include "remote/work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "spool/attempt.h"
#include "spool/remote.h"

#define CALL_NS (30 * SECOND)        /* one question */
#define LATE_NS (120 * SECOND)       /* until a submission that was cut off has certainly arrived or not */
#define LOG_PIECE ((size_t)4 << 20)

/* --- time and signals ----------------------------------------------------------------------------------------------------- */

static void
take_signal(struct work *w, int sig)
{
	if (sig == SIGTERM || sig == SIGINT)
		w->term = 1;
	else if (sig == SIGTSTP)
		w->pause = 1;
	else if (sig == SIGCONT)
		w->pause = 0;
}

/* Waits, and hears what is asked meanwhile; at once when something is. */
void
work_nap(struct work *w, int64_t ns)
{
	int64_t end = clk_boot_ns() + ns;
	int heard = 0;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGTSTP);
	sigaddset(&s, SIGCONT);
	do {
		int64_t left = end - clk_boot_ns();
		struct timespec ts = {0, 0};
		int sig;

		if (left > 0 && !heard)
			ts = (struct timespec){left / SECOND, left % SECOND};
		sig = sigtimedwait(&s, NULL, &ts);
		if (sig > 0) {
			take_signal(w, sig);
			heard = 1;
		} else if (errno != EINTR) {
			break;
		}
	} while (1);
}

void
work_may_quit(struct work *w, int on)
{
	sigset_t s;

	if (on && !w->quit_fd) {
		sigemptyset(&s);
		sigaddset(&s, SIGTERM);
		sigaddset(&s, SIGINT);
		w->quit_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	}
	w->site.quit = on && !w->term && w->quit_fd > 0 ? w->quit_fd : 0;
}

int64_t
work_soon(void)
{
	return clk_boot_ns() + CALL_NS;
}

/* --- saying --------------------------------------------------------------------------------------------------------------- */

/* All of it, whatever the disk says meanwhile: output is not lost for want of room. */
static void
write_out(struct work *w, const char *s, size_t n)
{
	while (n) {
		ssize_t k = write(w->h->out_fd, s, n);

		if (k > 0) {
			s += k;
			n -= (size_t)k;
		} else if (k < 0 && errno != EINTR) {
			work_nap(w, SECOND);
		}
	}
}

void
work_put_record(struct work *w)
{
	struct buf b = BUF_INIT;
	char job[24];

	snprintf(job, sizeof job, "%lld", (long long)w->job);
	record_begin(&b, "remote", job, w->n);
	record_str(&b, "on", w->h->on);
	record_str(&b, "label", w->in.label);
	if (*w->in.id)
		record_str(&b, "id", w->in.id);
	record_str(&b, "state", w->state);
	if (*w->host_said)
		record_str(&b, "host", w->host_said);
	if (*w->why)
		record_str(&b, "reason", w->why);
	if (*w->trouble)
		record_str(&b, "trouble", w->trouble);
	record_int(&b, "offset", w->copied);
	record_end(&b);
	if (b.s)
		write_out(w, b.s, b.len);
	buf_free(&b);
}

/* Keeps what is printable: what other programs said goes into records. */
static void
clean(char *out, size_t n, const char *s)
{
	size_t k = 0;

	for (; *s && k + 1 < n; s++)
		out[k++] = (unsigned char)*s < 32 || (unsigned char)*s > 126 ? '?' : *s;
	out[k] = '\0';
}

/* A change, once; state NULL: the same. */
void
work_say(struct work *w, const char *state, const char *why, const char *trouble)
{
	char y[sizeof w->why], t[sizeof w->trouble];

	clean(y, sizeof y, why ? why : "");
	clean(t, sizeof t, trouble ? trouble : "");
	if (w->open_line || ((!state || !strcmp(state, w->state)) && !strcmp(y, w->why) && !strcmp(t, w->trouble) &&
	                     !strcmp(w->in.id, w->id_said) && (!*w->l.host || !strcmp(w->l.host, w->host_said))))
		return;
	if (state)
		snprintf(w->state, sizeof w->state, "%s", state);
	if (*w->l.host)
		clean(w->host_said, sizeof w->host_said, w->l.host);
	snprintf(w->id_said, sizeof w->id_said, "%s", w->in.id);
	memcpy(w->why, y, sizeof y);
	memcpy(w->trouble, t, sizeof t);
	work_put_record(w);
}

int
work_is_final(const struct err *e)
{
	return e->status == ERR_UNAVAILABLE || e->status == ERR_DATA || e->status == ERR_USAGE || e->status == ERR_NOINPUT || e->status == ERR_SOFTWARE;
}

int
work_again(struct work *w, int64_t *wait, const struct err *e)
{
	*wait = !*wait ? 500 * MS : *wait < 30 * SECOND ? 2 * *wait : *wait;
	if (w->term)
		return 1;
	if (work_is_final(e))
		return -1;
	work_say(w, NULL, NULL, e->msg);
	work_nap(w, *wait);
	return w->term;
}

int
work_keep_intent(struct work *w, struct err *e)
{
	if (intent_write(w->h->attempt, &w->in, e) == 0)
		return 0;
	if (e->status != ERR_DATA)
		e->status = ERR_TEMPFAIL;
	return -1;
}

/* --- the verdict ------------------------------------------------------------------------------------------------------------ */

/* Its files over there are not wanted any more: the output is here. What is left of an attempt that did not complete is the job's checkpoint. */
int
work_tidy(struct work *w, const char *outcome)
{
	char path[100];
	int n = snprintf(path, sizeof path, "jobs/%lld", (long long)w->job), rc = -1;
	struct err e = {0};

	if (strcmp(outcome, "completed"))
		snprintf(path + n, sizeof path - (size_t)n, "/attempts/%lld", (long long)w->n);
	for (int64_t wait = 250 * MS; (rc = site_remove(&w->site, path, work_soon(), &e)) < 0 && wait <= 2 * SECOND && !w->term; wait *= 2)
		work_nap(w, wait);
	return rc;
}

int
work_verdict(struct work *w, const char *outcome, const char *reason, int status, int sig, int gone)
{
	char text[600];
	struct job_end end = {.outcome = outcome, .reason = reason ? text : NULL, .status = status, .signal = sig, .gone = gone};
	struct err e = {0};
	int kept;

	clean(text, sizeof text, reason ? reason : "");
	kept = fsync(w->h->out_fd) == 0 || errno == EINVAL; /* no disk: a pipe */
	if (!kept && !strcmp(outcome, "completed")) {
		end.outcome = "failed";
		end.reason = "its output could not be written to the disk here";
	}
	while (attempt_write_verdict(&w->sp, w->job, w->n, &end, &e) < 0)
		work_nap(w, SECOND);
	if (kept && gone == REMOTE_GONE && !w->keep_there && *w->site.folder && work_tidy(w, outcome) < 0) {
		end.gone = REMOTE_FENCED; /* who looks after what is left does it */
		attempt_write_verdict(&w->sp, w->job, w->n, &end, &e);
	}
	return 0;
}

/* Of what certainly does not run: cancelled there, so that nothing stays behind. What is certain then. */
int
work_sweep(struct work *w, struct err *e)
{
	char id[REMOTE_ID];
	struct remote_status st;
	int rc;

	if (w->in.step == INTENT_MADE)
		return REMOTE_GONE;
	if (w->x->cancel(&w->site, "", w->in.label, w->in.folder, work_soon(), e) < 0)
		return REMOTE_FENCED;
	rc = w->x->find(&w->site, w->in.label, w->in.folder, id, &st, work_soon(), e);
	if (rc < 0 || (rc > 0 && !REMOTE_IS_OVER(st.state)))
		return REMOTE_FENCED;
	if ((w->in.step == INTENT_SUBMITTING || w->in.uncertain) && clk_real_ns() - w->in.since < LATE_NS)
		return REMOTE_FENCED; /* it may still arrive, and will do nothing */
	return REMOTE_GONE;
}

/* --- the copy --------------------------------------------------------------------------------------------------------------- */

/* Whole lines; at the end, or of a line without one, everything. Returns what was taken. */
size_t
work_copy(struct work *w, int last)
{
	struct buf *b = &w->l.bytes;
	size_t n = b->len;
	const char *nl = n ? memrchr(b->s, '\n', n) : NULL;

	if (!last && nl)
		n = (size_t)(nl - b->s) + 1;
	else if (!last && n < COPY_MAX)
		n = 0;
	if (!n)
		return 0;
	write_out(w, b->s, n);
	w->copied += (int64_t)n;
	w->open_line = b->s[n - 1] != '\n';
	return n;
}

static int
offset_of(struct work *w, const char *line, size_t n, int64_t *offset)
{
	struct record r;
	const char *label;
	int ours;

	if (record_parse(line, n, &r, NULL) < 0)
		return 0;
	label = record_get_str(&r, "label");
	ours = !strcmp(r.type, "remote") && label && !strcmp(label, w->in.label);
	*offset = record_get_int(&r, "offset", 0);
	record_free(&r);
	return ours;
}

/* H3: from the last record of ours in what was copied. */
void
work_find_offset(struct work *w)
{
	static const char head[] = "{\"v\":1,\"type\":\"remote\"";
	char path[PATH_MAX];
	struct stat st = {0};
	char *s = MAP_FAILED, *end;
	int fd;

	attempt_path(&w->sp, w->job, w->n, "events.ndjson", path, sizeof path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		s = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	w->copied = st.st_size;
	if (s == MAP_FAILED)
		return;
	for (end = s + st.st_size; end > s;) { /* line by line, from the last */
		char *nl = memrchr(s, '\n', (size_t)(end - 1 - s)), *line = nl ? nl + 1 : s;
		int64_t offset;

		if ((size_t)(end - line) > sizeof head && !memcmp(line, head, sizeof head - 1) &&
		    offset_of(w, line, (size_t)(end - line) - (end[-1] == '\n'), &offset)) {
			w->copied = offset + (s + st.st_size - end);
			break;
		}
		end = line;
	}
	munmap(s, (size_t)st.st_size);
}

static int
copy_pieces(struct work *w, const char *name, int fd, int64_t *at, int (*begun)(struct work *, const struct buf *, struct err *), struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	do {
		buf_clear(&b);
		rc = look_piece(&w->site, w->in.folder, name, *at, LOG_PIECE, &b, work_soon(), e);
		if (rc > 0 && *at == 0 && begun)
			rc = begun(w, &b, e) < 0 ? -1 : 1;
		if (rc <= 0)
			break;
		if (io_write_all(fd, b.s ? b.s : "", b.len) < 0)
			rc = err_sys(e, ERR_IO, "cannot write its log");
		*at += (int64_t)b.len;
		work_nap(w, 0);
	} while (rc > 0 && b.len == LOG_PIECE);
	buf_free(&b);
	return rc < 0 ? -1 : 0;
}

/* Of a log that was cut over there, its beginning too. */
static int
copy_head(struct work *w, const struct buf *log, struct err *e)
{
	static const char cut[] = "[cut: ";
	char path[PATH_MAX];
	int64_t at = 0;
	int fd, rc;

	if (log->len < sizeof cut || memcmp(log->s, cut, sizeof cut - 1))
		return 0;
	attempt_path(&w->sp, w->job, w->n, "log.head", path, sizeof path);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, ERR_IO, "cannot create %s", path);
	rc = copy_pieces(w, "log.head", fd, &at, NULL, e);
	close(fd);
	return rc;
}

int
work_copy_log(struct work *w, const char *name, struct err *e)
{
	return copy_pieces(w, name, w->h->log_fd, &w->logged, copy_head, e);
}
