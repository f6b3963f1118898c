/*
 * sim-reap: the second net under every limit in time, for cron or resident: ends what is overdue whoever started it, finds the dead and
 * the stalled, finishes parents, removes what is old.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"
#include "base/num.h"
#include "common/cli.h"
#include "common/orphans.h"
#include "common/spool.h"
#include "record/json.h"
#include "record/record.h"
#include "spool/notify.h"
#include "spool/recover.h"
#include "spool/remote.h"

static const char usage[] =
    "usage: sim-reap [options]\n"
    "\n"
    "Enforce every limit in time, find the dead and the stalled; print one line per action.\n"
    "\n"
    "  -w, --wait             stay, sleeping until the next limit is due\n"
    "      --notify           make the webhook calls that are due, nothing else\n"
    "      --elsewhere        end what is over here and may still run elsewhere, nothing else\n"
    "      --keep AGE         also remove jobs that ended longer ago than this, such as 30d\n"
    "      --format F         ndjson or table (default: table on a terminal)\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -q, --quiet            problems only\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

static volatile sig_atomic_t stop_signal;

static void
on_stop(int sig)
{
	stop_signal = sig;
}

static void
on_child(int sig)
{
	(void)sig;
}

/* --- old jobs --------------------------------------------------------------------------------------------------------- */

static int
note_id(struct buf *ids, int64_t id, struct err *e)
{
	return buf_add(ids, &id, sizeof id) < 0 ? err_nomem(e) : 0;
}

/* (tx) The rows of a tree; its ids are added to `ids`. */
static int
remove_rows(struct spool *sp, int64_t id, struct buf *ids, struct err *e)
{
	int64_t child;
	int rc;

	while ((rc = db_get_int(sp->db, e, &child, "SELECT id FROM job WHERE parent=? LIMIT 1", "i", id)) > 0)
		if (remove_rows(sp, child, ids, e) < 0)
			return -1;
	if (rc < 0 || note_id(ids, id, e) < 0 || db_run(sp->db, e, "DELETE FROM attempt WHERE job=?", "i", id) < 0 ||
	    db_run(sp->db, e, "DELETE FROM event WHERE job=?", "i", id) < 0 ||
	    db_run(sp->db, e, "DELETE FROM dep WHERE job=?1 OR on_job=?1", "i", id) < 0 || db_run(sp->db, e, "DELETE FROM env WHERE job=?", "i", id) < 0 ||
	    db_run(sp->db, e, "DELETE FROM notify WHERE job=?", "i", id) < 0 || db_run(sp->db, e, "DELETE FROM remote WHERE job=?", "i", id) < 0 ||
	    db_run(sp->db, e, "DELETE FROM job WHERE id=?", "i", id) < 0)
		return -1;
	return 0;
}

/* Rows before folders: a sim-ctl retry that comes in between finds a whole job or none, and folders that a crash leaves without
 * rows are sim-recover's to remove. 1 removed, 0 it is old no longer, -1. */
static int
remove_tree(struct spool *sp, int64_t id, int64_t before, struct buf *ids, struct err *e)
{
	int64_t old = 0;
	int rc;

	if (db_begin(sp->db, e) < 0)
		return -1;
	rc = db_get_int(sp->db, e, &old, "SELECT 1 FROM job WHERE id=? AND state>=5 AND ended_at<?", "ii", id, before);
	if (rc > 0)
		rc = remove_rows(sp, id, ids, e) < 0 ? -1 : 1;
	if (rc < 0 || db_commit(sp->db, e) < 0) {
		db_rollback(sp->db);
		return -1;
	}
	return rc;
}

static int
remove_folders(struct spool *sp, const struct buf *ids, struct err *e)
{
	char path[PATH_MAX];

	for (size_t i = 0; i + sizeof(int64_t) <= ids->len; i += sizeof(int64_t)) {
		int64_t id;

		memcpy(&id, ids->s + i, sizeof id);
		spool_path(sp, path, sizeof path, "jobs/%lld", (long long)id);
		if (spool_remove_tree(path, e) < 0)
			return -1;
	}
	return 0;
}

static int
remove_old(struct spool *sp, int64_t keep_ns, struct cli_actions *o, struct err *e)
{
	int64_t id, last = 0, before = spool_now(sp) - keep_ns;
	struct buf ids = BUF_INIT;
	int rc;

	while ((rc = db_get_int(sp->db, e, &id, "SELECT min(id) FROM job WHERE state>=5 AND parent IS NULL AND ended_at<? AND id>? AND NOT "
	                        "EXISTS(SELECT 1 FROM dep d JOIN job k ON k.id=d.job WHERE d.on_job=job.id AND k.state<5) "
	                        "AND NOT EXISTS(SELECT 1 FROM remote r WHERE r.gone<2 AND (r.job=job.id OR EXISTS(WITH RECURSIVE u(x) AS (SELECT r.job UNION ALL SELECT "
	                        "k.parent FROM job k JOIN u ON k.id=u.x WHERE k.parent IS NOT NULL) SELECT 1 FROM u WHERE x=job.id)))", "ii", before, last)) > 0) {
		last = id;
		buf_clear(&ids);
		rc = remove_tree(sp, id, before, &ids, e);
		if (rc > 0)
			rc = remove_folders(sp, &ids, e) < 0 ? -1 : 1;
		if (rc < 0)
			break;
		if (rc > 0)
			cli_action(o, id, "removed", "older than --keep");
	}
	buf_free(&ids);
	return rc;
}

/* --- webhooks ----------------------------------------------------------------------------------------------------------- */

#define UNANSWERED "sim-call gave no answer"
#define NOTICES 64 /* told together, so that one that hangs does not hold up the others */

static int
write_request(struct buf *b, const struct notice *n)
{
	int bad = buf_putc(b, '{') | record_int(b, "id", n->job) | record_str(b, "url", n->url) | record_str(b, "method", "POST");

	bad |= record_str(b, "idempotency_key", n->key) | buf_puts(b, ",\"body\":");
	return bad | buf_add(b, n->body.s, n->body.len - 1) | buf_puts(b, "}\n");
}

/* sim-call with these lines; what it answers, until it ends or this program shall. */
static int
make_calls(const struct buf *lines, struct buf *answer, struct err *e)
{
	char call[PATH_MAX];
	int in[2], out[2];
	pid_t pid;
	ssize_t k;

	cli_sibling("sim-call", call, sizeof call);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return err_sys(e, ERR_OS, "cannot run sim-call");
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(null, 2);
		execlp(call, "sim-call", "--quiet", "--results-only", "--no-body", "--deadline", "20s", "--retries", "2", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	signal(SIGPIPE, SIG_IGN);
	io_write_all(in[1], lines->s, lines->len); /* what it did not read has no answer */
	close(in[1]);
	do {
		k = buf_reserve(answer, 65536) < 0 ? 0 : read(out[0], answer->s + answer->len, 65536);
		answer->len += k > 0 ? (size_t)k : 0;
	} while (k > 0 || (k < 0 && errno == EINTR && !stop_signal));
	close(out[0]);
	if (stop_signal)
		kill(pid, SIGTERM);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* How one of them went, from a result line: why[i] stays what it is where the call is none of these. */
static void
take_answer(const char *line, size_t len, const struct notice *n, size_t count, char (*why)[300])
{
	struct record r;
	const char *id, *said;

	if (record_parse(line, len, &r, NULL) < 0)
		return;
	id = record_get_str(&r, "id");
	said = record_get_str(&r, "reason");
	for (size_t i = 0; id && i < count; i++)
		if (strtoll(id, NULL, 10) == n[i].job)
			snprintf(why[i], sizeof why[i], "%s", json_truth(json_member(r.root, "ok")) ? "" : said ? said : "no answer");
	record_free(&r);
}

static int
tell(struct spool *sp, struct cli_actions *o, struct notice *n, size_t count, struct err *e)
{
	struct buf lines = BUF_INIT, answer = BUF_INIT;
	char why[NOTICES][300];
	int rc = 0;

	for (size_t i = 0; i < count; i++) {
		snprintf(why[i], sizeof why[i], UNANSWERED);
		rc |= write_request(&lines, &n[i]);
	}
	rc = rc ? err_nomem(e) : make_calls(&lines, &answer, e);
	for (char *s = answer.s, *end; rc == 0 && s && (end = memchr(s, '\n', answer.len - (size_t)(s - answer.s))); s = end + 1)
		take_answer(s, (size_t)(end - s), n, count, why);
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (stop_signal && !strcmp(why[i], UNANSWERED))
			continue; /* taken again when its time is up */
		rc = notify_done(sp, &n[i], why[i][0] ? why[i] : NULL, e);
		if (rc == 0)
			cli_action(o, n[i].job, why[i][0] ? "not told" : "told", why[i][0] ? why[i] : "its webhook");
	}
	buf_free(&lines);
	buf_free(&answer);
	return rc;
}

static void
tell_all(struct spool *sp, struct cli_actions *o)
{
	static struct notice n[NOTICES];
	struct err e = {0};
	size_t count;
	int rc;

	do {
		for (count = 0; count < NOTICES && (rc = notify_take(sp, (int64_t)60 * 1000000000, &n[count], &e)) > 0; count++)
			;
		if (rc < 0 || (count && tell(sp, o, n, count, &e) < 0))
			cli_die(&e);
		for (size_t i = 0; i < count; i++)
			notice_free(&n[i]);
	} while (count && !stop_signal);
}

/* --- what others are waited for --------------------------------------------------------------------------------------------- */

/* A resident reaper leaves calls and questions to another process, one at a time, so that no limit waits for them. */
struct helper {
	pid_t pid; /* 0: none */
};

static void
help(struct helper *h, const struct spool *sp, const struct cli_actions *o)
{
	char reap[PATH_MAX];
	const char *argv[] = {"sim-reap", "--notify", "--elsewhere", "--format", o->table ? "table" : "ndjson", "--spool", sp->root, o->quiet ? "--quiet" : NULL, NULL};

	cli_sibling("sim-reap", reap, sizeof reap);
	h->pid = fork();
	if (h->pid == 0) {
		execvp(reap, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (h->pid < 0)
		h->pid = 0;
}

static void
helped(struct helper *h, int wait)
{
	if (h->pid && wait)
		kill(h->pid, SIGTERM);
	if (h->pid && waitpid(h->pid, NULL, wait ? 0 : WNOHANG) != 0)
		h->pid = 0;
}

/* Spool time at which the next call or question is due; 0: none. */
static int64_t
next_help(struct spool *sp)
{
	struct err e = {0};
	int64_t told, elsewhere;

	if (notify_next(sp, &told, &e) < 0 || remote_next(sp, &elsewhere, &e) < 0)
		cli_die(&e);
	return told && (!elsewhere || told < elsewhere) ? told : elsewhere;
}

/* --- passes ------------------------------------------------------------------------------------------------------------ */

static int64_t
one_pass(struct spool *sp, const char *relay, int leftovers, int64_t keep_ns, struct cli_actions *o, int *problems)
{
	struct err e = {0};
	int64_t next = 0;
	int n = recover_pass(sp, relay, leftovers, cli_action, o, &e);

	if (n < 0 || limits_pass(sp, 1, &next, cli_action, o, &e) < 0 || (keep_ns && remove_old(sp, keep_ns, o, &e) < 0))
		cli_die(&e);
	*problems += n;
	return next;
}

static void
sleep_until(struct spool *sp, int watch, int64_t next)
{
	int64_t now = spool_now(sp), most = now + (int64_t)5 * 1000000000, at = next && next < most ? next : most;
	struct pollfd p = {.fd = watch, .events = POLLIN};

	poll(&p, 1, at <= now ? 1 : (int)((at - now + 999999) / 1000000));
	spool_watched(watch);
}

/* Stays until it is told to end. */
static void
reside(struct spool *sp, const char *relay, int64_t keep_ns, struct cli_actions *o, int *problems)
{
	struct sigaction sa = {.sa_handler = on_child};
	struct helper h = {0};
	int watch = spool_watch(sp);
	int64_t next, due;

	sigaction(SIGCHLD, &sa, NULL); /* ends the sleep */
	for (int passes = 0; !stop_signal; passes++) {
		next = one_pass(sp, relay, passes % 100 == 0, keep_ns, o, problems);
		helped(&h, 0);
		due = next_help(sp);
		if (due && due <= spool_now(sp) && !h.pid) {
			help(&h, sp, o);
			due = 0;
		}
		if (due && !h.pid && (!next || due < next))
			next = due;
		if (!stop_signal)
			sleep_until(sp, watch, next);
	}
	helped(&h, 1);
}

int
main(int argc, char **argv)
{
	enum { OPT_KEEP = 1000, OPT_NOTIFY, OPT_ELSEWHERE, OPT_SPOOL, OPT_FORMAT };
	static const struct option longs[] = {{"wait", no_argument, 0, 'w'}, {"keep", required_argument, 0, OPT_KEEP}, {"notify", no_argument, 0, OPT_NOTIFY}, {"elsewhere", no_argument, 0, OPT_ELSEWHERE},
	                                      {"format", required_argument, 0, OPT_FORMAT}, {"spool", required_argument, 0, OPT_SPOOL},
	                                      {"quiet", no_argument, 0, 'q'}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	struct sigaction sa = {.sa_handler = on_stop};
	struct cli_actions o = {.table = isatty(1)};
	const char *path = NULL;
	char relay[PATH_MAX];
	int64_t keep = 0;
	struct spool sp;
	int c, wait = 0, notify = 0, elsewhere = 0, problems = 0;

	cli_start("sim-reap");
	while ((c = getopt_long(argc, argv, "wqhV", longs, NULL)) != -1) {
		switch (c) {
		case 'w': wait = 1; break;
		case OPT_NOTIFY: notify = 1; break;
		case OPT_ELSEWHERE: elsewhere = 1; break;
		case OPT_KEEP: keep = !strcmp(optarg, "0") ? 1 : cli_duration("--keep", optarg); break;
		case OPT_FORMAT: o.table = cli_format(optarg, "table ndjson") == CLI_TABLE; break;
		case OPT_SPOOL: path = optarg; break;
		case 'q': o.quiet = 1; break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	if (optind < argc)
		cli_usage("no operand is wanted");
	cli_spool_open(&sp, path, SPOOL_WRITE, "sim-reap");
	cli_sibling("sim-run", relay, sizeof relay);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (notify)
		tell_all(&sp, &o);
	if (elsewhere)
		cli_orphans(&sp, &o);
	if (notify || elsewhere)
		return 0;
	if (wait) {
		reside(&sp, relay, keep, &o, &problems);
	} else {
		one_pass(&sp, relay, 1, keep, &o, &problems);
		cli_orphans(&sp, &o);
		tell_all(&sp, &o);
	}
	spool_close(&sp);
	if (stop_signal)
		cli_reraise(stop_signal);
	return problems ? ERR_NO : 0;
}
