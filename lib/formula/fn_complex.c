/*
 * fn_complex: complex numbers, which a worksheet keeps as text: "3+4i". Rows: functions/engineering.def.
 *
 * The imaginary unit is i or j, the same in all arguments. Results have at most 15 digits, as General format gives them.
 */
#include <string.h>

#include "base/num.h"
#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "kernels/math.h"

struct cx {
	double re, im;
};

/* --- text to number and back -------------------------------------------------------------------------------------- */

/* A sign and digits at s; bytes taken. Where only the sign stands (before the unit) *x is 1 or -1 and *bare is set. */
static size_t
scan_part(const char *s, double *x, int *bare)
{
	size_t sign = *s == '+' || *s == '-', n;

	*x = 1;
	*bare = 0;
	n = s[sign] == '+' || s[sign] == '-' ? 0 : num_scan_double(s + sign, x);
	*bare = !n;
	if (*s == '-')
		*x = -*x;
	return sign + n;
}

/* 0, or the error kind. *unit keeps 'i' or 'j' where the text has one. */
static int
parse_text(const char *s, struct cx *z, char *unit)
{
	double x;
	int bare, parts = 0;

	z->re = z->im = 0;
	while (*s) {
		s += scan_part(s, &x, &bare);
		if (*s == 'i' || *s == 'j') {
			*unit = *s;
			z->im = x;
			return s[1] ? XE_NUM : 0;
		}
		if (bare || parts++ || (*s != '+' && *s != '-' && *s))
			return XE_NUM;
		z->re = x;
	}
	return parts ? 0 : XE_NUM;
}

static int
parse_value(const struct value *v, struct cx *z, char *unit)
{
	char u = 0;
	int e;

	*z = (struct cx){0, 0};
	switch (v->kind) {
	case V_NUM:
		z->re = v->u.num;
		return 0;
	case V_BLANK:
	case V_MISSING:
		return 0;
	case V_TEXT:
		e = parse_text(v->u.text->s, z, &u);
		if (!e && u && *unit && u != *unit)
			return XE_VALUE;
		*unit = u ? u : *unit;
		return e;
	case V_ERROR:
		return v->error;
	default:
		return XE_VALUE;
	}
}

static struct value
give(struct eval *ev, struct cx z, char unit)
{
	char re[40], im[40], text[96];
	size_t nre, nim, n = 0;

	if (!(ks_abs(z.re) < 1e308 * 10) || !(ks_abs(z.im) < 1e308 * 10))
		return value_error(XE_NUM);
	nre = value_format_general(z.re + 0.0, re);
	nim = value_format_general(z.im + 0.0, im);
	if (nim == 1 && *im == '0')
		return value_text(&ev->tmp, re, nre);
	if (nre != 1 || *re != '0') {
		memcpy(text, re, nre);
		n = nre;
		if (*im != '-')
			text[n++] = '+';
	}
	if (nim == 1 && *im == '1') {
		nim = 0;
	} else if (nim == 2 && im[0] == '-' && im[1] == '1') {
		nim = 1;
	}
	memcpy(text + n, im, nim);
	n += nim;
	text[n++] = unit ? unit : 'i';
	return value_text(&ev->tmp, text, n);
}

/* --- arithmetic ------------------------------------------------------------------------------------------------------ */

static struct cx
cx_mul(struct cx a, struct cx b)
{
	return (struct cx){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* 2^-k with the larger part of z times it near 1; 1 for zero. */
static double
unit_scale(struct cx z)
{
	double m = ks_abs(z.re) > ks_abs(z.im) ? ks_abs(z.re) : ks_abs(z.im);

	return m < 0x1p-1000 ? (m > 0 ? 0x1p1000 : 1) : m > 0x1p500 ? 0x1p-1000 : m < 0x1p-300 ? 0x1p500 : m > 0x1p200 ? 0x1p-300 : 1;
}

static struct cx
cx_div(struct cx a, struct cx b)
{
	double s = unit_scale(b), d;

	b.re *= s;
	b.im *= s;
	d = b.re * b.re + b.im * b.im;
	return (struct cx){(a.re * b.re + a.im * b.im) / d * s, (a.im * b.re - a.re * b.im) / d * s};
}

static double
cx_abs(struct cx z)
{
	double s = unit_scale(z), x = z.re * s, y = z.im * s;

	return ks_sqrt(x * x + y * y) / s;
}

/* Logarithm of |z| by one of kernels/'s logarithms; unit: that logarithm of e. */
static double
log_abs(struct cx z, double (*log)(double), double unit)
{
	double m = ks_abs(z.re), n = ks_abs(z.im);

	if (m < n) {
		double t = m;

		m = n;
		n = t;
	}
	if (m > 0.5 && m < 2)
		return 0.5 * unit * ks_log1p((m - 1) * (m + 1) + n * n);
	return log(m) + 0.5 * unit * ks_log1p(n / m * (n / m));
}

static double log_e(double x) { return ks_log(x); }
static double log_10(double x) { return ks_log10(x); }
static double log_2(double x) { return ks_log2(x); }

/* --- functions of one number; 0 or the error kind ------------------------------------------------------------------------ */

#define CX(name, ...) \
	static int cx_##name(struct cx z, struct cx *w) \
	{ \
		*w = (struct cx){__VA_ARGS__}; \
		return 0; \
	}
CX(conjugate, z.re, -z.im)
CX(exp, ks_exp(z.re) * ks_cos(z.im), z.im == 0 ? 0 : ks_exp(z.re) * ks_sin(z.im))
CX(sin, ks_sin(z.re) * ks_cosh(z.im), ks_cos(z.re) * ks_sinh(z.im))
CX(cos, ks_cos(z.re) * ks_cosh(z.im), -ks_sin(z.re) * ks_sinh(z.im))
CX(sinh, ks_sinh(z.re) * ks_cos(z.im), ks_cosh(z.re) * ks_sin(z.im))
CX(cosh, ks_cosh(z.re) * ks_cos(z.im), ks_sinh(z.re) * ks_sin(z.im))

#define CX_RECIPROCAL(name, of) \
	static int cx_##name(struct cx z, struct cx *w) \
	{ \
		struct cx d; \
		cx_##of(z, &d); \
		if (d.re == 0 && d.im == 0) \
			return XE_NUM; \
		*w = cx_div((struct cx){1, 0}, d); \
		return 0; \
	}
CX_RECIPROCAL(csc, sin)
CX_RECIPROCAL(sec, cos)
CX_RECIPROCAL(csch, sinh)
CX_RECIPROCAL(sech, cosh)

/* (s c + i sinh cosh) / (c^2 + sinh^2), with s and c exchanged for the cotangent; far from the axis the limit. */
static int
tangent(struct cx z, int co, struct cx *w)
{
	double s = ks_sin(z.re), c = ks_cos(z.re), h, d;

	if (ks_abs(z.im) > 20) {
		double e = ks_exp(-ks_abs(z.im));

		*w = (struct cx){4 * s * c * e * e, z.im > 0 ? 1 : -1};
	} else {
		h = ks_sinh(z.im);
		d = (co ? s * s : c * c) + h * h;
		if (d == 0)
			return XE_NUM;
		*w = (struct cx){s * c / d, h * ks_cosh(z.im) / d};
	}
	if (co)
		w->im = -w->im;
	return 0;
}

static int cx_tan(struct cx z, struct cx *w) { return tangent(z, 0, w); }
static int cx_cot(struct cx z, struct cx *w) { return tangent(z, 1, w); }

static int
logarithm(struct cx z, double (*log)(double), double unit, struct cx *w)
{
	if (z.re == 0 && z.im == 0)
		return XE_NUM;
	*w = (struct cx){log_abs(z, log, unit), unit * ks_atan2(z.im, z.re)};
	return 0;
}

static int cx_ln(struct cx z, struct cx *w) { return logarithm(z, log_e, 1, w); }
static int cx_log10(struct cx z, struct cx *w) { return logarithm(z, log_10, 0.43429448190325182765, w); }
static int cx_log2(struct cx z, struct cx *w) { return logarithm(z, log_2, 1.4426950408889634074, w); }

static int
cx_sqrt(struct cx z, struct cx *w)
{
	double a = ks_sqrt(cx_abs(z)), t = ks_atan2(z.im, z.re) / 2; /* by length and angle, as Excel: the root of -1 is 6E-17+i */

	*w = a == 0 ? z : (struct cx){a * ks_cos(t), a * ks_sin(t)};
	return 0;
}

/* Whole powers by squaring, so that whole numbers stay whole; else by angle and length. */
static int
cx_power(struct cx z, double p, struct cx *w)
{
	struct cx r = {1, 0}, l;

	if (z.re == 0 && z.im == 0) {
		*w = z;
		return p > 0 ? 0 : XE_NUM;
	}
	if (ks_trunc(p) == p && ks_abs(p) <= 1024) {
		for (int k = (int)ks_abs(p); k; k >>= 1) {
			if (k & 1)
				r = cx_mul(r, z);
			z = cx_mul(z, z);
		}
		*w = p < 0 ? cx_div((struct cx){1, 0}, r) : r;
		return 0;
	}
	logarithm(z, log_e, 1, &l);
	return cx_exp((struct cx){l.re * p, l.im * p}, w);
}

static const struct cx_function {
	const char *name;
	int (*fn)(struct cx z, struct cx *w);
} functions[] = {
    {"IMCONJUGATE", cx_conjugate}, {"IMEXP", cx_exp}, {"IMSIN", cx_sin}, {"IMCOS", cx_cos}, {"IMSINH", cx_sinh},
    {"IMCOSH", cx_cosh}, {"IMCSC", cx_csc}, {"IMSEC", cx_sec}, {"IMCSCH", cx_csch}, {"IMSECH", cx_sech},
    {"IMTAN", cx_tan}, {"IMCOT", cx_cot}, {"IMLN", cx_ln}, {"IMLOG10", cx_log10}, {"IMLOG2", cx_log2},
    {"IMSQRT", cx_sqrt},
};

void
fn_im_function(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const struct cx_function *f = functions;
	char unit = 0;
	struct cx z, w = {0, 0};
	int e = parse_value(&args[0], &z, &unit);

	(void)nargs;
	while (strcmp(f->name, call->u.call.fn->name))
		f++;
	if (!e)
		e = f->fn(z, &w);
	*out = e ? value_error(e) : give(ev, w, unit);
}

void
fn_complex(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const char *u = nargs > 2 && args[2].kind == V_TEXT && args[2].u.text->nbytes ? args[2].u.text->s : "i";

	(void)call;
	if (strcmp(u, "i") && strcmp(u, "j"))
		*out = value_error(XE_VALUE);
	else
		*out = give(ev, (struct cx){args[0].u.num, args[1].u.num}, *u);
}

/* IMREAL, IMAGINARY, IMABS, IMARGUMENT */
void
fn_im_part(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	const char *name = call->u.call.fn->name;
	char unit = 0;
	struct cx z;
	int e = parse_value(&args[0], &z, &unit);

	(void)ev;
	(void)nargs;
	if (!e && !strcmp(name, "IMARGUMENT") && z.re == 0 && z.im == 0)
		e = XE_DIV0;
	if (e)
		*out = value_error(e);
	else
		*out = value_num(!strcmp(name, "IMREAL")      ? z.re
		                 : !strcmp(name, "IMAGINARY") ? z.im
		                 : !strcmp(name, "IMABS")     ? cx_abs(z)
		                                              : ks_atan2(z.im, z.re));
}

/* IMSUB, IMDIV */
void
fn_im_two(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int divide = !strcmp(call->u.call.fn->name, "IMDIV");
	char unit = 0, other = 0;
	struct cx a, b;
	int e = parse_value(&args[0], &a, &unit);

	(void)nargs;
	if (!e)
		e = parse_value(&args[1], &b, &other);
	if (!e && unit && other && unit != other)
		e = XE_NUM; /* where IMSUM says #VALUE! */
	unit = unit ? unit : other;
	if (!e && divide && b.re == 0 && b.im == 0)
		e = XE_NUM;
	if (e)
		*out = value_error(e);
	else
		*out = give(ev, divide ? cx_div(a, b) : (struct cx){a.re - b.re, a.im - b.im}, unit);
}

void
fn_im_power(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	char unit = 0;
	struct cx z, w;
	int e = parse_value(&args[0], &z, &unit);

	(void)call;
	(void)nargs;
	if (!e)
		e = cx_power(z, args[1].u.num, &w);
	*out = e ? value_error(e) : give(ev, w, unit);
}

/* IMSUM, IMPRODUCT */
void
fn_im_list(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	int product = !strcmp(call->u.call.fn->name, "IMPRODUCT"), e = 0;
	struct cx t = {product, 0}, z;
	struct eval_walk w;
	struct value v;
	char unit = 0;

	for (int i = 0; i < nargs && !e; i++) {
		eval_walk_init(&w, args[i]);
		if (product && args[i].kind == V_REF && eval_to_scalar(ev, args[i]).kind == V_BLANK)
			t = (struct cx){0, 0}; /* an empty cell is 0 */
		while (!e && eval_walk_next(ev, &w, &v)) {
			e = parse_value(&v, &z, &unit);
			if (!e)
				t = product ? cx_mul(t, z) : (struct cx){t.re + z.re, t.im + z.im};
		}
	}
	*out = e ? value_error(e) : give(ev, t, unit);
}
