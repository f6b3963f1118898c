/* general: numbers in General format, and text that reads as a number. See value.h. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "formula/value.h"

size_t
value_format_general(double x, char *out)
{
	char s[40], *e;
	int exp10;

	if (x == 0) {
		strcpy(out, "0");
		return 1;
	}
	num_format_g(x, 15, s);
	e = strchr(s, 'e');
	exp10 = e ? atoi(e + 1) : 0;
	if (!e) {
		strcpy(out, s);
		return strlen(out);
	}
	*e = '\0';
	if (exp10 < 0 && exp10 >= -9) { /* 0.00001 rather than 1E-05 */
		snprintf(s, sizeof s, "%.*f", 20, x);
		num_format_g(x, 15, s);
		e = strchr(s, 'e');
		*e = '\0';
		{
			char digits[32];
			int n = 0, neg = s[0] == '-';

			for (char *c = s; *c; c++)
				if (isdigit((unsigned char)*c))
					digits[n++] = *c;
			digits[n] = '\0';
			return (size_t)sprintf(out, "%s0.%.*s%s", neg ? "-" : "", -exp10 - 1, "0000000000", digits);
		}
	}
	if (exp10 > 0 && exp10 < 21) {
		char digits[32];
		int n = 0, neg = s[0] == '-', k;

		for (char *c = s; *c; c++)
			if (isdigit((unsigned char)*c))
				digits[n++] = *c;
		k = sprintf(out, "%s%.*s", neg ? "-" : "", n, digits);
		for (; n <= exp10; n++)
			out[k++] = '0';
		out[k] = '\0';
		return (size_t)k;
	}
	return (size_t)sprintf(out, "%sE%c%02d", s, exp10 < 0 ? '-' : '+', exp10 < 0 ? -exp10 : exp10);
}

int
value_parse_number(const char *s, size_t n, int date1904, double *out)
{
	char t[80];
	size_t k = 0;
	int percent = 0, neg = 0;

	(void)date1904;
	while (n && isspace((unsigned char)s[0]))
		s++, n--;
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	if (!n || n > 70)
		return -1;
	if (s[0] == '(' && s[n - 1] == ')')
		neg = 1, s++, n -= 2;
	if (n && s[n - 1] == '%')
		percent = 1, n--;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '$' && k <= 1)
			continue;
		if (s[i] == ',' && i && isdigit((unsigned char)s[i - 1]) && i + 3 < n + 0 && isdigit((unsigned char)s[i + 1]))
			continue;
		t[k++] = s[i];
	}
	t[k] = '\0';
	if (num_parse_double(t, k, out) < 0)
		return -1;
	if (percent)
		*out /= 100;
	if (neg)
		*out = -*out;
	return 0;
}
