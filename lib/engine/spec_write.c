/* spec_write: a spec as JSON text that spec_parse() reads back as the same: see spec.h. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "engine/spec.h"
#include "record/record.h"

/* --- data files ------------------------------------------------------------------------------------------------- */

/* The next file a formula names, as datafile.h has it: empirical("…" or discrete("…. Returns the text between the quotes. */
static const char *
next_file(const char *formula, size_t *n)
{
	for (const char *p = formula; *p; p++) {
		const char *q = !strncasecmp(p, "empirical(", 10) ? p + 10 : !strncasecmp(p, "discrete(", 9) ? p + 9 : NULL;

		if (!q)
			continue;
		q += strspn(q, " ");
		if (*q != '"')
			continue;
		*n = strcspn(q + 1, "\"");
		return q + 1;
	}
	return NULL;
}

/* The name of its copy in a job: the same path, the same name. */
static void
copy_name(const char *path, char out[40])
{
	uint64_t h = 14695981039346656037u;

	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211u;
	snprintf(out, 40, "data-%016llx.csv", (unsigned long long)h);
}

/* The formula with copies in the place of files; the files' paths are added to the JSON array. */
static int
put_formula(struct buf *b, const struct spec_input *in, struct buf *files)
{
	struct buf text = BUF_INIT;
	const char *at = in->formula, *name;
	size_t n;
	int rc;

	while (files && (name = next_file(at, &n))) {
		char path[PATH_MAX], full[PATH_MAX], copy[40];
		int k = snprintf(path, sizeof path, "%s%s%.*s", in->folder && name[0] != '/' ? in->folder : "", in->folder && name[0] != '/' ? "/" : "",
		                 (int)n, name);

		if (k < 0 || (size_t)k >= sizeof path || !realpath(path, full))
			break; /* it was read a moment ago; whoever copies it says what is wrong */
		copy_name(full, copy);
		buf_add(&text, at, (size_t)(name - at));
		buf_puts(&text, copy);
		buf_puts(files, files->len > 1 ? ",{" : "{");
		record_str(files, "path", full);
		record_str(files, "copy", copy);
		buf_putc(files, '}');
		at = name + n;
	}
	rc = buf_puts(&text, at);
	rc |= record_str(b, "formula", text.s ? text.s : "");
	buf_free(&text);
	return rc;
}

static void
write_inputs(struct buf *b, const struct spec *s, struct buf *files)
{
	buf_puts(b, ",\"inputs\":{");
	for (size_t i = 0; i < s->ninput; i++) {
		int again = 0;

		for (size_t k = i + 1; k < s->ninput; k++) /* the last word on a cell wins */
			again |= !strcmp(s->input[k].cell, s->input[i].cell);
		if (again)
			continue;
		if (b->s[b->len - 1] != '{')
			buf_putc(b, ',');
		record_quote(b, s->input[i].cell);
		buf_puts(b, ":{");
		put_formula(b, &s->input[i], files);
		if (s->input[i].name)
			record_str(b, "name", s->input[i].name);
		buf_putc(b, '}');
	}
	buf_putc(b, '}');
}

static void
write_correlations(struct buf *b, const struct spec *s)
{
	buf_puts(b, ",\"correlate\":[");
	for (size_t i = 0; i < s->ncorrelate; i++) {
		const struct spec_correlate *c = &s->correlate[i];

		buf_puts(b, i ? ",{\"inputs\":[" : "{\"inputs\":[");
		for (int k = 0; k < c->n; k++) {
			buf_puts(b, k ? "," : "");
			record_quote(b, c->cell[k]);
		}
		buf_putc(b, ']');
		if (c->range) {
			record_str(b, "matrix", c->range);
		} else if (!c->matrix) {
			record_num(b, "rank", c->rank);
		} else {
			buf_puts(b, ",\"matrix\":[");
			for (int k = 0; k < c->n * c->n; k++) {
				buf_puts(b, k % c->n ? "," : k ? "],[" : "[");
				record_number(b, c->matrix[k]);
			}
			buf_puts(b, "]]");
		}
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static void
write_targets(struct buf *b, const struct spec *s)
{
	buf_puts(b, ",\"targets\":[");
	for (size_t i = 0; i < s->ntarget; i++) {
		buf_puts(b, i ? ",{" : "{");
		record_str(b, "cell", s->target[i].cell);
		if (s->target[i].name)
			record_str(b, "name", s->target[i].name);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static void
write_sets(struct buf *b, const struct spec *s)
{
	buf_puts(b, ",\"set\":{");
	for (size_t i = 0; i < s->nset; i++) {
		int again = 0;

		for (size_t k = i + 1; k < s->nset; k++) /* the last word on a cell wins */
			again |= !strcmp(s->set[k].cell, s->set[i].cell);
		if (!again)
			record_str(b, s->set[i].cell, s->set[i].content);
	}
	buf_putc(b, '}');
}

int
spec_write(struct buf *b, const struct spec *s, struct buf *files)
{
	buf_puts(b, "{\"v\":1");
	if (s->ninput)
		write_inputs(b, s, files);
	if (s->ntarget)
		write_targets(b, s);
	if (s->nset)
		write_sets(b, s);
	if (s->ncorrelate)
		write_correlations(b, s);
	if (s->trials)
		record_int(b, "trials", s->trials);
	if (s->last && (s->first || s->last != s->trials)) {
		char slice[64];

		snprintf(slice, sizeof slice, "%lld..%lld", (long long)s->first, (long long)s->last);
		record_str(b, "slice", slice);
	}
	if (s->has_seed)
		record_u64(b, "seed", s->seed);
	if (s->xlrisk)
		record_str(b, "dialect", "xlrisk");
	return buf_puts(b, "}\n");
}
