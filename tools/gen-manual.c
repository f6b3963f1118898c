/*
 * gen-manual: sim-functions(7) and sim-distributions(7) from the tables. `make manuals` runs it; lint compares.
 */
#include <stdio.h>
#include <string.h>

#include "engine/lower_fn.h"
#include "formula/func.h"
#include "formula/alt.h"
#include "kernels/dist.h"

/* mdoc text: a backslash or a control character at the start of a line would be taken as markup. */
static void
text(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else
			putchar(*s);
	}
}

static void
head(const char *page, const char *what)
{
	printf(".\\\" made by tools/gen-manual.c from the tables: do not edit\n");
	printf(".Dd November 21, 2026\n.Dt %s 7\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n.Sh DESCRIPTION\n",
	       !strcmp(page, "functions") ? "SIM-FUNCTIONS" : "SIM-DISTRIBUTIONS",
	       !strcmp(page, "functions") ? "sim-functions" : "sim-distributions", what);
}

static void
functions(void)
{
	const struct func *f;
	const char *name, *of;

	head("functions", "worksheet functions that simspool calculates");
	puts("Every function runs on the scalar evaluator; those marked");
	puts(".Sq vector");
	puts("also on the vector machine, for their usual arguments.");
	puts("Distributions are in");
	puts(".Xr sim-distributions 7 .");
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; (f = func_at(i)); i++) {
		if (f->flags & (FN_DIST | FN_HIDDEN))
			continue;
		printf(".It \"");
		for (const char *s = f->signature; *s; s++)
			if (*s != '"')
				putchar(*s);
		puts("\"");
		text(f->manual);
		printf("\n(%s)\n", lower_has_lanes(f) ? "scalar, vector" : "scalar");
		for (size_t k = 0; (name = func_alias(k, &of)); k++)
			if (!strcmp(of, f->name))
				printf("Also %s.\n", name);
	}
	puts(".El");
	puts(".Sh SEE ALSO\n.Xr sim-model 1 ,\n.Xr sim-distributions 7");
}

static void
distributions(void)
{
	const char *name, *names;

	head("distributions", "random inputs that simspool draws");
	puts("In a spec or with");
	puts(".Fl i");
	puts("a distribution is written by its name; in a workbook as @RISK does, with Risk before it.");
	puts("{x} and {p} are arrays or ranges.");
	puts("Properties follow the parameters: RiskTruncate(min, max), RiskTruncateP(p1, p2), RiskShift(amount), RiskStatic(value),");
	puts("RiskName(text).");
	puts("A truncation is before the shift, RiskTruncate2 after it; it must leave a billionth of the probability.");
	puts("RAND(), RANDBETWEEN(), RANDARRAY() and any formula around them draw too.");
	puts(".Bl -tag -width Ds");
	for (int i = 0; i < DIST_COUNT; i++) {
		printf(".It \"%s(%s)\"\n", dist_info[i].name, dist_info[i].params);
		text(dist_info[i].manual);
		puts(".");
		if (*dist_info[i].aliases)
			printf("Also %s.\n", dist_info[i].aliases);
	}
	puts(".El");
	puts(".Ss By percentiles");
	puts("With Alt after its name, a distribution of this list takes pairs of what is known and its value, as many as it has parameters:");
	puts("a percentile as a number between 0 and 1, or a parameter by its name in quotes.");
	puts(".Dl RiskNormalAlt(5%, 10, 95%, 20)");
	puts(".Dl RiskTriangAlt(\"min\", 0, 50%, 3, 95%, 7)");
	puts("loc, which is added to each draw, may be left out: 0.");
	puts("Pairs that no distribution of the family satisfies are an error.");
	puts(".Bl -tag -width Ds -compact");
	for (size_t i = 0; (name = alt_names(i, &names)); i++)
		printf(".It %sAlt\n%s\n", name, names);
	puts(".El");
	puts(".Sh SEE ALSO\n.Xr sim 1 ,\n.Xr sim-spec 5 ,\n.Xr sim-functions 7");
}

int
main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "functions"))
		functions();
	else if (argc == 2 && !strcmp(argv[1], "distributions"))
		distributions();
	else
		return fputs("usage: gen-manual functions|distributions\n", stderr), 64;
	return 0;
}
