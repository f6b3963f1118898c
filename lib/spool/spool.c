/* spool: see spool.h. */
#include "spool/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/io.h"

/* --- the folder -------------------------------------------------------------------------------------------------- */

static char *
join(const char *a, const char *b)
{
	char *s;

	return asprintf(&s, "%s/%s", a, b) < 0 ? NULL : s;
}

/* Where it would be opened. Caller frees; NULL when memory is out. */
static char *
spool_default_path(void)
{
	const char *p = getenv("SIM_SPOOL"), *home;

	if (p && *p)
		return strdup(p);
	p = getenv("XDG_STATE_HOME");
	if (p && *p)
		return join(p, "simspool");
	if (geteuid() == 0)
		return strdup("/var/spool/simspool");
	home = getenv("HOME");
	if (!home || !*home) {
		struct passwd *pw = getpwuid(geteuid());

		home = pw ? pw->pw_dir : "/tmp";
	}
	return join(home, ".local/state/simspool");
}

/* Magic numbers of statfs(2) of file systems whose locks or write-ahead log cannot be trusted between machines. */
static const char *
network_name(const char *path)
{
	static const struct {
		uint32_t magic;
		const char *name;
	} table[] = {{0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB2"}, {0x517b, "SMB"}, {0x564c, "NCP"},
	             {0x5346414f, "AFS"}, {0x6b414653, "AFS"}, {0x73757245, "Coda"}, {0x01021997, "9P"},
	             {0x0bd00bd0, "Lustre"}, {0x00c36400, "Ceph"}, {0x47504653, "GPFS"}, {0x7461636f, "OCFS2"},
	             {0x01161970, "GFS2"}, {0x19830326, "BeeGFS"}};
	const char *stand_in = getenv("SIM_TEST_FSTYPE");
	struct statfs fs;

	if (stand_in && *stand_in)
		return stand_in;
	if (statfs(path, &fs) < 0)
		return NULL;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((uint32_t)fs.f_type == table[i].magic)
			return table[i].name;
	return NULL;
}

static int
make_folders(const char *path, struct err *e)
{
	char *s = strdup(path);
	int rc = 0;

	if (!s)
		return err_nomem(e);
	for (char *p = s + 1; !rc; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(s, 0700) < 0 && errno != EEXIST)
			rc = err_sys(e, ERR_CANTCREAT, "cannot create the spool folder %s", s);
		*p = c;
		if (!c)
			break;
	}
	free(s);
	return rc;
}

static int
check_folder(const char *root, enum spool_mode mode, struct err *e)
{
	const char *net;
	struct stat st;

	if (stat(root, &st) < 0)
		return err_sys(e, ERR_NOINPUT, "no spool at %s (sim-submit makes one; SIM_SPOOL or --spool names another)", root);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_DATA, "%s is no folder, so no spool", root);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_UNAVAILABLE, "the spool %s belongs to user %u, not to you: it is refused", root,
		               (unsigned)st.st_uid);
	if (st.st_mode & 077)
		return err_set(e, ERR_UNAVAILABLE, "the spool %s is open to other users (mode %03o): chmod 700 it", root,
		               (unsigned)st.st_mode & 0777);
	net = network_name(root);
	if (net)
		return err_set(e, ERR_UNAVAILABLE, "the spool %s lies on a network file system (%s), whose locks cannot be "
		               "trusted: choose a local folder with SIM_SPOOL", root, net);
	if (mode != SPOOL_READ && access(root, W_OK) < 0)
		return err_sys(e, ERR_IO, "cannot write to the spool %s", root);
	return 0;
}

static int
make_parts(const char *root, struct err *e)
{
	static const char *const part[] = {"jobs", "new", "workers"};
	char path[PATH_MAX];
	int fd;

	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", root, part[i]);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	}
	snprintf(path, sizeof path, "%s/wake", root);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
	close(fd);
	return 0;
}

/* --- the database ------------------------------------------------------------------------------------------------ */

static const char schema_rest[] =
    "CREATE TABLE spool(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE INDEX job_queue ON job(slots, priority DESC, turn, id) WHERE state=1 AND waiting=0;"
    "CREATE INDEX job_ready ON job(ready_at) WHERE state=1 AND waiting=1;"
    "CREATE INDEX job_over ON job(id) WHERE state=1 AND over=1;"
    "CREATE INDEX job_state ON job(state, parent);"
    "CREATE INDEX job_child ON job(parent, state);"
    "CREATE INDEX job_name ON job(name) WHERE name IS NOT NULL;"
    "CREATE INDEX job_limit ON job(id) WHERE state<5 AND (deadline_at>0 OR ttl_ns>0 OR kind=2);"
    "CREATE TABLE attempt(job INTEGER, n INTEGER, worker TEXT, boot TEXT, outcome TEXT, reason TEXT, started INTEGER,"
    " started_at INTEGER, ended INTEGER, ended_at INTEGER, status INTEGER, signal INTEGER, done INTEGER, taken INTEGER"
    " NOT NULL DEFAULT 0, PRIMARY KEY(job, n)) WITHOUT ROWID;"
    "CREATE TABLE slot(name TEXT PRIMARY KEY, capacity INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE hold(slot TEXT, unit INTEGER, job INTEGER NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY(slot, unit))"
    " WITHOUT ROWID;"
    "CREATE INDEX hold_job ON hold(job);"
    "CREATE TABLE dep(on_job INTEGER, job INTEGER, ok INTEGER NOT NULL, PRIMARY KEY(on_job, job)) WITHOUT ROWID;"
    "CREATE INDEX dep_job ON dep(job);"
    "CREATE TABLE env(job INTEGER, name TEXT, value TEXT NOT NULL, PRIMARY KEY(job, name)) WITHOUT ROWID;"
    "CREATE TABLE notify(job INTEGER PRIMARY KEY, url TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,"
    " until_at INTEGER NOT NULL DEFAULT 0, outcome TEXT);"
    "CREATE TABLE remote(job INTEGER, attempt INTEGER, host_name TEXT NOT NULL, id TEXT, state TEXT, node TEXT, note TEXT, gone INTEGER NOT NULL"
    " DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 1, PRIMARY KEY(job, attempt)) WITHOUT ROWID;"
    "CREATE INDEX remote_left ON remote(job) WHERE gone<2;"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, progress INTEGER NOT NULL DEFAULT 0,"
    " line TEXT NOT NULL);"
    "CREATE INDEX event_job ON event(job, progress);"
    "CREATE TABLE worker(id TEXT PRIMARY KEY, pid INTEGER, boot TEXT, places INTEGER, started_at INTEGER, ended_at INTEGER)"
    " WITHOUT ROWID;";

static int
make_schema(struct spool *sp, struct err *e)
{
	static const char job[] = "CREATE TABLE job("
#define COL(name, kind, def) #name " " def ","
#include "spool/job.def"
#undef COL
	                          "CHECK(state BETWEEN 0 AND 7));";
	unsigned char raw[16];
	char id[SPOOL_ID], version[64];

	if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
		return err_sys(e, ERR_OS, "cannot draw a random spool id");
	for (int i = 0; i < 16; i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
	snprintf(version, sizeof version, "PRAGMA user_version=%d", SPOOL_SCHEMA);
	if (db_script(sp->db, job, e) < 0 || db_script(sp->db, schema_rest, e) < 0)
		return -1;
	if (db_run(sp->db, e, "INSERT INTO spool VALUES('id',?),('boot',?),('offset',0),('vtime',0),('real',?),('at',?)", "ssii",
	           id, sp->boot, clk_real_ns(), clk_boot_ns()) < 0)
		return -1;
	return db_script(sp->db, version, e);
}

static int
spool_value(struct spool *sp, const char *name, char *out, size_t n, struct err *e)
{
	struct db_stmt *st = db_query(sp->db, e, "SELECT value FROM spool WHERE name=?", "s", name);
	int rc = st ? db_step(st, e) : -1;

	if (rc > 0)
		snprintf(out, n, "%s", db_text(st, 0) ? db_text(st, 0) : "");
	db_done(st);
	if (rc == 0)
		return err_set(e, ERR_DATA, "%s/spool.db lacks its %s: damaged", sp->root, name);
	return rc < 0 ? -1 : 0;
}

/* First of a new boot: spool time goes on from where it was last seen, by what the real clock says has passed. */
static int
continue_time(struct spool *sp, int write, struct err *e)
{
	int64_t real = 0, at = 0, passed, event_real = 0;

	if (db_get_int(sp->db, e, &real, "SELECT value FROM spool WHERE name='real'", "") < 0 ||
	    db_get_int(sp->db, e, &at, "SELECT value FROM spool WHERE name='at'", "") < 0 ||
	    db_get_int(sp->db, e, &event_real, "SELECT max(max(submitted,started,ended)) FROM job", "") < 0)
		return -1;
	if (event_real > real) {
		at += event_real - real;
		real = event_real;
	}
	passed = clk_real_ns() - real;
	sp->offset = at + (passed > 0 ? passed : 0) - clk_boot_ns();
	sp->rebooted = 1;
	if (!write)
		return 0;
	return db_run(sp->db, e, "REPLACE INTO spool VALUES('boot',?),('offset',?),('real',?),('at',?)", "siii", sp->boot,
	              sp->offset, clk_real_ns(), spool_now(sp)) < 0 ? -1 : 0;
}

static int
read_identity(struct spool *sp, struct err *e)
{
	char boot[PROC_BOOT];
	int64_t off;

	if (spool_value(sp, "id", sp->id, sizeof sp->id, e) < 0 || spool_value(sp, "boot", boot, sizeof boot, e) < 0)
		return -1;
	if (db_get_int(sp->db, e, &off, "SELECT value FROM spool WHERE name='offset'", "") < 0)
		return -1;
	sp->offset = off;
	return strcmp(boot, sp->boot) ? 1 : 0;
}

/* The one that makes the database, or waits for another that does, no longer than for a transaction. */
static int
lock_maker(const struct spool *sp, struct err *e)
{
	int64_t until = clk_boot_ns() + (int64_t)DB_WAIT_S * 1000000000;
	char path[PATH_MAX];
	int fd;

	if (spool_path(sp, path, sizeof path, "wake") < 0 || (fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
		return err_sys(e, ERR_CANTCREAT, "cannot open %s/wake", sp->root);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			err_sys(e, ERR_OS, "cannot lock %s", path);
			close(fd);
			return -1;
		}
		if (clk_boot_ns() > until) {
			close(fd);
			return err_set(e, ERR_TEMPFAIL, "another program has been making the spool %s for more than %d s; try again", sp->root,
			               DB_WAIT_S);
		}
		poll(NULL, 0, 1);
	}
	return fd;
}

static void
remove_db(const char *path)
{
	static const char *const tail[] = {"", "-wal", "-shm", "-journal"};
	char s[PATH_MAX + 16];

	for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++) {
		snprintf(s, sizeof s, "%s%s", path, tail[i]);
		unlink(s);
	}
}

static int
fill_db(struct spool *sp, const char *path, struct err *e)
{
	int rc = -1;

	sp->db = db_open(path, 1, 0, e);
	if (sp->db && db_begin(sp->db, e) == 0) {
		rc = make_schema(sp, e) < 0 || db_commit(sp->db, e) < 0 ? -1 : 0;
		if (rc < 0)
			db_rollback(sp->db);
		else
			db_checkpoint(sp->db);
	}
	db_close(sp->db);
	sp->db = NULL;
	return rc;
}

/* A spool whose database is gone is not an empty one: its jobs' numbers are taken. */
static int
has_jobs(const struct spool *sp)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int n = 0;

	if (spool_path(sp, path, sizeof path, "jobs") < 0 || !(dir = opendir(path)))
		return 0;
	while ((d = readdir(dir)))
		n |= d->d_name[0] >= '0' && d->d_name[0] <= '9';
	closedir(dir);
	return n;
}

/* Under another name first: nobody ever opens half of one, and of many that come at once one makes it. */
static int
make_db(struct spool *sp, const char *path, struct err *e)
{
	char tmp[PATH_MAX];
	int lock = lock_maker(sp, e), rc = -1;

	if (lock < 0)
		return -1;
	if (access(path, F_OK) == 0) {
		close(lock);
		return 0;
	}
	if (has_jobs(sp)) {
		close(lock);
		return err_set(e, ERR_DATA, "%s has jobs and no spool.db: put it back, or remove the whole spool to begin anew", sp->root);
	}
	if (spool_path(sp, tmp, sizeof tmp, "spool.db.new") < 0) {
		err_set(e, ERR_OS, "the path of the spool is too long");
	} else {
		remove_db(tmp); /* of one that was killed here */
		rc = fill_db(sp, tmp, e);
		if (rc == 0 && rename(tmp, path) < 0)
			rc = err_sys(e, ERR_CANTCREAT, "cannot create %s", path);
		if (rc == 0)
			rc = spool_sync_folder(sp->root, e);
		remove_db(tmp);
	}
	close(lock);
	return rc;
}

static int
open_db(struct spool *sp, enum spool_mode mode, struct err *e)
{
	char path[PATH_MAX];
	int64_t version = 0;
	int rc;

	if (spool_path(sp, path, sizeof path, "spool.db") < 0)
		return err_set(e, ERR_OS, "the path of the spool is too long");
	if (access(path, F_OK) < 0) {
		if (mode != SPOOL_CREATE)
			return err_sys(e, ERR_NOINPUT, "no spool at %s (sim-submit makes one; SIM_SPOOL or --spool names another)", sp->root);
		if (make_db(sp, path, e) < 0)
			return -1;
	}
	/* one that cannot be written can still be looked at */
	sp->db = db_open(path, 0, mode == SPOOL_READ && access(path, W_OK) < 0, e);
	if (!sp->db)
		return -1;
	if (db_get_int(sp->db, e, &version, "PRAGMA user_version", "") < 0)
		return -1;
	if (version != SPOOL_SCHEMA)
		return err_set(e, ERR_DATA, version ? "%s is a spool of another version of simspool" : "%s is no spool", path);
	rc = read_identity(sp, e);
	if (rc <= 0)
		return rc;
	if (mode == SPOOL_READ)
		return continue_time(sp, 0, e);
	if (db_begin(sp->db, e) < 0)
		return -1;
	rc = read_identity(sp, e);
	if (rc > 0)
		rc = continue_time(sp, 1, e);
	if (rc < 0 || db_commit(sp->db, e) < 0) {
		db_rollback(sp->db);
		return -1;
	}
	return 0;
}

static void
name_user(struct spool *sp)
{
	struct passwd *pw = getpwuid(geteuid());
	const char *user = pw ? pw->pw_name : getenv("USER");

	snprintf(sp->who, sizeof sp->who, "%s", user ? user : "unknown");
}

int
spool_open(struct spool *sp, const char *path, enum spool_mode mode, const char *program, struct err *e)
{
	char *given = path ? strdup(path) : spool_default_path();
	char full[PATH_MAX];

	memset(sp, 0, sizeof *sp);
	sp->program = program;
	if (!given)
		return err_nomem(e);
	if (mode == SPOOL_CREATE && make_folders(given, e) < 0)
		goto bad;
	if (!realpath(given, full)) {
		err_sys(e, ERR_NOINPUT, "no spool at %s (sim-submit makes one; SIM_SPOOL or --spool names another)", given);
		goto bad;
	}
	free(given);
	given = NULL;
	sp->root = strdup(full);
	if (!sp->root) {
		err_nomem(e);
		goto bad;
	}
	if (check_folder(sp->root, mode, e) < 0 || (mode == SPOOL_CREATE && make_parts(sp->root, e) < 0) ||
	    proc_boot_id(sp->boot, e) < 0 || open_db(sp, mode, e) < 0)
		goto bad;
	name_user(sp);
	return 0;
bad:
	free(given);
	spool_close(sp);
	return -1;
}

void
spool_close(struct spool *sp)
{
	db_close(sp->db);
	free(sp->root);
	sp->db = NULL;
	sp->root = NULL;
}

int64_t
spool_now(const struct spool *sp)
{
	return clk_boot_ns() + sp->offset;
}

int
spool_path(const struct spool *sp, char *out, size_t n, const char *fmt, ...)
{
	int k = snprintf(out, n, "%s/", sp->root);
	va_list ap;

	if (k < 0 || (size_t)k >= n)
		return -1;
	va_start(ap, fmt);
	k += vsnprintf(out + k, n - (size_t)k, fmt, ap);
	va_end(ap);
	return (size_t)k < n ? 0 : -1;
}

/* --- waking ------------------------------------------------------------------------------------------------------ */

void
spool_wake(const struct spool *sp)
{
	char path[PATH_MAX];

	if (spool_path(sp, path, sizeof path, "wake") == 0)
		utimensat(AT_FDCWD, path, NULL, 0);
}

int
spool_watch(const struct spool *sp)
{
	char path[PATH_MAX];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -1;
	if (spool_path(sp, path, sizeof path, "wake") < 0 || inotify_add_watch(fd, path, IN_ATTRIB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void
spool_watched(int fd)
{
	char b[4096];

	while (fd >= 0 && read(fd, b, sizeof b) > 0)
		;
}

/* --- folders ------------------------------------------------------------------------------------------------------ */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)f;
	return (type == FTW_DP || type == FTW_DNR ? rmdir(path) : unlink(path)) < 0 && errno != ENOENT ? -1 : 0;
}

int
spool_remove_tree(const char *path, struct err *e)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
		return err_sys(e, ERR_IO, "cannot remove %s", path);
	return 0;
}

int
spool_sync_folder(const char *path, struct err *e)
{
	return io_sync_folder(path) < 0 ? err_sys(e, ERR_IO, "cannot sync %s", path) : 0;
}
