/*
 * submit_private: what the parts of submit.h share: submission.c (options and rows), check.c (asking sim-engine), model.c (workbooks),
 * command.c (programs), lines.c (task lines).
 */
#ifndef SUBMIT_SUBMIT_PRIVATE_H
#define SUBMIT_SUBMIT_PRIVATE_H

#include "record/json.h"
#include "spool/stage.h"
#include "submit/submit.h"

struct checked {
	char *spec;           /* one line of JSON */
	char *model;          /* path of the workbook as the engine found it; NULL: what was given */
	int64_t first, last;
	struct {
		char *path, *copy;
	} *file;              /* data files: copied too */
	size_t nfiles;
};

struct member {
	struct checked check;
	char label[200];       /* what sets it apart: a target, a spec, a scenario */
};

/* --- submission.c */

/* Room for one more than n; called for n = 0 (or 1), then for each next one. */
void *submission_grow(void *p, size_t n, size_t size);
/* What every job of this submission has in common. */
void submission_job(struct submission *s, struct job *j, enum job_kind kind);
/* (tx) */
int submission_insert(struct submission *s, struct job *j, int64_t turn, int *existing, struct err *e);
/* Both may be NULL. */
int submission_names(const char *name, const char *key, struct err *e);
/* The job's line, or its id. */
void submission_print(struct submission *s, int64_t id, int existing);

/* --- check.c */

/* words: options; model NULL: `line` is a task line for its standard input. */
int check_engine(char *const *words, size_t n, const char *model, const char *line, struct checked *c, struct err *e);
void check_free(struct checked *c);
/* Its data files. The same file may be named by several inputs and members. */
int check_copy(const struct checked *c, struct stage *st, struct err *e);
/* Runs a program with `input` (may be NULL) on its standard input; what it wrote in out, the first line of its complaint in
 * head. Its wait status, or -1. */
int check_run(char *const *argv, const char *input, struct buf *out, char *head, size_t size, struct err *e);

/* --- model.c */

/* One simulation: a job, or a parent of chunks. `files`: its task's model and spec, as JSON members. (tx) */
int model_insert(struct submission *s, const struct checked *c, int64_t parent, int64_t idx, const char *name, const char *key,
                 const char *files, int64_t *turn, int64_t *id, int *existing, struct err *e);

/* --- command.c: these end the program on an error */

char *command_folder(const struct submission *s);
void command_put(struct buf *b, char *const *argv);
/* --result and --send, where the line of a task has no word of its own on them. */
void command_put_files(struct buf *b, const struct submission *s, const char *folder, const struct json *line);

#endif
