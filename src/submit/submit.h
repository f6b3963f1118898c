/* submit: what sim-submit does with each kind of work. All of these end the program on an error; nothing is then accepted. */
#ifndef SUBMIT_SUBMIT_H
#define SUBMIT_SUBMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "spool/job.h"
#include "spool/slots.h"
#include "spool/spool.h"

struct submission {
	struct spool sp;
	const char *name, *key, *notify, *retry_on, *min_ok, *folder, *result, *scenarios;
	int64_t priority, chunks, retries, backoff_ns, timeout_ns, deadline_real, stall_ns, ttl_ns, grace_ns;
	int batch, hold, quiet;
	char **send;             /* files that go along where the command runs elsewhere, as given */
	size_t nsend;
	struct buf slots;        /* canonical */
	struct job_env *env;
	size_t nenv;
	struct {
		const char *job;
		int ok;
	} *dep_text;             /* as given; ids are looked up when the spool is open */
	struct job_dep *dep;
	size_t ndeps;
	char **word;             /* engine options: "--target=B12" */
	size_t nwords;
	char **command;          /* NULL-terminated; empty: none */
};

#define SUBMIT_MODEL_LIMIT ((int64_t)1 << 30)

void submission_init(struct submission *s);
void submission_env(struct submission *s, const char *name, const char *value);
void submission_dep(struct submission *s, const char *job, int ok);
void submission_send(struct submission *s, const char *path);
void submission_engine_word(struct submission *s, const char *name, const char *arg); /* arg NULL: none */
/* The spool is open: dependencies become ids, defaults are filled in. */
void submission_finish(struct submission *s);

void submit_workbook(struct submission *s, const char *path);
/* A workbook at http:// or https://: fetched within a minute, at most SUBMIT_MODEL_LIMIT bytes. */
void submit_url(struct submission *s, const char *url);
void submit_command(struct submission *s);
void submit_lines(struct submission *s);

/* The same as submit_workbook() without ending: 0, or -1 with the reason; *id is the job. */
int submit_model(struct submission *s, const char *path, int64_t *id, struct err *e);

#endif
