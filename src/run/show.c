/* show: see show.h. */
#include "run/show.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "common/cli.h"
#include "record/record.h"
#include "spool/attempt.h"

/* Waits for a slow reader; who hears SIGTERM twice waits no longer. One PIPE_BUF at a time: what poll() promises does not block. */
static void
put(struct runner *r, const char *s, size_t n)
{
	while (n && !r->stdout_gone) {
		struct pollfd p[2] = {{.fd = 1, .events = POLLOUT}, {.fd = r->sig_fd, .events = POLLIN}};
		ssize_t k;

		poll(p, 2, -1);
		if (p[1].revents)
			runner_signals(r);
		if (!p[0].revents) {
			r->stdout_gone = r->drain > 1;
			continue;
		}
		k = write(1, s, n < r->slice ? n : r->slice);
		if (k < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (k < 0) { /* the reader is gone: the jobs are not */
			r->stdout_gone = 1;
			return;
		}
		s += k;
		n -= (size_t)k;
	}
}

static void
put_event(struct runner *r, const char *s, size_t n)
{
	if (!r->quiet && !r->table)
		put(r, s, n);
}

void
show_state(struct runner *r, const struct job *j)
{
	struct buf b = BUF_INIT;

	if (r->quiet)
		return;
	if (r->table) {
		buf_printf(&b, "%lld  %-9s  %s%s%s\n", (long long)j->id, job_state_name((enum job_state)j->state), j->name ? j->name : "",
		           j->reason ? "  " : "", j->reason ? j->reason : "");
		cli_plain(&b, 0);
	} else {
		job_record(&b, j);
		record_end(&b);
	}
	put(r, b.s, b.len);
	buf_free(&b);
}

/* A stage's result lines: everything it wrote that is no event. A child's lines say whose they are. */
static void
put_output_line(struct runner *r, const struct job *j, char *line, size_t n)
{
	static const char *const events[] = {"progress", "phase", "counters", "retry", "warning", "error", "checkpoint", "started", "finished",
	                                     "result", "remote"};
	struct record rec;
	int event = 0, is_record = 0;

	if (n && line[0] == '{' && memmem(line, n < 80 ? n : 80, "\"partial\"", 9)) {
		is_record = 1;
	} else if (n && line[0] == '{' && record_parse(line, n, &rec, NULL) == 0) {
		is_record = 1;
		for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
			event |= !strcmp(rec.type, events[i]);
		record_free(&rec);
	}
	if (event || (r->table && is_record))
		return;
	line[n] = '\n';
	if (is_record && j->parent && j->task && strstr(j->task, "\"slice\"") && !memmem(line, n < 200 ? n : 200, "\"parent\"", 8)) {
		char head[64];
		int k = snprintf(head, sizeof head, "{\"parent\":\"%lld\",", (long long)j->parent);

		put(r, head, (size_t)k);
		put(r, line + 1, n);
		return;
	}
	put(r, line, n + 1);
}

static void
put_output(struct runner *r, const struct job *j)
{
	char path[PATH_MAX], *line;
	struct io_lines in;
	struct err e = {0};
	struct stat st;
	size_t n;
	int fd, rc;

	attempt_path(&r->sp, j->id, j->attempt, "events.ndjson", path, sizeof path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		io_lines_init(&in, fd, (size_t)1 << 30);
		while ((rc = io_lines_next(&in, &line, &n, &e)) > 0)
			put_output_line(r, j, line, n);
		if (rc < 0)
			cli_warn("job %lld: %s", (long long)j->id, e.msg);
		io_lines_free(&in);
	}
	close(fd);
}

void
show_end(struct runner *r, int64_t id, int64_t attempt)
{
	struct err e = {0};
	struct job j;

	if (job_load(&r->sp, id, &j, &e) <= 0)
		return;
	if (attempt && j.attempt != attempt) {
		job_free(&j);
		return;
	}
	if (j.state == JOB_COMPLETED && j.kind != JOB_PARENT)
		put_output(r, &j);
	if (job_is_over(j.state))
		show_state(r, &j);
	if (job_is_over(j.state) && j.state != JOB_COMPLETED && !j.parent)
		r->failed = 1;
	if (j.parent && !r->only) {
		struct job p;

		if (job_load(&r->sp, j.parent, &p, &e) > 0) {
			if (job_is_over(p.state)) {
				show_state(r, &p);
				r->failed |= p.state != JOB_COMPLETED;
			}
			job_free(&p);
		}
	}
	job_free(&j);
}

void
show_events(struct runner *r)
{
	if (r->events.len)
		put_event(r, r->events.s, r->events.len);
	buf_clear(&r->events);
}

void
show_action(void *ctx, int64_t job, const char *action, const char *reason)
{
	struct runner *r = ctx;

	if (!strcmp(action, "problem"))
		cli_warn("job %lld: %s", (long long)job, reason);
	else if (job && !r->only && (!strcmp(action, "failed") || !strcmp(action, "killed")))
		show_end(r, job, 0);
}
