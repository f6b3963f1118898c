/* lower_form: calls whose texts are constant, lowered as calls of numbers. See formula/numform.h. */
#include "engine/lower.h"
#include "engine/lower_fn.h"
#include "formula/numform.h"

/* CONVERT(x, "m", "ft") and its like, where all but the numbers is constant. */
struct lval
lower_numform(struct lower *L, const struct lower_ctx *c, const struct node *n)
{
	struct value v[8];
	const struct node *form;
	int drawn;

	for (int i = 0; i < n->nargs && i < 8; i++) {
		v[i] = eval_tree(L->ev, n->args[i], c->sheet, c->row, c->col, 0, &drawn);
		if (drawn)
			v[i].kind = V_LAMBDA;
		else if (i < n->nargs && func_arg_letter(n->u.call.fn, i) != 'r')
			v[i] = eval_value_scalar(L->ev, v[i], c->sheet, c->row, c->col);
	}
	form = n->nargs <= 8 ? numform(L->ev, &L->arena, n, v) : NULL;
	return form ? lower_node(L, c, form) : lower_unsupported(L, n->u.call.fn->name);
}
