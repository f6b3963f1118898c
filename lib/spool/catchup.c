/* catchup: see catchup.h. */
#include "spool/catchup.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "spool/attempt.h"
#include "spool/keeper.h"

int
catchup_line(struct spool *sp, int64_t job, int64_t attempt, int64_t end, const char *line, size_t n, struct buf *stored, struct err *e)
{
	int rc = db_run(sp->db, e, "UPDATE attempt SET taken=?1 WHERE job=?2 AND n=?3 AND taken<?1", "iii", end, job, attempt);

	return rc <= 0 ? rc : job_take_event(sp, job, attempt, line, n, stored, e);
}

struct reader {
	struct spool *sp;
	int64_t job, attempt;
	struct buf *stored;
	struct buf line;        /* unfinished, up to KEEPER_EVENT_MAX */
	int skipping;           /* in one that is too long for an event */
	struct buf progress;    /* held back: the next may say more */
	int64_t progress_end;
	int64_t end;            /* of the last whole line */
	int alive;              /* there was one that is no progress record: for --stall, as the keeper sees it */
};

static int
flush_progress(struct reader *r, struct err *e)
{
	int rc = r->progress.len ? catchup_line(r->sp, r->job, r->attempt, r->progress_end, r->progress.s, r->progress.len, r->stored, e) : 0;

	buf_clear(&r->progress);
	return rc < 0 ? -1 : 0;
}

static int
take_line(struct reader *r, int64_t end, struct err *e)
{
	const char *s = r->line.s;
	size_t n = r->line.len;

	r->end = end;
	r->alive |= r->skipping || !n || s[0] != '{';
	if (r->skipping || !n || s[0] != '{')
		return 0;
	if (memmem(s, n < 100 ? n : 100, "\"type\":\"progress\"", 17)) {
		buf_clear(&r->progress);
		r->progress_end = end;
		return buf_add(&r->progress, s, n) < 0 ? err_nomem(e) : 0;
	}
	r->alive = 1;
	return flush_progress(r, e) < 0 || catchup_line(r->sp, r->job, r->attempt, end, s, n, r->stored, e) < 0 ? -1 : 0;
}

static int
take_bytes(struct reader *r, const char *s, size_t n, int64_t at, struct err *e)
{
	while (n) {
		const char *nl = memchr(s, '\n', n);
		size_t len = nl ? (size_t)(nl - s) : n;

		r->skipping |= r->line.len + len > KEEPER_EVENT_MAX;
		if (!r->skipping && buf_add(&r->line, s, len) < 0)
			return err_nomem(e);
		if (!nl)
			return 0;
		s += len + 1;
		n -= len + 1;
		at += (int64_t)len + 1;
		if (take_line(r, at, e) < 0)
			return -1;
		r->skipping = 0;
		buf_clear(&r->line);
	}
	return 0;
}

static int
read_from(struct reader *r, int fd, int64_t at, int64_t upto, struct err *e)
{
	char b[65536];
	ssize_t n;

	while (upto < 0 || at < upto) {
		n = pread(fd, b, upto < 0 || upto - at > (int64_t)sizeof b ? sizeof b : (size_t)(upto - at), at);
		if (n <= 0)
			break;
		if (take_bytes(r, b, (size_t)n, at, e) < 0)
			return -1;
		at += n;
	}
	if (r->line.len && upto < 0 && take_line(r, at, e) < 0) /* its last, without a newline */
		return -1;
	if (flush_progress(r, e) < 0 || (r->alive && job_touch(r->sp, r->job, r->attempt, e) < 0))
		return -1;
	return db_run(r->sp->db, e, "UPDATE attempt SET taken=?1 WHERE job=?2 AND n=?3 AND taken<?1", "iii", r->end, r->job, r->attempt) < 0 ? -1 : 0;
}

int
catchup_events(struct spool *sp, int64_t job, int64_t attempt, int64_t upto, struct buf *stored, struct err *e)
{
	struct reader r = {.sp = sp, .job = job, .attempt = attempt, .stored = stored};
	char path[PATH_MAX];
	int64_t at = 0;
	int fd, rc = db_get_int(sp->db, e, &at, "SELECT taken FROM attempt WHERE job=? AND n=?", "ii", job, attempt);

	if (rc <= 0 || attempt_path(sp, job, attempt, "events.ndjson", path, sizeof path) < 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	rc = read_from(&r, fd, at, upto, e);
	close(fd);
	buf_free(&r.line);
	buf_free(&r.progress);
	return rc;
}

int
catchup_end(struct spool *sp, int64_t job, int64_t attempt, const struct job_end *end, struct err *e)
{
	return catchup_events(sp, job, attempt, -1, NULL, e) < 0 ? -1 : job_take_end(sp, job, attempt, end, e);
}
