/* slots: see slots.h. */
#include "spool/slots.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define NAME_MAX_BYTES 40

/* Walks "a=1,b=2": the next name and number; 0 at the end. */
static int
next_want(const char **p, char name[NAME_MAX_BYTES + 1], int64_t *n)
{
	size_t k = strcspn(*p, "=,");

	if (!**p || k > NAME_MAX_BYTES)
		return 0;
	memcpy(name, *p, k);
	name[k] = '\0';
	*p += k;
	*n = 1;
	if (**p == '=') {
		char *end;

		*n = strtoll(*p + 1, &end, 10);
		*p = end;
	}
	if (**p == ',')
		++*p;
	return 1;
}

static int
check_one(const char *s, size_t len, size_t *name_len, int64_t *n, struct err *e)
{
	const char *eq = memchr(s, '=', len);
	char number[32];

	*name_len = eq ? (size_t)(eq - s) : len;
	*n = 1;
	if (!*name_len || *name_len > NAME_MAX_BYTES)
		return err_set(e, ERR_USAGE, "a slot is NAME or NAME=N, not \"%.60s\"", s);
	for (size_t i = 0; i < *name_len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return err_set(e, ERR_USAGE, "a slot's name has letters, digits, - and _ only, not \"%.60s\"", s);
	if (eq) {
		snprintf(number, sizeof number, "%.*s", (int)(len - *name_len - 1), eq + 1);
		if (num_parse_int(number, 1, 100000, n) < 0)
			return err_set(e, ERR_USAGE, "slot \"%.60s\": a number of units from 1 is wanted", s);
	}
	return 0;
}

int
slots_add(struct buf *b, const char *text, struct err *e)
{
	while (*text) {
		size_t len = strcspn(text, ","), name_len;
		char name[NAME_MAX_BYTES + 1];
		int64_t n;

		if (check_one(text, len, &name_len, &n, e) < 0)
			return -1;
		snprintf(name, sizeof name, "%.*s", (int)name_len, text);
		if (b->len && slots_want(b->s, name))
			return err_set(e, ERR_USAGE, "slot %s is asked for twice", name);
		if (buf_printf(b, "%s%s=%lld", b->len ? "," : "", name, (long long)n) < 0)
			return err_nomem(e);
		text += len;
		text += *text == ',';
	}
	return 0;
}

int64_t
slots_want(const char *canonical, const char *name)
{
	char one[NAME_MAX_BYTES + 1];
	int64_t n;

	for (const char *p = canonical; next_want(&p, one, &n);)
		if (!strcmp(one, name))
			return n;
	return 0;
}

int
slots_set_capacity(struct spool *sp, const char *name, int64_t n, struct err *e)
{
	return db_run(sp->db, e, "REPLACE INTO slot VALUES(?,?)", "si", name, n) < 0 ? -1 : 0;
}

static int64_t
gpus(void)
{
	DIR *d = opendir("/dev");
	struct dirent *de;
	int64_t n = 0;

	while (d && (de = readdir(d)))
		n += !strncmp(de->d_name, "nvidia", 6) && isdigit((unsigned char)de->d_name[6]);
	if (d)
		closedir(d);
	return n;
}

static int
capacity(struct spool *sp, const char *name, int64_t *n, struct err *e)
{
	int rc = db_get_int(sp->db, e, n, "SELECT capacity FROM slot WHERE name=?", "s", name);

	if (rc)
		return rc < 0 ? -1 : 0;
	*n = !strcmp(name, "cpu") ? proc_processors() : !strcmp(name, "gpu") ? gpus() : 1;
	return 0;
}

int
slots_fit(struct spool *sp, const char *canonical, char *why, size_t size, struct err *e)
{
	char name[NAME_MAX_BYTES + 1];
	int64_t want, have, used = 0, holder = 0;

	for (const char *p = canonical; next_want(&p, name, &want);) {
		if (capacity(sp, name, &have, e) < 0 ||
		    db_get_int(sp->db, e, &used, "SELECT count(*) FROM hold WHERE slot=?", "s", name) < 0)
			return -1;
		if (used + want <= have)
			continue;
		if (want > have)
			snprintf(why, size, "wants %lld of slot %s and there %s %lld", (long long)want, name, have == 1 ? "is" : "are",
			         (long long)have);
		else if (db_get_int(sp->db, e, &holder, "SELECT job FROM hold WHERE slot=? ORDER BY unit LIMIT 1", "s", name) < 0)
			return -1;
		else
			snprintf(why, size, "waits for slot %s: %lld of %lld held, by job %lld%s", name, (long long)used, (long long)have,
			         (long long)holder, used > 1 ? " and others" : "");
		return 0;
	}
	return 1;
}

int
slots_take(struct spool *sp, const char *canonical, int64_t job, int64_t attempt, struct buf *units, struct err *e)
{
	char name[NAME_MAX_BYTES + 1];
	int64_t want, have;

	for (const char *p = canonical; next_want(&p, name, &want);) {
		int64_t unit = 0, taken;
		const char *comma = "";

		if (capacity(sp, name, &have, e) < 0)
			return -1;
		buf_printf(units, "%s=", name);
		for (; want && unit < have; unit++) {
			taken = db_run(sp->db, e, "INSERT OR IGNORE INTO hold VALUES(?,?,?,?)", "siii", name, unit, job, attempt);
			if (taken < 0)
				return -1;
			if (!taken)
				continue;
			buf_printf(units, "%s%lld", comma, (long long)unit);
			comma = ",";
			want--;
		}
		buf_putc(units, '\n');
		if (want)
			return err_set(e, ERR_SOFTWARE, "slot %s was free and is not", name);
	}
	return 0;
}

void
slots_elsewhere(const char *canonical, const char *cpu, const char *gpu, char *out, size_t n)
{
	char name[NAME_MAX_BYTES + 1];
	int64_t want;
	size_t used = 0;

	out[0] = '\0';
	for (const char *p = canonical; used < n && next_want(&p, name, &want);) {
		const char *as = !strcmp(name, "cpu") ? cpu : !strcmp(name, "gpu") ? gpu : name;

		if (*as)
			used += (size_t)snprintf(out + used, n - used, "%s%s=%lld", used ? "," : "", as, (long long)want);
	}
}

int
slots_release(struct spool *sp, int64_t job, struct err *e)
{
	/* what may still run elsewhere holds what it has (remote.h) */
	return db_run(sp->db, e, "DELETE FROM hold WHERE job=?1 AND NOT EXISTS(SELECT 1 FROM remote r WHERE r.job=?1 AND r.attempt=hold.attempt AND "
	              "r.gone=0)", "i", job) < 0 ? -1 : 0;
}

int
slots_repair(struct spool *sp, struct err *e)
{
	return db_run(sp->db, e, "DELETE FROM hold WHERE NOT EXISTS(SELECT 1 FROM job WHERE job.id=hold.job AND job.state IN(2,3,4) "
	              "AND job.attempt=hold.attempt) AND NOT EXISTS(SELECT 1 FROM remote r WHERE r.job=hold.job AND r.attempt=hold.attempt AND "
	              "r.gone=0)", "");
}
