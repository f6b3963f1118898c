/* utf8: see utf8.h. */
#include "base/utf8.h"

uint32_t
utf8_decode(const char *text, size_t n, size_t *len)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c = s[0];

	*len = 1;
	if (c < 0x80)
		return c;
	if (c >= 0xc2 && c <= 0xdf && n > 1 && (s[1] & 0xc0) == 0x80) {
		*len = 2;
		return (c & 0x1f) << 6 | (s[1] & 0x3f);
	}
	if (c >= 0xe0 && c <= 0xef && n > 2 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
		uint32_t cp = (c & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);

		if (cp >= 0x800 && (cp < 0xd800 || cp > 0xdfff)) {
			*len = 3;
			return cp;
		}
	}
	if (c >= 0xf0 && c <= 0xf4 && n > 3 && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80 &&
	    (s[3] & 0xc0) == 0x80) {
		uint32_t cp = (c & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 | (uint32_t)(s[2] & 0x3f) << 6 |
		              (s[3] & 0x3f);

		if (cp >= 0x10000 && cp <= 0x10ffff) {
			*len = 4;
			return cp;
		}
	}
	return c;
}

size_t
utf8_encode(uint32_t cp, char *out)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

int
utf8_valid(const char *s, size_t n)
{
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		utf8_decode(s + i, n - i, &len);
		if (len == 1 && (unsigned char)s[i] >= 0x80)
			return 0;
	}
	return 1;
}

size_t
utf8_units(const char *s, size_t n)
{
	size_t units = 0, len;

	for (size_t i = 0; i < n; i += len)
		units += utf8_decode(s + i, n - i, &len) >= 0x10000 ? 2 : 1;
	return units;
}

size_t
utf8_offset(const char *s, size_t n, size_t unit)
{
	size_t units = 0, len, i;

	for (i = 0; i < n && units < unit; i += len)
		units += utf8_decode(s + i, n - i, &len) >= 0x10000 ? 2 : 1;
	return i;
}

/* Ranges in which upper and lower case alternate, or stand a fixed distance apart. */
uint32_t
utf8_upper(uint32_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	if (c == 0xb5)
		return 0x39c;
	if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x3b1 && c <= 0x3cb && c != 0x3c2) ||
	    (c >= 0x430 && c <= 0x44f))
		return c - 32;
	if (c == 0xff)
		return 0x178;
	if (c == 0x131)
		return 'I';
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
	    (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) || (c >= 0x1e00 && c <= 0x1e95) ||
	    (c >= 0x1ea0 && c <= 0x1eff) || (c >= 0x1de && c <= 0x1ef) || (c >= 0x1f8 && c <= 0x21f))
		return c & ~1u;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e) || (c >= 0x1cd && c <= 0x1dc))
		return c & 1 ? c : c - 1;
	if (c == 0x17f)
		return 'S';
	if (c == 0x3c2)
		return 0x3a3;
	if (c == 0x3ac)
		return 0x386;
	if (c >= 0x3ad && c <= 0x3af)
		return c - 37;
	if (c == 0x3cc)
		return 0x38c;
	if (c == 0x3cd || c == 0x3ce)
		return c - 63;
	if (c >= 0x450 && c <= 0x45f)
		return c - 80;
	if (c >= 0x561 && c <= 0x586)
		return c - 48;
	if (c >= 0xff41 && c <= 0xff5a)
		return c - 32;
	return c;
}

uint32_t
utf8_lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab && c != 0x3a2) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c == 0x178)
		return 0xff;
	if (c == 0x130)
		return 'i';
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
	    (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) || (c >= 0x1e00 && c <= 0x1e95) ||
	    (c >= 0x1ea0 && c <= 0x1eff) || (c >= 0x1de && c <= 0x1ef) || (c >= 0x1f8 && c <= 0x21f))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e) || (c >= 0x1cd && c <= 0x1dc))
		return c & 1 ? c + 1 : c;
	if (c == 0x386)
		return 0x3ac;
	if (c >= 0x388 && c <= 0x38a)
		return c + 37;
	if (c == 0x38c)
		return 0x3cc;
	if (c == 0x38e || c == 0x38f)
		return c + 63;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if (c >= 0x531 && c <= 0x556)
		return c + 48;
	if (c >= 0xff21 && c <= 0xff3a)
		return c + 32;
	return c;
}

int
utf8_casecmp(const char *a, size_t na, const char *b, size_t nb)
{
	size_t i = 0, j = 0, len;

	while (i < na && j < nb) {
		uint32_t x = (unsigned char)a[i], y = (unsigned char)b[j];

		if (x < 0x80 && y < 0x80) {
			i++;
			j++;
		} else {
			x = utf8_decode(a + i, na - i, &len);
			i += len;
			y = utf8_decode(b + j, nb - j, &len);
			j += len;
		}
		x = utf8_lower(x);
		y = utf8_lower(y);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return i < na ? 1 : j < nb ? -1 : 0;
}
