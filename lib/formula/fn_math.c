/*
 * fn_math: functions of arrays of numbers: SUMPRODUCT, matrices; and CONVERT.
 *
 * Matrix products add left to right from 0. Inverses and determinants come from one LU factorisation with row
 * pivoting; a pivot of exactly 0 is #NUM! (inverse) or determinant 0.
 */
#include <string.h>

#include "formula/eval_internal.h"
#include "formula/fn.h"
#include "formula/numform.h"
#include "kernels/xl_math.h"

static struct value
number(double x)
{
	return ks_abs(x) < XL_INF ? value_num(x) : value_error(XE_NUM);
}

/* Argument as an array; a scalar error, or what is no array, gives NULL with *out set. */
static struct array *
array_arg(struct eval *ev, struct value v, struct value *out)
{
	if (v.kind == V_ERROR) {
		*out = v;
		return NULL;
	}
	return v.kind == V_ARRAY ? v.u.array : eval_to_array(ev, v);
}

/* --- SUMPRODUCT ------------------------------------------------------------------------------------------ */

void
fn_sumproduct(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct array **a = arena_alloc(&ev->tmp, (size_t)nargs * sizeof *a);
	int64_t n;
	double s = 0;

	(void)call;
	for (int i = 0; i < nargs; i++) {
		a[i] = array_arg(ev, args[i], out);
		if (!a[i])
			return;
		if (a[i]->rows != a[0]->rows || a[i]->cols != a[0]->cols) {
			*out = value_error(XE_VALUE);
			return;
		}
	}
	n = (int64_t)a[0]->rows * a[0]->cols;
	for (int i = 0; i < nargs; i++)
		for (int64_t k = 0; k < n; k++)
			if (a[i]->v[k].kind == V_ERROR) {
				*out = a[i]->v[k];
				return;
			}
	for (int64_t k = 0; k < n; k++) {
		double p = a[0]->v[k].kind == V_NUM ? a[0]->v[k].u.num : 0;

		for (int i = 1; i < nargs; i++)
			p = p * (a[i]->v[k].kind == V_NUM ? a[i]->v[k].u.num : 0);
		s = s + p;
	}
	*out = number(s);
}

/* --- matrices ---------------------------------------------------------------------------------------------- */

struct matrix {
	int32_t rows, cols;
	double *x;
};

/* Numbers of an argument; what is no number is #VALUE!. 0, or -1 with *out set. */
static int
matrix_arg(struct eval *ev, struct value v, struct matrix *m, struct value *out)
{
	struct array *a = array_arg(ev, v, out);
	size_t n;

	if (!a)
		return -1;
	n = (size_t)a->rows * (size_t)a->cols;
	m->rows = a->rows;
	m->cols = a->cols;
	m->x = arena_alloc(&ev->tmp, n * sizeof *m->x);
	for (size_t i = 0; i < n; i++) {
		if (a->v[i].kind == V_ERROR) {
			*out = a->v[i];
			return -1;
		}
		if (a->v[i].kind != V_NUM) {
			*out = value_error(XE_VALUE);
			return -1;
		}
		m->x[i] = a->v[i].u.num;
	}
	return 0;
}

static struct value
matrix_value(struct eval *ev, const struct matrix *m)
{
	struct array *a = eval_new_array(ev, m->rows, m->cols);

	for (int64_t i = 0; i < (int64_t)m->rows * m->cols; i++)
		a->v[i] = number(m->x[i]);
	return eval_array_value(a);
}

void
fn_mmult(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct matrix a, b, c;

	(void)call;
	(void)nargs;
	if (matrix_arg(ev, args[0], &a, out) < 0 || matrix_arg(ev, args[1], &b, out) < 0)
		return;
	if (a.cols != b.rows) {
		*out = value_error(XE_VALUE);
		return;
	}
	c.rows = a.rows;
	c.cols = b.cols;
	c.x = arena_alloc(&ev->tmp, (size_t)c.rows * (size_t)c.cols * sizeof *c.x);
	for (int32_t i = 0; i < a.rows; i++)
		for (int32_t j = 0; j < b.cols; j++) {
			double s = 0;

			for (int32_t k = 0; k < a.cols; k++)
				s = s + a.x[(size_t)i * (size_t)a.cols + (size_t)k] *
				                b.x[(size_t)k * (size_t)b.cols + (size_t)j];
			c.x[(size_t)i * (size_t)c.cols + (size_t)j] = s;
		}
	*out = matrix_value(ev, &c);
}

/* In place: L below the diagonal, U on and above; perm[i] is the row that went to i. Returns the determinant. */
static double
lu(double *x, int32_t n, int32_t *perm)
{
	double det = 1;

	for (int32_t i = 0; i < n; i++)
		perm[i] = i;
	for (int32_t k = 0; k < n; k++) {
		int32_t p = k, t;

		for (int32_t i = k + 1; i < n; i++)
			if (ks_abs(x[(size_t)i * (size_t)n + (size_t)k]) > ks_abs(x[(size_t)p * (size_t)n + (size_t)k]))
				p = i;
		if (x[(size_t)p * (size_t)n + (size_t)k] == 0)
			return 0;
		if (p != k) {
			for (int32_t j = 0; j < n; j++) {
				double u = x[(size_t)k * (size_t)n + (size_t)j];

				x[(size_t)k * (size_t)n + (size_t)j] = x[(size_t)p * (size_t)n + (size_t)j];
				x[(size_t)p * (size_t)n + (size_t)j] = u;
			}
			t = perm[k];
			perm[k] = perm[p];
			perm[p] = t;
			det = -det;
		}
		det = det * x[(size_t)k * (size_t)n + (size_t)k];
		for (int32_t i = k + 1; i < n; i++) {
			double *row = x + (size_t)i * (size_t)n, f = row[k] / x[(size_t)k * (size_t)n + (size_t)k];

			row[k] = f;
			for (int32_t j = k + 1; j < n; j++)
				row[j] = row[j] - f * x[(size_t)k * (size_t)n + (size_t)j];
		}
	}
	return det;
}

/* A pivot this much smaller than the matrix is rounding: the matrix is singular. */
static int
nearly_singular(const double *x, int32_t n)
{
	double big = 0, small = XL_INF;

	for (int32_t i = 0; i < n; i++) {
		double d = ks_abs(x[(size_t)i * (size_t)n + (size_t)i]);

		big = d > big ? d : big;
		small = d < small ? d : small;
	}
	return small < big * 1e-16;
}

static int
square_arg(struct eval *ev, struct value v, struct matrix *m, struct value *out)
{
	if (matrix_arg(ev, v, m, out) < 0)
		return -1;
	if (m->rows == m->cols)
		return 0;
	*out = value_error(XE_VALUE);
	return -1;
}

void
fn_mdeterm(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct matrix m;

	(void)call;
	(void)nargs;
	if (square_arg(ev, args[0], &m, out) < 0)
		return;
	*out = number(lu(m.x, m.rows, arena_alloc(&ev->tmp, (size_t)m.rows * sizeof(int32_t))));
}

void
fn_minverse(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	struct matrix m, r;
	int32_t n, *perm;

	(void)call;
	(void)nargs;
	if (square_arg(ev, args[0], &m, out) < 0)
		return;
	n = m.rows;
	perm = arena_alloc(&ev->tmp, (size_t)n * sizeof *perm);
	if (lu(m.x, n, perm) == 0 || nearly_singular(m.x, n)) {
		*out = value_error(XE_NUM);
		return;
	}
	r = (struct matrix){n, n, arena_alloc(&ev->tmp, (size_t)n * (size_t)n * sizeof(double))};
	for (int32_t c = 0; c < n; c++) { /* solve for column c of the identity */
		for (int32_t i = 0; i < n; i++) {
			double s = perm[i] == c ? 1 : 0;

			for (int32_t j = 0; j < i; j++)
				s = s - m.x[(size_t)i * (size_t)n + (size_t)j] * r.x[(size_t)j * (size_t)n + (size_t)c];
			r.x[(size_t)i * (size_t)n + (size_t)c] = s;
		}
		for (int32_t i = n - 1; i >= 0; i--) {
			double s = r.x[(size_t)i * (size_t)n + (size_t)c];

			for (int32_t j = i + 1; j < n; j++)
				s = s - m.x[(size_t)i * (size_t)n + (size_t)j] * r.x[(size_t)j * (size_t)n + (size_t)c];
			r.x[(size_t)i * (size_t)n + (size_t)c] = s / m.x[(size_t)i * (size_t)n + (size_t)i];
		}
	}
	*out = matrix_value(ev, &r);
}

void
fn_munit(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double n = ks_trunc(args[0].u.num);
	struct array *a;

	(void)call;
	(void)nargs;
	if (!(n >= 1) || n > 2000) {
		*out = value_error(XE_VALUE);
		return;
	}
	a = eval_new_array(ev, (int32_t)n, (int32_t)n);
	for (int32_t i = 0; i < a->rows; i++)
		for (int32_t j = 0; j < a->cols; j++)
			a->v[(size_t)i * (size_t)a->cols + (size_t)j] = value_num(i == j);
	*out = eval_array_value(a);
}

/* --- CONVERT ----------------------------------------------------------------------------------------------------- */

/* value in the kind's base unit = (x + shift) * factor; metric: takes prefixes; area and volume prefixes by power. */
struct unit {
	const char *name;
	char kind;
	char metric; /* 0; 1 decimal prefixes; 2 decimal and binary (bits and bytes) */
	char power;
	double factor, shift;
};

#define INCH 0.0254
#define FOOT 0.3048
#define YARD 0.9144
#define MILE 1609.344
#define NMILE 1852.0
#define SFOOT (1200.0 / 3937.0)
#define POUND 453.59237
#define GALLON 3.785411784e-3
#define UKGALLON 4.54609e-3
#define G0 9.80665
#define LIGHTYEAR 9.4607304725808e15
#define PARSEC 3.0856775812815532e16

static const struct unit units[] = {
    /* mass, g */
    {"g", 'm', 1, 1, 1, 0}, {"sg", 'm', 0, 1, POUND * G0 / FOOT, 0}, {"lbm", 'm', 0, 1, POUND, 0},
    {"u", 'm', 1, 1, 1.660538782e-24, 0}, {"ozm", 'm', 0, 1, POUND / 16, 0}, {"grain", 'm', 0, 1, POUND / 7000, 0},
    {"cwt", 'm', 0, 1, POUND * 100, 0}, {"shweight", 'm', 0, 1, POUND * 100, 0}, {"uk_cwt", 'm', 0, 1, POUND * 112, 0},
    {"lcwt", 'm', 0, 1, POUND * 112, 0}, {"hweight", 'm', 0, 1, POUND * 112, 0}, {"stone", 'm', 0, 1, POUND * 14, 0},
    {"ton", 'm', 0, 1, POUND * 2000, 0}, {"uk_ton", 'm', 0, 1, POUND * 2240, 0}, {"LTON", 'm', 0, 1, POUND * 2240, 0},
    {"brton", 'm', 0, 1, POUND * 2240, 0},
    /* distance, m */
    {"m", 'l', 1, 1, 1, 0}, {"mi", 'l', 0, 1, MILE, 0}, {"Nmi", 'l', 0, 1, NMILE, 0}, {"in", 'l', 0, 1, INCH, 0},
    {"ft", 'l', 0, 1, FOOT, 0}, {"yd", 'l', 0, 1, YARD, 0}, {"ang", 'l', 1, 1, 1e-10, 0}, {"ell", 'l', 0, 1, 45 * INCH, 0},
    {"ly", 'l', 1, 1, LIGHTYEAR, 0}, {"parsec", 'l', 1, 1, PARSEC, 0}, {"pc", 'l', 1, 1, PARSEC, 0},
    {"Picapt", 'l', 0, 1, INCH / 72, 0}, {"Pica", 'l', 0, 1, INCH / 72, 0}, {"pica", 'l', 0, 1, INCH / 6, 0},
    {"survey_mi", 'l', 0, 1, SFOOT * 5280, 0},
    /* time, s */
    {"yr", 't', 0, 1, 31557600, 0}, {"day", 't', 0, 1, 86400, 0}, {"d", 't', 0, 1, 86400, 0}, {"hr", 't', 0, 1, 3600, 0},
    {"mn", 't', 0, 1, 60, 0}, {"min", 't', 0, 1, 60, 0}, {"sec", 't', 1, 1, 1, 0}, {"s", 't', 1, 1, 1, 0},
    /* pressure, Pa */
    {"Pa", 'p', 1, 1, 1, 0}, {"p", 'p', 1, 1, 1, 0}, {"atm", 'p', 1, 1, 101325, 0}, {"at", 'p', 1, 1, 101325, 0},
    {"mmHg", 'p', 1, 1, 133.322, 0}, {"psi", 'p', 0, 1, POUND * 1e-3 * G0 / (INCH * INCH), 0},
    {"Torr", 'p', 0, 1, 101325.0 / 760, 0},
    /* force, N */
    {"N", 'f', 1, 1, 1, 0}, {"dyn", 'f', 1, 1, 1e-5, 0}, {"dy", 'f', 1, 1, 1e-5, 0}, {"lbf", 'f', 0, 1, POUND * 1e-3 * G0, 0},
    {"pond", 'f', 1, 1, G0 * 1e-3, 0},
    /* energy, J */
    {"J", 'e', 1, 1, 1, 0}, {"e", 'e', 1, 1, 1e-7, 0}, {"c", 'e', 1, 1, 4.184, 0}, {"cal", 'e', 1, 1, 4.1868, 0},
    {"eV", 'e', 1, 1, 1.602176487e-19, 0}, {"ev", 'e', 1, 1, 1.602176487e-19, 0},
    {"HPh", 'e', 0, 1, 550 * FOOT * POUND * 1e-3 * G0 * 3600, 0}, {"hh", 'e', 0, 1, 550 * FOOT * POUND * 1e-3 * G0 * 3600, 0},
    {"Wh", 'e', 1, 1, 3600, 0}, {"wh", 'e', 1, 1, 3600, 0}, {"flb", 'e', 0, 1, FOOT * POUND * 1e-3 * G0, 0},
    {"BTU", 'e', 0, 1, 1055.05585262, 0}, {"btu", 'e', 0, 1, 1055.05585262, 0},
    /* power, W */
    {"W", 'w', 1, 1, 1, 0}, {"w", 'w', 1, 1, 1, 0}, {"HP", 'w', 0, 1, 550 * FOOT * POUND * 1e-3 * G0, 0},
    {"h", 'w', 0, 1, 550 * FOOT * POUND * 1e-3 * G0, 0}, {"PS", 'w', 0, 1, 75 * G0, 0},
    /* magnetism, T */
    {"T", 'b', 1, 1, 1, 0}, {"ga", 'b', 1, 1, 1e-4, 0},
    /* temperature, above 0 C */
    {"C", 'k', 0, 1, 1, 0}, {"cel", 'k', 0, 1, 1, 0}, {"F", 'k', 0, 1, 5.0 / 9, -32},
    {"fah", 'k', 0, 1, 5.0 / 9, -32}, {"K", 'k', 1, 1, 1, -273.15}, {"kel", 'k', 1, 1, 1, -273.15},
    {"Rank", 'k', 0, 1, 5.0 / 9, -491.67}, {"Reau", 'k', 0, 1, 1.25, 0},
    /* volume, m3 */
    {"l", 'v', 1, 1, 1e-3, 0}, {"L", 'v', 1, 1, 1e-3, 0}, {"lt", 'v', 1, 1, 1e-3, 0}, {"tsp", 'v', 0, 1, GALLON / 768, 0},
    {"tspm", 'v', 0, 1, 5e-6, 0}, {"tbs", 'v', 0, 1, GALLON / 256, 0}, {"oz", 'v', 0, 1, GALLON / 128, 0},
    {"cup", 'v', 0, 1, GALLON / 16, 0}, {"pt", 'v', 0, 1, GALLON / 8, 0}, {"us_pt", 'v', 0, 1, GALLON / 8, 0},
    {"uk_pt", 'v', 1, 1, UKGALLON / 8, 0}, {"qt", 'v', 0, 1, GALLON / 4, 0}, {"uk_qt", 'v', 0, 1, UKGALLON / 4, 0},
    {"gal", 'v', 0, 1, GALLON, 0}, {"uk_gal", 'v', 0, 1, UKGALLON, 0}, {"ang3", 'v', 1, 3, 1e-30, 0}, {"ang^3", 'v', 1, 3, 1e-30, 0},
    {"barrel", 'v', 0, 1, GALLON * 42, 0}, {"bushel", 'v', 0, 1, 2150.42 * INCH * INCH * INCH, 0},
    {"ft3", 'v', 0, 1, FOOT * FOOT * FOOT, 0}, {"ft^3", 'v', 0, 1, FOOT * FOOT * FOOT, 0},
    {"in3", 'v', 0, 1, INCH * INCH * INCH, 0}, {"in^3", 'v', 0, 1, INCH * INCH * INCH, 0},
    {"ly3", 'v', 0, 1, LIGHTYEAR * LIGHTYEAR * LIGHTYEAR, 0}, {"ly^3", 'v', 0, 1, LIGHTYEAR * LIGHTYEAR * LIGHTYEAR, 0},
    {"m3", 'v', 1, 3, 1, 0}, {"m^3", 'v', 1, 3, 1, 0}, {"mi3", 'v', 0, 1, MILE * MILE * MILE, 0},
    {"mi^3", 'v', 0, 1, MILE * MILE * MILE, 0}, {"yd3", 'v', 0, 1, YARD * YARD * YARD, 0},
    {"yd^3", 'v', 0, 1, YARD * YARD * YARD, 0}, {"Nmi3", 'v', 0, 1, NMILE * NMILE * NMILE, 0},
    {"Nmi^3", 'v', 0, 1, NMILE * NMILE * NMILE, 0}, {"Picapt3", 'v', 0, 1, INCH * INCH * INCH / 373248, 0},
    {"Picapt^3", 'v', 0, 1, INCH * INCH * INCH / 373248, 0}, {"Pica3", 'v', 0, 1, INCH * INCH * INCH / 373248, 0},
    {"Pica^3", 'v', 0, 1, INCH * INCH * INCH / 373248, 0}, {"GRT", 'v', 0, 1, 100 * FOOT * FOOT * FOOT, 0},
    {"regton", 'v', 0, 1, 100 * FOOT * FOOT * FOOT, 0}, {"MTON", 'v', 0, 1, 40 * FOOT * FOOT * FOOT, 0},
    /* area, m2 */
    {"uk_acre", 'a', 0, 1, 4840 * YARD * YARD, 0}, {"us_acre", 'a', 0, 1, 43560 * SFOOT * SFOOT, 0},
    {"ang2", 'a', 1, 2, 1e-20, 0}, {"ang^2", 'a', 1, 2, 1e-20, 0}, {"ar", 'a', 1, 1, 100, 0},
    {"ft2", 'a', 0, 1, FOOT * FOOT, 0}, {"ft^2", 'a', 0, 1, FOOT * FOOT, 0}, {"ha", 'a', 0, 1, 1e4, 0},
    {"in2", 'a', 0, 1, INCH * INCH, 0}, {"in^2", 'a', 0, 1, INCH * INCH, 0}, {"ly2", 'a', 0, 1, LIGHTYEAR * LIGHTYEAR, 0},
    {"ly^2", 'a', 0, 1, LIGHTYEAR * LIGHTYEAR, 0}, {"m2", 'a', 1, 2, 1, 0}, {"m^2", 'a', 1, 2, 1, 0},
    {"Morgen", 'a', 0, 1, 2500, 0}, {"mi2", 'a', 0, 1, MILE * MILE, 0}, {"mi^2", 'a', 0, 1, MILE * MILE, 0},
    {"Nmi2", 'a', 0, 1, NMILE * NMILE, 0}, {"Nmi^2", 'a', 0, 1, NMILE * NMILE, 0},
    {"Picapt2", 'a', 0, 1, INCH * INCH / 5184, 0}, {"Pica2", 'a', 0, 1, INCH * INCH / 5184, 0},
    {"Pica^2", 'a', 0, 1, INCH * INCH / 5184, 0}, {"Picapt^2", 'a', 0, 1, INCH * INCH / 5184, 0},
    {"yd2", 'a', 0, 1, YARD * YARD, 0}, {"yd^2", 'a', 0, 1, YARD * YARD, 0},
    /* information, bit */
    {"bit", 'i', 2, 1, 1, 0}, {"byte", 'i', 2, 1, 8, 0},
    /* speed, m/s */
    {"admkn", 's', 0, 1, 6080 * FOOT / 3600, 0}, {"kn", 's', 0, 1, NMILE / 3600, 0}, {"m/h", 's', 1, 1, 1.0 / 3600, 0},
    {"m/hr", 's', 1, 1, 1.0 / 3600, 0}, {"m/s", 's', 1, 1, 1, 0}, {"m/sec", 's', 1, 1, 1, 0}, {"mph", 's', 1, 1, MILE / 3600, 0},
};

static const struct prefix {
	const char *name;
	char binary;
	double factor;
} prefixes[] = {
    {"Yi", 1, 0x1p80}, {"Zi", 1, 0x1p70}, {"Ei", 1, 0x1p60}, {"Pi", 1, 0x1p50}, {"Ti", 1, 0x1p40}, {"Gi", 1, 0x1p30},
    {"Mi", 1, 0x1p20}, {"ki", 1, 0x1p10}, {"Y", 0, 1e24}, {"Z", 0, 1e21}, {"E", 0, 1e18}, {"P", 0, 1e15}, {"T", 0, 1e12},
    {"G", 0, 1e9}, {"M", 0, 1e6}, {"k", 0, 1e3}, {"h", 0, 1e2}, {"da", 0, 1e1}, {"e", 0, 1e1}, {"d", 0, 1e-1}, {"c", 0, 1e-2},
    {"m", 0, 1e-3}, {"u", 0, 1e-6}, {"n", 0, 1e-9}, {"p", 0, 1e-12}, {"f", 0, 1e-15}, {"a", 0, 1e-18}, {"z", 0, 1e-21},
    {"y", 0, 1e-24},
};

static const struct unit *
unit_named(const char *name)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (!strcmp(units[i].name, name))
			return &units[i];
	return NULL;
}

/* A unit, perhaps with a prefix; *scale is the prefix's factor. NULL if there is none. */
static const struct unit *
unit_find(const char *name, double *scale)
{
	const struct unit *u = unit_named(name);

	*scale = 1;
	if (u)
		return u;
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		size_t n = strlen(prefixes[i].name);

		if (strncmp(name, prefixes[i].name, n))
			continue;
		u = unit_named(name + n);
		if (!u || !u->metric || (prefixes[i].binary && u->metric != 2))
			continue;
		for (int p = 0; p < u->power; p++)
			*scale *= prefixes[i].factor;
		return u;
	}
	return NULL;
}

int
numform_convert(const char *from_name, const char *to_name, double *k)
{
	const struct unit *from = unit_find(from_name, &k[0]), *to = unit_find(to_name, &k[6]);

	if (!from || !to || from->kind != to->kind)
		return -1;
	if (from->shift < -200 && to->shift < -200) { /* both from absolute zero */
		k[1] = 2;
		k[2] = from->factor / to->factor;
		k[3] = k[4] = k[5] = 0;
	} else {
		k[1] = from != to;
		k[2] = from->shift;
		k[3] = from->factor;
		k[4] = to->factor;
		k[5] = to->shift;
	}
	return 0;
}

void
fn_convert(struct eval *ev, const struct node *call, struct value *args, int nargs, struct value *out)
{
	double v[8] = {args[0].u.num};
	struct xl_arg arg[8];
	struct xl_call c = {.arg = arg, .nargs = 8, .date1904 = ev->date1904};

	(void)call;
	(void)nargs;
	if (numform_convert(args[1].u.text->s, args[2].u.text->s, v + 1) < 0) {
		*out = value_error(XE_NA);
		return;
	}
	for (int i = 0; i < 8; i++)
		arg[i] = (struct xl_arg){&v[i], 1, 1, 1};
	*out = number(xl_convert(&c));
}
