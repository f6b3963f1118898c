/* numform: see numform.h. */
#include "formula/numform.h"

#include <string.h>

#include "formula/eval_internal.h"
#include "formula/func.h"

static struct node *
number_node(struct arena *a, double x)
{
	struct node *n = ARENA_NEW(a, struct node, 1);

	n->kind = N_NUM;
	n->u.num = x;
	return n;
}

static struct node *
call_node(struct arena *a, const struct node *like, const char *name, struct node **args, int nargs)
{
	struct node *n = ARENA_NEW(a, struct node, 1);

	n->kind = N_CALL;
	n->pos = like->pos;
	n->u.call.name = name;
	n->u.call.fn = func_find(name, strlen(name));
	n->nargs = (uint16_t)nargs;
	n->args = arena_memdup(a, args, (size_t)nargs * sizeof *args);
	return n;
}

static const struct node *
convert(struct eval *ev, struct arena *a, const struct node *call, const struct value *args)
{
	struct node *v[8] = {call->args[0]};
	double k[7];

	(void)ev;
	if (args[1].kind != V_TEXT || args[2].kind != V_TEXT || numform_convert(args[1].u.text->s, args[2].u.text->s, k) < 0)
		return NULL;
	for (int i = 0; i < 7; i++)
		v[i + 1] = number_node(a, k[i]);
	return call_node(a, call, "_CONVERT", v, 8);
}

static const struct node *
datedif(struct eval *ev, struct arena *a, const struct node *call, const struct value *args)
{
	struct node *v[3] = {call->args[0], call->args[1]};
	int unit = args[2].kind == V_TEXT ? numform_datedif_unit(args[2].u.text->s) : -1;

	(void)ev;
	if (unit < 0)
		return NULL;
	v[2] = number_node(a, unit);
	return call_node(a, call, "_DATEDIF", v, 3);
}

/* The holidays as an array of numbers. */
static struct node *
list_node(struct arena *a, const double *x, int n)
{
	struct node *list = ARENA_NEW(a, struct node, 1);
	struct array *v = ARENA_NEW(a, struct array, 1);

	*v = (struct array){n, 1, ARENA_NEW(a, struct value, n)};
	for (int i = 0; i < n; i++)
		v->v[i] = value_num(x[i]);
	list->kind = N_ARRAY;
	list->u.value = eval_array_value(v);
	return list;
}

static const struct node *
working_days(struct eval *ev, struct arena *a, const struct node *call, const struct value *args)
{
	int net = call->u.call.fn->name[0] == 'N', n = 0;
	struct value none = {.kind = V_MISSING};
	struct node *v[4] = {call->args[0], call->args[1]};
	double *hol = NULL;
	unsigned mask;

	for (int i = 2; i < call->nargs; i++)
		if (args[i].kind == V_LAMBDA)
			return NULL;
	if (numform_weekend(call->nargs > 2 ? args[2] : none, ev->date1904, &mask) ||
	    numform_holidays(ev, call->nargs > 3 ? args[3] : none, &hol, &n))
		return NULL;
	v[2] = number_node(a, mask);
	if (n)
		v[3] = list_node(a, hol, n);
	return call_node(a, call, net ? "_NETWORKDAYS" : "_WORKDAY", v, n ? 4 : 3);
}

/* A logical: whether the parity is 1, or 0. */
static const struct node *
parity(struct eval *ev, struct arena *a, const struct node *call, const struct value *args)
{
	struct node *v[1] = {call->args[0]}, *side[2], *n = ARENA_NEW(a, struct node, 1);

	(void)ev;
	(void)args;
	side[0] = call_node(a, call, "_PARITY", v, 1);
	side[1] = number_node(a, !strcmp(call->u.call.fn->name, "ISODD"));
	n->kind = N_BINARY;
	n->op = '=';
	n->pos = call->pos;
	n->nargs = 2;
	n->args = arena_memdup(a, side, sizeof side);
	return n;
}

static const struct form {
	const char *name;
	const struct node *(*make)(struct eval *ev, struct arena *a, const struct node *call, const struct value *args);
} forms[] = {
    {"CONVERT", convert}, {"DATEDIF", datedif}, {"ISEVEN", parity}, {"ISODD", parity},
    {"NETWORKDAYS.INTL", working_days}, {"WORKDAY.INTL", working_days},
};

static const struct form *
form_of(const char *name)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (!strcmp(forms[i].name, name))
			return &forms[i];
	return NULL;
}

int
numform_known(const char *name)
{
	return form_of(name) != NULL;
}

const struct node *
numform(struct eval *ev, struct arena *a, const struct node *call, const struct value *args)
{
	const struct form *f = form_of(call->u.call.fn->name);

	return f ? f->make(ev, a, call, args) : NULL;
}
