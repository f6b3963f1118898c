/*
 * sim-run: claims jobs of the spool, starts a keeper for each, records what happened, passes results on.
 *
 * One loop: take what keepers say, record it and claim anew in one transaction, start keepers, wait. It may be killed at any
 * instruction: the keepers go on, and what they find is recorded by a relay, the next sim-run or sim-recover.
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
#include <sys/file.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/num.h"
#include "base/proc.h"
#include "common/cli.h"
#include "common/orphans.h"
#include "common/spool.h"
#include "record/record.h"
#include "remote/site.h"
#include "run/runner.h"
#include "run/show.h"
#include "run/step.h"
#include "run/wanted.h"
#include "spool/attempt.h"
#include "spool/claim.h"
#include "spool/limits.h"
#include "spool/recover.h"
#include "spool/remote.h"
#include "spool/slots.h"

#define PLACES_ELSEWHERE 64  /* jobs handed over at a time: each is a small process here */

static const char usage[] =
    "usage: sim-run [options] [JOB ...]\n"
    "\n"
    "Run jobs of the spool: those named, those whose lines come on standard input, or all that are queued.\n"
    "\n"
    "  -j, --jobs N           places: jobs at a time (default: processors)\n"
    "  -a, --all              drain the queue; do not read standard input\n"
    "      --once             run one job, then end\n"
    "      --limit N          run N jobs, then end\n"
    "  -w, --wait             stay, and run jobs as they come; do not read standard input\n"
    "      --on WHERE         run them elsewhere: slurm[:PARTITION], ssh:HOST, pueue[:HOST][/GROUP], or a name\n"
    "                         in sim-hosts(5) (default -j: 64)\n"
    "      --slot NAME[=N]    set how many units the spool has of a slot (repeatable)\n"
    "      --drain            on SIGTERM finish what runs (the default); a second one hands it back\n"
    "      --hand-back        on SIGTERM hand back at once what runs\n"
    "      --format F         ndjson or table (default: table on a terminal)\n"
    "  -q, --quiet            results only, no events\n"
    "      --spool DIR        the spool (default $SIM_SPOOL)\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n";

void
runner_die(struct runner *r, struct err *e)
{
	db_rollback(r->sp.db);
	cli_die(e);
}

/* --- the loop ------------------------------------------------------------------------------------------------------------- */

static void
hand_back(struct runner *r)
{
	struct err e = {0};

	for (size_t i = 0; i < r->n; i++)
		if (limits_end_job(&r->sp, r->run[i].job, "hand-back", "its sim-run was stopped", r->id, &e) < 0)
			cli_warn("%s", e.msg);
}

void
runner_signals(struct runner *r)
{
	struct signalfd_siginfo si;

	while (read(r->sig_fd, &si, sizeof si) == (ssize_t)sizeof si) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		r->last_signal = (int)si.ssi_signo;
		if (r->drain == 0 && !r->hand_back_first) {
			r->drain = 1;
			if (r->n)
				cli_warn("finishing %zu running jobs; once more hands them back", r->n);
		} else if (r->drain < 2) {
			r->drain = 2;
			hand_back(r);
		}
	}
}

/* Every so often, and when something is due: limits of all jobs, dead keepers of other runners. */
static void
look_after(struct runner *r)
{
	int64_t now = spool_now(&r->sp), every = (int64_t)5 * 1000000000;
	struct err e = {0};

	if (r->next_due && now < r->next_due)
		return;
	if (recover_pass(&r->sp, r->self, 0, show_action, r, &e) < 0 || limits_pass(&r->sp, 0, &r->next_due, show_action, r, &e) < 0 ||
	    cli_orphans_apart(&r->sp, &e) < 0)
		runner_die(r, &e);
	if (r->at.on && site_hold(&r->host, &r->lead) > 0)
		r->connected = 1; /* one connection for all attempts; where it cannot be, each makes its own */
	if (!r->next_due || r->next_due > now + every)
		r->next_due = now + every;
	r->next_look = 1;
}

static int
wait_ms(struct runner *r)
{
	int64_t now = spool_now(&r->sp), at = r->next_due, ready = 0;
	struct err e = {0};

	if (claim_next_ready(&r->sp, &ready, &e) < 0)
		cli_die(&e);
	if (ready && ready < at)
		at = ready;
	for (size_t i = 0; i < r->n; i++)
		if (!r->run[i].keeper && at > now + 500000000)
			at = now + 500000000; /* adopted: nobody tells us */
	if (r->only && at > now + 1000000000)
		at = now + 1000000000;
	if (r->only && r->wanted_changed && at > r->wanted_next)
		at = r->wanted_next;
	if (ready && ready <= now)
		r->next_look = 1;
	return at <= now ? 1 : (int)((at - now + 999999) / 1000000);
}

static int
finished(struct runner *r)
{
	struct err e = {0};
	int64_t ready = 0;

	if (r->n)
		return 0;
	if (r->drain || (r->limit && r->claimed >= r->limit))
		return 1;
	if (r->wait)
		return 0;
	if (r->only)
		return wanted_settled(r) && !r->stdin_open;
	if (r->stdin_open)
		return 0;
	if (claim_next_ready(&r->sp, &ready, &e) < 0)
		cli_die(&e);
	return !ready || r->limit == 1;
}

static int
somebody_wrote(struct runner *r)
{
	struct err e = {0};
	int rc = db_changed(r->sp.db, &e);

	if (rc < 0)
		runner_die(r, &e);
	return rc;
}

static void
loop(struct runner *r)
{
	for (;;) {
		struct pollfd p[4] = {{.fd = r->ctl[0], .events = POLLIN}, {.fd = r->sig_fd, .events = POLLIN},
		                      {.fd = r->watch_fd, .events = POLLIN}, {.fd = r->stdin_open ? 0 : -1, .events = POLLIN}};
		int changed;

		look_after(r);
		if (r->stdin_open)
			wanted_read(r);
		/* with standard input open, nothing is claimed until it has said what is wanted */
		if (r->stdin_open && !r->only) {
			changed = 0;
			r->next_look = 0;
		} else {
			changed = step(r);
		}
		step_bury(r);
		r->wanted_changed |= changed || r->next_look;
		wanted_look(r);
		if (changed || r->next_look)
			continue;
		if (finished(r))
			return;
		poll(p, 4, wait_ms(r));
		if (p[2].revents) {
			spool_watched(r->watch_fd);
			r->next_look |= somebody_wrote(r); /* and not just this one */
		}
		runner_signals(r);
	}
}

/* --- beginning and end ------------------------------------------------------------------------------------------------------ */

static void
register_worker(struct runner *r)
{
	char path[PATH_MAX];
	unsigned char raw[6];
	struct err e = {0};

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		memcpy(raw, &(int64_t){clk_real_ns()}, sizeof raw);
	snprintf(r->id, sizeof r->id, "run-%02x%02x%02x%02x%02x%02x", raw[0], raw[1], raw[2], raw[3], raw[4], raw[5]);
	spool_path(&r->sp, path, sizeof path, "workers/%s", r->id);
	r->lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (r->lock_fd < 0 || flock(r->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		err_sys(&e, ERR_CANTCREAT, "cannot lock %s", path);
		cli_die(&e);
	}
	if (db_begin(r->sp.db, &e) < 0 ||
	    db_run(r->sp.db, &e, "INSERT INTO worker VALUES(?,?,?,?,?,NULL)", "sisii", r->id, (int64_t)getpid(), r->sp.boot, r->places,
	           spool_now(&r->sp)) < 0 || db_commit(r->sp.db, &e) < 0)
		runner_die(r, &e);
}

static void
unregister_worker(struct runner *r)
{
	char path[PATH_MAX];
	struct err e = {0};

	if (db_begin(r->sp.db, &e) < 0 || db_run(r->sp.db, &e, "DELETE FROM worker WHERE id=?", "s", r->id) < 0 || db_commit(r->sp.db, &e) < 0)
		db_rollback(r->sp.db);
	spool_path(&r->sp, path, sizeof path, "workers/%s", r->id);
	unlink(path);
}

static void
prepare(struct runner *r)
{
	struct err e = {0};
	struct stat st;
	sigset_t s;

	r->slice = fstat(1, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)1 << 30 : PIPE_BUF;
	sigemptyset(&s);
	sigaddset(&s, SIGTERM);
	sigaddset(&s, SIGINT);
	sigaddset(&s, SIGHUP);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, NULL);
	signal(SIGPIPE, SIG_IGN);
	r->sig_fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->sig_fd < 0 || pipe2(r->ctl, O_CLOEXEC | O_NONBLOCK) < 0) {
		err_sys(&e, ERR_OS, "cannot make pipes");
		cli_die(&e);
	}
	fcntl(r->ctl[1], F_SETPIPE_SZ, 1 << 20);
	r->watch_fd = spool_watch(&r->sp);
	cli_sibling("sim-engine", r->engine, sizeof r->engine);
	cli_sibling("sim-run", r->self, sizeof r->self);
	if (claim_wanted_init(&r->sp, &e) < 0)
		cli_die(&e);
	io_lines_init(&r->in, 0, RECORD_LINE_MAX);
	r->next_look = 1;
}

/* A keeper's own link to the spool, when its sim-run is dead: the same lines, recorded. */
static int
relay(struct runner *r)
{
	struct err e = {0};
	char *line;
	size_t n;
	long long job = 0, attempt = 0;
	int rc;

	prepare(r);
	while ((rc = io_lines_next(&r->in, &line, &n, &e)) > 0) {
		if (sscanf(line, "%lld %lld", &job, &attempt) != 2)
			continue;
		if (db_begin(r->sp.db, &e) < 0 || step_take_line(r, line, n, &e) < 0 || db_commit(r->sp.db, &e) < 0)
			runner_die(r, &e);
		buf_clear(&r->events);
		spool_wake(&r->sp);
	}
	/* its keeper has let go: what is to be recorded is, whether it said "end" or was killed */
	for (int i = 0; i < 100 && job; i++) {
		struct attempt_probe p;

		if (attempt_probe(&r->sp, job, attempt, &p, &e) < 0 || !p.keeper_locked)
			break;
		poll(NULL, 0, 10);
	}
	if (job && recover_job(&r->sp, job, attempt, r->self, show_action, r, &e) < 0)
		cli_die(&e);
	return 0;
}

static int
takes_stdin(void)
{
	struct stat st;

	return fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

static void
set_slot(struct runner *r, const char *arg)
{
	char name[64];
	size_t k = strcspn(arg, "=");
	int64_t n = 1;
	struct buf b = BUF_INIT;
	struct err e = {0};

	snprintf(name, sizeof name, "%.*s", (int)k, arg);
	if (arg[k] && num_parse_int(arg + k + 1, 0, 100000, &n) < 0)
		cli_usage("--slot: \"%s\" is not NAME or NAME=N", arg);
	if (slots_add(&b, name, &e) < 0)
		cli_die(&e);
	buf_free(&b);
	if (db_begin(r->sp.db, &e) < 0 || slots_set_capacity(&r->sp, name, n, &e) < 0 || db_commit(r->sp.db, &e) < 0)
		runner_die(r, &e);
}

static void
name_slot(char out[41], const char *what, const char *host)
{
	snprintf(out, 41, "%s@%.34s", what, host);
	for (char *p = out; (p = strpbrk(p, "=,")); p++)
		*p = '_';
}

static void
count_there(struct runner *r, const char *slot, int64_t n)
{
	struct err e = {0};

	if (db_begin(r->sp.db, &e) < 0 || slots_set_capacity(&r->sp, slot, n, &e) < 0 || db_commit(r->sp.db, &e) < 0)
		runner_die(r, &e);
}

/* Where no scheduler sees to it that a GPU, and the processors where their number is known, are not given away twice, the spool does. */
static void
count_slots_there(struct runner *r)
{
	const struct host *h = &r->host;

	if (h->kind != HOST_SSH)
		return;
	name_slot(r->at.gpu, "gpu", h->name);
	count_there(r, r->at.gpu, h->gpus < 0 ? 1 : h->gpus);
	if (h->cpus < 0)
		return;
	name_slot(r->at.cpu, "cpu", h->name);
	count_there(r, r->at.cpu, h->cpus);
}

/* A cron's PATH may lack them: said before a job has to wait for them. */
static void
need_command(const struct host *h)
{
	const char *name = h->host ? "ssh" : h->kind == HOST_SLURM ? "sbatch" : "pueue", *path = getenv("PATH");
	char at[PATH_MAX];
	struct err e = {0};

	for (const char *p = path && *path ? path : "/bin:/usr/bin"; *p; p += strcspn(p, ":"), p += *p == ':')
		if ((size_t)snprintf(at, sizeof at, "%.*s/%s", (int)strcspn(p, ":"), p, name) < sizeof at && access(at, X_OK) == 0)
			return;
	err_set(&e, ERR_UNAVAILABLE, "--on %s: %s is not in PATH", h->on, name);
	cli_die(&e);
}

/* A mistake in it is said at once; whether it can be reached, with each job. */
static void
know_host(struct runner *r)
{
	struct err e = {0};

	if (strlen(r->at.on) >= REMOTE_ON)
		cli_usage("--on: too long");
	if (host_find(&r->host, r->at.on, &e) < 0)
		cli_die(&e);
	need_command(&r->host);
	count_slots_there(r);
}

int
main(int argc, char **argv)
{
	enum { OPT_ONCE = 1000, OPT_LIMIT, OPT_SLOT, OPT_DRAIN, OPT_HAND_BACK, OPT_FORMAT, OPT_SPOOL, OPT_RELAY, OPT_ON };
	static const struct option longs[] = {{"jobs", required_argument, 0, 'j'}, {"all", no_argument, 0, 'a'},
	                                      {"once", no_argument, 0, OPT_ONCE}, {"limit", required_argument, 0, OPT_LIMIT}, {"wait", no_argument, 0, 'w'},
	                                      {"slot", required_argument, 0, OPT_SLOT}, {"drain", no_argument, 0, OPT_DRAIN},
	                                      {"hand-back", no_argument, 0, OPT_HAND_BACK},
	                                      {"format", required_argument, 0, OPT_FORMAT},
	                                      {"quiet", no_argument, 0, 'q'}, {"spool", required_argument, 0, OPT_SPOOL},
	                                      {"relay", no_argument, 0, OPT_RELAY}, {"on", required_argument, 0, OPT_ON}, {"help", no_argument, 0, 'h'},
	                                      {"version", no_argument, 0, 'V'}, {0, 0, 0, 0}};
	static struct runner r;
	const char *spool = NULL, *slot[64];
	int c, all = 0, is_relay = 0, nslots = 0;

	cli_start("sim-run");
	r.table = isatty(1);
	while ((c = getopt_long(argc, argv, "j:awqhV", longs, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (num_parse_int(optarg, 1, 4096, &r.places) < 0)
				cli_usage("-j: \"%s\" is not a number of jobs from 1 to 4096", optarg);
			break;
		case 'a': all = 1; break;
		case 'w': r.wait = 1; break;
		case 'q': r.quiet = 1; break;
		case OPT_ONCE: r.limit = 1; break;
		case OPT_LIMIT:
			if (num_parse_int(optarg, 1, INT64_MAX, &r.limit) < 0)
				cli_usage("--limit: \"%s\" is not a number of jobs from 1", optarg);
			break;
		case OPT_SLOT:
			if (nslots == 64)
				cli_usage("--slot: no more than 64");
			if (!*optarg)
				cli_usage("--slot: NAME or NAME=N is wanted");
			slot[nslots++] = optarg;
			break;
		case OPT_DRAIN: r.hand_back_first = 0; break;
		case OPT_HAND_BACK: r.hand_back_first = 1; break;
		case OPT_FORMAT: r.table = cli_format(optarg, "table ndjson") == CLI_TABLE; break;
		case OPT_SPOOL: spool = optarg; break;
		case OPT_RELAY: is_relay = 1; break;
		case OPT_ON:
			if (r.at.on)
				cli_usage("--on: one place; another sim-run may run beside this one");
			r.at.on = optarg;
			break;
		case 'h': return cli_help(usage);
		case 'V': return cli_version();
		default: cli_usage_hint();
		}
	}
	cli_spool_open(&r.sp, spool, is_relay ? SPOOL_WRITE : SPOOL_CREATE, "sim-run");
	if (is_relay)
		return relay(&r);
	if (!r.places)
		r.places = r.at.on ? PLACES_ELSEWHERE : proc_processors();
	if (r.at.on)
		know_host(&r);
	for (int i = 0; i < nslots; i++)
		set_slot(&r, slot[i]);
	prepare(&r);
	register_worker(&r);
	for (int i = optind; i < argc; i++)
		wanted_add(&r, cli_job_operand(&r.sp, argv[i]));
	r.stdin_open = !all && !r.wait && optind == argc && takes_stdin();
	loop(&r);
	unregister_worker(&r);
	if (r.at.on) {
		if (r.connected)
			site_let_go(&r.host, &r.lead);
		host_free(&r.host);
	}
	db_checkpoint(r.sp.db);
	spool_wake(&r.sp);
	spool_close(&r.sp);
	if (r.last_signal && r.drain)
		cli_reraise(r.last_signal);
	return r.failed ? ERR_NO : 0;
}
