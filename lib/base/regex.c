/* regex: see regex.h. */
#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	int ngroups; /* of the last match, the whole counted */
};

void
regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_match_context_free(r->limits);
	pcre2_match_data_free(r->data);
	pcre2_code_free(r->code);
	free(r);
}

struct regex *
regex_new(const char *pattern, size_t npattern, int no_case)
{
	struct regex *r = calloc(1, sizeof *r);
	uint32_t options = PCRE2_UTF | PCRE2_UCP | (no_case ? PCRE2_CASELESS : 0);
	PCRE2_SIZE at;
	int error;

	if (!r)
		return NULL;
	r->code = pcre2_compile((PCRE2_SPTR)pattern, npattern, options, &error, &at, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (r->code)
		r->data = pcre2_match_data_create_from_pattern(r->code, NULL);
	if (!r->data || !r->limits) {
		regex_free(r);
		return NULL;
	}
	pcre2_set_match_limit(r->limits, 1000000);
	pcre2_set_heap_limit(r->limits, 65536); /* KiB */
	return r;
}

int
regex_match(struct regex *r, const char *s, size_t n, size_t from)
{
	uint32_t count = 0;
	int k = pcre2_match(r->code, (PCRE2_SPTR)s, n, from, 0, r->data, r->limits);

	r->ngroups = 0;
	if (k == PCRE2_ERROR_NOMATCH)
		return 0;
	if (k < 0)
		return -1;
	pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &count);
	r->ngroups = (int)count + 1;
	return r->ngroups;
}

int
regex_group(const struct regex *r, int i, size_t *at, size_t *end)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(r->data);

	if (i < 0 || i >= r->ngroups || v[2 * i] == PCRE2_UNSET)
		return -1;
	*at = v[2 * i];
	*end = v[2 * i + 1] < v[2 * i] ? v[2 * i] : v[2 * i + 1]; /* \K may set the start behind the end */
	return 0;
}

int
regex_replace(struct regex *r, const char *s, size_t n, size_t from, const char *replacement, size_t nreplacement, int all,
              struct buf *out)
{
	uint32_t options = PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH | (all ? PCRE2_SUBSTITUTE_GLOBAL : 0);
	size_t room = n + nreplacement + 64;

	for (int attempt = 0; attempt < 2; attempt++) {
		PCRE2_SIZE got = room;
		int k;

		if (buf_reserve(out, room + 1) < 0)
			return -1;
		k = pcre2_substitute(r->code, (PCRE2_SPTR)s, n, from, options, NULL, r->limits, (PCRE2_SPTR)replacement, nreplacement,
		                     (PCRE2_UCHAR *)(out->s + out->len), &got);
		if (k >= 0) {
			out->len += got;
			out->s[out->len] = '\0';
			return 0;
		}
		if (k != PCRE2_ERROR_NOMEMORY)
			return -1;
		room = got;
	}
	return -1;
}
