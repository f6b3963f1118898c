/* fn_locale: texts of one country: ASC, DBCS, PHONETIC, BAHTTEXT, EUROCONVERT. Rows: functions/text.def. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/xl_round.h"

/* --- half and full width ------------------------------------------------------------------------------------------- */

/* Katakana U+FF61 to U+FF9F, in order, in full width. */
static const uint16_t katakana[] = {
    0x3002, 0x300c, 0x300d, 0x3001, 0x30fb, 0x30f2, 0x30a1, 0x30a3, 0x30a5, 0x30a7, 0x30a9, 0x30e3, 0x30e5, 0x30e7, 0x30c3, 0x30fc,
    0x30a2, 0x30a4, 0x30a6, 0x30a8, 0x30aa, 0x30ab, 0x30ad, 0x30af, 0x30b1, 0x30b3, 0x30b5, 0x30b7, 0x30b9, 0x30bb, 0x30bd, 0x30bf,
    0x30c1, 0x30c4, 0x30c6, 0x30c8, 0x30ca, 0x30cb, 0x30cc, 0x30cd, 0x30ce, 0x30cf, 0x30d2, 0x30d5, 0x30d8, 0x30db, 0x30de, 0x30df,
    0x30e0, 0x30e1, 0x30e2, 0x30e4, 0x30e6, 0x30e8, 0x30e9, 0x30ea, 0x30eb, 0x30ec, 0x30ed, 0x30ef, 0x30f3, 0x309b, 0x309c};
enum { KATAKANA = sizeof katakana / sizeof katakana[0], HALF0 = 0xff61, VOICED = 0xff9e, HALF_VOICED = 0xff9f };

/* The letters that take a voicing mark, which has its own character in full width: ka to to; ha to ho (both marks). */
static int
voiced(uint32_t full, uint32_t mark)
{
	int ka_to = (full >= 0x30ab && full <= 0x30c1 && (full & 1)) || full == 0x30c4 || full == 0x30c6 || full == 0x30c8;
	int ha_ho = full >= 0x30cf && full <= 0x30db && full % 3 == 0;

	if (mark == VOICED)
		return ka_to || ha_ho ? (int)full + 1 : full == 0x30a6 ? 0x30f4 : 0;
	return mark == HALF_VOICED && ha_ho ? (int)full + 2 : 0;
}

static void
put(struct buf *b, uint32_t cp)
{
	char s[4];

	buf_add(b, s, utf8_encode(cp, s));
}

static void
put_half(struct buf *b, uint32_t cp)
{
	if (cp == 0x3000 || (cp >= 0xff01 && cp <= 0xff5e)) {
		put(b, cp == 0x3000 ? ' ' : cp - 0xfee0);
		return;
	}
	for (uint32_t mark = 0; mark <= HALF_VOICED; mark = mark ? mark + 1 : VOICED)
		for (uint32_t i = 0; i < KATAKANA; i++)
			if ((mark ? (uint32_t)voiced(katakana[i], mark) : katakana[i]) == cp) {
				put(b, HALF0 + i);
				if (mark)
					put(b, mark);
				return;
			}
	put(b, cp);
}

void
fn_asc(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct text *t = args[0].u.text;
	struct buf b = BUF_INIT;
	size_t k;

	(void)call;
	(void)nargs;
	for (size_t i = 0; i < t->nbytes; i += k)
		put_half(&b, utf8_decode(t->s + i, t->nbytes - i, &k));
	fn_give_buf(ev, &b, out);
}

void
fn_dbcs(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct text *t = args[0].u.text;
	struct buf b = BUF_INIT;
	size_t k, next;

	(void)call;
	(void)nargs;
	for (size_t i = 0; i < t->nbytes; i += k) {
		uint32_t cp = utf8_decode(t->s + i, t->nbytes - i, &k);

		if (cp == ' ' || (cp > ' ' && cp < 0x7f)) {
			cp = cp == ' ' ? 0x3000 : cp + 0xfee0;
		} else if (cp >= HALF0 && cp < HALF0 + KATAKANA) {
			uint32_t mark = i + k < t->nbytes ? utf8_decode(t->s + i + k, t->nbytes - i - k, &next) : 0;

			cp = katakana[cp - HALF0];
			if (mark && voiced(cp, mark)) {
				cp = (uint32_t)voiced(cp, mark);
				k += next;
			}
		}
		put(&b, cp);
	}
	fn_give_buf(ev, &b, out);
}

/* Phonetic runs are not read: the text itself, as of a cell without. */
void
fn_phonetic(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct value v = args[0];

	(void)call;
	(void)nargs;
	if (v.kind == V_REF) {
		const struct area *a = &v.u.ref->area[0];

		v = eval_get(ev, a->sheet1, a->row1, a->col1);
	}
	*out = v.kind == V_TEXT || v.kind == V_ERROR ? v : v.kind == V_ARRAY ? value_error(XE_NA) : value_text(&ev->tmp, "", 0);
}

/* --- BAHTTEXT ----------------------------------------------------------------------------------------------------------- */

/* A whole number below a million; `more`: there are millions before it. */
static void
thai_group(struct buf *b, int64_t x, int more)
{
	static const char *const digit[] = {"", "หนึ่ง", "สอง", "สาม", "สี่", "ห้า", "หก", "เจ็ด", "แปด", "เก้า"};
	static const char *const place[] = {"", "สิบ", "ร้อย", "พัน", "หมื่น", "แสน"};
	int64_t unit = 100000;

	for (int p = 5; p >= 0; p--, unit /= 10) {
		int d = (int)(x / unit % 10);

		if (!d)
			continue;
		if (p == 1)
			buf_puts(b, d == 1 ? "" : d == 2 ? "ยี่" : digit[d]);
		else
			buf_puts(b, !p && d == 1 && (more || x > 1) ? "เอ็ด" : digit[d]);
		buf_puts(b, place[p]);
	}
}

static void
thai_number(struct buf *b, int64_t x)
{
	if (x >= 1000000) {
		thai_number(b, x / 1000000);
		buf_puts(b, "ล้าน");
		thai_group(b, x % 1000000, 1);
	} else {
		thai_group(b, x, 0);
	}
}

void
fn_bahttext(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double x = xl_round_digits(args[0].u.num, 2), whole = ks_floor(ks_abs(x));
	int satang = (int)ks_rint((ks_abs(x) - whole) * 100);
	struct buf b = BUF_INIT;

	(void)call;
	(void)nargs;
	if (whole >= 1e15) {
		*out = value_error(XE_VALUE);
		return;
	}
	buf_puts(&b, x < 0 ? "ลบ" : "");
	if (whole > 0 || !satang) {
		if (whole > 0)
			thai_number(&b, (int64_t)whole);
		else
			buf_puts(&b, "ศูนย์");
		buf_puts(&b, "บาท");
	}
	if (satang) {
		thai_group(&b, satang, 0);
		buf_puts(&b, "สตางค์");
	} else {
		buf_puts(&b, "ถ้วน");
	}
	fn_give_buf(ev, &b, out);
}

/* --- EUROCONVERT ------------------------------------------------------------------------------------------------------------ */

/* Fixed by the Council of the European Union, units for a euro; decimals that amounts are rounded to. */
static const struct currency {
	const char *code;
	double rate;
	int decimals;
} currencies[] = {
    {"EUR", 1, 2},        {"ATS", 13.7603, 2},  {"BEF", 40.3399, 0},  {"CYP", 0.585274, 2}, {"DEM", 1.95583, 2},
    {"EEK", 15.6466, 2},  {"ESP", 166.386, 0},  {"FIM", 5.94573, 2},  {"FRF", 6.55957, 2},  {"GRD", 340.75, 0},
    {"HRK", 7.5345, 2},   {"IEP", 0.787564, 2}, {"ITL", 1936.27, 0},  {"LTL", 3.4528, 2},   {"LUF", 40.3399, 0},
    {"LVL", 0.702804, 2}, {"MTL", 0.4293, 2},   {"NLG", 2.20371, 2},  {"PTE", 200.482, 0},  {"SIT", 239.64, 2},
    {"SKK", 30.126, 2},
};

static const struct currency *
currency_of(const struct value *v)
{
	for (size_t i = 0; i < sizeof currencies / sizeof currencies[0]; i++)
		if (!utf8_casecmp(v->u.text->s, v->u.text->nbytes, currencies[i].code, 3))
			return &currencies[i];
	return NULL;
}

static double
significant(double x, int digits)
{
	double p = 0;

	if (x == 0)
		return 0;
	for (double a = ks_abs(x); a >= 10; a /= 10)
		p++;
	for (double a = ks_abs(x); a < 1; a *= 10)
		p--;
	return xl_round_digits(x, digits - 1 - p);
}

/* Between two national currencies by way of the euro, which is rounded to `triangulation` significant digits if it is given. */
void
fn_euroconvert(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct currency *from = currency_of(&args[1]), *to = currency_of(&args[2]);
	int full = nargs > 3 && args[3].kind == V_BOOL && args[3].boolean;
	double digits = nargs > 4 && args[4].kind == V_NUM ? ks_trunc(args[4].u.num) : 0, x = args[0].u.num;

	(void)ev;
	(void)call;
	if (!from || !to || (nargs > 4 && digits < 3)) {
		*out = value_error(XE_VALUE);
		return;
	}
	if (from == to) {
		*out = args[0];
		return;
	}
	x = x / from->rate;
	if (digits >= 3 && from->rate != 1)
		x = significant(x, digits < 16 ? (int)digits : 15);
	x = x * to->rate;
	*out = value_num(full ? x : xl_round_digits(x, to->decimals));
}
