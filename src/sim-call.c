/*
 * sim-call: HTTP calls as a stage. Request lines in, event and result lines out; one deadline for each call, whatever it takes:
 * names, connections, retries, waits. lib/call does it; here are options, the task line, the terminal, the exit status.
 */
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "call/batch.h"
#include "common/cli.h"
#include "common/writer.h"
#include "record/record.h"

static const char usage[] =
    "usage: sim-call [options] [FILE]\n"
    "\n"
    "Make HTTP calls: request lines from FILE or standard input, event and result lines to standard output.\n"
    "\n"
    "  -j, --jobs N              calls at once (default 64)\n"
    "      --per-host N          of these to one host and port\n"
    "      --rate R              attempts begun a second, such as 100, 100/s, 600/min\n"
    "      --host-rate R         the same for one host and port\n"
    "      --order O             of the results: completion (default) or input\n"
    "  -d, --deadline SPAN       of a call, in all (default 60s)\n"
    "      --batch-deadline SPAN of the batch\n"
    "      --attempt-timeout SPAN  of one attempt (default: what is left of the call's deadline)\n"
    "      --connect-timeout SPAN  of connecting, names and TLS included (default 10s)\n"
    "      --retries N           retries a call, at most (default 4)\n"
    "      --retry-status LIST   statuses worth another attempt (default 408,425,429,500,502,503,504)\n"
    "      --retry-budget B      retries of the batch: N, P% of the calls begun and 10, none, unlimited (default 20%)\n"
    "      --backoff BASE,CAP    first and longest wait, before jitter (default 250ms,30s)\n"
    "      --keep-invalid        answers that are not as expected are not worth another attempt\n"
    "      --redirects N         follow as many (default 0)\n"
    "      --inline SIZE         larger bodies go to files (default 256K)\n"
    "      --body-dir DIR        for these files\n"
    "      --max-body SIZE       larger bodies are failures (default 1G)\n"
    "      --no-body             check and count bodies, do not keep them\n"
    "      --state FILE          journal of results: a restart repeats no call that has one\n"
    "      --retry-failed        with --state: calls that failed are made again, if they may be repeated\n"
    "      --min-ok M            how many must succeed: N, P%, all (default all)\n"
    "      --phase NAME          phase of requests that name none\n"
    "      --interval SPAN       of progress lines (default 1s)\n"
    "      --http V              auto, 1, or 2 (without TLS too)\n"
    "      --cacert FILE         trust these certificates instead of the system's\n"
    "      --user-agent TEXT     instead of sim-call/VERSION\n"
    "      --public-only         refuse private and loopback addresses\n"
    "      --results-only        no event lines\n"
    "  -q, --quiet               no progress on the terminal\n"
    "  -h, --help                this text\n"
    "  -V, --version             version\n";

#define UNREAD_MAX ((size_t)64 << 20) /* bytes of lines that nobody has read, before calls are held up */

static volatile sig_atomic_t stop_flag;

static void
on_stop(int sig)
{
	stop_flag = sig;
}

struct program {
	struct batch_options o;
	const char *input, *agent;
	int64_t batch_ns;
	int results_only, quiet;
	int64_t start_ns;
	struct buf head;        /* input read while looking for a task line */
	struct record task;     /* owns what the options borrow */
	struct buf line;
	struct writer *out;
};

/* --- options ----------------------------------------------------------------------------------------------------------------- */

static int64_t
span(const char *option, const char *s)
{
	int64_t ns;

	if (num_parse_duration(s, &ns) < 0 || ns <= 0)
		cli_usage("%s: \"%s\" is no span of time, such as 30s or 500ms", option, s);
	return ns;
}

static int64_t
whole(const char *option, const char *s, int64_t lo, int64_t hi)
{
	int64_t v;

	if (num_parse_int(s, lo, hi, &v) < 0)
		cli_usage("%s: \"%s\" is no whole number from %lld to %lld", option, s, (long long)lo, (long long)hi);
	return v;
}

static int64_t
size(const char *option, const char *s, int64_t hi)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = {{"", 1}, {"K", 1024}, {"M", 1048576}, {"G", 1073741824}, {"T", 1099511627776.0},
	             {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}};
	double x;
	size_t n = num_scan_double(s, &x);

	for (size_t i = 0; n && x >= 0 && i < sizeof units / sizeof units[0]; i++)
		if (!strcmp(s + n, units[i].unit) && x * units[i].factor <= (double)hi)
			return (int64_t)(x * units[i].factor);
	cli_usage("%s: \"%s\" is no size up to %lld bytes, such as 64K or 4G", option, s, (long long)hi);
}

static double
rate(const char *option, const char *s)
{
	double x;
	size_t n = num_scan_double(s, &x);
	int64_t unit;
	char text[40];

	if (n && x > 0 && isfinite(x) && !s[n])
		return x;
	if (n && x > 0 && isfinite(x) && s[n] == '/') {
		snprintf(text, sizeof text, "1%s", s + n + 1);
		if (num_parse_duration(text, &unit) == 0 && unit > 0)
			return x * 1e9 / (double)unit;
	}
	cli_usage("%s: \"%s\" is no rate, such as 100, 100/s or 600/min", option, s);
}

static void
backoff(struct retry_rules *r, const char *s)
{
	const char *comma = strchr(s, ',');
	char base[60];

	snprintf(base, sizeof base, "%.*s", comma ? (int)(comma - s) : (int)strlen(s), s);
	if (num_parse_duration(base, &r->base_ns) < 0 || (comma && num_parse_duration(comma + 1, &r->cap_ns) < 0) || r->base_ns < 0)
		cli_usage("--backoff: \"%s\" is not BASE,CAP, such as 250ms,30s", s);
	if (r->cap_ns < r->base_ns)
		r->cap_ns = r->base_ns;
}

static int
choice(const char *option, const char *s, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(s, names[i]))
			return i;
	cli_usage("%s: \"%s\" is not known", option, s);
}

enum {
	OPT_PER_HOST = 1000, OPT_RATE, OPT_HOST_RATE, OPT_ORDER, OPT_BATCH_DEADLINE, OPT_ATTEMPT, OPT_CONNECT, OPT_RETRIES,
	OPT_RETRY_STATUS, OPT_BUDGET, OPT_BACKOFF, OPT_KEEP_INVALID, OPT_REDIRECTS, OPT_INLINE, OPT_BODY_DIR, OPT_MAX_BODY,
	OPT_NO_BODY, OPT_STATE, OPT_RETRY_FAILED, OPT_MIN_OK, OPT_PHASE, OPT_INTERVAL, OPT_HTTP, OPT_CACERT, OPT_AGENT,
	OPT_PUBLIC, OPT_RESULTS
};

static const struct option longs[] = {
    {"jobs", required_argument, 0, 'j'},
    {"per-host", required_argument, 0, OPT_PER_HOST},
    {"rate", required_argument, 0, OPT_RATE},
    {"host-rate", required_argument, 0, OPT_HOST_RATE},
    {"order", required_argument, 0, OPT_ORDER},
    {"deadline", required_argument, 0, 'd'},
    {"batch-deadline", required_argument, 0, OPT_BATCH_DEADLINE},
    {"attempt-timeout", required_argument, 0, OPT_ATTEMPT},
    {"connect-timeout", required_argument, 0, OPT_CONNECT},
    {"retries", required_argument, 0, OPT_RETRIES},
    {"retry-status", required_argument, 0, OPT_RETRY_STATUS},
    {"retry-budget", required_argument, 0, OPT_BUDGET},
    {"backoff", required_argument, 0, OPT_BACKOFF},
    {"keep-invalid", no_argument, 0, OPT_KEEP_INVALID},
    {"redirects", required_argument, 0, OPT_REDIRECTS},
    {"inline", required_argument, 0, OPT_INLINE},
    {"body-dir", required_argument, 0, OPT_BODY_DIR},
    {"max-body", required_argument, 0, OPT_MAX_BODY},
    {"no-body", no_argument, 0, OPT_NO_BODY},
    {"state", required_argument, 0, OPT_STATE},
    {"retry-failed", no_argument, 0, OPT_RETRY_FAILED},
    {"min-ok", required_argument, 0, OPT_MIN_OK},
    {"phase", required_argument, 0, OPT_PHASE},
    {"interval", required_argument, 0, OPT_INTERVAL},
    {"http", required_argument, 0, OPT_HTTP},
    {"cacert", required_argument, 0, OPT_CACERT},
    {"user-agent", required_argument, 0, OPT_AGENT},
    {"public-only", no_argument, 0, OPT_PUBLIC},
    {"results-only", no_argument, 0, OPT_RESULTS},
    {"quiet", no_argument, 0, 'q'},
    {"help", no_argument, 0, 'h'},
    {"version", no_argument, 0, 'V'},
    {0, 0, 0, 0}};

static void
check(int rc, const char *option, struct err *e)
{
	if (rc < 0)
		cli_usage("%s: %s", option, e->msg);
}

static void
limit_option(struct program *p, int c, const char *arg)
{
	static const char *const orders[] = {"completion", "input", NULL};
	struct batch_options *o = &p->o;

	switch (c) {
	case 'j': o->jobs = (int)whole("--jobs", arg, 1, 100000); break;
	case 'd': o->call_ns = span("--deadline", arg); break;
	case OPT_PER_HOST: o->per_host = (int)whole("--per-host", arg, 1, 100000); break;
	case OPT_RATE: o->rate = rate("--rate", arg); break;
	case OPT_HOST_RATE: o->host_rate = rate("--host-rate", arg); break;
	case OPT_ORDER: o->input_order = choice("--order", arg, orders); break;
	case OPT_BATCH_DEADLINE: p->batch_ns = span("--batch-deadline", arg); break;
	case OPT_ATTEMPT: o->attempt_ns = span("--attempt-timeout", arg); break;
	case OPT_CONNECT: o->http.connect_ns = span("--connect-timeout", arg); break;
	case OPT_INTERVAL: o->interval_ns = span("--interval", arg); break;
	case OPT_INLINE: o->inline_max = (size_t)size("--inline", arg, 2 << 20); break;
	case OPT_MAX_BODY: o->max_body = size("--max-body", arg, (int64_t)1 << 50); break;
	case OPT_REDIRECTS: o->redirects = (int)whole("--redirects", arg, 0, 50); break;
	default: break;
	}
}

static void
other_option(struct program *p, int c, const char *arg)
{
	static const char *const versions[] = {"auto", "1", "2", NULL};
	struct batch_options *o = &p->o;
	struct err e;

	switch (c) {
	case OPT_RETRIES: o->retry.max = (int)whole("--retries", arg, 0, 1000); break;
	case OPT_RETRY_STATUS: check(retry_parse_statuses(&o->retry, arg, &e), "--retry-status", &e); break;
	case OPT_BUDGET: check(retry_parse_budget(&o->retry, arg, &e), "--retry-budget", &e); break;
	case OPT_BACKOFF: backoff(&o->retry, arg); break;
	case OPT_KEEP_INVALID: o->retry.invalid = 0; break;
	case OPT_BODY_DIR: o->body_dir = arg; break;
	case OPT_NO_BODY: o->discard = 1; break;
	case OPT_STATE: o->state = arg; break;
	case OPT_RETRY_FAILED: o->retry_failed = 1; break;
	case OPT_MIN_OK: check(batch_parse_least(o, arg, &e), "--min-ok", &e); break;
	case OPT_PHASE: o->phase = arg; break;
	case OPT_HTTP: o->http.version = (enum http_version)choice("--http", arg, versions); break;
	case OPT_CACERT: o->http.ca_file = arg; break;
	case OPT_AGENT:
		for (const char *s = arg; *s; s++)
			if ((unsigned char)*s < 0x20 || *s == 0x7f)
				cli_usage("--user-agent: a line break or control character is in it");
		p->agent = arg;
		break;
	case OPT_PUBLIC: o->http.public_only = 1; break;
	case OPT_RESULTS: p->results_only = 1; break;
	case 'q': p->quiet = 1; break;
	default: limit_option(p, c, arg);
	}
}

/* --- lines ------------------------------------------------------------------------------------------------------------------- */

static int
write_line(void *ctx, struct buf *line, struct err *e)
{
	struct program *p = ctx;
	int broken, rc;

	if (p->results_only && !strstr(line->s, "\"type\":\"result\"")) {
		buf_clear(line);
		return 0;
	}
	rc = writer_put(p->out, line, &broken, e);
	if (broken)
		cli_reraise(SIGPIPE); /* ignored for the sake of TLS, not of this */
	return rc;
}

/* All lines are out, or the program ends. */
static void
finish_lines(struct program *p)
{
	struct err e;
	int broken, rc = writer_finish(p->out, &broken, &e);

	p->out = NULL;
	if (broken)
		cli_reraise(SIGPIPE);
	if (rc < 0)
		cli_die(&e);
}

static void
show_bar(void *ctx, int64_t done, int64_t total)
{
	struct program *p = ctx;

	if (!p->quiet)
		cli_progress_bar(done, total, (double)(clk_boot_ns() - p->start_ns) / 1e9, "calls");
}

static void
send_own(struct program *p)
{
	struct err e;

	record_end(&p->line);
	if (write_line(p, &p->line, &e) < 0)
		cli_die(&e);
}

static void
say_started(struct program *p)
{
	record_begin(&p->line, "started", p->o.job, p->o.attempt);
	record_str(&p->line, "program", "sim-call " SIM_VERSION);
	send_own(p);
}

static int
say_finished(struct program *p, const struct batch_summary *s)
{
	static const struct {
		const char *name;
		int status;
	} outcomes[] = {[BATCH_COMPLETED] = {"completed", 0},
	                [BATCH_FAILED] = {"failed", ERR_NO},
	                [BATCH_DEADLINE] = {"deadline", ERR_DEADLINE},
	                [BATCH_STOPPED] = {"stopped", ERR_TEMPFAIL}};
	struct buf *b = &p->line;

	record_begin(b, "finished", p->o.job, p->o.attempt);
	record_str(b, "outcome", outcomes[s->outcome].name);
	if (s->reason[0])
		record_str(b, "reason", s->reason);
	record_int(b, "status", outcomes[s->outcome].status);
	record_int(b, "ok", s->ok);
	record_int(b, "failed", s->failed);
	if (s->outcome == BATCH_COMPLETED && s->degraded)
		record_bool(b, "degraded", 1);
	record_num(b, "seconds", (double)((clk_boot_ns() - p->start_ns) / 1000000) / 1000);
	send_own(p);
	return outcomes[s->outcome].status;
}

/* A failure of the program itself: said to the reader of the lines, and to a person. */
static void __attribute__((noreturn))
give_up(struct program *p, const struct err *e)
{
	record_begin(&p->line, "error", p->o.job, p->o.attempt);
	record_str(&p->line, "message", e->msg);
	record_int(&p->line, "status", e->status);
	send_own(p);
	record_begin(&p->line, "finished", p->o.job, p->o.attempt);
	record_str(&p->line, "outcome", "failed");
	record_str(&p->line, "reason", e->msg);
	record_int(&p->line, "status", e->status);
	send_own(p);
	finish_lines(p);
	cli_progress_done();
	cli_die(e);
}

/* --- input -------------------------------------------------------------------------------------------------------------------- */

/* Non-blank lines from where fd is, or -1: not a file. */
static int64_t
count_lines(int fd, int64_t from)
{
	static char block[65536];
	struct stat st;
	int64_t n = 0, at = from;
	int text = 0;
	ssize_t k;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	while ((k = pread(fd, block, sizeof block, at)) > 0) {
		for (ssize_t i = 0; i < k; i++) {
			if (block[i] == '\n') {
				n += text;
				text = 0;
			} else if (block[i] != ' ' && block[i] != '\t' && block[i] != '\r') {
				text = 1;
			}
		}
		at += k;
	}
	return n + text;
}

static void
open_input(struct program *p, const char *path)
{
	struct err e;

	p->o.input_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p->o.input_fd < 0) {
		err_sys(&e, ERR_NOINPUT, "cannot open %s", path);
		cli_die(&e);
	}
	p->o.total = count_lines(p->o.input_fd, 0);
}

/* What a task says stands in it, or, where the spool hands it on for a submitter, in its "data". */
static const struct json *
said(const struct program *p, const char *key)
{
	const struct json *x = json_member(json_member(p->task.root, "data"), key);

	return x ? x : json_member(p->task.root, key);
}

static void
check_data(struct program *p, struct err *e)
{
	static const char *const known[] = {"requests", "state", "min_ok", "deadline", NULL};
	const struct json *data = json_member(p->task.root, "data");
	int rc = data && json_kind(data) != JSON_T_OBJECT ? err_set(e, ERR_DATA, "the task's \"data\" is no object") : 0;

	for (void *it = data && rc == 0 ? json_first(data) : NULL; it && rc == 0; it = json_next(data, it)) {
		const char *const *k = known;

		while (*k && strcmp(*k, json_iter_key(it)))
			k++;
		if (!*k || (strcmp(*k, "deadline") && !json_text(json_iter_value(it))))
			rc = err_set(e, ERR_DATA, "the task's \"data\" holds \"%.60s\"; it may hold requests, state, min_ok (texts) and deadline", json_iter_key(it));
	}
	if (rc < 0)
		give_up(p, e);
}

static void
take_task(struct program *p, struct err *e)
{
	const struct json *deadline = said(p, "deadline");
	const char *s;

	p->o.job = p->task.job;
	p->o.attempt = p->task.attempt;
	check_data(p, e);
	if ((s = json_text(said(p, "state"))))
		p->o.state = s;
	if ((s = json_text(said(p, "min_ok"))) && batch_parse_least(&p->o, s, e) < 0) {
		e->status = ERR_DATA;
		give_up(p, e);
	}
	if (json_text(deadline) && num_parse_duration(json_text(deadline), &p->batch_ns) < 0) {
		err_set(e, ERR_DATA, "the task's \"deadline\" is no span of time");
		give_up(p, e);
	} else if (deadline && !json_text(deadline)) {
		p->batch_ns = (int64_t)(json_number(deadline) * 1e9);
	}
	if ((s = json_text(said(p, "requests")))) {
		open_input(p, s);
		buf_clear(&p->head);
	}
}

/* The first line of standard input may be a task; what was read beyond it belongs to the requests. */
static void
look_for_task(struct program *p)
{
	struct err e = {0};
	char *end = NULL;
	ssize_t k = 1;
	size_t n;

	while (!(end = p->head.s ? memchr(p->head.s, '\n', p->head.len) : NULL) && k > 0 && p->head.len <= RECORD_LINE_MAX && !stop_flag) {
		if (buf_reserve(&p->head, 65536) < 0) {
			err_nomem(&e);
			cli_die(&e);
		}
		k = read(0, p->head.s + p->head.len, 65536);
		if (k > 0)
			p->head.len += (size_t)k;
		p->head.s[p->head.len] = '\0';
	}
	if (!p->head.s || !p->head.len)
		return;
	n = end ? (size_t)(end - p->head.s) : p->head.len;
	if (!memmem(p->head.s, n, "\"task\"", 6) || record_parse(p->head.s, n, &p->task, &e) < 0)
		return;
	if (strcmp(p->task.type, "task")) {
		record_free(&p->task);
		return;
	}
	n += end != NULL;
	memmove(p->head.s, p->head.s + n, p->head.len - n + 1);
	p->head.len -= n;
	take_task(p, &e);
}

static void
find_input(struct program *p)
{
	int64_t rest;
	off_t at;

	if (p->input && strcmp(p->input, "-")) {
		open_input(p, p->input);
		return;
	}
	look_for_task(p);
	p->o.head = p->head.s;
	p->o.nhead = p->head.len;
	if (p->o.input_fd != 0)
		return;
	at = lseek(0, 0, SEEK_CUR);
	rest = at >= (off_t)p->head.len ? count_lines(0, at - (off_t)p->head.len) : -1;
	p->o.total = rest;
}

/* --- the whole ------------------------------------------------------------------------------------------------------------------ */

/* What would fail each call, after it was made. */
static void
check_files(const struct program *p)
{
	struct err e;
	struct stat st;

	if (p->o.body_dir && stat(p->o.body_dir, &st) == 0 && !S_ISDIR(st.st_mode))
		err_set(&e, ERR_CANTCREAT, "--body-dir: %s is no folder", p->o.body_dir);
	else if (p->o.body_dir && access(p->o.body_dir, W_OK | X_OK) < 0)
		err_sys(&e, ERR_CANTCREAT, "--body-dir: cannot write to %s", p->o.body_dir);
	else if (p->o.http.ca_file && access(p->o.http.ca_file, R_OK) < 0)
		err_sys(&e, ERR_NOINPUT, "--cacert: cannot read %s", p->o.http.ca_file);
	else
		return;
	cli_die(&e);
}

/* As many descriptors as may be; fewer places if that is not enough. */
static void
fit_descriptors(struct program *p)
{
	struct rlimit r;
	rlim_t spare = 64;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur == RLIM_INFINITY)
		return;
	if ((rlim_t)p->o.jobs * 3 + spare > r.rlim_cur && r.rlim_cur > spare + 3) { /* socket, body file, look-up */
		p->o.jobs = (int)((r.rlim_cur - spare) / 3);
		cli_warn("no more than %d calls at once: %lu descriptors are allowed (ulimit -n)", p->o.jobs, (unsigned long)r.rlim_cur);
	}
}

static void
set_signals(void)
{
	static const int stops[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction sa = {.sa_handler = on_stop};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
		sigaction(stops[i], &sa, NULL);
}

int
main(int argc, char **argv)
{
	struct program p = {.agent = "sim-call/" SIM_VERSION};
	struct batch_summary s;
	struct err e = {0};
	int c, status;

	cli_start("sim-call");
	batch_defaults(&p.o);
	while ((c = getopt_long(argc, argv, "j:d:qhV", longs, NULL)) != -1) {
		switch (c) {
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		case '?': cli_usage_hint();
		default: other_option(&p, c, optarg);
		}
	}
	if (argc - optind > 1)
		cli_usage("one FILE, not %d", argc - optind);
	p.input = argv[optind];
	check_files(&p);
	p.start_ns = clk_boot_ns();
	set_signals();
	p.out = writer_start(1, UNREAD_MAX, &e);
	if (!p.out)
		cli_die(&e);
	find_input(&p);
	fit_descriptors(&p);
	if (p.batch_ns > 0)
		p.o.until_ns = p.start_ns + p.batch_ns;
	p.o.http.agent = p.agent;
	p.o.stop = &stop_flag;
	p.o.line = write_line;
	p.o.bar = isatty(2) ? show_bar : NULL;
	p.o.ctx = &p;
	say_started(&p);
	if (batch_run(&p.o, &s, &e) < 0)
		give_up(&p, &e);
	cli_progress_done();
	status = say_finished(&p, &s);
	finish_lines(&p);
	if (status && s.outcome != BATCH_STOPPED)
		fprintf(stderr, "sim-call: %s\n", s.reason);
	record_free(&p.task);
	buf_free(&p.head);
	buf_free(&p.line);
	if (s.outcome == BATCH_STOPPED && stop_flag)
		cli_reraise(stop_flag);
	return status;
}
