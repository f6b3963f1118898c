/*
 * spec: what a simulation is asked to do: inputs, targets, trials, seed, changes. From a file (JSON, sim-spec(5)),
 * from options, or both: options win.
 */
#ifndef ENGINE_SPEC_H
#define ENGINE_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "formula/eval.h"

struct spec_input {
	const char *cell;    /* "Inputs!B4", or a range: each cell draws for itself, relative references move with it */
	const char *formula; /* "normal(100, 15)" */
	const char *name;    /* shown instead of the cell; may be NULL */
	const char *from;    /* where it was said, for messages: "option -i 2", "plan.json: inputs" */
	const char *folder;  /* files it names are relative to; NULL: as they are */
	int source;          /* 0: an option; 1 …: the first file or task line that was read, … */
};

struct spec_set {
	const char *cell;
	const char *content; /* number, text, TRUE, or "=formula" */
	const char *from;
	int source;
};

struct spec_correlate {      /* rank correlations: of all pairs of the cells the same, a matrix, or a range that holds it */
	const char **cell;
	int n;
	double rank;
	const double *matrix; /* n x n, or NULL */
	const char *range;    /* or NULL */
	const char *from;
};

struct spec_target {
	const char *cell;
	const char *name;    /* may be NULL */
	const char *from;
};

struct spec {
	struct arena arena;
	const char *model;   /* path of the workbook; NULL: not said */
	int source, nsources; /* of what is added now; files and lines read so far */
	const char **file;   /* spec files still to be read */
	size_t nfile;
	struct spec_input *input;
	size_t ninput;
	struct spec_set *set;
	size_t nset;
	struct spec_target *target;
	size_t ntarget;
	struct spec_correlate *correlate;
	size_t ncorrelate;
	int64_t trials;      /* 0: not said */
	int64_t first, last; /* a slice [first, last) of the trials; last 0: not said */
	uint64_t seed;
	int has_seed;
	int xlrisk;          /* dialect */
};

void spec_init(struct spec *s);
void spec_free(struct spec *s);

/* "B4 ~ normal(100,15)"; "cell=content"; "A..B"; "B4,B5=0.5" or "B4,B5,B6=Sheet!E1:G3". 0 or -1 (64). */
int spec_add_input(struct spec *s, const char *text, const char *from, struct err *e);
int spec_add_set(struct spec *s, const char *text, const char *from, struct err *e);
int spec_add_target(struct spec *s, const char *cell, const char *name, const char *from);
int spec_add_correlate(struct spec *s, const char *text, const char *from, struct err *e);
int spec_set_slice(struct spec *s, const char *text, struct err *e);

/* Options may come before or after a spec file, and win over it: names a file, and reads all that were named, once the options are known. */
int spec_add_file(struct spec *s, const char *path);
int spec_read_files(struct spec *s, struct err *e);

/* Read a spec file ("-" is standard input); what is already set stays, and wins over it. Unknown fields are refused. The model's path is
 * taken relative to the file's folder. 0 or -1 (65, 66). */
int spec_load(struct spec *s, const char *path, struct err *e);
/* The same from JSON text: a task line's fields. `where` prefixes messages. */
int spec_parse(struct spec *s, const char *json, size_t n, const char *where, const char *folder, struct err *e);

/* All of it but the model, as one line of JSON that spec_load() and spec_parse() read back as the same. files (may be NULL; begun with "["):
 * data files get the names of their copies, and {"path": …, "copy": …} of each is added there. */
int spec_write(struct buf *b, const struct spec *s, struct buf *files);

/* Make the changes in the model, then read its correlations and the spec's. A content that is set takes away the cell's input from a weaker source;
 * both from one source, or a part of a range, is an error (65). */
int spec_apply(struct spec *s, struct model *m, struct err *e);

#endif
