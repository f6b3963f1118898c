/* The parts of lib/call that need no server: Retry-After, back-off, addresses, expectations, requests, the heap, the
 * journal. */
#include "call/address.h"
#include "call/batch.h"
#include "call/due.h"
#include "call/expect.h"
#include "call/journal.h"
#include "call/request.h"
#include "call/retry.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define S ((int64_t)1000000000)

static void
test_retry_after(void)
{
	static const struct {
		const char *value;
		int64_t want; /* seconds; -1: none; -2: forever */
	} cases[] = {
	    {"0", 0}, {"120", 120}, {"007", 7}, {"99999999999999999999", -2}, {"1.5", -1}, {"-5", -1}, {"+5", -1}, {" 5", -1},
	    {"soon", -1}, {"", -1}, {"5 seconds", -1}, {"0x10", -1},
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 0},             /* now is 1994-11-06 08:49:37 */
	    {"Sun, 06 Nov 1994 08:50:37 GMT", 60},
	    {"Sunday, 06-Nov-94 08:50:37 GMT", 60},
	    {"Sun Nov  6 08:50:37 1994", 60},
	    {"Sun, 06 Nov 1994 08:48:37 GMT", 0},
	    {"Mon, 07 Nov 1994 08:49:37 GMT", 86400},
	    {"Fri, 01 Jan 2049 00:00:00 GMT", 1708960223},
	    {"Thu, 29 Feb 1996 08:49:37 GMT", 41472000},
	    {"Sun, 06 Nov 1994 08:50:37 CET", -1},
	    {"Sun, 06 Foo 1994 08:50:37 GMT", -1},
	    {"Sun, 06 Nov 1994 25:50:37 GMT", -1},
	    {"Sun, 06 Nov 1994 08:50:37 GMT x", -1},
	    {"Sun, 06 Nov 99999 08:50:37 GMT", -1},
	};
	const int64_t now = 784111777 * S;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got = retry_after_ns(cases[i].value, now);

		if (cases[i].want == -2)
			ok(got > (int64_t)100 * 365 * 86400 * S / 2 || got > INT64_MAX / 8, "Retry-After \"%s\" is very long", cases[i].value);
		else
			ok(got == (cases[i].want < 0 ? -1 : cases[i].want * S), "Retry-After \"%s\": %lld ns", cases[i].value, (long long)got);
	}
}

static void
test_backoff(void)
{
	struct retry_rules r;
	struct err e = {0};
	int64_t most[8] = {0};
	double mean = 0;

	retry_defaults(&r);
	ok(r.status[503] && r.status[429] && !r.status[404] && !r.status[501], "statuses worth another attempt");
	for (int n = 0; n < 8; n++)
		for (int k = 0; k < 4000; k++) {
			int64_t w = retry_backoff_ns(&r, n);

			most[n] = w > most[n] ? w : most[n];
			mean += n == 3 ? (double)w / 4000 : 0;
		}
	ok(most[0] <= 250000000 && most[0] > 245000000, "the first wait is up to 250 ms: %lld", (long long)most[0]);
	ok(most[3] <= 2 * S && most[3] > 19 * S / 10, "the fourth up to 2 s: %lld", (long long)most[3]);
	ok(most[7] <= 30 * S && most[7] > 29 * S, "none beyond 30 s: %lld", (long long)most[7]);
	ok(mean > 0.95e9 && mean < 1.05e9, "full jitter: half of it in the mean: %.3g", mean);
	ok(retry_parse_statuses(&r, "418,503", &e) == 0 && r.status[418] && !r.status[429], "another list of statuses");
	ok(retry_parse_statuses(&r, "42", &e) < 0 && retry_parse_statuses(&r, "", &e) < 0 && retry_parse_statuses(&r, "503,", &e) < 0, "what is no list");
	ok(retry_parse_budget(&r, "5%", &e) == 0 && r.share == 0.05 && r.floor == 10, "a budget in percent");
	ok(retry_parse_budget(&r, "7", &e) == 0 && r.share == 0 && r.floor == 7, "a budget in retries");
	ok(retry_parse_budget(&r, "none", &e) == 0 && r.floor == 0 && retry_parse_budget(&r, "-1", &e) < 0, "none; and what is no budget");
	ok(retry_method_repeats("GET") && retry_method_repeats("PUT") && !retry_method_repeats("POST") && !retry_method_repeats("PATCH") &&
	   !retry_method_repeats("PURGE"), "methods that may be repeated");
}

static int
public(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return address_is_public((struct sockaddr *)&four, sizeof four);
	if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
		return address_is_public((struct sockaddr *)&six, sizeof six);
	return -1;
}

static void
test_addresses(void)
{
	static const char *const yes[] = {"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255",
	                                  "172.32.0.0", "192.167.1.1", "198.17.255.255", "198.20.0.0", "223.255.255.255",
	                                  "2606:4700::1111", "2a00::1", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::8.8.8.8"};
	static const char *const no[] = {"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.255.255",
	                                 "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1",
	                                 "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::",
	                                 "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
	                                 "2001:db8::1", "2001::1", "2002:7f00:1::1", "2002:a00:1::", "64:ff9b::127.0.0.1", "64:ff9b:1::1", "3fff::1", "100::1"};
	struct sockaddr sa = {.sa_family = AF_UNIX};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		ok(public(yes[i]) == 1, "%s is public", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		ok(public(no[i]) == 0, "%s is not", no[i]);
	ok(!address_is_public(&sa, sizeof sa), "nor is what is no Internet address");
}

static void
test_heap(void)
{
	enum { N = 2000 };
	static struct due_entry x[N];
	struct due d = {0};
	int64_t last = INT64_MIN, count = 0;
	unsigned seed = 1;
	int sorted = 1;

	for (int i = 0; i < N; i++)
		due_set(&d, &x[i], (int64_t)((seed = seed * 1103515245 + 12345) >> 8) % 1000);
	for (int i = 0; i < N; i += 3)
		due_drop(&d, &x[i]);
	for (int i = 1; i < N; i += 3)
		due_set(&d, &x[i], (int64_t)((seed = seed * 1103515245 + 12345) >> 8) % 1000);
	due_drop(&d, &x[0]); /* again: harmless */
	for (struct due_entry *e; (e = due_first(&d)); count++) {
		sorted &= e->at_ns >= last;
		last = e->at_ns;
		due_drop(&d, e);
	}
	ok(sorted && count == N - (N + 2) / 3, "the heap gives %lld entries in order", (long long)count);
	due_free(&d);
}

static void
test_requests(void)
{
	struct err e = {0};
	struct buf b = BUF_INIT;
	struct request *r, *again;
	char *id;
	const char *line = "{\"id\":\"a\",\"url\":\"HTTPS://Example.ORG:443/p?k=v#f\",\"headers\":{\"X\":{\"env\":\"UNIT_SECRET\",\"prefix\":\"Bearer \"}}}";
	const char *same = "{\"headers\":{\"X\":{\"prefix\":\"Bearer \",\"env\":\"UNIT_SECRET\"}}, \"url\":\"HTTPS://Example.ORG:443/p?k=v#f\", \"id\":\"a\"}";

	setenv("UNIT_SECRET", "hush-hush", 1);
	r = request_parse(line, strlen(line), 1, &id, &e);
	again = request_parse(same, strlen(same), 2, &id, &e);
	ok(r && again, "a request: %s", e.msg);
	if (!r || !again)
		return;
	is_text(r->origin, "https://example.org:443", "its origin");
	ok(!strstr(r->shown, "k=v") && strstr(r->shown, "/p"), "its URL without the query: %s", r->shown);
	is_text(r->method, "GET", "its method");
	ok(r->repeatable && r->headers[0].secret, "may be repeated, has a secret");
	is_text(r->headers[0].value, "Bearer hush-hush", "the secret's value");
	ok(r->print == again->print, "the fingerprint does not see the order of fields");
	buf_puts(&b, "x hush-hush, Bearer hush-hush.");
	ok(request_redact(r, &b) == 1, "redacted");
	is_text(b.s, "x [secret], [secret].", "the text");
	buf_clear(&b);
	buf_puts(&b, "nothing here");
	ok(request_redact(r, &b) == 0, "nothing to redact");
	buf_free(&b);
	request_free(r);
	request_free(again);
	ok(!request_parse("{\"id\":\"x\",\"url\":\"ftp://h/\"}", 27, 1, &id, &e) && e.status == ERR_DATA && id && !strcmp(id, "x"), "another scheme: %s", e.msg);
	free(id);
}

static int
expects(const char *rule, const char *body)
{
	struct err e = {0};
	struct json *j = json_parse_text(rule, strlen(rule), &e);
	struct expect *x = expect_new(j, &e);
	int rc = x ? expect_body(x, body, strlen(body), &e) : -2;

	expect_free(x);
	json_free(j);
	return rc;
}

static void
test_expect(void)
{
	ok(expects("{\"path\":\".a.\\\"b c\\\"[0]\"}", "{\"a\":{\"b c\":[0]}}") == 0, "a path with a quoted key; zero is there");
	ok(expects("{\"path\":\".\"}", "0") == 0 && expects("{\"path\":\".\"}", "null") == -1, "the path of the whole");
	ok(expects("{\"path\":\".[1]\"}", "[1]") == -1 && expects("{\"path\":\".[-1]\"}", "[1]") == 0 && expects("{\"path\":\".[-2]\"}", "[1]") == -1, "indices");
	ok(expects("{\"path\":\".a..b\"}", "{}") == -2 && expects("{\"path\":\".a[\"}", "{}") == -2 && expects("{\"path\":\".a]\"}", "{}") == -2, "what is no path");
	ok(expects("{\"json\":true}", "{\"a\":1e400}") != -2, "numbers beyond doubles do not crash");
	ok(expects("{\"json\":true}", "") == -1 && expects("{\"json\":true}", "[1,]") == -1, "what is no JSON");
}

static void
test_journal(void)
{
	char path[] = "/tmp/simcall-unit.XXXXXX";
	int fd = mkstemp(path);
	struct err e = {0};
	struct buf line = BUF_INIT;
	struct journal *j;
	struct journal_entry *x;
	struct stat st;

	close(fd);
	j = journal_open(path, &e);
	ok(j && !journal_began(j, "posted", 7, &e), "a journal: %s", e.msg);
	buf_puts(&line, "{\"v\":1,\"type\":\"result\",\"id\":\"got\",\"ok\":true,\"request\":\"9\"}\n");
	ok(j && !journal_result(j, &line, &e) && !journal_sync(j, &e), "written");
	ok(!journal_open(path, &e) && e.status == ERR_TEMPFAIL, "locked: %s", e.msg);
	journal_close(j);
	fd = open(path, O_WRONLY | O_APPEND);
	ok(write(fd, "{\"v\":1,\"ty", 10) == 10, "torn");
	close(fd);
	j = journal_open(path, &e);
	x = j ? journal_entry(j, "posted") : NULL;
	ok(x && x->began && !x->has_result && x->print == 7, "what began");
	x = j ? journal_entry(j, "got") : NULL;
	ok(x && x->has_result && x->ok && x->print == 9, "what has a result");
	buf_clear(&line);
	ok(x && !journal_read(j, x, &line, &e) && !strcmp(line.s, "{\"v\":1,\"type\":\"result\",\"id\":\"got\",\"ok\":true,\"request\":\"9\"}\n"), "its line");
	x = j ? journal_entry(j, "other") : NULL;
	ok(x && !x->began && !x->has_result, "what is new");
	for (int i = 0; i < 5000; i++) {
		char id[20];

		snprintf(id, sizeof id, "n%d", i);
		journal_entry(j, id)->seen = 1;
	}
	ok(j && journal_entry(j, "n4999")->seen && journal_entry(j, "got")->has_result, "thousands of ids");
	journal_close(j);
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "for its owner alone");
	buf_free(&line);
	unlink(path);
}

int
main(void)
{
	test_retry_after();
	test_backoff();
	test_addresses();
	test_heap();
	test_requests();
	test_expect();
	test_journal();
	return done();
}
