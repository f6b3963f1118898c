/*
 * notes: what a person should know of a model before its results: sentences for warnings.
 *
 * Correlation matrices that had to be adjusted; cells with statistics of the simulation (RiskMean …), which are #N/A while it runs.
 */
#ifndef ENGINE_NOTES_H
#define ENGINE_NOTES_H

#include "base/arena.h"
#include "formula/eval.h"

struct note {
	const char *cell;    /* "Summary!B12", or NULL */
	const char *message;
};

#define NOTES_MAX 20         /* of one kind; one more says how many there are besides */

/* All notes of a model, on arena; returns how many. */
size_t notes_collect(const struct model *m, struct arena *arena, struct note **out);

#endif
