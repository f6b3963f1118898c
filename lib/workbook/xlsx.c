/*
 * xlsx: reads .xlsx and .xlsm into a struct workbook. Streaming: libzip gives bytes, expat gives elements, one handler a
 * part builds the tables. The only file that includes zip.h and expat.h.
 *
 * Requirements
 *  R1 no DOCTYPE, hence no entities;  R2 inflated bytes are counted: 2 GiB an entry, 4 GiB a file;  R3 every
 *  failure names the part and the line;  R4 parts are found through relationships, in either namespace;
 *  R5 missing r= attributes count on from the last cell; of a cell given twice the last wins.
 */
#include "workbook/workbook.h"

#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"

#define ENTRY_LIMIT ((uint64_t)2 << 30)
#define TOTAL_LIMIT ((uint64_t)4 << 30)

struct rel {
	const char *id, *type, *target; /* type: its last path element */
	int external;
};

struct rels {
	struct rel *v;
	size_t n, cap;
};

struct loader {
	struct workbook *wb;
	struct err *e;
	zip_t *zip;
	uint64_t inflated;
	const char **strings;
	size_t nstrings, strings_cap;
	int *style_format;      /* cellXfs index -> numFmtId */
	size_t nstyles, styles_cap;
	const char **fmt_code;  /* numFmtId -> code */
	size_t nfmt;
};

struct part {
	struct loader *l;
	XML_Parser xml;
	const char *name;
	void (*start)(struct part *p, const char *el, const char **attr);
	void (*end)(struct part *p, const char *el);
	struct buf text;        /* characters of the element in hand, where wanted */
	int want_text;
	int failed;
	void *ctx;
};

/* --- small helpers ------------------------------------------------------------------------------------------ */

static void *
more(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 64;
	v = realloc(v, *cap * size);
	if (!v)
		abort();
	return v;
}

static const char *
local(const char *name)
{
	const char *bar = strrchr(name, '|'); /* namespace|name */

	return bar ? bar + 1 : name;
}

static const char *
attr_of(const char **attr, const char *name)
{
	for (; *attr; attr += 2)
		if (!strcmp(local(*attr), name))
			return attr[1];
	return NULL;
}

static int
is_true(const char *s)
{
	return s && (!strcmp(s, "1") || !strcmp(s, "true") || !strcmp(s, "on"));
}

static int
fail(struct part *p, const char *why)
{
	if (!p->failed) {
		p->failed = 1;
		err_set(p->l->e, ERR_DATA, "%s: %s, line %lu: %s", p->l->wb->path, p->name,
		        (unsigned long)XML_GetCurrentLineNumber(p->xml), why);
		XML_StopParser(p->xml, XML_FALSE);
	}
	return -1;
}

/* --- one part through expat --------------------------------------------------------------------------------- */

static void XMLCALL
on_start(void *ctx, const char *el, const char **attr)
{
	struct part *p = ctx;

	if (!p->failed && p->start)
		p->start(p, local(el), attr);
}

static void XMLCALL
on_end(void *ctx, const char *el)
{
	struct part *p = ctx;

	if (!p->failed && p->end)
		p->end(p, local(el));
}

static void XMLCALL
on_text(void *ctx, const char *s, int n)
{
	struct part *p = ctx;

	if (p->want_text && !p->failed && buf_add(&p->text, s, (size_t)n) < 0)
		fail(p, "out of memory");
}

static void XMLCALL
on_doctype(void *ctx, const char *name, const char *sys, const char *pub, int internal)
{
	(void)name;
	(void)sys;
	(void)pub;
	(void)internal;
	fail(ctx, "a DOCTYPE is not allowed in a workbook");
}

/* Where a part is; some writers separate folders by backslashes. -1: nowhere. */
static zip_int64_t
locate(struct loader *l, const char *name)
{
	zip_int64_t at = zip_name_locate(l->zip, name, ZIP_FL_NOCASE);
	char *other;

	if (at >= 0)
		return at;
	other = arena_strdup(&l->wb->arena, name);
	for (char *p = other; (p = strchr(p, '/'));)
		*p = '\\';
	return zip_name_locate(l->zip, other, ZIP_FL_NOCASE);
}

/* 1 if read, 0 if there is no such part, -1 on failure. */
static int
read_part(struct loader *l, const char *name, void (*start)(struct part *, const char *, const char **),
          void (*end)(struct part *, const char *), void *ctx)
{
	struct part p = {.l = l, .name = name, .start = start, .end = end, .ctx = ctx};
	zip_int64_t at = locate(l, name);
	uint64_t entry = 0;
	zip_file_t *f;
	int rc = 1;

	if (at < 0)
		return 0;
	f = zip_fopen_index(l->zip, (zip_uint64_t)at, 0);
	if (!f) {
		const zip_error_t *ze = zip_get_error(l->zip);

		if (zip_error_code_zip(ze) == ZIP_ER_NOPASSWD)
			return err_set(l->e, ERR_DATA, "%s: %s is encrypted", l->wb->path, name);
		return err_set(l->e, ERR_DATA, "%s: damaged: cannot read %s: %s", l->wb->path, name,
		               zip_strerror(l->zip));
	}
	p.xml = XML_ParserCreateNS(NULL, '|');
	if (!p.xml) {
		zip_fclose(f);
		return err_nomem(l->e);
	}
	XML_SetUserData(p.xml, &p);
	XML_SetElementHandler(p.xml, on_start, on_end);
	XML_SetCharacterDataHandler(p.xml, on_text);
	XML_SetStartDoctypeDeclHandler(p.xml, on_doctype);
	for (;;) {
		void *b = XML_GetBuffer(p.xml, 65536);
		zip_int64_t n = b ? zip_fread(f, b, 65536) : -1;

		if (n < 0) {
			rc = err_set(l->e, ERR_DATA, "%s: damaged: %s: %s", l->wb->path, name,
			             b ? zip_file_strerror(f) : "out of memory");
			break;
		}
		entry += (uint64_t)n;
		l->inflated += (uint64_t)n;
		if (entry > ENTRY_LIMIT || l->inflated > TOTAL_LIMIT) {
			rc = err_set(l->e, ERR_DATA, "%s: %s inflates beyond the limit", l->wb->path, name);
			break;
		}
		if (XML_ParseBuffer(p.xml, (int)n, n == 0) == XML_STATUS_ERROR) {
			rc = -1;
			if (!p.failed)
				err_set(l->e, ERR_DATA, "%s: damaged: %s, line %lu: %s", l->wb->path, name,
				        (unsigned long)XML_GetCurrentLineNumber(p.xml),
				        XML_ErrorString(XML_GetErrorCode(p.xml)));
			break;
		}
		if (!n)
			break;
	}
	XML_ParserFree(p.xml);
	zip_fclose(f);
	buf_free(&p.text);
	return rc;
}

/* --- relationships -------------------------------------------------------------------------------------------- */

static void
rels_start(struct part *p, const char *el, const char **attr)
{
	struct rels *r = p->ctx;
	struct arena *a = &p->l->wb->arena;
	const char *id, *type, *target, *mode, *slash;

	if (strcmp(el, "Relationship"))
		return;
	id = attr_of(attr, "Id");
	type = attr_of(attr, "Type");
	target = attr_of(attr, "Target");
	mode = attr_of(attr, "TargetMode");
	if (!id || !type || !target)
		return;
	slash = strrchr(type, '/');
	r->v = more(r->v, r->n, &r->cap, sizeof *r->v);
	r->v[r->n++] = (struct rel){arena_strdup(a, id), arena_strdup(a, slash ? slash + 1 : type),
	                            arena_strdup(a, target), mode && !strcmp(mode, "External")};
}

/* "xl/worksheets/sheet1.xml" + "../tables/table1.xml" -> "xl/tables/table1.xml" */
static const char *
resolve(struct arena *a, const char *part, const char *target)
{
	char *path, *out, *save = NULL;
	const char *slash = strrchr(part, '/');
	char **seg;
	size_t n = 0;

	if (target[0] == '/')
		path = arena_strdup(a, target + 1);
	else
		path = arena_printf(a, "%.*s/%s", slash ? (int)(slash - part) : 0, part, target);
	seg = arena_alloc(a, (strlen(path) + 1) * sizeof *seg);
	out = arena_alloc(a, strlen(path) + 2);
	for (char *t = strtok_r(path, "/", &save); t; t = strtok_r(NULL, "/", &save)) {
		if (!strcmp(t, ".."))
			n -= n > 0;
		else if (strcmp(t, "."))
			seg[n++] = t;
	}
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (i)
			strcat(out, "/");
		strcat(out, seg[i]);
	}
	return out;
}

static int
read_rels(struct loader *l, const char *part, struct rels *r)
{
	const char *slash = strrchr(part, '/');
	const char *name = arena_printf(&l->wb->arena, "%.*s_rels/%s.rels", slash ? (int)(slash - part) + 1 : 0, part,
	                                slash ? slash + 1 : part);

	*r = (struct rels){0};
	return read_part(l, name, rels_start, NULL, r);
}

static const char *
rel_target(struct loader *l, const struct rels *r, const char *part, const char *id)
{
	for (size_t i = 0; id && i < r->n; i++)
		if (!strcmp(r->v[i].id, id) && !r->v[i].external)
			return resolve(&l->wb->arena, part, r->v[i].target);
	return NULL;
}

static const char *
rel_of_type(struct loader *l, const struct rels *r, const char *part, const char *type)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].type, type) && !r->v[i].external)
			return resolve(&l->wb->arena, part, r->v[i].target);
	return NULL;
}

/* --- text ------------------------------------------------------------------------------------------------------- */

static int
hex4(const char *s)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)s[i];

		v = v * 16 + (c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -65536);
	}
	return v < 0 ? -1 : v;
}

/* _x000D_ escapes of strings */
static const char *
unescape(struct arena *a, const char *s, size_t n)
{
	char *out = arena_alloc(a, n + 1);
	size_t k = 0;

	for (size_t i = 0; i < n;) {
		int v;

		if (s[i] == '_' && i + 7 <= n && s[i + 1] == 'x' && s[i + 6] == '_' && (v = hex4(s + i + 2)) > 0 &&
		    (v < 0xd800 || v > 0xdfff)) {
			k += utf8_encode((uint32_t)v, out + k);
			i += 7;
		} else {
			out[k++] = s[i++];
		}
	}
	out[k] = '\0';
	return out;
}

/* <si> or <is>: its <t> texts joined, phonetic runs left out */
struct rich {
	struct buf all;
	int phonetic, in_t;
};

static void
rich_start(struct part *p, struct rich *r, const char *el)
{
	if (!strcmp(el, "rPh"))
		r->phonetic++;
	else if (!strcmp(el, "t") && !r->phonetic) {
		r->in_t = 1;
		buf_clear(&p->text);
		p->want_text = 1;
	}
}

static void
rich_end(struct part *p, struct rich *r, const char *el)
{
	if (!strcmp(el, "rPh") && r->phonetic)
		r->phonetic--;
	else if (!strcmp(el, "t") && r->in_t) {
		r->in_t = 0;
		p->want_text = 0;
		if (buf_add(&r->all, p->text.s ? p->text.s : "", p->text.len) < 0)
			fail(p, "out of memory");
	}
}

/* <si>; <sstItem> before the format was a standard. */
static int
is_string_item(const char *el)
{
	return !strcmp(el, "si") || !strcmp(el, "sstItem");
}

static void
strings_start(struct part *p, const char *el, const char **attr)
{
	struct rich *r = p->ctx;

	(void)attr;
	if (is_string_item(el))
		buf_clear(&r->all);
	else
		rich_start(p, r, el);
}

static void
strings_end(struct part *p, const char *el)
{
	struct rich *r = p->ctx;
	struct loader *l = p->l;

	if (!is_string_item(el)) {
		rich_end(p, r, el);
		return;
	}
	l->strings = more(l->strings, l->nstrings, &l->strings_cap, sizeof *l->strings);
	l->strings[l->nstrings++] = unescape(&l->wb->arena, r->all.s ? r->all.s : "", r->all.len);
}

/* --- styles ------------------------------------------------------------------------------------------------------- */

static const char *
builtin_format(int id)
{
	static const char *const code[50] = {
	    [1] = "0", [2] = "0.00", [3] = "#,##0", [4] = "#,##0.00", [9] = "0%", [10] = "0.00%", [11] = "0.00E+00",
	    [12] = "# ?/?", [13] = "# ?\?/??", [14] = "m/d/yyyy", [15] = "d-mmm-yy", [16] = "d-mmm", [17] = "mmm-yy",
	    [18] = "h:mm AM/PM", [19] = "h:mm:ss AM/PM", [20] = "h:mm", [21] = "h:mm:ss", [22] = "m/d/yyyy h:mm",
	    [37] = "#,##0 ;(#,##0)", [38] = "#,##0 ;[Red](#,##0)", [39] = "#,##0.00;(#,##0.00)",
	    [40] = "#,##0.00;[Red](#,##0.00)", [45] = "mm:ss", [46] = "[h]:mm:ss", [47] = "mm:ss.0", [48] = "##0.0E+0",
	    [49] = "@"};

	return id > 0 && id < 50 && code[id] ? code[id] : "General";
}

struct styles {
	int in_cell_xfs;
};

static void
styles_start(struct part *p, const char *el, const char **attr)
{
	struct styles *st = p->ctx;
	struct loader *l = p->l;
	const char *id = attr_of(attr, "numFmtId"), *code = attr_of(attr, "formatCode");
	int64_t k = 0;

	if (!strcmp(el, "cellXfs"))
		st->in_cell_xfs = 1;
	if (id && num_parse_int(id, 0, 65535, &k) < 0)
		k = 0;
	if (!strcmp(el, "numFmt") && id && code) {
		if ((size_t)k >= l->nfmt) {
			l->fmt_code = realloc(l->fmt_code, ((size_t)k + 1) * sizeof *l->fmt_code);
			if (!l->fmt_code)
				abort();
			memset(l->fmt_code + l->nfmt, 0, ((size_t)k + 1 - l->nfmt) * sizeof *l->fmt_code);
			l->nfmt = (size_t)k + 1;
		}
		l->fmt_code[k] = arena_strdup(&l->wb->arena, code);
	}
	if (!strcmp(el, "xf") && st->in_cell_xfs) {
		l->style_format = more(l->style_format, l->nstyles, &l->styles_cap, sizeof *l->style_format);
		l->style_format[l->nstyles++] = (int)k;
	}
}

static void
styles_end(struct part *p, const char *el)
{
	struct styles *st = p->ctx;

	if (!strcmp(el, "cellXfs"))
		st->in_cell_xfs = 0;
}

/* A format that shows a date or a time: d m y h s outside quotes, escapes and brackets. */
static int
is_date_format(const char *f)
{
	for (; *f; f++) {
		if (*f == '"') {
			for (f++; *f && *f != '"'; f++)
				;
			if (!*f)
				return 0;
		} else if (*f == '\\' || *f == '_' || *f == '*') {
			if (f[1])
				f++;
		} else if (*f == '[') {
			if (strchr("hHmMsS", f[1]) && (f[2] == ']' || f[2] == f[1]))
				return 1;
			while (*f && *f != ']')
				f++;
			if (!*f)
				return 0;
		} else if (!strncasecmp(f, "General", 7)) {
			f += 6;
		} else if (strchr("dDmMyYhHsS", *f)) {
			return 1;
		} else if (*f == ';') {
			return 0;
		}
	}
	return 0;
}

static void
finish_styles(struct loader *l)
{
	struct workbook *wb = l->wb;

	wb->nnumber_formats = l->nstyles;
	wb->number_formats = ARENA_NEW(&wb->arena, const char *, l->nstyles + 1);
	for (size_t i = 0; i < l->nstyles; i++) {
		size_t id = (size_t)l->style_format[i];

		wb->number_formats[i] = id < l->nfmt && l->fmt_code[id] ? l->fmt_code[id] : builtin_format((int)id);
	}
}

/* --- the workbook part ---------------------------------------------------------------------------------------------- */

struct wb_reader {
	struct {
		const char *rid;
	} *ref;               /* by sheet */
	size_t nref, ref_cap, sheets_cap, names_cap;
	const char *name;     /* definedName in hand */
	int scope, hidden;
	const char **ext_rid;
	size_t next, ext_cap;
};

static void
wb_start(struct part *p, const char *el, const char **attr)
{
	struct wb_reader *r = p->ctx;
	struct workbook *wb = p->l->wb;
	struct arena *a = &wb->arena;
	const char *s;
	int64_t k;

	if (!strcmp(el, "sheet")) {
		struct sheet sh = {.index = (int)wb->nsheets, .row_max = -1, .col_max = -1};

		s = attr_of(attr, "name");
		sh.name = arena_strdup(a, s ? s : "");
		s = attr_of(attr, "state");
		sh.state = s && !strcmp(s, "hidden") ? SHEET_HIDDEN : s && !strcmp(s, "veryHidden") ? SHEET_VERY_HIDDEN : SHEET_VISIBLE;
		wb->sheets = more(wb->sheets, wb->nsheets, &r->sheets_cap, sizeof *wb->sheets);
		wb->sheets[wb->nsheets++] = sh;
		r->ref = more(r->ref, r->nref, &r->ref_cap, sizeof *r->ref);
		s = attr_of(attr, "id");
		r->ref[r->nref++].rid = s ? arena_strdup(a, s) : NULL;
	} else if (!strcmp(el, "workbookPr")) { /* there may be a second one, of an extension */
		s = attr_of(attr, "date1904");
		if (s)
			wb->date1904 = is_true(s);
	} else if (!strcmp(el, "calcPr")) {
		wb->iterate = is_true(attr_of(attr, "iterate"));
		s = attr_of(attr, "iterateCount");
		if (s && !num_parse_int(s, 1, 32767, &k))
			wb->iterate_count = (int)k;
		s = attr_of(attr, "iterateDelta");
		if (s)
			num_parse_double(s, strlen(s), &wb->iterate_delta);
		s = attr_of(attr, "fullPrecision");
		wb->full_precision = !s || is_true(s);
	} else if (!strcmp(el, "definedName")) {
		s = attr_of(attr, "name");
		r->name = s ? arena_strdup(a, s) : NULL;
		r->scope = -1;
		s = attr_of(attr, "localSheetId");
		if (s && !num_parse_int(s, 0, 65535, &k))
			r->scope = (int)k;
		r->hidden = is_true(attr_of(attr, "hidden"));
		buf_clear(&p->text);
		p->want_text = 1;
	} else if (!strcmp(el, "externalReference")) {
		s = attr_of(attr, "id");
		r->ext_rid = more(r->ext_rid, r->next, &r->ext_cap, sizeof *r->ext_rid);
		r->ext_rid[r->next++] = s ? arena_strdup(a, s) : NULL;
	}
}

static void
wb_end(struct part *p, const char *el)
{
	struct wb_reader *r = p->ctx;
	struct workbook *wb = p->l->wb;

	if (strcmp(el, "definedName"))
		return;
	p->want_text = 0;
	if (!r->name)
		return;
	wb->names = more(wb->names, wb->nnames, &r->names_cap, sizeof *wb->names);
	wb->names[wb->nnames++] = (struct defined_name){
	    .name = r->name, .sheet = r->scope, .hidden = r->hidden,
	    .formula = {.text = arena_strdup(&wb->arena, p->text.s ? p->text.s : ""), .nusers = 1}};
}

/* --- a worksheet --------------------------------------------------------------------------------------------------------- */

struct shared {
	int64_t si;
	struct formula_text *f;   /* text NULL until the master is met */
};

struct sheet_reader {
	struct sheet *s;
	size_t cap;
	int32_t row, col;         /* of the cell in hand */
	int in_cell, in_is, sorted;
	struct cell cell;
	char type;                /* n b e s(hared) i(nline) t(ext of a formula) d */
	struct buf value, formula;
	int has_value, has_formula;
	struct rich rich;
	char ftype;               /* 0 plain, s shared, a array, d data table */
	int64_t si;
	struct shared *shared;
	size_t nshared, shared_cap;
	size_t hidden_cap, merged_cap;
	int has_filter;           /* inside an autoFilter that sets nothing so far */
	struct cell_area filter;
	struct cell_area *arrays;
	size_t narrays, arrays_cap;
	const char **table_rid;
	size_t ntable, table_cap;
};

static int
parse_area(const char *s, struct cell_area *a)
{
	size_t n = a1_parse(s, &a->row1, &a->col1);

	if (!n)
		return -1;
	a->row2 = a->row1;
	a->col2 = a->col1;
	if (s[n] == '\0')
		return 0;
	if (s[n] != ':' || !a1_parse(s + n + 1, &a->row2, &a->col2))
		return -1;
	if (a->row2 < a->row1 || a->col2 < a->col1)
		return -1;
	return 0;
}

static void
add_filter(struct arena *arena, struct sheet *s, struct cell_area a)
{
	struct cell_area *all = arena_alloc(arena, (s->nfilters + 1) * sizeof *all);

	if (s->nfilters)
		memcpy(all, s->filters, s->nfilters * sizeof *all);
	all[s->nfilters++] = a;
	s->filters = all;
}

static void
cell_start(struct part *p, struct sheet_reader *r, const char **attr)
{
	const char *s = attr_of(attr, "r");
	int64_t k;

	if (s) {
		size_t n = a1_parse(s, &r->row, &r->col);

		if (!n || s[n]) {
			fail(p, arena_printf(&p->l->wb->arena, "bad cell address \"%.20s\"", s));
			return;
		}
	} else {
		r->col++;
	}
	if (r->row < 0 || r->col >= XL_MAX_COLS || r->row >= XL_MAX_ROWS) {
		fail(p, "cell outside the sheet");
		return;
	}
	r->cell = (struct cell){.row = r->row, .col = r->col};
	s = attr_of(attr, "s");
	if (s && !num_parse_int(s, 0, 1 << 20, &k))
		r->cell.style = (int32_t)k;
	if (attr_of(attr, "cm"))
		r->cell.flags |= CELL_DYNAMIC;
	if (attr_of(attr, "vm"))
		r->cell.flags |= CELL_RICH;
	s = attr_of(attr, "t");
	r->type = !s || !strcmp(s, "n") ? 'n' : !strcmp(s, "s") ? 's' : !strcmp(s, "b") ? 'b' :
	          !strcmp(s, "e") ? 'e' : !strcmp(s, "str") ? 't' : !strcmp(s, "inlineStr") ? 'i' :
	          !strcmp(s, "d") ? 'd' : 'n';
	r->in_cell = 1;
	r->has_value = r->has_formula = 0;
	r->ftype = 0;
	buf_clear(&r->value);
	buf_clear(&r->formula);
	buf_clear(&r->rich.all);
}

static void
formula_start(struct part *p, struct sheet_reader *r, const char **attr)
{
	const char *t = attr_of(attr, "t"), *ref = attr_of(attr, "ref"), *si = attr_of(attr, "si");

	r->has_formula = 1;
	r->ftype = !t ? 0 : !strcmp(t, "shared") ? 's' : !strcmp(t, "array") ? 'a' : !strcmp(t, "dataTable") ? 'd' : 0;
	r->si = -1;
	if (si && num_parse_int(si, 0, INT32_MAX, &r->si) < 0)
		r->si = -1;
	if (r->ftype == 'a') {
		if (!ref || parse_area(ref, &r->cell.array) < 0)
			r->cell.array = (struct cell_area){r->row, r->col, r->row, r->col};
		r->cell.flags |= CELL_ARRAY_MASTER;
	}
	buf_clear(&p->text);
	p->want_text = 1;
}

static void
sheet_start(struct part *p, const char *el, const char **attr)
{
	struct sheet_reader *r = p->ctx;
	const char *s;
	int64_t k;

	if (r->in_is) {
		rich_start(p, &r->rich, el);
		return;
	}
	if (!strcmp(el, "row")) {
		s = attr_of(attr, "r");
		if (s) {
			if (num_parse_int(s, 1, XL_MAX_ROWS, &k) < 0) {
				fail(p, "bad row number");
				return;
			}
			r->row = (int32_t)k - 1;
		} else {
			r->row++;
		}
		r->col = -1;
		if (is_true(attr_of(attr, "hidden"))) {
			struct sheet *sh = r->s;

			if (sh->nhidden_rows && sh->hidden_rows[sh->nhidden_rows - 1].row2 == r->row - 1) {
				sh->hidden_rows[sh->nhidden_rows - 1].row2 = r->row;
			} else {
				sh->hidden_rows = more(sh->hidden_rows, sh->nhidden_rows, &r->hidden_cap,
				                       sizeof *sh->hidden_rows);
				sh->hidden_rows[sh->nhidden_rows++] = (struct cell_area){r->row, 0, r->row, XL_MAX_COLS - 1};
			}
		}
	} else if (!strcmp(el, "c")) {
		cell_start(p, r, attr);
	} else if (r->in_cell && !strcmp(el, "f")) {
		formula_start(p, r, attr);
	} else if (r->in_cell && !strcmp(el, "v")) {
		buf_clear(&p->text);
		p->want_text = 1;
	} else if (r->in_cell && !strcmp(el, "is")) {
		r->in_is = 1;
	} else if (!strcmp(el, "mergeCell")) {
		struct cell_area a;

		s = attr_of(attr, "ref");
		if (s && !parse_area(s, &a)) {
			r->s->merged = more(r->s->merged, r->s->nmerged, &r->merged_cap, sizeof a);
			r->s->merged[r->s->nmerged++] = a;
		}
	} else if (!strcmp(el, "autoFilter")) {
		s = attr_of(attr, "ref");
		r->has_filter = s && !parse_area(s, &r->filter);
	} else if (!strcmp(el, "filterColumn") && r->has_filter) {
		r->has_filter = 0;
		add_filter(&p->l->wb->arena, r->s, r->filter);
	} else if (!strcmp(el, "tablePart")) {
		s = attr_of(attr, "id");
		r->table_rid = more(r->table_rid, r->ntable, &r->table_cap, sizeof *r->table_rid);
		r->table_rid[r->ntable++] = s ? arena_strdup(&p->l->wb->arena, s) : NULL;
	}
}

static struct formula_text *
new_formula(struct part *p, struct sheet_reader *r)
{
	struct formula_text *f = ARENA_NEW(&p->l->wb->arena, struct formula_text, 1);

	f->base_row = r->row;
	f->base_col = r->col;
	return f;
}

static struct formula_text *
shared_formula(struct part *p, struct sheet_reader *r)
{
	struct formula_text *f;

	for (size_t i = r->nshared; i-- > 0;) {
		if (r->shared[i].si != r->si)
			continue;
		f = r->shared[i].f;
		if (!r->formula.len || !f->text) /* a user, or the master at last */
			return f;
		break; /* the number is defined anew */
	}
	f = new_formula(p, r);
	r->shared = more(r->shared, r->nshared, &r->shared_cap, sizeof *r->shared);
	r->shared[r->nshared++] = (struct shared){r->si, f};
	return f;
}

static void
set_formula(struct part *p, struct sheet_reader *r)
{
	struct formula_text *f;
	struct arena *a = &p->l->wb->arena;

	if (r->ftype == 'd') { /* what-if table: its cached values are literals */
		r->cell.flags |= CELL_DATATABLE;
		return;
	}
	if (r->ftype == 's' && r->si >= 0) {
		f = shared_formula(p, r);
		if (r->formula.len) {
			f->text = arena_strndup(a, r->formula.s, r->formula.len);
			f->base_row = r->row;
			f->base_col = r->col;
		}
		r->cell.flags |= CELL_SHARED;
	} else {
		if (!r->formula.len)
			return;
		f = new_formula(p, r);
		f->text = arena_strndup(a, r->formula.s, r->formula.len);
	}
	f->nusers++;
	r->cell.formula = f;
	p->l->wb->nformula_cells++;
	if (r->ftype == 'a' && (r->cell.array.row1 != r->cell.array.row2 || r->cell.array.col1 != r->cell.array.col2)) {
		r->arrays = more(r->arrays, r->narrays, &r->arrays_cap, sizeof *r->arrays);
		r->arrays[r->narrays++] = r->cell.array;
	}
}

/* ISO 8601 date or time -> serial */
static int
iso_date(const char *s, int date1904, double *out)
{
	int y = 0, mo = 1, d = 1, h = 0, mi = 0, n = 0;
	double sec = 0, days = 0;
	int has_date = 0;

	if (sscanf(s, "%d-%d-%d%n", &y, &mo, &d, &n) == 3) {
		int64_t era, yy = y - (mo <= 2), doy = (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1;

		has_date = 1;
		era = (yy >= 0 ? yy : yy - 399) / 400;
		days = (double)(era * 146097 + (yy - era * 400) * 365 + (yy - era * 400) / 4 - (yy - era * 400) / 100 + doy -
		                719468 + 25569);
		if (days < 61)
			days -= 1;
		if (date1904)
			days -= 1462;
		s += n;
		if (*s == 'T' || *s == ' ')
			s++;
	}
	if (*s && sscanf(s, "%d:%d%n", &h, &mi, &n) == 2) {
		s += n;
		if (*s == ':')
			num_scan_double(s + 1, &sec);
	} else if (!has_date) {
		return -1;
	}
	*out = days + ((double)h * 3600 + (double)mi * 60 + sec) / 86400;
	return 0;
}

static void
set_value(struct part *p, struct sheet_reader *r)
{
	struct loader *l = p->l;
	struct cell *c = &r->cell;
	const char *s = r->value.s ? r->value.s : "";
	size_t n = r->value.len;
	int64_t k;

	if (r->type == 'i') {
		c->kind = CELL_TEXT;
		c->v.text = unescape(&l->wb->arena, r->rich.all.s ? r->rich.all.s : "", r->rich.all.len);
		return;
	}
	if (!r->has_value)
		return;
	while (n && strchr(" \t\r\n", s[0]) && r->type != 't')
		s++, n--;
	while (n && strchr(" \t\r\n", s[n - 1]) && r->type != 't')
		n--;
	switch (r->type) {
	case 's':
		if (!n)
			return;
		if (num_parse_int(arena_strndup(&l->wb->arena, s, n), 0, INT32_MAX, &k) < 0 || (size_t)k >= l->nstrings) {
			fail(p, "shared string number out of range");
			return;
		}
		c->kind = CELL_TEXT;
		c->v.text = l->strings[k];
		return;
	case 't':
		c->kind = CELL_TEXT;
		c->v.text = unescape(&l->wb->arena, s, n);
		return;
	case 'b':
		c->kind = CELL_BOOL;
		c->boolean = n && (s[0] == '1' || s[0] == 't' || s[0] == 'T');
		return;
	case 'e':
		c->error = (uint8_t)xl_error_parse(s, n);
		c->kind = CELL_ERROR;
		if (!c->error)
			c->error = XE_UNKNOWN;
		return;
	case 'd':
		if (!iso_date(s, l->wb->date1904, &c->v.num)) {
			c->kind = CELL_NUM;
			return;
		}
		/* fallthrough */
	default:
		if (!n)
			return;
		if (num_parse_double(s, n, &c->v.num) < 0) {
			enum xl_error e = xl_error_parse(s, n);

			if (e) { /* some writers leave t="e" out */
				c->kind = CELL_ERROR;
				c->error = (uint8_t)e;
				return;
			}
			fail(p, arena_printf(&l->wb->arena, "cell value \"%.30s\" is not a number", s));
			return;
		}
		c->kind = CELL_NUM;
	}
}

static void
cell_end(struct part *p, struct sheet_reader *r)
{
	struct sheet *s = r->s;
	struct cell *c = &r->cell;

	r->in_cell = 0;
	if (r->has_formula)
		set_formula(p, r);
	set_value(p, r);
	if (p->failed || (c->kind == CELL_EMPTY && !c->formula))
		return;
	if (c->formula && c->kind != CELL_EMPTY)
		c->flags |= CELL_HAS_CACHED;
	if ((size_t)c->style < p->l->nstyles && is_date_format(workbook_number_format(p->l->wb, c->style)))
		c->flags |= CELL_IS_DATE;
	s->cells = more(s->cells, s->ncells, &r->cap, sizeof *s->cells);
	if (s->ncells) {
		const struct cell *last = &s->cells[s->ncells - 1];

		if (last->row > c->row || (last->row == c->row && last->col >= c->col))
			r->sorted = 0;
	}
	s->cells[s->ncells++] = *c;
}

static void
sheet_end(struct part *p, const char *el)
{
	struct sheet_reader *r = p->ctx;

	if (r->in_is) {
		if (!strcmp(el, "is"))
			r->in_is = 0;
		else
			rich_end(p, &r->rich, el);
		return;
	}
	if (!r->in_cell)
		return;
	if (!strcmp(el, "c")) {
		cell_end(p, r);
	} else if (!strcmp(el, "v")) {
		p->want_text = 0;
		r->has_value = 1;
		buf_clear(&r->value);
		if (buf_add(&r->value, p->text.s ? p->text.s : "", p->text.len) < 0)
			fail(p, "out of memory");
	} else if (!strcmp(el, "f")) {
		p->want_text = 0;
		buf_clear(&r->formula);
		if (buf_add(&r->formula, p->text.s ? p->text.s : "", p->text.len) < 0)
			fail(p, "out of memory");
	}
}

static int
by_position(const void *x, const void *y)
{
	const struct cell *a = x, *b = y;

	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return a->col < b->col ? -1 : a->col > b->col;
}

/* Sort (keeping the last of duplicates), index rows, mark the parts of array formulas. */
static void
finish_sheet(struct workbook *wb, struct sheet_reader *r)
{
	struct sheet *s = r->s;
	size_t n = 0;

	if (!r->sorted && s->ncells) {
		struct cell *copy = malloc(s->ncells * sizeof *copy);

		if (!copy)
			abort();
		/* the reading order, for cells given twice, is kept in array.row1 while sorting */
		memcpy(copy, s->cells, s->ncells * sizeof *copy);
		for (size_t i = 0; i < s->ncells; i++)
			copy[i].array.row1 = copy[i].flags & CELL_ARRAY_MASTER ? copy[i].array.row1 : (int32_t)i;
		qsort(copy, s->ncells, sizeof *copy, by_position);
		for (size_t i = 0; i < s->ncells; i++) {
			if (n && !by_position(&s->cells[n - 1], &copy[i])) {
				int keep = copy[i].flags & CELL_ARRAY_MASTER || s->cells[n - 1].array.row1 < copy[i].array.row1;

				if (keep)
					s->cells[n - 1] = copy[i];
			} else {
				s->cells[n++] = copy[i];
			}
		}
		for (size_t i = 0; i < n; i++)
			if (!(s->cells[i].flags & CELL_ARRAY_MASTER))
				memset(&s->cells[i].array, 0, sizeof s->cells[i].array);
		s->ncells = n;
		free(copy);
	}
	if (!s->ncells) {
		s->row_min = s->col_min = 0;
		s->row_max = s->col_max = -1;
		return;
	}
	s->row_min = s->cells[0].row;
	s->row_max = s->cells[s->ncells - 1].row;
	s->col_min = XL_MAX_COLS;
	s->col_max = -1;
	s->row_start = ARENA_NEW(&wb->arena, size_t, (size_t)(s->row_max - s->row_min) + 2);
	for (size_t i = 0, row = 0; i < s->ncells; i++) { /* row_start[row]: the first cell at or after that row */
		for (; row <= (size_t)(s->cells[i].row - s->row_min); row++)
			s->row_start[row] = i;
		s->col_min = s->cells[i].col < s->col_min ? s->cells[i].col : s->col_min;
		s->col_max = s->cells[i].col > s->col_max ? s->cells[i].col : s->col_max;
	}
	s->row_start[s->row_max - s->row_min + 1] = s->ncells;
	for (size_t k = 0; k < r->narrays; k++) {
		const struct cell_area *a = &r->arrays[k];

		for (int32_t row = a->row1 > s->row_min ? a->row1 : s->row_min; row <= a->row2 && row <= s->row_max; row++)
			for (size_t i = s->row_start[row - s->row_min]; i < s->row_start[row - s->row_min + 1]; i++) {
				struct cell *c = &s->cells[i];

				if (c->col < a->col1 || c->col > a->col2 || (c->row == a->row1 && c->col == a->col1) || c->formula)
					continue;
				c->flags |= CELL_ARRAY_PART | CELL_HAS_CACHED;
				c->array = *a;
			}
	}
}

/* --- tables ---------------------------------------------------------------------------------------------------------------- */

struct table_reader {
	struct table t;
	size_t cap;
	int depth, filtered;
};

static void
table_start(struct part *p, const char *el, const char **attr)
{
	struct table_reader *r = p->ctx;
	struct arena *a = &p->l->wb->arena;
	const char *s;
	int64_t k;

	if (!strcmp(el, "table") && !r->t.name) { /* extensions hold elements of the same name */
		s = attr_of(attr, "displayName");
		if (!s)
			s = attr_of(attr, "name");
		r->t.name = arena_strdup(a, s ? s : "");
		s = attr_of(attr, "ref");
		if (!s || parse_area(s, &r->t.area) < 0) {
			fail(p, "table without a range");
			return;
		}
		r->t.header_rows = 1;
		s = attr_of(attr, "headerRowCount");
		if (s && !num_parse_int(s, 0, 1, &k))
			r->t.header_rows = (int)k;
		s = attr_of(attr, "totalsRowCount");
		if (s && !num_parse_int(s, 0, 1, &k))
			r->t.totals_rows = (int)k;
	} else if (!strcmp(el, "filterColumn")) {
		r->filtered = 1;
	} else if (!strcmp(el, "tableColumn")) {
		s = attr_of(attr, "name");
		r->t.columns = more(r->t.columns, r->t.ncolumns, &r->cap, sizeof *r->t.columns);
		r->t.columns[r->t.ncolumns++].name = unescape(a, s ? s : "", s ? strlen(s) : 0);
	}
}

static int
read_tables(struct loader *l, const char *part, const struct rels *rels, const struct sheet_reader *r)
{
	struct workbook *wb = l->wb;

	for (size_t i = 0; i < r->ntable; i++) {
		const char *name = rel_target(l, rels, part, r->table_rid[i]);
		struct table_reader t = {.t = {.sheet = r->s->index}};
		struct table *all;

		if (!name)
			continue;
		if (read_part(l, name, table_start, NULL, &t) < 0) {
			free(t.t.columns);
			return -1;
		}
		if (t.t.ncolumns) {
			struct table_column *c = arena_memdup(&wb->arena, t.t.columns, t.t.ncolumns * sizeof *c);

			free(t.t.columns);
			t.t.columns = c;
		}
		if (t.filtered)
			add_filter(&wb->arena, r->s, t.t.area);
		all = ARENA_NEW(&wb->arena, struct table, wb->ntables + 1);
		if (wb->ntables)
			memcpy(all, wb->tables, wb->ntables * sizeof *all);
		all[wb->ntables++] = t.t;
		wb->tables = all;
	}
	return 0;
}

static int
read_sheet(struct loader *l, const char *part, struct sheet *s, struct rels *rels)
{
	struct sheet_reader r = {.s = s, .row = -1, .col = -1, .sorted = 1};
	int rc;

	rc = read_part(l, part, sheet_start, sheet_end, &r);
	if (rc == 0)
		rc = err_set(l->e, ERR_DATA, "%s: damaged: sheet \"%s\": %s is missing", l->wb->path, s->name, part);
	if (rc > 0) {
		s->is_worksheet = 1;
		for (size_t i = 0; i < r.nshared; i++)
			if (!r.shared[i].f->text)
				r.shared[i].f->text = "#REF!"; /* users without a master */
		finish_sheet(l->wb, &r);
		rc = read_tables(l, part, rels, &r);
	}
	free(r.shared);
	free(r.arrays);
	free(r.table_rid);
	buf_free(&r.value);
	buf_free(&r.formula);
	buf_free(&r.rich.all);
	return rc;
}

/* --- external links: cached cells of other workbooks ------------------------------------------------------------------------ */

struct ext_reader {
	struct external_book *b;
	size_t sheets_cap, names_cap, cap;
	struct sheet *s;
	struct cell cell;
	char type;
};

static void
ext_start(struct part *p, const char *el, const char **attr)
{
	struct ext_reader *r = p->ctx;
	const char *s;
	int64_t k;

	if (!strcmp(el, "sheetName")) {
		struct sheet sh = {.index = (int)r->b->nsheets, .row_max = -1, .col_max = -1, .is_worksheet = 1};

		s = attr_of(attr, "val");
		sh.name = arena_strdup(&p->l->wb->arena, s ? s : "");
		r->b->sheets = more(r->b->sheets, r->b->nsheets, &r->sheets_cap, sizeof sh);
		r->b->sheets[r->b->nsheets++] = sh;
	} else if (!strcmp(el, "definedName")) {
		struct external_name nm = {.sheet = -1};

		s = attr_of(attr, "name");
		nm.name = arena_strdup(&p->l->wb->arena, s ? s : "");
		s = attr_of(attr, "refersTo");
		nm.refers_to = arena_strdup(&p->l->wb->arena, s ? s + (*s == '=') : "");
		s = attr_of(attr, "sheetId");
		if (s && !num_parse_int(s, 0, 65535, &k))
			nm.sheet = (int)k;
		r->b->names = more(r->b->names, r->b->nnames, &r->names_cap, sizeof nm);
		r->b->names[r->b->nnames++] = nm;
	} else if (!strcmp(el, "sheetData")) {
		s = attr_of(attr, "sheetId");
		r->s = s && !num_parse_int(s, 0, 65535, &k) && (size_t)k < r->b->nsheets ? &r->b->sheets[k] : NULL;
		s = attr_of(attr, "refreshError");
		if (r->s && s && *s == '1')
			r->s->is_worksheet = 0;
		r->cap = r->s ? r->s->ncells : 0;
	} else if (!strcmp(el, "cell") && r->s) {
		r->s->is_worksheet = 1; /* what was kept counts, although it could not be refreshed */
		s = attr_of(attr, "r");
		r->cell = (struct cell){0};
		if (!s || !a1_parse(s, &r->cell.row, &r->cell.col))
			r->cell.row = -1;
		s = attr_of(attr, "t");
		r->type = s && !strcmp(s, "str") ? 't' : s && !strcmp(s, "b") ? 'b' : s && !strcmp(s, "e") ? 'e' : 'n';
	} else if (!strcmp(el, "v")) {
		buf_clear(&p->text);
		p->want_text = 1;
	}
}

static void
ext_end(struct part *p, const char *el)
{
	struct ext_reader *r = p->ctx;
	struct cell *c = &r->cell;
	const char *s = p->text.s ? p->text.s : "";

	if (!strcmp(el, "v")) {
		p->want_text = 0;
		if (r->type == 't') {
			c->kind = CELL_TEXT;
			c->v.text = unescape(&p->l->wb->arena, s, p->text.len);
		} else if (r->type == 'b') {
			c->kind = CELL_BOOL;
			c->boolean = s[0] == '1' || s[0] == 't';
		} else if (r->type == 'e') {
			c->kind = CELL_ERROR;
			c->error = (uint8_t)xl_error_parse(s, p->text.len);
		} else if (!num_parse_double(s, p->text.len, &c->v.num)) {
			c->kind = CELL_NUM;
		}
	} else if (!strcmp(el, "cell") && r->s && c->row >= 0 && c->kind != CELL_EMPTY) {
		r->s->cells = more(r->s->cells, r->s->ncells, &r->cap, sizeof *r->s->cells);
		r->s->cells[r->s->ncells++] = *c;
	}
}

static int
read_externals(struct loader *l, const char *part, const struct rels *rels, const struct wb_reader *w)
{
	struct workbook *wb = l->wb;

	wb->externals = ARENA_NEW(&wb->arena, struct external_book, w->next + 1);
	for (size_t i = 0; i < w->next; i++) {
		const char *name = rel_target(l, rels, part, w->ext_rid[i]);
		struct external_book *b = &wb->externals[wb->nexternals++];
		struct ext_reader r = {.b = b};
		struct rels own;

		b->target = "";
		if (!name)
			continue;
		if (read_rels(l, name, &own) < 0)
			return -1;
		if (own.n)
			b->target = own.v[0].target;
		free(own.v);
		if (read_part(l, name, ext_start, ext_end, &r) < 0)
			return -1;
		for (size_t k = 0; k < b->nsheets; k++) {
			struct sheet_reader sr = {.s = &b->sheets[k]};

			finish_sheet(wb, &sr);
		}
	}
	return 0;
}

/* --- the file ------------------------------------------------------------------------------------------------------------------- */

static void
app_start(struct part *p, const char *el, const char **attr)
{
	(void)attr;
	buf_clear(&p->text);
	p->want_text = !strcmp(el, "Application");
}

static void
app_end(struct part *p, const char *el)
{
	if (!strcmp(el, "Application"))
		p->l->wb->application = arena_strdup(&p->l->wb->arena, p->text.s ? p->text.s : "");
	p->want_text = 0;
}

static uint64_t
mix64(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

/* Two independent FNV-1a hashes over 8-byte words; and what kind of file it is by its first bytes. */
static int
look_at_file(struct workbook *wb, struct err *e)
{
	int fd = open(wb->path, O_RDONLY | O_CLOEXEC);
	unsigned char head[65536];
	uint64_t h[2] = {0xcbf29ce484222325u, 0x9ae16a3b2f90404fu};
	struct stat st;
	ssize_t n;
	int first = 1, rc = 0;

	if (fd < 0)
		return err_sys(e, ERR_NOINPUT, "cannot open %s", wb->path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_NOINPUT, "cannot read %s: it is a folder", wb->path);
	}
	while ((n = read(fd, head, sizeof head)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if (first) {
			static const unsigned char ole[8] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
			static const char marker[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

			if (n >= 8 && !memcmp(head, ole, 8)) {
				/* the directory of a compound file names its streams in UTF-16 */
				ssize_t got = n;
				int encrypted = memmem(head, (size_t)got, marker, sizeof marker - 1) != NULL;

				while (!encrypted && (got = read(fd, head, sizeof head)) > 0)
					encrypted = memmem(head, (size_t)got, marker, sizeof marker - 1) != NULL;
				rc = err_set(e, ERR_DATA, encrypted
				             ? "%s: encrypted workbook: remove its password in the spreadsheet program first"
				             : "%s: old binary workbook (.xls): save it as .xlsx first", wb->path);
				break;
			}
			if (n < 4 || memcmp(head, "PK\3\4", 4)) {
				rc = err_set(e, ERR_DATA, "%s: not a workbook: no .xlsx or .xlsm file begins like this", wb->path);
				break;
			}
			first = 0;
		}
		for (ssize_t i = 0; i < n; i++) {
			h[0] = (h[0] ^ head[i]) * 0x100000001b3u;
			h[1] = (h[1] + head[i]) * 0x9e3779b97f4a7c15u;
		}
	}
	if (!rc && n < 0)
		rc = err_sys(e, ERR_IO, "cannot read %s", wb->path);
	else if (!rc && first)
		rc = err_set(e, ERR_DATA, "%s: empty file", wb->path);
	close(fd);
	wb->content_hash[0] = mix64(h[0]);
	wb->content_hash[1] = mix64(h[1] ^ h[1] >> 29);
	return rc;
}

/* The other kinds of zip that people try. */
static int
other_kind(struct loader *l)
{
	const char *what = "it has no workbook part";

	if (zip_name_locate(l->zip, "mimetype", 0) >= 0 || zip_name_locate(l->zip, "content.xml", 0) >= 0)
		what = "OpenDocument spreadsheet (.ods): save it as .xlsx first";
	else if (zip_name_locate(l->zip, "xl/workbook.bin", 0) >= 0)
		what = "binary workbook (.xlsb): save it as .xlsx first";
	else if (zip_name_locate(l->zip, "word/document.xml", 0) >= 0)
		what = "not a workbook: a word processor's document";
	return err_set(l->e, ERR_DATA, "%s: %s", l->wb->path, what);
}

static int
load_parts(struct loader *l)
{
	struct workbook *wb = l->wb;
	struct rels root = {0}, rels = {0};
	struct wb_reader w = {0};
	struct rich rich = {0};
	struct styles st = {0};
	const char *part, *p;
	int rc = -1;

	if (zip_name_locate(l->zip, "xl/workbook.bin", 0) >= 0)
		return other_kind(l);
	if (read_part(l, "_rels/.rels", rels_start, NULL, &root) < 0)
		goto out;
	part = rel_of_type(l, &root, "", "officeDocument");
	if (!part || locate(l, part) < 0)
		part = "xl/workbook.xml";
	if (locate(l, part) < 0) {
		other_kind(l);
		goto out;
	}
	p = rel_of_type(l, &root, "", "extended-properties");
	if (p && read_part(l, p, app_start, app_end, NULL) < 0)
		goto out;
	if (read_rels(l, part, &rels) < 0 || read_part(l, part, wb_start, wb_end, &w) < 0)
		goto out;
	if (!wb->nsheets) {
		err_set(l->e, ERR_DATA, "%s: damaged: %s names no sheets", wb->path, part);
		goto out;
	}
	wb->has_macros = rel_of_type(l, &rels, part, "vbaProject") != NULL;
	p = rel_of_type(l, &rels, part, "sharedStrings");
	if (p && read_part(l, p, strings_start, strings_end, &rich) < 0)
		goto out;
	p = rel_of_type(l, &rels, part, "styles");
	if (p && read_part(l, p, styles_start, styles_end, &st) < 0)
		goto out;
	finish_styles(l);
	for (size_t i = 0; i < wb->nsheets; i++) {
		struct rels own = {0};
		size_t k = 0;

		while (k < rels.n && (!w.ref[i].rid || strcmp(rels.v[k].id, w.ref[i].rid)))
			k++;
		if (k == rels.n && (!w.ref[i].rid || !*w.ref[i].rid)) { /* a module of macros, from an old workbook */
			wb->sheets[i].row_max = wb->sheets[i].col_max = -1;
			continue;
		}
		if (k == rels.n) {
			err_set(l->e, ERR_DATA, "%s: damaged: sheet \"%s\" has no part", wb->path, wb->sheets[i].name);
			goto out;
		}
		if (strcmp(rels.v[k].type, "worksheet")) {
			wb->sheets[i].row_max = wb->sheets[i].col_max = -1;
			continue;
		}
		p = resolve(&wb->arena, part, rels.v[k].target);
		if (read_rels(l, p, &own) < 0 || read_sheet(l, p, &wb->sheets[i], &own) < 0) {
			free(own.v);
			goto out;
		}
		free(own.v);
	}
	rc = read_externals(l, part, &rels, &w);
out:
	free(root.v);
	free(rels.v);
	free(w.ref);
	free(w.ext_rid);
	buf_free(&rich.all);
	return rc;
}

struct workbook *
workbook_load(const char *path, struct err *e)
{
	struct workbook *wb = calloc(1, sizeof *wb);
	struct loader l = {.wb = wb, .e = e};
	int ze, rc = -1;

	if (!wb) {
		err_nomem(e);
		return NULL;
	}
	wb->path = arena_strdup(&wb->arena, path);
	wb->application = "";
	wb->iterate_count = 100;
	wb->iterate_delta = 0.001;
	wb->full_precision = 1;
	if (look_at_file(wb, e) == 0) {
		l.zip = zip_open(path, ZIP_RDONLY, &ze);
		if (!l.zip) {
			zip_error_t err;

			zip_error_init_with_code(&err, ze);
			err_set(e, ERR_DATA, "%s: damaged: %s", path, zip_error_strerror(&err));
			zip_error_fini(&err);
		} else {
			rc = load_parts(&l);
			zip_discard(l.zip);
		}
	}
	free(l.strings);
	free(l.style_format);
	free(l.fmt_code);
	if (rc < 0) {
		workbook_free(wb);
		return NULL;
	}
	return wb;
}

static void
free_sheet(struct sheet *s)
{
	free(s->cells);
	free(s->hidden_rows);
	free(s->merged);
}

void
workbook_free(struct workbook *wb)
{
	if (!wb)
		return;
	for (size_t i = 0; i < wb->nsheets; i++)
		free_sheet(&wb->sheets[i]);
	for (size_t i = 0; i < wb->nexternals; i++) {
		for (size_t k = 0; k < wb->externals[i].nsheets; k++)
			free_sheet(&wb->externals[i].sheets[k]);
		free(wb->externals[i].sheets);
		free(wb->externals[i].names);
	}
	free(wb->sheets);
	free(wb->names);
	arena_free(&wb->arena);
	free(wb);
}
