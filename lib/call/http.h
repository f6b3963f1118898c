/*
 * http: exchanges over HTTP, many at once, on one event loop. The one file that includes libcurl.
 *
 * What it promises beyond libcurl's defaults:
 *  1. Nothing is sent twice unseen. libcurl repeats a request by itself, whatever its method, when a reused connection
 *     turns out to be closed; here that ends the exchange with HTTP_CLOSED, and the caller decides.
 *  2. `sent` in the answer is 0 only where no byte of the request can have left.
 *  3. A name server that does not answer cannot hold an exchange beyond its time.
 *  4. http and https alone; a redirect is followed only as often as asked, never from https to http, never to another scheme;
 *     headers marked secret do not go to another origin.
 *  5. `public_only` looks at each address at the moment of connecting, and bypasses proxies, which would connect unseen.
 *  6. Bodies are limited by their decoded size, so a small compressed answer cannot unfold without bound.
 *
 * One thread, and SIGPIPE ignored or blocked: TLS writes to connections that are gone. Times are clk_boot_ns(). Names are looked up by a thread of libcurl's each; callers start one exchange with a
 * host whose name is unknown, and more once on_named says so (batch.c).
 */
#ifndef CALL_HTTP_H
#define CALL_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* How an exchange ended; http_error_name() gives the words of sim-records(5). */
enum http_error {
	HTTP_OK,        /* a whole answer, whatever its status */
	HTTP_RESOLVE,   /* the name has no address */
	HTTP_CONNECT,   /* no connection */
	HTTP_TLS,       /* the handshake failed */
	HTTP_VERIFY,    /* the certificate is not trusted */
	HTTP_TIMEOUT,   /* until_ns was reached */
	HTTP_BROKEN,    /* reset, cut short, not HTTP */
	HTTP_CLOSED,    /* closed before the first byte of an answer */
	HTTP_TOO_LARGE, /* body or headers beyond their limit */
	HTTP_REDIRECT,  /* too many, or to where none may go */
	HTTP_PRIVATE,   /* public_only: the address is not public */
	HTTP_REQUEST,   /* the request cannot be sent as it is */
	HTTP_LOCAL      /* this side failed: memory, files, the sink */
};
#define HTTP_ERRORS (HTTP_LOCAL + 1)
const char *http_error_name(enum http_error e); /* "ok", "resolve", ... */

enum http_version { HTTP_AUTO, HTTP_1, HTTP_2_PRIOR }; /* AUTO: HTTP/2 where TLS offers it */

struct http_options {
	enum http_version version;
	int public_only;
	const char *ca_file;        /* NULL: the system's */
	const char *agent;          /* User-Agent; NULL: "simspool/VERSION" */
	int64_t connect_ns;         /* limit of connecting, TLS included; 0: 10 s */
	long max_connections;       /* kept open for reuse; 0: libcurl's choice */
	/* An exchange (its user pointer) has an address to connect to. May be NULL. Must not start or cancel exchanges. */
	void (*on_named)(void *ctx, void *user);
	void *ctx;
};

struct http_header {
	const char *name, *value;
	int secret;                 /* not for another origin */
	size_t prefix;              /* bytes of a secret value that are none: "Bearer " */
};

/* A request; what it points to must live until http_release(). */
struct http_ask {
	const char *url, *method;
	const struct http_header *headers;
	size_t nheaders;
	const void *body;           /* NULL: none, or body_fd */
	int64_t nbody;
	int body_fd;                /* -1: none; read from offset 0, nbody bytes */
	int64_t until_ns;           /* absolute; the end at the latest */
	int64_t max_bytes;          /* of the decoded body */
	int redirects;              /* to follow at most; 0: none, and a redirect is the answer */
	/* Takes the body piece by piece; not 0 ends the exchange with HTTP_LOCAL. Bodies of followed redirects are dropped. */
	int (*sink)(void *ctx, const void *p, size_t n);
	void *sink_ctx;
};

struct http_answer {
	enum http_error error;
	char reason[320];           /* one sentence; "" while HTTP_OK */
	long status;                /* 0: none came */
	int version;                /* 10, 11, 20, 30 */
	int sent;                   /* the request may have left, in part or whole */
	int framed;                 /* 0: the body's end was that of the connection, so a cut cannot be told */
	int reused;                 /* over a connection that was open already */
	char content_type[160];
	char retry_after[80];
	int64_t bytes;              /* decoded bytes of the body */
	double named_s, connected_s, first_byte_s, total_s; /* since the start of the last hop */
};

struct http;
struct http_exchange;

struct http *http_new(const struct http_options *o, struct err *e);
void http_free(struct http *h); /* ends what is running */

/* Parses a URL: http or https, a host, no user name or password (they belong into a header, by reference), no control
 * characters. origin: "https://host:443", lower case, free() it. shown: without query and fragment, for records; free() it.
 * literal: the host is an address. 0, or -1 with 65. */
int http_url_check(const char *url, char **origin, char **shown, int *literal, struct err *e);

/* Starts an exchange. NULL with e filled. It ends through http_next(), http_cancel() or http_free(). */
struct http_exchange *http_start(struct http *h, const struct http_ask *ask, void *user, struct err *e);

/* Runs the network until something has ended, the watched descriptor is readable, a signal came, or `until_ns`. */
void http_step(struct http *h, int64_t until_ns);
/* The next exchange that has ended, or NULL. Valid until http_release(). */
struct http_exchange *http_next(struct http *h, void **user);
const struct http_answer *http_answer(const struct http_exchange *x);
void http_cancel(struct http_exchange *x); /* never waits; releases x */
void http_release(struct http_exchange *x);

/* One more descriptor to wake for. on 0: not now. Returns 1 where it is always readable (a file), else 0. */
int http_watch(struct http *h, int fd, int on);
int http_watched(struct http *h); /* it was readable in the last step; clears */

#endif
