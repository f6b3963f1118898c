/*
 * err: what a function in lib/ says when it fails.
 *
 * A function that can fail takes a `struct err *` as its last argument, returns -1 (or NULL) and
 * has filled the struct: the exit status the program shall end with and one complete sentence for
 * a person. lib/ never prints and never exits; src/ does both, in one place (die() there).
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Exit statuses, the same table in every program (sysexits numbers, plus 124 for a deadline). */
enum err_status {
	ERR_OK = 0,
	ERR_NO = 1,           /* the answer is no: the job failed, nothing was found */
	ERR_USAGE = 64,       /* bad options or operands */
	ERR_DATA = 65,        /* the input is wrong: workbook, spec, record */
	ERR_NOINPUT = 66,     /* the input is not there or cannot be opened */
	ERR_UNAVAILABLE = 69, /* no device, no scheduler, no service */
	ERR_SOFTWARE = 70,    /* a bug: an invariant does not hold */
	ERR_OS = 71,          /* the system refused: memory, processes, descriptors */
	ERR_CANTCREAT = 73,   /* an output cannot be created */
	ERR_IO = 74,          /* reading or writing failed */
	ERR_TEMPFAIL = 75,    /* try again; the only retryable status */
	ERR_DEADLINE = 124    /* a limit in time was reached */
};

struct err {
	int status;     /* enum err_status; 0 while nothing has failed */
	char msg[1024]; /* one line, no newline, truncated to fit */
};

/* Fill *e (if e is not NULL); always returns -1, so that `return err_set(...)` reads well. */
int err_set(struct err *e, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same, with ": " and strerror(errno) appended. */
int err_sys(struct err *e, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the message that is there already. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory: status 71 and the standard sentence. Returns -1. */
int err_nomem(struct err *e);

#endif
