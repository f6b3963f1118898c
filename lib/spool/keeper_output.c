/* keeper_output: what a stage writes: its events are told on, its signs of life counted, its log is kept within bounds. */
#include "spool/keeper_private.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "record/record.h"
#include "spool/attempt.h"
#include "spool/job.h"

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

void
keeper_take_line(struct keeper *k, const char *s, size_t n)
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
				keeper_tell_progress(k);
		} else if (strcmp(r.type, "partial") && strcmp(r.type, "summary") && strcmp(r.type, "cell")) {
			if (!strcmp(r.type, "finished"))
				take_finished(k, &r);
			else if (k->t->remote && !strcmp(r.type, "remote"))
				take_remote(k, &r);
			else if (!strcmp(r.type, "error") && record_get_str(&r, "message"))
				snprintf(k->failure, sizeof k->failure, "%s", record_get_str(&r, "message"));
			keeper_tell_progress(k);
			keeper_tell(k, k->seen, s, n);
		}
		record_free(&r);
	}
	if (alive) {
		k->stall_from = now;
		if (k->t->stall_ns && now - k->touched > 500 * MS) {
			keeper_tell(k, k->seen, "touch", 5);
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
			keeper_take_line(k, k->part.s, k->part.len);
		k->skipping = 0;
		buf_clear(&k->part);
	}
}

void
keeper_read(struct keeper *k)
{
	char b[65536];
	ssize_t n;

	while ((n = pread(k->out_fd, b, sizeof b, k->at)) > 0) {
		k->at += n;
		take_bytes(k, b, (size_t)n);
	}
}

void
keeper_bound_log(struct keeper *k)
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
