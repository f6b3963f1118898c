/*
 * cache: a folder of files named by their content's origin, safe to delete at any time.
 *
 *   $XDG_CACHE_HOME/simspool, else $HOME/.cache/simspool; mode 0700, and refused unless it is ours alone.
 *
 * A file appears whole or not at all, ends with a checksum of what comes before, and is dropped when that does not
 * fit. When the folder is beyond its limit the files longest unused go. Several processes may share it.
 */
#ifndef BASE_CACHE_H
#define BASE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define CACHE_LIMIT ((int64_t)256 << 20) /* bytes */
#define CACHE_KEY_MAX 40

struct cache {
	char *dir;
	int64_t limit;
};

int cache_open(struct cache *c, struct err *e);
void cache_close(struct cache *c);

/* Hexadecimal key of n pieces of text. */
void cache_key(char out[CACHE_KEY_MAX], const char *const *piece, const size_t *nbytes, size_t n);

/* 1 and the file's path in *path (malloc) if KEY.EXT is there and whole; 0 if not. What follows the content is 32 bytes. */
int cache_find(const struct cache *c, const char *key, const char *ext, char **path);
/* The content too. */
int cache_get(const struct cache *c, const char *key, const char *ext, struct buf *out);
int cache_put(const struct cache *c, const char *key, const char *ext, const void *content, size_t n, struct err *e);

#endif
