/* http: see http.h, whose numbers are cited. libcurl's multi-socket interface on epoll: a wake-up costs what is ready, not
 * what is open. Tested with 7.88.1, which is Debian 12's. */
#include "call/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clk.h"
#include "base/num.h"
#include "call/address.h"
#include "call/inflate.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or later is needed: CURLOPT_QUICK_EXIT bounds the wait for dead name servers"
#endif

#define HEADER_LIMIT (256 * 1024)
#define CONNECT_DEFAULT_NS ((int64_t)10 * 1000000000)
#define IDLE_SECONDS 30L
#define EVENTS 256

struct http_exchange {
	CURL *easy;
	struct http *h;
	void *user;
	struct http_ask ask;
	struct http_answer answer;
	struct curl_slist *headers;
	char *url, *origin, *first_origin; /* of the current hop; of the request */
	const char *method;                /* a redirect may have made it a GET */
	int drop_body, hops_left;
	int requests;                      /* times libcurl was about to send this hop's request */
	int repeats, private_hit, too_large, sink_failed, bad_length, running, moved;
	int64_t length;                    /* announced; -1: not */
	int64_t read_at;
	size_t header_bytes;
	char coding[48], damage[200];      /* how the body comes packed; why it cannot be unpacked */
	struct inflate *unpack;
	char error[CURL_ERROR_SIZE];
	struct http_exchange *next, *prev; /* of all; done list uses done_next */
	struct http_exchange *done_next;
};

struct http {
	CURLM *multi;
	int epfd, watched, watch_fd;
	int fresh;                         /* connections cannot be used again: see http_new() */
	int64_t timer_ns;                  /* libcurl wants to be called then; -1: not */
	struct http_options o;
	char *ca_file, *agent;
	struct http_exchange *all, *done, **done_tail;
	CURL **idle;                       /* easy handles to use again */
	size_t nidle, idle_cap;
};

const char *
http_error_name(enum http_error e)
{
	static const char *const names[HTTP_ERRORS] = {"ok",        "resolve",  "connect", "tls",     "verify",  "timeout", "broken",
	                                               "closed",    "too_large", "redirect", "private", "request", "local"};

	return names[e];
}

/* --- URLs ---------------------------------------------------------------------------------------------------- */

static char *
url_part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *got = NULL, *copy = NULL;

	if (!curl_url_get(u, what, &got, flags)) {
		copy = strdup(got);
		curl_free(got);
	}
	return copy;
}

static char *
origin_of(CURLU *u)
{
	char *scheme = url_part(u, CURLUPART_SCHEME, 0), *host = url_part(u, CURLUPART_HOST, 0);
	char *port = url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT), *out = NULL;
	struct buf b = BUF_INIT;

	if (scheme && host && port && !buf_printf(&b, "%s://%s:%s", scheme, host, port)) {
		out = b.s;
		for (char *p = out; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p - 'A' + 'a');
	} else {
		buf_free(&b);
	}
	free(scheme);
	free(host);
	free(port);
	return out;
}

static int
is_literal(const char *host)
{
	if (host[0] == '[')
		return 1;
	for (; *host; host++)
		if (*host != '.' && (*host < '0' || *host > '9'))
			return 0;
	return 1;
}

static CURLU *
url_parse(const char *url, struct err *e)
{
	CURLU *u = curl_url();
	CURLUcode rc;
	char *scheme, *user;
	int web;

	if (!u) {
		err_nomem(e);
		return NULL;
	}
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f) {
			err_set(e, ERR_DATA, "the URL has a blank or a control character in it");
			goto bad;
		}
	rc = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
	if (rc) {
		err_set(e, ERR_DATA, "this is no URL: %s", curl_url_strerror(rc));
		goto bad;
	}
	scheme = url_part(u, CURLUPART_SCHEME, 0);
	web = scheme && (!strcasecmp(scheme, "http") || !strcasecmp(scheme, "https"));
	if (!web)
		err_set(e, ERR_DATA, "only http and https are called, not \"%.30s\"", scheme ? scheme : "");
	free(scheme);
	if (!web)
		goto bad;
	user = url_part(u, CURLUPART_USER, 0);
	if (!user)
		user = url_part(u, CURLUPART_PASSWORD, 0);
	if (user) {
		free(user);
		err_set(e, ERR_DATA, "user name and password do not belong into a URL: use a header that refers to them");
		goto bad;
	}
	return u;
bad:
	curl_url_cleanup(u);
	return NULL;
}

int
http_url_check(const char *url, char **origin, char **shown, int *literal, struct err *e)
{
	CURLU *u = url_parse(url, e);
	char *host;
	int rc = 0;

	*origin = *shown = NULL;
	if (!u)
		return -1;
	host = url_part(u, CURLUPART_HOST, 0);
	*literal = host && is_literal(host);
	free(host);
	*origin = origin_of(u);
	curl_url_set(u, CURLUPART_QUERY, NULL, 0);
	curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
	*shown = url_part(u, CURLUPART_URL, 0);
	curl_url_cleanup(u);
	if (!*origin || !*shown) {
		free(*origin);
		free(*shown);
		*origin = *shown = NULL;
		rc = err_nomem(e);
	}
	return rc;
}

/* --- what libcurl calls --------------------------------------------------------------------------------------- */

static void
copy_value(char *out, size_t cap, const char *s, size_t n)
{
	while (n && (*s == ' ' || *s == '\t'))
		s++, n--;
	while (n && (s[n - 1] == '\r' || s[n - 1] == '\n' || s[n - 1] == ' '))
		n--;
	if (n >= cap)
		n = cap - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

static int
is_header(const char *line, size_t n, const char *name)
{
	size_t k = strlen(name);

	return n > k && line[k] == ':' && !strncasecmp(line, name, k);
}

static int
is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* A length that is none, or two that differ, are how answers are smuggled: libcurl takes the last. */
static int
take_length(struct http_exchange *x, const char *s, size_t n)
{
	char text[32];
	int64_t length;

	copy_value(text, sizeof text, s, n);
	if (text[strspn(text, "0123456789")] || num_parse_int(text, 0, INT64_MAX, &length) < 0 || (x->length >= 0 && x->length != length)) {
		x->bad_length = 1;
		return -1;
	}
	x->length = length;
	x->answer.framed = 1;
	return 0;
}

static void
no_coding(struct http_exchange *x)
{
	inflate_free(x->unpack);
	x->unpack = NULL;
	x->coding[0] = x->damage[0] = '\0';
}

/* A body that is packed twice over was never asked for: its two names are none that inflate_new() knows. */
static void
take_coding(struct http_exchange *x, const char *s, size_t n)
{
	size_t k = strlen(x->coding);

	if (k && k + 1 < sizeof x->coding)
		x->coding[k++] = ',';
	copy_value(x->coding + k, sizeof x->coding - k, s, n);
}

static size_t
on_header(char *line, size_t size, size_t count, void *ctx)
{
	struct http_exchange *x = ctx;
	struct http_answer *a = &x->answer;
	size_t n = size * count;

	x->header_bytes += n;
	if (x->header_bytes > HEADER_LIMIT) {
		x->too_large = 1;
		return 0;
	}
	if (n > 5 && !strncmp(line, "HTTP/", 5)) { /* the head of an answer; 1xx may have come before */
		char text[24];

		copy_value(text, sizeof text, line, n);
		a->status = strchr(text, ' ') ? strtol(strchr(text, ' '), NULL, 10) : 0;
		a->content_type[0] = a->retry_after[0] = '\0';
		a->framed = text[5] != '1' || !strcasecmp(x->method, "HEAD") || a->status == 204 || a->status == 304;
		x->moved = 0;
		x->length = -1;
		no_coding(x);
	} else if (is_header(line, n, "content-length")) {
		if (take_length(x, line + 15, n - 15) < 0)
			return 0;
	} else if (is_header(line, n, "transfer-encoding")) {
		a->framed = 1; /* libcurl refuses what it cannot decode */
	} else if (is_header(line, n, "content-encoding")) {
		take_coding(x, line + 17, n - 17);
	} else if (is_header(line, n, "content-type")) {
		copy_value(a->content_type, sizeof a->content_type, line + 13, n - 13);
	} else if (is_header(line, n, "retry-after")) {
		copy_value(a->retry_after, sizeof a->retry_after, line + 12, n - 12);
	} else if (is_header(line, n, "location")) {
		x->moved = 1;
	}
	return n;
}

static int
on_unpacked(void *ctx, const void *p, size_t n)
{
	struct http_exchange *x = ctx;

	x->answer.bytes += (int64_t)n;
	if (x->answer.bytes > x->ask.max_bytes) { /* 6: decoded */
		x->too_large = 1;
		return 1;
	}
	if (x->moved && x->hops_left > 0 && is_redirect(x->answer.status))
		return 0;
	if (x->ask.sink && x->ask.sink(x->ask.sink_ctx, p, n)) {
		x->sink_failed = 1;
		return 1;
	}
	return 0;
}

static size_t
on_body(char *p, size_t size, size_t count, void *ctx)
{
	struct http_exchange *x = ctx;
	size_t n = size * count;
	struct err e = {0};
	int rc = 0;

	if (x->coding[0] && !x->unpack)
		rc = inflate_new(&x->unpack, x->coding, &e);
	if (!rc)
		rc = x->unpack ? inflate_feed(x->unpack, p, n, on_unpacked, x, &e) : on_unpacked(x, p, n);
	if (rc < 0)
		snprintf(x->damage, sizeof x->damage, "%.199s", e.msg);
	return rc ? n + 1 : n;
}

static size_t
on_read(char *p, size_t size, size_t count, void *ctx)
{
	struct http_exchange *x = ctx;
	int64_t left = x->ask.nbody - x->read_at;
	size_t n = size * count;
	ssize_t k;

	if ((int64_t)n > left)
		n = (size_t)left;
	do
		k = pread(x->ask.body_fd, p, n, x->read_at);
	while (k < 0 && errno == EINTR);
	if (k < 0 || (k == 0 && n)) /* gone, or shorter than it was */
		return CURL_READFUNC_ABORT;
	x->read_at += k;
	return (size_t)k;
}

static int
on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct http_exchange *x = ctx;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	x->read_at = offset;
	return CURL_SEEKFUNC_OK;
}

static curl_socket_t
on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct http_exchange *x = ctx;

	(void)purpose;
	if (x->h->o.on_named)
		x->h->o.on_named(x->h->o.ctx, x->user);
	if (x->h->o.public_only && !address_is_public(&addr->addr, (socklen_t)addr->addrlen)) { /* 5 */
		x->private_hit = 1;
		return CURL_SOCKET_BAD;
	}
	return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* Called when the request is about to go out on a connection that is ready. */
static int
on_request(void *ctx, char *ip, char *local_ip, int port, int local_port)
{
	struct http_exchange *x = ctx;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (x->requests) { /* 1: libcurl is repeating it */
		x->repeats = 1;
		return CURL_PREREQFUNC_ABORT;
	}
	x->requests = 1;
	x->answer.sent = 1;
	return CURL_PREREQFUNC_OK;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http *h = ctx;
	struct epoll_event ev = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epfd, EPOLL_CTL_DEL, fd, NULL); /* it may be closed, and so gone, already */
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(h->epfd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) < 0)
		epoll_ctl(h->epfd, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	if (!known)
		curl_multi_assign(h->multi, fd, h);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *ctx)
{
	struct http *h = ctx;

	(void)multi;
	h->timer_ns = ms < 0 ? -1 : clk_boot_ns() + (int64_t)ms * 1000000;
	return 0;
}

/* --- the pool of exchanges --------------------------------------------------------------------------------------- */

struct http *
http_new(const struct http_options *o, struct err *e)
{
	struct http *h = calloc(1, sizeof *h);

	if (!h) {
		err_nomem(e);
		return NULL;
	}
	h->o = *o;
	h->epfd = h->watch_fd = -1;
	h->timer_ns = -1;
	h->done_tail = &h->done;
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		err_set(e, ERR_OS, "libcurl cannot be initialised");
		free(h);
		return NULL;
	}
	/* Before 8.0, HTTP/2 without TLS fails on every connection but a new one (curl issue 10634). */
	h->fresh = o->version == HTTP_2_PRIOR && curl_version_info(CURLVERSION_NOW)->version_num < 0x080000;
	h->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
	h->agent = strdup(o->agent ? o->agent : "simspool/" SIM_VERSION);
	h->epfd = epoll_create1(EPOLL_CLOEXEC);
	h->multi = curl_multi_init();
	if (!h->multi || h->epfd < 0 || !h->agent || (o->ca_file && !h->ca_file)) {
		err_set(e, ERR_OS, "no event loop: memory or descriptors are out");
		http_free(h);
		return NULL;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	if (o->max_connections > 0)
		curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, o->max_connections);
	return h;
}

static void
keep_idle(struct http *h, CURL *easy)
{
	if (h->nidle == h->idle_cap) {
		size_t cap = h->idle_cap ? 2 * h->idle_cap : 64;
		CURL **more = realloc(h->idle, cap * sizeof *more);

		if (!more) {
			curl_easy_cleanup(easy);
			return;
		}
		h->idle = more;
		h->idle_cap = cap;
	}
	h->idle[h->nidle++] = easy;
}

void
http_release(struct http_exchange *x)
{
	struct http *h = x->h;

	if (x->running)
		curl_multi_remove_handle(h->multi, x->easy);
	if (x->prev)
		x->prev->next = x->next;
	else
		h->all = x->next;
	if (x->next)
		x->next->prev = x->prev;
	if (x->easy) {
		curl_easy_reset(x->easy);
		keep_idle(h, x->easy);
	}
	curl_slist_free_all(x->headers);
	inflate_free(x->unpack);
	free(x->url);
	free(x->origin);
	free(x->first_origin);
	free(x);
}

void
http_cancel(struct http_exchange *x)
{
	for (struct http_exchange **p = &x->h->done; *p; p = &(*p)->done_next)
		if (*p == x) {
			if (x->h->done_tail == &x->done_next)
				x->h->done_tail = p;
			*p = x->done_next;
			break;
		}
	http_release(x);
}

void
http_free(struct http *h)
{
	if (!h)
		return;
	while (h->all)
		http_cancel(h->all);
	for (size_t i = 0; i < h->nidle; i++)
		curl_easy_cleanup(h->idle[i]);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	if (h->epfd >= 0)
		close(h->epfd);
	free(h->idle);
	free(h->ca_file);
	free(h->agent);
	free(h);
}

/* --- one exchange ------------------------------------------------------------------------------------------------ */

static int
add_header(struct http_exchange *x, const char *line)
{
	struct curl_slist *more = curl_slist_append(x->headers, line);

	if (!more)
		return -1;
	x->headers = more;
	return 0;
}

static int
set_headers(struct http_exchange *x, int foreign)
{
	struct buf b = BUF_INIT;
	int rc = 0, asked = 0, typed = 0;

	curl_slist_free_all(x->headers);
	x->headers = NULL;
	for (size_t i = 0; i < x->ask.nheaders && !rc; i++) {
		const struct http_header *hd = &x->ask.headers[i];

		if (foreign && (hd->secret || !strcasecmp(hd->name, "Host"))) /* 4; and its name is its own */
			continue;
		asked |= !strcasecmp(hd->name, "Accept-Encoding");
		typed |= !strcasecmp(hd->name, "Content-Type");
		if (x->drop_body && !strcasecmp(hd->name, "Content-Type"))
			continue;
		buf_clear(&b);
		rc = *hd->value ? buf_printf(&b, "%s: %s", hd->name, hd->value) : buf_printf(&b, "%s;", hd->name);
		rc = rc ? -1 : add_header(x, b.s);
	}
	rc = rc ? -1 : add_header(x, "Expect:"); /* no second of waiting for 100 Continue */
	if (!typed) /* libcurl would call any body a form, even none */
		rc = rc ? -1 : add_header(x, "Content-Type:");
	if (!asked)
		rc = rc ? -1 : add_header(x, "Accept-Encoding: " INFLATE_ASKED);
	buf_free(&b);
	curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	return rc;
}

static void
set_body(struct http_exchange *x)
{
	CURL *c = x->easy;
	const struct http_ask *a = &x->ask;

	x->read_at = 0;
	curl_easy_setopt(c, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
	if (!strcmp(x->method, "HEAD")) {
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	} else if (!x->drop_body && a->body_fd >= 0) {
		curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)a->nbody);
		curl_easy_setopt(c, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(c, CURLOPT_READDATA, x);
		curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(c, CURLOPT_SEEKDATA, x);
	} else if (!x->drop_body && (a->body || !strcmp(x->method, "POST") || !strcmp(x->method, "PUT") || !strcmp(x->method, "PATCH"))) {
		curl_easy_setopt(c, CURLOPT_POST, 1L);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, a->body ? a->body : "");
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(a->body ? a->nbody : 0));
	}
	if (strcmp(x->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, x->method);
	else
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, NULL);
}

static void
set_policy(struct http_exchange *x)
{
	static const long versions[] = {[HTTP_AUTO] = CURL_HTTP_VERSION_2TLS,
	                                [HTTP_1] = CURL_HTTP_VERSION_1_1,
	                                [HTTP_2_PRIOR] = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE};
	const struct http_options *o = &x->h->o;
	CURL *c = x->easy;

	curl_easy_setopt(c, CURLOPT_PRIVATE, x);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* 3 */
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https"); /* 4 */
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's answer is not the server's */
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, versions[o->version]);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_USERAGENT, x->h->agent);
	curl_easy_setopt(c, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
	curl_easy_setopt(c, CURLOPT_DNS_CACHE_TIMEOUT, 60L);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, (long)x->h->fresh);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, (long)x->h->fresh);
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 65536L);
	if (x->h->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, x->h->ca_file);
	if (o->public_only)
		curl_easy_setopt(c, CURLOPT_PROXY, ""); /* 5 */
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, x);
}

/* One hop: to x->url, within what is left. */
static int
begin_hop(struct http_exchange *x)
{
	CURL *c = x->easy;
	int64_t connect = x->h->o.connect_ns > 0 ? x->h->o.connect_ns : CONNECT_DEFAULT_NS;
	int64_t left_ms = (x->ask.until_ns - clk_boot_ns() + 999999) / 1000000;

	if (left_ms < 1)
		left_ms = 1;
	if (left_ms > 1000L * 86400 * 20) /* libcurl adds them up in a long of milliseconds; the caller's own clock goes on */
		left_ms = 1000L * 86400 * 20;
	x->requests = 0;
	x->header_bytes = 0;
	x->answer.bytes = 0;
	no_coding(x);
	x->error[0] = '\0';
	curl_easy_setopt(c, CURLOPT_URL, x->url);
	curl_easy_setopt(c, CURLOPT_PIPEWAIT, (long)!strncasecmp(x->url, "https", 5));
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)left_ms);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect / 1000000 > 0 ? connect / 1000000 : 1));
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->ask.max_bytes);
	set_body(x);
	if (set_headers(x, strcmp(x->origin, x->first_origin) != 0) < 0)
		return -1;
	if (curl_multi_add_handle(x->h->multi, c))
		return -1;
	x->running = 1;
	return 0;
}

struct http_exchange *
http_start(struct http *h, const struct http_ask *ask, void *user, struct err *e)
{
	struct http_exchange *x = calloc(1, sizeof *x);
	CURLU *u = url_parse(ask->url, e);

	if (!x || !u)
		goto bad;
	x->h = h;
	x->user = user;
	x->ask = *ask;
	x->method = ask->method;
	x->hops_left = ask->redirects;
	x->next = h->all;
	if (h->all)
		h->all->prev = x;
	h->all = x;
	x->url = strdup(ask->url);
	x->origin = origin_of(u);
	x->first_origin = x->origin ? strdup(x->origin) : NULL;
	x->easy = h->nidle ? h->idle[--h->nidle] : curl_easy_init();
	curl_url_cleanup(u);
	if (!x->easy || !x->url || !x->origin || !x->first_origin) {
		err_nomem(e);
		http_release(x);
		return NULL;
	}
	set_policy(x);
	if (begin_hop(x) < 0) {
		err_set(e, ERR_OS, "the exchange cannot be started");
		http_release(x);
		return NULL;
	}
	return x;
bad:
	if (!x)
		err_nomem(e);
	if (u)
		curl_url_cleanup(u);
	free(x);
	return NULL;
}

/* --- its end ---------------------------------------------------------------------------------------------------- */

static enum http_error
classify(const struct http_exchange *x, CURLcode rc)
{
	static const struct {
		CURLcode code;
		enum http_error is;
	} table[] = {
	    {CURLE_OK, HTTP_OK},
	    {CURLE_COULDNT_RESOLVE_HOST, HTTP_RESOLVE},
	    {CURLE_COULDNT_RESOLVE_PROXY, HTTP_RESOLVE},
	    {CURLE_COULDNT_CONNECT, HTTP_CONNECT},
	    {CURLE_PROXY, HTTP_CONNECT},
	    {CURLE_INTERFACE_FAILED, HTTP_CONNECT},
	    {CURLE_OPERATION_TIMEDOUT, HTTP_TIMEOUT},
	    {CURLE_SSL_CONNECT_ERROR, HTTP_TLS},
	    {CURLE_PEER_FAILED_VERIFICATION, HTTP_VERIFY},
	    {CURLE_SSL_ISSUER_ERROR, HTTP_VERIFY},
	    {CURLE_SSL_INVALIDCERTSTATUS, HTTP_VERIFY},
	    {CURLE_SSL_CACERT_BADFILE, HTTP_LOCAL},
	    {CURLE_SSL_CERTPROBLEM, HTTP_LOCAL},
	    {CURLE_SSL_ENGINE_INITFAILED, HTTP_LOCAL},
	    {CURLE_FILESIZE_EXCEEDED, HTTP_TOO_LARGE},
	    {CURLE_URL_MALFORMAT, HTTP_REQUEST},
	    {CURLE_BAD_FUNCTION_ARGUMENT, HTTP_REQUEST},
	    {CURLE_GOT_NOTHING, HTTP_CLOSED},
	    {CURLE_OUT_OF_MEMORY, HTTP_LOCAL},
	    {CURLE_FAILED_INIT, HTTP_LOCAL},
	    {CURLE_READ_ERROR, HTTP_LOCAL},
	};

	if (x->private_hit && rc)
		return HTTP_PRIVATE;
	if (x->too_large)
		return HTTP_TOO_LARGE;
	if (x->sink_failed || rc == CURLE_WRITE_ERROR)
		return x->sink_failed ? HTTP_LOCAL : HTTP_BROKEN;
	if (x->repeats)
		return HTTP_CLOSED;
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return HTTP_LOCAL; /* on_read: the file of the body */
	if (rc == CURLE_OK && x->unpack && !inflate_whole(x->unpack))
		return HTTP_BROKEN;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].code == rc)
			return table[i].is;
	return HTTP_BROKEN;
}

static const char *
phase_of(const struct http_exchange *x)
{
	curl_off_t named = 0, connected = 0;

	curl_easy_getinfo(x->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
	curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &connected);
	if (!x->answer.sent)
		return !named ? "looking up the name" : connected ? "in the TLS handshake" /* which libcurl 7.88 counts as connecting */
		     : strncmp(x->origin, "https:", 6) ? "connecting" : "connecting or in the TLS handshake";
	if (!x->answer.status)
		return "waiting for an answer";
	return x->answer.bytes ? "in the body" : "in the headers or before the body";
}

static void
explain(struct http_exchange *x, CURLcode rc)
{
	struct http_answer *a = &x->answer;
	const char *curl = rc == CURLE_OK ? "the compressed body is cut short" : x->error[0] ? x->error : curl_easy_strerror(rc);
	size_t n = sizeof a->reason;

	switch (a->error) {
	case HTTP_OK: a->reason[0] = '\0'; break;
	case HTTP_TIMEOUT: snprintf(a->reason, n, "no answer in time: time ran out %s", phase_of(x)); break;
	case HTTP_PRIVATE: snprintf(a->reason, n, "refused: the address is private or loopback"); break;
	case HTTP_TOO_LARGE: snprintf(a->reason, n, "larger than the limit of %lld bytes", (long long)x->ask.max_bytes); break;
	case HTTP_BROKEN:
		snprintf(a->reason, n, "%s", x->bad_length ? "the Content-Length is none, or there are two" : x->damage[0] ? x->damage : curl);
		break;
	case HTTP_CLOSED: snprintf(a->reason, n, "the connection was closed before an answer"); break;
	case HTTP_LOCAL:
		snprintf(a->reason, n, "%s", x->sink_failed ? "the body cannot be stored" : rc == CURLE_ABORTED_BY_CALLBACK
		         ? "the file of the request's body cannot be read to its end" : curl);
		break;
	default: snprintf(a->reason, n, "%s", curl); break;
	}
	if (x->header_bytes > HEADER_LIMIT)
		snprintf(a->reason, n, "headers larger than the limit of %d bytes", HEADER_LIMIT);
}

static void
measure(struct http_exchange *x)
{
	static const struct {
		CURLINFO what;
		size_t where;
	} times[] = {{CURLINFO_NAMELOOKUP_TIME, offsetof(struct http_answer, named_s)},
	             {CURLINFO_CONNECT_TIME, offsetof(struct http_answer, connected_s)},
	             {CURLINFO_STARTTRANSFER_TIME, offsetof(struct http_answer, first_byte_s)},
	             {CURLINFO_TOTAL_TIME, offsetof(struct http_answer, total_s)}};
	long version = 0, fresh = 0;

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		curl_easy_getinfo(x->easy, times[i].what, (double *)(void *)((char *)&x->answer + times[i].where));
	curl_easy_getinfo(x->easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &fresh);
	x->answer.version = version == CURL_HTTP_VERSION_2_0 ? 20 : version == CURL_HTTP_VERSION_3 ? 30
	                  : version == CURL_HTTP_VERSION_1_0 ? 10 : version == CURL_HTTP_VERSION_1_1 ? 11 : 0;
	x->answer.reused = x->answer.sent && (!fresh || x->repeats); /* repeating, libcurl connects anew */
}

/* 4. 1: the next hop is on its way; 0: this answer is the last. */
static int
follow(struct http_exchange *x)
{
	struct http_answer *a = &x->answer;
	char *to = NULL, *url, *origin;
	CURLU *u;
	struct err e;

	if (x->ask.redirects <= 0 || a->error != HTTP_OK || !is_redirect(a->status) || !x->moved)
		return 0;
	a->error = HTTP_REDIRECT;
	if (x->hops_left-- == 0) {
		snprintf(a->reason, sizeof a->reason, "more than %d redirects", x->ask.redirects);
		return 0;
	}
	curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to || !(u = url_parse(to, &e))) {
		snprintf(a->reason, sizeof a->reason, "redirected to where it may not go: %.200s", to ? e.msg : "no target");
		return 0;
	}
	origin = origin_of(u);
	url = strdup(to);
	curl_url_cleanup(u);
	if (!origin || !url || (!strncmp(x->origin, "https:", 6) && strncmp(origin, "https:", 6))) {
		snprintf(a->reason, sizeof a->reason, "redirected from https to http");
		free(origin);
		free(url);
		return 0;
	}
	free(x->url);
	free(x->origin);
	x->url = url;
	x->origin = origin;
	if (a->status == 303 ? strcmp(x->method, "HEAD") != 0 : a->status < 303 && !strcmp(x->method, "POST")) {
		x->method = "GET"; /* RFC 9110, 15.4: what clients do */
		x->drop_body = 1;
	}
	a->error = HTTP_OK;
	if (begin_hop(x) < 0) {
		a->error = HTTP_LOCAL;
		snprintf(a->reason, sizeof a->reason, "the redirect cannot be followed: memory is out");
		return 0;
	}
	return 1;
}

static void
harvest(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_exchange *x;
		char *p = NULL;
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
		x = (struct http_exchange *)(void *)p;
		x->answer.error = classify(x, rc);
		explain(x, rc);
		measure(x);
		curl_multi_remove_handle(h->multi, x->easy);
		x->running = 0;
		if (follow(x))
			continue;
		x->done_next = NULL;
		*h->done_tail = x;
		h->done_tail = &x->done_next;
	}
}

void
http_step(struct http *h, int64_t until_ns)
{
	struct epoll_event ev[EVENTS];
	int64_t now = clk_boot_ns(), due = until_ns;
	int running, n, ms;

	if (h->timer_ns >= 0 && h->timer_ns < due)
		due = h->timer_ns;
	if (h->done)
		due = now;
	ms = due <= now ? 0 : due - now > (int64_t)60000 * 1000000 ? 60000 : (int)((due - now + 999999) / 1000000);
	n = epoll_wait(h->epfd, ev, EVENTS, ms);
	for (int i = 0; i < n; i++) {
		int mask = 0;

		if (ev[i].data.fd == h->watch_fd) {
			h->watched = 1;
			continue;
		}
		if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
			mask |= CURL_CSELECT_IN;
		if (ev[i].events & EPOLLOUT)
			mask |= CURL_CSELECT_OUT;
		if (ev[i].events & EPOLLERR)
			mask |= CURL_CSELECT_ERR;
		curl_multi_socket_action(h->multi, ev[i].data.fd, mask, &running);
	}
	if (h->timer_ns >= 0 && clk_boot_ns() >= h->timer_ns) {
		h->timer_ns = -1;
		curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	harvest(h);
}

struct http_exchange *
http_next(struct http *h, void **user)
{
	struct http_exchange *x = h->done;

	if (!x)
		return NULL;
	h->done = x->done_next;
	if (!h->done)
		h->done_tail = &h->done;
	*user = x->user;
	return x;
}

const struct http_answer *
http_answer(const struct http_exchange *x)
{
	return &x->answer;
}

int
http_watch(struct http *h, int fd, int on)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (!on) {
		if (h->watch_fd == fd)
			epoll_ctl(h->epfd, EPOLL_CTL_DEL, fd, NULL);
		h->watch_fd = -1;
		h->watched = 0;
		return 0;
	}
	if (h->watch_fd == fd)
		return 0;
	if (epoll_ctl(h->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return 1; /* EPERM: a regular file */
	h->watch_fd = fd;
	return 0;
}

int
http_watched(struct http *h)
{
	int was = h->watched;

	h->watched = 0;
	return was;
}
