/* lower_fn: handlers of worksheet functions; private to lib/engine. */
#ifndef ENGINE_LOWER_FN_H
#define ENGINE_LOWER_FN_H

#include "engine/lower.h"

typedef struct lval lower_handler(struct lower *L, const struct lower_ctx *c, const struct node *n);

int lower_has_lanes(const struct func *f);

/* v[idx - 1]; idx is a whole number within 1..n wherever the result is looked at. */
struct lval lower_pick(struct lower *L, ir_ref idx, const struct lval *v, size_t n);
/* idx truncated; adds the error `kind` to idx->err where it is outside 1..n. */
ir_ref lower_index(struct lower *L, struct lval *idx, size_t n, int kind);

/* lower_list.c: lists of numbers, and the functions of them that have lanes. */
#define LOWER_LIST_LIMIT 100000
struct lower_list {
	struct lval *v;  /* numbers (num, err); `present` lane or IR_NONE: always */
	ir_ref *present;
	size_t n, cap;
	ir_ref err;      /* of all, leftmost first */
};

/* Add what an argument holds; letter L or A, as in formula/func.h. 0, or -1: not in lanes. */
int lower_list_arg(struct lower *L, const struct lower_ctx *c, const struct node *arg, int letter, struct lower_list *l);
/* Every element is always there. */
int lower_list_is_fixed(const struct lower_list *l);
struct lval lower_sum_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_average_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_product_fn(struct lower *L, const struct lower_ctx *c, const struct node *n); /* and SUMSQ */
struct lval lower_minmax_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_count_fn(struct lower *L, const struct lower_ctx *c, const struct node *n); /* COUNT, COUNTA, COUNTBLANK */
struct lval lower_and_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);   /* OR, XOR */
struct lval lower_not_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_sumproduct_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);

/* lower_num.c: numeric functions of scalars that have lane operations of their own; a: numbers. LV_UNSUPPORTED: the others. */
struct lval lower_scalar_fn(struct lower *L, const struct func *f, const struct lval *a, int nargs);

/* lower_form.c */
struct lval lower_numform(struct lower *L, const struct lower_ctx *c, const struct node *n);

/* lower_criteria.c: SUMIF, SUMIFS, COUNTIF, AVERAGEIFS, MINIFS … */
struct lval lower_ifs_family(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_countblank_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);

/* lower_lambda.c */
struct lval lower_lambda_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_invoke(struct lower *L, const struct lower_ctx *c, struct lval f, const struct lval *args, int nargs);
struct lval lower_map_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_reduce_fn(struct lower *L, const struct lower_ctx *c, const struct node *n); /* and SCAN */
struct lval lower_byline_fn(struct lower *L, const struct lower_ctx *c, const struct node *n); /* BYROW, BYCOL */
struct lval lower_makearray_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);

/* lower_shape.c */
struct lval lower_moving_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_choose_several(struct lower *L, const struct lower_ctx *c, const struct node *n, const struct lmat *idx);
struct lval lower_mmult_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_subtotal_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_aggregate_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);

/* lower_range.c: a range whose extent depends on a draw, as elements that are empty where they do not belong to it; *err: of the range itself.
 * 0, or -1: n is no such range, or not in lanes. */
int lower_list_elements(struct lower *L, const struct lower_ctx *c, const struct node *n, struct lmat **out, ir_ref *err);

/* lower_lookup.c */
/* v[pos - 1] with the errors of the position first. */
struct lval lower_picked(struct lower *L, struct lval pos, const struct lval *v, size_t n);
/* lower_index.c */
/* An index of INDEX, truncated; *v gets the errors of what is beyond 0..n. */
ir_ref lower_whole_index(struct lower *L, struct lval *v, int32_t n);
struct lval lower_index_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_match_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_xmatch_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_vlookup(struct lower *L, const struct lower_ctx *c, const struct node *n); /* and HLOOKUP */
struct lval lower_lookup_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_xlookup_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_offset_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);

#endif
