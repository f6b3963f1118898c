/* inflate: see inflate.h. */
#include "call/inflate.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

#define PIECE (64 * 1024)

struct inflate {
	z_stream z;
	int gzip, raw; /* raw: "deflate" as some servers mean it, without zlib's head */
	int begun, ended;
	unsigned char out[PIECE];
};

int
inflate_new(struct inflate **z, const char *coding, struct err *e)
{
	struct inflate *s;
	int gzip = !strcasecmp(coding, "gzip") || !strcasecmp(coding, "x-gzip");

	*z = NULL;
	if (!*coding || !strcasecmp(coding, "identity"))
		return 0;
	if (!gzip && strcasecmp(coding, "deflate"))
		return err_set(e, ERR_DATA, "the Content-Encoding \"%.40s\" was not asked for", coding);
	s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem(e);
	s->gzip = gzip;
	if (inflateInit2(&s->z, gzip ? 16 + MAX_WBITS : MAX_WBITS) != Z_OK) {
		free(s);
		return err_nomem(e);
	}
	*z = s;
	return 0;
}

/* RFC 1950, 2.2: the first two bytes are a multiple of 31 and name method 8. Without them it is RFC 1951 alone; what begins
 * with one byte is told apart by the method. */
static void
look_for_head(struct inflate *s, const unsigned char *p, size_t n)
{
	if (s->gzip || ((p[0] & 0x0f) == 8 && (n < 2 || (p[0] * 256 + p[1]) % 31 == 0)))
		return;
	s->raw = inflateReset2(&s->z, -MAX_WBITS) == Z_OK;
}

int
inflate_feed(struct inflate *s, const void *p, size_t n, int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e)
{
	int rc;

	if (!n)
		return 0;
	if (!s->begun)
		look_for_head(s, p, n);
	s->begun = 1;
	s->z.next_in = (unsigned char *)(uintptr_t)p;
	s->z.avail_in = (unsigned)n;
	do {
		if (s->ended) { /* RFC 1952, 2.2: another member may follow; nothing else may */
			if (!s->gzip || inflateReset(&s->z) != Z_OK)
				return err_set(e, ERR_DATA, "bytes follow the end of the compressed body");
			s->ended = 0;
		}
		s->z.next_out = s->out;
		s->z.avail_out = PIECE;
		rc = inflate(&s->z, Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(e, rc == Z_MEM_ERROR ? ERR_OS : ERR_DATA, "the compressed body is damaged: %s", s->z.msg ? s->z.msg : zError(rc));
		s->ended = rc == Z_STREAM_END;
		if (s->z.avail_out < PIECE && sink(ctx, s->out, PIECE - s->z.avail_out))
			return 1;
	} while (s->z.avail_in || (!s->ended && !s->z.avail_out));
	return 0;
}

int
inflate_whole(const struct inflate *s)
{
	return !s->begun || s->ended;
}

void
inflate_free(struct inflate *s)
{
	if (!s)
		return;
	inflateEnd(&s->z);
	free(s);
}
