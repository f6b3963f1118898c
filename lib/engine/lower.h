/*
 * lower: from the cells that targets need to the intermediate representation.
 *
 * Cells whose value touches no draw are folded by the scalar evaluator. The others are walked
 * formula by formula; a value becomes up to three lanes: its number, its error kind (where it can
 * be an error) and its type (where it can be of several). Ranges are unrolled: shapes are fixed when the model is
 * compiled. What has no lanes (text built from random numbers, references that depend on draws, cycles) becomes
 * a TREE: that part of the formula runs on the scalar evaluator, lane by lane, with the same bits.
 */
#ifndef ENGINE_LOWER_H
#define ENGINE_LOWER_H

#include "base/arena.h"
#include "base/err.h"
#include "engine/ir.h"
#include "engine/sampler.h"
#include "formula/eval.h"

/* Types a value may have; the type lane holds TYPE_CODE. */
enum lower_mask { LM_NUM = 1, LM_TEXT = 2, LM_BOOL = 4, LM_BLANK = 8, LM_DYNTEXT = 16 };
enum lower_code { LC_NUM = 0, LC_TEXT = 1, LC_BOOL = 2, LC_BLANK = 3 };

/*
 * A scalar in lanes may be what a cell would show of something larger that is known at run time only: IF(x>0,A1:A3,B1:B3) is a
 * range for SUM. Lists and arrays do not take such a scalar, so that the call around it becomes a TREE.
 */
enum lower_many {
	LX_CELL = 1,  /* a cell: in a list its text, logical or emptiness counts otherwise than as a scalar argument's */
	LX_RANGE = 2,
	LX_ARRAY = 4  /* lifts the functions and operators around it, so it is handed on */
};

enum lval_kind { LV_UNSUPPORTED, LV_SCALAR, LV_ARRAY, LV_REF, LV_MISSING, LV_LAMBDA };

struct lval;

struct lmat {
	int32_t rows, cols;
	struct lval *v; /* LV_SCALAR only, row-major */
};

struct lval {
	uint8_t kind; /* enum lval_kind */
	uint8_t mask; /* enum lower_mask: what it may be where it is no error; LM_DYNTEXT: text outside the pool */
	uint8_t many; /* enum lower_many: what a scalar stands for where a list or an array is asked for */
	ir_ref num;   /* number, 0/1, index in the text pool (-1: not in it), 0 for blank */
	ir_ref err;   /* IR_NONE: never an error */
	ir_ref typ;   /* IR_NONE: the single type of mask */
	struct lmat *mat;
	const struct lower_lambda *lambda;
	struct area area;
};

/* One random input: a draw of the model. */
struct lower_draw {
	struct draw_site site;
	uint64_t stream;
	const char *label;        /* "Inputs!B4" or the RiskName */
	const char *text;         /* "normal(100, 15)" */
	ir_ref u, x;              /* uniform, value */
	int dist;                 /* kernels/dist.def, or -1: RAND and RANDBETWEEN */
	const struct sampler *sampler; /* constant parameters; else NULL */
};

struct lower_target {
	struct area where;
	const char *label;
	struct lval v;
};

struct lower_cell {               /* one visited cell: --ir, --trial */
	int sheet;
	int32_t row, col;
	uint8_t state;            /* 0 new, 1 in progress, 2 done */
	uint8_t cyclic;           /* part of a circular reference: evaluated whole */
	int depth;                /* in progress: how deep; else 0 */
	int open;                 /* done, but part of a cycle with the cell in progress at this depth */
	struct lval v;
};

struct lower {
	struct arena arena;
	const struct model *m;
	struct eval *ev;          /* static values; for folding */
	struct ir *ir;
	struct lower_cell *cell;  /* open hash */
	size_t ncell, cell_cap;
	const char **text;        /* pool */
	size_t ntext, text_cap;
	uint32_t class_table, rank_table; /* of the text pool; filled by lower_finish */
	struct lower_draw *draw;
	size_t ndraw, draw_cap;
	struct sampler_set *samplers;
	struct lower_target *target;
	size_t ntarget;
	size_t nformulas;         /* tainted cells lowered */
	struct lower_cell *order; /* they, precedents first */
	size_t norder, order_cap;
	const char *why;          /* reason of the last LV_UNSUPPORTED */
	unsigned many;            /* enum lower_many of the scalar arguments of the running call */
	struct err bad;           /* a wrong constant parameter: cell and rule; status 0 if none */
	const struct node *scalar_node, *list_node; /* node about to be lowered for one value; for a list of numbers: INDEX asks */
	int ndeep;                /* cells in progress */
	int low;                  /* least depth of those met again since the innermost began; INT_MAX: none */
	int in_cycle;
	int depth;
};

/* m must outlive it. Call lower_target() for each target, then lower_finish(). Runs on a large stack of its own. */
struct lower *lower_new(const struct model *m, struct err *e);
void lower_free(struct lower *L);
int lower_targets(struct lower *L, const struct area *where, const char *const *label, size_t n, struct err *e);

/* --- shared by lower*.c ----------------------------------------------------------------------------- */
struct lower_env;              /* LET variables */
struct lower_ctx {
	int sheet;
	int32_t row, col;
	int array;             /* array mode */
	const struct lower_env *env;
};

struct lval lower_cell(struct lower *L, int sheet, int32_t row, int32_t col);
struct lval lower_node(struct lower *L, const struct lower_ctx *c, const struct node *n);
/* The value of a LET or LAMBDA variable; LV_UNSUPPORTED if it is not bound. */
struct lval lower_variable(const struct lower_env *env, int slot);
const struct lower_env *lower_bind(struct lower *L, const struct lower_env *outer, int slot, struct lval v);
struct lval lower_invoke_node(struct lower *L, const struct lower_ctx *c, const struct node *n); /* N_INVOKE */
struct lval lower_call(struct lower *L, const struct lower_ctx *c, const struct node *n);
struct lval lower_random(struct lower *L, const struct lower_ctx *c, const struct node *n);
/* To one scalar, as the evaluator does. */
struct lval lower_scalar(struct lower *L, const struct lower_ctx *c, struct lval v);
struct lval lower_scalar_arg(struct lower *L, const struct lower_ctx *c, const struct node *n);
/* What lifts functions and operators here: ranges too in array mode. */
static inline unsigned
lower_lifting(const struct lower_ctx *c)
{
	return c->array ? LX_ARRAY | LX_RANGE : LX_ARRAY;
}
/* Reference, array or scalar to a matrix; NULL if unsupported. */
struct lmat *lower_matrix(struct lower *L, const struct lower_ctx *c, struct lval v);
struct lmat *lower_new_matrix(struct lower *L, int32_t rows, int32_t cols);
struct lval lower_from_value(struct lower *L, const struct value *v);
/* Coerced to number / logical: num and err only. LV_UNSUPPORTED where text is built at run time. */
struct lval lower_num(struct lower *L, struct lval v);
struct lval lower_bool(struct lower *L, struct lval v);
struct lval lower_unsupported(struct lower *L, const char *why);
/* So large already that what is left is better evaluated than compiled: memory and time. Asked before many elements are lowered. */
int lower_is_full(const struct lower *L);
#define LOWER_FULL "the model is too large to be compiled as a whole"
struct lval lower_number(ir_ref num, ir_ref err);
struct lval lower_boolean(ir_ref num, ir_ref err);
struct lval lower_error(struct lower *L, int kind);
struct lval lower_select(struct lower *L, ir_ref cond, struct lval p, struct lval q);
/* op: '=' '<' '>' 'l' 'g' 'n'. Result boolean. */
struct lval lower_compare(struct lower *L, int op, struct lval p, struct lval q);
ir_ref lower_err(struct lower *L, ir_ref a, ir_ref b);          /* first error of two, IR_NONE allowed */
ir_ref lower_type(struct lower *L, struct lval v);              /* its type lane (constant where it is fixed) */
ir_ref lower_is_type(struct lower *L, struct lval v, int code); /* 0/1 lane */
struct lval lower_add(struct lower *L, struct lval p, struct lval q, int op, int snap); /* op + - * / ^ on numbers */
int lower_is_const(struct lower *L, struct lval v, struct value *out);
struct lval lower_tree(struct lower *L, const struct lower_ctx *c, const struct node *n);

#endif
