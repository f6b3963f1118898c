/* sha256: see sha256.h. FIPS 180-4, section 6.2. */
#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

/* Fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k256[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
	0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
	0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
	0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t
ror(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void
compress(struct sha256 *s, const unsigned char *p)
{
	uint32_t w[64], v[8];

	for (int t = 0; t < 16; t++, p += 4)
		w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	for (int t = 16; t < 64; t++)
		w[t] = (ror(w[t - 2], 17) ^ ror(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7] +
		       (ror(w[t - 15], 7) ^ ror(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
	memcpy(v, s->h, sizeof v);
	for (int t = 0; t < 64; t++) {
		uint32_t a = v[7] + (ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k256[t] + w[t];
		uint32_t b = (ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += a;
		v[0] = a + b;
	}
	for (int i = 0; i < 8; i++)
		s->h[i] += v[i];
}

void
sha256_init(struct sha256 *s)
{
	/* fractional parts of the square roots of the first 8 primes */
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(s->h, start, sizeof start);
	s->nbytes = 0;
}

void
sha256_add(struct sha256 *s, const void *p, size_t n)
{
	const unsigned char *b = p;
	size_t at = s->nbytes % 64;

	s->nbytes += n;
	while (n) {
		size_t k = 64 - at < n ? 64 - at : n;

		if (k == 64) {
			compress(s, b);
		} else {
			memcpy(s->block + at, b, k);
			at += k;
			if (at == 64) {
				compress(s, s->block);
				at = 0;
			}
		}
		b += k;
		n -= k;
	}
}

void
sha256_text(struct sha256 *s, char out[SHA256_TEXT])
{
	uint64_t nbits = s->nbytes * 8;
	unsigned char tail[8];

	for (int i = 0; i < 8; i++)
		tail[i] = (unsigned char)(nbits >> (56 - 8 * i));
	sha256_add(s, "\x80", 1);
	while (s->nbytes % 64 != 56)
		sha256_add(s, "", 1);
	sha256_add(s, tail, 8);
	for (int i = 0; i < 8; i++)
		snprintf(out + 8 * i, 9, "%08x", (unsigned)s->h[i]);
}

int
sha256_fd(int fd, char out[SHA256_TEXT], int64_t *nbytes)
{
	char b[65536];
	struct sha256 s;
	ssize_t n;

	sha256_init(&s);
	while ((n = io_read_full(fd, b, sizeof b)) > 0)
		sha256_add(&s, b, (size_t)n);
	if (n < 0)
		return -1;
	if (nbytes)
		*nbytes = (int64_t)s.nbytes;
	sha256_text(&s, out);
	return 0;
}

int
sha256_file(const char *path, char out[SHA256_TEXT], int64_t *nbytes, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
	struct stat st;

	if (fd < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_NOINPUT, "%s is no regular file", path);
	}
	rc = sha256_fd(fd, out, nbytes);
	if (rc < 0)
		err_sys(e, ERR_NOINPUT, "cannot read %s", path);
	close(fd);
	return rc;
}

int
sha256_is_text(const char *s)
{
	return strspn(s, "0123456789abcdef") == 64 && !s[64];
}
