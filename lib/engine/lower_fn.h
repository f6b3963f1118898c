/* lower_fn: handlers of worksheet functions; private to lib/engine. */
#ifndef ENGINE_LOWER_FN_H
#define ENGINE_LOWER_FN_H

#include "engine/lower.h"

typedef struct lval lower_handler(struct lower *L, const struct lower_ctx *c, const struct node *n);

lower_handler *lower_find_handler(const char *name);
int lower_has_lanes(const struct func *f);

/* v[idx - 1]; idx is a whole number within 1..n wherever the result is looked at. */
struct lval lower_pick(struct lower *L, ir_ref idx, const struct lval *v, size_t n);
/* idx truncated; adds the error `kind` to idx->err where it is outside 1..n. */
ir_ref lower_index(struct lower *L, struct lval *idx, size_t n, int kind);

/* lower_num.c: numeric functions of scalars that have lane operations of their own; a: numbers. LV_UNSUPPORTED: the others. */
struct lval lower_scalar_fn(struct lower *L, const struct func *f, const struct lval *a, int nargs);

/* lower_criteria.c: SUMIF, SUMIFS, COUNTIF, AVERAGEIFS, MINIFS … */
struct lval lower_ifs_family(struct lower *L, const struct lower_ctx *c, const struct node *n);

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

/* lower_lookup.c */
struct lval lower_index_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_match_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_xmatch_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_vlookup(struct lower *L, const struct lower_ctx *c, const struct node *n); /* and HLOOKUP */
struct lval lower_lookup_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_xlookup_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_offset_fn(struct lower *L, const struct lower_ctx *c, const struct node *n);

#endif
