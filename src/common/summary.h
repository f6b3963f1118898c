/* summary: the options of programs that show results (sim-aggregate, sim), and the result in each format. */
#ifndef COMMON_SUMMARY_H
#define COMMON_SUMMARY_H

#include <getopt.h>

#include "common/cli.h"
#include "stats/partial.h"
#include "stats/render.h"

struct summary_options {
	double percentile[64], above[64];
	int npercentiles, nabove;
	double var_level, confidence;
	int bins, width;
	enum cli_format format;
	const char *output;      /* -o; NULL: standard output */
};

enum {
	SUMMARY_OPT_ABOVE = 700, SUMMARY_OPT_VAR, SUMMARY_OPT_CONFIDENCE, SUMMARY_OPT_BINS, SUMMARY_OPT_FORMAT,
	SUMMARY_OPT_WIDTH
};
#define SUMMARY_SHORT_OPTIONS "p:o:"
#define SUMMARY_LONG_OPTIONS                                                                          \
	{"percentiles", required_argument, 0, 'p'}, {"output", required_argument, 0, 'o'},            \
	{"above", required_argument, 0, SUMMARY_OPT_ABOVE}, {"var", required_argument, 0, SUMMARY_OPT_VAR}, \
	{"confidence", required_argument, 0, SUMMARY_OPT_CONFIDENCE},                                 \
	{"bins", required_argument, 0, SUMMARY_OPT_BINS}, {"format", required_argument, 0, SUMMARY_OPT_FORMAT}, \
	{"width", required_argument, 0, SUMMARY_OPT_WIDTH},
#define SUMMARY_USAGE                                                                                 \
	"  -p, --percentiles LIST  such as 5,50,95 (default 1,5,10,25,50,75,90,95,99)\n"              \
	"      --above X      probability of more than X (repeatable)\n"                              \
	"      --var LEVEL    value at risk and expected shortfall, lower tail, such as 95\n"         \
	"      --confidence P of intervals, in percent (default 95)\n"                                \
	"      --bins N       classes of the histogram (default 50)\n"                                \
	"      --format F     table, ndjson, json or csv (default: table on a terminal)\n"            \
	"      --width N      columns of the table (default: the terminal's)\n"                       \
	"  -o, --output FILE  write there, whole or not at all\n"

void summary_options_init(struct summary_options *o);
void summary_option(struct summary_options *o, int c, char *arg);
/* The windows that make what these options ask for exact (stats/windows.h). The caller frees *edge. 0 or -1 (memory). */
int summary_edges(const struct summary_options *o, const struct stats *s, struct stats_edge **edge, size_t *n);
/* Is every percentile exact? 0: *target and *percentile name the first that is not. */
int summary_exact(const struct summary_options *o, const struct stats *s, int *target, double *percentile);
/* Writes the result; ends the program where that fails. */
void summary_write(const struct summary_options *o, const struct stats *s, const struct partial_head *h, int more);

#endif
