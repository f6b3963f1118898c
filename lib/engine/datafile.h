/*
 * datafile: distributions given by a file: empirical("file.csv", column) and discrete("file.csv", values, weights).
 *
 * The file is CSV: one separator throughout (the commonest of , ; and tab in its first line), fields may be quoted, decimal points. A first line
 * that is no number is a header. A column is a number from 1, or its name in the header. Blank lines, and fields left empty, are skipped;
 * anything else that is no number is an error that names the line.
 */
#ifndef ENGINE_DATAFILE_H
#define ENGINE_DATAFILE_H

#include "base/err.h"
#include "formula/eval.h"

#define DATAFILE_LIMIT ((size_t)256 << 20)

/* Read the files that f names (paths relative to `folder`; NULL: as they are) and put their numbers in the place of their names. Adds what was read to
 * m->data_hash. 0 or -1 (65, 66). */
int datafile_expand(struct model *m, const struct formula *f, const char *folder, struct err *e);

#endif
