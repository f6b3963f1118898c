/* cache: see cache.h. */
#include "base/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define TRAILER 32
#define FILE_MAX ((size_t)256 << 20)

/* FNV-1a, two of them with different primes and starts: against accidents, not against people, who are kept out by the mode. */
struct hash {
	uint64_t a, b;
};

static struct hash
hash_more(struct hash h, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++) {
		h.a = (h.a ^ s[i]) * 0x100000001b3u;
		h.b = (h.b ^ s[i]) * 0x9e3779b97f4a7c15u;
		h.b ^= h.b >> 29;
	}
	return h;
}

static const struct hash hash_start = {0xcbf29ce484222325u, 0x243f6a8885a308d3u};

void
cache_key(char out[CACHE_KEY_MAX], const char *const *piece, const size_t *nbytes, size_t n)
{
	struct hash h = hash_start;

	for (size_t i = 0; i < n; i++) {
		h = hash_more(h, piece[i], nbytes[i]);
		h = hash_more(h, &nbytes[i], sizeof nbytes[i]);
	}
	snprintf(out, CACHE_KEY_MAX, "%016llx%016llx", (unsigned long long)h.a, (unsigned long long)h.b);
}

static void
seal(char out[TRAILER + 1], const void *content, size_t n)
{
	struct hash h = hash_more(hash_start, content, n);

	/* 32 bytes of text: the sum, folded to 28 digits, and a mark */
	snprintf(out, TRAILER + 1, "SIM1%016llx%012llx", (unsigned long long)h.a, (unsigned long long)(h.b & 0xffffffffffffULL));
}

static int
make_folder(char *path)
{
	for (char *p = path + 1;; p++)
		if (*p == '/' || !*p) {
			char c = *p;

			*p = 0;
			if (mkdir(path, 0700) < 0 && errno != EEXIST) {
				*p = c;
				return -1;
			}
			*p = c;
			if (!c)
				return 0;
		}
}

int
cache_open(struct cache *c, struct err *e)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct stat st;

	*c = (struct cache){NULL, CACHE_LIMIT};
	if (asprintf(&c->dir, base && *base == '/' ? "%s/simspool" : "%s/.cache/simspool",
	             base && *base == '/' ? base : home && *home == '/' ? home : "/nonexistent") < 0)
		return err_nomem(e);
	if (make_folder(c->dir) < 0 || stat(c->dir, &st) < 0) {
		err_sys(e, ERR_CANTCREAT, "cannot make the cache folder %s", c->dir);
		cache_close(c);
		return -1;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022)) {
		err_set(e, ERR_CANTCREAT, "the cache folder %s is not ours alone: others could write to it", c->dir);
		cache_close(c);
		return -1;
	}
	return 0;
}

void
cache_close(struct cache *c)
{
	free(c->dir);
	c->dir = NULL;
}

/* Read and check; a file that does not fit its checksum is removed. */
static int
read_whole(const char *path, struct buf *b)
{
	char want[TRAILER + 1];
	struct stat st;

	buf_clear(b);
	if (stat(path, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022) || io_read_file(path, FILE_MAX, b, NULL) < 0)
		return 0;
	if (b->len >= TRAILER) {
		seal(want, b->s, b->len - TRAILER);
		if (!memcmp(want, b->s + b->len - TRAILER, TRAILER)) {
			b->len -= TRAILER;
			utimensat(AT_FDCWD, path, NULL, 0); /* it was of use: it stays longer */
			return 1;
		}
	}
	unlink(path);
	return 0;
}

int
cache_find(const struct cache *c, const char *key, const char *ext, char **path)
{
	struct buf b = BUF_INIT;
	int found;

	if (asprintf(path, "%s/%s.%s", c->dir, key, ext) < 0) {
		*path = NULL;
		return 0;
	}
	found = read_whole(*path, &b);
	buf_free(&b);
	if (!found) {
		free(*path);
		*path = NULL;
	}
	return found;
}

int
cache_get(const struct cache *c, const char *key, const char *ext, struct buf *out)
{
	char *path;
	int found = 0;

	if (asprintf(&path, "%s/%s.%s", c->dir, key, ext) >= 0) {
		found = read_whole(path, out);
		free(path);
	}
	return found;
}

/* --- the limit ------------------------------------------------------------------------------------------------- */

struct entry {
	char name[256];
	int64_t size;
	struct timespec used;
};

static int
by_age(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return x->used.tv_nsec < y->used.tv_nsec ? -1 : x->used.tv_nsec > y->used.tv_nsec;
}

static void
trim(const struct cache *c)
{
	DIR *d = opendir(c->dir);
	struct entry *v = NULL;
	struct dirent *f;
	size_t n = 0, cap = 0;
	int64_t total = 0;

	while (d && (f = readdir(d))) {
		struct stat st;

		if (f->d_name[0] == '.' || fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (n == cap) {
			struct entry *more = realloc(v, (cap = cap ? 2 * cap : 64) * sizeof *v);

			if (!more)
				break;
			v = more;
		}
		v[n].size = st.st_size;
		v[n].used = st.st_mtim;
		snprintf(v[n].name, sizeof v[n].name, "%s", f->d_name);
		total += v[n++].size;
	}
	if (total > c->limit) {
		qsort(v, n, sizeof *v, by_age);
		for (size_t i = 0; i + 1 < n && total > c->limit - c->limit / 5; i++)
			if (unlinkat(dirfd(d), v[i].name, 0) == 0)
				total -= v[i].size;
	}
	if (d)
		closedir(d);
	free(v);
}

int
cache_put(const struct cache *c, const char *key, const char *ext, const void *content, size_t n, struct err *e)
{
	struct io_atomic f;
	char end[TRAILER + 1], *path;

	if (asprintf(&path, "%s/%s.%s", c->dir, key, ext) < 0)
		return err_nomem(e);
	if (io_atomic_open(&f, path, e) < 0) {
		free(path);
		return -1;
	}
	free(path);
	f.mode = 0600;
	seal(end, content, n);
	if (io_write_all(f.fd, content, n) < 0 || io_write_all(f.fd, end, TRAILER) < 0) {
		err_sys(e, ERR_IO, "cannot write to the cache %s", c->dir);
		io_atomic_abort(&f);
		return -1;
	}
	if (io_atomic_commit(&f, e) < 0)
		return -1;
	trim(c);
	return 0;
}
